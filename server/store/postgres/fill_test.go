package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/postern-auth/postern/internal/postgrestest"
	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/postgres"
	"github.com/postern-auth/postern/server/store/sqlite"
	"github.com/postern-auth/postern/server/store/storetest"
)

// file is a store in a file, with two of everything.
func file(t *testing.T) (*sqlite.Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "postern.db")
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	storetest.Fill(t, s)
	return s, path
}

// contents are the rows of all tables of a database, as text and sorted.
func contents(t *testing.T, tables []store.Table, query func(string) ([][]any, error)) map[string][]string {
	t.Helper()
	all := make(map[string][]string)
	for _, table := range tables {
		if table.Name == "registry_version" {
			continue // it goes on
		}
		rows, err := query(`SELECT ` + strings.Join(table.Columns, ", ") + ` FROM ` + table.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, values := range rows {
			for i, v := range values {
				if truth, ok := v.(bool); ok {
					values[i] = map[bool]int64{true: 1}[truth]
				}
			}
			all[table.Name] = append(all[table.Name], fmt.Sprintf("%v", values))
		}
		slices.Sort(all[table.Name])
	}
	return all
}

func inFile(t *testing.T, path string) func(string) ([][]any, error) {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return func(query string) (all [][]any, err error) {
		rows, err := db.QueryContext(t.Context(), query)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		columns, _ := rows.Columns()
		for rows.Next() {
			values, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				return nil, err
			}
			all = append(all, values)
		}
		return all, rows.Err()
	}
}

func inDatabase(t *testing.T, address string) func(string) ([][]any, error) {
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return func(query string) (all [][]any, err error) {
		rows, err := conn.Query(t.Context(), query)
		if err != nil {
			return nil, err
		}
		return pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
	}
}

func TestAStoreMovesAsItIs(t *testing.T) {
	from, path := file(t)
	other, err := sqlite.Open(t.Context(), path, sqlite.Options{}) // another server
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	address := postgrestest.Start(t, "fsync=off").Database(t)
	var tables []store.Table
	counted := make(map[string]int64)
	err = from.Move(t.Context(), func(all []store.Table) error {
		tables = all
		return postgres.Fill(t.Context(), address, all, func(table string, rows int64) { counted[table] = rows })
	})
	if err != nil {
		t.Fatal(err)
	}
	want, got := contents(t, tables, inFile(t, path)), contents(t, tables, inDatabase(t, address))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-file +database):\n%s", diff)
	}
	empty := 0
	for _, table := range tables {
		if table.Name != "registry_version" && int(counted[table.Name]) != len(want[table.Name]) {
			t.Errorf("told %d rows of %s", counted[table.Name], table.Name)
		}
		if len(want[table.Name]) == 0 {
			empty++
		}
	}
	if len(tables) < 40 || empty > len(tables)/2 {
		t.Errorf("%d tables, %d of them empty", len(tables), empty)
	}
	to := open(t, address, postgres.Options{})
	for name, write := range writes(to, "there") {
		if err := write(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Numbers that the database gives go on behind those that it was given.
	if err := to.PutAssignment(t.Context(), store.Assignment{SubjectID: "u1", ProjectID: "there"}); err != nil {
		t.Error(err)
	}
	t.Run("whoever writes to the file is told, and reads go on", func(t *testing.T) {
		for _, s := range []store.Store{from, other} {
			for name, write := range writes(s, "late") {
				if err := write(t.Context()); !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "moved to PostgreSQL by postern migrate: serve with --database") {
					t.Errorf("%s: %v", name, err)
				}
			}
			if _, err := s.Projects(t.Context()); err != nil {
				t.Error(err)
			}
			if err := s.Ping(t.Context()); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("ping: %v", err)
			}
		}
		if _, err := sqlite.Open(t.Context(), path, sqlite.Options{}); err == nil || !strings.Contains(err.Error(), "moved to PostgreSQL") {
			t.Errorf("opened again: %v", err)
		}
	})
}

// A move that fails half-way changes nothing on either side.
func TestAMoveThatFailsChangesNothing(t *testing.T) {
	from, _ := file(t)
	server := postgrestest.Start(t, "fsync=off")
	address := server.Database(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := from.Move(ctx, func(all []store.Table) error {
		return postgres.Fill(ctx, address, all, func(table string, _ int64) {
			if table == "tokens" {
				cancel()
			}
		})
	})
	if err == nil {
		t.Fatal("it succeeded")
	}
	if err := from.PutProject(t.Context(), store.Project{ID: "after", Name: "after"}); err != nil {
		t.Errorf("the file: %v", err)
	}
	if n := server.Exec(t, address, `SELECT count(*) FROM subjects`); n != "0" {
		t.Errorf("the database has %s subjects", n)
	}
	// Into one that is in use nothing is moved.
	full := open(t, address, postgres.Options{})
	if err := full.RevokeJWT(t.Context(), "one", time.Time{}); err != nil {
		t.Fatal(err)
	}
	err = from.Move(t.Context(), func(all []store.Table) error { return postgres.Fill(t.Context(), address, all, nil) })
	if !errors.Is(err, postgres.ErrNotEmpty) || !strings.Contains(err.Error(), "expected one without objects, found some in the table revoked_jwts") {
		t.Errorf("into one in use: %v", err)
	}
}

// How long writers of the file wait while it moves.
func BenchmarkMoveOf100000Tokens(b *testing.B) {
	s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "postern.db"), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const rows = 100_000
	if err := s.PutServiceUser(b.Context(), store.ServiceUser{ID: "u1", Username: "u1", Active: true}); err != nil {
		b.Fatal(err)
	}
	for from := 0; from < rows; from += 10_000 {
		err := s.InTx(b.Context(), func(tx store.Tx) error {
			for n := from; n < from+10_000; n++ {
				token := store.Token{ID: fmt.Sprintf("%026d", n), Kind: store.AccessToken, SubjectID: "u1", ClientID: "u1", Audience: []string{"https://messages.example.com"}, IssuedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
				if err := tx.CreateToken(b.Context(), token); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	server := postgrestest.Start(b)
	undone := errors.New("once more")
	for b.Loop() {
		address := server.Database(b)
		err := s.Move(b.Context(), func(all []store.Table) error {
			if err := postgres.Fill(b.Context(), address, all, nil); err != nil {
				return err
			}
			return undone
		})
		if !errors.Is(err, undone) {
			b.Fatal(err)
		}
	}
	b.ReportMetric(rows/(b.Elapsed().Seconds()/float64(b.N)), "rows/s")
}
