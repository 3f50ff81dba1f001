package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postern-auth/postern/internal/postgrestest"
	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/postgres"
	"github.com/postern-auth/postern/server/store/storetest"
)

// Ten servers start at once on an empty database: one of them makes the schema, and all have it.
func TestTenOpenAtOnce(t *testing.T) {
	address := postgrestest.Start(t, "fsync=off").Database(t)
	var all sync.WaitGroup
	stores := make([]*postgres.Store, 10)
	errs := make([]error, len(stores))
	for i := range stores {
		all.Go(func() {
			stores[i], errs[i] = postgres.Open(context.Background(), address, postgres.Options{Connections: 2})
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for i, s := range stores {
		if err := s.PutServiceUser(t.Context(), store.ServiceUser{ID: fmt.Sprint(i), Username: fmt.Sprint(i)}); err != nil {
			t.Error(err)
		}
	}
	if users, err := stores[0].ServiceUsers(t.Context()); err != nil || len(users) != len(stores) {
		t.Errorf("%d users, %v", len(users), err)
	}
	for _, s := range stores {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	server := postgrestest.Start(t, "fsync=off")
	foreign, newer := server.Database(t), server.Database(t)
	server.Exec(t, foreign, `CREATE TABLE users (id text)`)
	if err := open(t, newer, postgres.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	server.Exec(t, newer, `INSERT INTO postern_schema (version_id, is_applied) VALUES (99, true)`)
	for address, told := range map[string]string{
		foreign:                             "tables of another program",
		newer:                               "start a newer postern",
		"postgres://u:hunter2@%zz/x":        "cannot be read",
		"postgres://u:hunter2@db.invalid/x": "sslmode=verify-full",
		"postgres://u:hunter2@127.0.0.1,192.0.2.1/x":           "is on another machine",
		"postgres://u:x@hunter2@%zz/x":                         "cannot be read",
		"host=127.0.0.1 port=x password = hunter2":             "cannot be read",
		"host=127.0.0.1 port=x pass=hunter2":                   "cannot be read",
		"postgres://u:hunter2@127.0.0.1:1/x?connect_timeout=1": "connect",
	} {
		_, err := postgres.Open(t.Context(), address, postgres.Options{})
		if err == nil || !bytes.Contains([]byte(err.Error()), []byte(told)) || bytes.Contains([]byte(err.Error()), []byte("hunter2")) {
			t.Errorf("%s: %v", told, err)
		}
	}
}

// two are two servers of one database.
func two(t *testing.T) [2]*postgres.Store {
	t.Helper()
	address := postgrestest.Start(t, "fsync=off").Database(t)
	return [2]*postgres.Store{open(t, address, postgres.Options{}), open(t, address, postgres.Options{})}
}

// Of all that use one assertion at the same moment, at two servers, exactly one succeeds.
func TestAnAssertionIsUsedOnceAtTwoServers(t *testing.T) {
	servers := two(t)
	times := 1000
	if testing.Short() {
		times = 100
	}
	for n := range times {
		var all sync.WaitGroup
		var used atomic.Int32
		for i := range 6 {
			all.Go(func() {
				switch err := servers[i%2].UseAssertion(t.Context(), "u1", fmt.Sprint(n), time.Now().Add(time.Hour)); {
				case err == nil:
					used.Add(1)
				case !errors.Is(err, store.ErrExists):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if used.Load() != 1 {
			t.Fatalf("%d: used %d times", n, used.Load())
		}
	}
}

func TestTwoServersUseNoCodeOrRefreshTokenMoreOftenThanOne(t *testing.T) {
	server := postgrestest.Start(t, "fsync=off")
	for name, want := range map[string]int{"code-f1": 1, "refresh-f1": store.MaxSuccessors} {
		address := server.Database(t)
		servers := [2]*postgres.Store{open(t, address, postgres.Options{}), open(t, address, postgres.Options{})}
		storetest.Share(t, servers[0])
		var all sync.WaitGroup
		var used atomic.Int64
		for i, s := range servers {
			all.Go(func() {
				next := ""
				if name == "refresh-f1" {
					next = fmt.Sprint("server", i)
				}
				n, err := storetest.UseTogether(t.Context(), s, name, next, 100)
				if err != nil {
					t.Error(err)
				}
				used.Add(int64(n))
			})
		}
		all.Wait()
		if used.Load() != int64(want) {
			t.Errorf("%s: used %d times, want %d", name, used.Load(), want)
		}
		if family, err := servers[1].Family(t.Context(), "f1"); err != nil || family.RevokedAt.IsZero() {
			t.Errorf("%s: the family lives: %+v, %v", name, family, err)
		}
	}
}

// Transactions of two servers that read before they write come one after the other, and each runs once.
func TestTransactionsOfTwoServersTakeTurns(t *testing.T) {
	servers := two(t)
	if err := servers[0].PutProject(t.Context(), store.Project{ID: "p", Name: "0"}); err != nil {
		t.Fatal(err)
	}
	var ran, number atomic.Int64
	var all sync.WaitGroup
	const each = 25
	for i := range 8 {
		all.Go(func() {
			for range each {
				err := servers[i%2].InTx(t.Context(), func(tx store.Tx) error {
					ran.Add(1)
					p, err := tx.Project(t.Context(), "p")
					if err != nil {
						return err
					}
					var n int
					if _, err := fmt.Sscan(p.Name, &n); err != nil {
						return err
					}
					p.Name = fmt.Sprint(n + 1)
					number.Store(int64(n + 1))
					return tx.PutProject(t.Context(), p)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if p, err := servers[1].Project(t.Context(), "p"); err != nil || p.Name != fmt.Sprint(8*each) || ran.Load() != 8*each || number.Load() != 8*each {
		t.Errorf("%+v after %d runs, %v", p, ran.Load(), err)
	}
}

// A server that crashes and comes back has all that it has acknowledged, and while it is away callers are told of an
// outage and of nothing else.
func TestARestartLosesNothing(t *testing.T) {
	rounds := 4
	if testing.Short() {
		rounds = 1
	}
	server := postgrestest.Start(t)
	s := open(t, server.Database(t), postgres.Options{})
	var acks bytes.Buffer
	for round := range rounds {
		ended := make(chan error, 1)
		before := acks.Len()
		go func() { ended <- storetest.WriteUntilKilled(context.Background(), s, fmt.Sprint("run", round), &acks) }()
		time.Sleep(500 * time.Millisecond)
		server.Restart(t)
		if err := <-ended; !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("round %d: ended by %v, want an outage", round, err)
		}
		begin := time.Now()
		for s.Ping(context.Background()) != nil {
			if time.Since(begin) > 20*time.Second {
				t.Fatal("the store does not come back")
			}
		}
		time.Sleep(100 * time.Millisecond) // the other writers have failed, too
		t.Logf("round %d: %d bytes acknowledged, back %v after the restart", round, acks.Len()-before, time.Since(begin))
	}
	n, err := storetest.CheckAcknowledged(context.Background(), s, bytes.NewReader(acks.Bytes()))
	if err != nil || n < 10*rounds {
		t.Errorf("after %d acknowledged objects: %v", n, err)
	}
	t.Logf("%d acknowledged writes, all there", n)
}

// Many callers that write at the same time share commits.
func TestSingleRowsShareCommits(t *testing.T) {
	server := postgrestest.Start(t)
	address := server.Database(t)
	s := open(t, address, postgres.Options{})
	if err := s.PutServiceUser(t.Context(), store.ServiceUser{ID: "u1", Username: "u1", Active: true}); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			for n := range 50 {
				err := s.CreateToken(t.Context(), store.Token{ID: fmt.Sprintf("%d-%d", i, n), Kind: store.AccessToken, SubjectID: "u1"})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	commits, err := strconv.Atoi(server.Exec(t, address, `SELECT count(DISTINCT CAST(xmin AS text)) FROM tokens`)) // of their transactions
	if err != nil || commits < 50 {
		t.Errorf("%d commits of callers that come back 50 times, %v", commits, err)
	}
	if commits > 64*50/8 {
		t.Errorf("%d commits of %d rows", commits, 64*50)
	}
	t.Logf("%d rows in %d commits: %.1f a commit", 64*50, commits, 64*50/float64(commits))
	// One that is refused takes no other with it.
	var refused, kept atomic.Int32
	for i := range 64 {
		all.Go(func() {
			token := store.Token{ID: fmt.Sprint("mixed-", i), Kind: store.AccessToken, SubjectID: "u1"}
			if i%8 == 0 {
				token.SubjectID = "nobody"
			}
			switch err := s.CreateToken(t.Context(), token); {
			case err == nil:
				kept.Add(1)
			case errors.Is(err, store.ErrNotFound) && i%8 == 0:
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if refused.Load() != 8 || kept.Load() != 56 {
		t.Errorf("%d refused and %d kept, want 8 and 56", refused.Load(), kept.Load())
	}
}
