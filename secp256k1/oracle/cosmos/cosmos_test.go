// Package cosmos holds the engine's reader of SignDocs against documents that the Cosmos
// SDK's own types and handler of SIGN_MODE_DIRECT write.
package cosmos

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"testing"

	bank "cosmossdk.io/api/cosmos/bank/v1beta1"
	base "cosmossdk.io/api/cosmos/base/v1beta1"
	"cosmossdk.io/api/cosmos/crypto/secp256k1"
	distribution "cosmossdk.io/api/cosmos/distribution/v1beta1"
	feegrant "cosmossdk.io/api/cosmos/feegrant/v1beta1"
	staking "cosmossdk.io/api/cosmos/staking/v1beta1"
	signingapi "cosmossdk.io/api/cosmos/tx/signing/v1beta1"
	tx "cosmossdk.io/api/cosmos/tx/v1beta1"
	"github.com/cosmos/cosmos-sdk/x/tx/signing"
	"github.com/cosmos/cosmos-sdk/x/tx/signing/direct"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/banhbaoring/banhbaoring/secp256k1/cosmos"
)

func encode(t *testing.T, m proto.Message) []byte {
	t.Helper()
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func wrap(t *testing.T, m proto.Message) *anypb.Any {
	t.Helper()
	return &anypb.Any{TypeUrl: "/" + string(m.ProtoReflect().Descriptor().FullName()), Value: encode(t, m)}
}

// want is what a generated message must be read as.
type want struct {
	recipient string
	coins     []*base.Coin
	unlimited bool
}

func message(t *testing.T, r *rand.Rand) (*anypb.Any, want) {
	t.Helper()
	name := func(prefix string) string { return fmt.Sprintf("%s1%x", prefix, r.Uint64()) }
	coin := func(denom string) *base.Coin { return &base.Coin{Denom: denom, Amount: fmt.Sprint(r.Uint64())} }
	from, to, validator, c := name("celestia"), name("celestia"), name("celestiavaloper"), coin("utia")
	switch r.IntN(6) {
	case 0:
		coins := []*base.Coin{coin("ibc/ABC"), c}
		return wrap(t, &bank.MsgSend{FromAddress: from, ToAddress: to, Amount: coins}), want{recipient: to, coins: coins}
	case 1:
		allowance := &feegrant.BasicAllowance{Expiration: timestamppb.Now()}
		w := want{recipient: to, unlimited: true}
		if r.IntN(2) == 0 {
			allowance.SpendLimit, w = []*base.Coin{c}, want{recipient: to, coins: []*base.Coin{c}}
		}
		return wrap(t, &feegrant.MsgGrantAllowance{Granter: from, Grantee: to, Allowance: wrap(t, allowance)}), w
	case 2:
		return wrap(t, &feegrant.MsgRevokeAllowance{Granter: from, Grantee: to}), want{recipient: to}
	case 3:
		return wrap(t, &staking.MsgDelegate{DelegatorAddress: from, ValidatorAddress: validator, Amount: c}), want{recipient: validator, coins: []*base.Coin{c}}
	case 4:
		return wrap(t, &staking.MsgUndelegate{DelegatorAddress: from, ValidatorAddress: validator, Amount: c}), want{recipient: validator, coins: []*base.Coin{c}}
	}
	return wrap(t, &distribution.MsgWithdrawDelegatorReward{DelegatorAddress: from, ValidatorAddress: validator}), want{recipient: validator}
}

func TestDocumentsOfTheCosmosSDKAreReadAsTheyWereWritten(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 3000 {
		body := &tx.TxBody{Memo: fmt.Sprint(r.IntN(3)), TimeoutHeight: r.Uint64N(2)}
		var wants []want
		for range 1 + r.IntN(4) {
			m, w := message(t, r)
			body.Messages, wants = append(body.Messages, m), append(wants, w)
		}
		key := make([]byte, 33)
		key[0], key[32] = 2, byte(r.Uint32())
		auth := &tx.AuthInfo{
			SignerInfos: []*tx.SignerInfo{{
				PublicKey: wrap(t, &secp256k1.PubKey{Key: key}),
				ModeInfo:  &tx.ModeInfo{Sum: &tx.ModeInfo_Single_{Single: &tx.ModeInfo_Single{Mode: signingapi.SignMode_SIGN_MODE_DIRECT}}},
				Sequence:  r.Uint64N(300),
			}},
			Fee: &tx.Fee{Amount: []*base.Coin{{Denom: "utia", Amount: fmt.Sprint(r.Uint64())}}, GasLimit: r.Uint64(), Granter: fmt.Sprint(r.IntN(2))},
		}
		chain, account := fmt.Sprintf("chain-%d", r.IntN(9)), r.Uint64N(300)
		signed, err := direct.SignModeHandler{}.GetSignBytes(t.Context(),
			signing.SignerData{ChainID: chain, AccountNumber: account},
			signing.TxData{Body: body, AuthInfo: auth, BodyBytes: encode(t, body), AuthInfoBytes: encode(t, auth)})
		if err != nil {
			t.Fatal(err)
		}
		d, err := cosmos.Decode(signed)
		if err != nil {
			t.Fatalf("%v: %v", body, err)
		}
		if d.SigHash() != sha256.Sum256(signed) || d.ChainID != chain || d.AccountNumber != account || d.Memo != body.Memo ||
			d.Sequence != auth.SignerInfos[0].Sequence || !bytes.Equal(d.PublicKey, key) || d.GasLimit != auth.Fee.GasLimit || d.Granter != auth.Fee.Granter || !same(d.Fee, auth.Fee.Amount) {
			t.Fatalf("%v %v\nread as %+v", body, auth, d)
		}
		for i, w := range wants {
			m := d.Messages[i]
			if m.TypeURL != body.Messages[i].TypeUrl || m.Recipients[0] != w.recipient || len(m.Recipients) != 1 || m.Unlimited != w.unlimited || !same(m.Coins, w.coins) {
				t.Fatalf("%v\nread as %+v", body.Messages[i], m)
			}
		}
	}
}

func same(got []cosmos.Coin, want []*base.Coin) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		if got[i].Denom != want[i].Denom || got[i].Amount.String() != want[i].Amount {
			return false
		}
	}
	return true
}
