package dpop

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"github.com/postern-auth/postern"
)

// ReplayKey names one proof. Its first eight bytes name the key that made the proof, the others are a hash of
// that key, the URL and the proof's id. The same id from another key is another proof, so that no client can
// use up another's.
type ReplayKey [sha256.Size]byte

// ReplayStore remembers which proofs have been used. Implementations must be safe for concurrent use.
type ReplayStore interface {
	// Use records the key until the time given, and reports whether it was not recorded yet. Both must be
	// one atomic step: of any number of calls with one key, at all replicas together, only one may report
	// true. With SQL that is an INSERT … ON CONFLICT DO NOTHING that affected a row. An error means that
	// it cannot be known; the request is then answered 503. A record must never make room for another
	// before its time.
	Use(ctx context.Context, key ReplayKey, expires time.Time) (fresh bool, err error)
}

// DefaultReplayBytes is the MaxBytes of a MemoryStore that sets none: room for 800,000 proofs.
const DefaultReplayBytes = 32 << 20

const (
	// sliceSeconds is how many seconds of expiry times one slice takes.
	sliceSeconds = 30
	// recordBytes is what one record takes: its 16 bytes, one of the map's own, and up to as much again
	// that the map keeps free.
	recordBytes = 40
	// senderSize is how many bytes of a ReplayKey name who made the proof.
	senderSize = 8
	// counters is how many senders are counted apart, about.
	counters = 2048
	// share is the part of the free room that a sender may have used: each greedy one leaves most of what it
	// finds to those who come after.
	share = 4
	// fewParts is the part of the store that counts as few: a client that has less of it has no more than its share.
	fewParts = 1024
	// maxDropped bounds the slices that are remembered to be gone: those of a day.
	maxDropped = 24 * 60 * 60 / sliceSeconds
)

// MemoryStore is a ReplayStore for a single replica. It forgets everything when the program ends, so a
// proof of the last minutes may pass once more after a restart; Config.RequireNonce without a NonceKey
// closes that gap. When it is full it refuses to answer until records expire, for to forget one early
// would let a proof pass twice. One key may take a quarter of the room that is left for others, which is a
// fifth of the whole when it is alone; so no single sender can fill it.
//
// A clock that jumps makes it forget nothing: records are kept until the wall clock and the monotonic one
// both say that they are over. When a clock was set back to a time whose records are gone, it refuses to
// answer about proofs of that time.
//
// The zero value is ready for use; its fields must not change once it is used.
type MemoryStore struct {
	// MaxBytes bounds the memory. Zero: DefaultReplayBytes.
	MaxBytes int64
	// Now is the clock. Nil: time.Now.
	Now func() time.Time

	mu sync.Mutex
	// slices hold the records by when they expire, so that a whole slice is dropped at once and its
	// memory with it.
	slices  map[int64]*slice
	count   int64
	swept   int64              // the slice that was the oldest at the last sweep
	dropped map[int64]struct{} // slices that are gone
	seed    maphash.Seed       // so that nobody knows with whom a sender is counted together
}

// slice holds the records that expire within the same seconds.
type slice struct {
	records map[record]struct{}
	until   time.Time // when the last of them expires, by the clock that it came by
	// senders count the records of each sender, twice: two that share one counter hardly share the other.
	senders [2][counters]uint32
}

// record is as much of a ReplayKey as makes a second one with the same bytes unfindable.
type record [16]byte

// Use implements ReplayStore. Its only error wraps postern.ErrUnavailable: the store is full, the key has
// more than its share, or the clock was set back.
func (s *MemoryStore) Use(_ context.Context, key ReplayKey, expires time.Time) (fresh bool, err error) {
	clock := time.Now
	if s.Now != nil {
		clock = s.Now
	}
	now, id := clock(), record(key[senderSize:])
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slices == nil {
		s.slices, s.dropped, s.seed = make(map[int64]*slice), make(map[int64]struct{}), maphash.MakeSeed()
	}
	oldest := now.Unix() / sliceSeconds
	if s.swept != oldest {
		s.sweep(oldest, now)
	}
	for _, slice := range s.slices {
		if _, used := slice.records[id]; used {
			return false, nil
		}
	}
	n := max(oldest, expires.Unix()/sliceSeconds)
	if _, gone := s.dropped[n]; gone {
		return false, postern.Unavailable(errors.New("dpop: the clock was set back; used proofs of this time are no longer known"), sliceSeconds*time.Second)
	}
	first, second := s.counters(key)
	capacity := s.capacity()
	free := capacity - s.count
	switch {
	case free <= 0:
		return false, postern.Unavailable(errors.New("dpop: store of used proofs is full; raise MemoryStore.MaxBytes"), sliceSeconds*time.Second)
	case s.sent(first, second) >= max(free/share, capacity/fewParts):
		return false, postern.Unavailable(errors.New("dpop: one key has used more than its share of the store of used proofs; raise MemoryStore.MaxBytes"), sliceSeconds*time.Second)
	}
	slice := s.slice(n)
	slice.records[id] = struct{}{}
	slice.senders[0][first]++
	slice.senders[1][second]++
	// Add keeps the monotonic reading of now.
	if until := now.Add(expires.Sub(now)); until.After(slice.until) {
		slice.until = until
	}
	s.count++
	return true, nil
}

func (s *MemoryStore) capacity() int64 {
	return cmp.Or(s.MaxBytes, DefaultReplayBytes) / recordBytes
}

// counters returns which two counters are the sender's.
func (s *MemoryStore) counters(key ReplayKey) (first, second uint64) {
	sum := maphash.Bytes(s.seed, key[:senderSize])
	return sum % counters, sum >> 32 % counters
}

// sent returns how many records the sender has, or a few more.
func (s *MemoryStore) sent(first, second uint64) int64 {
	var a, b int64
	for _, slice := range s.slices {
		a += int64(slice.senders[0][first])
		b += int64(slice.senders[1][second])
	}
	return min(a, b)
}

func (s *MemoryStore) slice(n int64) *slice {
	if s.slices[n] == nil {
		s.slices[n] = &slice{records: make(map[record]struct{})}
	}
	return s.slices[n]
}

// sweep drops the slices that are over by the wall clock, which proofs are dated by, and by the monotonic
// one, which does not jump.
func (s *MemoryStore) sweep(oldest int64, now time.Time) {
	for n, slice := range s.slices {
		if n < oldest && now.After(slice.until) {
			s.count -= int64(len(slice.records))
			delete(s.slices, n)
			s.dropped[n] = struct{}{}
		}
	}
	for n := range s.dropped {
		if len(s.dropped) > maxDropped && n < oldest-maxDropped {
			delete(s.dropped, n)
		}
	}
	s.swept = oldest
}

// use spends the proof.
func (b *Binding) use(ctx context.Context, jkt, url string, p *proof) error {
	// The id comes last, for it alone may hold the separator.
	text := make([]byte, 0, 512)
	text = append(append(text, jkt...), 0)
	text = append(append(text, url...), 0)
	text = append(text, p.id...)
	// A window more than the proof is good for, for replicas whose clocks differ.
	fresh, err := b.replays.Use(ctx, replayKey(jkt, text), p.issuedAt.Add(2*b.window))
	if err != nil && errors.Is(err, postern.ErrUnavailable) {
		return err
	}
	if err != nil {
		return fmt.Errorf("dpop: store of used proofs: %w: %w", postern.ErrUnavailable, err)
	}
	if !fresh {
		return refused{what: "proof was used before (jti)"}
	}
	return nil
}

func replayKey(jkt string, text []byte) ReplayKey {
	key, sender := ReplayKey(sha256.Sum256(text)), sha256.Sum256([]byte(jkt))
	copy(key[:senderSize], sender[:])
	return key
}
