package server_test

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/sqlite"
)

// published returns the ids of the keys in the key set as others see it.
func (w *world) published() map[string]bool {
	w.t.Helper()
	set, err := jws.ParseKeySet(w.do(call{method: http.MethodGet, path: "/oauth/v2/keys"}).body)
	w.must(err)
	ids := make(map[string]bool)
	for _, key := range set.Keys {
		ids[key.ID] = true
	}
	return ids
}

func kid(t *testing.T, raw string) string {
	t.Helper()
	m, err := jws.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return m.Header.KeyID
}

func TestARotationIsNeverSeenAsARefusedToken(t *testing.T) {
	w := newWorld(t)
	w.form("robot", "a-messages", store.FormRFC9068)
	issue := func() string { return w.token("robot", "audience", messages) }

	old := issue()
	w.must(w.server.RotateKey(t.Context(), "ES256"))
	if ids := w.published(); len(ids) != 3 || !ids["sig-ec"] {
		t.Fatalf("published %v, want the new key beside the old ones", ids)
	}
	// A verifier that read the key set just before the rotation may cache it for a minute.
	w.pass(keys.MaxAge + 59*time.Second)
	last := issue()
	if kid(t, last) != "sig-ec" {
		t.Errorf("key %q signs before every cache can know it", kid(t, last))
	}
	w.pass(time.Second)
	fresh := issue()
	if kid(t, fresh) == "sig-ec" || !w.published()[kid(t, fresh)] {
		t.Errorf("key %q signs, want the new one, published", kid(t, fresh))
	}
	for _, raw := range []string{old, last, fresh} {
		if got := w.introspect("messages", raw); got["active"] != true {
			t.Errorf("after the rotation: %v", got)
		}
	}
	w.pass(keys.MaxTokenLifetime)
	if !w.published()["sig-ec"] {
		t.Error("the old key is gone while a token that it signed may live")
	}
	w.pass(keys.MaxAge)
	if w.published()["sig-ec"] {
		t.Error("the old key is still published")
	}
	w.pass(keys.HintLifetime - keys.MaxTokenLifetime - keys.MaxAge)
	w.must(w.ring().DeleteExpired(t.Context()))
	rows, err := w.store.SigningKeys(t.Context())
	w.must(err)
	for _, row := range rows {
		if row.ID == "sig-ec" {
			t.Error("the old key is still in the store")
		}
	}
}

func TestAKeyIsRotatedOfNoAlgorithmButThoseKnown(t *testing.T) {
	w := newWorld(t)
	for _, alg := range []string{"", "HS256", "none", "es256"} {
		err := w.server.RotateKey(t.Context(), alg)
		if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("server: no keys are made for the algorithm %q, want one of [RS256", alg)) {
			t.Errorf("%q: %v", alg, err)
		}
	}
	if ids := w.published(); len(ids) != 2 {
		t.Errorf("published %v, want the two there were", ids)
	}
	if err := w.server.WithdrawKey(t.Context(), "sig-none"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("withdrawing a key that is not there: %v, want store.ErrNotFound", err)
	}
	w.must(w.store.Close())
	if err := w.server.RotateKey(t.Context(), "ES256"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("rotating in a store that is down: %v, want store.ErrUnavailable", err)
	}
}

func TestAWithdrawnKeyIsGoneAtOnceAndReplaced(t *testing.T) {
	w := newWorld(t)
	w.form("robot", "a-messages", store.FormRFC9068)
	stolen := w.token("robot", "audience", messages)
	w.must(w.server.WithdrawKey(t.Context(), "sig-ec"))
	w.inactive("messages", stolen)
	if w.published()["sig-ec"] {
		t.Error("the withdrawn key is published")
	}
	fresh := w.token("robot", "audience", messages)
	if got := w.introspect("messages", fresh); got["active"] != true || !w.published()[kid(t, fresh)] {
		t.Errorf("a new token: %v", got)
	}
	if err := w.server.WithdrawKey(t.Context(), "sig-ec"); err == nil {
		t.Error("a key that is gone can be withdrawn")
	}
}

func TestAKeyByAnotherProcessIsKnownWithinTwoSeconds(t *testing.T) {
	w := newWorld(t)
	w.form("robot", "a-messages", store.FormRFC9068)
	w.token("robot", "audience", messages)
	other := keys.New(keys.Config{Store: w.store, Now: w.now})
	w.must(other.Withdraw(t.Context(), "sig-ec"))
	w.pass(2 * time.Second)
	if w.published()["sig-ec"] {
		t.Error("a key that another process withdrew is published")
	}
	if got := w.introspect("messages", w.token("robot", "audience", messages)); got["active"] != true {
		t.Errorf("a token by another process's key: %v", got)
	}
}

func TestAClockThatIsSetBackDoesNotKeepAWithdrawnKey(t *testing.T) {
	w := newWorld(t)
	w.pass(time.Hour)
	w.published()
	w.must(keys.New(keys.Config{Store: w.store, Now: w.now}).Withdraw(t.Context(), "sig-ec"))
	w.pass(-time.Minute)
	if w.published()["sig-ec"] {
		t.Error("the list of keys is kept until the clock is back")
	}
}

func TestAServerWithoutKeysMakesThem(t *testing.T) {
	w := newWorld(t)
	w.must(w.store.DeleteSigningKey(t.Context(), "sig-ec"))
	w.must(w.store.DeleteSigningKey(t.Context(), "sig-rsa"))
	w.serve()
	first := w.published()
	if len(first) != 2 || first["sig-ec"] || first["sig-rsa"] {
		t.Errorf("published %v, want two new keys", first)
	}
	w.serve()
	for id := range w.published() {
		if !first[id] {
			t.Error("a restart made new keys")
		}
	}
}

func TestARetiredKeyWithoutASuccessorGetsOne(t *testing.T) {
	w := newWorld(t)
	w.form("robot", "a-messages", store.FormRFC9068)
	row := signingKeys()[0]
	row.RetiredAt = start
	w.must(w.store.PutSigningKey(t.Context(), row))
	w.pass(2 * time.Second)
	raw := w.token("robot", "audience", messages)
	if kid(t, raw) == "sig-ec" || !w.published()["sig-ec"] || !w.published()[kid(t, raw)] {
		t.Errorf("key %q signs; published %v", kid(t, raw), w.published())
	}
}

// Of servers that start at once on an empty store one makes the keys, and the others sign with them.
func TestServersThatStartAtOnceMakeOneKeyEach(t *testing.T) {
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "postern.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if err := keys.New(keys.Config{Store: s}).Ensure(t.Context(), jws.ES256, jws.EdDSA); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	made, err := s.SigningKeys(t.Context())
	if err != nil || len(made) != 2 {
		t.Errorf("%d keys are made, want one for each of two algorithms (%v)", len(made), err)
	}
}

// A copy of the store is not enough to sign with, and what cannot be opened is told by name.
func TestSigningKeysAreSealed(t *testing.T) {
	first, second := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "postern.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	start := func(dataKeys ...[]byte) error {
		authorization, err := server.New(t.Context(), server.Config{Store: s, Issuers: []string{"https://login.example.com"}, DataKeys: dataKeys})
		if err == nil {
			authorization.Close()
		}
		return err
	}
	rows := func() []store.SigningKey {
		t.Helper()
		rows, err := s.SigningKeys(t.Context())
		if err != nil || len(rows) != 2 {
			t.Fatalf("%d keys, %v", len(rows), err)
		}
		return rows
	}
	sealed := func() (n int) {
		for _, row := range rows() {
			if _, err := x509.ParsePKCS8PrivateKey(row.PrivateKey); err != nil {
				n++
			}
		}
		return n
	}
	// A server without data keys keeps them as they are, and one with them reads those.
	if err := start(); err != nil || sealed() != 0 {
		t.Fatalf("%d sealed, %v", sealed(), err)
	}
	if err := start(first); err != nil || sealed() != 0 {
		t.Fatalf("%d sealed, %v", sealed(), err)
	}
	looker := server.SigningKeys{Store: s, DataKeys: [][]byte{first}, Actor: "test"}
	for _, want := range []int{2, 0} {
		if n, err := looker.Reseal(t.Context()); n != want || err != nil || sealed() != 2 {
			t.Errorf("%d sealed anew, %d sealed, %v; want %d, 2", n, sealed(), err, want)
		}
	}
	if err := start(first); err != nil {
		t.Error(err)
	}
	if err := start(second, first); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{"another data key": start(second), "none": start()} {
		if err == nil || !strings.Contains(err.Error(), "cannot be opened: seal: no such key: it is sealed by the key with the id ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The row of one key in the place of another.
	all := rows()
	swapped := all[0]
	swapped.PrivateKey = all[1].PrivateKey
	if err := s.PutSigningKey(t.Context(), swapped); err != nil {
		t.Fatal(err)
	}
	if err := start(first); err == nil || !strings.Contains(err.Error(), "not sealed for this purpose and owner") {
		t.Errorf("swapped rows: %v", err)
	}
	// A key that nobody can open any more can be withdrawn, and then the server starts.
	if _, err := looker.Withdraw(t.Context(), swapped.ID); err != nil {
		t.Fatal(err)
	}
	if err := start(first); err != nil || sealed() != 2 {
		t.Errorf("%d sealed, %v", sealed(), err)
	}
}

// While the store cannot be read the server goes on with the keys that it knows, for as long as others may have them in a
// cache. After that one may have been withdrawn, and it signs nothing, but publishes them on for verifiers that start.
func TestKeysThatCannotBeReadSignForAMinute(t *testing.T) {
	w := newWorld(t)
	ring := keys.New(keys.Config{Store: w.store, Now: w.now})
	_, err := ring.Signer(t.Context(), jws.ES256)
	w.must(err)
	w.must(w.store.Close())
	for _, row := range []struct {
		pass time.Duration
		good bool
	}{{0, true}, {keys.MaxAge - time.Millisecond, true}, {time.Millisecond, false}, {-time.Hour, false}} {
		w.pass(row.pass)
		_, err := ring.Signer(t.Context(), jws.ES256)
		if (err == nil) != row.good || err != nil && !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("after %s: %v", row.pass, err)
		}
		if set, err := ring.Published(t.Context()); err != nil || len(set.Keys) == 0 {
			t.Errorf("after %s: %d keys published, %v", row.pass, len(set.Keys), err)
		}
	}
}

func TestSigningKeysSayWhatTheRingDoes(t *testing.T) {
	if server.LongestTokenLifetime != keys.MaxTokenLifetime || server.KeySetMaxAge != keys.MaxAge {
		t.Errorf("%s and %s, want %s and %s", server.LongestTokenLifetime, server.KeySetMaxAge, keys.MaxTokenLifetime, keys.MaxAge)
	}
}
