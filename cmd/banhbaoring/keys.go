package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/banhbaoring/banhbaoring/cmd/internal/input"
	"github.com/banhbaoring/banhbaoring/jobs"
)

func keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Check saved copies of the keys that open OpenBao, and take one out",
		RunE:  wantsVerb,
	}
	cmd.AddCommand(keysCheckCommand(), keysTakeCommand())
	return cmd
}

func keysCheckCommand() *cobra.Command {
	var files []string
	cmd := &cobra.Command{
		Use:   "check -f FILE",
		Short: "Say whether a saved copy of OpenBao's Secrets is whole, without the cluster",
		Long: `Say whether a saved copy of the Secrets that open OpenBao is whole: each unseal
key share and the seal key, with its length and a fingerprint, by which two copies
are compared without showing a key. It asks nobody. That the keys open the data,
only a restore proves.`,
		Example: `  age -d -i offline.txt openbao-secrets.yaml.age | banhbaoring keys check -f -
  kubectl get secret -n keys banhbaoring-openbao-seal -o yaml | banhbaoring keys check -f -`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(files) == 0 {
				return usagef("give the copy with -f FILE or -f -")
			}
			sources, notes, err := input.Read(cmd.InOrStdin(), files, "")
			if err != nil {
				return err
			}
			note(cmd, notes)
			var all []keyCheck
			for _, source := range sources {
				found, err := checkKeys(source.Data)
				if err != nil {
					return fmt.Errorf("%s: %w", source.Name, err)
				}
				all = append(all, found...)
			}
			if len(all) == 0 {
				return fmt.Errorf("there is neither Secret %s nor %s in it", jobs.SecretOpenBaoKeys, jobs.SecretOpenBaoSeal)
			}
			return printKeys(cmd.OutOrStdout(), all)
		},
	}
	addFileFlag(cmd, &files)
	return cmd
}

func keysTakeCommand() *cobra.Command {
	var files []string
	var namespace string
	cmd := &cobra.Command{
		Use:   "take SECRET -f FILE",
		Short: "Print one Secret out of a file of many, to apply it",
		Example: `  banhbaoring backup read -f cluster.yaml NAME secrets --identity key.txt |
    banhbaoring keys take banhbaoring-openbao-seal -n keys -f - | kubectl apply --server-side -f -`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || len(files) == 0 {
				return usagef("keys take wants the name of one Secret, and the file with -f FILE or -f -")
			}
			sources, notes, err := input.Read(cmd.InOrStdin(), files, "")
			if err != nil {
				return err
			}
			note(cmd, notes)
			var names []string
			for _, source := range sources {
				secrets, err := secretsOf(source.Data)
				if err != nil {
					return fmt.Errorf("%s: %w", source.Name, err)
				}
				for _, s := range secrets {
					if s.Name == args[0] {
						return printSecret(cmd.OutOrStdout(), s, namespace)
					}
					names = append(names, s.Name)
				}
			}
			return fmt.Errorf("there is no Secret %s in it%s", args[0], didYouMean(args[0], names))
		},
	}
	addFileFlag(cmd, &files)
	cmd.Flags().StringVarP(&namespace, "namespace", "n", "", "the namespace to write into it; that of the copy when absent")
	return cmd
}

// printSecret prints what makes the Secret, without what only its server knew.
func printSecret(out io.Writer, s corev1.Secret, namespace string) error {
	if namespace == "" {
		namespace = s.Namespace
	}
	text, err := sigsyaml.Marshal(corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Name: s.Name, Namespace: namespace, Labels: s.Labels, Annotations: s.Annotations},
		Type:       s.Type, Data: s.Data,
	})
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}

// keyCheck is what is known of one key of a copy.
type keyCheck struct {
	secret, key, fingerprint string
	fault                    error
}

func printKeys(out io.Writer, all []keyCheck) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SECRET\tKEY\tFINGERPRINT\tSTATE")
	bad := 0
	for _, k := range all {
		state := "whole"
		if k.fault != nil {
			state, bad = k.fault.Error(), bad+1
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", k.secret, k.key, k.fingerprint, state)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d keys cannot be used: make another copy while the cluster is there", bad, len(all))
	}
	return nil
}

// checkKeys looks at the Secrets that open OpenBao.
func checkKeys(data []byte) ([]keyCheck, error) {
	secrets, err := secretsOf(data)
	var all []keyCheck
	for _, s := range secrets {
		switch s.Name {
		case jobs.SecretOpenBaoSeal:
			all = append(all, checkSeal(s)...)
		case jobs.SecretOpenBaoKeys:
			all = append(all, checkShares(s)...)
		}
	}
	return all, err
}

// secretsOf are the Secrets of a stream of documents and lists.
func secretsOf(data []byte) ([]corev1.Secret, error) {
	var all []corev1.Secret
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
	for {
		var document struct {
			corev1.Secret
			Items []corev1.Secret `json:"items"`
		}
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, errors.New("it holds no Secrets that can be read: is it decrypted?") // what cannot be parsed may be a key
		}
		for _, s := range append(document.Items, document.Secret) {
			if s.Name != "" {
				all = append(all, s)
			}
		}
	}
}

func checkSeal(s corev1.Secret) []keyCheck {
	key := s.Data["key"]
	k := keyCheck{secret: s.Name, key: "key", fingerprint: fingerprint(key)}
	if len(key) != 32 {
		k.fault = fmt.Errorf("it has %d bytes, and must have 32", len(key))
	}
	return []keyCheck{k}
}

// checkShares checks the shares of the unseal or the recovery key, whichever the
// Secret holds.
func checkShares(s corev1.Secret) []keyCheck {
	for _, name := range []string{jobs.KeyUnseal, jobs.KeyRecovery} {
		lines := strings.Fields(string(s.Data[name]))
		if len(lines) == 0 {
			continue
		}
		threshold, _ := strconv.Atoi(strings.TrimSpace(string(s.Data[jobs.KeyThreshold])))
		return sharesOf(s, name, lines, threshold)
	}
	return []keyCheck{{secret: s.Name, key: jobs.KeyUnseal, fault: errors.New("it holds no keys")}}
}

func sharesOf(s corev1.Secret, name string, lines []string, threshold int) []keyCheck {
	pgp := len(s.Data[jobs.KeyFingerprints]) > 0
	places := map[byte]bool{}
	var all []keyCheck
	whole := 0
	for i, line := range lines {
		share, err := base64.StdEncoding.DecodeString(line)
		k := keyCheck{secret: s.Name, key: fmt.Sprintf("%s, line %d", name, i+1), fingerprint: fingerprint(share)}
		switch {
		case err != nil:
			k.fingerprint, k.fault = "", errors.New("it is no key in base64")
		case pgp: // what is encrypted has no length to check
		case len(lines) == 1 && threshold <= 1 && len(share) == 32: // the key itself
		case len(share) != 33:
			k.fault = fmt.Errorf("it has %d bytes, and a share has 33", len(share))
		case places[share[32]]:
			k.fault = errors.New("it is the share of another line once more")
		default:
			places[share[32]] = true
		}
		if k.fault == nil {
			whole++
		}
		all = append(all, k)
	}
	if whole < threshold {
		all = append(all, keyCheck{secret: s.Name, key: name, fault: fmt.Errorf("%d shares are needed, and %d are whole", threshold, whole)})
	}
	return all
}

// fingerprint lets two copies be compared. The keys are random and long, so that
// it tells nothing of them.
func fingerprint(key []byte) string {
	if len(key) == 0 {
		return ""
	}
	sum := sha256.Sum256(key)
	return fmt.Sprintf("%x", sum[:8])
}
