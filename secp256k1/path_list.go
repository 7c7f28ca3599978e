package secp256k1

import (
	"context"

	"github.com/openbao/openbao/sdk/v2/framework"
	"github.com/openbao/openbao/sdk/v2/logical"
)

func listFields() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		"after":    {Type: framework.TypeString, Query: true, Description: "List what comes after this name"},
		"limit":    {Type: framework.TypeInt, Query: true, Default: -1, Description: "List at most so many names; without it, all"},
		"key_info": {Type: framework.TypeBool, Query: true, Description: "Whether to answer what a read of each key shows as well"},
	}
}

// listKeys lists the names, and what each key shows if asked. A key that cannot be
// read is listed by its name, with a warning.
func (b *backend) listKeys(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	names, err := listPage(ctx, req.Storage, keyPrefix, data)
	if err != nil {
		return nil, err
	}
	if !data.Get("key_info").(bool) {
		return logical.ListResponse(names), nil
	}
	info := make(map[string]any, len(names))
	var warnings []string
	for _, name := range names {
		k, private, err := load(ctx, req.Storage, name)
		if err != nil {
			warnings = append(warnings, err.Error())
			continue
		}
		private.Zero()
		info[name] = k.fields(name)
	}
	response := logical.ListResponseWithInfo(names, info)
	response.Warnings = warnings
	return response, nil
}

// listPage lists what the fields after and limit ask for.
func listPage(ctx context.Context, storage logical.Storage, prefix string, data *framework.FieldData) ([]string, error) {
	after, limit := data.Get("after").(string), data.Get("limit").(int)
	if after == "" && limit <= 0 {
		return storage.List(ctx, prefix)
	}
	if limit <= 0 {
		limit = -1
	}
	return storage.ListPage(ctx, prefix, after, limit)
}
