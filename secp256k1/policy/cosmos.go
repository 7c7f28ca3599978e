package policy

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/banhbaoring/banhbaoring/secp256k1/cosmos"
	"github.com/banhbaoring/banhbaoring/secp256k1/internal/strictjson"
)

// Cosmos is a policy of a key of Cosmos chains. It is safe for concurrent use.
type Cosmos struct{ doc cosmosPolicy }

// cosmosPolicy is the JSON of a policy.
type cosmosPolicy struct {
	Chains       []string            `json:"chains" doc:"ids of the chains, as celestia"`
	Messages     []cosmosMessageJSON `json:"messages" doc:"messages that are allowed: each of a transaction's must be allowed as a whole by one entry"`
	Fees         *cosmosFeesJSON     `json:"fees" doc:"caps on what one transaction may cost"`
	MaxMemoBytes uint64              `json:"maxMemoBytes,optional" doc:"the longest memo; 0 unless it is given"`
}

type cosmosMessageJSON struct {
	Name       label     `json:"name,optional" doc:"stands in the audit log in place of the rule's position"`
	Type       string    `json:"type" doc:"the message's type URL, as /cosmos.bank.v1beta1.MsgSend"`
	Recipients *anyTexts `json:"recipients,optional" doc:"who may receive: any, or a list of addresses; required for messages that have recipients"`
	Amounts    *anyCoins `json:"amounts,optional" doc:"the most of each denomination in one message: any, or a list of {denom, max}; a denomination that is not listed is refused; required for messages that move coins or let others spend them"`
}

type cosmosFeesJSON struct {
	Max      []coinJSON `json:"max" doc:"the most of each denomination; another is refused"`
	MaxGas   *uint64    `json:"maxGas" doc:"the highest gas limit"`
	Granters *anyTexts  `json:"granters,optional" doc:"whose fee allowance may pay: any, or a list of addresses; none unless it is given"`
	Payers   *anyTexts  `json:"payers,optional" doc:"who may be named as fee payer: any, or a list of addresses; none unless it is given"`
}

type coinJSON struct {
	Denom string   `json:"denom" doc:"the denomination, as utia"`
	Max   *integer `json:"max" doc:"a whole number of it"`
}

// integer is a whole number without a unit: denominations of Cosmos have none.
type integer struct{ *big.Int }

var integerPattern = regexp.MustCompile(`^(0|[1-9][0-9]{0,77})$`)

func (n *integer) read(r *reader, path string, v strictjson.Value) {
	text := fmt.Sprint(v)
	n.Int = new(big.Int)
	if !integerPattern.MatchString(text) {
		r.must(path, "a whole number, as a number or as text", v)
		return
	}
	n.SetString(text, 10)
}

func (*integer) schema() map[string]any {
	return map[string]any{"anyOf": []any{
		map[string]any{"type": "string", "pattern": integerPattern.String()},
		map[string]any{"type": "integer", "minimum": 0},
	}}
}

// anyCoins are caps by denomination, or any.
type anyCoins struct {
	any  bool
	list []coinJSON
}

func (c *anyCoins) read(r *reader, path string, v strictjson.Value) {
	if c.any = v == anyText; !c.any {
		r.value(path, v, reflect.ValueOf(&c.list).Elem())
	}
}

func (*anyCoins) schema() map[string]any { return anyOr(schemaOf(reflect.TypeFor[[]coinJSON]())) }

// ParseCosmos reads a policy. The error is Faults: everything that is wrong.
func ParseCosmos(text []byte) (*Cosmos, error) {
	r := &reader{}
	p := &Cosmos{}
	r.parse(text, &p.doc)
	p.check(r)
	if len(r.faults) > 0 {
		return nil, r.faults
	}
	return p, nil
}

func (p *Cosmos) check(r *reader) {
	for i, id := range p.doc.Chains {
		if id == "" || id == anyText {
			r.fault(fmt.Sprintf("chains[%d]", i), "must be a chain's id")
		}
	}
	seen := map[label]bool{}
	for i, m := range p.doc.Messages {
		path := fmt.Sprintf("messages[%d]", i)
		if m.Name != "" && seen[m.Name] {
			r.fault(path+".name", "must be unique (got "+string(m.Name)+" twice)")
		}
		seen[m.Name] = true
		known, recipients, coins := cosmos.KnownMessage(m.Type)
		if !known {
			if m.Type != "" {
				r.fault(path+".type", "must be one of "+strings.Join(cosmos.KnownMessages(), ", ")+", which alone can be judged (got "+m.Type+")")
			}
			continue
		}
		mustStand(r, path+".recipients", recipients, m.Recipients != nil)
		mustStand(r, path+".amounts", coins, m.Amounts != nil)
		if m.Amounts != nil {
			checkCoins(r, path+".amounts", m.Amounts.list)
		}
	}
	if p.doc.Fees != nil {
		checkCoins(r, "fees.max", p.doc.Fees.Max)
	}
}

func mustStand(r *reader, path string, wanted, stands bool) {
	if wanted && !stands {
		r.fault(path, "is missing: any is written out")
	}
	if !wanted && stands {
		r.fault(path, "must be left out: messages of this type have none")
	}
}

func checkCoins(r *reader, path string, coins []coinJSON) {
	seen := map[string]bool{}
	for i, c := range coins {
		if seen[c.Denom] {
			r.fault(fmt.Sprintf("%s[%d].denom", path, i), "must be unique (got "+c.Denom+" twice)")
		}
		seen[c.Denom] = true
	}
}

// CheckDoc decides on a SignDoc.
func (p *Cosmos) CheckDoc(d *cosmos.SignDoc) (*Decision, error) {
	hash := d.SigHash()
	facts := Facts{Method: "sign-doc", Chain: d.ChainID, Hash: "0x" + hex.EncodeToString(hash[:])}
	var recipients, values []string
	for _, m := range d.Messages {
		recipients = append(recipients, m.Recipients...)
		for _, c := range m.Coins {
			values = append(values, c.Amount.String()+c.Denom)
		}
	}
	facts.Recipient, facts.Value = strings.Join(recipients, ","), strings.Join(values, ",")
	if !slices.Contains(p.doc.Chains, d.ChainID) {
		return nil, refuse(CodeChain, facts, "chains has no "+d.ChainID, "add the chain")
	}
	var rules []string
	for i, m := range d.Messages {
		rule, refusal := p.checkMessage(m, fmt.Sprintf("messages[%d]", i), facts)
		if refusal != nil {
			return nil, refusal
		}
		if !slices.Contains(rules, rule) {
			rules = append(rules, rule)
		}
	}
	facts.Rule = strings.Join(rules, ",")
	if refusal := p.checkFee(d, facts); refusal != nil {
		return nil, refusal
	}
	return &Decision{Facts: facts}, nil
}

func (p *Cosmos) checkMessage(m cosmos.Message, path string, facts Facts) (string, *Refusal) {
	best := refuse(CodeMessageType, facts, path+" is "+m.TypeURL+", which no entry of messages allows", "add one")
	for i, rule := range p.doc.Messages {
		if rule.Type != m.TypeURL {
			continue
		}
		facts.Rule = idOf(rule.Name, "messages", i)
		if refusal := rule.check(m, path, facts); refusal != nil {
			best = refusal
			continue
		}
		return facts.Rule, nil
	}
	return "", best
}

func (rule *cosmosMessageJSON) check(m cosmos.Message, path string, facts Facts) *Refusal {
	for _, recipient := range m.Recipients {
		if !rule.Recipients.allows(recipient) {
			return refuse(CodeRecipient, facts, path+" is for "+recipient+", whom recipients does not name", "add it")
		}
	}
	if rule.Amounts == nil || rule.Amounts.any {
		return nil
	}
	if m.Unlimited {
		return refuse(CodeValue, facts, path+" lets the grantee spend without a limit", "set a spend limit")
	}
	if c := aboveCoins(m.Coins, rule.Amounts.list); c != nil {
		return refuse(CodeValue, facts, path+" has "+c.Amount.String()+c.Denom+", above what amounts allows", "send less, or raise it")
	}
	return nil
}

func (p *Cosmos) checkFee(d *cosmos.SignDoc, facts Facts) *Refusal {
	fees := p.doc.Fees
	switch {
	case d.GasLimit > *fees.MaxGas:
		return refuse(CodeGas, facts, fmt.Sprintf("gas_limit is %d, above fees.maxGas of %d", d.GasLimit, *fees.MaxGas), "send less gas, or raise the cap")
	case d.Granter != "" && !fees.Granters.allows(d.Granter):
		return refuse(CodeGranter, facts, "fees.granters does not name "+d.Granter, "add it")
	case d.Payer != "" && !fees.Payers.allows(d.Payer):
		return refuse(CodeGranter, facts, "fees.payers does not name "+d.Payer, "add it, or leave the payer out")
	case uint64(len(d.Memo)) > p.doc.MaxMemoBytes:
		return refuse(CodeMemo, facts, fmt.Sprintf("memo has %d bytes, above maxMemoBytes of %d", len(d.Memo), p.doc.MaxMemoBytes), "shorten it, or raise the cap")
	}
	if c := aboveCoins(d.Fee, fees.Max); c != nil {
		return refuse(CodeFee, facts, "the fee has "+c.Amount.String()+c.Denom+", above what fees.max allows", "lower the fee, or raise the cap")
	}
	return nil
}

// allows reports whether text is in the list. Without a list none is.
func (a *anyTexts) allows(text string) bool {
	return a != nil && (a.any || slices.Contains(a.list, text))
}

// aboveCoins is the first coin that caps do not allow, or nil.
func aboveCoins(coins []cosmos.Coin, caps []coinJSON) *cosmos.Coin {
	for i, c := range coins {
		allowed := slices.ContainsFunc(caps, func(limit coinJSON) bool {
			return limit.Denom == c.Denom && c.Amount.Cmp(limit.Max.Int) <= 0
		})
		if !allowed {
			return &coins[i]
		}
	}
	return nil
}
