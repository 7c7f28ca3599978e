package policy

import (
	"encoding/hex"
	"fmt"
	"strings"
	"sync"

	"github.com/banhbaoring/banhbaoring/secp256k1/evm"
	"github.com/banhbaoring/banhbaoring/secp256k1/internal/strictjson"
)

// emptyText stands among selectors for a transaction without data: a plain transfer.
const emptyText = "empty"

// selectors say which functions may be called.
type selectors struct {
	any  bool
	list []selector
}

// selector is a function, or no data at all.
type selector struct {
	empty    bool
	id       [4]byte
	function *evm.Function // nil where the policy gives four bytes only
}

func (s selector) String() string {
	switch {
	case s.empty:
		return emptyText
	case s.function != nil:
		return s.function.String()
	}
	return "0x" + hex.EncodeToString(s.id[:])
}

func (s *selectors) read(r *reader, path string, v strictjson.Value) {
	if s.any = v == anyText; s.any {
		return
	}
	list, ok := v.(strictjson.List)
	if !ok {
		r.must(path, "any, or a list of functions' signatures, selectors as 0xa9059cbb, and "+emptyText, v)
		return
	}
	if len(list) == 0 {
		r.fault(path, "must not be empty: a rule without selectors allows nothing")
	}
	for i, item := range list {
		text, _ := item.(string)
		parsed, err := parseSelector(text)
		if err != nil {
			r.fault(fmt.Sprintf("%s[%d]", path, i), err.Error()+" (got "+strictjson.Kind(item)+")")
			continue
		}
		s.list = append(s.list, parsed)
	}
}

func (*selectors) schema() map[string]any {
	return anyOr(map[string]any{"type": "array", "minItems": 1, "items": map[string]any{"type": "string"}})
}

func parseSelector(text string) (s selector, err error) {
	if text == emptyText {
		return selector{empty: true}, nil
	}
	if digits, ok := strings.CutPrefix(text, "0x"); ok {
		raw, err := hex.DecodeString(digits)
		if err != nil || len(raw) != len(s.id) {
			return s, fmt.Errorf("must be a selector: 0x and 8 hex digits")
		}
		s.id = [4]byte(raw)
		return s, nil
	}
	if s.function, err = evm.ParseFunction(text); err != nil {
		return s, fmt.Errorf("%w, a selector as 0xa9059cbb, or %s", err, emptyText)
	}
	s.id = s.function.Selector()
	return s, nil
}

// sensitive are functions that give away what the caller holds, or that call
// whatever their arguments say: which recipient is called says nothing of what they do.
var sensitive = sync.OnceValue(func() map[[4]byte]string {
	byID := map[[4]byte]string{}
	for _, text := range []string{
		// Tokens: ERC-20, ERC-721, ERC-1155, ERC-2612, Permit2.
		"approve(address,uint256)",
		"increaseAllowance(address,uint256)",
		"transfer(address,uint256)",
		"transferFrom(address,address,uint256)",
		"safeTransferFrom(address,address,uint256)",
		"safeTransferFrom(address,address,uint256,bytes)",
		"safeTransferFrom(address,address,uint256,uint256,bytes)",
		"safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)",
		"setApprovalForAll(address,bool)",
		"permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
		"approve(address,address,uint160,uint48)",
		"transferFrom(address,address,uint160,address)",
		"transferAndCall(address,uint256,bytes)",
		"approveAndCall(address,uint256,bytes)",
		"send(address,uint256,bytes)",
		// Multicalls.
		"multicall(bytes[])",
		"multicall(uint256,bytes[])",
		"multicall(bytes32,bytes[])",
		"aggregate((address,bytes)[])",
		"blockAndAggregate((address,bytes)[])",
		"tryAggregate(bool,(address,bytes)[])",
		"tryBlockAndAggregate(bool,(address,bytes)[])",
		"aggregate3((address,bool,bytes)[])",
		"aggregate3Value((address,bool,uint256,bytes)[])",
		"multiSend(bytes)",
		"execute(bytes,bytes[])",
		"execute(bytes,bytes[],uint256)",
		// Wallets: Safe, ERC-4337, ERC-7579, Nitro's validator wallet.
		"execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)",
		"execTransactionFromModule(address,uint256,bytes,uint8)",
		"execTransactionFromModuleReturnData(address,uint256,bytes,uint8)",
		"execute(address,uint256,bytes)",
		"execute(address,uint256,bytes,uint8)",
		"execute(bytes32,bytes)",
		"executeFromExecutor(bytes32,bytes)",
		"executeBatch((address,uint256,bytes)[])",
		"executeBatch(address[],bytes[])",
		"executeBatch(address[],uint256[],bytes[])",
		"executeTransaction(bytes,address,uint256)",
		"executeTransactions(bytes[],address[],uint256[])",
		"executeTransactionWithGasRefunder(address,bytes,address,uint256)",
		"executeTransactionsWithGasRefunder(address,bytes[],address[],uint256[])",
		// Who rules a contract.
		"transferOwnership(address)",
		"upgradeTo(address)",
		"upgradeToAndCall(address,bytes)",
	} {
		f, err := evm.ParseFunction(text)
		if err != nil {
			panic(err) // tested
		}
		byID[f.Selector()] = text
	}
	return byID
})
