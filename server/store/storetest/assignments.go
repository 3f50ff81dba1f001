package storetest

import (
	"testing"

	"github.com/postern-auth/postern/server/store"
)

var assignmentTests = []test{
	{"assignments are ordered by project and then API, their keys sorted and without duplicates", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.PutAssignment(ctx, store.Assignment{SubjectID: "u1", ProjectID: "p1", Rights: []string{"write", "admin", "write", "read", "admin"}}))
		same(t, []store.Assignment{
			{SubjectID: "u1", APIID: "a1", Rights: []string{"list", "send"}},
			{SubjectID: "u1", APIID: "a2"},
			{SubjectID: "u1", ProjectID: "p1", Rights: []string{"admin", "read", "write"}},
			{SubjectID: "u1", ProjectID: "p2", Rights: []string{"read"}},
		})(s.AssignmentsOf(ctx, "u1"))
		same(t, []store.Assignment{})(s.AssignmentsOf(ctx, "u3"))
		same(t, []store.Assignment{})(s.AssignmentsOf(ctx, ""))
	}},
	{"assignments among keys have all roles, and of the permissions those keys", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		held := func(permissions ...string) []store.Assignment {
			return []store.Assignment{
				{SubjectID: "u1", APIID: "a1", Rights: permissions},
				{SubjectID: "u1", APIID: "a2"},
				{SubjectID: "u1", ProjectID: "p1", Rights: []string{"read", "write"}},
				{SubjectID: "u1", ProjectID: "p2", Rights: []string{"read"}},
			}
		}
		same(t, held())(s.AssignmentsAmong(ctx, "u1", nil))
		same(t, held("send"))(s.AssignmentsAmong(ctx, "u1", []string{"send", "Send", "nothing", ""}))
		same(t, held("list", "send"))(s.AssignmentsAmong(ctx, "u1", []string{"send", "read", "list", "send"}))
		same(t, held())(s.AssignmentsAmong(ctx, "u1", []string{"é\"", "sen%", "send\x00"}))
		same(t, []store.Assignment{})(s.AssignmentsAmong(ctx, "u3", []string{"send"}))
	}},
	{"a put assignment replaces the one for the same user and target alone", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.PutAssignment(ctx, store.Assignment{SubjectID: "u1", ProjectID: "p1", Rights: []string{"admin"}}))
		ok(t, s.PutAssignment(ctx, store.Assignment{SubjectID: "u1", APIID: "a1"}))
		same(t, []store.Assignment{
			{SubjectID: "u1", APIID: "a1"},
			{SubjectID: "u1", APIID: "a2"},
			{SubjectID: "u1", ProjectID: "p1", Rights: []string{"admin"}},
			{SubjectID: "u1", ProjectID: "p2", Rights: []string{"read"}},
		})(s.AssignmentsOf(ctx, "u1"))
		same(t, []store.Assignment{
			{SubjectID: "u2", APIID: "a1", Rights: []string{"list", "send"}},
			{SubjectID: "u2", APIID: "a2"},
			{SubjectID: "u2", ProjectID: "p1", Rights: []string{"read", "write"}},
			{SubjectID: "u2", ProjectID: "p2", Rights: []string{"read"}},
		})(s.AssignmentsOf(ctx, "u2"))
	}},
	{"an assignment on a project and one on an API with the same id are two", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.PutProject(ctx, store.Project{ID: "a1", Name: "twin", Roles: []store.Role{{Key: "read"}}}))
		ok(t, s.PutAssignment(ctx, store.Assignment{SubjectID: "u1", ProjectID: "a1", Rights: []string{"read"}}))
		refused(t, store.ErrNotFound, s.PutAssignment(ctx, store.Assignment{SubjectID: "u1", ProjectID: "a1", Rights: []string{"list"}}))
		ok(t, s.DeleteAssignment(ctx, store.Assignment{SubjectID: "u1", APIID: "a1"}))
		same(t, []store.Assignment{
			{SubjectID: "u1", APIID: "a2"},
			{SubjectID: "u1", ProjectID: "a1", Rights: []string{"read"}},
			{SubjectID: "u1", ProjectID: "p1", Rights: []string{"read", "write"}},
			{SubjectID: "u1", ProjectID: "p2", Rights: []string{"read"}},
		})(s.AssignmentsOf(ctx, "u1"))
	}},
	{"nothing can be granted that is not there, and what was granted before stays", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		before, err := s.AssignmentsOf(ctx, "u1")
		ok(t, err)
		for missing, assignment := range map[string]store.Assignment{
			"user":                     {SubjectID: "u3", ProjectID: "p1"},
			"user, for an API":         {SubjectID: "u3", APIID: "a1"},
			"API in place of the user": {SubjectID: "a1", ProjectID: "p1"},
			"project":                  {SubjectID: "u1", ProjectID: "p3"},
			"API":                      {SubjectID: "u1", APIID: "a3"},
			"role":                     {SubjectID: "u1", ProjectID: "p1", Rights: []string{"read", "delete"}},
			"role of another project":  {SubjectID: "u1", ProjectID: "p2", Rights: []string{"read", "admin"}},
			"role in another case":     {SubjectID: "u1", ProjectID: "p2", Rights: []string{"Read"}},
			"permission":               {SubjectID: "u1", APIID: "a1", Rights: []string{"send", "delete"}},
			"permission of another":    {SubjectID: "u1", APIID: "a2", Rights: []string{"send"}},
			"role as a permission":     {SubjectID: "u1", APIID: "a1", Rights: []string{"read"}},
		} {
			refused(t, store.ErrNotFound, s.PutAssignment(ctx, assignment))
			if t.Failed() {
				t.Fatalf("the %s", missing)
			}
		}
		same(t, before)(s.AssignmentsOf(ctx, "u1"))
		same(t, []store.Assignment{})(s.AssignmentsOf(ctx, "u3"))
	}},
	{"an assignment names a project or an API, and neither both nor none", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		before, err := s.AssignmentsOf(ctx, "u1")
		ok(t, err)
		for _, assignment := range []store.Assignment{{SubjectID: "u1"}, {SubjectID: "u1", ProjectID: "p1", APIID: "a1"}} {
			if err := s.PutAssignment(ctx, assignment); err == nil {
				t.Errorf("put %+v: expected an error, got nil", assignment)
			}
			if err := s.DeleteAssignment(ctx, assignment); err == nil {
				t.Errorf("delete %+v: expected an error, got nil", assignment)
			}
		}
		same(t, before)(s.AssignmentsOf(ctx, "u1"))
	}},
	{"an assignment is deleted whatever its keys, and only once", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.DeleteAssignment(ctx, store.Assignment{SubjectID: "u1", ProjectID: "p1", Rights: []string{"nobody has this"}}))
		ok(t, s.DeleteAssignment(ctx, store.Assignment{SubjectID: "u1", APIID: "a2"}))
		refused(t, store.ErrNotFound, s.DeleteAssignment(ctx, store.Assignment{SubjectID: "u1", ProjectID: "p1"}))
		refused(t, store.ErrNotFound, s.DeleteAssignment(ctx, store.Assignment{SubjectID: "u3", ProjectID: "p1"}))
		same(t, []store.Assignment{
			{SubjectID: "u1", APIID: "a1", Rights: []string{"list", "send"}},
			{SubjectID: "u1", ProjectID: "p2", Rights: []string{"read"}},
		})(s.AssignmentsOf(ctx, "u1"))
		ok(t, s.PutAssignment(ctx, store.Assignment{SubjectID: "u1", ProjectID: "p1"}))
		same(t, []store.Assignment{
			{SubjectID: "u1", APIID: "a1", Rights: []string{"list", "send"}},
			{SubjectID: "u1", ProjectID: "p1"},
			{SubjectID: "u1", ProjectID: "p2", Rights: []string{"read"}},
		})(s.AssignmentsOf(ctx, "u1"))
	}},
}
