package diff_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/banhbaoring/banhbaoring/diff"
)

// formats are all that is printed of a report.
func formats(t testing.TB, r *diff.Report) string {
	t.Helper()
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	page, err := r.HTML()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(append(r.Markdown(diff.MarkdownLimit, ""), r.Text(diff.TextOptions{Width: 10000}), string(data), page), "\n")
}

// parts are what must not be found of a secret: its long words, of which a cut
// one may be printed.
func parts(secret string) []string {
	var all []string
	cuts := " \n=:@;?&'\""
	if strings.Contains(secret, "://") {
		cuts += "/"
	}
	for _, word := range strings.FieldsFunc(secret, func(r rune) bool { return strings.ContainsRune(cuts, r) }) {
		if strings.Contains(word, "hunter2!") {
			word = "hunter2!"
		}
		if n := len(word); n >= 8 && regexp.MustCompile(`\d`).MatchString(word) && !strings.HasPrefix(word, "age1") || word == "hunter2!" {
			all = append(all, word[:min(n, 24)])
		}
	}
	return all
}

// Each secret of the corpus, wherever it stands, is printed in no format.
func TestKnownFormatsAreNeverPrinted(t *testing.T) {
	text, err := os.ReadFile("testdata/leaks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var corpus []string
	if err := yaml.Unmarshal(text, &corpus); err != nil {
		t.Fatal(err)
	}
	for i, secret := range corpus {
		quoted, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		places := map[string]map[string]any{
			"a field":        {"spec": map[string]any{"x": secret}},
			"a list":         {"spec": map[string]any{"args": []any{"a", secret}}},
			"a ConfigMap":    {"kind": "ConfigMap", "data": map[string]any{"x": "first\n" + secret + "\nlast"}},
			"a document":     {"kind": "ConfigMap", "data": map[string]any{"x.json": `{"x": ` + string(quoted) + `}`}},
			"an annotation":  {"metadata": map[string]any{"name": "a", "annotations": map[string]any{"x": secret}}},
			"a patch":        {"spec": map[string]any{"patches": []any{map[string]any{"patch": `{"kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": ` + string(quoted) + `}}`}}}},
			"operations":     {"spec": map[string]any{"patches": []any{map[string]any{"patch": `[{"op": "add", "path": "/data/x", "value": ` + string(quoted) + `}]`}}}},
			"a broken patch": {"spec": map[string]any{"patches": []any{map[string]any{"patch": "{\n" + secret}}}},
		}
		for place, object := range places {
			base := map[string]any{"apiVersion": "v1", "kind": "Thing", "metadata": map[string]any{"name": "a"}}
			head := map[string]any{"apiVersion": "v1", "kind": "Thing", "metadata": map[string]any{"name": "a"}}
			for key, value := range object {
				head[key] = value
			}
			base["kind"] = head["kind"]
			r := compare(t, []*unstructured.Unstructured{{Object: base}}, []*unstructured.Unstructured{{Object: head}})
			printed := formats(t, r)
			if !strings.Contains(printed, "secret-") {
				t.Errorf("secret %d in %s leaves no fingerprint", i, place)
			}
			searched := parts(secret)
			if len(searched) == 0 {
				t.Errorf("nothing of secret %d is looked for", i)
			}
			for _, part := range searched {
				if at := strings.Index(printed, part); at >= 0 {
					t.Errorf("secret %d in %s: …%s…", i, place, printed[max(0, at-30):min(len(printed), at+40)])
				}
			}
		}
	}
}

// The values of a Secret that a patch holds are secret whatever they are.
func TestPatchesOfSecretsAreRedacted(t *testing.T) {
	for i, patch := range []string{
		"patch: |\n  apiVersion: v1\n  kind: Secret\n  metadata: {name: a}\n  stringData: {word: hunter2}\n",
		"patch: |\n  apiVersion: v1\n  kind: Secret\n  metadata: {name: a}\n  data: {word: aHVudGVyMg==}\n",
		"patch: '{\"kind\": \"Secret\", \"metadata\": {\"name\": \"a\"}, \"stringData\": {\"word\": \"hunter2\"}}'\n",
		"target: {kind: Secret}\npatch: |\n  - {op: replace, path: /data/word, value: aHVudGVyMg==}\n",
		"target: {kind: Secret}\npatch: |\n  - {op: replace, path: /data, value: {word: aHVudGVyMg==}}\n",
		"target: {kind: Secret}\npatch: |\n  data: {word: aHVudGVyMg==}\n",
		"patch: |\n  - {op: add, path: /stringData/word, value: hunter2}\n",
		"patch: |\n  - {op: add, path: /spec/template/spec/containers/0/env/-, value: {name: API_TOKEN, value: hunter2}}\n",
		"patch: |\n  - op: add\n    path: /spec/password\n    value: hunter2\n",
	} {
		document := "apiVersion: banhbaoring.io/v1\nkind: BanhBaoRingCluster\nmetadata: {name: a, namespace: a}\nspec:\n  domain: a.example.com\n"
		indented := "  patches:\n  - " + strings.ReplaceAll(strings.TrimSuffix(patch, "\n"), "\n", "\n    ") + "\n"
		r, err := diff.Compare(side(t, "base", []byte(document)), side(t, "head", []byte(document+indented)), options)
		if err != nil {
			t.Fatal(err)
		}
		printed := formats(t, r)
		if strings.Contains(printed, "hunter2") || strings.Contains(printed, "aHVudGVyMg") || !strings.Contains(printed, "secret-") {
			t.Errorf("patch %d: %s", i, r.Text(diff.TextOptions{}))
		}
	}
}

// A live object holds once more what was applied, and what is applied now: neither
// shows a secret, nor does what the cluster says of its state.
func TestWhatALiveObjectRemembersIsNotPrinted(t *testing.T) {
	object := func(word string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "Secret", "data": map[string]any{"word": base64.StdEncoding.EncodeToString([]byte(word))},
			"metadata": map[string]any{"name": "a", "annotations": map[string]any{
				"kubectl.kubernetes.io/last-applied-configuration": `{"kind":"Secret","stringData":{"word":"` + word + `"}}`,
				"mine": `{"kind":"Secret","stringData":{"word":"` + word + `"}}`,
			}},
			"status": map[string]any{"word": word},
		}}
	}
	r, err := diff.Compare(diff.Side{Name: "live", Objects: []*unstructured.Unstructured{object("hunter2")}}, diff.Side{Objects: []*unstructured.Unstructured{object("hunter3")}}, options)
	if err != nil {
		t.Fatal(err)
	}
	printed := formats(t, r)
	if strings.Contains(printed, "hunter") || strings.Contains(printed, "aHVudGVy") || !strings.Contains(printed, "secret-") {
		t.Error(r.Text(diff.TextOptions{}))
	}
}

// What an API server says of an object may hold its values.
func TestRefusalsAreRedacted(t *testing.T) {
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "a"}}}
	r, err := diff.Compare(diff.Side{}, diff.Side{Objects: []*unstructured.Unstructured{u}}, diff.Options{Refusals: map[diff.ID]string{
		{Kind: "ConfigMap", Name: "a"}: `Invalid value: "postgres://me:hunter2@db"`,
	}})
	if err != nil {
		t.Fatal(err)
	}
	if text := r.Text(diff.TextOptions{}); strings.Contains(text, "hunter2") || !strings.Contains(text, "postgres://me:") {
		t.Error(text)
	}
}

// Nothing that we render looks like a secret, so that diffs of it can be read.
func TestWhatIsNoSecretIsPrinted(t *testing.T) {
	made := regexp.MustCompile(`secret-[0-9a-f]{16}`)
	variable := regexp.MustCompile(`PASSWORD :'secret-[0-9a-f]{16}'`) // of psql's, whose name is hidden
	var walk func(path string, v any, visit func(string, string))
	walk = func(path string, v any, visit func(string, string)) {
		switch v := v.(type) {
		case map[string]any:
			for key, value := range v {
				walk(path+"."+key, value, visit)
			}
		case []any:
			for i, value := range v {
				walk(fmt.Sprintf("%s[%d]", path, i), value, visit)
			}
		case string:
			visit(path, v)
		}
	}
	count := 0
	for name, objects := range stacks(t) {
		for i, u := range options.Fingerprint.Objects(objects) {
			walk(u.GetKind()+" "+u.GetName(), u.Object, func(path, text string) {
				text = variable.ReplaceAllString(text, "")
				if at := made.FindStringIndex(text); at != nil && count < 40 {
					count++
					t.Errorf("%s: %s: …%s… of %s", name, path, text[max(0, at[0]-40):min(len(text), at[1]+20)], objects[i].GetName())
				}
			})
		}
	}
	for _, text := range []string{"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p", "0x52908400098527886E0F7030069857D2E4169EE7",
		"ghcr.io/a/b@sha256:9f86d081884c7d659a2feaa0c55ad0159f86d081884c7d659a2feaa0c55ad015", "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUd1q9\n-----END CERTIFICATE-----",
		"123e4567-e89b-42d3-a456-426614174000", "banhbaoring-configure-0a1b2c3d4e", "settings-c4t6dbh69t", "banhbaoring-api-7c7f6b56-ldcsx", "banhbaoring-init-60448a2e0b-sgz2k", "banhbaoring-grafana-5b8d6c9f7d", "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab", "arn:aws:kms:eu-west-1:111122223333:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "automountServiceAccountToken: true"} {
		u := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"x": text}}}
		if got := at(options.Fingerprint.Objects([]*unstructured.Unstructured{u})[0]); got != text {
			t.Errorf("%s became %s", text, got)
		}
	}
}

// Names that tell of a secret, and those that tell of something about one.
func TestNamesOfSecrets(t *testing.T) {
	redacted := func(tree map[string]any) string {
		u := &unstructured.Unstructured{Object: map[string]any{"spec": tree}}
		text, err := json.Marshal(options.Fingerprint.Objects([]*unstructured.Unstructured{u})[0].Object["spec"])
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, name := range []string{"password", "PASSWORD_ADMIN", "adminPasswords", "db-password-old", "TOKENS", "tokenGithub", "JWT_KEY", "jwtKeys", "HMAC_KEY_OLD", "APP_SECRETS",
		"PASS_ADMIN", "secret_id", "passwordHash", "rootPassword2", "apikey", "signing-key", "credentialsJSON", "mnemonicWords"} {
		for form, tree := range map[string]map[string]any{
			"a field":          {name: "hunter2"},
			"a list":           {name: []any{"hunter2", "other"}},
			"a variable":       {"env": []any{map[string]any{"name": name, "value": "hunter2"}}},
			"a parameter":      {"parameters": []any{map[string]any{"key": name, "value": "hunter2"}}},
			"a flag":           {"args": []any{"--" + name, "hunter2"}},
			"a flag with =":    {"args": []any{"--" + name + "=hunter2"}},
			"a text":           {"script": "run\n" + name + "=hunter2 x\n"},
			"a value of lines": {"x": "a: b\n" + name + ": |\n  one\n  hunter2\n"},
		} {
			if text := redacted(tree); strings.Contains(text, "hunter2") || !strings.Contains(text, "secret-") {
				t.Errorf("%s as %s: %s", name, form, text)
			}
		}
	}
	for _, name := range []string{"secretName", "secretNames", "imagePullSecrets", "secrets", "tokenTTL", "token_policies", "passwordPolicy", "PASSWORD_MIN_LENGTH", "tokenPath", "tokenAudience",
		"passwordKey", "key", "keys", "publicKey", "trustedKeys", "sort_key", "compass", "bypass", "keyring", "monkey", "tokenizer", "authProvider", "seedNodes", "secretStoreRef", "token_url", "passwordResetEnabled"} {
		for form, tree := range map[string]map[string]any{
			"a field": {name: "hunter2"},
			"a list":  {name: []any{"hunter2", "other"}},
			"a text":  {"script": "run\n" + name + "=hunter2 x\n"},
			"a flag":  {"args": []any{"--" + name, "hunter2"}},
		} {
			if text := redacted(tree); !strings.Contains(text, "hunter2") {
				t.Errorf("%s as %s is hidden: %s", name, form, text)
			}
		}
	}
	for _, text := range []string{"password: $PASSWORD", "read the token from a file", "--token-file /run/token", "docker run -u 1000:1000 a", "keys:\n  a: b", "tokens:\n  ttl: 5m", "The password is asked for.", "the key: see below"} {
		if got := redacted(map[string]any{"x": text}); strings.Contains(got, "secret-") {
			t.Errorf("%q became %s", text, got)
		}
	}
	if got := redacted(map[string]any{"password": int64(12345678), "tokens": int64(5)}); strings.Contains(got, "12345678") || !strings.Contains(got, ":5") {
		t.Error(got)
	}
}

func at(u *unstructured.Unstructured) string {
	text, _, _ := unstructured.NestedString(u.Object, "spec", "x")
	return text
}
