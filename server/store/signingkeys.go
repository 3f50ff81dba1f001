package store

import (
	"context"
	"time"
)

// SigningKey is a private key that the server signs its JWTs with.
type SigningKey struct {
	ID        string // the kid
	Algorithm string // the alg it is used with
	// PrivateKey is PKCS #8 in DER. It is a secret: it leaves this struct only to sign.
	PrivateKey []byte
	CreatedAt  time.Time
	// SignsFrom is when it may sign first; it is published from CreatedAt on.
	SignsFrom time.Time
	// RetiredAt is when it stopped signing; zero: it still may. It stays published until VerifiesUntil.
	RetiredAt     time.Time
	VerifiesUntil time.Time // zero: no end set
}

// SigningKeys keeps the server's own keys.
type SigningKeys interface {
	// SigningKeys returns all of them, oldest first.
	SigningKeys(context.Context) ([]SigningKey, error)
	// PutSigningKey creates the key or replaces the one with its ID.
	PutSigningKey(context.Context, SigningKey) error
	DeleteSigningKey(ctx context.Context, id string) error
}

// SharedKey is a secret of the server itself, with which it recognises what it has handed out.
type SharedKey [32]byte

// SharedKeys keeps secrets that all replicas of the server have in common.
type SharedKeys interface {
	// SharedKey returns the key with the name. When there is none it is the proposed one from then on: all who ask,
	// also at once and at other replicas, get the same.
	SharedKey(ctx context.Context, name string, proposed SharedKey) (SharedKey, error)
}
