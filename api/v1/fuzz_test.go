package v1

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"sigs.k8s.io/yaml"
)

func FuzzValidate(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.yaml")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add(validCluster)
	f.Add(`{spec: {patches: [{patch: "- {op: add, path: /a, value: 1}", target: {kind: "Pod("}}], backup: {schedule: "TZ=x"}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var c BanhBaoRingCluster
		if yaml.Unmarshal([]byte(text), &c) != nil {
			return
		}
		c.Default()
		once := marshal(t, &c)
		faults := c.Validate()
		c.Warnings()
		if after := marshal(t, &c); after != once {
			t.Fatalf("Validate or Warnings changed the document:\n%s\n%s", once, after)
		}
		if len(faults) > 0 {
			return
		}
		c.Default()
		if twice := marshal(t, &c); twice != once {
			t.Fatalf("Default changed what it had written:\n%s\n%s", once, twice)
		}
	})
}

func marshal(t *testing.T, c *BanhBaoRingCluster) string {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
