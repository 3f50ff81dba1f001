package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

func refusal(id, place, reason string) store.Refusal {
	return store.Refusal{
		ID: id, Decision: "D" + id, At: noon.Add(time.Duration(id[0]) * time.Second), Where: place, Reason: reason, Detail: "expected a, got b",
		APIID: "a1", ClientID: "197@messages", Issuer: "https://other", Audience: []string{"x", "y"}, KeyID: "k", Subject: "u1",
	}
}

func count(hour time.Time, reason string, number int) store.Count {
	return store.Count{Hour: hour, Reason: reason, Number: number}
}

var refusalTests = []test{
	{"refusals come newest first, of a reason or of all", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		same(t, []store.Refusal{})(s.RefusalsBefore(ctx, "", "", 9))
		all := []store.Refusal{
			refusal("4", "userinfo", "token-expired"), refusal("3", "introspection", "token-inactive"),
			refusal("2", "introspection", "token-expired"), refusal("1", "token", "invalid_client"),
		}
		for i := range all {
			ok(t, s.AddRefusal(ctx, all[len(all)-1-i]))
		}
		same(t, all)(s.RefusalsBefore(ctx, "", "", 9))
		same(t, all[:2])(s.RefusalsBefore(ctx, "", "", 2))
		same(t, all[2:])(s.RefusalsBefore(ctx, "", "3", 9))
		same(t, []store.Refusal{all[0], all[2]})(s.RefusalsBefore(ctx, "token-expired", "", 9))
		same(t, []store.Refusal{all[2]})(s.RefusalsBefore(ctx, "token-expired", "4", 9))
		same(t, []store.Refusal{})(s.RefusalsBefore(ctx, "", "", -1))
		same(t, []store.Refusal{})(s.RefusalsBefore(ctx, "no such", "", 9))
		refused(t, store.ErrExists, s.AddRefusal(ctx, all[0]))
	}},
	{"a decision finds its newest refusal", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		first, second := refusal("1", "token", "invalid_client"), refusal("2", "userinfo", "token-expired")
		second.Decision = first.Decision
		ok(t, s.AddRefusal(ctx, first))
		ok(t, s.AddRefusal(ctx, second))
		same(t, second)(s.RefusalByDecision(ctx, "D1"))
		_, err := s.RefusalByDecision(ctx, "D2")
		refused(t, store.ErrNotFound, err)
	}},
	{"counts of one hour and reason add up", func(t *testing.T, s store.Store) {
		ctx, hour, later := t.Context(), noon.Truncate(time.Hour), noon.Truncate(time.Hour).Add(time.Hour)
		same(t, []store.Count{})(s.CountsSince(ctx, hour))
		for _, c := range []store.Count{count(hour, "", 3), count(hour, "token-expired", 1), count(later, "", 5), count(hour, "", 4)} {
			ok(t, s.AddCount(ctx, c))
		}
		same(t, []store.Count{count(hour, "", 7), count(hour, "token-expired", 1), count(later, "", 5)})(s.CountsSince(ctx, hour))
		same(t, []store.Count{count(later, "", 5)})(s.CountsSince(ctx, hour.Add(time.Second)))
	}},
	{"a crowd of refusals pushes out its own alone", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		for i := range 9 {
			ok(t, s.AddRefusal(ctx, refusal(fmt.Sprint(i+1), "userinfo", "token-malformed")))
		}
		ok(t, s.AddRefusal(ctx, refusal("0", "introspection", "token-malformed")))
		ok(t, s.AddRefusal(ctx, refusal("00", "userinfo", "token-expired")))
		ok(t, s.PruneRefusals(ctx, noon, 3))
		left, err := s.RefusalsBefore(ctx, "", "", 99)
		ok(t, err)
		var ids []string
		for _, r := range left {
			ids = append(ids, r.ID)
		}
		same(t, []string{"9", "8", "7", "00", "0"})(ids, nil)
	}},
	{"what is old goes", func(t *testing.T, s store.Store) {
		ctx, hour := t.Context(), noon.Truncate(time.Hour)
		ok(t, s.AddRefusal(ctx, refusal("1", "token", "invalid_client")))
		ok(t, s.AddRefusal(ctx, refusal("2", "token", "invalid_client")))
		ok(t, s.AddCount(ctx, store.Count{Hour: hour, Number: 1}))
		ok(t, s.AddCount(ctx, store.Count{Hour: hour.Add(time.Hour), Number: 1}))
		ok(t, s.PruneRefusals(ctx, refusal("2", "", "").At, 9))
		same(t, []store.Refusal{refusal("2", "token", "invalid_client")})(s.RefusalsBefore(ctx, "", "", 9))
		same(t, []store.Count{{Hour: hour.Add(time.Hour), Number: 1}})(s.CountsSince(ctx, time.Time{}.Add(time.Hour)))
	}},
}

// refusalCalls are those of calls that have to do with refusals.
var refusalCalls = map[string]func(context.Context, store.Tx) error{
	"AddRefusal":        func(ctx context.Context, s store.Tx) error { return s.AddRefusal(ctx, store.Refusal{ID: "r"}) },
	"RefusalByDecision": func(ctx context.Context, s store.Tx) error { return second(s.RefusalByDecision(ctx, "D")) },
	"RefusalsBefore":    func(ctx context.Context, s store.Tx) error { return second(s.RefusalsBefore(ctx, "", "", 9)) },
	"AddCount": func(ctx context.Context, s store.Tx) error {
		return s.AddCount(ctx, store.Count{Hour: noon, Number: 1})
	},
	"CountsSince":   func(ctx context.Context, s store.Tx) error { return second(s.CountsSince(ctx, noon)) },
	"PruneRefusals": func(ctx context.Context, s store.Tx) error { return s.PruneRefusals(ctx, noon, 9) },
}
