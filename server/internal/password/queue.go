package password

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// ErrBusy says that as many wait for a turn as may: 503, and RetryAfter as Retry-After.
var ErrBusy = errors.New("password: too many logins at once")

// RetryAfter is when to try again after ErrBusy: a full queue is worked off by then.
const RetryAfter = 2 * time.Second

// Wait waits for a turn, in the order of the calls. key is the counter of failures that the login counts on:
// at most one turn of a key is taken at a time, and half of those who wait may have one key, so that a crowd
// at one account leaves room to everybody else. Errors are ErrBusy, at once, and the context's.
func (h *Hasher) Wait(ctx context.Context, key string) (*Turn, error) {
	if err := h.queue.enter(ctx, key); err != nil {
		return nil, err
	}
	return &Turn{hasher: h, key: key}, nil
}

// A queue hands out a number of turns in order, but passes over those whose key has one.
type queue struct {
	mu      sync.Mutex
	free    int // turns that nobody has
	room    int // how many may wait
	busy    map[string]bool
	waiting []*waiter
}

type waiter struct {
	key  string
	turn chan struct{} // closed when the turn is the waiter's
}

func (q *queue) enter(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("password: nobody waits for the answer: %w", err)
	}
	w, err := q.join(key)
	if err != nil {
		return err
	}
	select {
	case <-w.turn:
		return nil
	case <-ctx.Done():
		q.drop(w)
		return fmt.Errorf("password: waiting for a turn: %w", context.Cause(ctx))
	}
}

func (q *queue) join(key string) (*waiter, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	w := &waiter{key: key, turn: make(chan struct{})}
	q.waiting = append(q.waiting, w)
	q.handOut()
	if !slices.Contains(q.waiting, w) {
		return w, nil
	}
	same := 0
	for _, other := range q.waiting {
		if other.key == key {
			same++
		}
	}
	if len(q.waiting) > q.room || same > max(1, q.room/2) {
		q.waiting = q.waiting[:len(q.waiting)-1]
		return nil, ErrBusy
	}
	return w, nil
}

// drop takes a waiter out who no longer waits. A turn that came at the same moment goes to the next.
func (q *queue) drop(w *waiter) {
	q.mu.Lock()
	i := slices.Index(q.waiting, w)
	if i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
	q.mu.Unlock()
	if i < 0 {
		q.leave(w.key)
	}
}

func (q *queue) leave(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.free++
	delete(q.busy, key)
	q.handOut()
}

// handOut gives the free turns to the first whose keys have none. The lock is held.
func (q *queue) handOut() {
	for q.free > 0 {
		i := slices.IndexFunc(q.waiting, func(w *waiter) bool { return !q.busy[w.key] })
		if i < 0 {
			return
		}
		w := q.waiting[i]
		q.waiting = slices.Delete(q.waiting, i, i+1)
		q.free--
		q.busy[w.key] = true
		close(w.turn)
	}
}
