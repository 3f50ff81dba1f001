package storetest

import (
	"testing"

	"github.com/postern-auth/postern/server/store"
)

var apiTests = []test{
	{"an API is returned as it was put, by id, client id and identifier", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		same(t, api1())(s.API(ctx, "a1"))
		same(t, api2())(s.API(ctx, "a2"))
		same(t, api1())(s.APIByClientID(ctx, "197@messages"))
		same(t, api1())(s.APIByIdentifier(ctx, "https://quickstarts/api"))
		absent[store.API](t)(s.API(ctx, "197@messages"))
		absent[store.API](t)(s.APIByClientID(ctx, "a1"))
		absent[store.API](t)(s.APIByIdentifier(ctx, "a1"))
	}},
	{"a service user's name is not an API's client id", func(t *testing.T, s store.Store) {
		world(t, s)
		absent[store.API](t)(s.APIByClientID(t.Context(), user1().Username))
		absent[store.ServiceUser](t)(s.ServiceUserByUsername(t.Context(), api1().ClientID))
	}},
	{"identifiers are compared byte for byte", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for _, other := range []string{"https://quickstarts/api/", "https://Quickstarts/api", "https://quickstarts/api ", "https://quickstarts/ap", "https://quickstarts/ap%69"} {
			absent[store.API](t)(s.APIByIdentifier(ctx, other))
		}
		slash := api2()
		slash.Identifier = "https://quickstarts/api/"
		ok(t, s.PutAPI(ctx, slash))
		same(t, slash)(s.APIByIdentifier(ctx, "https://quickstarts/api/"))
		same(t, api1())(s.APIByIdentifier(ctx, "https://quickstarts/api"))
	}},
	{"any number of APIs may have no identifier and no client id, and an empty one finds none of them", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for _, name := range []string{"x", "y"} {
			ok(t, s.PutAPI(ctx, store.API{ID: name, ProjectID: "p1", Name: name}))
		}
		absent[store.API](t)(s.APIByIdentifier(ctx, ""))
		absent[store.API](t)(s.APIByClientID(ctx, ""))
		absent[store.API](t)(s.API(ctx, ""))
	}},
	{"a put API replaces the one with its id, every field and all permissions", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		changed := store.API{
			ID: "a1", ProjectID: "p2", Name: "Moved", Identifier: "urn:other", ClientID: "other",
			Permissions: []store.Permission{{Key: "new"}, {Key: "list", Name: "renamed"}},
		}
		ok(t, s.PutAPI(ctx, changed))
		same(t, changed)(s.API(ctx, "a1"))
		same(t, changed)(s.APIByClientID(ctx, "other"))
		absent[store.API](t)(s.APIByClientID(ctx, "197@messages"))
		absent[store.API](t)(s.APIByIdentifier(ctx, "https://quickstarts/api"))
		same(t, []store.API{})(s.APIsOf(ctx, "p1"))
		same(t, []store.Secret{secretOf(ownerA1)})(s.SecretsOf(ctx, ownerA1))
	}},
	{"the APIs of a project, or of all, are ordered by the bytes of their names", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		z := store.API{ID: "0", ProjectID: "p2", Name: "Zeta", Permissions: []store.Permission{{Key: "b"}, {Key: "a"}}}
		b := store.API{ID: "1", ProjectID: "p2", Name: "beta", Permissions: []store.Permission{{Key: "b"}, {Key: "a"}}}
		ok(t, s.PutAPI(ctx, b))
		ok(t, s.PutAPI(ctx, z))
		same(t, []store.API{api2(), z, b})(s.APIsOf(ctx, "p2"))
		same(t, []store.API{api1()})(s.APIsOf(ctx, "p1"))
		same(t, []store.API{api2(), api1(), z, b})(s.APIs(ctx))
		same(t, []store.API{})(s.APIsOf(ctx, "p3"))
		same(t, map[string]bool{"a1": api1().Active})(s.APIStates(ctx, "p1"))
		same(t, map[string]bool{"a2": api2().Active, z.ID: z.Active, b.ID: b.Active})(s.APIStates(ctx, "p2"))
		same(t, map[string]bool{})(s.APIStates(ctx, "p3"))
		same(t, map[string]bool{})(s.APIStates(ctx, ""))
		same(t, []store.API{})(s.APIsOf(ctx, ""))
	}},
	{"an API cannot take what another one has, and is then left as it was", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for taken, thief := range map[string]store.API{
			"client id of an API":       {ID: "a2", ProjectID: "p2", Name: "thief", ClientID: "197@messages"},
			"name of a service user":    {ID: "a2", ProjectID: "p2", Name: "thief", ClientID: "mailer"},
			"identifier":                {ID: "a2", ProjectID: "p2", Name: "thief", ClientID: "x", Identifier: "https://quickstarts/api"},
			"name within the project":   {ID: "a2", ProjectID: "p1", Name: "Messages API", ClientID: "x"},
			"permission key of its own": {ID: "a2", ProjectID: "p2", Name: "thief", ClientID: "x", Permissions: []store.Permission{{Key: "a"}, {Key: "a"}}},
		} {
			refused(t, store.ErrExists, s.PutAPI(ctx, thief))
			thief.ID = "a3"
			refused(t, store.ErrExists, s.PutAPI(ctx, thief))
			if t.Failed() {
				t.Fatalf("the %s", taken)
			}
		}
		same(t, []store.API{api2(), api1()})(s.APIs(ctx))
		same(t, api2())(s.APIByClientID(ctx, "198@billing"))
		same(t, user1())(s.ServiceUserByUsername(ctx, "mailer"))
	}},
	{"two projects may have APIs of the same name", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		double := api2()
		double.Name = api1().Name
		ok(t, s.PutAPI(ctx, double))
		same(t, double)(s.API(ctx, "a2"))
		same(t, api1())(s.API(ctx, "a1"))
	}},
	{"an API needs a project, and without one reserves no client id", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		orphan := store.API{ID: "a3", ProjectID: "p3", Name: "orphan", ClientID: "199@orphan"}
		refused(t, store.ErrNotFound, s.PutAPI(ctx, orphan))
		absent[store.API](t)(s.API(ctx, "a3"))
		refused(t, store.ErrNotFound, s.CreateSecret(ctx, store.Secret{ID: "x", Owner: store.Owner{Kind: store.APIClient, ID: "a3"}}))
		ok(t, s.PutServiceUser(ctx, store.ServiceUser{ID: "u3", Username: "199@orphan"}))
	}},
	{"a permission that is gone is taken from every assignment, and comes back to none", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		without := api1()
		without.Permissions = []store.Permission{{Key: "list", Name: "renamed"}}
		ok(t, s.PutAPI(ctx, without))
		ok(t, s.PutAPI(ctx, api1()))
		for _, user := range []string{"u1", "u2"} {
			same(t, []store.Assignment{
				{SubjectID: user, APIID: "a1", Rights: []string{"list"}},
				{SubjectID: user, APIID: "a2"},
				{SubjectID: user, ProjectID: "p1", Rights: []string{"read", "write"}},
				{SubjectID: user, ProjectID: "p2", Rights: []string{"read"}},
			})(s.AssignmentsOf(ctx, user))
		}
	}},
	{"a deleted API takes its secrets, keys and assignments with it and frees its names", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.DeleteAPI(ctx, "a1"))
		absent[store.API](t)(s.API(ctx, "a1"))
		absent[store.ClientKey](t)(s.ClientKey(ctx, "key-a1"))
		same(t, []store.Secret{})(s.SecretsOf(ctx, ownerA1))
		same(t, []store.Secret{secretOf(ownerA2)})(s.SecretsOf(ctx, ownerA2))
		same(t, keyOf(ownerA2))(s.ClientKey(ctx, "key-a2"))
		want := []store.Assignment{
			{SubjectID: "u1", APIID: "a2"},
			{SubjectID: "u1", ProjectID: "p1", Rights: []string{"read", "write"}},
			{SubjectID: "u1", ProjectID: "p2", Rights: []string{"read"}},
		}
		same(t, want)(s.AssignmentsOf(ctx, "u1"))
		same(t, project1())(s.Project(ctx, "p1"))

		again := api1()
		again.ID = "a3"
		ok(t, s.PutAPI(ctx, again))
		ok(t, s.DeleteAPI(ctx, "a3"))
		ok(t, s.PutAPI(ctx, api1()))
		same(t, []store.Secret{})(s.SecretsOf(ctx, ownerA1))
		same(t, want)(s.AssignmentsOf(ctx, "u1"))
	}},
	{"an API that is not there cannot be deleted, nor can a service user in its place", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		refused(t, store.ErrNotFound, s.DeleteAPI(ctx, "a3"))
		refused(t, store.ErrNotFound, s.DeleteAPI(ctx, "u1"))
		same(t, user1())(s.ServiceUser(ctx, "u1"))
	}},
	{"an API that is switched off is so for the next read", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		off := api1()
		off.Active = false
		ok(t, s.PutAPI(ctx, off))
		same(t, off)(s.APIByClientID(ctx, off.ClientID))
		same(t, []store.Secret{secretOf(ownerA1)})(s.SecretsOf(ctx, ownerA1))
	}},
}
