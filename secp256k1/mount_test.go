package secp256k1

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/openbao/openbao/sdk/v2/logical"
)

// copying is storage that hands out and keeps copies, as the connection between
// OpenBao and a plugin does.
type copying struct {
	logical.Storage
	afterGet func() // what happens on another connection meanwhile
}

func (c *copying) Get(ctx context.Context, path string) (*logical.StorageEntry, error) {
	entry, err := c.Storage.Get(ctx, path)
	if entry != nil {
		entry = &logical.StorageEntry{Key: entry.Key, Value: slices.Clone(entry.Value)}
	}
	if c.afterGet != nil {
		c.afterGet()
	}
	return entry, err
}

func (c *copying) Put(ctx context.Context, entry *logical.StorageEntry) error {
	return c.Storage.Put(ctx, &logical.StorageEntry{Key: entry.Key, Value: slices.Clone(entry.Value)})
}

// mount is the engine with storage of its own.
type mount struct {
	testing.TB
	backend *backend
	storage *copying
}

func newMount(t testing.TB) *mount {
	t.Helper()
	return mountOn(t, &copying{Storage: &logical.InmemStorage{}})
}

func mountOn(t testing.TB, storage *copying) *mount {
	t.Helper()
	b, err := Factory(context.Background(), &logical.BackendConfig{StorageView: storage, System: &logical.StaticSystemView{}})
	if err != nil {
		t.Fatal(err)
	}
	return &mount{TB: t, backend: b.(*backend), storage: storage}
}

type fields = map[string]any

func (m *mount) request(operation logical.Operation, path string, data fields) (*logical.Response, error) {
	return m.backend.HandleRequest(context.Background(), &logical.Request{
		Operation: operation, Path: path, Data: data, Storage: m.storage,
	})
}

// do is a request that must succeed.
func (m *mount) do(operation logical.Operation, path string, data fields) fields {
	m.Helper()
	response, err := m.request(operation, path, data)
	if err != nil {
		m.Fatalf("%s %s: %v", operation, path, err)
	}
	if response.IsError() {
		m.Fatalf("%s %s: %v", operation, path, response.Error())
	}
	if response == nil {
		return nil
	}
	return response.Data
}

func (m *mount) write(path string, data fields) fields {
	m.Helper()
	return m.do(logical.UpdateOperation, path, data)
}

func (m *mount) read(path string) fields {
	m.Helper()
	return m.do(logical.ReadOperation, path, nil)
}

// refused is a request that must be answered with status 400 and this text.
func (m *mount) refused(operation logical.Operation, path string, data fields, want string) {
	m.Helper()
	response, err := m.request(operation, path, data)
	if err != nil || !response.IsError() {
		m.Fatalf("%s %s: got %v, %v, want an error response", operation, path, response, err)
	}
	if got := response.Error().Error(); !strings.Contains(got, want) {
		m.Errorf("%s %s: got %q, want %q in it", operation, path, got, want)
	}
}

// missing is a request that must be answered with status 404.
func (m *mount) missing(operation logical.Operation, path string, data fields) {
	m.Helper()
	response, err := m.request(operation, path, data)
	var coded logical.HTTPCodedError
	if !errors.As(err, &coded) || coded.Code() != http.StatusNotFound {
		m.Errorf("%s %s: got %v, %v, want status 404", operation, path, response, err)
	}
}

func (m *mount) importHex(name, key string) fields {
	m.Helper()
	return m.write("keys/"+name+"/import", fields{"ciphertext": b64(unhex(m, key))})
}

func b64(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func unb64(t testing.TB, s any) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(s.(string))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// status is a request that must be answered with this status and text.
func (m *mount) status(want int, path string, data fields, text string) *logical.Response {
	m.Helper()
	response, err := m.request(logical.UpdateOperation, path, data)
	var coded logical.HTTPCodedError
	if !errors.As(err, &coded) || coded.Code() != want || !strings.Contains(err.Error(), text) {
		m.Errorf("%s: got %v, %v, want status %d and %q", path, response, err, want, text)
	}
	return response
}
