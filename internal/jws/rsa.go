package jws

import (
	"crypto"
	"crypto/rsa"
)

// RSACheck reports whether a signature is that of a digest, by RSASSA-PKCS1-v1_5 (RFC 8017 §8.2.2) with the
// key that the RSACheck was made for. It is safe for concurrent use.
type RSACheck func(hash crypto.Hash, digest, signature []byte) bool

var prepareRSA func(*rsa.PublicKey) RSACheck

// PrepareRSA has NewKey make an RSACheck for every RSA key, which then takes the place of crypto/rsa for
// PKCS #1 v1.5, and returns what was there before; nil is crypto/rsa. It is for init functions, for it must
// not be called while keys are made. A nil RSACheck leaves its key to crypto/rsa.
func PrepareRSA(prepare func(*rsa.PublicKey) RSACheck) (before func(*rsa.PublicKey) RSACheck) {
	before, prepareRSA = prepareRSA, prepare
	return before
}

// prepared returns the RSACheck for a public key, or nil.
func prepared(public crypto.PublicKey) RSACheck {
	key, ok := public.(*rsa.PublicKey)
	if !ok || prepareRSA == nil {
		return nil
	}
	return prepareRSA(key)
}
