package postgres

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// maxBatch bounds the rows of one commit.
const maxBatch = 512

var errClosed = errors.New("the store is closed")

// job is one statement that waits for its turn and its commit.
type job struct {
	ctx    context.Context
	query  string
	values []any
	rows   int
	err    error
	done   chan struct{} // closed once rows and err are known
}

// writer commits together the single statements that wait at the same time: while one batch is at the server the next
// one gathers. A caller without company is never made to wait for some.
type writer struct {
	pool *pgxpool.Pool

	mu      sync.Mutex
	queue   []*job
	running bool
	closed  bool
	idle    *sync.Cond // running has become false
}

func newWriter(pool *pgxpool.Pool) *writer {
	w := &writer{pool: pool}
	w.idle = sync.NewCond(&w.mu)
	return w
}

// add runs a statement in the next batch and returns how many rows it changed, once that is committed.
func (w *writer) add(ctx context.Context, query string, values []any) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	// Its end is also that of the job: while the database does not answer, no more wait than have somebody who waits.
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	j := &job{ctx: limited, query: query, values: values, done: make(chan struct{})}
	if err := w.submit(j); err != nil {
		return 0, err
	}
	select {
	case <-j.done:
		return j.rows, told(ctx, j.err)
	case <-limited.Done():
		return 0, told(ctx, limited.Err())
	}
}

func (w *writer) submit(j *job) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return errClosed
	}
	w.queue = append(w.queue, j)
	if !w.running {
		w.running = true
		go w.run()
	}
	return nil
}

// close waits for the statements that wait, and refuses new ones.
func (w *writer) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for w.running {
		w.idle.Wait()
	}
}

// run commits batches until nothing waits.
func (w *writer) run() {
	for {
		batch := w.next()
		if len(batch) == 0 {
			return
		}
		w.commit(batch)
		for _, j := range batch {
			close(j.done)
		}
	}
}

// next takes the next batch, without those whose callers have gone. In an order that all servers share, two batches
// with the same keys wait for each other and not in a circle.
func (w *writer) next() []*job {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		n := min(len(w.queue), maxBatch)
		if n == 0 {
			w.running, w.queue = false, nil
			w.idle.Broadcast()
			return nil
		}
		batch := slices.DeleteFunc(slices.Clone(w.queue[:n]), func(j *job) bool { return j.ctx.Err() != nil })
		w.queue = w.queue[n:]
		if len(batch) > 0 {
			slices.SortStableFunc(batch, func(a, b *job) int {
				return cmp.Or(strings.Compare(a.query, b.query), compareKeys(a.values[0], b.values[0]))
			})
			return batch
		}
	}
}

func compareKeys(a, b any) int {
	switch a := a.(type) {
	case string:
		b, _ := b.(string)
		return strings.Compare(a, b)
	case []byte:
		b, _ := b.([]byte)
		return bytes.Compare(a, b)
	}
	return 0
}

// commit runs a batch and fills in what came of each job. One that the database refuses takes the others with it, so
// then each is run by itself. After any other error nobody knows whether the batch has happened, and it is not run again.
func (w *writer) commit(batch []*job) {
	err := w.send(batch)
	if undone(err) && len(batch) > 1 {
		for _, j := range batch {
			j.err = w.send([]*job{j})
		}
		return
	}
	for _, j := range batch {
		j.err = err
	}
}

// undone reports whether an error says that a statement was refused, and its transaction with it.
func undone(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && len(refused.Code) == 5 && slices.Contains(classesOfRefusals, refused.Code[:2])
}

// send runs a batch in one transaction, which one round trip begins and commits.
func (w *writer) send(batch []*job) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := w.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	var b pgx.Batch
	for _, j := range batch {
		b.Queue(j.query, j.values...)
	}
	trust(conn.Conn())
	results := conn.SendBatch(ctx, &b)
	for _, j := range batch {
		tag, err := results.Exec()
		if err != nil {
			return errors.Join(err, results.Close())
		}
		j.rows = int(tag.RowsAffected())
	}
	if err := results.Close(); err != nil { // which is when it is committed
		return err
	}
	return confirmed(conn.Conn())
}
