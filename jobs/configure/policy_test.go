package configure

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rule is a policy's rule: its path and its capabilities.
var rule = regexp.MustCompile(`path\s+"([^"]+)"\s*\{\s*capabilities\s*=\s*\[([^\]]*)\]`)

// unlisted are the rules in a text that grant list (or scan) at a path that OpenBao does
// not look for. It looks for the path with a slash at its end; from 2.6.0 on, for one without only where
// no other rule with a wildcard fits: `role/+`, which fits `role/`, hides `role`.
func unlisted(text string) (wrong []string) {
	slashed := map[string]bool{}
	for _, m := range rule.FindAllStringSubmatch(text, -1) {
		if strings.Contains(m[2], `"list"`) {
			slashed[m[1]] = true
		}
	}
	for _, m := range rule.FindAllStringSubmatch(text, -1) {
		path, capabilities := m[1], m[2]
		if (strings.Contains(capabilities, `"list"`) || strings.Contains(capabilities, `"scan"`)) && !strings.HasSuffix(path, "/") && !strings.HasSuffix(path, "*") && !slashed[path+"/"] {
			wrong = append(wrong, path)
		}
	}
	return wrong
}

func TestRulesThatListEndInASlash(t *testing.T) {
	if got := unlisted(`path "a/b" { capabilities = ["read", "list"] } path "c/" { capabilities = ["list"] }`); !slices.Equal(got, []string{"a/b"}) {
		t.Fatalf("of a text with one such rule: %v", got)
	}
	rules := 0
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", "bin", "golden", "node_modules"}, entry.Name()):
			return fs.SkipDir
		case entry.IsDir() || !slices.Contains([]string{".hcl", ".go", ".md", ".yaml", ".sh"}, filepath.Ext(path)) || filepath.Base(path) == "policy_test.go":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rules += len(rule.FindAllIndex(text, -1))
		for _, listed := range unlisted(string(text)) {
			t.Errorf("%s: the rule for %q grants list: write %[2]q as %q", path, listed, listed+"/")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if rules < 50 {
		t.Errorf("found %d rules of policies, which cannot be all", rules)
	}
}

// The backup Job takes OpenBao as the seal encrypts it, and sees how many keys there
// are: it reads none, signs with none, and writes nothing.
func TestABackupReadsOfOpenBaoWhatTheSealEncrypts(t *testing.T) {
	text, err := os.ReadFile("policies/backup.hcl")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"sys/storage/raft/snapshot": `"read"`,
		"auth/token/revoke-self":    `"update"`,
		"secp256k1/keys/":           `"list"`,
	}
	rules := rule.FindAllStringSubmatch(string(text), -1)
	if len(rules) != len(want) || strings.Count(string(text), "path ") != len(want) {
		t.Errorf("%d rules, want %d", len(rules), len(want))
	}
	for _, m := range rules {
		if want[m[1]] != m[2] {
			t.Errorf("%s: %s, want %q", m[1], m[2], want[m[1]])
		}
	}
}
