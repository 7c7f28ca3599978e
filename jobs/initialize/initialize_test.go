package initialize

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	openbao "github.com/openbao/openbao/api/v2"

	"github.com/banhbaoring/banhbaoring/jobs"
	"github.com/banhbaoring/banhbaoring/jobs/run"
)

func TestWhetherItIsAFirstStart(t *testing.T) {
	const (
		fresh = iota
		sealed
		unsealed
	)
	for name, c := range map[string]struct {
		peers []int
		auto  bool
		kept  map[string][]byte
		first bool
		fault string
		code  int
	}{
		"nothing anywhere":                   {peers: []int{fresh, fresh}, first: true},
		"keys of the other kind are none":    {peers: []int{fresh}, kept: map[string][]byte{jobs.KeyRecovery: []byte("x")}, first: true},
		"data and keys":                      {peers: []int{fresh, sealed}, kept: map[string][]byte{jobs.KeyUnseal: []byte("x")}},
		"data without keys":                  {peers: []int{fresh, sealed}, fault: "two is initialised, but Secret keys/secret holds no keys", code: run.CodeByHand},
		"keys are empty":                     {peers: []int{sealed}, kept: map[string][]byte{jobs.KeyUnseal: nil}, fault: "one is initialised", code: run.CodeByHand},
		"unsealed by keys that are gone":     {peers: []int{sealed, unsealed}, fault: "two is unsealed", code: run.CodeByHand},
		"unsealed by its seal, without keys": {peers: []int{unsealed}, auto: true, fault: "one is initialised", code: run.CodeByHand},
		"keys without data":                  {peers: []int{fresh, fresh}, kept: map[string][]byte{jobs.KeyUnseal: []byte("x")}, fault: "its data is gone", code: run.CodeByHand},
	} {
		t.Run(name, func(t *testing.T) {
			w := &work{Session: &run.Session{Namespace: "keys"}, config: jobs.InitConfig{KeySecret: "secret", AutoUnseal: c.auto, Peers: []string{"", ""}}}
			var statuses []status
			for i, state := range c.peers {
				statuses = append(statuses, status{&openbao.SealStatusResponse{Initialized: state != fresh, Sealed: state != unsealed, RecoverySeal: c.auto}, []string{"one", "two"}[i]})
			}
			first, err := w.first(statuses, c.kept)
			if first != c.first || run.Code(err) != c.code || (err != nil) != (c.fault != "") || err != nil && !strings.Contains(err.Error(), c.fault) {
				t.Errorf("first %v, exit %d, %v", first, run.Code(err), err)
			}
			if err != nil && strings.Contains(err.Error(), "delete pvc") != strings.Contains(c.fault, "is initialised") {
				t.Errorf("must name what to delete where nothing is lost, and only there: %v", err)
			}
		})
	}
}

func TestAnotherSealThanTheSpecsIsNotInitialised(t *testing.T) {
	w := &work{Session: &run.Session{}, config: jobs.InitConfig{AutoUnseal: true}}
	_, err := w.first([]status{{&openbao.SealStatusResponse{Sealed: true, Type: "shamir"}, "one"}}, nil)
	if err == nil || !strings.Contains(err.Error(), "one has a seal of type shamir") {
		t.Error(err)
	}
}

func TestWhatIsKept(t *testing.T) {
	answer := &openbao.InitResponse{KeysB64: []string{"a", "b"}, RecoveryKeysB64: []string{"c", "d"}, RootToken: "r"}
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))
	for auto, want := range map[bool]string{false: "unseal-keys=a\nb\n", true: "recovery-keys=c\nd\n"} {
		w := &work{config: jobs.InitConfig{AutoUnseal: auto, Threshold: 2}}
		data := w.kept(answer, nil, now)
		key, text, _ := strings.Cut(want, "=")
		if string(data[key]) != text || len(data) != 4 || string(data[jobs.KeyThreshold]) != "2" ||
			string(data[jobs.KeyRootToken]) != "r" || string(data[jobs.KeyInitialized]) != "2026-01-02T02:04:05Z" {
			t.Errorf("%q", data)
		}
	}
}

func TestAPGPKeyThatCannotEncryptIsRefused(t *testing.T) {
	for name, key := range map[string]string{"not base64": "!", "no key": base64.StdEncoding.EncodeToString([]byte("me")), "empty": ""} {
		t.Run(name, func(t *testing.T) {
			if _, err := fingerprints([]string{key}); err == nil || !strings.Contains(err.Error(), "pgpKeys[0] cannot encrypt") {
				t.Error(err)
			}
		})
	}
}
