package secp256k1

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	dcrec "github.com/decred/dcrd/dcrec/secp256k1/v4"
)

const (
	one         = "0000000000000000000000000000000000000000000000000000000000000001"
	orderLess1  = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140"
	groupOrder  = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
	halfOrder   = "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0"
	eip155Key   = "4646464646464646464646464646464646464646464646464646464646464646"
	zeroes      = "0000000000000000000000000000000000000000000000000000000000000000"
	eip155Hash  = "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53"
	eip155Owner = "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F"
)

// The nonces of RFC 6979 on this curve with SHA-256, as Bitcoin's libraries have
// published and shared them since 2013; S is the lower one.
func TestSignsAsRFC6979(t *testing.T) {
	for _, v := range []struct{ key, message, r, s string }{
		{one, "Satoshi Nakamoto",
			"934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8",
			"2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5"},
		{one, "All those moments will be lost in time, like tears in rain. Time to die...",
			"8600dbd41e348fe5c9465ab92d23e3db8b98b873beecd930736488696438cb6b",
			"547fe64427496db33bf66019dacbf0039c04199abb0122918601db38a72cfc21"},
		{orderLess1, "Satoshi Nakamoto",
			"fd567d121db66e382991534ada77a6bd3106f0a1098c231e47993447cd6af2d0",
			"6b39cd0eb1bc8603e159ef5c20a5c8ad685a45b06ce9bebed3f153d10d93bed5"},
		{"f8b8af8ce3c7cca5e300d33939540c10d45ce001b8f252bfbc57ba0342904181", "Alan Turing",
			"7063ae83e7f62bbb171798131b4a0564b956930092b33b07b395615d9ec7e15c",
			"58dfcc1e00a35e1572f366ffe34ba0fc47db1e7189759b9fb233c5b05ab388ea"},
		{"e91671c46231f833a6406ccbea0e3e392c76c167bac1cb013f6f1013980455c2",
			"There is a computer disease that anybody who works with computers knows about. It's a very serious disease and it interferes completely with the work. The trouble with computers is that you 'play' with them!",
			"b552edd27580141f3b2a5463048cb7cd3e047b97c9f98076c32dbdf85a68718b",
			"279fa72dd19bfae05577e06c7c0c1900c371fcd5893f7e1d56a37d30174671f6"},
	} {
		m := newMount(t)
		m.importHex("k", v.key)
		got := m.write("sign/k", fields{"input": b64([]byte(v.message))})
		if got := hex.EncodeToString(unb64(t, got["signature"])); got != v.r+v.s {
			t.Errorf("%q: got %s, want %s", v.message, got, v.r+v.s)
		}
		hash := sha256.Sum256([]byte(v.message))
		hashed := m.write("sign/k", fields{"input": b64(hash[:]), "prehashed": true})
		if hashed["signature"] != got["signature"] {
			t.Errorf("%q: another signature when prehashed", v.message)
		}
	}
}

// The example of EIP-155: nonce 9, 1 ether to 0x3535…35 on chain 1.
func TestSignsTheTransactionOfEIP155(t *testing.T) {
	m := newMount(t)
	m.importHex("k", eip155Key)
	for _, hash := range []string{eip155Hash, "0x" + eip155Hash, b64(unhex(t, eip155Hash))} {
		got := m.write("sign-evm/k", fields{"hash": hash, "chain_id": 1})
		want := fields{
			"r": "28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276",
			"s": "67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83",
			"v": "25", "v_int": int64(37), "eth_address": eip155Owner,
		}
		for name, value := range want {
			if got[name] != value {
				t.Errorf("hash %s: %s: got %v, want %v", hash, name, got[name], value)
			}
		}
	}
	legacy := m.write("sign-evm/k", fields{"hash": eip155Hash})
	if legacy["v_int"] != int64(27) || legacy["v"] != "1b" {
		t.Errorf("legacy: got v %v, want 27", legacy["v_int"])
	}
}

func TestAddressesOfKnownKeys(t *testing.T) {
	m := newMount(t)
	for name, want := range map[string]struct{ key, cosmos, ethereum, public string }{
		"one": {one, "751e76e8199196d454941c45d1b3a323f1433bd6", "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf",
			"0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"},
		"eip155": {key: eip155Key, ethereum: eip155Owner},
	} {
		got := m.importHex(name, want.key)
		if got["eth_address"] != want.ethereum {
			t.Errorf("%s: got %v, want %s", name, got["eth_address"], want.ethereum)
		}
		if want.cosmos != "" && (got["address"] != want.cosmos || got["public_key"] != want.public) {
			t.Errorf("%s: got %v of %v, want %s of %s", name, got["address"], got["public_key"], want.cosmos, want.public)
		}
	}
}

// wycheproof is the module of Project Wycheproof's vectors, pinned.
const wycheproof = "github.com/C2SP/wycheproof@v0.0.0-20250901140545-b51abcfb8daf"

// Project Wycheproof's cases for this curve: what must be accepted, and what
// forgers may try.
func TestVerifiesAsWycheproofSays(t *testing.T) {
	out, err := exec.Command("go", "mod", "download", "-json", wycheproof).Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", wycheproof, err, out)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"ecdsa_secp256k1_sha256_test.json", "ecdsa_secp256k1_sha256_p1363_test.json"} {
		t.Run(file, func(t *testing.T) { verifyWycheproof(t, filepath.Join(module.Dir, "testvectors_v1", file)) })
	}
}

func verifyWycheproof(t *testing.T, file string) {
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		NumberOfTests int
		TestGroups    []struct {
			PublicKey struct{ Uncompressed string }
			Tests     []struct {
				ID                        int `json:"tcId"`
				Comment, Msg, Sig, Result string
			}
		}
	}
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, group := range vectors.TestGroups {
		public, err := dcrec.ParsePubKey(unhex(t, group.PublicKey.Uncompressed))
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range group.Tests {
			ran++
			hash := sha256.Sum256(unhex(t, test.Msg))
			if got := verifyHash(public, hash[:], unhex(t, test.Sig)); got != (test.Result == "valid") {
				t.Errorf("case %d (%s): got %t, want %s", test.ID, test.Comment, got, test.Result)
			}
		}
	}
	if ran == 0 || ran != vectors.NumberOfTests {
		t.Errorf("ran %d of %d cases", ran, vectors.NumberOfTests)
	}
}
