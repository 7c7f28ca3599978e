package secp256k1

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	dcrec "github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/openbao/openbao/sdk/v2/framework"
	"github.com/openbao/openbao/sdk/v2/logical"
)

const (
	wrappingKeyPath = "wrapping_key" // in storage, and in the API
	wrappingKeyBits = 4096
)

func (b *backend) importPaths() []*framework.Path {
	return []*framework.Path{
		{
			Pattern:      "keys/" + framework.GenericNameRegex("name") + "/import",
			HelpSynopsis: "Bring a key of your own",
			Fields:       importFields(),
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.UpdateOperation: operation(b.importKey, "Import a key", true),
			},
		},
		{
			Pattern:      wrappingKeyPath,
			HelpSynopsis: "The RSA key that wraps an import",
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ReadOperation: operation(b.readWrappingKey, "Read the wrapping key's public half", true),
			},
		},
	}
}

func importFields() map[string]*framework.FieldSchema {
	fields := newKeyFields()
	fields["ciphertext"] = &framework.FieldSchema{
		Type:     framework.TypeString,
		Required: true,
		Description: "The private key's 32 bytes, base64: as they are, or wrapped with the " +
			"public key from wrapping_key (RSA-OAEP, SHA-256, no label)",
	}
	fields["expect_address"] = &framework.FieldSchema{
		Type:        framework.TypeString,
		Description: "The address that the key must have, 0x and 40 hex digits (Ethereum) or 40 hex digits (Cosmos); another key is refused",
	}
	return fields
}

func (b *backend) importKey(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
	s, err := parseSettings(readSettings(data))
	if err != nil {
		return nil, err
	}
	material, err := decodeBase64("ciphertext", data.Get("ciphertext").(string))
	if err != nil {
		return nil, err
	}
	defer clear(material)
	if len(material) == wrappingKeyBits/8 {
		if material, err = b.unwrap(ctx, req.Storage, material); err != nil {
			return nil, err
		}
		defer clear(material)
	}
	private, err := parsePrivateKey(material)
	if err != nil {
		return nil, fault("invalid secp256k1 key in ciphertext: " + err.Error())
	}
	if err := expectAddress(data.Get("expect_address").(string), private.PubKey()); err != nil {
		private.Zero()
		return nil, err
	}
	return b.add(ctx, req.Storage, data, private, &key{settings: s, imported: true})
}

// expectAddress refuses a key that is not the one whose address is expected.
func expectAddress(want string, public *dcrec.PublicKey) error {
	got := cosmosAddress(public)
	if strings.HasPrefix(want, "0x") {
		got = ethereumAddress(public)
	}
	if want != "" && !strings.EqualFold(want, got) {
		return fault("expect_address: must be the imported key's address " + got)
	}
	return nil
}

// decodeBase64 decodes a field that must not be empty. Its errors do not quote
// the field's value, which may be a key.
func decodeBase64(field, value string) ([]byte, error) {
	if value == "" {
		return nil, fault("missing " + field)
	}
	raw, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		clear(raw)
		return nil, fault(fmt.Sprintf("invalid %s: not valid base64", field))
	}
	return raw, nil
}

func (b *backend) unwrap(ctx context.Context, storage logical.Storage, wrapped []byte) ([]byte, error) {
	wrapping, err := loadWrappingKey(ctx, storage)
	if err != nil {
		return nil, err
	}
	if wrapping == nil {
		return nil, fault("invalid ciphertext: nothing can be wrapped before wrapping_key is read")
	}
	material, err := rsa.DecryptOAEP(sha256.New(), nil, wrapping, wrapped, nil)
	if err != nil {
		return nil, fault("invalid ciphertext: not wrapped with this mount's wrapping_key by RSA-OAEP with SHA-256")
	}
	if len(material) != dcrec.PrivKeyBytesLen {
		defer clear(material)
		return nil, fault(fmt.Sprintf("invalid ciphertext: private key must be 32 bytes, got %d", len(material)))
	}
	return material, nil
}

// readWrappingKey answers with the wrapping key's public half. The first read
// makes the key.
func (b *backend) readWrappingKey(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	defer b.lock(wrappingKeyPath)()
	wrapping, err := loadWrappingKey(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	if wrapping == nil {
		if wrapping, err = makeWrappingKey(ctx, req.Storage); err != nil {
			return nil, err
		}
	}
	der, err := x509.MarshalPKIXPublicKey(&wrapping.PublicKey)
	if err != nil {
		return nil, err
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	return &logical.Response{Data: map[string]any{"public_key": string(public)}}, nil
}

// loadWrappingKey returns nil if there is none.
func loadWrappingKey(ctx context.Context, storage logical.Storage) (*rsa.PrivateKey, error) {
	entry, err := storage.Get(ctx, wrappingKeyPath)
	if err != nil || entry == nil {
		return nil, err
	}
	defer clear(entry.Value)
	wrapping, err := x509.ParsePKCS1PrivateKey(entry.Value)
	if err != nil {
		return nil, errors.New("wrapping_key: what is stored is not an RSA key")
	}
	return wrapping, nil
}

func makeWrappingKey(ctx context.Context, storage logical.Storage) (*rsa.PrivateKey, error) {
	wrapping, err := rsa.GenerateKey(rand.Reader, wrappingKeyBits)
	if err != nil {
		return nil, err
	}
	value := x509.MarshalPKCS1PrivateKey(wrapping)
	defer clear(value)
	return wrapping, storage.Put(ctx, &logical.StorageEntry{Key: wrappingKeyPath, Value: value, SealWrap: true})
}
