package postgres_test

import (
	"context"
	"testing"

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
