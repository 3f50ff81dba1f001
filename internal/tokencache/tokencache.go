// Package tokencache remembers what verifiers found out about raw tokens. Reading takes no lock and
// allocates nothing; memory is bounded in bytes; and a flood of tokens that are used once does not drive
// out those that are used again.
//
//	cache := tokencache.New[entry](16 << 20)
//	if e, ok := cache.Get(raw); ok && e.valid(now) {
//		return e.token, nil
//	}
//	since := cache.Epoch()
//	…
//	cache.Put(raw, e, size, since)
//
// Whether an entry is still good is for its owner to say, on every hit: the cache knows no time.
//
// The cache is a table of buckets of eight. A token's place depends on its last characters: those of a
// JWT's signature or of a random string, which nobody but the issuer chooses. A wrong guess costs a miss
// and nothing else, for all bytes of the token are compared. An entry that was hit lately is kept; one that
// is not hit again ages and is given up in time; when everything in its bucket was hit lately, a newcomer is
// not let in.
package tokencache

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

const (
	ways = 8
	// typicalSize is what one entry is guessed to take, to size the table.
	typicalSize = 1 << 10
	// tail is how many of a token's last characters choose its place.
	tail = 32
	// ageing is after how many evictions, in whatever bucket, one entry counts as not hit lately.
	ageing = 4
	// sweepLength is how many buckets one Put looks through for bytes to free.
	sweepLength = 16
)

// Cache maps raw tokens to values. It is safe for concurrent use.
type Cache[V any] struct {
	seed  maphash.Seed
	limit int64

	table atomic.Pointer[[]bucket[V]] // nil until the first Put
	epoch atomic.Uint64               // counts DeleteFunc
	mu    sync.Mutex                  // writers
	bytes int64
	count int
	hand  int // the bucket where the next sweep begins
	turn  int // the way where the next look for a cold entry begins
}

type bucket[V any] [ways]atomic.Pointer[entry[V]]

type entry[V any] struct {
	raw  string
	val  V
	size int64
	hit  atomic.Bool
}

// New returns a Cache that holds entries of at most limit bytes together. With a limit of zero or less it
// holds nothing.
func New[V any](limit int64) *Cache[V] {
	return &Cache[V]{seed: maphash.MakeSeed(), limit: limit}
}

func (c *Cache[V]) bucket(table []bucket[V], raw string) *bucket[V] {
	end := raw[max(0, len(raw)-tail):]
	return &table[maphash.String(c.seed, end)&uint64(len(table)-1)]
}

// Get returns the value for the token.
func (c *Cache[V]) Get(raw string) (v V, ok bool) {
	table := c.table.Load()
	if table == nil {
		return v, false
	}
	b := c.bucket(*table, raw)
	for i := range b {
		e := b[i].Load()
		if e != nil && e.raw == raw {
			// Written only when it changes, so that a hot entry's line stays shared between cores.
			if !e.hit.Load() {
				e.hit.Store(true)
			}
			return e.val, true
		}
	}
	return v, false
}

// Epoch returns a number for Put to tell whether DeleteFunc has been called in between.
func (c *Cache[V]) Epoch() uint64 { return c.epoch.Load() }

// Put remembers the value for the token, in place of an earlier one. The size is what token and value
// take, in bytes; since is the Epoch from before the value was found out. Put may decline, and does so when
// DeleteFunc has been called since: it would have been asked about the value.
func (c *Cache[V]) Put(raw string, v V, size int64, since uint64) {
	if size > c.limit {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch.Load() != since {
		return
	}
	table := c.table.Load()
	if table == nil {
		table = c.makeTable()
		c.table.Store(table)
	}
	b := c.bucket(*table, raw)
	slot := c.slot(b, raw)
	if slot == nil {
		return
	}
	c.drop(slot)
	if c.bytes+size > c.limit {
		c.sweep(*table, size)
	}
	if c.bytes+size > c.limit {
		return
	}
	slot.Store(&entry[V]{raw: raw, val: v, size: size})
	c.bytes += size
	c.count++
}

func (c *Cache[V]) makeTable() *[]bucket[V] {
	n := 1
	for int64(n)*ways*typicalSize < c.limit {
		n <<= 1
	}
	table := make([]bucket[V], n)
	return &table
}

// slot returns where in the bucket the token goes: its own place, a free one, or that of an entry that
// was not hit lately. Nil means that all were.
func (c *Cache[V]) slot(b *bucket[V], raw string) *atomic.Pointer[entry[V]] {
	var free, cold *atomic.Pointer[entry[V]]
	// Newcomers that all took the first cold place would drive each other out before their second use.
	c.turn++
	for i := range b {
		place := &b[(c.turn+i)%ways]
		e := place.Load()
		switch {
		case e == nil:
			free = place
		case e.raw == raw:
			return place
		case !e.hit.Load() && cold == nil:
			cold = place
		}
	}
	if free != nil {
		return free
	}
	// Entries that were hit long ago age too, so slowly that those in use are hit again in between.
	if c.turn%ageing == 0 {
		b[c.turn/ageing%ways].Load().hit.Store(false)
	}
	return cold
}

func (c *Cache[V]) drop(slot *atomic.Pointer[entry[V]]) {
	if e := slot.Load(); e != nil {
		slot.Store(nil)
		c.bytes -= e.size
		c.count--
	}
}

// sweep frees bytes for an entry of the size, from buckets in turn: entries that were not hit since the
// last time go.
func (c *Cache[V]) sweep(table []bucket[V], size int64) {
	for range min(sweepLength, len(table)) {
		b := &table[c.hand]
		c.hand = (c.hand + 1) & (len(table) - 1)
		for i := range b {
			e := b[i].Load()
			if e != nil && !e.hit.Swap(false) {
				c.drop(&b[i])
			}
			if c.bytes+size <= c.limit {
				return
			}
		}
	}
}

// DeleteFunc forgets every token for which gone returns true, which must not call the cache.
func (c *Cache[V]) DeleteFunc(gone func(raw string, v V) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch.Add(1)
	table := c.table.Load()
	if table == nil {
		return
	}
	for i := range *table {
		b := &(*table)[i]
		for j := range b {
			if e := b[j].Load(); e != nil && gone(e.raw, e.val) {
				c.drop(&b[j])
			}
		}
	}
}

// Size returns how many entries there are and how many bytes they take.
func (c *Cache[V]) Size() (count int, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count, c.bytes
}
