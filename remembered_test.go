package postern_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/jwt"
	"github.com/postern-auth/postern/posterntest"
)

func TestManyTokensOfTwoIssuersAreAllVerifiedByTheirOwn(t *testing.T) {
	a, b := posterntest.NewIssuer(t), posterntest.NewIssuer(t)
	b.URL = "https://other.test"
	one, two := a.Verifier(a.Audience), b.Verifier(b.Audience)
	resolver := postern.ByIssuerFunc(postern.Resolver{
		Allow: func(issuer string) bool { return issuer == a.URL || issuer == b.URL },
		Verifier: func(_ context.Context, issuer string) (postern.Verifier, error) {
			return map[string]*jwt.Verifier{a.URL: one, b.URL: two}[issuer], nil
		},
	})
	ctx := t.Context()
	for name, verifier := range map[string]postern.Verifier{"ByIssuers": postern.ByIssuers(one, two), "ByIssuerFunc": resolver} {
		t.Run(name, func(t *testing.T) {
			tokens := map[string]string{a.Token(nil): a.URL, b.Token(nil): b.URL}
			for n := range 100 {
				tokens[a.Token(map[string]any{"jti": fmt.Sprint(n)})] = a.URL
			}
			for range 3 {
				for raw, issuer := range tokens {
					token, err := verifier.Verify(ctx, raw)
					if err != nil || token.Issuer() != issuer {
						t.Fatalf("token of %s: %v, %v", issuer, token, err)
					}
				}
			}
		})
	}
}

// A hint leads to whoever verified a token with the same end. That one decides about its own tokens alone.
func TestAHintIsTrustedWithNothing(t *testing.T) {
	remembering := &stub{issuer: "https://a.test", token: postern.NewToken(postern.TokenData{Issuer: "https://a.test"})}
	other := &stub{issuer: "https://b.test", err: postern.ErrSignature}
	verifier := postern.ByIssuer(map[string]postern.Verifier{remembering.issuer: remembering, other.issuer: other})
	good, forged := unsigned(remembering.issuer), unsigned(other.issuer)
	if _, err := verifier.Verify(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	remembering.knows = true
	if _, err := verifier.Verify(t.Context(), good); err != nil || remembering.verified != 1 {
		t.Errorf("a token that is remembered: %v after %d verifications, want one", err, remembering.verified)
	}
	remembering.knows = false
	if _, err := verifier.Verify(t.Context(), forged); !errors.Is(err, postern.ErrSignature) || other.verified != 1 {
		t.Errorf("a token with the end of another: %v", err)
	}
	remembering.knows, remembering.refuses = true, postern.ErrExpired
	if _, err := verifier.Verify(t.Context(), good); !errors.Is(err, postern.ErrExpired) {
		t.Errorf("a token that is remembered and has expired: %v", err)
	}
}

// One that does not say that it serves one issuer may have come by a token on another way.
func TestAVerifierOfNoIssuerInParticularIsNotAskedWhatItRemembers(t *testing.T) {
	several := &stub{token: postern.NewToken(postern.TokenData{}), knows: true}
	verifier := postern.ByIssuer(map[string]postern.Verifier{"https://a.test": several, "https://b.test": &stub{err: postern.ErrSignature}})
	for n := range 3 {
		if _, err := verifier.Verify(t.Context(), unsigned("https://a.test")); err != nil || several.verified != n+1 {
			t.Errorf("%v, after %d verifications", err, several.verified)
		}
		if _, err := verifier.Verify(t.Context(), unsigned("https://b.test")); !errors.Is(err, postern.ErrSignature) {
			t.Errorf("a token with the end of another: %v", err)
		}
	}
}

func TestATokenOfAnIssuerThatIsNoLongerAllowedIsRefusedAlsoWhenItIsRemembered(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	allowed := true
	verifier := postern.ByIssuerFunc(postern.Resolver{
		Allow:    func(string) bool { return allowed },
		Verifier: func(context.Context, string) (postern.Verifier, error) { return issuer.Verifier(issuer.Audience), nil },
	})
	raw := issuer.Token(map[string]any{"exp": time.Now().Add(time.Hour).Unix()})
	for range 2 {
		if _, err := verifier.Verify(t.Context(), raw); err != nil {
			t.Fatal(err)
		}
	}
	allowed = false
	if _, err := verifier.Verify(t.Context(), raw); !errors.Is(err, postern.ErrIssuer) {
		t.Errorf("%v, want ErrIssuer", err)
	}
}

// unsigned returns a JWT of the issuer that ends as every other.
func unsigned(issuer string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"ES256"}`)) + "." + encode([]byte(`{"iss":"`+issuer+`"}`)) + "." + strings.Repeat("A", 86)
}

// stub is a Verifier of one issuer that may remember tokens.
type stub struct {
	issuer   string
	token    *postern.Token
	err      error
	verified int
	knows    bool  // it remembers every token
	refuses  error // and refuses it
}

func (s *stub) Verify(context.Context, string) (*postern.Token, error) {
	s.verified++
	return s.token, s.err
}

func (s *stub) Issuer() string { return s.issuer }

func (s *stub) Remembered(context.Context, string) (*postern.Token, bool, error) {
	if s.refuses != nil {
		return nil, s.knows, s.refuses
	}
	return s.token, s.knows, nil
}
