package storetest

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

var requestTests = []test{
	{"a pending request is returned as it was created, until it is deleted", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		want := pendingRequest("pending-anna")
		same(t, want)(s.PendingRequest(ctx, want.Digest))
		refused(t, store.ErrExists, s.CreatePendingRequest(ctx, want))
		ok(t, s.DeletePendingRequest(ctx, want.Digest))
		absent[store.PendingRequest](t)(s.PendingRequest(ctx, want.Digest))
		absent[store.PendingRequest](t)(s.PendingRequest(ctx, store.Digest{}))
		same(t, pendingRequest("pending-ben"))(s.PendingRequest(ctx, digest("pending-ben")))
	}},
	{"facts change from what they were, and not after the end", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		want := pendingRequest("pending-anna")
		ok(t, s.ChangeFacts(ctx, want.Digest, `{}`, `{"user":"anna"}`, noon))
		refused(t, store.ErrNotFound, s.ChangeFacts(ctx, want.Digest, `{}`, `{"user":"ben"}`, noon))
		refused(t, store.ErrNotFound, s.ChangeFacts(ctx, want.Digest, `{"user":"anna"}`, `{}`, want.ExpiresAt))
		refused(t, store.ErrNotFound, s.ChangeFacts(ctx, digest("nothing"), `{}`, `{}`, noon))
		want.Facts = `{"user":"anna"}`
		same(t, want)(s.PendingRequest(ctx, want.Digest))
		same(t, pendingRequest("pending-ben"))(s.PendingRequest(ctx, digest("pending-ben")))
	}},
	{"of a hundred answers to a pending request at once one is the first", func(t *testing.T, s store.Store) {
		world(t, s)
		onlyOneFound(t, together(100, func(i int) error {
			return s.ChangeFacts(t.Context(), digest("pending-anna"), `{}`, fmt.Sprint(i), noon)
		}))
		onlyOneFound(t, together(100, func(int) error {
			return s.InTx(t.Context(), func(tx store.Tx) error { return tx.DeletePendingRequest(t.Context(), digest("pending-anna")) })
		}))
	}},
	{"a pushed request is returned as it was created, and used once", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		want := pushedRequest("pushed-app1", "shop")
		same(t, want)(s.PushedRequest(ctx, want.Digest))
		refused(t, store.ErrExists, s.CreatePushedRequest(ctx, want, noon, 9))
		onlyOneFound(t, together(100, func(int) error { return s.UsePushedRequest(ctx, want.Digest, noon.Add(time.Second)) }))
		want.UsedAt = noon.Add(time.Second)
		same(t, want)(s.PushedRequest(ctx, want.Digest))
		refused(t, store.ErrNotFound, s.ExtendPushedRequest(ctx, want.Digest, noon, noon.Add(time.Hour)))
		same(t, pushedRequest("pushed-app2", "desk"))(s.PushedRequest(ctx, digest("pushed-app2")))
		refused(t, store.ErrNotFound, s.UsePushedRequest(ctx, digest("nothing"), noon))
	}},
	{"a pushed request that has expired is of no use, and lives longer once it was visited", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		want := pushedRequest("pushed-app1", "shop")
		refused(t, store.ErrNotFound, s.UsePushedRequest(ctx, want.Digest, want.ExpiresAt))
		refused(t, store.ErrNotFound, s.ExtendPushedRequest(ctx, want.Digest, want.ExpiresAt, want.ExpiresAt.Add(time.Hour)))
		ok(t, s.ExtendPushedRequest(ctx, want.Digest, noon, noon))
		same(t, want)(s.PushedRequest(ctx, want.Digest))
		ok(t, s.ExtendPushedRequest(ctx, want.Digest, noon, noon.Add(time.Hour)))
		ok(t, s.UsePushedRequest(ctx, want.Digest, noon.Add(time.Hour-time.Millisecond)))
	}},
	{"of a client's pushed requests so many wait and no more, also of many at once", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		push := func(name, client string, now time.Time) error {
			return s.CreatePushedRequest(ctx, pushedRequest(name, client), now, 3)
		}
		var made, full atomic.Int64 // shop has one already
		for _, err := range together(100, func(i int) error { return push(fmt.Sprint("more-", i), "shop", noon) }) {
			switch {
			case err == nil:
				made.Add(1)
			case errors.Is(err, store.ErrFull):
				full.Add(1)
			default:
				t.Error(err)
			}
		}
		if made.Load() != 2 || full.Load() != 98 {
			t.Errorf("expected 2 more that wait, got %d, and %d refused", made.Load(), full.Load())
		}
		ok(t, push("another's", "desk", noon))
		refused(t, store.ErrFull, push("one too many", "shop", noon.Add(90*time.Second-time.Millisecond)))
		ok(t, s.UsePushedRequest(ctx, digest("pushed-app1"), noon))
		ok(t, push("in the place of one that was used", "shop", noon))
		refused(t, store.ErrFull, push("one too many", "shop", noon))
		ok(t, push("after all have expired", "shop", noon.Add(90*time.Second)))
	}},
	{"requests are deleted when they have expired, used or not", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.UsePushedRequest(ctx, digest("pushed-app1"), noon))
		same(t, 0)(s.DeleteExpiredTokens(ctx, noon.Add(90*time.Second), 100))
		same(t, 2)(s.DeleteExpiredTokens(ctx, noon.Add(90*time.Second+time.Millisecond), 100))
		absent[store.PushedRequest](t)(s.PushedRequest(ctx, digest("pushed-app1")))
		same(t, pendingRequest("pending-anna"))(s.PendingRequest(ctx, digest("pending-anna")))
		same(t, 0)(s.DeleteExpiredTokens(ctx, noon.Add(30*time.Minute), 100))
		same(t, 1)(s.DeleteExpiredTokens(ctx, noon.Add(30*time.Minute+time.Millisecond), 1))
		same(t, 1)(s.DeleteExpiredTokens(ctx, noon.Add(30*time.Minute+time.Millisecond), 100))
		absent[store.PendingRequest](t)(s.PendingRequest(ctx, digest("pending-anna")))
	}},
}

// guess makes an attempt at the time and lets it end.
func guess(t *testing.T, s store.Store, at time.Time, right bool) store.Permit {
	t.Helper()
	permit, err := s.Attempt(t.Context(), "anna", at, policy)
	ok(t, err)
	if permit.Allowed {
		ok(t, s.EndAttempt(t.Context(), "anna", right, at, policy))
	}
	return permit
}

// crowd makes n attempts at once at noon, each of which asks again while others are under way. It returns how
// many were allowed.
func crowd(t *testing.T, s store.Store, n int, right bool) int {
	t.Helper()
	var allowed atomic.Int64
	errs := together(n, func(int) error {
		for {
			permit, err := s.Attempt(t.Context(), "anna", noon, policy)
			switch {
			case err != nil:
				return err
			case permit.Allowed:
				allowed.Add(1)
				return s.EndAttempt(t.Context(), "anna", right, noon, policy)
			case !permit.Busy:
				return nil
			}
			runtime.Gosched()
		}
	})
	ok(t, errors.Join(errs...))
	return int(allowed.Load())
}

var attemptTests = []test{
	{"five failures have no consequence, and each later one doubles the wait up to the longest", func(t *testing.T, s store.Store) {
		at := noon
		for range 5 {
			same(t, store.Permit{Allowed: true})(guess(t, s, at, false), nil)
		}
		for _, wait := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900} {
			same(t, store.Permit{Wait: wait * time.Second})(guess(t, s, at, true), nil)
			at = at.Add(wait*time.Second - time.Millisecond)
			same(t, store.Permit{Wait: time.Millisecond})(guess(t, s, at, true), nil)
			at = at.Add(time.Millisecond)
			same(t, store.Permit{Allowed: true})(guess(t, s, at, false), nil)
		}
		other, err := s.Attempt(t.Context(), "ben", at, policy)
		same(t, store.Permit{Allowed: true})(other, err)
	}},
	{"attempts that succeed do not count, and do not make up for failures", func(t *testing.T, s store.Store) {
		for range 50 {
			same(t, store.Permit{Allowed: true})(guess(t, s, noon, true), nil)
		}
		for range 4 {
			guess(t, s, noon, false)
			same(t, store.Permit{Allowed: true})(guess(t, s, noon, true), nil)
		}
		guess(t, s, noon, false)
		same(t, store.Permit{Wait: time.Second})(guess(t, s, noon, true), nil)
	}},
	{"attempts under way count as long as nobody knows how they end", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		for range 5 {
			same(t, store.Permit{Allowed: true})(s.Attempt(ctx, "anna", noon, policy))
		}
		same(t, store.Permit{Busy: true})(s.Attempt(ctx, "anna", noon, policy))
		ok(t, s.EndAttempt(ctx, "anna", true, noon, policy))
		same(t, store.Permit{Allowed: true})(s.Attempt(ctx, "anna", noon, policy))
		ok(t, s.EndAttempt(ctx, "anna", false, noon, policy))
		same(t, store.Permit{Busy: true})(s.Attempt(ctx, "anna", noon, policy))
	}},
	{"an attempt that nobody ends has failed", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		for range 5 {
			same(t, store.Permit{Allowed: true})(s.Attempt(ctx, "anna", noon, policy))
		}
		at := noon.Add(policy.Hold)
		same(t, store.Permit{Busy: true})(s.Attempt(ctx, "anna", at.Add(-time.Millisecond), policy))
		same(t, store.Permit{Wait: time.Second})(s.Attempt(ctx, "anna", at, policy))
		same(t, store.Permit{Allowed: true})(s.Attempt(ctx, "anna", at.Add(time.Second), policy))
	}},
	{"after the free failures one attempt at a time is allowed", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		for range 5 {
			guess(t, s, noon, false)
		}
		at := noon.Add(time.Second)
		same(t, store.Permit{Allowed: true})(s.Attempt(ctx, "anna", at, policy))
		same(t, store.Permit{Busy: true})(s.Attempt(ctx, "anna", at, policy))
		ok(t, s.EndAttempt(ctx, "anna", true, at, policy))
		same(t, store.Permit{Allowed: true})(s.Attempt(ctx, "anna", at, policy))
	}},
	{"failures are forgotten after a time without one, and successes do not prolong it", func(t *testing.T, s store.Store) {
		for range 4 {
			guess(t, s, noon, false)
		}
		for hour := range 24 {
			guess(t, s, noon.Add(time.Duration(hour)*time.Hour), true)
		}
		at := noon.Add(policy.Memory)
		for range 5 {
			same(t, store.Permit{Allowed: true})(guess(t, s, at, false), nil)
		}
		same(t, store.Permit{Wait: time.Second})(guess(t, s, at, false), nil)
	}},
	{"a clock that goes back opens nothing", func(t *testing.T, s store.Store) {
		for range 5 {
			guess(t, s, noon, false)
		}
		same(t, store.Permit{Wait: time.Hour + time.Second})(guess(t, s, noon.Add(-time.Hour), true), nil)
		same(t, store.Permit{Wait: time.Second})(guess(t, s, noon, true), nil)
	}},
	{"an attempt that was not made can be ended, and changes nothing", func(t *testing.T, s store.Store) {
		ok(t, s.EndAttempt(t.Context(), "anna", false, noon, policy))
		ok(t, s.EndAttempt(t.Context(), "anna", true, noon, policy))
		for range 5 {
			guess(t, s, noon, false)
		}
		ok(t, s.EndAttempt(t.Context(), "anna", true, noon, policy))
		same(t, store.Permit{Wait: time.Second})(guess(t, s, noon, true), nil)
	}},
	{"a policy that allows nothing is refused", func(t *testing.T, s store.Store) {
		permit, err := s.Attempt(t.Context(), "anna", noon, store.AttemptPolicy{})
		if err == nil || permit.Allowed {
			t.Errorf("expected an error, got %+v", permit)
		}
	}},
	{"of two hundred wrong guesses at once no more than five are compared", func(t *testing.T, s store.Store) {
		same(t, 5)(crowd(t, s, 200, false), nil)
	}},
	{"of twenty right passwords at once all are let in", func(t *testing.T, s store.Store) {
		same(t, 20)(crowd(t, s, 20, true), nil)
	}},
	{"failures are counted by key, for as long as they count", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		same(t, 0)(s.Failures(ctx, "anna", noon))
		for n := range 7 {
			guess(t, s, noon.Add(time.Duration(n)*time.Minute), false)
			same(t, n+1)(s.Failures(ctx, "anna", noon))
		}
		guess(t, s, noon.Add(time.Hour), true)
		permit, err := s.Attempt(ctx, "anna", noon.Add(time.Hour), policy)
		same(t, store.Permit{Allowed: true})(permit, err)
		same(t, 7)(s.Failures(ctx, "anna", noon.Add(time.Hour)))
		same(t, 0)(s.Failures(ctx, "ben", noon))
		ok(t, s.EndAttempt(ctx, "anna", false, noon.Add(time.Hour), policy))
		same(t, 8)(s.Failures(ctx, "anna", noon.Add(time.Hour)))
		same(t, 0)(s.Failures(ctx, "anna", noon.Add(50*time.Hour)))
	}},
	{"counters are deleted when their failures are forgotten", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		guess(t, s, noon, false)
		same(t, 0)(s.DeleteExpiredTokens(ctx, noon.Add(policy.Memory), 100))
		same(t, 1)(s.DeleteExpiredTokens(ctx, noon.Add(policy.Memory+time.Millisecond), 100))
	}},
}
