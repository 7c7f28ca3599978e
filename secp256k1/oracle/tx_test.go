// Package oracle holds the engine's own readers and writers against the chains'
// implementations, which the engine itself does not carry.
package oracle

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"
	"github.com/holiman/uint256"

	"github.com/banhbaoring/banhbaoring/secp256k1/evm"
)

const perType = 3000

// generator makes transactions from a seed. Sizes are chosen where encodings change:
// zero, one byte, 55 and 56 bytes, whole words.
type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator { return generator{rand.New(rand.NewPCG(seed, 1))} }

func (g generator) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.Uint32())
	}
	return b
}

func (g generator) data() []byte {
	sizes := []int{0, 0, 1, 3, 4, 5, 31, 32, 55, 56, 57, 68, 255, 256, 257, 1000}
	b := g.bytes(sizes[g.IntN(len(sizes))])
	if len(b) == 1 && g.IntN(2) == 0 {
		b[0] = byte(g.IntN(3)) * 0x7f
	}
	return b
}

func (g generator) uint64() uint64 { return g.Uint64() >> g.IntN(64) >> g.IntN(2) }

func (g generator) chain() uint64 { return g.uint64()%evm.MaxChainID + 1 }

func (g generator) big() *big.Int {
	return new(big.Int).SetBytes(g.bytes([]int{0, 1, 2, 8, 9, 16, 31, 32}[g.IntN(8)]))
}

func (g generator) address() common.Address { return common.Address(g.bytes(20)) }

func (g generator) to() *common.Address {
	if g.IntN(5) == 0 {
		return nil
	}
	a := g.address()
	return &a
}

// fees are a tip and a cap that is not below it.
func (g generator) fees() (tip, most *big.Int) {
	tip, most = g.big(), g.big()
	if tip.Cmp(most) > 0 {
		return most, tip
	}
	return tip, most
}

func (g generator) accessList() types.AccessList {
	list := types.AccessList{}
	for range g.IntN(4) {
		tuple := types.AccessTuple{Address: g.address(), StorageKeys: []common.Hash{}}
		for range g.IntN(3) {
			tuple.StorageKeys = append(tuple.StorageKeys, common.Hash(g.bytes(32)))
		}
		list = append(list, tuple)
	}
	return list
}

func u256(n *big.Int) *uint256.Int { return uint256.MustFromBig(n) }

// tx is a transaction of a type, for a chain.
func (g generator) tx(kind uint8) (*types.Transaction, uint64) {
	chain := g.chain()
	id := new(big.Int).SetUint64(chain)
	tip, most := g.fees()
	switch kind {
	case types.LegacyTxType:
		return types.NewTx(&types.LegacyTx{Nonce: g.uint64(), GasPrice: most, Gas: g.uint64(), To: g.to(), Value: g.big(), Data: g.data()}), chain
	case types.AccessListTxType:
		return types.NewTx(&types.AccessListTx{ChainID: id, Nonce: g.uint64(), GasPrice: most, Gas: g.uint64(), To: g.to(), Value: g.big(), Data: g.data(), AccessList: g.accessList()}), chain
	case types.DynamicFeeTxType:
		return types.NewTx(&types.DynamicFeeTx{ChainID: id, Nonce: g.uint64(), GasTipCap: tip, GasFeeCap: most, Gas: g.uint64(), To: g.to(), Value: g.big(), Data: g.data(), AccessList: g.accessList()}), chain
	case types.BlobTxType:
		inner := &types.BlobTx{ChainID: u256(id), Nonce: g.uint64(), GasTipCap: u256(tip), GasFeeCap: u256(most), Gas: g.uint64(), To: g.address(), Value: u256(g.big()), Data: g.data(), AccessList: g.accessList(), BlobFeeCap: u256(g.big())}
		for range 1 + g.IntN(6) {
			h := common.Hash(g.bytes(32))
			h[0] = 1
			inner.BlobHashes = append(inner.BlobHashes, h)
		}
		return types.NewTx(inner), chain
	}
	inner := &types.SetCodeTx{ChainID: u256(id), Nonce: g.uint64(), GasTipCap: u256(tip), GasFeeCap: u256(most), Gas: g.uint64(), To: g.address(), Value: u256(g.big()), Data: g.data(), AccessList: g.accessList()}
	for range 1 + g.IntN(3) {
		inner.AuthList = append(inner.AuthList, types.SetCodeAuthorization{ChainID: *u256(new(big.Int).SetUint64(g.chain() * uint64(g.IntN(2)))), Address: g.address(), Nonce: g.uint64(), V: uint8(g.IntN(2)), R: *u256(g.big()), S: *u256(g.big())})
	}
	return types.NewTx(inner), chain
}

// unsigned is what a wallet hashes, from geth's own encoding of the signed transaction: its
// list without the last three items, and for EIP-155 with the chain's id and two zeros.
func unsigned(t *testing.T, tx *types.Transaction, chain uint64) []byte {
	t.Helper()
	raw, err := tx.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var prefix []byte
	if tx.Type() != types.LegacyTxType {
		prefix, raw = raw[:1], raw[1:]
	}
	var items []rlp.RawValue
	if err := rlp.DecodeBytes(raw, &items); err != nil {
		t.Fatal(err)
	}
	items = items[:len(items)-3]
	if prefix == nil {
		id, _ := rlp.EncodeToBytes(chain)
		items = append(items, id, rlp.RawValue{0x80}, rlp.RawValue{0x80})
	}
	list, err := rlp.EncodeToBytes(items)
	if err != nil {
		t.Fatal(err)
	}
	return append(prefix, list...)
}

func signer(chain uint64) types.Signer {
	return types.LatestSignerForChainID(new(big.Int).SetUint64(chain))
}

func key(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := crypto.HexToECDSA("4646464646464646464646464646464646464646464646464646464646464646")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// same fails unless the engine hashes and encodes tx as geth does.
func same(t *testing.T, tx *evm.Tx, want *types.Transaction, chain uint64) {
	t.Helper()
	hash := signer(chain).Hash(want)
	if got := tx.SigHash(); common.Hash(got) != hash {
		t.Fatalf("type %d: hash is %s, geth's %s: %+v", want.Type(), got, hash, tx)
	}
	signature, err := crypto.Sign(hash[:], key(t))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := want.WithSignature(signer(chain), signature)
	if err != nil {
		t.Fatal(err)
	}
	wantRaw, err := signed.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	raw, txHash := tx.Encode([32]byte(signature[:32]), [32]byte(signature[32:64]), signature[64])
	if !bytes.Equal(raw, wantRaw) || common.Hash(txHash) != signed.Hash() {
		t.Fatalf("type %d: raw transaction is\n%x, geth's\n%x", want.Type(), raw, wantRaw)
	}
}

func TestTransactionsAreDecodedHashedAndEncodedAsGethDoes(t *testing.T) {
	for kind := uint8(0); kind <= types.SetCodeTxType; kind++ {
		g := newGenerator(uint64(kind))
		for range perType {
			want, chain := g.tx(kind)
			bytes := unsigned(t, want, chain)
			tx, err := evm.Decode(bytes)
			if err != nil {
				t.Fatalf("type %d: %x: %v", kind, bytes, err)
			}
			same(t, tx, want, chain)
			maxFee := want.Cost()
			maxFee.Sub(maxFee, want.Value())
			if tx.MaxFee().Cmp(maxFee) != 0 {
				t.Fatalf("type %d: fee is %s at most, geth's cost says %s", kind, tx.MaxFee(), maxFee)
			}
		}
	}
}

func TestArgumentsMakeTheTransactionThatGethMakesOfThem(t *testing.T) {
	for kind := uint8(0); kind <= types.SetCodeTxType; kind++ {
		g := newGenerator(100 + uint64(kind))
		for range perType {
			want, chain := g.tx(kind)
			text := arguments(t, g, want, chain)
			tx, from, err := evm.ParseArgs(text)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if from == nil {
				t.Fatalf("%s: no from", text)
			}
			same(t, tx, want, chain)
			if kind == types.SetCodeTxType { // geth's arguments have no authorisations
				continue
			}
			var args apitypes.SendTxArgs
			if err := json.Unmarshal(text, &args); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			made, err := args.ToTransaction()
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			same(t, tx, made, chain)
		}
	}
}

// arguments are SendTxArgs of a transaction, from geth's own JSON of it.
func arguments(t *testing.T, g generator, tx *types.Transaction, chain uint64) []byte {
	t.Helper()
	text, err := tx.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"hash", "v", "r", "s", "yParity"} {
		delete(fields, name)
	}
	fields["from"] = g.address().Hex()
	fields["chainId"] = "0x" + new(big.Int).SetUint64(chain).Text(16)
	if g.IntN(2) == 0 {
		fields["data"] = fields["input"]
	}
	if g.IntN(2) == 0 {
		delete(fields, "type")
	}
	if tx.Type() >= types.DynamicFeeTxType && g.IntN(2) == 0 {
		fields["gasPrice"] = "0x1" // counts for nothing
	}
	text, err = json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
