package evm

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"sort"
	"strings"

	"github.com/banhbaoring/banhbaoring/secp256k1/internal/strictjson"
)

// TypedData is EIP-712 typed data, checked against its own types.
type TypedData struct {
	ChainID  *uint64  // nil where the domain's type has none
	Contract *Address // verifyingContract; nil where the domain's type has none
	// EncodeType is the primary type and those it refers to, as EIP-712 writes them.
	EncodeType string
	Message    Tuple
	hash       Hash
}

const domainType = "EIP712Domain"

// domainFields are what a domain can have (EIP-712).
var domainFields = map[string]string{"name": "string", "version": "string", "chainId": "uint256", "verifyingContract": "address", "salt": "bytes32"}

// ParseTypedData reads eth_signTypedData_v4's object {types, primaryType, domain,
// message}. A value that its type does not name is refused: it would be shown, and not
// signed.
func ParseTypedData(text []byte) (*TypedData, error) {
	f, err := parseFields(text)
	if err != nil {
		return nil, fmt.Errorf("typed data %w", err)
	}
	f.only("types", "primaryType", "domain", "message")
	for _, name := range []string{"types", "primaryType", "domain", "message"} {
		f.require(name)
	}
	primary := f.text("primaryType")
	if err := f.err(); err != nil {
		return nil, err
	}
	types, err := parseStructs(f.object)
	if err != nil {
		return nil, err
	}
	domain, domainHash, err := types.hashObject(f.object, domainType, "domain")
	if err != nil {
		return nil, err
	}
	if primary == domainType {
		return nil, errors.New("primaryType must not be " + domainType)
	}
	message, messageHash, err := types.hashObject(f.object, primary, "message")
	if err != nil {
		return nil, err
	}
	d := &TypedData{
		EncodeType: types.encodeType(primary),
		Message:    message,
		hash:       Keccak256([]byte{0x19, 0x01}, domainHash[:], messageHash[:]),
	}
	return d, d.readDomain(domain)
}

// SigHash is what is signed.
func (d *TypedData) SigHash() Hash { return d.hash }

func (d *TypedData) readDomain(domain Tuple) error {
	for i, field := range domain.Type.Fields {
		if domainFields[field.Name] != field.Type.String() {
			return fmt.Errorf("types.%s must have no fields but name, version, chainId, verifyingContract and salt, of the types of EIP-712 (got %s %s)", domainType, field.Type, field.Name)
		}
		switch field.Name {
		case "chainId":
			n := domain.Values[i].(*big.Int)
			if !n.IsUint64() || n.Uint64() > MaxChainID {
				return fmt.Errorf("domain.chainId must be at most %d", uint64(MaxChainID))
			}
			id := n.Uint64()
			d.ChainID = &id
		case "verifyingContract":
			a := domain.Values[i].(Address)
			d.Contract = &a
		}
	}
	return nil
}

// structs are the types by their names.
type structs map[string]*Type

var structName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

func parseStructs(object *strictjson.Object) (structs, error) {
	v, _ := object.Get("types")
	o, ok := v.(*strictjson.Object)
	if !ok {
		return nil, errors.New("types must be an object (got " + strictjson.Kind(v) + ")")
	}
	types := structs{}
	for _, name := range o.Names {
		if !structName.MatchString(name) || atomic(name) != nil {
			return nil, fmt.Errorf("types: a type's name must be letters, digits and _, and not one of Solidity's own (got %q)", name)
		}
		types[name] = &Type{Kind: KindTuple, Name: name}
	}
	for _, name := range o.Names {
		v, _ := o.Get(name)
		list, ok := v.(strictjson.List)
		if !ok {
			return nil, fmt.Errorf("types.%s must be a list (got %s)", name, strictjson.Kind(v))
		}
		seen := map[string]bool{}
		for i, item := range list {
			field, err := types.parseField(item)
			if err == nil && seen[field.Name] {
				err = fmt.Errorf("has a field %q twice", field.Name)
			}
			if err != nil {
				return nil, fmt.Errorf("types.%s[%d] %w", name, i, err)
			}
			seen[field.Name] = true
			types[name].Fields = append(types[name].Fields, field)
		}
	}
	return types, nil
}

func (s structs) parseField(v strictjson.Value) (Param, error) {
	o, ok := v.(*strictjson.Object)
	if !ok || len(o.Names) != 2 {
		return Param{}, errors.New("must be {name, type}")
	}
	nameValue, _ := o.Get("name")
	typeValue, _ := o.Get("type")
	name, _ := nameValue.(string)
	text, _ := typeValue.(string)
	return s.field(name, text)
}

// field is a field of that name and type.
func (s structs) field(name, text string) (Param, error) {
	if !identifier.MatchString(name) {
		return Param{}, fmt.Errorf("must have a name of letters, digits, _ and $ (got %q)", name)
	}
	fault := fmt.Errorf("must have a type that EIP-712 or types knows (got %q)", text)
	base, dims := text, ""
	if i := strings.IndexByte(text, '['); i >= 0 {
		base, dims = text[:i], text[i:]
	}
	t := s[base]
	if t == nil {
		t = atomic(base)
	}
	// uint and int are no types of EIP-712: their hash would differ from reader to reader.
	if t == nil || base == "uint" || base == "int" {
		return Param{}, fault
	}
	for n := 0; dims != ""; n++ {
		length, rest, closed := strings.Cut(strings.TrimPrefix(dims, "["), "]")
		list, err := listOf(t, length)
		if dims[0] != '[' || !closed || err != nil || n == 8 {
			return Param{}, fault
		}
		t, dims = list, rest
	}
	return Param{Name: name, Type: t}, nil
}

var encodedStruct = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_]*)\(([^()]*)\)`)

// ParseEncodeType reads the type that an EncodeType describes.
func ParseEncodeType(text string) (*Type, error) {
	fault := errors.New("must be a type as EIP-712 encodes it, as Permit(address owner,uint256 value), with the types that it refers to after it in order of their names")
	types, primary := structs{}, ""
	var bodies [][2]string
	for rest := text; rest != ""; {
		m := encodedStruct.FindStringSubmatch(rest)
		if m == nil || types[m[1]] != nil || atomic(m[1]) != nil {
			return nil, fault
		}
		if primary == "" {
			primary = m[1]
		}
		types[m[1]] = &Type{Kind: KindTuple, Name: m[1]}
		bodies = append(bodies, [2]string{m[1], m[2]})
		rest = rest[len(m[0]):]
	}
	for _, body := range bodies {
		for _, field := range strings.Split(body[1], ",") {
			if body[1] == "" {
				break
			}
			base, name, _ := strings.Cut(field, " ")
			param, err := types.field(name, base)
			if err != nil {
				return nil, fault
			}
			types[body[0]].Fields = append(types[body[0]].Fields, param)
		}
	}
	if primary == "" || types.encodeType(primary) != text {
		return nil, fault
	}
	return types[primary], nil
}

// encodeType is a struct, and those that it refers to in order of their names.
func (s structs) encodeType(name string) string {
	found := map[string]bool{}
	s.collect(s[name], found)
	delete(found, name)
	others := make([]string, 0, len(found))
	for other := range found {
		others = append(others, other)
	}
	sort.Strings(others)
	var b strings.Builder
	for _, name := range append([]string{name}, others...) {
		b.WriteString(name + "(")
		for i, field := range s[name].Fields {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(field.Type.String() + " " + field.Name)
		}
		b.WriteByte(')')
	}
	return b.String()
}

func (s structs) collect(t *Type, found map[string]bool) {
	for t.Kind == KindList {
		t = t.Elem
	}
	if t.Kind != KindTuple || found[t.Name] {
		return
	}
	found[t.Name] = true
	for _, field := range t.Fields {
		s.collect(field.Type, found)
	}
}

// hashObject is the value of a field of the typed data, and its hashStruct.
func (s structs) hashObject(object *strictjson.Object, name, field string) (Tuple, Hash, error) {
	t := s[name]
	if t == nil {
		return Tuple{}, Hash{}, fmt.Errorf("types has no %q", name)
	}
	v, _ := object.Get(field)
	h := typedHasher{structs: s, typeHashes: map[string]Hash{}}
	value, word, err := h.encode(t, v, field)
	if err != nil {
		return Tuple{}, Hash{}, err
	}
	return value.(Tuple), word, nil
}

// typedHasher encodes values, and remembers the hashes of their types.
type typedHasher struct {
	structs    structs
	typeHashes map[string]Hash
}

func (h *typedHasher) typeHash(name string) Hash {
	hash, ok := h.typeHashes[name]
	if !ok {
		hash = Keccak256([]byte(h.structs.encodeType(name)))
		h.typeHashes[name] = hash
	}
	return hash
}

// encode reads a value, and gives the word that stands for it in its parent.
func (h *typedHasher) encode(t *Type, v strictjson.Value, path string) (Value, Hash, error) {
	switch t.Kind {
	case KindTuple:
		return h.encodeStruct(t, v, path)
	case KindList:
		return h.encodeList(t, v, path)
	}
	value, err := t.fromJSON(v)
	if err != nil {
		return nil, Hash{}, fmt.Errorf("%s %w (got %s)", path, err, strictjson.Kind(v))
	}
	return value, wordOf(t, value), nil
}

func (h *typedHasher) encodeStruct(t *Type, v strictjson.Value, path string) (Value, Hash, error) {
	o, ok := v.(*strictjson.Object)
	if !ok {
		return nil, Hash{}, fmt.Errorf("%s must be an object (got %s)", path, strictjson.Kind(v))
	}
	typeHash := h.typeHash(t.Name)
	data := append([]byte{}, typeHash[:]...)
	tuple := Tuple{Type: t, Values: make([]Value, len(t.Fields))}
	known := map[string]bool{}
	for i, field := range t.Fields {
		known[field.Name] = true
		v, ok := o.Get(field.Name)
		if !ok {
			return nil, Hash{}, fmt.Errorf("%s.%s is missing", path, field.Name)
		}
		value, word, err := h.encode(field.Type, v, path+"."+field.Name)
		if err != nil {
			return nil, Hash{}, err
		}
		tuple.Values[i] = value
		data = append(data, word[:]...)
	}
	for _, name := range o.Names {
		if !known[name] {
			return nil, Hash{}, fmt.Errorf("%s.%s is not in types.%s, so that it would not be signed", path, name, t.Name)
		}
	}
	return tuple, Keccak256(data), nil
}

func (h *typedHasher) encodeList(t *Type, v strictjson.Value, path string) (Value, Hash, error) {
	list, ok := v.(strictjson.List)
	if !ok || t.Size >= 0 && len(list) != t.Size {
		return nil, Hash{}, fmt.Errorf("%s must be a list as %s says (got %s)", path, t, strictjson.Kind(v))
	}
	values := make([]Value, len(list))
	data := make([]byte, 0, wordSize*len(list))
	for i, item := range list {
		value, word, err := h.encode(t.Elem, item, fmt.Sprintf("%s[%d]", path, i))
		if err != nil {
			return nil, Hash{}, err
		}
		values[i] = value
		data = append(data, word[:]...)
	}
	return values, Keccak256(data), nil
}

// fromJSON reads a value of a type that holds no other.
func (t *Type) fromJSON(v strictjson.Value) (Value, error) {
	text, isText := v.(string)
	switch t.Kind {
	case KindUint, KindInt:
		n, ok := integerOf(v)
		if !ok || !t.fits(n) {
			return nil, fmt.Errorf("must be an integer of %s: a number, or text in decimal or in hex with 0x", t)
		}
		return n, nil
	case KindBool:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return nil, errors.New("must be true or false")
	case KindString:
		if isText {
			return text, nil
		}
		return nil, errors.New("must be text")
	}
	b, err := parseBytes(text)
	switch {
	case err != nil:
		return nil, err
	case t.Kind == KindAddress && len(b) != len(Address{}):
		return nil, errors.New("must be an address")
	case t.Kind == KindAddress:
		return Address(b), nil
	case t.Kind == KindFixedBytes && len(b) != t.Size:
		return nil, fmt.Errorf("must be %d bytes", t.Size)
	}
	return b, nil
}

var decimal = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,77})$`)

// integerOf reads an integer as wallets' libraries write it.
func integerOf(v strictjson.Value) (*big.Int, bool) {
	var text string
	switch v := v.(type) {
	case json.Number:
		text = v.String()
	case string:
		if digits, isHex := strings.CutPrefix(v, "0x"); isHex {
			if len(digits) == 0 || len(digits) > 64 || strings.Trim(digits, "0123456789abcdefABCDEF") != "" {
				return nil, false
			}
			return new(big.Int).SetString(digits, 16)
		}
		text = v
	}
	if !decimal.MatchString(text) {
		return nil, false
	}
	return new(big.Int).SetString(text, 10)
}

// wordOf is encodeData of a value that holds no other.
func wordOf(t *Type, value Value) (w Hash) {
	switch value := value.(type) {
	case *big.Int:
		n := value
		if n.Sign() < 0 {
			n = new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), 256))
		}
		n.FillBytes(w[:])
	case Address:
		copy(w[12:], value[:])
	case bool:
		if value {
			w[31] = 1
		}
	case string:
		return Keccak256([]byte(value))
	case []byte:
		if t.Kind == KindBytes {
			return Keccak256(value)
		}
		copy(w[:], value)
	}
	return w
}

// ParseValue reads a value of a type that holds no other, as typed data has it in JSON.
func (t *Type) ParseValue(v any) (Value, error) { return t.fromJSON(v) }
