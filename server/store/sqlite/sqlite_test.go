package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/sqlite"
	"github.com/postern-auth/postern/server/store/storetest"
)

// TestMain lets the test binary be the other process of some tests.
func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := play(context.Background(), role, os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		return open(t, filepath.Join(t.TempDir(), "postern.db"), sqlite.Options{})
	})
}

func TestClock(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := open(t, filepath.Join(t.TempDir(), "postern.db"), sqlite.Options{Now: func() time.Time { return now }})
	seed(t, s)
	if err := s.CreateToken(t.Context(), token("t1")); err != nil {
		t.Fatal(err)
	}
	if err := s.RevokeToken(t.Context(), "t1", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Token(t.Context(), "t1"); err != nil || !got.RevokedAt.Equal(now) {
		t.Errorf("expected the token to be revoked at %v, got %v, %v", now, got.RevokedAt, err)
	}
}

// open opens a store and closes it at the end of the test.
func open(t testing.TB, path string, options sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(context.Background(), path, options)
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

// seed makes the service user that token names.
func seed(t testing.TB, s store.Store) {
	t.Helper()
	err := s.PutServiceUser(context.Background(), store.ServiceUser{ID: "u1", Username: "mailer", Active: true})
	if err != nil {
		t.Fatal(err)
	}
}

func token(id string) store.Token {
	issued := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return store.Token{
		ID: id, Kind: store.AccessToken, Digest: store.Digest{1, 2, 3}, SubjectID: "u1", ClientID: "mailer",
		Issuer: "https://login.example.com", Audience: []string{"203"}, Scopes: []string{"read:messages"},
		IssuedAt: issued, ExpiresAt: issued.Add(time.Hour),
	}
}

// Two stores with one file, as those of two processes: what one changes counts at the other from its next read on.
func TestBeside(t *testing.T) {
	storetest.Beside(t, func(t *testing.T) (one, other store.Store) {
		path := filepath.Join(t.TempDir(), "postern.db")
		return open(t, path, sqlite.Options{}), open(t, path, sqlite.Options{})
	}, 0)
}

// Somebody has taken the mark away while a store was open: what another one changes counts within a second all the same,
// and from then on at once.
func TestBesideWithoutItsMark(t *testing.T) {
	path := filepath.Join(t.TempDir(), "postern.db")
	reads := open(t, path, sqlite.Options{})
	organization := func(want string) (late time.Duration) {
		t.Helper()
		for began := time.Now(); ; time.Sleep(time.Millisecond) {
			got, err := reads.Organization(t.Context(), "org")
			if late = time.Since(began); err == nil && got.Name == want {
				return late
			}
			if late > 2*time.Second {
				t.Fatalf("expected %q, got %q after %s, %v", want, got.Name, late, err)
			}
		}
	}
	put := func(s store.Store, name string) {
		t.Helper()
		if err := s.PutOrganization(t.Context(), store.Organization{ID: "org", Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	put(reads, "first")
	organization("first")
	if err := os.Remove(path + "-mark"); err != nil {
		t.Fatal(err)
	}
	changes := open(t, path, sqlite.Options{})
	for i, name := range []string{"second", "third", "fourth"} {
		put(changes, name)
		if late := organization(name); i > 0 && late > 500*time.Millisecond {
			t.Errorf("%s was seen after %s, expected it at once", name, late)
		}
	}
}
