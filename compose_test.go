package postern_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/introspection"
	"github.com/postern-auth/postern/jwt"
	"github.com/postern-auth/postern/posterntest"
)

func TestChainRule(t *testing.T) {
	issuer, stranger := posterntest.NewIssuer(t), posterntest.NewIssuer(t)
	stranger.URL = "https://stranger.test"
	forger := posterntest.NewKey(t, jwt.ES256, issuer.Key().ID())
	plain := posterntest.Type("JWT")
	for _, test := range []struct {
		name  string
		raw   string
		want  error
		calls int // of introspection
	}{
		{"a JWT of ours is not introspected", issuer.Token(nil), nil, 0},
		{"an opaque token is", issuer.Opaque(nil), nil, 1},
		{"an unknown opaque token is", "unknown", postern.ErrInactive, 1},
		{"a bad signature never falls through", issuer.Token(nil, posterntest.SignedBy(forger)), postern.ErrSignature, 0},
		{"an expired JWT never falls through", issuer.Token(posterntest.Claims{"exp": 1}), postern.ErrExpired, 0},
		{"a JWT for another audience never falls through", issuer.Token(posterntest.Claims{"aud": "other"}), postern.ErrAudience, 0},
		{"an ID token never falls through", issuer.Token(posterntest.Claims{"nonce": "n"}, plain), postern.ErrMalformed, 0},
		{"an algorithm that is not accepted never falls through", issuer.Token(nil, posterntest.Algorithm("HS256")), postern.ErrSignature, 0},
		{"a stranger's JWT is sent to nobody", stranger.Token(nil), postern.ErrIssuer, 0},
		{"a stranger's JWT with a header that is not accepted is sent to nobody", stranger.Token(nil, posterntest.Header("x5c", []string{"x"})), postern.ErrNotMine, 0},
		{"a JWT without issuer is introspected", issuer.Token(posterntest.Claims{"iss": nil}), nil, 1},
		{"a JWT of an empty issuer is sent to nobody", issuer.Token(posterntest.Claims{"iss": ""}), postern.ErrIssuer, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			chain := postern.FirstOf(issuer.Verifier(issuer.Audience), issuer.Introspector(issuer.Audience))
			before := issuer.Calls(posterntest.Introspection)
			token, err := chain.Verify(t.Context(), test.raw)
			if !errors.Is(err, test.want) || (token == nil) == (err == nil) {
				t.Errorf("token %v, error %v; want error %v", token, err, test.want)
			}
			if calls := issuer.Calls(posterntest.Introspection) - before; calls != test.calls {
				t.Errorf("%d calls of introspection, want %d", calls, test.calls)
			}
		})
	}
}

func TestFirstOfStopsAtTheFirstAnswer(t *testing.T) {
	answer := func(err error) postern.Verifier {
		return postern.VerifierFunc(func(context.Context, string) (*postern.Token, error) {
			if err != nil {
				return nil, err
			}
			return postern.NewToken(postern.TokenData{}), nil
		})
	}
	never := postern.VerifierFunc(func(context.Context, string) (*postern.Token, error) {
		t.Error("a verifier behind the deciding one was asked")
		return nil, errors.New("x")
	})
	notMine := answer(postern.ErrNotMine)
	for name, test := range map[string]struct {
		chain postern.Verifier
		want  error
	}{
		"the first":              {postern.FirstOf(answer(nil), never), nil},
		"the second":             {postern.FirstOf(notMine, answer(nil), never), nil},
		"a refusal":              {postern.FirstOf(notMine, answer(postern.ErrExpired), never), postern.ErrExpired},
		"an outage":              {postern.FirstOf(answer(postern.ErrUnavailable), never), postern.ErrUnavailable},
		"nobody":                 {postern.FirstOf(notMine, answer(errors.Join(postern.ErrNotMine, postern.ErrIssuer))), postern.ErrIssuer},
		"nobody is ErrNotMine":   {postern.FirstOf(notMine, notMine), postern.ErrNotMine},
		"a chain within a chain": {postern.FirstOf(postern.FirstOf(notMine), answer(nil), never), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := test.chain.Verify(t.Context(), "raw"); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}

func TestByIssuerKeepsConformance(t *testing.T) {
	a, b := posterntest.NewIssuer(t), posterntest.NewIssuer(t)
	b.URL = "https://b.test"
	posterntest.TestVerifier(t, postern.ByIssuer(map[string]postern.Verifier{a.URL: a.Verifier(a.Audience), b.URL: b.Verifier(b.Audience)}), posterntest.Sample{
		Good:      []string{a.Token(nil), b.Token(nil)},
		Bad:       []string{a.Token(posterntest.Claims{"exp": 1}), a.Token(posterntest.Claims{"iss": b.URL})},
		Strangers: []string{a.Token(posterntest.Claims{"iss": "https://c.test"}), a.Token(posterntest.Claims{"iss": nil}), a.Opaque(nil)},
	})
}

func TestMetadata(t *testing.T) {
	for _, test := range []struct{ resource, path, url string }{
		{"https://api.test", "/.well-known/oauth-protected-resource", "https://api.test/.well-known/oauth-protected-resource"},
		{"https://api.test/", "/.well-known/oauth-protected-resource", "https://api.test/.well-known/oauth-protected-resource"},
		{"https://api.test:8443/v1", "/.well-known/oauth-protected-resource/v1", "https://api.test:8443/.well-known/oauth-protected-resource/v1"},
		{"https://api.test/a%20b/c", "/.well-known/oauth-protected-resource/a%20b/c", "https://api.test/.well-known/oauth-protected-resource/a%20b/c"},
		{"https://api.test/v1?tenant=x", "/.well-known/oauth-protected-resource/v1", "https://api.test/.well-known/oauth-protected-resource/v1?tenant=x"},
		{"http://localhost:6060", "/.well-known/oauth-protected-resource", "http://localhost:6060/.well-known/oauth-protected-resource"},
	} {
		t.Run(test.resource, func(t *testing.T) {
			guard := &postern.Guard{Verifier: &accepting{}, Resource: test.resource, AuthorizationServers: []string{"https://issuer.test"}, ScopesSupported: []string{"read"}}
			if got := guard.MetadataPath(); got != test.path {
				t.Errorf("path %q, want %q", got, test.path)
			}
			challenge := guard.Refusal(postern.ErrNoToken).Header.Get("WWW-Authenticate")
			if want := `Bearer resource_metadata="` + test.url + `"`; challenge != want {
				t.Errorf("challenge %s, want %s", challenge, want)
			}
			w := httptest.NewRecorder()
			guard.Metadata().ServeHTTP(w, httptest.NewRequest("GET", guard.MetadataPath(), nil))
			var got map[string]any
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			want := map[string]any{
				"resource": test.resource, "authorization_servers": []any{"https://issuer.test"},
				"scopes_supported": []any{"read"}, "bearer_methods_supported": []any{"header"},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("document (-want +got):\n%s", diff)
			}
			if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("status %d, header %v", w.Code, w.Header())
			}
		})
	}
	for _, resource := range []string{"", "api", "/v1", "ftp://api.test", "https://", "https://api.test#x", "https://api.test/#", "mailto:a@b"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("resource %q is accepted", resource)
				}
			}()
			(&postern.Guard{Resource: resource}).MetadataPath()
		}()
	}
}

// TestNoSecretLeaves plants marked tokens and a marked client secret and looks for them in all that the
// library says: answers, headers, errors, and the log at its most talkative.
func TestNoSecretLeaves(t *testing.T) {
	synctest.Test(t, noSecretLeaves) // for the waits of an unknown key id
}

func noSecretLeaves(t *testing.T) {
	const canary = "CANARY-client-secret"
	issuer := posterntest.NewIssuer(t)
	config := issuer.IntrospectionConfig(issuer.Audience)
	config.Auth = clientauth.SecretPost("api", canary)
	opaque, err := introspection.NewVerifier(config)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	guard := &postern.Guard{
		Verifier:        postern.FirstOf(issuer.Verifier(issuer.Audience), opaque),
		Logger:          slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		InsecureExplain: true,
	}
	tokens := map[string]string{
		"expired": issuer.Token(posterntest.Claims{"exp": 1}), "forged key id": issuer.Token(nil, posterntest.KeyID("forged")),
		"another audience": issuer.Token(posterntest.Claims{"aud": "x"}), "too weak": issuer.Token(nil),
		"opaque": "opaque-CANARY-of-some-length", "inactive": issuer.Opaque(posterntest.Claims{"active": false}),
		"opaque and too weak": issuer.Opaque(nil), "unreadable": issuer.Token(posterntest.Claims{"sub": 1}),
	}
	try := func() {
		for name, raw := range tokens {
			w := httptest.NewRecorder()
			guard.Require(postern.Role("admin"))(http.NotFoundHandler()).ServeHTTP(w, withHeader("Bearer "+raw))
			if w.Code < 400 || w.Code == http.StatusNotFound {
				t.Fatalf("%s: status %d", name, w.Code)
			}
			_, err := guard.Check(withHeader("Bearer "+raw), postern.Role("admin"))
			all := fmt.Sprintf("%s %v %v %+v %s", w.Body, w.Header(), err, err, log.String())
			signature := raw[strings.LastIndexByte(raw, '.')+1:]
			if strings.Contains(all, signature) || strings.Contains(all, canary) {
				t.Errorf("%s: a secret is in %s", name, all)
			}
			log.Reset()
		}
	}
	try()
	for _, outage := range []http.Handler{posterntest.Status(500), posterntest.Reset(), posterntest.Status(401)} {
		issuer.Outage(outage)
		try()
	}
	time.Sleep(time.Minute) // calls under way end by themselves
}
