package jws

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/postern-auth/postern/internal/claims"
)

const (
	// maxKeys bounds the keys of one set; issuers publish a handful.
	maxKeys = 256
	// maxLeftOut bounds how many keys that are left out are remembered with their reason.
	maxLeftOut = 256
)

// KeySet is a parsed JSON Web Key Set (RFC 7517 §5).
type KeySet struct {
	Keys []*Key
	// LeftOut are the keys that are not used, in the order of the set, the first 256 of them.
	LeftOut []LeftOut
}

// ErrOtherUse is the reason why a key is left out that its issuer publishes for something else, such as
// encryption. Nothing is wrong with it.
var ErrOtherUse = errors.New("it is not for signatures")

// LeftOut is a key of a set that is not used.
type LeftOut struct {
	ID     string // kid; empty when the key has none that can be read
	Reason error
}

// ParseKeySet reads a key set. RFC 7517 §5 has a reader pass over a key that it does not understand; this
// one also passes over keys that cannot be read, are weak, or are not for signatures. The same key listed
// twice is one. Keys with one id are told apart by algorithm and type; two that cannot be are both left
// out, because nothing says which is meant. Of more than 256 keys the first are used. The error says that
// the text is not a key set at all.
func ParseKeySet(text string) (KeySet, error) {
	list, err := keysOf(text)
	if err != nil {
		return KeySet{}, fmt.Errorf("jws: key set: %w", err)
	}
	r := setReader{byID: make(map[string][]*Key)}
	if err := claims.Elements(list, r.read); err != nil {
		return KeySet{}, fmt.Errorf("jws: key set: %w", err)
	}
	r.leaveOutAmbiguous()
	return r.set, nil
}

// keysOf returns the member keys of a key set, and of the others not even whether they can be read.
func keysOf(text string) (list string, err error) {
	n := 0
	err = claims.Members(text, func(name, value string) {
		if name == "keys" {
			list, n = value, n+1
		}
	})
	switch {
	case err != nil:
		return "", err
	case n > 1:
		return "", errors.New("it has more than one member keys")
	case n == 0 || list == "null":
		return "", errors.New("it has no member keys")
	}
	return list, nil
}

// setReader gathers the keys of a set.
type setReader struct {
	set  KeySet
	byID map[string][]*Key
}

func (r *setReader) read(element string) {
	key, err := ParseKey(element)
	if err != nil {
		r.leaveOut(keyID(element), err)
		return
	}
	same := r.byID[key.ID]
	if slices.ContainsFunc(same, key.Equal) {
		return
	}
	if len(r.set.Keys) == maxKeys {
		r.leaveOut(key.ID, fmt.Errorf("jws: key %.64q: the set has more than %d keys", key.ID, maxKeys))
		return
	}
	r.set.Keys = append(r.set.Keys, key)
	r.byID[key.ID] = append(same, key)
}

func (r *setReader) leaveOut(id string, reason error) {
	if len(r.set.LeftOut) < maxLeftOut {
		r.set.LeftOut = append(r.set.LeftOut, LeftOut{id, reason})
	}
}

// leaveOutAmbiguous takes out the keys whose id and algorithm mean another key as well. Keys without id are
// told apart by trial.
func (r *setReader) leaveOutAmbiguous() {
	r.set.Keys = slices.DeleteFunc(r.set.Keys, func(key *Key) bool {
		if key.ID == "" || !slices.ContainsFunc(r.byID[key.ID], key.rivals) {
			return false
		}
		r.leaveOut(key.ID, fmt.Errorf("jws: key %.64q: the set has another key with this id for the same algorithm", key.ID))
		return true
	})
}

// keyID returns the id of a key that may be unreadable otherwise; empty when that is what cannot be read.
func keyID(element string) (id string) {
	claims.Members(element, func(name, value string) {
		if name != "kid" {
			return
		}
		if v, err := claims.ParseValue(value); err == nil {
			id, _ = v.Text()
		}
	})
	if len(id) > maxKeyID {
		return ""
	}
	return strings.Clone(id) // not the whole set with it
}

// ParseKey reads one public JSON Web Key (RFC 7517 §4). A key that holds private members is refused:
// whoever sends one has lost it. A member that is null is absent, and one that does not concern a key of this
// kty may be anything.
func ParseKey(text string) (*Key, error) {
	var k jwk
	if err := k.Parse(text); err != nil {
		return nil, fmt.Errorf("jws: key: %w", err)
	}
	return k.key()
}

// jwk is the JSON of a key.
type jwk struct{ claims.Object }

func (k *jwk) key() (*Key, error) {
	for _, name := range [...]string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		if k.has(name) {
			return nil, fmt.Errorf("jws: key holds the secret member %s", name)
		}
	}
	id, err := k.text("kid")
	if err != nil {
		return nil, fmt.Errorf("jws: key: %w", err)
	}
	if err := k.checkUse(); err != nil {
		return nil, fmt.Errorf("jws: key %.64q: %w", id, err)
	}
	alg, err := k.text("alg")
	if err != nil {
		return nil, fmt.Errorf("jws: key %.64q: %w", id, err)
	}
	public, err := k.public()
	if err != nil {
		return nil, fmt.Errorf("jws: key %.64q: %w", id, err)
	}
	key, err := NewKey(strings.Clone(id), Algorithm(strings.Clone(alg)), public)
	if err != nil {
		return nil, fmt.Errorf("jws: key %.64q: %w", id, err)
	}
	return key, nil
}

// has reports whether the member is there: null stands for absence.
func (k *jwk) has(name string) bool {
	v, found := k.Lookup(name)
	return found && v.Kind() != claims.Null
}

// text returns a member that is a string; empty when it is not there.
func (k *jwk) text(name string) (string, error) {
	if !k.has(name) {
		return "", nil
	}
	v, _ := k.Lookup(name)
	text, ok := v.Text()
	if !ok {
		return "", fmt.Errorf("member %s is not a string", name)
	}
	return text, nil
}

// checkUse reports why the key is not one to verify signatures with (RFC 7517 §4.2, §4.3).
func (k *jwk) checkUse() error {
	use, err := k.text("use")
	if err != nil {
		return err
	}
	switch use {
	case "", "sig":
	case "enc":
		return fmt.Errorf("use is enc: %w", ErrOtherUse)
	default:
		return fmt.Errorf("use is %.64q, want sig", use)
	}
	if ops, _ := k.Lookup("key_ops"); k.has("key_ops") && !verifies(ops) {
		return errors.New("key_ops does not name verify")
	}
	return nil
}

func verifies(ops claims.Value) bool {
	list, err := ops.Texts(nil)
	return err == nil && ops.Kind() == claims.Array && slices.Contains(list, "verify")
}

func (k *jwk) public() (crypto.PublicKey, error) {
	kty, err := k.text("kty")
	if err != nil {
		return nil, err
	}
	switch kty {
	case "RSA":
		return k.rsa()
	case "EC":
		return k.ec()
	case "OKP":
		return k.okp()
	}
	return nil, fmt.Errorf("kty %.64q is not supported", kty)
}

func (k *jwk) okp() (crypto.PublicKey, error) {
	crv, err := k.text("crv")
	if err != nil {
		return nil, err
	}
	if crv != "Ed25519" {
		return nil, fmt.Errorf("curve %.64q is not supported", crv)
	}
	x, err := k.bytes("x")
	return ed25519.PublicKey(x), err
}

func (k *jwk) rsa() (crypto.PublicKey, error) {
	n, err := k.bytes("n")
	if err != nil {
		return nil, err
	}
	e, err := k.bytes("e")
	if err != nil {
		return nil, err
	}
	// RFC 7518 §6.3.1 wants no leading zeros; the number is the same with them.
	n, e = bytes.TrimLeft(n, "\x00"), bytes.TrimLeft(e, "\x00")
	if len(n) > maxRSABits/8 || len(e) > 4 {
		return nil, errors.New("modulus or exponent is too long")
	}
	exponent := new(big.Int).SetBytes(e).Int64()
	if exponent > 1<<31-1 {
		return nil, errors.New("exponent is too large")
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent)}, nil
}

func (k *jwk) ec() (crypto.PublicKey, error) {
	crv, err := k.text("crv")
	if err != nil {
		return nil, err
	}
	c := curve(crv)
	if c == nil {
		return nil, fmt.Errorf("curve %.64q is not supported", crv)
	}
	size := (c.Params().BitSize + 7) / 8
	point := make([]byte, 1+2*size) // uncompressed, SEC 1 §2.3.3
	point[0] = 4
	for i, name := range []string{"x", "y"} {
		// RFC 7518 §6.2.1.2 wants leading zeros, and some writers leave them out.
		b, err := k.bytes(name)
		if err != nil {
			return nil, err
		}
		if len(b) > size {
			return nil, fmt.Errorf("%s has %d bytes, want %d", name, len(b), size)
		}
		end := 1 + (i+1)*size
		copy(point[end-len(b):end], b)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(c, point)
	if err != nil {
		return nil, errors.New("point is not on the curve")
	}
	return key, nil
}

// base64url turns the standard alphabet into the one of URLs.
var base64url = strings.NewReplacer("+", "-", "/", "_")

// bytes decodes base64url (RFC 7518 §2). Padding and the standard alphabet (RFC 4648 §4), which some
// issuers write, are read too: unlike a token, of which there must be one spelling, a key is what it stands
// for, and these stand for nothing else.
func (k *jwk) bytes(name string) ([]byte, error) {
	text, err := k.text(name)
	if err != nil {
		return nil, err
	}
	if text == "" {
		return nil, fmt.Errorf("no member %s", name)
	}
	if len(text) > MaxSize {
		return nil, fmt.Errorf("%s is longer than %d bytes", name, MaxSize)
	}
	if len(text)%4 == 0 {
		text = strings.TrimSuffix(strings.TrimSuffix(text, "="), "=")
	}
	b, ok := appendDecoded(nil, base64url.Replace(text))
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

// MarshalJSON writes the set as RFC 7517 §5 has it, without what was left out.
func (s KeySet) MarshalJSON() ([]byte, error) {
	keys := s.Keys
	if keys == nil {
		keys = []*Key{}
	}
	return json.Marshal(map[string][]*Key{"keys": keys})
}
