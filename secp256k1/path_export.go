package secp256k1

import (
	"context"
	"encoding/base64"

	"github.com/openbao/openbao/sdk/v2/framework"
	"github.com/openbao/openbao/sdk/v2/logical"
)

func (b *backend) exportPaths() []*framework.Path {
	return []*framework.Path{{
		Pattern:      "export/" + framework.GenericNameRegex("name"),
		HelpSynopsis: "The private key, if exportable",
		Fields:       map[string]*framework.FieldSchema{"name": nameField()},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: operation(b.export, "Export a key", false),
		},
	}}
}

func (b *backend) export(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	name := data.Get("name").(string)
	k, private, err := b.cache.get(ctx, req.Storage, name)
	if err != nil {
		return nil, err
	}
	defer private.Zero()
	if !k.exportable {
		return nil, fault("key is not exportable: exportable is set when a key is made")
	}
	scalar := private.Key.Bytes()
	defer clear(scalar[:])
	fields := k.fields(name)
	fields["keys"] = map[string]string{"1": base64.StdEncoding.EncodeToString(scalar[:])}
	return &logical.Response{Data: fields}, nil
}
