package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

var sessionTests = []test{
	{"a session is returned as it was created, by cookie and by sid", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		want := sessionOf("anna")
		same(t, want)(s.Session(ctx, want.Digest))
		same(t, want)(s.SessionByID(ctx, want.ID))
		bare := store.Session{Digest: digest("bare"), ID: "bare", UserID: "anna", IdleExpiresAt: noon, ExpiresAt: noon, Methods: []store.Method{{Name: "pwd"}}}
		ok(t, s.CreateSession(ctx, store.Digest{}, bare))
		same(t, bare)(s.Session(ctx, bare.Digest))
		absent[store.Session](t)(s.Session(ctx, store.Digest{}))
		absent[store.Session](t)(s.SessionByID(ctx, ""))
		refused(t, store.ErrNotFound, s.CreateSession(ctx, store.Digest{}, sessionOf("u1")))
	}},
	{"the idle end is never later than the end", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		late := sessionOf("anna")
		late.Digest, late.ID = digest("late"), "late"
		late.IdleExpiresAt = late.ExpiresAt.Add(time.Hour)
		ok(t, s.CreateSession(ctx, store.Digest{}, late))
		late.IdleExpiresAt = late.ExpiresAt
		same(t, late)(s.Session(ctx, late.Digest))
	}},
	{"a login ends the session that the browser had, whoever's it was", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		next := sessionOf("ben")
		next.Digest, next.ID = digest("next"), "next"
		ok(t, s.CreateSession(ctx, sessionOf("anna").Digest, next))
		absent[store.Session](t)(s.Session(ctx, sessionOf("anna").Digest))
		same(t, next)(s.Session(ctx, next.Digest))
		same(t, sessionOf("ben"))(s.Session(ctx, sessionOf("ben").Digest))
		after := next
		after.Digest, after.ID = digest("after"), "after"
		ok(t, s.CreateSession(ctx, digest("gone"), after))
		same(t, next)(s.Session(ctx, next.Digest))
	}},
	{"a login that fails leaves the former session", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for _, taken := range []store.Session{
			{Digest: sessionOf("ben").Digest, ID: "free", UserID: "anna", IdleExpiresAt: noon, ExpiresAt: noon},
			{Digest: digest("free"), ID: "sid-ben", UserID: "anna", IdleExpiresAt: noon, ExpiresAt: noon},
		} {
			refused(t, store.ErrExists, s.CreateSession(ctx, sessionOf("anna").Digest, taken))
			refused(t, store.ErrExists, s.ReplaceSession(ctx, sessionOf("anna").Digest, taken))
		}
		same(t, sessionOf("anna"))(s.Session(ctx, sessionOf("anna").Digest))
	}},
	{"a second factor gives the session another cookie, and the first one is dead", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		stronger := sessionOf("anna")
		stronger.Digest = digest("stronger")
		ok(t, s.ReplaceSession(ctx, sessionOf("anna").Digest, stronger))
		absent[store.Session](t)(s.Session(ctx, sessionOf("anna").Digest))
		same(t, stronger)(s.SessionByID(ctx, "sid-anna"))
		refused(t, store.ErrNotFound, s.ReplaceSession(ctx, sessionOf("anna").Digest, sessionOf("anna")))
	}},
	{"a logout is not undone by a second factor that comes after it", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.DeleteSession(ctx, sessionOf("anna").Digest))
		stronger := sessionOf("anna")
		stronger.Digest = digest("stronger")
		refused(t, store.ErrNotFound, s.ReplaceSession(ctx, sessionOf("anna").Digest, stronger))
		same(t, []store.Session{})(s.SessionsOf(ctx, "anna"))
		refused(t, store.ErrNotFound, s.DeleteSession(ctx, sessionOf("anna").Digest))
	}},
	{"of second factors at once for one session one is kept", func(t *testing.T, s store.Store) {
		world(t, s)
		onlyOneFound(t, together(50, func(i int) error {
			next := sessionOf("anna")
			next.Digest = digest(fmt.Sprint(i))
			return s.ReplaceSession(t.Context(), sessionOf("anna").Digest, next)
		}))
		sessions, err := s.SessionsOf(t.Context(), "anna")
		same(t, 1)(len(sessions), err)
	}},
	{"a session that is used lives on, to its end and not beyond", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		want := sessionOf("anna")
		for _, step := range []struct{ seen, idle, wantSeen, wantIdle time.Time }{
			{noon.Add(time.Hour), noon.Add(13 * time.Hour), noon.Add(time.Hour), noon.Add(13 * time.Hour)},
			{noon, noon.Add(12 * time.Hour), noon.Add(time.Hour), noon.Add(13 * time.Hour)},
			{noon.Add(2 * time.Hour), want.ExpiresAt.Add(time.Hour), noon.Add(2 * time.Hour), want.ExpiresAt},
		} {
			ok(t, s.TouchSession(ctx, want.Digest, step.seen, step.idle))
			want.LastSeenAt, want.IdleExpiresAt = step.wantSeen, step.wantIdle
			same(t, want)(s.Session(ctx, want.Digest))
		}
		same(t, sessionOf("ben"))(s.Session(ctx, sessionOf("ben").Digest))
	}},
	{"a session that has ended cannot be brought back by using it", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		want := sessionOf("anna")
		for _, late := range []time.Time{want.IdleExpiresAt, want.IdleExpiresAt.Add(time.Hour), want.ExpiresAt.Add(time.Hour)} {
			refused(t, store.ErrNotFound, s.TouchSession(ctx, want.Digest, late, late.Add(12*time.Hour)))
		}
		same(t, want)(s.Session(ctx, want.Digest))
		refused(t, store.ErrNotFound, s.TouchSession(ctx, digest("nothing"), noon, noon))
	}},
	{"a user's sessions are listed, the one seen last first, and ended but for one", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		var all []store.Session
		for i := range 3 {
			next := sessionOf("anna")
			next.Digest, next.ID = digest(fmt.Sprint(i)), fmt.Sprint(i)
			next.LastSeenAt = noon.Add(time.Duration(3-i) * time.Hour)
			ok(t, s.CreateSession(ctx, store.Digest{}, next))
			all = append(all, next)
		}
		same(t, append(all, sessionOf("anna")))(s.SessionsOf(ctx, "anna"))
		same(t, 3)(s.DeleteSessionsOf(ctx, "anna", all[1].Digest))
		same(t, []store.Session{all[1]})(s.SessionsOf(ctx, "anna"))
		same(t, 0)(s.DeleteSessionsOf(ctx, "anna", all[1].Digest))
		same(t, 1)(s.DeleteSessionsOf(ctx, "anna", store.Digest{}))
		same(t, []store.Session{})(s.SessionsOf(ctx, "anna"))
		same(t, []store.Session{sessionOf("ben")})(s.SessionsOf(ctx, "ben"))
	}},
	{"sessions whose idle end has passed are deleted", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		end := sessionOf("anna").IdleExpiresAt
		ok(t, s.TouchSession(ctx, sessionOf("ben").Digest, noon, end.Add(time.Hour)))
		_, err := s.DeleteExpiredTokens(ctx, end, 100)
		ok(t, err)
		same(t, sessionOf("anna"))(s.Session(ctx, sessionOf("anna").Digest))
		_, err = s.DeleteExpiredTokens(ctx, end.Add(time.Millisecond), 100)
		ok(t, err)
		absent[store.Session](t)(s.Session(ctx, sessionOf("anna").Digest))
		same(t, "sid-ben")(idOf(s.Session(ctx, sessionOf("ben").Digest)))
	}},
}

func idOf(s store.Session, err error) (string, error) { return s.ID, err }
