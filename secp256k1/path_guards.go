package secp256k1

import (
	"context"
	"strconv"

	"github.com/openbao/openbao/sdk/v2/framework"
	"github.com/openbao/openbao/sdk/v2/logical"
)

func (b *backend) guardPaths() []*framework.Path {
	named := "keys/" + framework.GenericNameRegex("name")
	return []*framework.Path{
		{
			Pattern:      named + "/fence",
			HelpSynopsis: "Which client signs block payloads",
			Fields: map[string]*framework.FieldSchema{
				"name":       nameField(),
				"client":     clientField(),
				"credential": credentialField(),
			},
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ReadOperation:   operation(b.readFence, "Read who holds the fence", true),
				logical.UpdateOperation: operation(b.takeFence, "Take the fence for a client", true),
			},
		},
		{
			Pattern:      named + "/nonces",
			HelpSynopsis: "What each nonce of a chain has signed",
			Fields: map[string]*framework.FieldSchema{
				"name":    nameField(),
				"chain":   {Type: framework.TypeString, Required: true, Query: true, Description: "The chain's id, decimal"},
				"floor":   {Type: framework.TypeString, Description: "Sign no nonce below this one, decimal: the chain's next. Opens a guard that a restore has shut"},
				"release": {Type: framework.TypeString, Description: "Let this nonce, decimal, sign another transaction"},
			},
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ReadOperation:   operation(b.readNonces, "Read a chain's floor and next nonce", true),
				logical.UpdateOperation: operation(b.writeNonces, "Set the floor, or release a nonce", true),
			},
		},
		{
			Pattern:      "guards",
			HelpSynopsis: "Shut all guards of the mount, after a restore",
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ReadOperation:   operation(b.readGuards, "Read when the guards were shut", true),
				logical.UpdateOperation: operation(b.shutGuards, "Shut all guards", true),
			},
		},
	}
}

// guarded is the key that the request names, which must have the guard.
func (b *backend) guarded(ctx context.Context, req *logical.Request, data *framework.FieldData, guard string, has func(*key) bool) (*key, error) {
	k, err := b.publicPart(ctx, req.Storage, data)
	if err == nil && !has(k) {
		err = fault("the key has no " + guard + ": set it on keys/:name/policy")
	}
	return k, err
}

func (b *backend) readFence(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	k, err := b.guarded(ctx, req, data, "fence", func(k *key) bool { return k.fence > 0 })
	if err != nil {
		return nil, err
	}
	stored, left, err := b.guards.fence(data.Get("name").(string)).read(ctx)
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: map[string]any{
		"client": stored.Holder, "epoch": stored.Epoch, "lease": k.fence.String(), "granted_for_ms": left.Milliseconds(),
	}}, nil
}

// takeFence gives the fence to a client that shows its credential.
func (b *backend) takeFence(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	k, err := b.guarded(ctx, req, data, "fence", func(k *key) bool { return k.fence > 0 })
	if err != nil {
		return nil, err
	}
	c, err := k.authorize(claim{client: data.Get("client").(string), credential: data.Get("credential").(string)})
	if err != nil {
		return nil, err
	}
	taken, err := b.guards.fence(data.Get("name").(string)).take(ctx, c.Name, k.fence)
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: map[string]any{"client": taken.Holder, "epoch": taken.Epoch, "lease": taken.Lease.String()}}, nil
}

func parseNumber(data *framework.FieldData, field string) (uint64, error) {
	text := data.Get(field).(string)
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fault(field + ": must be a decimal number (got " + strconv.Quote(text) + ")")
	}
	return number, nil
}

func (b *backend) readNonces(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	chain, err := parseNumber(data, "chain")
	if err != nil {
		return nil, err
	}
	if _, err := b.guarded(ctx, req, data, "nonce_guard", func(k *key) bool { return k.nonceGuard != guardOff }); err != nil {
		return nil, err
	}
	stored, err := b.guards.nonce(data.Get("name").(string), chain).read(ctx)
	if err != nil {
		return nil, err
	}
	shut, err := b.guards.shut.times(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: map[string]any{
		"chain": strconv.FormatUint(chain, 10), "floor": strconv.FormatUint(stored.Floor, 10),
		"next": strconv.FormatUint(stored.next(), 10), "remembered": len(stored.Signed), "shut": stored.Shut != shut,
	}}, nil
}

func (b *backend) writeNonces(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	chain, err := parseNumber(data, "chain")
	if err != nil {
		return nil, err
	}
	_, floor := data.GetOk("floor")
	_, release := data.GetOk("release")
	if floor == release {
		return nil, fault("floor: must be given, or release, and not both")
	}
	if _, err := b.guarded(ctx, req, data, "nonce_guard", func(k *key) bool { return k.nonceGuard != guardOff }); err != nil {
		return nil, err
	}
	guard := b.guards.nonce(data.Get("name").(string), chain)
	field, write := "floor", guard.setFloor
	if release {
		field, write = "release", guard.release
	}
	nonce, err := parseNumber(data, field)
	if err != nil {
		return nil, err
	}
	if err := write(ctx, nonce); err != nil {
		return nil, err
	}
	return b.readNonces(ctx, req, data)
}

func (b *backend) readGuards(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	times, err := b.guards.shut.times(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: map[string]any{"shut": times}}, nil
}

// shutGuards is what a restore does before anybody signs: no guarded key signs until
// its nonces' floor is set and its fence is taken anew.
func (b *backend) shutGuards(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	defer b.guards.forget("")
	if err := b.guards.shut.shut(ctx, req.Storage, b.now()); err != nil {
		return nil, err
	}
	return b.readGuards(ctx, req, data)
}
