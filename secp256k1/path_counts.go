package secp256k1

import (
	"context"

	"github.com/openbao/openbao/sdk/v2/framework"
	"github.com/openbao/openbao/sdk/v2/logical"
)

func (b *backend) countPaths() []*framework.Path {
	return []*framework.Path{
		{
			Pattern:      "counts/?$",
			HelpSynopsis: "Signatures by month",
			Fields:       listFields(),
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ReadOperation: operation(b.readCounts, "Read the signatures of all keys together", true),
				logical.ListOperation: operation(b.listCounts, "List the keys that have signed, with key_info and their counts", true),
			},
		},
		{
			Pattern:      "counts/" + framework.GenericNameRegex("name"),
			HelpSynopsis: "A key's signatures by month",
			Fields:       map[string]*framework.FieldSchema{"name": nameField()},
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ReadOperation: operation(b.readCount, "Read a key's signatures", true),
			},
		},
	}
}

// readCounts answers the mount's signatures by month, with its limit. They are never
// below what was signed, and above it by no more than a stride for each failover.
func (b *backend) readCounts(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	months, month, err := b.counters.read(ctx, mountCount)
	if err != nil {
		return nil, err
	}
	limits, err := b.config.get(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: map[string]any{
		"month": month, "used": months[month], "limit": limits.SignaturesPerMonth, "months": months,
	}}, nil
}

func (b *backend) readCount(ctx context.Context, _ *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	count, err := b.keyCount(ctx, data.Get("name").(string))
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: count}, nil
}

func (b *backend) keyCount(ctx context.Context, name string) (map[string]any, error) {
	months, month, err := b.counters.read(ctx, keyCounts+name)
	if err != nil {
		return nil, err
	}
	return map[string]any{"name": name, "month": month, "used": months[month], "months": months}, nil
}

// listCounts lists the keys that have signed, deleted ones too.
func (b *backend) listCounts(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	names, err := listPage(ctx, req.Storage, keyCounts, data)
	if err != nil {
		return nil, err
	}
	if !data.Get("key_info").(bool) {
		return logical.ListResponse(names), nil
	}
	info := make(map[string]any, len(names))
	for _, name := range names {
		if info[name], err = b.keyCount(ctx, name); err != nil {
			return nil, err
		}
	}
	return logical.ListResponseWithInfo(names, info), nil
}
