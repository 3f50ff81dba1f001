package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
)

// generatedBits is the size of the RSA keys that GenerateKey makes, the least that Verify accepts.
const generatedBits = 2048

// GenerateKey returns a new private key to sign with by the algorithm.
func GenerateKey(alg Algorithm) (crypto.Signer, error) {
	switch alg {
	case RS256, RS384, RS512, PS256, PS384, PS512:
		return rsa.GenerateKey(rand.Reader, generatedBits)
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case ES384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case ES512:
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case EdDSA, Ed25519:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	}
	return nil, fmt.Errorf("jws: algorithm %.64q is not supported, expected one of %v", string(alg), Algorithms())
}
