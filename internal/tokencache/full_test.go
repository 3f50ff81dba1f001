package tokencache_test

import (
	"testing"

	"github.com/postern-auth/postern/internal/tokencache"
)

// TestTokensInUseAreAllHeldWhereThereIsRoom: a token whose bucket happens to be full must not be asked about
// anew with every use, or wait behind strangers, while the cache has room.
func TestTokensInUseAreAllHeldWhereThereIsRoom(t *testing.T) {
	for _, tokens := range []int{1, 8, 9, 20, 120, 1000} {
		caches, missing := 400_000/(tokens+100), 0
		for range caches {
			c := tokencache.New[int](32 << 20)
			for n := range tokens {
				put(c, token("few", n), n, 100)
				c.Get(token("few", n))
			}
			for n := range tokens {
				if v, ok := c.Get(token("few", n)); !ok {
					missing++
				} else if v != n {
					t.Fatalf("token %d has the value of %d", n, v)
				}
			}
			if count, _ := c.Size(); count > tokens {
				t.Fatalf("%d entries of %d tokens", count, tokens)
			}
		}
		if missing > 0 {
			t.Errorf("%d tokens in each of %d caches: %d were not found", tokens, caches, missing)
		}
	}
}
