package keeper

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// Server is the process `bao server` among those under proc, or 0 where there is
// none to be seen: it has ended, or the pod's containers do not share their
// processes. Its name and arguments can be read where its executable cannot, which
// the capability to lock memory hides.
func Server(proc string) (int, error) {
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
