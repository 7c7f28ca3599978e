package secp256k1

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	dcrec "github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/openbao/openbao/sdk/v2/framework"
	"github.com/openbao/openbao/sdk/v2/logical"
)

// maxChainID is the largest chain ID whose v, 2·chain_id + 36 at most, is an
// int64.
const maxChainID = (math.MaxInt64 - 36) / 2

func (b *backend) signEVMPaths() []*framework.Path {
	return []*framework.Path{{
		Pattern:      "sign-evm/" + framework.GenericNameRegex("name"),
		HelpSynopsis: "Sign an Ethereum hash: r, s, v",
		Fields: map[string]*framework.FieldSchema{
			"name": nameField(),
			"hash": {
				Type:        framework.TypeString,
				Required:    true,
				Description: "The transaction's or message's hash, 32 bytes: hex, with or without 0x, or base64",
			},
			"chain_id": {
				Type:        framework.TypeInt64,
				Description: "The chain that v is bound to (EIP-155). Without it, or 0, v is 27 or 28.",
			},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: operation(b.signEVM, "Sign an Ethereum hash", true),
		},
	}}
}

func (b *backend) signEVM(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	hash, err := parseHash(data.Get("hash").(string))
	if err != nil {
		return nil, err
	}
	chainID := data.Get("chain_id").(int64)
	if chainID < 0 || chainID > maxChainID {
		return nil, fault(fmt.Sprintf("invalid chain_id: must be 0 to %d", int64(maxChainID)))
	}
	var answer map[string]any
	err = b.signRaw(ctx, req.Storage, data, 1, func(k *key, private *dcrec.PrivateKey) (int, error) {
		s := signHash(private, hash)
		v, err := s.v(chainID)
		if err != nil {
			return 0, err
		}
		answer = map[string]any{
			"r":           hex.EncodeToString(s.r()),
			"s":           hex.EncodeToString(s.s()),
			"v":           strconv.FormatInt(v, 16),
			"v_int":       v,
			"public_key":  hex.EncodeToString(k.public.SerializeCompressed()),
			"eth_address": k.ethereum,
		}
		return 1, nil
	})
	return &logical.Response{Data: answer}, err
}

// v is the recovery value of an Ethereum transaction: that of EIP-155, or the
// legacy one where there is no chain ID.
func (s *signature) v(chainID int64) (int64, error) {
	if s.recovery > 1 {
		return 0, errors.New("this hash has a signature that Ethereum cannot express: sign another")
	}
	if chainID == 0 {
		return 27 + int64(s.recovery), nil
	}
	return 2*chainID + 35 + int64(s.recovery), nil
}

// parseHash takes hex or base64. No text is 32 bytes in both: 64 hex digits are
// 48 bytes of base64.
func parseHash(text string) ([]byte, error) {
	if text == "" {
		return nil, fault("missing hash")
	}
	raw, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil {
		if raw, err = base64.StdEncoding.DecodeString(text); err != nil {
			return nil, fault("invalid hash: neither hex nor base64")
		}
	}
	if len(raw) != hashSize {
		return nil, fault(fmt.Sprintf("hash must be 32 bytes, got %d", len(raw)))
	}
	return raw, nil
}
