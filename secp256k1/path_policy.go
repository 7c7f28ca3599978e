package secp256k1

import (
	"context"
	"fmt"

	"github.com/openbao/openbao/sdk/v2/framework"
	"github.com/openbao/openbao/sdk/v2/logical"
)

func (b *backend) policyPaths() []*framework.Path {
	fields := settingsFields()
	fields["name"] = nameField()
	fields["version"] = &framework.FieldSchema{
		Type:        framework.TypeInt64,
		Required:    true,
		Description: "The version that is replaced; another one is refused",
	}
	return []*framework.Path{{
		Pattern:      "keys/" + framework.GenericNameRegex("name") + "/policy",
		HelpSynopsis: "Read or replace what a key may sign, and for whom",
		Fields:       fields,
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation:   operation(b.readPolicy, "Read a key's type, policy, clients and guards", false),
			logical.UpdateOperation: operation(b.replacePolicy, "Replace them as a whole", true),
		},
	}}
}

// settingsFields are what a request says of a key's type, policy, clients and guards.
func settingsFields() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		"type":        {Type: framework.TypeString, Description: "raw (signs any hash), evm or cosmos (sign what the policy allows)"},
		"policy":      {Type: framework.TypeString, Description: "What a typed key may sign: JSON, as one string"},
		"clients":     {Type: framework.TypeString, Description: "Who may have it sign: a JSON list of {name, auth, spki|digest|login}, as one string"},
		"fence":       {Type: framework.TypeString, Description: "One client at a time signs block payloads: the lease, such as 4s"},
		"nonce_guard": {Type: framework.TypeString, Description: "No nonce signs twice: sameContent (but fee bumps) or sameRecipient (any transaction to the same recipient)"},
	}
}

func readSettings(data *framework.FieldData) settingsText {
	get := func(field string) string { return data.Get(field).(string) }
	return settingsText{
		kind: get("type"), policy: get("policy"), clients: get("clients"),
		fence: get("fence"), nonceGuard: get("nonce_guard"),
	}
}

func (b *backend) readPolicy(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	k, err := b.publicPart(ctx, req.Storage, data)
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: k.settingsFields(data.Get("name").(string))}, nil
}

// settingsFields are a key's settings as responses show them.
func (k *key) settingsFields(name string) map[string]any {
	t := k.text()
	return map[string]any{
		"name": name, "version": k.version, "eth_address": k.ethereum, "address": cosmosAddress(k.public),
		"type": t.kind, "policy": t.policy, "clients": t.clients, "fence": t.fence, "nonce_guard": t.nonceGuard,
	}
}

// replacePolicy replaces a key's settings as a whole. A raw key becomes a typed one,
// and no typed key a raw one.
func (b *backend) replacePolicy(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	s, err := parseSettings(readSettings(data))
	if err != nil {
		return nil, err
	}
	version, given := data.GetOk("version")
	if !given {
		return nil, fault("version: must be the version that is replaced, which a read of this path shows")
	}
	name := data.Get("name").(string)
	defer b.lock(name)()

	k, private, err := load(ctx, req.Storage, name)
	if err != nil {
		return nil, err
	}
	defer private.Zero()
	if k.kind != s.kind && (k.kind != typeRaw || s.kind == typeRaw) {
		return nil, fault(fmt.Sprintf("type: must be %s: the type of a key that has a policy does not change (got %s)", k.kind, s.kind))
	}
	if s.kind == typeRaw {
		return nil, fault("type: must be evm or cosmos: a raw key has no policy")
	}
	if got := version.(int64); got < 0 || uint64(got) != k.version {
		return nil, conflict("version_conflict", "version", "read the policy and decide anew",
			"the policy has version %d, not %d", k.version, got)
	}
	k.settings = s
	k.version++
	defer b.clients.reset()
	defer b.cache.forget(name)
	if err := store(ctx, req.Storage, name, k, private); err != nil {
		return nil, err
	}
	return &logical.Response{Data: k.settingsFields(name)}, nil
}
