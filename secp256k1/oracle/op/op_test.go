// Package op holds the engine's block payloads against the OP Stack's own client code.
package op

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/ethereum-optimism/optimism/op-service/eth"
	"github.com/ethereum-optimism/optimism/op-service/signer"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/banhbaoring/banhbaoring/secp256k1/evm"
)

// verify signs a block as the engine read it from a client's arguments, and has the OP
// Stack verify it as its nodes verify gossip.
func verify(t *testing.T, arguments any, chain uint64, payload common.Hash) {
	t.Helper()
	text, err := json.Marshal(arguments)
	if err != nil {
		t.Fatal(err)
	}
	block, err := evm.ParseBlock(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	key, err := crypto.HexToECDSA("4646464646464646464646464646464646464646464646464646464646464646")
	if err != nil {
		t.Fatal(err)
	}
	hash := block.SigHash()
	signature, err := crypto.Sign(hash[:], key)
	if err != nil {
		t.Fatal(err)
	}
	auth := signer.OPStackP2PBlockAuthV1{Allowed: crypto.PubkeyToAddress(key.PublicKey), Chain: eth.ChainIDFromUInt64(chain)}
	if err := auth.VerifyP2PBlockSignature(payload, eth.Bytes65(signature)); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if payload[0] ^= 1; auth.VerifyP2PBlockSignature(payload, eth.Bytes65(signature)) == nil {
		t.Fatalf("%s: another payload verifies", text)
	}
}

func TestBlockPayloadsVerifyAsTheOPStacksNodesDo(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		chain := r.Uint64()>>r.IntN(63)>>1%evm.MaxChainID + 1
		payload := make([]byte, r.IntN(100))
		for i := range payload {
			payload[i] = byte(r.Uint32())
		}
		hash := signer.PayloadHash(payload)
		sender := common.Address{byte(chain)}
		id := eth.ChainIDFromUInt64(chain)
		verify(t, signer.NewBlockPayloadArgs(signer.SigningDomainBlocksV1, id.ToBig(), payload, &sender), chain, hash)
		verify(t, signer.BlockPayloadArgsV2{ChainID: id, PayloadHash: hash, SenderAddress: &sender}, chain, hash)
	}
}
