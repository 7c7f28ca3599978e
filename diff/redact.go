package diff

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

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

const secretWord = `(?:password|passwd|passphrase|pass|pwd|token|secret|secret[_-]?key|secret[_-]?access[_-]?key|private[_-]?key|api[_-]?key|client[_-]?secret|credentials?|current_key|previous_key|unseal[_-]?keys?` +
	`|(?:routing|service|integration|encryption|signing|master|recovery|account|shared[_-]?access)[_-]keys?|accountkey|sharedaccesskey|sig|mnemonic|seed[_-]?phrase)`

var (
	secretName = regexp.MustCompile(`(?i)^(?:[\w.-]*[_.-])?` + secretWord + `$|^(?:PG|MYSQL|REDISCLI_)(?:PASSWORD|PWD|AUTH)$|^(?:requirepass|masterauth)$`)
	// userInfo is the password in an address, up to its last @.
	userInfo = regexp.MustCompile(`(://[^/\s:@"'<>]*:)([^\s"'<>]+)(@)`)
	// userOnly is a token that stands alone before the @.
	userOnly = regexp.MustCompile(`(://)([^/\s:@"'<>]{16,})(@)`)
	bearer   = regexp.MustCompile(`(?i)(\b(?:bearer|basic) )([A-Za-z0-9+/=._~-]{8,})`)
	// reference is where a value is found, or that there is none, and not the value.
	reference   = regexp.MustCompile(`^["']?(?:file://|env://|/(?:etc|run|var|home|opt|mnt|tmp|openbao|tools)/[\w./-]+["']?$|\$\(\w+\)$|\$\{?\w+\}?["']?$|\{[\w-]+\}["']?$|banhbaoring-[a-z0-9.-]+["']?$|(?:true|false|null|none|~)["']?$)`)
	holdsSecret = regexp.MustCompile(`\bkind["']?:\s*["']?Secret\b`)
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
		for _, field := range []string{"name", "key"} {
			if variable, ok := v[field].(string); ok && secretNamed(variable) {
				v["value"] = f.tree(v["value"], variable)
				if v["value"] == nil {
					delete(v, "value")
				}
			}
		}
		if text, ok := v["patch"].(string); ok && at(v, "target", "kind") == "Secret" {
			if redacted, ok := f.manifests(text, true); ok {
				v["patch"] = redacted
			}
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if key != "secretKey" || v["remoteRef"] == nil { // there, it is the name of a key
				v[key] = f.tree(v[key], key)
			}
		}
	case []any:
		for i := range v {
			of := name
			if i > 0 {
				if flag, ok := v[i-1].(string); ok && takesSecret(flag, v[i]) {
					of = "password"
				}
			}
			v[i] = f.tree(v[i], of)
		}
	case int64, float64, json.Number:
		if passwordName.MatchString(name) {
			return f.Of([]byte(show(v)))
		}
	case string:
		switch {
		case secretNamed(name):
			return f.value(v)
		case name == "patch", holdsSecret.MatchString(v):
			if text, ok := f.manifests(v, false); ok {
				return text
			}
		case holdsDocument(v):
			if text, ok := f.embedded(v); ok {
				return text
			}
		}
		return f.text(v, name)
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

// text replaces the secrets that stand in a longer text; name is its key.
func (f Fingerprint) text(v, name string) string {
	return f.random(f.around(f.known(v)), name)
}

// known replaces what has the format of a known issuer, and passwords in addresses.
func (f Fingerprint) known(v string) string {
	run := longestRun(v)
	for _, known := range formats {
		if run >= known.run && strings.Contains(v, known.sign) {
			v = known.of.ReplaceAllStringFunc(v, func(secret string) string { return f.Of([]byte(secret)) })
		}
	}
	if strings.Contains(v, "://") && strings.Contains(v, "@") {
		v = f.second(userInfo, v)
		v = f.second(userOnly, v)
	}
	return v
}

// around replaces what the words around it make a secret. The words are looked for
// first: the patterns are slow.
func (f Fingerprint) around(v string) string {
	lower := strings.ToLower(v)
	if strings.Contains(lower, "bearer ") || strings.Contains(lower, "basic ") {
		v = f.second(bearer, v)
	}
	if hinted(lower) {
		v = f.assignments(v)
	}
	if strings.Contains(v, "-u") {
		v = f.second(user, v)
	}
	return v
}

func hinted(lower string) bool {
	return slices.ContainsFunc(hints, func(hint string) bool { return strings.Contains(lower, hint) })
}

// passwordName is the name of a secret that may be a number.
var passwordName = regexp.MustCompile(`(?i)(?:password|passwd|passphrase|passcode|pwd|pin)$`)

// takesSecret reports whether an argument is the value of the flag before it.
func takesSecret(flag string, argument any) bool {
	value, ok := argument.(string)
	name := strings.TrimLeft(flag, "-")
	return ok && strings.HasPrefix(flag, "-") && !strings.ContainsAny(flag, "= ") && !strings.HasPrefix(value, "-") &&
		(secretNamed(name) || user.MatchString(flag+" "+value))
}

// hints are what every name of a secret holds one of.
var hints = []string{"pass", "pwd", "token", "secret", "key", "credential", "sig", "mnemonic", "seed", "auth"}

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
