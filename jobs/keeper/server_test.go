package keeper

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheServerIsFoundByNameAndArguments(t *testing.T) {
	for name, c := range map[string]struct {
		processes map[string]string
		want      int
	}{
		"under a shell and beside a command": {map[string]string{
			"1": "/usr/bin/dumb-init /bin/sh -ec bao server", "7": "/bin/sh -ec bao server", "12": "bao status", "23": "bao server -config=/tmp/storageconfig.hcl", "31": "/tools/banhbaoring job keeper",
		}, 23},
		"by its path":           {map[string]string{"9": "/bin/bao server"}, 9},
		"a plugin is no server": {map[string]string{"9": "/openbao/data/plugins/secp256k1-v1.0.0 server", "self": "bao server"}, 0},
		"none to be seen":       {map[string]string{"1": "banhbaoring job keeper"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			proc := t.TempDir()
			for pid, line := range c.processes {
				if err := os.Mkdir(filepath.Join(proc, pid), 0o700); err != nil {
					t.Fatal(err)
				}
				line = strings.ReplaceAll(line, " ", "\x00") + "\x00"
				if err := os.WriteFile(filepath.Join(proc, pid, "cmdline"), []byte(line), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := Server(proc)
			if err != nil || got != c.want {
				t.Errorf("got %d, %v, want %d", got, err, c.want)
			}
		})
	}
}
