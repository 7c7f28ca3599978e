package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/exporter"
)

func exporterCommand() *cobra.Command {
	var address string
	var volumes []string
	cmd := &cobra.Command{
		Use:   jobs.Exporter,
		Short: "Tell Prometheus of Jobs, backups, certificates and volumes",
		Long: `Tell Prometheus of Jobs, backups, certificates and volumes, as the
configuration in ` + jobs.ConfigDir + ` says. With --volume there is no
configuration: it tells of the given volumes alone, and asks nobody.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := newExporter(volumes)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), address, e)
		},
	}
	cmd.Flags().StringVar(&address, "listen", fmt.Sprintf(":%d", jobs.ExporterPort), "address that it answers at")
	cmd.Flags().StringArrayVar(&volumes, "volume", nil, "NAME=PATH of a volume that it measures; may be repeated")
	return cmd
}

func newExporter(volumes []string) (*exporter.Exporter, error) {
	e := &exporter.Exporter{Log: slog.New(slog.NewJSONHandler(os.Stderr, nil))}
	for _, volume := range volumes {
		name, path, ok := strings.Cut(volume, "=")
		if !ok || name == "" || path == "" {
			return nil, usagef("--volume wants NAME=PATH (got %q)", volume)
		}
		e.Config.Volumes = append(e.Config.Volumes, jobs.Volume{Name: name, Path: path})
	}
	if len(volumes) > 0 {
		return e, nil
	}
	text, err := os.ReadFile(filepath.Join(jobs.ConfigDir, jobs.ConfigFile))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &e.Config); err != nil {
		return nil, fmt.Errorf("%s: %w", jobs.ConfigFile, err)
	}
	e.Kubernetes, err = exporter.InCluster(e.Config.Namespace)
	return e, err
}

// serve answers until the pod is told to end.
func serve(ctx context.Context, address string, handler http.Handler) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}
