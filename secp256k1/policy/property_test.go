package policy

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/secp256k1/evm"
)

// The second evaluator: it knows policies as JSON only, walks every rule, and reads the
// arguments of a call word by word. It shares nothing with the first but the transaction.

type naivePolicy struct {
	Rules    []naiveRule
	Creation []struct {
		Chain      uint64
		CodeHashes any
		MaxValue   string
	}
	Types        any
	Fees         map[string]json.Number
	MaxDataBytes *int
}

type naiveRule struct {
	Chain     uint64
	To        string
	Selectors any
	MaxValue  string
	Args      map[string]any
	Unsafe    bool
}

// functions are those that the generated policies name. All have words for parameters.
var functions = map[string]string{
	"transfer(address,uint256)": "a9059cbb",
	"approve(address,uint256)":  "095ea7b3",
	"claim(uint256)":            "379607f5",
	"set(uint256,uint256)":      "1ab06ee5",
}

var giveAway = []string{"a9059cbb", "095ea7b3"}

func naiveInt(text string) *big.Int {
	n, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return new(big.Int)
	}
	return n
}

func (p *naivePolicy) allows(tx *evm.Tx) bool {
	chain := tx.ChainID
	if chain == 0 {
		seen := map[uint64]bool{}
		for _, r := range p.Rules {
			seen[r.Chain] = true
			chain = r.Chain
		}
		for _, c := range p.Creation {
			seen[c.Chain] = true
			chain = c.Chain
		}
		if len(seen) != 1 {
			return false
		}
	}
	if p.Types != "any" && !slices.Contains(p.Types.([]any), any([]string{"legacy", "eip2930", "eip1559", "blob", "eip7702"}[tx.Type])) {
		return false
	}
	allowed := false
	if tx.To == nil {
		for _, c := range p.Creation {
			hash := evm.Keccak256(tx.Data).String()
			allowed = allowed || c.Chain == chain && tx.Value.Cmp(naiveInt(c.MaxValue)) <= 0 && (c.CodeHashes == "any" || slices.Contains(c.CodeHashes.([]any), any(hash)))
		}
	} else {
		for _, r := range p.Rules {
			allowed = allowed || r.Chain == chain && r.allows(tx)
		}
	}
	total := new(big.Int).Mul(big.NewInt(int64(tx.Gas)), tx.MaxFeePerGas)
	for range tx.BlobHashes {
		total.Add(total, new(big.Int).Mul(big.NewInt(131072), tx.MaxFeePerBlobGas))
	}
	within := func(name string, n *big.Int) bool { return n.Cmp(naiveInt(p.Fees[name].String())) <= 0 }
	return allowed &&
		within("maxGas", new(big.Int).SetUint64(tx.Gas)) && within("maxFeePerGas", tx.MaxFeePerGas) && within("maxTotalFee", total) &&
		(tx.Type < 2 || within("maxPriorityFeePerGas", tx.MaxPriorityFeePerGas)) &&
		(tx.Type != 3 || within("maxFeePerBlobGas", tx.MaxFeePerBlobGas)) &&
		(p.MaxDataBytes == nil || len(tx.Data) <= *p.MaxDataBytes)
}

func (r *naiveRule) allows(tx *evm.Tx) bool {
	data := hex.EncodeToString(tx.Data)
	if r.To != "any" && !strings.EqualFold(r.To, "0x"+hex.EncodeToString(tx.To[:])) || tx.Value.Cmp(naiveInt(r.MaxValue)) > 0 {
		return false
	}
	if r.Selectors == "any" {
		return r.Unsafe || len(data) < 8 || !slices.Contains(giveAway, data[:8])
	}
	for _, s := range r.Selectors.([]any) {
		text := s.(string)
		switch {
		case text == "empty":
			if data == "" {
				return true
			}
		case strings.HasPrefix(text, "0x"):
			if strings.HasPrefix(data, text[2:]) {
				return true
			}
		case strings.HasPrefix(data, functions[text]) && (r.Args == nil || r.argsAllow(strings.Split(text, ","), data[8:])):
			return true
		}
	}
	return false
}

// argsAllow reads a word for each parameter.
func (r *naiveRule) argsAllow(params []string, data string) bool {
	if len(data) != 64*len(params) {
		return false
	}
	for i, param := range params {
		word := data[64*i : 64*i+64]
		n, _ := new(big.Int).SetString(word, 16)
		isAddress := strings.Contains(param, "address")
		if isAddress && n.BitLen() > 160 {
			return false
		}
		switch c := r.Args[fmt.Sprint(i)].(type) {
		case string:
			if c != "any" {
				return false
			}
		case map[string]any:
			if most, ok := c["max"]; ok && n.Cmp(naiveInt(most.(string))) > 0 {
				return false
			}
			if least, ok := c["min"]; ok && n.Cmp(naiveInt(least.(string))) < 0 {
				return false
			}
		case []any:
			found := false
			for _, one := range c {
				if isAddress {
					found = found || strings.EqualFold(one.(string), "0x"+word[24:])
				} else {
					found = found || naiveInt(one.(string)).Cmp(n) == 0
				}
			}
			if !found {
				return false
			}
		}
	}
	return true
}

// dice makes policies and transactions of small pools, so that they often meet.
type dice struct{ *rand.Rand }

func pick[T any](d dice, list ...T) T { return list[d.IntN(len(list))] }

var pool = []string{alice, bob, "0x00000000000000000000000000000000000000aa"}

func (d dice) number() string { return pick(d, "0", "1", "2", "5", "1000") }

func (d dice) rule() map[string]any {
	rule := map[string]any{"chain": pick(d, 1, 1, 1, 1, 2), "to": pick(d, pool[0], pool[1], pool[2], "any")}
	if d.IntN(2) == 0 {
		rule["maxValue"] = d.number()
	}
	names := []string{"transfer(address,uint256)", "approve(address,uint256)", "claim(uint256)", "set(uint256,uint256)"}
	switch d.IntN(4) {
	case 0:
		rule["selectors"] = "any"
	case 1:
		rule["selectors"] = []string{pick(d, "empty", "0x379607f5", names[2], names[3]), pick(d, "empty", "0x1ab06ee5", names[0])}
	default:
		name := pick(d, names...)
		rule["selectors"] = []string{name}
		args := map[string]any{}
		for i, param := range strings.Split(name, ",") {
			if strings.Contains(param, "address") {
				args[fmt.Sprint(i)] = pick[any](d, "any", []string{pick(d, pool...)}, []string{pool[0], pool[1]})
			} else {
				args[fmt.Sprint(i)] = pick[any](d, "any", []string{d.number(), d.number()}, map[string]string{"max": d.number()}, map[string]string{"min": "1", "max": "1000"})
			}
		}
		rule["args"] = args
	}
	if d.IntN(3) > 0 {
		rule["unsafe"] = true
	}
	return rule
}

func (d dice) policy() map[string]any {
	p := map[string]any{
		"types": pick[any](d, "any", "any", "any", []string{"legacy", "eip1559", "blob"}),
		"fees":  map[string]any{"maxGas": pick(d, 100, 1000, 1000), "maxFeePerGas": pick(d, 5, 1000, 1000), "maxPriorityFeePerGas": pick(d, 1, 1000, 1000), "maxFeePerBlobGas": pick(d, 2, 1000), "maxTotalFee": pick(d, 5000, 1000000000, 1000000000)},
	}
	rules := []any{}
	for range d.IntN(16) {
		rules = append(rules, d.rule())
	}
	creation := []any{}
	for range d.IntN(3) {
		creation = append(creation, map[string]any{"chain": pick(d, 1, 2), "maxValue": d.number(), "codeHashes": pick[any](d, "any", []string{evm.Keccak256([]byte{1}).String()})})
	}
	p["rules"], p["creation"] = rules, creation
	if d.IntN(3) == 0 {
		p["maxDataBytes"] = pick(d, 4, 68)
	}
	return p
}

func (d dice) tx() *evm.Tx {
	number := func() *big.Int { return naiveInt(d.number()) }
	tx := &evm.Tx{
		Type: uint8(d.IntN(5)), ChainID: uint64(pick(d, 0, 1, 1, 1, 1, 1, 2, 3)), Nonce: 1, Gas: uint64(pick(d, 1, 100, 101, 1000)),
		Value: pick(d, new(big.Int), new(big.Int), number()), MaxFeePerGas: pick(d, number(), big.NewInt(1)), MaxPriorityFeePerGas: pick(d, number(), big.NewInt(1)), MaxFeePerBlobGas: new(big.Int),
	}
	if d.IntN(8) > 0 || tx.Type > 2 {
		a, _ := evm.ParseAddress(pick(d, pool...))
		tx.To = &a
	}
	if tx.Type == 3 {
		tx.MaxFeePerBlobGas = number()
		tx.BlobHashes = make([]evm.Hash, 1+d.IntN(2))
	}
	switch d.IntN(6) {
	case 0:
	case 1:
		tx.Data = []byte{1}
	default:
		text := pick(d, functions["transfer(address,uint256)"], functions["approve(address,uint256)"], functions["claim(uint256)"], functions["set(uint256,uint256)"], "deadbeef")
		for range pick(d, 1, 2, 2) {
			word := strings.TrimPrefix(pick(d, pool[0], pool[1], fmt.Sprintf("%x", number()), fmt.Sprintf("%x", number())), "0x")
			text += strings.Repeat("0", 64-len(word)) + word
		}
		tx.Data, _ = hex.DecodeString(text + pick(d, "", "", "", "", "00"))
	}
	return tx
}

func TestDecisionsEqualThoseOfANaiveEvaluator(t *testing.T) {
	for text, want := range functions {
		f, err := evm.ParseFunction(text)
		if err != nil {
			t.Fatal(err)
		}
		if s := f.Selector(); hex.EncodeToString(s[:]) != want {
			t.Fatalf("%s has selector %x", text, s)
		}
	}
	d := dice{rand.New(rand.NewPCG(19, 1))}
	policies, allowed, refused := 0, 0, 0
	for policies < 1000 {
		text, err := json.Marshal(d.policy())
		if err != nil {
			t.Fatal(err)
		}
		p, err := ParseEVM(text)
		if err != nil {
			continue // as unsafe as it is not allowed to be
		}
		policies++
		var naive naivePolicy
		if err := json.Unmarshal(text, &naive); err != nil {
			t.Fatal(err)
		}
		for range 30 {
			tx := d.tx()
			want := naive.allows(tx)
			shown := *tx
			decision, err := p.CheckTx(tx)
			if (err == nil) != want {
				t.Fatalf("%s\n%+v\ndecided %v (%v), the naive evaluator %t", text, shown, decision, err, want)
			}
			if want {
				allowed++
			} else {
				refused++
			}
		}
	}
	if allowed < 3000 || refused < 3000 {
		t.Errorf("%d allowed and %d refused say too little", allowed, refused)
	}
	t.Logf("%d policies: %d allowed, %d refused", policies, allowed, refused)
}
