package tenants

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

// adminUser is the name of every tenant's first user.
const adminUser = "admin"

// metaGeneration stands in the metadata of a secret ID, and so of the tokens
// that it opened.
const metaGeneration = "generation"

// adminSecret is where the admin's password is: in the given Secret, which is
// nil where it is gone, or in the Job's own, nil where it is not minted yet.
func (w *work) adminSecret(ctx context.Context, t jobs.Tenant) (*corev1.Secret, error) {
	if t.Admin.Secret != nil {
		return w.secret(ctx, t.Admin.Secret.Name)
	}
	return w.own(ctx, t.Name, jobs.TenantAdminSecret(t.Name))
}

// password is the admin's password and the version of the Secret that holds it.
// It is "" where the given Secret is gone.
func (w *work) password(ctx context.Context, t jobs.Tenant) (password, from string, err error) {
	secret, err := w.adminSecret(ctx, t)
	if err != nil {
		return "", "", err
	}
	if given := t.Admin.Secret; given != nil {
		if secret == nil {
			return "", "", nil
		}
		password := strings.TrimRight(string(secret.Data[given.Key]), "\r\n")
		if password == "" {
			return "", "", fmt.Errorf("Secret %s has no key %s, or nothing in it", given.Name, given.Key)
		}
		return password, version(secret), nil
	}
	if secret == nil {
		secret, err = w.keep(ctx, nil, t.Name, jobs.TenantAdminSecret(t.Name), map[string]string{
			"username": adminUser, "password": rand.Text(), "namespace": t.Namespace, "address": w.config.PublicAddress,
		}, nil)
		if err != nil {
			return "", "", err
		}
	}
	return string(secret.Data["password"]), version(secret), nil
}

// admin writes the tenant's first user. The password is written when the Secret
// has changed, so that one that the admin chose since then stays.
func (w *work) admin(ctx context.Context, client *run.Client, p plan, n namespace) (from string, changed bool, err error) {
	t := p.tenant
	password, from, err := w.password(ctx, t)
	if err != nil {
		return "", false, err
	}
	users, err := list(ctx, client, "auth/userpass/users")
	if err != nil {
		return "", false, err
	}
	user := login(t, "admin")
	switch old := n.Metadata[metaAdmin]; {
	case password == "" && len(users) == 0:
		return "", false, fmt.Errorf("there is no Secret %s", t.Admin.Secret.Name)
	case password == "":
		from = old
	case from != old || len(users) == 0:
		user["password"], changed = password, true
	}
	_, err = write(ctx, client, "auth/userpass/users/"+adminUser, user)
	return from, changed, err
}

// apiKeys writes the API keys' roles, mints what is missing or to be rotated,
// removes what is not wanted, and returns the generation of each.
func (w *work) apiKeys(ctx context.Context, client *run.Client, p plan) (map[string]string, error) {
	roles, err := list(ctx, client, "auth/approle/role")
	if err != nil {
		return nil, fmt.Errorf("API keys: %w", err)
	}
	for _, name := range roles {
		if _, wanted := p.key(name); wanted {
			continue
		}
		if _, err := client.Logical().DeleteWithContext(ctx, "auth/approle/role/"+name); err != nil {
			return nil, fmt.Errorf("API key %s: %w", name, err)
		}
	}
	generations := map[string]string{}
	for _, key := range p.tenant.APIKeys {
		generation, err := w.apiKey(ctx, client, p.tenant, key)
		if err != nil {
			return nil, fmt.Errorf("API key %s: %w", key.Name, err)
		}
		generations[key.Name] = generation
	}
	return generations, nil
}

func (w *work) apiKey(ctx context.Context, client *run.Client, t jobs.Tenant, key jobs.TenantKey) (generation string, err error) {
	path := "auth/approle/role/" + key.Name
	role := login(t, string(key.Role))
	role["secret_id_bound_cidrs"] = role["token_bound_cidrs"]
	if _, err := write(ctx, client, path, role); err != nil {
		return "", err
	}
	accessors, err := list(ctx, client, path+"/secret-id")
	if err != nil {
		return "", err
	}
	name := jobs.TenantKeySecret(t.Name, key.Name)
	secret, err := w.own(ctx, t.Name, name)
	if err != nil {
		return "", err
	}
	if !minted(secret, key) || !contains(accessors, secret.Annotations[annotationAccessor]) {
		if secret, err = w.mint(ctx, client, t, key, secret); err != nil {
			return "", err
		}
	}
	for _, accessor := range accessors {
		if accessor == secret.Annotations[annotationAccessor] {
			continue
		}
		if _, err := write(ctx, client, path+"/secret-id-accessor/destroy", map[string]any{"secret_id_accessor": accessor}); err != nil {
			return "", err
		}
	}
	return secret.Annotations[annotationGeneration], nil
}

// minted tells whether a Secret holds a key as it is asked for.
func minted(secret *corev1.Secret, key jobs.TenantKey) bool {
	return secret != nil && secret.Annotations[annotationRotate] == key.Rotate && secret.Annotations[annotationAccessor] != ""
}

func contains(list []string, s string) bool {
	for _, element := range list {
		if element == s {
			return true
		}
	}
	return false
}

// mint mints a key: in OpenBao first, so that whoever reads the Secret has one
// that works. What a run leaves behind that is killed in between is destroyed by
// the next, which knows no Secret that has it.
func (w *work) mint(ctx context.Context, client *run.Client, t jobs.Tenant, key jobs.TenantKey, old *corev1.Secret) (*corev1.Secret, error) {
	path := "auth/approle/role/" + key.Name
	generation := rand.Text()
	metadata, _ := json.Marshal(map[string]string{metaGeneration: generation}) // of strings: this cannot fail
	id, err := write(ctx, client, path+"/secret-id", map[string]any{"metadata": string(metadata)})
	if err != nil {
		return nil, err
	}
	role, err := read(ctx, client, path+"/role-id")
	if err != nil {
		return nil, err
	}
	text := func(data map[string]any, key string) string { s, _ := data[key].(string); return s }
	roleID, secretID, accessor := text(role, "role_id"), text(id, "secret_id"), text(id, "secret_id_accessor")
	if roleID == "" || secretID == "" || accessor == "" {
		return nil, fmt.Errorf("OpenBao answered without an ID")
	}
	return w.keep(ctx, old, t.Name, jobs.TenantKeySecret(t.Name, key.Name), map[string]string{
		"role-id": roleID, "secret-id": secretID, "namespace": t.Namespace, "address": w.config.PublicAddress,
	}, map[string]string{annotationRotate: key.Rotate, annotationAccessor: accessor, annotationGeneration: generation})
}

// unchanged tells whether a tenant is as it was left, and its Secrets too. It
// asks OpenBao nothing, and Kubernetes for each Secret once.
func (w *work) unchanged(ctx context.Context, p plan, n namespace) (bool, error) {
	if n.state() != active || n.Metadata[metaApplied] != p.hash {
		return false, nil
	}
	t := p.tenant
	secret, err := w.adminSecret(ctx, t)
	if err != nil {
		return false, err
	}
	switch {
	case secret == nil && t.Admin.Secret == nil: // it was removed, and is minted again
		return false, nil
	case secret != nil && n.Metadata[metaAdmin] != version(secret):
		return false, nil
	}
	for _, key := range t.APIKeys {
		secret, err := w.own(ctx, t.Name, jobs.TenantKeySecret(t.Name, key.Name))
		if err != nil {
			return false, err
		}
		if !minted(secret, key) {
			return false, nil
		}
	}
	return w.credentialsCurrent(ctx, t)
}
