package evm

import (
	"encoding/hex"
	"strconv"
	"strings"
	"testing"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The example of EIP-155.
const (
	eip155Unsigned = "0xec098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080018080"
	eip155Hash     = "0xdaf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53"
	eip155R        = "28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276"
	eip155S        = "67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
	eip155Raw      = "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a0" + eip155R + "a0" + eip155S
)

func TestTheExampleOfEIP155(t *testing.T) {
	tx, err := Decode(unhex(t, eip155Unsigned))
	if err != nil {
		t.Fatal(err)
	}
	if got := tx.SigHash().String(); got != eip155Hash {
		t.Errorf("hash is %s", got)
	}
	raw, _ := tx.Encode([32]byte(unhex(t, eip155R)), [32]byte(unhex(t, eip155S)), 0)
	if got := hex.EncodeToString(raw); got != eip155Raw {
		t.Errorf("raw transaction is %s", got)
	}
	args, from, err := ParseArgs([]byte(`{"nonce": "0x9", "gasPrice": "0x4a817c800", "gas": "0x5208", "to": "0x3535353535353535353535353535353535353535", "value": "0xde0b6b3a7640000", "chainId": "0x1"}`))
	if err != nil || from != nil {
		t.Fatal(err, from)
	}
	if got := args.SigHash().String(); got != eip155Hash {
		t.Errorf("hash of arguments is %s", got)
	}
}

func TestTheExampleOfEIP191InEthers(t *testing.T) {
	if got := Message("Hello World").SigHash().String(); got != "0xa1de988600a42c4b4ab089b619297c17d53cffae5d5120d82d8a92d0bb3b78f2" {
		t.Errorf("hash is %s", got)
	}
}

// eip712Mail is the example of EIP-712.
const eip712Mail = `{
  "types": {
    "EIP712Domain": [{"name": "name", "type": "string"}, {"name": "version", "type": "string"}, {"name": "chainId", "type": "uint256"}, {"name": "verifyingContract", "type": "address"}],
    "Person": [{"name": "name", "type": "string"}, {"name": "wallet", "type": "address"}],
    "Mail": [{"name": "from", "type": "Person"}, {"name": "to", "type": "Person"}, {"name": "contents", "type": "string"}]
  },
  "primaryType": "Mail",
  "domain": {"name": "Ether Mail", "version": "1", "chainId": 1, "verifyingContract": "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"},
  "message": {
    "from": {"name": "Cow", "wallet": "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"},
    "to": {"name": "Bob", "wallet": "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},
    "contents": "Hello, Bob!"
  }
}`

func TestTheExampleOfEIP712(t *testing.T) {
	d, err := ParseTypedData([]byte(eip712Mail))
	if err != nil {
		t.Fatal(err)
	}
	if got := d.SigHash().String(); got != "0xbe609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2" {
		t.Errorf("hash is %s", got)
	}
	if d.EncodeType != "Mail(Person from,Person to,string contents)Person(string name,address wallet)" || *d.ChainID != 1 || d.Contract.String() != "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC" {
		t.Errorf("read as %+v", d)
	}
	if _, err := ParseEncodeType(d.EncodeType); err != nil {
		t.Error(err)
	}
}

func TestTheExamplesOfEIP55(t *testing.T) {
	for _, text := range []string{
		"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
		"0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
		"0x52908400098527886E0F7030069857D2E4169EE7", "0xde709f2102306220921060314715629080e2fb77",
	} {
		a, err := ParseAddress(text)
		if err != nil || strings.ToLower(text) != text && a.String() != text {
			t.Errorf("%s: %s, %v", text, a, err)
		}
	}
	if _, err := ParseAddress("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"); err == nil {
		t.Error("a wrong checksum is taken")
	}
}

func TestSelectorsOfSignatures(t *testing.T) {
	for text, want := range map[string]string{
		"transfer(address,uint256)":                                               "a9059cbb",
		"transfer(address to, uint amount)":                                       "a9059cbb",
		"approve(address spender,uint256 value)":                                  "095ea7b3",
		"multicall(bytes[])":                                                      "ac9650d8",
		"aggregate3((address target, bool allowFailure, bytes callData)[] calls)": "82ad56cb",
		"deposit()": "d0e30db0",
		"execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)": "6a761202",
	} {
		f, err := ParseFunction(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		s := f.Selector()
		if got := hex.EncodeToString(s[:]); got != want {
			t.Errorf("%s: %s (want %s)", text, got, want)
		}
	}
	for _, text := range []string{"", "f", "f(", "f()x", "f(uint7)", "f(foo)", "f(uint256,)", "f(())", "f(uint256[0])", "f(uint256[01])", "(uint256)", "f(uint256 a b)", "f(uint256[1024][1024][1024])", "f(bytes33)", "f(uint264)", "1f()"} {
		if f, err := ParseFunction(text); err == nil {
			t.Errorf("%q is taken as %s", text, f)
		}
	}
}

// refused fails where a reader takes what it must not.
func refused(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v (want %s)", what, err, want)
	}
}

func TestTransactionsThatAreNotSigned(t *testing.T) {
	for _, c := range []struct{ what, hex, want string }{
		{"nothing", "", "got nothing"},
		{"no replay protection", "e1098504a817c80082520894" + strings.Repeat("35", 20) + "8080", "no chain id"},
		{"type 5", "05c0", "type 0 to 4"},
		{"a text", "41", "type 0 to 4"},
		{"an integer with a leading zero", "e6" + "820009" + "8504a817c80082520894" + strings.Repeat("35", 20) + "8080018080", "leading zeros"},
		{"a byte with a header", "e5" + "8109" + "8504a817c80082520894" + strings.Repeat("35", 20) + "8080018080", "canonical RLP"},
		{"something after the end", eip155Unsigned[2:] + "00", "canonical RLP"},
		{"a signature already", eip155Raw, "canonical RLP"},
	} {
		_, err := Decode(unhex(t, c.hex))
		refused(t, c.what, err, c.want)
	}
}

func TestArgumentsThatAreNotSigned(t *testing.T) {
	const base = `"nonce": "0x1", "gas": "0x1", "to": "0x3535353535353535353535353535353535353535"`
	for _, c := range []struct{ text, want string }{
		{`[]`, "must be a JSON object"},
		{`{` + base + `, "gasPrice": "0x1", "gasPrice": "0x2"}`, "twice"},
		{`{` + base + `, "gasPrice": "0x1"} {}`, "nothing after"},
		{`{` + base + `, "gasPrice": "0x1", "gasprice": "0x2"}`, "gasprice is not known"},
		{`{` + base + `}`, "gasPrice is missing"},
		{`{"gasPrice": "0x1"}`, "gas is missing; nonce is missing"},
		{`{` + base + `, "gasPrice": "0x01"}`, "without leading zeros"},
		{`{` + base + `, "gasPrice": 1}`, "must be a number in hex"},
		{`{` + base + `, "gasPrice": "0x1", "chainId": "0x0"}`, "chainId must be above 0"},
		{`{` + base + `, "gasPrice": "0x1", "data": "0x00", "input": "0x01"}`, "must equal input"},
		{`{` + base + `, "gasPrice": "0x1", "type": "0x2"}`, "type must be 0x0"},
		{`{` + base + `, "maxFeePerGas": "0x1", "maxPriorityFeePerGas": "0x2"}`, "must not be above maxFeePerGas"},
		{`{` + base + `, "maxFeePerGas": "0x1", "maxPriorityFeePerGas": "0x1", "maxFeePerBlobGas": "0x1"}`, "must be left out without blobVersionedHashes"},
		{`{` + base + `, "maxFeePerGas": "0x1", "maxPriorityFeePerGas": "0x1", "maxFeePerBlobGas": "0x1", "blobVersionedHashes": []}`, "must not be empty"},
		{`{` + base + `, "maxFeePerGas": "0x1", "maxPriorityFeePerGas": "0x1", "maxFeePerBlobGas": "0x1", "blobVersionedHashes": ["0x02` + strings.Repeat("00", 31) + `"]}`, "version 1"},
		{`{` + base + `, "maxFeePerGas": "0x1", "maxPriorityFeePerGas": "0x1", "blobs": []}`, "sidecar"},
		{`{"nonce": "0x1", "gas": "0x1", "maxFeePerGas": "0x1", "maxPriorityFeePerGas": "0x1", "maxFeePerBlobGas": "0x1", "blobVersionedHashes": ["0x01` + strings.Repeat("00", 31) + `"]}`, "cannot create a contract"},
	} {
		_, _, err := ParseArgs([]byte(c.text))
		refused(t, c.text, err, c.want)
	}
}

func TestPreimages(t *testing.T) {
	tx, message, err := ParsePreimage(unhex(t, eip155Unsigned))
	if err != nil || message != nil || tx.SigHash().String() != eip155Hash {
		t.Errorf("transaction: %v, %v, %v", tx, message, err)
	}
	for _, text := range []string{"", "hello", "1", "12345678901", strings.Repeat("9", 100)} {
		preimage := []byte(messagePrefix + strconv.Itoa(len(text)) + text)
		tx, message, err = ParsePreimage(preimage)
		if err != nil || tx != nil || string(message) != text || message == nil || message.SigHash() != Keccak256(preimage) {
			t.Errorf("%q: %v, %q, %v", text, tx, message, err)
		}
	}
	for what, c := range map[string][2]string{
		"hashes of typed data": {"1901" + strings.Repeat("00", 64), "typed data"},
		"another length":       {hex.EncodeToString([]byte(messagePrefix + "6hello")), "length"},
		"a length with a zero": {hex.EncodeToString([]byte(messagePrefix + "05hello")), "length"},
		"a validator's data":   {"1900" + strings.Repeat("00", 40), "must be"},
		"32 bytes":             {strings.Repeat("ab", 32), "must be"},
		"a chain's id of 0":    {"c9" + "80808080808080" + "8080", "no chain id"},
		"no replay protection": {"e1098504a817c80082520894" + strings.Repeat("35", 20) + "8080", "no chain id"},
	} {
		_, _, err := ParsePreimage(unhex(t, c[0]))
		refused(t, what, err, c[1])
	}
}

func TestBlockPayloadsInEachForm(t *testing.T) {
	payload := strings.Repeat("ab", 32)
	zeros := "[" + strings.Repeat("0,", 31) + "0]"
	want := Keccak256(make([]byte, 32), append(make([]byte, 30), 3, 0x85), unhex(t, payload))
	for _, text := range []string{
		`{"domain": ` + zeros + `, "chainId": 901, "payloadHash": "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=", "senderAddress": "0x3535353535353535353535353535353535353535"}`,
		`{"domain": "0x` + strings.Repeat("00", 32) + `", "chainId": "901", "payloadHash": "0x` + payload + `"}`,
		`{"domain": "0x` + strings.Repeat("00", 32) + `", "chainId": "0x385", "payloadHash": "0x` + payload + `", "senderAddress": null, "PayloadBytes": null}`,
	} {
		b, err := ParseBlock([]byte(text))
		if err != nil || b.SigHash() != want {
			t.Errorf("%s: %v, %v", text, b, err)
		}
	}
	for text, want := range map[string]string{
		`{"domain": [1], "chainId": 1, "payloadHash": "0x` + payload + `"}`:                                   "domain must be 32 bytes",
		`{"domain": ` + zeros + `, "chainId": 0, "payloadHash": "0x` + payload + `"}`:                         "chainId must be",
		`{"domain": ` + zeros + `, "chainId": 1.5, "payloadHash": "0x` + payload + `"}`:                       "chainId must be",
		`{"domain": ` + zeros + `, "chainId": 1, "payloadHash": ""}`:                                          "payloadHash must be 32 bytes",
		`{"chainId": 1, "payloadHash": "0x` + payload + `"}`:                                                  "domain is missing",
		`{"domain": [` + strings.Repeat("0,", 31) + `256], "chainId": 1, "payloadHash": "0x` + payload + `"}`: "domain must be 32 bytes",
	} {
		_, err := ParseBlock([]byte(text))
		refused(t, text, err, want)
	}
}

func TestTypedDataThatIsNotSigned(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{`"contents": "Hello, Bob!"`, `"contents": "Hello, Bob!", "more": 1`, "message.more is not in types.Mail"},
		{`"contents": "Hello, Bob!"`, `"contents": 1`, "message.contents must be text"},
		{`"contents": "Hello, Bob!"`, `"contents": null`, "message.contents is missing"},
		{`"name": "Bob", "wallet": "0xbB`, `"name": "Bob", "wallet": "0x`, "message.to.wallet must be"},
		{`"version": "1", `, ``, "domain.version is missing"},
		{`"chainId": 1`, `"chainId": -1`, "domain.chainId must be an integer"},
		{`{"name": "chainId", "type": "uint256"}`, `{"name": "chainId", "type": "uint8"}`, "of the types of EIP-712"},
		{`{"name": "chainId", "type": "uint256"}, `, ``, "domain.chainId is not in types.EIP712Domain"},
		{`{"name": "wallet", "type": "address"}`, `{"name": "wallet", "type": "address[]"}`, "must be a list"},
		{`{"name": "wallet", "type": "address"}`, `{"name": "wallet", "type": "uint"}`, "type that EIP-712"},
		{`{"name": "wallet", "type": "address"}`, `{"name": "wallet", "type": "address[]x"}`, "type that EIP-712"},
		{`{"name": "wallet", "type": "address"}`, `{"name": "wallet,address x", "type": "address"}`, "must have a name"},
		{`{"name": "wallet", "type": "address"}`, `{"name": "name", "type": "address"}`, "twice"},
		{`"primaryType": "Mail"`, `"primaryType": "Letter"`, "no \"Letter\""},
		{`"primaryType": "Mail"`, `"primaryType": "EIP712Domain"`, "must not be EIP712Domain"},
	} {
		_, err := ParseTypedData([]byte(strings.Replace(eip712Mail, c.old, c.new, 1)))
		refused(t, c.new, err, c.want)
	}
}

func TestAuthorizations(t *testing.T) {
	a, err := ParseAuthorization([]byte(`{"chainId": "0x1", "address": "0x3535353535353535353535353535353535353535", "nonce": "0x2"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := Keccak256([]byte{5, 0xd7, 1, 0x94}, unhex(t, strings.Repeat("35", 20)), []byte{2})
	if a.SigHash() != want {
		t.Errorf("hash is %s", a.SigHash())
	}
	_, err = ParseAuthorization([]byte(`{"chainId": "0x1", "address": "0x3535353535353535353535353535353535353535", "nonce": "0x2", "r": "0x1"}`))
	refused(t, "signed", err, "signed already")
	_, err = ParseAuthorization([]byte(`{"address": "0x3535353535353535353535353535353535353535"}`))
	refused(t, "half", err, "chainId is missing; nonce is missing")
}

func TestContentIsWhatATransactionDoes(t *testing.T) {
	base := `"nonce": "0x1", "gas": "0x1", "chainId": "0x1", "to": "0x3535353535353535353535353535353535353535"`
	parse := func(text string) Hash {
		t.Helper()
		tx, _, err := ParseArgs([]byte(`{` + base + `, ` + text + `}`))
		if err != nil {
			t.Fatal(err)
		}
		return tx.Content()
	}
	legacy := parse(`"gasPrice": "0x1"`)
	if legacy != parse(`"gasPrice": "0x2"`) || legacy != parse(`"maxFeePerGas": "0x9", "maxPriorityFeePerGas": "0x1"`) {
		t.Error("fees and type change the content")
	}
	for _, other := range []string{`"gasPrice": "0x1", "value": "0x1"`, `"gasPrice": "0x1", "data": "0x00"`, `"gasPrice": "0x1", "accessList": [{"address": "0x3535353535353535353535353535353535353535"}]`} {
		if legacy == parse(other) {
			t.Errorf("%s has the same content", other)
		}
	}
}

func TestOnlyTheCanonicalEncodingOfACallIsRead(t *testing.T) {
	word := func(text string) string { return strings.Repeat("0", 64-len(text)) + text }
	for _, c := range []struct {
		signature string
		words     []string
		want      bool
	}{
		{"f(bytes)", []string{"20", "0"}, true},
		{"f(bytes)", []string{"40", "0"}, false},             // an offset past the tail
		{"f(bytes)", []string{"0", "0"}, false},              // an offset back to the head
		{"f(bytes,bytes)", []string{"40", "40", "0"}, false}, // two offsets to one tail
		{"f(bytes)", []string{"20", "1", "1"}, false},        // padding in front
		{"f(uint8)", []string{"100"}, false},
		{"f(uint8)", []string{"ff"}, true},
		{"f(int8)", []string{strings.Repeat("f", 62) + "80"}, true},
		{"f(int8)", []string{strings.Repeat("f", 62) + "7f"}, false},
		{"f(int8)", []string{"80"}, false},
		{"f(bool)", []string{"2"}, false},
		{"f(bytes4)", []string{"1"}, false},
		{"f(address)", []string{"1" + strings.Repeat("0", 40)}, false},
		{"f(uint8)", []string{"1", "0"}, false},
		{"f(uint8[])", []string{"20", "ffffffff"}, false},
		{"f(uint8[2])", []string{"1", "2"}, true},
		{"f()", nil, true},
	} {
		f, err := ParseFunction(c.signature)
		if err != nil {
			t.Fatal(err)
		}
		var text string
		for _, w := range c.words {
			text += word(w)
		}
		if values, err := DecodeParams(f.Params, unhex(t, text)); (err == nil) != c.want {
			t.Errorf("%s of %v: %v, %v", c.signature, c.words, values, err)
		}
	}
}
