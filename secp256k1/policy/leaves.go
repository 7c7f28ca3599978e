package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/banhbaoring/banhbaoring/secp256k1/evm"
	"github.com/banhbaoring/banhbaoring/secp256k1/internal/strictjson"
)

// anyText is written where anything is allowed.
const anyText = "any"

// amount is wei: a whole number, or text with a unit.
type amount struct{ *big.Int }

var amountPattern = regexp.MustCompile(`^(0|[1-9][0-9]*)(?:\.([0-9]+))?(wei|gwei|ether)?$`)

var decimalsOf = map[string]int{"": 0, "wei": 0, "gwei": 9, "ether": 18}

// parseAmount reads 21000, 30gwei or 1.5ether.
func parseAmount(text string) (*big.Int, error) {
	m := amountPattern.FindStringSubmatch(text)
	if m == nil || len(m[1]) > 78 || len(m[2]) > decimalsOf[m[3]] {
		return nil, errors.New("must be an amount: wei, or with a unit as 30gwei or 1.5ether")
	}
	digits := m[1] + m[2] + strings.Repeat("0", decimalsOf[m[3]]-len(m[2]))
	n, _ := new(big.Int).SetString(digits, 10)
	if n.BitLen() > 256 {
		return nil, errors.New("must be an amount of at most 256 bits")
	}
	return n, nil
}

func (a *amount) read(r *reader, path string, v strictjson.Value) {
	text, _ := v.(string)
	if number, ok := v.(json.Number); ok {
		text = number.String()
	}
	n, err := parseAmount(text)
	if err != nil {
		r.fault(path, err.Error()+" (got "+strictjson.Kind(v)+")")
		n = new(big.Int)
	}
	a.Int = n
}

func (*amount) schema() map[string]any {
	return map[string]any{"anyOf": []any{
		map[string]any{"type": "string", "pattern": amountPattern.String()},
		map[string]any{"type": "integer", "minimum": 0},
	}}
}

// chainID is the id of an Ethereum chain.
type chainID uint64

func (c *chainID) read(r *reader, path string, v strictjson.Value) {
	number, _ := v.(json.Number)
	n, err := strconv.ParseUint(string(number), 10, 64)
	if err != nil || n == 0 || n > evm.MaxChainID {
		r.must(path, fmt.Sprintf("a chain's id, 1 to %d", uint64(evm.MaxChainID)), v)
	}
	*c = chainID(n)
}

func (*chainID) schema() map[string]any { return map[string]any{"type": "integer", "minimum": 1} }

// anyChain is a chain, or any.
type anyChain struct {
	any bool
	id  chainID
}

func (c *anyChain) read(r *reader, path string, v strictjson.Value) {
	if c.any = v == anyText; !c.any {
		c.id.read(r, path, v)
	}
}

func (*anyChain) schema() map[string]any {
	return anyOr(map[string]any{"type": "integer", "minimum": 1})
}

func anyOr(schema map[string]any) map[string]any {
	return map[string]any{"anyOf": []any{map[string]any{"const": anyText}, schema}}
}

// address is an address with 0x.
type address struct{ evm.Address }

var addressSchema = map[string]any{"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"}

func (a *address) read(r *reader, path string, v strictjson.Value) {
	text, _ := v.(string)
	parsed, err := evm.ParseAddress(text)
	if err != nil {
		r.fault(path, err.Error()+" (got "+strictjson.Kind(v)+")")
	}
	a.Address = parsed
}

func (*address) schema() map[string]any {
	return map[string]any{"type": "string", "pattern": addressSchema["pattern"]}
}

// anyAddress is an address, or any.
type anyAddress struct {
	any bool
	address
}

func (a *anyAddress) read(r *reader, path string, v strictjson.Value) {
	if a.any = v == anyText; !a.any {
		a.address.read(r, path, v)
	}
}

func (*anyAddress) schema() map[string]any { return anyOr(addressSchema) }

// label is a rule's name in audit logs.
type label string

var labelPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

func (l *label) read(r *reader, path string, v strictjson.Value) {
	text, _ := v.(string)
	if !labelPattern.MatchString(text) {
		r.must(path, "1 to 63 letters, digits, dots, _ and -", v)
	}
	*l = label(text)
}

func (*label) schema() map[string]any {
	return map[string]any{"type": "string", "pattern": labelPattern.String()}
}

// anyTexts is any, or a list of texts.
type anyTexts struct {
	any  bool
	list []string
}

func (a *anyTexts) read(r *reader, path string, v strictjson.Value) {
	if a.any = v == anyText; a.any {
		return
	}
	list, ok := v.(strictjson.List)
	if !ok {
		r.must(path, "any, or a list of texts", v)
	}
	for i, item := range list {
		text, ok := item.(string)
		if !ok || text == "" || text == anyText {
			r.must(fmt.Sprintf("%s[%d]", path, i), "text, and any stands alone", item)
		}
		a.list = append(a.list, text)
	}
}

func (*anyTexts) schema() map[string]any {
	return anyOr(map[string]any{"type": "array", "items": map[string]any{"type": "string"}})
}

// txTypes are the types of transactions, by their names.
type txTypes [evm.SetCode + 1]bool

var txTypeNames = [...]string{"legacy", "eip2930", "eip1559", "blob", "eip7702"}

func (t *txTypes) read(r *reader, path string, v strictjson.Value) {
	if v == anyText {
		*t = txTypes{true, true, true, true, true}
		return
	}
	list, ok := v.(strictjson.List)
	if !ok {
		r.must(path, "any, or a list", v)
	}
next:
	for i, item := range list {
		for kind, name := range txTypeNames {
			if item == name {
				t[kind] = true
				continue next
			}
		}
		r.must(fmt.Sprintf("%s[%d]", path, i), "one of "+strings.Join(txTypeNames[:], ", "), item)
	}
}

func (*txTypes) schema() map[string]any {
	return anyOr(map[string]any{"type": "array", "items": map[string]any{"enum": txTypeNames}})
}

// anyHashes is any, or a list of hashes.
type anyHashes struct {
	any  bool
	list map[evm.Hash]bool
}

func (a *anyHashes) read(r *reader, path string, v strictjson.Value) {
	a.list = map[evm.Hash]bool{}
	if a.any = v == anyText; a.any {
		return
	}
	list, ok := v.(strictjson.List)
	if !ok {
		r.must(path, "any, or a list of hashes", v)
	}
	for i, item := range list {
		text, _ := item.(string)
		h, err := evm.ParseHash(text)
		if err != nil {
			r.fault(fmt.Sprintf("%s[%d]", path, i), err.Error()+" (got "+strictjson.Kind(item)+")")
		}
		a.list[h] = true
	}
}

func (*anyHashes) schema() map[string]any {
	return anyOr(map[string]any{"type": "array", "items": map[string]any{"type": "string", "pattern": "^0x[0-9a-fA-F]{64}$"}})
}
