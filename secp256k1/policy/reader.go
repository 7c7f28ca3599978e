package policy

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/banhbaoring/banhbaoring/secp256k1/internal/strictjson"
)

// The types of a policy's JSON are structs whose tags say all of it: json is the
// field's name, doc what it means; a field is required unless its tag says optional.
// One walk reads them, another writes their schema.

// leaf is a type that reads itself.
type leaf interface {
	// read takes a value that is not null, and adds faults under path.
	read(r *reader, path string, v strictjson.Value)
	schema() map[string]any
}

// reader collects faults.
type reader struct{ faults Faults }

func (r *reader) fault(path, what string) {
	r.faults = append(r.faults, Fault{Path: path, What: what})
}

// must adds the fault that v is not what it must be.
func (r *reader) must(path, what string, v strictjson.Value) {
	r.fault(path, "must be "+what+" (got "+strictjson.Kind(v)+")")
}

// parse fills a struct from JSON.
func (r *reader) parse(text []byte, into any) {
	o, err := strictjson.ParseObject(text)
	if err != nil {
		r.fault("", err.Error())
		return
	}
	r.object("", o, reflect.ValueOf(into).Elem())
}

func (r *reader) value(path string, v strictjson.Value, into reflect.Value) {
	if l, ok := into.Addr().Interface().(leaf); ok {
		l.read(r, path, v)
		return
	}
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		r.value(path, v, into.Elem())
	case reflect.Struct:
		if o, ok := v.(*strictjson.Object); ok {
			r.object(path, o, into)
		} else {
			r.must(path, "an object", v)
		}
	case reflect.Slice:
		r.list(path, v, into)
	case reflect.String:
		if text, ok := v.(string); ok {
			into.SetString(text)
		} else {
			r.must(path, "text", v)
		}
	case reflect.Bool:
		if b, ok := v.(bool); ok {
			into.SetBool(b)
		} else {
			r.must(path, "true or false", v)
		}
	case reflect.Uint64:
		number, _ := v.(json.Number)
		n, err := strconv.ParseUint(string(number), 10, 64)
		if err != nil {
			r.must(path, "a whole number", v)
		}
		into.SetUint(n)
	default:
		panic("policy: no reader for " + into.Type().String())
	}
}

func (r *reader) list(path string, v strictjson.Value, into reflect.Value) {
	list, ok := v.(strictjson.List)
	if !ok {
		r.must(path, "a list", v)
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(list), len(list)))
	for i, item := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		if item == nil {
			r.fault(at, "must not be null")
			continue
		}
		r.value(at, item, into.Index(i))
	}
}

func (r *reader) object(path string, o *strictjson.Object, into reflect.Value) {
	known := fieldsOf(into.Type())
	names := make([]string, len(known))
	for i, field := range known {
		names[i] = field.name
	}
	for _, name := range o.Names {
		if i := slices.Index(names, name); i >= 0 {
			if v, ok := o.Get(name); ok {
				r.value(join(path, name), v, into.Field(known[i].index))
			} else {
				r.fault(join(path, name), "must not be null")
			}
			continue
		}
		r.fault(join(path, name), "is not known: must be one of "+strings.Join(names, ", "))
	}
	for _, field := range known {
		if !field.optional && !slices.Contains(o.Names, field.name) {
			r.fault(join(path, field.name), "is missing: "+field.doc)
		}
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// docField is a field of a policy's JSON.
type docField struct {
	name, doc string
	optional  bool
	index     int
}

func fieldsOf(t reflect.Type) (fields []docField) {
	for i := range t.NumField() {
		if name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" {
			fields = append(fields, docField{name: name, doc: t.Field(i).Tag.Get("doc"), optional: options == "optional", index: i})
		}
	}
	return fields
}

// schemaOf is the JSON schema of a type.
func schemaOf(t reflect.Type) map[string]any {
	if l, ok := reflect.New(t).Interface().(leaf); ok {
		return l.schema()
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem())
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Struct:
		properties, required := map[string]any{}, []string{}
		for _, field := range fieldsOf(t) {
			property := schemaOf(t.Field(field.index).Type)
			property["description"] = field.doc
			properties[field.name] = property
			if !field.optional {
				required = append(required, field.name)
			}
		}
		schema := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
		if len(required) > 0 {
			schema["required"] = required
		}
		return schema
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Uint64:
		return map[string]any{"type": "integer", "minimum": 0}
	}
	return map[string]any{"type": "string"}
}

// Schema is the JSON schema of policies, of both kinds, generated from the types that
// the readers fill.
func Schema() []byte {
	text, err := json.MarshalIndent(map[string]any{
		"$schema": "http://json-schema.org/draft-07/schema#",
		"title":   "Policies of keys",
		"definitions": map[string]any{
			"evm":       schemaOf(reflect.TypeFor[evmPolicy]()),
			"cosmos":    schemaOf(reflect.TypeFor[cosmosPolicy]()),
			"condition": conditionSchema(),
		},
		"anyOf": []any{map[string]any{"$ref": "#/definitions/evm"}, map[string]any{"$ref": "#/definitions/cosmos"}},
	}, "", "  ")
	if err != nil {
		panic(err) // maps and texts only
	}
	return append(text, '\n')
}
