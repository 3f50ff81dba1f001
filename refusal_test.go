package postern_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern"
)

var update = flag.Bool("update", false, "write the golden files anew")

// refusalCase is a request and what is wrong with it.
type refusalCase struct {
	name          string
	authorization []string
	verify        error             // what the Verifier says
	cnf           map[string]string // of a token that it accepts
	require       []postern.Requirement
}

var bearer = []string{"Bearer raw-token"}

// failing is a Requirement that answers with an error.
func failing(err error) postern.Requirement {
	return postern.RequirementFunc(func(context.Context, *postern.Token) error { return err })
}

// refusalCases has a case at least for every row of the table in design: each reason, and the errors that
// are not reasons.
var refusalCases = []refusalCase{
	{name: "no token"},
	{name: "another scheme", authorization: []string{"Basic dTpw"}},
	{name: "two Authorization headers", authorization: []string{"Bearer a", "Bearer b"}},
	{name: "a malformed header", authorization: []string{"Bearer a, Bearer b"}},
	{name: "malformed token", authorization: bearer, verify: postern.ErrMalformed},
	{name: "bad signature", authorization: bearer, verify: postern.ErrSignature},
	{name: "algorithm", authorization: bearer, verify: fmt.Errorf("%w: %w", postern.ErrAlgorithm, postern.ErrSignature)},
	{name: "unknown key", authorization: bearer, verify: fmt.Errorf("%w: %w", postern.ErrUnknownKey, postern.ErrSignature)},
	{name: "expired token", authorization: bearer, verify: postern.ErrExpired},
	{name: "token of the future", authorization: bearer, verify: postern.ErrNotYetValid},
	{name: "foreign issuer", authorization: bearer, verify: errors.Join(postern.ErrNotMine, postern.ErrIssuer)},
	{name: "foreign audience", authorization: bearer, verify: postern.ErrAudience},
	{name: "inactive token", authorization: bearer, verify: postern.ErrInactive},
	{name: "token that nobody claims", authorization: bearer, verify: postern.ErrNotMine},
	{name: "issuer unreachable", authorization: bearer, verify: postern.Unavailable(errors.New("dial tcp 10.0.0.1:443: refused"), 1500*time.Millisecond)},
	{name: "an outage hides every other reason", authorization: bearer, verify: errors.Join(postern.ErrExpired, postern.ErrUnavailable)},
	{name: "an error of the verifier that is not a reason", authorization: bearer, verify: errors.New("database is gone")},
	{name: "scheme DPoP with a bearer token", authorization: []string{"DPoP raw-token"}},
	{name: "scheme Bearer with a DPoP token", authorization: bearer, cnf: map[string]string{"jkt": "x"}},
	{name: "token bound in a way that nobody proves", authorization: bearer, cnf: map[string]string{"x5t#S512": "x"}},
	{name: "bad DPoP proof", authorization: []string{"DPoP raw-token"}, cnf: map[string]string{"jkt": "proof"}},
	{name: "nonce wanted", authorization: []string{"DPoP raw-token"}, cnf: map[string]string{"jkt": "nonce"}},
	{name: "another certificate", authorization: bearer, cnf: map[string]string{"x5t#S256": "other"}},
	{name: "replay store unreachable", authorization: []string{"DPoP raw-token"}, cnf: map[string]string{"jkt": "outage"}},
	{name: "an error of the binding that is not a reason", authorization: []string{"DPoP raw-token"}, cnf: map[string]string{"jkt": "bug"}},
	{name: "login too old", authorization: bearer, require: []postern.Requirement{postern.FreshLogin(90*time.Second, "urn:mfa", "urn:phr")}},
	{name: "login too weak", authorization: bearer, require: []postern.Requirement{postern.FreshLogin(0, `say "mfa"`)}},
	{name: "scopes missing", authorization: bearer, require: []postern.Requirement{postern.Scope("write", "admin"), postern.Scope("write", "delete")}},
	{name: "role missing", authorization: bearer, require: []postern.Requirement{postern.Role("editor")}},
	{name: "an error of the requirement that is not a reason", authorization: bearer, require: []postern.Requirement{failing(errors.New("not on Sundays"))}},
	{name: "token that is bound to nobody", authorization: bearer, require: []postern.Requirement{postern.Scope("write"), postern.SenderConstrained()}},
	{name: "no token where scopes are required", require: []postern.Requirement{postern.All(postern.Scope("write"), postern.AnyScope("read", "all"), postern.Role("editor"))}},
	{name: "a token alone", authorization: []string{"a.b.c"}},
	{name: "requirement that cannot decide", authorization: bearer, require: []postern.Requirement{failing(postern.ErrUnavailable)}},
	{name: "requirement that knows of a revocation", authorization: bearer, require: []postern.Requirement{failing(postern.ErrInactive)}},
}

// fakeBinding proves what the confirmation's value says it should.
type fakeBinding struct{ member, challenge string }

func (b fakeBinding) Member() string { return b.member }

func (b fakeBinding) Check(_ context.Context, p postern.Presentation, token *postern.Token) error {
	value := maps.Collect(token.Confirmation())[b.member]
	switch value {
	case "proof":
		return fmt.Errorf("fake: %w", postern.ErrProof)
	case "nonce":
		p.Answer.Set("DPoP-Nonce", "fresh")
		return fmt.Errorf("fake: %w", postern.ErrNonce)
	case "outage":
		return postern.Unavailable(errors.New("redis"), 0)
	case "bug":
		return errors.New("fake: bug")
	case "other":
		return fmt.Errorf("fake: certificate: %w", postern.ErrBinding)
	}
	p.Answer.Set("DPoP-Nonce", "next")
	return nil
}

// challengingBinding is a fakeBinding with a scheme of its own.
type challengingBinding struct{ fakeBinding }

func (b challengingBinding) Challenge() string { return b.challenge }

var fakeBindings = []postern.Binding{fakeBinding{member: "jkt"}, fakeBinding{member: "x5t#S256"}}

// guard returns g with a Verifier for the case.
func (c refusalCase) guard(g postern.Guard) *postern.Guard {
	g.Verifier = postern.VerifierFunc(func(_ context.Context, raw string) (*postern.Token, error) {
		if c.verify != nil {
			return nil, c.verify
		}
		return postern.NewToken(postern.TokenData{Issuer: "https://issuer.test", Subject: "alice", ClientID: "web", Confirmation: c.cnf}), nil
	})
	if g.Bindings == nil {
		g.Bindings = fakeBindings
	}
	return &g
}

func (c refusalCase) request() *http.Request {
	r := httptest.NewRequest("GET", "/api/private", nil)
	r.Header["Authorization"] = c.authorization
	if c.authorization == nil {
		r.Header.Del("Authorization")
	}
	return r
}

// text writes an answer down, with the random id replaced.
func text(status int, header http.Header, body string) string {
	id := header.Get("Postern-Decision")
	var b strings.Builder
	fmt.Fprintln(&b, status)
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	fmt.Fprintf(&b, "\n%s", body)
	if id == "" {
		return b.String()
	}
	return strings.ReplaceAll(b.String(), id, "ID")
}

func TestRefusalsToTheByte(t *testing.T) {
	for _, variant := range []struct {
		file  string
		guard postern.Guard
	}{
		{"default", postern.Guard{}},
		{"resource", postern.Guard{Resource: "https://api.test/v1"}},
		{"explain", postern.Guard{InsecureExplain: true}},
		{"challenger", postern.Guard{Bindings: []postern.Binding{
			challengingBinding{fakeBinding{"jkt", `DPoP algs="ES256 EdDSA"`}}, fakeBinding{member: "x5t#S256"},
		}}},
		{"responder", postern.Guard{Responder: func(w http.ResponseWriter, r *http.Request, e *postern.Error) {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(e.Status)
			fmt.Fprintf(w, "%s %s %s\n", r.URL.Path, e.Code, e.Reason)
		}}},
	} {
		t.Run(variant.file, func(t *testing.T) {
			var b strings.Builder
			for _, c := range refusalCases {
				w := httptest.NewRecorder()
				handler := c.guard(variant.guard).Require(c.require...)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
					t.Errorf("%s: the request passed", c.name)
				}))
				handler.ServeHTTP(w, c.request())
				fmt.Fprintf(&b, "== %s\n%s\n", c.name, text(w.Code, w.Header(), w.Body.String()))
			}
			golden(t, variant.file, b.String())
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "refusals", name+".golden")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestRefusalEqualsRefuse(t *testing.T) {
	for _, g := range []postern.Guard{{}, {Resource: "https://api.test"}, {InsecureExplain: true}} {
		for _, c := range refusalCases {
			guard := c.guard(g)
			_, err := guard.Check(c.request(), c.require...)
			if err == nil {
				t.Fatalf("%s: the request passed", c.name)
			}
			refusal := guard.Refusal(err)
			w := httptest.NewRecorder()
			guard.Refuse(w, c.request(), err)
			want, got := text(w.Code, w.Header(), w.Body.String()), text(refusal.Status, refusal.Header, string(refusal.Body))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-Refuse +Refusal):\n%s", c.name, diff)
			}
		}
	}
}

func TestEveryReasonHasACase(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range refusalCases {
		_, err := c.guard(postern.Guard{}).Check(c.request(), c.require...)
		var e *postern.Error
		if !errors.As(err, &e) {
			t.Fatalf("%s: %v is no *Error", c.name, err)
		}
		if e.Err == nil || e.ID == "" || e.Description == "" {
			t.Errorf("%s: %+v has no cause, id or description", c.name, e)
		}
		seen[e.Reason] = true
	}
	for _, reason := range postern.Reasons() {
		if !seen[reason] {
			t.Errorf("no case for the reason %s", reason)
		}
	}
}

func TestRefusalOfWhatIsNoRefusal(t *testing.T) {
	guard := refusalCase{}.guard(postern.Guard{})
	for name, err := range map[string]error{"nil": nil, "an error of the caller's own": errors.New("boom"), "a context's": context.Canceled} {
		if got := guard.Refusal(err); got.Status != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
			t.Errorf("%s: status %d, Retry-After %q; want 503 with one", name, got.Status, got.Header.Get("Retry-After"))
		}
	}
}

func TestUnavailableKeepsItsCause(t *testing.T) {
	cause := errors.New("refused")
	err := fmt.Errorf("outer: %w", postern.Unavailable(cause, time.Second))
	if !errors.Is(err, cause) || !errors.Is(err, postern.ErrUnavailable) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("%v wraps cause %v and ErrUnavailable %v", err, errors.Is(err, cause), errors.Is(err, postern.ErrUnavailable))
	}
}

func TestRetryAfterIsWholeSecondsAndAtLeastOne(t *testing.T) {
	guard := refusalCase{}.guard(postern.Guard{})
	for wait, want := range map[time.Duration]string{-time.Second: "1", 0: "1", time.Millisecond: "1", time.Second: "1", 1001 * time.Millisecond: "2", time.Minute: "60"} {
		got := guard.Refusal(postern.Unavailable(errors.New("x"), wait)).Header.Get("Retry-After")
		if got != want {
			t.Errorf("wait of %s: Retry-After %q, want %q", wait, got, want)
		}
	}
}
