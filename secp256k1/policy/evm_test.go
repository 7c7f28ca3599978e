package policy

import (
	"encoding/hex"
	"errors"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/secp256k1/evm"
)

const (
	alice = "0x3535353535353535353535353535353535353535"
	bob   = "0x4646464646464646464646464646464646464646"
)

// caps are the fields that a policy with rules must have.
const caps = `"types": "any", "fees": {"maxGas": 1000000, "maxFeePerGas": "100gwei", "maxPriorityFeePerGas": "10gwei", "maxFeePerBlobGas": "100gwei", "maxTotalFee": "1ether"}`

func parseEVM(t testing.TB, text string) *EVM {
	t.Helper()
	p, err := ParseEVM([]byte(text))
	if err != nil {
		t.Fatalf("%s:\n%v", text, err)
	}
	return p
}

// parseTx makes a transaction of arguments; nonce, gas and fees are given where they
// are not.
func parseTx(t testing.TB, text string) *evm.Tx {
	t.Helper()
	text = strings.TrimPrefix(text, "{")
	for name, value := range map[string]string{"nonce": "0x1", "gas": "0x5208", "maxFeePerGas": "0x3b9aca00", "maxPriorityFeePerGas": "0x1"} {
		if !strings.Contains(text, `"`+name+`"`) && (!strings.Contains(text, "gasPrice") || !strings.HasPrefix(name, "max")) {
			text = `"` + name + `": "` + value + `", ` + text
		}
	}
	if strings.Contains(text, "blobVersionedHashes") && !strings.Contains(text, "maxFeePerBlobGas") {
		text = `"maxFeePerBlobGas": "0x1", ` + text
	}
	tx, _, err := evm.ParseArgs([]byte("{" + text))
	if err != nil {
		t.Fatalf("{%s: %v", text, err)
	}
	return tx
}

// code is a refusal's code, or that of a decision: its rule.
func code(t testing.TB, d *Decision, err error) string {
	t.Helper()
	var refusal *Refusal
	switch {
	case err == nil:
		return d.Facts.Rule
	case !errors.As(err, &refusal):
		t.Fatalf("%v is no refusal", err)
	}
	if refusal.What == "" || refusal.Remedy == "" || refusal.Facts.Method == "" {
		t.Errorf("%+v says too little", refusal)
	}
	return string(refusal.Code)
}

// call is the data of a call of words.
func callData(t testing.TB, signature string, words ...string) string {
	t.Helper()
	f, err := evm.ParseFunction(signature)
	if err != nil {
		t.Fatal(err)
	}
	s := f.Selector()
	text := "0x" + hex.EncodeToString(s[:])
	for _, w := range words {
		w = strings.TrimPrefix(w, "0x")
		text += strings.Repeat("0", 64-len(w)) + w
	}
	return text
}

func TestAllFaultsAreToldAtOnceWithTheirPaths(t *testing.T) {
	_, err := ParseEVM([]byte(`{
	  "rules": [
	    {"chain": 0, "to": "0x12", "selectors": ["f(uint7)", "0x1234"], "maxValue": "1.5wei", "name": "a b"},
	    {"chain": 1, "to": "any", "selectors": "any"},
	    {"to": "any", "selectors": [], "extra": 1},
	    {"chain": 1, "to": "` + alice + `", "selectors": ["transfer(address,uint256)"], "name": "x"},
	    {"chain": 1, "to": "` + alice + `", "selectors": ["0x095ea7b3"], "name": "x"},
	    {"chain": 1, "to": "` + alice + `", "selectors": ["approve(address spender,uint256)"], "args": {"spender": "any", "1": "any"}},
	    {"chain": 1, "to": "` + alice + `", "selectors": ["approve(address spender,uint256)"], "args": {"spender": 5, "amount": "any"}},
	    {"chain": 1, "to": "any", "selectors": ["claim()"], "maxValue": 1},
	    {"chain": 1, "to": "` + alice + `", "selectors": ["f(bytes)"], "args": {"0": {"selectors": ["transfer(address,uint256)"]}}},
	    {"chain": 1, "to": "` + alice + `", "selectors": ["f(uint8)", "g(uint8)"], "args": {"0": 1}},
	    {"chain": 1, "to": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", "selectors": "any", "maxValue": null},
	    {"chain": 1, "to": "` + alice + `", "selectors": ["f(uint8)"], "args": {"0": {"min": 5, "max": 4}}},
	    {"chain": 1, "to": "` + alice + `", "selectors": ["f(uint8)"], "args": {"0": {"each": 5}}}
	  ],
	  "types": ["eip1559", "frontier"],
	  "fees": {"maxGas": "1", "maxFeePerGas": "-1"},
	  "delegates": [{"chain": "any", "address": "any"}],
	  "messages": [{"prefix": ""}, {"equals": "a", "prefix": "b"}],
	  "typedData": [{"chain": 1, "contract": "` + alice + `", "encodeType": "Permit(address  owner)", "fields": {}}, {"chain": 1, "contract": "` + alice + `", "encodeType": "A(uint256 b)", "fields": {"b": "any"}}],
	  "blocks": {"chainIDs": []},
	  "whatever": 1
	}`))
	var faults Faults
	if !errors.As(err, &faults) {
		t.Fatal(err)
	}
	for _, want := range []string{
		"rules[0].chain: must be a chain's id, 1 to", "rules[0].to: must be an address", "rules[0].selectors[0]: must be a function's signature with Solidity's types (got type \"uint7\")",
		"rules[0].selectors[1]: must be a selector", "rules[0].maxValue: must be an amount", "rules[0].name: must be 1 to 63 letters",
		"rules[1]: must not be any recipient with any selector", "rules[2].chain: is missing", "rules[2].selectors: must not be empty", "rules[2].extra: is not known",
		"rules[3].selectors[0]: must stand alone in a rule with args, since transfer(address,uint256)", "rules[4].selectors[0]: must stand alone", "rules[4].name: must be unique",
		"rules[5].args: must bound an argument of approve", "rules[6].args.spender: must be an address", "rules[6].args.1: is missing", "rules[6].args.amount: is no parameter",
		"rules[7].maxValue: must be 0 where to is any", "rules[8].args.0.selectors: must not name transfer", "rules[9].args: must stand in a rule of one selector",
		"rules[10].to: must be an address whose mixed case", "rules[10].maxValue: must not be null", "rules[11].args.0: min must not be above max", "rules[12].args.0.each: is no condition of uint8",
		"types[1]: must be one of legacy", "fees.maxGas: must be a whole number", "fees.maxFeePerGas: must be an amount", "fees.maxTotalFee: is missing", "fees.maxPriorityFeePerGas: is missing",
		"delegates[0]: must name a chain or an address", "messages[0].prefix: must not be empty", "messages[1]: must be {equals} or {prefix}",
		"typedData[0].encodeType: must be a type as EIP-712 encodes it", "typedData[1].fields: must bound a field", "blocks.chainIDs: must not be empty", "whatever: is not known",
	} {
		if !slices.ContainsFunc(faults, func(f Fault) bool { return strings.HasPrefix(f.String(), want) }) {
			t.Errorf("not told: %s", want)
		}
	}
	if len(faults) != 36 {
		t.Errorf("%d faults:\n%v", len(faults), faults)
	}
}

func TestAPolicyWithoutRulesAllowsNothing(t *testing.T) {
	p := parseEVM(t, `{}`)
	d, err := p.CheckTx(parseTx(t, `{"to": "`+alice+`"}`))
	if got := code(t, d, err); got != string(CodeMethod) {
		t.Error(got)
	}
	d, err = p.CheckMessage(evm.Message("hello"))
	if got := code(t, d, err); got != string(CodeMethod) {
		t.Error(got)
	}
	d, err = p.CheckBlock(&evm.Block{ChainID: 1})
	if got := code(t, d, err); got != string(CodeMethod) {
		t.Error(got)
	}
	d, err = p.CheckAuthorization(&evm.Authorization{ChainID: 1})
	if got := code(t, d, err); got != string(CodeMethod) {
		t.Error(got)
	}
	d, err = p.CheckTypedData(&evm.TypedData{})
	if got := code(t, d, err); got != string(CodeMethod) {
		t.Error(got)
	}
}

func TestWhatRulesAllowAndRefuse(t *testing.T) {
	rules := `{` + caps + `, "maxDataBytes": 200, "rules": [
	  {"name": "pay", "chain": 1, "to": "` + alice + `", "selectors": ["empty"], "maxValue": "1ether"},
	  {"name": "token", "chain": 1, "to": "` + bob + `", "selectors": ["transfer(address to, uint256 amount)"], "args": {"to": ["` + alice + `"], "amount": {"max": "100"}}},
	  {"name": "any", "chain": 1, "to": "` + bob + `", "selectors": "any"},
	  {"name": "claim", "chain": 1, "to": "any", "selectors": ["claim()", "0x12345678"]},
	  {"name": "batch", "chain": 1, "to": "` + alice + `", "selectors": ["multicall(bytes[])"], "args": {"0": {"each": {"selectors": ["claim()", "empty"]}}}},
	  {"name": "pair", "chain": 1, "to": "` + alice + `", "selectors": ["pair((address who,uint256[] many) p, bool b)"], "args": {"p": {"fields": {"who": "` + bob + `", "many": {"each": [1, 2]}}}, "b": true}}
	]}`
	p := parseEVM(t, rules)
	transfer := func(to, amount string) string { return callData(t, "transfer(address,uint256)", to, amount) }
	claim := callData(t, "claim()")
	multicall := func(inner string) string {
		return callData(t, "multicall(bytes[])", "20", "1", "20", "4") + inner[2:10] + strings.Repeat("0", 56)
	}
	pair := func(words ...string) string { return callData(t, "pair((address,uint256[]),bool)", words...) }
	for _, c := range []struct{ name, tx, want string }{
		{"a payment", `{"to": "` + alice + `", "value": "0xde0b6b3a7640000"}`, "pay"},
		{"a payment above the cap", `{"to": "` + alice + `", "value": "0xde0b6b3a7640001"}`, "value_above_cap"},
		{"a payment to another", `{"to": "0x1111111111111111111111111111111111111111"}`, "selector_not_allowed"},
		{"another chain", `{"to": "` + alice + `", "chainId": "0x2"}`, "chain_not_allowed"},
		{"data that is too short for a selector", `{"to": "` + alice + `", "data": "0x00"}`, "selector_not_allowed"},
		{"a transfer", `{"to": "` + bob + `", "data": "` + transfer(alice, "64") + `"}`, "token"},
		{"a transfer of too much", `{"to": "` + bob + `", "data": "` + transfer(alice, "65") + `"}`, "args_not_allowed"},
		{"a transfer to another", `{"to": "` + bob + `", "data": "` + transfer(bob, "1") + `"}`, "args_not_allowed"},
		{"a transfer with something behind it", `{"to": "` + bob + `", "data": "` + transfer(alice, "1") + `00"}`, "args_not_allowed"},
		{"a transfer to a dirty address", `{"to": "` + bob + `", "data": "` + transfer("01"+alice[2:], "1") + `"}`, "args_not_allowed"},
		{"a transfer with value", `{"to": "` + bob + `", "value": "0x1", "data": "` + transfer(alice, "1") + `"}`, "value_above_cap"},
		{"an approval under any", `{"to": "` + bob + `", "data": "` + callData(t, "approve(address,uint256)", alice, "1") + `"}`, "selector_not_allowed"},
		{"any other call", `{"to": "` + bob + `", "data": "0x00112233"}`, "any"},
		{"one byte under any", `{"to": "` + bob + `", "data": "0x00"}`, "any"},
		{"a listed selector at any recipient", `{"to": "0x1111111111111111111111111111111111111111", "data": "` + claim + `"}`, "claim"},
		{"a selector given as bytes", `{"to": "0x1111111111111111111111111111111111111111", "data": "0x12345678ff"}`, "claim"},
		{"an inner call", `{"to": "` + alice + `", "data": "` + multicall(claim) + `"}`, "batch"},
		{"another inner call", `{"to": "` + alice + `", "data": "` + multicall("0xdeadbeef") + `"}`, "args_not_allowed"},
		{"a tuple", `{"to": "` + alice + `", "data": "` + pair("40", "1", bob, "40", "2", "1", "2") + `"}`, "data_above_cap"},
		{"a short tuple", `{"to": "` + alice + `", "data": "` + pair("40", "1", bob, "40", "0") + `"}`, "pair"},
		{"a tuple for another", `{"to": "` + alice + `", "data": "` + pair("40", "1", alice, "40", "0") + `"}`, "args_not_allowed"},
		{"a tuple with false", `{"to": "` + alice + `", "data": "` + pair("40", "0", bob, "40", "0") + `"}`, "args_not_allowed"},
		{"a tuple at another offset", `{"to": "` + alice + `", "data": "` + pair("60", "1", bob, bob, "40", "0") + `"}`, "args_not_allowed"},
		{"too much data", `{"to": "` + bob + `", "data": "0x` + strings.Repeat("00", 201) + `"}`, "data_above_cap"},
		{"too much gas", `{"to": "` + bob + `", "gas": "0xf4241"}`, "gas_above_cap"},
		{"too high a fee", `{"to": "` + bob + `", "maxFeePerGas": "0x174876e801"}`, "fee_above_cap"},
		{"too high a gas price", `{"to": "` + bob + `", "gasPrice": "0x174876e801"}`, "fee_above_cap"},
		{"too high a tip", `{"to": "` + bob + `", "maxFeePerGas": "0x3b9aca000", "maxPriorityFeePerGas": "0x2540be401"}`, "fee_above_cap"},
		{"too high a blob fee", `{"to": "` + bob + `", "maxFeePerBlobGas": "0x174876e801", "blobVersionedHashes": ["0x01` + strings.Repeat("00", 31) + `"]}`, "fee_above_cap"},
		{"a total fee above the cap", `{"to": "` + bob + `", "gas": "0xf4240", "maxFeePerGas": "0x174876e800", "maxFeePerBlobGas": "0x174876e800", "blobVersionedHashes": [` + strings.TrimSuffix(strings.Repeat(`"0x01`+strings.Repeat("00", 31)+`",`, 80), ",") + `]}`, "fee_above_cap"},
		{"a creation", `{"data": "0x00"}`, "creation_not_allowed"},
	} {
		d, err := p.CheckTx(parseTx(t, c.tx))
		if got := code(t, d, err); got != c.want {
			t.Errorf("%s: %s (want %s): %v", c.name, got, c.want, err)
		}
	}
}

func TestFactsAndSpendOfADecision(t *testing.T) {
	p := parseEVM(t, `{`+caps+`, "rules": [{"chain": 10, "to": "`+alice+`", "selectors": "any", "maxValue": "1gwei"}]}`)
	tx := parseTx(t, `{"to": "`+alice+`", "value": "0x5", "data": "0x01"}`)
	d, err := p.CheckTx(tx)
	if err != nil {
		t.Fatal(err)
	}
	if tx.ChainID != 10 {
		t.Errorf("chain id is %d", tx.ChainID)
	}
	want := "method=sign-tx chain=10 recipient=" + alice + " value=5 hash=" + tx.SigHash().String() + " rule=rules[0]"
	if d.Facts.String() != want {
		t.Errorf("facts are %s", d.Facts)
	}
	if d.Spend.Value.Int64() != 5 || d.Spend.Fees.Int64() != 21000*1e9 || d.Spend.Count != 1 {
		t.Errorf("spend is %+v", d.Spend)
	}
}

func TestAMissingChainIDIsThePolicysOnlyOne(t *testing.T) {
	rule := func(chain string) string {
		return `{"chain": ` + chain + `, "to": "` + alice + `", "selectors": "any"}`
	}
	p := parseEVM(t, `{`+caps+`, "rules": [`+rule("1")+`, `+rule("2")+`]}`)
	d, err := p.CheckTx(parseTx(t, `{"to": "`+alice+`"}`))
	if got := code(t, d, err); got != string(CodeChainMissing) {
		t.Error(got)
	}
	p = parseEVM(t, `{`+caps+`, "rules": [`+rule("1")+`], "creation": [{"chain": 2, "codeHashes": "any"}]}`)
	d, err = p.CheckTx(parseTx(t, `{"to": "`+alice+`"}`))
	if got := code(t, d, err); got != string(CodeChainMissing) {
		t.Error(got)
	}
}

func TestCreations(t *testing.T) {
	hash := evm.Keccak256([]byte{1, 2})
	p := parseEVM(t, `{`+caps+`, "creation": [{"chain": 1, "codeHashes": ["`+hash.String()+`"]}, {"name": "rich", "chain": 2, "codeHashes": "any", "maxValue": 1}]}`)
	for _, c := range [][2]string{
		{`{"chainId": "0x1", "data": "0x0102"}`, "creation[0]"},
		{`{"chainId": "0x1", "data": "0x0103"}`, "creation_not_allowed"},
		{`{"chainId": "0x1", "data": "0x0102", "value": "0x1"}`, "value_above_cap"},
		{`{"chainId": "0x2", "data": "0x0103", "value": "0x1"}`, "rich"},
		{`{"chainId": "0x3", "data": "0x0102"}`, "creation_not_allowed"},
		{`{"chainId": "0x1", "to": "` + alice + `", "data": "0x0102"}`, "chain_not_allowed"},
	} {
		d, err := p.CheckTx(parseTx(t, c[0]))
		if got := code(t, d, err); got != c[1] {
			t.Errorf("%s: %s (want %s)", c[0], got, c[1])
		}
	}
}

func TestDelegates(t *testing.T) {
	p := parseEVM(t, `{"delegates": [{"chain": 1, "address": "`+alice+`"}, {"chain": "any", "address": "`+bob+`"}]}`)
	a, _ := evm.ParseAddress(alice)
	b, _ := evm.ParseAddress(bob)
	for _, c := range []struct {
		chain uint64
		to    evm.Address
		want  string
	}{{1, a, "delegates[0]"}, {2, a, "delegate_not_allowed"}, {0, a, "delegate_not_allowed"}, {0, b, "delegates[1]"}, {7, b, "delegates[1]"}, {1, evm.Address{}, "delegate_not_allowed"}} {
		d, err := p.CheckAuthorization(&evm.Authorization{ChainID: c.chain, Address: c.to})
		if got := code(t, d, err); got != c.want {
			t.Errorf("%d %s: %s (want %s)", c.chain, c.to, got, c.want)
		}
	}
}

func TestMessages(t *testing.T) {
	listed := parseEVM(t, `{"messages": [{"equals": "yes"}, {"prefix": "example.com wants you to sign in"}]}`)
	all := parseEVM(t, `{"messages": "any"}`)
	for _, c := range []struct {
		policy        *EVM
		message, want string
	}{
		{listed, "yes", "messages[0]"}, {listed, "yes!", "message_not_allowed"}, {listed, "example.com wants you to sign in: 1", "messages[1]"},
		{all, "no", "messages"}, {all, strings.Repeat("x", 32), "message_not_allowed"}, {all, "", "messages"},
		{listed, "example.com wants you to sign in", "message_not_allowed"}, // of 32 bytes
	} {
		d, err := c.policy.CheckMessage(evm.Message(c.message))
		if got := code(t, d, err); got != c.want {
			t.Errorf("%q: %s (want %s)", c.message, got, c.want)
		}
	}
}

func TestBlocks(t *testing.T) {
	p := parseEVM(t, `{"blocks": {"chainIDs": [901]}}`)
	for _, c := range []struct {
		block evm.Block
		want  string
	}{{evm.Block{ChainID: 901}, "blocks"}, {evm.Block{ChainID: 902}, "chain_not_allowed"}, {evm.Block{ChainID: 901, Domain: evm.Hash{1}}, "domain_not_allowed"}} {
		d, err := p.CheckBlock(&c.block)
		if got := code(t, d, err); got != c.want {
			t.Errorf("%+v: %s (want %s)", c.block, got, c.want)
		}
		if err == nil && d.Spend != nil {
			t.Error("a block counts against the budget")
		}
	}
}

func permit(contract, chain, spender, value string) string {
	return `{"types": {"EIP712Domain": [{"name": "name", "type": "string"}, {"name": "chainId", "type": "uint256"}, {"name": "verifyingContract", "type": "address"}],
	  "Permit": [{"name": "owner", "type": "address"}, {"name": "spender", "type": "address"}, {"name": "value", "type": "uint256"}, {"name": "nonce", "type": "uint256"}, {"name": "deadline", "type": "uint256"}]},
	  "primaryType": "Permit", "domain": {"name": "T", "chainId": ` + chain + `, "verifyingContract": "` + contract + `"},
	  "message": {"owner": "` + alice + `", "spender": "` + spender + `", "value": "` + value + `", "nonce": 1, "deadline": 2}}`
}

func TestTypedData(t *testing.T) {
	p := parseEVM(t, `{"typedData": [{"chain": 1, "contract": "`+alice+`", "encodeType": "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)",
	  "fields": {"owner": "any", "spender": ["`+bob+`"], "value": {"max": "1gwei"}, "nonce": "any", "deadline": "any"}}]}`)
	for _, c := range []struct{ name, text, want string }{
		{"a permit", permit(alice, "1", bob, "1000000000"), "typedData[0]"},
		{"too much", permit(alice, "1", bob, "1000000001"), "typed_data_not_allowed"},
		{"another spender", permit(alice, "1", alice, "1"), "typed_data_not_allowed"},
		{"another contract", permit(bob, "1", bob, "1"), "typed_data_not_allowed"},
		{"another chain", permit(alice, "2", bob, "1"), "typed_data_not_allowed"},
		{"another type", strings.ReplaceAll(permit(alice, "1", bob, "1"), "Permit", "Permat"), "typed_data_not_allowed"},
		{"no chain", strings.NewReplacer(`{"name": "chainId", "type": "uint256"}, `, ``, `"chainId": 1, `, ``).Replace(permit(alice, "1", bob, "1")), "typed_data_not_allowed"},
		{"no contract", strings.NewReplacer(`, {"name": "verifyingContract", "type": "address"}`, ``, `, "verifyingContract": "`+alice+`"`, ``).Replace(permit(alice, "1", bob, "1")), "typed_data_not_allowed"},
	} {
		data, err := evm.ParseTypedData([]byte(c.text))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		d, err := p.CheckTypedData(data)
		if got := code(t, d, err); got != c.want {
			t.Errorf("%s: %s (want %s)", c.name, got, c.want)
		}
	}
}

func TestBudgets(t *testing.T) {
	p := parseEVM(t, `{"budget": {"value": "1gwei", "fees": 10, "count": 2}}`)
	spend := func(value, fees int64, count uint64) *Spend {
		return &Spend{Value: big.NewInt(value), Fees: big.NewInt(fees), Count: count}
	}
	for _, c := range []struct {
		name        string
		spent, next *Spend
		want        bool
	}{
		{"within all", spend(0, 0, 0), spend(1e9, 10, 1), true},
		{"value", spend(1, 0, 0), spend(1e9, 0, 1), false},
		{"fees", spend(0, 1, 0), spend(0, 10, 1), false},
		{"count", spend(0, 0, 2), spend(0, 0, 1), false},
		{"count in one", spend(0, 0, 1), spend(0, 0, 2), false},
		{"nothing more of what is over", spend(2e9, 0, 1), spend(0, 0, 1), true},
		{"a count that would overflow", spend(0, 0, 1), spend(0, 0, 1<<64-1), false},
	} {
		if err := p.Budget.Check(c.spent, c.next); (err == nil) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if free := parseEVM(t, `{}`).Budget; free.Bounded() || free.Check(spend(1e18, 1e18, 1e9), spend(1e18, 1, 1)) != nil {
		t.Error("no budget bounds something")
	}
}

func TestAmounts(t *testing.T) {
	for text, want := range map[string]string{"0": "0", "21000": "21000", "1wei": "1", "30gwei": "30000000000", "1.5ether": "1500000000000000000", "0.000000001gwei": "1", "1000000000000000000000ether": "1000000000000000000000000000000000000000"} {
		if n, err := parseAmount(text); err != nil || n.String() != want {
			t.Errorf("%s: %s, %v", text, n, err)
		}
	}
	for _, text := range []string{"", "-1", "01", "1.5", "1.5wei", "0.0000000001gwei", "1e18", "0x1", "1 ether", "1eth", ".5ether", "1.ether", strings.Repeat("9", 78), strings.Repeat("9", 70) + "ether"} {
		if n, err := parseAmount(text); err == nil {
			t.Errorf("%q is taken as %s", text, n)
		}
	}
}

func TestThePublishedSchemaIsThatOfTheTypes(t *testing.T) {
	published, err := os.ReadFile("../../docs/policy.schema.json")
	if err != nil || string(published) != string(Schema()) {
		t.Errorf("docs/policy.schema.json differs (%v): run make generate", err)
	}
}

func TestSensitiveFunctionsAreRead(t *testing.T) {
	if len(sensitive()) < 40 {
		t.Errorf("%d sensitive functions", len(sensitive()))
	}
	for id := range sensitive() {
		if id[0] == 0 {
			t.Errorf("%x begins as frames of a batcher do", id)
		}
	}
}

// FuzzPolicy reads any text as either policy.
func FuzzPolicy(f *testing.F) {
	f.Add([]byte(`{` + caps + `, "rules": [{"chain": 1, "to": "` + alice + `", "selectors": ["f((address,bytes)[] a)"], "args": {"a": {"each": {"fields": {"0": "any", "1": {"selectors": "any"}}}}}}]}`))
	f.Add([]byte(`{"chains": ["a"], "messages": [], "fees": {"max": [], "maxGas": 1}}`))
	tx := parseTx(f, `{"to": "`+alice+`", "data": "0x00112233"}`)
	f.Fuzz(func(_ *testing.T, text []byte) {
		if p, err := ParseEVM(text); err == nil {
			one := *tx
			_, _ = p.CheckTx(&one)
		}
		_, _ = ParseCosmos(text)
	})
}

func BenchmarkCheckTxOfThousandsOfRules(b *testing.B) {
	var rules []string
	for i := range 5000 {
		rules = append(rules, `{"chain": 1, "to": "0x`+hex.EncodeToString(big.NewInt(int64(i)).FillBytes(make([]byte, 20)))+`", "selectors": ["transfer(address to,uint256 amount)"], "args": {"to": "`+alice+`", "amount": {"max": "1ether"}}}`)
	}
	p := parseEVM(b, `{`+caps+`, "rules": [`+strings.Join(rules, ",")+`]}`)
	tx := parseTx(b, `{"to": "0x0000000000000000000000000000000000001387", "data": "`+callData(b, "transfer(address,uint256)", alice, "1")+`"}`)
	for b.Loop() {
		if _, err := p.CheckTx(tx); err != nil {
			b.Fatal(err)
		}
	}
}
