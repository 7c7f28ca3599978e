package signing

import (
	"bytes"
	"strings"
	"testing"
)

func signer(t *testing.T) *Signer {
	t.Helper()
	s, err := Parse(New())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOnlyTheOwnerSigns(t *testing.T) {
	one, other := signer(t), signer(t)
	text := []byte("what was backed up")
	signature := one.Sign(text)
	if !one.Public().Verify(text, signature) {
		t.Error("the signature is not valid")
	}
	for name, valid := range map[string]bool{
		"another key":       other.Public().Verify(text, signature),
		"another text":      one.Public().Verify(append([]byte("x"), text...), signature),
		"another signature": one.Public().Verify(text, other.Sign(text)),
		"no signature":      one.Public().Verify(text, nil),
		"no key":            Key("").Verify(text, signature),
	} {
		if valid {
			t.Errorf("%s: valid", name)
		}
	}
	if bytes.Equal(one.Derive("a"), one.Derive("b")) || bytes.Equal(one.Derive("a"), other.Derive("a")) || !bytes.Equal(one.Derive("a"), one.Derive("a")) {
		t.Error("what is derived does not depend on key and purpose alone")
	}
}

func TestKeysAreReadAndNeverShown(t *testing.T) {
	one := signer(t)
	keys, err := ParseKeys("\n" + string(one.Public()) + "\n" + string(signer(t).Public()))
	if err != nil || len(keys) != 2 || keys[0] != one.Public() {
		t.Errorf("got %v, %v", keys, err)
	}
	secret := string(New())
	for _, bad := range []string{secret, "ed25519:", "ed25519:AAAA", "age1qqq", string(one.Public())[:40]} {
		if _, err := ParseKey(bad); err == nil || strings.Contains(err.Error(), strings.TrimPrefix(secret, private)) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	for _, bad := range []string{"", string(one.Public()), secret[:30]} {
		if _, err := Parse([]byte(bad)); err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
