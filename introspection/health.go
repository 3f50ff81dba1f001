package introspection

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/postern-auth/postern"
)

const (
	// breakAfter is the number of failures in a row after which to find out whether the server or the
	// tokens are why, and breakFor is how long a server that fails is then left alone.
	breakAfter = 10
	breakFor   = time.Second
	// lookTimeout bounds a look. All wait for its end.
	lookTimeout = 2 * time.Second
	// maxPause bounds how long a server can ask to be left alone by Retry-After.
	maxPause = 30 * time.Second
	// undecidedFor is how long a token for which the server failed is not asked about again.
	undecidedFor = 500 * time.Millisecond
)

// health tells a server that fails from tokens that make it fail, which anybody can send. Failures in a
// row are a reason to look: to ask about a token that the server has called good lately, and about a random
// text. If it fails both it is left alone for a while. Then the next use looks whether it is back, together
// with the good token; until that is known all others are refused. The zero value trusts the server.
type health struct {
	failures int       // in a row
	answers  uint64    // ever
	looking  bool      // a look is under way
	looked   time.Time // when one last found that the server works
	until    time.Time // left alone until then; zero: not left alone
	reason   error     // of the last failure; nil after an answer
	good     string    // raw token of an active answer, the last
}

// allow reports whether the use that asks is the one to look whether the server is back. The error says
// that the server is left alone.
func (h *health) allow(now time.Time) (look bool, err error) {
	if h.until.IsZero() {
		return false, nil
	}
	if wait := h.until.Sub(now); wait > 0 {
		return false, h.leftAlone(wait)
	}
	h.until = now.Add(callTimeout) // the others wait for this one
	return true, nil
}

func (h *health) leftAlone(wait time.Duration) error {
	return postern.Unavailable(fmt.Errorf("introspection: the server failed %d times in a row and is left alone for %s; the last failure: %w",
		h.failures, wait.Round(time.Millisecond), h.reason), max(retryAfter, wait))
}

// report takes the outcome of a call.
func (c *calls) report(raw string, a answer, err error) {
	h := &c.health
	if answered(err) {
		h.works()
		if a.token != nil {
			h.good = raw
		}
		return
	}
	h.failures++
	h.reason = err
	switch {
	case h.looking: // the look decides
	case !h.until.IsZero():
		c.leaveAlone(err)
	case h.failures >= breakAfter, pause(err) > 0 && time.Since(h.looked) >= breakFor:
		c.look()
	}
}

func (h *health) works() {
	h.failures, h.reason, h.until = 0, nil, time.Time{}
	h.answers++
}

// leaveAlone refuses the calls that wait and, for a while, those that come.
func (c *calls) leaveAlone(err error) {
	wait := max(breakFor, pause(err))
	c.health.until = time.Now().Add(wait)
	for _, lane := range []*lane{&c.known, &c.first} {
		for lane.queue.Len() > 0 {
			c.giveUp(lane.next(), c.health.leftAlone(wait))
		}
	}
}

// look asks the server on our own account, unless nothing is known to ask about.
func (c *calls) look() {
	h := &c.health
	var texts []string
	if h.good != "" {
		texts = append(texts, h.good)
	}
	if h.until.IsZero() {
		// A good token may have ended since, or be the very one that makes the server fail.
		texts = append(texts, unknownToken())
	}
	if len(texts) == 0 {
		return
	}
	h.looking = true
	go c.runLook(texts, h.answers)
}

func (c *calls) runLook(texts []string, answers uint64) {
	ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
	defer cancel()
	var err error
	for _, text := range texts {
		if _, err = c.ask(ctx, text); answered(err) {
			break
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	h := &c.health
	h.looking = false
	switch {
	case answered(err):
		h.works()
		h.looked = time.Now()
	case h.answers == answers: // nobody else got an answer meanwhile
		h.reason = err
		c.lookFailed(err)
	}
	c.dispatch()
}

// lookFailed leaves the server alone. The last use may have come after the end of the outage, and looks
// again for all.
func (c *calls) lookFailed(err error) {
	var last *call
	for _, lane := range []*lane{&c.known, &c.first} {
		if back := lane.queue.Back(); back != nil && last == nil && pause(err) == 0 {
			last = back.Value.(*call)
			lane.remove(last)
		}
	}
	c.leaveAlone(err)
	if last != nil {
		c.health.until = time.Now().Add(callTimeout) // the others wait for this one
		c.begin(last)
	}
}

// unknownToken returns a text that is nobody's token: a server that works calls it inactive.
func unknownToken() string { return "postern-look-" + rand.Text() }

// laterError is a failure with which the server said when to come back.
type laterError struct {
	error
	after time.Duration
}

func (e *laterError) Unwrap() error { return e.error }

// pause returns how long the server wants to be left alone, by the outcome of a call; zero: it has not
// said.
func pause(err error) time.Duration {
	var later *laterError
	if errors.As(err, &later) {
		return min(later.after, maxPause)
	}
	return 0
}

// Warm asks the server about a random text that is nobody's token, for programs that want to know at start
// whether the server can be reached and accepts this API's authentication. Serving works without it. The
// error wraps postern.ErrUnavailable; a server that answers an unknown token with an error, where RFC 7662
// §2.2 wants it called inactive, makes Warm fail and still serves good tokens.
func (v *Verifier) Warm(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	raw := unknownToken()
	a, err := v.ask(ctx, raw)
	v.calls.mu.Lock()
	v.calls.report(raw, a, err)
	v.calls.mu.Unlock()
	if err != nil {
		return postern.Unavailable(err, retryAfter)
	}
	return nil
}

// Ready returns an error that wraps postern.ErrUnavailable while the server is left alone because it fails,
// or when it has failed and not answered once yet. It makes no call, and knows nothing before the first.
func (v *Verifier) Ready() error {
	v.calls.mu.Lock()
	defer v.calls.mu.Unlock()
	h := &v.calls.health
	if !h.until.IsZero() || h.answers == 0 && h.reason != nil {
		return postern.Unavailable(h.reason, retryAfter)
	}
	return nil
}
