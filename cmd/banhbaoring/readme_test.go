package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/banhbaoring/banhbaoring/diff"
	"github.com/banhbaoring/banhbaoring/golden"
)

// The sample of a diff in README is what is printed of the change that it names, up to
// where it leaves off.
func TestTheSampleInREADMEIsWhatDiffPrints(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(golden.Root(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	const begin = "$ banhbaoring diff main HEAD\n"
	_, sample, ok := strings.Cut(string(readme), begin)
	sample, _, ends := strings.Cut(sample, "\n…\n```")
	if !ok || !ends {
		t.Fatal("README has no sample")
	}
	of := func(version string) string {
		return folderOf(t, map[string]string{"spec.yaml": hiddenSpec + "  openbao: {version: " + version + ", autoUnseal: {provider: static}}\n"})
	}
	cmd := &cobra.Command{}
	cmd.SetContext(context.Background())
	cmd.SetErr(new(strings.Builder))
	base, head, err := new(diffOptions).sides(cmd, of("2.7.1"), of("2.6.2"))
	if err != nil {
		t.Fatal(err)
	}
	base.Name, head.Name = "main", "HEAD"
	r, err := diff.Compare(base, head, diff.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Text(diff.TextOptions{Width: 100}); !strings.HasPrefix(got, sample+"\n") {
		t.Errorf("README says\n%s\nand diff\n%s", sample, got)
	}
}
