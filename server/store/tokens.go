package store

import (
	"context"
	"time"
)

// TokenKind tells what a Token row stands for.
type TokenKind string

const (
	// AccessToken is an opaque access token from a grant.
	AccessToken TokenKind = "access_token"
	// PersonalAccessToken is a token made for a service user once and used as it is.
	PersonalAccessToken TokenKind = "personal_access_token"
)

// Token is an opaque token: an access token or a personal access token. JWTs have no row; they leave
// one only when they are revoked.
type Token struct {
	// ID is time-ordered, so that new rows land at the end of the index. It is part of the raw token
	// and its jti.
	ID     string
	Kind   TokenKind
	Digest Digest // of the whole raw token
	// SubjectID is who it is about.
	SubjectID string
	// ClientID is the client that asked for it; for a personal access token the service user's username.
	ClientID string
	// FamilyID is the Family that it lives and dies with; empty: none.
	FamilyID string
	Issuer   string // the one that issued it; empty for a personal access token
	Name     string // of a personal access token, for people
	// Audience holds project ids and API identifiers. Empty for a personal access token means: all that
	// its subject has assignments on.
	Audience []string
	Scopes   []string
	// Confirmation is the cnf that an access token is bound to, as JSON; empty: none.
	Confirmation string
	IssuedAt     time.Time
	ExpiresAt    time.Time // zero: never (personal access tokens only)
	RevokedAt    time.Time // zero: not revoked
	// UsedAt is when a personal access token was last found good, to about a minute. Zero: not used.
	UsedAt time.Time
}

// Tokens keeps opaque tokens and the revocations of JWTs.
type Tokens interface {
	// CreateToken adds a token. Errors: ErrExists for its ID, ErrNotFound when the subject is not there.
	CreateToken(context.Context, Token) error
	// Token returns the token with the id, revoked and expired ones included.
	Token(ctx context.Context, id string) (Token, error)
	// TokensOf returns the tokens of a kind about a subject, oldest first.
	TokensOf(ctx context.Context, subjectID string, kind TokenKind) ([]Token, error)
	// RevokeToken marks the token as revoked at the time. Revoking it again changes nothing.
	RevokeToken(ctx context.Context, id string, at time.Time) error
	// MarkTokenUsed sets UsedAt to the time, unless it is later already. Errors: ErrNotFound.
	MarkTokenUsed(ctx context.Context, id string, at time.Time) error
	// DeleteExpiredTokens removes what ended before the time, at most limit rows of each noun, and returns how
	// many rows went: access tokens, JWT revocations, assertion ids, sessions, pending and pushed requests, device codes,
	// attempts, families with their codes and refresh tokens, and applications as Registration.ExpiresAt says.
	DeleteExpiredTokens(ctx context.Context, before time.Time, limit int) (int, error)

	// RevokeJWT remembers the jti as revoked until its token has expired.
	RevokeJWT(ctx context.Context, jti string, expires time.Time) error
	// JWTRevoked reports whether the jti is revoked.
	JWTRevoked(ctx context.Context, jti string) (bool, error)
}

// Assertions remembers the ids of assertions, so that each is used once.
type Assertions interface {
	// UseAssertion records the jti of an assertion by the issuer. Exactly one call for a pair of issuer
	// and jti returns nil, also among concurrent ones and other replicas; the others get ErrExists.
	UseAssertion(ctx context.Context, issuer, jti string, expires time.Time) error
}
