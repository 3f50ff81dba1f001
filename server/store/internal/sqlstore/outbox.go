package sqlstore

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// AddDelivery adds a delivery, unless as many as most of its kind are kept. It reports whether it did.
func (t *Tx) AddDelivery(ctx context.Context, d store.Delivery, most int) (bool, error) {
	if most < 1 {
		return false, nil
	}
	n, err := t.count(ctx, "add delivery", d.ID, `
		INSERT INTO outbox (id, kind, payload, tries, next_try_at, expires_at)
		SELECT $1, $2, $3, $4, $5, $6
		WHERE NOT EXISTS (SELECT 1 FROM outbox WHERE kind = $2 LIMIT 1 OFFSET $7)`,
		d.ID, d.Kind, d.Payload, d.Tries, instant(d.NextTryAt), instant(d.ExpiresAt), most-1)
	return n == 1, err
}

// ClaimDeliveries returns deliveries of the kind that are due, and lets each be due again at the time of the lease.
// The condition stands twice, for where two claims choose the same rows the second one waits and looks again.
func (t *Tx) ClaimDeliveries(ctx context.Context, kind string, now, lease time.Time, limit int) ([]store.Delivery, error) {
	var claimed []store.Delivery
	err := t.alter(ctx, "claim deliveries of kind", kind, func(q Querier) error {
		claimed = nil
		return q.Each(ctx, `
			UPDATE outbox SET tries = tries + 1, next_try_at = $3
			WHERE next_try_at <= $2 AND id IN (SELECT id FROM outbox
				WHERE kind = $1 AND next_try_at <= $2 AND expires_at > $2 ORDER BY next_try_at, id LIMIT $4)
			RETURNING id, kind, payload, tries, next_try_at, expires_at`,
			[]any{kind, instant(now), instant(lease), max(limit, 0)}, func(row Scan) error {
				var d store.Delivery
				err := row(&d.ID, &d.Kind, &d.Payload, &d.Tries, (*instant)(&d.NextTryAt), (*instant)(&d.ExpiresAt))
				claimed = append(claimed, d)
				return err
			})
	})
	if err != nil {
		return nil, err
	}
	// Rows come back in no order.
	slices.SortFunc(claimed, func(a, b store.Delivery) int { return strings.Compare(a.ID, b.ID) })
	return claimed, nil
}

// PostponeDelivery has a delivery be due at another time. Errors: store.ErrNotFound when it is gone, or has been
// claimed since.
func (t *Tx) PostponeDelivery(ctx context.Context, id string, tries int, next time.Time) error {
	return t.alter(ctx, "postpone delivery", id, func(q Querier) error {
		return change(q, `UPDATE outbox SET next_try_at = $3 WHERE id = $1 AND tries = $2`, id, tries, instant(next))
	})
}

// DeleteDelivery removes a delivery. Errors: store.ErrNotFound.
func (t *Tx) DeleteDelivery(ctx context.Context, id string) error {
	return t.alter(ctx, "delete delivery", id, func(q Querier) error {
		return change(q, `DELETE FROM outbox WHERE id = $1`, id)
	})
}
