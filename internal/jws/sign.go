package jws

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha512"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
)

// Signer signs messages with one private key and one algorithm. It is safe for concurrent use when the
// crypto.Signer is, as the standard library's are.
type Signer struct {
	key     *Key
	scheme  scheme
	private crypto.Signer
}

// NewSigner returns a Signer that names the key id in its messages' headers; an empty id names none.
func NewSigner(alg Algorithm, keyID string, private crypto.Signer) (*Signer, error) {
	if private == nil {
		return nil, errors.New("jws: no private key")
	}
	if alg == "" {
		return nil, errors.New("jws: no algorithm")
	}
	key, err := NewKey(keyID, alg, private.Public())
	if err != nil {
		return nil, err
	}
	s, _ := alg.scheme()
	return &Signer{key, s, private}, nil
}

// DefaultAlgorithm returns the algorithm that a private key signs with when nothing else is said: RS256,
// the ECDSA variant of its curve, or EdDSA.
func DefaultAlgorithm(private crypto.Signer) (Algorithm, error) {
	for _, alg := range []Algorithm{RS256, ES256, ES384, ES512, EdDSA} {
		if alg.fits(private.Public()) {
			return alg, nil
		}
	}
	return "", fmt.Errorf("jws: key of type %T is not supported", private.Public())
}

// Key returns the public key that verifies what s signs.
func (s *Signer) Key() *Key { return s.key }

// Sign returns the compact JWS of the payload, with typ in its header unless typ is empty. A message that
// Parse would find too long is an error.
func (s *Signer) Sign(typ string, payload []byte) (string, error) {
	header := struct {
		Algorithm Algorithm `json:"alg"`
		KeyID     string    `json:"kid,omitempty"`
		Type      string    `json:"typ,omitempty"`
	}{s.key.Algorithm, s.key.ID, typ}
	return s.sign(header, payload)
}

// SignProof returns a compact JWS whose header brings the public key itself (jwk), as a DPoP proof's
// does (RFC 9449 §4.2).
func (s *Signer) SignProof(typ string, payload []byte) (string, error) {
	public := *s.key
	public.ID, public.Algorithm = "", ""
	header := struct {
		Algorithm Algorithm `json:"alg"`
		Type      string    `json:"typ"`
		JWK       *Key      `json:"jwk"`
	}{s.key.Algorithm, typ, &public}
	return s.sign(header, payload)
}

func (s *Signer) sign(header any, payload []byte) (string, error) {
	head, err := json.Marshal(header)
	if err != nil {
		return "", fmt.Errorf("jws: header: %w", err)
	}
	enc := base64.RawURLEncoding
	text := make([]byte, 0, enc.EncodedLen(len(head))+enc.EncodedLen(len(payload))+2+enc.EncodedLen(maxRSABits/8))
	text = enc.AppendEncode(text, head)
	text = append(text, '.')
	text = enc.AppendEncode(text, payload)
	signature, err := s.signature(text)
	if err != nil {
		return "", err
	}
	text = append(text, '.')
	text = enc.AppendEncode(text, signature)
	if len(text) > MaxSize {
		return "", fmt.Errorf("jws: message has %d bytes, want at most %d", len(text), MaxSize)
	}
	return string(text), nil
}

func (s *Signer) signature(signed []byte) ([]byte, error) {
	var space [sha512.Size]byte
	var opts crypto.SignerOpts = s.scheme.hash
	message := digest(&space, s.scheme.hash, signed)
	switch s.scheme.family {
	case pss:
		opts = pssByHash[s.scheme.hash]
	case ed:
		opts, message = &ed25519.Options{}, signed
	}
	signature, err := s.private.Sign(rand.Reader, message, opts)
	if err != nil {
		return nil, fmt.Errorf("jws: signing with key %q: %w", s.key.ID, err)
	}
	if s.scheme.family == ecdsaP1363 {
		return p1363FromDER(signature, s.scheme.curve.Params().BitSize)
	}
	return signature, nil
}

func p1363FromDER(der []byte, bits int) ([]byte, error) {
	var point struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &point); err != nil || len(rest) > 0 {
		return nil, errors.New("jws: signer returned no ASN.1 signature")
	}
	if point.R.Sign() <= 0 || point.S.Sign() <= 0 || point.R.BitLen() > bits || point.S.BitLen() > bits {
		return nil, errors.New("jws: signer returned a signature that does not fit its curve")
	}
	size := (bits + 7) / 8
	signature := make([]byte, 2*size)
	point.R.FillBytes(signature[:size])
	point.S.FillBytes(signature[size:])
	return signature, nil
}
