package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

func event(id string) store.Event {
	return store.Event{
		ID: id, At: noon.Add(time.Duration(id[0]) * time.Second), Actor: "apply", Action: "create", Object: "project",
		ObjectID: "p1", Name: "Messages", Detail: `{"roles":["read"]}`,
	}
}

var eventTests = []test{
	{"events come newest first, page by page", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		same(t, []store.Event{})(s.LatestEvents(ctx, 9))
		var want []store.Event
		for _, id := range []string{"1", "2", "3", "4", "5"} {
			want = append(want, event(id))
			ok(t, s.AddEvent(ctx, event(id)))
		}
		slices.Reverse(want)
		same(t, want)(s.LatestEvents(ctx, 9))
		same(t, want[:2])(s.LatestEvents(ctx, 2))
		same(t, want[2:4])(s.EventsBefore(ctx, "4", 2))
		same(t, []store.Event{})(s.EventsBefore(ctx, "1", 9))
		same(t, []store.Event{})(s.LatestEvents(ctx, 0))
		same(t, []store.Event{})(s.LatestEvents(ctx, -1))
	}},
	{"an event is there once and outlives what it is about", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.AddEvent(ctx, event("1")))
		other := event("1")
		other.Actor = "somebody else"
		refused(t, store.ErrExists, s.AddEvent(ctx, other))
		ok(t, s.DeleteProject(ctx, "p1"))
		same(t, []store.Event{event("1")})(s.LatestEvents(ctx, 9))
	}},
	{"an event of a transaction that did not happen did not happen", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		_ = s.InTx(ctx, func(tx store.Tx) error {
			ok(t, tx.AddEvent(ctx, event("1")))
			return store.ErrExists
		})
		same(t, []store.Event{})(s.LatestEvents(ctx, 9))
	}},
}
