package diff

import (
	_ "embed"
	"html/template"
	"strings"
)

//go:embed page.html
var pageHTML string

// page is the one self-contained page: it loads nothing. Its values are
// escaped by where they stand.
var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"lines": lines,
	"one":   func(c Change) []line { return lines([]Change{c}) },
	"noise": noiseLine,
	"shown": visible,
	"first": func(text string) string {
		if text == "" || !strings.Contains("+-@", text[:1]) {
			return ""
		}
		return map[string]string{"+": "add", "-": "del", "@": "at"}[text[:1]]
	},
}).Parse(pageHTML))

// HTML is the report as one page.
func (r *Report) HTML() (string, error) {
	var out strings.Builder
	err := page.Execute(&out, map[string]any{
		"Report": r, "Headline": r.headline(), "Risks": r.risks(), "Stages": r.stages(), "Classes": Classes,
	})
	return out.String(), err
}
