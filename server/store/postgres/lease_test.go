//go:build unix

package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/postern-auth/postern/internal/postgrestest"
	"github.com/postern-auth/postern/server/store"
)

func TestALeaseIsOfOneVersionAndOneSecond(t *testing.T) {
	now := time.Now()
	l := &lease{}
	if l.holds(0) || l.holds(1) {
		t.Error("a lease that nobody has renewed holds")
	}
	l.renew(l.ended(), 7, now)
	if !l.holds(7) || l.holds(6) || l.holds(8) {
		t.Error("expected a lease of version 7 alone")
	}
	if l.end(7); !l.holds(7) {
		t.Error("what has not moved has ended the lease")
	}
	turn := l.ended()
	if l.end(8); l.holds(7) || l.holds(8) {
		t.Error("what has moved has not ended the lease")
	}
	if l.renew(turn, 7, now); l.holds(7) {
		t.Error("an answer to what was asked before the end has renewed the lease")
	}
	l.renew(l.ended(), 8, now.Add(-leaseTime))
	if l.holds(8) {
		t.Error("a lease holds for longer than a second after the question")
	}
	l.renew(l.ended(), 9, now)
	if l.end(0); l.holds(9) {
		t.Error("what nobody knows has not ended the lease")
	}
}

// Where the listening connection is cut, in silence or not, what another server changes counts within a second, and the
// lease comes back.
func TestACutOfTheListenerIsSeenWithinASecond(t *testing.T) {
	server := postgrestest.Start(t, "fsync=off")
	address := server.Database(t)
	changes, err := Open(t.Context(), address, Options{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	defer changes.Close()
	d, err := open(context.Background(), address, Options{})
	if err != nil {
		t.Fatal(err)
	}
	reads := newStore(d, nil)
	defer reads.Close()
	pid := func() int {
		t.Helper()
		text := server.Exec(t, address, `SELECT pid FROM pg_stat_activity WHERE application_name LIKE '% (listens)' AND datname = current_database()`)
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("expected one listener, got %q", text)
		}
		return n
	}
	for round, cut := range []func(pid int){
		func(int) {}, // none
		func(pid int) { server.Exec(t, address, `SELECT pg_terminate_backend(`+fmt.Sprint(pid)+`)`) },
		func(pid int) {
			if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
		},
	} {
		want := fmt.Sprint("after ", round)
		leased(t, d, reads)
		cut(pid())
		if err := changes.PutOrganization(t.Context(), store.Organization{ID: "org", Name: want}); err != nil {
			t.Fatal(err)
		}
		changed := time.Now()
		for {
			org, err := reads.Organization(t.Context(), "org")
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				t.Fatal(err)
			}
			late := time.Since(changed)
			if org.Name == want {
				t.Logf("round %d: seen after %s", round, late)
				break
			}
			if late > leaseTime {
				t.Fatalf("round %d: not seen after %s", round, late)
			}
			time.Sleep(time.Millisecond)
		}
	}
	leased(t, d, reads)
}

// leased waits until the store answers from memory.
func leased(t *testing.T, d *database, s *Store) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		ctx, view := store.WithView(t.Context())
		if _, err := s.Organization(ctx, "org"); err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		if d.lease.holds(view.Version()) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the lease does not come back")
		}
	}
}
