// Package policy says what a key may sign. A policy is JSON, read once by ParseEVM
// or ParseCosmos; its checks are pure: the same policy and the same request give
// the same decision. What a policy does not allow is refused.
package policy

import (
	"fmt"
	"math/big"
	"strings"
)

// Fault is one thing that is wrong in a policy's JSON.
type Fault struct {
	Path string // as rules[2].to; empty for the whole
	What string // must be … (got …)
}

func (f Fault) String() string {
	if f.Path == "" {
		return "policy: " + f.What
	}
	return f.Path + ": " + f.What
}

// Faults are all that is wrong in a policy.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// Facts are what was decoded from a request, as flat strings for an audit log.
// None holds a space.
type Facts struct {
	Method    string // sign-tx, sign-authorization, sign-message, sign-typed-data, sign-block, sign-doc
	Chain     string // decimal, or a Cosmos chain's id; empty where a message has none
	Recipient string // address, or several with commas; "create" for a contract's creation
	Value     string // wei, or Cosmos coins as 5utia,1ibc/…
	Hash      string // what is signed; the caller may put the transaction's hash in its place
	Rule      string // the rule that decided
}

// String is the facts as method=… chain=… recipient=… value=… hash=… rule=…, without those
// that are empty.
func (f Facts) String() string {
	var b strings.Builder
	for _, fact := range [][2]string{{"method", f.Method}, {"chain", f.Chain}, {"recipient", f.Recipient}, {"value", f.Value}, {"hash", f.Hash}, {"rule", f.Rule}} {
		if fact[1] != "" {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(fact[0] + "=" + fact[1])
		}
	}
	return b.String()
}

// Spend is what one signature can cost at worst, or several together. Amounts are
// in wei, and never nil.
type Spend struct {
	Value *big.Int
	Fees  *big.Int
	Count uint64
}

// Decision allows a request. Its facts name the rule.
type Decision struct {
	Facts Facts
	// Spend counts against the policy's budget; it is nil for what no budget
	// bounds: block payloads, and all that Cosmos keys sign.
	Spend *Spend
}

// Refusal is an error that says why a request is not signed.
type Refusal struct {
	Code   Code
	Facts  Facts  // as far as they were decoded; Rule is the one that came nearest, or empty
	What   string // which value is not allowed, and what is
	Remedy string // what to do about it
}

// Code is a refusal's reason, for programs.
type Code string

// The codes of refusals.
const (
	CodeMethod       Code = "method_not_allowed" // the policy has no rules for this at all
	CodeChain        Code = "chain_not_allowed"
	CodeChainMissing Code = "chain_missing" // and the policy has not exactly one
	CodeType         Code = "type_not_allowed"
	CodeRecipient    Code = "recipient_not_allowed"
	CodeSelector     Code = "selector_not_allowed"
	CodeArgs         Code = "args_not_allowed"
	CodeValue        Code = "value_above_cap"
	CodeGas          Code = "gas_above_cap"
	CodeFee          Code = "fee_above_cap"
	CodeData         Code = "data_above_cap"
	CodeCreation     Code = "creation_not_allowed"
	CodeDelegate     Code = "delegate_not_allowed"
	CodeMessage      Code = "message_not_allowed"
	CodeTypedData    Code = "typed_data_not_allowed"
	CodeDomain       Code = "domain_not_allowed" // a block payload's domain is not zero
	CodeBudget       Code = "budget_exceeded"
	CodeMemo         Code = "memo_above_cap"
	CodeMessageType  Code = "message_type_not_allowed"
	CodeGranter      Code = "granter_not_allowed"
)

// Error is the code, the rule, what is wrong and what to do, in one line.
func (r *Refusal) Error() string {
	rule := ""
	if r.Facts.Rule != "" {
		rule = r.Facts.Rule + ": "
	}
	return fmt.Sprintf("%s: %s%s; %s", r.Code, rule, r.What, r.Remedy)
}
