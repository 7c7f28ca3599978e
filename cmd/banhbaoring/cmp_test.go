package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Argo CD ends a request that is too slow with SIGTERM. The command hears it
// even while a read blocks, prints nothing, and says whose it was.
func TestCMPEndsWhenItIsTold(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "slow.yaml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("banhbaoring", "cmp", "generate")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "ARGOCD_APP_NAME=slow")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	writer, err := os.OpenFile(pipe, os.O_WRONLY, 0) // returns once the command reads
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("it ended well")
	}
	if want := "error: application slow: stopped before it was done"; cmd.ProcessState.ExitCode() != exitFault || !strings.HasPrefix(stderr.String(), want) {
		t.Errorf("exit code %d: %s", cmd.ProcessState.ExitCode(), stderr.String())
	}
	if stdout.Len() > 0 {
		t.Errorf("printed %d bytes", stdout.Len())
	}
}
