package sqlstore

import (
	"context"
	"time"

	"github.com/postern-auth/postern/server/store"
)

const selectRefusals = `
	SELECT id, decision, at, place, reason, detail, api_id, client_id, issuer, audience, key_id, subject FROM refusals `

func addRefusal(row Scan, all []store.Refusal) ([]store.Refusal, error) {
	var r store.Refusal
	err := row(&r.ID, &r.Decision, (*instant)(&r.At), &r.Where, &r.Reason, &r.Detail, &r.APIID, &r.ClientID, &r.Issuer,
		(*texts)(&r.Audience), &r.KeyID, &r.Subject)
	return append(all, r), err
}

// AddRefusal adds a refusal. Errors: store.ErrExists for its ID.
func (t *Tx) AddRefusal(ctx context.Context, r store.Refusal) error {
	return t.alter(ctx, "add refusal", r.ID, func(q Querier) error {
		_, err := q.Exec(`
			INSERT INTO refusals (id, decision, at, place, reason, detail, api_id, client_id, issuer, audience, key_id, subject)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
			r.ID, r.Decision, instant(r.At), r.Where, r.Reason, r.Detail, r.APIID, r.ClientID, r.Issuer, texts(r.Audience), r.KeyID, r.Subject)
		return err
	})
}

// RefusalByDecision returns the newest refusal with the id of a decision.
func (t *Tx) RefusalByDecision(ctx context.Context, decision string) (store.Refusal, error) {
	return find(ctx, t, "refusal by decision", decision, addRefusal, selectRefusals+`WHERE decision = $1 ORDER BY id DESC LIMIT 1`, decision)
}

// RefusalsBefore returns at most limit refusals for a reason, or for any, before the one with the ID, newest first.
func (t *Tx) RefusalsBefore(ctx context.Context, reason, id string, limit int) ([]store.Refusal, error) {
	if id == "" {
		id = lastID
	}
	if reason == "" {
		return list(ctx, t, "refusals before", id, addRefusal, selectRefusals+`WHERE id < $1 ORDER BY id DESC LIMIT $2`, id, max(limit, 0))
	}
	return list(ctx, t, "refusals before", id, addRefusal,
		selectRefusals+`WHERE reason = $1 AND id < $2 ORDER BY id DESC LIMIT $3`, reason, id, max(limit, 0))
}

// lastID comes after every id.
const lastID = "\U0010ffff"

// AddCount adds to the number of what happened for a reason in an hour.
func (t *Tx) AddCount(ctx context.Context, c store.Count) error {
	return t.alter(ctx, "add count of", c.Reason, func(q Querier) error {
		_, err := q.Exec(`
			INSERT INTO counts (hour, reason, number) VALUES ($1, $2, $3)
			ON CONFLICT (hour, reason) DO UPDATE SET number = counts.number + excluded.number`,
			instant(c.Hour), c.Reason, c.Number)
		return err
	})
}

// CountsSince returns the counts of hours that begin at a time or later, in their order.
func (t *Tx) CountsSince(ctx context.Context, from time.Time) ([]store.Count, error) {
	return list(ctx, t, "counts since", from.UTC().Format(time.RFC3339), func(row Scan, all []store.Count) ([]store.Count, error) {
		var c store.Count
		err := row((*instant)(&c.Hour), &c.Reason, &c.Number)
		return append(all, c), err
	}, `SELECT hour, reason, number FROM counts WHERE hour >= $1 ORDER BY hour, reason`, instant(from))
}

// prunings remove what is from before $1, and what is beyond the newest $2 of its kind.
var prunings = []string{
	`DELETE FROM counts WHERE hour < $1 AND $2 >= 0`,
	`DELETE FROM refusals WHERE at < $1 AND $2 >= 0`,
	`DELETE FROM refusals WHERE CAST($1 AS BIGINT) IS NOT NULL AND id IN (
		SELECT r.id FROM (SELECT DISTINCT place, reason FROM refusals) k JOIN refusals r ON r.place = k.place AND r.reason = k.reason
		WHERE r.id <= (SELECT l.id FROM refusals l WHERE l.place = k.place AND l.reason = k.reason ORDER BY l.id DESC LIMIT 1 OFFSET $2))`,
}

// PruneRefusals removes counts and refusals from before a time, and refusals beyond the newest of their kind.
func (t *Tx) PruneRefusals(ctx context.Context, before time.Time, keep int) error {
	return t.alter(ctx, "prune refusals before", before.UTC().Format(time.RFC3339), func(q Querier) error {
		for _, query := range prunings {
			if _, err := q.Exec(query, instant(before), max(keep, 0)); err != nil {
				return err
			}
		}
		return nil
	})
}
