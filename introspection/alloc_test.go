//go:build !race

package introspection_test

import (
	"testing"
	"time"

	"github.com/postern-auth/postern/introspection"
	"github.com/postern-auth/postern/posterntest"
)

// The race detector allocates on its own, so this file is not part of its tests.
func TestARememberedTokenAllocatesNothing(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	verifier := newVerifier(t, issuer, func(c *introspection.Config) { c.MaxAge = time.Hour })
	raw, ctx := issuer.Opaque(claims{"exp": time.Now().Unix() + 3600}), t.Context()
	check := func() {
		if _, err := verifier.Verify(ctx, raw); err != nil {
			t.Fatal(err)
		}
	}
	check()
	if n := testing.AllocsPerRun(1000, check); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
