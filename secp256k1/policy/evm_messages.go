package policy

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/banhbaoring/banhbaoring/secp256k1/evm"
	"github.com/banhbaoring/banhbaoring/secp256k1/internal/strictjson"
)

// messagesJSON are the messages that may be signed.
type messagesJSON struct {
	any  bool
	list []messageJSON
}

type messageJSON struct {
	Equals *string `json:"equals,optional" doc:"the whole text"`
	Prefix *string `json:"prefix,optional" doc:"how the text begins"`
}

func (m *messagesJSON) read(r *reader, path string, v strictjson.Value) {
	if m.any = v == anyText; m.any {
		return
	}
	list, ok := v.(strictjson.List)
	if !ok {
		r.must(path, "any, or a list of {equals} and {prefix}", v)
		return
	}
	m.list = make([]messageJSON, len(list))
	for i, item := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		o, ok := item.(*strictjson.Object)
		if !ok || len(o.Names) != 1 {
			r.must(at, "{equals} or {prefix}", item)
			continue
		}
		r.object(at, o, reflect.ValueOf(&m.list[i]).Elem())
		if prefix := m.list[i].Prefix; prefix != nil && *prefix == "" {
			r.fault(at+".prefix", "must not be empty: write messages: any if every message may be signed")
		}
	}
}

func (*messagesJSON) schema() map[string]any {
	one := schemaOf(reflect.TypeFor[messageJSON]())
	one["minProperties"], one["maxProperties"] = 1, 1
	return anyOr(map[string]any{"type": "array", "items": one})
}

// CheckMessage decides on an EIP-191 message. One of 32 bytes is always refused: it
// would be a hash of anything to a contract wallet.
func (p *EVM) CheckMessage(m evm.Message) (*Decision, error) {
	facts := Facts{Method: "sign-message", Hash: m.SigHash().String()}
	rules := p.doc.Messages
	switch {
	case rules == nil || !rules.any && len(rules.list) == 0:
		return nil, refuse(CodeMethod, facts, "the policy allows no messages", "add messages")
	case len(m) == 32:
		return nil, refuse(CodeMessage, facts, "the message has 32 bytes: it may be the hash of anything, such as a contract wallet's transaction", "sign a text that says what it is for")
	case rules.any:
		facts.Rule = "messages"
		return &Decision{Facts: facts, Spend: count()}, nil
	}
	for i, one := range rules.list {
		if one.Equals != nil && string(m) == *one.Equals || one.Prefix != nil && strings.HasPrefix(string(m), *one.Prefix) {
			facts.Rule = fmt.Sprintf("messages[%d]", i)
			return &Decision{Facts: facts, Spend: count()}, nil
		}
	}
	return nil, refuse(CodeMessage, facts, "no entry of messages allows this text", "add it")
}

type typedDataJSON struct {
	Name       label          `json:"name,optional" doc:"stands in the audit log in place of the rule's position"`
	Chain      chainID        `json:"chain" doc:"the chain's id in the domain"`
	Contract   address        `json:"contract" doc:"verifyingContract of the domain"`
	EncodeType *string        `json:"encodeType" doc:"the primary type and those that it refers to, as EIP-712 encodes them: Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"`
	Fields     conditionsJSON `json:"fields" doc:"a condition for every field of the primary type"`
}

// typedRule is an entry of typedData that was read.
type typedRule struct {
	*typedDataJSON
	id     string
	fields []*condition
}

func compileTyped(r *reader, i int, doc *typedDataJSON) typedRule {
	rule := typedRule{typedDataJSON: doc, id: idOf(doc.Name, "typedData", i)}
	if doc.EncodeType == nil { // told already
		return rule
	}
	path := fmt.Sprintf("typedData[%d]", i)
	t, err := evm.ParseEncodeType(*doc.EncodeType)
	if err != nil {
		r.fault(path+".encodeType", err.Error())
	} else if doc.Fields.object != nil {
		rule.fields = doc.Fields.compile(r, t.Fields, false)
		if trivial(rule.fields) {
			r.fault(path+".fields", "must bound a field: what every message of this type may say, a contract may take for anything")
		}
	}
	return rule
}

// CheckTypedData decides on EIP-712 typed data.
func (p *EVM) CheckTypedData(d *evm.TypedData) (*Decision, error) {
	facts := Facts{Method: "sign-typed-data", Hash: d.SigHash().String()}
	if d.ChainID != nil {
		facts.Chain = fmt.Sprint(*d.ChainID)
	}
	if d.Contract != nil {
		facts.Recipient = d.Contract.String()
	}
	switch {
	case len(p.typedData) == 0:
		return nil, refuse(CodeMethod, facts, "the policy allows no typed data", "add typedData")
	case d.ChainID == nil || d.Contract == nil:
		return nil, refuse(CodeTypedData, facts, "the domain has no chainId or no verifyingContract, so that it holds elsewhere too", "bind the domain to both")
	}
	best := refuse(CodeTypedData, facts, "no entry of typedData is for this chain, contract and type: "+d.EncodeType, "add one")
	for _, rule := range p.typedData {
		if uint64(rule.Chain) != *d.ChainID || rule.Contract.Address != *d.Contract || *rule.EncodeType != d.EncodeType {
			continue
		}
		facts.Rule = rule.id
		i, ok := allowAll(rule.fields, d.Message.Values, false)
		if ok {
			return &Decision{Facts: facts, Spend: count()}, nil
		}
		best = refuse(CodeTypedData, facts, d.Message.Type.Fields[i].Name+" is not one that fields allows", "send another, or add it")
	}
	return nil, best
}
