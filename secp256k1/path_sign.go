package secp256k1

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"

	dcrec "github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/openbao/openbao/sdk/v2/framework"
	"github.com/openbao/openbao/sdk/v2/logical"
)

// maxBatch is how many entries one request may have signed.
const maxBatch = 1000

func (b *backend) signPaths() []*framework.Path {
	fields := inputFields()
	fields["output_format"] = &framework.FieldSchema{
		Type:        framework.TypeString,
		Default:     "cosmos",
		Description: "How the signature is written: cosmos (R and S, 64 bytes) or der",
	}
	fields["batch_input"] = &framework.FieldSchema{
		Type: framework.TypeSlice,
		Description: "Up to 1,000 entries with these same fields, in place of input. What an entry leaves " +
			"out is taken from the request. A reference is returned as it came.",
	}
	return []*framework.Path{{
		Pattern:      "sign/" + framework.GenericNameRegex("name"),
		HelpSynopsis: "Sign data with a key",
		Fields:       fields,
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: operation(b.sign, "Sign data", true),
		},
	}}
}

// inputFields are the fields that say what is signed.
func inputFields() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		"name": nameField(),
		"input": {
			Type:        framework.TypeString,
			Description: "The data, base64",
		},
		"prehashed": {
			Type:        framework.TypeBool,
			Description: "Whether input is a hash of 32 bytes already",
		},
		"hash_algorithm": {
			Type:        framework.TypeString,
			Default:     "sha256",
			Description: "How input is hashed, unless prehashed: sha256 or keccak256",
		},
	}
}

func (b *backend) sign(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	if _, ok := data.Raw["batch_input"]; ok {
		return b.signBatch(ctx, req, data)
	}
	order, err := parseOrder(data)
	if err != nil {
		return nil, err
	}
	var answer map[string]any
	err = b.signRaw(ctx, req.Storage, data, 1, func(k *key, private *dcrec.PrivateKey) (int, error) {
		answer = order.sign(k, private)
		return 1, nil
	})
	return &logical.Response{Data: answer}, err
}

// signRaw has signer sign with the raw key that the request names, within the mount's
// limits. signer says how many of the n signatures it made.
func (b *backend) signRaw(ctx context.Context, storage logical.Storage, data *framework.FieldData, n int, signer func(*key, *dcrec.PrivateKey) (int, error)) error {
	name := data.Get("name").(string)
	k, private, err := b.cache.get(ctx, storage, name)
	if err != nil {
		return err
	}
	defer private.Zero()
	if err := k.requireRaw(); err != nil {
		return err
	}
	if err := b.admit(ctx, storage, n, false); err != nil {
		return err
	}
	undo, err := b.count(ctx, storage, name, n)
	if err != nil {
		return err
	}
	made, err := signer(k, private)
	undo(n - made)
	return err
}

// signBatch signs every entry that it can and answers each on its own, in the
// order of the entries.
func (b *backend) signBatch(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	batch := data.Get("batch_input").([]any)
	switch _, both := data.Raw["input"]; {
	case both:
		return nil, fault("input and batch_input exclude each other")
	case len(batch) == 0:
		return nil, fault("missing batch_input: it has no entries")
	case len(batch) > maxBatch:
		return nil, fault(fmt.Sprintf("batch_input has %d entries: at most %d are signed at once", len(batch), maxBatch))
	}
	shared := maps.Clone(data.Raw)
	delete(shared, "batch_input")
	results := make([]map[string]any, len(batch))
	err := b.signRaw(ctx, req.Storage, data, len(batch), func(k *key, private *dcrec.PrivateKey) (made int, err error) {
		for i, entry := range batch {
			results[i] = signEntry(k, private, entry, shared, data.Schema)
			if results[i]["error"] == nil {
				made++
			}
		}
		return made, nil
	})
	return &logical.Response{Data: map[string]any{"batch_results": results}}, err
}

// signEntry is one entry's answer: what a request of its own would have been
// answered, or its error.
func signEntry(k *key, private *dcrec.PrivateKey, entry any, shared map[string]any, schema map[string]*framework.FieldSchema) map[string]any {
	fields, ok := entry.(map[string]any)
	if !ok {
		return map[string]any{"error": "invalid batch_input: the entry is not an object"}
	}
	raw := maps.Clone(shared)
	maps.Copy(raw, fields)
	data := &framework.FieldData{Raw: raw, Schema: schema}

	result := map[string]any{}
	if err := data.Validate(); err != nil {
		result["error"] = err.Error()
	} else if order, err := parseOrder(data); err != nil {
		result["error"] = err.Error()
	} else {
		result = order.sign(k, private)
	}
	if reference, ok := fields["reference"]; ok {
		result["reference"] = reference
	}
	return result
}

// order is what a caller wants signed, and how the signature is to be written.
type order struct {
	hash []byte
	der  bool
}

func parseOrder(data *framework.FieldData) (order, error) {
	hash, err := parseInput(data)
	if err != nil {
		return order{}, err
	}
	switch format := data.Get("output_format").(string); format {
	case "cosmos", "":
		return order{hash: hash}, nil
	case "der":
		return order{hash: hash, der: true}, nil
	default:
		return order{}, fault(fmt.Sprintf("unsupported output format: %q: output_format must be cosmos or der", format))
	}
}

// parseInput is the hash of what the request's input fields say.
func parseInput(data *framework.FieldData) ([]byte, error) {
	input, err := decodeBase64("input", data.Get("input").(string))
	if err != nil {
		return nil, err
	}
	return digest(input, data.Get("prehashed").(bool), data.Get("hash_algorithm").(string))
}

func (o order) sign(k *key, private *dcrec.PrivateKey) map[string]any {
	s := signHash(private, o.hash)
	written := s.compact[:]
	if o.der {
		written = s.der()
	}
	return map[string]any{
		"signature":   base64.StdEncoding.EncodeToString(written),
		"public_key":  hex.EncodeToString(k.public.SerializeCompressed()),
		"key_version": 1, // keys are not rotated: a chain knows one address
	}
}
