package jws

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	mathbits "math/bits"
	"sync/atomic"
)

// Signer signs messages with one private key and one algorithm. It is safe for concurrent use when the
// crypto.Signer is, as the standard library's are.
type Signer struct {
	key     *Key
	scheme  scheme
	private crypto.Signer
	size    int // of its signatures
	header  atomic.Pointer[header]
}

// header is one that has been encoded: a server signs with the same one all day.
type header struct{ typ, encoded string }

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
	return &Signer{key: key, scheme: s, private: private, size: key.signatureSize(s)}, nil
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
	if known := s.header.Load(); known != nil && known.typ == typ {
		return s.sign(known.encoded, payload)
	}
	encoded, err := encodeHeader(struct {
		Algorithm Algorithm `json:"alg"`
		KeyID     string    `json:"kid,omitempty"`
		Type      string    `json:"typ,omitempty"`
	}{s.key.Algorithm, s.key.ID, typ})
	if err != nil {
		return "", err
	}
	s.header.Store(&header{typ, encoded})
	return s.sign(encoded, payload)
}

// SignProof returns a compact JWS whose header brings the public key itself (jwk), as a DPoP proof's
// does (RFC 9449 §4.2).
func (s *Signer) SignProof(typ string, payload []byte) (string, error) {
	public := *s.key
	public.ID, public.Algorithm = "", ""
	encoded, err := encodeHeader(struct {
		Algorithm Algorithm `json:"alg"`
		Type      string    `json:"typ"`
		JWK       *Key      `json:"jwk"`
	}{s.key.Algorithm, typ, &public})
	if err != nil {
		return "", err
	}
	return s.sign(encoded, payload)
}

func encodeHeader(header any) (string, error) {
	head, err := json.Marshal(header)
	if err != nil {
		return "", fmt.Errorf("jws: header: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(head), nil
}

func (s *Signer) sign(head string, payload []byte) (string, error) {
	enc := base64.RawURLEncoding
	text := make([]byte, 0, len(head)+enc.EncodedLen(len(payload))+2+enc.EncodedLen(s.size))
	text = append(text, head...)
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

var errSignerDER = errors.New("jws: signer returned no ASN.1 signature")

// p1363FromDER turns the SEQUENCE of two INTEGERs that a crypto.Signer returns into the fixed-length r‖s of RFC 7518 §3.4.
func p1363FromDER(der []byte, bits int) ([]byte, error) {
	body, rest, ok := element(der, 0x30)
	if !ok || len(rest) > 0 {
		return nil, errSignerDER
	}
	size := (bits + 7) / 8
	signature := make([]byte, 2*size)
	for _, half := range [][]byte{signature[:size], signature[size:]} {
		var number []byte
		if number, body, ok = element(body, 0x02); !ok || len(number) == 0 {
			return nil, errSignerDER
		}
		negative := number[0]&0x80 != 0
		for len(number) > 0 && number[0] == 0 {
			number = number[1:]
		}
		if negative || len(number) == 0 || len(number) > size || 8*(len(number)-1)+mathbits.Len8(number[0]) > bits {
			return nil, errors.New("jws: signer returned a signature that does not fit its curve")
		}
		copy(half[size-len(number):], number)
	}
	if len(body) > 0 {
		return nil, errSignerDER
	}
	return signature, nil
}

// element cuts off the first element of DER, which has to have the tag and fewer than 256 bytes.
func element(der []byte, tag byte) (content, rest []byte, ok bool) {
	if len(der) < 2 || der[0] != tag {
		return nil, nil, false
	}
	length, der := int(der[1]), der[2:]
	if length == 0x81 && len(der) > 0 {
		length, der = int(der[0]), der[1:]
	} else if length >= 0x80 {
		return nil, nil, false
	}
	if length > len(der) {
		return nil, nil, false
	}
	return der[:length], der[length:], true
}
