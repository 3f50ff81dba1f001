package introspection

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/postern-auth/postern"
)

const (
	// callTimeout bounds one call, metadata included when it has to be fetched.
	callTimeout = 5 * time.Second
	// maxCalls bounds the calls under way at one time.
	maxCalls = 64
	// retryAfter is told to clients whose token could not be judged.
	retryAfter = 2 * time.Second
)

// calls lets concurrent uses of one token share a call, and bounds how many calls there are. A call runs
// on its own context: who goes away spoils nobody's wait. The zero value is ready.
type calls struct {
	mu    sync.Mutex
	under map[string]*call // way, by raw token
}

type call struct {
	done   chan struct{}
	answer answer
	err    error
}

type askFunc func(ctx context.Context, raw string) (answer, error)

// do joins the call about the token or starts one, and waits for its end or that of ctx.
func (c *calls) do(ctx context.Context, raw string, ask askFunc) (answer, error) {
	call := c.start(ctx, raw, ask)
	if call == nil {
		return answer{}, postern.Unavailable(errBusy, retryAfter)
	}
	select {
	case <-call.done:
		return call.answer, call.err
	case <-ctx.Done():
		return answer{}, fmt.Errorf("introspection: waiting for the server: %w", ctx.Err())
	}
}

// start returns the call about the token, starting one unless it is under way. It is nil when there are
// too many.
func (c *calls) start(ctx context.Context, raw string, ask askFunc) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	if call := c.under[raw]; call != nil {
		return call
	}
	if len(c.under) >= maxCalls {
		return nil
	}
	if c.under == nil {
		c.under = make(map[string]*call)
	}
	call := &call{done: make(chan struct{})}
	c.under[raw] = call
	go c.run(context.WithoutCancel(ctx), call, raw, ask)
	return call
}

func (c *calls) run(ctx context.Context, call *call, raw string, ask askFunc) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	call.answer, call.err = ask(ctx, raw)
	c.mu.Lock()
	if c.under[raw] == call {
		delete(c.under, raw)
	}
	c.mu.Unlock()
	close(call.done)
}

// forget makes sure that later uses share no call that is under way now.
func (c *calls) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.under = nil
}

const (
	// breakAfter is how many failures in a row open the breaker, and breakFor how long it then stays so.
	breakAfter = 10
	breakFor   = time.Second
)

// breaker keeps calls from a server that fails every one. After a pause one call is let through to see;
// its outcome decides. The zero value is closed.
type breaker struct {
	mu       sync.Mutex
	failures int
	until    time.Time // open until then
}

func (b *breaker) allow() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures < breakAfter {
		return nil
	}
	now := time.Now()
	if wait := b.until.Sub(now); wait > 0 {
		return postern.Unavailable(fmt.Errorf("introspection: the server failed %d times in a row and is left alone for %s", b.failures, wait.Round(time.Millisecond)), retryAfter)
	}
	b.until = now.Add(callTimeout) // the others wait for this one
	return nil
}

// report counts a call that failed. One that the server declined did not fail: it may be about the token,
// which anybody can send.
func (b *breaker) report(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil || errors.Is(err, errDeclined) {
		b.failures = 0
		return
	}
	if b.failures++; b.failures >= breakAfter {
		b.until = time.Now().Add(breakFor)
	}
}
