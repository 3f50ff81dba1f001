package dpop

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/postern-auth/postern"
)

// ReplayKey names one proof: a hash of the key that made it, its URL and its id. The same id from another
// key is another proof, so that no client can use up another's.
type ReplayKey [sha256.Size]byte

// ReplayStore remembers which proofs have been used. Implementations must be safe for concurrent use.
type ReplayStore interface {
	// Use records the key until the time given, and reports whether it was not recorded yet. Both must be
	// one atomic step: of any number of calls with one key, at all replicas together, one alone may
	// report true. With SQL that is an INSERT … ON CONFLICT DO NOTHING that affected a row. An error means
	// that it cannot be known; the request is then answered 503. A record must never make room for
	// another before its time.
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
)

// MemoryStore is a ReplayStore for a single replica. It forgets everything when the program ends, so a
// proof of the last minutes may pass once more after a restart; Config.RequireNonce without a NonceKey
// closes that gap. When it is full it refuses to answer until records expire, for to forget one early
// would let a proof pass twice. The zero value is ready for use; its fields must not change once it is
// used.
type MemoryStore struct {
	// MaxBytes bounds the memory. Zero: DefaultReplayBytes.
	MaxBytes int64
	// Now is the clock. Nil: time.Now.
	Now func() time.Time

	mu sync.Mutex
	// slices hold the records by when they expire, so that a whole slice is dropped at once and its
	// memory with it.
	slices map[int64]map[record]struct{}
	count  int64
	swept  int64 // the slice that was the oldest at the last sweep
}

// record is as much of a ReplayKey as makes a second one with the same bytes unfindable.
type record [16]byte

// Use implements ReplayStore. Its only error wraps postern.ErrUnavailable: the store is full.
func (s *MemoryStore) Use(_ context.Context, key ReplayKey, expires time.Time) (fresh bool, err error) {
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	oldest, id := now().Unix()/sliceSeconds, record(key[:16])
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.swept != oldest {
		s.sweep(oldest)
	}
	for _, slice := range s.slices {
		if _, used := slice[id]; used {
			return false, nil
		}
	}
	limit := s.MaxBytes
	if limit == 0 {
		limit = DefaultReplayBytes
	}
	if (s.count+1)*recordBytes > limit {
		return false, postern.Unavailable(errors.New("dpop: store of used proofs is full; raise MemoryStore.MaxBytes"), sliceSeconds*time.Second)
	}
	s.add(id, max(oldest, expires.Unix()/sliceSeconds))
	return true, nil
}

func (s *MemoryStore) sweep(oldest int64) {
	for n, slice := range s.slices {
		if n < oldest {
			s.count -= int64(len(slice))
			delete(s.slices, n)
		}
	}
	s.swept = oldest
}

func (s *MemoryStore) add(id record, n int64) {
	if s.slices == nil {
		s.slices = make(map[int64]map[record]struct{})
	}
	slice := s.slices[n]
	if slice == nil {
		slice = make(map[record]struct{})
		s.slices[n] = slice
	}
	slice[id] = struct{}{}
	s.count++
}

// use spends the proof.
func (b *Binding) use(ctx context.Context, jkt, url string, p *proof) error {
	// The id comes last, for it alone may hold the separator.
	text := make([]byte, 0, 512)
	text = append(append(text, jkt...), 0)
	text = append(append(text, url...), 0)
	text = append(text, p.id...)
	// A window more than the proof is good for, for replicas whose clocks differ.
	fresh, err := b.replays.Use(ctx, sha256.Sum256(text), p.issuedAt.Add(2*b.window))
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
