package strict

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	k8sfield "k8s.io/apimachinery/pkg/util/validation/field"
)

const placed = `# two lines
# on top
apiVersion: v1
kind: Server
metadata:
  labels:
    app.kubernetes.io/name: x
    "a]b": x
    a: x
    "a.b": {c: x}
spec: &s
  list:
  - name: x
    args: [a, b]
  - []
  empty: {}
  none:
other:
  <<: *s
  own: 1
`

func placedDocument(t *testing.T) *Document {
	t.Helper()
	documents, faults := Split("f", []byte("---\n"+placed))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return documents[0]
}

func TestPosition(t *testing.T) {
	d := placedDocument(t)
	root := k8sfield.NewPath("metadata")
	for path, want := range map[string]string{
		"":                                       "f:4:1",
		"kind":                                   "f:5:1",
		"metadata":                               "f:6:1",
		"metadata.name":                          "f:6:1",
		"metadata.labels.a":                      "f:10:5",
		"metadata.labels[a.b].c":                 "f:11:13",
		"metadata.labels.a.b.c":                  "f:11:13",
		"metadata.labels.ab":                     "f:7:3",
		"metadata.labels.app.kubernetes.io/name": "f:8:5",
		root.Child("labels").Key("app.kubernetes.io/name").String(): "f:8:5",
		root.Child("labels").Key("a]b").String():                    "f:9:5",
		"spec.list":                                                 "f:13:3",
		"spec.list[0]":                                              "f:14:5",
		"spec.list[0].args[1]":                                      "f:15:15",
		"spec.list[0].args[2]":                                      "f:15:5",
		"spec.list[0].args[-1]":                                     "f:15:5",
		"spec.list[0].args[x":                                       "f:15:5",
		"spec.list[1][0].x":                                         "f:16:5",
		"spec.list.name":                                            "f:13:3",
		"spec.none.x":                                               "f:18:3",
		"other.own":                                                 "f:21:3",
		"other.list[0].name":                                        "f:14:5",
		"nowhere.at[0].all":                                         "f:4:1",
		"[":                                                         "f:4:1",
		"..":                                                        "f:4:1",
	} {
		if got := d.Position(path).String(); got != want {
			t.Errorf("%q is at %s, not %s", path, got, want)
		}
	}
}

func TestGivenListsWhatIsSetInOrder(t *testing.T) {
	want := strings.Fields(`apiVersion kind
		metadata.labels[app.kubernetes.io/name] metadata.labels[a]b] metadata.labels.a metadata.labels[a.b].c
		spec.list[0].name spec.list[0].args[0] spec.list[0].args[1] spec.list[1] spec.empty
		other.own other.list[0].name other.list[0].args[0] other.list[0].args[1] other.list[1] other.empty`)
	if diff := cmp.Diff(want, placedDocument(t).Given()); diff != "" {
		t.Errorf("not as wanted (-want +got):\n%s", diff)
	}
}

func TestPositionString(t *testing.T) {
	same(t, Position{File: "f"}.String(), "f")
	same(t, Fault{Position: Position{"f", 1, 2}, Message: "m"}.Error(), "f:1:2: m")
	if (Faults{}).Err() != nil {
		t.Error("no faults are an error")
	}
}
