package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// IssuedTokens are the tokens that the servers of a store have issued, for programs that look after a server and need
// not be it, such as 'postern tokens'. What they end is inactive at introspection and at the server's own endpoints from
// then on, at all servers of the store, and nothing revives it. A JWT that an API verifies by itself lives until it
// expires, or until its signing key is withdrawn; see SigningKeys. It is safe for concurrent use.
type IssuedTokens struct {
	// Store holds what has been issued. Required.
	Store store.Store
	// Actor is named in the events. Required.
	Actor string
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

var (
	// ErrUnknownSubject says that there is no such subject.
	ErrUnknownSubject = errors.New("server: there is no such subject")
	// ErrUnknownClient says that there is no such client, or one to which no tokens are issued.
	ErrUnknownClient = errors.New("server: there is no such client")
)

// endedAtOnce is how many subjects EndAll ends in one transaction, in which nobody else writes.
const endedAtOnce = 200

// EndOfSubject ends all tokens about a subject, named by its id or, a service user, by its username: access tokens,
// refresh tokens and personal access tokens, and the sessions of a person. It returns the moment from which on new ones
// are issued, a few seconds ahead. Errors: ErrUnknownSubject.
func (t IssuedTokens) EndOfSubject(ctx context.Context, name string) (from time.Time, err error) {
	err = t.change(ctx, func(r *registry.Registry, _ store.Tx) error {
		s, err := r.SubjectOrServiceUser(ctx, name)
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("%w: %.64q", ErrUnknownSubject, name)
		}
		if err != nil {
			return err
		}
		from = r.EndsBefore()
		return r.EndTokensOf(ctx, s)
	})
	return from, err
}

// EndOfClient ends all tokens that were issued to a client, about whomever, as EndOfSubject does; those of a service user
// are the ones about it, and those that it has exchanged. Errors: ErrUnknownClient.
func (t IssuedTokens) EndOfClient(ctx context.Context, clientID string) (from time.Time, err error) {
	err = t.change(ctx, func(r *registry.Registry, tx store.Tx) error {
		c, err := tx.Client(ctx, clientID)
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("%w: %.64q", ErrUnknownClient, clientID)
		}
		if err != nil {
			return err
		}
		from = r.EndsBefore()
		if err = r.EndTokensOfClient(ctx, c); errors.Is(err, registry.ErrRefused) {
			return fmt.Errorf("%w to which tokens are issued: %w", ErrUnknownClient, err)
		}
		return err
	})
	return from, err
}

// EndAll ends all tokens of all subjects, as EndOfSubject does, some hundred subjects at a time. Each step is told to
// progress, which may be nil, by how many have been done. What it has ended before an error stays so.
func (t IssuedTokens) EndAll(ctx context.Context, progress func(subjects int)) (subjects int, from time.Time, err error) {
	for after := ""; ; {
		var n int
		err := t.change(ctx, func(r *registry.Registry, _ store.Tx) (err error) {
			from = r.EndsBefore()
			after, n, err = r.EndTokensOfAll(ctx, after, endedAtOnce)
			return err
		})
		if err != nil || n == 0 {
			return subjects, from, err
		}
		if subjects += n; progress != nil {
			progress(subjects)
		}
	}
}

func (t IssuedTokens) change(ctx context.Context, f func(*registry.Registry, store.Tx) error) error {
	now := time.Now()
	if t.Now != nil {
		now = t.Now()
	}
	err := t.Store.InTx(ctx, func(tx store.Tx) error { return f(registry.In(tx, t.Actor, now), tx) })
	if err != nil && !errors.Is(err, ErrUnknownSubject) && !errors.Is(err, ErrUnknownClient) {
		return fmt.Errorf("server: %w", err)
	}
	return err
}
