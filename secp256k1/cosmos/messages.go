package cosmos

import (
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
)

// The messages of transactions (cosmos-sdk's proto/cosmos/{tx,base,bank,feegrant,
// staking,distribution}, ibc-go's proto/ibc, celestia-app's proto/celestia/blob).
var (
	anyMessage = message{1: text("type_url"), 2: bytesOf("value")}
	coin       = message{1: text("denom"), 2: text("amount")}
	timestamp  = message{1: number("seconds"), 2: number("nanos")}
	height     = message{1: number("revision_number"), 2: number("revision_height")}

	signDoc = message{1: bytesOf("body_bytes"), 2: bytesOf("auth_info_bytes"), 3: text("chain_id"), 4: number("account_number")}
	txBody  = message{
		1: list("messages", &anyMessage), 2: text("memo"), 3: number("timeout_height"),
		4: number("unordered"), 5: nested("timeout_timestamp", &timestamp),
	}
	authInfo   = message{1: list("signer_infos", &signerInfo), 2: nested("fee", &fee)}
	signerInfo = message{1: nested("public_key", &anyMessage), 2: nested("mode_info", &modeInfo), 3: number("sequence")}
	modeInfo   = message{1: nested("single", &single)}
	single     = message{1: number("mode")}
	publicKey  = message{1: bytesOf("key")}
	fee        = message{1: list("amount", &coin), 2: number("gas_limit"), 3: text("payer"), 4: text("granter")}
)

func text(name string) field    { return field{name: name, kind: textKind} }
func bytesOf(name string) field { return field{name: name, kind: bytesKind} }
func number(name string) field  { return field{name: name, kind: uintKind} }
func nested(name string, m *message) field {
	return field{name: name, kind: nestedKind, nested: m}
}
func list(name string, m *message) field {
	return field{name: name, kind: nestedKind, nested: m, repeated: true}
}
func many(f field) field {
	f.repeated = true
	return f
}

// messageType is a message that can be signed, and what it does.
type messageType struct {
	fields message
	// recipients and coins name fields.
	recipients []string
	coins      string
	// inner reads what a nested Any says, where the message has one.
	inner func(*Message, decoded) error
}

// messageTypes are the messages that are understood. Those that carry others (authz's
// MsgExec, ICA's MsgSendTx, gov's and group's proposals) are not among them, and stay so.
var messageTypes = map[string]messageType{
	"/celestia.blob.v1.MsgPayForBlobs": {fields: message{
		1: text("signer"), 2: many(bytesOf("namespaces")),
		3: bytesOf("blob_sizes"), // packed
		4: many(bytesOf("share_commitments")),
		8: bytesOf("share_versions"), // packed
	}},
	"/cosmos.bank.v1beta1.MsgSend": {
		fields:     message{1: text("from_address"), 2: text("to_address"), 3: list("amount", &coin)},
		recipients: []string{"to_address"}, coins: "amount",
	},
	"/ibc.applications.transfer.v1.MsgTransfer": {
		fields: message{
			1: text("source_port"), 2: text("source_channel"), 3: nested("token", &coin), 4: text("sender"),
			5: text("receiver"), 6: nested("timeout_height", &height), 7: number("timeout_timestamp"),
		},
		recipients: []string{"receiver"}, coins: "token",
	},
	"/cosmos.feegrant.v1beta1.MsgGrantAllowance": {
		fields:     message{1: text("granter"), 2: text("grantee"), 3: nested("allowance", &anyMessage)},
		recipients: []string{"grantee"}, inner: readAllowance,
	},
	"/cosmos.feegrant.v1beta1.MsgRevokeAllowance": {
		fields:     message{1: text("granter"), 2: text("grantee")},
		recipients: []string{"grantee"},
	},
	"/cosmos.staking.v1beta1.MsgDelegate": {
		fields:     message{1: text("delegator_address"), 2: text("validator_address"), 3: nested("amount", &coin)},
		recipients: []string{"validator_address"}, coins: "amount",
	},
	"/cosmos.staking.v1beta1.MsgUndelegate": {
		fields:     message{1: text("delegator_address"), 2: text("validator_address"), 3: nested("amount", &coin)},
		recipients: []string{"validator_address"}, coins: "amount",
	},
	"/cosmos.distribution.v1beta1.MsgWithdrawDelegatorReward": {
		fields:     message{1: text("delegator_address"), 2: text("validator_address")},
		recipients: []string{"validator_address"},
	},
}

// KnownMessage reports whether messages of a type can be read, and whether they have
// recipients and move coins.
func KnownMessage(typeURL string) (known, recipients, coins bool) {
	t, known := messageTypes[typeURL]
	return known, len(t.recipients) > 0, t.coins != "" || t.inner != nil
}

// KnownMessages are the types of messages that can be read, in order.
func KnownMessages() []string { return slices.Sorted(maps.Keys(messageTypes)) }

var basicAllowance = message{1: list("spend_limit", &coin), 2: nested("expiration", &timestamp)}

const basicAllowanceURL = "/cosmos.feegrant.v1beta1.BasicAllowance"

// readAllowance reads the allowance of a grant: a basic one, whose limit counts as coins.
func readAllowance(m *Message, d decoded) error {
	allowance := d.nested("allowance")
	if url := allowance.text("type_url"); url != basicAllowanceURL {
		return fmt.Errorf("allowance must be %s (got %q)", basicAllowanceURL, url)
	}
	inner, err := basicAllowance.read(allowance.bytes("value"))
	if err != nil {
		return fmt.Errorf("allowance %w", err)
	}
	m.Coins, err = coinsOf(inner, "spend_limit")
	m.Unlimited = len(m.Coins) == 0
	return err
}

func readMessage(d decoded) (Message, error) {
	m := Message{TypeURL: d.text("type_url")}
	t, ok := messageTypes[m.TypeURL]
	if !ok {
		return m, fmt.Errorf("%q is no message that can be judged", m.TypeURL)
	}
	content, err := t.fields.read(d.bytes("value"))
	if err != nil {
		return m, fmt.Errorf("%s %w", m.TypeURL, err)
	}
	for _, name := range t.recipients {
		recipient := content.text(name)
		if !isWord(recipient) {
			return m, fmt.Errorf("%s %s must be an address (got %q)", m.TypeURL, name, recipient)
		}
		m.Recipients = append(m.Recipients, recipient)
	}
	if t.coins != "" {
		if m.Coins, err = coinsOf(content, t.coins); err != nil {
			return m, fmt.Errorf("%s %w", m.TypeURL, err)
		}
	}
	if t.inner != nil {
		err = t.inner(&m, content)
	}
	return m, err
}

// coinsOf reads coins, of which each denomination stands once.
func coinsOf(d decoded, name string) (coins []Coin, err error) {
	seen := map[string]bool{}
	for _, v := range d[name] {
		c := v.(decoded)
		amount, ok := parseAmount(c.text("amount"))
		denom := c.text("denom")
		if !ok || !isWord(denom) {
			return nil, fmt.Errorf("%s must be a denomination and a whole number (got %q, %q)", name, denom, c.text("amount"))
		}
		if seen[denom] {
			return nil, errors.New(name + " has " + denom + " twice")
		}
		seen[denom] = true
		coins = append(coins, Coin{Denom: denom, Amount: amount})
	}
	return coins, nil
}

// isWord reports whether text can stand in an audit log as one word among others: visible
// ASCII, and none of the characters that part facts.
func isWord(text string) bool {
	for _, c := range []byte(text) {
		if c <= ' ' || c > '~' || c == ',' || c == '=' {
			return false
		}
	}
	return text != ""
}

// parseAmount reads a whole number that is not negative, in its shortest form.
func parseAmount(text string) (*big.Int, bool) {
	if text == "" || len(text) > 78 || strings.Trim(text, "0123456789") != "" || text[0] == '0' && text != "0" {
		return nil, false
	}
	return new(big.Int).SetString(text, 10)
}
