package storetest

import (
	"testing"

	"github.com/postern-auth/postern/server/store"
)

// audienceTests are about the one space of names that say in a token whom it is for: ids of projects,
// identifiers and client ids of APIs.
var audienceTests = []test{
	{"no two objects share a name that a token can be for", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		const identifier, clientID = "https://quickstarts/api", "197@messages" // of a1
		thief := func(identifier, clientID string) error {
			return s.PutAPI(ctx, store.API{ID: "a3", ProjectID: "p2", Name: "thief", Identifier: identifier, ClientID: clientID})
		}
		for name, take := range map[string]func() error{
			"an identifier that is an identifier":   func() error { return thief(identifier, "x") },
			"an identifier that is a client id":     func() error { return thief(clientID, "x") },
			"an identifier that is a project's id":  func() error { return thief("p1", "x") },
			"a client id that is an identifier":     func() error { return thief("", identifier) },
			"a client id that is a client id":       func() error { return thief("", clientID) },
			"a client id that is a project's id":    func() error { return thief("", "p1") },
			"a project's id that is an identifier":  func() error { return s.PutProject(ctx, store.Project{ID: identifier, Name: "thief"}) },
			"a project's id that is a client id":    func() error { return s.PutProject(ctx, store.Project{ID: clientID, Name: "thief"}) },
			"an API that takes it when it is there": func() error { a := api2(); a.Identifier = clientID; return s.PutAPI(ctx, a) },
		} {
			refused(t, store.ErrExists, take())
			if t.Failed() {
				t.Fatal(name)
			}
		}
		same(t, []store.API{api2(), api1()})(s.APIs(ctx))
		same(t, []store.Project{project2(), project1()})(s.Projects(ctx))
	}},
	{"an API may have one name twice", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		twice := api2()
		twice.Identifier = twice.ClientID
		ok(t, s.PutAPI(ctx, twice))
		ok(t, s.PutAPI(ctx, twice))
		same(t, twice)(s.APIByIdentifier(ctx, twice.ClientID))
	}},
	{"two APIs may exchange their names in one transaction, by way of a third", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		one, two := api1(), api2()
		one.ClientID, two.ClientID = two.ClientID, one.ClientID
		ok(t, s.InTx(ctx, func(tx store.Tx) error {
			between := api1()
			between.ClientID = "between"
			ok(t, tx.PutAPI(ctx, between))
			ok(t, tx.PutAPI(ctx, two))
			return tx.PutAPI(ctx, one)
		}))
		same(t, one)(s.APIByClientID(ctx, one.ClientID))
	}},
	{"a name that was given up, or whose object is gone, may be taken", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		without := api1()
		without.Identifier = ""
		ok(t, s.PutAPI(ctx, without))
		heir := api2()
		heir.Identifier = api1().Identifier
		ok(t, s.PutAPI(ctx, heir))
		refused(t, store.ErrExists, s.PutAPI(ctx, api1()))
		ok(t, s.DeleteAPI(ctx, "a2"))
		ok(t, s.PutAPI(ctx, api1()))
		ok(t, s.DeleteProject(ctx, "p1"))
		ok(t, s.PutAPI(ctx, store.API{ID: "a4", ProjectID: "p2", Name: "heir", Identifier: "p1", ClientID: api1().ClientID}))
		refused(t, store.ErrExists, s.PutProject(ctx, project1()))
	}},
	{"of two who take a name at once one gets it", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		got := 0
		for _, err := range together(8, func(i int) error {
			if i%2 == 0 {
				return s.PutProject(ctx, store.Project{ID: "wanted", Name: "project"})
			}
			return s.PutAPI(ctx, store.API{ID: string(rune('A' + i)), ProjectID: "p1", Name: string(rune('A' + i)), ClientID: "wanted"})
		}) {
			if err == nil {
				got++
				continue
			}
			refused(t, store.ErrExists, err)
		}
		project, err := s.Project(ctx, "wanted")
		if wonByProject := err == nil && project.ID == "wanted"; wonByProject && got != 4 || !wonByProject && got != 1 {
			t.Errorf("expected the project's four calls to succeed or one API's, got %d", got)
		}
	}},
}
