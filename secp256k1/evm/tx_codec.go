package evm

import (
	"errors"
	"fmt"
	"math/big"
)

// Decode reads the bytes that are hashed for a signature: the RLP list of
// EIP-155, or a type's byte and its RLP list. What it takes, Unsigned gives
// again byte for byte.
func Decode(unsigned []byte) (*Tx, error) {
	if len(unsigned) == 0 {
		return nil, errors.New("must be an unsigned transaction (got nothing)")
	}
	tx := &Tx{MaxFeePerBlobGas: new(big.Int)}
	if first := unsigned[0]; first < 0xc0 {
		if first < AccessList || first > SetCode {
			return nil, fmt.Errorf("must be an unsigned transaction of type 0 to 4 (its first byte is 0x%02x)", first)
		}
		tx.Type, unsigned = first, unsigned[1:]
	}
	outer := &rlpReader{rest: unsigned}
	fields := outer.list()
	tx.read(fields)
	outer.end(fields)
	if outer.err == nil && len(outer.rest) > 0 {
		outer.err = errRLP
	}
	if outer.err != nil {
		return nil, fmt.Errorf("must be an unsigned transaction: %w", outer.err)
	}
	return tx, tx.check()
}

func (tx *Tx) read(r *rlpReader) {
	if tx.Type != Legacy {
		tx.ChainID = r.uint64()
	}
	tx.Nonce = r.uint64()
	if tx.Type >= DynamicFee {
		tx.MaxPriorityFeePerGas = r.big()
		tx.MaxFeePerGas = r.big()
	} else {
		tx.MaxFeePerGas = r.big()
		tx.MaxPriorityFeePerGas = tx.MaxFeePerGas
	}
	tx.Gas = r.uint64()
	if to := r.string(); len(to) == len(Address{}) {
		tx.To = new(Address)
		copy(tx.To[:], to)
	} else if len(to) != 0 {
		r.fail(errRLP)
	}
	tx.Value = r.big()
	tx.Data = r.string()
	if tx.Type == Legacy {
		if r.err == nil && len(r.rest) == 0 {
			r.fail(errUnprotected)
		}
		tx.ChainID = r.uint64()
		if zeros := [][]byte{r.string(), r.string()}; len(zeros[0])+len(zeros[1]) > 0 {
			r.fail(errRLP)
		}
		return
	}
	tx.AccessList = readAccessList(r)
	if tx.Type == Blob {
		tx.MaxFeePerBlobGas = r.big()
		list := r.list()
		for list.err == nil && len(list.rest) > 0 {
			var h Hash
			list.fixed(h[:])
			tx.BlobHashes = append(tx.BlobHashes, h)
		}
		r.end(list)
	}
	if tx.Type == SetCode {
		list := r.list()
		for list.err == nil && len(list.rest) > 0 {
			tx.Authorizations = append(tx.Authorizations, readAuthorization(list))
		}
		r.end(list)
	}
}

func readAccessList(r *rlpReader) (tuples []AccessTuple) {
	list := r.list()
	for list.err == nil && len(list.rest) > 0 {
		var tuple AccessTuple
		fields := list.list()
		fields.fixed(tuple.Address[:])
		keys := fields.list()
		for keys.err == nil && len(keys.rest) > 0 {
			var key Hash
			keys.fixed(key[:])
			tuple.Keys = append(tuple.Keys, key)
		}
		fields.end(keys)
		list.end(fields)
		tuples = append(tuples, tuple)
	}
	r.end(list)
	return tuples
}

func readAuthorization(r *rlpReader) (a Authorization) {
	fields := r.list()
	a.ChainID = fields.uint64()
	fields.fixed(a.Address[:])
	a.Nonce = fields.uint64()
	if parity := fields.integer(1); len(parity) == 1 {
		a.YParity = parity[0]
	}
	a.R, a.S = fields.big(), fields.big()
	r.end(fields)
	return a
}

var errUnprotected = errors.New("it has no chain id, so that other chains would take it too: sign as EIP-155 says")

// check is what every transaction must hold, however it was read.
func (tx *Tx) check() error {
	switch {
	case tx.ChainID > MaxChainID:
		return fmt.Errorf("chain id must be at most %d (got %d)", uint64(MaxChainID), tx.ChainID)
	case tx.To == nil && (tx.Type == Blob || tx.Type == SetCode):
		return fmt.Errorf("to must be an address in a transaction of type %d, which cannot create a contract", tx.Type)
	case tx.Type == Blob && len(tx.BlobHashes) == 0:
		return errors.New("blobVersionedHashes must not be empty in a transaction of type 3")
	case tx.Type == SetCode && len(tx.Authorizations) == 0:
		return errors.New("authorizationList must not be empty in a transaction of type 4")
	case tx.Type >= DynamicFee && tx.MaxPriorityFeePerGas.Cmp(tx.MaxFeePerGas) > 0:
		return errors.New("maxPriorityFeePerGas must not be above maxFeePerGas")
	}
	for i, h := range tx.BlobHashes {
		if h[0] != 1 {
			return fmt.Errorf("blobVersionedHashes[%d] must be of version 1: begin with 0x01 (got %s)", i, h)
		}
	}
	return nil
}

// Unsigned is what is hashed for a signature.
func (tx *Tx) Unsigned() []byte {
	return tx.encode(func(dst []byte) []byte {
		if tx.Type == Legacy {
			return append(appendUint(dst, tx.ChainID), 0x80, 0x80)
		}
		return dst
	})
}

// SigHash is what is signed.
func (tx *Tx) SigHash() Hash { return Keccak256(tx.Unsigned()) }

// Encode is the signed transaction as eth_sendRawTransaction takes it, without
// a blob's sidecar, and its hash. yParity is 0 or 1.
func (tx *Tx) Encode(r, s [32]byte, yParity uint8) (raw []byte, hash Hash) {
	raw = tx.encode(func(dst []byte) []byte {
		v := uint64(yParity)
		if tx.Type == Legacy {
			v += 2*tx.ChainID + 35
		}
		dst = appendUint(dst, v)
		dst = appendInt(dst, new(big.Int).SetBytes(r[:]))
		return appendInt(dst, new(big.Int).SetBytes(s[:]))
	})
	return raw, Keccak256(raw)
}

// encode is the type's byte and the list of the fields, ended by tail.
func (tx *Tx) encode(tail func([]byte) []byte) []byte {
	list := appendList(nil, func(dst []byte) []byte {
		if tx.Type != Legacy {
			dst = appendUint(dst, tx.ChainID)
		}
		dst = appendUint(dst, tx.Nonce)
		if tx.Type >= DynamicFee {
			dst = appendInt(dst, tx.MaxPriorityFeePerGas)
		}
		dst = appendInt(dst, tx.MaxFeePerGas)
		dst = appendUint(dst, tx.Gas)
		dst = tx.appendCall(dst)
		if tx.Type != Legacy {
			dst = appendAccessList(dst, tx.AccessList)
		}
		if tx.Type == Blob {
			dst = appendInt(dst, tx.MaxFeePerBlobGas)
			dst = tx.appendBlobHashes(dst)
		}
		if tx.Type == SetCode {
			dst = tx.appendAuthorizations(dst)
		}
		return tail(dst)
	})
	if tx.Type == Legacy {
		return list
	}
	return append([]byte{tx.Type}, list...)
}

func (tx *Tx) appendCall(dst []byte) []byte {
	var to []byte
	if tx.To != nil {
		to = tx.To[:]
	}
	dst = appendString(dst, to)
	dst = appendInt(dst, tx.Value)
	return appendString(dst, tx.Data)
}

func (tx *Tx) appendBlobHashes(dst []byte) []byte {
	return appendList(dst, func(dst []byte) []byte {
		for i := range tx.BlobHashes {
			dst = appendString(dst, tx.BlobHashes[i][:])
		}
		return dst
	})
}

func (tx *Tx) appendAuthorizations(dst []byte) []byte {
	return appendList(dst, func(dst []byte) []byte {
		for _, a := range tx.Authorizations {
			dst = appendList(dst, func(dst []byte) []byte {
				dst = a.appendTerms(dst)
				dst = appendUint(dst, uint64(a.YParity))
				return appendInt(appendInt(dst, a.R), a.S)
			})
		}
		return dst
	})
}

func appendAccessList(dst []byte, tuples []AccessTuple) []byte {
	return appendList(dst, func(dst []byte) []byte {
		for i := range tuples {
			dst = appendList(dst, func(dst []byte) []byte {
				dst = appendString(dst, tuples[i].Address[:])
				return appendList(dst, func(dst []byte) []byte {
					for j := range tuples[i].Keys {
						dst = appendString(dst, tuples[i].Keys[j][:])
					}
					return dst
				})
			})
		}
		return dst
	})
}

// appendTerms appends what an authorisation says: chain id, address, nonce.
func (a *Authorization) appendTerms(dst []byte) []byte {
	dst = appendUint(dst, a.ChainID)
	dst = appendString(dst, a.Address[:])
	return appendUint(dst, a.Nonce)
}

// SigHash is what is signed: keccak256(0x05 ‖ rlp([chain id, address, nonce])).
func (a *Authorization) SigHash() Hash {
	return Keccak256([]byte{5}, appendList(nil, a.appendTerms))
}

// Content is a hash of what the transaction does: chain, nonce, recipient, value, data,
// access list, blobs and authorisations, and neither type nor fees. Two
// transactions of one content are a fee bump of each other.
func (tx *Tx) Content() Hash {
	return Keccak256(appendList(nil, func(dst []byte) []byte {
		dst = appendUint(appendUint(dst, tx.ChainID), tx.Nonce)
		dst = tx.appendCall(dst)
		dst = appendAccessList(dst, tx.AccessList)
		return tx.appendAuthorizations(tx.appendBlobHashes(dst))
	}))
}

// MaxFee is the most that gas and blobs can cost, in wei. On a layer 2 the fee for
// layer 1's data comes on top.
func (tx *Tx) MaxFee() *big.Int {
	fee := new(big.Int).Mul(new(big.Int).SetUint64(tx.Gas), tx.MaxFeePerGas)
	blobGas := new(big.Int).SetUint64(uint64(len(tx.BlobHashes)) * BlobGas)
	return fee.Add(fee, blobGas.Mul(blobGas, tx.MaxFeePerBlobGas))
}

// Selector is the first four bytes of the data, if it has as many.
func (tx *Tx) Selector() (s [4]byte, ok bool) { return s, copy(s[:], tx.Data) == len(s) }
