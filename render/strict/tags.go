package strict

import (
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The tags of a tidied scalar. Mappings and lists are told by their kind.
const (
	nullTag   = "!!null"
	boolTag   = "!!bool"
	stringTag = "!!str"
	intTag    = "!!int"
	floatTag  = "!!float"

	mergeTag     = "!!merge"
	timestampTag = "!!timestamp"
)

const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle

// yaml11Bools are the plain words that YAML 1.1, and with it kubectl, takes
// for booleans, beyond true and false.
var yaml11Bools = map[string]bool{
	"y": true, "Y": true, "yes": true, "Yes": true, "YES": true, "on": true, "On": true, "ON": true,
	"n": false, "N": false, "no": false, "No": false, "NO": false, "off": false, "Off": false, "OFF": false,
}

// settled returns the tag that says how n is read, or "" if its own is not
// supported. Dates are strings, as in JSON.
func settled(n *yaml.Node) string {
	tag := n.ShortTag()
	tagged := n.Style&yaml.TaggedStyle != 0
	switch n.Kind {
	case yaml.MappingNode:
		if tag == "!!map" {
			return tag
		}
	case yaml.SequenceNode:
		if tag == "!!seq" {
			return tag
		}
	default:
		switch {
		case tagged && tag != stringTag:
			return ""
		case tag == timestampTag || tag == mergeTag:
			return stringTag
		case tag == stringTag && !tagged && n.Style&quoted == 0:
			if _, ok := yaml11Bools[n.Value]; ok {
				return boolTag
			}
			return tag
		default:
			return tag
		}
	}
	return ""
}

// truth returns the value of a scalar with boolTag.
func truth(text string) bool {
	if value, ok := yaml11Bools[text]; ok {
		return value
	}
	return strings.EqualFold(text, "true")
}

// floating returns the value of a scalar with intTag or floatTag.
func floating(text string) float64 {
	switch strings.ToLower(text) {
	case ".inf", "+.inf":
		return math.Inf(1)
	case "-.inf":
		return math.Inf(-1)
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	if err != nil {
		return math.NaN()
	}
	return f
}

// whole returns the value of a scalar with intTag: negative ones and those
// that fit an int64 in i, and any that is not negative in u.
func whole(text string) (i int64, u uint64, fits bool) {
	plain := strings.ReplaceAll(text, "_", "")
	i, err := strconv.ParseInt(plain, 0, 64)
	if err == nil {
		return i, uint64(max(i, 0)), true
	}
	u, _ = strconv.ParseUint(strings.TrimPrefix(plain, "+"), 0, 64)
	return 0, u, false
}

// plainValue returns n as JSON holds it: map[string]any, []any, string, bool,
// int64 (float64 where it does not fit), float64 or nil.
func plainValue(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		values := make(map[string]any, len(n.Content)/2)
		for i := 0; i < len(n.Content); i += 2 {
			values[n.Content[i].Value] = plainValue(n.Content[i+1])
		}
		return values
	case yaml.SequenceNode:
		values := make([]any, len(n.Content))
		for i, item := range n.Content {
			values[i] = plainValue(item)
		}
		return values
	}
	switch n.Tag {
	case nullTag:
		return nil
	case boolTag:
		return truth(n.Value)
	case intTag:
		i, u, fits := whole(n.Value)
		if !fits {
			return float64(u)
		}
		return i
	case floatTag:
		return floating(n.Value)
	}
	return n.Value
}
