// Package keyset keeps an issuer's public keys: fetched when first needed, renewed ahead of need, and
// neither lost in an outage nor worn out by forged tokens.
//
//	set := keyset.New(keyset.Config{Load: load})
//	keys, err := set.Lookup(ctx, header.KeyID, header.Algorithm)
//	switch {
//	case errors.Is(err, keyset.ErrUnknown): // the issuer has no such key: the token is bad
//	case err != nil:                        // nobody can say: not the token's fault
//	}
//
// No goroutine runs by itself: uses of the set start the fetches, and a set that nobody uses makes no
// calls. Time is measured on the monotonic clock.
package keyset

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postern-auth/postern/internal/jws"
)

const (
	// renewAfter and renewJitter: a set in use is renewed 35 to 45 s after it was fetched, so that a slow
	// answer comes before anybody waits for it and replicas do not ask in step.
	renewAfter  = 35 * time.Second
	renewJitter = 10 * time.Second
	// trustedFor is the age at which a use waits for the renewal instead of going on in the meantime, so
	// that a withdrawn key is refused within a minute.
	trustedFor = 50 * time.Second
	// retryAfter is how long a failed renewal is left alone, and triedFor how long it counts as an attempt
	// that nobody needs to wait for again.
	retryAfter = 5 * time.Second
	triedFor   = 15 * time.Second
	// coldRetry is retryAfter for a set that has no keys yet.
	coldRetry = time.Second
	// coolDown is the least time between two fetches for what the set does not have, and how long the
	// answer of such a fetch counts for whoever asks the same.
	coolDown = 2 * time.Second
	// loadTimeout bounds a fetch, metadata included.
	loadTimeout = 5 * time.Second
	// DefaultMaxStale is how long the last good set serves while the issuer cannot be reached.
	DefaultMaxStale = 24 * time.Hour
)

var (
	// ErrUnknown says that the issuer has no key of the id that can be used, as of a set fetched after the
	// question.
	ErrUnknown = errors.New("keyset: issuer has no such key")
	// ErrUnavailable says that the issuer's keys are not known well enough to answer.
	ErrUnavailable = errors.New("keyset: keys are not available")
)

// UnavailableError is an ErrUnavailable that says when to ask again.
type UnavailableError struct {
	RetryAfter time.Duration
	Cause      error
}

func (e *UnavailableError) Error() string { return fmt.Sprintf("%v: %v", ErrUnavailable, e.Cause) }

// Unwrap returns ErrUnavailable and the cause.
func (e *UnavailableError) Unwrap() []error { return []error{ErrUnavailable, e.Cause} }

// Config configures a Set.
type Config struct {
	// Load fetches the keys. Required. Its context ends when a fetch has taken too long.
	Load func(context.Context) (jws.KeySet, error)
	// MaxStale is how long the last good set serves during an outage. Zero: DefaultMaxStale.
	MaxStale time.Duration
	// Snapshot is a file in which the last good set survives a restart. Empty: none.
	Snapshot Snapshot
	// Issuer names the issuer in the log.
	Issuer string
	// Logger is told, a line each, when renewals begin to fail and when they work again, and when other keys
	// than before are left out. Nil: silence.
	Logger *slog.Logger
}

// Key is a key of a Set.
type Key struct {
	*jws.Key
	removed atomic.Bool
}

// Removed reports whether the issuer has withdrawn the key. What was verified with it counts no longer.
func (k *Key) Removed() bool { return k.removed.Load() }

// Set is an issuer's keys. It is safe for concurrent use.
type Set struct {
	config  Config
	current atomic.Pointer[generation]

	mu      sync.Mutex
	flight  *flight   // under way, or nil
	last    *flight   // the one begun last, under way or not
	ended   time.Time // when a fetch ended last
	failing error     // why the last fetch failed; nil: it did not, or there was none
	room    room
	restore sync.Once
}

// flight is a fetch under way.
type flight struct {
	started time.Time
	asked   []question // those that waited for it
	done    chan struct{}
	err     error
}

// New returns a Set. It makes no call.
func New(config Config) *Set {
	if config.MaxStale <= 0 {
		config.MaxStale = DefaultMaxStale
	}
	return &Set{config: config}
}

// Lookup returns the keys with the id that may check signatures by the algorithm, usually one. An empty
// id means every key that fits. Errors wrap ErrUnknown, jws.ErrSignature (the id is known, the key does
// not go with the algorithm), ErrUnavailable, or are the context's.
func (s *Set) Lookup(ctx context.Context, id string, alg jws.Algorithm) ([]*Key, error) {
	arrived, before := time.Now(), s.current.Load()
	g, err := s.fresh(ctx, arrived)
	if err != nil {
		return nil, err
	}
	keys, err := g.find(id, alg)
	if err == nil || isFinal(err) {
		return keys, err
	}
	since, misfit := arrived, errors.Is(err, jws.ErrSignature)
	switch {
	case misfit || id == "":
		since = arrived.Add(-coolDown)
	case before != nil && !before.fetched.Before(arrived):
		since = before.fetched.Add(1) // the clock is coarse: that set was there before the question
	}
	keys, again := s.settle(ctx, id, alg, since, nil)
	if misfit && (errors.Is(again, ErrUnavailable) || ctx.Err() != nil) {
		return nil, err // as for Changed: what is known stands
	}
	return keys, again
}

// Changed returns the keys that the issuer has put in the place of those that Lookup returned and that did
// not make a signature; none when it has not. It has the issuer asked unless that was done within the
// cool-down, and waits for nothing but that fetch; where it fails, what is known stands.
func (s *Set) Changed(ctx context.Context, id string, alg jws.Algorithm, tried []*Key) []*Key {
	keys, _ := s.settle(ctx, id, alg, time.Now().Add(-coolDown), tried)
	return keys
}

// Fresh makes sure that what is known of the keys is recent, as every use of them must. Lookup does it by
// itself; a cache of verified tokens calls it on its hits, so that Removed is told in time. The time is
// the present one, with its monotonic reading.
func (s *Set) Fresh(ctx context.Context, now time.Time) error {
	_, err := s.fresh(ctx, now)
	return err
}

// Warm fetches the keys unless they are there.
func (s *Set) Warm(ctx context.Context) error { return s.Fresh(ctx, time.Now()) }

// Ready returns how old the keys are. Before the first fetch has succeeded it is an error that wraps
// ErrUnavailable, and so when the set has been stale for too long to serve. While an older set serves that
// should have been renewed and could not be, it is an error that says why and does not wrap ErrUnavailable.
func (s *Set) Ready() (age time.Duration, err error) {
	s.mu.Lock()
	failing := s.failing
	s.mu.Unlock()
	g := s.current.Load()
	if g == nil && failing != nil {
		return 0, fmt.Errorf("%w: %w", ErrUnavailable, failing)
	}
	if g == nil {
		return 0, fmt.Errorf("%w: none fetched yet", ErrUnavailable)
	}
	age = time.Since(g.fetched)
	switch {
	case age > s.config.MaxStale:
		return age, fmt.Errorf("%w: last fetched %s ago", ErrUnavailable, age.Round(time.Second))
	case age > trustedFor && failing != nil:
		return age, fmt.Errorf("keyset: keys of %s ago serve on, for they cannot be renewed: %w", age.Round(time.Second), failing)
	}
	return age, nil
}

// Keys returns how many keys are in use, and of each that the issuer publishes beside them why it is left
// out.
func (s *Set) Keys() (used int, leftOut []error) {
	g := s.current.Load()
	if g == nil {
		return 0, nil
	}
	for _, out := range g.leftOut {
		leftOut = append(leftOut, out.Reason)
	}
	return len(g.list), leftOut
}

// fresh returns a set that is recent enough to be trusted, renewing it when its time has come.
func (s *Set) fresh(ctx context.Context, now time.Time) (*generation, error) {
	g := s.current.Load()
	if g == nil {
		return s.first(ctx, now)
	}
	age := now.Sub(g.fetched)
	if age < g.renew {
		return g, nil
	}
	f, tried := s.renewal(now)
	if renewed := s.current.Load(); renewed != g {
		return renewed, nil // the fetch ended in the moment between
	}
	stale := age > s.config.MaxStale
	if f == nil || age < trustedFor || tried && !stale {
		if stale {
			return nil, &UnavailableError{retryAfter, fmt.Errorf("last fetched %s ago", age.Round(time.Second))}
		}
		return g, nil
	}
	err := f.wait(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil && stale {
		return nil, &UnavailableError{retryAfter, err}
	}
	return s.current.Load(), nil
}

// renewal returns the fetch under way, after starting one if none is and the last was not just now, and
// whether one has been tried recently.
func (s *Set) renewal(now time.Time) (f *flight, tried bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flight == nil && now.Sub(s.ended) >= retryAfter {
		s.start()
	}
	return s.flight, now.Sub(s.ended) < triedFor
}

// first fetches the keys for a set that has none.
func (s *Set) first(ctx context.Context, now time.Time) (*generation, error) {
	s.restore.Do(s.fromSnapshot)
	if s.current.Load() != nil {
		return s.fresh(ctx, now)
	}
	s.mu.Lock()
	if g := s.current.Load(); g != nil {
		s.mu.Unlock()
		return g, nil // the fetch ended in the moment between
	}
	if s.flight == nil && !s.ended.IsZero() && now.Sub(s.ended) < coldRetry {
		s.mu.Unlock()
		return nil, &UnavailableError{coldRetry, errors.New("the last fetch failed just now")}
	}
	if s.flight == nil {
		s.start()
	}
	f := s.flight
	s.mu.Unlock()
	err := f.wait(ctx)
	if g := s.current.Load(); g != nil {
		return g, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, &UnavailableError{coldRetry, err}
}

// settle answers a question that the set at hand does not, with keys other than those tried: it looks into
// every set that a fetch brings, until one has an answer or was fetched since the time given. So an id that
// does not exist is told from one that is not there yet, without letting strangers decide how often the
// issuer is asked.
func (s *Set) settle(ctx context.Context, id string, alg jws.Algorithm, since time.Time, tried []*Key) ([]*Key, error) {
	q := newQuestion(id, alg)
	for waits := false; ; {
		g := s.current.Load()
		keys, err := g.others(id, alg, tried)
		if err == nil || isFinal(err) || s.denied(q, g, since) {
			return keys, err
		}
		if !waits {
			if err := s.enter(q); err != nil {
				return nil, &UnavailableError{coolDown, err}
			}
			defer s.leave(q)
			waits = true
		}
		if err := s.next(ctx, g, since); err != nil {
			return nil, err
		}
	}
}

func (s *Set) enter(q question) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.room.enter(q)
}

func (s *Set) leave(q question) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.room.leave(q)
}

// denied reports whether what g says to a question is the answer: it was fetched since the time given, or has
// just been asked the same.
func (s *Set) denied(q question, g *generation, since time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g.fetched.Before(since) {
		return s.room.denied(q, g)
	}
	s.room.deny(q, g)
	return true
}

// next waits for a set after g: for the fetch under way or, when the cool-down is over, for one that it
// starts; during the cool-down it waits for the end of that.
func (s *Set) next(ctx context.Context, g *generation, since time.Time) error {
	f, pause := s.begin(g, since)
	if f == nil {
		return sleep(ctx, pause)
	}
	err := f.wait(ctx)
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	return &UnavailableError{coolDown, err}
}

// begin returns the fetch to wait for, starting it when it is time for one, or for how long it is not. There
// is nothing to wait for when another set is in g's place already.
func (s *Set) begin(g *generation, since time.Time) (*flight, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current.Load() != g {
		return nil, 0
	}
	if s.flight != nil {
		return s.flight, 0
	}
	if s.last != nil {
		if !s.last.started.Before(since) {
			return s.last, 0 // begun and ended meanwhile
		}
		if pause := coolDown - time.Since(s.last.started); pause > 0 {
			return nil, pause
		}
	}
	s.start()
	return s.flight, 0
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// start begins a fetch. The caller holds mu.
func (s *Set) start() {
	f := &flight{started: time.Now(), asked: s.room.questions(), done: make(chan struct{})}
	s.flight, s.last = f, f
	go s.fetch(f)
}

func (s *Set) fetch(f *flight) {
	ctx, cancel := context.WithTimeout(context.Background(), loadTimeout)
	defer cancel()
	loaded, err := s.config.Load(ctx)
	if err == nil && len(loaded.Keys) == 0 {
		err = noneUsable(loaded.LeftOut)
	}
	before := s.current.Load()
	if err == nil {
		s.adopt(loaded, f.started)
		s.config.Snapshot.save(loaded)
	}
	s.mu.Lock()
	if err == nil {
		for _, q := range f.asked {
			s.room.deny(q, s.current.Load())
		}
	}
	failed := s.failing
	s.flight, s.ended, s.failing = nil, time.Now(), err
	s.mu.Unlock()
	f.err = err
	close(f.done)
	s.log(before, failed, err)
}

// noneUsable is the error of a set without a key to use: such a one replaces nothing.
func noneUsable(leftOut []jws.LeftOut) error {
	err := errors.New("keyset: no usable key in the answer")
	for _, out := range leftOut[:min(len(leftOut), maxTold)] {
		err = fmt.Errorf("%w; %w", err, out.Reason)
	}
	return err
}

// adopt makes the keys the current ones. A key that was there before stays the same Key, and one that is
// gone is marked, for caches that remember what was verified with it.
func (s *Set) adopt(loaded jws.KeySet, fetched time.Time) {
	before := s.current.Load()
	next := newGeneration(loaded, fetched, before)
	s.current.Store(next)
	if before == nil {
		return
	}
	for _, key := range before.list {
		if !slices.Contains(next.list, key) {
			key.removed.Store(true)
		}
	}
}

// wait waits for the fetch to end, or for ctx, whichever comes first.
func (f *flight) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}
