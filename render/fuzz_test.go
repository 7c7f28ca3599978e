package render_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/banhbaoring/banhbaoring/components"
	"github.com/banhbaoring/banhbaoring/golden"
	"github.com/banhbaoring/banhbaoring/render"
	"github.com/banhbaoring/banhbaoring/render/strict"
)

// Whatever is read is at fault, and then every fault has a place and says
// something, or is valid, and then it can be rendered or says why not.
func FuzzLoad(f *testing.F) {
	for _, folder := range []string{"examples", "api/v1/testdata"} {
		for _, name := range golden.Files(f, folder) {
			data, err := os.ReadFile(filepath.Join(golden.Root(f), folder, name))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Add([]byte(`{"apiVersion": "banhbaoring.io/v1", "kind": "BanhBaoRingCluster", "metadata": {"name": "x"}, "spec": {"domain": "a.b"}}`))
	all := components.All()
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := render.Load(render.Source{Name: "fuzz.yaml", Data: data})
		if err != nil {
			checkFaults(t, err)
			return
		}
		for _, s := range in.Stacks {
			if s.Cluster.Spec.OpenBao.Chart != nil {
				continue // it is not stored here
			}
			objects, err := render.Render(s, all)
			if err != nil {
				checkFaults(t, s.Locate(err))
				continue
			}
			if _, err := objects.YAML(); err != nil {
				t.Error(err)
			}
		}
	})
}

func checkFaults(t *testing.T, err error) {
	var faults strict.Faults
	if !errors.As(err, &faults) || len(faults) == 0 {
		t.Fatalf("%T is not a list of faults: %v", err, err)
	}
	for _, fault := range faults {
		if fault.File != "fuzz.yaml" || fault.Message == "" {
			t.Errorf("%#v", fault)
		}
	}
}
