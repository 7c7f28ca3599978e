package evm

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Kind is a kind of type that Solidity's ABI and EIP-712 share.
type Kind int

// The kinds of types.
const (
	KindUint Kind = iota
	KindInt
	KindAddress
	KindBool
	KindFixedBytes
	KindBytes
	KindString
	KindList
	KindTuple // EIP-712's struct
)

// Type is a type of a value.
type Type struct {
	Kind   Kind
	Size   int     // of uint and int: bits; of bytes1 to bytes32: bytes; of a list: its length, or -1 for any
	Elem   *Type   // of a list
	Fields []Param // of a tuple
	Name   string  // of a struct
}

// Param is a parameter of a function, or a field of a tuple.
type Param struct {
	Name string // may be empty
	Type *Type
}

// Value is what was decoded: *big.Int, Address, bool, []byte, string, []Value of
// a list, or Tuple.
type Value any

// Tuple is a tuple's or struct's values, in the order of its type's fields.
type Tuple struct {
	Type   *Type
	Values []Value
}

// String is the type as a function's signature has it: without names.
func (t *Type) String() string {
	switch t.Kind {
	case KindUint:
		return "uint" + strconv.Itoa(t.Size)
	case KindInt:
		return "int" + strconv.Itoa(t.Size)
	case KindAddress:
		return "address"
	case KindBool:
		return "bool"
	case KindFixedBytes:
		return "bytes" + strconv.Itoa(t.Size)
	case KindBytes:
		return "bytes"
	case KindString:
		return "string"
	case KindList:
		if t.Size < 0 {
			return t.Elem.String() + "[]"
		}
		return t.Elem.String() + "[" + strconv.Itoa(t.Size) + "]"
	}
	if t.Name != "" {
		return t.Name
	}
	return "(" + joinTypes(t.Fields) + ")"
}

func joinTypes(params []Param) string {
	texts := make([]string, len(params))
	for i, p := range params {
		texts[i] = p.Type.String()
	}
	return strings.Join(texts, ",")
}

// Function is a function of a contract.
type Function struct {
	Name   string
	Params []Param
}

// String is the signature whose hash begins with the selector.
func (f *Function) String() string { return f.Name + "(" + joinTypes(f.Params) + ")" }

// Selector is the first four bytes of the data of a call.
func (f *Function) Selector() [4]byte {
	h := Keccak256([]byte(f.String()))
	return [4]byte(h[:4])
}

// ParseFunction reads a signature: transfer(address,uint256), or with names
// transfer(address to, uint256 amount). uint and int are of 256 bits.
func ParseFunction(text string) (*Function, error) {
	p := &signature{rest: text}
	f := &Function{Name: p.word()}
	if !identifier.MatchString(f.Name) || !strings.HasPrefix(p.rest, "(") {
		return nil, errSignature
	}
	var err error
	if f.Params, err = p.params(0); err != nil {
		return nil, err
	}
	if p.rest != "" {
		return nil, errSignature
	}
	return f, nil
}

var (
	identifier   = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$]*$`)
	errSignature = errors.New("must be a function's signature, as transfer(address,uint256)")
)

type signature struct{ rest string }

// word cuts what stands before the next punctuation.
func (p *signature) word() string {
	p.rest = strings.TrimLeft(p.rest, " ")
	end := strings.IndexAny(p.rest, "(),[ ")
	if end < 0 {
		end = len(p.rest)
	}
	word := p.rest[:end]
	p.rest = p.rest[end:]
	return word
}

func (p *signature) cut(c string) bool {
	p.rest = strings.TrimLeft(p.rest, " ")
	rest, ok := strings.CutPrefix(p.rest, c)
	p.rest = rest
	return ok
}

// params reads parameters in brackets.
func (p *signature) params(depth int) ([]Param, error) {
	if depth > 8 || !p.cut("(") {
		return nil, errSignature
	}
	var params []Param
	if p.cut(")") {
		return params, nil
	}
	for {
		param, err := p.param(depth)
		if err != nil {
			return nil, err
		}
		params = append(params, param)
		if p.cut(")") {
			return params, nil
		}
		if !p.cut(",") {
			return nil, errSignature
		}
	}
}

func (p *signature) param(depth int) (Param, error) {
	var t *Type
	if p.rest = strings.TrimLeft(p.rest, " "); strings.HasPrefix(p.rest, "(") {
		fields, err := p.params(depth + 1)
		if err != nil {
			return Param{}, err
		}
		if len(fields) == 0 {
			return Param{}, errSignature
		}
		t = &Type{Kind: KindTuple, Fields: fields}
	} else {
		word := p.word()
		if t = atomic(word); t == nil {
			return Param{}, fmt.Errorf("must be a function's signature with Solidity's types (got type %q)", word)
		}
	}
	for dims := 0; strings.HasPrefix(p.rest, "["); dims++ {
		end := strings.IndexByte(p.rest, ']')
		if end < 0 || dims == 8 {
			return Param{}, errSignature
		}
		list, err := listOf(t, p.rest[1:end])
		if err != nil {
			return Param{}, err
		}
		if t, p.rest = list, p.rest[end+1:]; t.headSize() > maxHeadSize {
			return Param{}, fmt.Errorf("must be a function's signature whose fixed lists take at most %d bytes", maxHeadSize)
		}
	}
	name := p.word()
	if name != "" && !identifier.MatchString(name) {
		return Param{}, errSignature
	}
	return Param{Name: name, Type: t}, nil
}

// Bounds of fixed lists, whose values take space for each entry.
const (
	maxListLength = 1024
	maxHeadSize   = 1 << 20
)

// listOf is a list of elem whose length stands between the brackets.
func listOf(elem *Type, length string) (*Type, error) {
	if length == "" {
		return &Type{Kind: KindList, Size: -1, Elem: elem}, nil
	}
	n, err := strconv.ParseUint(length, 10, 16)
	if err != nil || n == 0 || n > maxListLength || length[0] == '0' {
		return nil, fmt.Errorf("a list's length must be 1 to %d (got %q)", maxListLength, length)
	}
	return &Type{Kind: KindList, Size: int(n), Elem: elem}, nil
}

// atomic is the type of that name which holds no other, or nil.
func atomic(name string) *Type {
	switch name {
	case "address":
		return &Type{Kind: KindAddress}
	case "bool":
		return &Type{Kind: KindBool}
	case "bytes":
		return &Type{Kind: KindBytes}
	case "string":
		return &Type{Kind: KindString}
	case "uint":
		return &Type{Kind: KindUint, Size: 256}
	case "int":
		return &Type{Kind: KindInt, Size: 256}
	}
	for _, family := range []struct {
		prefix    string
		kind      Kind
		step, max int
	}{{"uint", KindUint, 8, 256}, {"int", KindInt, 8, 256}, {"bytes", KindFixedBytes, 1, 32}} {
		digits, ok := strings.CutPrefix(name, family.prefix)
		n, err := strconv.Atoi(digits)
		if ok && err == nil && digits[0] >= '1' && digits[0] <= '9' && n <= family.max && n%family.step == 0 {
			return &Type{Kind: family.kind, Size: n}
		}
	}
	return nil
}
