package endpoint

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server/internal/oauth"
)

var silent = slog.New(slog.DiscardHandler)

// says is an endpoint that answers with a word.
func says(word string) *Document {
	return &Document{Name: word, Answer: func(context.Context, *Request) (any, error) { return word, nil }}
}

func missing(*http.Request) error {
	return &oauth.Error{Status: http.StatusNotFound, Code: oauth.InvalidRequest, Text: "nothing there"}
}

func ask(h http.Handler, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, a *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestAPathCountsAsItWasSent(t *testing.T) {
	m := NewMux("https://login.example.com", missing)
	m.Mount(Route{Endpoint: oauth.At("/a/b"), Methods: "GET", Handler: says("b")})
	m.Mount(Route{Endpoint: oauth.At("/a/{name}"), Methods: "GET POST", Handler: says("name")})
	m.Mount(Route{Endpoint: oauth.At("/tree/"), Methods: "GET", Handler: says("tree")})
	m.Mount(Route{Endpoint: oauth.At("/exact/{$}"), Methods: "GET", Handler: says("exact")})
	for _, row := range []struct{ name, method, path, body, allow string }{
		{"what is written out goes before a parameter", "GET", "/a/b", "\"b\"\n", ""},
		{"a parameter", "GET", "/a/c", "\"name\"\n", ""},
		{"HEAD is GET", "HEAD", "/a/c", "\"name\"\n", ""},
		{"a method of the parameter alone", "POST", "/a/b", "\"name\"\n", ""},
		{"below a tree", "GET", "/tree/x/y", "\"tree\"\n", ""},
		{"a tree without its slash", "GET", "/tree", "", ""},
		{"a slash that is part of the path", "GET", "/exact/", "\"exact\"\n", ""},
		{"that path without its slash", "GET", "/exact", "", ""},
		{"a slash behind", "GET", "/a/b/", "", ""},
		{"an escape", "GET", "/a/%62", "", ""},
		{"an escaped slash", "GET", "/a%2Fb", "", ""},
		{"a letter that is escaped on the way", "GET", "/a/é", "", ""},
		{"two slashes", "GET", "/a//b", "", ""},
		{"two slashes in front", "GET", "//a/b", "", ""},
		{"a dot", "GET", "/a/./b", "", ""},
		{"two dots", "GET", "/a/../a/b", "", ""},
		{"dots at the end", "GET", "/a/b/..", "", ""},
		{"another method", "DELETE", "/a/b", "", "GET, HEAD, POST"},
		{"another method of a tree", "PUT", "/tree/x", "", "GET, HEAD"},
		{"a method in lower case", "get", "/tree/x", "", "GET, HEAD"},
		{"CONNECT with dots", "CONNECT", "/a/../a/b", "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := httptest.NewRequest(row.method, "https://login.example.com/", nil)
			u, err := url.Parse("https://login.example.com" + row.path)
			if err != nil {
				t.Fatal(err)
			}
			r.URL = u
			a := ask(m, r)
			want := http.StatusOK
			if row.allow != "" {
				want = http.StatusMethodNotAllowed
			} else if row.body == "" {
				want = http.StatusNotFound
			}
			if a.StatusCode != want || a.Header.Get("Allow") != row.allow || a.Header.Get("Location") != "" ||
				a.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%d %v, want %d with Allow %q in JSON", a.StatusCode, a.Header, want, row.allow)
			}
			if got := text(t, a); row.body != "" && got != row.body {
				t.Errorf("got %q, want %q", got, row.body)
			}
		})
	}
}

func TestMountingAtOnePathTwicePanics(t *testing.T) {
	m := NewMux("https://login.example.com", missing)
	m.Mount(Route{Endpoint: oauth.TokenEndpoint, Methods: "POST", Handler: says("one")})
	defer func() {
		if recover() == nil {
			t.Error("mounted twice")
		}
	}()
	m.Mount(Route{Endpoint: oauth.At(oauth.TokenEndpoint.Auth0), Methods: "POST", Handler: says("two")})
}

func TestADocumentIsKeptAsLongAsItSays(t *testing.T) {
	d := says("word")
	for age, want := range map[time.Duration]string{0: "no-store", time.Minute: "public, max-age=60"} {
		d.MaxAge = age
		w := httptest.NewRecorder()
		d.Serve(w, httptest.NewRequest("GET", "/", nil), "https://login.example.com")
		if got := w.Header().Get("Cache-Control"); got != want {
			t.Errorf("%s: Cache-Control is %q, want %q", age, got, want)
		}
	}
	d.Answer = func(context.Context, *Request) (any, error) { return nil, errors.New("the disk is gone") }
	w := httptest.NewRecorder()
	d.Serve(w, httptest.NewRequest("GET", "/", nil), "https://login.example.com")
	if w.Code != 503 || w.Header().Get("Cache-Control") != "no-store" || strings.Contains(w.Body.String(), "disk") {
		t.Errorf("an outage is %d %v %s, want 503 that nobody keeps", w.Code, w.Header(), w.Body)
	}
}

func TestAPageShowsErrorsInItsOwnWayAndLogsThem(t *testing.T) {
	var log strings.Builder
	p := &Page{Name: "test", Logger: slog.New(slog.NewTextHandler(&log, nil))}
	p.Answer = func(http.ResponseWriter, *Request) error { return errors.New("the disk is gone") }
	w := httptest.NewRecorder()
	p.Serve(w, httptest.NewRequest("GET", "/?x=marked", nil), "https://i")
	if w.Code != 503 || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "disk") {
		t.Errorf("by default: %d %v %s, want a page", w.Code, w.Header(), w.Body)
	}
	p.Show = func(w http.ResponseWriter, r *Request, err error) {
		w.WriteHeader(oauth.AsError(err).Status + 418)
		io.WriteString(w, string(r.Issuer))
	}
	w = httptest.NewRecorder()
	p.Serve(w, httptest.NewRequest("GET", "/?x=marked", nil), "https://i")
	if w.Code != 418 || w.Body.String() != "https://i" {
		t.Errorf("in its own way: %d %s", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	p.Refuse(w, httptest.NewRequest("PUT", "/", nil), "https://i", errors.New("a method"))
	if w.Code != 418 {
		t.Errorf("a method: %d", w.Code)
	}
	if strings.Count(log.String(), "level=WARN") != 2 || strings.Count(log.String(), "the disk is gone") != 2 || strings.Contains(log.String(), "marked") {
		t.Errorf("the log has not one line each, without what the client sent:\n%s", &log)
	}
}

func TestAPageTakesVerbatimWhatItAsksForSo(t *testing.T) {
	var got url.Values
	p := &Page{Name: "test", Verbatim: true, FromElsewhere: true, Logger: silent, Answer: func(_ http.ResponseWriter, r *Request) error {
		got = r.Values
		return nil
	}}
	want := url.Values{"a": {"1", "1", ""}, "b": {"\xff"}}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		r := httptest.NewRequest(method, "/?"+want.Encode(), nil)
		if method == http.MethodPost {
			r = httptest.NewRequest(method, "/", strings.NewReader(want.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}
		got = nil
		p.Serve(httptest.NewRecorder(), r, "https://i")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: values (-want +got):\n%s", method, diff)
		}
	}
	for name, query := range map[string]string{"a secret": "token=x", "what is malformed": "%zz", "17 KB": strings.Repeat("x", 17<<10)} {
		w := httptest.NewRecorder()
		got = nil
		p.Serve(w, httptest.NewRequest(http.MethodGet, "/?"+query, nil), "https://i")
		if w.Code < 400 || got != nil {
			t.Errorf("%s: %d %v", name, w.Code, got)
		}
	}
}

func TestPagesReadAFormWithinItsBounds(t *testing.T) {
	var asked oauth.Params
	p := &Page{Name: "page", Params: []string{"a"}, Logger: silent, Answer: func(w http.ResponseWriter, r *Request) error {
		asked = r.Params
		w.WriteHeader(http.StatusSeeOther)
		return nil
	}}
	for _, kind := range []Handler{p} {
		for _, row := range []struct {
			name, query, mediaType, body string
			status                       int
		}{
			{"a form", "", "application/x-www-form-urlencoded", "a=1&b=2", 303},
			{"a form, and a query that nobody reads", "?a=2", "application/x-www-form-urlencoded", "a=1", 303},
			{"a form behind a secret in the URL", "?password=x", "application/x-www-form-urlencoded", "a=1", 400},
			{"JSON", "", "application/json", `{"a":"1"}`, 415},
			{"a form of 20 KB", "", "application/x-www-form-urlencoded", "a=" + strings.Repeat("a", 20<<10), 413},
			{"a parameter twice", "", "application/x-www-form-urlencoded", "a=1&a=1", 400},
		} {
			r := httptest.NewRequest("POST", "/"+row.query, strings.NewReader(row.body))
			r.Header.Set("Content-Type", row.mediaType)
			w := httptest.NewRecorder()
			kind.Serve(w, r, "https://i")
			if w.Code != row.status {
				t.Errorf("%T: %s: %d %s, want %d", kind, row.name, w.Code, w.Body, row.status)
			}
			if row.status != 303 {
				continue
			}
			if diff := cmp.Diff(oauth.Params{"a": {"1"}}, asked); diff != "" {
				t.Errorf("%T: %s: parameters (-want +got):\n%s", kind, row.name, diff)
			}
		}
	}
	if received.held != 0 || received.unread.Len() != 0 {
		t.Errorf("%d bytes of %d bodies are left", received.held, received.unread.Len())
	}
}

// FuzzQuery holds for every query: either a refusal, or known names alone, and no value of what must not be in a
// URL.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"scope=a&x=b", "token=x", "resource=a&resource=b", "%zz", "a;b", "TOKEN=x", "scope=%ff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		params, err := fromQuery(raw, known)
		if err != nil {
			if s := status(oauth.AsError(err)); s != http.StatusBadRequest && s != http.StatusRequestURITooLong {
				t.Errorf("status %d", s)
			}
			return
		}
		query, _ := url.ParseQuery(raw)
		for _, name := range oauth.Sensitive {
			if query.Has(name) || params.Has(name) {
				t.Errorf("%s is let in", name)
			}
		}
		for name, values := range params {
			if !cmp.Equal(values, nonEmpty(query[name])) {
				t.Errorf("%s is %q, the query has %q", name, values, query[name])
			}
		}
	})
}

func nonEmpty(values []string) (list []string) {
	for _, v := range values {
		if v != "" {
			list = append(list, v)
		}
	}
	return list
}
