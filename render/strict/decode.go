package strict

import (
	"fmt"
	"reflect"

	"go.yaml.in/yaml/v3"
)

// Decode fills into, a pointer to a struct with json tags, from the document.
// It returns every field that is unknown or does not have the type of the
// struct's, in the order of the file; what was in order is filled in all the
// same. A field that is null counts as absent. Faults that Split has reported
// are not repeated.
func (d *Document) Decode(into any) Faults {
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.IsNil() || target.Elem().Kind() != reflect.Struct {
		return Faults{{
			Position: Position{d.File, d.root.Line, d.root.Column},
			Message:  fmt.Sprintf("cannot decode into %T, only into a pointer to a struct", into),
		}}
	}
	r := decoder{report{file: d.File}}
	r.value(d.root, target.Elem())
	r.faults.Sort()
	for _, fields := range d.overlays {
		r.faults = append(r.faults, fileOnly(fields.Decode(into))...)
	}
	return r.faults
}

type decoder struct{ report }

// value sets v from n and reports whether it could, at least in part.
func (d *decoder) value(n *yaml.Node, v reflect.Value) bool {
	info := infoOf(v.Type())
	switch info.class {
	case pointer:
		return d.pointer(n, v)
	case structure:
		return d.structure(n, v, info)
	case mapping:
		return d.mapping(n, v)
	case list:
		return d.list(n, v)
	case custom, text:
		return d.custom(n, v, info.class)
	case anything:
		if value := plainValue(n); value != nil {
			v.Set(reflect.ValueOf(value))
		}
		return true
	case unsupported:
		d.fault(n, "cannot be decoded into a "+v.Type().String(), "")
		return false
	default:
		return d.scalar(n, v, info.class)
	}
}

func (d *decoder) pointer(n *yaml.Node, v reflect.Value) bool {
	if n.Tag == nullTag {
		return true
	}
	target := reflect.New(v.Type().Elem())
	if !d.value(n, target.Elem()) {
		return false
	}
	v.Set(target)
	return true
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value, info *typeInfo) bool {
	if n.Kind != yaml.MappingNode {
		d.fault(n, "must be a mapping"+got(n), "")
		return false
	}
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		d.enter(key.Value)
		if f, known := info.fields[key.Value]; !known {
			d.unknown(key, info.names)
		} else if value.Tag != nullTag {
			d.value(value, f.in(v))
		}
		d.leave()
	}
	return true
}

func (d *decoder) unknown(key *yaml.Node, allowed []string) {
	hint := ""
	if !d.full() {
		hint = fieldHint(key.Value, allowed)
	}
	d.fault(key, "unknown field", hint)
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value) bool {
	if n.Kind != yaml.MappingNode {
		d.fault(n, "must be a mapping"+got(n), "")
		return false
	}
	t := v.Type()
	v.Set(reflect.MakeMapWithSize(t, len(n.Content)/2))
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i].Value, reflect.New(t.Elem()).Elem()
		d.enter(key)
		if d.value(n.Content[i+1], value) {
			v.SetMapIndex(reflect.ValueOf(key).Convert(t.Key()), value)
		}
		d.leave()
	}
	return true
}

// list keeps the place of an item that it cannot read, so that the others keep
// their index.
func (d *decoder) list(n *yaml.Node, v reflect.Value) bool {
	if n.Kind != yaml.SequenceNode {
		d.fault(n, "must be a list"+got(n), "")
		return false
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.item(i)
		d.value(item, v.Index(i))
		d.leave()
	}
	return true
}
