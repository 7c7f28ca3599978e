package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/banhbaoring/banhbaoring/cmd/internal/input"
	"github.com/banhbaoring/banhbaoring/render"
)

// addFileFlag adds -f to a command.
func addFileFlag(cmd *cobra.Command, files *[]string) {
	cmd.Flags().StringArrayVarP(files, "filename", "f", nil, "file, folder (recursively) or - for standard input; may be repeated")
}

// load reads the given files and prints warnings.
func load(cmd *cobra.Command, files []string) (*render.Input, error) {
	return loadBy(cmd, files, render.Load)
}

// loadBy is load, by a loader that may differ from render's.
func loadBy(cmd *cobra.Command, files []string, load func(...render.Source) (*render.Input, error)) (*render.Input, error) {
	if len(files) == 0 {
		return nil, usagef("give the spec with -f FILE, -f FOLDER or -f -")
	}
	sources, notes, err := input.Read(cmd.InOrStdin(), files, "")
	if err != nil {
		return nil, err
	}
	note(cmd, notes)
	in, err := load(sources...)
	if err != nil {
		return in, err
	}
	warn(cmd, in)
	return in, nil
}

func warn(cmd *cobra.Command, in *render.Input) {
	hide := hider()
	for _, w := range in.Warnings {
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s\n", hidden(hide, w).Error())
	}
}

func note(cmd *cobra.Command, notes []string) {
	for _, n := range notes {
		fmt.Fprintf(cmd.ErrOrStderr(), "note: %s\n", n)
	}
}
