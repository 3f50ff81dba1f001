package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/store/internal/sqlstore"
)

// defaultCommitDelay is Options.CommitDelay when that is zero.
const defaultCommitDelay = 2 * time.Millisecond

// tempInMemory keeps SQLite from files in a temporary folder, which a system that is read-only does not have.
const tempInMemory = "temp_store(2)"

// Open opens the store in the file at path. Where there is none it creates one with mode 0600, and its
// folder with mode 0700; a file that others may read is made private. It then brings the schema up to date.
//
// It fails when the file is not an SQLite database or that of another program, when it is damaged, and when its
// schema is newer than this program. The context bounds Open alone.
func Open(ctx context.Context, path string, options Options) (*Store, error) {
	d, err := open(ctx, path, options)
	if err != nil {
		return nil, fmt.Errorf("sqlite: open %s: %w", path, err)
	}
	now := options.Now
	if now == nil {
		now = time.Now
	}
	return &Store{sqlstore.New(d, now), d}, nil
}

func open(ctx context.Context, path string, options Options) (*database, error) {
	if path == "" {
		return nil, errors.New("expected the path of a file, got none")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := createFile(path); err != nil {
		return nil, err
	}
	writing, err := sql.Open("sqlite", dataSource(path, url.Values{
		"_synchronous": {"FULL"},
		"_txlock":      {"immediate"},
		"_defensive":   {"1"},
		// Without it a Mac's fsync leaves the data in the drive's cache.
		"_pragma": {"trusted_schema(0)", "fullfsync(1)", tempInMemory},
	}))
	if err != nil {
		return nil, err
	}
	writing.SetMaxOpenConns(1)
	if err := prepareFile(ctx, writing, path); err != nil {
		return nil, errors.Join(err, writing.Close())
	}
	d, err := newDatabase(ctx, writing, path, options)
	if err != nil {
		return nil, errors.Join(err, writing.Close())
	}
	return d, nil
}

// newDatabase starts the writer and the readers.
func newDatabase(ctx context.Context, writing *sql.DB, path string, options Options) (*database, error) {
	conn, err := writing.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, `PRAGMA busy_timeout = 0`); err != nil { // the writer waits by itself
		return nil, err
	}
	reading, err := sql.Open("sqlite", dataSource(path, url.Values{
		"mode":        {"ro"},
		"_query_only": {"on"},
		"_pragma":     {"trusted_schema(0)", tempInMemory},
	}))
	if err != nil {
		return nil, err
	}
	readers := max(4, runtime.GOMAXPROCS(0))
	reading.SetMaxOpenConns(readers)
	reading.SetMaxIdleConns(readers)
	if err := reading.PingContext(ctx); err != nil {
		return nil, errors.Join(err, reading.Close())
	}
	mark, err := openMark(path)
	if err != nil {
		return nil, errors.Join(err, reading.Close())
	}
	d := &database{
		reading: reading,
		readers: newStatements(reading.PrepareContext),
		slots:   make(chan struct{}, readers),
		writing: writing,
		conn:    conn,
		writer:  newWriter(newStatements(conn.PrepareContext), mark, cmp.Or(options.CommitDelay, defaultCommitDelay)),
		mark:    mark,
	}
	// What a crash of the machine has left in the mark may be older than what is committed.
	if err := d.Write(ctx, func(sqlstore.Querier) error { return nil }); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// createFile makes the file and its folder, or an existing file private.
func createFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	// An existing file is not opened here: to close it would drop the locks that another Store of this
	// process has on it, as POSIX has it.
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			return file.Close()
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil // another process was faster
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("expected a file, found %s", info.Mode().Type())
	}
	for _, name := range []string{path, path + "-wal", path + "-shm", path + "-mark"} {
		if err := makePrivate(name); err != nil {
			return err
		}
	}
	return nil
}

func makePrivate(name string) error {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && (info.Mode().Perm()&0o077 == 0 || runtime.GOOS == "windows") {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.Chmod(name, 0o600); err != nil {
		return fmt.Errorf("the file holds private keys and has mode %04o, expected 0600: %w", info.Mode().Perm(), err)
	}
	return nil
}

// dataSource names the file in the driver's language. The parameters are in addition to those that every
// connection needs.
func dataSource(path string, parameters url.Values) string {
	parameters.Set("_busy_timeout", fmt.Sprint(busyTimeout.Milliseconds()))
	parameters.Set("_foreign_keys", "on")
	parameters.Set("_dqs", "0")      // a misspelt column is an error and no string
	parameters.Set("_error_rc", "1") // errors tell of the call that failed and of no earlier one
	name := filepath.ToSlash(path)
	if !strings.HasPrefix(name, "/") {
		name = "/" + name // C:/data
	}
	u := url.URL{Scheme: "file", Path: name, RawQuery: parameters.Encode()}
	return u.String()
}
