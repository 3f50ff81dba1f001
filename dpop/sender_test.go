package dpop_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/dpop"
)

// keyOf returns a key of one sender's proofs.
func keyOf(sender string, n int) dpop.ReplayKey {
	k, name := key(n), sha256.Sum256([]byte(sender))
	copy(k[:8], name[:8])
	return k
}

func TestFindingL2_OneSenderCannotFillTheStoreForAll(t *testing.T) {
	const room = 100_000
	store := &dpop.MemoryStore{MaxBytes: room * 40, Now: (&clock{start}).now}
	n := 0
	send := func(sender string, times int) (kept int) {
		for range times {
			n++
			fresh, err := store.Use(t.Context(), keyOf(sender, n), start.Add(time.Minute))
			switch {
			case fresh && err == nil:
				kept++
			case !errors.Is(err, postern.ErrUnavailable):
				t.Fatalf("%t, %v", fresh, err)
			}
		}
		return kept
	}
	if kept := send("greedy", 2*room); kept != room/5 {
		t.Errorf("one sender keeps %d records of %d, want a fifth of it", kept, room)
	}
	if kept := send("honest", 1000); kept != 1000 {
		t.Errorf("another keeps %d of 1000", kept)
	}
	for _, sender := range strings.Fields("a b c d e f g h") {
		send(sender, room)
	}
	if kept := send("late", 1000); kept != 1000 {
		t.Errorf("one that comes after nine greedy ones keeps %d of 1000", kept)
	}
	if fresh, err := store.Use(t.Context(), keyOf("greedy", 1), start.Add(time.Minute)); fresh || err != nil {
		t.Errorf("what the greedy one used is forgotten: %t, %v", fresh, err)
	}
}

func TestFindingL2_ASenderHasItsShareBackWhenItsRecordsAreOver(t *testing.T) {
	now := &clock{start}
	store := &dpop.MemoryStore{MaxBytes: 1000 * 40, Now: now.now}
	for round := range 5 {
		kept := 0
		for n := range 1000 {
			if fresh, _ := store.Use(t.Context(), keyOf("one", round*1000+n), now.Add(time.Minute)); fresh {
				kept++
			}
		}
		if kept != 200 {
			t.Errorf("round %d: %d kept, want 200", round, kept)
		}
		now.Time = now.Add(2 * time.Minute)
	}
}

// The proofs of one key share their key's name, so that the store can tell senders apart.
func TestFindingL2_TheBindingTellsTheStoreWhoSends(t *testing.T) {
	names := make(map[[8]byte]int)
	store := storeFunc(func(k dpop.ReplayKey) { names[[8]byte(k[:8])]++ })
	config := atStart()
	config.Replays = store
	b := dpop.New(config)
	for n := range 3 {
		f := forge()
		f.claims["jti"] = strings.Repeat("x", n+1)
		if err := check(t, b, f.request, f.sign(t)); err != nil {
			t.Fatal(err)
		}
	}
	f := forge()
	f.header["jwk"], f.key = jwk(stranger), stranger
	delete(f.claims, "ath")
	f.request.Header.Set("DPoP", f.sign(t))
	if _, err := b.CheckKey(t.Context(), f.request, make(http.Header)); err != nil {
		t.Fatal(err)
	}
	if len(names) != 2 {
		t.Errorf("%d names for two keys", len(names))
	}
}

func TestFindingL2_AClockThatJumpsAndComesBackLetsNoProofPassAgain(t *testing.T) {
	for _, jump := range []time.Duration{180 * time.Second, time.Hour, 24 * time.Hour, -180 * time.Second, 31 * time.Second} {
		now := &clock{start}
		b := dpop.New(dpop.Config{Now: now.now})
		proof := forge().sign(t)
		if err := check(t, b, forge().request, proof); err != nil {
			t.Fatal(err)
		}
		now.Time = start.Add(jump)
		f := forge()
		f.claims["iat"], f.claims["jti"] = now.Unix(), "while the clock is wrong"
		if err := check(t, b, f.request, f.sign(t)); err != nil {
			t.Errorf("jump by %s: a proof of that time: %v", jump, err)
		}
		for later := range 4 {
			now.Time = start.Add(time.Duration(later) * 20 * time.Second)
			if err := check(t, b, forge().request, proof); err == nil {
				t.Errorf("jump by %s and back: the proof passes again %d s later", jump, later*20)
			}
		}
		now.Time = start.Add(time.Minute)
		f = forge()
		f.claims["iat"], f.claims["jti"] = now.Unix(), "afterwards"
		if err := check(t, b, f.request, f.sign(t)); err != nil {
			t.Errorf("jump by %s and back: a new proof a minute later: %v", jump, err)
		}
	}
}

// A slice is dropped when all of its seconds are over, not when its last record is.
func TestFindingL2_ASliceTakesRecordsUntilItsEnd(t *testing.T) {
	now := &clock{start.Truncate(time.Minute)}
	store := &dpop.MemoryStore{Now: now.now}
	end := now.Add(2 * time.Minute)
	if fresh, err := store.Use(t.Context(), key(1), end); !fresh || err != nil {
		t.Fatal(fresh, err)
	}
	now.Time = end.Add(time.Second)
	if fresh, err := store.Use(t.Context(), key(2), end.Add(2*time.Second)); !fresh || err != nil {
		t.Errorf("a new record for the same seconds: %t, %v", fresh, err)
	}
	if fresh, err := store.Use(t.Context(), key(1), end); fresh || err != nil {
		t.Errorf("the first one: %t, %v; want it known", fresh, err)
	}
}

func TestFindingL2_BehindAProxyThatTakesAPathOffProofsHold(t *testing.T) {
	guard := func(config dpop.Config) http.Handler {
		config.Now = (&clock{start}).now
		guard := &postern.Guard{
			Verifier: verifier{rawToken: boundTo(thumbprint(t, owner))},
			Bindings: []postern.Binding{dpop.New(config)},
		}
		return guard.Require()(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	}
	for _, test := range []struct {
		name, htu, arrives string
		config             dpop.Config
		want               int
	}{
		{"with the prefix set", "https://api.example.com/orders/1", "/1", dpop.Config{Origin: "https://api.example.com", PathPrefix: "/orders"}, 200},
		{"the prefix alone", "https://api.example.com/orders", "/", dpop.Config{Origin: "https://api.example.com", PathPrefix: "/orders"}, 200},
		{"the prefix and a slash", "https://api.example.com/orders/", "/", dpop.Config{Origin: "https://api.example.com", PathPrefix: "/orders"}, 200},
		{"without the prefix set", "https://api.example.com/orders/1", "/1", dpop.Config{Origin: "https://api.example.com"}, 401},
		{"a proof for the API's own path", "https://api.example.com/1", "/1", dpop.Config{Origin: "https://api.example.com", PathPrefix: "/orders"}, 401},
		{"a proof for another API's path", "https://api.example.com/bills/1", "/1", dpop.Config{Origin: "https://api.example.com", PathPrefix: "/orders"}, 401},
		{"a slash less elsewhere", "https://api.example.com/orders/1", "/1/", dpop.Config{Origin: "https://api.example.com", PathPrefix: "/orders"}, 401},
		{"a path that ends in the prefix", "https://api.example.com/orders/orders", "/orders/", dpop.Config{Origin: "https://api.example.com", PathPrefix: "/orders"}, 401},
		{"the root without a prefix", "https://api.example.com", "/", dpop.Config{Origin: "https://api.example.com"}, 200},
	} {
		f := forge()
		f.claims["htu"], f.claims["jti"] = test.htu, test.name
		r := httptest.NewRequest("GET", "http://inner:8080"+test.arrives, nil)
		r.RequestURI = test.arrives
		r.Header.Set("Authorization", "DPoP "+rawToken)
		r.Header.Set("DPoP", f.sign(t))
		w := httptest.NewRecorder()
		guard(test.config).ServeHTTP(w, r)
		if w.Code != test.want {
			t.Errorf("%s: %d %v, want %d", test.name, w.Code, w.Header(), test.want)
		}
	}
	for _, prefix := range []string{"orders", "//orders", "https://api.example.com/orders", "/a?b", "/a#b", "/%", "/a b"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("PathPrefix %q: want a panic", prefix)
				}
			}()
			dpop.New(dpop.Config{PathPrefix: prefix})
		}()
	}
}

// storeFunc is a store that knows no proof and passes the keys on.
type storeFunc func(dpop.ReplayKey)

func (f storeFunc) Use(_ context.Context, key dpop.ReplayKey, _ time.Time) (bool, error) {
	f(key)
	return true, nil
}
