package setup

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// No document takes the console's roles away, gives them, or gets at the project that they are of.
func TestADocumentLeavesAdministratorsAlone(t *testing.T) {
	b := newBench(t)
	b.apply(people)
	var first store.User
	err := b.store.InTx(t.Context(), func(tx store.Tx) (err error) {
		r := registry.In(tx, "first run", time.Now())
		if first, err = r.FirstAdministrator(t.Context()); err != nil {
			return err
		}
		ben, err := tx.UserByLogin(t.Context(), first.OrganizationID, "ben")
		if err != nil {
			return err
		}
		return r.OpenConsole(t.Context(), ben.ID, registry.Reader)
	})
	if err != nil {
		t.Fatal(err)
	}
	roles := func(when string) {
		t.Helper()
		for right, want := range map[string]string{registry.Administrator: registry.Administrator, registry.Reader: "ben"} {
			part, err := b.store.HoldersPart(context.Background(), store.Assignment{ProjectID: registry.OwnProject}, right, store.Window{Limit: 9})
			if err != nil || len(part.Rows) != 1 || part.Rows[0].Username != want {
				t.Errorf("%s: %v (%v) hold %s, want %s", when, part.Rows, err, right, want)
			}
		}
		if project, err := b.store.Project(t.Context(), registry.OwnProject); err != nil || project.Name != registry.OwnProjectName || len(project.Roles) != 2 {
			t.Errorf("%s: the project is %v (%v)", when, project, err)
		}
	}
	b.apply(people)
	roles("the same again")
	plan := b.prune().compare(people)
	for _, change := range plan.Changes {
		t.Errorf("prune would make a change: %s", change)
	}
	// ben is in the document without roles, and then not at all.
	b.prune().apply(strings.Replace(people, "- login: ben\n", "", 1))
	roles("without ben")
	for _, document := range []string{
		"projects: [{name: \"Postern's own\", roles: [administrator]}]\n",
		"projects: [{name: \"Postern's own\", roles: []}]\n",
	} {
		if err := b.applyError(document); !strings.Contains(err, "Postern's own project") {
			t.Errorf("%s is refused with %q", document, err)
		}
		roles(document)
	}
	b.apply("projects: [{name: mine, was: \"Postern's own\"}]\n") // there was none of that name that a document knows
	roles("a project renamed")
	if _, err := Parse("people.yaml", []byte("users: [{login: anna, roles: {\"Postern's own\": [administrator]}}]\n")); err == nil {
		t.Error("a document may give roles of a project that it does not hold")
	}
}
