// Package postgres is the store of any number of servers, in a PostgreSQL database.
//
// Open brings the schema up to date, also when ten servers do so at once, and returns a store.Store:
//
//	s, err := postgres.Open(ctx, "postgres://postern@db.example.com/postern", postgres.Options{})
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer s.Close()
//
// # Writes
//
// A write returns nil once its transaction is committed, which with synchronous_commit=on, the default, is on disk, and
// with synchronous standbys on theirs. All servers of a database write as one does: whatever reads before it writes
// holds an advisory lock for its transaction, so that two of them come one after the other, and none has to be run
// again. What changes one row by itself, such as a new token, needs none; of those a server commits as many together as
// wait at the same time.
//
// # Reads
//
// What is read of the registry is remembered for as long as it stands still, which a connection besides the pool listens
// for. Where another server has changed it, a read may be behind by the time that PostgreSQL takes to tell, and by a
// second when the connection is cut in silence, but under store.WithExactView. Everything else is read each time.
//
// # Outages
//
// What cannot be read or written is store.ErrUnavailable, within the context and 5 seconds: a primary that is gone, one
// that starts again, and one whose synchronous standbys do not answer. A write whose answer was lost on the way may have
// happened. Commits that a standby has not confirmed count as lost also where the server calls them done.
//
// # What it does not do
//
// It cannot be used through a pooler that changes the session with each transaction: migrations hold a lock of their
// session, and statement_timeout and its like are settings of it.
package postgres

import (
	"time"

	"github.com/postern-auth/postern/server/store"
)

// Options are the settings of a Store. The zero value is right for a server.
type Options struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Connections bounds the pool. Zero means 8.
	Connections int
	// Strict has the database asked for every request whether the registry has moved: what another server changes then
	// counts here from the moment it is committed, for JWTs too, at the price of one more statement each. Default: this
	// server listens for changes, and counts on being told within a second. See store.WithExactView for what always asks.
	Strict bool
}

// Store is a store.Store in a PostgreSQL database. It is safe for concurrent use, also by other processes with the
// same database.
//
// Its errors are store.ErrNotFound, store.ErrExists, the error of the context, or store.ErrUnavailable with the cause. A
// context bounds the waiting; a write whose context ended while it waited may still happen.
//
// InTx holds up every other write but single rows, at all servers, so its function should do nothing slow; a panic in
// it undoes the transaction and goes on. A write by it to the Store itself waits for itself, until its context ends.
type Store struct {
	store.Store
}

var _ store.Store = (*Store)(nil)
