package jwt

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/internal/jws"
)

// With every place for a signature check taken, tokens that need none are answered as ever, and one that
// needs it waits no longer than its own deadline.
func TestSignatureChecksThatRunAtOneTimeAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, keys := verifierWithKey(t)
		remembered, other := keys(), keys()
		if _, err := v.Verify(t.Context(), remembered); err != nil {
			t.Fatal(err)
		}
		for range cap(v.checks) {
			v.checks <- struct{}{}
		}
		if _, err := v.Verify(t.Context(), remembered); err != nil {
			t.Errorf("a token that is remembered: %v", err)
		}
		if _, err := v.Verify(t.Context(), "garbage"); !errors.Is(err, postern.ErrNotMine) {
			t.Errorf("garbage: %v, want ErrNotMine", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if _, err := v.Verify(ctx, other); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("a token to be checked: %v after %s, want its deadline", err, time.Since(began))
		}
		<-v.checks
		if _, err := v.Verify(t.Context(), other); err != nil {
			t.Errorf("with a place free: %v", err)
		}
		if len(v.checks) != cap(v.checks)-1 {
			t.Error("the place was not given back")
		}
	})
}

// verifierWithKey returns a Verifier and what makes good tokens for it.
func verifierWithKey(t *testing.T) (*Verifier, func() string) {
	t.Helper()
	signer := newSigner(t)
	text, err := jws.KeySet{Keys: []*jws.Key{signer.Key()}}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewVerifier(Config{Issuer: "https://issuer.test", Audience: "api", JWKSURL: "https://issuer.test/keys", HTTPClient: serving(string(text))})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	return v, func() string {
		n++
		return sign(t, signer, n)
	}
}

func newSigner(t *testing.T) *jws.Signer {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jws.NewSigner(jws.ES256, "key", private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func sign(t *testing.T, signer *jws.Signer, n int) string {
	t.Helper()
	raw, err := signer.Sign("at+jwt", fmt.Appendf(nil, `{"iss":"https://issuer.test","aud":"api","exp":%d,"jti":"%d"}`, time.Now().Add(time.Hour).Unix(), n))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// serving returns a client that gets the text from everywhere.
func serving(text string) *http.Client {
	return &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(text)), Header: http.Header{}}, nil
	})}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
