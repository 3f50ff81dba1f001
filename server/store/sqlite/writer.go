package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	code "modernc.org/sqlite/lib"

	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/internal/sqlstore"
)

// maxBatch bounds the rows, and so the time, of one commit.
const maxBatch = 512

var errClosed = errors.New("the store is closed")

// job is one write that waits for its turn and its commit.
type job struct {
	ctx context.Context
	f   func(sqlstore.Querier) error
	// single says that f is one statement that changes nothing in the registry.
	single bool
	err    error
	done   chan error // receives err once the transaction has ended
}

// writer owns the one connection that writes. Its goroutine takes the jobs that wait and commits them
// together.
type writer struct {
	conn     *statements
	mark     mark
	delay    time.Duration
	patience time.Duration // for another process

	mu     sync.Mutex
	queue  []*job
	wanted int // how many jobs the goroutine waits for
	closed bool

	wake    chan struct{} // holds a token when there are as many jobs as wanted, or the end has come
	stopped chan struct{} // closed when the goroutine has ended

	commits, jobs atomic.Int64
}

func newWriter(conn *statements, mark mark, delay time.Duration) *writer {
	w := &writer{
		conn:     conn,
		mark:     mark,
		delay:    delay,
		patience: busyTimeout,
		wake:     make(chan struct{}, 1),
		stopped:  make(chan struct{}),
	}
	go w.run()
	return w
}

// submit queues a job for the next transaction. The result arrives on the job's channel.
func (w *writer) submit(j *job) *job {
	j.done = make(chan error, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		j.done <- errClosed
		return j
	}
	w.queue = append(w.queue, j)
	if len(w.queue) >= w.wanted {
		w.signal()
	}
	return j
}

// write runs f in the next transaction and returns when that is on disk.
func (w *writer) write(ctx context.Context, f func(sqlstore.Querier) error) error {
	return w.wait(ctx, &job{ctx: ctx, f: f})
}

// wait runs a job in the next transaction and returns when that is on disk.
func (w *writer) wait(ctx context.Context, j *job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w.submit(j)
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close lets the queued jobs finish and refuses new ones.
func (w *writer) close() {
	w.mu.Lock()
	w.closed = true
	w.signal()
	w.mu.Unlock()
	<-w.stopped
}

// signal is called with mu held.
func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *writer) run() {
	defer close(w.stopped)
	company := 1
	for {
		batch := w.next(company)
		if len(batch) == 0 {
			return
		}
		company = len(batch)
		err := w.commit(batch)
		w.commits.Add(1)
		w.jobs.Add(int64(len(batch)))
		for _, j := range batch {
			if err != nil {
				// Also where the job itself failed: what it saw, such as an id in use, was never
				// committed.
				j.err = err
			}
			j.done <- j.err
		}
	}
}

// next waits for the jobs of a transaction. The callers of the last one have only now learnt that they may
// go on; those who write again need a moment to come back, and a commit without them would be a commit
// more. So as many as last time are waited for, but no longer than the delay.
func (w *writer) next(company int) []*job {
	w.await(1, nil)
	if company > 1 && w.delay > 0 {
		timer := time.NewTimer(w.delay)
		w.await(company, timer.C)
		timer.Stop()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(w.queue), maxBatch)
	batch := w.queue[:n:n]
	w.queue = append([]*job(nil), w.queue[n:]...)
	return batch
}

// await returns when n jobs wait, when the writer is closed, or at the deadline.
func (w *writer) await(n int, deadline <-chan time.Time) {
	for {
		w.mu.Lock()
		w.wanted = n
		ready := len(w.queue) >= n || w.closed
		w.mu.Unlock()
		if ready {
			return
		}
		select {
		case <-w.wake:
		case <-deadline:
			return
		}
	}
}

// commit runs the batch as one transaction. Its error concerns all jobs; what concerns one is in the job.
func (w *writer) commit(batch []*job) error {
	err := patiently(context.Background(), w.patience, func() error {
		_, err := w.conn.Exec("BEGIN IMMEDIATE")
		return err
	})
	if err != nil {
		return fmt.Errorf("%w: begin: %w", store.ErrUnavailable, err)
	}
	single := true
	for _, j := range batch {
		if j.err = j.ctx.Err(); j.err != nil {
			continue // its caller has gone
		}
		single = single && j.single
		if j.err = j.run(w.conn); errors.Is(j.err, sqlstore.ErrLost) {
			w.rollback()
			return j.err
		}
	}
	if !single {
		if err := w.mark.set(w.conn); err != nil {
			w.rollback()
			return fmt.Errorf("%w: mark: %w", store.ErrUnavailable, err)
		}
	}
	if _, err := w.conn.Exec("COMMIT"); err != nil {
		w.rollback()
		return fmt.Errorf("%w: commit: %w", store.ErrUnavailable, err)
	}
	return nil
}

// run runs the job within the transaction under way, so that one that fails leaves nothing behind. A single statement
// that meets a constraint does so by itself; whether the transaction survives another error is not told.
func (j *job) run(q sqlstore.Querier) error {
	if !j.single {
		return sqlstore.Savepoint(q, j.f)
	}
	err := j.f(q)
	switch resultCode(err) & 0xff {
	case code.SQLITE_OK, code.SQLITE_CONSTRAINT: // OK: what failed, if anything did, was not SQLite
		return err
	}
	return fmt.Errorf("%w: %w", sqlstore.ErrLost, err)
}

// rollback leaves the connection without a transaction. It fails where SQLite has undone it by itself,
// which is as good.
func (w *writer) rollback() {
	_, _ = w.conn.Exec("ROLLBACK")
}
