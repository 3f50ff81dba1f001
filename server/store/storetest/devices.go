package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// devices has two devices ask to be let in.
func devices(t *testing.T, tx store.Tx) {
	t.Helper()
	for _, client := range []string{"shop", "desk"} {
		ok(t, tx.CreateDeviceCode(t.Context(), deviceCodeOf(client), noon, 9))
	}
}

func deviceCodeOf(clientID string) store.DeviceCode {
	return store.DeviceCode{
		Digest: digest("device-" + clientID), UserCode: "CODE-" + clientID, ClientID: clientID, Request: `{"scope":"ß"}`, Address: "192.0.2.7",
		CreatedAt: noon, Wait: 4 * time.Second, ExpiresAt: noon.Add(10 * time.Minute),
	}
}

var deviceTests = []test{
	{"a device code is returned as it was created, by either of its codes", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		want := deviceCodeOf("shop")
		same(t, want)(s.DeviceCode(ctx, want.Digest))
		same(t, want)(s.DeviceCodeByUserCode(ctx, want.UserCode))
		full := store.DeviceCode{
			Digest: digest("full"), UserCode: "", ClientID: "desk", PolledAt: noon, AnsweredAt: noon.Add(time.Second), Allowed: true, ExpiresAt: noon,
		}
		ok(t, s.CreateDeviceCode(ctx, full, noon, 9))
		same(t, full)(s.DeviceCode(ctx, full.Digest))
		for _, typed := range []string{"", "code-shop", "CODE-shop ", "CODE-"} {
			absent[store.DeviceCode](t)(s.DeviceCodeByUserCode(ctx, typed))
		}
		absent[store.DeviceCode](t)(s.DeviceCode(ctx, store.Digest{}))
		again, other := want, want
		again.UserCode, other.Digest = "other", digest("other")
		refused(t, store.ErrExists, s.CreateDeviceCode(ctx, again, noon, 9))
		refused(t, store.ErrExists, s.CreateDeviceCode(ctx, other, noon, 9))
		refused(t, store.ErrNotFound, s.CreateDeviceCode(ctx, deviceCodeOf("nothing"), noon, 9))
	}},
	{"a device code is answered once, and in time", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		want := deviceCodeOf("shop")
		refused(t, store.ErrNotFound, s.AnswerDeviceCode(ctx, want.Digest, true, want.ExpiresAt))
		same(t, want)(s.DeviceCode(ctx, want.Digest))
		ok(t, s.AnswerDeviceCode(ctx, want.Digest, false, want.ExpiresAt.Add(-time.Millisecond)))
		refused(t, store.ErrNotFound, s.AnswerDeviceCode(ctx, want.Digest, true, noon))
		want.AnsweredAt = want.ExpiresAt.Add(-time.Millisecond)
		same(t, want)(s.DeviceCode(ctx, want.Digest))
		ok(t, s.AnswerDeviceCode(ctx, digest("device-desk"), true, noon))
		other := deviceCodeOf("desk")
		other.AnsweredAt, other.Allowed = noon, true
		same(t, other)(s.DeviceCodeByUserCode(ctx, other.UserCode))
		refused(t, store.ErrNotFound, s.AnswerDeviceCode(ctx, store.Digest{}, true, noon))
	}},
	{"of a hundred answers to a device code at once one succeeds", func(t *testing.T, s store.Store) {
		world(t, s)
		var answered atomic.Int64
		for _, err := range together(100, func(i int) error {
			return s.AnswerDeviceCode(t.Context(), digest("device-shop"), i%2 == 0, noon)
		}) {
			if err == nil {
				answered.Add(1)
			} else {
				refused(t, store.ErrNotFound, err)
			}
		}
		same(t, int64(1))(answered.Load(), nil)
	}},
	{"a device that polls too early waits longer from then on", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		poll := func(after time.Duration, want bool) {
			t.Helper()
			same(t, want)(s.PollDeviceCode(ctx, digest("device-shop"), noon.Add(after), 5*time.Second))
		}
		poll(0, true)
		poll(4*time.Second-time.Millisecond, false) // 9 s from here
		poll(12*time.Second, false)                 // 14 s from here
		poll(26*time.Second, true)
		poll(40*time.Second-time.Millisecond, false)
		poll(time.Second, false) // a clock that goes back
		poll(25*time.Second, true)
		d, err := s.DeviceCode(ctx, digest("device-shop"))
		ok(t, err)
		same(t, 24*time.Second)(d.Wait, nil)
		same(t, deviceCodeOf("desk"))(s.DeviceCode(ctx, digest("device-desk")))
		waited, err := s.PollDeviceCode(ctx, store.Digest{}, noon, time.Second)
		refused(t, store.ErrNotFound, err)
		same(t, false)(waited, nil)
	}},
	{"of polls at once one has waited", func(t *testing.T, s store.Store) {
		world(t, s)
		var waited atomic.Int64
		for _, err := range together(20, func(int) error {
			on, err := s.PollDeviceCode(t.Context(), digest("device-shop"), noon, time.Second)
			if on {
				waited.Add(1)
			}
			return err
		}) {
			ok(t, err)
		}
		same(t, int64(1))(waited.Load(), nil)
	}},
	{"of a client's device codes so many wait and no more, also of many at once", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ask := func(name, client string, now time.Time) error {
			d := deviceCodeOf(client)
			d.Digest, d.UserCode = digest(name), name
			return s.CreateDeviceCode(ctx, d, now, 3)
		}
		var made, full atomic.Int64 // shop has one already
		for _, err := range together(50, func(i int) error { return ask(fmt.Sprint("more-", i), "shop", noon) }) {
			switch {
			case err == nil:
				made.Add(1)
			case errors.Is(err, store.ErrFull):
				full.Add(1)
			default:
				t.Error(err)
			}
		}
		if made.Load() != 2 || full.Load() != 48 {
			t.Errorf("expected 2 more that wait, got %d, and %d refused", made.Load(), full.Load())
		}
		ok(t, ask("another's", "desk", noon))
		refused(t, store.ErrFull, ask("one too many", "shop", noon.Add(10*time.Minute-time.Millisecond)))
		ok(t, s.AnswerDeviceCode(ctx, digest("device-shop"), true, noon))
		ok(t, ask("in its place", "shop", noon))
		refused(t, store.ErrFull, ask("one too many", "shop", noon))
		ok(t, ask("when they have expired", "shop", noon.Add(10*time.Minute)))
	}},
	{"device codes are deleted an hour after they have expired, and with their client", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		end := deviceCodeOf("shop").ExpiresAt.Add(time.Hour)
		_, err := s.DeleteExpiredTokens(ctx, end, 100)
		ok(t, err)
		same(t, deviceCodeOf("shop"))(s.DeviceCode(ctx, digest("device-shop")))
		ok(t, s.DeleteApplication(ctx, "app2"))
		absent[store.DeviceCode](t)(s.DeviceCode(ctx, digest("device-desk")))
		same(t, 1)(s.DeleteExpiredTokens(ctx, end.Add(time.Millisecond), 100))
		absent[store.DeviceCode](t)(s.DeviceCode(ctx, digest("device-shop")))
	}},
}

// deviceCalls are those of calls that have to do with devices.
var deviceCalls = map[string]func(context.Context, store.Tx) error{
	"DeviceCode": func(ctx context.Context, s store.Tx) error { return second(s.DeviceCode(ctx, digest("device-shop"))) },
	"DeviceCodeByUserCode": func(ctx context.Context, s store.Tx) error {
		return second(s.DeviceCodeByUserCode(ctx, "CODE-shop"))
	},
	"CreateDeviceCode": func(ctx context.Context, s store.Tx) error {
		d := deviceCodeOf("shop")
		d.Digest, d.UserCode = digest("new"), "new"
		return s.CreateDeviceCode(ctx, d, noon, 9)
	},
	"PollDeviceCode": func(ctx context.Context, s store.Tx) error {
		return second(s.PollDeviceCode(ctx, digest("device-shop"), noon, time.Second))
	},
	"AnswerDeviceCode": func(ctx context.Context, s store.Tx) error {
		return s.AnswerDeviceCode(ctx, digest("device-desk"), true, noon)
	},
}
