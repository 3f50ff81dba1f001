// Package seal keeps from whoever copies the store what the server itself has to read again, such as the secrets of
// one-time codes, and marks what it hands out so that it knows it again.
//
//	keys, err := seal.New(first, former)
//	sealed := keys.Seal("totp", user.ID, secret)
//	…
//	secret, err := keys.Open("totp", user.ID, sealed)
//
// The keys are the operator's and never in the store. The first one seals; all of them open, so that a new one can be
// put in front. What is sealed says by which key, and opens for its purpose and owner alone: a row that somebody has
// copied to another user stays shut.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
)

// KeyBytes is the length of a key.
const KeyBytes = 32

const (
	version    = 1
	idBytes    = 8
	nonceBytes = 12
	header     = 1 + idBytes // version, id of the key
)

// Keys seal and open. They do not print themselves. They are safe for concurrent use; nil Keys are none.
type Keys struct{ list []key }

type key struct {
	id  [idBytes]byte
	key []byte
}

// New returns Keys, of which the first seals. Each is 32 random bytes. Errors count from 1 and never show a key.
func New(keys ...[]byte) (*Keys, error) {
	all := new(Keys)
	for i, k := range keys {
		if len(k) != KeyBytes {
			return nil, fmt.Errorf("seal: key %d has %d bytes, want %d", i+1, len(k), KeyBytes)
		}
		if [KeyBytes]byte(k) == [KeyBytes]byte{} {
			return nil, fmt.Errorf("seal: key %d is all zero, want random bytes", i+1)
		}
		sum := sha256.Sum256(k)
		next := key{id: [idBytes]byte(sum[:idBytes]), key: append([]byte(nil), k...)}
		if all.byID(next.id) != nil {
			return nil, fmt.Errorf("seal: key %d is there twice", i+1)
		}
		all.list = append(all.list, next)
	}
	return all, nil
}

// Any reports whether there is a key to seal with.
func (k *Keys) Any() bool { return k != nil && len(k.list) > 0 }

func (k *Keys) byID(id [idBytes]byte) *key {
	if k == nil {
		return nil
	}
	for i := range k.list {
		if k.list[i].id == id {
			return &k.list[i]
		}
	}
	return nil
}

// First reports whether something was sealed by the first key, and so need not be sealed anew.
func (k *Keys) First(sealed []byte) bool {
	return k.Any() && len(sealed) >= header && sealed[0] == version && [idBytes]byte(sealed[1:header]) == k.list[0].id
}

// Errors of Open.
var (
	// ErrNoKey says that the key by which something is sealed is not among those that are here. It is the
	// operator's to bring it back: nothing is wrong with what is sealed.
	ErrNoKey = errors.New("seal: no such key")
	// ErrForged says that something was not sealed by our key for the purpose and owner.
	ErrForged = errors.New("seal: not sealed for this purpose and owner, or damaged")
)

// Seal returns plain, sealed for a purpose and an owner. It panics without a key: ask Any before.
func (k *Keys) Seal(purpose, owner string, plain []byte) []byte {
	if !k.Any() {
		panic("seal: there is no key")
	}
	first := k.list[0]
	sealed := make([]byte, header+nonceBytes, header+nonceBytes+len(plain)+16)
	sealed[0] = version
	copy(sealed[1:], first.id[:])
	rand.Read(sealed[header:])
	return first.aead(purpose).Seal(sealed, sealed[header:], plain, about(sealed[:header], owner))
}

// Open returns what was sealed for the purpose and owner. Errors: ErrNoKey with the id of the key, ErrForged.
func (k *Keys) Open(purpose, owner string, sealed []byte) ([]byte, error) {
	if len(sealed) < header+nonceBytes || sealed[0] != version {
		return nil, ErrForged
	}
	by := k.byID([idBytes]byte(sealed[1:header]))
	if by == nil {
		return nil, fmt.Errorf("%w: it is sealed by the key with the id %x", ErrNoKey, sealed[1:header])
	}
	nonce, rest := sealed[header:header+nonceBytes], sealed[header+nonceBytes:]
	plain, err := by.aead(purpose).Open(nil, nonce, rest, about(sealed[:header], owner))
	if err != nil {
		return nil, ErrForged
	}
	return plain, nil
}

// about is what is bound to a sealed text: its header and owner.
func about(head []byte, owner string) []byte {
	return append(append([]byte(nil), head...), owner...)
}

// aead returns the cipher of a key for a purpose.
func (k *key) aead(purpose string) cipher.AEAD {
	block, err := aes.NewCipher(k.derive("seal " + purpose))
	if err != nil {
		panic("seal: " + err.Error()) // the key has the length that it asks for
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic("seal: " + err.Error())
	}
	return gcm
}

// derive returns the key of a purpose (RFC 5869), which shows nothing of that of another.
func (k *key) derive(purpose string) []byte {
	derived, err := hkdf.Key(sha256.New, k.key, nil, "postern "+purpose+" v1", KeyBytes)
	if err != nil {
		panic("seal: " + err.Error()) // it is shorter than the hash can give
	}
	return derived
}

// Mark returns 32 bytes that nobody without the key can make for these values and this purpose. It panics without a
// key.
func (k *Keys) Mark(purpose string, values ...string) []byte {
	if !k.Any() {
		panic("seal: there is no key")
	}
	return k.list[0].mark(purpose, values)
}

// Marked reports, in time that depends on neither, whether mark was made for the values and purpose by one of the
// keys.
func (k *Keys) Marked(mark []byte, purpose string, values ...string) bool {
	if k == nil {
		return false
	}
	for _, each := range k.list {
		if hmac.Equal(mark, each.mark(purpose, values)) {
			return true
		}
	}
	return false
}

func (k *key) mark(purpose string, values []string) []byte {
	mac := hmac.New(sha256.New, k.derive("mark "+purpose))
	for _, value := range values { // with its length, so that no two lists look alike
		binary.Write(mac, binary.BigEndian, uint64(len(value)))
		mac.Write([]byte(value))
	}
	return mac.Sum(nil)
}

const redacted = "[redacted]"

// Format implements fmt.Formatter: no verb shows a key.
func (*Keys) Format(f fmt.State, _ rune) { f.Write([]byte(redacted)) }

// LogValue implements slog.LogValuer.
func (*Keys) LogValue() slog.Value { return slog.StringValue(redacted) }
