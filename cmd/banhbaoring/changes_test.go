package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/banhbaoring/banhbaoring/diff"
)

const changedSpec = `apiVersion: banhbaoring.io/v1
kind: BanhBaoRingCluster
metadata: {name: prod, namespace: keys}
spec:
  domain: keys.example.com
  openbao: {autoUnseal: {provider: static}}
  backup: {destination: {s3: {bucket: keys-backups, region: eu-west-1}}}
`

// laid is a tree with another laid over it, whose nulls take away.
func laid(under, over map[string]any) map[string]any {
	for key, value := range over {
		below, ok1 := under[key].(map[string]any)
		above, ok2 := value.(map[string]any)
		if ok1 && ok2 {
			value = laid(below, above)
		}
		under[key] = value
		if value == nil {
			delete(under, key)
		}
	}
	return under
}

// Each change of the table has the class that a senior operator gives it, no
// worse and no better, and the rule that says why.
func TestClassesOfRealisticChanges(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "changes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var changes []struct {
		Change         string
		Base, Head     map[string]any
		Added, Removed map[string]any
		Class          diff.Class
		Rule           string
	}
	if err := yaml.UnmarshalStrict(text, &changes); err != nil {
		t.Fatal(err)
	}
	if len(changes) < 60 {
		t.Errorf("only %d changes", len(changes))
	}
	dir := t.TempDir()
	side := func(name string, spec, document map[string]any) string {
		var cluster map[string]any
		if err := yaml.Unmarshal([]byte(changedSpec), &cluster); err != nil {
			t.Fatal(err)
		}
		laid(cluster["spec"].(map[string]any), spec)
		out, err := yaml.Marshal(cluster)
		if err != nil {
			t.Fatal(err)
		}
		if document != nil {
			laid(document, map[string]any{"apiVersion": cluster["apiVersion"], "metadata": map[string]any{"namespace": "keys"}})
			more, err := yaml.Marshal(document)
			if err != nil {
				t.Fatal(err)
			}
			out = append(append(out, "---\n"...), more...)
		}
		write(t, filepath.Join(dir, name), out)
		return filepath.Join(dir, name)
	}
	for _, c := range changes {
		t.Run(strings.ReplaceAll(c.Change, " ", "-"), func(t *testing.T) {
			cmd := &cobra.Command{}
			cmd.SetContext(context.Background())
			cmd.SetErr(new(strings.Builder))
			base, head, err := new(diffOptions).sides(cmd, side("base.yaml", c.Base, c.Removed), side("head.yaml", c.Head, c.Added))
			if err != nil {
				t.Fatal(err)
			}
			r, err := diff.Compare(base, head, diff.Options{})
			if err != nil {
				t.Fatal(err)
			}
			rules := map[string]bool{}
			for _, o := range r.Objects {
				for _, f := range o.Findings {
					rules[f.Rule] = true
				}
			}
			for _, d := range r.Documents {
				for _, f := range d.Findings {
					rules[f.Rule] = true
				}
			}
			if r.Worst != c.Class || !rules[c.Rule] {
				var worst []string
				for _, o := range r.Objects {
					worst = append(worst, o.String()+": "+string(o.Class)+" "+o.Findings[0].Rule)
				}
				t.Errorf("is %s, want %s by %s:\n%s", r.Worst, c.Class, c.Rule, strings.Join(worst, "\n"))
			}
		})
	}
}
