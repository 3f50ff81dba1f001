package storetest

import (
	"testing"

	"github.com/postern-auth/postern/server/store"
)

var projectTests = []test{
	{"an organization is returned as it was put", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		absent[store.Organization](t)(s.Organization(ctx, "org"))
		absent[store.Organization](t)(s.Organization(ctx, ""))
		same(t, []store.Organization{})(s.Organizations(ctx))
		want := store.Organization{ID: "org", Name: "Acme", PrimaryDomain: "acme.example"}
		ok(t, s.PutOrganization(ctx, want))
		same(t, want)(s.Organization(ctx, "org"))
		absent[store.Organization](t)(s.Organization(ctx, "other"))
	}},
	{"organizations are ordered by their age, also after one was replaced", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		ok(t, s.PutOrganization(ctx, store.Organization{ID: "b", Name: "first"}))
		ok(t, s.PutOrganization(ctx, store.Organization{ID: "a", Name: "second"}))
		ok(t, s.PutOrganization(ctx, store.Organization{ID: "b", Name: "first, renamed"}))
		same(t, []store.Organization{{ID: "b", Name: "first, renamed"}, {ID: "a", Name: "second"}})(s.Organizations(ctx))
		same(t, store.Organization{ID: "a", Name: "second"})(s.Organization(ctx, "a"))
	}},
	{"a project is returned as it was put, its roles in their order", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		ok(t, s.PutProject(ctx, project1()))
		ok(t, s.PutProject(ctx, project2()))
		same(t, project1())(s.Project(ctx, "p1"))
		same(t, project2())(s.Project(ctx, "p2"))
		same(t, project1())(s.ProjectByName(ctx, "Messages"))
		absent[store.Project](t)(s.Project(ctx, "Messages"))
		absent[store.Project](t)(s.Project(ctx, ""))
		absent[store.Project](t)(s.ProjectByName(ctx, "messages"))
		absent[store.Project](t)(s.ProjectByName(ctx, "p1"))
	}},
	{"a put project replaces the one with its id, every field and all roles", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		ok(t, s.PutProject(ctx, project1()))
		ok(t, s.PutProject(ctx, project2()))
		changed := project2()
		changed.ID, changed.Name, changed.OrganizationID = "p1", "News", "other"
		changed.Roles = []store.Role{{Key: "read", Name: "renamed"}, {Key: "new"}, {Key: "write"}}
		ok(t, s.PutProject(ctx, changed))
		same(t, changed)(s.Project(ctx, "p1"))
		same(t, changed)(s.ProjectByName(ctx, "News"))
		absent[store.Project](t)(s.ProjectByName(ctx, "Messages"))
		same(t, project2())(s.Project(ctx, "p2"))
		changed.Roles = nil
		ok(t, s.PutProject(ctx, changed))
		same(t, changed)(s.Project(ctx, "p1"))
	}},
	{"projects are ordered by the bytes of their names", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		same(t, []store.Project{})(s.Projects(ctx))
		var want []store.Project
		for _, name := range []string{"", "10", "9", "Zeta", "alpha", "beta", "Äther"} {
			want = append(want, store.Project{ID: "id of " + name, Name: name, Roles: []store.Role{{Key: "b"}, {Key: "a"}}})
		}
		for i := range want {
			ok(t, s.PutProject(ctx, want[(i*3)%len(want)]))
		}
		same(t, want)(s.Projects(ctx))
	}},
	{"a project cannot take another one's name and is then left as it was", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		ok(t, s.PutProject(ctx, project1()))
		ok(t, s.PutProject(ctx, project2()))
		thief := project2()
		thief.Name, thief.Roles = "Messages", nil
		refused(t, store.ErrExists, s.PutProject(ctx, thief))
		same(t, project2())(s.Project(ctx, "p2"))
		same(t, project1())(s.ProjectByName(ctx, "Messages"))
		thief.ID = "p3"
		refused(t, store.ErrExists, s.PutProject(ctx, thief))
		absent[store.Project](t)(s.Project(ctx, "p3"))
		ok(t, s.PutProject(ctx, project1()))
	}},
	{"a role key that comes twice is refused and changes nothing", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		ok(t, s.PutProject(ctx, project1()))
		twice := project1()
		twice.Name, twice.Roles = "Other", []store.Role{{Key: "read"}, {Key: "write"}, {Key: "read", Name: "again"}}
		refused(t, store.ErrExists, s.PutProject(ctx, twice))
		same(t, project1())(s.Project(ctx, "p1"))
	}},
	{"a role that is gone is taken from every grant, and comes back to none", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		without := project1()
		without.Roles = []store.Role{{Key: "admin"}, {Key: "read", Name: "renamed"}}
		ok(t, s.PutProject(ctx, without))
		ok(t, s.PutProject(ctx, project1()))
		for _, user := range []string{"u1", "u2"} {
			same(t, []store.Assignment{
				{SubjectID: user, APIID: "a1", Rights: []string{"list", "send"}},
				{SubjectID: user, APIID: "a2"},
				{SubjectID: user, ProjectID: "p1", Rights: []string{"read"}},
				{SubjectID: user, ProjectID: "p2", Rights: []string{"read"}},
			})(s.AssignmentsOf(ctx, user))
		}
	}},
	{"a deleted project takes its APIs, their secrets and keys, and all grants with it", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.DeleteProject(ctx, "p1"))
		absent[store.Project](t)(s.Project(ctx, "p1"))
		absent[store.API](t)(s.API(ctx, "a1"))
		absent[store.API](t)(s.APIByClientID(ctx, api1().ClientID))
		absent[store.API](t)(s.APIByIdentifier(ctx, api1().Identifier))
		absent[store.ClientKey](t)(s.ClientKey(ctx, "key-a1"))
		same(t, []store.Secret{})(s.SecretsOf(ctx, ownerA1))
		same(t, []store.ClientKey{})(s.ClientKeysOf(ctx, ownerA1))
		same(t, []store.Assignment{{SubjectID: "u1", APIID: "a2"}, {SubjectID: "u1", ProjectID: "p2", Rights: []string{"read"}}})(s.AssignmentsOf(ctx, "u1"))

		same(t, project2())(s.Project(ctx, "p2"))
		same(t, api2())(s.API(ctx, "a2"))
		same(t, []store.Secret{secretOf(ownerA2)})(s.SecretsOf(ctx, ownerA2))
		same(t, []store.Secret{secretOf(ownerU1)})(s.SecretsOf(ctx, ownerU1))
		same(t, accessToken("t1", "u1"))(s.Token(ctx, "t1"))
	}},
	{"a deleted project leaves its name and its client ids to others, and nothing to a project with its id", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.DeleteProject(ctx, "p1"))
		ok(t, s.PutProject(ctx, project1()))
		same(t, []store.API{})(s.APIsOf(ctx, "p1"))
		ok(t, s.PutAPI(ctx, api1()))
		same(t, []store.Secret{})(s.SecretsOf(ctx, ownerA1))
		same(t, []store.Assignment{{SubjectID: "u2", APIID: "a2"}, {SubjectID: "u2", ProjectID: "p2", Rights: []string{"read"}}})(s.AssignmentsOf(ctx, "u2"))
	}},
	{"a project that is not there cannot be deleted", func(t *testing.T, s store.Store) {
		world(t, s)
		refused(t, store.ErrNotFound, s.DeleteProject(t.Context(), "p3"))
		same(t, []store.Project{project2(), project1()})(s.Projects(t.Context()))
	}},
}
