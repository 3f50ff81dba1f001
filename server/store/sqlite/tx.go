package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/postern-auth/postern/server/store/internal/sqlstore"
)

var (
	errOver      = errors.New("the transaction is over: use its Tx only until the function given to InTx returns")
	errAbandoned = errors.New("the function given to InTx did not return")
)

// transaction is the sqlstore.Runner of one InTx. While it lasts the writer's goroutine stands
// still and its connection belongs to the transaction.
type transaction struct {
	over chan error // receives nil to commit, or why not

	mu  sync.Mutex // the connection serves one call at a time
	q   *statements
	err error // why no call may follow: it is over or lost
}

// InTx hands the connection to the caller's goroutine for the time of f, so that a panic in f is the
// caller's.
func (d *database) InTx(ctx context.Context, f func(sqlstore.Runner) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t := &transaction{over: make(chan error, 1)}
	turn := make(chan *statements)
	j := d.writer.submit(ctx, func(q *statements) error {
		select {
		case turn <- q:
			return <-t.over
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	select {
	case t.q = <-turn:
		return d.perform(t, j, f)
	case err := <-j.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// perform runs f and ends the transaction, however f ends.
func (d *database) perform(t *transaction, j *job, f func(sqlstore.Runner) error) (err error) {
	failed := errAbandoned
	defer func() {
		t.end(failed)
		if ended := <-j.done; failed == nil && ended != nil {
			err = ended
		}
	}()
	failed = f(t)
	return failed
}

func (t *transaction) end(failed error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if failed == nil {
		failed = t.err // lost, and f has not told
	}
	t.err = errOver
	t.over <- failed
}

// Read implements sqlstore.Runner.
func (t *transaction) Read(ctx context.Context, f func(sqlstore.Querier) error) error {
	return t.call(ctx, func() error {
		err := f(t.q)
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("%w: %w", errLost, err) // some failed reads end it, and which is not told
		}
		return err
	})
}

// Write implements sqlstore.Runner: changes that fail leave the rest of the transaction as it is.
func (t *transaction) Write(ctx context.Context, f func(sqlstore.Querier) error) error {
	return t.call(ctx, func() error { return savepoint(t.q, func(q *statements) error { return f(q) }) })
}

func (t *transaction) call(ctx context.Context, f func() error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return t.err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err := f()
	if errors.Is(err, errLost) {
		t.err = err
	}
	return err
}
