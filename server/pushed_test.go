package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store"
)

// push keeps a request as the endpoint of RFC 9126 does, and returns the path that the client sends a browser to.
func (w *world) push(t *testing.T, handle string, pairs ...string) string {
	t.Helper()
	_, query, _ := strings.Cut(asks(pairs...), "?")
	asked, err := url.ParseQuery(query)
	w.must(err)
	request, refusal := authorize.Parse(asked, authorize.Arrival{
		Issuer: oauth.Issuer(w.issuer), PAR: "pushed", At: w.now(),
		Client: authorize.Client{ID: asked.Get("client_id"), Type: authorize.Browser, RedirectURIs: []string{asked.Get("redirect_uri")}},
	})
	if refusal != nil {
		t.Fatal(refusal.Text)
	}
	text, err := request.Marshal()
	w.must(err)
	w.must(w.store.CreatePushedRequest(t.Context(), store.PushedRequest{
		Digest: digestOf(handle), ClientID: asked.Get("client_id"), Request: string(text), ExpiresAt: w.now().Add(90 * time.Second),
	}, w.now(), 100))
	return "/oauth/v2/authorize?" + values("client_id", asked.Get("client_id"), "request_uri", "urn:ietf:params:oauth:request_uri:"+handle).Encode()
}

func TestAPushedRequestIsGoodForOneLogin(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	path := w.push(t, "one")
	// Other parameters beside the request_uri do not count.
	first := b.open(path + "&redirect_uri=https%3A%2F%2Fevil.example&state=x&scope=admin")
	b.page(first, 200, "Log in to Notes")
	w.pass(10 * time.Minute) // it lives as long as the pages do
	second := b.open(path)
	b.page(second, 200, "Log in to Notes")
	family := w.family(b.code(b.send(second, "identifier", "mia", "password", miaPassword, "answer", "login"), notesCallback))
	if strings.Join(family.Scopes, " ") != "openid profile" {
		t.Errorf("scopes %v", family.Scopes)
	}
	for name, s := range map[string]screen{
		"opened again":       b.open(path),
		"in another browser": w.browser().open(path),
		"never pushed":       b.open(strings.Replace(path, "one", "two", 1)),
	} {
		b.page(s, 400, "This request is not complete")
		if s.told() != nil {
			t.Errorf("%s: %v", name, s.left)
		}
	}
	// The page of the first visit is left over. It has no code to give any more.
	if s := b.open(first.path); s.status != 400 || s.told() != nil {
		t.Errorf("the first page: %d %v", s.status, s.left)
	}
}

func TestAPushedRequestBelongsToItsClientAndTime(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	path := w.push(t, "mine")
	b.page(b.open(strings.Replace(path, "client_id=notes", "client_id=shelf", 1)), 400, "This request is not complete")
	w.pass(90 * time.Second)
	b.page(b.open(path), 400, "This request is not complete")
	gone := w.push(t, "gone", "redirect_uri", "https://notes.example.com/former")
	b.page(b.open(gone), 400, "This link does not lead anywhere we know")
	nowhere := w.push(t, "nowhere", "audience", "https://nowhere.example.com")
	if s := b.open(nowhere); s.told().Get("error") != "invalid_target" {
		t.Errorf("%v", s.left)
	}
	b.host = zitadelHost
	b.page(b.open(w.push(t, "elsewhere")), 400, "This request is not complete")
}

func TestAFormThatIsSentManyTimesAtOnceGivesOneCode(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	page := b.logIn("mia", miaPassword, shelf()...)
	b.page(page, 200, "Let “Shelf” into your account?")
	var mu sync.Mutex
	codes := 0
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			a, err := w.send(call{path: page.action(), header: http.Header{"Cookie": {b.cookieHeader()}}, form: values("answer", "allow")})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil && a.status == 200 && strings.Contains(a.header.Get("Refresh"), "code="):
				codes++
			case err != nil || a.status != 400 || !strings.Contains(a.body, "Start again"):
				t.Errorf("%d %v %s", a.status, err, a.body)
			}
		})
	}
	group.Wait()
	if codes != 1 {
		t.Errorf("%d codes", codes)
	}
}

// FuzzAuthorizationRequest holds for every query: nothing of it stands in a page as markup, nothing leads the
// browser anywhere but to the server's own pages and to what is registered, and nobody who is not logged in gets a
// code.
func FuzzAuthorizationRequest(f *testing.F) {
	w := newLoginWorld(f)
	for _, seed := range []string{
		asks(), asks("prompt", "none"), asks("response_mode", "form_post", "prompt", "none"), asks("redirect_uri", "javascript:alert(1)"),
		asks("state", "<img src=x>", "response_mode", "web_message", "prompt", "none"), "/oauth/v2/authorize?client_id=notes&client_id=x",
		"/oauth/v2/authorize?%zz", asks("request_uri", "urn:ietf:params:oauth:request_uri:x"), asks("audience", "x", "scope", "\x00"),
	} {
		_, query, _ := strings.Cut(seed, "?")
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		if strings.ContainsFunc(query, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '#' }) {
			return // no browser sends it
		}
		a := w.at(t).do(call{method: http.MethodGet, path: "/oauth/v2/authorize?" + query})
		switch to := a.header.Get("Location"); {
		case a.status >= 500:
			t.Errorf("%d %s", a.status, a.body)
		case strings.HasPrefix(to, "/login/"):
		case to != "":
			u, err := url.Parse(to)
			if err != nil || !strings.HasPrefix(to, "https://notes.example.com/") || u.Query().Get("error") == "" || u.Query().Has("code") {
				t.Errorf("to %s", to)
			}
		}
		if strings.Count(a.body, "<script") > 2 || strings.Contains(a.body, `="javascript:`) || strings.Contains(a.body, "<img") {
			t.Errorf("page %s", a.body)
		}
	})
}
