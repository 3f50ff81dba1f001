package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/cmd/postern/internal/metrics"
)

func TestWhatOperatorsAsk(t *testing.T) {
	up := func(context.Context) error { return nil }
	down := func(context.Context) error { return errors.New("sqlite: disk I/O error") }
	for _, row := range []struct {
		name, ask string
		store     func(context.Context) error
		stopping  bool
		status    int
		body      string
	}{
		{"alive", "GET /livez", up, false, 200, "alive\n"},
		{"alive without a store", "GET /livez", down, true, 200, "alive\n"},
		{"ready", "GET /readyz", up, false, 200, "ready\n"},
		{"each check", "GET /readyz?verbose", up, false, 200, "[+]serving ok\n[+]store ok\nready\n"},
		{"without a store", "GET /readyz", down, false, 503, "[+]serving ok\n[-]store failed: sqlite: disk I/O error\nnot ready\n"},
		{"stopping", "GET /readyz", up, true, 503, "[-]serving failed: the server is stopping\n[+]store ok\nnot ready\n"},
		{"another path", "GET /", up, false, 404, "404 page not found\n"},
		{"a path below", "GET /readyz/store", up, false, 404, "404 page not found\n"},
		{"another method", "POST /readyz", up, false, 405, "Method Not Allowed\n"},
		{"another method of metrics", "DELETE /metrics", up, false, 405, "Method Not Allowed\n"},
		{"profiles that nobody asked for", "GET /debug/pprof/", up, false, 404, "404 page not found\n"},
		{"one of them", "GET /debug/pprof/heap", up, false, 404, "404 page not found\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := &health{store: row.store}
			h.stopping.Store(row.stopping)
			method, target, _ := strings.Cut(row.ask, " ")
			w := httptest.NewRecorder()
			(&admin{metrics: metrics.New()}).handler(h).ServeHTTP(w, httptest.NewRequest(method, target, nil))
			if diff := cmp.Diff(row.body, w.Body.String()); w.Code != row.status || diff != "" {
				t.Errorf("answered %d, want %d (-want +got):\n%s", w.Code, row.status, diff)
			}
		})
	}
}

func TestProfilesAreServedToWhoeverAskedForThem(t *testing.T) {
	handler := (&admin{metrics: metrics.New(), pprof: true}).handler(&health{})
	for path, want := range map[string]string{"/debug/pprof/": "goroutine", "/debug/pprof/goroutine?debug=1": "goroutine profile: total"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: answered %d %.200s", path, w.Code, w.Body)
		}
	}
}

// serving is a "postern serve" in this process.
type serving struct {
	t     *testing.T
	url   string
	dir   string
	lines chan string // of its standard error
	stop  context.CancelFunc
	ended chan error
	seen  strings.Builder
}

// Write is standard error's.
func (s *serving) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		s.lines <- line
	}
	return len(p), nil
}

// await returns what the expression's group matches in a line to come.
func (s *serving) await(expression string) string {
	s.t.Helper()
	for {
		select {
		case line := <-s.lines:
			s.seen.WriteString(line)
			if found := regexp.MustCompile(expression).FindStringSubmatch(line); found != nil {
				return found[len(found)-1]
			}
		case err := <-s.ended:
			s.t.Fatalf("ended with %v before %s; said\n%s", err, expression, &s.seen)
		}
	}
}

// runServe runs a server with the service user robot, and stops it at the end of the test.
func runServe(t *testing.T, f serveFlags) *serving {
	t.Helper()
	s := &serving{t: t, dir: t.TempDir(), lines: make(chan string, 100_000), ended: make(chan error, 1)}
	f.store.folder, f.listen = filepath.Join(s.dir, "data"), freeAddress(t)
	scheme := "http://"
	if f.tlsCert != "" {
		scheme = "https://"
	}
	s.url = scheme + f.listen
	f.issuers = []string{s.url}
	document := filepath.Join(s.dir, "setup.yaml")
	if err := os.WriteFile(document, []byte(killDocument), 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	if err := apply(t.Context(), &env{stdout: &said, stderr: &said}, applyFlags{store: f.store, file: document}); err != nil {
		t.Fatalf("apply: %v\n%s", err, &said)
	}
	ctx, stop := context.WithCancel(t.Context())
	s.stop = stop
	go func() { s.ended <- serve(ctx, &env{stdout: io.Discard, stderr: s, lookup: os.LookupEnv}, f) }()
	t.Cleanup(func() {
		stop()
		if err := <-s.ended; err != nil {
			t.Errorf("serve ended with %v", err)
		}
	})
	return s
}

func (s *serving) secret(name string) string {
	text, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// token asks for a token as robot, with the secret.
func (s *serving) token(client *http.Client, secret string) (int, string) {
	s.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"openid urn:zitadel:iam:org:project:id:" + s.secret("project-id") + ":aud"}}
	request, err := http.NewRequestWithContext(s.t.Context(), "POST", s.url+"/oauth/v2/token", strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth("robot", secret)
	return answerTo(s.t, client, request)
}

func answerTo(t *testing.T, client *http.Client, request *http.Request) (int, string) {
	t.Helper()
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestAServerTellsOperatorsWhatItDoes(t *testing.T) {
	s := runServe(t, serveFlags{admin: adminFlags{address: "127.0.0.1:0"}})
	operators := "http://" + s.await(`msg="serving operators" address=(\S+)`)
	s.await("listening on")
	if status, body := s.token(http.DefaultClient, s.secret("robot-secret")); status != 200 {
		t.Fatalf("token: %d %s", status, body)
	}
	if status, body := s.token(http.DefaultClient, "wrong"); status != 401 {
		t.Fatalf("wrong secret: %d %s", status, body)
	}
	if status, _ := get(t, s.url+"/marked?code=marked", ""); status != 404 {
		t.Fatalf("got %d", status)
	}
	if status, body := get(t, operators+"/readyz?verbose", ""); status != 200 || body != "[+]serving ok\n[+]store ok\nready\n" {
		t.Errorf("readyz: %d %s", status, body)
	}
	_, body := get(t, operators+"/metrics", "")
	for _, want := range []string{
		`postern_http_request_duration_seconds_count{method="POST",route="/oauth/v2/token",status="2xx"} 1`,
		`postern_http_request_duration_seconds_count{method="POST",route="/oauth/v2/token",status="4xx"} 1`,
		`postern_http_request_duration_seconds_count{method="GET",route="none",status="4xx"} 1`,
		`postern_tokens_issued_total{form="opaque",grant="client_credentials"} 1`,
		`postern_refusals_total{endpoint="token",reason="invalid_client"} 1`,
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
	if strings.Contains(body, "marked") {
		t.Error("a metric quotes a client")
	}
	for _, path := range []string{"/metrics", "/livez", "/readyz", "/debug/pprof/"} {
		if status, _ := get(t, s.url+path, ""); status != 404 {
			t.Errorf("%s is served to everybody: %d", path, status)
		}
	}
}

func TestNobodyIsToldWithoutAListenerForOperators(t *testing.T) {
	a, err := (&adminFlags{}).listen()
	if err != nil {
		t.Fatal(err)
	}
	if a != nil {
		t.Fatal(fmt.Sprint("listens on ", a.Addr()))
	}
}
