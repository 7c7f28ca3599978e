package strict

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSplit(t *testing.T) {
	const a, b = "apiVersion: v1\nkind: A\n", "apiVersion: v1\nkind: B\n"
	for name, test := range map[string]struct {
		text string
		raws []string
		want string // what Position("kind") says of each
	}{
		"one document":                     {a, []string{a}, "2:1"},
		"two documents":                    {a + "---\n" + b, []string{a, b}, "2:1 5:1"},
		"a separator before and after":     {"---\n" + a + "---\n", []string{a}, "3:1"},
		"empty and commented-out ones":     {"# hi\n---\n\n---\n  # ho\n---\n" + a, []string{a}, "8:1"},
		"comments, which are kept":         {"--- # one\n# two\n" + a, []string{"# one\n# two\n" + a}, "4:1"},
		"the end marker":                   {a + "...\n" + b, []string{a, b}, "2:1 5:1"},
		"a directive":                      {"%YAML 1.2\n---\n" + a, []string{a}, "4:1"},
		"a separator with a value":         {"--- {apiVersion: v1, kind: A}\n--- &x\n" + b, []string{"{apiVersion: v1, kind: A}\n", "&x\n" + b}, "1:22 4:1"},
		"a byte order mark":                {"\ufeff" + a + "---\n\ufeff" + b + "\ufeff---\n", []string{a, b}, "2:1 5:1"},
		"CRLF":                             {"---\r\napiVersion: v1\r\nkind: A\r\n---\r\n" + b, []string{"apiVersion: v1\r\nkind: A\r\n", b}, "3:1 6:1"},
		"no line break at the end":         {"apiVersion: v1\nkind: A\n---", []string{a}, "2:1"},
		"dashes that are no separator":     {a + "x: |\n  ---\n ----: y\n", nil, ""},
		"dashes inside a text":             {a + "x: |\n  ---\n  ...\nz: ---x\n", []string{a + "x: |\n  ---\n  ...\nz: ---x\n"}, "2:1"},
		"JSON":                             {"\t{\"apiVersion\":\"v1\",\n\t\"kind\":\"A\"}\n", []string{"\t{\"apiVersion\":\"v1\",\n\t\"kind\":\"A\"}\n"}, "2:2"},
		"JSON objects one after the other": {`{"apiVersion":"v1","kind":"A"}{"apiVersion":"v1","kind":"B"}` + "\n" + `{"kind":"C","apiVersion":"v1"}`, []string{`{"apiVersion":"v1","kind":"A"}`, `{"apiVersion":"v1","kind":"B"}` + "\n", `{"kind":"C","apiVersion":"v1"}`}, "1:20 1:50 2:2"},
	} {
		t.Run(name, func(t *testing.T) {
			documents, faults := Split("f", []byte(test.text))
			var raws, kinds []string
			for _, d := range documents {
				raws = append(raws, string(d.Raw))
				p := d.Position("kind")
				kinds = append(kinds, fmt.Sprintf("%d:%d", p.Line, p.Column))
			}
			if test.raws == nil != (len(faults) > 0) {
				t.Errorf("unexpected faults: %v", faults)
			}
			if diff := cmp.Diff(test.raws, raws); diff != "" {
				t.Errorf("not as wanted (-want +got):\n%s", diff)
			}
			same(t, strings.Join(kinds, " "), test.want)
		})
	}
}

func TestSplitRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		text, want string
	}{
		"a document without apiVersion or kind": {
			"# hi\nmetadata: {}\n---\nkind: null\napiVersion: \"\"\n",
			"f:2:1: apiVersion: is required\nf:2:1: kind: is required\nf:4:1: apiVersion: is required\nf:4:1: kind: is required",
		},
		"a kind that is not a string": {
			"apiVersion: 1\nkind: [a]\n",
			"f:1:13: apiVersion: must be a string (got 1)\nhint: write it in quotes: \"1\"\nf:2:7: kind: must be a string (got a list)",
		},
		"a document that is not a mapping": {
			"- a\n---\ntext\n--- ~\n",
			"f:1:1: a document must be a mapping (got a list)\nf:3:1: a document must be a mapping (got \"text\")\nf:4:5: a document must be a mapping (got null)",
		},
		"a syntax error, and reads on": {
			header + "---\n\na: 1\n  b: 2\n---\n" + header + "x: 3\n",
			"f:6:3: syntax error: mapping values are not allowed in this context\nf:10:1: x: unknown field\nhint: allowed fields: kind, apiVersion, metadata, spec",
		},
		"a wrong indentation": {
			header + "spec:\n  a: 1\n  b: 2\n c: 3\n",
			"f:6:2: syntax error: did not find expected key",
		},
		"a line without a colon": {
			header + "spec:\n  a: 1\n  b\n  c: 3\n",
			"f:5:3: syntax error: could not find expected ':'",
		},
		"a quote left open": {
			header + "spec:\n  a: \"x\n  b: y\n\n",
			"f:4:3: syntax error: found unexpected end of stream",
		},
		"a bracket left open": {
			header + "spec:\n  a: [x\nb: y\n",
			"f:4:3: syntax error: did not find expected ',' or ']'",
		},
		"a tab": {
			header + "spec:\n\ta: x\n",
			"f:4:2: syntax error: found character that cannot start any token",
		},
		"an unknown anchor": {
			header + "spec: {}\nmetadata: *x\nx: y",
			"f:4:1: syntax error: unknown anchor 'x' referenced",
		},
		"what follows a flow mapping": {
			"\n{apiVersion: v1, kind: Server}\n}\n",
			"f:3:1: syntax error: did not find expected <document start>",
		},
		"an object that breaks off": {
			`{"apiVersion":"v1","kind":"Server"} {"a":`,
			"f:1:37: syntax error: did not find expected node content",
		},
		"a duplicate at the top, in metadata and in what is not decoded": {
			header + "metadata:\n  name: a\n  name: b\nkind: X\nspec: {free: [{a: 1, a: 2}]}\n",
			"f:5:3: metadata.name: is set twice, first on line 4\nf:6:1: kind: is set twice, first on line 2\nf:7:22: spec.free[0].a: is set twice, first on line 7",
		},
		"a %TAG directive": {
			"%TAG ! tag:x,2000:\n---\n" + header,
			"f:1:1: directive %TAG is not supported",
		},
		"bytes that are not UTF-8": {
			header + "x: é\xff",
			"f:3:5: is not UTF-8 text\nhint: save the file as UTF-8",
		},
		"a key without end": {
			header + "? " + strings.Repeat("k", 2000) + "\n: x\n",
			"f:3:3: [" + strings.Repeat("k", 60) + "...]: a key of 2000 bytes is over the limit of 1024",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := faultsOf(t, test.text)
			same(t, got, test.want)
		})
	}
}

func TestSplitNamesTheObject(t *testing.T) {
	documents, faults := Split("f", []byte(header+"metadata: {name: me, namespace: here}\n"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	d := documents[0]
	same(t, strings.Join([]string{d.File, d.APIVersion, d.Kind, d.Namespace, d.Name}, " "), "f v1 Server here me")
}

func TestSplitReadsEscapedEmojiInJSON(t *testing.T) {
	text := `{"apiVersion":"v1","kind":"A","x":"\ud83d\ude00 \\ud83d\\ude00 \u00e9 \/"}`
	documents, faults := Split("f", []byte(text))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	same(t, documents[0].Value().(map[string]any)["x"].(string), `😀 \ud83d\ude00 é /`)
}

func TestSplitBoundsTheDocument(t *testing.T) {
	within := []byte(header + "x: " + strings.Repeat("a", MaxDocument-len(header)-3))
	if _, faults := Split("f", within); len(faults) > 0 {
		t.Error(faults)
	}
	over := bytes.Join([][]byte{[]byte(header), append(within, 'a'), []byte("x: y")}, []byte("\n---\n"))
	documents, faults := Split("f", over)
	if len(documents) != 1 {
		t.Errorf("%d documents", len(documents))
	}
	same(t, faults.Error(), `
f:5:1: a document of 10485762 bytes is over the limit of 10485760 (10 MiB)
f:9:1: apiVersion: is required
f:9:1: kind: is required`)
}

func TestSplitBoundsAliases(t *testing.T) {
	for name, test := range map[string]struct{ open, reuse, shut string }{
		"in lists":      {"[", "*%[1]s, *%[1]s, *%[1]s, *%[1]s, *%[1]s, *%[1]s, *%[1]s, *%[1]s, *%[1]s", "]"},
		"in mappings":   {"{", "a: *%[1]s, b: *%[1]s, c: *%[1]s, d: *%[1]s, e: *%[1]s, f: *%[1]s, g: *%[1]s", "}"},
		"in merge keys": {"{", "<<: [*%[1]s, *%[1]s, *%[1]s, *%[1]s, *%[1]s, *%[1]s, *%[1]s, *%[1]s]", "}"},
	} {
		t.Run(name, func(t *testing.T) {
			documents, faults := Split("f", []byte(bomb(test.open, test.reuse, test.shut)))
			if len(documents) != 0 || len(faults) != 1 || !strings.Contains(faults.Error(), "aliases make the document larger than") {
				t.Errorf("%d documents, faults: %v", len(documents), faults)
			}
		})
	}
}

// bomb returns a document of 30 lines in which each repeats the one before
// several times.
func bomb(open, reuse, shut string) string {
	text := header + "a0: &a0 {lol: lol}\n"
	for i := 1; i < 30; i++ {
		text += fmt.Sprintf("a%d: &a%d ", i, i) + open + fmt.Sprintf(reuse, fmt.Sprintf("a%d", i-1)) + shut + "\n"
	}
	return text
}

func TestSplitBoundsDepth(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for name, test := range map[string]struct{ text, want string }{
		"at the limit":   {"x: " + nested(maxDepth-1), ""},
		"over the limit": {"x: " + nested(maxDepth), "f:3:103: x" + strings.Repeat("[0]", 99) + ": is nested deeper than 100 levels"},
		"through an alias": {"x: &x " + nested(60) + "\ny: " + strings.Repeat("[", 50) + "*x" + strings.Repeat("]", 50),
			"f:4:54: y" + strings.Repeat("[0]", 50) + ": alias *x nests deeper than 100 levels"},
		"far over the limit": {"x: " + nested(9000), "f:3:103: x" + strings.Repeat("[0]", 99) + ": is nested deeper than 100 levels"},
	} {
		t.Run(name, func(t *testing.T) {
			_, faults := Split("f", []byte(header+test.text))
			same(t, faults.Error(), test.want)
		})
	}
}

func BenchmarkSplitLargeInput(b *testing.B) {
	for name, text := range map[string]string{
		"many documents":  strings.Repeat(header+"---\n", 20_000),
		"many separators": strings.Repeat("---\n", 1_000_000),
		"many fields":     header + fields(100_000),
		"many objects":    strings.Repeat(`{"apiVersion":"v1","kind":"A"}`, 20_000),
		"a late error":    header + fields(20_000) + "x\n" + fields(20_000),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, _ = Split("f", []byte(text))
			}
		})
	}
}

func fields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "f%d: x\n", i)
	}
	return b.String()
}
