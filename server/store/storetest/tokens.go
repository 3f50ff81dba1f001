package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

var tokenTests = []test{
	{"a token is returned as it was created", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		same(t, accessToken("t1", "u1"))(s.Token(ctx, "t1"))
		same(t, pat("pat1", "u1"))(s.Token(ctx, "pat1"))
		born := accessToken("revoked at birth", "u1")
		born.RevokedAt = noon
		ok(t, s.CreateToken(ctx, born))
		same(t, born)(s.Token(ctx, born.ID))
		for _, id := range []string{"", "t", "t11", "T1", "t1 ", "u1"} {
			absent[store.Token](t)(s.Token(ctx, id))
		}
	}},
	{"a token id is taken once, and a second token changes nothing", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.RevokeToken(ctx, "t1", noon))
		forged := pat("t1", "u2")
		refused(t, store.ErrExists, s.CreateToken(ctx, forged))
		want := accessToken("t1", "u1")
		want.RevokedAt = noon
		same(t, want)(s.Token(ctx, "t1"))
	}},
	{"a token needs a service user", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for _, user := range []string{"", "u3", "a1", "mailer"} {
			refused(t, store.ErrNotFound, s.CreateToken(ctx, accessToken("t3", user)))
		}
		absent[store.Token](t)(s.Token(ctx, "t3"))
	}},
	{"a service user's tokens are listed by kind, oldest first, revoked and expired ones included", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for _, token := range []store.Token{accessToken("", "u1"), pat("", "u1")} {
			old, older := token, token
			old.ID, old.IssuedAt = "a old "+string(token.Kind), noon.Add(-time.Millisecond)
			older.ID, older.IssuedAt = "z older "+string(token.Kind), noon.Add(-time.Hour)
			older.ExpiresAt, older.RevokedAt = noon.Add(-time.Minute), noon.Add(-30*time.Minute)
			ok(t, s.CreateToken(ctx, old))
			ok(t, s.CreateToken(ctx, older))
			last := accessToken("t1", "u1")
			if token.Kind == store.PersonalAccessToken {
				last = pat("pat1", "u1")
			}
			same(t, []store.Token{older, old, last})(s.TokensOf(ctx, "u1", token.Kind))
		}
		same(t, []store.Token{accessToken("t2", "u2")})(s.TokensOf(ctx, "u2", store.AccessToken))
		same(t, []store.Token{})(s.TokensOf(ctx, "u3", store.AccessToken))
		same(t, []store.Token{})(s.TokensOf(ctx, "u1", "other"))
	}},
	{"a revoked token says since when, and to revoke it again changes nothing", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		want := accessToken("t1", "u1")
		want.RevokedAt = noon.Add(time.Minute)
		ok(t, s.RevokeToken(ctx, "t1", want.RevokedAt))
		same(t, want)(s.Token(ctx, "t1"))
		ok(t, s.RevokeToken(ctx, "t1", noon))
		ok(t, s.RevokeToken(ctx, "t1", noon.Add(time.Hour)))
		ok(t, s.RevokeToken(ctx, "t1", time.Time{}))
		same(t, want)(s.Token(ctx, "t1"))
		same(t, accessToken("t2", "u2"))(s.Token(ctx, "t2"))
		refused(t, store.ErrNotFound, s.RevokeToken(ctx, "t3", noon))
		refused(t, store.ErrNotFound, s.RevokeToken(ctx, "", noon))
	}},
	{"a personal access token says when it was last used, and no earlier use changes that", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		want := pat("pat1", "u1")
		want.UsedAt = noon.Add(time.Minute)
		for _, at := range []time.Time{noon, want.UsedAt, noon.Add(-time.Hour)} {
			ok(t, s.MarkTokenUsed(ctx, "pat1", at))
		}
		same(t, want)(s.Token(ctx, "pat1"))
		same(t, []store.Token{want})(s.TokensOf(ctx, "u1", store.PersonalAccessToken))
		same(t, accessToken("t1", "u1"))(s.Token(ctx, "t1"))
		ok(t, s.RevokeToken(ctx, "pat1", noon))
		want.RevokedAt = noon
		same(t, want)(s.Token(ctx, "pat1"))
		refused(t, store.ErrNotFound, s.MarkTokenUsed(ctx, "pat3", noon))
		refused(t, store.ErrNotFound, s.MarkTokenUsed(ctx, "", noon))
		want.ID = "used at birth"
		ok(t, s.CreateToken(ctx, want))
		same(t, want)(s.Token(ctx, want.ID))
	}},
	{"a token that is revoked at no time in particular is revoked", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.RevokeToken(ctx, "pat1", time.Time{}))
		token, err := s.Token(ctx, "pat1")
		ok(t, err)
		if token.RevokedAt.IsZero() {
			t.Error("expected the time of the revocation, got none: the token would be good for ever")
		}
	}},
	{"only access tokens that ended before the time are deleted", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		stays := map[string]store.Token{"without expiry": accessToken("", "u1"), "at the time": accessToken("", "u1"), "later": accessToken("", "u1"), "personal": pat("", "u1")}
		for id, token := range stays {
			token.ID = id
			switch id {
			case "without expiry":
				token.ExpiresAt = time.Time{}
			case "later":
				token.ExpiresAt = noon.Add(time.Millisecond)
			case "at the time":
				token.ExpiresAt = noon
			case "personal":
				token.ExpiresAt = noon.Add(-time.Hour)
			}
			stays[id] = token
			ok(t, s.CreateToken(ctx, token))
		}
		goes := accessToken("before", "u1")
		goes.ExpiresAt = noon.Add(-time.Millisecond)
		ok(t, s.CreateToken(ctx, goes))

		same(t, 0)(s.DeleteExpiredTokens(ctx, time.Time{}, 100))
		same(t, 0)(s.DeleteExpiredTokens(ctx, noon.Add(-time.Millisecond), 100))
		same(t, 1)(s.DeleteExpiredTokens(ctx, noon, 100))
		same(t, 0)(s.DeleteExpiredTokens(ctx, noon, 100))
		absent[store.Token](t)(s.Token(ctx, "before"))
		for id, token := range stays {
			same(t, token)(s.Token(ctx, id))
		}
	}},
	{"no more than the limit of each are deleted, those that ended first before others", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		ok(t, s.PutServiceUser(ctx, user1()))
		for i := range 5 {
			id, at := fmt.Sprint(i), noon.Add(-time.Duration(i)*time.Second)
			token := accessToken(id, "u1")
			token.ExpiresAt = at
			ok(t, s.CreateToken(ctx, token))
			ok(t, s.RevokeJWT(ctx, id, at))
			ok(t, s.UseAssertion(ctx, "u1", id, at))
		}
		later := noon.Add(time.Second)
		same(t, 0)(s.DeleteExpiredTokens(ctx, later, 0))
		same(t, 0)(s.DeleteExpiredTokens(ctx, later, -1))
		same(t, 6)(s.DeleteExpiredTokens(ctx, later, 2))
		for i, gone := range []bool{false, false, false, true, true} {
			_, err := s.Token(ctx, fmt.Sprint(i))
			if revoked, _ := s.JWTRevoked(ctx, fmt.Sprint(i)); (err != nil) != gone || revoked == gone {
				t.Errorf("%d: expected gone to be %t, got token %v, revoked %t", i, gone, err, revoked)
			}
		}
		same(t, 9)(s.DeleteExpiredTokens(ctx, later, 1000))
	}},
}

var assertionTests = []test{
	{"a jti is revoked when it was, and no other", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		ok(t, s.RevokeJWT(ctx, "jti", noon))
		ok(t, s.RevokeJWT(ctx, "jti", noon))
		same(t, true)(s.JWTRevoked(ctx, "jti"))
		for _, other := range []string{"", "JTI", "jti ", "jt", "jti1"} {
			same(t, false)(s.JWTRevoked(ctx, other))
		}
	}},
	{"a revocation is kept for as long as the longest time it was asked for", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		ok(t, s.RevokeJWT(ctx, "longer", noon))
		ok(t, s.RevokeJWT(ctx, "longer", noon.Add(time.Hour)))
		ok(t, s.RevokeJWT(ctx, "shorter", noon.Add(time.Hour)))
		ok(t, s.RevokeJWT(ctx, "shorter", noon))
		ok(t, s.RevokeJWT(ctx, "for ever", time.Time{}))
		ok(t, s.RevokeJWT(ctx, "for ever", noon))
		ok(t, s.RevokeJWT(ctx, "for ever after", noon))
		ok(t, s.RevokeJWT(ctx, "for ever after", time.Time{}))
		same(t, 0)(s.DeleteExpiredTokens(ctx, noon.Add(time.Hour), 100))
		for _, jti := range []string{"longer", "shorter", "for ever", "for ever after"} {
			same(t, true)(s.JWTRevoked(ctx, jti))
		}
		same(t, 2)(s.DeleteExpiredTokens(ctx, noon.Add(time.Hour+time.Millisecond), 100))
		same(t, false)(s.JWTRevoked(ctx, "longer"))
		same(t, true)(s.JWTRevoked(ctx, "for ever"))
	}},
	{"an assertion is used once", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		ok(t, s.UseAssertion(ctx, "u1", "jti", noon))
		refused(t, store.ErrExists, s.UseAssertion(ctx, "u1", "jti", noon))
		refused(t, store.ErrExists, s.UseAssertion(ctx, "u1", "jti", noon.Add(time.Hour)))
		refused(t, store.ErrExists, s.UseAssertion(ctx, "u1", "jti", time.Time{}))
	}},
	{"an issuer cannot use up another one's assertions", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		for _, pair := range [][2]string{{"u1", "jti"}, {"u2", "jti"}, {"u1", "JTI"}, {"u", "1jti"}, {"u1j", "ti"}, {"", "u1jti"}, {"u1jti", ""}, {"u1", "jti "}} {
			ok(t, s.UseAssertion(ctx, pair[0], pair[1], noon))
			refused(t, store.ErrExists, s.UseAssertion(ctx, pair[0], pair[1], noon))
		}
	}},
	{"an assertion is remembered until its expiry has passed", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		ok(t, s.UseAssertion(ctx, "u1", "jti", noon))
		ok(t, s.UseAssertion(ctx, "u1", "without expiry", time.Time{}))
		same(t, 0)(s.DeleteExpiredTokens(ctx, noon, 100))
		refused(t, store.ErrExists, s.UseAssertion(ctx, "u1", "jti", noon))
		same(t, 1)(s.DeleteExpiredTokens(ctx, noon.Add(time.Millisecond), 100))
		ok(t, s.UseAssertion(ctx, "u1", "jti", noon))
		refused(t, store.ErrExists, s.UseAssertion(ctx, "u1", "without expiry", noon))
	}},
}
