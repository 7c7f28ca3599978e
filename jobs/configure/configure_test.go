package configure

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

func TestWhatOpenBaoAnswersEqualsWhatWasWritten(t *testing.T) {
	have := map[string]any{"n": json.Number("3"), "b": true, "l": []any{"a", "b"}, "e": []any{}, "more": 1}
	for name, c := range map[string]struct {
		want map[string]any
		same bool
	}{
		"equal":         {map[string]any{"n": 3, "b": true, "l": []string{"a", "b"}, "e": []string{}}, true},
		"number":        {map[string]any{"n": 4}, false},
		"bool":          {map[string]any{"b": false}, false},
		"list":          {map[string]any{"l": []string{"a"}}, false},
		"order":         {map[string]any{"l": []string{"b", "a"}}, false},
		"missing":       {map[string]any{"x": "y"}, false},
		"another value": {map[string]any{"e": []string{"a"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := holds(have, c.want); got != c.same {
				t.Errorf("%v, want %v", got, c.same)
			}
		})
	}
}

func TestOnlyTheNamedBinaryWillDo(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "plugin")
	if err := os.WriteFile(binary, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	const sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // FIPS 180-4's example
	for _, wanted := range []string{"", sum, strings.ToUpper(sum)} {
		if got, err := checksum(jobs.PluginConfig{Binary: binary, SHA256: wanted}); err != nil || got != sum {
			t.Errorf("%q: %s, %v", wanted, got, err)
		}
	}
	_, err := checksum(jobs.PluginConfig{Binary: binary, SHA256: strings.Repeat("0", 64)})
	if run.Code(err) != run.CodeByHand {
		t.Errorf("another binary: %v", err)
	}
}
