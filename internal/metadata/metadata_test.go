package metadata

import (
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

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/internal/fetch"
)

// server answers by URL; what is not in it is 404.
type server struct {
	mu     sync.Mutex
	bodies map[string]string
	err    error
	gate   chan struct{} // when there is one, answers wait for it
	calls  []string
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, r.URL.String())
	if s.err != nil {
		return nil, s.err
	}
	status := http.StatusOK
	body, ok := s.bodies[r.URL.String()]
	if !ok {
		status = http.StatusNotFound
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func (s *server) source(issuer string) *Source {
	return New(issuer, fetch.New(&http.Client{Transport: s}), false)
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
			got, err := s.source(test.issuer).Document(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want := Document{Issuer: test.issuer, JWKSURI: "https://keys.test/k", TokenEndpoint: "https://issuer.test/t"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("document (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.places, s.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

func TestADocumentIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const issuer = "https://issuer.test"
		s := &server{bodies: map[string]string{issuer + "/.well-known/openid-configuration": document(issuer)}}
		source := s.source(issuer)
		get := func() (Document, error) { return source.Document(t.Context()) }
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
			if d, err := get(); err != nil || d.JWKSURI == "" {
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
		if d, err := get(); err != nil || d.JWKSURI != "https://moved.test/k" {
			t.Errorf("after the outage: %v, %v", d, err)
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
			if _, err := source.Document(leader); !errors.Is(err, context.Canceled) {
				t.Errorf("who hung up was told %v, want context.Canceled", err)
			}
		})
		synctest.Wait()
		for range 20 {
			group.Go(func() {
				if _, err := source.Document(t.Context()); err == nil || errors.Is(err, context.Canceled) {
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

// FuzzDocument holds the reading of documents to its promise: one that is accepted is of the issuer that
// was asked for, and every endpoint of it is https.
func FuzzDocument(f *testing.F) {
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
	source := New(issuer, fetch.New(nil), false)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := source.parse("https://issuer.test/place", text)
		if err != nil {
			if d != (Document{}) {
				t.Fatalf("an error and a document: %+v, %v", d, err)
			}
			return
		}
		if d.Issuer != issuer {
			t.Fatalf("accepted issuer %q", d.Issuer)
		}
		for _, endpoint := range []string{d.JWKSURI, d.TokenEndpoint, d.IntrospectionEndpoint, d.RevocationEndpoint} {
			if endpoint != "" && (!strings.HasPrefix(endpoint, "https://") || strings.ContainsAny(endpoint, "#")) {
				t.Fatalf("accepted endpoint %q", endpoint)
			}
		}
	})
}
