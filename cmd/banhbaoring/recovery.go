package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/spf13/cobra"
	"golang.org/x/term"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/backup/archive"
	"github.com/banhbaoring/banhbaoring/render"
)

// recoveryCommand takes out of a cluster, and checks, what only lies there and
// would be lost with it.
func recoveryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "recovery",
		Short: "Take out the keys without which backups are worth nothing",
		Long: `Take the recovery set out of the cluster, and check a copy of it: the keys that
open and sign backups, the unseal or recovery keys, and the key of a static seal.
Without it, backups cannot be read once the cluster is lost.`,
		RunE: wantsVerb,
	}
	cmd.AddCommand(recoveryExportCommand(), recoveryVerifyCommand())
	return cmd
}

func recoveryExportCommand() *cobra.Command {
	var files, recipients []string
	var passphrase, kubeconfig, kubeContext string
	cmd := &cobra.Command{
		Use:   "export -f FILE (--recipient KEY… | --passphrase-file FILE) > recovery.age",
		Short: "Write the recovery set, encrypted, to standard output",
		Long: `Write the recovery set of the cluster that the kubeconfig names to standard
output, encrypted to age public keys or with a passphrase, which is asked for where
neither is given. The rights are those of the caller, who must be able to read the
Secrets. A receipt in the cluster says that it was taken out; keys that are rotated
afterwards want it done again.`,
		Example: `  banhbaoring recovery export -f cluster.yaml --recipient age1… > recovery.age
  banhbaoring recovery verify recovery.age --identity key.txt`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			in, err := load(cmd, files)
			if err != nil {
				return err
			}
			if len(in.Stacks) != 1 {
				return fmt.Errorf("the files hold %d clusters, and the recovery set is that of one", len(in.Stacks))
			}
			to, err := recoveryRecipients(cmd, recipients, passphrase)
			if err != nil {
				return err
			}
			client, err := openCluster(kubeconfig, kubeContext)
			if err != nil {
				return err
			}
			return exportRecovery(cmd.Context(), client, in.Stacks[0], to, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	addFileFlag(cmd, &files)
	flags := cmd.Flags()
	flags.StringArrayVar(&recipients, "recipient", nil, "age public key that it is encrypted to; may be given several times")
	flags.StringVar(&passphrase, "passphrase-file", "", "file with the passphrase that it is encrypted with")
	flags.StringVar(&kubeconfig, "kubeconfig", "", "path of the kubeconfig; that of the environment when absent")
	flags.StringVar(&kubeContext, "context", "", "context of the kubeconfig; the current one when absent")
	return cmd
}

func openCluster(path, kubeContext string) (kubernetes.Interface, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = path
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: kubeContext}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	return kubernetes.NewForConfig(config)
}

// recoveryRecipients is whom the set is encrypted to.
func recoveryRecipients(cmd *cobra.Command, keys []string, passphraseFile string) ([]age.Recipient, error) {
	if len(keys) > 0 && passphraseFile != "" {
		return nil, usagef("--recipient and --passphrase-file exclude each other")
	}
	if len(keys) > 0 {
		return archive.Recipients(keys)
	}
	passphrase, err := readPassphrase(cmd, passphraseFile, true)
	if err != nil {
		return nil, err
	}
	r, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	return []age.Recipient{r}, nil
}

// leastPassphrase is how many characters a passphrase has: the file may come into
// other hands, and then nothing slows guessing down but the passphrase.
const leastPassphrase = 16

func readPassphrase(cmd *cobra.Command, path string, isNew bool) (string, error) {
	if path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		return checkPassphrase(strings.TrimRight(string(text), "\r\n"), isNew)
	}
	file, ok := cmd.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return "", usagef("give --recipient or --passphrase-file: there is no terminal to ask for a passphrase")
	}
	ask := func(prompt string) (string, error) {
		fmt.Fprint(cmd.ErrOrStderr(), prompt)
		text, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(cmd.ErrOrStderr())
		return string(text), err
	}
	passphrase, err := ask("passphrase: ")
	if err != nil || !isNew {
		return passphrase, err
	}
	again, err := ask("once more: ")
	if err == nil && again != passphrase {
		err = errors.New("the passphrases differ")
	}
	if err != nil {
		return "", err
	}
	return checkPassphrase(passphrase, isNew)
}

func checkPassphrase(passphrase string, isNew bool) (string, error) {
	if isNew && len([]rune(passphrase)) < leastPassphrase {
		return "", fmt.Errorf("a passphrase must have %d characters or more", leastPassphrase)
	}
	return passphrase, nil
}

// recoverySecrets are the names of the Secrets of a stack's recovery set.
func recoverySecrets(s *render.Stack) []string {
	spec := &s.Cluster.Spec
	names := []string{jobs.SecretBackupKeys, jobs.SecretOpenBaoKeys}
	if a := spec.OpenBao.AutoUnseal; *a.Enabled && a.Provider == v1.ProviderStatic {
		names = append(names, a.Key.SecretName)
		if a.PreviousKey != nil && a.PreviousKey.SecretName != a.Key.SecretName {
			names = append(names, a.PreviousKey.SecretName)
		}
	}
	if ref := spec.Backup.Encryption.IdentitySecret; ref != nil {
		names = append(names, ref.SecretName)
	}
	return names
}

func exportRecovery(ctx context.Context, client kubernetes.Interface, s *render.Stack, to []age.Recipient, out, told io.Writer) error {
	namespace := s.Cluster.Namespace
	var set bytes.Buffer
	var held []string
	var public string
	receipt := map[string]string{"exportedAt": time.Now().UTC().Format(time.RFC3339)}
	for _, name := range recoverySecrets(s) {
		secret, err := client.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			if name == jobs.SecretOpenBaoKeys {
				return fmt.Errorf("there is no Secret %s in namespace %s\nhint: is this the cluster, and is it set up", name, namespace)
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("read Secret %s: %w", name, err)
		}
		delete(secret.Data, jobs.KeyRootToken)
		if name == jobs.SecretOpenBaoKeys && len(secret.Data[jobs.KeyUnseal]) == 0 && len(secret.Data[jobs.KeyRecovery]) == 0 {
			return fmt.Errorf("Secret %s holds no unseal or recovery keys yet\nhint: wait until the init Job has ended", name)
		}
		if name == jobs.SecretBackupKeys {
			public = string(secret.Data[jobs.KeyPublic])
			receipt[jobs.RecoverySigner] = strings.Join(strings.Fields(public+" "+string(secret.Data[jobs.KeyTrusted])), " ")
			if receipt[jobs.RecoveryRecipient], err = recipientsOf(secret.Data[jobs.KeyIdentity]); err != nil {
				return fmt.Errorf("key %s of Secret %s %w", jobs.KeyIdentity, name, err)
			}
		}
		text, err := yaml.Marshal(corev1.Secret{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, Labels: secret.Labels},
			Type: secret.Type, Data: secret.Data,
		})
		if err != nil {
			return fmt.Errorf("Secret %s cannot be written", name) // the error may hold it
		}
		fmt.Fprintf(&set, "---\n%s", text)
		held = append(held, name)
	}
	armored := armor.NewWriter(out)
	encrypted, err := age.Encrypt(armored, to...)
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { _, err := encrypted.Write(set.Bytes()); return err }, encrypted.Close, armored.Close,
		func() error { return giveRecovery(ctx, client, s, receipt) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	fmt.Fprintf(told, "the recovery set holds %s\n", strings.Join(held, ", "))
	fmt.Fprintf(told, "hint: keep it where no cluster is, check it with `banhbaoring recovery verify`, and write spec.backup.trustedKeys: [%q] into a stack that is to restore this one's backups\n", public)
	return nil
}

// recipientsOf are the public keys of all identities, between blanks: those of before
// a rotation open the backups of before.
func recipientsOf(identities []byte) (string, error) {
	if len(bytes.TrimSpace(identities)) == 0 {
		return "", nil
	}
	parsed, err := age.ParseIdentities(bytes.NewReader(identities))
	if err != nil {
		return "", errors.New("is no age private key") // the error may hold it
	}
	var recipients []string
	for _, identity := range parsed {
		if x, ok := identity.(*age.X25519Identity); ok {
			recipients = append(recipients, x.Recipient().String())
		}
	}
	return strings.Join(recipients, " "), nil
}

// giveRecovery writes the receipt: what was taken out, not what it holds.
func giveRecovery(ctx context.Context, client kubernetes.Interface, s *render.Stack, data map[string]string) error {
	maps := client.CoreV1().ConfigMaps(s.Cluster.Namespace)
	receipt := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: jobs.RecoveryReceipt, Annotations: v1.NeverPruned(), Labels: map[string]string{
			"app.kubernetes.io/name": "banhbaoring", "app.kubernetes.io/component": jobs.Backup, "app.kubernetes.io/instance": s.Cluster.Name,
		}},
		Data: data,
	}
	_, err := maps.Create(ctx, receipt, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		_, err = maps.Update(ctx, receipt, metav1.UpdateOptions{})
	}
	if err != nil {
		return fmt.Errorf("the set is written, but not its receipt: %w", err)
	}
	return nil
}

func recoveryVerifyCommand() *cobra.Command {
	var identity, passphrase string
	cmd := &cobra.Command{
		Use:   "verify FILE (--identity FILE | --passphrase-file FILE)",
		Short: "Check a copy of the recovery set, without the cluster",
		Example: `  banhbaoring recovery verify recovery.age --identity key.txt
  banhbaoring recovery verify recovery.age --passphrase-file passphrase.txt`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("recovery verify wants one file")
			}
			identities, err := readIdentities(identity)
			if err == nil && identity == "" {
				identities, err = passphraseIdentity(cmd, passphrase)
			}
			if err != nil {
				return err
			}
			file, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer file.Close()
			return verifyRecovery(file, identities, cmd.OutOrStdout())
		},
	}
	addIdentityFlag(cmd, &identity)
	cmd.Flags().StringVar(&passphrase, "passphrase-file", "", "file with the passphrase that it is encrypted with")
	return cmd
}

func passphraseIdentity(cmd *cobra.Command, path string) ([]age.Identity, error) {
	passphrase, err := readPassphrase(cmd, path, false)
	if err != nil {
		return nil, err
	}
	identity, err := age.NewScryptIdentity(passphrase)
	return []age.Identity{identity}, err
}

func verifyRecovery(file io.Reader, identities []age.Identity, out io.Writer) error {
	clear, err := age.Decrypt(armor.NewReader(file), identities...)
	if err != nil {
		return fmt.Errorf("decrypt: %w", err)
	}
	text, err := io.ReadAll(clear)
	if err != nil {
		return err
	}
	keys := 0
	for document := range strings.SplitSeq(string(text), "---\n") {
		var secret corev1.Secret
		if strings.TrimSpace(document) == "" {
			continue
		}
		if yaml.Unmarshal([]byte(document), &secret) != nil || secret.Name == "" {
			return errors.New("what it holds cannot be read")
		}
		var names []string
		for name := range secret.Data {
			names = append(names, name)
		}
		slices.Sort(names)
		keys++
		fmt.Fprintf(out, "Secret %s/%s: %s\n", secret.Namespace, secret.Name, strings.Join(names, ", "))
		if public := secret.Data[jobs.KeyPublic]; secret.Name == jobs.SecretBackupKeys && len(public) > 0 {
			fmt.Fprintf(out, "  signs backups as %s\n", public)
			if recipient := secret.Data[jobs.KeyRecipient]; len(recipient) > 0 {
				fmt.Fprintf(out, "  opens backups to %s\n", recipient)
			}
		}
	}
	if keys == 0 {
		return errors.New("it holds nothing")
	}
	return nil
}
