package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	code "modernc.org/sqlite/lib"

	"github.com/postern-auth/postern/server/store/internal/sqlstore"
)

const (
	// busyTimeout is how long a statement waits for another process.
	busyTimeout = 5 * time.Second
	// busyPause is the time between two tries of the writer.
	busyPause = time.Millisecond
)

// database is the sqlstore.Backend.
type database struct {
	reading *sql.DB
	readers *statements
	slots   chan struct{} // one per reading connection, so that a context bounds the wait for one

	writing *sql.DB
	conn    *sql.Conn // the only one of writing
	writer  *writer
	mark    mark

	closing sync.Once
	closed  error
}

// Name implements sqlstore.Backend.
func (d *database) Name() string { return "sqlite" }

// Read implements sqlstore.Runner on the last committed state.
func (d *database) Read(ctx context.Context, f func(sqlstore.Querier) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case d.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-d.slots }()
	return f(d.readers)
}

// Write implements sqlstore.Runner: it returns when the changes are on disk.
func (d *database) Write(ctx context.Context, f func(sqlstore.Querier) error) error {
	return d.writer.write(ctx, f)
}

// Add implements sqlstore.Runner.
func (d *database) Add(ctx context.Context, query string, args ...any) (int, error) {
	var n int // is not looked at when the caller gives up, and the writer may still write it
	err := d.writer.wait(ctx, &job{ctx: ctx, single: true, f: func(q sqlstore.Querier) (err error) {
		n, err = q.Exec(query, args...)
		return err
	}})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// Current implements sqlstore.Backend. It is never late.
func (d *database) Current(version int64) bool { return d.mark.read() == version }

// Elements implements sqlstore.Backend.
func (d *database) Elements(parameter string) string {
	return `SELECT value FROM json_each(` + parameter + `)`
}

// Gathered implements sqlstore.Backend.
func (d *database) Gathered(expression string) string {
	return `json_group_array(DISTINCT ` + expression + `)`
}

// Close closes the writing connection last: the last one to go folds the log into the file, which a
// read-only connection cannot.
func (d *database) Close() error {
	d.closing.Do(func() {
		d.writer.close()
		d.closed = errors.Join(d.reading.Close(), d.writer.conn.close(), d.conn.Close(), d.writing.Close(), d.mark.close())
	})
	return d.closed
}

// patiently repeats f while another process is in its way. SQLite can wait by itself, but looks no more than
// ten times a second after a while, and so finds the gap late beside a process that writes all the time.
func patiently(ctx context.Context, patience time.Duration, f func() error) error {
	deadline := time.Now().Add(patience)
	for {
		err := f()
		if resultCode(err)&0xff != code.SQLITE_BUSY || time.Now().After(deadline) {
			return err
		}
		select {
		case <-time.After(busyPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
