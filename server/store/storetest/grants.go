package storetest

import (
	"testing"

	"github.com/postern-auth/postern/server/store"
)

var grantTests = []test{
	{"grants are ordered by project and then API, their keys sorted and without duplicates", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.PutGrant(ctx, store.Grant{UserID: "u1", ProjectID: "p1", Keys: []string{"write", "admin", "write", "read", "admin"}}))
		same(t, []store.Grant{
			{UserID: "u1", APIID: "a1", Keys: []string{"list", "send"}},
			{UserID: "u1", APIID: "a2"},
			{UserID: "u1", ProjectID: "p1", Keys: []string{"admin", "read", "write"}},
			{UserID: "u1", ProjectID: "p2", Keys: []string{"read"}},
		})(s.GrantsOf(ctx, "u1"))
		same(t, []store.Grant{})(s.GrantsOf(ctx, "u3"))
		same(t, []store.Grant{})(s.GrantsOf(ctx, ""))
	}},
	{"grants among keys have all roles, and of the permissions those keys", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		grants := func(permissions ...string) []store.Grant {
			return []store.Grant{
				{UserID: "u1", APIID: "a1", Keys: permissions},
				{UserID: "u1", APIID: "a2"},
				{UserID: "u1", ProjectID: "p1", Keys: []string{"read", "write"}},
				{UserID: "u1", ProjectID: "p2", Keys: []string{"read"}},
			}
		}
		same(t, grants())(s.GrantsAmong(ctx, "u1", nil))
		same(t, grants("send"))(s.GrantsAmong(ctx, "u1", []string{"send", "Send", "nothing", ""}))
		same(t, grants("list", "send"))(s.GrantsAmong(ctx, "u1", []string{"send", "read", "list", "send"}))
		same(t, grants())(s.GrantsAmong(ctx, "u1", []string{"é\"", "sen%", "send\x00"}))
		same(t, []store.Grant{})(s.GrantsAmong(ctx, "u3", []string{"send"}))
	}},
	{"a put grant replaces the one for the same user and target alone", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.PutGrant(ctx, store.Grant{UserID: "u1", ProjectID: "p1", Keys: []string{"admin"}}))
		ok(t, s.PutGrant(ctx, store.Grant{UserID: "u1", APIID: "a1"}))
		same(t, []store.Grant{
			{UserID: "u1", APIID: "a1"},
			{UserID: "u1", APIID: "a2"},
			{UserID: "u1", ProjectID: "p1", Keys: []string{"admin"}},
			{UserID: "u1", ProjectID: "p2", Keys: []string{"read"}},
		})(s.GrantsOf(ctx, "u1"))
		same(t, []store.Grant{
			{UserID: "u2", APIID: "a1", Keys: []string{"list", "send"}},
			{UserID: "u2", APIID: "a2"},
			{UserID: "u2", ProjectID: "p1", Keys: []string{"read", "write"}},
			{UserID: "u2", ProjectID: "p2", Keys: []string{"read"}},
		})(s.GrantsOf(ctx, "u2"))
	}},
	{"a grant on a project and one on an API with the same id are two", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.PutProject(ctx, store.Project{ID: "a1", Name: "twin", Roles: []store.Role{{Key: "read"}}}))
		ok(t, s.PutGrant(ctx, store.Grant{UserID: "u1", ProjectID: "a1", Keys: []string{"read"}}))
		refused(t, store.ErrNotFound, s.PutGrant(ctx, store.Grant{UserID: "u1", ProjectID: "a1", Keys: []string{"list"}}))
		ok(t, s.DeleteGrant(ctx, store.Grant{UserID: "u1", APIID: "a1"}))
		same(t, []store.Grant{
			{UserID: "u1", APIID: "a2"},
			{UserID: "u1", ProjectID: "a1", Keys: []string{"read"}},
			{UserID: "u1", ProjectID: "p1", Keys: []string{"read", "write"}},
			{UserID: "u1", ProjectID: "p2", Keys: []string{"read"}},
		})(s.GrantsOf(ctx, "u1"))
	}},
	{"nothing can be granted that is not there, and what was granted before stays", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		before, err := s.GrantsOf(ctx, "u1")
		ok(t, err)
		for missing, grant := range map[string]store.Grant{
			"user":                     {UserID: "u3", ProjectID: "p1"},
			"user, for an API":         {UserID: "u3", APIID: "a1"},
			"API in place of the user": {UserID: "a1", ProjectID: "p1"},
			"project":                  {UserID: "u1", ProjectID: "p3"},
			"API":                      {UserID: "u1", APIID: "a3"},
			"role":                     {UserID: "u1", ProjectID: "p1", Keys: []string{"read", "delete"}},
			"role of another project":  {UserID: "u1", ProjectID: "p2", Keys: []string{"read", "admin"}},
			"role in another case":     {UserID: "u1", ProjectID: "p2", Keys: []string{"Read"}},
			"permission":               {UserID: "u1", APIID: "a1", Keys: []string{"send", "delete"}},
			"permission of another":    {UserID: "u1", APIID: "a2", Keys: []string{"send"}},
			"role as a permission":     {UserID: "u1", APIID: "a1", Keys: []string{"read"}},
		} {
			refused(t, store.ErrNotFound, s.PutGrant(ctx, grant))
			if t.Failed() {
				t.Fatalf("the %s", missing)
			}
		}
		same(t, before)(s.GrantsOf(ctx, "u1"))
		same(t, []store.Grant{})(s.GrantsOf(ctx, "u3"))
	}},
	{"a grant names a project or an API, and neither both nor none", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		before, err := s.GrantsOf(ctx, "u1")
		ok(t, err)
		for _, grant := range []store.Grant{{UserID: "u1"}, {UserID: "u1", ProjectID: "p1", APIID: "a1"}} {
			if err := s.PutGrant(ctx, grant); err == nil {
				t.Errorf("put %+v: expected an error, got nil", grant)
			}
			if err := s.DeleteGrant(ctx, grant); err == nil {
				t.Errorf("delete %+v: expected an error, got nil", grant)
			}
		}
		same(t, before)(s.GrantsOf(ctx, "u1"))
	}},
	{"a grant is deleted whatever its keys, and only once", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.DeleteGrant(ctx, store.Grant{UserID: "u1", ProjectID: "p1", Keys: []string{"nobody has this"}}))
		ok(t, s.DeleteGrant(ctx, store.Grant{UserID: "u1", APIID: "a2"}))
		refused(t, store.ErrNotFound, s.DeleteGrant(ctx, store.Grant{UserID: "u1", ProjectID: "p1"}))
		refused(t, store.ErrNotFound, s.DeleteGrant(ctx, store.Grant{UserID: "u3", ProjectID: "p1"}))
		same(t, []store.Grant{
			{UserID: "u1", APIID: "a1", Keys: []string{"list", "send"}},
			{UserID: "u1", ProjectID: "p2", Keys: []string{"read"}},
		})(s.GrantsOf(ctx, "u1"))
		ok(t, s.PutGrant(ctx, store.Grant{UserID: "u1", ProjectID: "p1"}))
		same(t, []store.Grant{
			{UserID: "u1", APIID: "a1", Keys: []string{"list", "send"}},
			{UserID: "u1", ProjectID: "p1"},
			{UserID: "u1", ProjectID: "p2", Keys: []string{"read"}},
		})(s.GrantsOf(ctx, "u1"))
	}},
}
