//go:build long

package server_test

import (
	"slices"
	"testing"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/oauth"
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
