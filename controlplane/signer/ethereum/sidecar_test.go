package ethereum

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	kzg "github.com/crate-crypto/go-eth-kzg"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
)

// valid are sidecars of two blobs, as clients send them: proofs of blobs, and of cells.
// Computing them takes a while.
var valid = sync.OnceValues(func() (texts [2][]byte, err error) {
	setup, err := kzg.NewContext4096Secure()
	if err != nil {
		return texts, err
	}
	var blobs, commitments []string
	var proofs [2][]string
	for i := range 2 {
		blob := new(kzg.Blob)
		blob[1], blob[40000] = byte(i+1), 7
		commitment, err1 := setup.BlobToKZGCommitment(blob, 1)
		proof, err2 := setup.ComputeBlobKZGProof(blob, commitment, 1)
		_, cells, err3 := setup.ComputeCellsAndKZGProofs(blob, 1)
		if err := errors.Join(err1, err2, err3); err != nil {
			return texts, err
		}
		blobs, commitments = append(blobs, text(blob[:])), append(commitments, text(commitment[:]))
		proofs[0] = append(proofs[0], text(proof[:]))
		for _, cell := range cells {
			proofs[1] = append(proofs[1], text(cell[:]))
		}
	}
	for i := range texts {
		texts[i], err = json.Marshal(map[string][]string{"blobs": blobs, "commitments": commitments, "proofs": proofs[i]})
	}
	return texts, err
})

// sidecar is a valid one, to be spoilt.
func sidecar(t *testing.T, cells bool) map[string]any {
	t.Helper()
	texts, err := valid()
	if err != nil {
		t.Fatal(err)
	}
	lists, chosen := map[string][]string{}, texts[0]
	if cells {
		chosen = texts[1]
	}
	if err := json.Unmarshal(chosen, &lists); err != nil {
		t.Fatal(err)
	}
	fields := map[string]any{}
	for name, list := range lists {
		fields[name] = list
	}
	return fields
}

func text(raw []byte) string { return "0x" + hex.EncodeToString(raw) }

func read(t *testing.T, fields map[string]any) (*Transaction, error) {
	t.Helper()
	given, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return ReadTransaction(given, 0)
}

func TestASidecarIsTakenOffCheckedAndAttachedAgain(t *testing.T) {
	checker := NewChecker()
	for version, cells := range []bool{false, true} {
		fields := sidecar(t, cells)
		got, err := read(t, fields)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(got.Input, "blobs") || strings.Count(got.Input, `"0x01`) != 2 {
			t.Errorf("version %d: the engine is sent %s", version, got.Input)
		}
		if err := checker.Check(context.Background(), got.Sidecar); err != nil {
			t.Errorf("version %d: %v", version, err)
		}
		// An empty signed transaction: what is around it counts here. Whole ones are
		// decoded in the clients' own tests.
		raw, err := got.Sidecar.Attach("0x03c0")
		if err != nil {
			t.Fatal(err)
		}
		want := map[int]string{0: "0x03fa0400d5c0fa040008", 1: "0x03"}[version]
		if !strings.HasPrefix(raw, want) || !strings.Contains(raw, fields["commitments"].([]string)[1][2:]) {
			t.Errorf("version %d: got %.40s…, want %s…", version, raw, want)
		}
		fields["blobVersion"] = fmt.Sprintf("0x%x", version)
		if _, err := read(t, fields); err != nil {
			t.Errorf("version %d: %v", version, err)
		}
		fields["blobVersion"] = fmt.Sprintf("0x%x", 1-version)
		if _, err := read(t, fields); err == nil {
			t.Errorf("version %d: another is accepted", version)
		}
	}
}

func TestASidecarThatProvesNothingIsRefused(t *testing.T) {
	checker := NewChecker()
	for _, cells := range []bool{false, true} {
		for name, spoil := range map[string]func(fields map[string]any){
			"blobs of another order":  func(fields map[string]any) { b := fields["blobs"].([]string); b[0], b[1] = b[1], b[0] },
			"proofs of another order": func(fields map[string]any) { b := fields["proofs"].([]string); b[0], b[1] = b[1], b[0] },
			"no field elements":       func(fields map[string]any) { fields["blobs"].([]string)[0] = "0x" + strings.Repeat("ff", blobSize) },
			"no points":               func(fields map[string]any) { fields["proofs"].([]string)[0] = "0x" + strings.Repeat("ff", 48) },
		} {
			fields := sidecar(t, cells)
			spoil(fields)
			got, err := read(t, fields)
			if err == nil {
				err = checker.Check(context.Background(), got.Sidecar)
			}
			if p := problem.Of(err); p.Code != "invalid" || p.Remedy == "" {
				t.Errorf("%s, cells %v: got %v", name, cells, err)
			}
		}
	}
}

func TestASidecarMustBeWhole(t *testing.T) {
	for name, spoil := range map[string]func(fields map[string]any){
		"no proofs":                func(fields map[string]any) { delete(fields, "proofs") },
		"no blobs":                 func(fields map[string]any) { delete(fields, "blobs") },
		"an empty list":            func(fields map[string]any) { fields["blobs"] = []string{} },
		"a commitment too few":     func(fields map[string]any) { fields["commitments"] = fields["commitments"].([]string)[:1] },
		"a proof too few":          func(fields map[string]any) { fields["proofs"] = fields["proofs"].([]string)[:1] },
		"a blob that is too short": func(fields map[string]any) { fields["blobs"].([]string)[0] = "0x00" },
		"no list":                  func(fields map[string]any) { fields["blobs"] = "0x00" },
		"hashes of others":         func(fields map[string]any) { fields["blobVersionedHashes"] = []string{"0x01", "0x01"} },
		"a hash too few":           func(fields map[string]any) { fields["blobVersionedHashes"] = []string{} },
	} {
		fields := sidecar(t, false)
		spoil(fields)
		if _, err := read(t, fields); problem.Of(err).Code != "invalid" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestASidecarIsNotAttachedToAnotherType(t *testing.T) {
	for _, raw := range []string{"", "0x", "0x02c0", "0xc0"} {
		if got, err := new(Sidecar).Attach(raw); err == nil {
			t.Errorf("%q: got %s", raw, got)
		}
	}
}
