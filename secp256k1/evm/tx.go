package evm

import "math/big"

// The types of transactions (EIP-2718).
const (
	Legacy     = 0 // with replay protection (EIP-155), else refused
	AccessList = 1 // EIP-2930
	DynamicFee = 2 // EIP-1559
	Blob       = 3 // EIP-4844, without its sidecar
	SetCode    = 4 // EIP-7702
)

// BlobGas is the gas of one blob.
const BlobGas = 1 << 17

// Tx is a transaction that is not signed yet. All amounts are in wei, at most
// 256 bits, and never nil.
type Tx struct {
	Type uint8
	// ChainID is 0 only where ParseArgs was given none: the policy's only chain
	// stands in for it, or the transaction is refused. It is never signed as 0.
	ChainID uint64
	Nonce   uint64
	Gas     uint64
	To      *Address // nil creates a contract
	Value   *big.Int
	Data    []byte
	// MaxFeePerGas is gasPrice in types 0 and 1, and so is MaxPriorityFeePerGas.
	MaxFeePerGas         *big.Int
	MaxPriorityFeePerGas *big.Int
	MaxFeePerBlobGas     *big.Int // 0 but in type 3
	AccessList           []AccessTuple
	BlobHashes           []Hash          // type 3
	Authorizations       []Authorization // type 4, signed
}

// AccessTuple is an entry of an access list.
type AccessTuple struct {
	Address Address
	Keys    []Hash
}

// Authorization lets Address's code act for an account (EIP-7702). YParity, R
// and S are nil or 0 while it is not signed.
type Authorization struct {
	ChainID uint64 // 0 holds on every chain
	Address Address
	Nonce   uint64
	YParity uint8
	R, S    *big.Int
}
