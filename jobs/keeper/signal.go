package keeper

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// Reload sends SIGHUP to the OpenBao server among the processes under proc,
// upon which it reads its certificate again. It is false where there is none to
// be seen: the pod's containers do not share their processes.
func Reload(proc string) (bool, error) {
	pid, err := server(proc)
	if err != nil || pid == 0 {
		return false, err
	}
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		return false, fmt.Errorf("signal the server, process %d: %w", pid, err)
	}
	return true, nil
}

// server is the process `bao server`, or 0. Its name and arguments can be read
// where its executable cannot, which the capability to lock memory hides.
func server(proc string) (int, error) {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		line, err := os.ReadFile(filepath.Join(proc, e.Name(), "cmdline"))
		if err != nil {
			continue // it has ended
		}
		if args := bytes.Split(line, []byte{0}); len(args) > 1 && filepath.Base(string(args[0])) == "bao" && string(args[1]) == "server" {
			return pid, nil
		}
	}
	return 0, nil
}
