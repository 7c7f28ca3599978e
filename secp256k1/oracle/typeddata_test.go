package oracle

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"

	"github.com/banhbaoring/banhbaoring/secp256k1/evm"
)

// fieldTypes are the types of a generated struct's fields; those below each may be listed.
var fieldTypes = []string{"uint8", "uint256", "int16", "int256", "address", "bool", "bytes4", "bytes32", "bytes", "string"}

func (g generator) value(kind string) any {
	switch {
	case strings.HasSuffix(kind, "[]"), strings.HasSuffix(kind, "[2]"):
		n := 2
		if strings.HasSuffix(kind, "[]") {
			n = g.IntN(4)
		}
		list := make([]any, n)
		for i := range list {
			list[i] = g.value(kind[:strings.LastIndexByte(kind, '[')])
		}
		return list
	case kind == "bool":
		return g.IntN(2) == 0
	case kind == "string":
		return hex.EncodeToString(g.data()) + "é\"\n"
	case kind == "bytes":
		return "0x" + hex.EncodeToString(g.data())
	case strings.HasPrefix(kind, "bytes"):
		var n int
		_, _ = fmt.Sscanf(kind, "bytes%d", &n)
		return "0x" + hex.EncodeToString(g.bytes(n))
	case kind == "address":
		return g.address().Hex()
	case strings.HasPrefix(kind, "uint"):
		n := new(big.Int).SetBytes(g.bytes(1))
		if kind == "uint256" {
			n = g.big()
		}
		if g.IntN(2) == 0 {
			return "0x" + n.Text(16)
		}
		return n.String()
	case kind == "int16":
		return g.IntN(1<<16) - 1<<15
	}
	n := g.big()
	if n.Rsh(n, 1); g.IntN(2) == 0 {
		n.Neg(n)
	}
	return n.String()
}

// typedData is typed data of a few structs that refer to those after them.
func (g generator) typedData() map[string]any {
	names := []string{"Mail", "Person", "Asset", "Leaf"}
	structs := map[string]any{"EIP712Domain": []map[string]string{
		{"name": "name", "type": "string"}, {"name": "version", "type": "string"}, {"name": "chainId", "type": "uint256"},
		{"name": "verifyingContract", "type": "address"}, {"name": "salt", "type": "bytes32"},
	}}
	fields := map[string][]map[string]string{}
	for i, name := range names {
		for j := range 1 + g.IntN(4) {
			kind := fieldTypes[g.IntN(len(fieldTypes))]
			if i+1 < len(names) && g.IntN(3) == 0 {
				kind = names[i+1+g.IntN(len(names)-i-1)]
			}
			kind += []string{"", "", "", "[]", "[2]", "[2][]"}[g.IntN(6)]
			fields[name] = append(fields[name], map[string]string{"name": fmt.Sprintf("f%d", j), "type": kind})
		}
		structs[name] = fields[name]
	}
	var object func(name string) map[string]any
	var value func(kind string) any
	value = func(kind string) any {
		base, _, isList := strings.Cut(kind, "[")
		switch {
		case fields[base] == nil:
			return g.value(kind)
		case !isList:
			return object(base)
		}
		n := 2
		if strings.HasSuffix(kind, "[]") {
			n = g.IntN(3)
		}
		list := make([]any, n)
		for i := range list {
			list[i] = value(kind[:strings.LastIndexByte(kind, '[')])
		}
		return list
	}
	object = func(name string) map[string]any {
		o := map[string]any{}
		for _, field := range fields[name] {
			o[field["name"]] = value(field["type"])
		}
		return o
	}
	return map[string]any{
		"types": structs, "primaryType": "Mail", "message": object("Mail"),
		"domain": map[string]any{"name": "n", "version": "1", "chainId": fmt.Sprint(g.chain()), "verifyingContract": g.address().Hex(), "salt": "0x" + hex.EncodeToString(g.bytes(32))},
	}
}

func TestTypedDataHasTheHashThatGethGivesIt(t *testing.T) {
	g := newGenerator(712)
	for range perType {
		text, err := json.Marshal(g.typedData())
		if err != nil {
			t.Fatal(err)
		}
		var want apitypes.TypedData
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		hash, _, err := apitypes.TypedDataAndHash(want)
		if err != nil {
			t.Fatalf("%s: geth: %v", text, err)
		}
		got, err := evm.ParseTypedData(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if h := got.SigHash(); common.Hash(h) != common.BytesToHash(hash) {
			t.Fatalf("%s: hash is %s, geth's %x", text, h, hash)
		}
		if encoded := string(want.EncodeType("Mail")); got.EncodeType != encoded {
			t.Fatalf("type is %s, geth's %s", got.EncodeType, encoded)
		}
	}
}

func TestMessagesHaveTheHashThatGethGivesThem(t *testing.T) {
	g := newGenerator(191)
	for range perType {
		message := g.data()
		hash, text := accounts.TextAndHash(message)
		if got := evm.Message(message).SigHash(); common.Hash(got) != common.BytesToHash(hash) {
			t.Fatalf("%x: hash is %s, geth's %x", message, got, hash)
		}
		_, read, err := evm.ParsePreimage([]byte(text))
		if err != nil || string(read) != string(message) {
			t.Fatalf("%q: %q, %v", text, read, err)
		}
	}
}

func TestAuthorisationsHaveTheHashThatGethGivesThem(t *testing.T) {
	g := newGenerator(7702)
	for range perType {
		chain, nonce, to := g.chain()*uint64(g.IntN(2)), g.uint64(), g.address()
		signed, err := types.SignSetCode(key(t), types.SetCodeAuthorization{ChainID: *u256(new(big.Int).SetUint64(chain)), Address: to, Nonce: nonce})
		if err != nil {
			t.Fatal(err)
		}
		a := evm.Authorization{ChainID: chain, Address: evm.Address(to), Nonce: nonce}
		hash := a.SigHash()
		r, s := signed.R.Bytes32(), signed.S.Bytes32()
		public, err := crypto.SigToPub(hash[:], append(append(r[:], s[:]...), signed.V))
		if err != nil || crypto.PubkeyToAddress(*public) != crypto.PubkeyToAddress(key(t).PublicKey) {
			t.Fatalf("%+v: geth's signature is for another hash", a)
		}
	}
}

// gethTakes reports whether geth reads the unsigned bytes of a typed transaction, once an empty
// signature stands behind them, or a legacy one's list; and the rules that geth's pool has
// beyond its decoder.
func gethTakes(unsigned []byte) error {
	var prefix []byte
	list := unsigned
	if len(list) > 0 && list[0] < 0xc0 {
		prefix, list = list[:1], list[1:]
	}
	var items []rlp.RawValue
	if err := rlp.DecodeBytes(list, &items); err != nil {
		return err
	}
	if prefix == nil {
		if len(items) != 9 || string(items[7]) != "\x80" || string(items[8]) != "\x80" {
			return errors.New("no list of EIP-155")
		}
		var id uint64
		if err := rlp.DecodeBytes(items[6], &id); err != nil || id > evm.MaxChainID {
			return errors.New("chain id")
		}
		items = items[:6]
	}
	items = append(items, rlp.RawValue{0x80}, rlp.RawValue{0x80}, rlp.RawValue{0x80})
	signed, err := rlp.EncodeToBytes(items)
	if err != nil {
		return err
	}
	var tx types.Transaction
	if err := tx.UnmarshalBinary(append(prefix, signed...)); err != nil {
		return err
	}
	switch {
	case tx.Type() != types.LegacyTxType && (!tx.ChainId().IsUint64() || tx.ChainId().Uint64() > evm.MaxChainID):
		return errors.New("chain id")
	case tx.Value().BitLen() > 256 || tx.GasFeeCap().BitLen() > 256:
		return errors.New("amount")
	case tx.GasTipCap().Cmp(tx.GasFeeCap()) > 0:
		return errors.New("tip above cap")
	case tx.Type() == types.BlobTxType && len(tx.BlobHashes()) == 0:
		return errors.New("no blobs")
	case tx.Type() == types.SetCodeTxType && len(tx.SetCodeAuthorizations()) == 0:
		return errors.New("no authorisations")
	}
	for _, h := range tx.BlobHashes() {
		if h[0] != 1 {
			return errors.New("blob version")
		}
	}
	for _, a := range tx.SetCodeAuthorizations() {
		if !a.ChainID.IsUint64() {
			return errors.New("chain id of an authorisation")
		}
	}
	return nil
}

func TestWhatGethTakesTheEngineTakesAndNothingElse(t *testing.T) {
	taken, refused := 0, 0
	for kind := uint8(0); kind <= types.SetCodeTxType; kind++ {
		g := newGenerator(200 + uint64(kind))
		for range 4 * perType {
			tx, chain := g.tx(kind)
			b := g.mutate(unsigned(t, tx, chain))
			_, err := evm.Decode(b)
			want := gethTakes(b)
			if (err == nil) != (want == nil) {
				t.Fatalf("%x: %v, geth: %v", b, err, want)
			}
			if err == nil {
				taken++
			} else {
				refused++
			}
		}
	}
	t.Logf("%d taken, %d refused", taken, refused)
	if taken < perType || refused < perType {
		t.Errorf("%d taken and %d refused say too little", taken, refused)
	}
}

// mutate changes bytes, or lengths, or nothing.
func (g generator) mutate(b []byte) []byte {
	b = append([]byte{}, b...)
	at := g.IntN(len(b))
	if g.IntN(2) == 0 {
		at = g.IntN(min(len(b), 12))
	}
	switch g.IntN(6) {
	case 0:
		b[at] = byte(g.Uint32())
	case 1:
		b[at] ^= 1 << g.IntN(8)
	case 2:
		b = append(b[:at], b[at+1:]...)
	case 3:
		b = append(b[:at], append([]byte{0}, b[at:]...)...)
	case 4:
		b = append(b, 0)
	}
	return b
}
