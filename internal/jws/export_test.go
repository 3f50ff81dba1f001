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
	return alg.fits(public) && new(work).verify(alg, public, signed, signature)
}
