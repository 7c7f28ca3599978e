package configure

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"

	openbao "github.com/openbao/openbao/api/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// checksum is the sha256 of the binary, in hexadecimal.
func checksum(p jobs.PluginConfig) (string, error) {
	file, err := os.Open(p.Binary)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	sum := hex.EncodeToString(hash.Sum(nil))
	if p.SHA256 != "" && !strings.EqualFold(sum, p.SHA256) {
		return "", run.ByHand(fmt.Errorf("plugin %s has sha256 %s and the spec wants %s: nothing was changed: "+
			"hint: the image is another one than it was, or spec.openbao.plugin.sha256 is an older version's", p.Version, sum, p.SHA256))
	}
	return sum, nil
}

// register enters this version into the catalog, beside those that are there.
func (w *work) register(ctx context.Context, sum string) error {
	p := w.config.Plugin
	path := "sys/plugins/catalog/secret/" + p.Name
	have, err := w.client.Logical().ReadWithDataWithContext(ctx, path, map[string][]string{"version": {p.Version}})
	if err != nil {
		return err
	}
	want := map[string]any{"command": p.Command, "sha256": sum, "version": p.Version}
	if have != nil && holds(have.Data, want) {
		return nil
	}
	if err := w.rolled(ctx); err != nil {
		return err
	}
	if _, err := w.client.Logical().WriteWithContext(ctx, path, want); err != nil {
		return fmt.Errorf("register plugin %s %s: %w: hint: %s", p.Name, p.Version, err, w.wanted(sum))
	}
	w.changed("plugin " + p.Name + " " + p.Version)
	return nil
}

// rolled waits until every pod of OpenBao is of the newest kind, and so has the
// binary: a standby that takes over must be able to run it.
func (w *work) rolled(ctx context.Context) error {
	set, err := w.Kubernetes.AppsV1().StatefulSets(w.Namespace).Get(ctx, jobs.OpenBaoName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return run.Later(fmt.Errorf("there is no StatefulSet %s", jobs.OpenBaoName))
	}
	if err != nil {
		return err
	}
	wanted := int32(1)
	if set.Spec.Replicas != nil {
		wanted = *set.Spec.Replicas
	}
	s := set.Status
	if s.ObservedGeneration < set.Generation || s.UpdatedReplicas < wanted || s.ReadyReplicas < wanted {
		return run.Later(fmt.Errorf("OpenBao's pods do not all have the plugin's new binary yet: %d of %d are updated, %d are ready", s.UpdatedReplicas, wanted, s.ReadyReplicas))
	}
	return nil
}

// pin mounts the plugin, or has the mount run this version, and proves that it
// does.
func (w *work) pin(ctx context.Context, sum string) error {
	p := w.config.Plugin
	path := p.Mount + "/"
	mounts, err := w.client.Sys().ListMountsWithContext(ctx)
	if err != nil {
		return err
	}
	mount := mounts[path]
	switch {
	case mount == nil:
		if err := w.rolled(ctx); err != nil {
			return err
		}
		err := w.client.Sys().MountWithContext(ctx, path, &openbao.MountInput{
			Type: p.Name, Description: "The keys that sign", Config: pluginMount(p.Version),
		})
		if err != nil {
			return fmt.Errorf("mount %s: %w: hint: %s", path, err, w.wanted(sum))
		}
		w.changed("mount " + path)
	case mount.Type != p.Name:
		return taken(path, p.Name, "", mount)
	case mount.PluginVersion != p.Version:
		if err := w.rolled(ctx); err != nil {
			return err
		}
		if err := w.client.Sys().TuneMountWithContext(ctx, path, openbao.MountConfigInput{PluginVersion: p.Version}); err != nil {
			return fmt.Errorf("pin %s to %s: %w", path, p.Version, err)
		}
		w.changed("version of " + path)
	case !slices.Equal(mount.Config.AuditNonHMACRequestKeys, jobs.AuditRequestKeys),
		!slices.Equal(mount.Config.AuditNonHMACResponseKeys, jobs.AuditResponseKeys):
		if err := w.client.Sys().TuneMountWithContext(ctx, path, pluginMount(p.Version)); err != nil {
			return fmt.Errorf("audit fields of %s: %w", path, err)
		}
		w.changed("audit fields of " + path)
	case mount.RunningVersion != p.Version || mount.RunningSha256 != sum:
		switch err := w.reload(ctx, path); run.Status(err) {
		case http.StatusBadRequest, http.StatusInternalServerError: // so it answers when the plugin does not start
			// Not wrapped: what the server says may look as if it could pass.
			return errors.Join(fmt.Errorf("reload %s: %s: hint: %s", path, err.Error(), w.wanted(sum)), w.back(ctx, path, mount.RunningVersion))
		default:
			if err != nil {
				return fmt.Errorf("reload %s: %w", path, err)
			}
		}
		w.changed("what runs at " + path)
	default:
		return nil
	}
	return run.Later(errors.New("looking at what runs now"))
}

// pluginMount pins the version, and lets the audit log show what the engine decided.
func pluginMount(version string) openbao.MountConfigInput {
	return openbao.MountConfigInput{
		PluginVersion:            version,
		AuditNonHMACRequestKeys:  jobs.AuditRequestKeys,
		AuditNonHMACResponseKeys: jobs.AuditResponseKeys,
	}
}

func (w *work) reload(ctx context.Context, path string) error {
	_, err := w.client.Logical().WriteWithContext(ctx, "sys/plugins/reload/backend", map[string]any{"mounts": []string{path}})
	return err
}

// back has a mount run the version that it ran before: a new one that does not
// start must not end the signing.
func (w *work) back(ctx context.Context, path, version string) error {
	if version == "" || version == w.config.Plugin.Version {
		return nil
	}
	err := w.client.Sys().TuneMountWithContext(ctx, path, openbao.MountConfigInput{PluginVersion: version})
	if err == nil {
		err = w.reload(ctx, path)
	}
	if err != nil {
		return fmt.Errorf("go back to version %s: %w", version, err)
	}
	w.changed("version of " + path + ", back to " + version)
	return nil
}

// wanted is what a server needs to run the plugin.
func (w *work) wanted(sum string) string {
	return fmt.Sprintf("OpenBao's pods need %s in their plugin directory, with sha256 %s", w.config.Plugin.Command, sum)
}
