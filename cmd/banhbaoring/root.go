package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// Exit codes.
const (
	exitDone  = 0
	exitFault = 1 // the input or the work is at fault
	exitUsage = 2
)

// usageError is a command line that is wrong.
type usageError struct{ error }

// exit ends a command with a code of its own; without an error, nothing is said.
type exit struct {
	error
	code int
}

func (e exit) Error() string {
	if e.error == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.error.Error()
}

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := rootCommand()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	var end exit
	if errors.As(err, &end) {
		if end.error != nil {
			printError(stderr, end.error)
		}
		return end.code
	}
	var usage usageError
	if errors.As(err, &usage) {
		fmt.Fprintf(stderr, "error: %v\nhint: see `banhbaoring --help`\n", err)
		return exitUsage
	}
	printError(stderr, err)
	return exitFault
}

// printError prints an error; faults in documents stand on their own, so that
// editors find their places.
func printError(stderr io.Writer, err error) {
	var faults strict.Faults
	if !errors.As(err, &faults) {
		fmt.Fprintf(stderr, "error: %v\n", err)
		return
	}
	for _, f := range faults {
		fmt.Fprintln(stderr, f.Error())
	}
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "banhbaoring",
		Short:         "Render a key-management stack from one YAML file",
		Version:       v1.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.SetVersionTemplate("banhbaoring {{.Version}}\n")
	root.AddCommand(
		renderCommand(), validateCommand(), defaultsCommand(), imagesCommand(), diffCommand(),
		crdsCommand(), cmpCommand(), fluxCommand(), postRenderCommand(), krmCommand(), chartCommand(), backupCommand(), jobCommand(), versionCommand(),
	)
	root.InitDefaultCompletionCmd()
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		completion.Args = nil
		completion.RunE = func(*cobra.Command, []string) error {
			return usagef("completion wants a shell: bash, zsh, fish or powershell")
		}
	}
	return root
}

// noArgs refuses arguments with the usage exit code.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no arguments (got %q)", cmd.CommandPath(), args[0])
	}
	return nil
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "banhbaoring %s\n", v1.Version)
			return err
		},
	}
}
