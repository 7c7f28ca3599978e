package main

import (
	"log/slog"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/database"
)

// databaseCommand runs beside the Jobs of backups and restores, in the database's
// image, until they have ended.
func databaseCommand() *cobra.Command {
	return &cobra.Command{
		Use:   jobs.DatabasePrograms,
		Short: "Run PostgreSQL's programs for a backup or restore",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM)
			defer stop()
			log := slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), nil))
			return database.Serve(ctx, jobs.DatabaseDir, jobs.PipeDir+"/"+jobs.PipeFile, log)
		},
	}
}
