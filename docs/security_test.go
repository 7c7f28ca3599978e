package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// parties are those that the threat model is about, whatever else it names.
var parties = []string{
	"A client of a tenant", "A tenant's admin", "Whoever writes a tenant's document", "A taken-over API pod", "A taken-over signer pod",
	"A taken-over backup pod", "A bucket writer", "The author of a pull request", "A tenant of the repo-server", "A node",
}

var quoted = regexp.MustCompile("`([^`]+)`")

// Each party that the threat model protects from something has tests that show it,
// and each test that it names is there.
func TestEveryClaimOfTheThreatModelIsTested(t *testing.T) {
	page, err := os.ReadFile("security.md")
	if err != nil {
		t.Fatal(err)
	}
	known := testsOf(t, "..")
	var seen []string
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		who, ok := strings.CutPrefix(strings.TrimSpace(cells[0]), "**")
		if !ok || len(cells) < 2 {
			continue
		}
		who, _, _ = strings.Cut(who, "**")
		seen = append(seen, who)
		if len(cells) != 4 {
			t.Errorf("%s: the row has %d cells, not 4", who, len(cells))
			continue
		}
		cannot, tests := strings.TrimSpace(cells[2]), strings.TrimSpace(cells[3])
		named := 0
		for _, m := range quoted.FindAllStringSubmatch(tests, -1) {
			switch name := m[1]; {
			case strings.HasPrefix(name, "Test"), strings.HasPrefix(name, "Fuzz"):
				named++
				if !known[name] {
					t.Errorf("%s: there is no test %s", who, name)
				}
			case !known[name]:
				t.Errorf("%s: %s is neither a test nor a case of one", who, name)
			}
		}
		if claims := !strings.HasPrefix(cannot, "–"); claims && named == 0 {
			t.Errorf("%s: no test shows what it cannot do", who)
		}
	}
	for _, who := range parties {
		if !slices.Contains(seen, who) {
			t.Errorf("the table has no row %q", who)
		}
	}
}

// testsOf are the names of the tests below a folder, and of the scripts that are
// cases of one.
func testsOf(t *testing.T, root string) map[string]bool {
	t.Helper()
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	known := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if strings.HasSuffix(path, ".txtar") {
			known[filepath.Base(path)] = true
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range function.FindAllSubmatch(text, -1) {
			known[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return known
}
