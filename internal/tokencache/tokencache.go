// Package tokencache remembers what verifiers found out about raw tokens. Reading takes no lock and
// allocates nothing; memory is bounded in bytes; and a flood of tokens that are used once does not drive
// out those that are used again.
//
//	cache := tokencache.New[entry](32 << 20)
//	if e, ok := cache.Get(raw); ok && e.valid(now) {
//		return e.token, nil
//	}
//	since := cache.Epoch()
//	…
//	cache.Put(raw, e, size, since)
//
// Whether an entry is still good is for its owner to say, on every hit: the cache knows no time.
//
// The cache is a table of buckets, a line of the processor's memory each: a byte of every token's hash, and
// where its entry is. A byte that agrees by chance costs a comparison and nothing else, for all bytes of the
// token are compared. A newcomer that finds its bucket full goes to a second one, and leaves a mark in the first. An
// entry that was hit lately is kept; one that is not hit again ages and is given up in time; when everything in both
// buckets was hit lately, a newcomer is not let in.
package tokencache

import (
	"hash/maphash"
	"math"
	"math/bits"
	"sync"
	"sync/atomic"
	"unsafe"
)

const (
	// ways is how many entries a bucket of 64 bytes has room for, beside their tags.
	ways = 7
	// crowded is the number of entries a bucket, on average, beyond which the table is doubled: of newcomers,
	// whose buckets are filled by chance, one in a thousand finds its own full by then, and hardly any its second.
	crowded = 3.0 / 2
	// slotBytes is the most that an entry's share of the table is, just after it was doubled.
	slotBytes = 86
	// signatureTail is how many of a signature's last characters choose its token's place.
	signatureTail = 32
	// ageing is after how many evictions, in whatever bucket, one entry counts as not hit lately.
	ageing = 4
	// sweepLength is how many buckets one Put looks through for bytes to free.
	sweepLength = 16
)

// Cache maps raw tokens to values. It is safe for concurrent use. A nil Cache holds nothing; it must not be
// put into.
type Cache[V any] struct {
	seed  maphash.Seed
	limit int64
	tail  int // of how many last characters the hash is; all of a shorter token

	table atomic.Pointer[[]bucket[V]] // nil until the first Put; its length is a power of two
	epoch atomic.Uint64               // counts DeleteFunc
	mu    sync.Mutex                  // writers
	bytes int64
	count int
	hand  int // the bucket where the next sweep begins
	turn  int // the way where the next look for a cold entry begins
}

type bucket[V any] struct {
	// A byte a way, from the lowest; that of an empty way means nothing. The highest byte is not 0 when tokens
	// that belong here may be in their second bucket.
	tags    atomic.Uint64
	entries [ways]atomic.Pointer[entry[V]]
}

type entry[V any] struct {
	raw  string
	val  V
	hash uint64
	size uint32
	hit  atomic.Bool
}

// New returns a Cache that holds entries of at most limit bytes together. With a limit of zero or less it
// holds nothing. A token's place depends on all of it and on chance, so nobody can send tokens that share
// one.
func New[V any](limit int64) *Cache[V] {
	return &Cache[V]{seed: maphash.MakeSeed(), limit: limit, tail: math.MaxInt}
}

// NewSigned is New for tokens that are put only after their signature, which they end in, has been
// verified. Nobody but the issuer can choose that, so its end alone says where a token is, however long it
// is.
func NewSigned[V any](limit int64) *Cache[V] {
	c := New[V](limit)
	c.tail = signatureTail
	return c
}

func (c *Cache[V]) hash(raw string) uint64 {
	return maphash.String(c.seed, raw[max(0, len(raw)-c.tail):])
}

// place returns the hash's bucket and its tag in every byte.
func place[V any](table []bucket[V], hash uint64) (b *bucket[V], tags uint64) {
	return &table[hash&uint64(len(table)-1)], hash >> 56 * everyByte
}

// second returns the bucket of tokens that find their own full: another one, unless there is only one.
func second[V any](table []bucket[V], hash uint64) *bucket[V] {
	return &table[(hash^(hash>>28|1))&uint64(len(table)-1)]
}

const (
	everyByte = 0x0101010101010101
	highBits  = 0x8080808080808080
	elsewhere = 0xff << 56 // in a bucket's tags
)

// alike returns a word with the highest bit of a byte set where two words have the same byte. A byte above
// such a one may have it set too.
func alike(a, b uint64) uint64 {
	x := a ^ b
	return (x - everyByte) &^ x & highBits
}

// Get returns the value for the token.
func (c *Cache[V]) Get(raw string) (v V, ok bool) {
	if c == nil {
		return v, false
	}
	table := c.table.Load()
	if table == nil {
		return v, false
	}
	b, tags := place(*table, c.hash(raw))
	there := b.tags.Load()
	for found := alike(there, tags) << 8 >> 8; found != 0; found &= found - 1 {
		e := b.entries[bits.TrailingZeros64(found)/8].Load()
		if e != nil && e.raw == raw {
			// Written only when it changes, so that a hot entry's line stays shared between cores.
			if !e.hit.Load() {
				e.hit.Store(true)
			}
			return e.val, true
		}
	}
	if there >= elsewhere {
		return c.inSecond(*table, raw)
	}
	return v, false
}

// inSecond returns the value for a token that found its bucket full, or was not put at all.
func (c *Cache[V]) inSecond(table []bucket[V], raw string) (v V, ok bool) {
	e := second(table, c.hash(raw)).find(raw)
	if e == nil {
		return v, false
	}
	e.hit.Store(true)
	return e.val, true
}

// find returns the entry of the token in this bucket; nil: it has none here.
func (b *bucket[V]) find(raw string) *entry[V] {
	for way := range ways {
		if e := b.entries[way].Load(); e != nil && e.raw == raw {
			return e
		}
	}
	return nil
}

// Epoch returns a number for Put to tell whether DeleteFunc has been called in between.
func (c *Cache[V]) Epoch() uint64 {
	if c == nil {
		return 0
	}
	return c.epoch.Load()
}

// Put remembers the value for the token, in place of an earlier one. The cache keeps raw, so its memory must
// be its own and no part of something larger. The size is what the value takes beside itself, in bytes;
// since is the Epoch from before the value was found out. Put may decline, and does so when DeleteFunc has
// been called since: it would have been asked about the value.
func (c *Cache[V]) Put(raw string, v V, size int64, since uint64) {
	size += HeapBytes(len(raw)) + HeapBytes(int(unsafe.Sizeof(entry[V]{}))) + slotBytes
	if size > min(c.limit, math.MaxUint32) {
		return
	}
	hash := c.hash(raw)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch.Load() != since {
		return
	}
	table := c.roomy()
	b, way := c.way(table, hash, raw)
	if way < 0 {
		return
	}
	c.drop(b, way)
	if c.bytes+size > c.limit {
		c.sweep(table, size)
	}
	if c.bytes+size > c.limit {
		return
	}
	set(table, b, way, &entry[V]{raw: raw, val: v, hash: hash, size: uint32(size)})
	c.bytes += size
	c.count++
}

// HeapBytes returns about how much memory the allocator takes for n bytes, which come in sizes of its own.
func HeapBytes(n int) int64 {
	step := max(8, 1<<max(0, bits.Len(uint(n))-3))
	return int64((n + step - 1) &^ (step - 1))
}

// set puts the entry into a bucket of the two that are its own.
func set[V any](table []bucket[V], b *bucket[V], way int, e *entry[V]) {
	first, tags := place(table, e.hash)
	mask := uint64(0xff) << (8 * way)
	b.tags.Store(b.tags.Load()&^mask | tags&mask)
	b.entries[way].Store(e)
	if first != b {
		first.tags.Or(elsewhere)
	}
}

// roomy returns the table, after making it larger when it is crowded.
func (c *Cache[V]) roomy() []bucket[V] {
	table := c.table.Load()
	if table == nil {
		first := make([]bucket[V], 1)
		c.table.Store(&first)
		return first
	}
	if float64(c.count) < crowded*float64(len(*table)) {
		return *table
	}
	larger := make([]bucket[V], 2*len(*table))
	for i := range *table {
		for way := range ways {
			if e := (*table)[i].entries[way].Load(); e != nil && !move(larger, e) {
				c.drop(&(*table)[i], way)
			}
		}
	}
	c.table.Store(&larger)
	c.hand = 0
	return larger
}

// move puts the entry into a larger table, unless both its buckets are full.
func move[V any](larger []bucket[V], e *entry[V]) bool {
	first, _ := place(larger, e.hash)
	for _, b := range []*bucket[V]{first, second(larger, e.hash)} {
		if way := b.free(); way >= 0 {
			set(larger, b, way, e)
			return true
		}
	}
	return false
}

// free returns an empty way; negative: there is none.
func (b *bucket[V]) free() int {
	for way := range ways {
		if b.entries[way].Load() == nil {
			return way
		}
	}
	return -1
}

// way returns where the token goes: its own place, a free one, or that of an entry that was not hit lately, in its
// bucket rather than in its second. It is negative when all were.
func (c *Cache[V]) way(table []bucket[V], hash uint64, raw string) (b *bucket[V], way int) {
	first, _ := place(table, hash)
	other := second(table, hash)
	// Newcomers that all took the first cold place would drive each other out before their second use.
	c.turn++
	own, free, cold := c.look(first, raw)
	if own >= 0 {
		return first, own
	}
	full := free < 0
	if full || first.tags.Load() >= elsewhere {
		own, otherFree, otherCold := c.look(other, raw)
		switch {
		case own >= 0:
			return other, own
		case full && otherFree >= 0:
			return other, otherFree
		case full && cold < 0 && otherCold >= 0:
			return other, otherCold
		}
	}
	if !full {
		return first, free
	}
	// Entries that were hit long ago age too, so slowly that those in use are hit again in between.
	if c.turn%ageing == 0 {
		first.entries[c.turn/ageing%ways].Load().hit.Store(false)
	}
	return first, cold
}

// look returns the ways of the bucket where the token is, where nothing is and where something is that was not hit
// lately; negative: there is none.
func (c *Cache[V]) look(b *bucket[V], raw string) (own, free, cold int) {
	own, free, cold = -1, -1, -1
	for i := range ways {
		way := (c.turn + i) % ways
		e := b.entries[way].Load()
		switch {
		case e == nil:
			free = way
		case e.raw == raw:
			own = way
		case !e.hit.Load() && cold < 0:
			cold = way
		}
	}
	return own, free, cold
}

func (c *Cache[V]) drop(b *bucket[V], way int) {
	if e := b.entries[way].Load(); e != nil {
		b.entries[way].Store(nil)
		c.bytes -= int64(e.size)
		c.count--
	}
}

// sweep frees bytes for an entry of the size, from buckets in turn: entries that were not hit since the
// last time go.
func (c *Cache[V]) sweep(table []bucket[V], size int64) {
	for range min(sweepLength, len(table)) {
		b := &table[c.hand]
		c.hand = (c.hand + 1) & (len(table) - 1)
		for way := range ways {
			e := b.entries[way].Load()
			if e != nil && !e.hit.Swap(false) {
				c.drop(b, way)
			}
			if c.bytes+size <= c.limit {
				return
			}
		}
	}
}

// DeleteFunc forgets every token for which gone returns true, which must not call the cache.
func (c *Cache[V]) DeleteFunc(gone func(raw string, v V) bool) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch.Add(1)
	table := c.table.Load()
	if table == nil {
		return
	}
	for i := range *table {
		b := &(*table)[i]
		for way := range ways {
			if e := b.entries[way].Load(); e != nil && gone(e.raw, e.val) {
				c.drop(b, way)
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
