package setup

import (
	"context"
	"slices"
	"time"

	"github.com/postern-auth/postern/server/internal/document"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// comparison is a Plan in the making.
type comparison struct {
	store   store.Tx
	doc     *document.Document
	options Options
	now     time.Time
	changes []Change
	kept    []Change // what Options.Keep leaves undone

	// What the store holds.
	organization store.Organization
	projects     []store.Project
	apis         []store.API
	applications []store.Application
	serviceUsers []store.ServiceUser
	there        map[string]int // how many of each kind

	// The ids of what the document names, also of what is yet to be created.
	projectIDs map[*document.Project]string
	apiIDs     map[*document.API]string
}

func (c *comparison) add(change Change) { c.changes = append(c.changes, change) }

// put adds the change that creates or replaces an object, if there is a difference.
func (c *comparison) put(found bool, change Change, f registry.Fields) {
	change.Action, change.Fields = Alter, shown(f)
	if !found {
		change.Action = Create
		for i := range change.Fields {
			change.Fields[i].Old = nil
		}
	}
	switch {
	case found && len(f) > 0 && c.options.Keep:
		change.do = nil
		c.kept = append(c.kept, change)
	case !found || len(f) > 0:
		c.add(change)
	}
}

// nothing is a Store that is yet to be made: what Compare looks for in one without owners is not there.
type nothing struct{ store.Store }

func (nothing) Organizations(context.Context) ([]store.Organization, error) { return nil, nil }
func (nothing) Projects(context.Context) ([]store.Project, error)           { return nil, nil }
func (nothing) APIs(context.Context) ([]store.API, error)                   { return nil, nil }
func (nothing) Applications(context.Context) ([]store.Application, error)   { return nil, nil }
func (nothing) ServiceUsers(context.Context) ([]store.ServiceUser, error)   { return nil, nil }
func (nothing) UserByLogin(context.Context, string, string) (store.User, error) {
	return store.User{}, store.ErrNotFound
}
func (nothing) Users(context.Context, string, int) ([]store.User, error) { return nil, nil }

// named returns the index of what has the name or, as it is about to be renamed, the earlier one; -1 for none.
func named[T any](all []T, kind string, name, was document.Word, of func(T) string) (int, error) {
	index := func(name string) int { return slices.IndexFunc(all, func(one T) bool { return of(one) == name }) }
	i := index(name.Text)
	if was.Text == "" {
		return i, nil
	}
	earlier := index(was.Text)
	if i >= 0 && earlier >= 0 {
		return i, was.At.Errorf("expected one %s to rename, got both %q and %q in the store; delete one", kind, was.Text, name.Text)
	}
	return max(i, earlier), nil
}
