package cosmos

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// The wire types of protobuf that Cosmos transactions use.
const (
	wireVarint = 0
	wireBytes  = 2
)

// kind is how a field is read.
type kind int

const (
	uintKind  kind = iota // uint64, int64, enum, bool
	bytesKind             // bytes
	textKind              // string, UTF-8
	nestedKind
)

// field is a field that a message may have. All others are refused.
type field struct {
	name     string
	kind     kind
	repeated bool
	nested   *message
}

// message is a type of messages: its fields by number.
type message map[int]field

// decoded is a message's fields that stood in it.
type decoded map[string][]any // uint64, []byte, string, decoded

func (d decoded) text(name string) string {
	if v := d[name]; len(v) > 0 {
		return v[0].(string)
	}
	return ""
}

func (d decoded) bytes(name string) []byte {
	if v := d[name]; len(v) > 0 {
		return v[0].([]byte)
	}
	return nil
}

func (d decoded) uint(name string) uint64 {
	if v := d[name]; len(v) > 0 {
		return v[0].(uint64)
	}
	return 0
}

func (d decoded) nested(name string) decoded {
	if v := d[name]; len(v) > 0 {
		return v[0].(decoded)
	}
	return nil
}

var (
	errTruncated = errors.New("is cut short")
	errVarint    = errors.New("has a number that is not in its shortest form or above 64 bits")
)

// varint reads a number in its shortest form.
func varint(data []byte) (n uint64, rest []byte, err error) {
	for i, b := range data {
		if i == 9 && b > 1 {
			return 0, nil, errVarint
		}
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			if b == 0 && i > 0 {
				return 0, nil, errVarint
			}
			return n, data[i+1:], nil
		}
		if i == 9 {
			return 0, nil, errVarint
		}
	}
	return 0, nil, errTruncated
}

// read decodes a message. Fields stand in the order of their numbers, as encoders
// write them, and those that are not repeated once: where a decoder takes the last of two,
// or merges them, another might not.
func (m message) read(data []byte) (decoded, error) {
	out := decoded{}
	last := 0
	for len(data) > 0 {
		tag, rest, err := varint(data)
		if err != nil {
			return nil, err
		}
		data = rest
		if tag>>3 > 1<<29-1 {
			return nil, errors.New("has a field number that is too large")
		}
		number, wire := int(tag>>3), int(tag&7)
		f, ok := m[number]
		if !ok {
			return nil, fmt.Errorf("has field %d, which is not known", number)
		}
		if number < last || number == last && !f.repeated {
			return nil, fmt.Errorf("has %s twice or out of order", f.name)
		}
		last = number
		value, rest, err := f.read(data, wire)
		if err != nil {
			return nil, fmt.Errorf("%s %w", f.name, err)
		}
		data = rest
		out[f.name] = append(out[f.name], value)
	}
	return out, nil
}

func (f field) read(data []byte, wire int) (value any, rest []byte, err error) {
	want := wireBytes
	if f.kind == uintKind {
		want = wireVarint
	}
	if wire != want {
		return nil, nil, fmt.Errorf("has wire type %d (must be %d)", wire, want)
	}
	n, data, err := varint(data)
	if err != nil || f.kind == uintKind {
		return n, data, err
	}
	if n > uint64(len(data)) {
		return nil, nil, errTruncated
	}
	content, rest := data[:n], data[n:]
	switch f.kind {
	case textKind:
		if !utf8.Valid(content) {
			return nil, nil, errors.New("is not UTF-8")
		}
		return string(content), rest, nil
	case nestedKind:
		inner, err := f.nested.read(content)
		return inner, rest, err
	}
	return content, rest, nil
}
