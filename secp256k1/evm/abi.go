package evm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/big"
	"unicode/utf8"
)

const wordSize = 32

var errABI = errors.New("must be the canonical ABI encoding of the function's parameters")

// DecodeParams reads a function's arguments: the data of a call, after its selector. Only the canonical
// encoding is taken: what each offset points to follows what stands before it, paddings are
// zero, and nothing is left over. So two contracts cannot read it differently.
func DecodeParams(params []Param, data []byte) ([]Value, error) {
	values, size, err := decodeFields(params, data)
	if err != nil {
		return nil, err
	}
	if size != len(data) {
		return nil, errABI
	}
	return values, nil
}

// headSize is the bytes that a value takes among the heads: its own, or an offset's.
func (t *Type) headSize() int {
	switch {
	case t.dynamic():
	case t.Kind == KindList:
		return t.Size * t.Elem.headSize()
	case t.Kind == KindTuple:
		size := 0
		for _, field := range t.Fields {
			size += field.Type.headSize()
		}
		return size
	}
	return wordSize
}

func (t *Type) dynamic() bool {
	switch t.Kind {
	case KindBytes, KindString:
		return true
	case KindList:
		return t.Size < 0 || t.Elem.dynamic()
	case KindTuple:
		for _, field := range t.Fields {
			if field.Type.dynamic() {
				return true
			}
		}
	}
	return false
}

// decodeFields reads values whose heads stand at the start of data, and tells how
// many bytes they take with their tails.
func decodeFields(params []Param, data []byte) ([]Value, int, error) {
	heads := 0
	for _, p := range params {
		heads += p.Type.headSize()
	}
	if heads > len(data) {
		return nil, 0, errABI
	}
	values := make([]Value, len(params))
	at, end := 0, heads
	for i, p := range params {
		from := at
		if p.Type.dynamic() {
			// The tail begins where the one before it has ended.
			if offset, ok := smallWord(data[at:]); !ok || offset != end {
				return nil, 0, errABI
			}
			from = end
		}
		value, size, err := p.Type.decode(data[from:])
		if err != nil {
			return nil, 0, err
		}
		values[i] = value
		at += p.Type.headSize()
		if p.Type.dynamic() {
			end += size
		}
	}
	return values, end, nil
}

// smallWord reads an offset or a length. What does not fit into 32 bits is past the end of
// all data that there is.
func smallWord(data []byte) (int, bool) {
	if len(data) < wordSize || !zero(data[:28]) {
		return 0, false
	}
	return int(binary.BigEndian.Uint32(data[28:])), true
}

func zero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

func (t *Type) decode(data []byte) (Value, int, error) {
	switch t.Kind {
	case KindTuple:
		values, size, err := decodeFields(t.Fields, data)
		return Tuple{Type: t, Values: values}, size, err
	case KindList:
		return t.decodeList(data)
	case KindBytes, KindString:
		return t.decodeBytes(data)
	}
	if len(data) < wordSize {
		return nil, 0, errABI
	}
	value, ok := t.word(data[:wordSize])
	if !ok {
		return nil, 0, errABI
	}
	return value, wordSize, nil
}

func (t *Type) decodeList(data []byte) (Value, int, error) {
	n, start := t.Size, 0
	if n < 0 {
		var ok bool
		// Every element takes a word at least, so that the length cannot ask for more
		// memory than the data has.
		if n, ok = smallWord(data); !ok || n > len(data)/wordSize {
			return nil, 0, errABI
		}
		start = wordSize
	}
	params := make([]Param, n)
	for i := range params {
		params[i].Type = t.Elem
	}
	values, size, err := decodeFields(params, data[start:])
	return values, start + size, err
}

func (t *Type) decodeBytes(data []byte) (Value, int, error) {
	n, ok := smallWord(data)
	if !ok || n > len(data)-wordSize {
		return nil, 0, errABI
	}
	end := wordSize + (n+wordSize-1)/wordSize*wordSize
	if end > len(data) || !zero(data[wordSize+n:end]) {
		return nil, 0, errABI
	}
	content := data[wordSize : wordSize+n]
	if t.Kind == KindBytes {
		return content, end, nil
	}
	if !utf8.Valid(content) {
		return nil, 0, errABI
	}
	return string(content), end, nil
}

// word reads a value of one word, and reports whether it is within its type.
func (t *Type) word(w []byte) (Value, bool) {
	n := new(big.Int).SetBytes(w)
	switch t.Kind {
	case KindUint:
		return n, n.BitLen() <= t.Size
	case KindInt:
		if w[0] >= 0x80 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), 256))
		}
		return n, t.fits(n)
	case KindAddress:
		return Address(w[12:]), zero(w[:12])
	case KindBool:
		return w[31] == 1, zero(w[:31]) && w[31] <= 1
	default: // KindFixedBytes
		return w[:t.Size], zero(w[t.Size:])
	}
}

// fits reports whether an integer is within its type.
func (t *Type) fits(n *big.Int) bool {
	if t.Kind == KindUint {
		return n.Sign() >= 0 && n.BitLen() <= t.Size
	}
	limit := new(big.Int).Lsh(big.NewInt(1), uint(t.Size-1))
	return n.Cmp(limit) < 0 && n.Cmp(new(big.Int).Neg(limit)) >= 0
}
