package diff

import (
	"regexp"
	"strconv"
	"strings"
)

// repeated is where a message repeats what it was given.
var repeated = regexp.MustCompile(`(?s)(\(got )(.*)(\))|(node contents: )(.*)()|(")((?:[^"\\]|\\.)*)(")|(\[)([^]\n]*)(\])|(\()([^()\n]*)(\))`)

// Message is what a person is told of a fault, without the secrets that it repeats of
// the input. What it repeats is searched for all that looks like one, and the rest
// for known formats: words like `password:` are the message's own there.
func (f Fingerprint) Message(v string) string {
	v = repeated.ReplaceAllStringFunc(v, func(match string) string {
		groups := repeated.FindStringSubmatch(match)
		for i := 1; i < len(groups); i += 3 {
			switch groups[i] {
			case "":
				continue
			case `"`:
				return f.quoted(match)
			}
			return groups[i] + f.quoted(groups[i+1]) + groups[i+2]
		}
		return match
	})
	return f.known(v)
}

// quoted is text, of what a message may have put into quotes: its lines are lines then.
func (f Fingerprint) quoted(v string) string {
	prefix, err := strconv.QuotedPrefix(v)
	if err != nil {
		return f.text(v, "")
	}
	rest := f.text(v[len(prefix):], "")
	text, _ := strconv.Unquote(prefix) // is quoted
	if redacted := f.text(text, ""); redacted != text {
		prefix = strconv.Quote(redacted)
	}
	return prefix + rest
}

var quotedKey = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// Path is a field's path, whose keys may be anything that was written.
func (f Fingerprint) Path(v string) string {
	v = quotedKey.ReplaceAllStringFunc(v, f.quoted)
	fields := strings.Split(f.text(v, ""), ".")
	for i := range fields {
		fields[i] = f.text(fields[i], "")
	}
	return strings.Join(fields, ".")
}
