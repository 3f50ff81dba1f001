package clientdocument_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/internal/fetch"
	"github.com/postern-auth/postern/server/internal/clientdocument"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store"
)

const id = "https://example.com/client.json"

// site serves documents to whoever asks for any host.
type site struct {
	*clientdocument.Documents
	calls  atomic.Int32
	dialed atomic.Int32

	mu     sync.Mutex
	clock  time.Time
	answer http.HandlerFunc
}

func newSite(t testing.TB) *site {
	s := &site{clock: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.calls.Add(1)
		s.mu.Lock()
		answer := s.answer
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	s.Documents = clientdocument.New(clientdocument.Config{
		Logger: slog.New(slog.DiscardHandler),
		Now:    s.now,
		Fetch: fetch.NewUntrusted(fetch.Untrusted{
			Roots: roots,
			Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
				if host == "inside.example.com" {
					return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
				}
				return []netip.Addr{netip.MustParseAddr("93.184.215.14")}, nil
			},
			Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
				s.dialed.Add(1)
				return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
			},
		}),
	})
	s.serves("", document(id))
	return s
}

func (s *site) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock
}

func (s *site) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = s.clock.Add(d)
}

// serves has the site answer with a text, and a Cache-Control unless it is empty.
func (s *site) serves(cacheControl, text string) {
	s.does(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		if cacheControl != "" {
			w.Header().Set("Cache-Control", cacheControl)
		}
		fmt.Fprint(w, text)
	})
}

func (s *site) does(f http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = f
}

func document(id string, more ...string) string {
	return `{"client_id":"` + id + `","client_name":"Notes","redirect_uris":["https://example.com/cb","http://127.0.0.1/cb"]` + strings.Join(more, "") + `}`
}

func TestADocumentDescribesAClient(t *testing.T) {
	s := newSite(t)
	s.serves("", document(id, `,"grant_types":["authorization_code","refresh_token"],"post_logout_redirect_uris":["https://example.com/bye"]`))
	got, err := s.Find(t.Context(), id)
	want := clientdocument.Client{Host: "example.com", Application: store.Application{
		ID: clientdocument.ID(id), ClientID: id, Name: "Notes", Type: store.NativeApplication, RedirectURIs: []string{"https://example.com/cb", "http://127.0.0.1/cb"},
		LogoutURIs: []string{"https://example.com/bye"}, AllowedOrigins: []string{"https://example.com", "http://127.0.0.1"},
		Grants: []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken}, IDTokenClaims: store.FullClaims, Active: true,
	}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if a, b := clientdocument.ID(id), clientdocument.ID(id+"x"); a == b || len(a) > 64 {
		t.Errorf("ids %s and %s", a, b)
	}
}

func TestS9_WhatIsNotAURLOfADocumentIsNotCalled(t *testing.T) {
	s := newSite(t)
	for _, id := range []string{
		"https://example.com", "https://example.com/", "https://example.com/c?x=1", "https://example.com/c?", "https://example.com/c#", "https://example.com/c#x",
		"https://a@example.com/c", "https://example.com/../c", "https://example.com/./c", "https://example.com/a/..", "https://EXAMPLE.com/c", "HTTPS://example.com/c",
		"http://example.com/c", "https://example.com:443/c", "https://example.com:0/c", "https:///c", "https:example.com/c", "https://example.com\\c", "https://exämple.com/c",
		"https://example.com/c d", "https://127.1/c", "https://0x7f.1/c", "https://[::ffff:127.0.0.1]/c", "https://*.example.com/c", "com.example:/c", "",
		"https://example.com/" + strings.Repeat("x", 240),
	} {
		_, err := s.Find(t.Context(), id)
		unusable(t, id, err, "")
	}
	// These are URLs, and the policy keeps them from being called.
	for _, id := range []string{"https://127.0.0.1/c", "https://[::1]/c", "https://169.254.169.254/latest", "https://10.0.0.1/c", "https://inside.example.com/c"} {
		_, err := s.Find(t.Context(), id)
		unusable(t, id, err, "cannot be fetched")
	}
	if s.dialed.Load() != 0 {
		t.Errorf("%d connections, want none", s.dialed.Load())
	}
}

func unusable(t *testing.T, name string, err error, says string) {
	t.Helper()
	var u *clientdocument.Unusable
	if !errors.As(err, &u) || !strings.Contains(u.Text, says) {
		t.Errorf("%s: %v, want one that says %q", name, err, says)
		return
	}
	if strings.ContainsFunc(u.Text, func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }) || strings.Contains(u.Text, "10.0.0.1") {
		t.Errorf("%s: the developer is told %q", name, u.Text)
	}
}

func TestADocumentIsRefusedWithTheReason(t *testing.T) {
	text := func(contentType string, status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.Header().Set("Location", "https://example.com/other")
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	json := func(body string) http.HandlerFunc { return text("application/json", 200, body) }
	for _, row := range []struct {
		name   string
		answer http.HandlerFunc
		says   string
	}{
		{"a redirect", text("application/json", 302, document(id)), "status 302, want 200 and no redirect"},
		{"not there", text("application/json", 404, document(id)), "status 404"},
		{"another success", text("application/json", 201, document(id)), "status 201"},
		{"a page", text("text/html", 200, document(id)), "Content-Type"},
		{"no type", text("", 200, document(id)), "Content-Type"},
		{"too long", json(document(id) + strings.Repeat(" ", 5<<10)), "cannot be fetched"},
		{"cut off", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, "cannot be fetched"},
		{"no JSON", json("<html>"), "well-formed JSON"},
		{"no client_id", json(`{"redirect_uris":["https://example.com/cb"]}`), "client_id to be the URL"},
		{"another client_id", json(document("https://example.com/other.json")), "client_id to be the URL"},
		{"a client_id in another spelling", json(document("https://example.com:443/client.json")), "client_id to be the URL"},
		{"a client_id twice", json(document(id, `,"client_id":"x"`)), "unique names"},
		{"no redirect URI", json(`{"client_id":"` + id + `"}`), "redirect_uris"},
		{"a redirect URI elsewhere", json(`{"client_id":"` + id + `","redirect_uris":["https://evil.example/"]}`), "an address of https://example.com"},
		{"a redirect URI at another port", json(`{"client_id":"` + id + `","redirect_uris":["https://example.com:8443/"]}`), "an address of https://example.com"},
		{"K50: a log-out address elsewhere", json(document(id, `,"post_logout_redirect_uris":["https://evil.example/"]`)), "post_logout_redirect_uris"},
		{"K50: a logo elsewhere", json(document(id, `,"logo_uri":"https://cdn.example/l.png"`)), "logo_uri"},
		{"K50: a policy elsewhere", json(document(id, `,"policy_uri":"https://evil.example/"`)), "policy_uri"},
		{"logouts told elsewhere", json(document(id, `,"backchannel_logout_uri":"https://evil.example/"`)), "backchannel_logout_uri"},
		{"a secret", json(document(id, `,"client_secret":"x"`)), "no client_secret"},
		{"the end of a secret", json(document(id, `,"client_secret_expires_at":0`)), "no client_secret_expires_at"},
		{"a method of secrets", json(document(id, `,"token_endpoint_auth_method":"client_secret_post"`)), "none or private_key_jwt"},
		{"keys elsewhere", json(document(id, `,"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://example.com/k"`)), "jwks"},
		{"a name that is none", json(document(id, `,"client_uri":1`)), "client_uri"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSite(t)
			s.does(row.answer)
			_, err := s.Find(t.Context(), id)
			unusable(t, row.name, err, row.says)
			if s.calls.Load() != 1 {
				t.Errorf("%d calls", s.calls.Load())
			}
		})
	}
}

func TestADocumentIsKeptAsItsHeaderSaysWithinBounds(t *testing.T) {
	for _, row := range []struct {
		cacheControl string
		lifetime     time.Duration
	}{
		{"", time.Hour}, {"max-age=7200", 2 * time.Hour}, {"public, Max-Age=7200", 2 * time.Hour}, {`max-age="7200"`, 2 * time.Hour},
		{"max-age=0", 5 * time.Minute}, {"no-store", 5 * time.Minute}, {"max-age=7200, no-cache", 5 * time.Minute},
		{"max-age=99999999999999999999", time.Hour}, {"max-age=-1", time.Hour}, {"max-age=x", time.Hour}, {"max-age=31536000", 24 * time.Hour}, {"immutable", time.Hour},
	} {
		s := newSite(t)
		s.serves(row.cacheControl, document(id))
		for _, step := range []struct {
			pass  time.Duration
			calls int32
		}{{0, 1}, {0, 1}, {row.lifetime - time.Millisecond, 1}, {time.Millisecond, 2}, {-time.Hour, 3}} {
			s.pass(step.pass)
			if _, err := s.Find(t.Context(), id); err != nil || s.calls.Load() != step.calls {
				t.Errorf("%q after %s: %d calls, want %d: %v", row.cacheControl, step.pass, s.calls.Load(), step.calls, err)
			}
		}
	}
}

func TestAStrangerDoesNotHaveThirdPartiesHammered(t *testing.T) {
	s := newSite(t)
	s.does(http.NotFound)
	for range 50 { // what is not there is not asked for again at once
		s.Find(t.Context(), id)
	}
	if got := s.calls.Load(); got != 1 {
		t.Errorf("%d calls for one document, want 1", got)
	}
	s.pass(10 * time.Second)
	s.serves("", document(id))
	if _, err := s.Find(t.Context(), id); err != nil {
		t.Errorf("corrected: %v", err)
	}
	s.calls.Store(0)
	s.pass(time.Minute)
	busy := 0
	for i := range 100 { // one host, many paths and ports
		_, err := s.Find(t.Context(), fmt.Sprintf("https://victim.example.com:%d/%d", 8000+i, i))
		if errors.Is(err, clientdocument.ErrBusy) {
			busy++
		}
	}
	if got := s.dialed.Load(); busy != 90 || got != 10+2 {
		t.Errorf("%d refused, %d connections", busy, got)
	}
	for i := range 500 { // many hosts
		s.Find(t.Context(), fmt.Sprintf("https://h%d.example.com/c", i))
	}
	if got := s.dialed.Load(); got != 120+2 {
		t.Errorf("%d connections within a minute", got)
	}
	if _, err := s.Find(t.Context(), id); err != nil {
		t.Errorf("what is known meanwhile: %v", err)
	}
	s.pass(time.Minute)
	if _, err := s.Find(t.Context(), "https://victim.example.com/new"); errors.Is(err, clientdocument.ErrBusy) {
		t.Error("a minute later it is busy")
	}
}

func TestManyWhoWaitForOneDocumentAreOneCall(t *testing.T) {
	s := newSite(t)
	began, goOn := make(chan struct{}), make(chan struct{})
	s.does(func(w http.ResponseWriter, r *http.Request) {
		close(began)
		<-goOn
		w.Header().Set("Content-Type", "application/client+json")
		fmt.Fprint(w, document(id))
	})
	var all sync.WaitGroup
	var good atomic.Int32
	left, leave := context.WithCancel(t.Context())
	all.Go(func() {
		if _, err := s.Find(left, id); !errors.Is(err, context.Canceled) {
			t.Errorf("who left: %v", err)
		}
	})
	<-began
	for range 20 {
		all.Go(func() {
			if _, err := s.Find(t.Context(), id); err == nil {
				good.Add(1)
			}
		})
	}
	leave() // the first one; the others wait on
	close(goOn)
	all.Wait()
	if good.Load() != 20 || s.calls.Load() != 1 {
		t.Errorf("%d found it by %d calls", good.Load(), s.calls.Load())
	}
}

func FuzzFind(f *testing.F) {
	for _, seed := range []string{id, "https://example.com/", "https://127.0.0.1/x", "https://[::1]/x", "https://a@b/c", "https://example.com/%2e%2e/c"} {
		f.Add(seed, document(seed))
	}
	s := newSite(f)
	f.Fuzz(func(t *testing.T, id, text string) {
		s.pass(time.Minute)
		s.serves("", text)
		client, err := s.Find(t.Context(), id)
		if err != nil {
			if !errors.Is(err, clientdocument.ErrBusy) {
				unusable(t, id, err, "")
			}
			return
		}
		if client.Application.ClientID != id || client.Application.FirstParty || len(id) > clientdocument.MaxURL || !strings.HasPrefix(id, "https://"+client.Host+"/") {
			t.Errorf("%q: %+v", id, client)
		}
	})
}
