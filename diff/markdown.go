package diff

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MarkdownLimit is the most characters that a comment of GitHub's holds.
// Source: the answer "Body is too long (maximum is 65536 characters)" of its API.
const MarkdownLimit = 65536

// mark tells a comment of ours from others, so that it can be found and updated.
const mark = "<!-- banhbaoring diff -->"

// block is a piece of a page: its lines may be put onto several pages, each
// with the head and the foot.
type block struct {
	head, foot string
	lines      []string
}

// Markdown is the report as comments of at most limit characters, of which the
// first alone tells what is at stake. link, if any, leads to the rest.
func (r *Report) Markdown(limit int, link string) []string {
	blocks := []block{{lines: r.summary()}}
	blocks = append(blocks, r.riskBlocks()...)
	if len(r.Restarts) > 0 {
		b := block{head: "\n#### Restarts, in this order\n\n"}
		for i, x := range r.Restarts {
			b.lines = append(b.lines, fmt.Sprintf("%d. **%s** %s: %s, %s\n", i+1, x.Stage, code(x.Object.String()), x.pods(), x.Order))
		}
		blocks = append(blocks, b)
	}
	for _, d := range r.Documents {
		b := fold(fmt.Sprintf("spec %s", escape(d.String())))
		if d.Moved {
			b.lines = append(b.lines, visible("moved from "+d.BaseFile+" to "+d.HeadFile)+"\n")
		}
		for i, c := range d.Changes {
			b.lines = append(b.lines, "@@ "+visible(d.Positions[i])+" @@\n")
			b.lines = append(b.lines, markdownLines(lines([]Change{c}))...)
		}
		blocks = append(blocks, b)
	}
	for _, s := range r.stages() {
		blocks = append(blocks, stageBlock(s))
	}
	return pages(blocks, limit, link)
}

func (r *Report) summary() []string {
	title := r.headline()
	if r.Worst != "" {
		title = fmt.Sprintf("**%s** · %s", r.Worst, title)
	}
	text := []string{mark + "\n### " + title + "\n\n", code(r.Base) + " → " + code(r.Head) + "\n"}
	if r.Empty() {
		return text
	}
	text = append(text, "\n| class | objects |\n|---|---|\n")
	for _, class := range Classes {
		if n := r.Counts[class]; n > 0 {
			text = append(text, fmt.Sprintf("| %s | %d |\n", class, n))
		}
	}
	return append(text, "\nhash "+code(r.Hash)+"\n")
}

func (r *Report) riskBlocks() []block {
	var blocks []block
	for _, risk := range r.risks() {
		b := block{head: fmt.Sprintf("\n#### %s: %s\n\n", risk.Class, risk.Rule), foot: "\n→ " + escape(risk.Remedy) + "\n"}
		for _, item := range risk.Items {
			b.lines = append(b.lines, fmt.Sprintf("- %s (%s): %s\n", code(item.Object.String()), escape(item.Where), escape(item.Reason)))
		}
		blocks = append(blocks, b)
	}
	return blocks
}

const fence = "~~~~~~~~"

func fold(summary string) block {
	return block{head: "\n<details><summary>" + summary + "</summary>\n\n" + fence + "diff\n", foot: fence + "\n\n</details>\n"}
}

func stageBlock(s stageObjects) block {
	b := fold(fmt.Sprintf("stage %s: %s", s.Name, plural(len(s.Objects), "object")))
	for _, o := range s.Objects {
		b.lines = append(b.lines, fmt.Sprintf("@@ %s %s (%s) @@\n", o.Action.sign(), visible(o.title()), o.Class))
		b.lines = append(b.lines, markdownLines(lines(o.Changes))...)
		if o.Noise > 0 {
			b.lines = append(b.lines, "  "+noiseLine(o)+"\n")
		}
	}
	return b
}

// markdownLines begin with what colours them in a diff: ! is a change in place.
func markdownLines(list []line) []string {
	var text []string
	for _, l := range list {
		at := visible(l.Path)
		switch {
		case len(l.Block) > 0:
			text = append(text, "! "+at+":\n")
			for _, part := range l.Block {
				text = append(text, part+"\n")
			}
		case l.Sign == "+":
			text = append(text, "+ "+at+": "+l.New+"\n")
		case l.Sign == "-":
			text = append(text, "- "+at+": "+l.Old+"\n")
		default:
			text = append(text, "- "+at+": "+l.Old+"\n", "+ "+at+": "+l.New+"\n")
		}
	}
	for i, l := range text {
		text[i] = strings.ReplaceAll(l, "~~~~", "~ ~ ~ ~") // would end the fence
	}
	return text
}

// pages puts blocks onto pages of at most limit characters.
func pages(blocks []block, limit int, link string) []string {
	const reserve = 400 // for what stands at the end of a page
	tail := func(page int) string {
		text := fmt.Sprintf("\nGoes on in part %d", page+1)
		if link != "" {
			text += ": [the rest](" + link + ")"
		}
		return text + "\n"
	}
	room := max(limit-reserve-len(link), 1000)
	var done []string
	var page strings.Builder
	used := 0
	write := func(text string) {
		page.WriteString(text)
		used += utf8.RuneCountInString(text)
	}
	turn := func() {
		done = append(done, page.String()+tail(len(done)+1))
		page.Reset()
		used = 0
		write(fmt.Sprintf("%s\n### part %d\n", strings.Replace(mark, " -->", fmt.Sprintf(" %d -->", len(done)+1), 1), len(done)+1))
	}
	for _, b := range blocks {
		frame := utf8.RuneCountInString(b.head + b.foot)
		open := false
		for _, l := range b.lines {
			for _, piece := range cut(l, room-frame-100) {
				n := utf8.RuneCountInString(piece)
				if open && used+n+utf8.RuneCountInString(b.foot) > room {
					write(b.foot)
					open = false
				}
				if !open {
					if used > 0 && used+frame+n > room {
						turn()
					}
					write(b.head)
					open = true
				}
				write(piece)
			}
		}
		if open {
			write(b.foot)
		}
	}
	return append(done, page.String())
}

// cut breaks a line that fits onto no page.
func cut(text string, n int) []string {
	n = max(n, 100)
	if utf8.RuneCountInString(text) <= n {
		return []string{text}
	}
	runes := []rune(strings.TrimSuffix(text, "\n"))
	var pieces []string
	for len(runes) > 0 {
		k := min(n, len(runes))
		pieces = append(pieces, string(runes[:k])+"\n")
		runes = runes[k:]
	}
	return pieces
}

// escape makes a text stand for itself in Markdown, on one line.
func escape(text string) string {
	var out strings.Builder
	for _, r := range visible(strings.ReplaceAll(text, "\n", " ")) {
		if strings.ContainsRune("\\`*_{}[]<>#|~!@$&", r) {
			if r == '<' || r == '>' || r == '&' || r == '@' {
				fmt.Fprintf(&out, "&#%d;", r)
				continue
			}
			out.WriteByte('\\')
		}
		out.WriteRune(r)
	}
	return out.String()
}

// code is a text as code, on one line.
func code(text string) string {
	return "`" + visible(strings.NewReplacer("`", "'", "\n", " ").Replace(text)) + "`"
}
