package evm

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
)

// ParseArgs reads geth's SendTxArgs, as JSON, and its from where it has one,
// which the caller compares with the key's address. Numbers are hex with 0x.
// It takes type, input or data (equal where both stand), accessList,
// blobVersionedHashes and authorizationList. The type follows from the fields as
// in geth: authorizationList, blobVersionedHashes, maxFeePerGas, accessList,
// else legacy; gasPrice beside maxFeePerGas counts for nothing there, nor here.
// Sidecars of blobs and unknown fields are refused.
func ParseArgs(text []byte) (tx *Tx, from *Address, err error) {
	f, err := parseFields(text)
	if err != nil {
		return nil, nil, fmt.Errorf("transaction %w", err)
	}
	for _, name := range []string{"blobs", "commitments", "proofs", "blobVersion"} {
		if f.has(name) {
			f.fault(name, "must be left out: a blob's sidecar is no part of what is signed, so attach it again afterwards")
		}
	}
	f.only("type", "from", "to", "gas", "gasPrice", "maxFeePerGas", "maxPriorityFeePerGas", "value", "nonce", "data", "input",
		"accessList", "chainId", "maxFeePerBlobGas", "blobVersionedHashes", "authorizationList", "blobs", "commitments", "proofs", "blobVersion")
	f.require("gas")
	f.require("nonce")
	tx = &Tx{
		Type:           argsType(f),
		ChainID:        f.uint64("chainId"),
		Nonce:          f.uint64("nonce"),
		Gas:            f.uint64("gas"),
		To:             f.address("to"),
		Value:          f.integer("value", 256),
		Data:           argsData(f),
		AccessList:     argsAccessList(f),
		BlobHashes:     f.hashes("blobVersionedHashes"),
		Authorizations: argsAuthorizations(f),
	}
	if f.has("chainId") && tx.ChainID == 0 {
		f.fault("chainId", "must be above 0")
	}
	argsFees(f, tx)
	from = f.address("from")
	if err := f.err(); err != nil {
		return nil, nil, err
	}
	if err := tx.check(); err != nil {
		return nil, nil, err
	}
	return tx, from, nil
}

// argsType is the type that the fields ask for, and refuses those that it has not.
func argsType(f fields) uint8 {
	kind := uint8(Legacy)
	switch {
	case f.has("authorizationList"):
		kind = SetCode
	case f.has("blobVersionedHashes"):
		kind = Blob
	case f.has("maxFeePerGas"), f.has("maxPriorityFeePerGas"):
		kind = DynamicFee
	case f.has("accessList"):
		kind = AccessList
	}
	// OP's clients write all fields, empty where the type has none.
	if v, ok := f.object.Get("blobVersionedHashes"); ok && kind == SetCode && fmt.Sprint(v) != "[]" {
		f.fault("blobVersionedHashes", "must be left out beside authorizationList: no type has both")
	}
	if kind != Blob && f.integer("maxFeePerBlobGas", 256).Sign() != 0 {
		f.fault("maxFeePerBlobGas", "must be left out without blobVersionedHashes")
	}
	if f.has("type") && f.integer("type", 64).Cmp(big.NewInt(int64(kind))) != 0 {
		f.fault("type", fmt.Sprintf("must be 0x%x for these fields, or left out", kind))
	}
	return kind
}

func argsFees(f fields, tx *Tx) {
	tx.MaxFeePerBlobGas = new(big.Int)
	if tx.Type < DynamicFee {
		f.require("gasPrice")
		tx.MaxFeePerGas = f.integer("gasPrice", 256)
		tx.MaxPriorityFeePerGas = tx.MaxFeePerGas
		return
	}
	f.require("maxFeePerGas")
	f.require("maxPriorityFeePerGas")
	tx.MaxFeePerGas = f.integer("maxFeePerGas", 256)
	tx.MaxPriorityFeePerGas = f.integer("maxPriorityFeePerGas", 256)
	if tx.Type == Blob {
		f.require("maxFeePerBlobGas")
		tx.MaxFeePerBlobGas = f.integer("maxFeePerBlobGas", 256)
	}
}

func argsData(f fields) []byte {
	data, input := f.bytes("data"), f.bytes("input")
	if data != nil && input != nil && !bytes.Equal(data, input) {
		f.fault("data", "must equal input, or one of them must be left out")
	}
	if input != nil {
		return input
	}
	return data
}

func argsAccessList(f fields) (tuples []AccessTuple) {
	for _, entry := range f.objects("accessList") {
		entry.only("address", "storageKeys")
		entry.require("address")
		tuple := AccessTuple{Keys: entry.hashes("storageKeys")}
		if a := entry.address("address"); a != nil {
			tuple.Address = *a
		}
		tuples = append(tuples, tuple)
	}
	return tuples
}

func argsAuthorizations(f fields) (list []Authorization) {
	for _, entry := range f.objects("authorizationList") {
		a := readTerms(entry)
		for _, name := range []string{"yParity", "r", "s"} {
			entry.require(name)
		}
		list = append(list, a)
	}
	return list
}

// readTerms reads an authorisation.
func readTerms(f fields) (a Authorization) {
	f.only("chainId", "address", "nonce", "yParity", "v", "r", "s")
	for _, name := range []string{"chainId", "address", "nonce"} {
		f.require(name)
	}
	a = Authorization{ChainID: f.uint64("chainId"), Nonce: f.uint64("nonce"), R: f.integer("r", 256), S: f.integer("s", 256)}
	a.YParity = uint8(f.integer("yParity", 8).Uint64())
	if to := f.address("address"); to != nil {
		a.Address = *to
	}
	return a
}

// ParseAuthorization reads {chainId, address, nonce} of an authorisation that is
// to be signed, as JSON with hex numbers; and the same with the fields yParity, r
// and s of 0, as clients send it before it is signed.
func ParseAuthorization(text []byte) (*Authorization, error) {
	f, err := parseFields(text)
	if err != nil {
		return nil, fmt.Errorf("authorization %w", err)
	}
	a := readTerms(f)
	if err := f.err(); err != nil {
		return nil, err
	}
	if a.YParity != 0 || a.R.Sign() != 0 || a.S.Sign() != 0 {
		return nil, errors.New("authorization must not be signed already: r, s and yParity must be 0 or left out")
	}
	if a.ChainID > MaxChainID {
		return nil, fmt.Errorf("chainId must be at most %d (got %d)", uint64(MaxChainID), a.ChainID)
	}
	return &a, nil
}
