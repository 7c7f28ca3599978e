package monitoring

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
)

type rule struct {
	Alert       string
	Expr        string
	Labels      map[string]string
	Annotations map[string]string
}

func readRules(t *testing.T) []rule {
	t.Helper()
	var file struct{ Groups []struct{ Rules []rule } }
	text, err := os.ReadFile("base/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	var all []rule
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

type panel struct {
	Title       string
	Datasource  struct{ UID string }
	FieldConfig struct{ Defaults struct{ Unit string } }
	Targets     []struct{ Expr string }
}

// dashboards are the panels of each dashboard's file.
func readDashboards(t *testing.T) map[string][]panel {
	t.Helper()
	all := map[string][]panel{}
	err := fs.WalkDir(os.DirFS("base/dashboards"), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join("base/dashboards", path))
		if err != nil {
			return err
		}
		var board struct {
			Title, UID string
			Panels     []panel
		}
		if err := json.Unmarshal(text, &board); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		name := strings.TrimSuffix(path, ".json")
		if board.Title == "" || board.UID != "banhbaoring-"+name {
			t.Errorf("%s: title %q, uid %q", path, board.Title, board.UID)
		}
		all[name] = board.Panels
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEveryAlertSaysHowBadItIsAndWhatToDo(t *testing.T) {
	for _, r := range readRules(t) {
		if s := r.Labels["severity"]; s != "critical" && s != "warning" {
			t.Errorf("%s: severity %q", r.Alert, s)
		}
		if r.Annotations["summary"] == "" || !strings.HasSuffix(r.Annotations["runbook"], ".") {
			t.Errorf("%s: summary and a runbook sentence are wanted: %v", r.Alert, r.Annotations)
		}
	}
}

func TestEveryAlertIsTestedAndDocumented(t *testing.T) {
	for _, file := range []string{"testdata/rules_test.yaml", "../../docs/monitoring.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range readRules(t) {
			if !regexp.MustCompile(`\b` + r.Alert + `\b`).Match(text) {
				t.Errorf("%s does not name %s", file, r.Alert)
			}
		}
	}
}

func TestEveryPanelHasTitleAndUnit(t *testing.T) {
	boards := readDashboards(t)
	if got, want := slices.Sorted(maps.Keys(boards)), []string{"api", "backups", "cluster", "openbao", "signer", "tenants"}; !slices.Equal(got, want) {
		t.Errorf("dashboards %v, want %v", got, want)
	}
	for name, panels := range boards {
		for _, p := range panels {
			if p.Title == "" || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 || p.Datasource.UID != "prometheus" {
				t.Errorf("%s: panel %q: %+v", name, p.Title, p)
			}
		}
	}
}

// TestEveryMetricIsOneThatAScrapedProgramExports compares the metrics of rules
// and dashboards with testdata/metrics.txt, both ways.
func TestEveryMetricIsOneThatAScrapedProgramExports(t *testing.T) {
	used := map[string]string{}
	for _, r := range readRules(t) {
		for _, m := range metricsOf(r.Expr) {
			used[m] = r.Alert
		}
	}
	for name, panels := range readDashboards(t) {
		for _, p := range panels {
			for _, target := range p.Targets {
				for _, m := range metricsOf(target.Expr) {
					used[m] = name + ": " + p.Title
				}
			}
		}
	}
	text, err := os.ReadFile("testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if name, _, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			known[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if !known[name] {
			t.Errorf("%s uses %s, which testdata/metrics.txt does not know", used[name], name)
		}
	}
	for name := range known {
		if used[name] == "" {
			t.Errorf("testdata/metrics.txt holds %s, which nothing uses", name)
		}
	}
}

// fixed is a range that an expression looks back over, whatever time is shown.
var fixed = regexp.MustCompile(`\[([^]]*)\]`)

// No panel and no rule looks back further than the metrics go that the stack keeps
// by default, and none further than the shortest retention that passes without a
// warning.
func TestNothingLooksBackFurtherThanMetricsAreKept(t *testing.T) {
	const shortest = 24 * time.Hour // api/v1 warns of less
	cluster := v1.BanhBaoRingCluster{Spec: v1.BanhBaoRingClusterSpec{Domain: "keys.example.com"}}
	cluster.Default()
	kept, err := days(cluster.Spec.Monitoring.Prometheus.Retention)
	if err != nil {
		t.Fatal(err)
	}
	ranges := 0
	look := func(where, expr string) {
		for _, found := range fixed.FindAllStringSubmatch(quoted.ReplaceAllString(expr, ""), -1) {
			if found[1] == "$__range" {
				continue // follows what is shown
			}
			ranges++
			back, err := days(found[1])
			if err != nil || back > min(kept, shortest) {
				t.Errorf("%s looks back %s (%v)", where, found[1], err)
			}
		}
	}
	for _, r := range readRules(t) {
		look(r.Alert, r.Expr)
	}
	for name, panels := range readDashboards(t) {
		for _, p := range panels {
			for _, target := range p.Targets {
				look(name+": "+p.Title, target.Expr)
			}
		}
		text, err := os.ReadFile(filepath.Join("base/dashboards", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var board struct{ Time struct{ From string } }
		if err := json.Unmarshal(text, &board); err != nil {
			t.Fatal(err)
		}
		if from, err := days(strings.TrimPrefix(board.Time.From, "now-")); err != nil || from > kept {
			t.Errorf("%s shows the time from %s on (%v), and metrics are kept for %s", name, board.Time.From, err, kept)
		}
	}
	if ranges < 20 {
		t.Errorf("%d ranges only", ranges)
	}
}

// days is a duration that may be one of days.
func days(text string) (time.Duration, error) {
	if n, ok := strings.CutSuffix(text, "d"); ok {
		whole, err := strconv.Atoi(n)
		return time.Duration(whole) * 24 * time.Hour, err
	}
	return time.ParseDuration(text)
}

var (
	quoted    = regexp.MustCompile(`"[^"]*"`)
	selectors = regexp.MustCompile(`\{[^}]*\}|\[[^]]*\]`)
	groupings = regexp.MustCompile(`\b(by|on|without|ignoring)\s*\([^)]*\)`)
	word      = regexp.MustCompile(`[a-zA-Z_][a-zA-Z0-9_]*\b(\s*\()?`)
	operators = []string{"and", "or", "unless", "bool"}
)

// metricsOf are the names in an expression that are neither functions, nor
// labels, nor operators.
func metricsOf(expr string) []string {
	for _, cut := range []*regexp.Regexp{quoted, selectors, groupings} {
		expr = cut.ReplaceAllString(expr, " ")
	}
	var names []string
	for _, name := range word.FindAllString(expr, -1) {
		if !strings.HasSuffix(name, "(") && !slices.Contains(operators, name) && !regexp.MustCompile(`^e\d+$`).MatchString(name) {
			names = append(names, name)
		}
	}
	return names
}
