package endpoint

import (
	"context"
	"sync"
	"time"
)

// tickPeriod is the time between two ticks. A refusal takes from one to two of them.
const tickPeriod = 5 * time.Millisecond

// refusals are the ticks at which all endpoints of the process let go of refusals of credentials.
var refusals = newTicks(sleep)

// ticks releases whoever waits at the ticks of one clock. A request's tick is chosen by when it came and
// not by when its work was done, so that the answer does not tell how long that took: whether a name
// exists, a secret was compared or a signature checked.
//
// Nothing runs while nobody waits.
type ticks struct {
	epoch time.Time
	sleep func(time.Duration)

	mu      sync.Mutex
	waiting map[int64]chan struct{} // by the tick that closes it
	running bool
}

func newTicks(sleep func(time.Duration)) *ticks {
	return &ticks{epoch: time.Now(), sleep: sleep, waiting: make(map[int64]chan struct{})}
}

// wait returns at the second tick after began, or when that is past at the next one, and earlier when ctx
// ends.
func (t *ticks) wait(ctx context.Context, began time.Time) {
	select {
	case <-t.at(int64(began.Sub(t.epoch)/tickPeriod) + 2):
	case <-ctx.Done():
	}
}

// at returns what is closed at a tick.
func (t *ticks) at(tick int64) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	tick = max(tick, t.last()+1)
	if t.waiting[tick] == nil {
		t.waiting[tick] = make(chan struct{})
	}
	if !t.running {
		t.running = true
		go t.run()
	}
	return t.waiting[tick]
}

// last returns the number of the tick that has been.
func (t *ticks) last() int64 { return int64(time.Since(t.epoch) / tickPeriod) }

// run ticks until nobody waits.
func (t *ticks) run() {
	for t.mu.Lock(); len(t.waiting) > 0; t.mu.Lock() {
		next := t.last() + 1
		t.mu.Unlock()
		t.sleep(time.Until(t.epoch.Add(time.Duration(next) * tickPeriod)))
		t.release(next)
	}
	t.running = false
	t.mu.Unlock()
}

// release lets go of those who wait for the tick, and of those whom a machine that stood still has kept
// beyond theirs.
func (t *ticks) release(tick int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for due, waiters := range t.waiting {
		if due <= tick {
			close(waiters)
			delete(t.waiting, due)
		}
	}
}
