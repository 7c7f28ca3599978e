// Package secp256k1 is an OpenBao secrets engine: it makes and keeps secp256k1
// keys and signs with them for Cosmos and Ethereum chains.
package secp256k1

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/openbao/openbao/sdk/v2/framework"
	"github.com/openbao/openbao/sdk/v2/helper/locksutil"
	"github.com/openbao/openbao/sdk/v2/logical"
)

const help = `
The secp256k1 engine keeps secp256k1 keys and signs with them. A private key
leaves it only if it was made exportable.

  keys/                   list the keys
  keys/:name              create, read or delete a key
  keys/:name/config       allow or forbid its deletion
  keys/:name/policy       what it may sign, and for whom
  keys/:name/import       bring a key of your own
  keys/:name/prove        prove that it is here
  keys/:name/fence        which client signs block payloads
  keys/:name/nonces       what each nonce has signed
  wrapping_key            the RSA key that wraps an import
  sign/:name              sign data with a raw key, or up to 1,000 entries at once
  sign-evm/:name          sign an Ethereum hash with a raw key: r, s, v
  sign-tx/:name           sign a transaction that its policy allows; so do
  sign-authorization, sign-message, sign-typed-data, sign-block, sign-preimage
  sign-doc/:name          and for Cosmos chains
  batch                   many of these at once
  verify/:name            verify a signature
  export/:name            the private key, if exportable
  clients/:client         a client's keys
  counts                  signatures by month
  config                  the mount's limits
  guards                  shut what guards nonces and fences, after a restore
`

// backend is one mount of the engine.
type backend struct {
	*framework.Backend
	cache *cache
	// locks serialise the writes of one name, and those of the wrapping key.
	locks []*locksutil.LockEntry
	// adding is held while a key is added, so that the mount's limit holds.
	adding sync.Mutex

	now      func() time.Time
	config   configCache
	rate     rate
	counters *counters
	guards   *guards
	clients  clientIndex
}

// Factory makes the backend of one mount. It is what OpenBao calls.
func Factory(ctx context.Context, config *logical.BackendConfig) (logical.Backend, error) {
	b := &backend{cache: newCache(), locks: locksutil.CreateLocks(), now: time.Now}
	now := func() time.Time { return b.now() }
	b.counters = &counters{storage: config.StorageView, now: now, byPath: map[string]*counter{}}
	b.guards = newGuards(config.StorageView, now)
	b.Backend = &framework.Backend{
		Help:           strings.TrimSpace(help),
		BackendType:    logical.TypeLogical,
		RunningVersion: "v" + Version,
		PathsSpecial:   &logical.Paths{SealWrapStorage: []string{keyPrefix, wrappingKeyPath}},
		Paths: slices.Concat(
			// The first that matches is taken: what is asked most stands first.
			b.batchPaths(), b.typedPaths(), b.signPaths(), b.signEVMPaths(),
			b.keyPaths(), b.policyPaths(), b.importPaths(), b.provePaths(), b.guardPaths(),
			b.verifyPaths(), b.exportPaths(), b.clientPaths(), b.countPaths(), b.configPaths(),
		),
		Invalidate: b.invalidate,
		Clean:      func(context.Context) { b.cache.clear() },
	}
	if config.System != nil {
		config.System = &systemView{SystemView: config.System}
	}
	if err := b.Setup(ctx, config); err != nil {
		return nil, err
	}
	return b, nil
}

// invalidate forgets what another node has written, or what storage that
// changed as a whole (a restored snapshot) may have.
func (b *backend) invalidate(_ context.Context, path string) {
	switch {
	case strings.HasPrefix(path, keyPrefix) && path != keyPrefix:
		b.cache.forget(strings.TrimPrefix(path, keyPrefix))
		b.clients.reset()
	case strings.HasPrefix(path, countPrefix):
		b.counters.forget(path)
	case strings.HasPrefix(path, statePrefix):
		b.guards.forget(path)
	case path == configPath:
		b.config.reset()
	case path == wrappingKeyPath: // nothing of it is remembered
	default:
		b.cache.clear()
		b.clients.reset()
		b.config.reset()
		b.counters.forget("")
		b.guards.forget("")
	}
}

// statePrefix is where the engine stores what it remembers of signatures.
const statePrefix = "state/"

// fault is an error in what the caller sent. It is answered with status 400, or
// inside a batch in place of a signature.
type fault string

func (f fault) Error() string { return string(f) }

// These are answered with status 404.
var (
	errKeyNotFound    = logical.CodedError(http.StatusNotFound, "key not found")
	errClientNotFound = logical.CodedError(http.StatusNotFound, "client not found: no key names it")
)

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
			if err != nil && response != nil && len(response.Data) == 0 {
				response = nil
			}
			var f fault
			if errors.As(err, &f) {
				return logical.ErrorResponse("%s", string(f)), nil
			}
			if r, ok := asRefusal(err); ok {
				return response, logical.CodedError(r.status, "%s", r.Error())
			}
			return response, err
		},
	}
}

func nameField() *framework.FieldSchema {
	return &framework.FieldSchema{Type: framework.TypeString, Required: true, Description: "Name of the key"}
}
