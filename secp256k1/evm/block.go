package evm

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/banhbaoring/banhbaoring/secp256k1/internal/strictjson"
)

// Block is a payload of the OP Stack's sequencer, in any of its wire forms.
type Block struct {
	Domain      Hash
	ChainID     uint64
	PayloadHash Hash
	Sender      *Address // senderAddress, where it was given
}

// SigHash is keccak256(domain ‖ chain id as 32 bytes ‖ payload hash).
func (b *Block) SigHash() Hash {
	var chain Hash
	binary.BigEndian.PutUint64(chain[24:], b.ChainID)
	return Keccak256(b.Domain[:], chain[:], b.PayloadHash[:])
}

// ParseBlock reads the argument of opsigner_signBlockPayload (domain and
// payloadHash as 32 numbers, base64 or hex; chainId a number) and of
// opsigner_signBlockPayloadV2 (hex; chainId hex or decimal, as text), as one JSON object.
func ParseBlock(text []byte) (*Block, error) {
	f, err := parseFields(text)
	if err != nil {
		return nil, fmt.Errorf("block payload %w", err)
	}
	// Older clients send the payload along, for nothing: its hash is what is signed.
	f.only("domain", "chainId", "payloadHash", "senderAddress", "PayloadBytes")
	for _, name := range []string{"domain", "chainId", "payloadHash"} {
		f.require(name)
	}
	b := &Block{Domain: f.hash("domain"), ChainID: f.chain("chainId"), PayloadHash: f.hash("payloadHash"), Sender: f.address("senderAddress")}
	return b, f.err()
}

// hash reads 32 bytes in one of the ways in which Go and its clients write them.
func (f fields) hash(name string) (h Hash) {
	v, ok := f.object.Get(name)
	if !ok {
		return h
	}
	var raw []byte
	switch v := v.(type) {
	case strictjson.List:
		for _, item := range v {
			n, _ := item.(json.Number)
			b, err := strconv.ParseUint(string(n), 10, 8)
			if err != nil {
				raw = nil
				break
			}
			raw = append(raw, byte(b))
		}
	case string:
		if strings.HasPrefix(v, "0x") {
			raw, _ = parseBytes(v)
		} else {
			raw, _ = base64.StdEncoding.Strict().DecodeString(v)
		}
	}
	if len(raw) != len(h) {
		f.fault(name, "must be 32 bytes: a list of numbers, base64, or hex with 0x (got "+strictjson.Kind(v)+")")
		return h
	}
	return Hash(raw)
}

// chain reads a chain id: a number, or text in decimal or hex.
func (f fields) chain(name string) uint64 {
	v, ok := f.object.Get(name)
	if !ok {
		return 0
	}
	text := fmt.Sprint(v)
	var id uint64
	var err error
	if digits, isHex := strings.CutPrefix(text, "0x"); isHex {
		id, err = strconv.ParseUint(digits, 16, 64)
	} else {
		id, err = strconv.ParseUint(text, 10, 64)
	}
	if err != nil || id == 0 || id > MaxChainID {
		f.fault(name, fmt.Sprintf("must be a chain's id, 1 to %d (got %s)", uint64(MaxChainID), strictjson.Kind(v)))
	}
	return id
}
