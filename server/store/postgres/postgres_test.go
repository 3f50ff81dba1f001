package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/postern-auth/postern/internal/postgrestest"
	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/postgres"
	"github.com/postern-auth/postern/server/store/storetest"
)

func TestStore(t *testing.T) {
	server := postgrestest.Start(t, "fsync=off") // nothing crashes here
	empty := server.Database(t)
	if err := open(t, empty, postgres.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, server.Copy(t, empty), postgres.Options{}) })
}

// open opens a store and closes it at the end of the test.
func open(t testing.TB, address string, options postgres.Options) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(context.Background(), address, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// Two servers with one database: what one changes counts at the other at once where it asks, and else when it is told.
func TestBeside(t *testing.T) {
	server := postgrestest.Start(t, "fsync=off")
	for name, options := range map[string]postgres.Options{"lease": {}, "strict": {Strict: true}} {
		lag := time.Second
		if options.Strict {
			lag = 0
		}
		t.Run(name, func(t *testing.T) {
			storetest.Beside(t, func(t *testing.T) (one, other store.Store) {
				address := server.Database(t)
				return open(t, address, options), open(t, address, options)
			}, lag)
		})
	}
}
