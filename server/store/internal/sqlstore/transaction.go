package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// ErrLost says that the engine has given up a whole transaction and not one savepoint of it.
var ErrLost = errors.New("the transaction was undone")

var errOver = errors.New("the transaction is over: use its Tx only until the function given to InTx returns")

// Transaction is the Runner of one InTx, on a connection that is its own until End. It is safe for concurrent use: its
// calls take turns.
type Transaction struct {
	mu  sync.Mutex
	q   Querier
	err error // why no call may follow: it is over or lost
}

// NewTransaction returns the Transaction that has begun on the connection of q.
func NewTransaction(q Querier) *Transaction { return &Transaction{q: q} }

// End lets no call follow and returns why the transaction is to be undone: failed, or, where that is nil, that it was
// lost and nobody has told.
func (t *Transaction) End(failed error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if failed == nil {
		failed = t.err
	}
	t.err = errOver
	return failed
}

// Read implements Runner.
func (t *Transaction) Read(ctx context.Context, f func(Querier) error) error {
	return t.call(ctx, func() error {
		err := f(t.q)
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("%w: %w", ErrLost, err) // some failed reads end it, and which is not told
		}
		return err
	})
}

// Write implements Runner: changes that fail leave the rest of the transaction as it is.
func (t *Transaction) Write(ctx context.Context, f func(Querier) error) error {
	return t.call(ctx, func() error { return Savepoint(t.q, f) })
}

// Add implements Runner.
func (t *Transaction) Add(ctx context.Context, query string, args ...any) (n int, err error) {
	err = t.Write(ctx, func(q Querier) (err error) {
		n, err = q.Exec(query, args...)
		return err
	})
	return n, err
}

func (t *Transaction) call(ctx context.Context, f func() error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return t.err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err := f()
	if errors.Is(err, ErrLost) {
		t.err = err
	}
	return err
}

// Savepoint runs f within the transaction under way and undoes its changes when it fails. An error that is ErrLost
// says that the transaction is gone: the connection may now commit each statement by itself.
func Savepoint(q Querier, f func(Querier) error) error {
	if _, err := q.Exec("SAVEPOINT write"); err != nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	failed := f(q)
	if failed != nil {
		if _, err := q.Exec("ROLLBACK TO write"); err != nil {
			// What failed is told in words alone: that an object was not found, say, is not an answer for the
			// others in the transaction.
			return fmt.Errorf("%w: %v: %w", ErrLost, failed, err)
		}
	}
	if _, err := q.Exec("RELEASE write"); err != nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	return failed
}
