// Package session tells who is logged in in the browser that sent a request, and begins logins.
//
//	s, err := sessions.Of(ctx, r)             // zero: nobody
//	value, s := sessions.New(r, binding, user, methods, remember)
//	err = tx.CreateSession(ctx, former, s)    // in the transaction of what the login was for
//	sessions.Set(w, r, value)
package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/internal/backchannel"
	"github.com/postern-auth/postern/server/internal/browser"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/password"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// Lifetimes of a session where Sessions does not say.
const (
	DefaultIdle     = 12 * time.Hour
	DefaultAbsolute = 30 * 24 * time.Hour
)

// Store is what Sessions read.
type Store interface {
	store.Subjects
	store.Sessions
}

// Sessions are those of one store. They are safe for concurrent use.
type Sessions struct {
	Store Store            // required
	Now   func() time.Time // required
	// Idle ends a session that is not used, unless it is remembered, and Absolute any. Zero: DefaultIdle and DefaultAbsolute.
	Idle, Absolute time.Duration
	// Address returns from where a request came; nil: from the other end of its connection.
	Address func(*http.Request) netip.Addr
}

// Of returns the session of the browser that sent the request. The zero Session is none: no cookie, or one of a
// session that has ended, or whose person is locked, gone, or was logged out everywhere.
func (s *Sessions) Of(ctx context.Context, r *endpoint.Request) (store.Session, error) {
	value, ok := browser.For(string(r.Issuer)).Session(r.Request)
	if !ok {
		return store.Session{}, nil
	}
	row, err := s.Store.Session(ctx, value.Digest())
	if err != nil {
		return store.Session{}, nobody(err)
	}
	now := s.Now()
	if !now.Before(row.IdleExpiresAt) || !now.Before(row.ExpiresAt) {
		return store.Session{}, nil
	}
	subject, err := s.Store.Subject(ctx, row.UserID)
	if err != nil {
		return store.Session{}, nobody(err)
	}
	if !subject.Active || subject.NotBefore.After(row.CreatedAt) {
		return store.Session{}, nil
	}
	return row, nil
}

// nobody returns nil for what is not there.
func nobody(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return fmt.Errorf("session: %w", err)
}

// Former returns the digest of the session's cookie that came, of a live session or not: a login takes its place.
// Zero: there was none.
func Former(r *endpoint.Request) store.Digest {
	value, ok := browser.For(string(r.Issuer)).Session(r.Request)
	if !ok {
		return store.Digest{}
	}
	return value.Digest()
}

// New returns a session that begins with a login, with a value of its own for the cookie. One that is remembered is
// kept by the browser when it is closed, and ends by its absolute lifetime alone.
func (s *Sessions) New(r *endpoint.Request, binding store.Digest, userID string, methods []store.Method, remember bool) (browser.Value, store.Session) {
	value, now := browser.NewValue(), s.Now()
	begun := store.Session{
		Digest: value.Digest(), ID: secret.NewID(), UserID: userID, Browser: binding, Methods: methods,
		CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(cmp.Or(s.Absolute, DefaultAbsolute)),
		UserAgent: cut(r.UserAgent()), AddressPrefix: password.AddressPrefix(s.From(r)), Remembered: remember,
	}
	begun.IdleExpiresAt = s.IdleEnd(begun, now)
	return value, begun
}

// Set has the browser keep the value of a session, for as long as that lives or until the browser is closed.
func (s *Sessions) Set(w http.ResponseWriter, r *endpoint.Request, value browser.Value, session store.Session) {
	var keep time.Duration
	if session.Remembered {
		keep = max(time.Second, session.ExpiresAt.Sub(s.Now()))
	}
	browser.For(string(r.Issuer)).SetSession(w, value, keep)
}

// Ender is where sessions end.
type Ender interface {
	store.Sessions
	backchannel.Tx
}

// End ends a session, with the families of tokens that are to end with it, or, for everywhere, all that began in it.
// Applications that hold tokens of it are told. One that has ended already ends again. It is for within a transaction.
func End(ctx context.Context, tx Ender, s store.Session, everywhere bool, at time.Time, reason string) error {
	switch err := tx.DeleteSession(ctx, s.Digest); {
	case err == nil:
		if err := backchannel.Tell(ctx, tx, s.ID, at); err != nil {
			return err
		}
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	if !everywhere {
		_, err := tx.RevokeFamiliesOfSession(ctx, s.ID, at, reason)
		return err
	}
	families, err := tx.FamiliesOfSession(ctx, s.ID)
	if err != nil {
		return err
	}
	for _, family := range families {
		if err := tx.RevokeFamily(ctx, family.ID, at, reason); err != nil {
			return err
		}
	}
	return nil
}

// Continue returns the session that goes on from a former one after further proofs, with a new value for the cookie:
// whoever knows the former cookie has none of what was proved.
func (s *Sessions) Continue(former store.Session, proofs ...store.Method) (browser.Value, store.Session) {
	value, now := browser.NewValue(), s.Now()
	next := former
	next.Digest, next.Methods = value.Digest(), slices.Concat(former.Methods, proofs)
	next.LastSeenAt, next.IdleExpiresAt = now, s.IdleEnd(former, now)
	return value, next
}

// IdleEnd returns when a session ends that is used at a time, and not again.
func (s *Sessions) IdleEnd(session store.Session, used time.Time) time.Time {
	if session.Remembered {
		return session.ExpiresAt
	}
	return used.Add(cmp.Or(s.Idle, DefaultIdle))
}

// From returns from where a request came; it is not valid where that is not known.
func (s *Sessions) From(r *endpoint.Request) netip.Addr {
	if s.Address != nil {
		return s.Address(r.Request)
	}
	end, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return end.Addr()
}

// maxUserAgent bounds what a browser says of itself.
const maxUserAgent = 256

func cut(text string) string { return strings.ToValidUTF8(text[:min(len(text), maxUserAgent)], "") }
