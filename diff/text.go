package diff

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// TextOptions are how a report is written for a terminal.
type TextOptions struct {
	Width int // in characters; at least 40
	Color bool
}

var colors = map[Class]string{
	Irreversible: "1;31", Recreate: "31", Restart: "33", Rerun: "36", Exposure: "35",
	Privilege: "35", Disruption: "33", Reload: "34", Cosmetic: "2",
}

var signColors = map[string]string{"+": "32", "-": "31", "~": "33", "↕": "33", "@": "36"}

type textWriter struct {
	strings.Builder
	TextOptions
}

// Text is the report for people at a terminal.
func (r *Report) Text(o TextOptions) string {
	w := &textWriter{TextOptions: o}
	w.Width = max(w.Width, 40)
	w.wrap("", fmt.Sprintf("%s → %s: %s", visible(r.Base), visible(r.Head), r.headline()))
	if r.Empty() {
		return w.String()
	}
	w.counts(r)
	w.risks(r)
	w.restarts(r)
	w.documents(r)
	for _, s := range r.stages() {
		w.heading(s.Name)
		for _, o := range s.Objects {
			w.object(o)
		}
	}
	fmt.Fprintf(w, "\nhash %s\n", r.Hash)
	return w.String()
}

func (w *textWriter) paint(code, text string) string {
	if !w.Color || code == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (w *textWriter) heading(text string) {
	fmt.Fprintf(w, "\n%s\n", w.paint("1", text))
}

// wrap writes words to lines that are not longer than the width where a word
// fits, the following ones under the first.
func (w *textWriter) wrap(indent, text string) {
	length := 0
	rest := strings.Repeat(" ", utf8.RuneCountInString(indent))
	for word := range strings.FieldsSeq(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case length == 0:
			w.WriteString(indent)
			length = utf8.RuneCountInString(indent)
		case length+1+n > w.Width:
			w.WriteString("\n" + rest)
			length = utf8.RuneCountInString(indent)
		default:
			w.WriteString(" ")
			length++
		}
		w.WriteString(word)
		length += n
	}
	w.WriteString("\n")
}

func (w *textWriter) counts(r *Report) {
	for _, class := range Classes {
		if n := r.Counts[class]; n > 0 {
			fmt.Fprintf(w, "  %s %d\n", w.paint(colors[class], fmt.Sprintf("%-13s", class)), n)
		}
	}
}

func (w *textWriter) risks(r *Report) {
	for _, risk := range r.risks() {
		fmt.Fprintf(w, "\n%s\n", w.paint(colors[risk.Class], string(risk.Class)+": "+risk.Rule))
		for _, item := range risk.Items {
			fmt.Fprintf(w, "  %s (%s)\n", visible(item.Object.String()), visible(item.Where))
			w.wrap("    ", visible(item.Reason))
		}
		w.wrap("  → ", visible(risk.Remedy))
	}
}

func (w *textWriter) restarts(r *Report) {
	if len(r.Restarts) == 0 {
		return
	}
	w.heading("restarts, in this order")
	for i, x := range r.Restarts {
		w.wrap("  ", fmt.Sprintf("%d. %s: %s, %s, %s", i+1, x.Stage, visible(x.Object.String()), x.pods(), x.Order))
	}
}

func (w *textWriter) documents(r *Report) {
	for _, d := range r.Documents {
		w.heading("spec " + visible(d.String()))
		if d.Moved {
			fmt.Fprintf(w, "  moved from %s to %s\n", visible(d.BaseFile), visible(d.HeadFile))
		}
		for i, c := range d.Changes {
			fmt.Fprintf(w, "  %s\n", w.paint("2", visible(d.Positions[i])))
			for _, l := range lines([]Change{c}) {
				w.line("  ", l)
			}
		}
	}
}

func (w *textWriter) object(o Object) {
	fmt.Fprintf(w, "  %s %s %s\n", w.paint(signColors[o.Action.sign()], o.Action.sign()), visible(o.title()), w.paint(colors[o.Class], "("+string(o.Class)+")"))
	for _, l := range lines(o.Changes) {
		w.line("    ", l)
	}
	if o.Noise > 0 {
		fmt.Fprintf(w, "    %s\n", w.paint("2", noiseLine(o)))
	}
}

// noiseLine counts the changes that are folded.
func noiseLine(o Object) string {
	var names []string
	counts := map[string]int{}
	for _, c := range o.Changes {
		if c.Noise == "" {
			continue
		}
		if counts[c.Noise] == 0 {
			names = append(names, c.Noise)
		}
		counts[c.Noise]++
	}
	for i, name := range names {
		names[i] = fmt.Sprintf("%d × %s", counts[name], name)
	}
	return "folded: " + strings.Join(names, ", ")
}

func (w *textWriter) line(indent string, l line) {
	sign := w.paint(signColors[l.Sign], l.Sign)
	start := indent + l.Sign + " " + visible(l.Path) + ": "
	value := l.Old + l.New // one of them
	if l.Old != "" && l.New != "" {
		value = l.Old + " → " + l.New
	}
	switch {
	case len(l.Block) > 0:
		fmt.Fprintf(w, "%s%s %s:\n", indent, sign, visible(l.Path))
		for _, part := range l.Block {
			sign := part[:min(1, len(part))]
			w.value(indent+"    ", sign, part[len(sign):])
		}
	case utf8.RuneCountInString(start+value) <= w.Width:
		fmt.Fprintf(w, "%s%s %s: %s\n", indent, sign, visible(l.Path), value)
	default:
		fmt.Fprintf(w, "%s%s %s:\n", indent, sign, visible(l.Path))
		if l.Old != "" {
			w.value(indent+"    ", "-", " "+l.Old)
		}
		if l.New != "" {
			w.value(indent+"    ", "+", " "+l.New)
		}
	}
}

// value writes text behind a sign, broken at the width.
func (w *textWriter) value(indent, sign, text string) {
	runes := []rune(text)
	room := max(w.Width-len(indent)-1, 20)
	for mark := sign; mark == sign || len(runes) > 0; mark = "  " {
		n := min(room-len(mark)+1, len(runes))
		fmt.Fprintf(w, "%s%s\n", indent, w.paint(signColors[sign], mark+string(runes[:n])))
		runes = runes[n:]
	}
}
