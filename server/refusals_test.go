package server_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/store"
)

// introspects asks as an API and returns the id of the decision.
func (w *world) introspects(api, secret, raw string) string {
	w.t.Helper()
	a := w.do(call{path: "/oauth/v2/introspect", user: api + ":" + secret, form: values("token", raw)})
	if a.status != 200 || !strings.Contains(a.body, `"active":false`) {
		w.t.Fatalf("introspection answers %d %s", a.status, a.body)
	}
	return a.header.Get("Postern-Decision")
}

// refusals are what is kept, the newest first.
func (w *world) refusals() []store.Refusal {
	w.t.Helper()
	w.must(w.server.Close()) // which writes
	all, err := w.store.RefusalsBefore(w.t.Context(), "", "", 1000)
	w.must(err)
	return all
}

func TestARefusalIsExplainedByItsDecision(t *testing.T) {
	w := newConsoleWorld(t)
	b := w.administrates()
	raw := w.token("robot", "scope", sampleScope)
	other := w.introspects("other@Q", otherSecret, raw)
	w.done(w.revoke("robot:"+robotSecret, raw))
	revoked := w.introspects("samples@P", samplesSecret, raw)
	foreign := w.introspects("samples@P", samplesSecret, "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsxIn0.eyJpc3MiOiJodHRwczovL2VsZXdoZXJlLmV4YW1wbGUiLCJhdWQiOlsieCJdLCJzdWIiOiJhZGEifQ.c2ln")
	client := w.do(call{path: "/oauth/v2/token", user: "robot:wrong", form: values("grant_type", "client_credentials")})
	for _, row := range []struct {
		decision string
		words    []string
	}{
		{other, []string{"audience-mismatch", "It is for another API", "Asked by the API", "robot", "expected"}},
		{revoked, []string{"token-inactive", "token is revoked", "robot"}},
		{foreign, []string{"token-unknown", "https://elewhere.example", "k1", "not one of this server"}},
		{client.header.Get("Postern-Decision"), []string{"invalid_client", "token endpoint"}},
	} {
		s := b.why("token", row.decision)
		s.tells(t, 200, "Decision "+row.decision, row.words...)
		s.lacks(t, raw, "c2ln", "robot:wrong", ">ada<")
		b.posts("/console/find", "find", " "+row.decision+" ").tells(t, 200, "Decision "+row.decision)
		b.open("/console/refused/"+row.decision).tells(t, 200, "Decision "+row.decision)
	}
	list := b.open("/console/refused")
	list.tells(t, 200, "Refused", "audience-mismatch", "token-inactive", "token-unknown", "invalid_client", "introspection", "token endpoint")
	b.open("/console/refused?reason=invalid_client").lacks(t, ">token endpoint</td><td>token-unknown")
	b.open("/console/").tells(t, 200, "Overview", "Refused, by reason", "invalid_client", "A column is an hour")
	b.why("token", "ABCDEFGHIJKLMNOP").tells(t, 422, "Why was this token refused?", "No decision ABCDEFGHIJKLMNOP is kept here")
	b.open("/console/refused/ABCDEFGHIJKLMNOP").tells(t, 404, "There is nothing at this address")
}

// What is no refusal is not kept as one: outages, and steps that a client goes on from.
func TestRefusalsKeepNoTokenAndNoSecret(t *testing.T) {
	w := newWorld(t)
	raw := w.token("robot", "scope", sampleScope)
	w.introspects("other@Q", otherSecret, raw)
	w.introspects("samples@P", samplesSecret, raw+"x")
	w.do(call{path: "/oauth/v2/token", user: "robot:a-wrong-secret", form: values("grant_type", "client_credentials")})
	w.do(call{path: "/oauth/v2/token", form: values("grant_type", "client_credentials", "client_id", "robot", "client_secret", "a-wrong-secret")})
	w.do(call{path: "/oauth/v2/token", user: "robot:" + robotSecret, form: values("grant_type", "a-wrong-secret-as-type")})
	w.do(w.bearing("Bearer", raw+"y"))
	all := w.refusals()
	if len(all) < 5 {
		t.Fatalf("%d refusals are kept, want 6", len(all))
	}
	for _, r := range all {
		if strings.Contains(r.Detail+r.Issuer+r.KeyID+r.ClientID+r.Subject+strings.Join(r.Audience, ""), raw[:len(raw)/2]) {
			t.Errorf("kept of a token: %+v", r)
		}
		if r.Where == "token" && strings.Contains(r.Detail, "wrong-secret") && r.Reason != "unsupported_grant_type" {
			t.Errorf("kept of a secret: %+v", r)
		}
	}
}

// A crowd of strangers is counted, kept in samples, and pushes out nobody.
func TestACrowdOfRefusalsIsKeptInSamples(t *testing.T) {
	w := newWorld(t)
	raw := w.token("robot", "scope", sampleScope)
	honest := w.introspects("other@Q", otherSecret, raw)
	for range 300 {
		w.do(w.bearing("Bearer", "nonsense"))
	}
	all := w.refusals()
	if n := len(all); n > 200 {
		t.Errorf("%d refusals are kept of a crowd", n)
	}
	if all[len(all)-1].Decision != honest {
		t.Error("the honest one is gone")
	}
	counts, err := w.store.CountsSince(t.Context(), start.Truncate(time.Hour))
	w.must(err)
	refused, issued := 0, 0
	for _, c := range counts {
		if c.Reason == "" {
			issued += c.Number
		} else {
			refused += c.Number
		}
	}
	if refused != 301 || issued != 1 {
		t.Errorf("%d refused and %d issued are counted, want 301 and 1", refused, issued)
	}
}

// An API in the same program has its refusals explained too.
func TestAGuardInTheSameProgramTellsTheConsole(t *testing.T) {
	w := newConsoleWorld(t)
	b := w.administrates()
	guard := &postern.Guard{Verifier: w.server.Verifier(reports), OnDecision: w.server.OnDecision("Orders")}
	r, _ := http.NewRequest(http.MethodGet, "/orders", nil)
	r.Header.Set("Authorization", "Bearer "+w.token("robot", "scope", sampleScope))
	_, err := guard.Check(r)
	var refused *postern.Error
	if !errors.As(err, &refused) {
		t.Fatalf("a token for another API: %v", err)
	}
	b.why("token", refused.ID).tells(t, 200, "Decision "+refused.ID, "Orders", refused.Reason)
}

// unwritable is a store whose transactions fail while it is told so, as on a disk that is full.
type unwritable struct {
	store.Store
	full atomic.Bool
}

func (s *unwritable) InTx(ctx context.Context, f func(store.Tx) error) error {
	if s.full.Load() {
		return store.ErrUnavailable
	}
	return s.Store.InTx(ctx, f)
}

// The pages that say what goes wrong are there when nothing can be written, and what was counted meanwhile is not lost.
func TestOnAFullDiskTheConsoleStillTells(t *testing.T) {
	var disk *unwritable
	w := newConsoleWorld(t, func(c *server.Config) {
		disk = &unwritable{Store: c.Store}
		c.Store = disk
	})
	b := w.administrates()
	raw := w.token("robot", "scope", sampleScope)
	known := w.introspects("other@Q", otherSecret, raw)
	b.why("token", known).tells(t, 200, "Decision "+known)
	disk.full.Store(true)
	later := w.introspects("other@Q", otherSecret, raw)
	b.open("/console/").tells(t, 200, "Overview", "audience-mismatch")
	b.open("/console/refused").tells(t, 200, "Refused", "audience-mismatch")
	b.why("token", known).tells(t, 200, "Decision "+known)
	b.why("token", later).tells(t, 422, "Why was this token refused?")
	disk.full.Store(false)
	b.why("token", later).tells(t, 200, "Decision "+later)
}
