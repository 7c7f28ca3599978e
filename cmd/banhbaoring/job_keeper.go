package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/keeper"
)

func keeperCommand() *cobra.Command {
	return &cobra.Command{
		Use:   jobs.Keeper,
		Short: "Keep an OpenBao server unsealed, and its certificate fresh: a sidecar",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			host, err := os.Hostname()
			if err != nil {
				return err
			}
			// It does next to nothing, in every pod.
			debug.SetGCPercent(25)
			keeper.Run(cmd.Context(), keeper.Options{
				Address: fmt.Sprintf("127.0.0.1:%d", jobs.OpenBaoPort),
				// The name that its peers join it by: any certificate covers it.
				ServerName: host + "." + jobs.OpenBaoInternal,
				TLSDir:     jobs.OpenBaoTLSDir,
				KeysFile:   filepath.Join(jobs.KeysDir, jobs.KeyUnseal),
				Interval:   time.Second,
				Process:    func() (int, error) { return keeper.Server("/proc") },
				Log:        jobLog(cmd.ErrOrStderr(), jobs.Keeper),
			})
			return nil
		},
	}
}
