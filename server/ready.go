package server

import (
	"context"
	"sync"
	"time"

	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/store"
)

func health(context.Context, *endpoint.Request) (any, error) {
	return map[string]string{"status": "up"}, nil
}

// answerReady reports whether tokens can be issued and introspected, which takes the store.
func (s *Server) answerReady(ctx context.Context, _ *endpoint.Request) (any, error) {
	if err := s.Ready(ctx); err != nil {
		s.config.Logger.WarnContext(ctx, "not ready", "endpoint", "ready", "reason", err.Error())
		return nil, err
	}
	return map[string]string{"status": "ready"}, nil
}

// Ready returns why tokens cannot be issued and introspected, and nil when they can. What it finds out answers for a
// few seconds. Errors wrap store.ErrUnavailable.
func (s *Server) Ready(ctx context.Context) error { return s.ready.check(ctx, s.config.Store) }

const (
	// readyFor is how long a write that succeeded answers for others, and unreadyFor one that failed.
	readyFor   = 5 * time.Second
	unreadyFor = time.Second
)

// readiness is whether the store can be read and written. Anybody may ask, so one question causes the write
// that others are answered from.
type readiness struct {
	mu    sync.Mutex
	until time.Time
	err   error
}

func (ready *readiness) check(ctx context.Context, s store.Store) error {
	if _, err := s.Organizations(ctx); err != nil {
		return err
	}
	ready.mu.Lock()
	defer ready.mu.Unlock()
	if time.Now().Before(ready.until) {
		return ready.err
	}
	// Not with the caller's context, because the answer is for others too.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyFor)
	defer cancel()
	ready.err = s.Ping(ctx)
	ready.until = time.Now().Add(readyFor)
	if ready.err != nil {
		ready.until = time.Now().Add(unreadyFor)
	}
	return ready.err
}
