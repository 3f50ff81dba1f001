package storetest

import (
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

var serviceUserTests = []test{
	{"a service user is returned as it was put, by id and by username", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		same(t, user1())(s.ServiceUser(ctx, "u1"))
		same(t, user2())(s.ServiceUser(ctx, "u2"))
		same(t, user1())(s.ServiceUserByUsername(ctx, "mailer"))
		absent[store.ServiceUser](t)(s.ServiceUser(ctx, "mailer"))
		absent[store.ServiceUser](t)(s.ServiceUser(ctx, ""))
		absent[store.ServiceUser](t)(s.ServiceUser(ctx, "a1"))
		absent[store.ServiceUser](t)(s.ServiceUserByUsername(ctx, "u1"))
		absent[store.ServiceUser](t)(s.ServiceUserByUsername(ctx, "Mailer"))
		absent[store.ServiceUser](t)(s.ServiceUserByUsername(ctx, ""))
	}},
	{"a put service user replaces the one with its id and keeps what hangs on it", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		grants, err := s.AssignmentsOf(ctx, "u1")
		ok(t, err)
		changed := store.ServiceUser{ID: "u1", OrganizationID: "other", Username: "postman"}
		ok(t, s.PutServiceUser(ctx, changed))
		same(t, changed)(s.ServiceUser(ctx, "u1"))
		same(t, changed)(s.ServiceUserByUsername(ctx, "postman"))
		absent[store.ServiceUser](t)(s.ServiceUserByUsername(ctx, "mailer"))
		same(t, user2())(s.ServiceUser(ctx, "u2"))
		same(t, grants)(s.AssignmentsOf(ctx, "u1"))
		same(t, []store.Secret{secretOf(ownerU1)})(s.SecretsOf(ctx, ownerU1))
		same(t, keyOf(ownerU1))(s.ClientKey(ctx, "key-u1"))
		same(t, accessToken("t1", "u1"))(s.Token(ctx, "t1"))
	}},
	{"service users are ordered by the bytes of their usernames", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		same(t, []store.ServiceUser{})(s.ServiceUsers(ctx))
		var want []store.ServiceUser
		for _, username := range []string{"10", "9", "Zeta", "alpha", "beta", "Äther"} {
			want = append(want, store.ServiceUser{ID: "id of " + username, Username: username})
		}
		for i := range want {
			ok(t, s.PutServiceUser(ctx, want[(i*5)%len(want)]))
		}
		same(t, want)(s.ServiceUsers(ctx))
	}},
	{"a username cannot be that of another, nor an API's client id", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for _, taken := range []string{"biller", "197@messages"} {
			thief := user1()
			thief.Username, thief.Active = taken, false
			refused(t, store.ErrExists, s.PutServiceUser(ctx, thief))
			thief.ID = "u3"
			refused(t, store.ErrExists, s.PutServiceUser(ctx, thief))
		}
		same(t, []store.ServiceUser{user2(), user1()})(s.ServiceUsers(ctx))
		same(t, api1())(s.APIByClientID(ctx, "197@messages"))
		ok(t, s.PutServiceUser(ctx, user1()))
	}},
	{"a username that was given up may be taken, also as a client id", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		renamed := user1()
		renamed.Username = "postman"
		ok(t, s.PutServiceUser(ctx, renamed))
		api := api1()
		api.ClientID = "mailer"
		ok(t, s.PutAPI(ctx, api))
		refused(t, store.ErrExists, s.PutServiceUser(ctx, user1()))
		same(t, renamed)(s.ServiceUser(ctx, "u1"))
	}},
	{"a deleted service user takes its assignments, secrets, keys and personal access tokens with it", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.DeleteServiceUser(ctx, "u1"))
		gone := func() {
			t.Helper()
			same(t, []store.Assignment{})(s.AssignmentsOf(ctx, "u1"))
			same(t, []store.Secret{})(s.SecretsOf(ctx, ownerU1))
			same(t, []store.ClientKey{})(s.ClientKeysOf(ctx, ownerU1))
			absent[store.ClientKey](t)(s.ClientKey(ctx, "key-u1"))
			absent[store.Token](t)(s.Token(ctx, "pat1"))
			same(t, []store.Token{})(s.TokensOf(ctx, "u1", store.PersonalAccessToken))
		}
		absent[store.ServiceUser](t)(s.ServiceUser(ctx, "u1"))
		absent[store.ServiceUser](t)(s.ServiceUserByUsername(ctx, "mailer"))
		gone()
		refused(t, store.ErrNotFound, s.CreateToken(ctx, accessToken("t3", "u1")))
		same(t, accessToken("t1", "u1"))(s.Token(ctx, "t1")) // which is about nobody, and of nobody who comes to have the id
		ok(t, s.PutServiceUser(ctx, user1()))
		gone()
		again, err := s.Subject(ctx, "u1")
		ok(t, err)
		if !again.NotBefore.After(accessToken("t1", "u1").IssuedAt) || again.NotBefore.After(time.Now().Add(time.Second)) {
			t.Errorf("expected the tokens of the former subject to have ended just now, got %v", again.NotBefore)
		}

		same(t, user2())(s.ServiceUser(ctx, "u2"))
		same(t, []store.Secret{secretOf(ownerU2)})(s.SecretsOf(ctx, ownerU2))
		same(t, keyOf(ownerU2))(s.ClientKey(ctx, "key-u2"))
		same(t, accessToken("t2", "u2"))(s.Token(ctx, "t2"))
		same(t, pat("pat2", "u2"))(s.Token(ctx, "pat2"))
		same(t, project1())(s.Project(ctx, "p1"))
		grants, err := s.AssignmentsOf(ctx, "u2")
		ok(t, err)
		if len(grants) != 4 {
			t.Errorf("expected 4 assignments of the other service user, got %d", len(grants))
		}

		ok(t, s.DeleteServiceUser(ctx, "u1")) // again, with a former one
		ok(t, second(s.DeleteExpiredTokens(ctx, time.Now().Add(40*24*time.Hour), 100)))
		ok(t, s.PutServiceUser(ctx, user1()))
		same(t, store.Subject{ID: "u1", Kind: store.ServiceUserSubject, OrganizationID: "org", Username: "mailer", Active: true})(s.Subject(ctx, "u1"))
	}},
	{"a service user that is not there cannot be deleted, nor can an API in its place", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		refused(t, store.ErrNotFound, s.DeleteServiceUser(ctx, "u3"))
		refused(t, store.ErrNotFound, s.DeleteServiceUser(ctx, "a1"))
		same(t, api1())(s.API(ctx, "a1"))
	}},
	{"a service user that is switched off is so for the next read", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		off := user1()
		off.Active = false
		ok(t, s.PutServiceUser(ctx, off))
		same(t, off)(s.ServiceUser(ctx, "u1"))
		same(t, off)(s.ServiceUserByUsername(ctx, "mailer"))
		ok(t, s.PutServiceUser(ctx, user1()))
		same(t, user1())(s.ServiceUser(ctx, "u1"))
	}},
	{"a service user and an API with the same id are two clients", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		twin := store.API{ID: "u1", ProjectID: "p1", Name: "twin", ClientID: "twin"}
		ok(t, s.PutAPI(ctx, twin))
		owner := store.Owner{Kind: store.APIClient, ID: "u1"}
		same(t, []store.Secret{})(s.SecretsOf(ctx, owner))
		same(t, []store.ClientKey{})(s.ClientKeysOf(ctx, owner))
		ok(t, s.DeleteAPI(ctx, "u1"))
		same(t, user1())(s.ServiceUser(ctx, "u1"))
		same(t, []store.Secret{secretOf(ownerU1)})(s.SecretsOf(ctx, ownerU1))
	}},
}
