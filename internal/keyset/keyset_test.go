package keyset_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/internal/keyset"
)

// issuer answers fetches with its keys, after a delay, or as told to.
type issuer struct {
	mu      sync.Mutex
	keys    []*jws.Key
	leftOut []jws.LeftOut
	err     error
	delay   time.Duration
	hang    bool
	fetches int
	began   func() // called when a fetch begins; may be nil
}

func (i *issuer) load(ctx context.Context) (jws.KeySet, error) {
	i.mu.Lock()
	i.fetches++
	if i.began != nil {
		i.began()
	}
	delay, hang := i.delay, i.hang
	i.mu.Unlock()
	if hang {
		<-ctx.Done()
		return jws.KeySet{}, ctx.Err()
	}
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return jws.KeySet{}, ctx.Err()
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return jws.KeySet{Keys: i.keys, LeftOut: i.leftOut}, i.err
}

func (i *issuer) set(change func(*issuer)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change(i)
}

// rotate publishes a new key, and without overlap withdraws the others.
func (i *issuer) rotate(t *testing.T, id string, overlap bool) {
	if !overlap {
		i.keys = nil
	}
	i.keys = append(slices.Clone(i.keys), newKey(t, id, jws.ES256))
}

func (i *issuer) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches
}

func newKey(t testing.TB, id string, alg jws.Algorithm) *jws.Key {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := jws.NewKey(id, alg, private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func edKey(t testing.TB) ed25519.PublicKey {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// bubble runs a test of a Set over an issuer with a key "a" in a bubble whose clock moves by itself.
func bubble(t *testing.T, test func(t *testing.T, i *issuer, set *keyset.Set)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{keys: []*jws.Key{newKey(t, "a", jws.ES256)}}
		test(t, i, keyset.New(keyset.Config{Load: i.load}))
		time.Sleep(11 * time.Second) // a fetch under way ends by itself
	})
}

func find(t *testing.T, set *keyset.Set, id string) error {
	t.Helper()
	keys, err := set.Lookup(t.Context(), id, jws.ES256)
	if (len(keys) == 0) == (err == nil) {
		t.Errorf("key %q: %d keys and error %v", id, len(keys), err)
	}
	return err
}

func mustFind(t *testing.T, set *keyset.Set, id string) {
	t.Helper()
	if err := find(t, set, id); err != nil {
		t.Fatalf("key %q: %v", id, err)
	}
}

func TestNoFetchBeforeTheFirstUseAndNoneWithoutUse(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
		time.Sleep(time.Hour)
		if n := i.count(); n != 0 {
			t.Errorf("%d fetches before the first use", n)
		}
		mustFind(t, set, "a")
		time.Sleep(time.Hour)
		if n := i.count(); n != 1 {
			t.Errorf("%d fetches for one use, want 1", n)
		}
	})
}

func TestRefreshAheadKeepsNobodyWaiting(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
		mustFind(t, set, "a")
		i.set(func(i *issuer) { i.delay = 3 * time.Second })
		for range 600 {
			time.Sleep(time.Second)
			start := time.Now()
			mustFind(t, set, "a")
			if waited := time.Since(start); waited > 0 {
				t.Fatalf("a use waited for %s", waited)
			}
			if age, err := set.Ready(); err != nil || age > time.Minute {
				t.Fatalf("age %s, %v; want at most a minute", age, err)
			}
		}
		if n := i.count(); n < 12 || n > 19 {
			t.Errorf("%d fetches in 10 minutes, want one every 35 to 45 s", n)
		}
	})
}

func TestLookupPicksByIDAndAlgorithm(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
		i.keys = append(i.keys, newKey(t, "any", ""))
		for _, test := range []struct {
			name, id string
			alg      jws.Algorithm
			want     error
			keys     int
		}{
			{"id and algorithm", "a", jws.ES256, nil, 1},
			{"another algorithm than the key's own", "a", jws.ES384, jws.ErrSignature, 0},
			{"a key for any algorithm that fits", "any", jws.ES256, nil, 1},
			{"a key for any algorithm, and one that does not fit", "any", jws.RS256, jws.ErrSignature, 0},
			{"no id: every key that fits", "", jws.ES256, nil, 2},
			{"no id and no key that fits", "", jws.RS256, keyset.ErrUnknown, 0},
			{"an id of another case", "A", jws.ES256, keyset.ErrUnknown, 0},
		} {
			keys, err := set.Lookup(t.Context(), test.id, test.alg)
			if !errors.Is(err, test.want) || len(keys) != test.keys {
				t.Errorf("%s: %d keys, %v; want %d, %v", test.name, len(keys), err, test.keys, test.want)
			}
		}
	})
}

func TestJ20_AnUnknownKeyIsUnknownOnlyToANewerFetch(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
		mustFind(t, set, "a")
		time.Sleep(10 * time.Second)
		start := time.Now()
		if err := find(t, set, "b"); !errors.Is(err, keyset.ErrUnknown) {
			t.Errorf("%v, want ErrUnknown", err)
		}
		if i.count() != 2 || time.Since(start) != 0 {
			t.Errorf("%d fetches after %s, want the second at once", i.count(), time.Since(start))
		}
		time.Sleep(time.Millisecond)
		i.set(func(i *issuer) { i.keys = append(i.keys, newKey(t, "b", jws.ES256), newKey(t, "c", jws.ES256)) })
		start = time.Now()
		if err := find(t, set, "b"); !errors.Is(err, keyset.ErrUnknown) || time.Since(start) != 0 {
			t.Errorf("an id that has just been denied: %v after %s, want ErrUnknown at once", err, time.Since(start))
		}
		mustFind(t, set, "c")
		mustFind(t, set, "b")
		if waited := time.Since(start); waited > 2*time.Second {
			t.Errorf("a key published in the cool-down was found after %s, want 2 s at most", waited)
		}
	})
}

func TestJ20_AFirstUseWithAnUnknownKeyCostsOneFetch(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
		start := time.Now()
		if err := find(t, set, "forged"); !errors.Is(err, keyset.ErrUnknown) || i.count() != 1 || time.Since(start) != 0 {
			t.Errorf("%v after %d fetches and %s, want ErrUnknown after one and at once", err, i.count(), time.Since(start))
		}
	})
}

func TestJ20_FloodOfForgedKeys(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
		const fetch = 100 * time.Millisecond
		i.delay = fetch
		mustFind(t, set, "a")
		start, before := time.Now(), i.count()
		var flood sync.WaitGroup
		var mu sync.Mutex
		outcomes := make(map[bool]int)
		const forged, batch = 100_000, 500
		published := make(chan struct{})
		var waited time.Duration
		for n := range forged {
			flood.Go(func() {
				_, err := set.Lookup(t.Context(), fmt.Sprint("forged-", n), jws.ES256)
				unknown := errors.Is(err, keyset.ErrUnknown)
				if !unknown && !errors.Is(err, keyset.ErrUnavailable) {
					t.Errorf("forged key: %v", err)
				}
				mu.Lock()
				outcomes[unknown]++
				mu.Unlock()
			})
			if n%batch != 0 {
				continue
			}
			time.Sleep(50 * time.Millisecond)
			mustFind(t, set, "a")
			if n == forged/2 {
				i.set(func(i *issuer) { i.keys = append(i.keys, newKey(t, "genuine", jws.ES256)) })
				at := time.Now()
				flood.Go(func() {
					// 503 with Retry-After is what a client in the crowd is told; it comes back.
					for {
						_, err := set.Lookup(t.Context(), "genuine", jws.ES256)
						if err == nil {
							break
						}
						if !errors.Is(err, keyset.ErrUnavailable) {
							t.Errorf("genuine key: %v", err)
							break
						}
						time.Sleep(10 * time.Millisecond)
					}
					waited = time.Since(at)
					close(published)
				})
			}
		}
		<-published
		flood.Wait()
		elapsed := time.Since(start)
		if most := int(elapsed/(2*time.Second)) + 1; i.count()-before > most {
			t.Errorf("%d fetches in %s, want at most %d", i.count()-before, elapsed, most)
		}
		if waited > 2*time.Second+2*fetch {
			t.Errorf("the genuine key was found %s after its publication, want at most 2 s and a fetch", waited)
		}
		if outcomes[true] == 0 || outcomes[true]+outcomes[false] != forged {
			t.Errorf("outcomes %v, want %d in all and some of them unknown", outcomes, forged)
		}
		t.Logf("%s, %d fetches, genuine key after %s, %d refused, %d told to come back", elapsed, i.count()-before, waited, outcomes[true], outcomes[false])
	})
}

// crowd has as many uses at once as there are ids, and counts those refused and those told to come back in 2 s.
func crowd(t *testing.T, set *keyset.Set, ids []string) (unknown, later int) {
	t.Helper()
	start := time.Now()
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, id := range ids {
		group.Go(func() {
			_, err := set.Lookup(t.Context(), id, jws.ES256)
			mu.Lock()
			defer mu.Unlock()
			var unavailable *keyset.UnavailableError
			switch {
			case errors.Is(err, keyset.ErrUnknown):
				unknown++
			case errors.As(err, &unavailable) && unavailable.RetryAfter == 2*time.Second && time.Since(start) == 0:
				later++
			default:
				t.Errorf("after %s: %v", time.Since(start), err)
			}
		})
	}
	group.Wait()
	return unknown, later
}

func inventedIDs(prefix string, n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprint(prefix, i))
	}
	return ids
}

func TestAKeyPublishedInTheInstantOfAFetchIsFound(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
		mustFind(t, set, "a")
		i.set(func(i *issuer) { i.rotate(t, "b", true) })
		start := time.Now()
		mustFind(t, set, "b")
		if waited := time.Since(start); waited > 2*time.Second {
			t.Errorf("found after %s", waited)
		}
	})
}

func TestJ20_ACrowdIsToldToComeBack(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
		mustFind(t, set, "a")
		time.Sleep(time.Millisecond)
		if unknown, later := crowd(t, set, inventedIDs("forged-", 600)); unknown != 512 || later != 88 {
			t.Errorf("%d waited and %d were told to come back in 2 s, want 512 and 88", unknown, later)
		}
		if n := i.count(); n != 2 {
			t.Errorf("%d fetches, want 2", n)
		}
	})
}

func TestFindingK8_WhatAFetchHasJustDeniedIsRefusedAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
		i.delay = 100 * time.Millisecond
		mustFind(t, set, "a")
		time.Sleep(10 * time.Second)
		ids := inventedIDs("forged-", 500)
		crowd(t, set, ids)
		time.Sleep(time.Second)
		start, before := time.Now(), i.count()
		if unknown, later := crowd(t, set, append(ids, ids...)); unknown != 1000 || later != 0 || time.Since(start) != 0 || i.count() != before {
			t.Errorf("%d refused and %d told to come back after %s and %d fetches, want all refused at once", unknown, later, time.Since(start), i.count()-before)
		}
		// A stranger may have asked for a key before it was published: that costs it no more than the cool-down.
		i.set(func(i *issuer) { i.keys = append(i.keys, newKey(t, "forged-7", jws.ES256)) })
		time.Sleep(time.Second)
		mustFind(t, set, "forged-7")
	})
}

func TestFindingK8_ACrowdWithOneKeyFindsRoomBesideStrangers(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
		i.delay = 100 * time.Millisecond
		mustFind(t, set, "a")
		i.set(func(i *issuer) { i.keys = append(i.keys, newKey(t, "b", jws.ES256)) })
		var group sync.WaitGroup
		group.Go(func() { mustFind(t, set, "b") })
		synctest.Wait()
		group.Go(func() { crowd(t, set, inventedIDs("forged-", 5000)) })
		synctest.Wait()
		for range 800 {
			group.Go(func() { mustFind(t, set, "b") })
		}
		group.Wait()
	})
}

func TestFindingK8_OneIDTakesNoMoreThanAShareOfTheRoom(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
		mustFind(t, set, "a")
		time.Sleep(time.Millisecond)
		same := make([]string, 3000)
		for n := range same {
			same[n] = "forged"
		}
		if unknown, later := crowd(t, set, same); unknown != 1024 || later != 1976 {
			t.Errorf("%d waited and %d were told to come back, want 1024 and 1976", unknown, later)
		}
		time.Sleep(10 * time.Second)
		mustFind(t, set, "a")
		i.set(func(i *issuer) { i.delay = time.Second })
		var ids []string
		for n := range 512 {
			for range 16 {
				ids = append(ids, fmt.Sprint("other-", n))
			}
		}
		if unknown, later := crowd(t, set, ids); unknown != 4096 || later != 4096 {
			t.Errorf("%d waited in all and %d were told to come back, want 4096 each", unknown, later)
		}
	})
}

func TestJ20_WaitersOfOneFetchAllHaveItsOutcome(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
		mustFind(t, set, "a")
		time.Sleep(time.Millisecond)
		i.set(func(i *issuer) { i.keys = append(i.keys, newKey(t, "b", jws.ES256)) })
		start := time.Now()
		var group sync.WaitGroup
		for range 60 {
			group.Go(func() { mustFind(t, set, "b") })
		}
		group.Wait()
		if waited := time.Since(start); waited > 2*time.Second || i.count() != 2 {
			t.Errorf("60 waiters were served after %s and %d fetches, want 2 s and 2", waited, i.count())
		}
	})
}

func TestJ21_ARemovedKeyIsRefusedWithinAMinute(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
		i.keys = append(i.keys, newKey(t, "b", jws.ES256))
		keys, err := set.Lookup(t.Context(), "b", jws.ES256)
		if err != nil {
			t.Fatal(err)
		}
		stays, err := set.Lookup(t.Context(), "a", jws.ES256)
		if err != nil {
			t.Fatal(err)
		}
		i.set(func(i *issuer) { i.keys = i.keys[:1] })
		start := time.Now()
		for time.Since(start) < time.Minute && !keys[0].Removed() {
			time.Sleep(time.Second)
			if err := set.Fresh(t.Context(), time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		if !keys[0].Removed() {
			t.Error("after a minute the key is not marked as removed")
		}
		time.Sleep(3 * time.Second)
		if err := find(t, set, "b"); !errors.Is(err, keyset.ErrUnknown) {
			t.Errorf("%v, want ErrUnknown", err)
		}
		again, err := set.Lookup(t.Context(), "a", jws.ES256)
		if err != nil || again[0] != stays[0] || stays[0].Removed() {
			t.Errorf("the key that stayed: %v, the same %v, removed %v", err, again[0] == stays[0], stays[0].Removed())
		}
	})
}

func TestJ21_AnotherKeyUnderTheSameIDRemovesTheFirst(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
		keys, err := set.Lookup(t.Context(), "a", jws.ES256)
		if err != nil {
			t.Fatal(err)
		}
		i.set(func(i *issuer) { i.keys = []*jws.Key{newKey(t, "a", jws.ES256)} })
		time.Sleep(time.Minute)
		now, err := set.Lookup(t.Context(), "a", jws.ES256)
		if err != nil || now[0] == keys[0] || !keys[0].Removed() || now[0].Removed() {
			t.Errorf("%v; same key %v, first removed %v", err, now[0] == keys[0], keys[0].Removed())
		}
	})
}
