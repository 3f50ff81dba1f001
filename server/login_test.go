package server_test

import (
	"context"
	"html"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/internal/password"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// The application "notes" of the world of people, where it is called back, and the passwords of the world.
const (
	notesCallback = "https://notes.example.com/callback"
	miaPassword   = "a tree grows in Zurich"
	noahPassword  = "seven quiet otters"
)

// challenge is the code_challenge of verifier (RFC 7636 appendix B).
const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

// hashes are the same for every world, for a hash takes long to make.
var hashes = sync.OnceValue(func() map[string]string {
	hasher, err := password.New(password.Config{})
	if err != nil {
		panic(err)
	}
	all := make(map[string]string)
	for user, text := range map[string]string{"mia": miaPassword, "noah": noahPassword, "lea": miaPassword} {
		typed, err := password.Typed(text)
		if err != nil {
			panic(err)
		}
		turn, err := hasher.Wait(context.Background(), user)
		if err != nil {
			panic(err)
		}
		all[user] = turn.Hash(typed).PHC()
		turn.Done()
	}
	return all
})

// newLoginWorld is a world in which mia, noah and the locked lea log in to applications:
//
//	notes    browser, first-party          clock   native, third-party
//	shelf    web, third-party              robots  web, without the grant
func newLoginWorld(t testing.TB, change ...func(*server.Config)) *world {
	t.Helper()
	w := newWorld(t, change...)
	w.seedLogins()
	return w
}

func (w *world) seedLogins() {
	w.t.Helper()
	ctx := w.t.Context()
	for i, name := range []string{"mia", "noah", "lea"} {
		w.must(w.store.PutUser(ctx, store.User{
			ID: "u-" + name, OrganizationID: "org", Handle: store.UserHandle{byte(i + 1)}, LoginName: name,
			Email: name + "@example.com", EmailVerifiedAt: start, Name: strings.ToUpper(name[:1]) + name[1:] + " Example",
			Active: name != "lea", CreatedAt: start, UpdatedAt: start,
		}))
		w.must(w.store.PutPassword(ctx, store.Password{UserID: "u-" + name, PHC: hashes()[name], ChangedAt: start}))
	}
	for _, a := range []store.Application{
		{ID: "notes", Name: "Notes", Type: store.BrowserApplication, FirstParty: true, RefreshEndsWithSession: true,
			RedirectURIs: []string{notesCallback, "https://notes.example.com/other"}, AllowedOrigins: []string{"https://notes.example.com"},
			LogoutURIs: []string{"https://notes.example.com", "https://notes.example.com/bye"}},
		{ID: "shelf", Name: "Shelf", Type: store.WebApplication,
			RedirectURIs: []string{"https://shelf.example.com/cb?a=1"}, LogoutURIs: []string{"https://shelf.example.com/bye"}},
		{ID: "clock", Name: "Clock", Type: store.NativeApplication,
			RedirectURIs: []string{"com.example.clock:/cb", "http://127.0.0.1/cb"}},
		{ID: "robots", Name: "Robots", Type: store.WebApplication, RedirectURIs: []string{"https://robots.example.com/cb"},
			Grants: []string{"client_credentials"}},
		{ID: "closed", Name: "Closed", Type: store.BrowserApplication, RedirectURIs: []string{"https://closed.example.com/cb"}},
	} {
		a.ProjectID, a.ClientID, a.Active, a.CreatedAt, a.IDTokenClaims = "P", a.ID, a.ID != "closed", start, store.FullClaims
		if a.Grants == nil {
			a.Grants = []string{"authorization_code", "refresh_token"}
		}
		w.must(w.store.PutApplication(ctx, a))
	}
}

// browser is one of a person: it keeps cookies by name, as browsers do for one host, and follows what leads on
// within the server.
type browser struct {
	w       *world
	host    string // of the issuer; empty: the world's own
	cookies map[string]string
	header  http.Header // sent with every request
}

func (w *world) browser() *browser {
	return &browser{w: w, cookies: make(map[string]string)}
}

// screen is what a browser shows, or where it left the server to.
type screen struct {
	answer
	path string
	left *url.URL // nil: it is still here
}

// ask sends one request and follows nothing.
func (b *browser) ask(method, path string, form url.Values) answer {
	b.w.t.Helper()
	r, err := http.NewRequest(method, b.w.issuer+path, strings.NewReader(form.Encode()))
	b.w.must(err)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	maps.Copy(r.Header, b.header)
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	r.Host = b.host
	a, err := b.w.roundTrip(r)
	b.w.must(err)
	for _, line := range a.header["Set-Cookie"] {
		cookie, err := http.ParseSetCookie(line)
		b.w.must(err)
		if !cookie.Secure || !cookie.HttpOnly || cookie.Path != "/" || cookie.Domain != "" || !strings.HasPrefix(cookie.Name, "__Host-") {
			b.w.t.Errorf("cookie %s", line)
		}
		if cookie.MaxAge < 0 {
			delete(b.cookies, cookie.Name)
		} else {
			b.cookies[cookie.Name] = cookie.Value
		}
	}
	return a
}

// open goes to a path as a click on a link does.
func (b *browser) open(path string) screen {
	b.w.t.Helper()
	return b.follow(path, b.ask(http.MethodGet, path, nil))
}

// send sends the form of a screen, with the fields given.
func (b *browser) send(s screen, pairs ...string) screen {
	b.w.t.Helper()
	form := s.form()
	for name, v := range values(pairs...) {
		form[name] = v
	}
	action := s.action()
	if action == "" {
		b.w.t.Fatalf("%s has no form: %d %s", s.path, s.status, s.body)
	}
	return b.follow(action, b.ask(http.MethodPost, action, form))
}

// follow goes on as long as answers lead on within the server.
func (b *browser) follow(path string, a answer) screen {
	b.w.t.Helper()
	for range 5 {
		to := a.header.Get("Location")
		if _, refresh, ok := strings.Cut(a.header.Get("Refresh"), "0; url="); ok {
			to = refresh
		}
		if to == "" {
			return screen{a, path, nil}
		}
		u, err := url.Parse(to)
		b.w.must(err)
		if u.Host != "" || u.Scheme != "" {
			return screen{a, path, u}
		}
		path = to
		a = b.ask(http.MethodGet, path, nil)
	}
	b.w.t.Fatalf("it goes on and on, last to %s", path)
	return screen{}
}

var (
	actionOf = regexp.MustCompile(`<form method="post" action="([^"]*)"`)
	hiddenOf = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
	headline = regexp.MustCompile(`<h1>(.*?)</h1>`)
	tags     = regexp.MustCompile(`<[^>]*>`)
)

func (s screen) action() string {
	if found := actionOf.FindStringSubmatch(s.body); found != nil {
		return html.UnescapeString(found[1])
	}
	return ""
}

func (s screen) form() url.Values {
	form := make(url.Values)
	for _, found := range hiddenOf.FindAllStringSubmatch(s.body, -1) {
		if name := html.UnescapeString(found[1]); !form.Has(name) { // several forms have it
			form.Set(name, html.UnescapeString(found[2]))
		}
	}
	return form
}

// title returns the headline of the screen.
func (s screen) title() string {
	if found := headline.FindStringSubmatch(s.body); found != nil {
		return html.UnescapeString(tags.ReplaceAllString(found[1], ""))
	}
	return ""
}

// told returns what the application is told by a redirect.
func (s screen) told() url.Values {
	if s.left == nil {
		return nil
	}
	return s.left.Query()
}

// asks returns the path of an authorization request by notes, changed by pairs; an empty value leaves one out.
func asks(pairs ...string) string {
	v := values("client_id", "notes", "redirect_uri", notesCallback, "response_type", "code", "scope", "openid profile",
		"state", "s-1", "nonce", "n-1", "code_challenge", challenge, "code_challenge_method", "S256")
	for name, value := range values(pairs...) {
		v[name] = value
		if len(value) == 1 && value[0] == "" {
			v.Del(name)
		}
	}
	return "/oauth/v2/authorize?" + v.Encode()
}

// logIn goes to the application and logs in.
func (b *browser) logIn(user, password string, pairs ...string) screen {
	b.w.t.Helper()
	return b.send(b.open(asks(pairs...)), "identifier", user, "password", password, "answer", "login")
}

// code returns the code that the application was given, and checks all else that it was told.
func (b *browser) code(s screen, to string, want ...string) string {
	b.w.t.Helper()
	told := s.told()
	raw := told.Get("code")
	if s.left == nil || raw == "" {
		b.w.t.Fatalf("no code: %d %v %s %s", s.status, s.left, s.title(), s.body)
	}
	told.Del("code")
	expected := values(append([]string{"state", "s-1", "iss", b.issuer()}, want...)...)
	u := *s.left
	u.RawQuery = ""
	if diff := cmp.Diff(expected, told); diff != "" || u.String() != to {
		b.w.t.Errorf("answer to %s (-want +got):\n%s", &u, diff)
	}
	return raw
}

func (b *browser) issuer() string {
	switch b.host {
	case "":
		return b.w.issuer
	case auth0Host:
		return auth0Issuer
	}
	return "https://" + b.host
}

func digestOf(raw string) store.Digest { return secret.Digest(raw) }

// family returns the family that a code began.
func (w *world) family(raw string) store.Family {
	w.t.Helper()
	row, err := w.store.Code(w.t.Context(), digestOf(raw))
	w.must(err)
	family, err := w.store.Family(w.t.Context(), row.FamilyID)
	w.must(err)
	return family
}

func TestAPersonLogsInAndTheApplicationGetsACode(t *testing.T) {
	w := newLoginWorld(t)
	for _, host := range []string{"", zitadelHost, auth0Host} {
		b := w.browser()
		b.host = host
		page := b.open(asks("login_hint", "mia@example.com"))
		if page.status != 200 || page.title() != "Log in to Notes" || !strings.Contains(page.body, `value="mia@example.com"`) {
			t.Fatalf("%d %s", page.status, page.body)
		}
		s := b.send(page, "identifier", "MIA", "password", miaPassword, "answer", "login")
		if s.status != 200 {
			t.Errorf("status %d", s.status)
		}
		family := w.family(b.code(s, notesCallback))
		sessions, err := w.store.SessionsOf(t.Context(), "u-mia")
		w.must(err)
		want := store.Family{
			SubjectID: "u-mia", ClientID: "notes", SessionID: sessions[0].ID, Issuer: b.issuer(), Kind: store.CodeFamily,
			Scopes: []string{"openid", "profile"}, AuthTime: start, ACR: "urn:postern:acr:pwd", AMR: []string{"pwd"},
			EndsWithSession: true, CreatedAt: start, ExpiresAt: family.ExpiresAt,
		}
		family.ID = ""
		if diff := cmp.Diff(want, family); diff != "" {
			t.Errorf("family (-want +got):\n%s", diff)
		}
		// The page is over, and the next application needs none.
		if again := b.open(page.path); again.status != 400 || again.title() != "Start again at the application" {
			t.Errorf("%d %s", again.status, again.title())
		}
		silent := b.open(asks("prompt", "none", "redirect_uri", "https://notes.example.com/other"))
		b.code(silent, "https://notes.example.com/other")
		w.must(w.store.DeleteSession(t.Context(), sessions[0].Digest))
	}
}
