package server

import (
	"context"
	"html/template"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store/sqlite"
)

// toys are an endpoint that sends browsers on, and the page that it sends them to. All that they need of the
// server is to be mounted.
func toys() []endpoint.Route {
	box := oauth.Endpoint{Member: "toy_endpoint", ZITADEL: "/toys/v2/box", Auth0: "/box"}
	toy := oauth.At("/toys/{name}")
	logger := slog.New(slog.DiscardHandler)
	return []endpoint.Route{
		{Endpoint: box, Methods: "GET POST", Metadata: map[string]any{"toys_supported": []string{"bear"}},
			Handler: &endpoint.Page{Name: "box", Params: []string{"toy"}, FromElsewhere: true, Logger: logger, Answer: openBox}},
		{Endpoint: toy, Methods: "GET POST", Handler: &endpoint.Page{Name: "toy", Params: []string{"size"}, Logger: logger, Answer: showToy}},
	}
}

func openBox(w http.ResponseWriter, r *endpoint.Request) error {
	if !r.Params.Has("toy") {
		return oauth.Refuse(oauth.InvalidRequest, "the parameter toy is missing", nil)
	}
	w.Header().Set("Location", "/toys/"+r.Params.Value("toy"))
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

var toyPage = template.Must(template.New("toy").Parse("<!doctype html><title>{{.Name}}</title><p>{{.Size}}\n"))

func showToy(w http.ResponseWriter, r *endpoint.Request) error {
	if r.PathValue("name") != "bear" {
		return &oauth.Error{Status: http.StatusNotFound, Code: oauth.InvalidRequest, Text: "there is no such <toy>"}
	}
	return toyPage.Execute(w, map[string]string{"Name": r.PathValue("name"), "Size": r.Params.Value("size")})
}

// toyServer is a server with toys, with and without a slash behind its issuer.
func toyServer(t *testing.T) *Server {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "postern.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	toy, err := New(context.Background(), Config{Store: s, Issuers: []string{"https://zitadel.example.com", "https://auth0.example.com/"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { toy.Close() })
	toy.mount(toys()...)
	return toy
}

func (s *Server) ask(r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

func TestAnEndpointIsMountedByOneLine(t *testing.T) {
	s := toyServer(t)
	form := func(target, body string) *http.Request {
		r := httptest.NewRequest("POST", target, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return r
	}
	get := func(target string) *http.Request { return httptest.NewRequest("GET", target, nil) }
	foreign := form("https://auth0.example.com/toys/bear", "size=3")
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	elsewhere := form("https://auth0.example.com/box", "toy=bear")
	elsewhere.Header.Set("Sec-Fetch-Site", "cross-site")
	for name, row := range map[string]struct {
		r              *http.Request
		status         int
		location, body string
	}{
		"a query sends the browser on":              {get("https://zitadel.example.com/toys/v2/box?toy=bear"), 303, "/toys/bear", ""},
		"the other dialect's path does, too":        {get("https://zitadel.example.com/box?toy=bear"), 303, "/toys/bear", ""},
		"a form of another site, where it may come": {elsewhere, 303, "/toys/bear", ""},
		"an error is a page":                        {get("https://auth0.example.com/box"), 400, "", "<p>the parameter toy is missing\n"},
		"a secret in the URL is a page":             {get("https://auth0.example.com/box?toy=bear&client_secret=x"), 400, "", "client_secret must not be in the URL"},
		"a parameter that comes twice is a page":    {get("https://auth0.example.com/box?toy=bear&toy=car"), 400, "", "is there more than once"},
		"a query of 20 KB is a page":                {get("https://auth0.example.com/box?toy=" + strings.Repeat("a", 20<<10)), 414, "", "longer than 16384 bytes"},
		"a path has parameters":                     {get("https://auth0.example.com/toys/bear?size=%3Cb%3E"), 200, "", "<title>bear</title><p>&lt;b&gt;\n"},
		"a page takes its form":                     {form("https://auth0.example.com/toys/bear", "size=3"), 200, "", "<p>3\n"},
		"a page takes no form of another origin":    {foreign, 403, "", "go back and try again"},
		"a page's own error is a page":              {get("https://auth0.example.com/toys/car"), 404, "", "<p>there is no such &lt;toy&gt;\n"},
		"a page refuses a method by a page":         {httptest.NewRequest("DELETE", "https://auth0.example.com/toys/bear", nil), 405, "", "use GET or HEAD or POST"},
		"an escape in a path's parameter is not it": {get("https://auth0.example.com/toys/b%65ar"), 404, "", `{"error":"invalid_request"`},
		"a path with dots is not redirected":        {get("https://auth0.example.com/toys/./bear"), 404, "", `{"error":"invalid_request"`},
		"a path with two slashes is not redirected": {get("https://auth0.example.com//toys/bear"), 404, "", `{"error":"invalid_request"`},
		"another host has no toys":                  {get("https://evil.example/toys/bear"), 421, "", `{"error":"invalid_request"`},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.ask(row.r)
			var body strings.Builder
			a.Write(&body)
			if a.StatusCode != row.status || a.Header.Get("Location") != row.location || !strings.Contains(body.String(), row.body) {
				t.Errorf("want %d, Location %q, %q; got %s", row.status, row.location, row.body, body.String())
			}
			for header, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
				if got := a.Header.Get(header); got != want {
					t.Errorf("%s is %q, want %q", header, got, want)
				}
			}
			page := strings.HasPrefix(a.Header.Get("Content-Type"), "text/html")
			if page && (a.Header.Get("X-Frame-Options") != "DENY" || !strings.Contains(a.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'")) {
				t.Errorf("a page that others frame: %v", a.Header)
			}
		})
	}
}

func TestTheMetadataListWhatIsMounted(t *testing.T) {
	s := toyServer(t)
	plain, err := New(t.Context(), Config{Store: s.config.Store, Issuers: s.config.Issuers})
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	for issuer, path := range map[oauth.Issuer]string{"https://zitadel.example.com": "/toys/v2/box", "https://auth0.example.com/": "/box"} {
		want := plain.sites[issuer].Metadata()
		want["toy_endpoint"], want["toys_supported"] = issuer.URL(path), []string{"bear"}
		if diff := cmp.Diff(want, s.sites[issuer].Metadata()); diff != "" {
			t.Errorf("%s: metadata (-want +got):\n%s", issuer, diff)
		}
	}
}

// TestEveryEndpointInTheMetadataIsThere asks each of them, with every method, at every issuer.
func TestEveryEndpointInTheMetadataIsThere(t *testing.T) {
	s := toyServer(t)
	for issuer, site := range s.sites {
		seen := 0
		for member, value := range site.Metadata() {
			address, ok := value.(string)
			if !ok {
				continue
			}
			seen++
			status := make(map[int]bool)
			for _, method := range []string{"GET", "POST"} {
				status[s.ask(httptest.NewRequest(method, address, nil)).StatusCode] = true
			}
			if status[404] || status[421] {
				t.Errorf("%s: there is nothing at %s, which the metadata call %s", issuer, address, member)
			}
		}
		if seen < 6 {
			t.Errorf("%s: the metadata have %d endpoints", issuer, seen)
		}
	}
}
