// Package secret makes and recognises what the authorization server hands out once and keeps only as a
// digest: client secrets, opaque access tokens and personal access tokens. People's passwords, which are shorter
// and hashed by package password, are made here too.
//
//	raw, id := secret.NewToken(secret.AccessToken)
//	err := tokens.CreateToken(ctx, store.Token{ID: id, Digest: secret.Digest(raw), …})
//	…
//	id, ok := secret.TokenID(raw) // false without any look-up when raw cannot be ours
//
// All of it is 256 bits from crypto/rand, so one SHA-256 is a sufficient password hash and can be paid
// on every call. The alphabet is [A-Za-z0-9_-], which HTTP Basic, forms and shells leave alone.
package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"sync/atomic"
	"time"

	"github.com/postern-auth/postern/internal/opaque"
	"github.com/postern-auth/postern/server/store"
)

// Prefix tells the kinds of opaque tokens apart, for people and for scanners of leaked secrets.
type Prefix string

const (
	AccessToken         Prefix = opaque.AccessToken
	PersonalAccessToken Prefix = opaque.PersonalAccessToken
)

// ids sort as their times do, so the encoding keeps the order of the bytes.
var ids = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// lastID is the moment of the last id, in units of 2⁻¹⁶ milliseconds.
var lastID atomic.Uint64

// NewID returns a new id of 26 characters: 48 bits of time in milliseconds, 16 bits that count within one, and 64
// random bits. In a process each sorts behind those before it, also when the clock is set back.
func NewID() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], later(time.Now()))
	rand.Read(b[8:])
	return ids.EncodeToString(b[:])
}

func later(now time.Time) uint64 {
	for {
		last := lastID.Load()
		next := max(uint64(now.UnixMilli())<<16, last+1)
		if lastID.CompareAndSwap(last, next) {
			return next
		}
	}
}

// New returns a new client secret of 43 characters.
func New() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// NewPassword returns a new password for a person, of 100 random bits in groups that can be read out and typed.
func NewPassword() string {
	const groups, length = 5, 4
	var b [20]byte
	rand.Read(b[:])
	text := ids.EncodeToString(b[:])[:groups*length]
	parts := make([]string, groups)
	for i := range parts {
		parts[i] = text[i*length : (i+1)*length]
	}
	return strings.Join(parts, "-")
}

// NewToken returns a new opaque token and the id within it.
func NewToken(p Prefix) (raw, id string) {
	id = NewID()
	return opaque.Seal(string(p), id, New()), id
}

// TokenID returns the id within an opaque token. It is false for everything that NewToken cannot have
// made: a wrong prefix, length or checksum. True says nothing of trust; the digest decides.
func TokenID(raw string) (id string, ok bool) { return opaque.ID(raw) }

// Digest returns what the store keeps of a secret.
func Digest(raw string) store.Digest { return sha256.Sum256([]byte(raw)) }

// Matches reports, in time that depends on neither, whether raw has the digest.
func Matches(raw string, digest store.Digest) bool {
	sum := sha256.Sum256([]byte(raw))
	return subtle.ConstantTimeCompare(sum[:], digest[:]) == 1
}
