package sqlstore

import (
	"context"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// PendingRequest returns the request with the digest.
func (t *Tx) PendingRequest(ctx context.Context, d store.Digest) (store.PendingRequest, error) {
	const query = `SELECT digest, browser, request, facts, expires_at FROM pending_requests WHERE digest = $1`
	return find(ctx, t, "pending request", "", addPendingRequest, query, d[:])
}

func addPendingRequest(row Scan, all []store.PendingRequest) ([]store.PendingRequest, error) {
	var r store.PendingRequest
	err := row((*digest)(&r.Digest), (*digest)(&r.Browser), &r.Request, &r.Facts, (*instant)(&r.ExpiresAt))
	return append(all, r), err
}

// CreatePendingRequest adds a request. Errors: store.ErrExists for its Digest.
func (t *Tx) CreatePendingRequest(ctx context.Context, r store.PendingRequest) error {
	return t.alter(ctx, "create pending request", "", func(q Querier) error {
		_, err := q.Exec(`INSERT INTO pending_requests (digest, browser, request, facts, expires_at) VALUES ($1, $2, $3, $4, $5)`,
			r.Digest[:], r.Browser[:], r.Request, r.Facts, instant(r.ExpiresAt))
		return err
	})
}

// ChangeFacts replaces the facts. Errors: store.ErrNotFound when they are no longer the former ones, or the
// request has expired or is gone.
func (t *Tx) ChangeFacts(ctx context.Context, d store.Digest, former, facts string, now time.Time) error {
	return t.alter(ctx, "change facts of pending request", "", func(q Querier) error {
		return change(q, `UPDATE pending_requests SET facts = $3 WHERE digest = $1 AND facts = $2 AND expires_at > $4`,
			d[:], former, facts, instant(now))
	})
}

// DeletePendingRequest removes the request. All calls but one get store.ErrNotFound.
func (t *Tx) DeletePendingRequest(ctx context.Context, d store.Digest) error {
	return t.alter(ctx, "delete pending request", "", func(q Querier) error {
		return change(q, `DELETE FROM pending_requests WHERE digest = $1`, d[:])
	})
}

// PushedRequest returns the request with the digest.
func (t *Tx) PushedRequest(ctx context.Context, d store.Digest) (store.PushedRequest, error) {
	const query = `SELECT digest, client_id, request, expires_at, used_at FROM pushed_requests WHERE digest = $1`
	return find(ctx, t, "pushed request", "", addPushedRequest, query, d[:])
}

func addPushedRequest(row Scan, all []store.PushedRequest) ([]store.PushedRequest, error) {
	var r store.PushedRequest
	err := row((*digest)(&r.Digest), &r.ClientID, &r.Request, (*instant)(&r.ExpiresAt), (*instant)(&r.UsedAt))
	return append(all, r), err
}

// CreatePushedRequest adds a request, provided that fewer than limit of the client's are neither used nor expired.
// Errors: store.ErrFull when there are that many, store.ErrExists for its Digest.
func (t *Tx) CreatePushedRequest(ctx context.Context, r store.PushedRequest, now time.Time, limit int) error {
	return t.alter(ctx, "create pushed request of", r.ClientID, func(q Querier) error {
		n, err := q.Exec(`
			INSERT INTO pushed_requests (digest, client_id, request, expires_at, used_at) SELECT $1, $2, $3, $4, $5
			WHERE NOT EXISTS (SELECT 1 FROM pushed_requests
				WHERE client_id = $2 AND used_at IS NULL AND expires_at > $6 LIMIT 1 OFFSET $7)`,
			r.Digest[:], r.ClientID, r.Request, instant(r.ExpiresAt), instant(r.UsedAt), instant(now), limit-1)
		if err == nil && n == 0 {
			return store.ErrFull
		}
		return err
	})
}

// ExtendPushedRequest moves the expiry forward. Errors: store.ErrNotFound when the request has expired or been
// used.
func (t *Tx) ExtendPushedRequest(ctx context.Context, d store.Digest, now, expires time.Time) error {
	return t.alter(ctx, "extend pushed request", "", func(q Querier) error {
		return change(q, `
			UPDATE pushed_requests SET expires_at = CASE WHEN expires_at > $3 THEN expires_at ELSE $3 END
			WHERE digest = $1 AND used_at IS NULL AND expires_at > $2`, d[:], instant(now), instant(expires))
	})
}

// UsePushedRequest marks the request as used. All calls but one, and any when it has expired, get
// store.ErrNotFound.
func (t *Tx) UsePushedRequest(ctx context.Context, d store.Digest, now time.Time) error {
	return t.alter(ctx, "use pushed request", "", func(q Querier) error {
		return change(q, `UPDATE pushed_requests SET used_at = $2 WHERE digest = $1 AND used_at IS NULL AND expires_at > $2`,
			d[:], instant(now))
	})
}
