package password

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"golang.org/x/crypto/argon2"
)

// Config is how a Hasher works. The zero value is what a server wants.
type Config struct {
	// Params are what a new hash, and one for an unknown user, costs. Zero: Today.
	Params Params
	// Concurrent is how many hashes are computed at once. Zero: half of the cores, at least 1 and at most 2.
	Concurrent int
	// Waiting is how many may wait for a turn; more are ErrBusy. Zero: 64. One counter may take half of them.
	Waiting int
}

// A Hasher computes hashes, a few at a time. It is safe for concurrent use.
type Hasher struct {
	params Params
	absent Hash // compared with where there is no hash; nothing has this key
	queue  queue
	derive func(p Password, salt []byte, params Params, keyLen int) []byte

	taken atomic.Int64 // by hashes since the last collection, in KiB
}

// New returns a Hasher. Parameters outside of the bounds that Parse has, and negative numbers, are errors.
func New(config Config) (*Hasher, error) {
	if config.Params == (Params{}) {
		config.Params = Today
	}
	if config.Concurrent == 0 {
		config.Concurrent = concurrent(runtime.GOMAXPROCS(0))
	}
	if config.Waiting == 0 {
		config.Waiting = 64
	}
	if config.Concurrent < 0 || config.Waiting < 0 {
		return nil, errors.New("password: Concurrent and Waiting must not be negative")
	}
	if err := config.Params.check(); err != nil {
		return nil, fmt.Errorf("password: Params: %w", err)
	}
	h := &Hasher{
		params: config.Params,
		absent: Hash{params: config.Params, salt: random(saltBytes), key: random(keyBytes)},
		queue:  queue{free: config.Concurrent, room: config.Waiting, busy: make(map[string]bool)},
		derive: derive,
	}
	return h, nil
}

// concurrent leaves half of the cores to the other endpoints. More than two at a time would be faster for a
// crowd and cost 20 MB each; two answer over a hundred logins a second.
func concurrent(cores int) int { return min(max(1, cores/2), 2) }

// compute has the garbage of former hashes collected before it adds more than that of one. argon2.IDKey allocates
// its memory anew, and on a busy machine the collector, left to itself, comes so late that two hashes at a time
// hold the memory of six.
func (h *Hasher) compute(p Password, salt []byte, params Params, keyLen int) []byte {
	memory := int64(params.Memory)
	if h.taken.Add(memory) > int64(h.params.Memory) {
		h.taken.Store(memory)
		runtime.GC()
	}
	return h.derive(p, salt, params, keyLen)
}

func derive(p Password, salt []byte, params Params, keyLen int) []byte {
	return argon2.IDKey([]byte(p.text), salt, params.Time, params.Memory, params.Threads, uint32(keyLen))
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// NeedsRehash reports whether a stored string is a hash of other parameters than the Hasher's.
func (h *Hasher) NeedsRehash(phc string) bool {
	hash, err := Parse(phc)
	return err == nil && hash.NeedsRehash(h.params)
}

// A Turn is the right to compute hashes, one after the other. It is not safe for concurrent use.
type Turn struct {
	hasher *Hasher
	key    string
	done   bool
}

// Check reports whether p is the password whose hash is stored. It computes one hash in every case: stored
// is "" where there is no hash to compare with, and the answer then is false. ErrPHC says that stored cannot
// be read; the person gets the answer to a wrong password, and the operator a line in the log.
func (t *Turn) Check(stored string, p Password) (bool, error) {
	hash, err := Parse(stored)
	known := err == nil
	if !known {
		hash = t.hasher.absent
	}
	key := t.hasher.compute(p, hash.salt, hash.params, len(hash.key))
	same := subtle.ConstantTimeCompare(key, hash.key) == 1
	if stored == "" {
		err = nil
	}
	return known && same, err
}

// Hash returns a new hash of p. Whether p may be anybody's password is Choose's to say.
func (t *Turn) Hash(p Password) Hash {
	salt := random(saltBytes)
	return Hash{
		params: t.hasher.params,
		salt:   salt,
		key:    t.hasher.compute(p, salt, t.hasher.params, keyBytes),
	}
}

// Done gives the turn to the next who waits. Only the first call counts.
func (t *Turn) Done() {
	if !t.done {
		t.done = true
		t.hasher.queue.leave(t.key)
	}
}
