package diff

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Fingerprint puts a keyed hash in the place of a secret value: who has the
// diff sees that the value changed, and cannot try out what it is.
type Fingerprint struct{ key []byte }

// NewFingerprint makes fingerprints that only the same key makes again.
func NewFingerprint(key []byte) Fingerprint { return Fingerprint{key} }

// Of is the value's fingerprint: 64 bits of HMAC-SHA256.
func (f Fingerprint) Of(value []byte) string {
	mac := hmac.New(sha256.New, f.key)
	mac.Write(value)
	return "secret-" + hex.EncodeToString(mac.Sum(nil)[:8])
}

const secretWord = `(?:password|passwd|passphrase|token|secret|secret[_-]?key|secret[_-]?access[_-]?key|private[_-]?key|api[_-]?key|client[_-]?secret|credentials?|current_key|previous_key|unseal[_-]?keys?)`

var (
	secretName = regexp.MustCompile(`(?i)^(?:[\w.-]*[_.-])?` + secretWord + `$|^[a-z]+(?:Password|Passphrase|Token|SecretKey|PrivateKey|ApiKey|ClientSecret)$`)
	// assigned is a secret in a text: its name, and a value in quotes or up to
	// the end of the word.
	assigned = regexp.MustCompile(`(?im)((?:^|[\s"'{,;?&-])(?:[\w.]*[_.-])?` + secretWord + `["']?[ \t]*[:=][ \t]*)("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s"'{}\[\],;&|>][^\s"',;&]*)`)
	userInfo = regexp.MustCompile(`(://[^/\s:@"']*:)([^@\s/"']+)(@)`)
	pemBlock = regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----`)
	bearer   = regexp.MustCompile(`(?i)(\b(?:bearer|basic) )([A-Za-z0-9+/=._~-]{8,})`)
	// reference is where a value is found, not the value.
	reference = regexp.MustCompile(`^["']?(?:file://|env://|\$\(\w+\)$|\$\{?\w+\}?["']?$|\{\w+\}["']?$|banhbaoring-[a-z0-9-]+["']?$)`)
	// made is a fingerprint that another step left.
	made = regexp.MustCompile(`^["']?secret-[0-9a-f]{16}["']?$`)
)

// object is a copy of u in which no secret value is left, of plain types, and
// without what only a running API server knows.
func (f Fingerprint) object(u *unstructured.Unstructured) *unstructured.Unstructured {
	if u == nil {
		return nil
	}
	tree, _ := normal(u.Object).(map[string]any)
	delete(tree, "status")
	if annotations, ok := at(tree, "metadata", "annotations").(map[string]any); ok {
		delete(annotations, "kubectl.kubernetes.io/last-applied-configuration") // holds the whole object
	}
	if u.GetKind() == "Secret" {
		f.secret(tree)
	}
	f.tree(tree, "")
	return &unstructured.Unstructured{Object: tree}
}

// secret replaces the values of a Secret; that of a key is the same in data and
// in stringData.
func (f Fingerprint) secret(tree map[string]any) {
	for _, field := range []string{"data", "stringData"} {
		values, _ := tree[field].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(values)) {
			text, _ := values[key].(string)
			raw := []byte(text)
			if field == "data" {
				if decoded, err := base64.StdEncoding.DecodeString(text); err == nil {
					raw = decoded
				}
			}
			values[key] = f.Of(raw)
		}
	}
}

// tree replaces secret values below v in place, and returns v or what takes its
// place; name is the key at which it stands.
func (f Fingerprint) tree(v any, name string) any {
	switch v := v.(type) {
	case map[string]any:
		if variable, ok := v["name"].(string); ok {
			if value, ok := v["value"].(string); ok && secretName.MatchString(variable) {
				v["value"] = f.value(value)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			v[key] = f.tree(v[key], key)
		}
	case []any:
		for i := range v {
			v[i] = f.tree(v[i], "")
		}
	case string:
		if secretName.MatchString(name) {
			return f.value(v)
		}
		return f.text(v)
	}
	return v
}

// value is what takes the place of a secret's value.
func (f Fingerprint) value(v string) string {
	if v == "" || reference.MatchString(v) || made.MatchString(v) {
		return v
	}
	if n := len(v); n > 1 && (v[0] == '"' || v[0] == '\'') && v[n-1] == v[0] {
		if v[1:n-1] == "" {
			return v
		}
		return v[:1] + f.Of([]byte(v[1:n-1])) + v[:1]
	}
	return f.Of([]byte(v))
}

// text replaces the secrets that stand in a longer text.
func (f Fingerprint) text(v string) string {
	v = pemBlock.ReplaceAllStringFunc(v, func(block string) string { return f.Of([]byte(block)) })
	v = f.second(userInfo, v)
	v = f.second(bearer, v)
	return f.second(assigned, v)
}

// second replaces what the second group of each match holds.
func (f Fingerprint) second(pattern *regexp.Regexp, text string) string {
	return pattern.ReplaceAllStringFunc(text, func(match string) string {
		groups := pattern.FindStringSubmatch(match)
		replaced := groups[1] + f.value(groups[2])
		if len(groups) > 3 {
			replaced += groups[3]
		}
		return replaced
	})
}

// at is the value at a path of fields, nil where there is none.
func at(v any, fields ...string) any {
	for _, field := range fields {
		m, _ := v.(map[string]any)
		v = m[field]
	}
	return v
}
