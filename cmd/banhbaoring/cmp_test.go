package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/banhbaoring/banhbaoring/plugin"
)

// Argo CD ends a request that is too slow with SIGTERM, which ends the command's
// context. The command hears it even while the work blocks, prints nothing, and
// says whose it was.
func TestCMPEndsWhenItIsTold(t *testing.T) {
	t.Setenv("ARGOCD_APP_NAME", "slow")
	ctx, cancel := context.WithCancelCause(context.Background())
	var stdout bytes.Buffer
	cmd := &cobra.Command{}
	cmd.SetContext(ctx)
	cmd.SetOut(&stdout)
	release := make(chan struct{})
	defer close(release)
	err := forApplication(cmd, func(plugin.Application) ([]byte, error) {
		cancel(errors.New("terminated"))
		<-release
		return []byte("too late"), nil
	})
	if want := "application slow: stopped before it was done"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	if stdout.Len() > 0 {
		t.Errorf("printed %q", stdout.String())
	}
}
