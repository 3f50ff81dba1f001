package jwt_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/jwt"
	"github.com/postern-auth/postern/posterntest"
)

// refusedThrice has a token refused as often as it takes to be remembered, and once more.
func refusedThrice(t *testing.T, v *jwt.Verifier, raw string, want error) (last error) {
	t.Helper()
	for use := range 3 {
		token, err := v.Verify(t.Context(), raw)
		if token != nil || !errors.Is(err, want) {
			t.Fatalf("use %d: token %v, error %v, want %v", use, token, err, want)
		}
		last = err
	}
	return last
}

func TestTokenThatKeepsComingAfterItsEndIsRefusedAsAtFirst(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	v := issuer.Verifier(issuer.Audience)
	end := issuer.Clock.Now().Add(-time.Hour)
	raw := issuer.Token(claims{"exp": end.Unix()})
	_, first := v.Verify(t.Context(), raw)
	last := refusedThrice(t, v, raw, postern.ErrExpired)
	if first.Error() != last.Error() {
		t.Errorf("first %q, then %q", first, last)
	}
	issuer.Clock.Advance(time.Minute)
	if _, err := v.Verify(t.Context(), raw); err == nil || !strings.Contains(err.Error(), "1h1m0s ago") {
		t.Errorf("a minute later: %v, want an exp of 1h1m ago", err)
	}
}

func TestTokenThatEndedIsVerifiedWhenTheClockGoesBack(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	v := issuer.Verifier(issuer.Audience)
	now := issuer.Clock.Now()
	good := issuer.Token(claims{"iat": now.Add(-3 * time.Hour).Unix(), "exp": now.Add(-time.Hour).Unix()})
	forged := issuer.Token(claims{"iat": now.Add(-3 * time.Hour).Unix(), "exp": now.Add(-time.Hour).Unix()}, posterntest.SignedBy(posterntest.NewKey(t, jwt.ES256, issuer.Key().ID())))
	early := issuer.Token(claims{"iat": now.Add(-3 * time.Hour).Unix(), "nbf": now.Add(-90 * time.Minute).Unix(), "exp": now.Add(-time.Hour).Unix()})
	for _, raw := range []string{good, forged, early} {
		refusedThrice(t, v, raw, postern.ErrExpired)
	}
	issuer.Clock.Advance(-2 * time.Hour)
	if _, err := v.Verify(t.Context(), good); err != nil {
		t.Errorf("before its end: %v", err)
	}
	if _, err := v.Verify(t.Context(), forged); !errors.Is(err, postern.ErrSignature) {
		t.Errorf("a forged token before its end: %v, want ErrSignature", err)
	}
	if _, err := v.Verify(t.Context(), early); !errors.Is(err, postern.ErrNotYetValid) {
		t.Errorf("before its beginning: %v, want ErrNotYetValid", err)
	}
}

func TestTokensWithOneSignatureAreToldApartAfterTheirEnd(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	v := issuer.Verifier(issuer.Audience)
	old := issuer.Token(claims{"exp": issuer.Clock.Now().Add(-time.Hour).Unix()})
	good := issuer.Token(nil)
	signature := old[strings.LastIndexByte(old, '.'):]
	tampered := good[:strings.LastIndexByte(good, '.')] + signature
	refusedThrice(t, v, old, postern.ErrExpired)
	refusedThrice(t, v, tampered, postern.ErrSignature)
	foreign := strings.Split(issuer.Token(claims{"iss": "https://other.test"}), ".")
	refusedThrice(t, v, foreign[0]+"."+foreign[1]+signature, postern.ErrIssuer)
}

func TestTokensAreRefusedForTheirEndByManyAtOnce(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	v := issuer.Verifier(issuer.Audience)
	var tokens []string
	for n := range 20 {
		tokens = append(tokens, issuer.Token(claims{"exp": issuer.Clock.Now().Add(-time.Duration(n+1) * time.Hour).Unix()}))
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 20 {
				for _, raw := range tokens {
					if _, err := v.Verify(t.Context(), raw); !errors.Is(err, postern.ErrExpired) {
						t.Error(err)
					}
				}
			}
		})
	}
	wait.Wait()
}
