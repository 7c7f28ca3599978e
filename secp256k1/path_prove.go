package secp256k1

import (
	"context"
	"encoding/base64"
	"encoding/hex"

	"github.com/openbao/openbao/sdk/v2/framework"
	"github.com/openbao/openbao/sdk/v2/logical"
)

// proofDomain begins what a proof signs. No transaction, message (EIP-191), typed data
// (EIP-712) or block payload begins so: 0x19 is followed by 0x00, 0x01 or 0x45 there.
const proofDomain = "\x19\x70secp256k1 key proof v1\x00"

const maxChallenge = 1024

func (b *backend) provePaths() []*framework.Path {
	return []*framework.Path{{
		Pattern:      "keys/" + framework.GenericNameRegex("name") + "/prove",
		HelpSynopsis: "Prove that the key is here",
		Fields: map[string]*framework.FieldSchema{
			"name":      nameField(),
			"challenge": {Type: framework.TypeString, Required: true, Description: "Up to 1,024 bytes, base64, that the proof is made for"},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: operation(b.prove, "Sign a challenge, in a domain that no chain knows", true),
		},
	}}
}

// prove signs a challenge. It needs neither client nor quota: what it signs is of no
// use on a chain, and a restore must be able to prove every key.
func (b *backend) prove(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	challenge, err := decodeBase64("challenge", data.Get("challenge").(string))
	if err != nil {
		return nil, err
	}
	if len(challenge) > maxChallenge {
		return nil, fault("challenge: must be at most 1,024 bytes")
	}
	k, private, err := b.cache.get(ctx, req.Storage, data.Get("name").(string))
	if err != nil {
		return nil, err
	}
	defer private.Zero()
	hash := proofHash(challenge)
	s := signHash(private, hash)
	return &logical.Response{Data: map[string]any{
		"hash":        hex.EncodeToString(hash),
		"signature":   base64.StdEncoding.EncodeToString(s.compact[:]),
		"public_key":  hex.EncodeToString(k.public.SerializeCompressed()),
		"address":     cosmosAddress(k.public),
		"eth_address": k.ethereum,
	}}, nil
}

// proofHash is Keccak-256 of the domain and the challenge.
func proofHash(challenge []byte) []byte {
	return keccak256(append([]byte(proofDomain), challenge...))
}
