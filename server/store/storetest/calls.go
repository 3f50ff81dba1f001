package storetest

import (
	"context"
	"iter"
	"maps"
	"slices"
	"testing"

	"github.com/postern-auth/postern/server/store"
)

// Calls yields a call of every method of a Tx by its name, for tests that ask an engine how it does each. They are in the
// order of their names; each would succeed in the store that Fill fills, or find nothing.
func Calls(ctx context.Context, s store.Tx) iter.Seq2[string, func() error] {
	return func(yield func(string, func() error) bool) {
		for _, name := range slices.Sorted(maps.Keys(calls)) {
			if !yield(name, func() error { return calls[name](ctx, s) }) {
				return
			}
		}
	}
}

// Fill puts two of everything into a new store.
func Fill(t *testing.T, s store.Store) {
	t.Helper()
	world(t, s)
}
