package password

import (
	"context"
	"crypto/sha256"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// cheap is what tests of everything but the cost use.
var cheap = Params{Memory: 8, Time: 1, Threads: 1}

func newHasher(t *testing.T, config Config) *Hasher {
	t.Helper()
	h, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func turn(t *testing.T, h *Hasher, key string) *Turn {
	t.Helper()
	turn, err := h.Wait(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(turn.Done)
	return turn
}

func typed(t *testing.T, text string) Password {
	t.Helper()
	p, err := Typed(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTheRightPasswordAndNoOtherIsRight(t *testing.T) {
	h := newHasher(t, Config{})
	turn := turn(t, h, "anna")
	stored := turn.Hash(typed(t, "Käsekuchen mit Rosinen")).PHC()
	if h.NeedsRehash(stored) {
		t.Error("a new hash needs another")
	}
	for text, want := range map[string]bool{
		"Käsekuchen mit Rosinen":       true,
		"Ka\u0308sekuchen mit Rosinen": true, // the same in normal form D
		"Kasekuchen mit Rosinen":       false,
		"käsekuchen mit Rosinen":       false,
		"Käsekuchen mit Rosinen ":      false,
		"Käsekuchen mit Rosinen\x00":   false,
		"":                             false,
		strings.Repeat("x", MaxTyped):  false,
		"\xff\xfe":                     false,
	} {
		got, err := turn.Check(stored, typed(t, text))
		if got != want || err != nil {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
	if first, second := turn.Hash(typed(t, "x")).PHC(), turn.Hash(typed(t, "x")).PHC(); first == second {
		t.Error("two hashes of one password are the same")
	}
}

// Same number of hashes, of the same parameters, over the same password: that is what can be told without a clock.
func TestS10_EveryWayThroughALoginCostsTheSameHash(t *testing.T) {
	h := newHasher(t, Config{})
	type cost struct {
		params          Params
		salt, key, text int
	}
	var costs []cost
	h.derive = func(p Password, salt []byte, params Params, keyLen int) []byte {
		costs = append(costs, cost{params, len(salt), keyLen, len(p.text)})
		sum := sha256.Sum256(append([]byte(p.text), salt...))
		return sum[:]
	}
	turn := turn(t, h, "anna")
	stored := turn.Hash(typed(t, "correct horse")).PHC()
	for _, row := range []struct {
		name, stored, typed string
		right               bool
		err                 error
	}{
		{"the right password", stored, "correct horse", true, nil},
		{"a wrong password", stored, "correct house", false, nil},
		{"an unknown user", "", "correct horse", false, nil},
		{"a hash that cannot be read", "$argon2id$v=19$m=4194304,t=2,p=1$AAECAwQFBgc$AAECAwQFBgcICQoLDA0ODw", "correct horse", false, ErrPHC},
		{"a hash of another algorithm", "$2b$12$LQv3c1yqBWVHxkd0LHAkCO", "correct horse", false, ErrPHC},
	} {
		t.Run(row.name, func(t *testing.T) {
			costs = nil
			right, err := turn.Check(row.stored, typed(t, row.typed))
			if right != row.right || !errors.Is(err, row.err) {
				t.Errorf("got %v, %v, want %v, %v", right, err, row.right, row.err)
			}
			if want := []cost{{Today, saltBytes, keyBytes, len(row.typed)}}; !slices.Equal(costs, want) {
				t.Errorf("computed %v, want %v", costs, want)
			}
		})
	}
}

func TestTheHashOfNobodyIsNobodysPassword(t *testing.T) {
	h := newHasher(t, Config{Params: cheap})
	// Even if somebody found the password of the absent hash, an unknown user has none.
	p := typed(t, "found by luck")
	h.absent.key = derive(p, h.absent.salt, cheap, keyBytes)
	if right, err := turn(t, h, "nobody").Check("", p); right || err != nil {
		t.Errorf("got %v, %v, want false", right, err)
	}
}

func TestAPasswordOfMoreThanOneKiBIsRefusedBeforeAnyWork(t *testing.T) {
	if _, err := Typed(strings.Repeat("x", MaxTyped)); err != nil {
		t.Errorf("1 KiB: %v", err)
	}
	for name, text := range map[string]string{
		"one byte more":                     strings.Repeat("x", MaxTyped+1),
		"more before the normal form alone": strings.Repeat("a\u0308", MaxTyped/3+1),
	} {
		if _, err := Typed(text); !errors.Is(err, ErrTooLong) {
			t.Errorf("%s: got %v, want ErrTooLong", name, err)
		}
	}
}

func TestSettingsThatAreRefused(t *testing.T) {
	for name, config := range map[string]Config{
		"negative turns":         {Concurrent: -1},
		"negative room":          {Waiting: -1},
		"a gigabyte":             {Params: Params{Memory: 1 << 20, Time: 1, Threads: 1}},
		"no passes":              {Params: Params{Memory: 19456, Threads: 1}},
		"no lanes":               {Params: Params{Memory: 19456, Time: 2}},
		"memory that wraps to 0": {Params: Params{Memory: 1 << 31, Time: 2, Threads: 1}},
	} {
		if _, err := New(config); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for cores, want := range map[int]int{1: 1, 2: 1, 3: 1, 4: 2, 64: 2} {
		if got := concurrent(cores); got != want {
			t.Errorf("%d cores: %d hashes at once, want %d", cores, got, want)
		}
	}
}

func TestNoMoreHashesThanTurnsAreComputedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, Config{Params: cheap, Concurrent: 2})
		var now, most atomic.Int32
		h.derive = func(Password, []byte, Params, int) []byte {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(time.Second)
			now.Add(-1)
			return nil
		}
		began := time.Now()
		var all sync.WaitGroup
		for i := range 32 {
			all.Go(func() {
				turn, err := h.Wait(t.Context(), string(rune('a'+i)))
				if err != nil {
					t.Error(err)
					return
				}
				defer turn.Done()
				turn.Check("", Password{})
			})
		}
		all.Wait()
		if most.Load() != 2 || time.Since(began) != 16*time.Second {
			t.Errorf("%d at once in %s, want 2 in 16 s", most.Load(), time.Since(began))
		}
	})
}

func TestBeyondTheQueueIsBusyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, Config{Params: cheap, Concurrent: 1})
		holder := turn(t, h, "holder")
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		wait := func(key string) {
			all.Go(func() {
				if _, err := h.Wait(ctx, key); !errors.Is(err, context.Canceled) {
					t.Errorf("%s: got %v, want the context's error", key, err)
				}
			})
			synctest.Wait()
		}
		for range 32 {
			wait("crowd")
		}
		if _, err := h.Wait(ctx, "crowd"); !errors.Is(err, ErrBusy) {
			t.Errorf("the 33rd of one key: got %v, want ErrBusy", err)
		}
		for i := range 32 {
			wait(string(rune('a' + i)))
		}
		if _, err := h.Wait(ctx, "last"); !errors.Is(err, ErrBusy) {
			t.Errorf("the 65th: got %v, want ErrBusy", err)
		}
		cancel()
		all.Wait()
		holder.Done()
		holder.Done() // counts once
		turn(t, h, "afterwards")
		if h.queue.free != 0 || len(h.queue.waiting) != 0 || len(h.queue.busy) != 1 {
			t.Errorf("%d free, %d waiting, %d busy, want 0, 0, 1", h.queue.free, len(h.queue.waiting), len(h.queue.busy))
		}
	})
}

func TestWhoNoLongerWaitsKeepsNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, Config{Params: cheap, Concurrent: 1})
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := h.Wait(ended, "gone"); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v, want the context's error", err)
		}
		// Turns and ends of waiting at one moment: whichever a waiter sees first, no turn is lost.
		for range 200 {
			holder := turn(t, h, "holder")
			ctx, cancel := context.WithCancel(t.Context())
			var all sync.WaitGroup
			for range 3 {
				all.Go(func() {
					if got, err := h.Wait(ctx, "waiter"); err == nil {
						got.Done()
					}
				})
			}
			synctest.Wait()
			all.Go(holder.Done)
			all.Go(cancel)
			all.Wait()
			if h.queue.free != 1 || len(h.queue.busy) != 0 || len(h.queue.waiting) != 0 {
				t.Fatalf("%d free, busy %v, %d waiting, want 1 and nobody", h.queue.free, h.queue.busy, len(h.queue.waiting))
			}
		}
	})
}

func TestACrowdAtOneAccountLeavesTheOtherTurnsToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, Config{Params: cheap, Concurrent: 2})
		first := turn(t, h, "crowd")
		var had atomic.Int32
		for range 20 {
			go func() {
				if turn, err := h.Wait(t.Context(), "crowd"); err == nil {
					had.Add(1)
					turn.Done()
				}
			}()
		}
		synctest.Wait()
		turn(t, h, "somebody else").Done()
		synctest.Wait()
		if n := had.Load(); n != 0 {
			t.Errorf("beside the one who has it, %d of one account have had a turn", n)
		}
		first.Done()
		synctest.Wait()
		if n := had.Load(); n != 20 {
			t.Errorf("%d of 20 have had their turn", n)
		}
	})
}

// A counter as the store keeps it: every change is one conditional update.
type counter struct {
	mu       sync.Mutex
	failures int
	until    time.Time
}

func (c *counter) take(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Before(c.until) {
		return false
	}
	c.failures++
	c.until = now.Add(Delay(c.failures))
	return true
}

func (c *counter) giveBack() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures, c.until = 0, time.Time{}
}

// login is the order in which the package comment has it.
func login(ctx context.Context, h *Hasher, c *counter, stored string, p Password, compared *atomic.Int32) (bool, error) {
	turn, err := h.Wait(ctx, "anna")
	if err != nil {
		return false, err
	}
	defer turn.Done()
	if c.take(time.Now()) {
		compared.Add(1)
	} else {
		stored = ""
	}
	right, err := turn.Check(stored, p)
	if right {
		c.giveBack()
	}
	return right, err
}

func crowd(t *testing.T, size int, text string) (right, busy, compared int32) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, Config{Params: cheap, Concurrent: 2})
		holder := turn(t, h, "nobody")
		stored := holder.Hash(typed(t, "correct horse")).PHC()
		holder.Done()
		var c counter
		var rights, busies, comparisons atomic.Int32
		var all sync.WaitGroup
		for range size {
			all.Go(func() {
				ok, err := login(t.Context(), h, &c, stored, typed(t, text), &comparisons)
				switch {
				case errors.Is(err, ErrBusy):
					busies.Add(1)
				case err != nil:
					t.Error(err)
				case ok:
					rights.Add(1)
				}
			})
		}
		all.Wait()
		right, busy, compared = rights.Load(), busies.Load(), comparisons.Load()
	})
	return right, busy, compared
}

func TestK34_OfTwoHundredWrongPasswordsAtOnceSixAreCompared(t *testing.T) {
	right, busy, compared := crowd(t, 200, "wrong")
	t.Logf("%d compared, %d told to come back", compared, busy)
	if right != 0 || compared > FreeFailures+1 {
		t.Errorf("%d compared, %d right, want at most %d and 0", compared, right, FreeFailures+1)
	}
}

func TestK35_TwentyRightLoginsAtOnceAllSucceed(t *testing.T) {
	if right, busy, _ := crowd(t, 20, "correct horse"); right != 20 || busy != 0 {
		t.Errorf("%d succeeded, %d told to come back, want 20 and 0", right, busy)
	}
}

func TestTheWaitAfterFailuresDoubles(t *testing.T) {
	for failures, want := range map[int]time.Duration{
		-1: 0, 0: 0, 1: 0, 5: 0, 6: time.Second, 7: 2 * time.Second, 8: 4 * time.Second, 15: 512 * time.Second,
		16: MaxDelay, 17: MaxDelay, 80: MaxDelay, 1 << 40: MaxDelay,
	} {
		if got := Delay(failures); got != want {
			t.Errorf("after %d failures: %s, want %s", failures, got, want)
		}
	}
}

func TestDefaultsFollowTheMachine(t *testing.T) {
	h := newHasher(t, Config{})
	if h.queue.free != concurrent(runtime.GOMAXPROCS(0)) || h.queue.room != 64 || h.params != Today {
		t.Errorf("%d turns, room for %d, %v", h.queue.free, h.queue.room, h.params)
	}
}
