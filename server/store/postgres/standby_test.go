package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/postern-auth/postern/internal/postgrestest"
	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/postgres"
	"github.com/postern-auth/postern/server/store/storetest"
)

// writes are one of each way to commit: a row by itself, a write with the lock, and a transaction.
func writes(s store.Store, id string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"a row":   func(ctx context.Context) error { return s.RevokeJWT(ctx, id, time.Time{}) },
		"a write": func(ctx context.Context) error { return s.PutProject(ctx, store.Project{ID: id, Name: id}) },
		"a transaction": func(ctx context.Context) error {
			return s.InTx(ctx, func(tx store.Tx) error { return tx.AddEvent(ctx, store.Event{ID: id}) })
		},
	}
}

// A synchronous standby that is gone stops commits without end. Callers learn of an outage in time, a wait that somebody
// cancels is no success though the server says so, reads go on, and all is well once the standby is given up.
func TestACommitThatNoStandbyHasConfirmedIsAnOutage(t *testing.T) {
	server := postgrestest.Start(t)
	address := server.Database(t)
	s := open(t, address, postgres.Options{})
	set := func(query string) {
		server.Exec(t, address, query)
		server.Exec(t, address, `SELECT pg_reload_conf()`)
		time.Sleep(200 * time.Millisecond)
	}
	set(`ALTER SYSTEM SET synchronous_standby_names = 'gone'`)
	for name, write := range writes(s, "late") {
		began := time.Now()
		err := write(context.Background())
		if took := time.Since(began); !errors.Is(err, store.ErrUnavailable) || took > 7*time.Second {
			t.Errorf("%s: %v after %s", name, err, took)
		}
	}
	if _, err := s.Projects(t.Context()); err != nil {
		t.Errorf("reading: %v", err)
	}
	for name, write := range writes(s, "cancelled") {
		ended := make(chan error, 1)
		go func() { ended <- write(context.Background()) }()
		cancelled := "0"
		for range 30 {
			time.Sleep(100 * time.Millisecond)
			cancelled = server.Exec(t, address, `SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`)
			if cancelled != "0" {
				break
			}
		}
		if err := <-ended; cancelled == "0" || !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: %s waits cancelled, and then %v", name, cancelled, err)
		}
	}
	set(`ALTER SYSTEM RESET synchronous_standby_names`)
	for name, write := range writes(s, "after") {
		if err := write(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A primary that is lost, and the synchronous standby that takes its place: what was acknowledged is there, reads tell of
// an outage meanwhile and of nothing that is wrong, and the store finds the new primary by itself.
func TestAFailoverLosesNothing(t *testing.T) {
	primary := postgrestest.Start(t)
	address := primary.Database(t)
	standby := primary.Standby(t)
	s := open(t, primary.Either(standby, address), postgres.Options{})
	if err := s.PutProject(t.Context(), store.Project{ID: "there", Name: "there"}); err != nil {
		t.Fatal(err)
	}
	var acks bytes.Buffer
	ended := make(chan error, 1)
	go func() { ended <- storetest.WriteUntilKilled(context.Background(), s, "before", &acks) }()
	read, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	var reads, outages atomic.Int64
	for range 4 {
		readers.Go(func() {
			for read.Err() == nil {
				ctx, _ := store.WithExactView(t.Context())
				switch p, err := s.Project(ctx, "there"); {
				case err == nil && p.Name == "there":
					reads.Add(1)
				case errors.Is(err, store.ErrUnavailable):
					outages.Add(1)
				default:
					t.Errorf("a wrong answer: %+v, %v", p, err)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	time.Sleep(500 * time.Millisecond)
	lost := time.Now()
	primary.Fail(t, standby)
	promoted := time.Since(lost)
	if err := <-ended; !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("ended by %v, want an outage", err)
	}
	for s.PutProject(context.Background(), store.Project{ID: "after", Name: "after"}) != nil {
		if time.Since(lost) > 30*time.Second {
			t.Fatal("the store does not find the new primary")
		}
		time.Sleep(10 * time.Millisecond)
	}
	back := time.Since(lost)
	stop()
	readers.Wait()
	n, err := storetest.CheckAcknowledged(context.Background(), s, bytes.NewReader(acks.Bytes()))
	if err != nil || n < 10 || reads.Load() == 0 {
		t.Errorf("after %d acknowledged objects, %d reads and %d that told of an outage: %v", n, reads.Load(), outages.Load(), err)
	}
	t.Logf("promoted after %s, written to after %s; %d acknowledged writes, all there; %d reads, %d outages", promoted, back, n, reads.Load(), outages.Load())
}

// While the database does not answer, no more statements wait than have somebody who waits for them, and the first one
// afterwards does not stand behind those that are gone.
func TestWhatNobodyWaitsForIsNotWritten(t *testing.T) {
	server := postgrestest.Start(t, "fsync=off")
	address := server.Database(t)
	s := open(t, address, postgres.Options{})
	other, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.Background())
	for _, query := range []string{`BEGIN`, `LOCK TABLE revoked_jwts`} {
		if _, err := other.Exec(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan error, 2000)
	for i := range cap(ended) {
		go func() { ended <- s.RevokeJWT(context.Background(), fmt.Sprint(i), time.Time{}) }()
	}
	for range cap(ended) {
		if err := <-ended; !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("ended by %v", err)
		}
	}
	if _, err := other.Exec(t.Context(), `COMMIT`); err != nil {
		t.Fatal(err)
	}
	if err := s.RevokeJWT(t.Context(), "afterwards", time.Time{}); err != nil {
		t.Error(err)
	}
	written := 0
	for i := range cap(ended) {
		if revoked, err := s.JWTRevoked(t.Context(), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		} else if revoked {
			written++
		}
	}
	if written > 512 { // the batch that was at the server
		t.Errorf("%d statements of callers that had gone were run", written)
	}
}
