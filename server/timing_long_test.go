//go:build long

package server_test

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store"
)

// TestLongFindingS6_RefusalsAreNotToldApartByTheirTime measures what the tests of the clock cannot: what is
// left of a difference at the other end of a socket. Tries of all kinds take turns.
func TestLongFindingS6_RefusalsAreNotToldApartByTheirTime(t *testing.T) {
	const tries = 600
	w := newWorld(t)
	w.addKey("k-robot", "ec", robotOwner)
	w.addKey("k-robot-rsa", "rsa", robotOwner)
	client := func(raw string) call {
		return call{path: "/oauth/v2/introspect", form: values("token", "x", "client_assertion", raw, "client_assertion_type", oauth.AssertionType)}
	}
	grant := func(raw string) call {
		return call{path: "/oauth/v2/token", form: values("grant_type", oauth.GrantJWTBearer, "assertion", raw)}
	}
	as := func(name string) func(*draft) {
		return func(d *draft) { d.claims["iss"], d.claims["sub"] = name, name }
	}
	secret := func(credentials string) call {
		return call{path: "/oauth/v2/introspect", user: credentials, form: values("token", "x")}
	}
	for name, pair := range map[string][2]call{
		"an unknown client and a wrong secret":           {secret("nobody:x"), secret("robot:x")},
		"a service user and an API":                      {secret("robot:x"), secret("samples@P:x")},
		"an unknown and a known key of a client":         {client(w.strict(func(d *draft) { d.kid = "k" }, as("robot"))), client(w.strict(set("aud", "x"), as("robot")))},
		"an unknown and a known client without kid":      {client(w.strict(noKid, as("nobody"))), client(w.strict(with("", "rsa", jws.RS256), set("aud", "x"), as("robot")))},
		"an unknown and a known key of a grant":          {grant(w.strict(func(d *draft) { d.kid = "k" })), grant(w.strict(set("aud", "x")))},
		"an unknown and a known issuer of a grant":       {grant(w.strict(noKid, as("nobody"))), grant(w.strict(noKid, set("aud", "x")))},
		"a secret of the unknown and an assertion of it": {secret("nobody:x"), client(w.strict(noKid, as("nobody")))},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.at(t)
			var took [2][]time.Duration
			for n := range 2 * tries {
				// Each try begins when the one before it is answered, so all begin at the same moment of
				// the clock: nothing else lets a stranger see so little.
				began := time.Now()
				w.do(pair[n%2])
				took[n%2] = append(took[n%2], time.Since(began))
			}
			medians := [2]time.Duration{}
			for i := range took {
				slices.Sort(took[i])
				medians[i] = took[i][len(took[i])/2]
			}
			difference := float64(medians[0]-medians[1]) / float64(medians[0])
			t.Logf("medians %s and %s: %.2f %%", medians[0], medians[1], 100*difference)
			if difference > 0.01 || difference < -0.01 {
				t.Errorf("medians %s and %s differ by %.2f %%, want less than 1 %%", medians[0], medians[1], 100*difference)
			}
		})
	}
}

// TestLongS10_ALoginPageTakesAsLongForAnUnknownUserAsForAWrongPassword measures at the login page what package
// password measures of the hash. Every try is for a user and from an address of its own, so none is delayed.
func TestLongS10_ALoginPageTakesAsLongForAnUnknownUserAsForAWrongPassword(t *testing.T) {
	const tries = 2000
	w := newLoginWorld(t, from)
	for i := range tries {
		id := fmt.Sprintf("known-%04d", i)
		w.must(w.store.PutUser(t.Context(), store.User{
			ID: id, OrganizationID: "org", Handle: store.UserHandle{1: byte(i), 2: byte(i >> 8), 3: 1}, LoginName: id, Active: true, CreatedAt: start, UpdatedAt: start,
		}))
		w.must(w.store.PutPassword(t.Context(), store.Password{UserID: id, PHC: hashes()["mia"], ChangedAt: start}))
	}
	var took [2][]time.Duration
	b := w.browser()
	var page screen
	for n := range 2 * tries {
		if n%500 == 0 { // before the request is too old
			page = b.open(asks())
		}
		// Which of the two comes first changes from pair to pair.
		kind := (n + n/2) % 2
		name := fmt.Sprintf("%s-%04d", []string{"known", "ghost"}[kind], n/2)
		var address [4]byte
		binary.BigEndian.PutUint32(address[:], uint32(0x0a000000+n))
		b.header = http.Header{"Test-Address": {netip.AddrFrom4(address).String()}}
		began := time.Now()
		s := b.send(page, "identifier", name, "password", "not it at all", "answer", "login")
		took[kind] = append(took[kind], time.Since(began))
		if s.status != http.StatusUnprocessableEntity {
			t.Fatalf("%s: %d %s", name, s.status, s.says())
		}
		w.pass(time.Second)
	}
	var medians [2]time.Duration
	for i := range took {
		slices.Sort(took[i])
		medians[i] = took[i][len(took[i])/2]
	}
	difference := 100 * float64(medians[1]-medians[0]) / float64(medians[0])
	t.Logf("medians of %d tries: wrong password %s, unknown user %s: %+.2f %%", tries, medians[0], medians[1], difference)
	if difference > 1 || difference < -1 {
		t.Errorf("medians differ by %+.2f %%, want less than 1 %%", difference)
	}
}
