package registry_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/sqlite"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func open(t *testing.T) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "postern.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// change runs f over the registry in a transaction.
func change(t *testing.T, s store.Store, f func(context.Context, *registry.Registry) error) error {
	t.Helper()
	return s.InTx(t.Context(), func(tx store.Tx) error { return f(t.Context(), registry.In(tx, "test", noon)) })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func events(t *testing.T, s store.Store) []store.Event {
	t.Helper()
	all, err := s.LatestEvents(t.Context(), 1000)
	must(t, err)
	return all
}

var (
	project = store.Project{ID: "p", OrganizationID: "o", Name: "samples", Active: true, Roles: []store.Role{{Key: "read"}}}
	api     = store.API{ID: "a", ProjectID: "p", Name: "messages", ClientID: "messages@samples", Active: true}
	user    = store.ServiceUser{ID: "u", OrganizationID: "o", Username: "robot", Active: true}
)

func seed(t *testing.T, s store.Store) {
	t.Helper()
	must(t, change(t, s, func(ctx context.Context, r *registry.Registry) error {
		return errors.Join(r.PutProject(ctx, project), r.PutAPI(ctx, api), r.PutServiceUser(ctx, user))
	}))
}

// Whoever calls meets the checks that a document meets.
func TestWhatAnObjectMayNotBeIsRefused(t *testing.T) {
	s := open(t)
	seed(t, s)
	before := len(events(t, s))
	refused := func(name string, f func(context.Context, *registry.Registry) error) {
		t.Helper()
		if err := change(t, s, f); !errors.Is(err, registry.ErrRefused) {
			t.Errorf("%s: %v, want ErrRefused", name, err)
		}
	}
	for name, spoil := range badProjects {
		bad := project
		spoil(&bad)
		refused(name, func(ctx context.Context, r *registry.Registry) error { return r.PutProject(ctx, bad) })
	}
	for name, spoil := range badAPIs {
		bad := api
		spoil(&bad)
		refused(name, func(ctx context.Context, r *registry.Registry) error { return r.PutAPI(ctx, bad) })
	}
	for name, spoil := range badUsers {
		bad := user
		spoil(&bad)
		refused(name, func(ctx context.Context, r *registry.Registry) error { return r.PutServiceUser(ctx, bad) })
	}
	refused("an organization without a domain", func(ctx context.Context, r *registry.Registry) error {
		return r.PutOrganization(ctx, store.Organization{ID: "o", Name: "x"})
	})
	refused("a token without a name", func(ctx context.Context, r *registry.Registry) error {
		_, err := r.CreatePersonalAccessToken(ctx, store.Token{SubjectID: "u"})
		return err
	})
	if n := len(events(t, s)); n != before {
		t.Errorf("%d events of what was refused", n-before)
	}
}

var badProjects = map[string]func(*store.Project){
	"a project without a name":        func(p *store.Project) { p.Name = "" },
	"a name that fakes a line":        func(p *store.Project) { p.Name = "a\nb" },
	"a role that is a standard scope": func(p *store.Project) { p.Roles = []store.Role{{Key: "openid"}} },
	"a role that asks for a refresh":  func(p *store.Project) { p.Roles = []store.Role{{Key: "offline_access"}} },
	"a role that steers the server":   func(p *store.Project) { p.Roles = []store.Role{{Key: "urn:zitadel:x"}} },
	"a role with a space":             func(p *store.Project) { p.Roles = []store.Role{{Key: "a b"}} },
	"a role twice":                    func(p *store.Project) { p.Roles = []store.Role{{Key: "a"}, {Key: "a"}} },
}

var badAPIs = map[string]func(*store.API){
	"a permission that is empty":      func(a *store.API) { a.Permissions = []store.Permission{{}} },
	"a client id with a colon":        func(a *store.API) { a.ClientID = "a:b" },
	"an API without a client id":      func(a *store.API) { a.ClientID = "" },
	"an identifier with a space":      func(a *store.API) { a.Identifier = "a b" },
	"an identifier that is too long":  func(a *store.API) { a.Identifier = strings.Repeat("x", 300) },
	"a form that nobody knows":        func(a *store.API) { a.Form = "saml" },
	"an algorithm with a secret":      func(a *store.API) { a.SigningAlgorithm = "HS256" },
	"a lifetime without end":          func(a *store.API) { a.TokenLifetime = 1 << 62 },
	"a lifetime before its beginning": func(a *store.API) { a.TokenLifetime = -1 },
}

var badUsers = map[string]func(*store.ServiceUser){
	"a username with a space":   func(u *store.ServiceUser) { u.Username = "a b" },
	"a title that fakes a line": func(u *store.ServiceUser) { u.Name = "a\rb" },
}

func TestWhatIsThereAlreadyLeavesNoEvent(t *testing.T) {
	s := open(t)
	seed(t, s)
	assignment := store.Assignment{SubjectID: "u", ProjectID: "p", Rights: []string{"read", "read"}}
	must(t, change(t, s, func(ctx context.Context, r *registry.Registry) error { return r.Assign(ctx, assignment) }))
	before := len(events(t, s))
	seed(t, s)
	must(t, change(t, s, func(ctx context.Context, r *registry.Registry) error { return r.Assign(ctx, assignment) }))
	if n := len(events(t, s)); n != before {
		t.Errorf("%d events, want none", n-before)
	}
}

func TestAnEventComesAndGoesWithItsChange(t *testing.T) {
	s := open(t)
	seed(t, s)
	before := len(events(t, s))
	undo := errors.New("undo")
	err := change(t, s, func(ctx context.Context, r *registry.Registry) error {
		must(t, r.DeleteAPI(ctx, api))
		return undo
	})
	if !errors.Is(err, undo) || len(events(t, s)) != before {
		t.Errorf("%v and %d events, want none", err, len(events(t, s))-before)
	}
	if err := change(t, s, func(ctx context.Context, r *registry.Registry) error {
		return r.DeleteProject(ctx, store.Project{ID: "q"})
	}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
	if n := len(events(t, s)); n != before {
		t.Errorf("%d events of a deletion that met nothing", n-before)
	}
}

// What is handed out works once it is committed, and no event holds it.
func TestWhatIsHandedOutIsInNoEvent(t *testing.T) {
	s := open(t)
	seed(t, s)
	owner := store.Owner{Kind: store.ServiceUserClient, ID: "u"}
	private, err := jws.GenerateKey(jws.ES256)
	must(t, err)
	var raw, pat string
	var key store.ClientKey
	must(t, change(t, s, func(ctx context.Context, r *registry.Registry) (err error) {
		if raw, err = r.CreateSecret(ctx, owner, noon.Add(time.Hour)); err != nil {
			return err
		}
		if key, err = r.CreateClientKey(ctx, store.ClientKey{Owner: owner, Compatibility: true}, private); err != nil {
			return err
		}
		pat, err = r.CreatePersonalAccessToken(ctx, store.Token{SubjectID: "u", ClientID: "robot", Name: "cron"})
		return err
	}))
	secrets, err := s.SecretsOf(t.Context(), owner)
	must(t, err)
	tokens, err := s.TokensOf(t.Context(), "u", store.PersonalAccessToken)
	must(t, err)
	if len(secrets) != 1 || !secret.Matches(raw, secrets[0].Digest) || len(tokens) != 1 || !secret.Matches(pat, tokens[0].Digest) {
		t.Errorf("%d secrets and %d tokens, want one each that match", len(secrets), len(tokens))
	}
	if kept, err := s.ClientKey(t.Context(), key.ID); err != nil || !kept.Compatibility {
		t.Errorf("key: %+v, %v", kept, err)
	}
	all := events(t, s)
	for _, e := range all {
		for _, text := range []string{e.ObjectID, e.Name, e.Detail} {
			if strings.Contains(text, raw) || strings.Contains(text, pat) {
				t.Errorf("an event holds what was handed out: %+v", e)
			}
		}
	}
	for i := 1; i < len(all); i++ {
		if all[i].ID >= all[i-1].ID {
			t.Errorf("events %q and %q are out of order", all[i].ID, all[i-1].ID)
		}
	}
	if got := []string{all[2].Object, all[1].Object, all[0].Object}; got[0] != "secret" || got[1] != "key" || got[2] != "personal access token" {
		t.Errorf("events %q are not in the order of the changes", got)
	}
}

// oneOfTwo has two take one name at once, each with a store of its own as two processes have it, and wants one to
// get it and the other to be told why not, in all of these words.
func oneOfTwo(t *testing.T, take func(ctx context.Context, r *registry.Registry, i int) error, words ...string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "postern.db")
	var stores [2]store.Store
	for i := range stores {
		s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		must(t, err)
		defer s.Close()
		stores[i] = s
	}
	seed(t, stores[0])
	errs := make(chan error)
	for i, s := range stores {
		go func() {
			errs <- s.InTx(t.Context(), func(tx store.Tx) error { return take(t.Context(), registry.In(tx, "test", noon), i) })
		}()
	}
	won, lost := 0, 0
	for range stores {
		switch err := <-errs; {
		case err == nil:
			won++
		case errors.Is(err, store.ErrExists) && !slices.ContainsFunc(words, func(s string) bool { return !strings.Contains(err.Error(), s) }):
			lost++
		default:
			t.Error(err)
		}
	}
	if won != 1 || lost != 1 {
		t.Errorf("%d got the name and %d did not, want one each", won, lost)
	}
}

func TestOfTwoProcessesOneGetsTheName(t *testing.T) {
	oneOfTwo(t, func(ctx context.Context, r *registry.Registry, i int) error {
		name := []string{"b", "c"}[i]
		return r.PutAPI(ctx, store.API{ID: name, ProjectID: "p", Name: name, ClientID: name, Identifier: "wanted"})
	}, `is the identifier of API "`)
}
