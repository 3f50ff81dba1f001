package server_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postern-auth/postern/internal/postgrestest"
	"github.com/postern-auth/postern/server/store/migrate"
	"github.com/postern-auth/postern/server/store/postgres"
)

// A server whose store moves answers by reading all the while, and the one on the database takes up where it stood: what
// was good is good, what was revoked is not, and people are logged in.
func TestAServerMovesToPostgres(t *testing.T) {
	w := newPeopleWorld(t)
	tokens := w.issuedNow()
	revoked := w.token("robot", "audience", messages)
	w.done(w.revoke("robot:robot-secret", revoked))
	person := w.issued(w.do(redeem(spa, w.allowed(spa, offline, nil))))
	published := w.published()

	address := postgrestest.Start(t, "fsync=off").Database(t)
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	var read atomic.Int64
	for name, raw := range tokens {
		readers.Go(func() {
			for ctx.Err() == nil {
				if w.introspect("messages", raw)["active"] != true {
					t.Errorf("meanwhile %s is not active", name)
				}
				read.Add(1)
			}
		})
	}
	moved, err := migrate.ToPostgres(t.Context(), w.file, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	before := read.Load()
	for deadline := time.Now().Add(5 * time.Second); read.Load() < before+20 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	stop()
	readers.Wait()
	if moved.Tables < 40 || moved.Rows < 50 || before == 0 || read.Load() < before+20 {
		t.Errorf("%+v, %d reads meanwhile and %d after it", moved, before, read.Load()-before)
	}
	// What was revoked in the file from now on would be good in the database.
	if a := w.revoke("robot:robot-secret", tokens["opaque"]); a.status != 503 {
		t.Errorf("a revocation at the server that was left: %d %s", a.status, a.body)
	}

	s, err := postgres.Open(t.Context(), address, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	next := &world{t: t, store: s, logs: w.logs, clock: w.now()}
	next.inPlaceOf(w)
	if got := next.alive(tokens); len(got) != len(tokens) {
		t.Errorf("of %v are alive: %v", slices.Sorted(maps.Keys(tokens)), got)
	}
	next.inactive("messages", revoked)
	if !maps.Equal(published, next.published()) {
		t.Errorf("published %v, then %v", published, next.published())
	}
	if a := next.userinfo(person["access_token"].(string)); a.status != 200 {
		t.Errorf("userinfo: %d %s", a.status, a.body)
	}
	next.issued(next.do(refresh(spa, person["refresh_token"].(string))))
	if raw := next.token("robot", "audience", messages); next.introspect("messages", raw)["active"] != true {
		t.Error("a new token is not active")
	}
}
