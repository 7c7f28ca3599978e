package evm

import (
	"bytes"
	"errors"
	"strconv"
)

// Message is the text of an EIP-191 message, without its prefix.
type Message []byte

const messagePrefix = "\x19Ethereum Signed Message:\n"

// SigHash is what is signed.
func (m Message) SigHash() Hash {
	return Keccak256([]byte(messagePrefix), []byte(strconv.Itoa(len(m))), m)
}

// ParsePreimage reads what is hashed for a signature (web3signer's data, go_signer's
// eth_sign): an unsigned transaction, or a message with its EIP-191 prefix. One
// of tx and message is not nil unless there is an error; the hash of either is
// keccak256(data). All else is refused: it cannot be judged.
func ParsePreimage(data []byte) (tx *Tx, message Message, err error) {
	if rest, ok := bytes.CutPrefix(data, []byte(messagePrefix)); ok {
		message, err = cutLength(rest)
		return nil, message, err
	}
	if len(data) > 0 && data[0] == 0x19 {
		return nil, nil, errors.New("must be an unsigned transaction or an EIP-191 message (got the hashes of typed data, which say nothing of what they stand for: use sign-typed-data)")
	}
	tx, err = Decode(data)
	if err == nil && tx.ChainID == 0 {
		// No chain may be put in its place: the preimage would be another.
		return nil, nil, errUnprotected
	}
	if err != nil {
		return nil, nil, err
	}
	return tx, nil, nil
}

// cutLength finds the message behind its length in decimal. The message may itself
// begin with digits: of all lengths that fit, there is one at most that leaves as many
// bytes as it says, since each further digit makes the length ten times as large.
func cutLength(rest []byte) (Message, error) {
	for digits := 1; digits <= len(rest) && digits <= len(strconv.Itoa(len(rest))); digits++ {
		if string(rest[:digits]) == strconv.Itoa(len(rest)-digits) {
			return append(Message{}, rest[digits:]...), nil
		}
	}
	return nil, errors.New("must be an EIP-191 message whose length is the one that it states")
}
