package keyset_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/internal/keyset"
)

func TestFindingK1_TheAlgorithmChoosesAmongKeysOfOneID(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
		second, err := jws.NewKey("a", jws.Ed25519, edKey(t))
		if err != nil {
			t.Fatal(err)
		}
		i.keys = append([]*jws.Key{second}, i.keys...)
		i.leftOut = []jws.LeftOut{{ID: "a", Reason: errors.New("x is not base64url")}}
		for alg, want := range map[jws.Algorithm]*jws.Key{jws.ES256: i.keys[1], jws.Ed25519: second} {
			keys, err := set.Lookup(t.Context(), "a", alg)
			if err != nil || len(keys) != 1 || keys[0].Key != want {
				t.Errorf("%s: %v, %v", alg, keys, err)
			}
		}
		if _, err := set.Lookup(t.Context(), "a", jws.RS256); !errors.Is(err, keyset.ErrUnknown) || !strings.Contains(err.Error(), "base64") {
			t.Errorf("an algorithm of the key that is left out: %v, want the reason", err)
		}
	})
}

func TestFindingK3_AKeyThatIsLeftOutIsToldAtOnceWithItsReason(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
		i.leftOut = []jws.LeftOut{{ID: "", Reason: errors.New("no id")}, {ID: "b", Reason: errors.New("n is not base64url")}}
		mustFind(t, set, "a")
		for range 10 {
			time.Sleep(time.Millisecond)
			start := time.Now()
			err := find(t, set, "b")
			if !errors.Is(err, keyset.ErrUnknown) || !strings.Contains(err.Error(), "n is not base64url") || time.Since(start) != 0 {
				t.Fatalf("%v after %s, want ErrUnknown with the reason at once", err, time.Since(start))
			}
		}
		if n := i.count(); n != 1 {
			t.Errorf("%d fetches, want that its uses cause none", n)
		}
		if used, leftOut := set.Keys(); used != 1 || len(leftOut) != 2 {
			t.Errorf("%d used and left out %v", used, leftOut)
		}
		i.set(func(i *issuer) { i.keys, i.leftOut = append(i.keys, newKey(t, "b", jws.ES256)), nil })
		time.Sleep(time.Minute)
		mustFind(t, set, "b")
	})
}

func TestFindingK7_ATokenThatNamesNoKeyIsTriedWithSixteenAndNoMore(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
		for n := range 15 {
			i.keys = append(i.keys, newKey(t, fmt.Sprint(n), ""))
		}
		if keys, err := set.Lookup(t.Context(), "", jws.ES256); err != nil || len(keys) != 16 {
			t.Errorf("%d keys, %v; want 16", len(keys), err)
		}
		i.set(func(i *issuer) { i.keys = append(i.keys, newKey(t, "one more", "")) })
		time.Sleep(time.Minute)
		start, before := time.Now(), i.count()
		_, err := set.Lookup(t.Context(), "", jws.ES256)
		if !errors.Is(err, keyset.ErrUnknown) || !strings.Contains(err.Error(), "17 keys fit ES256") || !strings.Contains(err.Error(), "have the issuer name the key") {
			t.Errorf("17 keys that fit: %v, want what to do", err)
		}
		if time.Since(start) != 0 || i.count() > before+1 {
			t.Errorf("told after %s and %d fetches", time.Since(start), i.count()-before)
		}
	})
}

func TestFindingK7_AnIDThatChangesItsKeyIsNoticedByOneFetch(t *testing.T) {
	for name, id := range map[string]string{"an id": "a", "no id": ""} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
				i.keys[0] = newKey(t, id, jws.ES256)
				tried, err := set.Lookup(t.Context(), id, jws.ES256)
				if err != nil {
					t.Fatal(err)
				}
				if again := set.Changed(t.Context(), id, jws.ES256, tried); len(again) != 0 || i.count() != 1 {
					t.Errorf("just after a fetch: %d keys and %d fetches, want what that says", len(again), i.count())
				}
				time.Sleep(2*time.Second + 1)
				before := i.count()
				i.set(func(i *issuer) { i.keys = []*jws.Key{newKey(t, id, jws.ES256)} })
				again := set.Changed(t.Context(), id, jws.ES256, tried)
				if len(again) != 1 || again[0] == tried[0] || !tried[0].Removed() || i.count() != before+1 {
					t.Errorf("%d keys after %d fetches, want the other key after one", len(again), i.count()-before)
				}
				time.Sleep(3 * time.Second)
				i.set(func(i *issuer) { i.err = errors.New("down") })
				if again := set.Changed(t.Context(), id, jws.ES256, again); again != nil {
					t.Errorf("while the issuer is away: %v", again)
				}
			})
		})
	}
}

func TestFindingK7_AnIDThatChangesItsTypeIsNoticedByOneFetch(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
		mustFind(t, set, "a")
		if _, err := set.Lookup(t.Context(), "a", jws.Ed25519); !errors.Is(err, jws.ErrSignature) || i.count() != 1 {
			t.Errorf("just after a fetch: %v after %d fetches", err, i.count())
		}
		key, err := jws.NewKey("a", "", edKey(t))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		i.set(func(i *issuer) { i.err = errors.New("down") })
		if _, err := set.Lookup(t.Context(), "a", jws.Ed25519); !errors.Is(err, jws.ErrSignature) || errors.Is(err, keyset.ErrUnavailable) {
			t.Errorf("while the issuer is away: %v, want ErrSignature", err)
		}
		i.set(func(i *issuer) { i.keys, i.err = []*jws.Key{key}, nil })
		time.Sleep(2*time.Second + 1)
		if keys, err := set.Lookup(t.Context(), "a", jws.Ed25519); err != nil || keys[0].Key != key {
			t.Errorf("%v, %v", keys, err)
		}
	})
}

// Forged signatures under a good id, 2,000 a second, at an issuer that takes its time.
func TestFindingK7_AFloodOfForgedSignaturesIsNotAFloodOfFetches(t *testing.T) {
	for _, delay := range []time.Duration{0, 100 * time.Millisecond, 1200 * time.Millisecond} {
		bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
			tried, err := set.Lookup(t.Context(), "a", jws.ES256)
			if err != nil {
				t.Fatal(err)
			}
			i.set(func(i *issuer) { i.delay = delay })
			start, before := time.Now(), i.count()
			var group sync.WaitGroup
			for range 20_000 {
				time.Sleep(time.Second / 2000)
				group.Go(func() {
					arrived := time.Now()
					if again := set.Changed(t.Context(), "a", jws.ES256, tried); again != nil {
						t.Errorf("%v, want that the key is the same", again)
					}
					if waited := time.Since(arrived); waited > delay {
						t.Errorf("a forged token was held for %s", waited)
					}
				})
				honest := time.Now()
				mustFind(t, set, "a")
				if time.Since(honest) != 0 {
					t.Fatalf("an honest token waited for %s", time.Since(honest))
				}
			}
			group.Wait()
			if most := int(time.Since(start)/(2*time.Second)) + 1; i.count()-before > most {
				t.Errorf("%d fetches in %s, want %d at most", i.count()-before, time.Since(start), most)
			}
		})
	}
}

func TestFindingK2_AHundredUsesOfANewKeyAreOneFetch(t *testing.T) {
	for _, delay := range []time.Duration{0, 100 * time.Millisecond, 1200 * time.Millisecond} {
		for _, overlap := range []bool{true, false} {
			bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
				i.delay = delay
				mustFind(t, set, "a")
				time.Sleep(10 * time.Second)
				i.set(func(i *issuer) { i.rotate(t, "b", overlap) })
				before := i.count()
				var group sync.WaitGroup
				for range 100 {
					time.Sleep(time.Millisecond)
					group.Go(func() {
						start := time.Now()
						mustFind(t, set, "b")
						if waited := time.Since(start); waited > delay {
							t.Errorf("keys in %s: a use waited for %s", delay, waited)
						}
					})
				}
				group.Wait()
				if n := i.count() - before; n != 1 {
					t.Errorf("keys in %s: %d fetches, want 1", delay, n)
				}
			})
		}
	}
}

// 200 honest requests a second, half with the old key and half with the new from the rotation on; without
// overlap the old key is withdrawn with the rotation, and its tokens may be refused. A set's last fetch may
// be any time ago when the keys rotate.
func TestFindingK2_RotationUnderLoadRefusesNobody(t *testing.T) {
	const second = time.Second
	for _, delay := range []time.Duration{0, 100 * time.Millisecond, 1200 * time.Millisecond} {
		for _, overlap := range []bool{true, false} {
			var waits []time.Duration
			refused, uses := 0, 0
			for ago := time.Duration(0); ago < 40*second; ago += 1700 * time.Millisecond {
				bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
					i.delay = delay
					var fetched time.Time
					i.began = func() { fetched = time.Now() }
					mustFind(t, set, "a")
					time.Sleep(ago)
					rotated := time.Now()
					i.set(func(i *issuer) { i.rotate(t, "b", overlap) })
					coolDown := max(0, 2*second-rotated.Sub(fetched))
					var mu sync.Mutex
					var group sync.WaitGroup
					for n := range 2 * 600 {
						time.Sleep(second / 200)
						id := "b"
						if overlap && n%2 == 0 {
							id = "a"
						}
						group.Go(func() {
							start := time.Now()
							_, err := set.Lookup(t.Context(), id, jws.ES256)
							mu.Lock()
							defer mu.Unlock()
							uses++
							if err != nil {
								refused++
								t.Errorf("%s %s after the rotation: %v", id, start.Sub(rotated), err)
							}
							waits = append(waits, time.Since(start)-coolDown)
						})
					}
					group.Wait()
				})
			}
			slices.Sort(waits)
			if most := waits[len(waits)-1]; most > delay+100*time.Millisecond {
				t.Errorf("keys in %s: a use waited %s longer than the cool-down demands", delay, most)
			}
			t.Logf("keys in %6s, overlap %5v: %d uses, %d refused, longest wait beyond the cool-down %s", delay, overlap, uses, refused, max(0, waits[len(waits)-1]))
		}
	}
}

// Uses that come in the very moment in which a fetch ends have looked into the set before it: they find what
// it brought, and do not sit out the cool-down after it.
func TestFindingK2_AUseInTheMomentAFetchEndsDoesNotMissIt(t *testing.T) {
	const delay = 100 * time.Millisecond
	for range 200 {
		bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
			mustFind(t, set, "a")
			time.Sleep(10 * time.Second)
			i.set(func(i *issuer) {
				i.delay = delay
				i.rotate(t, "b", true)
			})
			var group sync.WaitGroup
			use := func() {
				start := time.Now()
				if err := find(t, set, "b"); err != nil || time.Since(start) > delay {
					t.Errorf("%v after %s, want the key after %s at most", err, time.Since(start), delay)
				}
			}
			group.Go(use)
			for range 32 {
				group.Go(func() {
					time.Sleep(delay)
					use()
				})
			}
			group.Wait()
		})
	}
}

// The same for the first fetch of all, and for a renewal that a set has come to need.
func TestFindingK2_AUseInTheMomentAFetchEndsIsNotRefused(t *testing.T) {
	const delay = 100 * time.Millisecond
	for _, age := range []time.Duration{0, time.Hour} {
		for range 200 {
			bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
				if age > 0 {
					set = keyset.New(keyset.Config{Load: i.load, MaxStale: age / 2})
					mustFind(t, set, "a")
					time.Sleep(age)
				}
				i.set(func(i *issuer) { i.delay = delay })
				use := func() {
					if err := find(t, set, "a"); err != nil {
						t.Error(err)
					}
				}
				var group sync.WaitGroup
				group.Go(use)
				for range 32 {
					group.Go(func() {
						time.Sleep(delay)
						use()
					})
				}
				group.Wait()
			})
		}
	}
}

func TestFindingK6_OneDeadlineForAColdStart(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
		i.hang = true
		start := time.Now()
		if err := find(t, set, "a"); !errors.Is(err, keyset.ErrUnavailable) || time.Since(start) != 5*time.Second {
			t.Errorf("%v after %s, want ErrUnavailable after 5 s", err, time.Since(start))
		}
	})
}

func TestFindingK1_AFailingRenewalIsSeen(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
		i.err = errors.New("cold and refused")
		find(t, set, "a")
		if _, err := set.Ready(); !errors.Is(err, keyset.ErrUnavailable) || !strings.Contains(err.Error(), "refused") {
			t.Errorf("Ready before the first keys: %v, want why there are none", err)
		}
		i.set(func(i *issuer) { i.err = nil })
		time.Sleep(time.Second)
		mustFind(t, set, "a")
		time.Sleep(time.Hour)
		if age, err := set.Ready(); err != nil || age != time.Hour {
			t.Errorf("Ready of a set that nobody has used: %s, %v", age, err)
		}
		mustFind(t, set, "a")
		i.set(func(i *issuer) { i.keys, i.leftOut = nil, []jws.LeftOut{{Reason: errors.New("x is not base64url")}} })
		for start := time.Now(); time.Since(start) < time.Minute; time.Sleep(time.Second) {
			mustFind(t, set, "a")
		}
		if _, err := set.Ready(); err == nil || errors.Is(err, keyset.ErrUnavailable) || !strings.Contains(err.Error(), "base64") {
			t.Errorf("Ready a minute after the set became unreadable: %v, want why it cannot be renewed", err)
		}
		i.set(func(i *issuer) { i.keys = []*jws.Key{newKey(t, "a", jws.ES256)} })
		time.Sleep(6 * time.Second)
		mustFind(t, set, "a")
		time.Sleep(time.Second)
		if _, err := set.Ready(); err != nil {
			t.Errorf("Ready when the keys can be renewed again: %v", err)
		}
	})
}

func TestFindingK1_ChangesAreLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		i := &issuer{keys: []*jws.Key{newKey(t, "a", jws.ES256)}}
		set := keyset.New(keyset.Config{Load: i.load, Issuer: "https://issuer.test", Logger: slog.New(slog.NewTextHandler(&log, nil))})
		step := func(name string, change func(*issuer), want ...string) {
			t.Helper()
			i.set(change)
			for range 120 {
				time.Sleep(time.Second)
				set.Fresh(t.Context(), time.Now())
				ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
				set.Lookup(ctx, "forged", jws.ES256)
				cancel()
			}
			synctest.Wait()
			lines := strings.Split(strings.TrimSpace(log.String()), "\n")
			if log.Len() == 0 {
				lines = nil
			}
			log.Reset()
			if len(lines) != min(1, len(want)) {
				t.Errorf("%s: %d lines, want %d: %s", name, len(lines), min(1, len(want)), strings.Join(lines, "\n"))
				return
			}
			for _, word := range want {
				if !strings.Contains(lines[0], word) {
					t.Errorf("%s: %s; want %s", name, lines[0], word)
				}
			}
		}
		weak, foreign := jws.LeftOut{ID: "weak", Reason: errors.New("weak")}, jws.LeftOut{ID: "enc", Reason: fmt.Errorf("enc: %w", jws.ErrOtherUse)}
		step("a good set", func(*issuer) {})
		step("a key for encryption", func(i *issuer) { i.leftOut = []jws.LeftOut{foreign} }, "INFO", "https://issuer.test", "enc")
		step("a weak key", func(i *issuer) { i.leftOut = []jws.LeftOut{foreign, weak} }, "WARN", "left_out=2", "weak")
		step("the same in another order", func(i *issuer) { i.leftOut = []jws.LeftOut{weak, foreign} })
		step("an outage", func(i *issuer) { i.err = errors.New("down") }, "WARN", "serve on", "down")
		step("another outage", func(i *issuer) { i.err = errors.New("down again") })
		step("the end of it", func(i *issuer) { i.err = nil }, "INFO", "again")
		step("nothing left out", func(i *issuer) { i.leftOut = nil }, "INFO", "no key")
		time.Sleep(10 * time.Second)
	})
}

func TestLookupOfAKnownKeyAllocatesNothing(t *testing.T) {
	i := &issuer{keys: []*jws.Key{newKey(t, "a", jws.ES256), newKey(t, "b", jws.ES256)}, leftOut: []jws.LeftOut{{ID: "c", Reason: errors.New("weak")}}}
	set := keyset.New(keyset.Config{Load: i.load})
	mustFind(t, set, "a")
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { set.Lookup(ctx, "b", jws.ES256) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
