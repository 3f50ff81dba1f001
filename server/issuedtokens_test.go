package server_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// issuedNow are what the service user robot has obtained: tokens of each form, and a personal access token.
func (w *world) issuedNow() map[string]string {
	w.t.Helper()
	all := map[string]string{"personal access token": w.pat("u-robot")}
	for _, form := range []store.TokenForm{store.FormOpaque, store.FormZITADEL, store.FormRFC9068, store.FormAuth0} {
		w.form("robot", "a-messages", form)
		all[string(form)] = w.token("robot", "audience", messages)
	}
	return all
}

// alive returns the names of the tokens that are active at the API.
func (w *world) alive(tokens map[string]string) (names []string) {
	w.t.Helper()
	for name, raw := range tokens {
		if w.introspect("messages", raw)["active"] == true {
			names = append(names, name)
		}
	}
	return names
}

func TestFindingS2_WhatALeakedSecretObtainedIsEnded(t *testing.T) {
	for name, end := range map[string]func(context.Context, server.IssuedTokens) (time.Time, error){
		"of the subject": func(ctx context.Context, issued server.IssuedTokens) (time.Time, error) {
			return issued.EndOfSubject(ctx, "u-robot")
		},
		"of the subject by its username": func(ctx context.Context, issued server.IssuedTokens) (time.Time, error) {
			return issued.EndOfSubject(ctx, "robot")
		},
		"of the client": func(ctx context.Context, issued server.IssuedTokens) (time.Time, error) {
			return issued.EndOfClient(ctx, "robot")
		},
		"of all": func(ctx context.Context, issued server.IssuedTokens) (time.Time, error) {
			_, from, err := issued.EndAll(ctx, nil)
			return from, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			other := w.beside()
			tokens := w.issuedNow()
			auditors := w.token("auditor", "audience", reports)
			if got := w.alive(tokens); len(got) != len(tokens) {
				t.Fatalf("before it, %v are alive", got)
			}
			from, err := end(t.Context(), server.IssuedTokens{Store: w.store, Actor: "test", Now: w.now})
			w.must(err)
			for _, at := range []*world{w, other} {
				if got := at.alive(tokens); got != nil {
					t.Errorf("alive: %v", got)
				}
			}
			if got := w.introspect("reports", auditors)["active"]; got != (name != "of all") {
				t.Errorf("the token of another: active is %v", got)
			}
			// New tokens wait until clocks cannot disagree, and none is issued that would be dead.
			w.refused(w.do(tokenCall("robot", "audience", messages)), 503, "temporarily_unavailable")
			w.pass(from.Sub(w.now()))
			for form, raw := range w.issuedNow() {
				if w.introspect("messages", raw)["active"] != true {
					t.Errorf("a new %s is dead", form)
				}
			}
			if got := w.alive(tokens); got != nil {
				t.Errorf("alive again: %v", got)
			}
		})
	}
}

// Another server's clock may be ahead by what is said of clocks: what it has issued just before is dead, too.
func TestFindingS2_TheClockOfAnotherServerIsAhead(t *testing.T) {
	w := newWorld(t)
	other := w.beside()
	other.pass(4 * time.Second)
	tokens := other.issuedNow()
	_, err := server.IssuedTokens{Store: w.store, Actor: "test", Now: w.now}.EndOfClient(t.Context(), "robot")
	w.must(err)
	for _, at := range []*world{w, other} {
		if got := at.alive(tokens); got != nil {
			t.Errorf("alive: %v", got)
		}
	}
}

func TestFindingS2_DeactivationEndsTokensForGood(t *testing.T) {
	w := newWorld(t)
	tokens := w.issuedNow()
	robot, err := w.store.ServiceUserByUsername(t.Context(), "robot")
	w.must(err)
	set := func(active bool) {
		t.Helper()
		robot.Active = active
		w.must(w.store.InTx(t.Context(), func(tx store.Tx) error {
			return registry.In(tx, "test", w.now()).PutServiceUser(t.Context(), robot)
		}))
	}
	set(false)
	if got := w.alive(tokens); got != nil {
		t.Errorf("of one that is not active: %v", got)
	}
	w.pass(time.Minute)
	set(true)
	if got := w.alive(tokens); got != nil {
		t.Errorf("alive again: %v", got)
	}
	w.pass(time.Second)
	after := w.issuedNow()
	robot.Name = "another name" // which ends nothing
	set(true)
	if got := w.alive(after); len(got) != len(after) {
		t.Errorf("new ones that are alive: %v", got)
	}
	if rows, err := w.store.TokensOf(t.Context(), "u-robot", store.PersonalAccessToken); err != nil || len(rows) != 2 ||
		rows[0].RevokedAt.IsZero() || !rows[1].RevokedAt.IsZero() {
		t.Errorf("lists say otherwise: %v, %v", rows, err)
	}
}

func TestFindingS2_PersonsTokensEndWithAll(t *testing.T) {
	w := newPeopleWorld(t)
	got := w.issued(w.do(redeem(spa, w.allowed(spa, offline, nil))))
	access, refreshToken := got["access_token"].(string), got["refresh_token"].(string)
	if a := w.userinfo(access); a.status != 200 {
		t.Fatalf("before: %d %s", a.status, a.body)
	}
	n, _, err := server.IssuedTokens{Store: w.store, Actor: "test", Now: w.now}.EndAll(t.Context(), nil)
	w.must(err)
	if n < 4 {
		t.Errorf("%d subjects, want all", n)
	}
	if a := w.userinfo(access); a.status != 401 {
		t.Errorf("userinfo: %d %s", a.status, a.body)
	}
	w.refused(w.do(refresh(spa, refreshToken)), 400, "invalid_grant")
	w.pass(time.Minute)
	w.refused(w.do(refresh(spa, refreshToken)), 400, "invalid_grant")
	w.issued(w.do(redeem(spa, w.allowed(spa, offline, nil)))) // who logs in again is in
}

func TestFindingS2_NobodyIsNamed(t *testing.T) {
	w := newWorld(t)
	issued := server.IssuedTokens{Store: w.store, Actor: "test", Now: w.now}
	for _, name := range []string{"", "nobody", "samples@P"} {
		if _, err := issued.EndOfSubject(t.Context(), name); !errors.Is(err, server.ErrUnknownSubject) {
			t.Errorf("subject %q: %v", name, err)
		}
		if _, err := issued.EndOfClient(t.Context(), name); !errors.Is(err, server.ErrUnknownClient) {
			t.Errorf("client %q: %v", name, err)
		}
	}
	w.must(w.store.Close())
	if _, err := issued.EndOfSubject(t.Context(), "robot"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a store that is closed: %v", err)
	}
}

// While all tokens are ended others write: no transaction takes long, and each of the many subjects is met.
func BenchmarkEndAllOf10000(b *testing.B) {
	w := newWorld(b)
	ctx := b.Context()
	w.must(w.store.InTx(ctx, func(tx store.Tx) error {
		for n := range 10_000 {
			err := tx.PutSubject(ctx, store.Subject{ID: fmt.Sprintf("g-%05d", n), Kind: "guest", OrganizationID: "org", Username: "guest", Active: true})
			if err != nil {
				return err
			}
		}
		return nil
	}))
	longest := time.Duration(0)
	for b.Loop() {
		last := time.Now()
		n, _, err := server.IssuedTokens{Store: w.store, Actor: "test"}.EndAll(ctx, func(int) {
			longest, last = max(longest, time.Since(last)), time.Now()
		})
		if w.must(err); n < 10_000 {
			b.Fatalf("%d subjects", n)
		}
	}
	b.ReportMetric(float64(longest.Microseconds())/1000, "ms-longest-step")
}
