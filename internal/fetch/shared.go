package fetch

import (
	"context"
	"sync"
)

// Shared lets many callers wait for one call. The call runs on a context of its own: a caller that goes
// away spoils nobody's wait. The zero value is ready.
type Shared[T any] struct {
	mu   sync.Mutex
	call *call[T]
}

type call[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// Do joins the call under way, or starts f when there is none, and returns its outcome. It returns early,
// with the context's error, when ctx ends first; f goes on. The context given to f keeps ctx's values and
// ends after twice Timeout, which is enough for one call that needs another before it.
func (s *Shared[T]) Do(ctx context.Context, f func(context.Context) (T, error)) (T, error) {
	s.mu.Lock()
	c := s.call
	if c == nil {
		c = &call[T]{done: make(chan struct{})}
		s.call = c
		go s.run(context.WithoutCancel(ctx), c, f)
	}
	s.mu.Unlock()
	select {
	case <-c.done:
		return c.value, c.err
	case <-ctx.Done():
		var zero T
		return zero, ctx.Err()
	}
}

func (s *Shared[T]) run(ctx context.Context, c *call[T], f func(context.Context) (T, error)) {
	ctx, cancel := context.WithTimeout(ctx, 2*Timeout)
	defer cancel()
	c.value, c.err = f(ctx)
	s.mu.Lock()
	s.call = nil
	s.mu.Unlock()
	close(c.done)
}
