// Package ethereum reads what Ethereum's clients send, as far as the secrets engine
// does not: their spellings of a transaction, and the sidecars of blobs, which are no
// part of what is signed.
package ethereum

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
)

// Transaction is a transaction as the engine takes it, and what stays here.
type Transaction struct {
	// Input is geth's SendTxArgs as JSON, without a sidecar.
	Input string
	// From is the sender's address, in lower case, or empty.
	From string
	// Sidecar is what has to be attached again, or nil.
	Sidecar *Sidecar
}

// numbers are the fields that hold a number.
var numbers = []string{"type", "gas", "gasPrice", "maxFeePerGas", "maxPriorityFeePerGas", "maxFeePerBlobGas", "value", "nonce", "chainId"}

// ReadTransaction reads the argument of eth_signTransaction. Numbers may be hex with
// 0x, JSON numbers or decimal text, and data base64, which is how clients in Go that
// do not know Ethereum's types write them. chain is the one that the endpoint is for:
// it stands in for a missing chain id, and refuses another; 0 is any.
func ReadTransaction(text json.RawMessage, chain uint64) (*Transaction, error) {
	fields, err := readObject("transaction", text)
	if err != nil {
		return nil, err
	}
	for _, name := range numbers {
		if err := rewrite(fields, name, number); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"data", "input"} {
		if err := rewrite(fields, name, data); err != nil {
			return nil, err
		}
	}
	if err := setChain(fields, chain); err != nil {
		return nil, err
	}
	t := &Transaction{}
	if t.Sidecar, err = takeSidecar(fields); err != nil {
		return nil, err
	}
	if t.From, err = address(fields, "from"); err != nil {
		return nil, err
	}
	input, err := json.Marshal(fields)
	t.Input = string(input)
	return t, err
}

// readObject reads a JSON object, and refuses a field that stands twice: the engine
// would too, if it saw it.
func readObject(what string, text json.RawMessage) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(strings.NewReader(string(text)))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil, problem.Invalid("send an object", "%s must be a JSON object", what)
	}
	fields := map[string]json.RawMessage{}
	for d.More() {
		name, err := d.Token()
		var value json.RawMessage
		if err == nil {
			err = d.Decode(&value)
		}
		if err != nil {
			return nil, problem.Invalid("send JSON", "%s must be JSON", what)
		}
		if _, twice := fields[name.(string)]; twice { // the decoder takes no other token here
			return nil, problem.Invalid("send it once", "%s has a field twice: %s", what, clip(name.(string)))
		}
		fields[name.(string)] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, problem.Invalid("send JSON", "%s must be JSON", what)
	}
	return fields, nil
}

func clip(text string) string {
	if len(text) > 40 {
		text = text[:40] + "…"
	}
	return strconv.Quote(text)
}

// rewrite replaces a field's value, where it has one.
func rewrite(fields map[string]json.RawMessage, name string, how func(json.RawMessage) (string, error)) error {
	value, ok := fields[name]
	if !ok || string(value) == "null" {
		return nil
	}
	text, err := how(value)
	if err != nil {
		return problem.Invalid("write it as Ethereum's JSON-RPC does", "%s %s", name, err.Error())
	}
	quoted, err := json.Marshal(text)
	fields[name] = quoted
	return err
}

// number is a number's text in hex. What is hex already is the engine's to judge.
func number(value json.RawMessage) (string, error) {
	text := string(value)
	if len(value) > 0 && value[0] == '"' {
		if json.Unmarshal(value, &text) != nil || strings.HasPrefix(text, "0x") {
			return text, nil
		}
	}
	n, ok := new(big.Int).SetString(text, 10)
	if !ok || len(text) > 78 || n.Sign() < 0 || n.String() != text {
		return "", fmt.Errorf("must be a number: hex with 0x, or decimal")
	}
	return "0x" + n.Text(16), nil
}

// data is bytes in hex. Text that could be hex without 0x is refused, for it is base64
// of something else.
func data(value json.RawMessage) (string, error) {
	var text string
	if json.Unmarshal(value, &text) != nil {
		return "", fmt.Errorf("must be text: hex with 0x, or base64")
	}
	if strings.HasPrefix(text, "0x") {
		return text, nil
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	_, notHex := hex.DecodeString(text)
	if err != nil || text != "" && notHex == nil {
		return "", fmt.Errorf("must be hex with 0x, or base64")
	}
	return "0x" + hex.EncodeToString(raw), nil
}

func setChain(fields map[string]json.RawMessage, chain uint64) error {
	if chain == 0 {
		return nil
	}
	want := fmt.Sprintf(`"0x%x"`, chain)
	given, ok := fields["chainId"]
	if ok && string(given) != "null" && string(given) != want {
		return &problem.Problem{
			Code: "chain_not_allowed", What: fmt.Sprintf("this endpoint is for chain %d, and the transaction for another", chain), Rule: "endpoint",
			Remedy: "use the endpoint of the transaction's chain", Status: 403,
		}
	}
	fields["chainId"] = json.RawMessage(want)
	return nil
}

// address is a field's address in lower case, or empty.
func address(fields map[string]json.RawMessage, name string) (string, error) {
	value, ok := fields[name]
	if !ok || string(value) == "null" {
		return "", nil
	}
	var text string
	if json.Unmarshal(value, &text) != nil {
		return "", problem.Invalid("send an address", "%s must be an address", name)
	}
	return ReadAddress(text)
}

// ReadAddress is an address in lower case.
func ReadAddress(text string) (string, error) {
	raw, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil || len(raw) != 20 || !strings.HasPrefix(text, "0x") {
		return "", problem.Invalid("send 0x and 40 hex digits", "an address must be 20 bytes in hex with 0x (got %s)", clip(text))
	}
	return "0x" + hex.EncodeToString(raw), nil
}

// ReadSender is the sender that a block payload names, or empty. The engine judges
// the rest.
func ReadSender(payload json.RawMessage) (string, error) {
	fields, err := readObject("payload", payload)
	if err != nil {
		return "", err
	}
	return address(fields, "senderAddress")
}
