package tenants

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// metaKey begins the entries of a namespace's metadata that name the keys which the Job
// has made: each is the key's address, or keyPending until that is known. No other key of
// the tenant's is touched.
const (
	metaKey    = "key."
	keyPending = "pending"
)

// settings are what a key is set to in the engine. Policy and clients are JSON inside
// text there.
type settings struct {
	kind, policy, clients, fence, nonceGuard string
}

func (s settings) fields() map[string]any {
	return map[string]any{"type": s.kind, "policy": s.policy, "clients": s.clients, "fence": s.fence, "nonce_guard": s.nonceGuard}
}

// same compares what is meant, however it is written.
func (s settings) same(other settings) bool {
	return s.kind == other.kind && s.fence == other.fence && s.nonceGuard == other.nonceGuard &&
		sameJSON(s.policy, other.policy) && sameJSON(s.clients, other.clients)
}

func sameJSON(a, b string) bool {
	if strings.TrimSpace(a) == "" || strings.TrimSpace(b) == "" {
		return strings.TrimSpace(a) == strings.TrimSpace(b)
	}
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// lockKeys has the keys that Git no longer has sign for nobody; they stay. Of a tenant that
// was locked it is all that the Job made: while it was, Git may have taken a client away.
func (w *work) lockKeys(ctx context.Context, client *run.Client, t jobs.Tenant, n namespace) error {
	gone := removed(t, n)
	for _, name := range removed(jobs.Tenant{}, n) {
		isGone := slices.Contains(gone, name)
		if !isGone && !n.Locked {
			continue
		}
		if err := w.lockKey(ctx, client, t.Name, name, isGone); err != nil {
			return fmt.Errorf("key %s, which is to sign no more: %w", name, err)
		}
	}
	return nil
}

// keys makes the tenant's keys and sets them to what Git says, with the credentials of
// their clients. One that cannot be set holds up no other. Admins of the tenant reach none
// of them: their policy, which is written before, says so.
func (w *work) keys(ctx context.Context, client *run.Client, p plan) error {
	if len(p.tenant.Keys) == 0 {
		return nil
	}
	// An attempt before this one may have made keys.
	made, err := w.made(ctx, p.tenant.Namespace)
	if err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	credentials, err := w.credentials(ctx, p.tenant)
	if err != nil {
		return err
	}
	addresses := map[string]string{}
	var faults []error
	for _, key := range p.tenant.Keys {
		address, err := w.key(ctx, client, p.tenant, key, made[metaKey+key.Name], credentials)
		if err != nil {
			faults = append(faults, fmt.Errorf("key %s: %w", key.Name, err))
		}
		addresses[key.Name] = address
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	return w.handOut(ctx, p.tenant, credentials, addresses)
}

// made is the metadata of a namespace, as it is now.
func (w *work) made(ctx context.Context, path string) (map[string]string, error) {
	data, err := read(ctx, w.root, "sys/namespaces/"+path)
	if err != nil {
		return nil, err
	}
	metadata := map[string]string{}
	all, _ := data["custom_metadata"].(map[string]any)
	for name, value := range all {
		metadata[name] = fmt.Sprint(value)
	}
	return metadata, nil
}

// removed are the keys that the Job has made and Git no longer has.
func removed(t jobs.Tenant, n namespace) []string {
	var names []string
	for _, entry := range slices.Sorted(maps.Keys(n.Metadata)) {
		name, is := strings.CutPrefix(entry, metaKey)
		if is && !slices.ContainsFunc(t.Keys, func(k jobs.SigningKey) bool { return k.Name == name }) {
			names = append(names, name)
		}
	}
	return names
}

// key makes or sets one key, and returns its address. Known is what the namespace's
// metadata has of it.
func (w *work) key(ctx context.Context, client *run.Client, t jobs.Tenant, key jobs.SigningKey, known string, credentials map[string]*credential) (string, error) {
	path := w.config.Plugin.Mount + "/keys/" + key.Name
	have, err := read(ctx, client, path+"/policy")
	if run.NotFound(err) {
		err = nil
	}
	if err != nil {
		return "", err
	}
	want := settings{kind: string(key.Type), policy: string(key.Policy), clients: clientsOf(key, credentials), fence: key.Fence, nonceGuard: string(key.NonceGuard)}
	switch {
	case have == nil && known != "" && known != keyPending:
		return "", run.ByHand(fmt.Errorf("it is gone, and had the address %s: hint: restore it from a backup; to have another key, give it another name in the spec", known))
	case have == nil && w.recorded.of(t.Name, key.Name) != "":
		return "", run.ByHand(fmt.Errorf("it is gone, and had the address %s: the backup that was restored is from before it was made: hint: restore a later one; to have another key, give it another name in the spec", w.recorded.of(t.Name, key.Name)))
	case have == nil:
		// First: a key that nobody knows to be ours is not adopted.
		if err := w.record(ctx, t.Namespace, map[string]any{metaKey + key.Name: keyPending}); err != nil {
			return "", err
		}
		if _, err := write(ctx, client, path, want.fields()); err != nil {
			if run.Status(err) == http.StatusBadRequest { // it is refused, and not there
				err = errors.Join(err, w.record(ctx, t.Namespace, map[string]any{metaKey + key.Name: nil}))
			}
			return "", err
		}
		if have, err = read(ctx, client, path+"/policy"); err != nil {
			return "", err
		}
		known = keyPending
	case known == keyPending && !begun(have, want):
		return "", run.ByHand(fmt.Errorf("a key of this name is there that is not as this Job began to make it: hint: give yours another name"))
	case known == "":
		return "", run.ByHand(fmt.Errorf("a key of this name is there, and this Job did not make it: hint: give yours another name"))
	}
	address := addressOf(key.Type, have)
	switch known {
	case address:
	case keyPending:
		if err := w.record(ctx, t.Namespace, map[string]any{metaKey + key.Name: address}); err != nil {
			return "", err
		}
	default:
		return "", run.ByHand(fmt.Errorf("it has the address %s, and the one that this Job made had %s", address, known))
	}
	return address, w.set(ctx, client, path, have, want)
}

// begun reports whether a key can be the one that a run which was cut off began to make:
// the hashes of credentials that the Job has minted are known to nobody else.
func begun(have map[string]any, want settings) bool {
	kind, _ := have["type"].(string)
	clients, _ := have["clients"].(string)
	return kind == want.kind && sameJSON(clients, want.clients)
}

// set replaces a key's settings where they differ.
func (w *work) set(ctx context.Context, client *run.Client, path string, have map[string]any, want settings) error {
	text := func(field string) string { s, _ := have[field].(string); return s }
	if want.same(settings{text("type"), text("policy"), text("clients"), text("fence"), text("nonce_guard")}) {
		return nil
	}
	fields := want.fields()
	fields["version"] = have["version"]
	_, err := write(ctx, client, path+"/policy", fields)
	return err
}

// lockKey takes a key's clients away, so that it signs nothing. Of one that is gone from
// the spec it tells.
func (w *work) lockKey(ctx context.Context, client *run.Client, tenant, name string, gone bool) error {
	path := w.config.Plugin.Mount + "/keys/" + name
	have, err := read(ctx, client, path+"/policy")
	if run.NotFound(err) || err == nil && have == nil {
		return nil // a person has deleted it
	}
	if err != nil {
		return err
	}
	text := func(field string) string { s, _ := have[field].(string); return s }
	locked := settings{text("type"), text("policy"), "[]", text("fence"), text("nonce_guard")}
	if sameJSON(text("clients"), "[]") || strings.TrimSpace(text("clients")) == "" {
		return nil
	}
	if err := w.set(ctx, client, path, have, locked); err != nil {
		return err
	}
	if !gone {
		return nil
	}
	w.Log.Warn("a key that is not in the spec any more signs for nobody, and was not deleted", "tenant", tenant, "key", name)
	w.Warn(ctx, "KeyLocked", fmt.Sprintf("key %s of tenant %s is not in the spec any more: it signs for nobody, and was not deleted", name, tenant))
	return nil
}

// addressOf is a key's address on the chains that it is for. Cosmos's is 20 bytes in hex,
// for each chain writes it with its own prefix.
func addressOf(kind v1.KeyType, key map[string]any) string {
	field := "eth_address"
	if kind == v1.KeyCosmos {
		field = "address"
	}
	address, _ := key[field].(string)
	return address
}

// clientsOf are the clients of a key as the engine has them, with the hashes of their
// credentials.
func clientsOf(key jobs.SigningKey, credentials map[string]*credential) string {
	type entry struct {
		Name   string        `json:"name"`
		Auth   v1.ClientAuth `json:"auth"`
		SPKI   []string      `json:"spki,omitempty"`
		Digest []string      `json:"digest,omitempty"`
	}
	entries := []entry{}
	for _, c := range key.Clients {
		e := entry{Name: c.Name, Auth: c.Auth}
		if c.Auth == v1.AuthMTLS {
			e.SPKI = credentials[c.Name].hashes()
		} else {
			e.Digest = credentials[c.Name].hashes()
		}
		entries = append(entries, e)
	}
	text, _ := json.Marshal(entries) // of strings: this cannot fail
	return string(text)
}
