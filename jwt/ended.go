package jwt

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// endedPlaces is how many tokens ended remembers.
	endedPlaces = 256
	// maxEnded is the length in bytes beyond which it remembers none.
	maxEnded = 2 << 10
	// endedTail is how many of a token's last characters choose its place.
	endedTail = 32
)

// ended remembers tokens that come again after their end, as those of a client do that does not look at it:
// to refuse one again then costs a comparison. None of them need ever have been genuine, and nothing is
// accepted for being remembered here. All that is known of a token is that whatever is checked before its
// times is as it should be, which no other time changes, and when it ends.
//
// A token is remembered at its second refusal, so that a flood of tokens that come once does not cost a copy
// of each. The zero value is ready. It is safe for concurrent use.
type ended struct {
	table atomic.Pointer[endedTable]
}

type endedTable struct {
	seed   maphash.Seed
	places [endedPlaces]struct {
		last  atomic.Uint64 // the hash of the token that was refused here last
		token atomic.Pointer[endedToken]
	}
}

type endedToken struct {
	raw string
	exp time.Time
}

func (t *endedTable) hash(raw string) uint64 {
	return maphash.String(t.seed, raw[max(0, len(raw)-endedTail):])
}

// end returns when a token ends that is remembered.
func (s *ended) end(raw string) (exp time.Time, known bool) {
	table := s.table.Load()
	if table == nil {
		return exp, false
	}
	e := table.places[table.hash(raw)%endedPlaces].token.Load()
	if e == nil || e.raw != raw {
		return exp, false
	}
	return e.exp, true
}

// saw takes note of a token that was refused for having ended, and for nothing else.
func (s *ended) saw(raw string, exp time.Time) {
	if len(raw) > maxEnded {
		return
	}
	table := s.table.Load()
	if table == nil {
		s.table.CompareAndSwap(nil, &endedTable{seed: maphash.MakeSeed()})
		table = s.table.Load()
	}
	hash := table.hash(raw)
	if place := &table.places[hash%endedPlaces]; place.last.Swap(hash) == hash {
		place.token.Store(&endedToken{strings.Clone(raw), exp})
	}
}

// rememberedEnd refuses a token that is remembered for having ended. It returns nil for any other, and when
// the clock says now that the token has not ended.
func (v *Verifier) rememberedEnd(raw string) error {
	exp, known := v.ended.end(raw)
	if !known {
		return nil
	}
	return v.checkTimes(v.wall(v.clock.Now()), exp, time.Time{}, time.Time{})
}
