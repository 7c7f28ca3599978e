package secp256k1

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/banhbaoring/banhbaoring/secp256k1/policy"
)

// The types of keys. A key of type raw signs any hash; the others sign what their
// policy allows, after it was decoded.
const (
	typeRaw    = "raw"
	typeEVM    = "evm"
	typeCosmos = "cosmos"
)

// What a nonceGuard permits a nonce that has signed to sign again.
const (
	guardOff           = ""
	guardSameContent   = "sameContent"   // the same transaction, at any fee
	guardSameRecipient = "sameRecipient" // any transaction to the same recipient
)

const (
	minLease = time.Second
	maxLease = time.Minute
)

// maxSettings is how long a policy, or a list of clients, may be: a key's record must
// fit into an entry of raft's log, 1 MiB.
const maxSettings = 400 << 10

// settings are what a typed key may sign and for whom. They are set as a whole.
type settings struct {
	kind       string
	policyText string // as it was given
	clients    []client
	fence      time.Duration // the lease of the block fence; 0 is none
	nonceGuard string

	evm    *policy.EVM    // of type evm
	cosmos *policy.Cosmos // of type cosmos
}

// settingsText are the settings as a request or a record holds them. Policy and
// clients are JSON inside a string: OpenBao 2.4.1 and later refuse a request of
// more than 1,000 strings.
type settingsText struct {
	kind, policy, clients, fence, nonceGuard string
}

// parseSettings reads settings and tells every fault in them.
func parseSettings(t settingsText) (*settings, error) {
	s, f := &settings{kind: t.kind, policyText: t.policy, nonceGuard: t.nonceGuard}, faults{}
	if s.kind == "" {
		s.kind = typeRaw
	}
	for name, text := range map[string]string{"policy": t.policy, "clients": t.clients} {
		if len(text) > maxSettings {
			return nil, fault(fmt.Sprintf("%s: must be at most %d bytes (got %d)", name, maxSettings, len(text)))
		}
	}
	switch s.kind {
	case typeRaw:
		if t.policy != "" || t.clients != "" || t.fence != "" || t.nonceGuard != guardOff {
			f.add("type: must be evm or cosmos where there is a policy, clients, fence or nonce_guard (got raw)")
		}
		return s, f.err()
	case typeEVM, typeCosmos:
		f = append(f, s.parsePolicy(t.policy)...)
	default:
		f.add("type: must be raw, evm or cosmos (got %q)", s.kind)
	}
	clients, wrong := parseClients(t.clients)
	s.clients, f = clients, append(f, wrong...)
	f = append(f, s.parseGuards(t)...)
	return s, f.err()
}

func (s *settings) parsePolicy(text string) (f faults) {
	if strings.TrimSpace(text) == "" {
		return faults{"policy: must be given where type is " + s.kind}
	}
	var err error
	if s.kind == typeEVM {
		s.evm, err = policy.ParseEVM([]byte(text))
	} else {
		s.cosmos, err = policy.ParseCosmos([]byte(text))
	}
	var wrong policy.Faults
	switch {
	case errors.As(err, &wrong):
		for _, w := range wrong {
			if w.Path == "" {
				f.add("policy: %s", w.What)
			} else {
				f.add("policy.%s: %s", w.Path, w.What)
			}
		}
	case err != nil:
		f.add("policy: %v", err)
	}
	return f
}

func (s *settings) parseGuards(t settingsText) (f faults) {
	if t.fence != "" {
		lease, err := time.ParseDuration(t.fence)
		if err != nil || lease < minLease || lease > maxLease {
			f.add("fence: must be a lease of %v to %v, such as 4s (got %q)", minLease, maxLease, t.fence)
		}
		s.fence = lease
	}
	switch t.nonceGuard {
	case guardOff, guardSameContent, guardSameRecipient:
	default:
		f.add("nonce_guard: must be %s, %s or left out (got %q)", guardSameContent, guardSameRecipient, t.nonceGuard)
	}
	if s.kind == typeCosmos && (t.fence != "" || t.nonceGuard != guardOff) {
		f.add("type: must be evm where there is a fence or nonce_guard (got cosmos)")
	}
	return f
}

// text is the settings as they are stored and shown.
func (s *settings) text() settingsText {
	t := settingsText{kind: s.kind, policy: s.policyText, nonceGuard: s.nonceGuard}
	if len(s.clients) > 0 {
		clients, _ := json.Marshal(s.clients) // strings alone: it cannot fail
		t.clients = string(clients)
	}
	if s.fence > 0 {
		t.fence = s.fence.String()
	}
	return t
}
