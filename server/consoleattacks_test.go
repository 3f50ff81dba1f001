package server_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server/internal/account"
	"github.com/postern-auth/postern/server/internal/console"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

var pathParameter = regexp.MustCompile(`\{[^}]*\}`)

// each calls f with every path of a table that takes the method, with a value for what stands in braces.
func each(routes []endpoint.Route, method, value string, f func(path string)) {
	for _, route := range routes {
		if strings.Contains(route.Methods, method) {
			f(pathParameter.ReplaceAllString(strings.TrimSuffix(string(route.Endpoint.ZITADEL), "{$}"), value))
		}
	}
}

// What another site has a browser send does nothing, whoever is logged in there, and neither does a body that is not
// a form's.
func TestS11_NoOtherSiteWritesByTheConsoleOrTheAccount(t *testing.T) {
	w := newConsoleWorld(t)
	b := w.administrates()
	before, err := w.store.LatestEvents(t.Context(), 100)
	w.must(err)
	routes := append(console.New(console.Config{}).Routes(), account.New(account.Config{}).Routes()...)
	n := 0
	each(routes, http.MethodPost, "u-noah", func(path string) {
		for name, header := range map[string]http.Header{
			"another site":                                   {"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}},
			"another host of this site":                      {"Sec-Fetch-Site": {"same-site"}, "Origin": {"https://x.example.com"}},
			"a browser that tells the origin alone":          {"Origin": {"https://evil.example"}},
			"a page without an origin":                       {"Origin": {"null"}},
			"another site, with JSON that calls itself text": {"Content-Type": {"text/plain"}, "Origin": {"https://evil.example"}},
		} {
			b.header = header
			if got := b.ask(http.MethodPost, path, values("name", "Evil", "way", "itself", "counted", "1")).status; got != http.StatusForbidden {
				t.Errorf("POST %s by %s: %d, want 403", path, name, got)
			}
		}
		b.header = http.Header{"Content-Type": {"application/json"}}
		if got := b.ask(http.MethodPost, path, values("name", "Evil")).status; got < 400 || got >= 500 {
			t.Errorf("POST %s of JSON: %d, want a refusal", path, got)
		}
		n++
	})
	b.header = nil
	after, err := w.store.LatestEvents(t.Context(), 100)
	w.must(err)
	if diff := cmp.Diff(before, after); diff != "" || n < 40 {
		t.Errorf("%d routes, and what happened (-before +after):\n%s", n, diff)
	}
}

func TestS12_SessionsOfTheConsole(t *testing.T) {
	w := newConsoleWorld(t)
	// Whoever has put cookies into a browser before the login knows none of those that count after it.
	attacker := w.browser()
	login := attacker.open("/console/")
	b := w.browser()
	maps.Copy(b.cookies, attacker.cookies)
	if len(b.cookies) == 0 {
		t.Fatal("a browser gets no cookie before the login")
	}
	b.send(login, "identifier", "mia", "password", miaPassword, "answer", "login").tells(t, 200, "Overview")
	attacker.open("/console/").tells(t, 200, "Log in")
	again := w.browser() // a copy of the browser
	maps.Copy(again.cookies, b.cookies)
	again.open("/console/events").tells(t, 200, "Events")

	// Who may no longer is out with the next request.
	w.must(w.store.DeleteAssignment(t.Context(), store.Assignment{SubjectID: "u-mia", ProjectID: registry.OwnProject}))
	b.open("/console/events").tells(t, 403, "You may not open this page")
	w.must(w.store.PutAssignment(t.Context(), store.Assignment{SubjectID: "u-mia", ProjectID: registry.OwnProject, Rights: []string{registry.Reader}}))
	b.open("/console/service-users/new").tells(t, 403, "Only administrators can do this")
	w.must(w.store.PutAssignment(t.Context(), store.Assignment{SubjectID: "u-mia", ProjectID: registry.OwnProject, Rights: []string{registry.Administrator}}))
	b.open("/console/service-users/new").tells(t, 200, "Create service user")

	// Logged out is logged out, for a copy of the cookie too.
	s := b.open("/console/")
	out := regexp.MustCompile(`action="([^"]*sid=[^"]*)"`).FindStringSubmatch(s.body)
	if out == nil {
		t.Fatal("the console has no way out")
	}
	b.follow(out[1], b.ask(http.MethodPost, strings.ReplaceAll(out[1], "&amp;", "&"), values("answer", "logout")))
	again.open("/console/events").tells(t, 200, "Log in")

	// A name that leads to this machine, and is not the server's.
	b = w.administrates()
	b.host = "evil.example"
	each(console.New(console.Config{}).Routes(), http.MethodGet, "x", func(path string) {
		if got := b.ask(http.MethodGet, path, nil); got.status != http.StatusMisdirectedRequest || strings.Contains(got.body, "Overview") {
			t.Errorf("GET %s at another host: %d, want 421", path, got.status)
		}
	})
}

// Every page of the account that is about one thing, with a thing of somebody else's.
func TestS14_NobodyReachesTheThingsOfAnotherAccount(t *testing.T) {
	w := newLoginWorld(t)
	ctx := t.Context()
	mia := w.browser()
	mia.visits("mia", miaPassword)
	sessions, err := w.store.SessionsOf(ctx, "u-mia")
	w.must(err)
	w.must(w.store.PutConsent(ctx, store.Consent{UserID: "u-mia", ClientID: "shelf", Scopes: []string{"openid"}, GivenAt: start, UpdatedAt: start}))
	w.must(w.store.CreateToken(ctx, store.Token{ID: "pat-mia", Kind: store.PersonalAccessToken, SubjectID: "u-mia", ClientID: "mia", Name: "hers", IssuedAt: start}))
	w.must(w.store.CreatePasskey(ctx, store.Passkey{ID: "key-mia", Credential: []byte("c"), UserID: "u-mia", RPID: "localhost", Name: "hers", Record: "{}", CreatedAt: start}))
	noah := w.browser()
	noah.visits("noah", noahPassword)
	things := []string{sessions[0].ID, "shelf", "pat-mia", "key-mia", "u-mia"}
	hold := func() string {
		t.Helper()
		sessions, err := w.store.SessionsOf(ctx, "u-mia")
		w.must(err)
		consents, err := w.store.ConsentsOf(ctx, "u-mia")
		w.must(err)
		token, err := w.store.Token(ctx, "pat-mia")
		w.must(err)
		passkeys, err := w.store.PasskeysOf(ctx, "u-mia")
		w.must(err)
		return fmt.Sprint(len(sessions), len(consents), token.RevokedAt.IsZero(), len(passkeys))
	}
	before, n := hold(), 0
	for _, thing := range things {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			for _, route := range account.New(account.Config{}).Routes() {
				pattern := string(route.Endpoint.ZITADEL)
				if !strings.Contains(pattern, "{id}") || !strings.Contains(route.Methods, method) {
					continue
				}
				path := strings.ReplaceAll(pattern, "{id}", thing)
				if got := noah.ask(method, path, values("answer", "yes")); got.status != http.StatusNotFound && got.status != http.StatusForbidden {
					t.Errorf("%s %s by another person: %d %s, want 404 or 403", method, path, got.status, got.header.Get("Location"))
				}
				n++
			}
		}
	}
	if after := hold(); after != before || n < 40 {
		t.Errorf("%d calls, and mia has %s, want %s", n, after, before)
	}
}

// Who has to log in first comes to the page that was asked for, with its query, and to nowhere else.
func TestALoginLeadsToTheAddressThatWasAskedFor(t *testing.T) {
	w := newConsoleWorld(t)
	for asked, want := range map[string]string{
		"/console/service-users?q=robot":                        "/console/service-users?q=robot",
		"/console/service-users?q=a%26b%3Dc+%2F%2Fevil":         "/console/service-users?q=a%26b%3Dc+%2F%2Fevil",
		"/console/service-users?q=%0d%0aLocation:%20evil":       "/console/service-users?q=%0D%0ALocation%3A+evil",
		"/console/service-users?q=robot&unknown=1":              "/console/service-users?q=robot",
		"/console/service-users?done=saved+robot":               "/console/service-users",
		"/console/service-users?q=robot&done=saved+robot":       "/console/service-users?q=robot",
		"/console/service-users?q=" + strings.Repeat("x", 3000): "/console/service-users",
		"/account/?saved=password":                              "/account/",
	} {
		b := w.browser()
		login := b.open(asked)
		a := b.ask(http.MethodPost, login.action(), merged(login.form(), "identifier", "mia", "password", miaPassword, "answer", "login"))
		if a.header.Get("Location") != want {
			t.Errorf("%.60s leads to %d %.80q, want %.80q", asked, a.status, a.header.Get("Location"), want)
		}
	}
}

// merged is a form with some fields in the place of others.
func merged(form url.Values, pairs ...string) url.Values {
	maps.Copy(form, values(pairs...))
	return form
}
