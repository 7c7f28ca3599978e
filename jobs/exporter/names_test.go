package exporter_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/golden"
)

// namesFrom are the metrics of rules and dashboards whose line in the list of the
// monitoring's tests holds a text.
func namesFrom(t *testing.T, source string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(golden.Root(t), "components", "monitoring", "testdata", "metrics.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		name, from, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != "#" && strings.Contains(from, source) {
			names = append(names, name)
		}
	}
	if len(names) < 2 {
		t.Fatalf("the list names %v of %s", names, source)
	}
	return names
}

// The exporters that the names are held against are those that the stack runs.
func TestTheExportersThatAreTriedAreTheStacksOwn(t *testing.T) {
	module, err := os.ReadFile(filepath.Join(golden.Root(t), "e2e", "exporters", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	cluster := golden.Stack(t, "").Cluster.Spec
	for name, version := range map[string]string{
		"github.com/prometheus-community/postgres_exporter": cluster.Database.Exporter.Version,
		"github.com/oliver006/redis_exporter":               cluster.Redis.Exporter.Version,
	} {
		if !strings.Contains(string(module), "\t"+name+" "+version+"\n") {
			t.Errorf("%s is tried in another version than %s", name, version)
		}
	}
}

// The stack's own metrics that rules and dashboards use are written by this program.
func TestEveryMetricOfOursIsWritten(t *testing.T) {
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, file := range sources {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(text)
	}
	for _, name := range namesFrom(t, "jobs/exporter") {
		if !strings.Contains(code.String(), `"`+name+`"`) {
			t.Errorf("nothing here writes %s", name)
		}
	}
}
