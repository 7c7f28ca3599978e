package restore

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
)

// health proves what was restored: every peer is unsealed and has the backup's
// data, the plugin runs, and a key of before signs.
func (w *work) health(ctx context.Context) error {
	if _, ok := w.parts[v1.BackupOpenBao]; ok {
		if err := w.Step(ctx, "every peer is unsealed", w.serving); err != nil {
			return err
		}
		if err := w.Step(ctx, "sign with a restored key", w.sign); err != nil {
			return err
		}
	}
	if old := w.receipt[receiptDatabase]; old != "" {
		w.Log.Info("the database of before is kept; drop it when nobody misses it", "database", old, "statement", "DROP DATABASE "+identifier(old))
	}
	return nil
}

// sign signs a sentence that is worth nothing elsewhere, and verifies that.
func (w *work) sign(ctx context.Context) error {
	client, err := w.OpenBao(w.config.Address)
	if err != nil {
		return err
	}
	logout, err := w.Login(ctx, client, jobs.Restore)
	if err != nil && strings.Contains(err.Error(), "invalid role name") {
		return w.unproven(ctx, "the restored OpenBao has no role "+jobs.Restore)
	}
	if err != nil {
		return err
	}
	defer logout()
	mount := w.config.PluginMount
	list, err := client.Logical().ListWithContext(ctx, mount+"/keys")
	if err != nil {
		return w.notRunning(err)
	}
	var names []string
	if list != nil {
		entries, _ := list.Data["keys"].([]any)
		for _, e := range entries {
			names = append(names, fmt.Sprint(e))
		}
	}
	if len(names) == 0 {
		return w.unproven(ctx, "the restored OpenBao holds no key")
	}
	name := slices.Min(names)
	input := base64.StdEncoding.EncodeToString([]byte("banhbaoring: restored from backup " + w.config.Backup))
	signed, err := client.Logical().WriteWithContext(ctx, mount+"/sign/"+name, map[string]any{"input": input})
	if err != nil {
		return w.notRunning(err)
	}
	if signed == nil {
		return errors.New("the plugin answers without a signature")
	}
	verified, err := client.Logical().WriteWithContext(ctx, mount+"/verify/"+name, map[string]any{"input": input, "signature": signed.Data["signature"]})
	if err != nil {
		return w.notRunning(err)
	}
	if verified == nil || verified.Data["valid"] != true {
		return run.ByHand(fmt.Errorf("the signature of key %s is not valid: hint: let nobody use this stack, and restore another backup", name))
	}
	w.Log.Info("a restored key signs, and its signature is valid", "key", name, "keys", len(names))
	return nil
}

// unproven is that there is nothing to sign with.
func (w *work) unproven(ctx context.Context, why string) error {
	w.Log.Warn("no signature proves the restore", "reason", why)
	w.Warn(ctx, "NotProven", "no signature proves the restore: "+why)
	return nil
}

func (w *work) notRunning(err error) error {
	if run.Status(err) >= 500 {
		return run.Later(fmt.Errorf("the plugin does not run: %w: hint: the restored OpenBao wants version %s of it, see spec.openbao.plugin", err, w.manifest.Needs.Versions.Plugin))
	}
	return err
}
