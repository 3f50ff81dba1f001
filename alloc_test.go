//go:build !race

package postern_test

import (
	"context"
	"testing"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/posterntest"
)

// The race detector allocates on its own, so this file is not part of its tests.
func TestTokensThatAreRememberedAllocateNothing(t *testing.T) {
	a, b := posterntest.NewIssuer(t), posterntest.NewIssuer(t)
	b.URL = "https://other.test"
	one, two := a.Verifier(a.Audience), b.Verifier(b.Audience)
	opaque := &stub{token: postern.NewToken(postern.TokenData{})}
	resolver := postern.Resolver{
		Allow:    func(issuer string) bool { return issuer == a.URL },
		Verifier: func(context.Context, string) (postern.Verifier, error) { return one, nil },
	}
	for _, test := range []struct {
		name     string
		verifier postern.Verifier
		raw      string
	}{
		{"a JWT by ByIssuers", postern.ByIssuers(one, two), a.Token(nil)},
		{"a JWT by ByIssuerFunc", postern.ByIssuerFunc(resolver), a.Token(nil)},
		{"a JWT by FirstOf", postern.FirstOf(one, opaque), a.Token(nil)},
		{"an opaque token by FirstOf, behind a verifier of JWTs", postern.FirstOf(one, opaque), "vN3pQ8xT5cW2rY7kL0mZ4bH9sJ6dF1gA"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx := t.Context()
			verify := func() {
				if _, err := test.verifier.Verify(ctx, test.raw); err != nil {
					t.Fatal(err)
				}
			}
			verify()
			if n := testing.AllocsPerRun(200, verify); n != 0 {
				t.Errorf("%v allocations, want none", n)
			}
		})
	}
}
