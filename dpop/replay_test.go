package dpop_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/dpop"
)

func TestP2_AProofPassesOnce(t *testing.T) {
	now := &clock{start}
	b := dpop.New(dpop.Config{Now: now.now})
	proof := forge().sign(t)
	if err := check(t, b, forge().request, proof); err != nil {
		t.Fatal(err)
	}
	for _, later := range []time.Duration{0, time.Second, 59 * time.Second, time.Minute, 61 * time.Second, time.Hour} {
		now.Time = start.Add(later)
		if err := check(t, b, forge().request, proof); !errors.Is(err, postern.ErrProof) {
			t.Errorf("the same proof %s later: %v, want ErrProof", later, err)
		}
	}
}

func TestP2_OfAHundredUsesAtOnceOnePasses(t *testing.T) {
	const uses = 100
	replays := &dpop.MemoryStore{Now: (&clock{start}).now}
	config := atStart()
	config.Replays = replays
	replicas := []*dpop.Binding{dpop.New(config), dpop.New(config)}
	proof := forge().sign(t)
	var passed, refused atomic.Int64
	var wait sync.WaitGroup
	for i := range uses {
		wait.Go(func() {
			err := check(t, replicas[i%2], forge().request, proof)
			switch {
			case err == nil:
				passed.Add(1)
			case errors.Is(err, postern.ErrProof):
				refused.Add(1)
			}
		})
	}
	wait.Wait()
	if passed.Load() != 1 || refused.Load() != uses-1 {
		t.Errorf("%d passed and %d were refused, want 1 and %d", passed.Load(), refused.Load(), uses-1)
	}
}

func TestP2_OneIDIsSeveralProofs(t *testing.T) {
	b := dpop.New(atStart())
	rows := []struct {
		name   string
		change func(*forged)
		want   error
	}{
		{"at first", func(*forged) {}, nil},
		{"at another URL", func(f *forged) {
			f.claims["htu"], f.request = apiURL+"/1", httptest.NewRequest("GET", apiURL+"/1", nil)
		}, nil},
		{"at the same URL, spelled otherwise", func(f *forged) { f.claims["htu"] = "https://API.example.com/orders?x" }, postern.ErrProof},
		{"at another time", func(f *forged) { f.claims["iat"] = start.Add(50 * time.Second).Unix() }, postern.ErrProof},
		{"with another method", func(f *forged) { f.claims["htm"], f.request.Method = "PUT", "PUT" }, postern.ErrProof},
	}
	for _, row := range rows {
		f := forge()
		row.change(f)
		if err := check(t, b, f.request, f.sign(t)); !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", row.name, err, row.want)
		}
	}
	f := forge()
	f.header["jwk"], f.key = jwk(stranger), stranger
	f.request.Header.Set("DPoP", f.sign(t))
	err := b.Check(t.Context(), postern.Presentation{
		Request: f.request, Scheme: "DPoP", Raw: rawToken, Answer: make(http.Header),
	}, boundTo(thumbprint(t, stranger)))
	if err != nil {
		t.Errorf("with another's key: %v: one client can use up another's ids", err)
	}
}

func TestP2_AProofThatIsRefusedIsNotUsedUp(t *testing.T) {
	b := dpop.New(atStart())
	proof := forge().sign(t)
	if err := check(t, b, httptest.NewRequest("GET", apiURL+"/1", nil), proof); !errors.Is(err, postern.ErrProof) {
		t.Fatal(err)
	}
	if err := check(t, b, forge().request, proof); err != nil {
		t.Errorf("after it was refused elsewhere: %v", err)
	}
}

func key(n int) (k dpop.ReplayKey) {
	return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
}

func TestP2_AMillionIDsTakeBoundedMemory(t *testing.T) {
	const limit, million = 4 << 20, 1_000_000
	now := &clock{start}
	store := &dpop.MemoryStore{MaxBytes: limit, Now: now.now}
	before := heap()
	kept, full := 0, 0
	for n := range million {
		fresh, err := store.Use(t.Context(), key(n), start.Add(time.Duration(n%180)*time.Second))
		switch {
		case errors.Is(err, postern.ErrUnavailable):
			full++
		case err != nil || !fresh:
			t.Fatalf("id %d: %t, %v", n, fresh, err)
		default:
			kept++
		}
	}
	took := heap() - before
	t.Logf("%d ids kept in %d bytes, %d each; %d refused", kept, took, took/int64(kept), full)
	if took > limit {
		t.Errorf("%d bytes for %d ids, want at most %d", took, kept, limit)
	}
	if kept < 100_000 || kept+full != million {
		t.Errorf("%d kept and %d refused of %d", kept, full, million)
	}
	for _, n := range []int{0, 1, kept / 2, kept - 1} {
		if fresh, err := store.Use(t.Context(), key(n), start); fresh || err != nil {
			t.Errorf("id %d after the flood: %t, %v; want it known", n, fresh, err)
		}
	}
	now.Time = start.Add(4 * time.Minute)
	if fresh, err := store.Use(t.Context(), key(million), now.Add(time.Minute)); !fresh || err != nil {
		t.Errorf("a new id after all have expired: %t, %v", fresh, err)
	}
	if left := heap() - before; left > limit/8 {
		t.Errorf("%d bytes are still held after all ids have expired", left)
	}
	runtime.KeepAlive(store)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestP2_NothingIsForgottenBeforeItsTime(t *testing.T) {
	now := &clock{start}
	store := &dpop.MemoryStore{Now: now.now}
	expires := start.Add(2 * time.Minute)
	if fresh, err := store.Use(t.Context(), key(1), expires); !fresh || err != nil {
		t.Fatal(fresh, err)
	}
	for ; !now.After(expires); now.Time = now.Add(time.Second) {
		if fresh, err := store.Use(t.Context(), key(1), expires); fresh || err != nil {
			t.Fatalf("at %s: %t, %v", now, fresh, err)
		}
	}
	// An expiry that has passed already is recorded all the same.
	if fresh, err := store.Use(t.Context(), key(2), start); !fresh || err != nil {
		t.Fatal(fresh, err)
	}
	if fresh, err := store.Use(t.Context(), key(2), start); fresh || err != nil {
		t.Fatal(fresh, err)
	}
}

// broken is a store whose outage is of the kind given.
type broken struct{ err error }

func (s broken) Use(context.Context, dpop.ReplayKey, time.Time) (bool, error) { return true, s.err }

func TestP2_AStoreThatCannotTellIsAnOutage(t *testing.T) {
	full := &dpop.MemoryStore{MaxBytes: 1, Now: (&clock{start}).now}
	for name, store := range map[string]dpop.ReplayStore{
		"full":       full,
		"down":       broken{errors.New("connection refused")},
		"misleading": broken{postern.ErrProof},
	} {
		t.Run(name, func(t *testing.T) {
			config := atStart()
			config.Replays = store
			guard := &postern.Guard{
				Verifier: verifier{rawToken: boundTo(thumbprint(t, owner))},
				Bindings: []postern.Binding{dpop.New(config)},
			}
			f := forge()
			f.request.Header.Set("Authorization", "DPoP "+rawToken)
			f.request.Header.Set("DPoP", f.sign(t))
			w := httptest.NewRecorder()
			guard.Require()(http.NotFoundHandler()).ServeHTTP(w, f.request)
			if w.Code != 503 || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "store") {
				t.Errorf("%d %v %s, want 503 with Retry-After and no more", w.Code, w.Header(), w.Body)
			}
		})
	}
}
