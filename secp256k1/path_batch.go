package secp256k1

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"runtime"
	"sync"

	"github.com/openbao/openbao/sdk/v2/framework"
	"github.com/openbao/openbao/sdk/v2/logical"
)

// keyName is what a path takes for a key's name.
var keyName = regexp.MustCompile("^" + framework.GenericNameRegex("name") + "$")

// maxBatchText is how long a batch may be.
const maxBatchText = 8 << 20

func (b *backend) batchPaths() []*framework.Path {
	return []*framework.Path{{
		Pattern:      "batch",
		HelpSynopsis: "Sign with many keys at once",
		Fields: map[string]*framework.FieldSchema{
			"batch": {
				Type: framework.TypeString, Required: true,
				Description: "A JSON list, as one string, of up to 1,000 {id, method, key, client, credential, input}: " +
					"input is what the method's own field would hold",
			},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: operation(b.batch, "Sign many entries, each by its own key's policy and client", true),
		},
	}}
}

// batchEntry is one signature that a batch asks for.
type batchEntry struct {
	ID         string `json:"id,omitempty"` // comes back as it was given
	Method     string `json:"method"`
	Key        string `json:"key"`
	Client     string `json:"client"`
	Credential string `json:"credential"`
	Input      string `json:"input"`
}

// batch decides and answers each entry on its own, in their order.
func (b *backend) batch(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	entries, err := parseBatch(data.Get("batch").(string))
	if err != nil {
		return nil, err
	}
	all := make([]*decided, len(entries))
	inParallel(len(entries), func(i int) {
		e := entries[i]
		all[i] = b.decide(ctx, req.Storage, typedOrder{
			name: e.Key, method: methods[e.Method], text: e.Input,
			claim: claim{client: e.Client, credential: e.Credential, batch: true},
		})
	})
	b.admitBatch(ctx, req.Storage, all)

	results, decisions := make([]map[string]any, len(entries)), make([]string, len(entries))
	inParallel(len(entries), func(i int) {
		answer, err := b.carryOut(ctx, req.Storage, all[i])
		if err != nil {
			answer = entryError(err)
		}
		if entries[i].ID != "" {
			answer["id"] = entries[i].ID
		}
		results[i], decisions[i] = answer, all[i].String(err)
	})
	return &logical.Response{Data: map[string]any{"results": results, "decisions": decisions}}, nil
}

func parseBatch(text string) ([]batchEntry, error) {
	if len(text) > maxBatchText {
		return nil, fault(fmt.Sprintf("batch: must be at most %d bytes (got %d)", maxBatchText, len(text)))
	}
	var entries []batchEntry
	if err := decodeStrict(text, &entries); err != nil {
		return nil, fault("batch: must be a JSON list, as one string, of {id, method, key, client, credential, input}: " + err.Error())
	}
	f := faults{}
	if len(entries) == 0 || len(entries) > maxBatch {
		f.add("batch: must be 1 to %d entries (got %d)", maxBatch, len(entries))
		return nil, f.err()
	}
	for i, e := range entries {
		if methods[e.Method] == nil {
			f.add("batch[%d].method: must be the name of a signing path for typed keys, such as sign-tx (got %q)", i, e.Method)
		}
		if !keyName.MatchString(e.Key) {
			f.add("batch[%d].key: must be a key's name (got %q)", i, e.Key)
		}
	}
	return entries, f.err()
}

// admitBatch weighs the batch in the mount's rate: block payloads first, and the rest
// together. Those for which there is no room are refused.
func (b *backend) admitBatch(ctx context.Context, storage logical.Storage, all []*decided) {
	for _, first := range []bool{true, false} {
		var those []*decided
		for _, d := range all {
			if d.err == nil && d.block() == first {
				those = append(those, d)
			}
		}
		if len(those) == 0 {
			continue
		}
		if err := b.admit(ctx, storage, len(those), first); err != nil {
			for _, d := range those {
				d.err = err
			}
		}
	}
}

// entryError is an entry's error: what a request of its own would have answered.
func entryError(err error) map[string]any {
	if r, ok := asRefusal(err); ok {
		return map[string]any{"error": r.Error(), "code": r.code, "rule": r.rule, "remedy": r.remedy, "status": r.status}
	}
	var f fault
	var coded logical.HTTPCodedError
	switch {
	case errors.As(err, &f):
		return map[string]any{"error": err.Error(), "code": "invalid", "status": http.StatusBadRequest}
	case errors.As(err, &coded):
		return map[string]any{"error": err.Error(), "code": "key_not_found", "status": coded.Code()}
	}
	return map[string]any{"error": err.Error(), "code": "internal", "status": http.StatusInternalServerError}
}

// inParallel does n things on as many processors as there are.
func inParallel(n int, do func(i int)) {
	workers := min(n, runtime.GOMAXPROCS(0))
	if workers == 1 {
		for i := range n {
			do(i)
		}
		return
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				do(i)
			}
		})
	}
	wg.Wait()
}
