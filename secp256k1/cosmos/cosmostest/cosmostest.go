// Package cosmostest writes SignDocs for tests, field by field: by hand, since the
// decoder must not be tested with an encoder that shares its tables.
package cosmostest

import "encoding/binary"

// Doc is a SignDoc of one signer.
type Doc struct {
	Chain          string // mocha-4 unless it is given
	Messages       [][]byte
	Memo           string
	Fee            string // of utia
	Gas            uint64
	Payer, Granter string
	PublicKey      []byte
	Sequence       uint64
	Body           []byte // appended to the body
}

// Bytes is a field of bytes, also of a nested message. One that is empty is written too.
func Bytes(number int, content []byte) []byte {
	b := binary.AppendUvarint(nil, uint64(number)<<3|2)
	return append(binary.AppendUvarint(b, uint64(len(content))), content...)
}

// Text is a field of text; none where it is empty.
func Text(number int, text string) []byte {
	if text == "" {
		return nil
	}
	return Bytes(number, []byte(text))
}

// Number is a field of a number; none where it is 0.
func Number(number int, n uint64) []byte {
	if n == 0 {
		return nil
	}
	return binary.AppendUvarint(binary.AppendUvarint(nil, uint64(number)<<3), n)
}

// Join is fields one after another.
func Join(fields ...[]byte) (all []byte) {
	for _, f := range fields {
		all = append(all, f...)
	}
	return all
}

// Any is a google.protobuf.Any.
func Any(url string, value []byte) []byte { return Join(Text(1, url), Bytes(2, value)) }

func coin(amount, denom string) []byte { return Join(Text(1, denom), Text(2, amount)) }

// PayForBlobs is celestia.blob.v1.MsgPayForBlobs.
func PayForBlobs(signer string) []byte {
	return Any("/celestia.blob.v1.MsgPayForBlobs", Join(Text(1, signer), Bytes(2, make([]byte, 29)), Bytes(3, []byte{100}), Bytes(4, make([]byte, 32)), Bytes(8, []byte{0})))
}

// Send is cosmos.bank.v1beta1.MsgSend.
func Send(from, to, amount, denom string) []byte {
	return Any("/cosmos.bank.v1beta1.MsgSend", Join(Text(1, from), Text(2, to), Bytes(3, coin(amount, denom))))
}

// Delegate is cosmos.staking.v1beta1.MsgDelegate.
func Delegate(from, to, amount, denom string) []byte {
	return Any("/cosmos.staking.v1beta1.MsgDelegate", Join(Text(1, from), Text(2, to), Bytes(3, coin(amount, denom))))
}

// Grant is cosmos.feegrant.v1beta1.MsgGrantAllowance of a basic allowance; without an
// amount it has no limit.
func Grant(granter, grantee, amount, denom string) []byte {
	var limit []byte
	if amount != "" {
		limit = Bytes(1, coin(amount, denom))
	}
	return Any("/cosmos.feegrant.v1beta1.MsgGrantAllowance", Join(Text(1, granter), Text(2, grantee), Bytes(3, Any("/cosmos.feegrant.v1beta1.BasicAllowance", limit))))
}

// Encode is the document's bytes.
func (d Doc) Encode() []byte {
	if d.Chain == "" {
		d.Chain = "mocha-4"
	}
	var body []byte
	for _, m := range d.Messages {
		body = append(body, Bytes(1, m)...)
	}
	body = append(append(body, Text(2, d.Memo)...), d.Body...)
	var fee []byte
	if d.Fee != "" {
		fee = Bytes(1, coin(d.Fee, "utia"))
	}
	fee = Join(fee, Number(2, d.Gas), Text(3, d.Payer), Text(4, d.Granter))
	var key []byte
	if d.PublicKey != nil {
		key = Bytes(1, Any("/cosmos.crypto.secp256k1.PubKey", Bytes(1, d.PublicKey)))
	}
	signer := Join(key, Bytes(2, Bytes(1, Number(1, 1))), Number(3, d.Sequence))
	auth := Join(Bytes(1, signer), Bytes(2, fee))
	return Join(Bytes(1, body), Bytes(2, auth), Text(3, d.Chain), Number(4, 7))
}
