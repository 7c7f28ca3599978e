package cosmos_test

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/secp256k1/cosmos"
	to "github.com/banhbaoring/banhbaoring/secp256k1/cosmos/cosmostest"
)

func TestASignDocIsDecoded(t *testing.T) {
	key := append([]byte{2}, make([]byte, 32)...)
	raw := to.Doc{Messages: [][]byte{to.PayForBlobs("celestia1me"), to.Send("celestia1me", "celestia1you", "12", "utia")}, Memo: "m", Fee: "3", Gas: 4, Granter: "celestia1g", PublicKey: key, Sequence: 5}.Encode()
	d, err := cosmos.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if d.ChainID != "mocha-4" || d.AccountNumber != 7 || d.Sequence != 5 || d.Memo != "m" || d.GasLimit != 4 || d.Granter != "celestia1g" || d.Payer != "" || !bytes.Equal(d.PublicKey, key) {
		t.Errorf("%+v", d)
	}
	if len(d.Messages) != 2 || d.Messages[1].Recipients[0] != "celestia1you" || d.Messages[1].Coins[0].Denom != "utia" || d.Messages[1].Coins[0].Amount.Int64() != 12 || d.Fee[0].Amount.Int64() != 3 {
		t.Errorf("%+v", d)
	}
	if d.SigHash() != sha256.Sum256(raw) {
		t.Error("the hash is another's")
	}
}

func TestSignDocsThatAreNotSigned(t *testing.T) {
	pfb := to.PayForBlobs("celestia1me")
	body, auth := to.Bytes(1, to.Bytes(1, pfb)), to.Bytes(2, to.Join(to.Bytes(1, to.Bytes(2, to.Bytes(1, to.Number(1, 1)))), to.Bytes(2, nil)))
	mode := func(n uint64) []byte { return to.Bytes(2, to.Bytes(1, to.Bytes(2, to.Bytes(1, to.Number(1, n))))) }
	if _, err := cosmos.Decode(to.Join(body, auth, to.Text(3, "c"))); err != nil {
		t.Fatal(err)
	}
	send := func(fields ...[]byte) []byte {
		return to.Doc{Messages: [][]byte{to.Any("/cosmos.bank.v1beta1.MsgSend", to.Join(fields...))}}.Encode()
	}
	for _, c := range []struct {
		what string
		doc  []byte
		want string
	}{
		{"nothing", nil, "chain_id must be"},
		{"no message", to.Join(auth, to.Text(3, "c")), "must have a message"},
		{"an unknown field", to.Join(body, auth, to.Text(3, "c"), to.Number(5, 1)), "field 5, which is not known"},
		{"fields out of order", to.Join(auth, body, to.Text(3, "c")), "out of order"},
		{"a field twice", to.Join(body, body, auth, to.Text(3, "c")), "twice"},
		{"a number that is not in its shortest form", to.Join(body, auth, to.Text(3, "c"), []byte{4 << 3, 0x81, 0x00}), "shortest form"},
		{"cut short", to.Join(body, auth, to.Text(3, "c"))[:50], "cut short"},
		{"another wire type", to.Join(to.Number(1, 1), auth, to.Text(3, "c")), "wire type"},
		{"a chain that is not UTF-8", to.Join(body, auth, to.Bytes(3, []byte{0xff})), "not UTF-8"},
		{"a chain with a space", to.Join(body, auth, to.Text(3, "a b")), "chain_id must be"},
		{"no signer", to.Join(body, to.Bytes(2, to.Bytes(2, nil)), to.Text(3, "c")), "one signer (got 0)"},
		{"two signers", to.Join(body, to.Bytes(2, to.Join(to.Bytes(1, nil), to.Bytes(1, nil))), to.Text(3, "c")), "one signer (got 2)"},
		{"amino", to.Join(body, mode(127), to.Text(3, "c")), "SIGN_MODE_DIRECT (got mode 127)"},
		{"a multisignature", to.Join(body, to.Bytes(2, to.Bytes(1, to.Bytes(2, to.Bytes(2, nil)))), to.Text(3, "c")), "field 2, which is not known"},
		{"another key's type", to.Join(body, to.Bytes(2, to.Bytes(1, to.Join(to.Bytes(1, to.Any("/cosmos.crypto.ed25519.PubKey", nil)), to.Bytes(2, to.Bytes(1, to.Number(1, 1)))))), to.Text(3, "c")), "public_key must be"},
		{"a tip", to.Join(body, to.Bytes(2, to.Join(to.Bytes(1, to.Bytes(2, to.Bytes(1, to.Number(1, 1)))), to.Bytes(2, nil), to.Bytes(3, nil))), to.Text(3, "c")), "field 3, which is not known"},
		{"an extension", to.Doc{Messages: [][]byte{pfb}, Body: to.Bytes(1023, nil)}.Encode(), "field 1023"},
		{"a message within a message", to.Doc{Messages: [][]byte{to.Any("/cosmos.authz.v1beta1.MsgExec", to.Join(to.Text(1, "a"), to.Bytes(2, pfb)))}}.Encode(), "no message that can be judged"},
		{"an interchain account", to.Doc{Messages: [][]byte{to.Any("/ibc.applications.interchain_accounts.controller.v1.MsgSendTx", nil)}}.Encode(), "no message that can be judged"},
		{"an allowance of another kind", to.Doc{Messages: [][]byte{to.Any("/cosmos.feegrant.v1beta1.MsgGrantAllowance", to.Join(to.Text(1, "a"), to.Text(2, "b"), to.Bytes(3, to.Any("/cosmos.feegrant.v1beta1.PeriodicAllowance", nil))))}}.Encode(), "allowance must be"},
		{"a memo of IBC, which can send coins on", to.Doc{Messages: [][]byte{to.Any("/ibc.applications.transfer.v1.MsgTransfer", to.Join(to.Text(5, "r"), to.Text(8, "{}")))}}.Encode(), "field 8"},
		{"no recipient", send(to.Text(1, "a")), "to_address must be an address"},
		{"a recipient that looks like another fact", send(to.Text(2, "a\rrule=b")), "to_address must be an address"},
		{"a chain of two lines", to.Join(body, auth, to.Text(3, "a\nb")), "chain_id must be"},
		{"a recipient with a space", send(to.Text(2, "a b")), "to_address must be an address"},
		{"a negative amount", send(to.Text(2, "a"), to.Bytes(3, to.Join(to.Text(1, "utia"), to.Text(2, "-1")))), "whole number"},
		{"an amount with a zero", send(to.Text(2, "a"), to.Bytes(3, to.Join(to.Text(1, "utia"), to.Text(2, "01")))), "whole number"},
		{"a coin twice", send(to.Text(2, "a"), to.Bytes(3, to.Join(to.Text(1, "utia"), to.Text(2, "1"))), to.Bytes(3, to.Join(to.Text(1, "utia"), to.Text(2, "1")))), "twice"},
	} {
		_, err := cosmos.Decode(c.doc)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v (want %s)", c.what, err, c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(to.Doc{Messages: [][]byte{to.PayForBlobs("a"), to.Send("a", "b", "1", "c"), to.Grant("a", "b", "1", "c"), to.Delegate("a", "b", "1", "c")}, Memo: "m", Fee: "1", Gas: 1, Granter: "g", PublicKey: make([]byte, 33)}.Encode())
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := cosmos.Decode(raw)
		if err == nil && (d.ChainID == "" || len(d.Messages) == 0 || d.SigHash() != sha256.Sum256(raw)) {
			t.Errorf("%x: %+v", raw, d)
		}
	})
}
