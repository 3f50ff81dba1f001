package tokencache_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/postern-auth/postern/internal/tokencache"
)

// token returns the nth of a series of tokens that end as signatures do.
func token(series string, n int) string {
	sum := sha256.Sum256(fmt.Append(nil, series, n))
	return "eyJhbGciOiJFUzI1NiJ9." + base64.RawURLEncoding.EncodeToString(sum[:])
}

func put[V any](c *tokencache.Cache[V], raw string, v V, size int64) { c.Put(raw, v, size, c.Epoch()) }

// footprint returns how many bytes an entry takes whose value takes the size beside itself.
func footprint(size int64) int64 {
	c := tokencache.New[int](1 << 20)
	put(c, token("footprint", 1), 1, size)
	_, bytes := c.Size()
	return bytes
}

func TestGetReturnsWhatWasPut(t *testing.T) {
	c := tokencache.New[int](1 << 20)
	if _, ok := c.Get("a"); ok {
		t.Error("an empty cache has something")
	}
	for _, raw := range []string{"", "a", strings.Repeat("a", 31), strings.Repeat("a", 32), strings.Repeat("a", 33), "b" + strings.Repeat("a", 32)} {
		if _, ok := c.Get(raw); ok {
			t.Errorf("%q is there before it was put", raw)
		}
		put(c, raw, len(raw), 1)
	}
	for _, raw := range []string{"", "a", strings.Repeat("a", 31), strings.Repeat("a", 32), strings.Repeat("a", 33), "b" + strings.Repeat("a", 32)} {
		if v, ok := c.Get(raw); !ok || v != len(raw) {
			t.Errorf("%q: %d, %v", raw, v, ok)
		}
	}
	put(c, "a", 7, 10)
	if v, ok := c.Get("a"); !ok || v != 7 {
		t.Errorf("put again: %d, %v; want 7", v, ok)
	}
	if n, _ := c.Size(); n != 6 {
		t.Errorf("%d entries, want 6", n)
	}
}

func TestFindingI1_TokensWithACommonEndHavePlacesOfTheirOwn(t *testing.T) {
	c := tokencache.New[int](1 << 22)
	for _, shape := range []string{"%d" + strings.Repeat("z", 64), strings.Repeat("z", 64) + "%d", strings.Repeat("z", 64) + "%d" + strings.Repeat("z", 64)} {
		for n := range 1000 {
			put(c, fmt.Sprintf(shape, n), n, 100)
		}
		found := 0
		for n := range 1000 {
			v, ok := c.Get(fmt.Sprintf(shape, n))
			if ok && v != n {
				t.Fatalf("token %d has the value of %d", n, v)
			}
			if ok {
				found++
			}
		}
		if found < 990 {
			t.Errorf("%q: %d of 1000 tokens were found", shape, found)
		}
	}
}

func TestSignedTokensAreToldByAllOfThem(t *testing.T) {
	c := tokencache.NewSigned[int](1 << 20)
	const end = "the end of a signature, more than thirty-two characters"
	put(c, "a."+end, 1, 1)
	for _, raw := range []string{"b." + end, "a.a." + end, end, "." + end, "a.x" + end[1:]} {
		if _, ok := c.Get(raw); ok {
			t.Errorf("%q is taken for another token", raw)
		}
	}
	if v, ok := c.Get("a." + end); !ok || v != 1 {
		t.Errorf("the token: %d, %v", v, ok)
	}
}

func TestTokensInUseAreFoundWhileTheTableGrows(t *testing.T) {
	for _, c := range []*tokencache.Cache[int]{tokencache.New[int](32 << 20), tokencache.NewSigned[int](32 << 20)} {
		missed := 0
		for n := range 20_000 {
			put(c, token("grow", n), n, 1000)
			for _, m := range []int{n, n / 2, n / 3, 0} {
				switch v, ok := c.Get(token("grow", m)); {
				case !ok:
					missed++
				case v != m:
					t.Fatalf("token %d has the value of %d", m, v)
				}
			}
		}
		if count, _ := c.Size(); missed > 80 || count < 19_980 {
			t.Errorf("%d of 20,000 tokens are there; %d of 80,000 uses missed", count, missed)
		}
	}
}

func TestNothingIsHeldWithoutRoom(t *testing.T) {
	for _, limit := range []int64{-1, 0} {
		c := tokencache.New[int](limit)
		put(c, "a", 1, 1)
		if _, ok := c.Get("a"); ok {
			t.Errorf("limit %d holds something", limit)
		}
	}
	const limit = 1000
	c := tokencache.New[int](limit)
	put(c, "a", 1, limit)
	put(c, strings.Repeat("a", limit), 1, 1)
	if n, _ := c.Size(); n > 0 {
		t.Error("an entry above the limit is held")
	}
	put(c, "a", 1, limit/2)
	put(c, "b", 1, limit/2)
	if n, bytes := c.Size(); n != 1 || bytes > limit {
		t.Errorf("%d entries of %d bytes, want one and at most %d bytes", n, bytes, limit)
	}
}

func TestBytesAreBounded(t *testing.T) {
	const limit = 256 << 10
	c := tokencache.New[int](limit)
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 50_000 {
		put(c, token("bytes", random.IntN(5000)), n, 1+random.Int64N(4096))
		if random.IntN(3) == 0 {
			c.Get(token("bytes", random.IntN(5000)))
		}
		count, bytes := c.Size()
		if bytes > limit || bytes < 0 || count < 0 || (count == 0) != (bytes == 0) {
			t.Fatalf("after %d: %d entries of %d bytes, limit %d", n, count, bytes, limit)
		}
	}
	if _, bytes := c.Size(); bytes < limit/2 {
		t.Errorf("%d of %d bytes are used", bytes, limit)
	}
	c.DeleteFunc(func(string, int) bool { return true })
	if n, bytes := c.Size(); n != 0 || bytes != 0 {
		t.Errorf("after all were deleted: %d entries of %d bytes", n, bytes)
	}
}

func TestAFloodOfTokensUsedOnceKeepsTheReused(t *testing.T) {
	for _, size := range []int64{512, 1 << 10, 2400} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			const limit = 4 << 20
			c := tokencache.New[int](limit)
			capacity := int(limit / footprint(size))
			live := capacity / 4
			use := func(n int) bool {
				raw := token("live", n)
				if _, ok := c.Get(raw); ok {
					return true
				}
				put(c, raw, n, size)
				return false
			}
			for range 2 {
				for n := range live {
					use(n)
				}
			}
			hits, uses := 0, 0
			for n := range 5 * capacity {
				put(c, token("flood", n), n, size)
				if use(n % live) {
					hits++
				}
				uses++
			}
			if share := float64(hits) / float64(uses); share < 0.95 {
				t.Errorf("%.1f %% of the reused tokens still hit, want 95 %%", share*100)
			} else {
				t.Logf("%.1f %% hits", share*100)
			}
		})
	}
}

func TestAFloodBetweenTwoUsesOfEachKeepsMost(t *testing.T) {
	// Less kind: between two uses of one live token there are as many strangers as live tokens.
	const limit, size = 4 << 20, 1 << 10
	c := tokencache.New[int](limit)
	live := int(limit / footprint(size) / 4)
	hits, uses := 0, 0
	for round := range 20 {
		for n := range live {
			if _, ok := c.Get(token("live", n)); ok {
				hits++
			} else {
				put(c, token("live", n), n, size)
			}
			uses++
			put(c, token(fmt.Sprint("flood", round), n), n, size)
		}
	}
	if share := float64(hits) / float64(uses-live); share < 0.95 {
		t.Errorf("%.1f %% of the reused tokens still hit, want 95 %%", share*100)
	}
}

func TestNewTokensInUseTakeThePlaceOfOldOnes(t *testing.T) {
	const limit, size = 4 << 20, 512
	c := tokencache.New[int](limit)
	live := int(limit / footprint(size) / 4)
	share := 0.0
	for era := range 3 {
		hits, uses := 0, 0
		for round := range 20 {
			for n := range live {
				raw := token(fmt.Sprint("era", era), n)
				if _, ok := c.Get(raw); !ok {
					put(c, raw, n, size)
				} else if round >= 10 {
					hits++
				}
				if round >= 10 {
					uses++
				}
				put(c, token(fmt.Sprint("flood", era, round), n), n, size)
			}
		}
		share = float64(hits) / float64(uses)
		if share < 0.95 {
			t.Errorf("era %d: %.1f %% of the reused tokens hit, want 95 %%", era, share*100)
		}
	}
}

func TestOneLargeEntryAmongManyInUse(t *testing.T) {
	const limit = 1 << 20
	c := tokencache.New[int](limit)
	for n := range 2000 {
		put(c, token("small", n), n, 512)
	}
	for n := range 2000 {
		c.Get(token("small", n))
	}
	for n := range 50 {
		put(c, token("large", n), n, limit/2)
		if _, bytes := c.Size(); bytes > limit {
			t.Fatalf("%d bytes, limit %d", bytes, limit)
		}
	}
}

func TestPutAfterDeleteFuncIsDeclined(t *testing.T) {
	c := tokencache.New[int](1 << 20)
	since := c.Epoch()
	c.DeleteFunc(func(string, int) bool { return true })
	c.Put("a", 1, 1, since)
	if _, ok := c.Get("a"); ok {
		t.Error("what was found out before DeleteFunc is held after it")
	}
	put(c, "a", 2, 1)
	put(c, "b", 3, 1)
	c.DeleteFunc(func(raw string, v int) bool { return raw == "a" && v == 2 })
	if _, ok := c.Get("a"); ok {
		t.Error("a deleted token is there")
	}
	if v, ok := c.Get("b"); !ok || v != 3 {
		t.Error("another token is gone")
	}
}

// TestRevocationRace has writers that find out a generation and put it, while another ends generations: no
// token of an ended generation may be found afterwards.
func TestRevocationRace(t *testing.T) {
	c := tokencache.New[int64](1 << 20)
	var mu sync.Mutex
	generation := int64(0)
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				since := c.Epoch()
				mu.Lock()
				g := generation
				mu.Unlock()
				c.Put(token("race", n%64), g, 100, since)
			}
		})
	}
	for range 500 {
		mu.Lock()
		generation++
		ended := generation
		mu.Unlock()
		c.DeleteFunc(func(_ string, g int64) bool { return g < ended })
		for n := range 64 {
			if g, ok := c.Get(token("race", n)); ok && g < ended {
				t.Fatalf("a token of generation %d is found after %d began", g, ended)
			}
		}
	}
	close(stop)
	writers.Wait()
}

func TestConcurrentUse(t *testing.T) {
	c := tokencache.New[string](64 << 10)
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 1))
			for range 5000 {
				raw := token("shared", random.IntN(300))
				switch v, ok := c.Get(raw); {
				case ok && v != raw:
					t.Errorf("%s has the value of %s", raw, v)
				case !ok:
					put(c, raw, raw, 512)
				}
				if random.IntN(1000) == 0 {
					c.DeleteFunc(func(raw, v string) bool { return raw[len(raw)-1] == 'A' })
				}
			}
		})
	}
	group.Wait()
	if _, bytes := c.Size(); bytes > 64<<10 {
		t.Errorf("%d bytes, want 64 KB at most", bytes)
	}
}

func TestGetAllocatesNothing(t *testing.T) {
	c := tokencache.New[int](1 << 20)
	raw := token("alloc", 1)
	put(c, raw, 1, 1)
	if n := testing.AllocsPerRun(1000, func() { c.Get(raw); c.Get("missing") }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
