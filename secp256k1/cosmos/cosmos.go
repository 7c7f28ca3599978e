// Package cosmos reads the SignDoc that keys of Cosmos chains sign
// (SIGN_MODE_DIRECT), with a small protobuf decoder of its own. Unknown fields,
// fields out of order or twice, unknown messages, and messages within messages
// are refused: what is not understood cannot be judged.
package cosmos

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
)

// SignDoc is what SIGN_MODE_DIRECT signs, decoded.
type SignDoc struct {
	ChainID       string
	AccountNumber uint64
	Sequence      uint64
	// PublicKey is the signer's compressed key, or nil where the document has none:
	// the caller compares it with the key that signs.
	PublicKey []byte
	Messages  []Message
	Memo      string
	Fee       []Coin
	GasLimit  uint64
	Payer     string // bech32; who pays, where it is not the first signer
	Granter   string // bech32; whose allowance pays
	raw       []byte
}

// Coin is an amount of a denomination.
type Coin struct {
	Denom  string
	Amount *big.Int
}

// Message is one message of a transaction.
type Message struct {
	TypeURL string
	// Recipients are the addresses that receive coins or rights: to_address, receiver,
	// grantee, validator_address.
	Recipients []string
	// Coins are what the message moves, or lets a grantee spend. An allowance
	// without a limit has Unlimited set.
	Coins     []Coin
	Unlimited bool
}

// modeDirect is SIGN_MODE_DIRECT.
const modeDirect = 1

// publicKeyURL is the type of a key of this curve.
const publicKeyURL = "/cosmos.crypto.secp256k1.PubKey"

// Decode reads a SignDoc of one signer.
func Decode(raw []byte) (*SignDoc, error) {
	doc, err := signDoc.read(raw)
	if err != nil {
		return nil, fmt.Errorf("SignDoc %w", err)
	}
	body, err := txBody.read(doc.bytes("body_bytes"))
	if err != nil {
		return nil, fmt.Errorf("SignDoc body_bytes %w", err)
	}
	auth, err := authInfo.read(doc.bytes("auth_info_bytes"))
	if err != nil {
		return nil, fmt.Errorf("SignDoc auth_info_bytes %w", err)
	}
	d := &SignDoc{
		ChainID:       doc.text("chain_id"),
		AccountNumber: doc.uint("account_number"),
		Memo:          body.text("memo"),
		raw:           raw,
	}
	if !isWord(d.ChainID) {
		return nil, fmt.Errorf("SignDoc chain_id must be a chain's id (got %q)", d.ChainID)
	}
	for i, m := range body["messages"] {
		message, err := readMessage(m.(decoded))
		if err != nil {
			return nil, fmt.Errorf("SignDoc messages[%d] %w", i, err)
		}
		d.Messages = append(d.Messages, message)
	}
	if len(d.Messages) == 0 {
		return nil, errors.New("SignDoc must have a message")
	}
	return d, d.readAuth(auth)
}

func (d *SignDoc) readAuth(auth decoded) error {
	signers := auth["signer_infos"]
	if len(signers) != 1 {
		return fmt.Errorf("SignDoc must have one signer (got %d): a second one's messages cannot be told from the first's", len(signers))
	}
	info := signers[0].(decoded)
	if mode := info.nested("mode_info").nested("single").uint("mode"); mode != modeDirect {
		return fmt.Errorf("SignDoc must be for SIGN_MODE_DIRECT (got mode %d)", mode)
	}
	d.Sequence = info.uint("sequence")
	if key := info.nested("public_key"); key != nil {
		if url := key.text("type_url"); url != publicKeyURL {
			return fmt.Errorf("SignDoc public_key must be %s (got %q)", publicKeyURL, url)
		}
		inner, err := publicKey.read(key.bytes("value"))
		if err != nil {
			return fmt.Errorf("SignDoc public_key %w", err)
		}
		if d.PublicKey = inner.bytes("key"); len(d.PublicKey) != 33 {
			return fmt.Errorf("SignDoc public_key must be 33 bytes (got %d)", len(d.PublicKey))
		}
	}
	fee := auth.nested("fee")
	d.GasLimit, d.Payer, d.Granter = fee.uint("gas_limit"), fee.text("payer"), fee.text("granter")
	var err error
	if d.Fee, err = coinsOf(fee, "amount"); err != nil {
		return fmt.Errorf("SignDoc fee %w", err)
	}
	return nil
}

// SigHash is what is signed: SHA-256 of the document.
func (d *SignDoc) SigHash() [32]byte { return sha256.Sum256(d.raw) }
