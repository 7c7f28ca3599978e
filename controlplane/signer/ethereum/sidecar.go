package ethereum

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"

	kzg "github.com/crate-crypto/go-eth-kzg"

	"github.com/banhbaoring/banhbaoring/controlplane/signer/problem"
)

const (
	blobSize  = 131072
	pointSize = 48
	// cellProofs is how many proofs a blob has from version 1 on (EIP-7594).
	cellProofs = kzg.CellsPerExtBlob
	// maxBlobs bounds what is checked of one transaction; no chain takes so many.
	maxBlobs = 32
)

// Sidecar is the blobs of a transaction with what proves them.
type Sidecar struct {
	version     int // 0 has a proof for each blob, 1 for each of its cells
	blobs       [][]byte
	commitments [][]byte
	proofs      [][]byte
}

// takeSidecar takes a sidecar out of a transaction's fields, and holds the versioned
// hashes against its commitments. The transaction keeps the hashes.
func takeSidecar(fields map[string]json.RawMessage) (*Sidecar, error) {
	parts := map[string]json.RawMessage{}
	for _, name := range []string{"blobs", "commitments", "proofs", "blobVersion"} {
		if value, ok := fields[name]; ok && string(value) != "null" {
			parts[name] = value
		}
		delete(fields, name)
	}
	if len(parts) == 0 {
		return nil, nil
	}
	for _, name := range []string{"blobs", "commitments", "proofs"} {
		if parts[name] == nil {
			return nil, problem.Invalid("send blobs, commitments and proofs, or blobVersionedHashes alone", "%s are missing from the sidecar", name)
		}
	}
	s, err := readSidecar(parts)
	if err != nil {
		return nil, err
	}
	return s, s.setHashes(fields)
}

func readSidecar(parts map[string]json.RawMessage) (s *Sidecar, err error) {
	s = &Sidecar{}
	for _, list := range []struct {
		name string
		size int
		into *[][]byte
	}{{"blobs", blobSize, &s.blobs}, {"commitments", pointSize, &s.commitments}, {"proofs", pointSize, &s.proofs}} {
		if *list.into, err = byteList(list.name, parts[list.name], list.size); err != nil {
			return nil, err
		}
	}
	n := len(s.blobs)
	switch {
	case n == 0 || n > maxBlobs || len(s.commitments) != n:
		return nil, problem.Invalid("send a commitment for each blob", "blobs must be 1 to %d, with as many commitments (got %d and %d)", maxBlobs, n, len(s.commitments))
	case len(s.proofs) == n:
	case len(s.proofs) == n*cellProofs:
		s.version = 1
	default:
		return nil, problem.Invalid("send one proof for each blob, or for each of its cells", "proofs must be %d or %d (got %d)", n, n*cellProofs, len(s.proofs))
	}
	if value, ok := parts["blobVersion"]; ok {
		given, err := number(value)
		if err != nil || given != fmt.Sprintf("0x%x", s.version) {
			return nil, problem.Invalid("send the version that the proofs are of", "blobVersion must be %d for as many proofs", s.version)
		}
	}
	return s, nil
}

func byteList(name string, value json.RawMessage, size int) ([][]byte, error) {
	var texts []string
	if json.Unmarshal(value, &texts) != nil {
		return nil, problem.Invalid("send hex with 0x", "%s must be a list of texts", name)
	}
	list := make([][]byte, len(texts))
	for i, text := range texts {
		digits, ok := strings.CutPrefix(text, "0x")
		raw, err := hex.DecodeString(digits)
		if !ok || err != nil || len(raw) != size {
			return nil, problem.Invalid("send hex with 0x", "%s[%d] must be %d bytes in hex with 0x", name, i, size)
		}
		list[i] = raw
	}
	return list, nil
}

// setHashes writes the versioned hashes of the commitments, which those that are given
// must equal.
func (s *Sidecar) setHashes(fields map[string]json.RawMessage) error {
	hashes := make([]string, len(s.commitments))
	for i, c := range s.commitments {
		sum := sha256.Sum256(c)
		sum[0] = 1
		hashes[i] = "0x" + hex.EncodeToString(sum[:])
	}
	if value, ok := fields["blobVersionedHashes"]; ok && string(value) != "null" {
		var given []string
		if json.Unmarshal(value, &given) != nil || !strings.EqualFold(strings.Join(given, ","), strings.Join(hashes, ",")) {
			return problem.Invalid("send the hashes of these commitments, or leave them out", "blobVersionedHashes are not those of the commitments")
		}
	}
	value, err := json.Marshal(hashes)
	fields["blobVersionedHashes"] = value
	return err
}

// Attach wraps a signed transaction, in hex, with the sidecar, as nodes take it.
func (s *Sidecar) Attach(raw string) (string, error) {
	signed, err := hex.DecodeString(strings.TrimPrefix(raw, "0x"))
	if err != nil || len(signed) < 2 || signed[0] != 3 {
		return "", fmt.Errorf("the signed transaction is none with blobs")
	}
	body := [][]byte{signed[1:]}
	if s.version > 0 {
		body = append(body, []byte{byte(s.version)}) // a single byte below 0x80 is its own encoding
	}
	body = append(body, rlpStrings(s.blobs), rlpStrings(s.commitments), rlpStrings(s.proofs))
	return "0x03" + hex.EncodeToString(rlpList(body)), nil
}

// rlpList is a list of what is encoded already.
func rlpList(items [][]byte) []byte {
	size := 0
	for _, item := range items {
		size += len(item)
	}
	out := rlpHead(make([]byte, 0, size+5), 0xc0, size)
	for _, item := range items {
		out = append(out, item...)
	}
	return out
}

// rlpStrings is a list of byte strings, each longer than one byte.
func rlpStrings(items [][]byte) []byte {
	encoded := make([][]byte, len(items))
	for i, item := range items {
		encoded[i] = append(rlpHead(make([]byte, 0, len(item)+5), 0x80, len(item)), item...)
	}
	return rlpList(encoded)
}

func rlpHead(out []byte, base byte, size int) []byte {
	if size < 56 {
		return append(out, base+byte(size))
	}
	var digits []byte
	for n := size; n > 0; n >>= 8 {
		digits = append([]byte{byte(n)}, digits...)
	}
	return append(append(out, base+55+byte(len(digits))), digits...)
}

// Checker holds sidecars' proofs against their blobs, on as many processors as there
// are: more at once would only make all late.
type Checker struct {
	setup func() (*kzg.Context, error)
	room  chan struct{}
}

// NewChecker is a checker. It reads the ceremony's points when it is first used, which
// Warm does beforehand.
func NewChecker() *Checker {
	return &Checker{setup: sync.OnceValues(kzg.NewContext4096Secure), room: make(chan struct{}, runtime.GOMAXPROCS(0))}
}

// Warm makes the checker ready.
func (c *Checker) Warm() error {
	_, err := c.setup()
	return err
}

// Check refuses a sidecar whose blobs are not those of its commitments, no later than
// ctx ends.
func (c *Checker) Check(ctx context.Context, s *Sidecar) error {
	select {
	case c.room <- struct{}{}:
	case <-ctx.Done():
		return problem.Deadline()
	}
	checked := make(chan error, 1)
	go func() {
		defer func() { <-c.room }()
		checked <- c.check(s)
	}()
	select {
	case err := <-checked:
		return err
	case <-ctx.Done():
		return problem.Deadline()
	}
}

func (c *Checker) check(s *Sidecar) error {
	setup, err := c.setup()
	if err != nil {
		return err
	}
	if s.version == 0 {
		err = checkBlobs(setup, s)
	} else {
		err = checkCells(setup, s)
	}
	if err != nil {
		return problem.Invalid("compute the sidecar anew", "the proofs do not show that the commitments are those of the blobs")
	}
	return nil
}

func checkBlobs(setup *kzg.Context, s *Sidecar) error {
	for i := range s.blobs {
		err := setup.VerifyBlobKZGProof((*kzg.Blob)(s.blobs[i]), kzg.KZGCommitment(s.commitments[i]), kzg.KZGProof(s.proofs[i]))
		if err != nil {
			return err
		}
	}
	return nil
}

func checkCells(setup *kzg.Context, s *Sidecar) error {
	var commitments []kzg.KZGCommitment
	var indices []uint64
	var cells []*kzg.Cell
	proofs := make([]kzg.KZGProof, len(s.proofs))
	for i, blob := range s.blobs {
		computed, err := setup.ComputeCells((*kzg.Blob)(blob), 1)
		if err != nil {
			return err
		}
		for j, cell := range computed {
			commitments = append(commitments, kzg.KZGCommitment(s.commitments[i]))
			indices, cells = append(indices, uint64(j)), append(cells, cell)
		}
	}
	for i, proof := range s.proofs {
		proofs[i] = kzg.KZGProof(proof)
	}
	return setup.VerifyCellKZGProofBatch(commitments, indices, cells, proofs)
}
