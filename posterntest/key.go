package posterntest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"sync"
	"testing"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/jwt"
)

// Key is a private key that signs tokens.
type Key struct {
	id, alg string
	private crypto.Signer
	public  *jws.Key
}

// NewKey returns a new key for the algorithm, one of those of package jwt. RSA keys have 2048 bits and
// take a moment to make.
func NewKey(t testing.TB, alg, id string) *Key {
	t.Helper()
	private, err := generate(alg)
	if err != nil {
		t.Fatalf("posterntest: %v", err)
	}
	public, err := jws.NewKey(id, jws.Algorithm(alg), private.Public())
	if err != nil {
		t.Fatalf("posterntest: %v", err)
	}
	return &Key{id, alg, private, public}
}

// ID returns the key's id (kid).
func (k *Key) ID() string { return k.id }

// Algorithm returns what the key signs with (alg).
func (k *Key) Algorithm() string { return k.alg }

// Public returns the public half.
func (k *Key) Public() crypto.PublicKey { return k.private.Public() }

// firstRSA is the one RSA key that most tests need; any further one in a process is generated.
var firstRSA = struct {
	sync.Once
	key *rsa.PrivateKey
	err error
}{}

func generate(alg string) (crypto.Signer, error) {
	switch alg {
	case jwt.RS256, jwt.RS384, jwt.RS512, jwt.PS256, jwt.PS384, jwt.PS512:
		fresh := false
		firstRSA.Do(func() {
			firstRSA.key, firstRSA.err = rsa.GenerateKey(rand.Reader, 2048)
			fresh = true
		})
		if fresh {
			return firstRSA.key, firstRSA.err
		}
		return rsa.GenerateKey(rand.Reader, 2048)
	case jwt.ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jwt.ES384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case jwt.ES512:
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case jwt.EdDSA, jwt.Ed25519:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	}
	return nil, fmt.Errorf("algorithm %.64q is not one that package jwt knows", alg)
}

// signature is written without package jws, so that what verifies is not tested against itself.
func (k *Key) signature(signed []byte) ([]byte, error) {
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[k.alg[2:]]
	digest := signed
	if hash != 0 {
		h := hash.New()
		h.Write(signed)
		digest = h.Sum(nil)
	}
	switch private := k.private.(type) {
	case *rsa.PrivateKey:
		if k.alg[0] == 'P' {
			return rsa.SignPSS(rand.Reader, private, hash, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
		return rsa.SignPKCS1v15(rand.Reader, private, hash, digest)
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, private, digest)
		if err != nil {
			return nil, err
		}
		size := (private.Params().BitSize + 7) / 8
		signature := make([]byte, 2*size)
		r.FillBytes(signature[:size])
		s.FillBytes(signature[size:])
		return signature, nil
	case ed25519.PrivateKey:
		return ed25519.Sign(private, signed), nil
	}
	return nil, fmt.Errorf("key of type %T cannot sign", k.private)
}

// opaqueName returns the nth opaque token: the same in every run, and spread over the alphabet, as real
// ones are.
func opaqueName(n int) string {
	h := fnv.New128a()
	fmt.Fprintf(h, "opaque token %d", n)
	return fmt.Sprintf("opaque_%d_%s", n, hex.EncodeToString(h.Sum(nil)))
}
