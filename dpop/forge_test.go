package dpop_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/dpop"
	"github.com/postern-auth/postern/internal/jws"
)

const (
	rawToken = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
	apiURL   = "https://api.example.com/orders"
)

var (
	start = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	// owner's key is the one that tokens are bound to.
	owner    = ed25519.NewKeyFromSeed([]byte("the key that tokens are bound to"))
	stranger = ed25519.NewKeyFromSeed([]byte("another key, of one who stole it"))
)

// clock is a clock that tests move.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func ath(raw string) string {
	sum := sha256.Sum256([]byte(raw))
	return b64(sum[:])
}

// forged is a proof in the making. Its text members, when set, stand in place of the maps.
type forged struct {
	header, claims         map[string]any
	headerText, claimsText string
	key                    ed25519.PrivateKey
	request                *http.Request
}

func jwk(key ed25519.PrivateKey) map[string]any {
	return map[string]any{"kty": "OKP", "crv": "Ed25519", "x": b64(key.Public().(ed25519.PublicKey))}
}

// forge returns a proof that holds for its request at the time start.
func forge() *forged {
	return &forged{
		header: map[string]any{"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk(owner)},
		claims: map[string]any{
			"jti": "0123456789abcdef", "htm": "GET", "htu": apiURL, "iat": start.Unix(), "ath": ath(rawToken),
		},
		key:     owner,
		request: httptest.NewRequest("GET", apiURL, nil),
	}
}

func (f *forged) sign(tb testing.TB) string {
	tb.Helper()
	header, err := json.Marshal(f.header)
	if err != nil {
		tb.Fatal(err)
	}
	claims, err := json.Marshal(f.claims)
	if err != nil {
		tb.Fatal(err)
	}
	if f.headerText != "" {
		header = []byte(f.headerText)
	}
	if f.claimsText != "" {
		claims = []byte(f.claimsText)
	}
	text := b64(header) + "." + b64(claims)
	return text + "." + b64(ed25519.Sign(f.key, []byte(text)))
}

// thumbprint returns the jkt of a key.
func thumbprint(tb testing.TB, key ed25519.PrivateKey) string {
	tb.Helper()
	public, err := jws.NewKey("", "", key.Public())
	if err != nil {
		tb.Fatal(err)
	}
	return public.Thumbprint()
}

func boundTo(jkt string) *postern.Token {
	return postern.NewToken(postern.TokenData{Confirmation: map[string]string{"jkt": jkt}})
}

// check sends the request with the token and the proofs through the binding.
func check(tb testing.TB, b *dpop.Binding, r *http.Request, proofs ...string) error {
	tb.Helper()
	for _, proof := range proofs {
		r.Header.Add("DPoP", proof)
	}
	return b.Check(tb.Context(), postern.Presentation{
		Request: r, Scheme: "DPoP", Raw: rawToken, Answer: make(http.Header),
	}, boundTo(thumbprint(tb, owner)))
}

// atStart returns a Config whose clock stands at start.
func atStart() dpop.Config { return dpop.Config{Now: (&clock{start}).now} }

// verifier knows tokens by their raw form.
type verifier map[string]*postern.Token

func (v verifier) Verify(_ context.Context, raw string) (*postern.Token, error) {
	if token := v[raw]; token != nil {
		return token, nil
	}
	return nil, postern.ErrInactive
}

func b64Decode(s string) (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	return string(b), err
}
