package policy

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/secp256k1/cosmos"
	"github.com/banhbaoring/banhbaoring/secp256k1/cosmos/cosmostest"
	"github.com/banhbaoring/banhbaoring/secp256k1/evm"
)

// request is what a policy of the cookbook is asked: one of its fields.
type request struct {
	tx      string
	message string
	typed   string
	block   *evm.Block
	doc     *cosmostest.Doc
}

const (
	inbox      = "0xff00000000000000000000000000000000000901"
	factory    = "0xe5965ab5962edc7477c8520243a95517cd252fa9"
	nitroInbox = "0x1c479675ad559dc151f6ec7ed3fbf8cee79582b6"
	exitRoots  = "0xa40d5f56745a118d0906a34e69aec8c0db1cb8fa"
	portal     = "0xbeb5fc579115071764c7423a4f12edde41f106ed"
	token      = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
	bridge     = "0x99c9fc46f92e8a1c0dec1b1747d010903e884be1"
	worker     = "celestia1qyqszqgpqyqszqgpqyqszqgpqyqszqgp8hf6ma"
	granter    = "celestia1qgpqyqszqgpqyqszqgpqyqszqgpqyqszgw9k6x"
)

var sixBlobs = `"blobVersionedHashes": [` + strings.TrimSuffix(strings.Repeat(`"0x01`+strings.Repeat("00", 31)+`",`, 6), ",") + `]`

// cookbook are the requests of each role, by their names in docs/policies.md.
func cookbook(t *testing.T) map[string]map[string]request {
	call := func(to, rest, signature string, words ...string) request {
		return request{tx: `{"to": "` + to + `", ` + rest + `"data": "` + callData(t, signature, words...) + `"}`}
	}
	cosmosDoc := func(d cosmostest.Doc) request {
		if d.Chain == "" {
			d.Chain = "celestia"
		}
		return request{doc: &d}
	}
	pfb := [][]byte{cosmostest.PayForBlobs("celestia1me")}
	create, gwei := "create(uint32,bytes32,bytes)", `"value": "0x3b9aca00", `
	bond, overBond := `"value": "0x11c37937e080000", `, `"value": "0x11c37937e080001", `
	withdrawal := "finalizeWithdrawalTransaction((uint256,address,address,uint256,uint256,bytes))"
	batch := "addSequencerL2BatchFromBlobs(uint256,uint256,address,uint256,uint256)"
	root := "insertGlobalExitRoot(bytes32)"
	legacy := `"gasPrice": "0x3b9aca00", `
	return map[string]map[string]request{
		"Batcher": {
			"frames as calldata":          {tx: `{"to": "` + inbox + `", "chainId": "0xaa36a7", "data": "0x00112233445566"}`},
			"six blobs":                   {tx: `{"to": "` + inbox + `", "chainId": "0xaa36a7", ` + sixBlobs + `}`},
			"a cancellation without data": {tx: `{"to": "` + inbox + `", "chainId": "0xaa36a7"}`},
			"frames to another address":   {tx: `{"to": "` + alice + `", "chainId": "0xaa36a7", "data": "0x00112233445566"}`},
			"frames on another chain":     {tx: `{"to": "` + inbox + `", "chainId": "0x1", "data": "0x00112233445566"}`},
			"a payment to the inbox":      {tx: `{"to": "` + inbox + `", "chainId": "0xaa36a7", "value": "0x1"}`},
			"a legacy transaction":        {tx: `{"to": "` + inbox + `", "chainId": "0xaa36a7", "gasPrice": "0x1"}`},
			"a fee above the cap":         {tx: `{"to": "` + inbox + `", "chainId": "0xaa36a7", "maxFeePerGas": "0x746a528801"}`},
			"a contract's creation":       {tx: `{"chainId": "0xaa36a7", "data": "0x00"}`},
			"a message":                   {message: "hello"},
		},
		"Proposer": {
			"a game of type 0 with its bond":   call(factory, bond, create, "0", "1234", "60", "0"),
			"a game of another type":           call(factory, bond, create, "fe", "1234", "60", "0"),
			"more than the bond":               call(factory, overBond, create, "0", "1234", "60", "0"),
			"another function of the factory":  call(factory, "", "setImplementation(uint32,address)", "0", alice),
			"the same call to another factory": call(alice, bond, create, "0", "1234", "60", "0"),
		},
		"Challenger": {
			"an attack with a bond":       call(alice, `"value": "0xde0b6b3a7640000", `, "attack(bytes32,uint256,bytes32)", "1", "2", "3"),
			"a game's resolution":         call(bob, "", "resolve()"),
			"a bond above the cap":        call(alice, `"value": "0xde0b6b3a7640001", `, "attack(bytes32,uint256,bytes32)", "1", "2", "3"),
			"a payment with a resolution": call(alice, gwei, "resolve()"),
			"a plain payment":             {tx: `{"to": "` + alice + `", "value": "0x1"}`},
			"a transfer of tokens":        call(token, "", "transfer(address,uint256)", alice, "1"),
		},
		"Sequencer": {
			"a block of the chain":        {block: &evm.Block{ChainID: 901, PayloadHash: evm.Hash{1}}},
			"a block of another chain":    {block: &evm.Block{ChainID: 902}},
			"a block with another domain": {block: &evm.Block{ChainID: 901, Domain: evm.Hash{31: 1}}},
			"a transaction":               {tx: `{"to": "` + alice + `", "chainId": "0x385"}`},
		},
		"Nitro batch poster": {
			"a batch as calldata":             call(nitroInbox, "", "addSequencerL2BatchFromOrigin(uint256,bytes,uint256,address,uint256,uint256)", "1", "c0", "2", "0", "3", "4", "0"),
			"a batch as blobs":                call(nitroInbox, sixBlobs+", ", batch, "1", "2", "0", "3", "4"),
			"a function of the inbox's owner": call(nitroInbox, "", "setIsBatchPoster(address,bool)", alice, "1"),
			"a batch to another inbox":        call(alice, sixBlobs+", ", batch, "1", "2", "0", "3", "4"),
			"a plain payment":                 {tx: `{"to": "` + nitroInbox + `", "value": "0x1"}`},
		},
		"Celestia light node": {
			"a payment for blobs":                            cosmosDoc(cosmostest.Doc{Messages: pfb, Fee: "1000000", Gas: 50000000}),
			"a payment for blobs from a granter's allowance": cosmosDoc(cosmostest.Doc{Messages: pfb, Fee: "1", Granter: granter}),
			"coins for a worker":                             cosmosDoc(cosmostest.Doc{Messages: [][]byte{cosmostest.Send("celestia1me", worker, "5000000", "utia")}}),
			"coins for another":                              cosmosDoc(cosmostest.Doc{Messages: [][]byte{cosmostest.Send("celestia1me", granter, "1", "utia")}}),
			"more than a worker gets":                        cosmosDoc(cosmostest.Doc{Messages: [][]byte{cosmostest.Send("celestia1me", worker, "5000001", "utia")}}),
			"another coin":                                   cosmosDoc(cosmostest.Doc{Messages: [][]byte{cosmostest.Send("celestia1me", worker, "1", "uatom")}}),
			"a delegation":                                   cosmosDoc(cosmostest.Doc{Messages: [][]byte{cosmostest.Delegate("celestia1me", "celestiavaloper1x", "1", "utia")}}),
			"a fee above the cap":                            cosmosDoc(cosmostest.Doc{Messages: pfb, Fee: "1000001"}),
			"another chain":                                  cosmosDoc(cosmostest.Doc{Messages: pfb, Chain: "mocha-4"}),
			"a memo":                                         cosmosDoc(cosmostest.Doc{Messages: pfb, Memo: "m"}),
		},
		"agglayer": {
			"an exit root":                    call(exitRoots, legacy+`"chainId": "0x98a", `, root, "1"),
			"an exit root without a chain id": call(exitRoots, legacy, root, "1"),
			"an exit root on another chain":   call(exitRoots, legacy+`"chainId": "0x1", `, root, "1"),
			"another function":                call(exitRoots, legacy, "setGlobalExitRootUpdater(address)", alice),
			"a transaction with a tip":        call(exitRoots, "", root, "1"),
			"a gas price above the cap":       call(exitRoots, `"gasPrice": "0x174876e801", `, root, "1"),
		},
		"Relayer": {
			"a withdrawal's end":             call(portal, "", withdrawal, "20", "1", alice, bob, "0", "5208", "c0", "0"),
			"an approval within bounds":      call(token, "", "approve(address,uint256)", bridge, "3b9aca00"),
			"a permit within bounds":         {typed: permit(token, "1", bridge, "1000000000")},
			"a login":                        {message: "bridge.example.com wants you to sign in with your Ethereum account:\n" + alice},
			"an approval without bounds":     call(token, "", "approve(address,uint256)", bridge, strings.Repeat("f", 64)),
			"an approval of another spender": call(token, "", "approve(address,uint256)", alice, "1"),
			"a transfer of the token":        call(token, "", "transfer(address,uint256)", bridge, "1"),
			"a permit of another token":      {typed: permit(alice, "1", bridge, "1")},
			"a permit for another spender":   {typed: permit(token, "1", alice, "1")},
			"a login elsewhere":              {message: "bridge.example.org wants you to sign in with your Ethereum account:\n" + alice},
			"a message of 32 bytes":          {message: strings.Repeat("x", 32)},
		},
	}
}

// decide asks a policy, and gives the rule that allows or the code that refuses.
func decide(t *testing.T, policy string, r request) (rule, code string) {
	t.Helper()
	var d *Decision
	var err error
	if r.doc != nil {
		p, fault := ParseCosmos([]byte(policy))
		if fault != nil {
			t.Fatal(fault)
		}
		doc, fault := cosmos.Decode(r.doc.Encode())
		if fault != nil {
			t.Fatal(fault)
		}
		d, err = p.CheckDoc(doc)
	} else {
		p := parseEVM(t, policy)
		switch {
		case r.block != nil:
			d, err = p.CheckBlock(r.block)
		case r.typed != "":
			data, fault := evm.ParseTypedData([]byte(r.typed))
			if fault != nil {
				t.Fatal(fault)
			}
			d, err = p.CheckTypedData(data)
		case r.message != "":
			d, err = p.CheckMessage(evm.Message(r.message))
		default:
			d, err = p.CheckTx(parseTx(t, r.tx))
		}
	}
	if err != nil {
		return "", string(err.(*Refusal).Code) //nolint:errorlint // the checks promise this type
	}
	return d.Facts.Rule, ""
}

var (
	roleHeading = regexp.MustCompile(`(?m)^## `)
	policyBlock = regexp.MustCompile("(?s)```json\n(.*?)```")
	claim       = regexp.MustCompile("(?m)^- (allows|refuses): (.*?)(?: \\(`(\\w+)`\\))?$")
)

func TestTheCookbookSaysWhatItsPoliciesDo(t *testing.T) {
	page, err := os.ReadFile("../../docs/policies.md")
	if err != nil {
		t.Fatal(err)
	}
	roles := cookbook(t)
	for _, section := range roleHeading.Split(string(page), -1) {
		role, text, _ := strings.Cut(section, "\n")
		policy := policyBlock.FindStringSubmatch(text)
		if policy == nil {
			continue
		}
		requests := roles[role]
		delete(roles, role)
		t.Run(role, func(t *testing.T) {
			for _, c := range claim.FindAllStringSubmatch(text, -1) {
				r, ok := requests[c[2]]
				if !ok {
					t.Errorf("no request is named %q", c[2])
					continue
				}
				delete(requests, c[2])
				rule, code := decide(t, policy[1], r)
				if (c[1] == "allows") != (rule != "") || code != c[3] {
					t.Errorf("%s: %s: rule %q, code %q (the page says %s %s)", c[1], c[2], rule, code, c[1], c[3])
				}
			}
			for name := range requests {
				t.Errorf("the page does not say what becomes of %q", name)
			}
		})
	}
	for role := range roles {
		t.Errorf("the page has no policy for %q", role)
	}
}

// TestThePageNamesEveryCode keeps the table of refusals whole.
func TestThePageNamesEveryCode(t *testing.T) {
	page, err := os.ReadFile("../../docs/policies.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("policy.go")
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile(`Code\w+ +Code = "(\w+)"`).FindAllStringSubmatch(string(source), -1)
	if len(codes) < 15 {
		t.Fatalf("%d codes", len(codes))
	}
	_, table, _ := strings.Cut(string(page), "## Refusals")
	for _, c := range codes {
		if !strings.Contains(table, "`"+c[1]+"`") {
			t.Errorf("the page has no %s", c[1])
		}
	}
}
