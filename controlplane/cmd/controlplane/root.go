package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/banhbaoring/banhbaoring/controlplane/signer"
)

// execute runs a command line and returns its exit code: 1 where the work failed, 2
// where the command line is wrong.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	began := false
	root := &cobra.Command{
		Use: "controlplane", Short: "The programs between OpenBao and those who use it",
		SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		PersistentPreRun:  func(*cobra.Command, []string) { began = true },
	}
	root.AddCommand(newSigner(), newVersion())
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(stderr, "controlplane: %v\n", err)
		if began {
			return 1
		}
		return 2
	}
	return 0
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "controlplane", signer.Version)
			return err
		},
	}
}

func newSigner() *cobra.Command {
	c := signer.Default()
	cmd := &cobra.Command{
		Use: "signer", Short: "Sign for rollups' clients, by the policies of their keys in OpenBao", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return signer.Run(cmd.Context(), c, slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), nil)))
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&c.OpenBao, "openbao", nil, "addresses of all OpenBao nodes, https://")
	f.StringVar(&c.OpenBaoCA, "openbao-ca", "", "file with the authority of their certificates")
	f.StringVar(&c.AuthMount, "auth-mount", c.AuthMount, "mount of OpenBao's auth method for service accounts")
	f.StringVar(&c.Role, "role", c.Role, "the signer's role there")
	f.StringVar(&c.TokenFile, "token-file", c.TokenFile, "file with the service account's token")
	f.StringVar(&c.EngineMount, "engine-mount", c.EngineMount, "mount of the secrets engine in tenants' namespaces")
	f.StringVar(&c.Namespaces, "namespace-prefix", c.Namespaces, "prefix that makes a tenant's namespace of its name")
	f.StringVar(&c.ListenKey, "listen-key", c.ListenKey, "address for clients with API keys")
	f.StringVar(&c.ListenMTLS, "listen-mtls", c.ListenMTLS, "address for clients with certificates")
	f.StringVar(&c.ListenMetrics, "listen-metrics", c.ListenMetrics, "address for Prometheus and probes, without TLS")
	f.StringVar(&c.Certificate, "tls-cert", "", "file with the certificate that clients are shown")
	f.StringVar(&c.Key, "tls-key", "", "file with its key")
	f.StringVar(&c.ClientCA, "client-ca", "", "file with the authority of clients' certificates")
	f.DurationVar(&c.Deadline, "deadline", c.Deadline, "time within which each request is answered")
	f.DurationVar(&c.Drain, "drain", c.Drain, "time between not being ready any more and taking no more requests")
	return cmd
}
