package store

import (
	"context"
	"time"
)

// TOTP is the app with which a person makes one-time codes (RFC 6238).
type TOTP struct {
	UserID string
	// Secret is what app and server share, sealed: a copy of the store shows nobody's codes.
	Secret []byte
	// LastStep is the latest step whose code was accepted. No code of it or of one before is good again.
	LastStep  int64
	CreatedAt time.Time
}

// TOTPs keeps at most one app a user.
type TOTPs interface {
	TOTP(ctx context.Context, userID string) (TOTP, error)
	// CreateTOTP adds the user's app. Errors: ErrNotFound when the user is not there, ErrExists when there is an
	// app already, which DeleteTOTP removes first.
	CreateTOTP(context.Context, TOTP) error
	// UseTOTP raises the last step of the app with the secret. Errors: ErrNotFound when it is as high already,
	// so that of two uses of one code, on whatever replicas, one succeeds; and when the app is gone, or another
	// has taken its place.
	UseTOTP(ctx context.Context, userID string, secret []byte, step int64) error
	DeleteTOTP(ctx context.Context, userID string) error
}

// RecoveryCode is what takes the place of a one-time code once.
type RecoveryCode struct {
	UserID string
	Digest Digest
	UsedAt time.Time // zero: not used
}

// RecoveryCodes keeps a set a user, the used ones too.
type RecoveryCodes interface {
	// RecoveryCodes returns those of a user, ordered by Digest.
	RecoveryCodes(ctx context.Context, userID string) ([]RecoveryCode, error)
	// ReplaceRecoveryCodes puts a new set in the place of the user's former one; an empty one removes that. Errors:
	// ErrNotFound when the user is not there, ErrExists when a digest is there twice.
	ReplaceRecoveryCodes(ctx context.Context, userID string, digests []Digest) error
	// UseRecoveryCode uses the code. Of several calls one succeeds and the others get ErrNotFound.
	UseRecoveryCode(ctx context.Context, userID string, d Digest, now time.Time) error
}

// Passkey is a key pair of a person (WebAuthn) of which the server has the public half.
type Passkey struct {
	ID string
	// Credential is the id that the authenticator gave it: unique, 1 to 1023 bytes.
	Credential []byte
	UserID     string
	RPID       string // the host that it is good for
	Name       string // what the person calls it
	Record     string // what the next use is checked against, as JSON
	// SignCount is the authenticator's count of uses; 0 for one that does not count.
	SignCount  uint32
	CreatedAt  time.Time
	LastUsedAt time.Time // zero: not used
}

// Passkeys keeps any number a user.
type Passkeys interface {
	// PasskeyByCredential returns the passkey that an authenticator named.
	PasskeyByCredential(ctx context.Context, credential []byte) (Passkey, error)
	// PasskeysOf returns those of a user, the oldest first.
	PasskeysOf(ctx context.Context, userID string) ([]Passkey, error)
	// CreatePasskey adds a passkey. Errors: ErrNotFound when the user is not there, ErrExists for its ID or
	// Credential, whoever's it is.
	CreatePasskey(context.Context, Passkey) error
	// UsePasskey records a use with its count and what the next one is checked against. Errors: ErrNotFound when
	// the count is not higher than the former, unless both are 0: then somebody has a copy of the key; and when
	// the passkey is gone.
	UsePasskey(ctx context.Context, id string, signCount uint32, record string, now time.Time) error
	// DeletePasskey removes a passkey of the user.
	DeletePasskey(ctx context.Context, userID, id string) error
}

// Challenge is what the server waits for to be answered by one browser: a random value that a passkey signs, or
// the draft of an app for codes.
type Challenge struct {
	// Key is what it is for, such as one waiting request. Each has one at a time, so that nobody can pile them up.
	Key     string
	Browser Digest // of the cookie that marks the browser
	Data    string
	// ExpiresAt is not zero.
	ExpiresAt time.Time
}

// Challenges keeps what waits for an answer. Those that have expired are returned by Challenge until
// DeleteExpiredTokens has removed them.
type Challenges interface {
	Challenge(ctx context.Context, key string) (Challenge, error)
	// PutChallenge adds the challenge, in the place of a former one with its Key.
	PutChallenge(context.Context, Challenge) error
	// TakeChallenge removes the challenge and returns it. Of several calls one succeeds and the others, and any
	// when it has expired, get ErrNotFound.
	TakeChallenge(ctx context.Context, key string, now time.Time) (Challenge, error)
}
