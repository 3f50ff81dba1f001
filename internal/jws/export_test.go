package jws

import (
	"crypto"
	"encoding/base64"
)

// SignText signs text that is already encoded, whatever it says, and appends the signature.
func SignText(s *Signer, text string) (string, error) {
	signature, err := s.signature([]byte(text))
	if err != nil {
		return "", err
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// VerifyBytes is the check that Verify ends in, without the message around it. It is false also when the
// key does not fit the algorithm.
func VerifyBytes(alg Algorithm, public crypto.PublicKey, signed, signature []byte) bool {
	return VerifyWith(&Key{public: public}, alg, signed, signature)
}

// VerifyWith is VerifyBytes with a key as NewKey has made it.
func VerifyWith(key *Key, alg Algorithm, signed, signature []byte) bool {
	return alg.fits(key.public) && new(work).verify(alg, key, signed, signature)
}

// Plain returns the key for the standard library's check alone, which is the key itself unless a package
// has prepared it.
func Plain(key *Key) *Key {
	plain := *key
	plain.pkcs1 = nil
	return &plain
}

// Prepared reports whether the key is checked by other code than the standard library's.
func Prepared(key *Key) bool { return key.pkcs1 != nil }
