package sqlstore

import (
	"context"
	"time"

	"github.com/postern-auth/postern/server/store"
)

const (
	sessionColumns = `x.digest, x.id, x.user_id, x.browser, x.methods, x.created_at, x.last_seen_at, x.idle_expires_at, x.expires_at,
		x.user_agent, x.address_prefix, x.remembered`
	selectSessions = `SELECT ` + sessionColumns + ` FROM sessions x `
)

func addSession(row Scan, all []store.Session) ([]store.Session, error) {
	var s store.Session
	err := row(sessionFields(&s)...)
	return append(all, s), err
}

// sessionFields are where sessionColumns go.
func sessionFields(s *store.Session) []any {
	return []any{
		(*digest)(&s.Digest), &s.ID, &s.UserID, (*digest)(&s.Browser), (*methods)(&s.Methods),
		(*instant)(&s.CreatedAt), (*instant)(&s.LastSeenAt), (*instant)(&s.IdleExpiresAt), (*instant)(&s.ExpiresAt),
		&s.UserAgent, &s.AddressPrefix, &s.Remembered,
	}
}

// SessionsPart returns the part that the window asks for of the sessions that have not ended by time.
func (t *Tx) SessionsPart(ctx context.Context, now time.Time, w store.Window) (store.Part[store.ListedSession], error) {
	const from = `sessions x JOIN users u ON u.id = x.user_id `
	return listing[store.ListedSession]{
		what: "sessions", add: addListedSession, counted: from,
		query: `SELECT ` + sessionColumns + `, u.called, u.name,
			(SELECT ` + t.backend.Gathered("a.name") + ` FROM families f JOIN clients c ON c.client_id = f.client_id AND c.kind = 'application'
				JOIN applications a ON a.id = c.id WHERE f.session_id = x.id)
			FROM ` + from,
		name: "u.called", id: "x.id", searched: []string{"u.called", "u.email", "u.name", "x.user_agent", "x.address_prefix"},
		where: "x.idle_expires_at > $1",
	}.part(ctx, t, w, instant(now))
}

func addListedSession(row Scan, all []store.ListedSession) ([]store.ListedSession, error) {
	var s store.ListedSession
	err := row(append(sessionFields(&s.Session), &s.Called, &s.Name, (*texts)(&s.Applications))...)
	return append(all, s), err
}

// Session returns the session with the digest.
func (t *Tx) Session(ctx context.Context, d store.Digest) (store.Session, error) {
	return find(ctx, t, "session", "", addSession, selectSessions+`WHERE digest = $1`, d[:])
}

// SessionByID returns the session with the sid.
func (t *Tx) SessionByID(ctx context.Context, id string) (store.Session, error) {
	return find(ctx, t, "session", id, addSession, selectSessions+`WHERE id = $1`, id)
}

// SessionsOf returns the sessions of a user, the one seen last first.
func (t *Tx) SessionsOf(ctx context.Context, userID string) ([]store.Session, error) {
	return list(ctx, t, "sessions of user", userID, addSession,
		selectSessions+`WHERE user_id = $1 ORDER BY last_seen_at DESC, id`, userID)
}

// CreateSession adds a session in place of the one with the former digest, which may be zero or gone by now.
// Errors: store.ErrNotFound when the user is not there, store.ErrExists for its Digest or ID.
func (t *Tx) CreateSession(ctx context.Context, former store.Digest, s store.Session) error {
	return t.alter(ctx, "create session", s.ID, func(q Querier) error {
		if _, err := q.Exec(`DELETE FROM sessions WHERE digest = $1`, former[:]); err != nil {
			return err
		}
		if err := insertSession(q, s); err != nil {
			return err
		}
		_, err := q.Exec(`UPDATE users SET last_login_at = $2 WHERE id = $1 AND coalesce(last_login_at, 0) < $2`, s.UserID, instant(s.CreatedAt))
		return err
	})
}

// ReplaceSession adds a session that goes on from the one with the former digest. Errors: those of
// CreateSession, and store.ErrNotFound when the former has ended.
func (t *Tx) ReplaceSession(ctx context.Context, former store.Digest, s store.Session) error {
	return t.alter(ctx, "replace session", s.ID, func(q Querier) error {
		if err := change(q, `DELETE FROM sessions WHERE digest = $1`, former[:]); err != nil {
			return err
		}
		return insertSession(q, s)
	})
}

func insertSession(q Querier, s store.Session) error {
	if s.IdleExpiresAt.After(s.ExpiresAt) {
		s.IdleExpiresAt = s.ExpiresAt
	}
	_, err := q.Exec(`
		INSERT INTO sessions (digest, id, user_id, browser, methods, created_at, last_seen_at, idle_expires_at, expires_at,
			user_agent, address_prefix, remembered)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		s.Digest[:], s.ID, s.UserID, s.Browser[:], methods(s.Methods), instant(s.CreatedAt), instant(s.LastSeenAt),
		instant(s.IdleExpiresAt), instant(s.ExpiresAt), s.UserAgent, s.AddressPrefix, s.Remembered)
	return err
}

// TouchSession records that a session was used and moves its idle end. Errors: store.ErrNotFound when it has
// ended.
func (t *Tx) TouchSession(ctx context.Context, d store.Digest, seen, idleExpires time.Time) error {
	return t.alter(ctx, "touch session", "", func(q Querier) error {
		return change(q, `
			UPDATE sessions SET
				last_seen_at = CASE WHEN last_seen_at > $2 THEN last_seen_at ELSE $2 END,
				idle_expires_at = CASE WHEN idle_expires_at > $3 THEN idle_expires_at WHEN expires_at < $3 THEN expires_at ELSE $3 END
			WHERE digest = $1 AND idle_expires_at > $2`,
			d[:], instant(seen), instant(idleExpires))
	})
}

// DeleteSession ends the session.
func (t *Tx) DeleteSession(ctx context.Context, d store.Digest) error {
	return t.alter(ctx, "delete session", "", func(q Querier) error {
		return change(q, `DELETE FROM sessions WHERE digest = $1`, d[:])
	})
}

// DeleteSessionsOf ends the sessions of a user, but for the one with the digest, and returns how many ended.
func (t *Tx) DeleteSessionsOf(ctx context.Context, userID string, but store.Digest) (int, error) {
	return t.count(ctx, "delete sessions of user", userID, `DELETE FROM sessions WHERE user_id = $1 AND digest <> $2`, userID, but[:])
}
