package ethereum

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
)

const sender = "0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359"

func TestATransactionIsReadInItsClientsSpellings(t *testing.T) {
	for name, x := range map[string]struct {
		given string
		chain uint64
		want  string
	}{
		"geth's": {
			`{"from": "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359", "gas": "0x5208", "gasPrice": null, "maxFeePerGas": "0x1", "value": "0x0", "nonce": "0x7", "input": "0xab", "chainId": "0x385"}`, 0,
			`{"chainId":"0x385","from":"0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359","gas":"0x5208","gasPrice":null,"input":"0xab","maxFeePerGas":"0x1","nonce":"0x7","value":"0x0"}`,
		},
		"one of Go without Ethereum's types": {
			`{"from": "` + sender + `", "gas": 21000, "gasPrice": "1000000000", "nonce": 0, "value": "0", "data": "q80="}`, 0,
			`{"data":"0xabcd","from":"` + sender + `","gas":"0x5208","gasPrice":"0x3b9aca00","nonce":"0x0","value":"0x0"}`,
		},
		"no data":                    {`{"data": "", "input": null}`, 0, `{"data":"0x","input":null}`},
		"an endpoint's chain":        {`{"gas": "0x1"}`, 901, `{"chainId":"0x385","gas":"0x1"}`},
		"the same chain":             {`{"chainId": 901}`, 901, `{"chainId":"0x385"}`},
		"what the engine must judge": {`{"gas": "0x01", "unknown": [1]}`, 0, `{"gas":"0x01","unknown":[1]}`},
	} {
		got, err := ReadTransaction(json.RawMessage(x.given), x.chain)
		if err != nil || got.Input != x.want {
			t.Errorf("%s: got %+v, %v\nwant %s", name, got, err, x.want)
			continue
		}
		if strings.Contains(x.given, "from") && got.From != sender {
			t.Errorf("%s: from is %s", name, got.From)
		}
	}
}

func TestWhatCouldBeReadInTwoWaysIsRefused(t *testing.T) {
	for given, want := range map[string]string{
		`[]`:                   "must be a JSON object",
		`{"gas": 1`:            "must be JSON",
		`{"gas": 1, "gas": 2}`: "twice",
		`{"gas": 1.5}`:         "must be a number",
		`{"gas": 1e3}`:         "must be a number",
		`{"gas": -1}`:          "must be a number",
		`{"gas": "010"}`:       "must be a number",
		`{"gas": ""}`:          "must be a number",
		`{"gas": true}`:        "must be a number",
		`{"data": "abcd"}`:     "hex with 0x, or base64",
		`{"data": "a"}`:        "hex with 0x, or base64",
		`{"data": "qr=="}`:     "hex with 0x, or base64",
		`{"data": 1}`:          "must be text",
		`{"from": "0x1"}`:      "20 bytes",
		`{"from": 1}`:          "must be an address",
		`{"value": "` + strings.Repeat("9", 79) + `"}`: "must be a number",
	} {
		_, err := ReadTransaction(json.RawMessage(given), 0)
		if err == nil || !strings.Contains(err.Error(), want) || problem.Of(err).Status != 400 {
			t.Errorf("%s: got %v, want %q", given, err, want)
		}
	}
	_, err := ReadTransaction(json.RawMessage(`{"chainId": "0x1"}`), 901)
	if problem.Of(err).Code != "chain_not_allowed" {
		t.Errorf("another chain: got %v", err)
	}
}
