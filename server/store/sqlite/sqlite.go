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
//	err = s.InTx(ctx, func(tx store.Tx) error {
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
// Reads run beside the writer on read-only connections, each on the last committed state. What is read of the registry
// is remembered for as long as that stands still, which a file beside the database tells (docs/decisions/028-registry.md):
// what another process wrote, such as `postern apply` beside `postern serve`, is seen by the next read. Two processes
// that write at the same time wait for each other.
//
// # What it does not do
//
// The file must be on a local disk: a write-ahead log does not work over a network file system. For more
// than one machine there is the PostgreSQL engine. SQLite takes a log that was cut off for the end of the
// log, so Open finds a damaged database file, but not a damaged log.
package sqlite

import (
	"time"

	"github.com/postern-auth/postern/server/store"
)

// Options are the settings of a Store. The zero value is right for a server.
type Options struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// CommitDelay is how long a commit waits for the company that the commit before it had. Zero means
	// 2ms; negative means that it takes what has come and waits for nobody.
	CommitDelay time.Duration
}

// Store is a store.Store in a SQLite file. It is safe for concurrent use, also by other processes with
// the same file.
//
// Its errors are store.ErrNotFound, store.ErrExists, the error of the context, or store.ErrUnavailable
// with the cause. A context bounds the waiting, for a connection or for the commit; a write whose context
// ended while it waited may still happen.
//
// InTx holds up every other write, so its function should do nothing slow; a panic in it undoes the
// transaction and goes on. A write by it to the Store itself waits for itself, until its context ends.
// Close folds the log into the file.
type Store struct {
	store.Store
	engine *database
}

var _ store.Store = (*Store)(nil)
