package configure

import (
	"context"
	"fmt"

	openbao "github.com/openbao/openbao/api/v2"

	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// engines are the mounts that the control plane needs beside the plugin's.
var engines = []struct{ path, kind, version, description string }{
	{"secret/", "kv", "2", "The control plane's secrets"},
	{"pki/", "pki", "", "The control plane's certificates"},
}

// mounts mounts what is missing. What is there stays as it is: its data is the
// user's.
func (w *work) mounts(ctx context.Context) error {
	have, err := w.client.Sys().ListMountsWithContext(ctx)
	if err != nil {
		return err
	}
	for _, e := range engines {
		switch mount := have[e.path]; {
		case mount == nil:
			input := &openbao.MountInput{Type: e.kind, Description: e.description}
			if e.version != "" {
				input.Options = map[string]string{"version": e.version}
			}
			if err := w.client.Sys().MountWithContext(ctx, e.path, input); err != nil {
				return fmt.Errorf("mount %s: %w", e.path, err)
			}
			w.changed("mount " + e.path)
		case mount.Type != e.kind || mount.Options["version"] != e.version:
			return taken(e.path, e.kind, e.version, mount)
		}
	}
	return nil
}

// taken is a path at which something else is mounted.
func taken(path, kind, version string, have *openbao.MountOutput) error {
	return run.ByHand(fmt.Errorf("a mount of type %s %s is at %s, where the control plane wants %s %s: it was left alone: "+
		"hint: move it with `bao secrets move`, or disable it if its data may be lost", have.Type, have.Options["version"], path, kind, version))
}
