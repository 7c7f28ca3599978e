package policy

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"

	"github.com/banhbaoring/banhbaoring/secp256k1/evm"
	"github.com/banhbaoring/banhbaoring/secp256k1/internal/strictjson"
)

// condition says which values an argument of a call, or a field of typed data, may
// have. Exactly one of its fields is set.
type condition struct {
	any       bool
	oneOf     map[string]bool // by valueText
	min, max  *big.Int        // either
	selectors *selectors      // of the call that the bytes are
	each      *condition      // of every entry of a list
	fields    []*condition    // of a tuple, in its order
}

// conditionsJSON are conditions by name, which are read when the types that they are for
// are known.
type conditionsJSON struct {
	path   string
	object *strictjson.Object // nil where the policy has none
}

func (c *conditionsJSON) read(r *reader, path string, v strictjson.Value) {
	c.path = path
	var ok bool
	if c.object, ok = v.(*strictjson.Object); !ok {
		r.must(path, "an object with a condition for each name", v)
	}
}

func (*conditionsJSON) schema() map[string]any {
	return map[string]any{"type": "object", "additionalProperties": map[string]any{"$ref": "#/definitions/condition"}}
}

func conditionSchema() map[string]any {
	self := map[string]any{"$ref": "#/definitions/condition"}
	scalar := map[string]any{"type": []string{"string", "integer", "boolean"}}
	bound := new(amount).schema()
	object := func(properties map[string]any, required ...string) map[string]any {
		s := map[string]any{"type": "object", "properties": properties, "additionalProperties": false, "minProperties": 1}
		if len(required) > 0 {
			s["required"] = required
		}
		return s
	}
	return map[string]any{
		"description": "any; a value; a list of values; {min, max} of a number; {selectors} of the call that bytes are; {each} of a list's entries; {fields} of a tuple",
		"anyOf": []any{
			scalar,
			map[string]any{"type": "array", "minItems": 1, "items": scalar},
			object(map[string]any{"min": bound, "max": bound}),
			object(map[string]any{"selectors": new(selectors).schema()}, "selectors"),
			object(map[string]any{"each": self}, "each"),
			object(map[string]any{"fields": map[string]any{"type": "object", "additionalProperties": self}}, "fields"),
		},
	}
}

// compile reads the conditions of params, each of which must have one. unsafe allows
// sensitive functions in inner calls.
func (c *conditionsJSON) compile(r *reader, params []evm.Param, unsafe bool) []*condition {
	return compileFields(r, c.path, c.object, params, unsafe)
}

func compileFields(r *reader, path string, o *strictjson.Object, params []evm.Param, unsafe bool) []*condition {
	list := make([]*condition, len(params))
	known := map[string]bool{}
	for i, p := range params {
		name := p.Name
		if name == "" {
			name = fmt.Sprint(i)
		}
		if known[name] {
			r.fault(path, "must be for parameters of different names (got "+name+" twice)")
		}
		known[name] = true
		v, ok := o.Get(name)
		if !ok {
			r.fault(join(path, name), "is missing: any is written out")
			continue
		}
		list[i] = compileCondition(r, join(path, name), v, p.Type, unsafe)
	}
	for _, name := range o.Names {
		if !known[name] {
			r.fault(join(path, name), "is no parameter: a parameter without a name has its position, from 0")
		}
	}
	return list
}

func compileCondition(r *reader, path string, v strictjson.Value, t *evm.Type, unsafe bool) *condition {
	if v == anyText {
		return &condition{any: true}
	}
	o, ok := v.(*strictjson.Object)
	if !ok {
		return compileOneOf(r, path, v, t)
	}
	c := &condition{}
	for _, name := range o.Names {
		at := join(path, name)
		v, _ := o.Get(name)
		number := t.Kind == evm.KindUint || t.Kind == evm.KindInt
		switch {
		case (name == "min" || name == "max") && number && (len(o.Names) == 1 || len(o.Names) == 2 && c.selectors == nil && c.each == nil && c.fields == nil):
			var a amount
			a.read(r, at, v)
			if name == "min" {
				c.min = a.Int
			} else {
				c.max = a.Int
			}
		case name == "selectors" && t.Kind == evm.KindBytes && len(o.Names) == 1:
			c.selectors = &selectors{}
			c.selectors.read(r, at, v)
			checkInner(r, at, c.selectors, unsafe)
		case name == "each" && t.Kind == evm.KindList && len(o.Names) == 1:
			c.each = compileCondition(r, at, v, t.Elem, unsafe)
		case name == "fields" && t.Kind == evm.KindTuple && len(o.Names) == 1:
			if inner, ok := v.(*strictjson.Object); ok {
				c.fields = compileFields(r, at, inner, t.Fields, unsafe)
			} else {
				r.must(at, "an object", v)
			}
		default:
			r.fault(at, "is no condition of "+t.String()+": must be "+conditionOf(t))
		}
	}
	if len(o.Names) == 0 {
		r.fault(path, "must be "+conditionOf(t))
	}
	if c.min != nil && c.max != nil && c.min.Cmp(c.max) > 0 {
		r.fault(path, "min must not be above max")
	}
	return c
}

// conditionOf says which conditions a type has.
func conditionOf(t *evm.Type) string {
	switch t.Kind {
	case evm.KindUint, evm.KindInt:
		return "any, a number, a list of numbers, or {min, max}"
	case evm.KindBytes:
		return "any, bytes in hex, a list of them, or {selectors}"
	case evm.KindList:
		return "any, or {each}"
	case evm.KindTuple:
		return "any, or {fields}"
	}
	return "any, a value, or a list of values"
}

// checkInner refuses sensitive functions in inner calls, whose own arguments no
// condition reads.
func checkInner(r *reader, path string, s *selectors, unsafe bool) {
	if unsafe {
		return
	}
	for _, inner := range s.list {
		if name, ok := sensitive()[inner.id]; ok && !inner.empty {
			r.fault(path, "must not name "+name+" in an inner call, whose arguments are not checked, unless the rule has unsafe: true")
		}
	}
}

func compileOneOf(r *reader, path string, v strictjson.Value, t *evm.Type) *condition {
	list, ok := v.(strictjson.List)
	if !ok {
		list = strictjson.List{v}
	} else if len(list) == 0 {
		r.fault(path, "must not be empty: it allows nothing")
	}
	c := &condition{oneOf: map[string]bool{}}
	for i, item := range list {
		at := path
		if ok {
			at = fmt.Sprintf("%s[%d]", path, i)
		}
		text, err := scalarText(t, item)
		if err != nil {
			r.fault(at, err.Error()+" (got "+strictjson.Kind(item)+")")
			continue
		}
		c.oneOf[text] = true
	}
	return c
}

// scalarText is valueText of a value that the policy names.
func scalarText(t *evm.Type, v strictjson.Value) (string, error) {
	text, _ := v.(string)
	switch t.Kind {
	case evm.KindList, evm.KindTuple:
		return "", fmt.Errorf("must be %s", conditionOf(t))
	case evm.KindAddress:
		a, err := evm.ParseAddress(text)
		return valueText(a), err
	case evm.KindUint:
		if number, ok := v.(json.Number); ok {
			text = number.String()
		}
		n, err := parseAmount(text)
		if err == nil && n.BitLen() > t.Size {
			err = fmt.Errorf("must be within %s", t)
		}
		return valueText(n), err
	case evm.KindString:
		if v, ok := v.(string); ok {
			return valueText(v), nil
		}
		return "", fmt.Errorf("must be text")
	}
	value, err := t.ParseValue(v)
	return valueText(value), err
}

// valueText tells values of one type apart.
func valueText(v evm.Value) string {
	switch v := v.(type) {
	case []byte:
		return "0x" + hex.EncodeToString(v)
	case string:
		return v
	}
	return fmt.Sprint(v)
}

func (c *condition) allows(v evm.Value, unsafe bool) bool {
	switch {
	case c.any:
		return true
	case c.oneOf != nil:
		return c.oneOf[valueText(v)]
	case c.selectors != nil:
		return c.selectors.allowCall(v.([]byte), unsafe)
	case c.each != nil:
		for _, item := range v.([]evm.Value) {
			if !c.each.allows(item, unsafe) {
				return false
			}
		}
		return true
	case c.fields != nil:
		_, ok := allowAll(c.fields, v.(evm.Tuple).Values, unsafe)
		return ok
	case c.min != nil || c.max != nil:
		n := v.(*big.Int)
		return (c.min == nil || n.Cmp(c.min) >= 0) && (c.max == nil || n.Cmp(c.max) <= 0)
	}
	return false
}

// allowAll holds values against conditions, and tells the first that is not allowed.
func allowAll(conditions []*condition, values []evm.Value, unsafe bool) (at int, ok bool) {
	for i, c := range conditions {
		if !c.allows(values[i], unsafe) {
			return i, false
		}
	}
	return 0, true
}

// allowCall holds the data of an inner call against selectors.
func (s *selectors) allowCall(data []byte, unsafe bool) bool {
	if s.any {
		if len(data) >= 4 && !unsafe {
			_, found := sensitive()[[4]byte(data)]
			return !found
		}
		return true
	}
	for _, one := range s.list {
		if one.empty && len(data) == 0 || !one.empty && bytes.HasPrefix(data, one.id[:]) {
			return true
		}
	}
	return false
}

// trivial reports whether the conditions allow everything.
func trivial(conditions []*condition) bool {
	for _, c := range conditions {
		if c == nil || !c.any {
			return false
		}
	}
	return true
}

// describe is a parameter in messages.
func describe(params []evm.Param, i int) string {
	if params[i].Name != "" {
		return params[i].Name
	}
	return fmt.Sprintf("argument %d", i)
}
