package posterntest_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/jwt"
	"github.com/postern-auth/postern/posterntest"
)

func TestTokensOfEveryAlgorithmVerify(t *testing.T) {
	for _, alg := range []string{
		jwt.RS256, jwt.RS384, jwt.RS512, jwt.PS256, jwt.PS384, jwt.PS512,
		jwt.ES256, jwt.ES384, jwt.ES512, jwt.EdDSA, jwt.Ed25519,
	} {
		t.Run(alg, func(t *testing.T) {
			issuer := posterntest.NewIssuer(t)
			issuer.RotateTo(alg)
			config := issuer.JWTConfig(issuer.Audience)
			config.Algorithms = []string{alg}
			verifier, err := jwt.NewVerifier(config)
			if err != nil {
				t.Fatal(err)
			}
			token, err := verifier.Verify(t.Context(), issuer.Token(posterntest.Claims{"scope": "a b"}))
			if err != nil {
				t.Fatal(err)
			}
			if got := slices.Collect(token.Scopes()); !slices.Equal(got, []string{"a", "b"}) {
				t.Errorf("scopes are %q, want a and b", got)
			}
		})
	}
}

func TestIssuerServesOverSocketsToo(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	issuer.Serve()
	config := issuer.JWTConfig(issuer.Audience)
	config.HTTPClient = nil
	verifier, err := jwt.NewVerifier(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); err != nil {
		t.Error(err)
	}
	if calls := issuer.Calls(posterntest.KeySet); calls != 1 {
		t.Errorf("%d calls of the key set, want 1", calls)
	}
	issuer.Outage(posterntest.Reset())
	if _, err := http.Get(issuer.URL + string(posterntest.KeySet)); err == nil {
		t.Error("Reset answered")
	}
}

func TestClientReachesNobodyElse(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	if _, err := issuer.Client().Get("https://elsewhere.test/"); err == nil {
		t.Error("a call to another host was answered")
	}
	if n := issuer.Strays(); n != 1 {
		t.Errorf("%d strays, want 1", n)
	}
}

func TestRotateAndWithdraw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := posterntest.NewIssuer(t)
		verifier := issuer.Verifier(issuer.Audience)
		old, first := issuer.Token(nil), issuer.Key()
		issuer.Rotate()
		if _, err := verifier.Verify(t.Context(), old); err != nil {
			t.Errorf("token of the earlier key, still published: %v", err)
		}
		if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); err != nil {
			t.Errorf("token of the new key: %v", err)
		}
		issuer.Withdraw(first.ID())
		time.Sleep(time.Minute)
		if _, err := verifier.Verify(t.Context(), old); !errors.Is(err, postern.ErrSignature) {
			t.Errorf("token of a withdrawn key: %v, want ErrSignature", err)
		}
	})
}

func TestIntrospectionKnowsBothKindsOfTokens(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	for name, raw := range map[string]string{"opaque": issuer.Opaque(nil), "JWT": issuer.Token(nil)} {
		if _, err := issuer.Introspector(issuer.Audience).Verify(t.Context(), raw); err != nil {
			t.Errorf("%s token: %v", name, err)
		}
		issuer.Revoke(raw)
		if _, err := issuer.Introspector(issuer.Audience).Verify(t.Context(), raw); !errors.Is(err, postern.ErrInactive) {
			t.Errorf("%s token, revoked: %v, want ErrInactive", name, err)
		}
	}
	raw := issuer.Opaque(nil)
	issuer.Clock.Advance(time.Hour)
	if _, err := issuer.Introspector(issuer.Audience).Verify(t.Context(), raw); !errors.Is(err, postern.ErrInactive) {
		t.Errorf("after exp: %v, want ErrInactive", err)
	}
}

func TestVerifierConformance(t *testing.T) {
	issuer, stranger := posterntest.NewIssuer(t), posterntest.NewIssuer(t)
	stranger.URL = "https://stranger.test"
	sample := posterntest.Sample{
		Good: []string{issuer.Token(nil), issuer.Token(posterntest.Claims{"scope": "a"})},
		Bad: []string{
			issuer.Token(posterntest.Claims{"exp": 1}),
			issuer.Token(posterntest.Claims{"aud": "https://other.test"}),
			issuer.Token(nil, posterntest.SignedBy(posterntest.NewKey(t, jwt.ES256, issuer.Key().ID()))),
		},
		Strangers: []string{stranger.Token(nil), "opaque", "a.b.c"},
	}
	t.Run("jwt", func(t *testing.T) { posterntest.TestVerifier(t, issuer.Verifier(issuer.Audience), sample) })

	sample.Good = append(sample.Good, issuer.Opaque(nil))
	sample.Bad = []string{issuer.Opaque(posterntest.Claims{"aud": "https://other.test"}), "unknown-to-it"}
	sample.Strangers = []string{stranger.Token(nil)}
	t.Run("introspection", func(t *testing.T) {
		posterntest.TestVerifier(t, issuer.Introspector(issuer.Audience), sample)
	})
}
