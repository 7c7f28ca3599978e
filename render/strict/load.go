package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// load parses one chunk. The document is nil when the chunk is empty, or when
// its faults leave nothing that could be decoded.
func load(file string, c chunk) (*Document, Faults) {
	at := func(line, column int, message string) Faults {
		return Faults{{Position: Position{file, line, column}, Message: message}}
	}
	if len(c.raw) > MaxDocument {
		return nil, at(c.line, c.column, fmt.Sprintf("a document of %d bytes is over the limit of %d (%d MiB)",
			len(c.raw), MaxDocument, MaxDocument>>20))
	}
	switch empty, directive := prolog(c.raw); {
	case directive != "":
		return nil, at(c.line, c.column, "directive "+directive+" is not supported")
	case empty:
		return nil, nil
	}
	text := c.text
	if c.json {
		text = jsonAsYAML(text)
	}
	root, err := parse(text)
	if err != nil {
		line, column, message := locate(text, err)
		if line == 1 {
			column += c.column - 1
		}
		return nil, at(line+c.line-1, column, "syntax error: "+message)
	}
	if root == nil {
		return nil, nil
	}
	t := tidier{report: report{file: file}, line: c.line - 1, column: c.column - 1, limit: maxCopies + len(text)}
	root = t.tidy(root)
	d := &Document{File: file, Raw: c.raw, root: root}
	if t.refused || !d.identify(&t.report) {
		d = nil
	}
	t.faults.Sort()
	return d, t.faults
}

// prolog reports whether a chunk holds nothing but blanks, comments and %YAML
// directives, and returns the name of any other directive.
func prolog(raw []byte) (empty bool, directive string) {
	for len(raw) > 0 {
		content, length := lineLength(raw)
		line := bytes.TrimLeft(raw[:content], " \t")
		raw = raw[length:]
		switch {
		case len(line) == 0 || line[0] == '#' || bytes.HasPrefix(line, []byte("%YAML 1.")):
		case line[0] == '%':
			return false, printable(shorten(string(bytes.Fields(line)[0])))
		default:
			return false, ""
		}
	}
	return true, ""
}

// parse returns the top node of the one document in text, nil if there is none.
func parse(text []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, second yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if err := decoder.Decode(&second); err == nil {
		return nil, fmt.Errorf("yaml: line %d: a second document begins without ---", second.Line)
	} else if !errors.Is(err, io.EOF) {
		return nil, err
	}
	return document.Content[0], nil
}

var parserPrefix = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// locate returns the line and column in text of a syntax error, and its
// message. The parser names the line on which the broken construct began, or
// one beside it, or none; the line that breaks it is the last one of the
// shortest beginning of text to be refused with the same message.
func locate(text []byte, err error) (line, column int, message string) {
	found := parserPrefix.FindStringSubmatch(err.Error())
	message = strings.TrimPrefix(err.Error(), found[0])
	if len(text) > 256<<10 { // parsing it a dozen times would take seconds
		line, _ = strconv.Atoi(found[1])
		return max(line, 1), 1, message
	}
	ends := lineEnds(text)
	index := sort.Search(len(ends)-1, func(i int) bool {
		_, e := parse(text[:ends[i]])
		return e != nil && parserPrefix.ReplaceAllString(e.Error(), "") == message
	})
	last := text[:ends[index]]
	if index > 0 {
		last = last[ends[index-1]:]
	}
	indent := len(last) - len(bytes.TrimLeft(last, " \t"))
	return index + 1, indent + 1, message
}

// lineEnds returns the offset at which each line of text ends, break included.
func lineEnds(text []byte) []int {
	var ends []int
	for end := 0; end < len(text); {
		_, length := lineLength(text[end:])
		end += length
		ends = append(ends, end)
	}
	return ends
}

// jsonEscape matches one escape in a JSON string, or two that stand for one
// character.
var jsonEscape = regexp.MustCompile(`\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|.)`)

// jsonAsYAML rewrites what YAML does not read in JSON: tabs before the
// document, escaped slashes, and characters escaped as a surrogate pair.
func jsonAsYAML(text []byte) []byte {
	text = bytes.ReplaceAll(text, []byte("\t"), []byte(" "))
	return jsonEscape.ReplaceAllFunc(text, func(escape []byte) []byte {
		switch {
		case escape[1] == '/':
			return escape[1:]
		case len(escape) == len(`\/`):
			return escape
		}
		high, _ := strconv.ParseUint(string(escape[2:6]), 16, 32)
		low, _ := strconv.ParseUint(string(escape[8:12]), 16, 32)
		return fmt.Appendf(nil, `\U%08x`, 0x10000+(high-0xD800)<<10+(low-0xDC00))
	})
}
