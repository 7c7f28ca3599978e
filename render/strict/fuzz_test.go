package strict

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
)

func seed(f *testing.F) {
	for _, text := range []string{
		statefulSet, placed, header,
		"---\n" + header + "---\n# x\n...\n" + header + "--- {apiVersion: v1, kind: A}\n",
		`{"apiVersion":"v1","kind":"A"} {"kind":"B","apiVersion":"v1","spec":{"replicas":1,"x":"\ud83d\ude00"}}`,
		header + "spec: {replicas: '3', labels: {a: on}, memory: 1x, values: {a: &a [1, *a]}}\n? [x]\n: y\n",
		header + "spec:\n  patches:\n  - &p {target: a, args: [1, 2.0, -9]}\n  - {<<: [*p, *p], args: null}\n  grace: 1h\n  port: 80%\n",
		"\ufeff%YAML 1.2\r\n---\r\napiVersion: v1\r\nkind: 'A'\r\n",
		header + "x: \"a\\u0041\n  b\"\ny: >+\n a\n\nz: !!str 3\n",
	} {
		f.Add([]byte(text))
	}
}

func FuzzSplit(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		documents, faults := Split("f", data)
		for _, fault := range faults {
			wellFormed(t, fault)
		}
		for _, d := range documents {
			if !bytes.Contains(data, d.Raw) {
				t.Errorf("%q is not in the file", d.Raw)
			}
			for _, path := range d.Given() {
				if p := d.Position(path); p.Line < 1 || p.Column < 1 {
					t.Errorf("%s is at %s", path, p)
				}
			}
			if _, err := json.Marshal(d.Value()); err != nil {
				t.Error(err)
			}
			again, _ := Split("f", d.Raw)
			if len(again) != 1 || !bytes.Equal(again[0].Raw, d.Raw) {
				t.Errorf("%q splits into %d", d.Raw, len(again))
			}
		}
	})
}

// wellFormed fails the test unless fault has a place and each part of it is
// one line.
func wellFormed(t *testing.T, fault Fault) {
	if fault.Line < 1 || fault.Column < 1 || strings.ContainsAny(fault.Message+fault.Path+fault.Hint, "\n\r") {
		t.Errorf("%+q", fault)
	}
}

func FuzzDecode(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		documents, _ := Split("f", data)
		for _, d := range documents {
			for _, into := range []any{&server{}, &appsv1.StatefulSet{}} {
				for _, fault := range d.Decode(into) {
					wellFormed(t, fault)
					d.Position(fault.Path)
				}
				if _, err := json.Marshal(into); err != nil {
					t.Logf("marshalling: %v", err) // times past the year 9999
				}
			}
			d.Position(string(data))
		}
	})
}

func BenchmarkSmallDocument(b *testing.B) {
	text := []byte(header + `metadata:
  name: openbao
  namespace: vault
  labels:
    app.kubernetes.io/name: openbao
    app.kubernetes.io/part-of: vault
spec:
  replicas: 3
  paused: false
  mode: fast
  image: openbao:2.0
  tls:
    issuer: me
    days: 90
  patches:
  - target: StatefulSet
    args: [1, 2, 3]
  - target: Service
    args: [4]
  labels:
    a: b
    c: d
  memory: 10Gi
  grace: 90s
  port: http
  values:
    server:
      enabled: true
  ratio: 0.5
  small: 3
`)
	b.ReportAllocs()
	for b.Loop() {
		documents, faults := Split("f", text)
		var into server
		if faults = append(faults, documents[0].Decode(&into)...); len(faults) > 0 {
			b.Fatal(faults)
		}
	}
}
