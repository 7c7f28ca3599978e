package restore

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
	openbao "github.com/openbao/openbao/api/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

const shamir = "shamir"

// verify reads all that is to be restored and compares it with the manifest, as
// it is stored and as it is in the clear.
func (w *work) verify(ctx context.Context) error {
	for _, p := range w.parts {
		if p.Encrypted && len(w.identities) == 0 {
			return w.refuse(fmt.Errorf("it is encrypted to %s", strings.Join(w.manifest.Recipients, " and ")),
				"put the private key of one of them into a Secret, and name it in spec.backup.encryption.identitySecret")
		}
	}
	if w.config.Verify {
		m := *w.manifest
		m.Parts = nil
		for _, c := range sorted(w.parts) {
			m.Parts = append(m.Parts, w.parts[c])
		}
		if err := w.repository.Verify(ctx, &m, w.identities); err != nil {
			return w.unreadable(err)
		}
	}
	// The unseal keys are in it, whether Secrets are to be restored or not.
	if p, ok := w.manifest.Part(v1.BackupSecrets); ok && len(w.identities) > 0 {
		if err := w.pipe(ctx, p, w.readSecrets); err != nil {
			return w.unreadable(err)
		}
	}
	return nil
}

func (w *work) unreadable(err error) error {
	if run.CanPass(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return w.refuse(err, "restore another backup: see `banhbaoring backup list` and `banhbaoring backup verify`")
}

// readSecrets reads the Secrets in the backup. No error shows any of them.
func (w *work) readSecrets(r io.Reader) error {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(r))
	for {
		text, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var secret corev1.Secret
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		if yaml.Unmarshal(text, &secret) != nil || secret.Name == "" {
			return errors.New("what it holds as Secrets cannot be read")
		}
		w.kept[secret.Name] = secret
	}
}

// compare tells what the backup needs and the stack does not have.
func (w *work) compare(ctx context.Context) error {
	m := w.manifest
	if m.Cluster != w.config.Cluster || m.Namespace != w.config.Namespace {
		return w.refuse(fmt.Errorf("it is of cluster %s/%s, and this is %s/%s", m.Namespace, m.Cluster, w.config.Namespace, w.config.Cluster),
			"restore it where it comes from: a cluster of that name in a namespace of that name, which may be another Kubernetes's")
	}
	if _, ok := w.parts[v1.BackupOpenBao]; ok {
		if err := w.compareOpenBao(ctx); err != nil {
			return err
		}
	}
	if _, ok := w.parts[v1.BackupDatabase]; ok {
		return w.compareDatabase(ctx)
	}
	return nil
}

func (w *work) compareOpenBao(ctx context.Context) error {
	var err error
	if w.peers, err = w.Peers(w.config.Peers); err != nil {
		return err
	}
	needs, has := w.manifest.Needs, w.config.Has
	if newer(needs.Versions.OpenBao, has.Versions.OpenBao) {
		return w.refuse(fmt.Errorf("it is of OpenBao %s, and the spec has %s, which is older", needs.Versions.OpenBao, has.Versions.OpenBao),
			"set spec.openbao.version to "+needs.Versions.OpenBao)
	}
	if needs.Versions.Plugin != has.Versions.Plugin {
		return w.refuse(fmt.Errorf("its keys are served by plugin version %s, and the spec has %s", needs.Versions.Plugin, has.Versions.Plugin),
			"set spec.openbao.plugin.version to "+needs.Versions.Plugin+" for the restore, and upgrade afterwards")
	}
	status, err := w.peers[0].Sys().SealStatusWithContext(ctx)
	if err != nil {
		return run.Later(fmt.Errorf("%s does not answer: %w", w.peers[0].Name, err))
	}
	if status.Type != needs.Seal.Type {
		return w.refuse(fmt.Errorf("it is of an OpenBao with seal %s, and this one has %s", needs.Seal.Type, status.Type),
			"set spec.openbao.autoUnseal to what it was")
	}
	if err := w.compareSeal(ctx, status); err != nil {
		return err
	}
	if w.receipt.begun() {
		return nil // this OpenBao may be the restored one already
	}
	keys, err := w.Kubernetes.CoreV1().Secrets(w.Namespace).Get(ctx, w.config.KeySecret, metav1.GetOptions{})
	if err != nil {
		return err
	}
	health, err := w.peers[0].Sys().HealthWithContext(ctx)
	switch {
	case err != nil:
		return err
	case health.Sealed || !health.Initialized:
		return run.Later(fmt.Errorf("%s is sealed or not initialised: hint: look at how the init Job ended", w.peers[0].Name))
	case len(keys.Data[jobs.KeyRootToken]) > 0:
		return run.Later(errors.New("the init Job has not finished"))
	case health.ClusterID != needs.ClusterID && !w.config.Force:
		return w.refuse(fmt.Errorf("it is of the OpenBao with cluster id %s, and this one has %s", needs.ClusterID, health.ClusterID),
			"if that one's data is lost and this one may be replaced with it, set spec.options.force to true")
	}
	w.ofRunning(ctx, health.ClusterID)
	return nil
}

// compareSeal tells what is missing to unseal what is restored.
func (w *work) compareSeal(ctx context.Context, status *openbao.SealStatusResponse) error {
	needs, has := w.manifest.Needs.Seal, w.config.Has.Seal
	if needs.Type == shamir {
		keys, err := w.newKeys(ctx)
		if err != nil {
			return err
		}
		if n := len(shares(keys)); n < needs.Threshold {
			return w.refuse(fmt.Errorf("%d of %d unseal key shares are needed, and %d are known: the backup does not hold them", needs.Threshold, needs.Shares, n),
				fmt.Sprintf("put them, in base64 and one a line, into a file and run: kubectl create secret generic -n %s %s --from-file=%s=FILE", w.Namespace, secretRestoreKeys, keyUnseal))
		}
		return nil
	}
	if needs.Key != has.Key {
		return w.refuse(fmt.Errorf("it is unsealed by %s key %q, and the spec names %q", status.Type, needs.Key, has.Key),
			"name that key in spec.openbao.autoUnseal, and let OpenBao's identity use it")
	}
	kept, ok := w.kept[w.config.SealSecret]
	if !ok {
		return nil
	}
	there, err := w.Kubernetes.CoreV1().Secrets(w.Namespace).Get(ctx, w.config.SealSecret, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if !sameData(there.Data, kept.Data) {
		return w.refuse(fmt.Errorf("it is unsealed by another key than the one in Secret %s", w.config.SealSecret),
			fmt.Sprintf("write the Secret back with `banhbaoring backup read %s secrets --identity FILE`, and delete OpenBao's pods and volumes, which hold nothing yet", w.config.Backup))
	}
	return nil
}

// newer tells whether version a is of a later release than b: of those, only
// patches read what the other wrote.
func newer(a, b string) bool {
	x, err := semver.NewVersion(a)
	y, fault := semver.NewVersion(b)
	if err != nil || fault != nil {
		return false
	}
	return x.Major() > y.Major() || x.Major() == y.Major() && x.Minor() > y.Minor()
}

// major is the first number of a PostgreSQL version.
func major(version string) int {
	first, _, _ := strings.Cut(version, ".")
	n, _ := strconv.Atoi(first)
	return n
}
