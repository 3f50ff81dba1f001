package sqlite

import (
	"database/sql"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/postern-auth/postern/server/store"
)

// Of refresh tokens that a former version kept, those whose sibling was used before end as they did there, and the
// others live on.
func TestRefreshTokensOfAFormerVersionKeepTheirEnd(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "postern.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.UpTo(ctx, 4); err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	end := noon.Add(1000 * time.Hour).UnixMilli()
	statements := []string{
		fmt.Sprintf(`PRAGMA application_id = %d`, applicationID),
		fmt.Sprintf(`INSERT INTO families (id, subject_id, client_id, kind, scopes, targets, acr, amr, confirmation, ends_with_session, expires_at, reason)
			VALUES ('f', 's', 'c', 'code', '[]', '[]', '', '[]', '', 0, %d, '')`, end),
	}
	for _, row := range []struct {
		id, parent int
		used       any
	}{{1, 0, noon.UnixMilli()}, {2, 1, noon.UnixMilli()}, {3, 1, nil}, {4, 2, nil}} {
		parent, used := "NULL", "NULL"
		if row.parent > 0 {
			parent = fmt.Sprintf("x'%064x'", row.parent)
		}
		if row.used != nil {
			used = fmt.Sprint(row.used)
		}
		statements = append(statements, fmt.Sprintf(`INSERT INTO refresh_tokens (digest, family_id, parent, generation, first_used_at, successors, expires_at)
			VALUES (x'%064x', 'f', %s, 0, %s, 0, %d)`, row.id, parent, used, end))
	}
	for _, statement := range statements {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	s, err := Open(ctx, path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for id, want := range map[byte]time.Time{1: {}, 2: {}, 3: noon.Add(30 * time.Second), 4: {}} {
		got, err := s.RefreshToken(ctx, store.Digest{31: id})
		if err != nil || !got.BranchEndsAt.Equal(want) {
			t.Errorf("token %d: expected its branch to end at %v, got %v, %v", id, want, got.BranchEndsAt, err)
		}
	}
	if f, err := s.Family(ctx, "f"); err != nil || f.Issuer != "" || f.Parent != "" {
		t.Errorf("expected the family as it was, got %+v, %v", f, err)
	}
	for _, row := range []struct {
		id   byte
		want store.Use
	}{{4, store.Used}, {3, store.UseAgain}} { // its sibling was used an hour ago
		next := store.RefreshToken{Digest: store.Digest{0: 9, 31: row.id}, ExpiresAt: noon.Add(time.Hour)}
		if use, err := s.UseRefreshToken(ctx, store.Digest{31: row.id}, noon.Add(time.Hour), 30*time.Second, next); err != nil || use != row.want {
			t.Errorf("token %d: expected %q, got %q, %v", row.id, row.want, use, err)
		}
	}
}
