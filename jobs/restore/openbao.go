package restore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// receiptSent notes in the receipt that the snapshot may have been sent.
const receiptSent = "SnapshotSent"

const (
	keyUnseal         = jobs.KeyUnseal
	secretRestoreKeys = jobs.SecretRestoreKeys
)

// OpenBao answers before it applies a snapshot. Where it ends in between, it
// comes back with the data of before. Releases before 2.5.4 can crash at just that
// moment (https://github.com/openbao/openbao/pull/3054).
const (
	// forgotten is how long the data of before may be served.
	forgotten = 30 * time.Second
	// loginHolds is how long a refused login proves that other data is served:
	// less than it is valid.
	loginHolds = run.Deadline
)

// openbao restores the raft snapshot. The keys that are there are kept under
// another name first, and replaced last, once every peer serves the restored
// data: at any instant, what unseals OpenBao is in the cluster.
func (w *work) openbao(ctx context.Context) error {
	name := w.config.KeySecret + "-before-" + w.stamp()
	if err := w.Step(ctx, "keep the keys as "+name, func(ctx context.Context) error { return w.keep(ctx, w.config.KeySecret, name) }); err != nil {
		return err
	}
	// Until the snapshot is sent, keys are the keepers' to give: a server that joins
	// must get them once. Then this Job alone has those of the restored data.
	if w.receipt[receiptSent] == "" {
		if err := w.Step(ctx, "wait until every peer is unsealed", w.unsealed); err != nil {
			return err
		}
		if err := w.note(ctx, receiptSent); err != nil {
			return err
		}
	}
	var before *run.Client
	var sent time.Time
	send := func(ctx context.Context) (err error) {
		before, err = w.send(ctx)
		sent = time.Now()
		return err
	}
	if err := w.Step(ctx, "restore the raft snapshot", send); err != nil {
		return err
	}
	err := w.Step(ctx, "wait until every peer serves it", func(ctx context.Context) error {
		if err := w.unseal(ctx); err != nil {
			return err
		}
		// The data of before knows the login while that is valid, and what is restored never does.
		_, err := before.Auth().Token().LookupSelfWithContext(ctx)
		waited := time.Since(sent)
		switch {
		case err == nil && waited > forgotten, run.Status(err) == http.StatusForbidden && waited > loginHolds:
			if err := send(ctx); err != nil {
				return err
			}
			return run.Later(errors.New("OpenBao ended before it applied the snapshot, which was sent again"))
		case err == nil:
			return run.Later(errors.New("the snapshot is not applied yet"))
		case run.Status(err) != http.StatusForbidden:
			return run.Later(err)
		}
		return w.serving(ctx)
	})
	if err != nil {
		return err
	}
	return w.Step(ctx, "put the backup's keys in place", w.replaceKeys)
}

// send sends the snapshot, with a login of its own. To send it twice is as good
// as once.
func (w *work) send(ctx context.Context) (*run.Client, error) {
	if err := w.unseal(ctx); err != nil {
		return nil, err
	}
	client, err := w.OpenBao(w.config.Address)
	if err != nil {
		return nil, err
	}
	if _, err := w.LoginOnceMade(ctx, client, jobs.Restore, jobs.Init); err != nil {
		return nil, err
	}
	if _, err := client.Auth().Token().LookupSelfWithContext(ctx); err != nil {
		return nil, fmt.Errorf("look up the login: %w", err)
	}
	sender, err := client.Clone()
	if err != nil {
		return nil, err
	}
	sender.SetToken(client.Token())
	sender.SetClientTimeout(Deadline)
	return client, w.pipe(ctx, w.parts[v1.BackupOpenBao], func(r io.Reader) error {
		return sender.Sys().RaftSnapshotRestoreWithContext(ctx, r, w.config.Force)
	})
}

// unsealed reports whether every peer is.
func (w *work) unsealed(ctx context.Context) error {
	for _, p := range w.peers {
		switch s, err := p.Sys().SealStatusWithContext(ctx); {
		case err != nil:
			return run.Later(fmt.Errorf("%s does not answer: %w", p.Name, err))
		case s.Sealed:
			return run.Later(fmt.Errorf("%s is sealed: its keeper or its seal unseals it: hint: look into their logs if that lasts", p.Name))
		}
	}
	return nil
}

// unseal gives each sealed peer the backup's keys, and those that are in place
// where they do not fit: it may have the data of before still. One that does not
// answer holds no other one up: where it still has the key of before for data
// that is new, its liveness probe ends that.
func (w *work) unseal(ctx context.Context) error {
	var sealed []run.Peer
	var silent error
	for _, p := range w.peers {
		s, err := p.Sys().SealStatusWithContext(ctx)
		if err != nil {
			silent = run.Later(fmt.Errorf("%s does not answer: %w", p.Name, err))
		} else if s.Sealed {
			sealed = append(sealed, p)
		}
	}
	if len(sealed) == 0 {
		return silent
	}
	waiting := fmt.Errorf("%s is sealed", sealed[0].Name)
	if w.manifest.Needs.Seal.Type != shamir {
		return run.Later(fmt.Errorf("%w: hint: its seal, %s, unseals it; look into its log if that lasts", waiting, w.manifest.Needs.Seal.Type))
	}
	restored, err := w.newKeys(ctx)
	if err != nil {
		return err
	}
	there, err := w.Kubernetes.CoreV1().Secrets(w.Namespace).Get(ctx, w.config.KeySecret, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, p := range sealed {
		fits, err := unsealPeer(ctx, p, shares(restored))
		if err == nil && !fits {
			fits, err = unsealPeer(ctx, p, shares(there.Data))
		}
		if err != nil {
			return run.Later(fmt.Errorf("unseal %s: %w", p.Name, err))
		}
		if !fits {
			waiting = fmt.Errorf("neither the backup's keys nor those in Secret %s unseal %s", w.config.KeySecret, p.Name)
		}
	}
	return run.Later(waiting)
}

// unsealPeer gives a server one share after the other until it has enough, and
// tells whether they fit.
func unsealPeer(ctx context.Context, p run.Peer, shares []string) (fits bool, err error) {
	for _, share := range shares {
		s, err := p.Sys().UnsealWithContext(ctx, share)
		if run.Status(err) == http.StatusBadRequest {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if !s.Sealed || s.Progress == 0 {
			return true, nil // unsealed, or about to be
		}
	}
	return false, nil
}

// serving tells whether every peer is unsealed and has the data of the backup.
func (w *work) serving(ctx context.Context) error {
	for _, p := range w.peers {
		health, err := p.Sys().HealthWithContext(ctx)
		switch {
		case err != nil:
			return run.Later(fmt.Errorf("%s does not answer: %w", p.Name, err))
		case health.Sealed || !health.Initialized:
			return run.Later(fmt.Errorf("%s is sealed", p.Name))
		case health.ClusterID != w.manifest.Needs.ClusterID:
			return run.Later(fmt.Errorf("%s serves the data of before still", p.Name))
		}
	}
	return nil
}

// newKeys are what the key Secret is to hold: the backup's own, those that a
// person put there, or those that are there, for the same OpenBao.
func (w *work) newKeys(ctx context.Context) (map[string][]byte, error) {
	if kept, ok := w.kept[w.config.KeySecret]; ok {
		data := maps.Clone(kept.Data)
		delete(data, jobs.KeyRootToken)
		return data, nil
	}
	secrets := w.Kubernetes.CoreV1().Secrets(w.Namespace)
	there, err := secrets.Get(ctx, w.config.KeySecret, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	if w.manifest.Needs.Seal.Type != shamir {
		return there.Data, nil
	}
	given, err := secrets.Get(ctx, secretRestoreKeys, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		if w.config.Force {
			return nil, nil // what is there is another OpenBao's
		}
		return there.Data, nil
	}
	if err != nil {
		return nil, err
	}
	data := maps.Clone(there.Data)
	if data == nil {
		data = map[string][]byte{}
	}
	data[jobs.KeyUnseal] = given.Data[jobs.KeyUnseal]
	return data, nil
}

// shares are the unseal keys in a Secret's data.
func shares(data map[string][]byte) []string { return strings.Fields(string(data[jobs.KeyUnseal])) }

// replaceKeys writes the keys of the restored OpenBao.
func (w *work) replaceKeys(ctx context.Context) error {
	data, err := w.newKeys(ctx)
	if err != nil {
		return err
	}
	return w.replace(ctx, w.config.KeySecret, data, nil)
}

// keep copies a Secret under another name, unless an earlier run did.
func (w *work) keep(ctx context.Context, name, as string) error {
	secrets := w.Kubernetes.CoreV1().Secrets(w.Namespace)
	there, err := secrets.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = secrets.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: as, Labels: w.labels(), Annotations: v1.NeverPruned()},
		Type:       there.Type, Data: there.Data,
	}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return told(err)
	}
	return nil
}

// replace writes a Secret's data, and annotations beside those that it has.
func (w *work) replace(ctx context.Context, name string, data map[string][]byte, annotations map[string]string) error {
	secrets := w.Kubernetes.CoreV1().Secrets(w.Namespace)
	there, err := secrets.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if sameData(there.Data, data) {
		return nil
	}
	there.Data = data
	if there.Annotations == nil {
		there.Annotations = map[string]string{}
	}
	maps.Copy(there.Annotations, annotations)
	_, err = secrets.Update(ctx, there, metav1.UpdateOptions{})
	return told(err)
}

func sameData(a, b map[string][]byte) bool {
	return maps.EqualFunc(a, b, func(x, y []byte) bool { return string(x) == string(y) })
}

// refused is the API server's answer without its text, which may quote a Secret.
type refused struct{ error }

func (r refused) Error() string {
	return "the API server answers " + string(apierrors.ReasonForError(r.error))
}

func (r refused) Unwrap() error { return r.error }

func told(err error) error {
	if apierrors.ReasonForError(err) == metav1.StatusReasonUnknown {
		return err
	}
	return refused{err}
}
