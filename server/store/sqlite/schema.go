package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/pressly/goose/v3"
	code "modernc.org/sqlite/lib"
)

const (
	// applicationID marks the file as ours; it stands in the file's header.
	applicationID = 0x506F7374
	// checkedSize is the largest file whose every page Open looks at; it takes about half a second.
	checkedSize = 256 << 20
)

//go:embed migrations/*.sql
var migrations embed.FS

// prepareFile makes sure that the file is a sound database of ours with the schema of this program.
func prepareFile(ctx context.Context, db *sql.DB, path string) error {
	err := claim(ctx, db)
	if err == nil {
		err = stays(ctx, db)
	}
	if err == nil {
		err = check(ctx, db, path)
	}
	if err == nil {
		err = startLog(ctx, db)
	}
	if err == nil {
		err = migrate(ctx, db)
	}
	switch resultCode(err) & 0xff {
	case code.SQLITE_NOTADB:
		return fmt.Errorf("the file is not an SQLite database: give the path of another or restore a backup: %w", err)
	case code.SQLITE_CORRUPT:
		return fmt.Errorf("the database is damaged: restore a backup: %w", err)
	}
	return err
}

// claim writes our mark into an empty database and refuses one with another mark. It comes before anything
// that would change a stranger's file.
func claim(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var id, tables int
	err = tx.QueryRowContext(ctx, `SELECT application_id, (SELECT count(*) FROM sqlite_schema) FROM pragma_application_id`).Scan(&id, &tables)
	if err != nil {
		return err
	}
	if id == applicationID {
		return nil
	}
	if id != 0 || tables != 0 {
		return errors.New("the database belongs to another program: give the path of another file")
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA application_id = %d`, applicationID)); err != nil {
		return err
	}
	return tx.Commit()
}

// check looks for damage, in files small enough to be read before the server starts.
func check(ctx context.Context, db *sql.DB, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() > checkedSize {
		return nil
	}
	var finding string
	if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&finding); err != nil {
		return err
	}
	if finding != "ok" {
		return fmt.Errorf("the database is damaged: restore a backup: %s", strings.Join(strings.Fields(finding), " "))
	}
	return nil
}

// startLog switches the file to a write-ahead log, which it then keeps. SQLite does not wait by itself for
// another process that is about to do the same.
func startLog(ctx context.Context, db *sql.DB) error {
	return patiently(ctx, busyTimeout, func() error {
		var mode string
		err := db.QueryRowContext(ctx, `PRAGMA journal_mode = WAL`).Scan(&mode)
		if err == nil && mode != "wal" {
			return fmt.Errorf("expected a write-ahead log, got %s: put the file on a local disk", mode)
		}
		return err
	})
}

// migrate brings the schema up to date. Of two processes that do so at once one fails in the middle, and
// finds the work done when it looks again.
func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	for range 3 {
		if err = migrateOnce(ctx, db, files); err == nil || ctx.Err() != nil {
			break
		}
	}
	return err
}

func migrateOnce(ctx context.Context, db *sql.DB, files fs.FS) error {
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return err
	}
	if current > target {
		return fmt.Errorf("the schema has version %d, this program knows versions up to %d: start a newer postern", current, target)
	}
	_, err = provider.Up(ctx)
	return err
}
