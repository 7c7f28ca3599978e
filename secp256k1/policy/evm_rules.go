package policy

import (
	"fmt"

	"github.com/banhbaoring/banhbaoring/secp256k1/evm"
)

// rule is a rule that was read.
type rule struct {
	*ruleJSON
	id       string
	position int
	params   []evm.Param // of the function that conditions are for
	args     []*condition
}

func compileRule(r *reader, i int, doc *ruleJSON, budget *Budget) *rule {
	path := fmt.Sprintf("rules[%d]", i)
	compiled := &rule{ruleJSON: doc, id: idOf(doc.Name, "rules", i), position: i}
	if doc.To.any && doc.Selectors.any && !doc.Unsafe {
		r.fault(path, "must not be any recipient with any selector, which allows everything, unless it has unsafe: true")
	}
	if doc.To.any && doc.MaxValue != nil && doc.MaxValue.Sign() > 0 && budget.Value == nil && !doc.Unsafe {
		r.fault(path+".maxValue", "must be 0 where to is any, unless budget.value bounds what anyone may be sent, or the rule has unsafe: true")
	}
	switch list := doc.Selectors.list; {
	case doc.Args.object == nil:
		compiled.refuseSensitive(r, path)
	case len(list) != 1 || list[0].function == nil:
		r.fault(path+".args", "must stand in a rule of one selector that is a function's signature")
	default:
		compiled.params = list[0].function.Params
		compiled.args = doc.Args.compile(r, compiled.params, doc.Unsafe)
		if name, ok := sensitive()[list[0].id]; ok && trivial(compiled.args) && !doc.Unsafe {
			r.fault(path+".args", "must bound an argument of "+name+", which gives away what the caller holds, unless the rule has unsafe: true")
		}
	}
	return compiled
}

// refuseSensitive refuses functions that give away what the caller holds where nothing
// reads their arguments.
func (c *rule) refuseSensitive(r *reader, path string) {
	for i, s := range c.Selectors.list {
		if name, ok := sensitive()[s.id]; ok && !s.empty && !c.Unsafe {
			r.fault(fmt.Sprintf("%s.selectors[%d]", path, i), "must stand alone in a rule with args, since "+name+" gives away what the caller holds, unless the rule has unsafe: true")
		}
	}
}

// ruleIndex finds the rules that a transaction may fall under without walking them all.
type ruleIndex struct {
	chains map[uint64]bool
	to     map[ruleKey]bool // with no selector
	rules  map[ruleKey][]*rule
}

// ruleKey is what a rule is found by.
type ruleKey struct {
	chain    uint64
	anyTo    bool
	to       evm.Address
	selector selectorKey
}

// selectorKey is the call that a rule is for.
type selectorKey struct {
	kind byte
	id   [4]byte
}

const (
	kindAny byte = iota
	kindEmpty
	kindFunction
)

func (x *ruleIndex) add(c *rule) {
	if x.rules == nil {
		x.chains, x.to, x.rules = map[uint64]bool{}, map[ruleKey]bool{}, map[ruleKey][]*rule{}
	}
	key := ruleKey{chain: uint64(c.Chain), anyTo: c.To.any, to: c.To.Address}
	x.chains[key.chain] = true
	x.to[key] = true
	if c.Selectors.any {
		x.rules[key] = append(x.rules[key], c)
	}
	seen := map[selectorKey]bool{}
	for _, s := range c.Selectors.list {
		if key.selector = (selectorKey{kind: kindFunction, id: s.id}); s.empty {
			key.selector = selectorKey{kind: kindEmpty}
		}
		if !seen[key.selector] {
			x.rules[key] = append(x.rules[key], c)
		}
		seen[key.selector] = true
	}
}

// check is the first rule that allows the transaction, or the refusal of the one
// that came nearest.
func (x *ruleIndex) check(tx *evm.Tx, facts Facts) (string, error) {
	if !x.chains[tx.ChainID] {
		return "", refuse(CodeChain, facts, "no rule is for chain "+facts.Chain, "add a rule, or send the transaction for another chain")
	}
	base := []ruleKey{{chain: tx.ChainID, to: *tx.To}, {chain: tx.ChainID, anyTo: true}}
	if !x.to[base[0]] && !x.to[base[1]] {
		return "", refuse(CodeRecipient, facts, "no rule of this chain is for recipient "+facts.Recipient, "add a rule for it")
	}
	call := callOf(tx)
	var found, tried *rule
	var nearest *Refusal
	for _, key := range base {
		for _, selector := range call.keys {
			key.selector = selector
			for _, c := range x.rules[key] {
				if found != nil && found.position < c.position {
					break
				}
				refusal := c.check(tx, call, facts)
				if refusal == nil {
					found = c
					break
				}
				if nearest == nil || rank(refusal) > rank(nearest) || rank(refusal) == rank(nearest) && c.position < tried.position {
					nearest, tried = refusal, c
				}
			}
		}
	}
	switch {
	case found != nil:
		return found.id, nil
	case nearest != nil:
		return "", nearest
	}
	return "", refuse(CodeSelector, facts, "no rule for this recipient has "+call.name, "add it to a rule's selectors")
}

// rank is how near to being allowed a refusal came.
func rank(r *Refusal) int {
	switch r.Code {
	case CodeSelector:
		return 0
	case CodeArgs:
		return 1
	}
	return 2
}

// call is what a transaction calls.
type call struct {
	keys []selectorKey // the selectors of rules that may allow it
	name string
	id   [4]byte
	ok   bool // it has a selector
}

func callOf(tx *evm.Tx) call {
	c := call{keys: []selectorKey{{kind: kindAny}}, name: "data that is shorter than a selector"}
	c.id, c.ok = tx.Selector()
	switch {
	case len(tx.Data) == 0:
		c.keys = append(c.keys, selectorKey{kind: kindEmpty})
		c.name = "selector " + emptyText
	case c.ok:
		c.keys = append(c.keys, selectorKey{kind: kindFunction, id: c.id})
		c.name = "selector " + selector{id: c.id}.String()
	}
	return c
}

// check holds a transaction of the rule's chain, recipient and selector against the rest.
func (c *rule) check(tx *evm.Tx, call call, facts Facts) *Refusal {
	facts.Rule = c.id
	if c.Selectors.any && !c.Unsafe && call.ok {
		if name, ok := sensitive()[call.id]; ok {
			return refuse(CodeSelector, facts, "any does not stand for "+name+", which gives away what the caller holds", "add a rule that names it, with args")
		}
	}
	if c.args != nil {
		values, err := evm.DecodeParams(c.params, tx.Data[4:])
		if err != nil {
			return refuse(CodeArgs, facts, "data is not the function's call: "+err.Error(), "send the canonical encoding")
		}
		if i, ok := allowAll(c.args, values, c.Unsafe); !ok {
			return refuse(CodeArgs, facts, describe(c.params, i)+" is not one that args allows", "send another, or add it to the rule's args")
		}
	}
	if above(tx.Value, c.MaxValue) {
		return refuse(CodeValue, facts, capText("value", tx.Value, c.MaxValue), "send less, or raise the rule's maxValue")
	}
	return nil
}
