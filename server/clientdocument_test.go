package server_test

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/internal/clientdocument"
	"github.com/postern-auth/postern/server/store"
)

// publisher is the site of a client that describes itself there.
type publisher struct {
	*httptest.Server
	id string // the client id: https://127.0.0.1:…/client.json
	to string // its redirect URI

	mu    sync.Mutex
	text  string
	calls int
}

func newPublisher(t *testing.T) *publisher {
	p := new(publisher)
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.calls++
		if p.text == "" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, p.text)
	}))
	t.Cleanup(p.Close)
	p.id, p.to = p.URL+"/client.json", p.URL+"/cb"
	p.says("")
	return p
}

// says has the document hold more members.
func (p *publisher) says(more string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text = fmt.Sprintf(`{"client_id":%q,"client_name":"Notes of a stranger","redirect_uris":[%q,"http://127.0.0.1/cb"],"grant_types":["authorization_code","refresh_token"]%s}`, p.id, p.to, more)
}

func (p *publisher) gone() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text = ""
}

func (p *publisher) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

// admit has a server admit clients by their documents.
func (p *publisher) admit(c *server.Config) {
	c.Registration.Documents = true
	c.Outgoing.InsecureLoopback = true
	c.Outgoing.Roots = x509.NewCertPool()
	c.Outgoing.Roots.AddCert(p.Certificate())
}

func (p *publisher) asks(pairs ...string) []string {
	return append([]string{"client_id", p.id, "redirect_uri", p.to}, pairs...)
}

func TestAClientIsKnownByItsDocument(t *testing.T) {
	p := newPublisher(t)
	w := newLoginWorld(t, p.admit)
	b := w.browser()
	page := b.logIn("mia", miaPassword, p.asks("scope", "openid offline_access", "resource", messages)...)
	b.page(page, 200, "Let “Notes of a stranger” into your account?")
	host := strings.TrimPrefix(p.URL, "https://")
	if says := page.says(); !strings.Contains(says, "Only "+host+" vouches for what it says of itself.") || !strings.Contains(says, "Not made by the people") {
		t.Errorf("it says %s", says)
	}
	if _, err := w.store.ApplicationByClientID(t.Context(), p.id); err == nil {
		t.Error("it is written down before anybody let it in")
	}
	code := b.code(b.send(page, "answer", "allow"), p.to)
	tokens := w.issued(w.do(call{path: "/oauth/v2/token", form: values("grant_type", "authorization_code", "code", code, "code_verifier", verifier, "redirect_uri", p.to, "client_id", p.id)}))
	_, _, claims := w.claims(tokens["id_token"].(string))
	if claims["aud"] != p.id || claims["azp"] != p.id {
		t.Errorf("ID token %v", claims)
	}
	w.issued(w.do(call{path: "/oauth/v2/token", form: values("grant_type", "refresh_token", "refresh_token", tokens["refresh_token"].(string), "client_id", p.id)}))
	app, err := w.store.ApplicationByClientID(t.Context(), p.id)
	w.must(err)
	if app.FirstParty || app.InsecureNoPKCE || app.ProjectID != "" || app.ID != clientdocument.ID(p.id) || !app.Active {
		t.Errorf("%+v", app)
	}
	if got := p.count(); got != 1 {
		t.Errorf("%d calls of the site for one login, want 1", got)
	}
	// The second time nobody is asked, and nothing is fetched or written.
	before, err := w.store.LatestEvents(t.Context(), 100)
	w.must(err)
	b.code(b.open(asks(p.asks("scope", "openid offline_access", "resource", messages)...)), p.to)
	if after, err := w.store.LatestEvents(t.Context(), 100); err != nil || len(after) != len(before) || p.count() != 1 {
		t.Errorf("%d events after %d, %d calls, %v", len(after), len(before), p.count(), err)
	}
	// A page of its own may call the token endpoint from now on.
	w.pass(3 * time.Second)
	a := w.do(call{path: "/oauth/v2/token", header: http.Header{"Origin": {p.URL}}, form: values("grant_type", "refresh_token")})
	if got := a.header.Get("Access-Control-Allow-Origin"); got != p.URL {
		t.Errorf("CORS for %q", got)
	}
	// A loopback address is anybody's on that machine: it is asked for each time.
	if s := b.open(asks("client_id", p.id, "redirect_uri", "http://127.0.0.1:49152/cb")); s.left != nil {
		t.Errorf("at the loopback: %v", s.left)
	}
}

func TestWhatADocumentSaysLaterCounts(t *testing.T) {
	p := newPublisher(t)
	w := newLoginWorld(t, p.admit)
	b := w.browser()
	page := b.logIn("mia", miaPassword, p.asks()...)
	p.gone() // while mia reads
	b.code(b.send(page, "answer", "allow"), p.to)
	w.pass(time.Hour)
	if s := b.open(asks(p.asks()...)); s.left != nil || s.status != 400 {
		t.Errorf("without the document: %d %v", s.status, s.left)
	}
	w.pass(time.Minute)
	p.says(`,"client_uri":"` + p.URL + `"`)
	p.mu.Lock()
	p.text = strings.Replace(p.text, "Notes of a stranger", "Notes 2", 1)
	p.mu.Unlock()
	b.code(b.open(asks(p.asks()...)), p.to)
	app, err := w.store.ApplicationByClientID(t.Context(), p.id)
	w.must(err)
	if app.Name != "Notes 2" {
		t.Errorf("%+v", app)
	}
}

func TestADocumentThatIsNotAsItShouldBeIsAPage(t *testing.T) {
	p := newPublisher(t)
	w := newLoginWorld(t, p.admit)
	b := w.browser()
	for _, row := range []struct{ name, id, says string }{
		{"not there", strings.Replace(p.id, "https://127.0.0.1", "https://localhost", 1), "cannot be fetched"}, // its certificate is for the address
		{"without a path", p.URL, "has a path"},
		{"with a query", p.id + "?x=1", "no query"},
		{"with a fragment", p.id + "#x", "fragment"},
		{"with a user name", strings.Replace(p.id, "https://", "https://a@", 1), "user name"},
		{"with dots", p.URL + "/a/../client.json", "segments of dots"},
		{"in the local network", "https://10.0.0.1/client.json", "cannot be fetched"},
		{"of a cloud's metadata", "https://169.254.169.254/latest", "cannot be fetched"},
		{"of another client", p.URL + "/other.json", "client_id to be the URL of the document"},
		{"with a script", p.URL + "/<script>", "a host in lower case"},
		{"long", p.URL + "/" + strings.Repeat("x", 300), ""},
		{"http", "http://127.0.0.1/client.json", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			b.w = w.at(t)
			s := b.open(asks("client_id", row.id, "redirect_uri", p.to))
			b.page(s, 400, "We do not know this application")
			if !strings.Contains(s.says(), row.says) || strings.Contains(s.body, "<script>") {
				t.Errorf("it says %s", s.says())
			}
		})
	}
	p.says(`,"post_logout_redirect_uris":["https://evil.example/"]`)
	b.w = w
	if s := b.open(asks(p.asks()...)); s.status != 400 || !strings.Contains(s.says(), "post_logout_redirect_uris") {
		t.Errorf("K50: %d %s", s.status, s.says())
	}
	all, err := w.store.Applications(t.Context())
	w.must(err)
	if len(all) != 5 {
		t.Errorf("%d applications", len(all))
	}
	for i := range 11 { // as many as one host is asked for in a minute, and more
		b.open(asks("client_id", fmt.Sprint(p.URL, "/", i), "redirect_uri", p.to))
	}
	if s := b.open(asks("client_id", p.URL+"/more", "redirect_uri", p.to)); s.status != 503 {
		t.Errorf("too many: %d %s", s.status, s.says())
	}
}

func TestDocumentsAreOffUnlessTheyAreAskedFor(t *testing.T) {
	p := newPublisher(t)
	w := newLoginWorld(t)
	b := w.browser()
	b.page(b.open(asks(p.asks()...)), 400, "We do not know this application")
	// Also what was let in before.
	w.must(w.store.PutApplication(t.Context(), store.Application{ID: clientdocument.ID(p.id), ClientID: p.id, Active: true, RedirectURIs: []string{p.to},
		Grants: []string{"authorization_code"}, Type: store.BrowserApplication}))
	b.page(b.open(asks(p.asks()...)), 400, "We do not know this application")
	if p.count() != 0 {
		t.Error("the site was called")
	}
	metadata := func(w *world) any {
		return w.object(w.do(call{method: http.MethodGet, path: "/.well-known/openid-configuration"}).body)["client_id_metadata_document_supported"]
	}
	if got := metadata(w); got != nil {
		t.Errorf("metadata say %v", got)
	}
	if got := metadata(newLoginWorld(t, p.admit)); got != true {
		t.Errorf("metadata say %v", got)
	}
}

func TestAnOperatorShutsADocumentOut(t *testing.T) {
	p := newPublisher(t)
	w := newLoginWorld(t, p.admit)
	b := w.browser()
	page := b.logIn("mia", miaPassword, p.asks()...)
	shut := store.Application{ID: clientdocument.ID(p.id), ClientID: p.id, Name: "x", Type: store.BrowserApplication}
	w.must(w.store.PutApplication(t.Context(), shut))
	b.page(b.send(page, "answer", "allow"), 400, "We do not know this application")
	b.page(b.open(asks(p.asks()...)), 400, "We do not know this application")
	if got, err := w.store.Application(t.Context(), shut.ID); err != nil || got.Active {
		t.Errorf("%+v, %v", got, err)
	}
	// The name of an API is not a client's: tokens for the one would be tokens for the other.
	w.must(w.store.DeleteApplication(t.Context(), shut.ID))
	api, err := w.store.API(t.Context(), "a-reports")
	w.must(err)
	api.Identifier = p.id
	w.must(w.store.PutAPI(t.Context(), api))
	b = w.browser()
	page = b.logIn("mia", miaPassword, p.asks()...)
	b.page(b.send(page, "answer", "allow"), 400, "We do not know this application")
	if consents, err := w.store.ConsentsOf(t.Context(), "u-mia"); err != nil || len(consents) != 0 {
		t.Errorf("%v, %v", consents, err)
	}
}

func TestADocumentsClientGetsThePermissionsThatWereAllowed(t *testing.T) {
	p := newPublisher(t)
	w := newLoginWorld(t, p.admit)
	w.permissionsAre(p.id, p.to)
}

// TestTwoServersMeetAClientAtOnce has many people let one client in at two servers on one store.
func TestTwoServersMeetAClientAtOnce(t *testing.T) {
	p := newPublisher(t)
	w := newLoginWorld(t, p.admit)
	other := &world{t: t, store: w.store, logs: w.logs, clock: start}
	other.serve(p.admit)
	var pages []screen
	var browsers []*browser
	for i := range 8 {
		at := w
		if i%2 == 0 {
			at = other
		}
		b := at.browser()
		browsers, pages = append(browsers, b), append(pages, b.logIn("mia", miaPassword, p.asks()...))
	}
	var all sync.WaitGroup
	for i, b := range browsers {
		all.Go(func() {
			if s := b.send(pages[i], "answer", "allow"); s.left == nil || !s.told().Has("code") {
				t.Errorf("%d: %d %s", i, s.status, s.title())
			}
		})
	}
	all.Wait()
}

func TestAClientThatNobodyHasLetInPushesItsRequest(t *testing.T) {
	p := newPublisher(t)
	w := newLoginWorld(t, p.admit)
	push := func(id string, more ...string) answer {
		return w.do(call{path: "/oauth/v2/par", form: values(append([]string{"client_id", id, "redirect_uri", p.to, "response_type", "code", "scope", "openid",
			"state", "s-1", "code_challenge", challenge, "code_challenge_method", "S256"}, more...)...)})
	}
	a := push(p.id)
	if a.status != 201 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	b := w.browser()
	page := b.open("/oauth/v2/authorize?" + values("client_id", p.id, "request_uri", w.object(a.body)["request_uri"].(string)).Encode())
	page = b.send(page, "identifier", "mia", "password", miaPassword, "answer", "login")
	b.page(page, 200, "Let “Notes of a stranger” into your account?")
	b.code(b.send(page, "answer", "allow"), p.to)
	for name, a := range map[string]answer{
		"no document": push(p.URL + "/other.json"), "a secret": push(p.id, "client_secret", "x"), "no URL of a document": push("https://x"),
	} {
		t.Run(name, func(t *testing.T) { w.at(t).refused(a, 401, "invalid_client") })
	}
	w.refused(push(p.id, "redirect_uri", p.to, "redirect_uri", p.to), 400, "invalid_request")
	app, err := w.store.ApplicationByClientID(t.Context(), p.id)
	w.must(err)
	app.Active = false
	w.must(w.store.PutApplication(t.Context(), app))
	w.refused(push(p.id), 401, "invalid_client")
}
