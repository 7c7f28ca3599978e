// Package ethereum has go-ethereum's own types, and agglayer's client, sign through the
// signer and a real OpenBao, and verifies what comes back.
package ethereum

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/agglayer/go_signer/signer/remotesignerclient"
	"github.com/ethereum/go-ethereum/accounts"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/common/math"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/crypto/kzg4844"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"

	"github.com/banhbaoring/banhbaoring/controlplane/internal/realbao"
)

const (
	chain = 412346
	inbox = "0xfF00000000000000000000000000000000000901"
)

const policy = `{"rules": [{"name": "inbox", "chain": 412346, "to": "0xff00000000000000000000000000000000000901", "selectors": "any", "maxValue": "1ether"}],
	"types": ["legacy", "eip2930", "eip1559", "blob"], "messages": [{"prefix": "hello"}],
	"typedData": [{"name": "mail", "chain": 412346, "contract": "0xff00000000000000000000000000000000000901", "encodeType": "Mail(address to,uint256 amount)", "fields": {"to": "any", "amount": {"max": "10"}}}],
	"fees": {"maxGas": 2000000, "maxFeePerGas": "500gwei", "maxPriorityFeePerGas": "50gwei", "maxFeePerBlobGas": "500gwei", "maxTotalFee": "2ether"}}`

// stand is a signer with a key and a client of each kind.
type stand struct {
	*realbao.Stack
	keyed   *realbao.Client
	address common.Address
	public  string
	rpc     *rpc.Client
}

func start(t *testing.T) *stand {
	t.Helper()
	s := &stand{Stack: realbao.StartStack(realbao.Start(t, 1), nil)}
	s.Tenant("rollup")
	mtls := s.NewMTLS("rollup", "poster")
	s.keyed = s.NewAPIKey("rollup", "oracle")
	made := s.NewKey("rollup", "poster", map[string]any{"type": "evm", "policy": policy, "clients": realbao.ClientsOf(mtls, s.keyed)})
	s.address, s.public = common.HexToAddress(made["eth_address"].(string)), made["public_key_uncompressed"].(string)
	var err error
	if s.rpc, err = rpc.DialOptions(context.Background(), mtls.URL, rpc.WithHTTPClient(mtls.HTTP)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.rpc.Close)
	return s
}

// args are a poster's, as Nitro fills them.
func (s *stand) args() *apitypes.SendTxArgs {
	to := common.NewMixedcaseAddress(common.HexToAddress(inbox))
	data := hexutil.Bytes("frames")
	return &apitypes.SendTxArgs{
		From: common.NewMixedcaseAddress(s.address), To: &to, Gas: 100000, Nonce: 7, Input: &data, ChainID: (*hexutil.Big)(big.NewInt(chain)),
		MaxFeePerGas: (*hexutil.Big)(big.NewInt(2e9)), MaxPriorityFeePerGas: (*hexutil.Big)(big.NewInt(1)),
	}
}

// sidecar adds six blobs with proofs of a version.
func sidecar(t *testing.T, args *apitypes.SendTxArgs, version byte) {
	t.Helper()
	args.BlobFeeCap, args.BlobVersion = (*hexutil.Big)(big.NewInt(1e9)), version
	for i := range 6 {
		blob := kzg4844.Blob{1: byte(i), 50000: 9}
		commitment, err := kzg4844.BlobToCommitment(&blob)
		if err != nil {
			t.Fatal(err)
		}
		args.Blobs, args.Commitments = append(args.Blobs, blob), append(args.Commitments, commitment)
		args.BlobHashes = append(args.BlobHashes, kzg4844.CalcBlobHashV1(sha256.New(), &commitment))
		if version == types.BlobSidecarVersion0 {
			proof, err := kzg4844.ComputeBlobProof(&blob, commitment)
			if err != nil {
				t.Fatal(err)
			}
			args.Proofs = append(args.Proofs, proof)
			continue
		}
		proofs, err := kzg4844.ComputeCellProofs(&blob)
		if err != nil {
			t.Fatal(err)
		}
		args.Proofs = append(args.Proofs, proofs...)
	}
}

// sign has the signer sign, and holds hash and sender against what geth makes of args.
func (s *stand) sign(t *testing.T, name string, args *apitypes.SendTxArgs) *types.Transaction {
	t.Helper()
	var raw hexutil.Bytes
	began := time.Now()
	if err := s.rpc.CallContext(context.Background(), &raw, "eth_signTransaction", args); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	t.Logf("%s: %d bytes in %v", name, len(raw), time.Since(began).Round(time.Millisecond))
	got := new(types.Transaction)
	if err := got.UnmarshalBinary(raw); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	want, err := args.ToTransaction()
	if err != nil {
		t.Fatal(err)
	}
	verifier := types.LatestSignerForChainID(big.NewInt(chain))
	if from, err := types.Sender(verifier, got); err != nil || from != s.address || verifier.Hash(got) != verifier.Hash(want) {
		t.Errorf("%s: from %v, %v; hash %v, want %v", name, from, err, verifier.Hash(got), verifier.Hash(want))
	}
	return got
}

func TestNitrosPostersGetBackWhatTheySend(t *testing.T) {
	s := start(t)
	s.sign(t, "calldata", s.args())
	both := s.args()
	both.GasPrice = nil
	s.sign(t, "no gas price", both)
	for _, version := range []byte{types.BlobSidecarVersion0, types.BlobSidecarVersion1} {
		args := s.args()
		sidecar(t, args, version)
		name := fmt.Sprint("blobs of version ", version)
		got := s.sign(t, name, args).BlobTxSidecar()
		if got == nil {
			t.Fatalf("%s: the sidecar is gone", name)
		}
		if got.Version != version || !reflect.DeepEqual(got.Blobs, args.Blobs) || !reflect.DeepEqual(got.Commitments, args.Commitments) || !reflect.DeepEqual(got.Proofs, args.Proofs) {
			t.Errorf("%s: the sidecar is another", name)
		}
		args.Proofs[0], args.Proofs[len(args.Proofs)-1] = args.Proofs[len(args.Proofs)-1], args.Proofs[0]
		var raw hexutil.Bytes
		if err := s.rpc.CallContext(context.Background(), &raw, "eth_signTransaction", args); err == nil || !strings.Contains(err.Error(), "the proofs do not show") {
			t.Errorf("%s, proofs of others: got %v", name, err)
		}
	}
	legacy := s.args()
	legacy.GasPrice, legacy.MaxFeePerGas, legacy.MaxPriorityFeePerGas = (*hexutil.Big)(big.NewInt(1e9)), nil, nil
	s.sign(t, "legacy", legacy)
	legacy.AccessList = &types.AccessList{{Address: s.address, StorageKeys: []common.Hash{{1}}}}
	s.sign(t, "an access list", legacy)
}

// signedBy holds a signature R‖S‖V against the key.
func (s *stand) signedBy(t *testing.T, name string, hash, signature []byte) {
	t.Helper()
	if len(signature) != 65 || signature[64] < 27 {
		t.Errorf("%s: got %x", name, signature)
		return
	}
	signature[64] -= 27
	public, err := crypto.SigToPub(hash, signature)
	if err != nil || crypto.PubkeyToAddress(*public) != s.address {
		t.Errorf("%s: signed by another, %v", name, err)
	}
}

func TestMessagesAndTypedDataVerify(t *testing.T) {
	s := start(t)
	ctx := context.Background()
	message := []byte("hello, it is me")
	var signature hexutil.Bytes
	if err := s.rpc.CallContext(ctx, &signature, "personal_sign", hexutil.Bytes(message), s.address); err != nil {
		t.Fatal(err)
	}
	s.signedBy(t, "personal_sign", accounts.TextHash(message), signature)

	_, preimage := accounts.TextAndHash(message)
	if err := s.rpc.CallContext(ctx, &signature, "eth_sign", s.address, hexutil.Bytes(preimage)); err != nil {
		t.Fatal(err)
	}
	s.signedBy(t, "eth_sign", crypto.Keccak256([]byte(preimage)), signature)

	data := apitypes.TypedData{
		Types: apitypes.Types{
			"EIP712Domain": {{Name: "chainId", Type: "uint256"}, {Name: "verifyingContract", Type: "address"}},
			"Mail":         {{Name: "to", Type: "address"}, {Name: "amount", Type: "uint256"}},
		},
		PrimaryType: "Mail", Domain: apitypes.TypedDataDomain{ChainId: (*math.HexOrDecimal256)(big.NewInt(chain)), VerifyingContract: inbox},
		Message: apitypes.TypedDataMessage{"to": inbox, "amount": "7"},
	}
	hash, _, err := apitypes.TypedDataAndHash(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.rpc.CallContext(ctx, &signature, "eth_signTypedData_v4", s.address, data.Map()); err != nil {
		t.Fatal(err)
	}
	s.signedBy(t, "typed data", hash, signature)
	data.Message["amount"] = "11"
	if err := s.rpc.CallContext(ctx, &signature, "eth_signTypedData_v4", s.address, data.Map()); err == nil || !strings.Contains(err.Error(), "typed_data_not_allowed") {
		t.Errorf("too much: got %v", err)
	}
}

func TestWeb3signersSignatureVerifies(t *testing.T) {
	s := start(t)
	_, preimage := accounts.TextAndHash([]byte("hello"))
	request, err := http.NewRequest("POST", s.Key+"/api/v1/eth1/sign/0x"+s.public[2:], strings.NewReader(`{"data": "0x`+hex.EncodeToString([]byte(preimage))+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.SetBasicAuth("key", s.keyed.APIKey)
	response, err := s.keyed.HTTP.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 200 {
		t.Fatalf("%d %s %v", response.StatusCode, text, err)
	}
	s.signedBy(t, "web3signer", crypto.Keccak256([]byte(preimage)), common.FromHex(string(text)))
}

// agglayer's client knows no authority but the system's, so that it runs in a process
// of its own, whose environment names one.
func TestAgglayersClientSigns(t *testing.T) {
	if url := os.Getenv("AGGLAYER_URL"); url != "" {
		agglayer(t, url)
		return
	}
	s := start(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestAgglayersClientSigns$", "-test.v")
	url := strings.Replace(s.Key, "https://", "https://key:"+s.keyed.APIKey+"@", 1)
	cmd.Env = append(os.Environ(), "AGGLAYER_URL="+url, "SSL_CERT_FILE="+s.Authority.File)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestAgglayersClientSigns") {
		t.Errorf("%v\n%s", err, out)
	}
}

func agglayer(t *testing.T, url string) {
	client := remotesignerclient.NewRemoteSignerClient(url)
	ctx := context.Background()
	accounts, err := client.EthAccounts(ctx)
	if err != nil || len(accounts) != 1 {
		t.Fatalf("got %v, %v", accounts, err)
	}
	to := common.HexToAddress(inbox)
	tx := types.NewTx(&types.LegacyTx{Nonce: 7, GasPrice: big.NewInt(1e9), Gas: 100000, To: &to, Value: big.NewInt(5), Data: []byte{0xab, 0xcd}})
	// It holds the hash against its own, for the chain that the policy put in.
	signed, err := client.SignTx(ctx, accounts[0], tx)
	if err != nil {
		t.Fatal(err)
	}
	if from, err := types.Sender(types.LatestSignerForChainID(big.NewInt(chain)), signed); err != nil || from != accounts[0] {
		t.Errorf("from %v, %v", from, err)
	}
	if _, err := client.SignHash(ctx, accounts[0], common.Hash{1}); err == nil || !strings.Contains(err.Error(), "invalid") {
		t.Errorf("a hash: got %v", err)
	}
}
