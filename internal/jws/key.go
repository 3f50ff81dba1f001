package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"unicode/utf8"
)

const (
	minRSABits = 2048 // RFC 7518 §3.3
	maxRSABits = 8192 // a larger key makes every check a burden that its issuer chose for us
)

// Key is a public key that verifies signatures. It is immutable and safe for concurrent use.
type Key struct {
	ID        string    // kid; may be empty
	Algorithm Algorithm // alg; empty: any that fits the key's type

	public crypto.PublicKey
	pkcs1  RSACheck // nil: crypto/rsa's
}

// NewKey returns a Key after checking that the public key is sound: RSA of 2048 to 8192 bits with an odd
// exponent of at least 3, a point on P-256, P-384 or P-521, or an Ed25519 key that is not of small order.
func NewKey(id string, alg Algorithm, public crypto.PublicKey) (*Key, error) {
	if err := checkPublic(public); err != nil {
		return nil, err
	}
	if alg != "" && !alg.fits(public) {
		return nil, fmt.Errorf("jws: algorithm %.64q does not fit a key of type %s", string(alg), typeName(public))
	}
	if len(id) > maxKeyID || !utf8.ValidString(id) {
		return nil, fmt.Errorf("jws: key id %.64q is not UTF-8 of at most %d bytes", id, maxKeyID)
	}
	return &Key{id, alg, public, prepared(public)}, nil
}

func checkPublic(public crypto.PublicKey) error {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return checkRSA(key)
	case *ecdsa.PublicKey:
		if curve(key.Params().Name) == nil {
			return fmt.Errorf("jws: curve %s is not supported", key.Params().Name)
		}
		if _, err := key.Bytes(); err != nil {
			return errors.New("jws: EC key is not on its curve")
		}
		return nil
	case ed25519.PublicKey:
		if len(key) != ed25519.PublicKeySize {
			return fmt.Errorf("jws: Ed25519 key has %d bytes, want %d", len(key), ed25519.PublicKeySize)
		}
		if smallOrder(key) {
			return errors.New("jws: Ed25519 key is a point of small order, for which anybody can make signatures")
		}
		return nil
	}
	return fmt.Errorf("jws: key of type %T is not supported", public)
}

func checkRSA(key *rsa.PublicKey) error {
	bits := key.N.BitLen()
	switch {
	case bits < minRSABits || bits > maxRSABits:
		return fmt.Errorf("jws: RSA key has %d bits, want %d to %d", bits, minRSABits, maxRSABits)
	case key.N.Bit(0) == 0:
		return errors.New("jws: RSA modulus is even")
	case key.E < 3 || key.E&1 == 0:
		return fmt.Errorf("jws: RSA exponent %d is not odd and at least 3", key.E)
	}
	return nil
}

// Public returns the key as the standard library has it. It must not be changed.
func (k *Key) Public() crypto.PublicKey { return k.public }

// Accepts reports whether signatures by the algorithm may be checked with the key. The error wraps
// ErrSignature.
func (k *Key) Accepts(alg Algorithm) error {
	if k.Algorithm != "" && k.Algorithm != alg || !alg.fits(k.public) {
		return &misfit{k, alg}
	}
	return nil
}

// misfit is a key and the algorithm of a message that do not go together.
type misfit struct {
	key *Key
	alg Algorithm
}

func (e *misfit) Error() string {
	if e.key.Algorithm != "" {
		return fmt.Sprintf("jws: key %.64q is for algorithm %s, message says %.64q", e.key.ID, e.key.Algorithm, string(e.alg))
	}
	return fmt.Sprintf("jws: key %.64q of type %s does not fit algorithm %.64q", e.key.ID, typeName(e.key.public), string(e.alg))
}

func (*misfit) Unwrap() error { return ErrSignature }

// Equal reports whether two keys are the same: id, algorithm and key material.
func (k *Key) Equal(other *Key) bool {
	if k.ID != other.ID || k.Algorithm != other.Algorithm {
		return false
	}
	public, ok := k.public.(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(other.public)
}

// rivals reports whether another key of the same id is meant by it as well, for an algorithm that both fit.
// The same key material is not another key, whatever alg it is listed with.
func (k *Key) rivals(other *Key) bool {
	if k.Algorithm != "" && other.Algorithm != "" && k.Algorithm != other.Algorithm || typeName(k.public) != typeName(other.public) {
		return false
	}
	public, ok := k.public.(interface{ Equal(crypto.PublicKey) bool })
	return !ok || !public.Equal(other.public)
}

// Thumbprint returns the SHA-256 thumbprint of RFC 7638 §3 in base64url.
func (k *Key) Thumbprint() string {
	var text string
	switch key := k.public.(type) {
	case *rsa.PublicKey:
		text = fmt.Sprintf(`{"e":"%s","kty":"RSA","n":"%s"}`, encode(big.NewInt(int64(key.E)).Bytes()), encode(key.N.Bytes()))
	case *ecdsa.PublicKey:
		x, y := coordinates(key)
		text = fmt.Sprintf(`{"crv":"%s","kty":"EC","x":"%s","y":"%s"}`, key.Params().Name, encode(x), encode(y))
	case ed25519.PublicKey:
		text = fmt.Sprintf(`{"crv":"Ed25519","kty":"OKP","x":"%s"}`, encode(key))
	}
	sum := sha256.Sum256([]byte(text))
	return encode(sum[:])
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// coordinates returns the fixed-length x and y of a point that NewKey has found on its curve.
func coordinates(key *ecdsa.PublicKey) (x, y []byte) {
	point, err := key.Bytes()
	if err != nil {
		panic("jws: key not made by NewKey: " + err.Error())
	}
	size := len(point) / 2
	return point[1 : 1+size], point[1+size:]
}

// ParsePrivateKey reads a private key in PEM: PKCS #1, PKCS #8 or SEC 1. It is what key files hold.
func ParsePrivateKey(text []byte) (crypto.Signer, error) {
	block, rest := pem.Decode(text)
	if block == nil {
		return nil, errors.New("jws: private key is not PEM")
	}
	if len(block.Headers) > 0 {
		return nil, errors.New("jws: private key is encrypted or has PEM headers; give it in the clear")
	}
	if next, _ := pem.Decode(rest); next != nil {
		return nil, errors.New("jws: PEM holds more than one block")
	}
	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("jws: PEM block %.64q is not a private key", block.Type)
	}
	if err != nil {
		// The parser's own text may quote key material.
		return nil, fmt.Errorf("jws: PEM block %q does not hold a private key", block.Type)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("jws: private key of type %T cannot sign", key)
	}
	if err := checkPublic(signer.Public()); err != nil {
		return nil, err
	}
	return signer, nil
}
