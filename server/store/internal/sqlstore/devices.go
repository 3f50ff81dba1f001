package sqlstore

import (
	"context"
	"time"

	"github.com/postern-auth/postern/server/store"
)

const selectDeviceCodes = `
	SELECT digest, user_code, client_id, request, address, created_at, wait, polled_at, answered_at, allowed, expires_at
	FROM device_codes `

func addDeviceCode(row Scan, all []store.DeviceCode) ([]store.DeviceCode, error) {
	var d store.DeviceCode
	var wait int64
	err := row((*digest)(&d.Digest), &d.UserCode, &d.ClientID, &d.Request, &d.Address, (*instant)(&d.CreatedAt), &wait,
		(*instant)(&d.PolledAt), (*instant)(&d.AnsweredAt), &d.Allowed, (*instant)(&d.ExpiresAt))
	d.Wait = time.Duration(wait) * time.Millisecond
	return append(all, d), err
}

// DeviceCode returns the code with the digest.
func (t *Tx) DeviceCode(ctx context.Context, d store.Digest) (store.DeviceCode, error) {
	return find(ctx, t, "device code", "", addDeviceCode, selectDeviceCodes+`WHERE digest = $1`, d[:])
}

// DeviceCodeByUserCode returns the code that a person has typed. An empty one finds nothing.
func (t *Tx) DeviceCodeByUserCode(ctx context.Context, userCode string) (store.DeviceCode, error) {
	return find(ctx, t, "device code by user code", "", addDeviceCode, selectDeviceCodes+`WHERE user_code = $1 AND $1 <> ''`, userCode)
}

// CreateDeviceCode adds a code, provided that fewer than limit of the client's are neither answered nor expired.
// Errors: store.ErrFull when there are that many, store.ErrExists for its Digest or UserCode, store.ErrNotFound when
// the client is not there.
func (t *Tx) CreateDeviceCode(ctx context.Context, d store.DeviceCode, now time.Time, limit int) error {
	return t.alter(ctx, "create device code of", d.ClientID, func(q Querier) error {
		n, err := q.Exec(`
			INSERT INTO device_codes (digest, user_code, client_id, request, address, created_at, wait, polled_at,
				answered_at, allowed, expires_at)
			SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
			WHERE NOT EXISTS (SELECT 1 FROM device_codes
				WHERE client_id = $3 AND answered_at IS NULL AND expires_at > $12 LIMIT 1 OFFSET $13)`,
			d.Digest[:], d.UserCode, d.ClientID, d.Request, d.Address, instant(d.CreatedAt), d.Wait.Milliseconds(), instant(d.PolledAt),
			instant(d.AnsweredAt), d.Allowed, instant(d.ExpiresAt), instant(now), limit-1)
		if err == nil && n == 0 {
			return store.ErrFull
		}
		return err
	})
}

// PollDeviceCode notes that the device polls, and reports whether it has waited as it has to. Where it has not, it
// has to wait longer from now on.
func (t *Tx) PollDeviceCode(ctx context.Context, d store.Digest, now time.Time, longer time.Duration) (waited bool, err error) {
	err = t.alter(ctx, "poll device code", "", func(q Querier) error {
		n, err := q.Exec(`
			UPDATE device_codes SET polled_at = $2 WHERE digest = $1 AND (polled_at IS NULL OR polled_at + wait <= $2)`,
			d[:], instant(now))
		if waited = n == 1; err != nil || waited {
			return err
		}
		return change(q, `UPDATE device_codes SET polled_at = $2, wait = wait + $3 WHERE digest = $1`,
			d[:], instant(now), longer.Milliseconds())
	})
	return waited && err == nil, err
}

// AnswerDeviceCode keeps what a person has answered. All calls but one, and any when it has expired, get
// store.ErrNotFound.
func (t *Tx) AnswerDeviceCode(ctx context.Context, d store.Digest, allowed bool, now time.Time) error {
	return t.alter(ctx, "answer device code", "", func(q Querier) error {
		return change(q, `
			UPDATE device_codes SET answered_at = $2, allowed = $3 WHERE digest = $1 AND answered_at IS NULL AND expires_at > $2`,
			d[:], instant(now), allowed)
	})
}
