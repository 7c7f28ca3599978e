package diff

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/aymanbagabas/go-udiff"

	"github.com/banhbaoring/banhbaoring/render"
)

// risk is a rule and all that falls under it.
type risk struct {
	Class  Class
	Rule   string
	Remedy string
	Items  []riskItem
}

type riskItem struct {
	Object ID
	Where  string // stage, or file
	Reason string
	Paths  []string
}

// risks are the findings by rule, the worst first. What takes effect in place
// or not at all is no risk: it stands with the changes.
func (r *Report) risks() []*risk {
	byRule := map[string]*risk{}
	note := func(id ID, where string, findings []Finding) {
		for _, f := range findings {
			if !f.Class.AtLeast(Disruption) {
				continue
			}
			if byRule[f.Rule] == nil {
				byRule[f.Rule] = &risk{Class: f.Class, Rule: f.Rule, Remedy: f.Remedy}
			}
			byRule[f.Rule].Items = append(byRule[f.Rule].Items, riskItem{id, where, f.Reason, f.Paths})
		}
	}
	for _, d := range r.Documents {
		note(d.ID, d.file(), d.Findings)
	}
	for _, o := range r.Objects {
		note(o.ID, o.Stage, o.Findings)
	}
	var all []*risk
	for _, rule := range Rules {
		if byRule[rule.ID] != nil {
			all = append(all, byRule[rule.ID])
		}
	}
	slices.SortStableFunc(all, func(a, b *risk) int { return a.Class.rank() - b.Class.rank() })
	return all
}

func (d DocumentChange) file() string {
	if d.HeadFile == "" {
		return d.BaseFile
	}
	return d.HeadFile
}

// stageObjects are the objects of one stage that differ.
type stageObjects struct {
	Name    string
	Objects []Object
}

func (r *Report) stages() []stageObjects {
	var all []stageObjects
	for _, name := range append(render.StageNames(), others) {
		s := stageObjects{Name: name}
		for _, o := range r.Objects {
			if o.Stage == name {
				s.Objects = append(s.Objects, o)
			}
		}
		if len(s.Objects) > 0 {
			all = append(all, s)
		}
	}
	return all
}

// headline says in one line what differs.
func (r *Report) headline() string {
	if r.Empty() {
		return "nothing differs"
	}
	var parts []string
	for _, p := range []struct {
		action Action
		word   string
	}{{Update, "changed"}, {Create, "new"}, {Delete, "gone"}} {
		if n := r.Actions[p.action]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, p.word))
		}
	}
	if len(parts) == 0 {
		return "the spec differs, and no object does"
	}
	text := plural(len(r.Objects), "object") + ": " + strings.Join(parts, ", ")
	if r.Noise > 0 {
		text += "; " + plural(r.Noise, "change") + " of noise folded"
	}
	return text
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return strconv.Itoa(n) + " " + word + "s"
}

func (x Rollout) pods() string {
	if x.Pods < 0 {
		return "one pod a node"
	}
	return plural(int(x.Pods), "pod")
}

// sign is what stands before an object.
func (a Action) sign() string {
	switch a {
	case Create:
		return "+"
	case Delete:
		return "-"
	}
	return "~"
}

// title is an object's name, and both names where they differ.
func (o Object) title() string {
	if o.BaseName != "" && o.HeadName != "" && o.BaseName != o.HeadName {
		return fmt.Sprintf("%s %s → %s", o.Kind, o.BaseName, strings.TrimPrefix(o.HeadName, o.Name))
	}
	return o.Kind + " " + o.Name
}

// line is one change as it is shown: on one line, or as the lines of a text.
type line struct {
	Sign  string // ~ + - or ↕ for an order
	Path  string
	Old   string
	New   string
	Block []string // of a text of several lines: each with +, - or a blank before it
}

// short is what fits on a line or two, in bytes.
const short = 240

// lines are the changes that say something.
func lines(changes []Change) []line {
	var all []line
	for _, c := range changes {
		if c.Noise == "" {
			all = append(all, c.lines("")...)
		}
	}
	return all
}

func (c Change) lines(prefix string) []line {
	at := prefix + c.Path.String()
	switch {
	case c.Inside != nil:
		var all []line
		for _, inner := range c.Inside.Changes {
			all = append(all, inner.lines(at+" › ")...)
		}
		return all
	case c.Op == Order:
		return []line{{Sign: "↕", Path: at, Old: show(c.Old), New: show(c.New)}}
	}
	if scalar(c.Old) && scalar(c.New) {
		return []line{pairLine(at, c.Old, c.New)}
	}
	if v := compact(either(c.Old, c.New)); c.Op != Replace && len(v) <= short && len(c.Path) > 0 {
		return []line{oneSided(map[Op]string{Add: "+", Remove: "-"}[c.Op], at, v)}
	}
	var all []line
	for _, l := range spread(leaf{change: &c, segments: []string{}, old: c.Old, now: c.New}, c.Op) {
		path := at + below(l.segments)
		if at == "" {
			path = strings.TrimPrefix(path, ".")
		}
		if l.old != nil || c.Op == Remove {
			all = append(all, oneSided("-", path, l.old))
		} else {
			all = append(all, oneSided("+", path, l.now))
		}
	}
	return all
}

func either(a, b any) any {
	if a != nil {
		return a
	}
	return b
}

// below is a path under another.
func below(segments []string) string {
	path := Path{}
	for _, s := range segments {
		path = path.field(s)
	}
	text := path.String()
	if text != "" && text[0] != '[' {
		text = "." + text
	}
	return text
}

func pairLine(path string, old, now any) line {
	was, is := show(old), show(now)
	if strings.Contains(was, "\n") || strings.Contains(is, "\n") {
		return line{Sign: "~", Path: path, Block: unified(was, is)}
	}
	return line{Sign: "~", Path: path, Old: visible(was), New: visible(is)}
}

func oneSided(sign, path string, v any) line {
	text := show(v)
	l := line{Sign: sign, Path: path}
	if strings.Contains(text, "\n") {
		for part := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
			l.Block = append(l.Block, sign+visible(part))
		}
		return l
	}
	if sign == "+" {
		l.New = visible(text)
	} else {
		l.Old = visible(text)
	}
	return l
}

// unified are the lines in which two texts differ, with what stands around them.
func unified(old, now string) []string {
	var block []string
	text := udiff.Unified("", "", old, now)
	for i, part := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if i > 1 && part != `\ No newline at end of file` { // the names of the files come first
			block = append(block, visible(part))
		}
	}
	return block
}

// visible writes out what would steer a terminal or reorder a line.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029') {
			return '\ufffd'
		}
		return r
	}, text)
}
