package evm

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/banhbaoring/banhbaoring/secp256k1/internal/strictjson"
)

// fields reads the fields of a JSON object, and keeps every fault.
type fields struct {
	path   string // "" or "x."
	object *strictjson.Object
	faults *[]error
}

func parseFields(text []byte) (fields, error) {
	o, err := strictjson.ParseObject(text)
	return fields{object: o, faults: new([]error)}, err
}

func (f fields) fault(name, what string) {
	*f.faults = append(*f.faults, errors.New(f.path+name+" "+what))
}

// err is all faults in one line.
func (f fields) err() error {
	if len(*f.faults) == 0 {
		return nil
	}
	texts := make([]string, len(*f.faults))
	for i, err := range *f.faults {
		texts[i] = err.Error()
	}
	return errors.New(strings.Join(texts, "; "))
}

// only refuses fields that are not known.
func (f fields) only(known ...string) {
	for _, name := range f.object.Names {
		if !slices.Contains(known, name) {
			f.fault(name, "is not known: must be one of "+strings.Join(known, ", "))
		}
	}
}

func (f fields) has(name string) bool {
	_, ok := f.object.Get(name)
	return ok
}

func (f fields) require(name string) {
	if !f.has(name) {
		f.fault(name, "is missing")
	}
}

// text reads a text, or the empty one.
func (f fields) text(name string) string {
	v, ok := f.object.Get(name)
	if !ok {
		return ""
	}
	s, ok := v.(string)
	if !ok {
		f.fault(name, "must be text (got "+strictjson.Kind(v)+")")
	}
	return s
}

// integer reads a number in hex, or 0.
func (f fields) integer(name string, bits int) *big.Int {
	v, ok := f.object.Get(name)
	if !ok {
		return new(big.Int)
	}
	text, _ := v.(string)
	n, err := parseQuantity(text, bits)
	if err != nil {
		f.fault(name, fmt.Sprintf("%v (got %s)", err, strictjson.Kind(v)))
		return new(big.Int)
	}
	return n
}

func (f fields) uint64(name string) uint64 { return f.integer(name, 64).Uint64() }

// parseQuantity reads a number as Ethereum's JSON-RPC writes it.
func parseQuantity(text string, bits int) (*big.Int, error) {
	digits, ok := strings.CutPrefix(text, "0x")
	// Bytes need an even number of digits, numbers none.
	_, err := hex.DecodeString(strings.Repeat("0", len(digits)%2) + digits)
	if !ok || err != nil || digits == "" || digits != "0" && digits[0] == '0' {
		return nil, errors.New("must be a number in hex with 0x and without leading zeros")
	}
	n, _ := new(big.Int).SetString(digits, 16)
	if n.BitLen() > bits {
		return nil, fmt.Errorf("must be a number of at most %d bits", bits)
	}
	return n, nil
}

// bytes reads bytes in hex. It is nil where there is no such field.
func (f fields) bytes(name string) []byte {
	v, ok := f.object.Get(name)
	if !ok {
		return nil
	}
	text, _ := v.(string)
	b, err := parseBytes(text)
	if err != nil {
		f.fault(name, err.Error()+" (got "+strictjson.Kind(v)+")")
	}
	return b
}

func parseBytes(text string) ([]byte, error) {
	digits, ok := strings.CutPrefix(text, "0x")
	b, err := hex.DecodeString(digits)
	if !ok || err != nil {
		return nil, errors.New("must be bytes in hex with 0x")
	}
	return b, nil
}

// fixed reads exactly len(dst) bytes, and reports whether the field is there.
func (f fields) fixed(name string, dst []byte) bool {
	b := f.bytes(name)
	if b == nil {
		return false
	}
	if len(b) != len(dst) {
		f.fault(name, fmt.Sprintf("must be %d bytes (got %d)", len(dst), len(b)))
		return false
	}
	copy(dst, b)
	return true
}

// address reads an address in any case: programs send it, and no one slips. It is nil
// where there is no such field.
func (f fields) address(name string) *Address {
	a := new(Address)
	if !f.fixed(name, a[:]) {
		return nil
	}
	return a
}

func (f fields) list(name string) strictjson.List {
	v, ok := f.object.Get(name)
	if !ok {
		return nil
	}
	list, ok := v.(strictjson.List)
	if !ok {
		f.fault(name, "must be a list (got "+strictjson.Kind(v)+")")
	}
	return list
}

// hashes reads a list of hashes.
func (f fields) hashes(name string) (hashes []Hash) {
	for i, v := range f.list(name) {
		var h Hash
		text, _ := v.(string)
		b, err := parseBytes(text)
		if err != nil || len(b) != len(h) {
			f.fault(fmt.Sprintf("%s[%d]", name, i), "must be 32 bytes in hex with 0x (got "+strictjson.Kind(v)+")")
			continue
		}
		hashes = append(hashes, Hash(b))
	}
	return hashes
}

// objects reads a list of objects.
func (f fields) objects(name string) (objects []fields) {
	for i, v := range f.list(name) {
		path := fmt.Sprintf("%s[%d]", name, i)
		o, ok := v.(*strictjson.Object)
		if !ok {
			f.fault(path, "must be an object (got "+strictjson.Kind(v)+")")
			continue
		}
		objects = append(objects, fields{path: f.path + path + ".", object: o, faults: f.faults})
	}
	return objects
}
