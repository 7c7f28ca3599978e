package strict

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
)

// class says how values of a type are read.
type class int

const (
	unsupported class = iota
	anything
	pointer
	custom // reads its own JSON
	text   // reads its own text
	structure
	mapping
	list
	base64Bytes
	stringScalar
	boolScalar
	intScalar
	uintScalar
	floatScalar
)

// typeInfo is what decoding needs to know of a type.
type typeInfo struct {
	class  class
	fields map[string]field // of a structure
	names  []string         // of its fields, in their order
}

// field is a field of a struct, or of one embedded in it.
type field struct {
	index []int // for reflect.Value.FieldByIndex
	depth int   // of embedding; the shallowest of a name is meant
}

var typeInfos sync.Map // reflect.Type to *typeInfo

// infoOf returns what is known of t, which it remembers.
func infoOf(t reflect.Type) *typeInfo {
	if known, ok := typeInfos.Load(t); ok {
		return known.(*typeInfo)
	}
	info := &typeInfo{class: classOf(t)}
	if info.class == structure {
		info.fields = map[string]field{}
		info.collect(t, nil, map[reflect.Type]bool{})
	}
	typeInfos.Store(t, info)
	return info
}

var (
	jsonReader = reflect.TypeFor[json.Unmarshaler]()
	textReader = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func classOf(t reflect.Type) class {
	switch pointerTo := reflect.PointerTo(t); {
	case t.Kind() == reflect.Pointer:
		return pointer
	case pointerTo.Implements(jsonReader):
		return custom
	case pointerTo.Implements(textReader):
		return text
	}
	switch t.Kind() {
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return anything
		}
	case reflect.Struct:
		return structure
	case reflect.Map:
		if t.Key().Kind() == reflect.String {
			return mapping
		}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return base64Bytes
		}
		return list
	case reflect.String:
		return stringScalar
	case reflect.Bool:
		return boolScalar
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return intScalar
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return uintScalar
	case reflect.Float32, reflect.Float64:
		return floatScalar
	}
	return unsupported
}

// collect adds the fields of the struct t, which is embedded at index. As in
// encoding/json, an embedded struct without a name of its own lends its fields.
func (info *typeInfo) collect(t reflect.Type, index []int, inside map[reflect.Type]bool) {
	if inside[t] { // a type that embeds a pointer to itself
		return
	}
	inside[t] = true
	defer delete(inside, t)
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		name, _, _ := strings.Cut(tag, ",")
		at := append(index[:len(index):len(index)], i)
		if f.Anonymous && name == "" {
			embedded := f.Type
			if embedded.Kind() == reflect.Pointer && f.IsExported() {
				embedded = embedded.Elem()
			}
			if embedded.Kind() == reflect.Struct {
				info.collect(embedded, at, inside)
				continue
			}
		}
		if tag == "-" || !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		if known, exists := info.fields[name]; exists && known.depth <= len(index) {
			continue
		} else if !exists {
			info.names = append(info.names, name)
		}
		info.fields[name] = field{at, len(index)}
	}
}

// in returns the field in v, making the embedded structs on the way to it.
func (f field) in(v reflect.Value) reflect.Value {
	for _, i := range f.index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v
}
