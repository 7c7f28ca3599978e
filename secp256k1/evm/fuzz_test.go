package evm

import (
	"bytes"
	"testing"
)

// FuzzDecode takes nothing that it does not write again byte for byte.
func FuzzDecode(f *testing.F) {
	f.Add(unhex(f, eip155Unsigned))
	for _, args := range argsSeeds {
		if tx, _, err := ParseArgs([]byte(args)); err == nil {
			f.Add(tx.Unsigned())
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tx, err := Decode(data)
		if err != nil {
			return
		}
		if got := tx.Unsigned(); !bytes.Equal(got, data) {
			t.Errorf("%x is written as %x", data, got)
		}
		if tx.SigHash() != Keccak256(data) {
			t.Errorf("%x has another hash", data)
		}
		tx.MaxFee()
		tx.Content()
		tx.Encode([32]byte{1}, [32]byte{2}, 1)
	})
}

var argsSeeds = []string{
	`{"nonce": "0x9", "gasPrice": "0x4a817c800", "gas": "0x5208", "to": "0x3535353535353535353535353535353535353535", "chainId": "0x1"}`,
	`{"nonce": "0x9", "gasPrice": "0x4a817c800", "gas": "0x5208", "accessList": [{"address": "0x3535353535353535353535353535353535353535", "storageKeys": ["0x0100000000000000000000000000000000000000000000000000000000000000"]}], "chainId": "0x1", "data": "0x00"}`,
	`{"nonce": "0x9", "maxFeePerGas": "0x4a817c800", "maxPriorityFeePerGas": "0x1", "gas": "0x5208", "value": "0x100", "chainId": "0x1"}`,
	`{"nonce": "0x9", "maxFeePerGas": "0x4", "maxPriorityFeePerGas": "0x1", "maxFeePerBlobGas": "0x2", "gas": "0x5208", "to": "0x3535353535353535353535353535353535353535", "chainId": "0x1", "blobVersionedHashes": ["0x0100000000000000000000000000000000000000000000000000000000000000"]}`,
	`{"nonce": "0x9", "maxFeePerGas": "0x4", "maxPriorityFeePerGas": "0x1", "gas": "0x5208", "to": "0x3535353535353535353535353535353535353535", "chainId": "0x1", "authorizationList": [{"chainId": "0x1", "address": "0x3535353535353535353535353535353535353535", "nonce": "0x0", "yParity": "0x1", "r": "0x1", "s": "0x2"}]}`,
}

// FuzzArgs makes no transaction that is not read again from its own bytes.
func FuzzArgs(f *testing.F) {
	for _, seed := range argsSeeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		tx, _, err := ParseArgs(text)
		if err != nil || tx.ChainID == 0 {
			return
		}
		again, err := Decode(tx.Unsigned())
		if err != nil || again.SigHash() != tx.SigHash() || again.Content() != tx.Content() {
			t.Errorf("%s: %+v, %v", text, again, err)
		}
	})
}

func FuzzPreimage(f *testing.F) {
	f.Add(unhex(f, eip155Unsigned))
	f.Add([]byte(messagePrefix + "5hello"))
	f.Add([]byte("\x19\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tx, message, err := ParsePreimage(data)
		switch {
		case err != nil:
		case (tx == nil) == (message == nil):
			t.Errorf("%x: both or neither", data)
		case tx != nil && (tx.SigHash() != Keccak256(data) || tx.ChainID == 0):
			t.Errorf("%x: another hash", data)
		case message != nil && message.SigHash() != Keccak256(data):
			t.Errorf("%x: another hash", data)
		}
	})
}

func FuzzTypedData(f *testing.F) {
	f.Add([]byte(eip712Mail))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := ParseTypedData(text)
		if err != nil {
			return
		}
		// The type that a policy pins is the one that was hashed.
		pinned, err := ParseEncodeType(d.EncodeType)
		if err != nil || pinned.Name != d.Message.Type.Name || len(pinned.Fields) != len(d.Message.Values) {
			t.Errorf("%s: %s: %v", text, d.EncodeType, err)
		}
	})
}

func FuzzBlock(f *testing.F) {
	f.Add([]byte(`{"domain": "0x0000000000000000000000000000000000000000000000000000000000000000", "chainId": "901", "payloadHash": "0x0000000000000000000000000000000000000000000000000000000000000000"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if b, err := ParseBlock(text); err == nil && b.ChainID == 0 {
			t.Errorf("%s: no chain", text)
		}
	})
}

func FuzzAuthorization(f *testing.F) {
	f.Add([]byte(`{"chainId": "0x1", "address": "0x3535353535353535353535353535353535353535", "nonce": "0x2"}`))
	f.Fuzz(func(_ *testing.T, text []byte) {
		if a, err := ParseAuthorization(text); err == nil {
			a.SigHash()
		}
	})
}

// FuzzCall reads any data as any function's. What is read, a plain encoder writes as it was.
func FuzzCall(f *testing.F) {
	word := func(n byte) []byte { return append(make([]byte, 31), n) }
	f.Add("f(uint256,bytes)", bytes.Join([][]byte{word(1), word(64), word(3), append([]byte("abc"), make([]byte, 29)...)}, nil))
	f.Add("f((address,bytes)[])", bytes.Join([][]byte{word(32), word(1), word(32), word(5), word(64), word(0)}, nil))
	f.Add("f(string[2],int8,bool,bytes4)", bytes.Join([][]byte{word(128), word(1), word(1), make([]byte, 32), word(64), word(96), word(0), word(0)}, nil))
	f.Fuzz(func(t *testing.T, text string, data []byte) {
		function, err := ParseFunction(text)
		if err != nil {
			return
		}
		again, err := ParseFunction(function.String())
		if err != nil || again.Selector() != function.Selector() {
			t.Errorf("%q: %s: %v", text, function, err)
		}
		values, err := DecodeParams(function.Params, data)
		if err != nil {
			return
		}
		if got := encodeFields(function.Params, values); !bytes.Equal(got, data) {
			t.Errorf("%s: %x is written as %x", function, data, got)
		}
	})
}

// encodeFields is the ABI's encoding, for tests.
func encodeFields(params []Param, values []Value) []byte {
	var heads, tails []byte
	size := 0
	for _, p := range params {
		size += p.Type.headSize()
	}
	for i, p := range params {
		encoded := encodeValue(p.Type, values[i])
		if !p.Type.dynamic() {
			heads = append(heads, encoded...)
			continue
		}
		offset := make([]byte, wordSize)
		for j, n := wordSize-1, size+len(tails); n > 0; j, n = j-1, n>>8 {
			offset[j] = byte(n)
		}
		heads, tails = append(heads, offset...), append(tails, encoded...)
	}
	return append(heads, tails...)
}

func encodeValue(t *Type, v Value) []byte {
	length := func(n int) []byte {
		w := make([]byte, wordSize)
		w[30], w[31], w[29] = byte(n>>8), byte(n), byte(n>>16)
		return w
	}
	content, isBytes := v.([]byte)
	if text, ok := v.(string); ok {
		content, isBytes = []byte(text), true
	}
	switch {
	case t.Kind == KindTuple:
		return encodeFields(t.Fields, v.(Tuple).Values)
	case t.Kind == KindList:
		values := v.([]Value)
		params := make([]Param, len(values))
		for i := range params {
			params[i].Type = t.Elem
		}
		encoded := encodeFields(params, values)
		if t.Size < 0 {
			encoded = append(length(len(values)), encoded...)
		}
		return encoded
	case isBytes && t.Kind != KindFixedBytes:
		padded := append(content[:len(content):len(content)], make([]byte, (wordSize-len(content)%wordSize)%wordSize)...)
		return append(length(len(content)), padded...)
	case isBytes:
		return append(content[:len(content):len(content)], make([]byte, wordSize-len(content))...)
	}
	w := wordOf(t, v)
	return w[:]
}
