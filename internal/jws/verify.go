package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"sync"
	"unsafe"
)

// Verify checks the signature with the key. The message's algorithm must be the key's own, or, when the
// key names none, one that fits its type. Every error wraps ErrSignature.
func (m *Message) Verify(key *Key) error {
	if err := key.Accepts(m.Header.Algorithm); err != nil {
		return err
	}
	w := works.Get().(*work)
	good := w.verify(m.Header.Algorithm, key, bytesOf(m.signed), bytesOf(m.signature))
	works.Put(w)
	if !good {
		return mismatch(key.ID)
	}
	return nil
}

// signatureSize is the length in bytes of signatures by the key.
func (k *Key) signatureSize(s scheme) int {
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return public.Size()
	case *ecdsa.PublicKey:
		return 2 * ((s.curve.Params().BitSize + 7) / 8)
	}
	return ed25519.SignatureSize
}

// work is memory for what is computed on the way. What goes into the standard library's cryptography escapes
// to the heap, so it is kept for the next message.
type work struct {
	digest [sha512.Size]byte
	der    [maxDER]byte
}

var works = sync.Pool{New: func() any { return new(work) }}

// bytesOf returns the bytes of a string, without a copy, for the standard library's cryptography to read.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// mismatch is the id of a key that did not make a signature.
type mismatch string

func (id mismatch) Error() string {
	return fmt.Sprintf("jws: key %.64q: signature does not match", string(id))
}

func (mismatch) Unwrap() error { return ErrSignature }

// verify assumes that the key fits the algorithm.
func (w *work) verify(a Algorithm, key *Key, signed, signature []byte) bool {
	s, _ := a.scheme()
	if len(signature) != key.signatureSize(s) {
		return false // the standard library looks at the key before, for a third of what a signature takes
	}
	digest := digest(&w.digest, s.hash, signed)
	switch s.family {
	case pkcs1v15:
		if key.pkcs1 != nil {
			return key.pkcs1(s.hash, digest, signature)
		}
		return rsa.VerifyPKCS1v15(key.public.(*rsa.PublicKey), s.hash, digest, signature) == nil
	case pss:
		return rsa.VerifyPSS(key.public.(*rsa.PublicKey), s.hash, digest, signature, pssByHash[s.hash]) == nil
	case ecdsaP1363:
		der, ok := derFromP1363(&w.der, signature, s.curve.Params().BitSize)
		return ok && ecdsa.VerifyASN1(key.public.(*ecdsa.PublicKey), digest, der)
	case ed:
		return ed25519.Verify(key.public.(ed25519.PublicKey), signed, signature)
	}
	return false
}

func digest(space *[sha512.Size]byte, h crypto.Hash, message []byte) []byte {
	switch h {
	case crypto.SHA256:
		sum := sha256.Sum256(message)
		return append(space[:0], sum[:]...)
	case crypto.SHA384:
		sum := sha512.Sum384(message)
		return append(space[:0], sum[:]...)
	case crypto.SHA512:
		sum := sha512.Sum512(message)
		return append(space[:0], sum[:]...)
	}
	return nil
}

// RFC 7518 §3.5: the salt is as long as the hash. Left to itself the library takes any length.
var pssByHash = map[crypto.Hash]*rsa.PSSOptions{
	crypto.SHA256: {SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256},
	crypto.SHA384: {SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA384},
	crypto.SHA512: {SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA512},
}

// maxDER holds two P-521 integers with their headers and the sequence's.
const maxDER = 2*(66+1+2) + 3

// derFromP1363 turns the fixed-length r‖s of RFC 7518 §3.4 into the SEQUENCE of two INTEGERs that
// crypto/ecdsa reads. Any other length than twice the field's is refused.
func derFromP1363(space *[maxDER]byte, signature []byte, bits int) ([]byte, bool) {
	size := (bits + 7) / 8
	if len(signature) != 2*size {
		return nil, false
	}
	body := appendInteger(space[3:3], signature[:size])
	body = appendInteger(body, signature[size:])
	if len(body) < 0x80 {
		space[1], space[2] = 0x30, byte(len(body))
		return space[1 : 3+len(body)], true
	}
	space[0], space[1], space[2] = 0x30, 0x81, byte(len(body))
	return space[:3+len(body)], true
}

func appendInteger(der, magnitude []byte) []byte {
	for len(magnitude) > 1 && magnitude[0] == 0 {
		magnitude = magnitude[1:]
	}
	if magnitude[0]&0x80 != 0 {
		return append(append(der, 0x02, byte(len(magnitude)+1), 0), magnitude...)
	}
	return append(append(der, 0x02, byte(len(magnitude))), magnitude...)
}
