// Package secp256k1 is an OpenBao secrets engine: it makes and keeps secp256k1
// keys and signs with them for Cosmos and Ethereum chains.
package secp256k1

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/openbao/openbao/sdk/v2/framework"
	"github.com/openbao/openbao/sdk/v2/helper/locksutil"
	"github.com/openbao/openbao/sdk/v2/logical"
)

const help = `
The secp256k1 engine keeps secp256k1 keys and signs with them. A private key
leaves it only if it was made exportable.

  keys/                 list the keys
  keys/:name            create, read or delete a key
  keys/:name/config     allow or forbid its deletion
  keys/:name/import     bring a key of your own
  wrapping_key          the RSA key that wraps an import
  sign/:name            sign data, or up to 1,000 entries at once
  sign-evm/:name        sign an Ethereum hash: r, s, v
  verify/:name          verify a signature
  export/:name          the private key, if exportable
`

// backend is one mount of the engine.
type backend struct {
	*framework.Backend
	cache *cache
	// locks serialise the writes of one name, and those of the wrapping key.
	locks []*locksutil.LockEntry
}

// Factory makes the backend of one mount. It is what OpenBao calls.
func Factory(ctx context.Context, config *logical.BackendConfig) (logical.Backend, error) {
	b := &backend{cache: newCache(), locks: locksutil.CreateLocks()}
	b.Backend = &framework.Backend{
		Help:           strings.TrimSpace(help),
		BackendType:    logical.TypeLogical,
		RunningVersion: "v" + Version,
		PathsSpecial:   &logical.Paths{SealWrapStorage: []string{keyPrefix, wrappingKeyPath}},
		Paths: slices.Concat(
			b.keyPaths(), b.importPaths(), b.signPaths(),
			b.signEVMPaths(), b.verifyPaths(), b.exportPaths(),
		),
		Invalidate: b.invalidate,
		Clean:      func(context.Context) { b.cache.clear() },
	}
	if err := b.Setup(ctx, config); err != nil {
		return nil, err
	}
	return b, nil
}

// invalidate forgets what another node has written, or what storage that
// changed as a whole (a restored snapshot) may have.
func (b *backend) invalidate(_ context.Context, path string) {
	if name, ok := strings.CutPrefix(path, keyPrefix); ok && name != "" {
		b.cache.forget(name)
		return
	}
	b.cache.clear()
}

// fault is an error in what the caller sent. It is answered with status 400, or
// inside a batch in place of a signature.
type fault string

func (f fault) Error() string { return string(f) }

// errKeyNotFound is answered with status 404.
var errKeyNotFound = logical.CodedError(http.StatusNotFound, "key not found")

// handler is a path's work: it answers, or says what was wrong.
type handler func(context.Context, *logical.Request, *framework.FieldData) (*logical.Response, error)

// operation wraps a handler so that faults of the caller become responses with
// status 400. A handler that writes storage runs on the active node.
func operation(h handler, summary string, writes bool) framework.OperationHandler {
	return &framework.PathOperation{
		Summary:                     summary,
		ForwardPerformanceStandby:   writes,
		ForwardPerformanceSecondary: writes,
		Callback: func(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
			response, err := h(ctx, req, data)
			var f fault
			if errors.As(err, &f) {
				return logical.ErrorResponse("%s", string(f)), nil
			}
			return response, err
		},
	}
}

func nameField() *framework.FieldSchema {
	return &framework.FieldSchema{Type: framework.TypeString, Required: true, Description: "Name of the key"}
}
