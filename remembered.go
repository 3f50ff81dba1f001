package postern

import (
	"context"
	"hash/maphash"
	"sync/atomic"
)

// A rememberer is a Verifier that keeps the tokens it has verified, as those of package jwt do.
type rememberer interface {
	// Remembered is Verify for a token that is kept. Of any other it says nothing: known is false.
	Remembered(ctx context.Context, raw string) (token *Token, known bool, err error)
}

const (
	// hintPlaces is how many tokens there can be hints for. More share places, which costs time alone.
	hintPlaces = 1 << 13
	// hintTail is how many of a token's last characters choose its place.
	hintTail = 32
)

// hints say by whom a token was verified before, so that it need not be read again to know whom to ask.
// Nothing is decided by a hint: it may be another token's, so the Verifier that it leads to is asked whether
// it remembers this one, to the byte. The zero value is ready. It is safe for concurrent use.
type hints[T any] struct {
	table atomic.Pointer[hintTable[T]]
}

type hintTable[T any] struct {
	seed   maphash.Seed
	places [hintPlaces]atomic.Pointer[T]
}

func (t *hintTable[T]) place(raw string) *atomic.Pointer[T] {
	return &t.places[maphash.String(t.seed, raw[max(0, len(raw)-hintTail):])%hintPlaces]
}

// of returns who may have verified the token, or nil.
func (h *hints[T]) of(raw string) *T {
	table := h.table.Load()
	if table == nil {
		return nil
	}
	return table.place(raw).Load()
}

// set remembers who has verified the token.
func (h *hints[T]) set(raw string, by *T) {
	table := h.table.Load()
	if table == nil {
		h.table.CompareAndSwap(nil, &hintTable[T]{seed: maphash.MakeSeed()})
		table = h.table.Load()
	}
	if place := table.place(raw); place.Load() != by {
		place.Store(by)
	}
}

// memoryOf returns what remembers tokens of the issuer, and of no other: the Verifier itself, if it is one
// that does and that knows that it serves this issuer alone. Otherwise it returns nil.
func memoryOf(verifier Verifier, issuer string) rememberer {
	r, ok := verifier.(rememberer)
	if !ok || issuerOf(verifier) != issuer {
		return nil
	}
	return r
}
