// Package sqlstore is the SQL of package store's nouns, written once for every engine.
//
// An engine brings a Backend: where statements run, how they are grouped and committed, and what its error
// codes mean. The rest is here, statements and the reading of rows:
//
//	s := sqlstore.New(backend, time.Now)
//	err := s.InTx(ctx, func(tx store.Tx) error {
//		return tx.RevokeToken(ctx, id, now)
//	})
//
// The statements keep to what the engines have in common: numbered parameters, ON CONFLICT, coalesce, LIMIT.
// Times are columns of milliseconds, lists are JSON, an empty string that must not collide is NULL.
package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// Scan copies the columns of the current row into dest.
type Scan func(dest ...any) error

// Querier runs statements on a connection, a pool or a transaction.
type Querier interface {
	// Exec runs a statement and returns how many rows it changed.
	Exec(query string, args ...any) (rows int, err error)
	// Each calls row for every row of the query, until the context ends.
	Each(ctx context.Context, query string, args []any, row func(Scan) error) error
}

// Runner gives statements a place to run: an engine, or one transaction in it.
type Runner interface {
	// Read runs f on one consistent state for each statement. f may run again.
	Read(ctx context.Context, f func(Querier) error) error
	// Write runs f so that all its changes happen or none, as if no other Write and no InTx ran meanwhile. f may run
	// again.
	Write(ctx context.Context, f func(Querier) error) error
	// Add runs one statement, which no other write has to be kept from: it changes rows of one key, $1, by itself. It
	// returns how many rows that were. The engine may run it together with others.
	Add(ctx context.Context, query string, args ...any) (rows int, err error)
}

// Backend is an engine. It is safe for concurrent use.
type Backend interface {
	Runner
	// Name is the engine's name, in errors.
	Name() string
	// Elements is a query for the texts in the JSON array that a parameter is.
	Elements(parameter string) string
	// Gathered is an expression for the JSON array of the values that an expression has, each once.
	Gathered(expression string) string
	// Current reports whether the registry is still at the version, without asking the database. It may be wrong in one
	// way: that it says no. An engine that is told by others what moves may be late by what it says it is.
	Current(version int64) bool
	// Explain returns the error of package store that an error of the engine stands for, or nil when it is
	// an outage.
	Explain(error) error
	// InTx runs f with a Runner whose reads and writes are one transaction. f may run again.
	InTx(ctx context.Context, f func(Runner) error) error
	// Close waits for what is under way and releases everything.
	Close() error
}

// Tx is a store.Tx.
type Tx struct {
	runner  Runner
	backend Backend
	memory  *memory // nil: reads see what the transaction has changed
	now     func() time.Time
}

// Store is a store.Store. It is safe for concurrent use.
type Store struct {
	Tx
}

var (
	_ store.Tx    = (*Tx)(nil)
	_ store.Store = (*Store)(nil)
)

// New returns a Store over an engine that takes the time from now.
func New(backend Backend, now func() time.Time) *Store {
	return &Store{Tx{runner: backend, backend: backend, memory: &memory{backend: backend}, now: now}}
}

// InTx runs f on a store.Tx whose reads and writes are one transaction; see store.Store.
func (s *Store) InTx(ctx context.Context, f func(store.Tx) error) error {
	var own error // f's, which is returned as it is
	err := s.backend.InTx(ctx, func(r Runner) error {
		own = f(&Tx{runner: r, backend: s.backend, now: s.now})
		return own
	})
	if err == nil || own != nil && errors.Is(err, own) {
		return err
	}
	return fmt.Errorf("%s: transaction: %w", s.backend.Name(), s.explain(err))
}

// Ping reports whether the store can be read and written. It writes and commits one row, so that a full or
// read-only disk is noticed.
func (s *Store) Ping(ctx context.Context) error {
	err := s.runner.Read(ctx, func(q Querier) error {
		return q.Each(ctx, `SELECT at FROM heartbeat`, nil, func(Scan) error { return nil })
	})
	if err == nil {
		var n int
		if n, err = s.runner.Add(ctx, `UPDATE heartbeat SET at = $2 WHERE id = $1`, 1, instant(s.now())); err == nil && n == 0 {
			err = store.ErrNotFound
		}
	}
	if err != nil {
		return fmt.Errorf("%s: ping: %w", s.backend.Name(), s.explain(err))
	}
	return nil
}

// Close waits for the writes that have begun and releases everything. Later calls of any method fail with
// store.ErrUnavailable; later calls of Close return nil.
func (s *Store) Close() error { return s.backend.Close() }

// change runs a statement that must meet a row; its error is store.ErrNotFound when it met none.
func change(q Querier, query string, args ...any) error {
	n, err := q.Exec(query, args...)
	if err == nil && n == 0 {
		return store.ErrNotFound
	}
	return err
}

// alter runs a write and says in its error what was to be done to which object.
func (t *Tx) alter(ctx context.Context, what, id string, f func(Querier) error) error {
	if err := t.runner.Write(ctx, f); err != nil {
		return t.failure(what, id, err)
	}
	return nil
}

// add runs one statement by itself. Its error is none when it met no row.
func (t *Tx) add(ctx context.Context, what, id string, none error, query string, args ...any) error {
	n, err := t.runner.Add(ctx, query, args...)
	if err == nil && n == 0 {
		err = none
	}
	if err != nil {
		return t.failure(what, id, err)
	}
	return nil
}

// count runs a statement and returns how many rows it changed.
func (t *Tx) count(ctx context.Context, what, id, query string, args ...any) (int, error) {
	var n int
	err := t.alter(ctx, what, id, func(q Querier) (err error) {
		n, err = q.Exec(query, args...)
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// orNow returns the time at which something ends. A zero one would leave it as it is and report that it ended.
func (t *Tx) orNow(at time.Time) time.Time {
	if at.IsZero() {
		return t.now()
	}
	return at
}

// list returns all objects that the query yields. add scans a row and appends it, or adds it to the last
// object when it is a further line of that.
func list[T any](ctx context.Context, t *Tx, what, id string, add func(Scan, []T) ([]T, error), query string, args ...any) ([]T, error) {
	var objects []T
	err := t.runner.Read(ctx, func(q Querier) error {
		objects = nil
		return q.Each(ctx, query, args, func(row Scan) (err error) {
			objects, err = add(row, objects)
			return err
		})
	})
	if err != nil {
		return nil, t.failure(what, id, err)
	}
	return objects, nil
}

// find is list for the one object with an id; its error is store.ErrNotFound when there is none.
func find[T any](ctx context.Context, t *Tx, what, id string, add func(Scan, []T) ([]T, error), query string, args ...any) (T, error) {
	var none T
	objects, err := list(ctx, t, what, id, add, query, args...)
	if err != nil {
		return none, err
	}
	if len(objects) == 0 {
		return none, t.failure(what, id, store.ErrNotFound)
	}
	return objects[0], nil
}

// failure says what went wrong with which object, in terms of the store's errors.
func (t *Tx) failure(what, id string, err error) error {
	return fmt.Errorf("%s: %s %s: %w", t.backend.Name(), what, quoted(id), t.explain(err))
}

// explain turns an error into one of package store's. Whatever is not known to be the caller's is an outage.
func (t *Tx) explain(err error) error {
	for _, known := range []error{store.ErrNotFound, store.ErrExists, store.ErrFull, store.ErrUnavailable, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return err
		}
	}
	if known := t.backend.Explain(err); known != nil {
		return known
	}
	return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
}
