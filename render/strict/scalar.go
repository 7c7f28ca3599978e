package strict

import (
	"encoding/base64"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// scalar sets v, of one of the scalar classes, from n.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, c class) bool {
	switch c {
	case boolScalar:
		return d.boolean(n, v)
	case intScalar, uintScalar:
		return d.whole(n, v, c)
	case floatScalar:
		return d.floating(n, v)
	}
	if n.Kind != yaml.ScalarNode || n.Tag != stringTag {
		d.fault(n, "must be a string"+got(n), quoteHint(n))
		return false
	}
	if c == stringScalar {
		v.SetString(n.Value)
		return true
	}
	decoded, err := base64.StdEncoding.DecodeString(n.Value)
	if err != nil {
		d.fault(n, "must be base64"+got(n), "")
		return false
	}
	v.SetBytes(decoded)
	return true
}

func (d *decoder) boolean(n *yaml.Node, v reflect.Value) bool {
	_, word := yaml11Bools[n.Value]
	plain := n.Kind == yaml.ScalarNode && n.Tag == boolTag
	switch {
	case plain && !word:
		v.SetBool(truth(n.Value))
		return true
	case plain:
		d.fault(n, "must be true or false"+got(n), fmt.Sprintf("write %t", truth(n.Value)))
	default:
		d.fault(n, "must be true or false"+got(n), bareHint(n, n.Value == "true" || n.Value == "false"))
	}
	return false
}

func (d *decoder) whole(n *yaml.Node, v reflect.Value, c class) bool {
	if n.Kind != yaml.ScalarNode || n.Tag != intTag && !digits(n) {
		_, err := strconv.Atoi(n.Value)
		d.fault(n, "must be a whole number"+got(n), bareHint(n, err == nil))
		return false
	}
	i, u, fits := whole(n.Value)
	var lowest, highest string
	bits := v.Type().Bits()
	if c == intScalar {
		if fits && n.Tag == intTag && !v.OverflowInt(i) {
			v.SetInt(i)
			return true
		}
		lowest, highest = strconv.FormatInt(math.MinInt64>>(64-bits), 10), strconv.FormatInt(math.MaxInt64>>(64-bits), 10)
	} else {
		if i >= 0 && n.Tag == intTag && !v.OverflowUint(u) {
			v.SetUint(u)
			return true
		}
		lowest, highest = "0", strconv.FormatUint(math.MaxUint64>>(64-bits), 10)
	}
	d.fault(n, "is out of range, must be from "+lowest+" to "+highest+got(n), "")
	return false
}

// digits reports whether n is a whole number too large to be read as one.
func digits(n *yaml.Node) bool {
	return n.Tag == floatTag && len(n.Value) > 18 && strings.Trim(n.Value, "+-0123456789_") == ""
}

func (d *decoder) floating(n *yaml.Node, v reflect.Value) bool {
	if n.Kind != yaml.ScalarNode || n.Tag != intTag && n.Tag != floatTag {
		_, err := strconv.ParseFloat(n.Value, 64)
		d.fault(n, "must be a number"+got(n), bareHint(n, err == nil))
		return false
	}
	f := floating(n.Value)
	if n.Tag == intTag {
		if i, u, fits := whole(n.Value); fits {
			f = float64(i)
		} else {
			f = float64(u)
		}
	}
	if v.OverflowFloat(f) {
		d.fault(n, "is out of range for a 32 bit number"+got(n), "")
		return false
	}
	v.SetFloat(f)
	return true
}
