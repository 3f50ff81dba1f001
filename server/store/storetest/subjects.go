package storetest

import (
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// guest is a subject of a kind that has nothing beside it.
func guest() store.Subject {
	return store.Subject{ID: "g1", Kind: "guest", OrganizationID: "org", Username: "visitor", Active: true}
}

var subjectTests = []test{
	{"a service user is a subject and a client", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		want := store.Subject{ID: "u1", Kind: store.ServiceUserSubject, OrganizationID: "org", Username: "mailer", Active: true}
		same(t, want)(s.Subject(ctx, "u1"))
		same(t, store.Client{Owner: ownerU1, ClientID: "mailer"})(s.Client(ctx, "mailer"))
		renamed := user1()
		renamed.Username, renamed.Active = "postman", false
		ok(t, s.PutServiceUser(ctx, renamed))
		want.Username, want.Active = "postman", false
		same(t, want)(s.Subject(ctx, "u1"))
		same(t, store.Client{Owner: ownerU1, ClientID: "postman"})(s.Client(ctx, "postman"))
		absent[store.Client](t)(s.Client(ctx, "mailer"))
	}},
	{"an API is a client and no subject", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		same(t, store.Client{Owner: ownerA1, ClientID: "197@messages"})(s.Client(ctx, "197@messages"))
		absent[store.Subject](t)(s.Subject(ctx, "a1"))
		absent[store.Client](t)(s.Client(ctx, ""))
		absent[store.Client](t)(s.Client(ctx, "a1"))
	}},
	{"a subject of another kind holds rights and tokens as a service user does", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.PutSubject(ctx, guest()))
		same(t, guest())(s.Subject(ctx, "g1"))
		absent[store.ServiceUser](t)(s.ServiceUser(ctx, "g1"))
		held := store.Assignment{SubjectID: "g1", ProjectID: "p1", Rights: []string{"read"}}
		ok(t, s.PutAssignment(ctx, held))
		ok(t, s.CreateToken(ctx, accessToken("t3", "g1")))
		same(t, []store.Assignment{held})(s.AssignmentsOf(ctx, "g1"))
		same(t, accessToken("t3", "g1"))(s.Token(ctx, "t3"))
		ok(t, s.DeleteSubject(ctx, "g1"))
		absent[store.Subject](t)(s.Subject(ctx, "g1"))
		refused(t, store.ErrNotFound, s.CreateToken(ctx, accessToken("t4", "g1")))
		same(t, []store.Assignment{})(s.AssignmentsOf(ctx, "g1"))
		same(t, accessToken("t1", "u1"))(s.Token(ctx, "t1"))
	}},
	{"a service user that is deleted as a subject is gone as a client too", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.DeleteSubject(ctx, "u1"))
		absent[store.ServiceUser](t)(s.ServiceUser(ctx, "u1"))
		absent[store.Client](t)(s.Client(ctx, "mailer"))
		same(t, []store.Secret{})(s.SecretsOf(ctx, ownerU1))
		same(t, user2())(s.ServiceUser(ctx, "u2"))
		ok(t, s.PutServiceUser(ctx, user1()))
	}},
	{"the end of earlier tokens moves forward alone, and a put leaves it", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for _, step := range []struct{ at, want time.Time }{
			{noon, noon}, {noon.Add(-time.Hour), noon}, {noon.Add(time.Hour), noon.Add(time.Hour)},
		} {
			ok(t, s.EndSubject(ctx, "u1", step.at))
			ok(t, s.EndClient(ctx, ownerU1, step.at))
			ok(t, s.PutServiceUser(ctx, user1()))
			subject, err := s.Subject(ctx, "u1")
			same(t, step.want)(subject.NotBefore, err)
			client, err := s.Client(ctx, "mailer")
			same(t, step.want)(client.NotBefore, err)
		}
		same(t, store.Client{Owner: ownerU2, ClientID: "biller"})(s.Client(ctx, "biller"))
		refused(t, store.ErrNotFound, s.EndSubject(ctx, "u3", noon))
		refused(t, store.ErrNotFound, s.EndClient(ctx, store.Owner{Kind: store.APIClient, ID: "u1"}, noon))
		refused(t, store.ErrNotFound, s.DeleteSubject(ctx, "u3"))
	}},
	{"the end of a subject revokes its personal access tokens from before", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		later := pat("pat9", "u1")
		later.IssuedAt = noon.Add(time.Hour)
		ok(t, s.CreateToken(ctx, later))
		ok(t, s.RevokeToken(ctx, "pat1", noon.Add(time.Second)))
		early := pat("pat8", "u1")
		early.IssuedAt = noon.Add(time.Minute)
		ok(t, s.CreateToken(ctx, early))
		ok(t, s.EndSubject(ctx, "u1", noon.Add(time.Hour)))
		for id, want := range map[string]time.Time{"pat1": noon.Add(time.Second), "pat8": noon.Add(time.Hour), "pat9": {}, "pat2": {}, "t1": {}} {
			token, err := s.Token(ctx, id)
			ok(t, err)
			if !token.RevokedAt.Equal(want) {
				t.Errorf("%s is revoked at %v, want %v", id, token.RevokedAt, want)
			}
		}
	}},
	{"all subjects end, a few at a time", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.PutSubject(ctx, guest()))
		ok(t, s.EndSubject(ctx, "u2", noon.Add(time.Hour)))
		var all []string
		for after := ""; ; {
			last, n, err := s.EndSubjects(ctx, after, 2, noon)
			ok(t, err)
			if n == 0 {
				break
			}
			if n > 2 || last <= after {
				t.Fatalf("after %q: %d, the last of them %q", after, n, last)
			}
			after, all = last, append(all, last)
		}
		for id, want := range map[string]time.Time{"u1": noon, "u2": noon.Add(time.Hour), "g1": noon} {
			subject, err := s.Subject(ctx, id)
			same(t, want)(subject.NotBefore, err)
		}
		if pat1, err := s.Token(ctx, "pat1"); err != nil || !pat1.RevokedAt.IsZero() {
			t.Errorf("what was issued at the moment itself is not before it: %v, %v", pat1, err)
		}
		if len(all) < 2 {
			t.Errorf("ended %v in one go", all)
		}
	}},
}
