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

// health is a Verifier that can do what those of packages jwt and introspection can.
type health struct {
	postern.Verifier
	issuer  string
	warm    func(context.Context) error
	ready   error
	revoked int
}

func (h *health) Issuer() string                        { return h.issuer }
func (h *health) Warm(ctx context.Context) error        { return h.warm(ctx) }
func (h *health) Ready() error                          { return h.ready }
func (h *health) Revoke(gone func(*postern.Token) bool) { h.revoked++ }

// aged is a Verifier whose Ready says more, as that of package jwt does.
type aged struct {
	postern.Verifier
	err error
}

func (a aged) Ready() (time.Duration, error) { return time.Hour, a.err }

func TestCombinationsPassOnWhatTheirVerifiersCan(t *testing.T) {
	good := func(context.Context) error { return nil }
	for name, combine := range map[string]func(postern.Verifier, postern.Verifier, postern.Verifier) *postern.Verifiers{
		"FirstOf": func(a, b, c postern.Verifier) *postern.Verifiers { return postern.FirstOf(a, b, c) },
		"ByIssuer": func(a, b, c postern.Verifier) *postern.Verifiers {
			return postern.ByIssuer(map[string]postern.Verifier{"https://a.test": a, "https://b.test": b, "https://c.test": c})
		},
		"one in another": func(a, b, c postern.Verifier) *postern.Verifiers { return postern.FirstOf(postern.FirstOf(a, b), c) },
	} {
		t.Run(name, func(t *testing.T) {
			a := &health{Verifier: &accepting{}, warm: good}
			b := &health{Verifier: &accepting{}, warm: good}
			v := combine(a, b, &accepting{})
			if err := errors.Join(v.Warm(t.Context()), v.Ready()); err != nil {
				t.Errorf("all are well: %v", err)
			}
			v.Revoke(func(*postern.Token) bool { return true })
			if a.revoked != 1 || b.revoked != 1 {
				t.Errorf("Revoke reached %d and %d times, want once each", a.revoked, b.revoked)
			}
			a.ready, b.ready = postern.Unavailable(errors.New("a is away"), 0), errors.New("b is away")
			err := v.Ready()
			if !errors.Is(err, postern.ErrUnavailable) || !strings.Contains(err.Error(), "a is away") || !strings.Contains(err.Error(), "b is away") {
				t.Errorf("Ready: %v, want what is wrong with both", err)
			}
			if name == "ByIssuer" && !strings.Contains(err.Error(), `issuer "https://a.test"`) {
				t.Errorf("Ready: %v does not name the issuer", err)
			}
			if _, err := v.Verify(t.Context(), from("https://c.test", "good")); name == "ByIssuer" && err != nil {
				t.Errorf("another issuer's token: %v", err)
			}
			if err := combine(aged{&accepting{}, nil}, aged{&accepting{}, errors.New("stale")}, &accepting{}).Ready(); err == nil || !strings.Contains(err.Error(), "stale") {
				t.Errorf("Ready of verifiers that also tell an age: %v", err)
			}
		})
	}
}

func TestAnIssuerThatHangsHoldsUpNoOtherWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var warmed time.Duration
		start := time.Now()
		hanging := &health{Verifier: &accepting{}, warm: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		quick := &health{Verifier: &accepting{}, warm: func(context.Context) error { warmed = time.Since(start) + 1; return nil }}
		v := postern.ByIssuer(map[string]postern.Verifier{"https://a.test": hanging, "https://b.test": quick})
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		err := v.Warm(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "a.test") || strings.Contains(err.Error(), "b.test") {
			t.Errorf("Warm: %v, want the one that hangs and no other", err)
		}
		if warmed != 1 {
			t.Errorf("the other was warmed after %s", warmed)
		}
	})
}

func TestOneIssuersOutageIsNotAnothers(t *testing.T) {
	a, b := posterntest.NewIssuer(t), posterntest.NewIssuer(t)
	b.URL = "https://b.test"
	v := postern.ByIssuers(a.Verifier(a.Audience), b.Verifier(b.Audience))
	a.Outage(posterntest.Status(500))
	if err := v.Warm(t.Context()); !errors.Is(err, postern.ErrUnavailable) || strings.Contains(err.Error(), b.URL) {
		t.Errorf("Warm: %v, want the outage of %s alone", err, a.URL)
	}
	if err := v.Ready(); !errors.Is(err, postern.ErrUnavailable) || !strings.Contains(err.Error(), a.URL) || strings.Contains(err.Error(), b.URL) {
		t.Errorf("Ready: %v, want the outage of %s alone", err, a.URL)
	}
	if _, err := v.Verify(t.Context(), b.Token(nil)); err != nil {
		t.Errorf("a token of the other issuer: %v", err)
	}
	if _, err := v.Verify(t.Context(), a.Token(nil)); !errors.Is(err, postern.ErrUnavailable) {
		t.Errorf("a token of the one that is away: %v", err)
	}
}

func TestAnIssuerIsWrittenOnce(t *testing.T) {
	a, b := posterntest.NewIssuer(t), posterntest.NewIssuer(t)
	b.URL = "https://b.test"
	knows := func(issuer string) *health { return &health{Verifier: &accepting{}, issuer: issuer} }
	v := postern.ByIssuers(postern.FirstOf(a.Verifier(a.Audience), a.Introspector(a.Audience)), b.Verifier(b.Audience))
	for _, raw := range []string{a.Token(nil), b.Token(nil)} {
		if _, err := v.Verify(t.Context(), raw); err != nil {
			t.Error(err)
		}
	}
	if _, err := v.Verify(t.Context(), a.Opaque(nil)); !errors.Is(err, postern.ErrNotMine) {
		t.Errorf("an opaque token: %v", err)
	}
	for want, verifiers := range map[string][]postern.Verifier{
		"https://a": {knows("https://a"), postern.FirstOf(knows("https://a"))}, "": {knows("https://a"), knows("https://b")},
	} {
		if got := postern.FirstOf(verifiers...).Issuer(); got != want {
			t.Errorf("Issuer of %d verifiers is %q, want %q", len(verifiers), got, want)
		}
	}
	if got := postern.FirstOf(knows("https://a"), &accepting{}).Issuer(); got != "" {
		t.Errorf("Issuer is %q though one verifier does not know it", got)
	}
	for name, mistake := range map[string]func(){
		"none":                   func() { postern.ByIssuers() },
		"nil":                    func() { postern.ByIssuers(nil) },
		"one that does not know": func() { postern.ByIssuers(knows("")) },
		"two of one issuer":      func() { postern.ByIssuers(knows("https://a"), knows("https://a")) },
		"a slash too much":       func() { postern.ByIssuer(map[string]postern.Verifier{"https://a/": knows("https://a")}) },
		"a chain of another issuer": func() {
			postern.ByIssuer(map[string]postern.Verifier{"https://b": postern.FirstOf(knows("https://a"))})
		},
		"a resolver without Allow":    func() { postern.ByIssuerFunc(postern.Resolver{Verifier: resolved}) },
		"a resolver without Verifier": func() { postern.ByIssuerFunc(postern.Resolver{Allow: everybody}) },
		"a resolver that keeps -1":    func() { postern.ByIssuerFunc(postern.Resolver{Allow: everybody, Verifier: resolved, Max: -1}) },
	} {
		func() {
			defer func() {
				if text, ok := recover().(string); !ok || !strings.HasPrefix(text, "postern: ") {
					t.Errorf("%s: panic %q, want one that begins with postern:", name, text)
				}
			}()
			mistake()
		}()
	}
	// One that does not know its issuer, or knows several, goes under any key.
	postern.ByIssuer(map[string]postern.Verifier{"https://a": &accepting{}, "https://b": knows("")})
}

// Combinations are Verifiers wherever one is wanted.
var (
	_ postern.Verifier                                      = postern.FirstOf(&accepting{})
	_                                                       = []postern.Verifier{postern.FirstOf(&accepting{}), postern.ByIssuer(map[string]postern.Verifier{"a": &accepting{}})}
	_ func() postern.Verifier                               = func() postern.Verifier { return postern.FirstOf(&accepting{}) }
	_ postern.IssuerVerifier                                = postern.FirstOf(&accepting{})
	_ func(context.Context, string) (*postern.Token, error) = postern.FirstOf(&accepting{}).Verify
)

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
			for method, status := range map[string]int{"HEAD": 200, "OPTIONS": 204, "POST": 405, "PUT": 405} {
				w := httptest.NewRecorder()
				guard.Metadata().ServeHTTP(w, httptest.NewRequest(method, guard.MetadataPath(), nil))
				if w.Code != status || w.Header().Get("Access-Control-Allow-Origin") != "*" {
					t.Errorf("%s: status %d, header %v, want %d for any origin", method, w.Code, w.Header(), status)
				}
				if preflight := w.Header().Get("Access-Control-Allow-Headers"); method == "OPTIONS" && preflight != "*" {
					t.Errorf("preflight allows the headers %q, want any", preflight)
				}
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
