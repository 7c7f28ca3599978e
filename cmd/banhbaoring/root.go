package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/diff"
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
		fmt.Fprintf(stderr, "error: %s\nhint: see `banhbaoring --help`\n", hider().Message(err.Error()))
		return exitUsage
	}
	printError(stderr, err)
	return exitFault
}

// printError prints an error; faults in documents stand on their own, so that
// editors find their places.
func printError(stderr io.Writer, err error) {
	hide := hider()
	var faults strict.Faults
	if !errors.As(err, &faults) {
		fmt.Fprintf(stderr, "error: %s\n", hide.Message(err.Error()))
		return
	}
	for _, f := range faults {
		fmt.Fprintln(stderr, hidden(hide, f).Error())
	}
}

// hider takes secrets out of messages, which CI keeps and shows to many. Its
// fingerprints say nothing: nobody has the key.
func hider() diff.Fingerprint {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	return diff.NewFingerprint(key)
}

// hidden is a fault without the secrets that it repeats of the input.
func hidden(hide diff.Fingerprint, f strict.Fault) strict.Fault {
	f.Path, f.Message, f.Hint = hide.Path(f.Path), hide.Message(f.Message), hide.Message(f.Hint)
	return f
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "banhbaoring",
		Short: "Render a key-management stack from one YAML file",
		Example: `  banhbaoring validate -f cluster.yaml
  banhbaoring render -f cluster.yaml
  banhbaoring apply -f cluster.yaml`,
		Version:       v1.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q%s", args[0], didYouMean(args[0], verbs(cmd)))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(flagError)
	root.SetVersionTemplate("banhbaoring {{.Version}}\n")
	root.AddCommand(
		renderCommand(), validateCommand(), defaultsCommand(), imagesCommand(), diffCommand(), applyCommand(), statusCommand(), uninstallCommand(), keysCommand(),
		crdsCommand(), cmpCommand(), fluxCommand(), postRenderCommand(), krmCommand(), chartCommand(), backupCommand(), recoveryCommand(), jobCommand(), versionCommand(), manCommand(),
	)
	completeValues(root)
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
