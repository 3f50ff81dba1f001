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
