package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server/store"
)

func TestOpenMakesAPrivateFileInAPrivateFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no file modes")
	}
	folder := filepath.Join(t.TempDir(), "var", "postern")
	path := filepath.Join(folder, "postern.db")
	openPath(t, path, Options{})
	want := map[string]fs.FileMode{"postern.db": 0o600, "postern.db-wal": 0o600, "postern.db-shm": 0o600, "postern.db-mark": 0o600}
	checkModes(t, folder, want)
	for _, name := range []string{folder, filepath.Dir(folder)} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: expected mode 0700, got %v, %v", name, info.Mode(), err)
		}
	}
	for name := range want {
		if err := os.Chmod(filepath.Join(folder, name), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	openPath(t, path, Options{})
	checkModes(t, folder, want)
}

func checkModes(t *testing.T, folder string, want map[string]fs.FileMode) {
	t.Helper()
	got := make(map[string]fs.FileMode)
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		got[entry.Name()] = info.Mode()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("expected (-), got (+):\n%s", diff)
	}
}

func TestConnectionsAreDurableStrictAndReadersReadOnly(t *testing.T) {
	_, d := openInternal(t, Options{})
	for _, test := range []struct {
		on, pragma, want string
		query            func(context.Context, string, ...any) *sql.Row
	}{
		{"writer", "journal_mode", "wal", d.conn.QueryRowContext},
		{"writer", "synchronous", "2", d.conn.QueryRowContext}, // FULL
		{"writer", "fullfsync", "1", d.conn.QueryRowContext},
		{"writer", "foreign_keys", "1", d.conn.QueryRowContext},
		{"writer", "temp_store", "2", d.conn.QueryRowContext}, // in memory
		{"reader", "temp_store", "2", d.reading.QueryRowContext},
		{"reader", "query_only", "1", d.reading.QueryRowContext},
		{"reader", "busy_timeout", "5000", d.reading.QueryRowContext},
	} {
		var got string
		if err := test.query(context.Background(), "PRAGMA "+test.pragma).Scan(&got); err != nil || got != test.want {
			t.Errorf("%s: expected %s to be %s, got %s, %v", test.on, test.pragma, test.want, got, err)
		}
	}
	_, err := d.readers.Exec(`PRAGMA query_only = OFF`)
	if _, insertErr := d.readers.Exec(`INSERT INTO revoked_jwts (jti) VALUES ('x')`); err != nil || insertErr == nil {
		t.Errorf("expected a reader to be read-only for good, got %v, %v", err, insertErr)
	}
}

func TestOpenTakesAnyPath(t *testing.T) {
	for _, name := range []string{"a b", "what?mode=memory", "100%", "%41", "a#b", "a&b=c", ":memory:", "ü", "file:x", "a'b\"c"} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			openPath(t, filepath.Join(folder, name), Options{})
			if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOpenTakesARelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	openPath(t, "postern.db", Options{})
	if _, err := os.Stat("postern.db"); err != nil {
		t.Error(err)
	}
}

func TestAClosedStoreIsOneFileAndItsMarkAndOpensAgain(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "postern.db")
	for range 3 {
		s, _ := openPath(t, path, Options{})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(folder)
		if err != nil || len(entries) != 2 || entries[1].Name() != "postern.db-mark" {
			t.Fatalf("expected the database and its mark, got %v, %v", entries, err)
		}
	}
}

func TestOpenRefusesWhatIsNoSoundDatabaseOfOurs(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(t *testing.T, path string)
		want    string
	}{
		{"a short text", func(t *testing.T, path string) { writeFile(t, path, []byte("hello")) }, "is not an SQLite database"},
		{"a long text", func(t *testing.T, path string) { writeFile(t, path, bytes.Repeat([]byte("hello\n"), 10_000)) }, "is not an SQLite database"},
		{"a folder", func(t *testing.T, path string) { must(t, os.Mkdir(path, 0o700)) }, "expected a file"},
		{"another program's database", makeForeign, "belongs to another program"},
		{"a newer schema", makeNewer, "start a newer postern"},
		{"a damaged header", damage(0, 16), "is not an SQLite database"},
		{"a damaged schema", damage(100, 3000), "is damaged"},
		{"damaged pages", damage(8*4096, 40*4096), "is damaged"},
		{"a file that was cut off", cutOff, "is damaged"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "postern.db")
			test.prepare(t, path)
			before, _ := os.ReadFile(path)
			s, err := Open(context.Background(), path, Options{})
			if err == nil {
				_ = s.Close()
				t.Fatal("expected an error, got nil")
			}
			if text := err.Error(); !strings.HasPrefix(text, "sqlite: open "+path+": ") || !strings.Contains(text, test.want) || strings.Contains(text, "\n") {
				t.Errorf("expected one line with %q, got %q", test.want, text)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("expected the file to be as it was")
			}
		})
	}
}

func TestOpenNeedsAPath(t *testing.T) {
	if _, err := Open(context.Background(), "", Options{}); err == nil || !strings.Contains(err.Error(), "expected the path") {
		t.Errorf("expected an error, got %v", err)
	}
}

func TestOpenStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Open(ctx, filepath.Join(t.TempDir(), "postern.db"), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("expected the context's error, got %v", err)
	}
}

func TestManyOpenANewFileAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "postern.db")
	const openers = 12
	errs := make([]error, openers)
	var done sync.WaitGroup
	for i := range openers {
		done.Go(func() {
			s, err := Open(context.Background(), path, Options{})
			if err == nil {
				err = errors.Join(s.PutProject(context.Background(), store.Project{ID: fmt.Sprint(i), Name: fmt.Sprint(i)}), s.Close())
			}
			errs[i] = err
		})
	}
	done.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	s, _ := openPath(t, path, Options{})
	if projects, err := s.Projects(context.Background()); err != nil || len(projects) != openers {
		t.Errorf("expected %d projects, got %d, %v", openers, len(projects), err)
	}
}

// TestNoReadLooksAtEveryRow asks SQLite how it answers the queries of all reads.
func TestNoReadLooksAtEveryRow(t *testing.T) {
	ctx := context.Background()
	s, d := openInternal(t, Options{})
	owner := store.Owner{Kind: store.APIClient, ID: "1"}
	for name, read := range map[string]func() error{
		"organization":        func() error { return second(s.Organization(ctx, "1")) },
		"project":             func() error { return second(s.Project(ctx, "1")) },
		"project by name":     func() error { return second(s.ProjectByName(ctx, "1")) },
		"api":                 func() error { return second(s.API(ctx, "1")) },
		"api by client id":    func() error { return second(s.APIByClientID(ctx, "1")) },
		"api by identifier":   func() error { return second(s.APIByIdentifier(ctx, "1")) },
		"user":                func() error { return second(s.ServiceUser(ctx, "1")) },
		"user by username":    func() error { return second(s.ServiceUserByUsername(ctx, "1")) },
		"grants":              func() error { return second(s.AssignmentsOf(ctx, "1")) },
		"secrets":             func() error { return second(s.SecretsOf(ctx, owner)) },
		"key":                 func() error { return second(s.ClientKey(ctx, "1")) },
		"keys":                func() error { return second(s.ClientKeysOf(ctx, owner)) },
		"token":               func() error { return second(s.Token(ctx, "1")) },
		"tokens":              func() error { return second(s.TokensOf(ctx, "1", store.PersonalAccessToken)) },
		"revocation of a jwt": func() error { return second(s.JWTRevoked(ctx, "1")) },
	} {
		if err := read(); err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := len(d.readers.prepared); got != 16 {
		t.Errorf("expected a query for each read and one for the version, got %d", got)
	}
	for query := range d.readers.prepared {
		plan := explainPlan(t, d.reading, query)
		if strings.Contains(plan, "SCAN") && !strings.Contains(query, "FROM organizations") { // of which there is one
			t.Errorf("expected a search, got a scan:\n%s\n%s", query, plan)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func explainPlan(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	var args []any
	for strings.Contains(query, fmt.Sprintf("$%d", len(args)+1)) {
		args = append(args, "1")
	}
	rows, err := db.Query("EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		must(t, rows.Scan(&id, &parent, &unused, &detail))
		plan.WriteString(detail + "\n")
	}
	must(t, rows.Err())
	return plan.String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	must(t, os.WriteFile(path, content, 0o600))
}

func makeForeign(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	must(t, err)
	_, err = db.Exec(`CREATE TABLE recipes (name TEXT)`)
	must(t, errors.Join(err, db.Close(), os.Chmod(path, 0o600)))
}

// makeSound makes a database of some size.
func makeSound(t *testing.T, path string) {
	t.Helper()
	s, _ := openPath(t, path, Options{})
	must(t, createTokens(s, 20, 40))
	must(t, s.Close())
}

func makeNewer(t *testing.T, path string) {
	t.Helper()
	makeSound(t, path)
	db, err := sql.Open("sqlite", path)
	must(t, err)
	_, err = db.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)`)
	must(t, errors.Join(err, db.Close()))
}

func damage(from, to int) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		t.Helper()
		makeSound(t, path)
		content, err := os.ReadFile(path)
		must(t, err)
		copy(content[from:to], bytes.Repeat([]byte{0xa5}, to-from))
		writeFile(t, path, content)
	}
}

func cutOff(t *testing.T, path string) {
	t.Helper()
	makeSound(t, path)
	must(t, os.Truncate(path, 20*4096))
}
