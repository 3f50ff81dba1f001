package store

import (
	"context"
	"time"
)

// Method is a way in which a person has proved who they are, and when.
type Method struct {
	Name string // such as pwd (RFC 8176)
	At   time.Time
}

// Session is a login of a person in one browser.
type Session struct {
	Digest Digest // of the cookie's value
	// ID is the sid, by which applications know it. A session keeps it when its Digest is replaced.
	ID         string
	UserID     string
	Browser    Digest // of the cookie that marks the browser
	Methods    []Method
	CreatedAt  time.Time
	LastSeenAt time.Time
	// IdleExpiresAt is when it ends unless it is used, ExpiresAt when it ends in any case. The store keeps the
	// first from being later than the second; neither is zero.
	IdleExpiresAt time.Time
	ExpiresAt     time.Time
	UserAgent     string
	AddressPrefix string
	// Remembered says that the browser keeps the session when it is closed.
	Remembered bool
}

// ListedSession is a Session as lists have them: with whose it is, and what was opened in it.
type ListedSession struct {
	Session
	Called, Name string // of the user
	Applications []string
}

// Sessions keeps logins. Those that have ended by time are returned until DeleteExpiredTokens has removed
// them.
type Sessions interface {
	Session(context.Context, Digest) (Session, error)
	// SessionByID returns the session with the sid.
	SessionByID(ctx context.Context, id string) (Session, error)
	// SessionsOf returns the sessions of a user, the one seen last first.
	SessionsOf(ctx context.Context, userID string) ([]Session, error)
	// SessionsPart returns the part that the window asks for of the sessions that have not ended by time, ordered by
	// User.Called and then ID, and searched by what the user is called and named, by browser and by address.
	SessionsPart(ctx context.Context, now time.Time, w Window) (Part[ListedSession], error)
	// CreateSession adds a session in place of the one with the former digest, which may be zero or gone by
	// now. Errors: ErrNotFound when the user is not there, ErrExists for its Digest or ID.
	CreateSession(ctx context.Context, former Digest, s Session) error
	// ReplaceSession adds a session that goes on from the one with the former digest, as after a second factor.
	// Errors: those of CreateSession, and ErrNotFound when the former has ended: a logout that happened
	// meanwhile is not undone.
	ReplaceSession(ctx context.Context, former Digest, s Session) error
	// TouchSession records that a session was used and moves its idle end. Neither goes back. Errors:
	// ErrNotFound when it has ended, by time or otherwise.
	TouchSession(ctx context.Context, d Digest, seen, idleExpires time.Time) error
	// DeleteSession ends the session. Errors: ErrNotFound when it is not there.
	DeleteSession(context.Context, Digest) error
	// DeleteSessionsOf ends the sessions of a user, but for the one with the digest, if there is such a one. It
	// returns how many ended.
	DeleteSessionsOf(ctx context.Context, userID string, but Digest) (int, error)
}
