// Package op has the OP Stack's own client sign through the signer and a real OpenBao.
package op

import (
	"context"
	"math/big"
	"net/http"
	"strings"
	"testing"

	"github.com/ethereum-optimism/optimism/op-service/eth"
	"github.com/ethereum-optimism/optimism/op-service/signer"
	optls "github.com/ethereum-optimism/optimism/op-service/tls"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/log"
	"github.com/holiman/uint256"

	"github.com/banhbaoring/banhbaoring/controlplane/internal/realbao"
)

var (
	chain = big.NewInt(901)
	inbox = common.HexToAddress("0xff00000000000000000000000000000000000901")
)

const policy = `{"rules": [{"name": "inbox", "chain": 901, "to": "0xff00000000000000000000000000000000000901", "selectors": "any"}],
	"types": ["eip1559", "blob", "eip7702"], "blocks": {"chainIDs": [901]},
	"fees": {"maxGas": 2000000, "maxFeePerGas": "500gwei", "maxPriorityFeePerGas": "50gwei", "maxFeePerBlobGas": "500gwei", "maxTotalFee": "2ether"}}`

// stack is a signer with a key, and how op-batcher is set up for it.
func stack(t *testing.T) (config signer.CLIConfig, keyed signer.CLIConfig, address common.Address) {
	t.Helper()
	s := realbao.StartStack(realbao.Start(t, 1), nil)
	s.Tenant("rollup")
	mtls, key := s.NewMTLS("rollup", "op-batcher"), s.NewAPIKey("rollup", "op-proposer")
	made := s.NewKey("rollup", "batcher", map[string]any{"type": "evm", "policy": policy, "clients": realbao.ClientsOf(mtls, key)})
	address = common.HexToAddress(made["eth_address"].(string))
	config = signer.CLIConfig{Endpoint: s.MTLS, Address: address.Hex(), TLSConfig: optls.CLIConfig{
		Enabled: true, TLSCaCert: s.Authority.File, TLSCert: mtls.Pair.Certificate, TLSKey: mtls.Pair.Key,
	}}
	// With an API key its client still wants a certificate, which this port does not ask for.
	keyed = config
	keyed.Endpoint, keyed.Headers = s.Key, http.Header{"X-Api-Key": {key.APIKey}}
	return config, keyed, address
}

func TestTransactionsAndBlocksOfTheOPStack(t *testing.T) {
	config, keyed, address := stack(t)
	for name, config := range map[string]signer.CLIConfig{"mtls": config, "api key": keyed} {
		client, err := signer.NewSignerClientFromConfig(log.NewLogger(log.DiscardHandler()), config)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		defer client.Close()
		for kind, tx := range map[string]types.TxData{
			"calldata": &types.DynamicFeeTx{ChainID: chain, Nonce: 1, GasTipCap: big.NewInt(1), GasFeeCap: big.NewInt(2e9), Gas: 100000, To: &inbox, Data: make([]byte, 100000)},
			"blobs": &types.BlobTx{
				ChainID: uint256.NewInt(901), Nonce: 2, GasTipCap: uint256.NewInt(1), GasFeeCap: uint256.NewInt(2e9), Gas: 21000, To: inbox,
				BlobFeeCap: uint256.NewInt(1e9), BlobHashes: []common.Hash{{1, 2}, {1, 3}},
			},
		} {
			want := types.NewTx(tx)
			got, err := client.SignTransaction(context.Background(), chain, address, want)
			if err != nil {
				t.Errorf("%s, %s: %v", name, kind, err)
				continue
			}
			verifier := types.LatestSignerForChainID(chain)
			if from, err := types.Sender(verifier, got); err != nil || from != address || verifier.Hash(got) != verifier.Hash(want) {
				t.Errorf("%s, %s: from %v, %v", name, kind, from, err)
			}
		}
		stray := types.NewTx(&types.DynamicFeeTx{ChainID: chain, GasTipCap: big.NewInt(1), GasFeeCap: big.NewInt(1), Gas: 21000, To: &common.Address{1}})
		if _, err := client.SignTransaction(context.Background(), chain, address, stray); err == nil || !strings.Contains(err.Error(), "recipient_not_allowed") || !strings.Contains(err.Error(), "remedy: ") {
			t.Errorf("%s: another recipient: got %v", name, err)
		}
		verifyBlocks(t, config, client, address)
	}
}

func verifyBlocks(t *testing.T, config signer.CLIConfig, client *signer.SignerClient, address common.Address) {
	t.Helper()
	id := eth.ChainIDFromBig(chain)
	payload := signer.PayloadHash([]byte("a block"))
	auth := signer.OPStackP2PBlockAuthV1{Allowed: address, Chain: id}
	remote, err := signer.NewRemoteSigner(log.NewLogger(log.DiscardHandler()), config)
	if err != nil {
		t.Fatal(err)
	}
	defer remote.Close()
	one, err := remote.SignBlockV1(context.Background(), id, payload)
	if err != nil {
		t.Fatal(err)
	}
	two, err := client.SignBlockPayloadV2(context.Background(), &signer.BlockPayloadArgsV2{ChainID: id, PayloadHash: payload, SenderAddress: &address})
	if err != nil {
		t.Fatal(err)
	}
	for version, signature := range []eth.Bytes65{one, two} {
		if err := auth.VerifyP2PBlockSignature(payload, signature); err != nil {
			t.Errorf("version %d: %v", version+1, err)
		}
	}
	if _, err := remote.SignBlockV1(context.Background(), eth.ChainIDFromUInt64(902), payload); err == nil || !strings.Contains(err.Error(), "chain_not_allowed") {
		t.Errorf("another chain: got %v", err)
	}
}
