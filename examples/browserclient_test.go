package examples_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/postern-auth/postern/examples/browserclient"
)

func browserClient(change map[string]string) func(string) string {
	env := map[string]string{
		"AUTH0_DOMAIN": "login.example.com", "AUTH0_CLIENT_ID": "browser",
		"AUTH0_CALLBACK_URL": "http://localhost:4040/callback", "AUTH0_AUDIENCE": "https://api.example.com",
	}
	for name, value := range change {
		env[name] = value
	}
	return func(name string) string { return env[name] }
}

func TestBrowserClientServesItsPagesByTheirAddresses(t *testing.T) {
	handler, err := browserclient.New(browserClient(nil))
	if err != nil {
		t.Fatal(err)
	}
	const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https://login.example.com; " +
		"connect-src 'self' https://login.example.com http://localhost:6060; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	for path, kind := range map[string]string{
		"/": "text/html; charset=utf-8", "/profile": "text/html; charset=utf-8", "/public": "text/html; charset=utf-8",
		"/protected": "text/html; charset=utf-8", "/admin": "text/html; charset=utf-8", "/callback?code=x&state=y": "text/html; charset=utf-8",
		"/main.js": "text/javascript; charset=utf-8", "/oauth.js": "text/javascript; charset=utf-8", "/dom.js": "text/javascript; charset=utf-8",
		"/style.css": "text/css; charset=utf-8", "/mark.svg": "image/svg+xml", "/settings.json": "application/json",
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		h := w.Header()
		if w.Code != 200 || h.Get("Content-Type") != kind || h.Get("Content-Security-Policy") != policy || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %d %v", path, w.Code, h)
		}
	}
	for _, path := range []string{"/nothing", "/app/main.js", "/index.html", "/profile/", "/..%2fbrowserclient.go"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != 404 {
			t.Errorf("%s: %d, want 404", path, w.Code)
		}
	}
}

func TestBrowserClientTellsItsPagesWhatIsPublic(t *testing.T) {
	handler, err := browserclient.New(browserClient(map[string]string{"ISSUER": "http://localhost:8080", "AUTH0_DOMAIN": "", "API_SERVER_URL": "https://api.example.com"}))
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/settings.json", nil))
	want := `{"issuer":"http://localhost:8080","client_id":"browser","callback":"http://localhost:4040/callback","audience":"https://api.example.com","api":"https://api.example.com"}`
	if w.Body.String() != want {
		t.Errorf("%s, want %s", w.Body, want)
	}
}

func TestBrowserClientNamesWhatIsMissingOrWrong(t *testing.T) {
	for _, c := range []struct {
		change map[string]string
		want   string
	}{
		{map[string]string{"AUTH0_CLIENT_ID": "", "AUTH0_AUDIENCE": ""}, "missing AUTH0_CLIENT_ID, AUTH0_AUDIENCE: set in the environment or in .env"},
		{map[string]string{"AUTH0_DOMAIN": ""}, "missing AUTH0_DOMAIN"},
		{map[string]string{"AUTH0_DOMAIN": "https://login.example.com"}, "without https:// and slashes"},
		{map[string]string{"ISSUER": "login.example.com"}, "ISSUER is"},
		{map[string]string{"ISSUER": "https://login.example.com; script-src *"}, "ISSUER is"},
		{map[string]string{"ISSUER": "javascript://x"}, "ISSUER is"},
		{map[string]string{"API_SERVER_URL": "http://localhost:6060/"}, "API_SERVER_URL is"},
		{map[string]string{"API_SERVER_URL": "http://localhost:6060; script-src *"}, "API_SERVER_URL is"},
	} {
		if _, err := browserclient.New(browserClient(c.change)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.change, err, c.want)
		}
	}
}
