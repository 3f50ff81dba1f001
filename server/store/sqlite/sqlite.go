// Package sqlite is the store of one server, in a single SQLite file.
//
// Open creates the file where there is none, brings its schema up to date and returns a store.Store:
//
//	s, err := sqlite.Open(ctx, "/var/lib/postern/postern.db", sqlite.Options{})
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer s.Close()
//
//	err = s.InTx(ctx, func(tx store.Store) error {
//		if err := tx.PutServiceUser(ctx, user); err != nil {
//			return err
//		}
//		return tx.CreateSecret(ctx, secret)
//	})
//
// # Writes
//
// A write returns nil once its transaction is on disk: the journal is a write-ahead log with
// synchronous=FULL. As the disk takes as long for one row as for a hundred, a single goroutine collects
// the writes that wait at the same time and commits them together; each has a savepoint of its own, so
// that one that fails takes no other with it. A caller without company is never made to wait for some.
//
// # Reads
//
// Reads run beside the writer on read-only connections, each on the last committed state. Nothing is
// cached: what another process wrote, such as `postern apply` beside `postern serve`, is seen by the next
// read. Two processes that write at the same time wait for each other.
//
// # What it does not do
//
// The file must be on a local disk: a write-ahead log does not work over a network file system. For more
// than one machine there is the PostgreSQL engine. SQLite takes a log that was cut off for the end of the
// log, so Open finds a damaged database file, but not a damaged log.
package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// Options are the settings of a Store. The zero value is right for a server.
type Options struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// CommitDelay is how long a commit waits for the company that the commit before it had. Zero means
	// 500µs; negative means that it takes what has come and waits for nobody.
	CommitDelay time.Duration
}

// Store is a store.Store in a SQLite file. It is safe for concurrent use, also by other processes with
// the same file.
//
// Its errors are store.ErrNotFound, store.ErrExists, the error of the context, or store.ErrUnavailable
// with the cause. A context bounds the waiting, for a connection or for the commit; a write whose context
// ended while it waited may still happen.
type Store struct {
	backend
	now func() time.Time
}

// backend is where statements run: the database, or one transaction in it.
type backend interface {
	// read runs f on one consistent state for each statement.
	read(ctx context.Context, f func(*statements) error) error
	// write runs f so that all its changes happen or none.
	write(ctx context.Context, f func(*statements) error) error
	inTx(ctx context.Context, f func(store.Store) error) error
	close() error
}

var _ store.Store = (*Store)(nil)

// InTx runs f on a Store whose reads and writes are one transaction. It holds up every other write, so f
// should do nothing slow; a panic in f undoes the transaction and goes on. A write by f to any other Store
// on the same file waits for itself, until its context ends.
func (s *Store) InTx(ctx context.Context, f func(store.Store) error) error {
	return s.inTx(ctx, f)
}

// Ping reports whether the store can be read and written. It writes and commits one row, so that a full
// or read-only disk is noticed.
func (s *Store) Ping(ctx context.Context) error {
	err := s.read(ctx, func(q *statements) error {
		return q.each(ctx, `SELECT at FROM heartbeat`, nil, func(scan) error { return nil })
	})
	if err == nil {
		err = s.write(ctx, func(q *statements) error {
			return q.change(`UPDATE heartbeat SET at = $1`, instant(s.now()))
		})
	}
	if err != nil {
		return fmt.Errorf("sqlite: ping: %w", explain(err))
	}
	return nil
}

// Close waits for the writes that have begun, folds the log into the file and releases it. Later calls of
// any method fail with store.ErrUnavailable; later calls of Close return nil. On the Store given to InTx
// it does nothing.
func (s *Store) Close() error {
	return s.close()
}

// alter runs a write and says in its error what was to be done to which object.
func (s *Store) alter(ctx context.Context, what, id string, f func(*statements) error) error {
	if err := s.write(ctx, f); err != nil {
		return failure(what, id, err)
	}
	return nil
}

// list returns all objects that the query yields. add scans a row and appends it, or adds it to the last
// object when it is a further line of that.
func list[T any](ctx context.Context, s *Store, what, id string, add func(scan, []T) ([]T, error), query string, args ...any) ([]T, error) {
	var objects []T
	err := s.read(ctx, func(q *statements) error {
		objects = nil
		return q.each(ctx, query, args, func(row scan) (err error) {
			objects, err = add(row, objects)
			return err
		})
	})
	if err != nil {
		return nil, failure(what, id, err)
	}
	return objects, nil
}

// find is list for the one object with an id; its error is store.ErrNotFound when there is none.
func find[T any](ctx context.Context, s *Store, what, id string, add func(scan, []T) ([]T, error), query string, args ...any) (T, error) {
	var none T
	objects, err := list(ctx, s, what, id, add, query, args...)
	if err != nil {
		return none, err
	}
	if len(objects) == 0 {
		return none, failure(what, id, store.ErrNotFound)
	}
	return objects[0], nil
}
