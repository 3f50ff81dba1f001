package registry_test

import (
	"context"
	"errors"
	"testing"

	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

var strangerApp = store.Application{
	ID: "s1", Name: "Notes", ClientID: "s1", Type: store.NativeApplication, RedirectURIs: []string{"http://127.0.0.1/cb"},
	Grants: []string{"authorization_code"}, Active: true,
}

func TestAStrangerGetsNothingThatAnOperatorGives(t *testing.T) {
	s := open(t)
	seed(t, s)
	for what, f := range map[string]func(*store.Application){
		"first-party":           func(a *store.Application) { a.FirstParty = true },
		"no PKCE":               func(a *store.Application) { a.Type, a.InsecureNoPKCE = store.WebApplication, true },
		"a project":             func(a *store.Application) { a.ProjectID = "p" },
		"a bad address":         func(a *store.Application) { a.RedirectURIs = []string{"https://x.example/*"} },
		"a client id of an API": func(a *store.Application) { a.ClientID = "messages@samples" },
	} {
		a := strangerApp
		f(&a)
		for name, put := range map[string]func(context.Context, *registry.Registry) error{
			"register": func(ctx context.Context, r *registry.Registry) error {
				return r.Register(ctx, a, store.Registration{ExpiresAt: noon}, store.RegistrationBounds{FromAddress: 9, Unexpired: 9})
			},
			"change": func(ctx context.Context, r *registry.Registry) error {
				return r.ChangeRegistered(ctx, a, store.Registration{ApplicationID: a.ID, ExpiresAt: noon})
			},
			"document": func(ctx context.Context, r *registry.Registry) error {
				return r.PutDocument(ctx, a, store.Registration{ExpiresAt: noon})
			},
		} {
			err := change(t, s, put)
			if !errors.Is(err, registry.ErrRefused) && !errors.Is(err, store.ErrExists) {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
	}
	if all, err := s.Applications(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
}

func TestRegistrationsStopAtTheirBounds(t *testing.T) {
	s := open(t)
	register := func(id string) error {
		a := strangerApp
		a.ID, a.ClientID = id, id
		return change(t, s, func(ctx context.Context, r *registry.Registry) error {
			return r.Register(ctx, a, store.Registration{Kind: store.DynamicRegistration, CreatedAt: noon, ExpiresAt: noon.AddDate(0, 0, 1)}, store.RegistrationBounds{Unexpired: 1})
		})
	}
	must(t, register("a"))
	if err := register("b"); !errors.Is(err, store.ErrFull) {
		t.Errorf("%v, want ErrFull", err)
	}
	if _, err := s.Application(t.Context(), "b"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the application is there: %v", err)
	}
}

func TestADocumentIsWrittenWhenItChangesAndNeverWakesWhatWasDeactivated(t *testing.T) {
	s := open(t)
	a := strangerApp
	a.ClientID = "https://notes.example/client"
	put := func(keys string) error {
		return change(t, s, func(ctx context.Context, r *registry.Registry) error {
			return r.PutDocument(ctx, a, store.Registration{Kind: store.DocumentRegistration, Keys: keys, ExpiresAt: noon})
		})
	}
	must(t, put("1"))
	must(t, put("1"))
	if n := len(events(t, s)); n != 1 {
		t.Errorf("%d events, want that of the creation", n)
	}
	a.Name = "Notes 2"
	must(t, put("2"))
	got, err := s.ApplicationByClientID(t.Context(), a.ClientID)
	must(t, err)
	registration, err := s.Registration(t.Context(), a.ID)
	must(t, err)
	if n := len(events(t, s)); n != 2 || got.Name != "Notes 2" || registration.Keys != "2" || !got.CreatedAt.Equal(noon) {
		t.Errorf("%d events, %+v, %+v", n, got, registration)
	}
	got.Active = false
	must(t, s.PutApplication(t.Context(), got))
	if err := put("3"); !errors.Is(err, registry.ErrRefused) {
		t.Errorf("%v, want ErrRefused", err)
	}
	// An operator's own applications have no such client id.
	if err := change(t, s, func(ctx context.Context, r *registry.Registry) error { return r.PutApplication(ctx, a) }); !errors.Is(err, registry.ErrRefused) {
		t.Errorf("%v, want ErrRefused", err)
	}
}
