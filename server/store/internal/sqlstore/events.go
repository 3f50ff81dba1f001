package sqlstore

import (
	"context"

	"github.com/postern-auth/postern/server/store"
)

const selectEvents = `SELECT id, at, actor, action, object, object_id, name, detail FROM events `

func addEvent(row Scan, all []store.Event) ([]store.Event, error) {
	var e store.Event
	err := row(&e.ID, (*instant)(&e.At), &e.Actor, &e.Action, &e.Object, &e.ObjectID, &e.Name, &e.Detail)
	return append(all, e), err
}

// AddEvent adds an event. Errors: store.ErrExists for its ID.
func (t *Tx) AddEvent(ctx context.Context, e store.Event) error {
	return t.alter(ctx, "add event", e.ID, func(q Querier) error {
		_, err := q.Exec(`
			INSERT INTO events (id, at, actor, action, object, object_id, name, detail)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			e.ID, instant(e.At), e.Actor, e.Action, e.Object, e.ObjectID, e.Name, e.Detail)
		return err
	})
}

// EventsBefore returns at most limit events older than the one with the ID, newest first.
func (t *Tx) EventsBefore(ctx context.Context, id string, limit int) ([]store.Event, error) {
	return list(ctx, t, "events before", id, addEvent, selectEvents+`WHERE id < $1 ORDER BY id DESC LIMIT $2`, id, max(limit, 0))
}

// LatestEvents returns the newest events, at most limit, newest first.
func (t *Tx) LatestEvents(ctx context.Context, limit int) ([]store.Event, error) {
	return list(ctx, t, "latest events", "", addEvent, selectEvents+`ORDER BY id DESC LIMIT $1`, max(limit, 0))
}
