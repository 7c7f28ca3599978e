package server

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/ethereum"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/openbao"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
	"github.com/banhbaoring/banhbaoring/controlplane/signer/queue"
)

// The engine's methods, and the types of keys that have them.
const (
	signTx            = "sign-tx"
	signPreimage      = "sign-preimage"
	signMessage       = "sign-message"
	signTypedData     = "sign-typed-data"
	signAuthorization = "sign-authorization"
	signDoc           = "sign-doc"

	typeEVM = "evm"
)

// sign has the engine sign by a key's policy.
func (s *Server) sign(ctx context.Context, by *client, key *openbao.Key, method, input string) (*openbao.Result, error) {
	entry := queue.Entry{Method: method, Key: key.Name, Client: by.Client, Credential: by.Hash, Input: input}
	result, err := s.Queue.Sign(ctx, by.Tenant, entry)
	if err == nil && result.Code == "policy_changed" {
		// What was decided by the policy before is decided anew.
		result, err = s.Queue.Sign(ctx, by.Tenant, entry)
	}
	if err != nil {
		return nil, err
	}
	if p := result.Problem(); p != nil {
		return nil, p
	}
	return &result, nil
}

// byAddress is the client's key of an address. Where none is given, it is the only one.
func (c *client) byAddress(address string) (*openbao.Key, error) {
	var found []*openbao.Key
	for i, k := range c.keys {
		if k.Type == typeEVM && (address == "" || strings.EqualFold(k.Address, address)) {
			found = append(found, &c.keys[i])
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case address == "":
		return nil, problem.Invalid("name the sender", "the client has %d keys for Ethereum, and the request names none", len(found))
	}
	return nil, c.noKey("address " + address)
}

// byName is the client's key of a name.
func (c *client) byName(name string) (*openbao.Key, error) {
	for i, k := range c.keys {
		if k.Name == name {
			return &c.keys[i], nil
		}
	}
	return nil, c.noKey("that name")
}

func (c *client) noKey(what string) error {
	return &problem.Problem{
		Code: "key_not_found", What: "client " + c.Client + " has no key of " + what, Rule: "clients",
		Remedy: "name the client in the key's clients, in Git", Status: 404,
	}
}

func (c *call) healthStatus(context.Context) (any, error) { return c.Version, nil }

func (c *call) accounts(context.Context) (any, error) {
	addresses := []string{}
	for _, k := range c.by.keys {
		if k.Type == typeEVM {
			addresses = append(addresses, k.Address)
		}
	}
	return addresses, nil
}

func (c *call) chainID(context.Context) (any, error) {
	if c.chain == 0 {
		return nil, &problem.Problem{
			Code: "chain_missing", What: "the signer serves any chain, and this endpoint names none", Rule: "endpoint",
			Remedy: "use the endpoint /chains/<chain id>", Status: 400,
		}
	}
	return fmt.Sprintf("0x%x", c.chain), nil
}

func (c *call) signTransaction(ctx context.Context) (any, error) {
	params, err := c.list(1)
	if err != nil {
		return nil, err
	}
	tx, err := ethereum.ReadTransaction(params[0], c.chain)
	if err != nil {
		return nil, err
	}
	key, err := c.by.byAddress(tx.From)
	if err != nil {
		return nil, err
	}
	result, err := c.signTx(ctx, c.by, key, tx)
	if err != nil {
		return nil, err
	}
	return result.Raw, nil
}

// signTx signs a transaction, and attaches its sidecar to what is signed.
func (s *Server) signTx(ctx context.Context, by *client, key *openbao.Key, tx *ethereum.Transaction) (*openbao.Result, error) {
	if tx.Sidecar != nil {
		if err := s.Checker.Check(ctx, tx.Sidecar); err != nil {
			return nil, err
		}
	}
	result, err := s.sign(ctx, by, key, signTx, tx.Input)
	if err != nil || tx.Sidecar == nil {
		return result, err
	}
	result.Raw, err = tx.Sidecar.Attach(result.Raw)
	return result, err
}

// addressed signs what stands beside an address in the parameters.
func (c *call) addressed(ctx context.Context, method string, address json.RawMessage, input string) (any, error) {
	var text string
	if json.Unmarshal(address, &text) != nil {
		return nil, problem.Invalid("send an address", "the parameter for the address must be text")
	}
	text, err := ethereum.ReadAddress(text)
	if err != nil {
		return nil, err
	}
	key, err := c.by.byAddress(text)
	if err != nil {
		return nil, err
	}
	result, err := c.sign(ctx, c.by, key, method, input)
	if err != nil {
		return nil, err
	}
	return result.Signature, nil
}

// signPreimage is eth_sign of [address, data]: data is what would be hashed, which the
// engine decodes and judges. A hash is refused.
func (c *call) signPreimage(ctx context.Context) (any, error) {
	params, err := c.list(2)
	if err != nil {
		return nil, err
	}
	data, err := hexText("data", params[1])
	if err != nil {
		return nil, err
	}
	return c.addressed(ctx, signPreimage, params[0], data)
}

// signMessage is personal_sign of [message, address].
func (c *call) signMessage(ctx context.Context) (any, error) {
	params, err := c.list(2)
	if err != nil {
		return nil, err
	}
	message, err := hexText("message", params[0])
	if err != nil {
		return nil, err
	}
	return c.addressed(ctx, signMessage, params[1], message)
}

// signTypedData is eth_signTypedData_v4 of [address, data]: an object, or its text.
func (c *call) signTypedData(ctx context.Context) (any, error) {
	params, err := c.list(2)
	if err != nil {
		return nil, err
	}
	return c.addressed(ctx, signTypedData, params[0], textOrObject(params[1]))
}

// signBlock is opsigner_signBlockPayload of a list with the payload, which is answered
// with the signature's text, or of the payload itself, which is answered with an object.
func (c *call) signBlock(ctx context.Context) (any, error) {
	payload := bytes.TrimSpace(c.params)
	object := len(payload) > 0 && payload[0] == '{'
	if !object {
		params, err := c.list(1)
		if err != nil {
			return nil, err
		}
		payload = params[0]
	}
	sender, err := ethereum.ReadSender(payload)
	if err != nil {
		return nil, err
	}
	key, err := c.by.byAddress(sender)
	if err != nil {
		return nil, err
	}
	result, err := c.sign(ctx, c.by, key, queue.SignBlock, string(payload))
	if err != nil {
		return nil, err
	}
	if object {
		return map[string]string{"signature": result.Signature}, nil
	}
	return result.Signature, nil
}

// signAuthorization is banhbaoring_signAuthorization of [address, {chainId, address,
// nonce}] (EIP-7702); there is no common method for it.
func (c *call) signAuthorization(ctx context.Context) (any, error) {
	params, err := c.list(2)
	if err != nil {
		return nil, err
	}
	var address string
	if json.Unmarshal(params[0], &address) != nil || address == "" {
		return nil, problem.Invalid("send the key's address first", "the parameter for the address must be text")
	}
	key, err := c.by.byAddress(address)
	if err != nil {
		return nil, err
	}
	result, err := c.sign(ctx, c.by, key, signAuthorization, textOrObject(params[1]))
	if err != nil {
		return nil, err
	}
	return json.RawMessage(result.Authorization), nil
}

// hexText is a parameter's text, 0x and hex.
func hexText(name string, value json.RawMessage) (string, error) {
	var text string
	digits, ok := "", false
	if json.Unmarshal(value, &text) == nil {
		digits, ok = strings.CutPrefix(text, "0x")
	}
	if _, err := hex.DecodeString(digits); err != nil || !ok {
		return "", problem.Invalid("send bytes in hex with 0x", "%s must be 0x and hex digits, two a byte", name)
	}
	return text, nil
}

// textOrObject is the text that a value is, or its JSON.
func textOrObject(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}
