package backup

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/database"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// restoring reports that a restore is under way, during which nothing is backed up:
// half of it would be of the stack of before. A backup that was asked for by name
// waits.
func (w *work) restoring(ctx context.Context) (bool, error) {
	receipt, err := w.PendingRestore(ctx, w.config.Restores)
	if err != nil || receipt == "" {
		return false, err
	}
	why := fmt.Sprintf("nothing is backed up while a restore is under way: ConfigMap %s does not say that it is complete", receipt)
	if w.config.Reason == jobs.BackupOnDemand {
		return false, fmt.Errorf("%s\nhint: look at how the restore Job ended; without it, take the BanhBaoRingRestore out", why)
	}
	w.Log.Warn(why)
	w.Warn(ctx, "NoBackup", why)
	return true, nil
}

// there reports whether anything is there that would be backed up. Before and while
// a stack is first set up nothing is: its StatefulSets are not there, OpenBao is not
// initialised, or it holds no key and the database no table. A backup of that would
// be the newest one, and worth nothing.
func (w *work) there(ctx context.Context) (bool, error) {
	if len(w.config.StatefulSets) == 0 {
		return true, nil
	}
	made := false
	for _, name := range w.config.StatefulSets {
		_, err := w.Kubernetes.AppsV1().StatefulSets(w.Namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return false, err
		}
		made = made || err == nil
	}
	if !made {
		return false, nil
	}
	there := false
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := w.Step(limited, "look for keys and tables", func(ctx context.Context) (err error) {
		there, err = w.holds(ctx)
		return err
	})
	return there, err
}

// holds reports whether OpenBao holds keys or the database tables. What cannot be
// seen counts as there.
func (w *work) holds(ctx context.Context) (bool, error) {
	initialised, err := w.initialised(ctx)
	if err != nil || !initialised {
		return false, err
	}
	client, err := w.OpenBao(w.config.Address)
	if err != nil {
		return false, err
	}
	logout, err := w.LoginOnceMade(ctx, client, jobs.Backup, jobs.Configure)
	if err != nil {
		return false, err
	}
	defer logout()
	keys, err := w.keys(ctx, client)
	if err != nil || keys == nil || *keys > 0 {
		return err == nil, err
	}
	for _, c := range w.config.Components {
		if c != v1.BackupDatabase {
			continue
		}
		programs := database.Open(w.mounts.Socket)
		name, err := programs.Name(ctx)
		if err != nil {
			return false, err
		}
		lines, err := programs.Ask(ctx, name, "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")
		if err != nil || len(lines) != 1 || lines[0] != "0" {
			return err == nil, err
		}
	}
	return false, nil
}

// initialised reports whether any server is.
func (w *work) initialised(ctx context.Context) (bool, error) {
	if len(w.config.Peers) == 0 {
		return true, nil
	}
	peers, err := w.Peers(w.config.Peers)
	if err != nil {
		return false, err
	}
	var silent error
	for _, p := range peers {
		status, err := p.Sys().SealStatusWithContext(ctx)
		switch {
		case err != nil:
			silent = run.Later(fmt.Errorf("%s does not answer: %w", p.Name, err))
		case status.Initialized:
			return true, nil
		}
	}
	return false, silent
}

// keys counts the signing keys in OpenBao's root namespace; nil where a release
// before this one has not let backups see them.
func (w *work) keys(ctx context.Context, client *run.Client) (*int64, error) {
	list, err := client.Logical().ListWithContext(ctx, w.config.PluginMount+"/keys")
	switch {
	case w.config.PluginMount == "" || run.Status(err) == http.StatusForbidden:
		return nil, nil
	case run.NotFound(err):
		return new(int64), nil
	case err != nil:
		return nil, errors.Join(errors.New("count the keys"), err)
	}
	var n int64
	if list != nil {
		names, _ := list.Data["keys"].([]any)
		n = int64(len(names))
	}
	return &n, nil
}
