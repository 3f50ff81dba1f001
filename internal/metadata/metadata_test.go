package metadata

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/fetch"
)

// server answers by URL; what is not in it is 404.
type server struct {
	mu     sync.Mutex
	bodies map[string]string
	err    error
	gate   chan struct{} // when there is one, answers wait for it
	hang   map[string]bool
	status int // of what is in bodies; zero: 200
	calls  []string
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	hang := s.hang[r.URL.String()]
	s.mu.Unlock()
	if hang {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, r.URL.String())
	if s.err != nil {
		return nil, s.err
	}
	status := cmp.Or(s.status, http.StatusOK)
	body, ok := s.bodies[r.URL.String()]
	if !ok {
		status = http.StatusNotFound
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func (s *server) source(issuer string) *Source {
	return New(issuer, JWKSURI, fetch.New(&http.Client{Transport: s}), false)
}

func document(issuer string) string {
	return fmt.Sprintf(`{"issuer":%q,"jwks_uri":"https://keys.test/k","token_endpoint":"https://issuer.test/t","extra":1}`, issuer)
}

func TestWhereMetadataIsFound(t *testing.T) {
	for _, test := range []struct {
		issuer string
		places []string // in the order in which they are tried; the document is at the last
	}{
		{"https://issuer.test", []string{"https://issuer.test/.well-known/openid-configuration"}},
		{"https://issuer.test/", []string{"https://issuer.test/.well-known/openid-configuration"}},
		{"https://issuer.test/tenant", []string{"https://issuer.test/tenant/.well-known/openid-configuration"}},
		{"https://issuer.test/tenant", []string{"https://issuer.test/tenant/.well-known/openid-configuration", "https://issuer.test/.well-known/oauth-authorization-server/tenant"}},
		{"https://issuer.test/a%2Fb/", []string{"https://issuer.test/a%2Fb/.well-known/openid-configuration", "https://issuer.test/.well-known/oauth-authorization-server/a%2Fb"}},
	} {
		t.Run(test.issuer, func(t *testing.T) {
			s := &server{bodies: map[string]string{test.places[len(test.places)-1]: document(test.issuer)}}
			got, err := s.source(test.issuer).URL(t.Context())
			if err != nil || got != "https://keys.test/k" {
				t.Errorf("%q, %v", got, err)
			}
			if diff := gocmp.Diff(test.places, s.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnAnswerIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const issuer = "https://issuer.test"
		s := &server{bodies: map[string]string{issuer + "/.well-known/openid-configuration": document(issuer)}}
		source := s.source(issuer)
		get := func() (string, error) { return source.URL(t.Context()) }
		for range 59 {
			if _, err := get(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		if len(s.calls) != 1 {
			t.Errorf("%d calls in an hour, want 1", len(s.calls))
		}
		s.err = errors.New("down")
		for range 100 {
			time.Sleep(time.Minute)
			if u, err := get(); err != nil || u == "" {
				t.Fatalf("while the issuer is away: %v", err)
			}
		}
		before := len(s.calls)
		get()
		get()
		if len(s.calls) != before {
			t.Error("a failure was not left alone for a while")
		}
		s.err = nil
		s.bodies[issuer+"/.well-known/openid-configuration"] = strings.Replace(document(issuer), "keys.test", "moved.test", 1)
		time.Sleep(time.Minute)
		if u, err := get(); err != nil || u != "https://moved.test/k" {
			t.Errorf("after the outage: %q, %v", u, err)
		}
	})
}

func TestConcurrentUsesShareACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{err: errors.New("down"), gate: make(chan struct{})}
		source := s.source("https://issuer.test")
		leader, hangUp := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := source.URL(leader); !errors.Is(err, context.Canceled) {
				t.Errorf("who hung up was told %v, want context.Canceled", err)
			}
		})
		synctest.Wait()
		for range 20 {
			group.Go(func() {
				if _, err := source.URL(t.Context()); err == nil || errors.Is(err, context.Canceled) {
					t.Errorf("%v, want that the issuer is down", err)
				}
			})
		}
		synctest.Wait()
		hangUp()
		synctest.Wait()
		close(s.gate)
		group.Wait()
		if n := len(s.calls); n != 2 {
			t.Errorf("%d calls, want one for each of the two places", n)
		}
	})
}

// The places of https://issuer.test, in the order in which they are tried.
const (
	first  = "https://issuer.test/.well-known/openid-configuration"
	second = "https://issuer.test/.well-known/oauth-authorization-server"
)

func TestFindingK5_WhatIsNotThisIssuersDocumentIsNotThere(t *testing.T) {
	const issuer = "https://issuer.test"
	for name, text := range map[string]string{
		"a page":                            "<!doctype html><div id=root></div>",
		"nothing":                           "",
		"an empty object":                   "{}",
		"another issuer's":                  document("https://other.test"),
		"this issuer with a slash":          document(issuer + "/"),
		"no issuer":                         `{"issuer":null,"jwks_uri":"https://keys.test/wrong"}`,
		"two issuers":                       `{"issuer":"https://issuer.test","issuer":"https://issuer.test","jwks_uri":"https://keys.test/wrong"}`,
		"an issuer that is not a text":      `{"issuer":["https://issuer.test"],"jwks_uri":"https://keys.test/wrong"}`,
		"this issuer's without keys":        `{"issuer":"https://issuer.test"}`,
		"this issuer's with keys null":      `{"issuer":"https://issuer.test","jwks_uri":null}`,
		"this issuer's with keys empty":     `{"issuer":"https://issuer.test","jwks_uri":""}`,
		"this issuer's with keys of a list": `{"issuer":"https://issuer.test","jwks_uri":["https://keys.test/wrong"]}`,
		"this issuer's with keys twice":     `{"issuer":"https://issuer.test","jwks_uri":"https://keys.test/wrong","jwks_uri":"https://keys.test/wrong"}`,
		"this issuer's with keys over http": `{"issuer":"https://issuer.test","jwks_uri":"http://issuer.test/k"}`,
		"this issuer's, cut short":          document(issuer)[:40],
	} {
		s := &server{bodies: map[string]string{first: text, second: document(issuer)}}
		if u, err := s.source(issuer).URL(t.Context()); err != nil || u != "https://keys.test/k" {
			t.Errorf("%s in the first place: %q, %v; want what the second has", name, u, err)
		}
		s = &server{bodies: map[string]string{first: text, second: text}}
		u, err := s.source(issuer).URL(t.Context())
		if err == nil || u != "" || !strings.Contains(err.Error(), first) || !strings.Contains(err.Error(), second) || strings.ContainsAny(err.Error(), "\n") {
			t.Errorf("%s in both places: %q, %v; want an error of one line that names both", name, u, err)
		}
	}
}

func TestFindingK5_AMemberThatNobodyUsesMayBeAnything(t *testing.T) {
	for _, member := range []string{
		`"token_endpoint":"http://issuer.test/token"`, `"token_endpoint":"/token"`, `"introspection_endpoint":null`, `"token_endpoint":1`,
		`"token_endpoint":"https://a:b@issuer.test/t#x"`, `"scopes_supported":{"a":1,"a":2}`, `"a":1,"a":2`, `"\ud800":"\ud800"`,
		`"a":` + strings.Repeat("[", 50_000) + strings.Repeat("]", 50_000), "\"a\":\"\xff\"", `"JWKS_URI":"https://evil.test","Issuer":7`,
	} {
		s := &server{bodies: map[string]string{first: `{"issuer":"https://issuer.test",` + member + `,"jwks_uri":"https://keys.test/k"}`}}
		if u, err := s.source("https://issuer.test").URL(t.Context()); err != nil || u != "https://keys.test/k" {
			t.Errorf("%.60s: %q, %v", member, u, err)
		}
	}
}

func TestFindingK5_ARedirectIsSaidAndNotFollowed(t *testing.T) {
	s := &server{bodies: map[string]string{first: "", second: ""}, status: http.StatusFound}
	_, err := s.source("https://issuer.test").URL(t.Context())
	if err == nil || strings.Count(err.Error(), "302, a redirect, which is not followed") != 2 || len(s.calls) != 2 {
		t.Errorf("%d calls, %v", len(s.calls), err)
	}
}

func TestFindingK4_MetadataThatLeadNowhereAreAskedForAgain(t *testing.T) {
	const keys = "https://keys.test/k"
	for name, answer := range map[string]string{"not there": "\x00", "a page": "<html></html>", "no keys": `{"keys":[]}`, "no usable key": `{"keys":[{"kty":"oct"}]}`} {
		synctest.Test(t, func(t *testing.T) {
			s := &server{bodies: map[string]string{first: strings.Replace(document("https://issuer.test"), "/k", "/wrong", 1), keys: keySet}}
			if answer != "\x00" {
				s.bodies["https://keys.test/wrong"] = answer
			}
			source := s.source("https://issuer.test")
			source.Keys(t.Context(), "")
			s.bodies[first] = document("https://issuer.test")
			time.Sleep(time.Second)
			if set, err := source.Keys(t.Context(), ""); err != nil || len(set.Keys) != 1 {
				t.Errorf("%s: %d keys, %v; want those of the place where they are", name, len(set.Keys), err)
			}
			before := len(s.calls)
			time.Sleep(30 * time.Minute)
			if _, err := source.Keys(t.Context(), ""); err != nil || len(s.calls) != before+1 {
				t.Errorf("%s: %d calls, %v; want one, for the keys alone", name, len(s.calls)-before, err)
			}
		})
	}
}

func TestFindingK4_AnOutageDoesNotCostWhatIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{bodies: map[string]string{first: document("https://issuer.test"), "https://keys.test/k": keySet}}
		source := s.source("https://issuer.test")
		if _, err := source.Keys(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		s.err = errors.New("down")
		for range 100 {
			source.Keys(t.Context(), "")
			time.Sleep(5 * time.Second)
		}
		s.err = nil
		delete(s.bodies, first) // the keys are back before the metadata
		if set, err := source.Keys(t.Context(), ""); err != nil || len(set.Keys) != 1 {
			t.Errorf("%d keys, %v", len(set.Keys), err)
		}
	})
}

func TestFindingK6_APlaceThatHangsCostsNotTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{bodies: map[string]string{second: document("https://issuer.test")}, hang: map[string]bool{first: true}}
		start := time.Now()
		if u, err := s.source("https://issuer.test").URL(t.Context()); err != nil || u == "" || time.Since(start) > 2*time.Second {
			t.Errorf("%q, %v after %s; want the second place's answer", u, err, time.Since(start))
		}
	})
}

func TestFindingK6_OneDeadlineForAllPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{hang: map[string]bool{first: true, second: true}}
		start := time.Now()
		_, err := s.source("https://issuer.test").URL(t.Context())
		if err == nil || time.Since(start) != 5*time.Second || !strings.Contains(err.Error(), first) || !strings.Contains(err.Error(), second) {
			t.Errorf("%v after %s; want both places named after 5 s", err, time.Since(start))
		}
	})
}

func TestFindingK6_ARenewalThatHangsLeavesTimeForTheKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{bodies: map[string]string{first: document("https://issuer.test"), "https://keys.test/k": keySet}, hang: map[string]bool{}}
		source := s.source("https://issuer.test")
		if _, err := source.Keys(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		s.hang[first], s.hang[second] = true, true
		s.mu.Unlock()
		time.Sleep(2 * time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if set, err := source.Keys(ctx, ""); err != nil || len(set.Keys) != 1 {
			t.Errorf("%d keys, %v; want them from where they were", len(set.Keys), err)
		}
		time.Sleep(5 * time.Second) // the call under way ends by itself
	})
}

func TestFindingT6_AByteOrderMarkBeforeAnyAnswer(t *testing.T) {
	s := &server{bodies: map[string]string{first: "\ufeff" + document("https://issuer.test"), "https://keys.test/k": "\ufeff" + keySet}}
	if set, err := s.source("https://issuer.test").Keys(t.Context(), ""); err != nil || len(set.Keys) != 1 {
		t.Errorf("%d keys, %v", len(set.Keys), err)
	}
}

// keySet is the key of RFC 8037 §A.2.
const keySet = `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k"}]}`

// FuzzMetadata holds the reading of documents to its promise: one that is accepted is of the issuer that
// was asked for, as the strict reader has it too, and its member is https.
func FuzzMetadata(f *testing.F) {
	const issuer = "https://issuer.test"
	for _, seed := range []string{
		document(issuer), document(issuer + "/"), document("https://ISSUER.test"), `{}`, `[]`, `null`, ``, `{"issuer":1}`,
		`{"issuer":"https://issuer.test"}`, `{"issuer":"https://issuer.test","issuer":"https://evil.test"}`,
		`{"issuer":"https://issuer.test","jwks_uri":"http://issuer.test/k"}`,
		`{"issuer":"https://issuer.test","jwks_uri":"http://localhost/k"}`,
		`{"issuer":"https://issuer.test","jwks_uri":"file:///etc/passwd"}`,
		`{"issuer":"https://issuer.test","jwks_uri":"https://a:b@issuer.test/k"}`,
		`{"issuer":"https://issuer.test","jwks_uri":"https://issuer.test/k#x"}`,
		`{"issuer":"https://issuer.test","jwks_uri":["https://issuer.test/k"]}`,
		`{"issuer":"https://issuer.test","introspection_endpoint":"//issuer.test/i"}`,
	} {
		f.Add(seed)
	}
	source := New(issuer, JWKSURI, fetch.New(nil), false)
	f.Fuzz(func(t *testing.T, text string) {
		u, err := source.parse(text)
		if err != nil {
			if u != "" {
				t.Fatalf("an error and %q: %v", u, err)
			}
			return
		}
		if !strings.HasPrefix(u, "https://") || strings.ContainsAny(u, "#") {
			t.Fatalf("accepted %q", u)
		}
		var object claims.Object
		if object.Parse(text) != nil {
			return // something beside is odd
		}
		for name, want := range map[string]string{"issuer": issuer, "jwks_uri": u} {
			v, _ := object.Lookup(name)
			if got, _ := v.Text(); got != want {
				t.Fatalf("%s is %q, accepted as %q", name, got, want)
			}
		}
	})
}
