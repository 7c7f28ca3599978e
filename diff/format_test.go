package diff_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/banhbaoring/banhbaoring/diff"
	"github.com/banhbaoring/banhbaoring/golden"
)

func large(t testing.TB) *diff.Report {
	all := stacks(t)
	return compare(t, all["minimal.yaml"], all["production.yaml"])
}

func TestJSONFitsItsSchema(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(golden.Read(t, "docs/diff.schema.json")))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiler.AddResource("diff.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("diff.json")
	if err != nil {
		t.Fatal(err)
	}
	all := stacks(t)
	for _, r := range []*diff.Report{large(t), compare(t, all["production.yaml"], all["operators.yaml"]), compare(t, nil, nil)} {
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(instance); err != nil {
			t.Error(err)
		}
	}
}

// Each part of Markdown fits a comment, is whole by itself, and no line that
// says something is left out.
func TestMarkdownIsSplit(t *testing.T) {
	r := large(t)
	whole := r.Markdown(1<<30, "")
	parts := r.Markdown(diff.MarkdownLimit, "https://example.com/rest")
	if len(whole) != 1 || len(parts) < 2 {
		t.Fatalf("%d and %d parts", len(whole), len(parts))
	}
	count := func(text string) map[string]int {
		lines := map[string]int{}
		for l := range strings.SplitSeq(text, "\n") {
			if strings.HasPrefix(l, "+ ") || strings.HasPrefix(l, "- ") || strings.HasPrefix(l, "@@ ") {
				lines[l]++
			}
		}
		return lines
	}
	if !maps.Equal(count(whole[0]), count(strings.Join(parts, "\n"))) {
		t.Error("lines are left out, or stand twice")
	}
	for i, part := range parts {
		if n := utf8.RuneCountInString(part); n > diff.MarkdownLimit {
			t.Errorf("part %d has %d characters", i+1, n)
		}
		if strings.Count(part, "<details>") != strings.Count(part, "</details>") || strings.Count(part, "~~~~~~~~")%2 != 0 {
			t.Errorf("part %d is not whole", i+1)
		}
		if last := i == len(parts)-1; strings.Contains(part, "[the rest](https://example.com/rest)") == last {
			t.Errorf("part %d has the wrong end", i+1)
		}
	}
	if !slices.Equal(parts, large(t).Markdown(diff.MarkdownLimit, "https://example.com/rest")) {
		t.Error("it is split differently the second time")
	}
	for _, want := range []string{"<!-- banhbaoring diff -->", "### **irreversible**", "| irreversible |", "#### irreversible: data-gone"} {
		if !strings.Contains(parts[0], want) {
			t.Errorf("the first part has no %q", want)
		}
	}
}

// Text fits the width where a word does, and says the same without colours.
func TestTextFitsItsWidth(t *testing.T) {
	r := large(t)
	for _, width := range []int{60, 100, 160} {
		for l := range strings.SplitSeq(r.Text(diff.TextOptions{Width: width}), "\n") {
			// The name of a field or an object stands on a line of its own, however long.
			if n := utf8.RuneCountInString(l); n > width && !strings.HasSuffix(l, ":") && !strings.HasSuffix(l, ")") {
				t.Errorf("width %d: %d characters: %s", width, n, l)
			}
		}
	}
	painted := r.Text(diff.TextOptions{Width: 100, Color: true})
	if plain := regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(painted, ""); plain == painted || plain != r.Text(diff.TextOptions{Width: 100}) {
		t.Error("colours change the text")
	}
}

// hostile is what somebody writes who wants to be overlooked.
const hostile = "\x1b[2J\r</details><script>alert(1)</script>~~~~~~~~\u202e @everyone `x`"

func TestNothingSteersWhatShowsIt(t *testing.T) {
	base := side(t, "base", []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {}\n"))
	head := side(t, "head", []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {}\n"))
	head.Objects[0].Object["data"] = map[string]any{"x" + hostile: hostile, "y": hostile + "\n" + hostile}
	head.Objects[0].Object["metadata"].(map[string]any)["annotations"] = map[string]any{"z": hostile}
	r, err := diff.Compare(base, head, options)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range append(r.Markdown(diff.MarkdownLimit, ""), r.Text(diff.TextOptions{Width: 80})) {
		if strings.ContainsAny(text, "\x1b\r\u202e") {
			t.Errorf("it steers:\n%q", text)
		}
	}
	if n := strings.Count(r.Markdown(diff.MarkdownLimit, "")[0], "~~~~~~~~"); n != 2 {
		t.Errorf("%d fences", n)
	}
	page, err := r.HTML()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(page, "<script>alert") || regexp.MustCompile(`(?:src|href)=`).MatchString(page) {
		t.Error("the page runs or loads something")
	}
}

func TestSecretValuesAreNeverPrinted(t *testing.T) {
	archive, parts := files(t, "testdata/secrets.txtar")
	if len(archive.Files) != 2 {
		t.Fatal("the case is not whole")
	}
	base, head := side(t, "base", parts["base.yaml"]), side(t, "head", parts["head.yaml"])
	r, err := diff.Compare(base, head, options)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	page, err := r.HTML()
	if err != nil {
		t.Fatal(err)
	}
	secret := regexp.MustCompile(`(?i)hunter2|correct-?horse|aHVudGVyMg|Y29ycmVjdC1ob3JzZQ|MIIEvQ`)
	for _, text := range append(r.Markdown(diff.MarkdownLimit, ""), r.Text(diff.TextOptions{Width: 100}), string(data), page) {
		for _, found := range secret.FindAllStringIndex(text, -1) {
			t.Errorf("…%s…", text[max(0, found[0]-60):min(len(text), found[1]+20)])
		}
	}
	if n := len(regexp.MustCompile(`secret-[0-9a-f]{16}`).FindAll(data, -1)); n < 20 {
		t.Errorf("%d fingerprints", n)
	}
	if !strings.Contains(string(data), "banhbaoring-openbao-tls") || !strings.Contains(string(data), "file:///etc/token") {
		t.Error("what is no secret is hidden")
	}
}
