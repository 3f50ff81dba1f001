package postern_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/jwt"
	"github.com/postern-auth/postern/posterntest"
)

// accepting is a Verifier that takes every token, and keeps the last.
type accepting struct {
	raw  string
	data postern.TokenData
}

func (v *accepting) Verify(_ context.Context, raw string) (*postern.Token, error) {
	v.raw = raw
	return postern.NewToken(v.data), nil
}

// status is what guarded answers: 200 where it lets the request through.
func status(guarded func(http.Handler) http.Handler, r *http.Request) int {
	w := httptest.NewRecorder()
	guarded(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
	return w.Code
}

func TestFindingQ3_OptionalTakesAnEmptyHeaderForNone(t *testing.T) {
	for _, test := range []struct {
		name          string
		authorization []string
		verify        error
		want          int
	}{
		{"no token passes", nil, nil, 200},
		{"another scheme passes as no token", []string{"Basic dTpw"}, nil, 200},
		{"a good token passes", bearer, nil, 200},
		{"a bad token is refused", bearer, postern.ErrExpired, 401},
		{"an empty header passes as no token", []string{""}, nil, 200},
		{"a header of white space passes as no token", []string{" \t"}, nil, 200},
		{"two empty headers pass as no token", []string{"", " "}, nil, 200},
		{"a scheme alone passes as no token", []string{"Bearer"}, nil, 200},
		{"a scheme and a space pass as no token", []string{"Bearer "}, nil, 200},
		{"a scheme and spaces pass as no token", []string{"bearer   "}, nil, 200},
		{"DPoP alone passes as no token", []string{"DPoP "}, nil, 200},
		{"another scheme alone passes as no token", []string{"Basic"}, nil, 200},
		{"a token without a scheme passes as no token", []string{"eyJh.eyJp.c2ln"}, nil, 200},
		{"two schemes alone are refused", []string{"Bearer", "Bearer"}, nil, 400},
		{"a token and an empty header are refused", []string{"Bearer a", ""}, nil, 400},
		{"a malformed header is refused", []string{"Bearer,a"}, nil, 400},
		{"a list is refused", []string{"Bearer a, Bearer b"}, nil, 400},
		{"a tab for the space is refused", []string{"Bearer\ta"}, nil, 400},
		{"two tokens are refused", []string{"Bearer a", "Bearer b"}, nil, 400},
		{"an outage is refused", bearer, postern.ErrUnavailable, 503},
		{"a bad token is refused though the verifier calls it none", bearer, postern.ErrNoToken, 401},
		{"a bad token is refused though the verifier's text is not one of ours", bearer, errors.New("x"), 503},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := refusalCase{authorization: test.authorization, verify: test.verify}
			guard := c.guard(postern.Guard{})
			passed := false
			w := httptest.NewRecorder()
			guard.Optional()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				passed = true
				token, ok := postern.TokenFrom(r.Context())
				if want := len(test.authorization) == 1 && test.authorization[0] == bearer[0]; ok != want || (token != nil) != want {
					t.Errorf("TokenFrom: %v, %v; want a token: %v", token, ok, want)
				}
			})).ServeHTTP(w, c.request())
			if w.Code != test.want || passed != (test.want == 200) {
				t.Errorf("status %d, passed %v; want %d", w.Code, passed, test.want)
			}
		})
	}
	guard := refusalCase{}.guard(postern.Guard{})
	requirement := failing(postern.ErrNoToken)
	if got := status(guard.Optional(requirement), withHeader(bearer...)); got != 401 {
		t.Errorf("a requirement that speaks of no token: status %d, want 401", got)
	}
}

func TestRequirePanicsOnMistakesInTheProgram(t *testing.T) {
	for name, mistake := range map[string]func(){
		"no verifier":                   func() { (&postern.Guard{}).Require() },
		"no verifier, Optional":         func() { (&postern.Guard{}).Optional() },
		"no verifier, Check":            func() { (&postern.Guard{}).Check(withHeader(bearer...)) },
		"a nil requirement, Check":      func() { (&postern.Guard{Verifier: &accepting{}}).Check(withHeader(bearer...), nil) },
		"no token for a context":        func() { postern.WithToken(context.Background(), nil) },
		"a nil requirement":             func() { (&postern.Guard{Verifier: &accepting{}}).Require(nil) },
		"a resource that is not a URL":  func() { (&postern.Guard{Verifier: &accepting{}, Resource: "api"}).Require() },
		"a resource with a fragment":    func() { (&postern.Guard{Verifier: &accepting{}, Resource: "https://api.test/#x"}).Require() },
		"metadata without a resource":   func() { (&postern.Guard{}).Metadata() },
		"no scope":                      func() { postern.Scope() },
		"a scope with a space":          func() { postern.Scope("a b") },
		"a scope with a quote":          func() { postern.AnyScope(`a"b`) },
		"an empty role":                 func() { postern.Role("") },
		"no permission":                 func() { postern.Permission() },
		"nothing required by All":       func() { postern.All() },
		"nil required by Any":           func() { postern.Any(nil) },
		"a login of no age and no way":  func() { postern.FreshLogin(0) },
		"a login of a negative age":     func() { postern.FreshLogin(-1) },
		"first of none":                 func() { postern.FirstOf() },
		"first of nil":                  func() { postern.FirstOf(nil) },
		"by issuer without issuers":     func() { postern.ByIssuer(nil) },
		"by issuer with an empty one":   func() { postern.ByIssuer(map[string]postern.Verifier{"": &accepting{}}) },
		"by issuer with a nil verifier": func() { postern.ByIssuer(map[string]postern.Verifier{"a": nil}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if text, ok := recover().(string); !ok || !strings.HasPrefix(text, "postern: ") {
					t.Errorf("panic %q, want one that begins with postern:", text)
				}
			}()
			mistake()
		})
	}
}

func TestAVerifierThatAnswersNothingRefuses(t *testing.T) {
	guard := &postern.Guard{Verifier: postern.VerifierFunc(func(context.Context, string) (*postern.Token, error) { return nil, nil })}
	if got := status(guard.Require(), withHeader(bearer...)); got != 503 {
		t.Errorf("status %d, want 503", got)
	}
	if got := status(guard.Optional(), withHeader(bearer...)); got != 503 {
		t.Errorf("Optional: status %d, want 503", got)
	}
}

func TestBindings(t *testing.T) {
	for _, test := range []struct {
		name   string
		scheme string
		cnf    map[string]string
		want   int
		nonce  string
	}{
		{"a bearer token as Bearer", "Bearer", nil, 200, ""},
		{"a DPoP token as DPoP", "DPoP", map[string]string{"jkt": "good"}, 200, "next"},
		{"a DPoP token as dpop", "dpop", map[string]string{"jkt": "good"}, 200, "next"},
		{"a DPoP token as Bearer", "Bearer", map[string]string{"jkt": "good"}, 401, ""},
		{"a bearer token as DPoP", "DPoP", nil, 401, ""},
		{"a certificate's token as Bearer", "Bearer", map[string]string{"x5t#S256": "good"}, 200, "next"},
		{"a certificate's token as DPoP", "DPoP", map[string]string{"x5t#S256": "good"}, 401, ""},
		{"bound twice, both proved", "DPoP", map[string]string{"jkt": "good", "x5t#S256": "good"}, 200, "next"},
		{"bound twice, one proved", "DPoP", map[string]string{"jkt": "good", "x5t#S256": "other"}, 401, ""},
		{"bound twice, one that nobody proves", "DPoP", map[string]string{"jkt": "good", "kid": "x"}, 401, ""},
		{"bound by an empty member name", "Bearer", map[string]string{"": "x"}, 401, ""},
		{"a refusal brings the nonce", "DPoP", map[string]string{"jkt": "nonce"}, 401, "fresh"},
	} {
		t.Run(test.name, func(t *testing.T) {
			guard := &postern.Guard{Verifier: &accepting{data: postern.TokenData{Confirmation: test.cnf}}, Bindings: fakeBindings}
			w := httptest.NewRecorder()
			guard.Require()(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, withHeader(test.scheme+" raw"))
			if w.Code != test.want {
				t.Errorf("status %d, want %d", w.Code, test.want)
			}
			if got := w.Header().Get("DPoP-Nonce"); got != test.nonce && test.nonce != "" {
				t.Errorf("DPoP-Nonce %q, want %q", got, test.nonce)
			}
		})
	}
}

// TestOneDoor holds middleware, Check and CheckOptional to one decision, told once to OnDecision and the log.
func TestOneDoor(t *testing.T) {
	for _, c := range append(refusalCases, refusalCase{name: "good token", authorization: bearer}) {
		for _, optional := range []bool{false, true} {
			var calls, lines int
			var told *postern.Error
			guard := c.guard(postern.Guard{
				OnDecision: func(_ *http.Request, _ *postern.Token, e *postern.Error) { calls, told = calls+1, e },
				Logger:     slog.New(slog.NewTextHandler(writerFunc(func() { lines++ }), nil)),
			})
			check, middleware := guard.Check, guard.Require
			if optional {
				check, middleware = guard.CheckOptional, guard.Optional
			}
			decision, err := check(c.request(), c.require...)
			refused := 0
			if err != nil {
				refused = 1
				guard.Refuse(httptest.NewRecorder(), c.request(), err)
				guard.Refusal(err)
			}
			if calls != 1 || lines != refused {
				t.Errorf("%s, optional %v: Check and its answer: %d calls and %d lines, want 1 and %d", c.name, optional, calls, lines, refused)
			}
			var e *postern.Error
			if errors.As(err, &e) && told != e || (err == nil) != (told == nil) {
				t.Errorf("%s, optional %v: Check returned %v and OnDecision got %v", c.name, optional, err, told)
			}
			if err == nil && !optional && decision.Token == nil {
				t.Errorf("%s: Check lets the request pass without a token", c.name)
			}
			calls, lines = 0, 0
			code := status(middleware(c.require...), c.request())
			if calls != 1 || lines != refused || (code == 200) != (err == nil) {
				t.Errorf("%s, optional %v: middleware: status %d, %d calls and %d lines; Check said %v", c.name, optional, code, calls, lines, err)
			}
		}
	}
}

type writerFunc func()

func (f writerFunc) Write(p []byte) (int, error) { f(); return len(p), nil }

func TestCheckOptionalPassesWithoutATokenAlone(t *testing.T) {
	guard := refusalCase{verify: postern.ErrNoToken}.guard(postern.Guard{})
	decision, err := guard.CheckOptional(refusalCase{}.request())
	if err != nil || decision.Token != nil {
		t.Errorf("no token: %v, %v; want neither token nor error", decision.Token, err)
	}
	if _, err := guard.CheckOptional(withHeader(bearer...)); err == nil {
		t.Error("a bad token passes, for its verifier calls it none")
	}
	if _, err := guard.Check(refusalCase{}.request()); !errors.Is(err, postern.ErrNoToken) {
		t.Errorf("Check of no token: %v", err)
	}
}

func TestRequestsThatNoServerMakesAreRefusedAndDoNotPanic(t *testing.T) {
	dead, cancel := context.WithCancel(t.Context())
	cancel()
	authorized := http.Header{"Authorization": bearer}
	for _, test := range []struct {
		name string
		r    *http.Request
		want int // 0: passes
	}{
		{"no request", nil, 400},
		{"nothing in it", &http.Request{}, 400},
		{"no URL", &http.Request{Method: "GET", Header: authorized}, 400},
		{"no header map", &http.Request{URL: &url.URL{}}, 401},
		{"no body, method or host", &http.Request{URL: &url.URL{}, Header: authorized}, 0},
		{"an opaque URL", &http.Request{URL: &url.URL{Opaque: "x"}, Header: authorized}, 0},
		{"a context that is over", (&http.Request{URL: &url.URL{}, Header: authorized}).WithContext(dead), 0},
	} {
		for _, raw := range []string{"Bearer raw-token", "DPoP raw-token"} {
			t.Run(test.name+" "+raw, func(t *testing.T) {
				c := refusalCase{}
				if test.r != nil && test.r.Header != nil {
					test.r.Header = http.Header{"Authorization": {raw}}
				}
				if strings.HasPrefix(raw, "DPoP") {
					c.cnf = map[string]string{"jkt": "good"}
				}
				guard := c.guard(postern.Guard{RefuseQueryToken: true, Logger: slog.New(slog.DiscardHandler), OnDecision: func(r *http.Request, _ *postern.Token, _ *postern.Error) {
					if r == nil {
						t.Error("OnDecision gets no request")
					}
				}})
				_, err := guard.Check(test.r)
				var e *postern.Error
				if errors.As(err, &e); test.want == 0 && err != nil || test.want != 0 && (e == nil || e.Status != test.want) {
					t.Errorf("%v, want status %d", err, test.want)
				}
				if _, err := guard.CheckOptional(test.r); (test.r == nil || test.r.URL == nil) && err == nil {
					t.Error("CheckOptional takes a request without URL for one without a token")
				}
			})
		}
	}
}

func TestTheLogNamesThePathWhereThereIsNoPattern(t *testing.T) {
	for _, test := range []struct{ target, want string }{
		{"/orders/7?secret=x", " path=/orders/7 "},
		{"/a%2fb/%C3%A9", " path=/a%2fb/%C3%A9 "},
		{"/a%0aforged=line%20x", " path=/a%0aforged=line%20x "},
		{"/" + strings.Repeat("x", 9000), " path=/" + strings.Repeat("x", 255) + "... "},
		{"/" + strings.Repeat("%0a", 9000), " path=/" + strings.Repeat("%0A", 255) + "... "},
	} {
		var log bytes.Buffer
		guard := refusalCase{}.guard(postern.Guard{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		guard.Check(httptest.NewRequest("GET", test.target, nil))
		if line := strings.ReplaceAll(log.String(), `"`, ""); !strings.Contains(line, test.want) || strings.Contains(line, "secret") || strings.Contains(line, "pattern=") {
			t.Errorf("%.64s: log %s; want %s", test.target, line, test.want)
		}
	}
	var log bytes.Buffer
	guard := refusalCase{}.guard(postern.Guard{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	r := httptest.NewRequest("GET", "/", nil)
	r.URL.Path = "/a\nforged=line" // as a router may leave it
	guard.Check(r)
	if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "/a%0Aforged=line") {
		t.Errorf("a line end in the path: log %s", log.String())
	}
}

func TestOnDecisionIsCalledOnceForEveryRequest(t *testing.T) {
	for _, optional := range []bool{false, true} {
		for _, c := range append(refusalCases, refusalCase{name: "good token", authorization: bearer}) {
			var calls int
			var token *postern.Token
			var refusal *postern.Error
			guard := c.guard(postern.Guard{OnDecision: func(r *http.Request, t *postern.Token, e *postern.Error) {
				calls++
				token, refusal = t, e
			}})
			guarded := guard.Require(c.require...)
			if optional {
				guarded = guard.Optional(c.require...)
			}
			code := status(guarded, c.request())
			if calls != 1 {
				t.Errorf("%s, optional %v: %d calls, want 1", c.name, optional, calls)
			}
			if (refusal == nil) != (code == 200) || token != nil && refusal != nil {
				t.Errorf("%s, optional %v: status %d, token %v, refusal %v", c.name, optional, code, token, refusal)
			}
		}
	}
}

func TestLogLines(t *testing.T) {
	const canary = "CANARY-raw-token"
	for _, test := range []struct {
		name string
		c    refusalCase
		want string
	}{
		{"before verification it names nobody", refusalCase{authorization: []string{"Bearer " + canary}, verify: postern.ErrExpired},
			`level=INFO msg="request refused" status=401 code=invalid_token reason=token-expired decision=ID method=GET pattern="GET /api/private" err="token has expired"`},
		{"an outage is a warning", refusalCase{authorization: []string{"Bearer " + canary}, verify: postern.ErrUnavailable},
			`level=WARN msg="request refused" status=503 code="" reason=unavailable decision=ID method=GET pattern="GET /api/private" err="could not decide"`},
		{"after verification it names the caller", refusalCase{authorization: []string{"Bearer " + canary}, require: []postern.Requirement{postern.Role("editor")}},
			`level=INFO msg="request refused" status=403 code=insufficient_scope reason=rights-insufficient decision=ID method=GET pattern="GET /api/private" err="postern: subject lacks role \"editor\"" iss=https://issuer.test client_id=web sub=alice`},
		{"two headers", refusalCase{authorization: []string{"Bearer " + canary, "Bearer " + canary}},
			`level=INFO msg="request refused" status=400 code=invalid_request reason=malformed-request decision=ID method=GET pattern="GET /api/private" err="postern: 2 Authorization headers, want one: malformed request"`},
		{"a good token is not worth a line", refusalCase{authorization: []string{"Bearer " + canary}}, ``},
	} {
		t.Run(test.name, func(t *testing.T) {
			var log bytes.Buffer
			guard := test.c.guard(postern.Guard{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{
				Level: slog.LevelDebug,
				ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
					switch a.Key {
					case slog.TimeKey:
						return slog.Attr{}
					case "decision":
						return slog.String("decision", "ID")
					}
					return a
				},
			}))})
			mux := http.NewServeMux()
			mux.Handle("GET /api/private", guard.Require(test.c.require...)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
			r := test.c.request()
			r.URL.RawQuery = "secret=" + canary
			mux.ServeHTTP(httptest.NewRecorder(), r)
			if diff := cmp.Diff(test.want, strings.TrimSuffix(log.String(), "\n")); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
			if strings.Contains(log.String(), canary) {
				t.Error("the log holds the raw token")
			}
		})
	}
}

// TestBattery sends through a Guard what the peers let in: each token is signed by the trusted issuer and
// has one thing wrong.
func TestBattery(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	guard := &postern.Guard{Verifier: issuer.Verifier(issuer.Audience)}
	token := func(set posterntest.Claims, options ...posterntest.Option) string {
		return issuer.Token(set, options...)
	}
	plain := posterntest.Type("JWT")
	past := issuer.Clock.Now().Add(-time.Minute).Unix()
	for _, test := range []struct {
		name   string
		raw    string
		want   int
		reason string
	}{
		{"an honest token", token(nil), 200, ""},
		{"an honest token of typ JWT", token(nil, plain), 200, ""},
		{"no exp", token(posterntest.Claims{"exp": nil}), 401, "token-malformed"},
		{"expired", token(posterntest.Claims{"exp": past}), 401, "token-expired"},
		{"an ID token as an access token", token(posterntest.Claims{"nonce": "n", "at_hash": "h"}, plain), 401, "token-malformed"},
		{"typ logout+jwt", token(nil, posterntest.Type("logout+jwt")), 401, "token-malformed"},
		{"bound to a certificate that is not there", token(posterntest.Claims{"cnf": posterntest.Claims{"x5t#S256": "x"}}), 401, "binding-mismatch"},
		{"bound to a key and sent as Bearer", token(posterntest.Claims{"cnf": posterntest.Claims{"jkt": "x"}}), 401, "binding-mismatch"},
		{"cnf that says nothing", token(posterntest.Claims{"cnf": posterntest.Claims{}}), 401, "token-malformed"},
		{"wrong audience", token(posterntest.Claims{"aud": "https://other.test"}), 401, "audience-mismatch"},
		{"wrong issuer", token(posterntest.Claims{"iss": "https://other.test"}), 401, "issuer-mismatch"},
		{"another key", token(nil, posterntest.SignedBy(posterntest.NewKey(t, jwt.ES256, issuer.Key().ID()))), 401, "signature-invalid"},
		{"a new key right after rotation", token(nil, posterntest.SignedBy(issuer.Rotate())), 200, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := guard.Check(withHeader("Bearer " + test.raw))
			var e *postern.Error
			if test.want == 200 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.As(err, &e) || e.Status != test.want || e.Reason != test.reason {
				t.Errorf("%v, want %d %s", err, test.want, test.reason)
			}
			answer := guard.Refusal(err)
			if challenge := answer.Header.Get("WWW-Authenticate"); !strings.Contains(challenge, `error="invalid_token"`) {
				t.Errorf("challenge %q, want invalid_token", challenge)
			}
			if all := fmt.Sprint(answer.Header, string(answer.Body)); strings.Contains(all, "other.test") || strings.Contains(all, test.raw) {
				t.Errorf("the answer tells what does not concern the client: %s", all)
			}
		})
	}
}

func TestContextOfTheRequestLivesOnBehindTheGuard(t *testing.T) {
	type other struct{}
	guard := &postern.Guard{Verifier: postern.VerifierFunc(func(context.Context, string) (*postern.Token, error) {
		return postern.NewToken(postern.TokenData{Subject: "alice"}), nil
	})}
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), other{}, "kept"))
	request := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
	request.Header.Set("Authorization", "Bearer a")
	reached := false
	guard.Require()(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		reached = true
		child, stop := context.WithCancel(r.Context())
		defer stop()
		if token, ok := postern.TokenFrom(child); !ok || token.Subject() != "alice" {
			t.Errorf("token %v, %t", token, ok)
		}
		if child.Value(other{}) != "kept" {
			t.Error("a value of the request's context is gone")
		}
		cancel()
		<-child.Done()
	})).ServeHTTP(httptest.NewRecorder(), request)
	if !reached {
		t.Error("the handler was not reached")
	}
}
