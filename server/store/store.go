// Package store says what the authorization server remembers.
//
// The types are plain facts without behaviour; the interfaces are split by noun, so that an endpoint
// asks for what it reads and no more. An engine implements them, and storetest holds every engine to the
// same behaviour:
//
//	s, err := sqlite.Open(ctx, filepath.Join(dir, "postern.db"), sqlite.Options{})
//	if err != nil {
//		return err
//	}
//	defer s.Close()
//	user, err := s.ServiceUser(ctx, "203")
//	if errors.Is(err, store.ErrNotFound) {
//		…
//	}
//
// Rules that every engine keeps:
//
//   - A write that returned nil is on disk: it survives kill -9 and a power cut.
//   - A read sees every write that returned before the read began, also one by another process. An engine may be behind
//     by a moment that it names, with what View is about, unless the View is exact.
//   - Times are kept to the millisecond, in UTC. The zero time.Time stays zero and means "none".
//   - Secrets never come here. What is kept of them is the SHA-256 digest of a random value.
//   - An object that others refer to is deactivated or deleted with all that hangs on it.
package store

import (
	"context"
	"errors"
)

var (
	// ErrNotFound says that no object has the given id, name or digest.
	ErrNotFound = errors.New("store: not found")
	// ErrExists says that an object with the same id, name or identifier is there already.
	ErrExists = errors.New("store: exists already")
	// ErrFull says that there are as many objects as may be.
	ErrFull = errors.New("store: full")
	// ErrUnavailable says that the store could not be read or written. It wraps the cause and is never
	// to be taken for ErrNotFound: an outage must not look like a missing object.
	ErrUnavailable = errors.New("store: unavailable")
)

// Tx is everything the server remembers, noun by noun: the whole Store, or one transaction in it.
type Tx interface {
	Projects
	APIs
	Subjects
	ServiceUsers
	Users
	Passwords
	TOTPs
	RecoveryCodes
	Passkeys
	Challenges
	Assignments
	Clients
	Secrets
	ClientKeys
	ClientCertificates
	Applications
	Registrations
	Consents
	Sessions
	PendingRequests
	PushedRequests
	Attempts
	DeviceCodes
	MailLinks
	Outbox
	Families
	Tokens
	Assertions
	SigningKeys
	SharedKeys
	Events
	Refusals
}

// Store is a Tx of which each call is a transaction by itself. It is safe for concurrent use.
type Store interface {
	Tx

	// InTx runs f on a Tx whose reads and writes are one transaction: all happen, or, when f returns an
	// error, none. f may run again, when another transaction was in the way: it begins with nothing that
	// an earlier run left in variables around it. It must use the Tx it is given and not the Store, and
	// only until it returns.
	InTx(ctx context.Context, f func(Tx) error) error
	// Ping reports whether the store can be read and written.
	Ping(ctx context.Context) error
	// Close waits for writes under way and releases everything.
	Close() error
}
