package storetest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// A branch is a refresh token as the rule of UseRefreshToken looks at it.
type branch struct {
	name      string
	parent    *branch // nil: the first
	followers []*branch
	uses      int
	firstUse  time.Duration
	turn      int // which use of all it was that first used it
}

// usable says by the rule alone whether a token may be used: it has time and followers left, and neither it nor one
// that it came of followed the same token as one that was used before it, longer ago than the overlap.
func (b *branch) usable(now time.Duration) bool {
	if b.uses == store.MaxSuccessors || b.uses > 0 && now > b.firstUse+overlap {
		return false
	}
	for of := b; of.parent != nil; of = of.parent {
		for _, other := range of.parent.followers {
			before := other.uses > 0 && (of.uses == 0 || other.turn < of.turn)
			if other != of && before && now > other.firstUse+overlap {
				return false
			}
		}
	}
	return true
}

// branchTest uses the tokens of many families in random orders, at random times about the overlap.
var branchTest = test{"refresh tokens of any depth may be used as the rule says, in any order", func(t *testing.T, s store.Store) {
	world(t, s)
	var used, again, deep int
	ok(t, s.InTx(t.Context(), func(tx store.Tx) error {
		used, again, deep = 0, 0, 0
		random := rand.New(rand.NewPCG(1, 2))
		for i := range 60 {
			u, a, d := useAtRandom(t, tx, random, fmt.Sprint("random-", i))
			used, again, deep = used+u, again+a, max(deep, d)
		}
		return nil
	}))
	if used < 300 || again < 30 || deep < 8 {
		t.Errorf("expected orders that try the rule, got %d uses, %d refused ones and a depth of %d", used, again, deep)
	}
}}

// useAtRandom uses the tokens of a new family until one is used that may not be.
func useAtRandom(t *testing.T, tx store.Tx, random *rand.Rand, id string) (used, again, depth int) {
	t.Helper()
	ctx := t.Context()
	f := family(id, "anna", "shop")
	f.ExpiresAt = noon.Add(9000 * time.Hour)
	ok(t, tx.CreateFamily(ctx, f))
	all := []*branch{{name: id}}
	ok(t, tx.CreateRefreshToken(ctx, store.RefreshToken{Digest: digest(id), FamilyID: id, IssuedAt: noon, ExpiresAt: f.ExpiresAt}))
	steps := []time.Duration{0, 0, time.Millisecond, 10 * time.Second, overlap, overlap + time.Millisecond, time.Hour}
	var now time.Duration
	for turn := range 40 {
		now += steps[random.IntN(len(steps))]
		b := all[random.IntN(len(all))]
		for range 20 { // mostly one that may be used, for the end comes with one that may not
			if b.usable(now) {
				break
			}
			b = all[random.IntN(len(all))]
		}
		want, next := store.UseAgain, successor(fmt.Sprint(id, "-", turn))
		if next.ExpiresAt = f.ExpiresAt; b.usable(now) {
			want = store.Used
		}
		got, err := tx.UseRefreshToken(ctx, digest(b.name), noon.Add(now), overlap, next)
		ok(t, err)
		if got != want {
			t.Fatalf("family %s, use %d, of %q at %s: expected %q, got %q", id, turn, b.name, now, want, got)
		}
		if got == store.UseAgain {
			return used, again + 1, depth
		}
		if b.uses++; b.uses == 1 {
			b.firstUse, b.turn = now, turn
		}
		follower := &branch{name: fmt.Sprint(id, "-", turn), parent: b}
		b.followers, all, used = append(b.followers, follower), append(all, follower), used+1
		depth = max(depth, depthOf(follower))
	}
	return used, again, depth
}

func depthOf(b *branch) (depth int) {
	for ; b.parent != nil; b = b.parent {
		depth++
	}
	return depth
}
