package evm

import (
	"errors"
	"math/big"
)

// The two kinds of RLP items. A string of one byte below 0x80 stands for itself;
// else a header gives the length, in its own byte up to 55 and in bytes after it
// from there on. Only the shortest form is an encoding.

// appendString appends an RLP string.
func appendString(dst, s []byte) []byte {
	if len(s) == 1 && s[0] < 0x80 {
		return append(dst, s[0])
	}
	return append(appendHeader(dst, 0x80, len(s)), s...)
}

// appendUint appends an integer: its bytes without leading zeros.
func appendUint(dst []byte, v uint64) []byte {
	return appendString(dst, trim(v))
}

func appendInt(dst []byte, v *big.Int) []byte {
	if v == nil {
		return append(dst, 0x80)
	}
	return appendString(dst, v.Bytes())
}

// appendList appends an RLP list of what fill appends.
func appendList(dst []byte, fill func(dst []byte) []byte) []byte {
	items := fill(nil)
	return append(appendHeader(dst, 0xc0, len(items)), items...)
}

func appendHeader(dst []byte, base byte, length int) []byte {
	if length < 56 {
		return append(dst, base+byte(length))
	}
	size := trim(uint64(length))
	return append(append(dst, base+55+byte(len(size))), size...)
}

// trim is v, big-endian, without leading zeros.
func trim(v uint64) []byte {
	var b []byte
	for shift := 56; shift >= 0; shift -= 8 {
		if c := byte(v >> shift); c != 0 || len(b) > 0 {
			b = append(b, c)
		}
	}
	return b
}

// rlpReader reads items one after another. It keeps the first error, after which it
// reads zero values.
type rlpReader struct {
	rest []byte
	err  error
}

var (
	errRLP    = errors.New("must be canonical RLP")
	errRLPInt = errors.New("must be canonical RLP: an integer has leading zeros or too many bytes")
)

func (r *rlpReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.rest = nil
}

// item reads one item: its content, and whether it is a list.
func (r *rlpReader) item() (content []byte, list bool) {
	if len(r.rest) == 0 {
		r.fail(errRLP)
		return nil, false
	}
	first := r.rest[0]
	if first < 0x80 {
		content, r.rest = r.rest[:1], r.rest[1:]
		return content, false
	}
	base := byte(0x80)
	if list = first >= 0xc0; list {
		base = 0xc0
	}
	length, head := uint64(first-base), 1
	if length > 55 {
		n := int(length - 55)
		head += n
		if len(r.rest) < head || r.rest[1] == 0 {
			r.fail(errRLP)
			return nil, false
		}
		length = 0
		for _, b := range r.rest[1:head] {
			length = length<<8 | uint64(b)
		}
		if length < 56 {
			r.fail(errRLP)
			return nil, false
		}
	}
	if length > uint64(len(r.rest)-head) {
		r.fail(errRLP)
		return nil, false
	}
	end := head + int(length)
	content, r.rest = r.rest[head:end], r.rest[end:]
	if !list && length == 1 && content[0] < 0x80 {
		r.fail(errRLP)
		return nil, false
	}
	return content, list
}

// string reads a string.
func (r *rlpReader) string() []byte {
	content, list := r.item()
	if list {
		r.fail(errRLP)
		return nil
	}
	return content
}

// list reads a list, as a reader of its items.
func (r *rlpReader) list() *rlpReader {
	content, list := r.item()
	if r.err == nil && !list {
		r.fail(errRLP)
	}
	return &rlpReader{rest: content, err: r.err}
}

// end takes over an inner list's error, and refuses what is left in it.
func (r *rlpReader) end(inner *rlpReader) {
	if inner.err == nil && len(inner.rest) > 0 {
		inner.err = errRLP
	}
	if inner.err != nil {
		r.fail(inner.err)
	}
}

// integer reads an integer's bytes, at most size of them.
func (r *rlpReader) integer(size int) []byte {
	b := r.string()
	if len(b) > size || len(b) > 0 && b[0] == 0 {
		r.fail(errRLPInt)
		return nil
	}
	return b
}

func (r *rlpReader) uint64() (v uint64) {
	for _, b := range r.integer(8) {
		v = v<<8 | uint64(b)
	}
	return v
}

func (r *rlpReader) big() *big.Int { return new(big.Int).SetBytes(r.integer(32)) }

// fixed reads a string of exactly len(dst) bytes.
func (r *rlpReader) fixed(dst []byte) {
	b := r.string()
	if r.err == nil && len(b) != len(dst) {
		r.fail(errRLP)
		return
	}
	copy(dst, b)
}
