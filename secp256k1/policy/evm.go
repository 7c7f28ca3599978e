package policy

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/banhbaoring/banhbaoring/secp256k1/evm"
)

// EVM is a policy of a key of Ethereum chains. It is safe for concurrent use.
type EVM struct {
	Budget Budget

	doc       evmPolicy
	onlyChain uint64 // 0 unless rules and creations name exactly one
	rules     ruleIndex
	typedData []typedRule
}

// evmPolicy is the JSON of a policy.
type evmPolicy struct {
	Rules        []ruleJSON      `json:"rules,optional" doc:"calls and transfers that are allowed: each rule is one tuple, allowed as a whole"`
	Creation     []creationJSON  `json:"creation,optional" doc:"contracts that may be created"`
	Types        txTypes         `json:"types,optional" doc:"types of transactions that are allowed: any, or a list of legacy, eip2930, eip1559, blob, eip7702"`
	Fees         *feesJSON       `json:"fees,optional" doc:"caps on what one transaction may cost; required with rules or creation"`
	MaxDataBytes *uint64         `json:"maxDataBytes,optional" doc:"the most bytes of data of a transaction: what layer 1 costs a rollup's transaction is not in its gas"`
	Budget       *budgetJSON     `json:"budget,optional" doc:"caps on all that is signed within 24 hours"`
	Delegates    []delegateJSON  `json:"delegates,optional" doc:"contracts whose code may act for this account (EIP-7702): that code is not bound by this policy"`
	Messages     *messagesJSON   `json:"messages,optional" doc:"EIP-191 messages: any, or a list of {equals} and {prefix}; one of 32 bytes is never signed"`
	TypedData    []typedDataJSON `json:"typedData,optional" doc:"EIP-712 typed data that is allowed"`
	Blocks       *blocksJSON     `json:"blocks,optional" doc:"block payloads of the OP Stack's sequencer"`
}

type ruleJSON struct {
	Name      label          `json:"name,optional" doc:"stands in the audit log in place of the rule's position"`
	Chain     chainID        `json:"chain" doc:"the chain's id"`
	To        anyAddress     `json:"to" doc:"the recipient: an address, or any"`
	Selectors selectors      `json:"selectors" doc:"functions that may be called: any, or a list of signatures as transfer(address,uint256), selectors as 0xa9059cbb, and empty for no data; any leaves out functions that give away what the caller holds"`
	MaxValue  *amount        `json:"maxValue,optional" doc:"the most that one transaction may send, in wei or with a unit; 0 unless it is given"`
	Args      conditionsJSON `json:"args,optional" doc:"a condition for every parameter of the one selector, a signature, by name or position"`
	Unsafe    bool           `json:"unsafe,optional" doc:"allows functions that give away what the caller holds without args, and any recipient with any selector"`
}

type creationJSON struct {
	Name       label     `json:"name,optional" doc:"stands in the audit log in place of the rule's position"`
	Chain      chainID   `json:"chain" doc:"the chain's id"`
	CodeHashes anyHashes `json:"codeHashes" doc:"Keccak-256 of the transaction's data, that is of code and constructor's arguments: any, or a list"`
	MaxValue   *amount   `json:"maxValue,optional" doc:"the most that the contract may be given, in wei or with a unit; 0 unless it is given"`
}

type feesJSON struct {
	MaxGas               *uint64 `json:"maxGas" doc:"the most gas of a transaction"`
	MaxFeePerGas         *amount `json:"maxFeePerGas" doc:"the most for a unit of gas: maxFeePerGas, or gasPrice"`
	MaxPriorityFeePerGas *amount `json:"maxPriorityFeePerGas,optional" doc:"the highest tip for a unit of gas; required unless types are legacy and eip2930 only, which have none"`
	MaxFeePerBlobGas     *amount `json:"maxFeePerBlobGas,optional" doc:"the most for a unit of blob gas; required with type blob"`
	MaxTotalFee          *amount `json:"maxTotalFee" doc:"the most for a transaction's gas and blobs together"`
}

type budgetJSON struct {
	Value *amount `json:"value,optional" doc:"the most to send"`
	Fees  *amount `json:"fees,optional" doc:"the most that fees may come to at worst"`
	Count *uint64 `json:"count,optional" doc:"the most signatures of transactions, authorisations, messages and typed data"`
}

type delegateJSON struct {
	Name    label      `json:"name,optional" doc:"stands in the audit log in place of the rule's position"`
	Chain   anyChain   `json:"chain" doc:"the chain's id, or any: then authorisations for chain 0, which hold on every chain, are allowed too"`
	Address anyAddress `json:"address" doc:"the contract whose code acts for this account, or any; the zero address takes a delegation back"`
}

type blocksJSON struct {
	ChainIDs []chainID `json:"chainIDs" doc:"chains whose blocks may be signed"`
}

// ParseEVM reads a policy. The error is Faults: everything that is wrong.
func ParseEVM(text []byte) (*EVM, error) {
	r := &reader{}
	p := &EVM{}
	r.parse(text, &p.doc)
	p.compile(r)
	if len(r.faults) > 0 {
		return nil, r.faults
	}
	return p, nil
}

func (p *EVM) compile(r *reader) {
	p.checkFees(r)
	p.checkNames(r)
	if b := p.doc.Budget; b != nil {
		p.Budget = Budget{Value: b.Value.wei(), Fees: b.Fees.wei(), Count: b.Count}
	}
	chains := map[chainID]bool{}
	for i := range p.doc.Rules {
		chains[p.doc.Rules[i].Chain] = true
		p.rules.add(compileRule(r, i, &p.doc.Rules[i], &p.Budget))
	}
	for _, c := range p.doc.Creation {
		chains[c.Chain] = true
	}
	if len(chains) == 1 {
		for id := range chains {
			p.onlyChain = uint64(id)
		}
	}
	for i := range p.doc.TypedData {
		p.typedData = append(p.typedData, compileTyped(r, i, &p.doc.TypedData[i]))
	}
	if b := p.doc.Blocks; b != nil && len(b.ChainIDs) == 0 {
		r.fault("blocks.chainIDs", "must not be empty: it allows nothing")
	}
	for i, d := range p.doc.Delegates {
		if d.Chain.any && d.Address.any {
			r.fault(fmt.Sprintf("delegates[%d]", i), "must name a chain or an address: any code on any chain could take over the account")
		}
	}
}

// wei is the amount, or nil.
func (a *amount) wei() *big.Int {
	if a == nil {
		return nil
	}
	return a.Int
}

func (p *EVM) checkFees(r *reader) {
	if len(p.doc.Rules)+len(p.doc.Creation) == 0 {
		return
	}
	if p.doc.Types == (txTypes{}) {
		r.fault("types", "is missing or empty, so that no rule allows anything: must be any, or a list of legacy, eip2930, eip1559, blob, eip7702")
	}
	fees := p.doc.Fees
	if fees == nil {
		r.fault("fees", "is missing: must have maxGas, maxFeePerGas, maxPriorityFeePerGas, maxTotalFee, and maxFeePerBlobGas with type blob")
		return
	}
	dynamic := p.doc.Types[evm.DynamicFee] || p.doc.Types[evm.Blob] || p.doc.Types[evm.SetCode]
	if dynamic && fees.MaxPriorityFeePerGas == nil {
		r.fault("fees.maxPriorityFeePerGas", "is missing: types allows transactions with a tip")
	}
	if p.doc.Types[evm.Blob] && fees.MaxFeePerBlobGas == nil {
		r.fault("fees.maxFeePerBlobGas", "is missing: types allows blobs")
	}
}

// checkNames refuses a name that stands twice: an audit log could not tell which rule it was.
func (p *EVM) checkNames(r *reader) {
	seen := map[label]string{}
	check := func(list string, i int, name label) {
		at := fmt.Sprintf("%s[%d].name", list, i)
		if first, ok := seen[name]; ok && name != "" {
			r.fault(at, "must be unique (got "+string(name)+", as "+first+")")
			return
		}
		seen[name] = at
	}
	for i := range p.doc.Rules {
		check("rules", i, p.doc.Rules[i].Name)
	}
	for i := range p.doc.Creation {
		check("creation", i, p.doc.Creation[i].Name)
	}
	for i := range p.doc.Delegates {
		check("delegates", i, p.doc.Delegates[i].Name)
	}
	for i := range p.doc.TypedData {
		check("typedData", i, p.doc.TypedData[i].Name)
	}
}

// idOf is a rule's name, or where it stands.
func idOf(name label, list string, i int) string {
	if name != "" {
		return string(name)
	}
	return fmt.Sprintf("%s[%d]", list, i)
}

// CheckTx decides on a transaction. Where it has no chain id, CheckTx first sets the
// policy's only one. The error is a *Refusal, here and in all checks.
func (p *EVM) CheckTx(tx *evm.Tx) (*Decision, error) {
	facts := Facts{Method: "sign-tx", Recipient: "create", Value: tx.Value.String()}
	if tx.To != nil {
		facts.Recipient = tx.To.String()
	}
	if len(p.doc.Rules)+len(p.doc.Creation) == 0 {
		return nil, refuse(CodeMethod, facts, "the policy allows no transactions", "add rules")
	}
	if tx.ChainID == 0 {
		if p.onlyChain == 0 {
			return nil, refuse(CodeChainMissing, facts, "the transaction has no chain id, and the policy more than one", "send chainId")
		}
		tx.ChainID = p.onlyChain
	}
	facts.Chain, facts.Hash = fmt.Sprint(tx.ChainID), tx.SigHash().String()
	if int(tx.Type) >= len(p.doc.Types) || !p.doc.Types[tx.Type] {
		return nil, refuse(CodeType, facts, "type "+txTypeName(tx.Type)+" is not among types", "add it, or send another type")
	}
	var err error
	if tx.To == nil {
		facts.Rule, err = p.checkCreation(tx, facts)
	} else {
		facts.Rule, err = p.rules.check(tx, facts)
	}
	if err == nil {
		err = p.checkCaps(tx, facts)
	}
	if err != nil {
		return nil, err
	}
	return &Decision{Facts: facts, Spend: &Spend{Value: new(big.Int).Set(tx.Value), Fees: tx.MaxFee(), Count: 1}}, nil
}

func txTypeName(kind uint8) string {
	if int(kind) < len(txTypeNames) {
		return txTypeNames[kind]
	}
	return fmt.Sprint(kind)
}

func refuse(code Code, facts Facts, what, remedy string) *Refusal {
	return &Refusal{Code: code, Facts: facts, What: what, Remedy: remedy}
}

func (p *EVM) checkCreation(tx *evm.Tx, facts Facts) (string, error) {
	hash := evm.Keccak256(tx.Data)
	best := refuse(CodeCreation, facts, "the policy allows no contract of these bytes on chain "+facts.Chain+" (keccak256 of data: "+hash.String()+")", "add it to creation")
	for i, c := range p.doc.Creation {
		if uint64(c.Chain) != tx.ChainID || !c.CodeHashes.any && !c.CodeHashes.list[hash] {
			continue
		}
		id := idOf(c.Name, "creation", i)
		if above(tx.Value, c.MaxValue) {
			facts.Rule = id
			best = refuse(CodeValue, facts, capText("value", tx.Value, c.MaxValue), "send less, or raise maxValue")
			continue
		}
		return id, nil
	}
	return "", best
}

// above reports whether n is above a cap, which is 0 where there is none.
func above(n *big.Int, limit *amount) bool {
	if limit == nil {
		return n.Sign() > 0
	}
	return n.Cmp(limit.Int) > 0
}

func capText(name string, n *big.Int, limit *amount) string {
	text := "0"
	if limit != nil {
		text = limit.String()
	}
	return fmt.Sprintf("%s is %s, above the cap of %s", name, n, text)
}

// checkCaps holds a transaction against what bounds every one.
func (p *EVM) checkCaps(tx *evm.Tx, facts Facts) error {
	fees := p.doc.Fees
	if tx.Gas > *fees.MaxGas {
		return refuse(CodeGas, facts, fmt.Sprintf("gas is %d, above fees.maxGas of %d", tx.Gas, *fees.MaxGas), "send less gas, or raise the cap")
	}
	caps := []struct {
		name  string
		n     *big.Int
		limit *amount
	}{
		{"maxFeePerGas", tx.MaxFeePerGas, fees.MaxFeePerGas},
		{"total fee", tx.MaxFee(), fees.MaxTotalFee},
	}
	if tx.Type >= evm.DynamicFee {
		caps = append(caps, struct {
			name  string
			n     *big.Int
			limit *amount
		}{"maxPriorityFeePerGas", tx.MaxPriorityFeePerGas, fees.MaxPriorityFeePerGas})
	}
	if tx.Type == evm.Blob {
		caps = append(caps, struct {
			name  string
			n     *big.Int
			limit *amount
		}{"maxFeePerBlobGas", tx.MaxFeePerBlobGas, fees.MaxFeePerBlobGas})
	}
	for _, c := range caps {
		if above(c.n, c.limit) {
			return refuse(CodeFee, facts, capText(c.name, c.n, c.limit), "lower the fee, or raise the cap in fees")
		}
	}
	if limit := p.doc.MaxDataBytes; limit != nil && uint64(len(tx.Data)) > *limit {
		return refuse(CodeData, facts, fmt.Sprintf("data has %d bytes, above maxDataBytes of %d", len(tx.Data), *limit), "send less data, or raise maxDataBytes")
	}
	return nil
}

// CheckAuthorization decides on an EIP-7702 authorisation.
func (p *EVM) CheckAuthorization(a *evm.Authorization) (*Decision, error) {
	facts := Facts{Method: "sign-authorization", Chain: fmt.Sprint(a.ChainID), Recipient: a.Address.String(), Hash: a.SigHash().String()}
	for i, d := range p.doc.Delegates {
		chain := d.Chain.any || a.ChainID != 0 && uint64(d.Chain.id) == a.ChainID
		if chain && (d.Address.any || d.Address.Address == a.Address) {
			facts.Rule = idOf(d.Name, "delegates", i)
			return &Decision{Facts: facts, Spend: count()}, nil
		}
	}
	if len(p.doc.Delegates) == 0 {
		return nil, refuse(CodeMethod, facts, "the policy allows no delegates", "add delegates")
	}
	return nil, refuse(CodeDelegate, facts, "the delegate is not allowed on this chain", "add it to delegates; chain 0 wants chain: any")
}

// count is the spend of what costs nothing by itself.
func count() *Spend { return &Spend{Value: new(big.Int), Fees: new(big.Int), Count: 1} }

// CheckBlock decides on a block payload.
func (p *EVM) CheckBlock(b *evm.Block) (*Decision, error) {
	facts := Facts{Method: "sign-block", Chain: fmt.Sprint(b.ChainID), Hash: b.SigHash().String()}
	switch {
	case p.doc.Blocks == nil:
		return nil, refuse(CodeMethod, facts, "the policy allows no block payloads", "add blocks")
	case b.Domain != evm.Hash{}:
		return nil, refuse(CodeDomain, facts, "the domain is not 32 zero bytes, so that what is hashed could be a transaction", "send the domain of block payloads of version 1")
	case !slices.Contains(p.doc.Blocks.ChainIDs, chainID(b.ChainID)):
		return nil, refuse(CodeChain, facts, "blocks.chainIDs has no "+facts.Chain, "add the chain")
	}
	facts.Rule = "blocks"
	return &Decision{Facts: facts}, nil
}

// Budget bounds what is signed in any 24 hours, over all rules and chains. A nil field
// is not bounded.
type Budget struct {
	Value *big.Int
	Fees  *big.Int
	Count *uint64
}

// Bounded reports whether the budget bounds anything, so that its state must be kept.
func (b *Budget) Bounded() bool { return b.Value != nil || b.Fees != nil || b.Count != nil }

// Check refuses next where it would take what was spent within 24 hours over the
// budget. The error is a *Refusal.
func (b *Budget) Check(spent, next *Spend) error {
	const remedy = "wait until earlier signatures are 24 hours old, or raise the budget"
	for _, bound := range []struct {
		name        string
		spent, next *big.Int
		limit       *big.Int
	}{
		{"value", spent.Value, next.Value, b.Value},
		{"fees", spent.Fees, next.Fees, b.Fees},
	} {
		// What adds nothing breaks nothing, even where the budget was lowered since.
		if bound.limit == nil || bound.next.Sign() == 0 {
			continue
		}
		if sum := new(big.Int).Add(bound.spent, bound.next); sum.Cmp(bound.limit) > 0 {
			return refuse(CodeBudget, Facts{}, fmt.Sprintf("budget.%s of 24 hours is %s, and this makes it %s", bound.name, bound.limit, sum), remedy)
		}
	}
	if b.Count != nil && next.Count > 0 && (spent.Count >= *b.Count || next.Count > *b.Count-spent.Count) {
		return refuse(CodeBudget, Facts{}, fmt.Sprintf("budget.count of 24 hours is %d, and %d are signed", *b.Count, spent.Count), remedy)
	}
	return nil
}
