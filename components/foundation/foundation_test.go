package foundation_test

import (
	"testing"

	"github.com/banhbaoring/banhbaoring/components/foundation"
	"github.com/banhbaoring/banhbaoring/golden"
)

func TestFoundation(t *testing.T) {
	golden.Component(t, foundation.Component(), "default", "")
}
