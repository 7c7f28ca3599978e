package main

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

const (
	formatFlag  = "output"
	formatUsage = "json or yaml; text for people when absent"
)

var formats = []string{"json", "yaml"}

// addFormatFlag adds -o to a command whose result programs read too.
func addFormatFlag(cmd *cobra.Command, format *string) {
	cmd.Flags().StringVarP(format, formatFlag, "o", "", formatUsage)
}

func checkFormat(format string) error {
	if format != "" && !slices.Contains(formats, format) {
		return usagef("unknown --output %q: must be %s%s", format, strings.Join(formats, " or "), didYouMean(format, formats))
	}
	return nil
}

// printAs prints a result as JSON or YAML, which checkFormat let through.
func printAs(cmd *cobra.Command, format string, result any) error {
	text, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return err
	}
	if format == "yaml" {
		if text, err = yaml.JSONToYAML(text); err != nil {
			return err
		}
	} else {
		text = append(text, '\n')
	}
	_, err = cmd.OutOrStdout().Write(text)
	return err
}
