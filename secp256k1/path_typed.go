package secp256k1

import (
	"context"
	"errors"

	"github.com/openbao/openbao/sdk/v2/framework"
	"github.com/openbao/openbao/sdk/v2/logical"
)

func clientField() *framework.FieldSchema {
	return &framework.FieldSchema{Type: framework.TypeString, Description: "Which of the key's clients asks: its name, or its login"}
}

func credentialField() *framework.FieldSchema {
	return &framework.FieldSchema{
		Type:        framework.TypeString,
		Description: "SHA-256 in hex of the client certificate's SubjectPublicKeyInfo, or of its API key",
	}
}

func (b *backend) typedPaths() []*framework.Path {
	var paths []*framework.Path
	for _, m := range methods {
		paths = append(paths, &framework.Path{
			Pattern:      m.name + "/" + framework.GenericNameRegex("name"),
			HelpSynopsis: "Sign " + m.about,
			Fields: map[string]*framework.FieldSchema{
				"name":       nameField(),
				"client":     clientField(),
				"credential": credentialField(),
				m.field:      {Type: framework.TypeString, Required: true, Description: m.about},
			},
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.UpdateOperation: operation(b.typedHandler(m), "Sign what the key's policy allows", true),
			},
		})
	}
	return paths
}

func (b *backend) typedHandler(m *method) handler {
	return func(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
		o := typedOrder{
			name: data.Get("name").(string), method: m, text: data.Get(m.field).(string),
			claim: claim{client: data.Get("client").(string), credential: data.Get("credential").(string)},
		}
		decided := b.decide(ctx, req.Storage, o)
		if decided.err == nil {
			decided.err = b.admit(ctx, req.Storage, 1, decided.block())
		}
		answer, err := b.carryOut(ctx, req.Storage, decided)
		decisions := []string{decided.String(err)}
		if err != nil {
			return &logical.Response{Data: map[string]any{"decisions": decisions}}, err
		}
		answer["decisions"] = decisions
		return &logical.Response{Data: answer}, nil
	}
}

// typedOrder asks a typed key for one signature.
type typedOrder struct {
	claim
	name   string
	method *method
	text   string
}

// decided is an order with what was decided on it: work, or an error.
type decided struct {
	typedOrder
	key    *key
	client *client
	work   *work
	err    error
}

func (d *decided) block() bool { return d.work != nil && d.work.block }

// decide finds the key, holds the client against it, and has the policy judge. It
// changes nothing.
func (b *backend) decide(ctx context.Context, storage logical.Storage, o typedOrder) *decided {
	d := &decided{typedOrder: o}
	k, private, err := b.cache.get(ctx, storage, o.name)
	if err != nil {
		d.err = err
		return d
	}
	private.Zero()
	d.key = k
	// Who may not sign with the key learns nothing of its policy.
	if k.kind != typeRaw {
		if d.client, d.err = k.authorize(o.claim); d.err != nil {
			return d
		}
	}
	d.work, d.err = o.method.decode(k, o.text)
	return d
}

// carryOut counts, has the guards store what they must, and signs.
func (b *backend) carryOut(ctx context.Context, storage logical.Storage, d *decided) (map[string]any, error) {
	if d.err != nil {
		return nil, d.err
	}
	undo, err := b.count(ctx, storage, d.name, 1)
	if err != nil {
		return nil, err
	}
	answer, err := b.signGuarded(ctx, storage, d)
	if err != nil {
		undo(1)
	}
	return answer, err
}

func (b *backend) signGuarded(ctx context.Context, storage logical.Storage, d *decided) (answer map[string]any, err error) {
	k, w := d.key, d.work
	if w.block && k.fence > 0 {
		release, err := b.guards.fence(d.name).acquire(ctx, d.client.Name, k.fence)
		if err != nil {
			return nil, err
		}
		defer func() {
			if ended := release(); ended != nil {
				answer, err = nil, ended
			}
		}()
	}
	if k.evm != nil && k.evm.Budget.Bounded() && w.decision.Spend != nil {
		if err := b.guards.budgetOf(d.name).spend(ctx, &k.evm.Budget, w.decision.Spend); err != nil {
			return nil, err
		}
	}
	if w.tx != nil && k.nonceGuard != guardOff {
		if err := b.guards.nonce(d.name, w.tx.ChainID).admit(ctx, w.tx, k.nonceGuard); err != nil {
			return nil, err
		}
	}
	return b.signWork(ctx, storage, d)
}

func (b *backend) signWork(ctx context.Context, storage logical.Storage, d *decided) (map[string]any, error) {
	k, private, err := b.cache.get(ctx, storage, d.name)
	if err != nil {
		return nil, err
	}
	defer private.Zero()
	// What was decided was decided for these settings.
	if k.version != d.key.version || !k.public.IsEqual(d.key.public) {
		return nil, conflict("policy_changed", "version", "send it again", "the key's policy changed meanwhile")
	}
	s := signHash(private, d.work.hash[:])
	if s.recovery > 1 {
		return nil, errors.New("this hash has a signature that Ethereum cannot express: sign another")
	}
	return d.work.answer(&s)
}

// String is the decision for the audit log: flat text without anything secret.
func (d *decided) String(err error) string {
	text := "key=" + d.name
	if d.client != nil {
		text += " client=" + d.client.Name
	}
	refused, isRefusal := asRefusal(err)
	switch {
	case d.work != nil:
		text += " " + d.work.decision.Facts.String()
	case policyFacts(err) != "":
		text += " " + policyFacts(err)
	default:
		text += " method=" + d.method.name
	}
	switch {
	case err == nil:
		return text + " outcome=signed"
	case isRefusal:
		return text + " outcome=refused code=" + refused.code
	}
	return text + " outcome=failed"
}
