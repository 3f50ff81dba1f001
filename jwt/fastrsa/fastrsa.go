// Package fastrsa makes the check of RS256, RS384 and RS512 signatures cheaper by a quarter to a third, for
// programs that import it for its effect:
//
//	import _ "github.com/postern-auth/postern/jwt/fastrsa"
//
// Package crypto/rsa derives the constants for its arithmetic from the key again for every signature. This
// package derives them once a key, with filippo.io/bigmod, which is the standard library's own arithmetic
// as its author publishes it. It is a package of its own, and not what package jwt does anyway, because that
// module promises no stable API, and because nobody should have more code in the trusted part of a program
// than they asked for.
//
// In FIPS 140 mode, and with a Go toolchain that uses BoringCrypto, the package has no effect: crypto/rsa
// checks every signature. PS256, PS384 and PS512 are crypto/rsa's always.
package fastrsa

import (
	"bytes"
	"crypto"
	"crypto/fips140"
	"crypto/rsa"
	"math"

	"filippo.io/bigmod"

	"github.com/postern-auth/postern/internal/jws"
)

func init() {
	if usable() {
		jws.PrepareRSA(prepare)
	}
}

// usable reports whether signatures may be checked by other code than the validated one.
func usable() bool { return !fips140.Enabled() && !boring }

// key is a public key whose modulus is ready for use.
type key struct {
	modulus  *bigmod.Modulus
	exponent uint
}

// prepare returns the check for a key that package jws has found sound: 2048 bits at least, and odd.
func prepare(public *rsa.PublicKey) jws.RSACheck {
	if public.E < 3 || public.E > math.MaxInt32 {
		return nil
	}
	modulus, err := bigmod.NewModulus(public.N.Bytes())
	if err != nil {
		return nil
	}
	return key{modulus, uint(public.E)}.verify
}

// verify is RSASSA-PKCS1-V1_5-VERIFY (RFC 8017 §8.2.2).
func (k key) verify(hash crypto.Hash, digest, signature []byte) bool {
	if len(signature) != k.modulus.Size() {
		return false
	}
	s, err := bigmod.NewNat().SetBytes(signature, k.modulus) // an error when s is not below the modulus
	if err != nil {
		return false
	}
	em := bigmod.NewNat().ExpShortVarTime(s, k.exponent, k.modulus).Bytes(k.modulus)
	return isEncoding(em, hash, digest)
}

// isEncoding reports whether em is what EMSA-PKCS1-v1_5 makes of the digest (RFC 8017 §9.2), by every byte:
// there is one encoding, and whoever reads it as a structure has been fooled before.
//
//	0x00 0x01 0xff … 0xff 0x00 prefix digest
func isEncoding(em []byte, hash crypto.Hash, digest []byte) bool {
	prefix := prefixes[hash]
	padding := len(em) - 3 - len(prefix) - len(digest)
	if prefix == nil || len(digest) != hash.Size() || padding < 8 {
		return false
	}
	head, rest := em[:2], em[2:]
	filling, rest := rest[:padding], rest[padding:]
	zero, rest := rest[:1], rest[1:]
	return bytes.Equal(head, []byte{0, 1}) &&
		bytes.Count(filling, []byte{0xff}) == padding &&
		zero[0] == 0 &&
		bytes.Equal(rest[:len(prefix)], prefix) &&
		bytes.Equal(rest[len(prefix):], digest)
}

// prefixes are the DER of a DigestInfo up to the digest (RFC 8017 §9.2, note 1).
var prefixes = map[crypto.Hash][]byte{
	crypto.SHA256: {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20},
	crypto.SHA384: {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30},
	crypto.SHA512: {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40},
}
