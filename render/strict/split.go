package strict

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// MaxDocument is the size in bytes of the largest document that is read.
const MaxDocument = 10 << 20

const (
	byteOrderMark = "\ufeff"
	blanks        = " \t\r\n"
)

// Split cuts data, the content of file, into its documents. It reads YAML
// documents between --- and ... lines, and JSON objects one after another.
// Empty documents are left out. So is a document whose tree or kind is in
// doubt (a syntax error, no apiVersion); one with a duplicate field is not, so
// that Decode can find the rest of what is wrong with it. The faults come in
// the order of the file.
func Split(file string, data []byte) ([]*Document, Faults) {
	if !utf8.Valid(data) {
		return nil, Faults{notUTF8(file, data)}
	}
	var documents []*Document
	var faults Faults
	for _, c := range chunks(data) {
		d, found := load(file, c)
		if d != nil {
			documents = append(documents, d)
		}
		faults = append(faults, found...)
	}
	return documents, faults
}

func notUTF8(file string, data []byte) Fault {
	good := data
	for len(good) > 0 {
		r, size := utf8.DecodeRune(good)
		if r == utf8.RuneError && size == 1 {
			break
		}
		good = good[size:]
	}
	line, column := advance(1, 1, data[:len(data)-len(good)])
	return Fault{
		Position: Position{file, line, column},
		Message:  "is not UTF-8 text",
		Hint:     "save the file as UTF-8",
	}
}

// chunk is the text of at most one document and where in the file it begins.
type chunk struct {
	raw          []byte // the document, without separators
	text         []byte // raw, or from the separator on when they share a line
	line, column int    // where text begins, from 1
	json         bool   // text is JSON, not only YAML that looks like it
}

// chunks cuts data at its separator lines. YAML allows those inside no scalar,
// so they are found without parsing.
func chunks(data []byte) []chunk {
	var all []chunk
	textStart, rawStart, startLine := 0, 0, 1
	add := func(end int) {
		c := chunk{raw: data[rawStart:end], text: data[textStart:end], line: startLine, column: 1}
		if rawStart != textStart {
			all = append(all, c)
			return
		}
		c.raw = bytes.TrimLeft(c.raw, byteOrderMark)
		c.text = c.raw
		all = append(all, objects(c)...)
	}
	for start, line := 0, 1; start < len(data); line++ {
		content, length := lineLength(data[start:])
		end := start + length
		mark := bytes.TrimPrefix(data[start:start+content], []byte(byteOrderMark))
		if rest, ok := separator(mark); ok {
			add(start)
			textStart, rawStart, startLine = end, end, line+1
			if len(rest) > 0 {
				contentEnd := start + content
				textStart, rawStart, startLine = contentEnd-len(mark), contentEnd-len(rest), line
			}
		}
		start = end
	}
	add(len(data))
	return all
}

// separator reports whether line begins with --- or ..., and returns what
// follows on the line.
func separator(line []byte) (rest []byte, ok bool) {
	if !bytes.HasPrefix(line, []byte("---")) && !bytes.HasPrefix(line, []byte("...")) {
		return nil, false
	}
	rest = bytes.TrimLeft(line[3:], " \t")
	return rest, len(rest) < len(line)-3 || len(line) == 3
}

// objects cuts c between JSON objects that follow one another; anything that
// is not such a stream comes back as it is.
func objects(c chunk) []chunk {
	if !bytes.HasPrefix(bytes.TrimLeft(c.text, blanks), []byte("{")) {
		return []chunk{c}
	}
	var all []chunk
	decoder := json.NewDecoder(bytes.NewReader(c.text))
	for start := 0; ; {
		var object struct{}
		if decoder.Decode(&object) != nil {
			return append(all, c)
		}
		rest := bytes.TrimLeft(c.text[int(decoder.InputOffset())-start:], blanks)
		if len(rest) > 0 && rest[0] != '{' {
			return append(all, c)
		}
		c.json = true
		if len(rest) == 0 {
			return append(all, c)
		}
		head, tail := c, chunk{raw: rest, text: rest}
		head.text = c.text[:len(c.text)-len(rest)]
		head.raw = head.text
		tail.line, tail.column = advance(c.line, c.column, head.text)
		all = append(all, head)
		start += len(head.text)
		c = tail
	}
}

// advance returns the line and column at which text ends if it begins at the
// given ones.
func advance(line, column int, text []byte) (int, int) {
	for {
		content, length := lineLength(text)
		if content == length {
			return line, column + utf8.RuneCount(text)
		}
		line, column = line+1, 1
		text = text[length:]
	}
}

var nextLine, lineSeparator, paragraphSeparator = []byte("\u0085"), []byte("\u2028"), []byte("\u2029")

// lineLength returns the length of the first line of data, without and with
// its break. The breaks are those of YAML 1.1, to count lines as the parser
// does.
func lineLength(data []byte) (content, length int) {
	for i, c := range data {
		switch {
		case c == '\n':
			return i, i + 1
		case c == '\r' && i+1 < len(data) && data[i+1] == '\n':
			return i, i + 2
		case c == '\r':
			return i, i + 1
		case c == 0xC2 && bytes.HasPrefix(data[i:], nextLine):
			return i, i + len(nextLine)
		case c == 0xE2 && (bytes.HasPrefix(data[i:], lineSeparator) || bytes.HasPrefix(data[i:], paragraphSeparator)):
			return i, i + len(lineSeparator)
		}
	}
	return len(data), len(data)
}

// Pieces cuts data before each of its separator lines, without parsing it.
// Joined, the pieces are data; none holds more than one YAML document.
func Pieces(data []byte) [][]byte {
	var pieces [][]byte
	start := 0
	for at := 0; at < len(data); {
		_, length := lineLength(data[at:])
		if _, ok := separator(data[at : at+length]); ok && at > start {
			pieces = append(pieces, data[start:at])
			start = at
		}
		at += length
	}
	return append(pieces, data[start:])
}

// Blank is a text of as many lines as data, and nothing else.
func Blank(data []byte) []byte {
	var lines []byte
	for len(data) > 0 {
		content, length := lineLength(data)
		if content < length {
			lines = append(lines, '\n')
		}
		data = data[length:]
	}
	return lines
}
