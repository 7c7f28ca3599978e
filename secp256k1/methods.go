package secp256k1

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/banhbaoring/banhbaoring/secp256k1/cosmos"
	"github.com/banhbaoring/banhbaoring/secp256k1/evm"
	"github.com/banhbaoring/banhbaoring/secp256k1/policy"
)

// maxInput is how long the text of what is signed may be: a transaction of a whole
// block's calldata, in hex, fits.
const maxInput = 4 << 20

// method is a way of signing what is decoded and judged first.
type method struct {
	name  string // also its path
	field string // the request's field that holds what is signed
	about string // what that field holds
	kind  string // the type of keys that sign it
	// judge decodes the field's text, holds it against the key's policy, and says
	// what is to be signed.
	judge func(k *key, text string) (*work, error)
}

// work is what a policy has allowed.
type work struct {
	decision *policy.Decision
	hash     [hashSize]byte
	tx       *evm.Tx // where it is a transaction
	block    bool    // a block payload: the fence's, and first in the rate
	// answer is what the signature makes of it.
	answer func(s *signature) (map[string]any, error)
}

// methods are all of them, by name.
var methods = func() map[string]*method {
	byName := map[string]*method{}
	for _, m := range []*method{
		{"sign-tx", "transaction", "geth's SendTxArgs as JSON, or the unsigned transaction's bytes as 0x and hex", typeEVM, judgeTx},
		{"sign-authorization", "authorization", "{chainId, address, nonce} of an EIP-7702 authorisation, as JSON", typeEVM, judgeAuthorization},
		{"sign-message", "message", "an EIP-191 message without its prefix, as 0x and hex", typeEVM, judgeMessage},
		{"sign-typed-data", "typed_data", "EIP-712 typed data {types, primaryType, domain, message}, as JSON", typeEVM, judgeTypedData},
		{"sign-block", "payload", "a block payload of the OP Stack {domain, chainId, payloadHash}, as JSON", typeEVM, judgeBlock},
		{"sign-preimage", "preimage", "what is hashed for a signature, as 0x and hex: an unsigned transaction, or a message with its EIP-191 prefix", typeEVM, judgePreimage},
		{"sign-doc", "sign_doc", "a Cosmos SignDoc (SIGN_MODE_DIRECT), base64", typeCosmos, judgeDoc},
	} {
		byName[m.name] = m
	}
	return byName
}()

// decode reads the field's text and has the key's policy judge it.
func (m *method) decode(k *key, text string) (*work, error) {
	switch {
	case k.kind == typeRaw:
		return nil, refuse("key_raw", "type", "give the key a type and a policy on keys/:name/policy", "a raw key has no policy to judge by")
	case k.kind != m.kind:
		return nil, refuse("method_not_allowed", "type", "use a key of type "+m.kind, "a key of type %s has no %s", k.kind, m.name)
	case text == "":
		return nil, fault("missing " + m.field + ": must be " + m.about)
	case len(text) > maxInput:
		return nil, fault(fmt.Sprintf("%s: must be at most %d bytes (got %d)", m.field, maxInput, len(text)))
	}
	w, err := m.judge(k, text)
	var refused *policy.Refusal
	var f fault
	if err != nil && !errors.As(err, &refused) && !errors.As(err, &f) {
		if _, own := asRefusal(err); !own {
			err = fault(m.field + ": " + err.Error())
		}
	}
	return w, err
}

func decodeHex(text string) ([]byte, error) {
	digits, ok := strings.CutPrefix(text, "0x")
	raw, err := hex.DecodeString(digits)
	if !ok || err != nil {
		return nil, errors.New("must be 0x and hex digits, two a byte")
	}
	return raw, nil
}

// requireSender refuses what names another sender than the key.
func requireSender(k *key, from *evm.Address) error {
	if from != nil && from.String() != k.ethereum {
		return refuse("sender_not_key", "address", "send it to the key of "+from.String(), "it is from %s, and the key is %s", from, k.ethereum)
	}
	return nil
}

func judgeTx(k *key, text string) (*work, error) {
	var tx *evm.Tx
	var from *evm.Address
	var err error
	if strings.HasPrefix(text, "0x") {
		var raw []byte
		if raw, err = decodeHex(text); err == nil {
			tx, err = evm.Decode(raw)
		}
	} else {
		tx, from, err = evm.ParseArgs([]byte(text))
	}
	if err != nil {
		return nil, err
	}
	if err := requireSender(k, from); err != nil {
		return nil, err
	}
	decision, err := k.evm.CheckTx(tx)
	if err != nil {
		return nil, err
	}
	return &work{decision: decision, hash: tx.SigHash(), tx: tx, answer: func(s *signature) (map[string]any, error) {
		var r, ss [32]byte
		copy(r[:], s.r())
		copy(ss[:], s.s())
		raw, hash := tx.Encode(r, ss, s.recovery)
		decision.Facts.Hash = hash.String()
		return map[string]any{"raw": "0x" + hex.EncodeToString(raw), "hash": hash.String(), "sender": k.ethereum}, nil
	}}, nil
}

func judgeAuthorization(k *key, text string) (*work, error) {
	a, err := evm.ParseAuthorization([]byte(text))
	if err != nil {
		return nil, err
	}
	decision, err := k.evm.CheckAuthorization(a)
	if err != nil {
		return nil, err
	}
	return &work{decision: decision, hash: a.SigHash(), answer: func(s *signature) (map[string]any, error) {
		quantity := func(raw []byte) string { return "0x" + new(big.Int).SetBytes(raw).Text(16) }
		signed, err := json.Marshal(map[string]string{
			"chainId": fmt.Sprintf("0x%x", a.ChainID), "address": a.Address.String(), "nonce": fmt.Sprintf("0x%x", a.Nonce),
			"yParity": fmt.Sprintf("0x%x", s.recovery), "r": quantity(s.r()), "s": quantity(s.s()),
		})
		return map[string]any{"authorization": string(signed), "sender": k.ethereum}, err
	}}, nil
}

func judgeMessage(k *key, text string) (*work, error) {
	raw, err := decodeHex(text)
	if err != nil {
		return nil, err
	}
	return judgeDecodedMessage(k, evm.Message(raw))
}

func judgeDecodedMessage(k *key, m evm.Message) (*work, error) {
	decision, err := k.evm.CheckMessage(m)
	if err != nil {
		return nil, err
	}
	return &work{decision: decision, hash: m.SigHash(), answer: k.answerRSV(27)}, nil
}

func judgeTypedData(k *key, text string) (*work, error) {
	d, err := evm.ParseTypedData([]byte(text))
	if err != nil {
		return nil, err
	}
	decision, err := k.evm.CheckTypedData(d)
	if err != nil {
		return nil, err
	}
	return &work{decision: decision, hash: d.SigHash(), answer: k.answerRSV(27)}, nil
}

func judgeBlock(k *key, text string) (*work, error) {
	p, err := evm.ParseBlock([]byte(text))
	if err != nil {
		return nil, err
	}
	if err := requireSender(k, p.Sender); err != nil {
		return nil, err
	}
	decision, err := k.evm.CheckBlock(p)
	if err != nil {
		return nil, err
	}
	return &work{decision: decision, hash: p.SigHash(), block: true, answer: k.answerRSV(0)}, nil
}

// judgePreimage is for clients that send what they would have hashed: it is decoded
// and judged as what it is.
func judgePreimage(k *key, text string) (*work, error) {
	raw, err := decodeHex(text)
	if err != nil {
		return nil, err
	}
	tx, message, err := evm.ParsePreimage(raw)
	if err != nil {
		return nil, err
	}
	if tx == nil {
		return judgeDecodedMessage(k, message)
	}
	decision, err := k.evm.CheckTx(tx)
	if err != nil {
		return nil, err
	}
	return &work{decision: decision, hash: tx.SigHash(), tx: tx, answer: k.answerRSV(27)}, nil
}

// answerRSV answers R‖S‖V with v counted from base.
func (k *key) answerRSV(base byte) func(*signature) (map[string]any, error) {
	return func(s *signature) (map[string]any, error) {
		return map[string]any{"signature": "0x" + hex.EncodeToString(append(s.compact[:], base+s.recovery)), "sender": k.ethereum}, nil
	}
}

func judgeDoc(k *key, text string) (*work, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("must be base64")
	}
	d, err := cosmos.Decode(raw)
	if err != nil {
		return nil, err
	}
	public := k.public.SerializeCompressed()
	if len(d.PublicKey) > 0 && string(d.PublicKey) != string(public) {
		return nil, refuse("sender_not_key", "public_key", "send it to the key that it names", "the document names another key as its signer")
	}
	decision, err := k.cosmos.CheckDoc(d)
	if err != nil {
		return nil, err
	}
	return &work{decision: decision, hash: d.SigHash(), answer: func(s *signature) (map[string]any, error) {
		return map[string]any{
			"signature":  base64.StdEncoding.EncodeToString(s.compact[:]),
			"public_key": hex.EncodeToString(public),
		}, nil
	}}, nil
}
