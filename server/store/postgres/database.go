package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/postern-auth/postern/server/store/internal/sqlstore"
)

// lockKey is the advisory lock that all writers of a database take, but those of single rows: "Post".
const lockKey = 0x506F7374

var (
	errAbandoned   = errors.New("the function given to InTx did not return")
	errUnconfirmed = errors.New("no standby has confirmed the commit")
)

// database is the sqlstore.Backend.
type database struct {
	pool   *pgxpool.Pool
	writer *writer
	lease  *lease // nil: none, the database is asked each time
}

func newDatabase(pool *pgxpool.Pool, lease *lease) *database {
	return &database{pool: pool, writer: newWriter(pool), lease: lease}
}

// Name implements sqlstore.Backend.
func (d *database) Name() string { return "postgres" }

// Elements implements sqlstore.Backend.
func (d *database) Elements(parameter string) string {
	return `SELECT jsonb_array_elements_text(CAST(` + parameter + ` AS jsonb))`
}

// Gathered implements sqlstore.Backend.
func (d *database) Gathered(expression string) string {
	return `coalesce(CAST(json_agg(DISTINCT ` + expression + `) AS text), '[]')`
}

// Read implements sqlstore.Runner on the last committed state.
func (d *database) Read(ctx context.Context, f func(sqlstore.Querier) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return f(querier{ctx, d.pool})
}

// Write implements sqlstore.Runner.
func (d *database) Write(ctx context.Context, f func(sqlstore.Querier) error) error {
	return d.transact(ctx, func(q querier) error { return f(q) })
}

// Add implements sqlstore.Runner.
func (d *database) Add(ctx context.Context, query string, args ...any) (int, error) {
	values, err := plain(args)
	if err != nil {
		return unkept(query, err)
	}
	return d.writer.add(ctx, query, values)
}

// InTx implements sqlstore.Backend. f runs once: the lock comes first, so nobody is in its way.
func (d *database) InTx(ctx context.Context, f func(sqlstore.Runner) error) error {
	return d.transact(ctx, func(q querier) (err error) {
		t := sqlstore.NewTransaction(q)
		failed := errAbandoned
		defer func() {
			if ended := t.End(failed); err == nil {
				err = ended // lost, and f has not told
			}
		}()
		failed = f(t)
		return failed
	})
}

// Current implements sqlstore.Backend. It is late by what another server's change takes to be told, a second at most.
func (d *database) Current(version int64) bool { return d.lease != nil && d.lease.holds(version) }

// moved tells the lease what the version is after a transaction; 0: nobody knows.
func (d *database) moved(version int64) {
	if d.lease != nil {
		d.lease.end(version)
	}
}

// Close implements sqlstore.Backend.
func (d *database) Close() error {
	if d.lease != nil {
		d.lease.close()
	}
	d.writer.close()
	d.pool.Close()
	return nil
}

// transact runs f in a transaction that has the lock.
func (d *database) transact(ctx context.Context, f func(querier) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	conn, err := d.acquire(ctx)
	if err != nil {
		return told(ctx, err)
	}
	defer conn.Release() // which closes a connection that is left within a transaction, or broken
	q := querier{ctx, conn}
	if _, err := q.Exec(`BEGIN`); err != nil {
		return err
	}
	committed := false
	defer func() {
		if !committed { // something has failed, or f has panicked
			_, _ = q.Exec(`ROLLBACK`)
		}
	}()
	if _, err := q.Exec(`SELECT pg_advisory_xact_lock($1)`, lockKey); err != nil {
		return err
	}
	if err := f(q); err != nil {
		return err
	}
	committed = true
	version, err := commit(ctx, conn.Conn())
	d.moved(version)
	return err
}

// commit commits the transaction under way and returns the version of the registry within it; 0 with an error, for
// nobody knows then whether it has moved.
func commit(ctx context.Context, conn *pgx.Conn) (version int64, err error) {
	trust(conn)
	limited, cancel := within(ctx)
	defer cancel()
	var both pgx.Batch
	both.Queue(sqlstore.SelectVersion)
	both.Queue(`COMMIT`)
	results := conn.SendBatch(limited, &both)
	if err := results.QueryRow().Scan(&version); err != nil {
		if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == inFailedTransaction {
			err = sqlstore.ErrLost
		}
		_ = results.Close()
		return 0, told(ctx, fmt.Errorf("commit: %w", err))
	}
	tag, err := results.Exec()
	if err = errors.Join(err, results.Close()); err != nil {
		return 0, told(ctx, fmt.Errorf("commit: %w", err))
	}
	if tag.String() != "COMMIT" {
		return 0, fmt.Errorf("commit: %w", sqlstore.ErrLost)
	}
	return version, confirmed(conn)
}

// within bounds a statement. The caller's deadline counts, their going away does not: a connection whose statement is
// broken off is lost, and a crowd that comes and goes would have the server make new ones all the time.
func within(ctx context.Context) (context.Context, context.CancelFunc) {
	end := time.Now().Add(patience)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(end) {
		end = deadline
	}
	return context.WithDeadline(context.WithoutCancel(ctx), end)
}

// acquire takes a connection of the pool. The caller's end ends the wait for one.
func (d *database) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return d.pool.Acquire(ctx)
}

// trust forgets what a connection was warned of before a commit.
func trust(conn *pgx.Conn) { delete(conn.PgConn().CustomData(), doubted) }

// confirmed reports a commit that the server has called done without the standbys that it is to wait for.
func confirmed(conn *pgx.Conn) error {
	data := conn.PgConn().CustomData()
	if data[doubted] == nil {
		return nil
	}
	delete(data, doubted)
	return errUnconfirmed
}

// told is an error as the caller is to see it: what ended by the engine's own patience is no end of their context.
func told(ctx context.Context, err error) error {
	deadline, ok := ctx.Deadline()
	over := ctx.Err() != nil || ok && !time.Now().Before(deadline)
	if !over && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		return fmt.Errorf("no answer within %s: %v", patience, err)
	}
	return err
}

// Explain implements sqlstore.Backend.
func (d *database) Explain(err error) error {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return nil
	}
	return explained(refused.Code)
}
