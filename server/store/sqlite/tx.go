package sqlite

import (
	"context"
	"errors"

	"github.com/postern-auth/postern/server/store/internal/sqlstore"
)

var errAbandoned = errors.New("the function given to InTx did not return")

// handover is how one InTx gets the writer's connection. While it lasts the writer's goroutine stands still.
type handover struct {
	*sqlstore.Transaction
	over chan error // receives nil to commit, or why not
}

// InTx hands the connection to the caller's goroutine for the time of f, so that a panic in f is the
// caller's.
func (d *database) InTx(ctx context.Context, f func(sqlstore.Runner) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t := &handover{over: make(chan error, 1)}
	turn := make(chan sqlstore.Querier)
	j := d.writer.submit(&job{ctx: ctx, f: func(q sqlstore.Querier) error {
		select {
		case turn <- q:
			return <-t.over
		case <-ctx.Done():
			return ctx.Err()
		}
	}})
	select {
	case q := <-turn:
		t.Transaction = sqlstore.NewTransaction(q)
		return d.perform(t, j, f)
	case err := <-j.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// perform runs f and ends the transaction, however f ends.
func (d *database) perform(t *handover, j *job, f func(sqlstore.Runner) error) (err error) {
	failed := errAbandoned
	defer func() {
		t.over <- t.End(failed)
		if ended := <-j.done; failed == nil && ended != nil {
			err = ended
		}
	}()
	failed = f(t)
	return failed
}
