package page

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/postern-auth/postern/internal/chromium"
)

// listed is a page as the script is told of it.
type listed struct {
	Name   string `json:"name"`
	Path   string `json:"path"`
	Status int    `json:"status"`
}

// servePages serves every sample in every language, and a list of them. Pages that go on by themselves are
// tried in TestK56PagesThatGoOnArriveAtAnotherOrigin.
func servePages(t *testing.T) (*httptest.Server, int) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle(StaticPath, Static())
	var list []listed
	for _, s := range append(samples(), consoleSamples()...) {
		sh := s.page.shape()
		if sh.refresh != "" || strings.HasPrefix(sh.policy.script, "'sha256-") {
			continue
		}
		for _, lang := range Languages() {
			path := fmt.Sprintf("/%s/%s", lang, s.name)
			list = append(list, listed{s.name + "-" + string(lang), path, max(sh.status, http.StatusOK)})
			mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
				if err := testSite.Render(w, lang, s.page); err != nil {
					t.Error(err)
				}
			})
		}
	}
	mux.HandleFunc("GET /pages", func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewEncoder(w).Encode(list); err != nil {
			t.Error(err)
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server, len(list)
}

// POSTERN_PICTURES names a folder in which the test leaves a picture of each page, to be looked at.
func TestEveryPageInChromium(t *testing.T) {
	browser := chromium.Path(t)
	server, pages := servePages(t)
	args := []string{server.URL, browser}
	if folder := os.Getenv("POSTERN_PICTURES"); folder != "" {
		args = append(args, folder)
	}
	english := pages / len(Languages())
	if english < 50 {
		t.Errorf("only %d pages", english)
	}
	chromium.Look(t, "check.mjs", "", 4*english+pages-english, args...)
}

// application plays one of another origin: it shows what came to its callback, and waits for messages of the
// server's pages.
func application(t *testing.T, server *atomic.Value) *httptest.Server {
	t.Helper()
	const waiting = `<!doctype html><title>application</title><link rel="icon" href="data:,"><script>
window.arrived = new Promise((resolve) => {
	addEventListener('message', (e) => resolve({ state: e.data.response.state, type: e.data.type, origin: e.origin }));
	%s
});
</script>%s`
	mux := http.NewServeMux()
	mux.HandleFunc("/callback", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		shown, err := json.Marshal(map[string]string{"state": r.FormValue("state"), "method": r.Method, "origin": r.Header.Get("Origin"), "referrer": r.Referer()})
		if err != nil {
			t.Error(err)
		}
		fmt.Fprintf(w, `<!doctype html><title>application</title><link rel="icon" href="data:,"><pre>%s</pre>`, template.HTMLEscapeString(string(shown)))
	})
	wait := func(script, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprintf(w, waiting, strings.ReplaceAll(script, "SERVER", server.Load().(string)), strings.ReplaceAll(body, "SERVER", server.Load().(string)))
		}
	}
	mux.HandleFunc("/frame", wait("", `<iframe src="SERVER/web-message"></iframe>`))
	mux.HandleFunc("/popup", wait(`open('SERVER/web-message')`, ""))
	// A frame that is refused loads nothing of the server, and then its window cannot be looked into.
	mux.HandleFunc("/denied", wait(`addEventListener('load', () => resolve({ state: 'nothing' }))`, `<iframe src="SERVER/denied"></iframe>`))
	app := httptest.NewServer(mux)
	t.Cleanup(app.Close)
	return app
}

func TestK56PagesThatGoOnArriveAtAnotherOrigin(t *testing.T) {
	browser := chromium.Path(t)
	var address atomic.Value
	app := application(t, &address)
	state := map[string]string{"code": "c", "state": long}
	mux := http.NewServeMux()
	mux.Handle(StaticPath, Static())
	show := func(p Page) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if err := testSite.Render(w, English, p); err != nil {
				t.Error(err)
			}
		}
	}
	mux.HandleFunc("GET /login", show(Login{Action: "/login"}))
	mux.HandleFunc("POST /login", show(Done{To: app.URL + "/callback?" + url.Values{"code": {"c"}, "state": {long}}.Encode()}))
	mux.HandleFunc("GET /form-post", show(FormPost{To: app.URL + "/callback", Fields: []Parameter{{"state", long}}}))
	mux.HandleFunc("GET /web-message", show(WebMessage{Target: app.URL, Frames: []string{app.URL}, Response: state}))
	mux.HandleFunc("GET /denied", show(WebMessage{Target: app.URL, Response: state}))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	address.Store(server.URL)

	lines := chromium.Run(t, "arrive.mjs", "", server.URL, app.URL, browser)
	if len(lines) != 7 {
		t.Fatalf("%d arrivals", len(lines))
	}
	for _, line := range lines {
		name, arrived, complaints := line["name"].(string), line["arrived"].(map[string]any), line["complaints"].([]any)
		if name == "web message for nobody" {
			if arrived["state"] != "nothing" || len(complaints) == 0 || !strings.Contains(fmt.Sprint(complaints), "frame-ancestors") {
				t.Errorf("%s: %v, %v", name, arrived, complaints)
			}
			continue
		}
		if arrived["state"] != long || len(complaints) != 0 {
			t.Errorf("%s: %v, %v", name, arrived, complaints)
		}
		if strings.Contains(name, "post") && (arrived["origin"] != server.URL || arrived["method"] != "POST") {
			t.Errorf("%s: %v from origin %v", name, arrived["method"], arrived["origin"])
		}
		if strings.Contains(name, "message") && (arrived["origin"] != server.URL || arrived["type"] != "authorization_response") {
			t.Errorf("%s: %v from origin %v", name, arrived["type"], arrived["origin"])
		}
		if strings.Contains(name, "login") && arrived["referrer"] != "" {
			t.Errorf("%s: the application is told the page %v", name, arrived["referrer"])
		}
	}
}
