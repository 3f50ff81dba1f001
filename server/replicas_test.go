package server_test

import (
	"context"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/postern-auth/postern/internal/postgrestest"
	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/postgres"
)

// replicas are two servers with one database.
func replicas(t *testing.T) (a, b *world) {
	t.Helper()
	address := postgrestest.Start(t, "fsync=off").Database(t)
	open := func() store.Store {
		s, err := postgres.Open(context.Background(), address, postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	a = &world{t: t, store: open(), logs: new(lockedBuffer), clock: start}
	a.seed()
	a.serve()
	b = &world{t: t, store: open(), logs: new(lockedBuffer), clock: start}
	b.serve()
	return a, b
}

// rounds is how often a test of replicas tries: POSTERN_ROUNDS, or a tenth of what is measured for a release.
func rounds(t *testing.T, tenth int) int {
	t.Helper()
	text := os.Getenv("POSTERN_ROUNDS")
	if text == "" {
		return tenth
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("POSTERN_ROUNDS is %q, want a number", text)
	}
	return n
}

// A service user that is deactivated at one server has no active token at the other from then on, and gets no JWT there
// once that has been told: a quarter of a second for all but one in a hundred, and a second at most.
func TestWhatOneReplicaDeactivatesTheOtherRefuses(t *testing.T) {
	a, b := replicas(t)
	a.form("robot", "a-messages", store.FormRFC9068)
	robot, err := a.store.ServiceUser(t.Context(), "u-robot")
	a.must(err)
	opaque := a.token("robot", "scope", sampleScope)
	token := call{path: "/oauth/v2/token", user: "robot:robot-secret", form: values("grant_type", clientCredentials, "audience", messages)}
	var late []time.Duration
	for range rounds(t, 200) {
		if got := b.do(token); got.status != 200 {
			t.Fatalf("an active service user: %d %s", got.status, got.body)
		}
		robot.Active = false
		a.must(a.store.PutServiceUser(t.Context(), robot))
		changed := time.Now()
		if got := b.introspect("samples", opaque); got["active"] != false {
			t.Fatalf("introspection is behind: %v", got)
		}
		last := time.Duration(0) // when the last JWT was asked for that was issued
		for {
			asked := time.Since(changed)
			if b.do(token).status != 200 {
				break
			}
			if last = asked; last > time.Second {
				t.Fatalf("a JWT was issued %s after the service user was deactivated", last)
			}
		}
		late = append(late, last)
		robot.Active = true
		a.must(a.store.PutServiceUser(t.Context(), robot))
		for deadline := time.Now().Add(time.Second); b.do(token).status != 200; {
			if time.Now().After(deadline) {
				t.Fatal("the service user is active again and is refused for a second")
			}
		}
	}
	slices.Sort(late)
	p99 := late[len(late)*99/100]
	t.Logf("%d rounds: p50 %s, p99 %s, at most %s", len(late), late[len(late)/2], p99, late[len(late)-1])
	if p99 > 250*time.Millisecond {
		t.Errorf("p99 is %s, want 250ms", p99)
	}
}

// What is revoked at one is not active at the other, whichever form it has, from the moment on at which that has answered.
func TestWhatOneReplicaRevokesTheOtherRefuses(t *testing.T) {
	a, b := replicas(t)
	a.form("robot", "a-messages", store.FormRFC9068)
	// They serve one issuer under the same name, as replicas do.
	post := func(w *world, path, user string, params ...string) map[string]any {
		t.Helper()
		got := w.do(call{path: path, host: zitadelHost, user: user, form: values(params...)})
		if got.status != 200 {
			t.Fatalf("%s: %d %s", path, got.status, got.body)
		}
		if got.body == "" {
			return nil
		}
		return w.object(got.body)
	}
	for range rounds(t, 50) {
		for api, params := range map[string][]string{"samples": {"scope", sampleScope}, "messages": {"audience", messages}} {
			raw := post(b, "/oauth/v2/token", "robot:robot-secret", append(params, "grant_type", clientCredentials)...)["access_token"].(string)
			active := func() any {
				return post(b, "/oauth/v2/introspect", api+"@P:"+api+"-secret", "token", raw)["active"]
			}
			if active() != true {
				t.Fatal("a new token is not active")
			}
			post(a, "/oauth/v2/revoke", "robot:robot-secret", "token", raw)
			if active() != false {
				t.Fatalf("a token for %s is revoked at one and active at the other", api)
			}
		}
	}
}

// One assertion that both get in the same moment is good for one token.
func TestAnAssertionIsUsedAtOneReplica(t *testing.T) {
	a, b := replicas(t)
	ctx := t.Context()
	for range rounds(t, 1000) {
		jti := secret.NewID()
		var both sync.WaitGroup
		errs := make([]error, 6)
		for i := range errs {
			w := []*world{a, b}[i%2]
			both.Go(func() { errs[i] = w.store.UseAssertion(ctx, "u-robot", jti, start.Add(time.Hour)) })
		}
		both.Wait()
		if used := len(slices.DeleteFunc(errs, func(err error) bool { return err != nil })); used != 1 {
			t.Fatalf("%d successes, want 1", used)
		}
	}
}

// What a leaked secret obtained is dead at both from the moment on at which it is ended at one, also where the clock of the
// other is ahead, whose tokens are then issued again after as many seconds.
func TestFindingS2_WhatIsEndedAtOneReplicaIsDeadAtBoth(t *testing.T) {
	a, b := replicas(t)
	b.pass(3 * time.Second)
	for range rounds(t, 20) {
		tokens := b.issuedNow()
		from, err := server.IssuedTokens{Store: a.store, Actor: "test", Now: a.now}.EndOfClient(t.Context(), "robot")
		a.must(err)
		for _, at := range []*world{b, a} {
			if got := at.alive(tokens); got != nil {
				t.Fatalf("alive: %v", got)
			}
		}
		a.pass(from.Sub(a.now()))
		b.pass(from.Sub(b.now()) + 3*time.Second)
		for deadline := time.Now().Add(time.Second); b.do(tokenCall("robot", "audience", messages)).status != 200; {
			if time.Now().After(deadline) {
				t.Fatal("a new token is refused for a second")
			}
		}
	}
}

// Codes, refresh tokens and DPoP proofs that come to both in the same moment count as often as at one server.
func TestWhatAPersonGotIsUsedAtOneReplica(t *testing.T) {
	a, b := replicas(t)
	a.seedPeople()
	for _, w := range []*world{a, b} { // under one name, as replicas are
		w.address, w.host, w.issuer = w.issuer, zitadelHost, "https://"+zitadelHost
	}
	both := func(n int, c call) int {
		var group sync.WaitGroup
		var good [2]int
		for i, w := range []*world{a, b} {
			group.Go(func() { good[i] = w.atOnce(n, c) })
		}
		group.Wait()
		return good[0] + good[1]
	}
	dead := func(refreshToken string) {
		t.Helper()
		for _, w := range []*world{a, b} {
			w.refused(w.do(refresh(spa, refreshToken)), 400, "invalid_grant")
		}
	}
	for range rounds(t, 50) {
		if good := both(3, redeem(spa, a.allowed(spa, offline, nil))); good != 1 {
			t.Fatalf("a code was good %d times, want once", good)
		}
		tokens := a.issued(a.do(redeem(spa, a.allowed(spa, offline, nil))))
		raw := tokens["refresh_token"].(string)
		if good := both(3, refresh(spa, raw)); good < 1 || good > store.MaxSuccessors {
			t.Fatalf("a refresh token had %d successors, want %d at most", good, store.MaxSuccessors)
		}
		dead(raw)
		for _, w := range []*world{a, b} {
			if got := w.userinfo(tokens["access_token"].(string)); got.status != 401 {
				t.Fatalf("the access token of a family that is dead: %d", got.status)
			}
		}
		if good := both(3, a.proving(tokenCall("robot"), own)); good != 1 {
			t.Fatalf("a proof was good %d times, want once", good)
		}
	}
}
