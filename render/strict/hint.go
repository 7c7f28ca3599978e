package strict

import (
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
	"go.yaml.in/yaml/v3"
)

// maxListed is how many allowed fields a hint lists at most.
const maxListed = 12

// fieldHint helps whoever wrote name where only the names allowed have a
// meaning: it names the one that was probably meant, or else all.
func fieldHint(name string, allowed []string) string {
	if meant := Nearest(name, allowed); meant != "" {
		return "did you mean " + strconv.Quote(meant) + "?"
	}
	switch {
	case len(allowed) == 0:
		return "no fields are allowed here"
	case len(allowed) <= maxListed:
		return "allowed fields: " + strings.Join(allowed, ", ")
	default:
		return ""
	}
}

// Nearest returns the name that differs from the given one only in case or
// dashes, or else in the fewest letters, three at most and not over half of
// them. It returns "" if there is none; the first of several.
func Nearest(name string, allowed []string) string {
	bare := strings.NewReplacer("-", "", "_", "")
	for _, a := range allowed {
		if strings.EqualFold(bare.Replace(name), bare.Replace(a)) {
			return a
		}
	}
	best, least := "", min(3, len(name)/2)+1
	for _, a := range allowed {
		if max(len(a)-len(name), len(name)-len(a)) >= least {
			continue
		}
		if distance := levenshtein.Distance(strings.ToLower(name), strings.ToLower(a), nil); distance < least {
			best, least = a, distance
		}
	}
	return best
}

// quoteHint tells how to write n so that it is a string.
func quoteHint(n *yaml.Node) string {
	switch {
	case n.Kind != yaml.ScalarNode:
		return ""
	case n.Tag == nullTag:
		return `write "" for an empty string`
	}
	hint := "write it in quotes: " + strconv.Quote(shorten(n.Value))
	if _, word := yaml11Bools[n.Value]; word {
		hint += " (bare, YAML 1.1 takes it for a boolean)"
	}
	return hint
}

// bareHint tells that n, a string, would be right without its quotes.
func bareHint(n *yaml.Node, right bool) string {
	if right && n.Kind == yaml.ScalarNode && n.Style&quoted != 0 {
		return "write it without quotes: " + shorten(n.Value)
	}
	return ""
}
