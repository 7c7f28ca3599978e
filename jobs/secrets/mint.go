package secrets

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// mint gives a Secret the keys that it lacks.
func (w *work) mint(ctx context.Context, m jobs.MintSecret) error {
	return w.put(ctx, m.Name, func(ctx context.Context, secret *corev1.Secret) (string, error) {
		if m.Rotate && ours(secret) && asked(secret) {
			rotate(m, secret.Data)
			delete(secret.Annotations, renewNow)
		}
		values, err := lacking(m, secret.Data)
		if err != nil || len(values) == 0 {
			return "", err
		}
		if err := w.notLost(ctx, m); err != nil {
			return "", err
		}
		var made []string
		for _, key := range m.Keys {
			if value, lacked := values[key.Key]; lacked {
				secret.Data[key.Key] = value
				made = append(made, key.Key)
			}
		}
		return "minted " + strings.Join(made, ", "), nil
	})
}

// notLost refuses to mint what something that is in use was made with.
func (w *work) notLost(ctx context.Context, m jobs.MintSecret) error {
	if m.LostIf == nil {
		return nil
	}
	witness, err := w.get(ctx, m.LostIf.Name)
	if err != nil || witness == nil || len(witness.Data[m.LostIf.Key]) == 0 {
		return err
	}
	return run.ByHand(fmt.Errorf("it is lost, and data was encrypted with it, as key %s of Secret %s shows: a new one would not decrypt it: hint: restore the Secret from a backup", m.LostIf.Key, m.LostIf.Name))
}

// lacking are the values that a Secret of these keys lacks.
func lacking(m jobs.MintSecret, have map[string][]byte) (map[string][]byte, error) {
	all, made := map[string][]byte{}, map[string][]byte{}
	var faults []string
	for _, v := range m.Keys {
		value, exists := have[v.Key]
		switch {
		case exists && len(value) == 0:
			faults = append(faults, fmt.Sprintf("key %s is empty: hint: give it a value, or remove the key to have it minted", v.Key))
		case exists:
			all[v.Key] = value
			for _, source := range sources(v) {
				if _, known := have[source]; !known {
					faults = append(faults, fmt.Sprintf("key %s is there, but not %s, which it contains: hint: add %s, or remove %s to have both minted", v.Key, source, source, v.Key))
				}
			}
		case len(sources(v)) == 0:
			made[v.Key] = plain(v)
			all[v.Key] = made[v.Key]
		}
	}
	for _, v := range m.Keys {
		if _, done := all[v.Key]; done || len(faults) > 0 {
			continue
		}
		value, err := fill(v.Value, all)
		if v.PublicOf != "" {
			value, err = public(v, all[v.PublicOf])
		}
		if err != nil {
			faults = append(faults, fmt.Sprintf("key %s: %v", v.Key, err))
			continue
		}
		made[v.Key] = value
	}
	if len(faults) > 0 {
		return nil, errors.New(strings.Join(faults, "; "))
	}
	return made, nil
}

// reference is {key} in a value.
var reference = regexp.MustCompile(`\{([-._a-zA-Z0-9]+)\}`)

// references are the keys that a value contains.
func references(value string) []string {
	var keys []string
	for _, match := range reference.FindAllStringSubmatch(value, -1) {
		keys = append(keys, match[1])
	}
	return keys
}

// sources are the keys that a value is made from.
func sources(v jobs.MintValue) []string {
	if v.PublicOf != "" {
		return []string{v.PublicOf}
	}
	return references(v.Value)
}

// fill puts other keys' values into a value. In a URL they are escaped.
func fill(value string, from map[string][]byte) ([]byte, error) {
	escape := func(s string) string { return s }
	if strings.Contains(value, "://") {
		escape = func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	}
	var unknown []string
	filled := reference.ReplaceAllStringFunc(value, func(match string) string {
		key := strings.Trim(match, "{}")
		text, known := from[key]
		if !known {
			unknown = append(unknown, key)
		}
		return escape(string(text))
	})
	if len(unknown) > 0 {
		return nil, fmt.Errorf("there is no key %s to make it from", strings.Join(slices.Compact(unknown), ", "))
	}
	return []byte(filled), nil
}

// plain is a value that contains no other.
func plain(v jobs.MintValue) []byte {
	switch {
	case v.RandomBytes > 0:
		value := make([]byte, v.RandomBytes)
		_, _ = rand.Read(value) // never fails: crypto/rand ends the program instead
		return value
	case v.RandomText > 0:
		return randomText(v.RandomText)
	case v.Pair != "":
		return private(v.Pair)
	}
	return []byte(v.Value)
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// randomText is n letters and digits, each as likely as the others: a byte that
// would favour some is thrown away.
func randomText(n int) []byte {
	const fair = 256 - 256%len(alphabet)
	text, random := make([]byte, 0, n), make([]byte, 1)
	for len(text) < n {
		if _, _ = rand.Read(random); int(random[0]) < fair {
			text = append(text, alphabet[int(random[0])%len(alphabet)])
		}
	}
	return text
}
