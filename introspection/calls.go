package introspection

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/postern-auth/postern"
)

const (
	// callTimeout bounds one call, metadata included when it has to be fetched, and how long a use waits for
	// the end of one.
	callTimeout = 5 * time.Second
	// retryAfter is told to clients whose token could not be judged.
	retryAfter = 2 * time.Second
)

// calls asks the server: once for concurrent uses of one token, and for no more tokens at a time than
// there are places. A use that finds none waits for one. Tokens that the server has called good have places of
// their own, so that nobody who sends random text can keep them out. A call runs on its own context: a
// caller that goes away spoils nobody's wait.
type calls struct {
	ask func(ctx context.Context, raw string) (answer, error)

	mu      sync.Mutex
	byToken map[string]*call // under way or waiting for a place
	known   lane             // for tokens that were good when last asked about
	first   lane             // for all others
	health  health
}

// call is one question to the server.
type call struct {
	raw   string
	ctx   context.Context // has the values of the first use's
	lane  *lane
	since time.Time
	place *list.Element // in the lane's queue; nil once the call is under way
	uses  int           // that wait; a renewal counts as one that never leaves

	done   chan struct{}
	answer answer
	err    error
}

// do joins the call about the token or starts one, and waits for its end or that of ctx. An error is
// ctx's, or wraps postern.ErrUnavailable.
func (c *calls) do(ctx context.Context, raw string, known bool) (answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, callTimeout, errBusy)
	defer cancel()
	call, err := c.start(ctx, raw, known)
	if err != nil {
		return answer{}, err
	}
	select {
	case <-call.done:
		return call.answer, call.err
	case <-ctx.Done():
		c.leave(call)
		if context.Cause(ctx) == errBusy {
			return answer{}, postern.Unavailable(errBusy, retryAfter)
		}
		return answer{}, fmt.Errorf("introspection: waiting for the server: %w", ctx.Err())
	}
}

// errBusy says that a use has waited long enough.
var errBusy = fmt.Errorf("introspection: no answer within %s; the server is slow, or many tokens are asked about at once", callTimeout)

// start returns the call about the token, starting one unless there is one. The error says that the server
// is left alone.
func (c *calls) start(ctx context.Context, raw string, known bool) (*call, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if call := c.byToken[raw]; call != nil {
		call.uses++
		return call, nil
	}
	now := time.Now()
	look, err := c.health.allow(now)
	if err != nil {
		return nil, err
	}
	if c.byToken == nil {
		c.byToken = make(map[string]*call)
	}
	call := &call{raw: raw, ctx: context.WithoutCancel(ctx), lane: &c.first, since: now, uses: 1, done: make(chan struct{})}
	if known {
		call.lane = &c.known
	}
	c.byToken[raw] = call
	if look {
		c.begin(call)
		c.look()
		return call, nil
	}
	if oldest := call.lane.push(call); oldest != nil {
		c.giveUp(oldest, postern.Unavailable(errBusy, retryAfter))
	}
	c.dispatch()
	return call, nil
}

// leave takes back a use that waits no longer. A call for which nobody waits is not made.
func (c *calls) leave(call *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if call.uses--; call.uses == 0 && call.place != nil {
		call.lane.remove(call)
		c.giveUp(call, postern.Unavailable(errBusy, retryAfter))
	}
}

// dispatch begins calls while there are places.
func (c *calls) dispatch() {
	if c.health.looking && c.health.failures > 0 {
		return // the look may show that none of these calls is worth making
	}
	for _, lane := range []*lane{&c.known, &c.first} {
		for lane.free() {
			call := lane.next()
			if time.Since(call.since) >= callTimeout { // nobody waits any longer
				c.giveUp(call, postern.Unavailable(errBusy, retryAfter))
				continue
			}
			c.begin(call)
		}
	}
}

func (c *calls) begin(call *call) {
	call.lane.running++
	go c.run(call)
}

func (c *calls) run(call *call) {
	ctx, cancel := context.WithTimeout(call.ctx, callTimeout)
	defer cancel()
	began := time.Now()
	a, err := c.ask(ctx, call.raw)
	c.mu.Lock()
	defer c.mu.Unlock()
	call.answer = a
	call.lane.running--
	if answered(err) {
		call.lane.adapt(time.Since(began))
	}
	c.report(call.raw, a, err)
	if err != nil {
		err = postern.Unavailable(err, max(retryAfter, pause(err)))
	}
	c.giveUp(call, err)
	c.dispatch()
}

// giveUp ends a call, with an error or without.
func (c *calls) giveUp(call *call, err error) {
	if c.byToken[call.raw] == call {
		delete(c.byToken, call.raw)
	}
	call.err = err
	close(call.done)
}

// forget makes sure that later uses do not share the calls that are open.
func (c *calls) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byToken = nil
}

const (
	// minPlaces is how many calls of a lane may always be under way. There are more, up to maxPlaces, at a
	// server that answers them as fast. One less than 64, for a look makes one call more.
	minPlaces = 63
	maxPlaces = 256
	// maxWaiting and maxWaitingBytes bound the calls that wait for a place, and the size of their tokens.
	maxWaiting      = 2048
	maxWaitingBytes = 4 << 20
	// patience is for how long calls take their turns. When the first in line has waited longer, whoever
	// asks faster than the server answers has filled the queue: the last in line is then served first.
	// Whoever comes once still gets an answer in time, whereas in turn everybody would get theirs too
	// late.
	patience = time.Second
	// steady is the answer time below which no difference is made.
	steady = 10 * time.Millisecond
)

// lane is a number of places for calls, and the queue for them. The zero value is ready.
type lane struct {
	running int
	more    int // places beyond minPlaces
	queue   list.List
	bytes   int           // of the tokens in the queue
	fastest time.Duration // answer lately
}

func (l *lane) free() bool { return l.queue.Len() > 0 && l.running < minPlaces+l.more }

// push puts the call into the queue. When that is too long, it returns the oldest of it, taken out.
func (l *lane) push(c *call) (oldest *call) {
	c.place = l.queue.PushBack(c)
	l.bytes += len(c.raw)
	if l.queue.Len() <= maxWaiting && l.bytes <= maxWaitingBytes {
		return nil
	}
	oldest = l.queue.Front().Value.(*call)
	l.remove(oldest)
	return oldest
}

func (l *lane) remove(c *call) {
	l.queue.Remove(c.place)
	l.bytes -= len(c.raw)
	c.place = nil
}

// next takes the call out of the queue whose turn it is.
func (l *lane) next() *call {
	c := l.queue.Front().Value.(*call)
	if age := time.Since(c.since); age > patience && age < callTimeout {
		c = l.queue.Back().Value.(*call)
	}
	l.remove(c)
	return c
}

// adapt learns from how long an answer took: a server that takes no longer for more calls at once gets
// more of them while there is a queue, one that takes much longer gets fewer.
func (l *lane) adapt(took time.Duration) {
	// It grows a little with every answer, so that one lucky answer does not set the measure for ever.
	if l.fastest += l.fastest / 100; l.fastest == 0 || took < l.fastest {
		l.fastest = took
	}
	usual := max(l.fastest, steady)
	switch {
	case took <= 2*usual && l.queue.Len() > 0 && l.more < maxPlaces-minPlaces:
		l.more++
	case took > 4*usual && l.more > 0:
		l.more--
	}
}

// answered reports whether the server works, by the outcome of a call. One that it declined did not fail:
// it may be about the token, which anybody can send.
func answered(err error) bool { return err == nil || errors.Is(err, errDeclined) }
