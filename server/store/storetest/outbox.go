package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

func delivery(id, kind string) store.Delivery {
	return store.Delivery{ID: id, Kind: kind, Payload: `{"to":"ß"}`, NextTryAt: noon, ExpiresAt: noon.Add(24 * time.Hour)}
}

var none []store.Delivery

// add adds deliveries, one a millisecond.
func add(t *testing.T, s store.Store, kind string, ids ...string) {
	t.Helper()
	ok(t, s.InTx(t.Context(), func(tx store.Tx) error {
		for i, id := range ids {
			d := delivery(id, kind)
			d.NextTryAt = noon.Add(time.Duration(i) * time.Millisecond)
			if added, err := tx.AddDelivery(t.Context(), d, 1000); err != nil || !added {
				return fmt.Errorf("delivery %s was not added: %w", id, err)
			}
		}
		return nil
	}))
}

// claimed returns a delivery as whoever claims it gets it.
func claimed(d store.Delivery, tries int, lease time.Time) store.Delivery {
	d.Tries, d.NextTryAt = tries, lease
	return d
}

var outboxTests = []test{
	{"a delivery is claimed as it was added, when it is due, and no earlier", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		same(t, true)(s.AddDelivery(ctx, delivery("d1", "mail"), 10))
		lease := noon.Add(time.Minute)
		same(t, none)(s.ClaimDeliveries(ctx, "mail", noon.Add(-time.Millisecond), lease, 10))
		same(t, none)(s.ClaimDeliveries(ctx, "logout", noon, lease, 10))
		same(t, []store.Delivery{claimed(delivery("d1", "mail"), 1, lease)})(s.ClaimDeliveries(ctx, "mail", noon, lease, 10))
	}},
	{"what is claimed is due again when the lease is over", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		add(t, s, "mail", "d1")
		lease := noon.Add(time.Minute)
		later := lease.Add(time.Minute)
		same(t, []store.Delivery{claimed(delivery("d1", "mail"), 1, lease)})(s.ClaimDeliveries(ctx, "mail", noon, lease, 10))
		same(t, none)(s.ClaimDeliveries(ctx, "mail", lease.Add(-time.Millisecond), later, 10))
		same(t, []store.Delivery{claimed(delivery("d1", "mail"), 2, later)})(s.ClaimDeliveries(ctx, "mail", lease, later, 10))
	}},
	{"those due first are claimed first, no more than the limit, in the order of their ids", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		add(t, s, "mail", "d3", "d1", "d2")
		var ids []string
		for range 3 {
			got, err := s.ClaimDeliveries(ctx, "mail", noon.Add(time.Second), noon.Add(time.Minute), 2)
			ok(t, err)
			for _, d := range got {
				ids = append(ids, d.ID)
			}
			ids = append(ids, "|")
		}
		same(t, []string{"d1", "d3", "|", "d2", "|", "|"})(ids, nil)
		for _, limit := range []int{0, -1} {
			same(t, none)(s.ClaimDeliveries(ctx, "mail", noon.Add(time.Hour), noon.Add(2*time.Hour), limit))
		}
	}},
	{"an expired delivery is not made, and is deleted", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		add(t, s, "mail", "d1", "d2")
		end := delivery("d1", "mail").ExpiresAt
		same(t, none)(s.ClaimDeliveries(ctx, "mail", end, end.Add(time.Minute), 10))
		same(t, 0)(s.DeleteExpiredTokens(ctx, end, 10))
		same(t, 1)(s.DeleteExpiredTokens(ctx, end.Add(time.Millisecond), 1))
		same(t, 1)(s.DeleteExpiredTokens(ctx, end.Add(time.Millisecond), 10))
	}},
	{"a delivery is postponed by whoever has it, and by nobody who has lost it", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		add(t, s, "mail", "d1")
		lease := noon.Add(time.Minute)
		_, err := s.ClaimDeliveries(ctx, "mail", noon, lease, 10)
		ok(t, err)
		ok(t, s.PostponeDelivery(ctx, "d1", 1, noon.Add(time.Hour)))
		same(t, none)(s.ClaimDeliveries(ctx, "mail", noon.Add(time.Hour-time.Millisecond), lease, 10))
		_, err = s.ClaimDeliveries(ctx, "mail", noon.Add(time.Hour), noon.Add(2*time.Hour), 10)
		ok(t, err)
		refused(t, store.ErrNotFound, s.PostponeDelivery(ctx, "d1", 1, noon))
		refused(t, store.ErrNotFound, s.PostponeDelivery(ctx, "d2", 0, noon))
		same(t, none)(s.ClaimDeliveries(ctx, "mail", noon.Add(time.Hour), noon.Add(2*time.Hour), 10))
	}},
	{"a delivery that was made is gone", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		add(t, s, "mail", "d1", "d2")
		ok(t, s.DeleteDelivery(ctx, "d1"))
		refused(t, store.ErrNotFound, s.DeleteDelivery(ctx, "d1"))
		got, err := s.ClaimDeliveries(ctx, "mail", noon.Add(time.Second), noon.Add(time.Minute), 10)
		ok(t, err)
		same(t, 1)(len(got), nil)
	}},
	{"there are no more of a kind than the bound, and other kinds have their own", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		same(t, false)(s.AddDelivery(ctx, delivery("d0", "mail"), 0))
		same(t, true)(s.AddDelivery(ctx, delivery("d1", "mail"), 2))
		same(t, true)(s.AddDelivery(ctx, delivery("d2", "mail"), 2))
		same(t, false)(s.AddDelivery(ctx, delivery("d3", "mail"), 2))
		same(t, true)(s.AddDelivery(ctx, delivery("d3", "logout"), 2))
		_, err := s.AddDelivery(ctx, delivery("d3", "mail"), 3)
		refused(t, store.ErrExists, err)
		ok(t, s.DeleteDelivery(ctx, "d1"))
		same(t, true)(s.AddDelivery(ctx, delivery("d4", "mail"), 2))
	}},
	{"what a transaction that fails has added is not delivered", func(t *testing.T, s store.Store) {
		fault := errors.New("fault")
		err := s.InTx(t.Context(), func(tx store.Tx) error {
			same(t, true)(tx.AddDelivery(t.Context(), delivery("d1", "mail"), 10))
			return fault
		})
		if !errors.Is(err, fault) {
			t.Errorf("expected %v, got %v", fault, err)
		}
		same(t, none)(s.ClaimDeliveries(t.Context(), "mail", noon, noon.Add(time.Minute), 10))
	}},
	{"of fifty claims at once one gets each delivery", func(t *testing.T, s store.Store) {
		var ids []string
		for i := range 100 {
			ids = append(ids, fmt.Sprintf("d%02d", i))
		}
		add(t, s, "mail", ids...)
		var mu sync.Mutex
		got := make(map[string]int)
		ok(t, errors.Join(together(50, func(int) error {
			for range 40 {
				list, err := s.ClaimDeliveries(t.Context(), "mail", noon.Add(time.Second), noon.Add(time.Minute), 3)
				if err != nil || len(list) == 0 {
					return err
				}
				mu.Lock()
				for _, d := range list {
					got[d.ID]++
				}
				mu.Unlock()
			}
			return nil
		})...))
		for _, id := range ids {
			if got[id] != 1 {
				t.Errorf("expected delivery %s to be claimed once, got %d times", id, got[id])
			}
		}
	}},
}

// mailCalls are those of calls that have to do with mails.
var mailCalls = map[string]func(context.Context, store.Tx) error{
	"AddDelivery": func(ctx context.Context, s store.Tx) error {
		return second(s.AddDelivery(ctx, delivery("new", "mail"), 9))
	},
	"ClaimDeliveries": func(ctx context.Context, s store.Tx) error {
		return second(s.ClaimDeliveries(ctx, "logout", noon, noon, 9))
	},
	"PostponeDelivery": func(ctx context.Context, s store.Tx) error { return s.PostponeDelivery(ctx, "d1", 0, noon) },
	"DeleteDelivery":   func(ctx context.Context, s store.Tx) error { return s.DeleteDelivery(ctx, "d2") },
	"MailLink":         func(ctx context.Context, s store.Tx) error { return second(s.MailLink(ctx, digest("link-anna"))) },
	"PutMailLink":      func(ctx context.Context, s store.Tx) error { return s.PutMailLink(ctx, mailLink("anna")) },
	"UseMailLink": func(ctx context.Context, s store.Tx) error {
		return second(s.UseMailLink(ctx, digest("link-ben"), noon))
	},
	"DeleteMailLinksOf": func(ctx context.Context, s store.Tx) error {
		return second(s.DeleteMailLinksOf(ctx, "anna"))
	},
}
