package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Whoever asks for help gets an example. What runs inside the cluster alone
// needs none.
func TestHelpHasExamples(t *testing.T) {
	var each func(*cobra.Command)
	each = func(cmd *cobra.Command) {
		if cmd.Name() == "job" || cmd.Name() == "completion" || cmd.Name() == "help" {
			return
		}
		if len(cmd.Commands()) == 0 || cmd.Parent() == nil {
			if !strings.Contains(cmd.Example, "banhbaoring ") {
				t.Errorf("%s has none", cmd.CommandPath())
			}
			for line := range strings.Lines(cmd.Example) {
				if !strings.HasPrefix(line, "  ") {
					t.Errorf("%s: %q is not indented", cmd.CommandPath(), line)
				}
			}
		}
		for _, c := range cmd.Commands() {
			each(c)
		}
	}
	each(rootCommand())
}
