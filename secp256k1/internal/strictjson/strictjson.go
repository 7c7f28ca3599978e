// Package strictjson reads JSON into a tree, and refuses what two readers could
// understand differently: a field that stands twice, text that is not UTF-8, and
// anything after the value.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxDepth bounds how far values nest.
const maxDepth = 64

// Value is nil, a bool, a string, a json.Number, a List or an *Object.
type Value any

// List is a JSON array.
type List []Value

// Object is a JSON object whose fields keep their order.
type Object struct {
	Names  []string
	fields map[string]Value
}

// Get is a field's value. A field that is null is as good as one that is not there.
func (o *Object) Get(name string) (Value, bool) {
	v := o.fields[name]
	return v, v != nil
}

// Parse reads one value.
func Parse(text []byte) (Value, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("must be UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := read(d, 0)
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("must be JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("must be one JSON value, and nothing after it")
	}
	return v, nil
}

// ParseObject reads one object.
func ParseObject(text []byte) (*Object, error) {
	v, err := Parse(text)
	if err != nil {
		return nil, err
	}
	o, ok := v.(*Object)
	if !ok {
		return nil, errors.New("must be a JSON object (got " + Kind(v) + ")")
	}
	return o, nil
}

func read(d *json.Decoder, depth int) (Value, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if depth == maxDepth {
		return nil, fmt.Errorf("values nest deeper than %d", maxDepth)
	}
	if delim == '[' {
		list := List{}
		for d.More() {
			v, err := read(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	}
	o := &Object{fields: map[string]Value{}}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name := token.(string) // the decoder takes no other token here
		if _, twice := o.fields[name]; twice {
			return nil, fmt.Errorf("field %q stands twice", name)
		}
		v, err := read(d, depth+1)
		if err != nil {
			return nil, err
		}
		o.Names = append(o.Names, name)
		o.fields[name] = v
	}
	_, err = d.Token()
	return o, err
}

// Kind is what a value is, for messages.
func Kind(v Value) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return fmt.Sprint(v)
	case string:
		if len(v) > 80 {
			return "a text of " + fmt.Sprint(len(v)) + " bytes"
		}
		return fmt.Sprintf("%q", v)
	case json.Number:
		if len(v) > 80 {
			return "a number of " + fmt.Sprint(len(v)) + " digits"
		}
		return v.String()
	case List:
		return "a list"
	}
	return "an object"
}
