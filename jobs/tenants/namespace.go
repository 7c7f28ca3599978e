package tenants

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// state is how a tenant is, as its namespace's metadata says.
type state string

const (
	pending   state = "pending" // made, and not finished yet
	active    state = "active"
	suspended state = "suspended"
	locked    state = "locked" // gone from the spec
)

// The keys of a namespace's custom metadata.
const (
	metaManager = "managed-by"
	metaCluster = "cluster"
	metaTenant  = "tenant"
	metaState   = "state"
	// metaApplied is a hash of what was applied in the end.
	metaApplied = "applied"
	// metaAdmin names the version of the Secret whose password was applied.
	metaAdmin = "admin"
)

const manager = "banhbaoring"

// namespace is a namespace of OpenBao.
type namespace struct {
	Path     string            `json:"path"`
	Locked   bool              `json:"locked"`
	Metadata map[string]string `json:"custom_metadata"`
}

func (n namespace) ours(cluster string) bool {
	return n.Metadata[metaManager] == manager && n.Metadata[metaCluster] == cluster && n.tenant() != "" &&
		strings.TrimSuffix(n.Path, "/") == jobs.TenantNamespace(n.tenant())
}

func (n namespace) tenant() string { return n.Metadata[metaTenant] }

func (n namespace) state() state { return state(n.Metadata[metaState]) }

// namespaces are those right below the root, by path without the slash, in one
// request.
func namespaces(ctx context.Context, root *run.Client) (map[string]namespace, error) {
	all := map[string]namespace{}
	secret, err := root.Logical().ListWithContext(ctx, "sys/namespaces")
	if err != nil || secret == nil {
		return all, err
	}
	text, err := json.Marshal(secret.Data["key_info"])
	if err != nil {
		return nil, err
	}
	var info map[string]namespace
	if err := json.Unmarshal(text, &info); err != nil {
		return nil, fmt.Errorf("namespaces: %w", err)
	}
	for path, n := range info {
		n.Path = strings.TrimSuffix(path, "/")
		all[n.Path] = n
	}
	return all, nil
}

// record changes a namespace's metadata; what is not named stays.
func (w *work) record(ctx context.Context, path string, metadata map[string]any) error {
	_, err := w.root.Logical().JSONMergePatch(ctx, "sys/namespaces/"+path, map[string]any{"custom_metadata": metadata})
	return err
}

// write writes, and read reads, without what the answer is wrapped in.
func write(ctx context.Context, c *run.Client, path string, data map[string]any) (map[string]any, error) {
	secret, err := c.Logical().WriteWithContext(ctx, path, data)
	if err != nil || secret == nil {
		return nil, err
	}
	return secret.Data, nil
}

func read(ctx context.Context, c *run.Client, path string) (map[string]any, error) {
	secret, err := c.Logical().ReadWithContext(ctx, path)
	if err != nil || secret == nil {
		return nil, err
	}
	return secret.Data, nil
}

// list is empty where there is nothing.
func list(ctx context.Context, c *run.Client, path string) ([]string, error) {
	secret, err := c.Logical().ListWithContext(ctx, path)
	if err != nil || secret == nil {
		return nil, err
	}
	keys, _ := secret.Data["keys"].([]any)
	var names []string
	for _, key := range keys {
		if name, ok := key.(string); ok {
			names = append(names, name)
		}
	}
	return names, nil
}
