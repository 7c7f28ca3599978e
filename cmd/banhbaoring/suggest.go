package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/banhbaoring/banhbaoring/render/strict"
)

// didYouMean is a hint that names the word that was probably meant, or nothing.
func didYouMean(word string, known []string) string {
	if meant := strict.Nearest(word, known); meant != "" {
		return "\nhint: did you mean " + meant + "?"
	}
	return ""
}

// verbs are the names of a command's subcommands.
func verbs(cmd *cobra.Command) []string {
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}

// wantsVerb ends a command that does nothing without one of its subcommands.
func wantsVerb(cmd *cobra.Command, args []string) error {
	names := verbs(cmd)
	if len(args) == 0 {
		return usagef("%s wants a subcommand: %s", cmd.Name(), strings.Join(names, ", "))
	}
	return usagef("there is no %s %s: must be %s%s", cmd.Name(), args[0], strings.Join(names, ", "), didYouMean(args[0], names))
}

var unknownFlag = regexp.MustCompile(`^unknown flag: --([\w-]+)$`)

// flagError names the flag that was probably meant.
func flagError(cmd *cobra.Command, err error) error {
	found := unknownFlag.FindStringSubmatch(err.Error())
	if found == nil {
		return usageError{err}
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	return usageError{fmt.Errorf("%w%s", err, didYouMean("--"+found[1], names))}
}
