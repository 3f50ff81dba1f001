// Package jws reads, verifies and signs compact JSON Web Signatures (RFC 7515) over the standard
// library's cryptography.
//
// It knows asymmetric signatures only, and of the header only what an access token needs. Encryption,
// HMAC, "none", and keys that the token itself brings (jwk, jku, x5u, x5c) are not switched off but
// absent, and so are their attacks (RFC 8725 §3): some issuers write where their keys are into every
// header, and nobody here reads it.
//
//	message, err := jws.Parse(raw)             // syntax; nothing is trusted yet
//	if err != nil {
//		return err
//	}
//	key := keys.Lookup(message.Header.KeyID)   // the caller's choice, never the token's
//	if err := message.Verify(key); err != nil {
//		return err
//	}
//	use(message.Payload)
package jws

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"unsafe"

	"github.com/postern-auth/postern/internal/ascii"
	"github.com/postern-auth/postern/internal/claims"
)

// MaxSize is the length in bytes beyond which Parse does not look at its input, nor a Parser that is not
// told otherwise.
const MaxSize = 16 << 10

// maxKeyID bounds a key id: it is compared and quoted, and honest ones are short.
const maxKeyID = 512

var (
	// ErrMalformed says that the text is not a compact JWS that this package reads.
	ErrMalformed = errors.New("jws: malformed")
	// ErrSignature says that a signature does not match, or that key and algorithm do not fit.
	ErrSignature = errors.New("jws: signature does not match")
)

// Message is a JWS that has been parsed and not yet verified: all it says is a claim by a stranger.
type Message struct {
	Header  Header
	Payload string

	signed    string // encoded header, dot, encoded payload
	signature string // decoded
}

// Header holds the members of a protected header that verification depends on.
type Header struct {
	Algorithm Algorithm // alg
	KeyID     string    // kid; empty when absent
	// Type (typ) is lower case and without the prefix "application/", as RFC 7515 §4.1.9 has it read;
	// empty when absent.
	Type string
	// JWK (jwk) is the JSON of the key that a DPoP proof brings. It is empty in a Message from Parse, which
	// does not read the member.
	JWK string
}

// Parse splits and decodes a compact JWS. It refuses, with an error that wraps ErrMalformed, everything
// that is not exactly three parts of unpadded base64url around a strict JSON header and a payload, or that
// uses an extension (crit, b64). A key that the message brings or points to is not read.
func Parse(raw string) (Message, error) { return parse(raw, MaxSize, nil, false, new(Buffer)) }

// ParseProof is Parse for a JWS that must bring its own public key in the header (jwk), as DPoP proofs
// do (RFC 9449 §4.2). Such a key proves possession and nothing else.
func ParseProof(raw string) (Message, error) { return parse(raw, MaxSize, nil, true, new(Buffer)) }

// Payload returns the payload of a compact JWS that has been parsed, as it stands there: in base64url.
func Payload(raw string) string {
	_, rest, _ := strings.Cut(raw, ".")
	payload, _, _ := strings.Cut(rest, ".")
	return payload
}

// Parser parses the messages of one issuer, which mostly have the same header: one that is equal to the
// byte to the header of a message known to be genuine is not read again. The zero value is ready. It is
// safe for concurrent use.
type Parser struct {
	// MaxSize is the length in bytes beyond which Parse does not look at its input. Zero: the constant
	// MaxSize.
	MaxSize int

	genuine atomic.Pointer[genuine]
}

type genuine struct {
	segment string // encoded
	header  Header
}

// Parse is the function Parse, with the Parser's MaxSize, and with the buffer to decode into. The Message, and
// an error, may refer to what is in there: who keeps one of them must not use the buffer again.
func (p *Parser) Parse(raw string, into *Buffer) (Message, error) {
	into.lent = false
	return parse(raw, cmp.Or(p.MaxSize, MaxSize), p.genuine.Load(), false, into)
}

// Buffer is memory for one decoded message after the other. The zero value is ready.
type Buffer struct {
	text []byte
	lent bool // to the last message or its error
}

// Forget leaves what was decoded last to those who refer to it: the next message gets memory of its own.
func (b *Buffer) Forget() {
	if b.lent {
		*b = Buffer{}
	}
}

// Genuine tells the Parser of a message that Parse returned and whose signature has been verified.
func (p *Parser) Genuine(m *Message) {
	segment, _, _ := strings.Cut(m.signed, ".")
	if last := p.genuine.Load(); last == nil || last.segment != segment {
		h := m.Header
		h.Algorithm, h.KeyID, h.Type = Algorithm(strings.Clone(string(h.Algorithm))), strings.Clone(h.KeyID), strings.Clone(h.Type)
		p.genuine.Store(&genuine{strings.Clone(segment), h})
	}
}

func parse(raw string, size int, known *genuine, proof bool, into *Buffer) (Message, error) {
	if len(raw) > size {
		return Message{}, tooLong(size)
	}
	head, rest, _ := strings.Cut(raw, ".")
	payload, signature, ok := strings.Cut(rest, ".")
	if !ok || strings.IndexByte(signature, '.') >= 0 {
		return Message{}, ErrParts
	}
	if signature == "" {
		return Message{}, malformed("no signature")
	}
	parts := [3]string{head, payload, signature}
	same := known != nil && head == known.segment
	if same {
		parts[0] = "" // nothing to decode
	}
	if !into.decode(&parts) {
		return Message{}, malformed("want base64url without padding")
	}
	m := Message{Payload: parts[1], signed: raw[:len(head)+1+len(payload)], signature: parts[2]}
	if same {
		m.Header = known.header
		return m, nil
	}
	if err := m.Header.parse(parts[0], proof); err != nil {
		return Message{}, err
	}
	return m, nil
}

// ErrParts is Parse's error for text that is not three parts, such as an opaque token.
var ErrParts = malformed("want three parts")

// refusal is an ErrMalformed with its reason, put into words only when somebody reads it.
type refusal struct {
	reason string
	cause  error // what is wrong with the header's JSON, or nil
}

func malformed(reason string) error { return &refusal{reason: reason} }

func (e *refusal) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%v: %s: %v", ErrMalformed, e.reason, e.cause)
	}
	return fmt.Sprintf("%v: %s", ErrMalformed, e.reason)
}

func (*refusal) Unwrap() error { return ErrMalformed }

// tooLong is the ErrMalformed of a message that has more bytes.
type tooLong int

func (e tooLong) Error() string { return fmt.Sprintf("%v: longer than %d bytes", ErrMalformed, int(e)) }

func (tooLong) Unwrap() error { return ErrMalformed }

// parse reads the header's JSON. Members that nothing here depends on (x5t, cty, an issuer's own, and the
// keys that the message brings or points to) are passed over, whatever they hold; those that would change
// how the rest is read are refused, whatever they hold. A kid or typ that is null is absent.
func (h *Header) parse(text string, proof bool) error {
	var set claims.Object
	if err := set.Parse(text); err != nil {
		return &refusal{"header", err}
	}
	for name, value := range set.All() {
		switch name {
		case "kid", "typ":
			if value.Kind() == claims.Null {
				continue
			}
			fallthrough
		case "alg":
			s, ok := value.Text()
			if !ok {
				return malformed("header member " + name + " is not a string")
			}
			h.set(name, s)
		case "jwk":
			if !proof {
				continue
			}
			if value.Kind() != claims.Obj {
				return malformed("header member jwk is not an object")
			}
			h.JWK = value.JSON()
		case "crit", "b64", "enc", "zip":
			return malformed("header member " + name + " is not accepted")
		}
	}
	switch {
	case h.Algorithm == "":
		return malformed("header has no alg")
	case len(h.KeyID) > maxKeyID:
		return malformed("kid is too long")
	case proof && h.JWK == "":
		return malformed("header has no jwk")
	}
	return nil
}

func (h *Header) set(name, s string) {
	switch name {
	case "alg":
		h.Algorithm = Algorithm(s)
	case "kid":
		h.KeyID = s
	case "typ":
		h.Type = mediaType(s)
	}
}

// mediaType folds a typ: media types do not depend on case (RFC 6838 §4.2).
func mediaType(s string) string {
	if s == "JWT" { // what most issuers write, without an allocation
		return "jwt"
	}
	folded := ascii.Lower(s)
	rest, ok := strings.CutPrefix(folded, "application/")
	if ok && rest != "" && !strings.Contains(rest, "/") {
		return rest
	}
	return folded
}

// keep keeps memory for the next message, unless it is more than is mostly needed.
func (b *Buffer) keep(text []byte) {
	if cap(text) <= MaxSize {
		b.text = text
	}
}

// decode replaces three parts by the bytes that they encode, which it writes into the buffer, over what was
// there. It reports whether each was base64url.
func (b *Buffer) decode(parts *[3]string) bool {
	text := b.text[:0]
	if size := (len(parts[0])+len(parts[1])+len(parts[2]))/4*3 + 3*decodingRoom; cap(text) < size {
		text = make([]byte, 0, size)
	}
	var ends [3]int
	for i, part := range parts {
		var ok bool
		if text, ok = appendDecoded(text, part); !ok {
			b.keep(text)
			return false
		}
		ends[i] = len(text)
	}
	b.keep(text)
	b.lent = true
	// The strings are the buffer's own bytes, which do not change before the next message is decoded into it.
	all := unsafe.String(unsafe.SliceData(text), len(text))
	parts[0], parts[1], parts[2] = all[:ends[0]], all[ends[0]:ends[1]], all[ends[1]:]
	return true
}
