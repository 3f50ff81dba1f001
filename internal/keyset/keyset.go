// Package keyset keeps an issuer's public keys: fetched when first needed, renewed ahead of need, and
// never lost to an outage nor worn out by forged tokens.
//
//	set := keyset.New(keyset.Config{Load: load})
//	keys, err := set.Lookup(ctx, header.KeyID, header.Algorithm)
//	switch {
//	case errors.Is(err, keyset.ErrUnknown): // the issuer has no such key: the token is bad
//	case err != nil:                        // nobody can say: not the token's fault
//	}
//
// There is no goroutine that runs by itself: uses of the set start the fetches, and a set that nobody uses
// makes no calls. Time is measured on the monotonic clock.
package keyset

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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
	// coolDown is the least time between two fetches for key ids that the set does not have.
	coolDown = 2 * time.Second
	// maxWaiting is how many uses wait for the cool-down to end. Beyond it they are told to come back.
	maxWaiting = 64
	// loadTimeout bounds a fetch, metadata included.
	loadTimeout = 10 * time.Second
	// DefaultMaxStale is how long the last good set serves while the issuer cannot be reached.
	DefaultMaxStale = 24 * time.Hour
)

var (
	// ErrUnknown says that the issuer has no key of the id, as of a set fetched after the question.
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
	ended   time.Time // of the last fetch
	waiting int
	restore sync.Once
}

// generation is the outcome of one good fetch.
type generation struct {
	keys    map[string][]*Key
	count   int
	fetched time.Time // when the fetch began: what it says is at least that fresh
	renew   time.Duration
}

// flight is a fetch under way.
type flight struct {
	started time.Time
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
	arrived := time.Now()
	g, err := s.fresh(ctx, arrived)
	if err != nil {
		return nil, err
	}
	keys, err := g.find(id, alg)
	if !errors.Is(err, ErrUnknown) || id == "" {
		return keys, err
	}
	if g, err = s.since(ctx, arrived); err != nil {
		return nil, err
	}
	return g.find(id, alg)
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

// Ready returns how old the keys are and how many there are. Before the first fetch has succeeded it is
// an error, and so when the set has been stale for too long to serve.
func (s *Set) Ready() (age time.Duration, count int, err error) {
	g := s.current.Load()
	if g == nil {
		return 0, 0, fmt.Errorf("%w: none fetched yet", ErrUnavailable)
	}
	age = time.Since(g.fetched)
	if age > s.config.MaxStale {
		return age, g.count, fmt.Errorf("%w: last fetched %s ago", ErrUnavailable, age.Round(time.Second))
	}
	return age, g.count, nil
}

func (g *generation) find(id string, alg jws.Algorithm) ([]*Key, error) {
	if id == "" {
		return g.fitting(alg)
	}
	keys, ok := g.keys[id]
	if !ok {
		return nil, ErrUnknown
	}
	// An id stands for several keys only when they are of different types (RFC 7517 §4.5).
	var mismatch error
	for i, key := range keys {
		err := key.Accepts(alg)
		if err == nil {
			return keys[i : i+1 : i+1], nil
		}
		mismatch = err
	}
	return nil, mismatch
}

// maxCandidates bounds how many signature checks a token without a key id can cause.
const maxCandidates = 4

func (g *generation) fitting(alg jws.Algorithm) ([]*Key, error) {
	var candidates []*Key
	for _, keys := range g.keys {
		for _, key := range keys {
			if key.Accepts(alg) == nil {
				candidates = append(candidates, key)
			}
		}
	}
	if len(candidates) == 0 || len(candidates) > maxCandidates {
		return nil, fmt.Errorf("%w: token names no key and %d keys fit %.64q", ErrUnknown, len(candidates), string(alg))
	}
	return candidates, nil
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

// since returns a set whose fetch began no earlier than arrived. It is how an id that is not in the set
// is told from one that is not there yet, without letting strangers decide how often the issuer is asked.
func (s *Set) since(ctx context.Context, arrived time.Time) (*generation, error) {
	f, err := s.next(ctx, arrived)
	if err == nil {
		err = f.wait(ctx)
	}
	if g := s.current.Load(); !g.fetched.Before(arrived) {
		return g, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, &UnavailableError{coolDown, err}
}

// next returns a fetch that began no earlier than arrived, waiting for the cool-down to pass.
func (s *Set) next(ctx context.Context, arrived time.Time) (*flight, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting >= maxWaiting {
		return nil, errors.New("too many unknown key ids at once")
	}
	s.waiting++
	defer func() { s.waiting-- }()
	for {
		// It may have begun and ended while this use was resting.
		if s.last != nil && !s.last.started.Before(arrived) {
			return s.last, nil
		}
		pause := time.Duration(0)
		if s.last != nil {
			pause = coolDown - time.Since(s.last.started)
		}
		if s.flight == nil && pause <= 0 {
			s.start()
			return s.flight, nil
		}
		if err := s.rest(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// rest gives up mu until the fetch under way has ended or, when there is none, the pause is over.
func (s *Set) rest(ctx context.Context, pause time.Duration) error {
	f := s.flight
	s.mu.Unlock()
	defer s.mu.Lock()
	if f != nil {
		f.wait(ctx)
		return ctx.Err()
	}
	timer := time.NewTimer(pause)
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
	f := &flight{started: time.Now(), done: make(chan struct{})}
	s.flight, s.last = f, f
	go s.fetch(f)
}

func (s *Set) fetch(f *flight) {
	ctx, cancel := context.WithTimeout(context.Background(), loadTimeout)
	defer cancel()
	loaded, err := s.config.Load(ctx)
	if err == nil && len(loaded.Keys) == 0 {
		err = errors.Join(append([]error{errors.New("keyset: no usable key in the answer")}, loaded.Skipped...)...)
	}
	if err == nil {
		s.adopt(loaded.Keys, f.started)
		s.config.Snapshot.save(loaded)
	}
	s.mu.Lock()
	s.flight, s.ended = nil, time.Now()
	s.mu.Unlock()
	f.err = err
	close(f.done)
}

// adopt makes the keys the current ones. A key that was there before stays the same Key, and one that is
// gone is marked, for those who remember what they verified with it.
func (s *Set) adopt(keys []*jws.Key, fetched time.Time) {
	next := &generation{
		keys:    make(map[string][]*Key, len(keys)),
		count:   len(keys),
		fetched: fetched,
		renew:   renewAfter + rand.N(renewJitter),
	}
	before := s.current.Load()
	for _, key := range keys {
		next.keys[key.ID] = append(next.keys[key.ID], before.same(key))
	}
	s.current.Store(next)
	if before == nil {
		return
	}
	for id, old := range before.keys {
		for _, key := range old {
			if !next.holds(id, key) {
				key.removed.Store(true)
			}
		}
	}
}

// same returns the Key that g has for this key, or a new one.
func (g *generation) same(key *jws.Key) *Key {
	if g != nil {
		for _, old := range g.keys[key.ID] {
			if old.Equal(key) {
				return old
			}
		}
	}
	return &Key{Key: key}
}

func (g *generation) holds(id string, key *Key) bool {
	for _, k := range g.keys[id] {
		if k == key {
			return true
		}
	}
	return false
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
