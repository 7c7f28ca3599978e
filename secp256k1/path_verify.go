package secp256k1

import (
	"context"
	"encoding/hex"

	"github.com/openbao/openbao/sdk/v2/framework"
	"github.com/openbao/openbao/sdk/v2/logical"
)

func (b *backend) verifyPaths() []*framework.Path {
	fields := inputFields()
	fields["signature"] = &framework.FieldSchema{
		Type:        framework.TypeString,
		Required:    true,
		Description: "The signature, base64: R and S, 64 bytes, or DER",
	}
	return []*framework.Path{{
		Pattern:      "verify/" + framework.GenericNameRegex("name"),
		HelpSynopsis: "Verify a signature",
		Fields:       fields,
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: operation(b.verify, "Verify a signature", false),
		},
	}}
}

func (b *backend) verify(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	hash, err := parseInput(data)
	if err != nil {
		return nil, err
	}
	raw, err := decodeBase64("signature", data.Get("signature").(string))
	if err != nil {
		return nil, err
	}
	k, err := b.publicPart(ctx, req.Storage, data)
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: map[string]any{
		"valid":      verifyHash(k.public, hash, raw),
		"public_key": hex.EncodeToString(k.public.SerializeCompressed()),
	}}, nil
}
