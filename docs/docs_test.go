package docs_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/banhbaoring/banhbaoring/docs"
)

func TestBlocks(t *testing.T) {
	page := "# A page\n\n```sh test\none\ntwo\n```\n\n```sh\nnot run\n```\n\n```sh e2e\nthree\n```\n"
	if d := cmp.Diff([]docs.Block{{Line: 4, Text: "one\ntwo\n"}}, docs.Blocks(page, "test")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]docs.Block{{Line: 13, Text: "three\n"}}, docs.Blocks(page, "e2e")); d != "" {
		t.Error(d)
	}
}
