package strict

import (
	"strings"
	"testing"
)

// laughs is a document that aliases make a million values large.
const laughs = `a: &a [x, x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
f: [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]
`

func indented(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+by) + "\n"
}

func TestBounded(t *testing.T) {
	nested := laughs
	for range 5 {
		nested = "patch: |\n" + indented(nested, "  ")
	}
	for name, text := range map[string]string{
		"a document":                 laughs,
		"the second document":        "a: b\n---\n" + laughs,
		"a text":                     "patch: |\n" + indented(laughs, "  "),
		"a text within texts":        nested,
		"what a later fault hides":   laughs + "---\n{{ no YAML }}: [\n",
		"what a fault stands before": "{{ no YAML }}: [\n---\n" + laughs,
		"what is no object":          "- 1\n---\n" + laughs,
		"depth":                      strings.Repeat("[", 200) + strings.Repeat("]", 200),
		"an alias of itself":         "a: &a [*a]",
		"size":                       strings.Repeat("# a\n", MaxDocument/4+1),
	} {
		if len(Bounded("x.yaml", []byte(text))) == 0 {
			t.Errorf("%s is within bounds", name)
		}
	}
	for name, text := range map[string]string{
		"no YAML":          "#!/bin/sh\na & b && *c \"x: &y *z\" {[",
		"what is faulty":   "a: 1\na: 2\nb: *c\n",
		"what is no text":  "\x00\xff\xfe",
		"aliases that fit": "a: &a [x]\nb: [*a, *a]\n",
		"nothing":          "",
	} {
		if faults := Bounded("x.yaml", []byte(text)); len(faults) > 0 {
			t.Errorf("%s: %v", name, faults)
		}
	}
	if got := Bounded("x.yaml", []byte("a: b\n---\n"+laughs)).Error(); !strings.HasPrefix(got, "x.yaml:7:") {
		t.Errorf("the place is %s", got)
	}
}

// What is within bounds is read in bounded time and memory, and what Split
// refuses for its size is refused.
func FuzzBounded(f *testing.F) {
	f.Add([]byte(laughs))
	f.Add([]byte("patch: |\n" + indented(laughs, "  ")))
	f.Add([]byte("\xff&*"))
	f.Fuzz(func(t *testing.T, data []byte) {
		faults := Bounded("x.yaml", data)
		_, split := Split("x.yaml", data)
		for _, fault := range split {
			if strings.Contains(fault.Message, "aliases make the document larger") && len(faults) == 0 {
				t.Errorf("%q is within bounds, and Split says: %v", data, fault)
			}
		}
	})
}
