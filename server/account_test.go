package server_test

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/store"
)

// visits logs a person in at their account, by way of no application.
func (b *browser) visits(user, password string) screen {
	b.w.t.Helper()
	return b.send(b.open("/account/"), "identifier", user, "password", password, "answer", "login")
}

// tells checks the headline of a screen and words of it.
func (s screen) tells(t testing.TB, status int, title string, words ...string) {
	t.Helper()
	if s.status != status || s.title() != title || s.left != nil {
		t.Fatalf("%s: got %d %q, want %d %q\n%s", s.path, s.status, s.title(), status, title, s.body)
	}
	text := html.UnescapeString(tags.ReplaceAllString(s.body, ""))
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%s: %q is missing in %s", s.path, word, text)
		}
	}
}

// lacks checks that a screen does not hold words.
func (s screen) lacks(t testing.TB, words ...string) {
	t.Helper()
	for _, word := range words {
		if strings.Contains(s.body, word) {
			t.Errorf("%s: %q is there: %s", s.path, word, s.body)
		}
	}
}

// hidden returns what the forms of a screen hold in a hidden field.
func (s screen) hidden(name string) string {
	for _, found := range hiddenOf.FindAllStringSubmatch(s.body, -1) {
		if found[1] == name {
			return html.UnescapeString(found[2])
		}
	}
	return ""
}

// confirm sends the form of the page's content, which is the last one.
func (b *browser) confirm(s screen, pairs ...string) screen {
	b.w.t.Helper()
	found := actionOf.FindAllStringSubmatch(s.body, -1)
	form := regexp.MustCompile(`<form class="form" method="post" action="([^"]*)"`).FindStringSubmatch(s.body)
	action := ""
	switch {
	case form != nil:
		action = form[1]
	case len(found) > 1:
		action = found[len(found)-1][1]
	default:
		b.w.t.Fatalf("%s has no form: %d %s", s.path, s.status, s.body)
	}
	action = html.UnescapeString(action)
	return b.follow(action, b.ask(http.MethodPost, action, values(pairs...)))
}

func TestAPersonComesToTheirAccountWithoutAnApplication(t *testing.T) {
	w := newLoginWorld(t)
	for _, host := range []string{"", zitadelHost, auth0Host} {
		b := w.browser()
		b.host = host
		login := b.open("/account")
		login.tells(t, 200, "Log in")
		login.lacks(t, "answer\" value=\"cancel", "goes back")
		s := b.send(login, "identifier", "mia", "password", miaPassword, "answer", "login")
		s.tells(t, 200, "Your account", "Mia Example", "Last changed on 1 March 2026")
		if s.path != "/account/" {
			t.Errorf("it leads to %s", s.path)
		}
		// The same session serves applications.
		b.code(b.open(asks("prompt", "none")), notesCallback)
		for path, title := range map[string]string{
			"/account/": "Security", "/account/sessions": "Sessions", "/account/applications": "Applications", "/account/tokens": "Access tokens", "/account/profile": "Profile",
		} {
			page := b.open(path)
			page.tells(t, 200, "Your account")
			if !strings.Contains(page.body, `aria-current="page">`+title) {
				t.Errorf("%s is not the tab %s", path, title)
			}
			w.headers(page.answer, map[string]string{
				"Cache-Control": "no-store", "X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin", "Referrer-Policy": "same-origin",
				"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
			})
		}
		out := b.send(b.open("/account/"), "answer", "logout")
		out.tells(t, 200, "You are logged out of Postern")
		if !strings.Contains(out.body, `href="/account/"`) {
			t.Errorf("no way on: %s", out.body)
		}
		b.open("/account/").tells(t, 200, "Log in")
	}
}

// K40: who has a second factor gives it here as at any application, also where the session is of a time before it.
func TestK40_TheAccountWaitsForTheSecondFactor(t *testing.T) {
	w := newLoginWorld(t, withDataKey)
	before := w.browser()
	before.visits("mia", miaPassword).tells(t, 200, "Your account")
	secret := w.enrol("u-mia")
	for _, path := range []string{"/account/", "/account/tokens/new", "/account/password"} {
		s := before.open(path)
		if s.title() == "Your account" || !strings.Contains(s.body, `name="code"`) {
			t.Fatalf("%s: %d %q", path, s.status, s.title())
		}
	}
	a := before.ask(http.MethodPost, "/account/password", values("password", miaPassword, "new_password", newPassword))
	if a.status != 303 || !strings.HasPrefix(a.header.Get("Location"), "/login/") {
		t.Errorf("with the password alone it is changed: %d %v", a.status, a.header)
	}
	b := w.browser()
	asked := b.visits("mia", miaPassword)
	asked.lacks(t, "cancel", "Your account")
	b.send(asked, "code", w.wrong(secret), "answer", "login").lacks(t, "Your account")
	b.send(asked, "code", w.code(secret, 0), "answer", "login").tells(t, 200, "Your account")
}

// What was asked for is what comes after the login, and it is a path of the server's own.
func TestTheLoginLeadsBackToThePageOfTheAccount(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	for _, row := range []struct{ path, to string }{
		{"/account/sessions", "/account/sessions"},
		{"/account/profile?returnTo=https://evil.example&next=//evil.example", "/account/profile"},
		{"/account/tokens/new", "/account/tokens/new"},
	} {
		clear(b.cookies)
		s := b.send(b.open(row.path), "identifier", "mia", "password", miaPassword, "answer", "login")
		if s.status != 200 || s.path != row.to || s.left != nil {
			t.Errorf("%s leads to %s, %v, with %d", row.path, s.path, s.left, s.status)
		}
	}
}

// TestS4_… what counts at the account is the session of this browser, whole.
func TestTheAccountIsForWhoIsLoggedInInThisBrowser(t *testing.T) {
	for _, row := range []struct {
		name  string
		spoil func(*world, *browser)
	}{
		{"no cookie", func(_ *world, b *browser) { clear(b.cookies) }},
		{"the session's cookie alone, as a request of another site brings it", func(_ *world, b *browser) { b.drop("-b-") }},
		{"the cookie of the browser alone", func(_ *world, b *browser) { b.keep("-b-") }},
		{"K13: a session that was planted in another browser", func(w *world, b *browser) {
			other := w.browser()
			other.visits("noah", noahPassword)
			for name, value := range b.cookies {
				if strings.Contains(name, "-b-") {
					other.cookies[name] = value
				}
			}
			b.cookies = other.cookies
		}},
		{"a session that was ended elsewhere", func(w *world, _ *browser) {
			_, err := w.store.DeleteSessionsOf(context.Background(), "u-mia", store.Digest{})
			w.must(err)
		}},
		{"a session not used for 12 hours", func(w *world, _ *browser) { w.pass(12 * time.Hour) }},
		{"a locked person", func(w *world, _ *browser) {
			u, err := w.store.User(context.Background(), "u-mia")
			w.must(err)
			u.Active = false
			w.must(w.store.PutUser(context.Background(), u))
		}},
		{"a person whose logins were all ended", func(w *world, _ *browser) {
			w.must(w.store.EndSubject(context.Background(), "u-mia", w.now().Add(time.Second)))
		}},
		{"a person who is gone", func(w *world, _ *browser) { w.must(w.store.DeleteSubject(context.Background(), "u-mia")) }},
		{"nonsense for cookies", func(_ *world, b *browser) {
			for name := range b.cookies {
				b.cookies[name] = "nonsense"
			}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newLoginWorld(t)
			b := w.browser()
			b.visits("mia", miaPassword)
			row.spoil(w, b)
			cookies := fmt.Sprint(b.cookies)
			for _, path := range []string{"/account/", "/account/sessions", "/account/others/end", "/account/tokens/new"} {
				b.open(path).tells(t, 200, "Log in")
			}
			for path, form := range map[string]url.Values{
				"/account/others/end": nil, "/account/profile": values("name", "Eve"), "/account/password": values("password", miaPassword, "new_password", "a horse of another colour"),
				"/account/tokens/new": values("name", "x", "audience", messages, "days", "30", "once", strings.Repeat("o", 43)),
			} {
				if a := b.ask(http.MethodPost, path, form); a.status != 303 || !strings.HasPrefix(a.header.Get("Location"), "/login/") {
					t.Errorf("POST %s answers %d %s", path, a.status, a.body)
				}
			}
			if u, err := w.store.User(t.Context(), "u-mia"); err == nil && u.Name != "Mia Example" {
				t.Errorf("the name is %q with the cookies %s", u.Name, cookies)
			}
		})
	}
}

func (b *browser) drop(part string) {
	for name := range b.cookies {
		if strings.Contains(name, part) {
			delete(b.cookies, name)
		}
	}
}

func (b *browser) keep(part string) {
	for name := range b.cookies {
		if !strings.Contains(name, part) {
			delete(b.cookies, name)
		}
	}
}

func TestAccountRefusesBadInput(t *testing.T) {
	w := newLoginWorld(t)
	w.must(w.store.PutAssignment(t.Context(), store.Assignment{SubjectID: "u-mia", APIID: "a-messages", Rights: []string{"read"}}))
	b := w.browser()
	b.visits("mia", miaPassword)
	other := w.browser()
	other.visits("noah", noahPassword)
	noahs, err := w.store.SessionsOf(t.Context(), "u-noah")
	w.must(err)
	mias, err := w.store.SessionsOf(t.Context(), "u-mia")
	w.must(err)
	w.must(w.store.CreateToken(t.Context(), store.Token{ID: "noahs", Kind: store.PersonalAccessToken, SubjectID: "u-noah", ClientID: "u-noah", IssuedAt: start}))
	w.must(w.store.CreateToken(t.Context(), store.Token{ID: "access", Kind: store.AccessToken, SubjectID: "u-mia", ClientID: "notes", IssuedAt: start, ExpiresAt: start.Add(time.Hour)}))
	once := strings.Repeat("o", 43)
	crossSite := http.Header{"Sec-Fetch-Site": {"cross-site"}}
	for _, row := range []struct {
		name, method, path string
		form               url.Values
		header             http.Header
		status             int
		title              string
	}{
		{"a session of somebody else", "POST", "/account/sessions/" + noahs[0].ID + "/end", nil, nil, 404, "There is no such page"},
		{"the question about it", "GET", "/account/sessions/" + noahs[0].ID + "/end", nil, nil, 404, "There is no such page"},
		{"a session that is not there", "POST", "/account/sessions/nothing/end", nil, nil, 404, "There is no such page"},
		{"this session", "POST", "/account/sessions/" + mias[0].ID + "/end", nil, nil, 404, "There is no such page"},
		{"a token of somebody else", "POST", "/account/tokens/noahs/revoke", nil, nil, 404, "There is no such page"},
		{"a token of another kind", "POST", "/account/tokens/access/revoke", nil, nil, 404, "There is no such page"},
		{"an application without access", "POST", "/account/applications/shelf/withdraw", nil, nil, 404, "There is no such page"},
		{"an application that is not there", "POST", "/account/applications/nothing/withdraw", nil, nil, 404, "There is no such page"},
		{"a form of another site", "POST", "/account/others/end", nil, crossSite, 403, "This form came from another site"},
		{"a form of another host of this site", "POST", "/account/others/end", nil, http.Header{"Sec-Fetch-Site": {"same-site"}}, 403, "This form came from another site"},
		{"JSON", "POST", "/account/profile", nil, http.Header{"Content-Type": {"application/json"}}, 415, "This request is not complete"},
		{"a field twice", "POST", "/account/profile", url.Values{"name": {"a", "b"}}, nil, 400, "This request is not complete"},
		{"a field that is not UTF-8", "POST", "/account/profile", url.Values{"name": {"\xff"}}, nil, 400, "This request is not complete"},
		{"a name too long", "POST", "/account/profile", url.Values{"name": {strings.Repeat("x", 201)}}, nil, 422, "Your account"},
		{"a name with a line end", "POST", "/account/profile", url.Values{"name": {"a\nb"}}, nil, 422, "Your account"},
		{"no name for the token", "POST", "/account/tokens/new", url.Values{"audience": {messages}, "days": {"30"}, "once": {once}}, nil, 422, "Create access token"},
		{"no API for the token", "POST", "/account/tokens/new", url.Values{"name": {"ci"}, "days": {"30"}, "once": {once}}, nil, 422, "Create access token"},
		{"an API without a right on it", "POST", "/account/tokens/new", url.Values{"name": {"ci"}, "audience": {reports}, "days": {"30"}, "once": {once}}, nil, 422, "Create access token"},
		{"days that are not offered", "POST", "/account/tokens/new", url.Values{"name": {"ci"}, "audience": {messages}, "days": {"31"}, "once": {once}}, nil, 400, "This request is not complete"},
		{"for ever, where the server has a bound", "POST", "/account/tokens/new", url.Values{"name": {"ci"}, "audience": {messages}, "days": {"0"}, "once": {once}}, nil, 400, "This request is not complete"},
		{"a form without its mark", "POST", "/account/tokens/new", url.Values{"name": {"ci"}, "audience": {messages}, "days": {"30"}}, nil, 400, "This request is not complete"},
		{"a token's name with markup is a name", "GET", "/account/tokens/new?name=%3Cscript%3E", nil, nil, 200, "Create access token"},
		{"no old password", "POST", "/account/password", values("new_password", "a horse of another colour"), nil, 422, "Change password"},
		{"a short password", "POST", "/account/password", values("password", miaPassword, "new_password", "short"), nil, 422, "Change password"},
		{"a password of everybody's", "POST", "/account/password", values("password", miaPassword, "new_password", "password1234"), nil, 422, "Change password"},
		{"their own name for a password", "POST", "/account/password", values("password", miaPassword, "new_password", "mia@example.com"), nil, 422, "Change password"},
		{"a password longer than any", "POST", "/account/password", values("password", strings.Repeat("x", 2000), "new_password", "a horse of another colour"), nil, 422, "Change password"},
		{"a page that is not there", "GET", "/account/nothing", nil, nil, 404, ""},
		{"DELETE", "DELETE", "/account/sessions", nil, nil, 405, "This request is not complete"},
		{"a POST where nothing is done", "POST", "/account/sessions", nil, nil, 405, "This request is not complete"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			before := w.trail()
			b.header = row.header
			defer func() { b.header = nil }()
			s := b.follow(row.path, b.ask(row.method, row.path, row.form))
			if s.status != row.status || s.title() != row.title || s.left != nil {
				t.Errorf("got %d %q, want %d %q: %s", s.status, s.title(), row.status, row.title, s.body)
			}
			s.lacks(t, "<script")
			if after := w.trail(); !slices.Equal(before, after) {
				t.Errorf("it has left %v", after)
			}
		})
	}
	if all, err := w.store.SessionsOf(t.Context(), "u-noah"); err != nil || len(all) != 1 {
		t.Errorf("%d sessions: %v", len(all), err)
	}
}

// trail returns what has been written by way of the registry, the newest first.
func (w *world) trail() (all []string) {
	w.t.Helper()
	events, err := w.store.LatestEvents(context.Background(), 100)
	w.must(err)
	for _, e := range events {
		all = append(all, e.Actor+" "+e.Action+" "+e.Object+" "+e.Name)
	}
	return all
}

func TestAPersonEndsSessions(t *testing.T) {
	w := newLoginWorld(t)
	here, there, third := w.browser(), w.browser(), w.browser()
	there.header = http.Header{"User-Agent": {"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"}}
	offline := w.issued(w.redeem(there, "scope", "openid offline_access"))["refresh_token"].(string)
	third.visits("mia", miaPassword)
	w.pass(time.Minute)
	here.visits("mia", miaPassword)
	list := here.open("/account/sessions")
	list.tells(t, 200, "Your account", "Safari on iPhone", "Unknown browser", "this one", "127.0.0.1", "1 March 2026, 12:01 UTC")
	question := here.open(pathTo(t, list.body, "/end", "iPhone"))
	question.tells(t, 200, "Log out Safari, iPhone?")
	if there.open("/account/").title() != "Your account" {
		t.Error("the question alone has ended the session")
	}
	here.confirm(question).tells(t, 200, "Your account", "The session is logged out.")
	there.open("/account/").tells(t, 200, "Log in")
	w.refused(w.renewal(offline), 400, "invalid_grant")

	third.open("/account/").tells(t, 200, "Your account")
	here.confirm(here.open("/account/others/end")).tells(t, 200, "Your account", "You are logged out everywhere else.")
	third.open("/account/").tells(t, 200, "Log in")
	here.open("/account/").tells(t, 200, "Your account")
}

// Applications are told at once of a session that a person ends from another one, and of those that a change of the
// password ends.
func TestApplicationsAreToldOfSessionsThatEndAtTheAccount(t *testing.T) {
	l := newListener(t)
	w := newLoginWorld(t, l.trusted)
	w.listen(l, "notes")
	for name, end := range map[string]func(*browser) screen{
		"one": func(b *browser) screen {
			return b.confirm(b.open(pathTo(t, b.open("/account/sessions").body, "/end", "unknown")))
		},
		"others": func(b *browser) screen { return b.confirm(b.open("/account/others/end")) },
		"password": func(b *browser) screen {
			return b.confirm(b.open("/account/password"), "password", miaPassword, "new_password", newPassword)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w.must(w.store.PutPassword(t.Context(), store.Password{UserID: "u-mia", PHC: hashes()["mia"], ChangedAt: start}))
			_, err := w.store.DeleteSessionsOf(t.Context(), "u-mia", store.Digest{})
			w.must(err)
			there, here := w.browser(), w.browser()
			w.issued(w.redeem(there))
			here.visits("mia", miaPassword)
			end(here).tells(t, 200, "Your account")
			select {
			case r := <-l.heard:
				if _, _, claims := w.claims(r.PostForm.Get("logout_token")); claims["sub"] != "u-mia" || claims["aud"] != "notes" {
					t.Errorf("told %v", claims)
				}
			case <-time.After(10 * time.Second):
				t.Error("nobody is told")
			}
		})
	}
}

// Refresh tokens whose session is over by time are somewhere else, too.
func TestEndingAllOthersEndsWhatOutlivedItsSession(t *testing.T) {
	w := newLoginWorld(t)
	there, here := w.browser(), w.browser()
	old := w.issued(w.redeem(there, "scope", "openid offline_access"))["refresh_token"].(string)
	w.pass(13 * time.Hour)
	_, err := w.store.DeleteExpiredTokens(t.Context(), w.now(), 100)
	w.must(err)
	mine := w.issued(w.redeem(here, "scope", "openid offline_access"))["refresh_token"].(string)
	old = w.issued(w.renewal(old))["refresh_token"].(string)
	here.confirm(here.open("/account/others/end")).tells(t, 200, "Your account")
	w.refused(w.renewal(old), 400, "invalid_grant")
	w.issued(w.renewal(mine))
}

// redeem logs mia in to notes and brings the code to the token endpoint.
func (w *world) redeem(b *browser, pairs ...string) answer {
	w.t.Helper()
	raw := b.code(b.logIn("mia", miaPassword, pairs...), notesCallback)
	return w.do(call{path: "/oauth/v2/token", form: values("grant_type", "authorization_code", "client_id", "notes",
		"code", raw, "code_verifier", verifier, "redirect_uri", notesCallback)})
}

func (w *world) renewal(raw string) answer {
	w.t.Helper()
	return w.do(call{path: "/oauth/v2/token", form: values("grant_type", "refresh_token", "client_id", "notes", "refresh_token", raw)})
}

// pathTo returns the first link to a path with the suffix whose label has the word.
func pathTo(t testing.TB, body, suffix, word string) string {
	t.Helper()
	for _, found := range regexp.MustCompile(`href="([^"]*)" aria-label="([^"]*)"`).FindAllStringSubmatch(body, -1) {
		if strings.HasSuffix(found[1], suffix) && strings.Contains(found[2], word) {
			return html.UnescapeString(found[1])
		}
	}
	t.Fatalf("no link to %s about %q in %s", suffix, word, body)
	return ""
}

func TestAPersonTakesBackWhatAnApplicationMayDo(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	// An application of another house, by consent.
	asked := b.logIn("mia", miaPassword, "client_id", "shelf", "redirect_uri", "https://shelf.example.com/cb?a=1", "scope", "openid profile read", "audience", messages)
	asked.tells(t, 200, asked.title(), "Shelf")
	b.send(asked, "answer", "allow")
	// One of this house, without.
	token := w.issued(w.redeemIn(b))["refresh_token"].(string)
	list := b.open("/account/applications")
	list.tells(t, 200, "Your account", "Shelf", "Allowed on 1 March 2026", "messages", "Notes", "Logged in since 1 March 2026")
	b.confirm(b.open(pathTo(t, list.body, "/withdraw", "Shelf"))).tells(t, 200, "Your account", "Taken back.")
	if _, err := w.store.Consent(t.Context(), "u-mia", "shelf"); err == nil {
		t.Error("the consent is still there")
	}
	w.issued(w.renewal(token))
	b.confirm(b.open(pathTo(t, b.open("/account/applications").body, "/withdraw", "Notes"))).tells(t, 200, "Your account", "No application acts in your name.")
	w.refused(w.renewal(token), 400, "invalid_grant")
	// The next log-in asks anew.
	if again := b.open(asks("client_id", "shelf", "redirect_uri", "https://shelf.example.com/cb?a=1", "scope", "openid profile read", "audience", messages)); again.title() != asked.title() {
		t.Errorf("it comes %q", again.title())
	}
	if got := w.trail(); !slices.Equal(got, []string{"u-mia delete consent mia to Notes", "u-mia delete consent mia to Shelf"}) {
		t.Errorf("events %q", got)
	}
}

// redeemIn is redeem for a browser in which mia is logged in.
func (w *world) redeemIn(b *browser) answer {
	w.t.Helper()
	raw := b.code(b.open(asks("scope", "openid offline_access")), notesCallback)
	return w.do(call{path: "/oauth/v2/token", form: values("grant_type", "authorization_code", "client_id", "notes",
		"code", raw, "code_verifier", verifier, "redirect_uri", notesCallback)})
}

var bornOf = regexp.MustCompile(`<code class="secret">([^<]*)</code>`)

func TestAPersonMakesAnAccessTokenForChosenAPIs(t *testing.T) {
	w := newLoginWorld(t)
	for _, a := range []store.Assignment{
		{SubjectID: "u-mia", APIID: "a-messages", Rights: []string{"read", "read:messages"}},
		{SubjectID: "u-mia", APIID: "a-reports", Rights: []string{"read"}},
		{SubjectID: "u-mia", ProjectID: "P", Rights: []string{"read:messages"}},
	} {
		w.must(w.store.PutAssignment(t.Context(), a))
	}
	b := w.browser()
	b.visits("mia", miaPassword)
	b.open("/account/tokens").tells(t, 200, "Your account", "You have none.")
	form := b.open("/account/tokens/new")
	form.tells(t, 200, "Create access token", "messages", "reports", "samples", "in 90 days", "in 1,825 days")
	once := form.hidden("once")
	fields := []string{"name", " ci ", "audience", messages, "days", "90", "once", once}
	born := b.confirm(form, fields...)
	born.tells(t, 200, "Your account", "Shown this once", "ci", "messages", "30 May 2026")
	w.headers(born.answer, map[string]string{"Cache-Control": "no-store"})
	raw := bornOf.FindStringSubmatch(born.body)[1]

	got := w.introspect("messages", raw)
	if got["active"] != true || got["sub"] != "u-mia" || got["scope"] != "read read:messages" || got["exp"] != float64(start.Add(90*24*time.Hour).Unix()) {
		t.Errorf("introspection: %v", got)
	}
	w.inactive("reports", raw) // not chosen
	w.inactive("samples", raw)
	b.open("/account/tokens").lacks(t, raw, bornOf.String())
	// The form sent again, as a reload sends it, makes none.
	b.confirm(form, fields...).tells(t, 200, "Your account")
	if all, err := w.store.TokensOf(t.Context(), "u-mia", store.PersonalAccessToken); err != nil || len(all) != 1 {
		t.Fatalf("%d tokens: %v", len(all), err)
	}
	question := b.open(pathTo(t, b.open("/account/tokens").body, "/revoke", "ci"))
	question.tells(t, 200, "Revoke the token ci?")
	if w.introspect("messages", raw)["active"] != true {
		t.Error("the question alone has revoked the token")
	}
	b.confirm(question).tells(t, 200, "Your account", "The token is revoked.", "You have none.")
	w.inactive("messages", raw)
	if got := w.trail(); !slices.Equal(got, []string{"u-mia delete personal access token ci", "u-mia create personal access token ci"}) {
		t.Errorf("events %q", got)
	}
	if strings.Contains(w.logs.String(), raw) {
		t.Error("the token is in the log")
	}
}

func TestAnAccessTokenWantsAFreshLogin(t *testing.T) {
	w := newLoginWorld(t)
	w.must(w.store.PutAssignment(t.Context(), store.Assignment{SubjectID: "u-mia", APIID: "a-messages", Rights: []string{"read"}}))
	b := w.browser()
	b.visits("mia", miaPassword)
	before, err := w.store.SessionsOf(t.Context(), "u-mia")
	w.must(err)
	w.pass(5 * time.Minute)
	form := b.open("/account/tokens/new")
	form.tells(t, 200, "Create access token")
	w.pass(time.Second)
	login := b.confirm(form, "name", "ci", "audience", messages, "days", "30", "once", form.hidden("once"))
	login.tells(t, 200, "Log in")
	if !strings.Contains(login.body, `value="mia"`) {
		t.Error("the page does not say who is asked for the password")
	}
	if all, _ := w.store.TokensOf(t.Context(), "u-mia", store.PersonalAccessToken); len(all) != 0 {
		t.Error("there is a token")
	}
	b.open("/account/sessions").tells(t, 200, "Your account")
	b.send(login, "identifier", "mia", "password", miaPassword, "answer", "login").tells(t, 200, "Create access token")
	after, err := w.store.SessionsOf(t.Context(), "u-mia")
	w.must(err)
	if len(after) != 1 || after[0].ID != before[0].ID || after[0].Digest == before[0].Digest {
		t.Errorf("the session is %+v after %+v", after, before)
	}
}

func TestAPersonHasABoundedNumberOfTokens(t *testing.T) {
	w := newLoginWorld(t)
	w.must(w.store.PutAssignment(t.Context(), store.Assignment{SubjectID: "u-mia", APIID: "a-messages", Rights: []string{"read"}}))
	for i := range 50 {
		w.must(w.store.CreateToken(t.Context(), store.Token{ID: fmt.Sprintf("t-%02d", i), Kind: store.PersonalAccessToken, SubjectID: "u-mia", ClientID: "u-mia", Name: "x", IssuedAt: start}))
	}
	b := w.browser()
	b.visits("mia", miaPassword)
	form := b.open("/account/tokens/new")
	b.confirm(form, "name", "ci", "audience", messages, "days", "30", "once", form.hidden("once")).tells(t, 422, "Create access token", "You have 50 tokens.")
	w.must(w.store.RevokeToken(t.Context(), "t-07", start))
	b.confirm(form, "name", "ci", "audience", messages, "days", "30", "once", form.hidden("once")).tells(t, 200, "Your account", "Shown this once")
}

func TestWhoHasNoRightsIsToldSo(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	b.visits("noah", noahPassword)
	b.open("/account/tokens/new").tells(t, 200, "Create access token", "you have none yet")
}

const newPassword = "a horse of another colour"

func TestAPersonChangesTheirPassword(t *testing.T) {
	w := newLoginWorld(t)
	here, there := w.browser(), w.browser()
	refresh := w.issued(w.redeem(there, "scope", "openid offline_access"))["refresh_token"].(string)
	mine := w.issued(w.redeem(here, "scope", "openid offline_access"))["refresh_token"].(string)
	old := fmt.Sprint(here.cookies)
	form := here.open("/account/password")
	form.tells(t, 200, "Change password")
	here.confirm(form, "password", "not it at all", "new_password", newPassword).tells(t, 422, "Change password", "This is not your password.")
	planted := w.browser()
	for name, value := range here.cookies {
		planted.cookies[name] = value
	}
	s := here.confirm(form, "password", miaPassword, "new_password", newPassword)
	s.tells(t, 200, "Your account", "Your password is changed, and every other session is logged out.")
	if fmt.Sprint(here.cookies) == old {
		t.Error("the session goes on under the same cookie")
	}
	planted.open("/account/").tells(t, 200, "Log in")
	there.open("/account/").tells(t, 200, "Log in")
	w.refused(w.renewal(refresh), 400, "invalid_grant")
	w.refused(w.renewal(mine), 400, "invalid_grant")
	w.browser().visits("mia", miaPassword).tells(t, 422, "Log in")
	w.browser().visits("mia", newPassword).tells(t, 200, "Your account")
	if got := w.trail(); !slices.Equal(got, []string{"u-mia change password mia"}) {
		t.Errorf("events %q", got)
	}
	if log := w.logs.String(); strings.Contains(log, newPassword) || strings.Contains(log, miaPassword) {
		t.Error("a password is in the log")
	}
}

// Guesses at the account page are those of the login page: they share what is counted.
func TestK34GuessesOfTheOldPasswordCountAsLogins(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	b.visits("mia", miaPassword)
	form := b.open("/account/password")
	for range 6 {
		b.confirm(form, "password", "not it at all", "new_password", newPassword).tells(t, 422, "Change password")
	}
	b.confirm(form, "password", miaPassword, "new_password", newPassword).tells(t, 422, "Change password")
	w.browser().visits("mia", miaPassword).tells(t, 422, "Log in")
	w.pass(time.Hour)
	b.confirm(form, "password", miaPassword, "new_password", newPassword).tells(t, 200, "Your account")
}

func TestOfTwoChangesOfAPasswordOneCounts(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	b.visits("mia", miaPassword)
	results := make(chan answer, 2)
	for _, chosen := range []string{newPassword, "the second of two horses"} {
		r, err := http.NewRequest(http.MethodPost, w.issuer+"/account/password", strings.NewReader(values("password", miaPassword, "new_password", chosen).Encode()))
		w.must(err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for name, value := range b.cookies {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		go func() {
			a, _ := w.roundTrip(r)
			results <- a
		}()
	}
	var saved int
	for range 2 {
		if a := <-results; strings.Contains(a.header.Get("Location"), "saved=password") {
			saved++
		}
	}
	if saved != 1 {
		t.Errorf("%d changes are acknowledged", saved)
	}
	if all, err := w.store.SessionsOf(t.Context(), "u-mia"); err != nil || len(all) != 1 {
		t.Errorf("%d sessions: %v", len(all), err)
	}
}

// Who logs in without a password, or did when there was one, sets the first after a login of the last minutes.
func TestTheFirstPasswordWantsAFreshLogin(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	b.visits("mia", miaPassword)
	w.must(w.store.DeletePassword(t.Context(), "u-mia"))
	b.open("/account/").tells(t, 200, "Your account", "You have no password")
	form := b.open("/account/password")
	form.tells(t, 200, "Change password")
	form.lacks(t, `name="password"`)
	w.pass(6 * time.Minute)
	b.confirm(form, "new_password", newPassword).tells(t, 200, "Log in")
	if _, err := w.store.Password(t.Context(), "u-mia"); err == nil {
		t.Error("there is a password")
	}
	w.pass(-6 * time.Minute)
	b.confirm(form, "new_password", newPassword).tells(t, 200, "Your account")
}

func TestAPersonSaysWhatApplicationsSee(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	b.visits("mia", miaPassword)
	form := b.open("/account/profile")
	form.tells(t, 200, "Your account", "mia@example.com", "confirmed")
	w.pass(time.Minute)
	s := b.confirm(form, "name", " Mia <b>Berg ", "given_name", "Mia", "family_name", "", "email", "evil@example.com", "ui_locales", "de")
	s.tells(t, 200, "Ihr Konto", "Gespeichert", "Mia <b>Berg")
	got, err := w.store.User(t.Context(), "u-mia")
	w.must(err)
	if got.Name != "Mia <b>Berg" || got.GivenName != "Mia" || got.FamilyName != "" || got.Locale != "de" || got.Email != "mia@example.com" || !got.UpdatedAt.Equal(w.now()) {
		t.Errorf("%+v", got)
	}
	b.open("/account/").tells(t, 200, "Ihr Konto")
	got.Locale = "de-AT"
	w.must(w.store.PutUser(t.Context(), got))
	b.confirm(form, "name", "Mia", "ui_locales", "de")
	if got, err = w.store.User(t.Context(), "u-mia"); err != nil || got.Locale != "de-AT" {
		t.Errorf("the language is %q: %v", got.Locale, err)
	}
	b.confirm(form, "name", "Mia", "ui_locales", "")
	if got, err = w.store.User(t.Context(), "u-mia"); err != nil || got.Locale != "" {
		t.Errorf("the language is %q: %v", got.Locale, err)
	}
	if trail := w.trail(); len(trail) != 3 || trail[0] != "u-mia change user mia" {
		t.Errorf("events %q", trail)
	}
}

// A link of another site cannot have the page say that something was done.
func TestWhatWasDoneIsSaidAfterAFormAlone(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	b.visits("mia", miaPassword)
	const said = "Your password is changed"
	for site, want := range map[string]bool{"same-origin": true, "": true, "cross-site": false, "same-site": false, "none": false} {
		b.header = http.Header{}
		if site != "" {
			b.header.Set("Sec-Fetch-Site", site)
		}
		if got := strings.Contains(b.open("/account/?saved=password").body, said); got != want {
			t.Errorf("from %q: %t, want %t", site, got, want)
		}
		if s := b.open("/account/?saved=%3Cscript%3E"); strings.Contains(s.body, "<script>") || s.status != 200 {
			t.Errorf("%d %s", s.status, s.body)
		}
	}
}

// Looking at pages writes once in five minutes, and keeps the session alive.
func TestLookingAtPagesIsRememberedNowAndThen(t *testing.T) {
	counted := new(touches)
	w := newLoginWorld(t, func(c *server.Config) { counted.Store = c.Store; c.Store = counted })
	b := w.browser()
	b.visits("mia", miaPassword)
	counted.n.Store(0)
	for range 20 {
		b.open("/account/sessions").tells(t, 200, "Your account")
	}
	if n := counted.n.Load(); n != 0 {
		t.Errorf("%d writes for 20 looks", n)
	}
	for range 4 { // a day and more, never 12 hours without a look
		w.pass(7 * time.Hour)
		b.open("/account/sessions").tells(t, 200, "Your account")
	}
	if n := counted.n.Load(); n != 4 {
		t.Errorf("%d writes, want 4", n)
	}
	for range 105 {
		w.pass(7 * time.Hour)
		if b.open("/account/sessions").title() == "Log in" {
			return
		}
	}
	t.Error("the session has no end")
}

// touches counts the writes of sessions' last use.
type touches struct {
	store.Store
	n atomic.Int64
}

func (s *touches) TouchSession(ctx context.Context, d store.Digest, seen, idle time.Time) error {
	s.n.Add(1)
	return s.Store.TouchSession(ctx, d, seen, idle)
}

// In an outage the account is neither lost nor open.
func TestTheAccountInAnOutage(t *testing.T) {
	failing := new(failingStore)
	w := newLoginWorld(t, func(c *server.Config) { failing.Store = c.Store; c.Store = failing })
	b := w.browser()
	b.visits("mia", miaPassword)
	failing.down.Store(true)
	for _, row := range []struct{ method, path string }{
		{"GET", "/account/"}, {"GET", "/account/sessions"}, {"GET", "/account/tokens/new"}, {"POST", "/account/others/end"}, {"POST", "/account/password"},
	} {
		a := b.ask(row.method, row.path, values("password", miaPassword, "new_password", newPassword))
		if a.status != 503 || a.header.Get("Retry-After") == "" || strings.Contains(a.body, "Log in") || len(b.cookies) != 2 {
			t.Errorf("%s %s: %d %v %s", row.method, row.path, a.status, a.header, a.body)
		}
	}
	failing.down.Store(false)
	b.open("/account/").tells(t, 200, "Your account")
}

// failingStore cannot tell of sessions while it is down.
type failingStore struct {
	store.Store
	down atomic.Bool
}

func (s *failingStore) Session(ctx context.Context, d store.Digest) (store.Session, error) {
	if s.down.Load() {
		return store.Session{}, fmt.Errorf("%w: the disk is on fire", store.ErrUnavailable)
	}
	return s.Store.Session(ctx, d)
}

func FuzzAccount(f *testing.F) {
	w := newLoginWorld(f)
	b := w.browser()
	b.visits("mia", miaPassword)
	for _, seed := range [][2]string{
		{"/account/profile", "name=Mia&given_name=&ui_locales=de"}, {"/account/password", "password=x&new_password=y"},
		{"/account/tokens/new", "name=a&audience=b&audience=c&days=30&once=x"}, {"/account/sessions/x/end", ""},
		{"/account/applications/x/withdraw", "ui_locales=xx"}, {"/account/tokens/%2e%2e/revoke", "a=%"}, {"/account/others/end", "saved=\x00"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, path, body string) {
		r, err := http.NewRequest(http.MethodPost, "http://x"+path, strings.NewReader(body))
		if err != nil || !strings.HasPrefix(r.URL.Path, "/account/") || r.URL.Path == "/account/others/end" || r.URL.Path == "/account/password" {
			return // of other pages
		}
		w := w.at(t)
		r.URL.Scheme, r.URL.Host = "http", strings.TrimPrefix(w.issuer, "http://")
		r.Host = ""
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for name, value := range b.cookies {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		a, err := w.roundTrip(r)
		if err != nil {
			return // it is not a request that can be sent
		}
		if a.status >= 500 || a.status < 200 {
			t.Errorf("%d %s", a.status, a.body)
		}
		if to := a.header.Get("Location"); to != "" && !strings.HasPrefix(to, "/account/") && !strings.HasPrefix(to, "/login/") {
			t.Errorf("it leads to %s", to)
		}
	})
}
