package keyset_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/internal/keyset"
)

func TestAHangingIssuerHoldsNobodyPastTheirDeadline(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
		i.hang = true
		timed := func(deadline time.Duration) error {
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			start := time.Now()
			_, err := set.Lookup(ctx, "a", jws.ES256)
			if waited := time.Since(start); waited > deadline {
				t.Errorf("a use with a deadline of %s waited for %s", deadline, waited)
			}
			return err
		}
		for range 20 {
			if err := timed(300 * time.Millisecond); err == nil {
				t.Fatal("a key came from nowhere")
			}
		}
		time.Sleep(15 * time.Second)
		i.set(func(i *issuer) { i.hang = false })
		mustFind(t, set, "a")
		i.set(func(i *issuer) { i.hang = true })
		slow := 0
		for range 300 {
			time.Sleep(time.Second)
			start := time.Now()
			if err := timed(10 * time.Second); err != nil {
				t.Fatalf("with keys that are known: %v", err)
			}
			if time.Since(start) > 0 {
				slow++
			}
		}
		if slow > 2 {
			t.Errorf("%d of 300 uses waited for an issuer that hangs", slow)
		}
	})
}

func TestOneWhoHangsUpSpoilsNobodysWait(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
		i.delay = time.Second
		leader, hangUp := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := set.Lookup(leader, "a", jws.ES256); !errors.Is(err, context.Canceled) {
				t.Errorf("who hung up was told %v, want context.Canceled", err)
			}
		})
		synctest.Wait()
		for range 19 {
			group.Go(func() { mustFind(t, set, "a") })
		}
		synctest.Wait()
		hangUp()
		group.Wait()
		if n := i.count(); n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
	})
}

func TestF4_ABadAnswerReplacesNothing(t *testing.T) {
	for name, bad := range map[string]func(*issuer){
		"an error":          func(i *issuer) { i.err = errors.New("500") },
		"an error and keys": func(i *issuer) { i.err, i.keys = errors.New("truncated"), nil },
		"no keys":           func(i *issuer) { i.keys = nil },
		"no usable keys":    func(i *issuer) { i.keys, i.leftOut = nil, []jws.LeftOut{{ID: "weak", Reason: errors.New("weak")}} },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
				mustFind(t, set, "a")
				i.set(bad)
				start := time.Now()
				for time.Since(start) < time.Hour {
					time.Sleep(5 * time.Second)
					mustFind(t, set, "a")
				}
				if i.count() < 100 {
					t.Errorf("%d fetches in an hour: nobody looked whether the issuer is back", i.count())
				}
				before := i.count()
				for range 600 {
					time.Sleep(100 * time.Millisecond)
					mustFind(t, set, "a")
				}
				if n := i.count() - before; n > 13 {
					t.Errorf("%d fetches in a minute of use, want one every 5 s", n)
				}
				if err := find(t, set, "b"); !errors.Is(err, keyset.ErrUnavailable) {
					t.Errorf("an unknown key while the issuer is away: %v, want ErrUnavailable", err)
				}
			})
		})
	}
}

func TestHardLimit(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
		mustFind(t, set, "a")
		i.set(func(i *issuer) { i.err = errors.New("down") })
		time.Sleep(keyset.DefaultMaxStale - time.Second)
		mustFind(t, set, "a")
		if age, err := set.Ready(); err == nil || errors.Is(err, keyset.ErrUnavailable) || age < 23*time.Hour {
			t.Errorf("Ready: %s, %v; want that the keys serve on and cannot be renewed", age, err)
		}
		time.Sleep(6 * time.Second)
		err := find(t, set, "a")
		var unavailable *keyset.UnavailableError
		if !errors.Is(err, keyset.ErrUnavailable) || !errors.As(err, &unavailable) || unavailable.RetryAfter <= 0 {
			t.Errorf("beyond the limit: %v, want an UnavailableError that says when to come back", err)
		}
		if _, err := set.Ready(); !errors.Is(err, keyset.ErrUnavailable) {
			t.Errorf("Ready beyond the limit: %v, want ErrUnavailable", err)
		}
		i.set(func(i *issuer) { i.err = nil })
		time.Sleep(6 * time.Second)
		mustFind(t, set, "a")
	})
}

func TestF1_AnIssuerThatIsDownAtTheStart(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer, set *keyset.Set) {
		i.err = errors.New("refused")
		if _, err := set.Ready(); !errors.Is(err, keyset.ErrUnavailable) {
			t.Errorf("Ready: %v, want ErrUnavailable", err)
		}
		start := time.Now()
		for time.Since(start) < time.Minute {
			if err := set.Warm(t.Context()); !errors.Is(err, keyset.ErrUnavailable) {
				t.Fatalf("Warm: %v, want ErrUnavailable", err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := i.count(); n > 61 {
			t.Errorf("%d fetches in a minute, want one a second at most", n)
		}
		i.set(func(i *issuer) { i.err = nil })
		time.Sleep(time.Second)
		mustFind(t, set, "a")
	})
}

func TestSnapshot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	snapshot := keyset.Snapshot{Path: path, Issuer: "https://issuer.test"}
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{keys: []*jws.Key{newKey(t, "a", jws.ES256), newKey(t, "b", "")}}
		mustFind(t, keyset.New(keyset.Config{Load: i.load, Snapshot: snapshot}), "a")
		synctest.Wait()
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("the file: %v, %v; want mode 0600", info, err)
		}
		i.set(func(i *issuer) { i.err = errors.New("down") })
		start := func(s keyset.Snapshot, maxStale time.Duration) *keyset.Set {
			return keyset.New(keyset.Config{Load: i.load, Snapshot: s, MaxStale: maxStale})
		}
		time.Sleep(time.Hour)
		set := start(snapshot, 0)
		mustFind(t, set, "a")
		mustFind(t, set, "b")
		if age, err := set.Ready(); errors.Is(err, keyset.ErrUnavailable) || age < time.Hour {
			t.Errorf("Ready of a restored set: %s, %v; want the age of the snapshot", age, err)
		}
		if used, leftOut := set.Keys(); used != 2 || leftOut != nil {
			t.Errorf("a restored set has %d keys and leaves out %v, want 2", used, leftOut)
		}
		for name, s := range map[string]*keyset.Set{
			"another issuer's snapshot": start(keyset.Snapshot{Path: path, Issuer: "https://other.test"}, 0),
			"a snapshot that is stale":  start(snapshot, time.Minute),
			"no snapshot":               start(keyset.Snapshot{Path: path + ".none", Issuer: snapshot.Issuer}, 0),
		} {
			if err := find(t, s, "a"); !errors.Is(err, keyset.ErrUnavailable) {
				t.Errorf("%s: %v, want ErrUnavailable", name, err)
			}
		}
		for _, text := range []string{"", "{", `{"issuer":"https://issuer.test","keys":[]}`, `{"issuer":"https://issuer.test","fetched":9e9,"keys":[]}`, "null"} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := find(t, start(snapshot, 0), "a"); !errors.Is(err, keyset.ErrUnavailable) {
				t.Errorf("snapshot %q: %v, want ErrUnavailable", text, err)
			}
		}
		i.set(func(i *issuer) { i.err = nil })
		mustFind(t, start(snapshot, 0), "a")
		synctest.Wait()
		i.set(func(i *issuer) { i.err = errors.New("down") })
		mustFind(t, start(snapshot, 0), "a")
	})
}
