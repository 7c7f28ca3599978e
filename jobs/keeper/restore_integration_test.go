//go:build integration

package keeper_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	openbao "github.com/openbao/openbao/api/v2"

	"github.com/banhbaoring/banhbaoring/jobs/internal/realtest"
)

// A stack of one node loses its data, begins anew, and is restored. Raft goes on
// with the TLS keys of before, until its process ends: unless the keeper ends it,
// nobody can join it.
func TestARestoredServerGrows(t *testing.T) {
	for name, static := range map[string]bool{"Shamir": false, "static": true} {
		t.Run(name, func(t *testing.T) {
			b := realtest.NewOpenBao(t, realtest.OpenBaoOptions{Nodes: 3, Static: static})
			for _, i := range []int{1, 2} {
				b.Stop(i)
				b.Wipe(t, i)
			}
			keysFile := filepath.Join(t.TempDir(), "unseal-keys")
			use := func(answer *openbao.InitResponse) {
				t.Helper()
				if err := os.WriteFile(keysFile, []byte(strings.Join(answer.KeysB64, "\n")), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			said := b.KeepWith(t, keysFile)

			before := b.Found(t)
			use(before)
			cluster := b.Leads(t, 0)
			var snapshot bytes.Buffer
			if err := b.Client(t, 0, before.RootToken).Sys().RaftSnapshot(&snapshot); err != nil {
				t.Fatal(err)
			}

			b.Stop(0)
			b.Wipe(t, 0)
			b.Start(t, 0)
			anew := b.Found(t)
			use(anew)
			b.Leads(t, 0)
			if err := b.Client(t, 0, anew.RootToken).Sys().RaftSnapshotRestore(&snapshot, true); err != nil {
				t.Fatal(err)
			}
			use(before)
			realtest.Eventually(t, "it serves what was restored, from a new process", func(context.Context) error {
				if got := b.Leads(t, 0); got != cluster {
					return fmt.Errorf("it is cluster %s", got)
				}
				if !strings.Contains(said(), "it is started again") {
					return fmt.Errorf("the keeper says\n%s", said())
				}
				return nil
			})

			b.Start(t, 1)
			b.Start(t, 2)
			b.Voters(t, before.RootToken)
			b.UnsealedOnce(t)

			b.Write(t, before.RootToken, "sys/storage/raft/remove-peer", map[string]any{"server_id": b.NodeNames[2]})
			b.Stop(2)
			b.Write(t, before.RootToken, "sys/policies/acl/written", map[string]any{"policy": `path "a" { capabilities = ["read"] }`})
		})
	}
}
