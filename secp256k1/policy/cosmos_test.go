package policy

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/secp256k1/cosmos"
	"github.com/banhbaoring/banhbaoring/secp256k1/cosmos/cosmostest"
)

const cosmosText = `{
  "chains": ["mocha-4"],
  "messages": [
    {"type": "/celestia.blob.v1.MsgPayForBlobs"},
    {"name": "top-up", "type": "/cosmos.bank.v1beta1.MsgSend", "recipients": ["celestia1worker"], "amounts": [{"denom": "utia", "max": 1000}]},
    {"type": "/cosmos.feegrant.v1beta1.MsgGrantAllowance", "recipients": "any", "amounts": [{"denom": "utia", "max": "50"}]}
  ],
  "fees": {"max": [{"denom": "utia", "max": "200"}], "maxGas": 1000, "granters": ["celestia1granter"]},
  "maxMemoBytes": 5
}`

func TestWhatACosmosPolicyAllowsAndRefuses(t *testing.T) {
	p, err := ParseCosmos([]byte(cosmosText))
	if err != nil {
		t.Fatal(err)
	}
	pfb := cosmostest.PayForBlobs("celestia1me")
	send := func(to, amount, denom string) []byte { return cosmostest.Send("celestia1me", to, amount, denom) }
	for _, c := range []struct {
		name string
		doc  cosmostest.Doc
		want string
	}{
		{"blobs", cosmostest.Doc{Messages: [][]byte{pfb}}, "messages[0]"},
		{"another chain", cosmostest.Doc{Chain: "celestia", Messages: [][]byte{pfb}}, "chain_not_allowed"},
		{"a transfer", cosmostest.Doc{Messages: [][]byte{send("celestia1worker", "1000", "utia")}}, "top-up"},
		{"both", cosmostest.Doc{Messages: [][]byte{pfb, send("celestia1worker", "1", "utia")}}, "messages[0],top-up"},
		{"too much", cosmostest.Doc{Messages: [][]byte{send("celestia1worker", "1001", "utia")}}, "value_above_cap"},
		{"another coin", cosmostest.Doc{Messages: [][]byte{send("celestia1worker", "1", "uatom")}}, "value_above_cap"},
		{"another recipient", cosmostest.Doc{Messages: [][]byte{pfb, send("celestia1thief", "1", "utia")}}, "recipient_not_allowed"},
		{"another message", cosmostest.Doc{Messages: [][]byte{cosmostest.Delegate("celestia1me", "celestiavaloper1", "1", "utia")}}, "message_type_not_allowed"},
		{"an allowance", cosmostest.Doc{Messages: [][]byte{cosmostest.Grant("celestia1me", "celestia1x", "50", "utia")}}, "messages[2]"},
		{"too high an allowance", cosmostest.Doc{Messages: [][]byte{cosmostest.Grant("celestia1me", "celestia1x", "51", "utia")}}, "value_above_cap"},
		{"an allowance without a limit", cosmostest.Doc{Messages: [][]byte{cosmostest.Grant("celestia1me", "celestia1x", "", "")}}, "value_above_cap"},
		{"a fee", cosmostest.Doc{Messages: [][]byte{pfb}, Fee: "200", Gas: 1000}, "messages[0]"},
		{"too high a fee", cosmostest.Doc{Messages: [][]byte{pfb}, Fee: "201"}, "fee_above_cap"},
		{"too much gas", cosmostest.Doc{Messages: [][]byte{pfb}, Gas: 1001}, "gas_above_cap"},
		{"a granter", cosmostest.Doc{Messages: [][]byte{pfb}, Granter: "celestia1granter"}, "messages[0]"},
		{"another granter", cosmostest.Doc{Messages: [][]byte{pfb}, Granter: "celestia1x"}, "granter_not_allowed"},
		{"a payer", cosmostest.Doc{Messages: [][]byte{pfb}, Payer: "celestia1x"}, "granter_not_allowed"},
		{"a memo", cosmostest.Doc{Messages: [][]byte{pfb}, Memo: "hello"}, "messages[0]"},
		{"a long memo", cosmostest.Doc{Messages: [][]byte{pfb}, Memo: "hello!"}, "memo_above_cap"},
	} {
		doc, err := cosmos.Decode(c.doc.Encode())
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		d, err := p.CheckDoc(doc)
		if got := code(t, d, err); got != c.want {
			t.Errorf("%s: %s (want %s): %v", c.name, got, c.want, err)
		}
	}
}

func TestAllFaultsOfACosmosPolicyAreToldAtOnce(t *testing.T) {
	_, err := ParseCosmos([]byte(`{
	  "chains": ["any"],
	  "messages": [
	    {"type": "/cosmos.authz.v1beta1.MsgExec"},
	    {"type": "/celestia.blob.v1.MsgPayForBlobs", "recipients": "any"},
	    {"type": "/cosmos.bank.v1beta1.MsgSend", "recipients": ["any"], "amounts": [{"denom": "utia", "max": "1utia"}, {"denom": "utia", "max": 1}]},
	    {"type": "/cosmos.bank.v1beta1.MsgSend"}
	  ],
	  "fees": {"max": []}
	}`))
	var faults Faults
	errors.As(err, &faults)
	for _, want := range []string{
		"chains[0]: must be a chain's id", "messages[0].type: must be one of /celestia.blob.v1.MsgPayForBlobs, ", "messages[1].recipients: must be left out",
		"messages[2].recipients[0]: must be text, and any stands alone", "messages[2].amounts[0].max: must be a whole number", "messages[2].amounts[1].denom: must be unique",
		"messages[3].recipients: is missing", "messages[3].amounts: is missing", "fees.maxGas: is missing",
	} {
		if !slices.ContainsFunc(faults, func(f Fault) bool { return strings.HasPrefix(f.String(), want) }) {
			t.Errorf("not told: %s", want)
		}
	}
	if len(faults) != 9 {
		t.Errorf("%d faults:\n%v", len(faults), faults)
	}
}
