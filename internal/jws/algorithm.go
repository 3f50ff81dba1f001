package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"fmt"
)

// Algorithm is an "alg" value of RFC 7518 §3.1, RFC 8037 §3.1 or RFC 9864 §2.2. Only asymmetric
// signatures exist here: "none" and the HMAC family cannot be named, so they cannot be configured.
type Algorithm string

const (
	RS256   Algorithm = "RS256"
	RS384   Algorithm = "RS384"
	RS512   Algorithm = "RS512"
	PS256   Algorithm = "PS256"
	PS384   Algorithm = "PS384"
	PS512   Algorithm = "PS512"
	ES256   Algorithm = "ES256"
	ES384   Algorithm = "ES384"
	ES512   Algorithm = "ES512"
	EdDSA   Algorithm = "EdDSA"
	Ed25519 Algorithm = "Ed25519"
)

// Algorithms returns every Algorithm that can be verified and signed.
func Algorithms() []Algorithm {
	return []Algorithm{RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519}
}

// scheme says how an Algorithm signs. A curve is set for ECDSA alone.
type scheme struct {
	family family
	hash   crypto.Hash
	curve  elliptic.Curve
}

type family uint8

const (
	pkcs1v15 family = iota + 1
	pss
	ecdsaP1363
	ed
)

func (a Algorithm) scheme() (scheme, bool) {
	switch a {
	case RS256:
		return scheme{family: pkcs1v15, hash: crypto.SHA256}, true
	case RS384:
		return scheme{family: pkcs1v15, hash: crypto.SHA384}, true
	case RS512:
		return scheme{family: pkcs1v15, hash: crypto.SHA512}, true
	case PS256:
		return scheme{family: pss, hash: crypto.SHA256}, true
	case PS384:
		return scheme{family: pss, hash: crypto.SHA384}, true
	case PS512:
		return scheme{family: pss, hash: crypto.SHA512}, true
	case ES256:
		return scheme{family: ecdsaP1363, hash: crypto.SHA256, curve: elliptic.P256()}, true
	case ES384:
		return scheme{family: ecdsaP1363, hash: crypto.SHA384, curve: elliptic.P384()}, true
	case ES512:
		return scheme{family: ecdsaP1363, hash: crypto.SHA512, curve: elliptic.P521()}, true
	case EdDSA, Ed25519:
		return scheme{family: ed}, true
	}
	return scheme{}, false
}

// Known reports whether a is one of Algorithms.
func (a Algorithm) Known() bool {
	_, ok := a.scheme()
	return ok
}

// fits reports whether a public key can be used with a: the right type, and for ECDSA the right curve,
// for another would let a hash of one strength pass for another.
func (a Algorithm) fits(public crypto.PublicKey) bool {
	s, ok := a.scheme()
	if !ok {
		return false
	}
	switch key := public.(type) {
	case *rsa.PublicKey:
		return s.family == pkcs1v15 || s.family == pss
	case *ecdsa.PublicKey:
		return s.family == ecdsaP1363 && s.curve == key.Curve
	case ed25519.PublicKey:
		return s.family == ed
	}
	return false
}

func typeName(public crypto.PublicKey) string {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return "RSA"
	case *ecdsa.PublicKey:
		return "EC " + key.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return fmt.Sprintf("%T", public)
}
