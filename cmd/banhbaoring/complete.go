package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/banhbaoring/banhbaoring/diff"
	"github.com/banhbaoring/banhbaoring/render"
)

// flagValues are the values that a shell completes, by flag, of the commands
// that have it; a command's own come first.
var flagValues = map[string]func() []string{
	"stage":      render.StageNames,
	"until":      render.StageNames,
	"fail-on":    classes,
	"color":      func() []string { return []string{"auto", "always", "never"} },
	"format":     func() []string { return []string{"text", "markdown", "json", "html"} },
	formatFlag:   func() []string { return formats },
	"source":     func() []string { return []string{"GitRepository/", "OCIRepository/", "Bucket/"} },
	"repository": func() []string { return []string{"https://openbao.github.io/openbao-helm"} },
	"interval":   func() []string { return []string{"1m", "5m", "10m", "1h"} },
	"timeout":    func() []string { return []string{"5m", "10m", "30m", "1h"} },
}

func classes() []string {
	names := make([]string, len(diff.Classes))
	for i, c := range diff.Classes {
		names[i] = string(c)
	}
	return names
}

// completeValues lets shells complete what flags take.
func completeValues(cmd *cobra.Command) {
	for name, values := range flagValues {
		f := cmd.Flags().Lookup(name)
		if f == nil || values == nil || name == formatFlag && f.Usage != formatUsage {
			continue
		}
		// It fails only where a flag has completions already, which stay.
		_ = cmd.RegisterFlagCompletionFunc(name, func(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
			var fitting []string
			for _, v := range values() {
				if strings.HasPrefix(v, begun) {
					fitting = append(fitting, v)
				}
			}
			return fitting, cobra.ShellCompDirectiveNoFileComp
		})
	}
	for _, c := range cmd.Commands() {
		completeValues(c)
	}
}
