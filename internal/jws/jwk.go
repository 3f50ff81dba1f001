package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"

	"github.com/postern-auth/postern/internal/claims"
)

// maxKeys bounds the keys of one set; issuers publish a handful.
const maxKeys = 256

// KeySet is a parsed JSON Web Key Set (RFC 7517 §5).
type KeySet struct {
	Keys []*Key
	// Skipped says of each key left out why: RFC 7517 §5 has a reader pass over what it does not
	// understand, and a key that is weak or meant for encryption is none of ours.
	Skipped []error
}

// ParseKeySet reads a key set. Two usable keys with one id are an error, for then the id would not say
// which key is meant.
func ParseKeySet(text string) (KeySet, error) {
	var object claims.Object
	if err := object.Parse(text); err != nil {
		return KeySet{}, fmt.Errorf("jws: key set: %w", err)
	}
	list, ok := object.Lookup("keys")
	if !ok {
		return KeySet{}, errors.New("jws: key set has no member keys")
	}
	var set KeySet
	n := 0
	err := list.Elements(func(v claims.Value) {
		if n++; n > maxKeys {
			return
		}
		key, err := parseKey(v)
		if err != nil {
			set.Skipped = append(set.Skipped, err)
			return
		}
		set.Keys = append(set.Keys, key)
	})
	if err != nil {
		return KeySet{}, fmt.Errorf("jws: key set: %w", err)
	}
	if n > maxKeys {
		return KeySet{}, fmt.Errorf("jws: key set has %d keys, want at most %d", n, maxKeys)
	}
	seen := make(map[string]bool, len(set.Keys))
	for _, key := range set.Keys {
		if key.ID != "" && seen[key.ID] {
			return KeySet{}, fmt.Errorf("jws: key set has two keys with id %.64q", key.ID)
		}
		seen[key.ID] = true
	}
	return set, nil
}

// ParseKey reads one public JSON Web Key (RFC 7517 §4). A key that holds private members is refused:
// who sends one has lost it.
func ParseKey(text string) (*Key, error) {
	var object claims.Object
	if err := object.Parse(text); err != nil {
		return nil, fmt.Errorf("jws: key: %w", err)
	}
	return keyFrom(&object)
}

func parseKey(v claims.Value) (*Key, error) {
	object, err := v.Object()
	if err != nil {
		return nil, fmt.Errorf("jws: key: %w", err)
	}
	return keyFrom(object)
}

// jwk holds the members of a key that are strings.
type jwk struct {
	kty, kid, alg, use, crv, n, e, x, y string
}

func keyFrom(object *claims.Object) (*Key, error) {
	var k jwk
	fields := map[string]*string{
		"kty": &k.kty, "kid": &k.kid, "alg": &k.alg, "use": &k.use,
		"crv": &k.crv, "n": &k.n, "e": &k.e, "x": &k.x, "y": &k.y,
	}
	for name, value := range object.All() {
		switch name {
		case "d", "p", "q", "dp", "dq", "qi", "oth", "k":
			return nil, fmt.Errorf("jws: key holds the secret member %s", name)
		case "key_ops":
			if !verifies(value) {
				return nil, errors.New("jws: key_ops does not name verify")
			}
		}
		if field := fields[name]; field != nil {
			text, ok := value.Text()
			if !ok {
				return nil, fmt.Errorf("jws: key member %s is not a string", name)
			}
			*field = text
		}
	}
	if k.use != "" && k.use != "sig" {
		return nil, fmt.Errorf("jws: key is for use %.64q, want sig", k.use)
	}
	public, err := k.public()
	if err != nil {
		return nil, fmt.Errorf("jws: key %.64q: %w", k.kid, err)
	}
	return NewKey(k.kid, Algorithm(k.alg), public)
}

func verifies(ops claims.Value) bool {
	list, err := ops.Texts(nil)
	if err != nil || ops.Kind() != claims.Array {
		return false
	}
	for _, op := range list {
		if op == "verify" {
			return true
		}
	}
	return false
}

func (k *jwk) public() (crypto.PublicKey, error) {
	switch k.kty {
	case "RSA":
		return k.rsa()
	case "EC":
		return k.ec()
	case "OKP":
		if k.crv != "Ed25519" {
			return nil, fmt.Errorf("curve %.64q is not supported", k.crv)
		}
		x, err := k.bytes("x", k.x)
		return ed25519.PublicKey(x), err
	}
	return nil, fmt.Errorf("kty %.64q is not supported", k.kty)
}

func (k *jwk) rsa() (crypto.PublicKey, error) {
	n, err := k.bytes("n", k.n)
	if err != nil {
		return nil, err
	}
	e, err := k.bytes("e", k.e)
	if err != nil {
		return nil, err
	}
	if len(n) > maxRSABits/8+1 || len(e) > 4 {
		return nil, errors.New("modulus or exponent is too long")
	}
	exponent := new(big.Int).SetBytes(e).Int64()
	if exponent > 1<<31-1 {
		return nil, errors.New("exponent is too large")
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent)}, nil
}

func (k *jwk) ec() (crypto.PublicKey, error) {
	c := curve(k.crv)
	if c == nil {
		return nil, fmt.Errorf("curve %.64q is not supported", k.crv)
	}
	x, err := k.coordinate("x", k.x, c)
	if err != nil {
		return nil, err
	}
	y, err := k.coordinate("y", k.y, c)
	if err != nil {
		return nil, err
	}
	point := append(append([]byte{4}, x...), y...) // uncompressed, SEC 1 §2.3.3
	key, err := ecdsa.ParseUncompressedPublicKey(c, point)
	if err != nil {
		return nil, errors.New("point is not on the curve")
	}
	return key, nil
}

// coordinate decodes x or y, which have full length also with leading zeros (RFC 7518 §6.2.1.2).
func (k *jwk) coordinate(name, text string, c elliptic.Curve) ([]byte, error) {
	b, err := k.bytes(name, text)
	if err != nil {
		return nil, err
	}
	if size := (c.Params().BitSize + 7) / 8; len(b) != size {
		return nil, fmt.Errorf("%s has %d bytes, want %d", name, len(b), size)
	}
	return b, nil
}

func (k *jwk) bytes(name, text string) ([]byte, error) {
	if text == "" {
		return nil, fmt.Errorf("no member %s", name)
	}
	if len(text) > MaxSize {
		return nil, fmt.Errorf("%s is longer than %d bytes", name, MaxSize)
	}
	b, ok := appendDecoded(nil, text)
	if !ok {
		return nil, fmt.Errorf("%s is not base64url", name)
	}
	return b, nil
}

func curve(name string) elliptic.Curve {
	switch name {
	case "P-256":
		return elliptic.P256()
	case "P-384":
		return elliptic.P384()
	case "P-521":
		return elliptic.P521()
	}
	return nil
}

// MarshalJSON writes the key as a public JWK with use "sig".
func (k *Key) MarshalJSON() ([]byte, error) {
	m := map[string]string{"use": "sig"}
	if k.ID != "" {
		m["kid"] = k.ID
	}
	if k.Algorithm != "" {
		m["alg"] = string(k.Algorithm)
	}
	switch key := k.public.(type) {
	case *rsa.PublicKey:
		m["kty"], m["n"], m["e"] = "RSA", encode(key.N.Bytes()), encode(big.NewInt(int64(key.E)).Bytes())
	case *ecdsa.PublicKey:
		x, y := coordinates(key)
		m["kty"], m["crv"], m["x"], m["y"] = "EC", key.Params().Name, encode(x), encode(y)
	case ed25519.PublicKey:
		m["kty"], m["crv"], m["x"] = "OKP", "Ed25519", encode(key)
	}
	return json.Marshal(m)
}

// MarshalJSON writes the set as RFC 7517 §5 has it, without what was skipped.
func (s KeySet) MarshalJSON() ([]byte, error) {
	keys := s.Keys
	if keys == nil {
		keys = []*Key{}
	}
	return json.Marshal(map[string][]*Key{"keys": keys})
}
