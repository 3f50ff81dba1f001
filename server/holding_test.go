package server_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

func TestTheServersOwnVerifierSaysWhatIntrospectionSays(t *testing.T) {
	w := newWorld(t)
	verifier := w.server.Verifier(messages)
	for _, form := range []store.TokenForm{store.FormOpaque, store.FormAuth0Permissions, store.FormRFC9068} {
		w.form("robot", "a-messages", form)
		raw := w.token("robot", "audience", messages, "scope", "read")
		token, err := verifier.Verify(t.Context(), raw)
		if err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		if !token.HasScope("read") || token.HasScope("read:messages") || !token.HasPermission("read") || !token.HasAudience(messages) ||
			token.Username() != "robot" || token.ClientID() != "robot" || !token.HasRole("read:messages") {
			t.Errorf("%s: scopes %q, roles %q, permissions %q, audience %q of %q", form, slices.Collect(token.Scopes()),
				slices.Collect(token.Roles()), slices.Collect(token.Permissions()), slices.Collect(token.Audience()), token.Username())
		}
		if _, err := w.server.Verifier(reports).Verify(t.Context(), raw); !errors.Is(err, postern.ErrInactive) {
			t.Errorf("%s, at another API: %v, want ErrInactive", form, err)
		}
	}
	if _, err := verifier.Verify(t.Context(), "nonsense"); !errors.Is(err, postern.ErrInactive) {
		t.Errorf("nonsense: %v, want ErrInactive", err)
	}
	if _, err := w.server.Verifier("urn:nobody").Verify(t.Context(), "nonsense"); !errors.Is(err, postern.ErrUnavailable) {
		t.Errorf("an API that is not there: %v, want ErrUnavailable", err)
	}
	w.must(w.store.Close())
	if _, err := verifier.Verify(t.Context(), w.issuer); !errors.Is(err, postern.ErrUnavailable) {
		t.Errorf("a store that is closed: %v, want ErrUnavailable", err)
	}
}

// A subject of a kind that no code knows: nothing but its row makes its tokens good.
func TestASubjectOfAnotherKindHoldsTokens(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	guest := store.Subject{ID: "g-1", Kind: "guest", OrganizationID: "org", Username: "visitor", Active: true}
	w.must(w.store.PutSubject(ctx, guest))
	w.must(w.store.PutAssignment(ctx, store.Assignment{SubjectID: "g-1", ProjectID: "P", Rights: []string{"read:messages"}}))
	raw, id := secret.NewToken(secret.AccessToken)
	w.must(w.store.CreateToken(ctx, store.Token{
		ID: id, Kind: store.AccessToken, Digest: secret.Digest(raw), SubjectID: "g-1", ClientID: "kiosk", Issuer: w.issuer,
		Audience: []string{"P"}, Scopes: []string{"read:messages"}, IssuedAt: start, ExpiresAt: start.Add(time.Hour),
	}))
	got := w.introspect("samples", raw)
	if got["active"] != true || got["sub"] != "g-1" || got["username"] != "visitor" || got["client_id"] != "kiosk" || got["scope"] != "read:messages" {
		t.Errorf("%v", got)
	}
	guest.Active = false
	w.must(w.store.PutSubject(ctx, guest))
	if got := w.introspect("samples", raw); got["active"] != false {
		t.Errorf("of a subject that is switched off: %v", got)
	}
}

func TestWhatWasIssuedBeforeTheEndOfSubjectOrClientIsDead(t *testing.T) {
	end := map[string]func(*world, time.Time) error{
		"subject": func(w *world, at time.Time) error { return w.store.EndSubject(w.t.Context(), "u-robot", at) },
		"client": func(w *world, at time.Time) error {
			return w.store.EndClient(w.t.Context(), store.Owner{Kind: store.ServiceUserClient, ID: "u-robot"}, at)
		},
	}
	for name, end := range end {
		for _, form := range []store.TokenForm{store.FormOpaque, store.FormZITADEL, store.FormRFC9068} {
			w := newWorld(t)
			w.form("robot", "a-messages", form)
			before := w.token("robot", "audience", messages)
			other := w.token("auditor", "audience", reports)
			w.pass(time.Minute)
			w.must(end(w, w.now()))
			w.pass(time.Second)
			after := w.token("robot", "audience", messages)
			for raw, want := range map[string]bool{before: false, after: true} {
				if got := w.introspect("messages", raw); got["active"] != want {
					t.Errorf("%s, %s: active is %v, want %t", name, form, got["active"], want)
				}
			}
			if got := w.introspect("reports", other); got["active"] != true {
				t.Errorf("%s, %s: the token of another is %v", name, form, got)
			}
		}
	}
}

// An API is a client, too, and its client id says nothing of whom a token is for.
func TestAClientIDIsNoAudience(t *testing.T) {
	w := newWorld(t)
	raw, id := secret.NewToken(secret.AccessToken)
	w.must(w.store.CreateToken(t.Context(), store.Token{
		ID: id, Kind: store.AccessToken, Digest: secret.Digest(raw), SubjectID: "u-robot", ClientID: "robot", Issuer: w.issuer,
		Audience: []string{"other@Q"}, IssuedAt: start, ExpiresAt: start.Add(time.Hour),
	}))
	if got := w.introspect("other", raw); got["active"] != false {
		t.Errorf("%v, want it inactive", got)
	}
}
