package secrets

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/backup/signing"
)

var database = jobs.MintSecret{Name: "db", Keys: []jobs.MintValue{
	{Key: "url", Value: "postgres://{user}:{password}@db/{user}"},
	{Key: "user", Value: "owner"},
	{Key: "password", RandomText: 32},
	{Key: "seal", RandomBytes: 32},
}}

func TestAMissingSecretIsMintedWhole(t *testing.T) {
	values, err := lacking(database, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^[A-Za-z0-9]{32}$`).Match(values["password"]) || len(values["seal"]) != 32 {
		t.Errorf("a password of %d and a key of %d bytes", len(values["password"]), len(values["seal"]))
	}
	if want := "postgres://owner:" + string(values["password"]) + "@db/owner"; string(values["url"]) != want {
		t.Error("the URL does not hold the password")
	}
	again, err := lacking(database, nil)
	if err != nil || bytes.Equal(again["password"], values["password"]) || bytes.Equal(again["seal"], values["seal"]) {
		t.Errorf("two mintings give the same (%v)", err)
	}
}

func TestOnlyWhatIsMissingIsMinted(t *testing.T) {
	have := map[string][]byte{"password": []byte("p@ss:/w rd"), "seal": []byte("s"), "other": []byte("o")}
	values, err := lacking(database, have)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]byte{"user": []byte("owner"), "url": []byte("postgres://owner:p%40ss%3A%2Fw%20rd@db/owner")}
	if diff := cmp.Diff(want, values); diff != "" {
		t.Error(diff)
	}
	for key, value := range want {
		have[key] = value
	}
	if values, err = lacking(database, have); err != nil || len(values) > 0 {
		t.Errorf("a whole Secret lacks %d keys (%v)", len(values), err)
	}
}

func TestWhatContradictsItselfIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		have map[string][]byte
		want []string
	}{
		"empty value":      {map[string][]byte{"password": {}}, []string{"key password is empty"}},
		"URL without both": {map[string][]byte{"url": []byte("postgres://secret")}, []string{"key url is there, but not user", "key url is there, but not password"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := lacking(database, test.have)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q", err)
			}
		})
	}
	_, err := lacking(jobs.MintSecret{Keys: []jobs.MintValue{{Key: "a", Value: "{b}"}}}, nil)
	if err == nil || !strings.Contains(err.Error(), "no key b") {
		t.Errorf("%v", err)
	}
}

// Each of the 62 comes up 1/62 of the time. In 620,000 draws the count of one is
// 10,000 with a standard deviation of 99: 700 away is one in 10^12. Taken modulo
// 62 without more, eight of them would come up a quarter more often.
func TestTextFavoursNoCharacter(t *testing.T) {
	counts := map[byte]int{}
	for _, c := range randomText(620_000) {
		counts[c]++
	}
	if len(counts) != 62 {
		t.Errorf("%d characters", len(counts))
	}
	for c, n := range counts {
		if n < 9300 || n > 10700 {
			t.Errorf("%q: %d of 10000", c, n)
		}
	}
}

var keys = jobs.MintSecret{Name: jobs.SecretBackupKeys, Rotate: true, Keys: []jobs.MintValue{
	{Key: jobs.KeySigning, Pair: jobs.PairSigning},
	{Key: jobs.KeyPublic, Pair: jobs.PairSigning, PublicOf: jobs.KeySigning, Former: jobs.KeyTrusted},
	{Key: jobs.KeyIdentity, Pair: jobs.PairAge, Former: jobs.KeyIdentity},
	{Key: jobs.KeyRecipient, Pair: jobs.PairAge, PublicOf: jobs.KeyIdentity},
}}

// What is rotated is new, and what the old keys made can be verified and read.
func TestKeyPairsAreMintedAndRotated(t *testing.T) {
	mint := func(data map[string][]byte) {
		t.Helper()
		values, err := lacking(keys, data)
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(data, values)
		signer, err := signing.Parse(data[jobs.KeySigning])
		if err != nil || string(signer.Public()) != string(data[jobs.KeyPublic]) {
			t.Errorf("the public key is another: %v", err)
		}
		identities, err := age.ParseIdentities(bytes.NewReader(data[jobs.KeyIdentity]))
		if err != nil || identities[0].(*age.X25519Identity).Recipient().String() != string(data[jobs.KeyRecipient]) {
			t.Errorf("the recipient is another: %v", err)
		}
	}
	data := map[string][]byte{}
	mint(data)
	before := maps.Clone(data)
	mint(data)
	if diff := cmp.Diff(before, data); diff != "" {
		t.Errorf("minted anew without need:\n%s", diff)
	}
	for range 2 {
		before = maps.Clone(data)
		rotate(keys, data)
		mint(data)
		for _, key := range []string{jobs.KeySigning, jobs.KeyPublic, jobs.KeyIdentity, jobs.KeyRecipient} {
			if bytes.Equal(before[key], data[key]) {
				t.Errorf("%s is not rotated", key)
			}
		}
		if !bytes.HasSuffix(data[jobs.KeyIdentity], before[jobs.KeyIdentity]) {
			t.Error("what the old identity opens is lost")
		}
		trusted, err := signing.ParseKeys(string(data[jobs.KeyTrusted]))
		if err != nil || !slices.Contains(trusted, signing.Key(before[jobs.KeyPublic])) {
			t.Errorf("what the old key signed is not trusted: %v, %v", trusted, err)
		}
	}
}
