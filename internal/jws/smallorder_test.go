package jws_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/postern-auth/postern/internal/jws"
)

// smallOrderKeys returns every encoding of a point whose order divides 8, found by the curve's equation
// -x² + y² = 1 + dx²y²: doubling such a point three times gives the neutral one, so y is 0, 1, -1 or solves
// dy⁴ + 2y² = 1. Numbers below 2²⁵⁵ that exceed the field's size stand for the same points.
func smallOrderKeys(t *testing.T) (keys []ed25519.PublicKey) {
	t.Helper()
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	mod := func(x *big.Int) *big.Int { return x.Mod(x, p) }
	d := mod(new(big.Int).Mul(big.NewInt(-121665), new(big.Int).ModInverse(big.NewInt(121666), p)))
	root := new(big.Int).ModSqrt(mod(new(big.Int).Add(d, big.NewInt(1))), p)
	ys := []*big.Int{big.NewInt(0), big.NewInt(1), new(big.Int).Sub(p, big.NewInt(1))}
	for _, r := range []*big.Int{root, new(big.Int).Neg(root)} {
		square := mod(new(big.Int).Mul(new(big.Int).Sub(r, big.NewInt(1)), new(big.Int).ModInverse(d, p)))
		if y := new(big.Int).ModSqrt(square, p); y != nil {
			ys = append(ys, y, mod(new(big.Int).Neg(y)))
		}
	}
	if len(ys) != 5 {
		t.Fatalf("%d coordinates, want 5", len(ys))
	}
	limit := new(big.Int).Lsh(big.NewInt(1), 255)
	for _, y := range ys {
		for ; y.Cmp(limit) < 0; y = new(big.Int).Add(y, p) {
			for _, sign := range []byte{0, 0x80} {
				key := y.FillBytes(make([]byte, ed25519.PublicKeySize))
				slices.Reverse(key)
				key[len(key)-1] |= sign
				keys = append(keys, key)
			}
		}
	}
	return keys
}

func TestFindingK7_Ed25519KeysOfSmallOrderAreLeftOut(t *testing.T) {
	keys := smallOrderKeys(t)
	if len(keys) != 14 {
		t.Fatalf("%d encodings, want 7 of y and 2 signs each", len(keys))
	}
	for _, key := range keys {
		if _, err := jws.NewKey("k", jws.EdDSA, key); err == nil || !strings.Contains(err.Error(), "small order") {
			t.Errorf("%x: %v, want that the order is small", key, err)
		}
		text := fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","kid":"k","x":"%s"}`, encode(string(key)))
		if _, err := jws.ParseKey(text); err == nil {
			t.Errorf("%s was read", text)
		}
		set, err := jws.ParseKeySet(`{"keys":[` + text + `,` + rfc8037OKP + `]}`)
		if err != nil || len(set.Keys) != 1 || len(set.LeftOut) != 1 || set.LeftOut[0].ID != "k" || !strings.Contains(set.LeftOut[0].Reason.Error(), "small order") {
			t.Errorf("%x in a set: %+v, %v; want the other key alone, and the reason", key, set, err)
		}
	}
}

// What is kept out: with a neutral public key the signature (R = the base point, S = 1) is good for all messages.
func TestAKeyOfSmallOrderVerifiesWhatNobodySigned(t *testing.T) {
	neutral := append([]byte{1}, make([]byte, 31)...)
	base := append([]byte{0x58}, bytes.Repeat([]byte{0x66}, 31)...)
	signature := append(base, append([]byte{1}, make([]byte, 31)...)...)
	message := sha512.Sum512([]byte("anything"))
	if !jws.VerifyBytes(jws.EdDSA, ed25519.PublicKey(neutral), message[:], signature) {
		t.Error("the standard library refuses the neutral key by itself")
	}
}
