package tenants

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/banhbaoring/banhbaoring/api/v1"
	"github.com/banhbaoring/banhbaoring/jobs"
)

func TestAnAPIKeyNamesItsTenantAndClient(t *testing.T) {
	data, hash := mintAPIKey("my-rollup", "op-batcher")
	key := data[clientAPIKey]
	if !regexp.MustCompile(`^bbr_my-rollup_op-batcher_[0-9a-f]{64}$`).MatchString(key) {
		t.Errorf("a key of %d characters is of another form", len(key))
	}
	if sum := sha256.Sum256([]byte(key)); hash != hex.EncodeToString(sum[:]) {
		t.Error("the hash is not that of the whole text")
	}
	if other, _ := mintAPIKey("my-rollup", "op-batcher"); other[clientAPIKey] == key {
		t.Error("two keys are alike")
	}
}

func TestACredentialBeforeCountsUntilItsTime(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	hash := strings.Repeat("ab", sha256.Size)
	kept := previous{hash, now.Add(jobs.ClientCertificateLife)}
	if got := parsePrevious(kept.String(), now); got != kept {
		t.Errorf("got %v, want %v", got, kept)
	}
	for name, text := range map[string]string{
		"over": previous{hash, now}.String(), "none": "", "without a time": hash, "with another time": hash + "@tomorrow",
		"longer than any": previous{hash, now.Add(jobs.ClientCertificateLife + time.Second)}.String(),
		"of another form": previous{strings.Repeat("x", 2*sha256.Size), now.Add(time.Hour)}.String(), "too short": previous{"ab", now.Add(time.Hour)}.String(),
	} {
		if got := parsePrevious(text, now); got.hash != "" {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// certificateFor is a Secret with a certificate of that life.
func certificateFor(t *testing.T, from, until time.Time) *corev1.Secret {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &corev1.Secret{Data: map[string][]byte{
		clientCert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), clientKey: []byte("key"),
	}}
}

func TestACredentialIsReplacedWhenItIsDue(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	fresh, ending := certificateFor(t, now.Add(-19*day), now.Add(11*day)), certificateFor(t, now.Add(-21*day), now.Add(9*day))
	rotated := fresh.DeepCopy()
	rotated.Annotations = map[string]string{annotationRotate: "again"}
	apiKey := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{annotationRotate: "again"}}, Data: map[string][]byte{clientAPIKey: []byte("bbr")}}
	for name, c := range map[string]struct {
		client    jobs.KeyClient
		secret    *corev1.Secret
		good, due bool
	}{
		"eleven days of thirty are left":   {jobs.KeyClient{Auth: v1.AuthMTLS}, fresh, true, false},
		"nine days of thirty are left":     {jobs.KeyClient{Auth: v1.AuthMTLS}, ending, true, true},
		"another value of rotate":          {jobs.KeyClient{Auth: v1.AuthMTLS, Rotate: "other"}, rotated, true, true},
		"the same value of rotate":         {jobs.KeyClient{Auth: v1.AuthMTLS, Rotate: "again"}, rotated, true, false},
		"an API key":                       {jobs.KeyClient{Auth: v1.AuthAPIKey, Rotate: "again"}, apiKey, true, false},
		"an API key to be rotated":         {jobs.KeyClient{Auth: v1.AuthAPIKey}, apiKey, true, true},
		"an API key becomes a certificate": {jobs.KeyClient{Auth: v1.AuthMTLS, Rotate: "again"}, apiKey, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, good := hashOf(c.client, c.secret, now); good != c.good {
				t.Errorf("good: %v", good)
			}
			if got := due(c.client, c.secret, now); got != c.due {
				t.Errorf("due: %v", got)
			}
		})
	}
	if _, _, good := hashOf(jobs.KeyClient{Auth: v1.AuthMTLS}, certificateFor(t, now.Add(-31*day), now.Add(-day)), now); good {
		t.Error("a certificate that has ended is good")
	}
	if _, _, good := hashOf(jobs.KeyClient{Auth: v1.AuthMTLS}, nil, now); good {
		t.Error("nothing is good")
	}
	if _, until, _ := hashOf(jobs.KeyClient{Auth: v1.AuthMTLS}, ending, now); !until.Equal(now.Add(9 * day)) {
		t.Errorf("a certificate counts until %v", until)
	}
	if _, until, _ := hashOf(jobs.KeyClient{Auth: v1.AuthAPIKey}, apiKey, now); !until.Equal(now.Add(day)) {
		t.Errorf("an API key that is replaced counts until %v", until)
	}
}

func TestSettingsAreComparedByWhatTheyMean(t *testing.T) {
	one := settings{kind: "evm", policy: `{"a": 1, "b": [2]}`, clients: `[{"name": "c"}]`, fence: "4s"}
	same := settings{kind: "evm", policy: `{"b":[2],"a":1}`, clients: "[ {\"name\":\"c\"} ]", fence: "4s"}
	if !one.same(same) {
		t.Error("what is written in another way counts as another")
	}
	for name, change := range map[string]func(*settings){
		"policy": func(s *settings) { s.policy = `{"a":2,"b":[2]}` }, "clients": func(s *settings) { s.clients = "[]" },
		"fence": func(s *settings) { s.fence = "" }, "guard": func(s *settings) { s.nonceGuard = "sameContent" },
	} {
		other := same
		change(&other)
		if one.same(other) {
			t.Errorf("another %s is not seen", name)
		}
	}
}
