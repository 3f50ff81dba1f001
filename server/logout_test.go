package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/internal/logout"
)

const bye = "https://notes.example.com/bye"

// idToken is one as the server issues them to the client of a code, changed by f.
func (w *world) idToken(rawCode string, f func(claims map[string]any)) string {
	w.t.Helper()
	family := w.family(rawCode)
	now := w.now()
	claims := map[string]any{
		"iss": w.issuer, "sub": family.SubjectID, "aud": family.ClientID, "azp": family.ClientID, "sid": family.SessionID,
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "auth_time": family.AuthTime.Unix(),
	}
	if f != nil {
		f(claims)
	}
	payload, err := json.Marshal(claims)
	w.must(err)
	signer, err := w.ring().Signer(w.t.Context(), jws.RS256)
	w.must(err)
	raw, err := signer.Sign("JWT", payload)
	w.must(err)
	return raw
}

// endSession is the path of a request to the end_session_endpoint.
func endSession(pairs ...string) string { return "/oidc/v1/end_session?" + values(pairs...).Encode() }

// ended checks that nobody is logged in with the cookie that the browser had, and that it is gone.
func (b *browser) ended(cookie string, family string) {
	b.w.t.Helper()
	if name := sessionCookie(b); name != "" {
		b.w.t.Errorf("the cookie %s is kept", name)
	}
	old := b.w.browser()
	old.cookies = map[string]string{b.cookieName(): cookie}
	if s := old.open(asks("prompt", "none")); s.told().Get("error") != "login_required" {
		b.w.t.Errorf("the old cookie opens: %v", s.left)
	}
	f, err := b.w.store.Family(b.w.t.Context(), family)
	b.w.must(err)
	if f.Reason != logout.Reason || f.RevokedAt.IsZero() {
		b.w.t.Errorf("family %+v", f)
	}
}

func (b *browser) lives() {
	b.w.t.Helper()
	if s := b.open(asks("prompt", "none")); !s.told().Has("code") {
		b.w.t.Errorf("the session is gone: %v %s", s.left, s.says())
	}
}

// cookieName returns the name of the session's cookie, which that of the binding tells.
func (b *browser) cookieName() string {
	for name := range b.cookies {
		return strings.Replace(name, "postern-b-", "postern-", 1)
	}
	return ""
}

func TestK19_AnExpiredHintEndsTheSessionAndLeadsBack(t *testing.T) {
	for _, row := range []struct{ name, state string }{{"with state", "a b&c"}, {"without state", ""}} {
		t.Run(row.name, func(t *testing.T) {
			w := newLoginWorld(t)
			b := w.browser()
			raw := b.code(b.logIn("mia", miaPassword), notesCallback)
			cookie := b.session(t)
			hint := w.idToken(raw, func(c map[string]any) { c["exp"] = start.Add(-time.Hour).Unix() })
			pairs := []string{"id_token_hint", hint, "post_logout_redirect_uri", bye}
			if row.state != "" {
				pairs = append(pairs, "state", row.state)
			}
			s := b.open(endSession(pairs...))
			want := bye
			if row.state != "" {
				want += "?state=a%20b%26c"
			}
			if got := s.header.Get("Location"); s.status != 302 || got != want {
				t.Errorf("%d %s", s.status, got)
			}
			b.ended(cookie, w.family(raw).ID)
		})
	}
}

func TestK20_WhatProvesNothingAsksFirst(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	raw := b.code(b.logIn("mia", miaPassword), notesCallback)
	hint := w.idToken(raw, nil)
	forged := strings.Split(hint, ".")
	other := strings.Split(w.idToken(raw, func(c map[string]any) { c["exp"] = start.Unix() }), ".")
	for _, row := range []struct {
		name, path string
		back       string // the host that the page names
	}{
		{"nothing", endSession(), ""},
		{"the state alone", endSession("state", "x"), ""},
		{"a hint of another application than client_id", endSession("id_token_hint", hint, "client_id", "shelf", "post_logout_redirect_uri", "https://shelf.example.com/bye"), "shelf.example.com"},
		{"a hint that is none", endSession("id_token_hint", "bogus", "post_logout_redirect_uri", bye), ""},
		{"a hint whose claims were changed", endSession("id_token_hint", forged[0]+"."+other[1]+"."+forged[2], "post_logout_redirect_uri", bye), ""},
		{"a hint whose claims are no JSON", endSession("id_token_hint", forged[0]+"."+forged[1]+"x."+forged[2], "post_logout_redirect_uri", bye), ""},
		{"a hint of alg none", endSession("id_token_hint", "eyJhbGciOiJub25lIn0."+forged[1]+".", "post_logout_redirect_uri", bye), ""},
		{"a hint of another issuer", endSession("id_token_hint", w.idToken(raw, func(c map[string]any) { c["iss"] = auth0Issuer }), "post_logout_redirect_uri", bye), ""},
		{"an access token as hint", endSession("id_token_hint", w.idToken(raw, func(c map[string]any) { delete(c, "auth_time") }), "post_logout_redirect_uri", bye), ""},
		{"a hint for several", endSession("id_token_hint", w.idToken(raw, func(c map[string]any) { c["aud"] = []string{"notes", "shelf"} }), "post_logout_redirect_uri", bye), ""},
		{"a hint of an unknown application", endSession("id_token_hint", w.idToken(raw, func(c map[string]any) { c["aud"], c["azp"] = "gone", "gone" }), "post_logout_redirect_uri", bye), ""},
		{"a hint of somebody else", endSession("id_token_hint", w.idToken(raw, func(c map[string]any) { c["sub"] = "u-noah" }), "post_logout_redirect_uri", bye), "notes.example.com"},
		{"an address that is not registered", endSession("id_token_hint", hint, "post_logout_redirect_uri", "https://evil.example/"), ""},
		{"an address with a query added", endSession("id_token_hint", hint, "post_logout_redirect_uri", bye+"?x=1"), ""},
		{"no hint, but client_id and address", endSession("client_id", "notes", "post_logout_redirect_uri", bye), "notes.example.com"},
		{"no hint, and an address of another application", endSession("client_id", "notes", "post_logout_redirect_uri", "https://shelf.example.com/bye"), ""},
		{"an application that is not active", endSession("client_id", "closed"), ""},
		{"Auth0's address with returnTo that is not registered", "/v2/logout?client_id=notes&returnTo=https%3A%2F%2Fevil.example%2F", ""},
		{"Auth0's address without an application", "/v2/logout?returnTo=" + url.QueryEscape(bye), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			b.w = w.at(t)
			s := b.open(row.path)
			b.page(s, 200, "Log out?")
			if !strings.Contains(s.says(), "Mia Example") || strings.Contains(s.body, "evil") || strings.Contains(s.says(), "Then you go back to") != (row.back != "") || !strings.Contains(s.says(), row.back) {
				t.Errorf("it says %s", s.says())
			}
			b.lives()
		})
	}
}

func TestK22_AHintEndsTheSessionOfABrowserThatWasRestarted(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	raw := b.code(b.logIn("mia", miaPassword), notesCallback)
	cookie := b.session(t)
	// A server of the application says it, without the browser.
	program := w.do(call{path: "/oidc/v1/end_session", form: values("id_token_hint", w.idToken(raw, nil), "client_id", "notes", "post_logout_redirect_uri", bye)})
	if program.status != 303 || program.header.Get("Location") != bye {
		t.Errorf("%d %v", program.status, program.header)
	}
	delete(b.cookies, sessionCookie(b))
	b.ended(cookie, w.family(raw).ID)
}

func TestK23_OneButtonEndsTheSession(t *testing.T) {
	for _, row := range []struct{ name, path, back string }{
		{"without parameters", endSession(), ""},
		{"back to the application", endSession("client_id", "notes", "post_logout_redirect_uri", bye, "state", "x"), bye + "?state=x"},
		{"for Auth0's address with a bad returnTo", "/v2/logout?client_id=notes&returnTo=https%3A%2F%2Fevil.example%2F", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newLoginWorld(t)
			b := w.browser()
			raw := b.code(b.logIn("mia", miaPassword), notesCallback)
			cookie := b.session(t)
			s := b.send(b.open(row.path), "answer", "logout")
			if row.back == "" {
				b.page(s, 200, "You are logged out of Postern")
			} else if s.left == nil || s.left.String() != row.back || s.status != 200 {
				t.Errorf("%d %v", s.status, s.left)
			}
			b.ended(cookie, w.family(raw).ID)
		})
	}
}

func TestK25_AnotherSitesPageDoesNotLogOut(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	raw := b.code(b.logIn("mia", miaPassword), notesCallback)
	hinted := endSession("id_token_hint", w.idToken(raw, nil))
	for _, dest := range []string{"image", "iframe", "empty", "script", "style", "object"} {
		for _, path := range []string{"/v2/logout?client_id=notes", hinted} {
			b.header = http.Header{"Sec-Fetch-Dest": {dest}, "Sec-Fetch-Site": {"cross-site"}}
			if s := b.open(path); s.status != 403 || s.left != nil {
				t.Errorf("%s in %s: %d %v", path, dest, s.status, s.left)
			}
			b.header = nil
			b.lives()
		}
	}
	page := b.open(endSession())
	for _, header := range []http.Header{{"Sec-Fetch-Site": {"cross-site"}}, {"Origin": {"https://evil.example"}}} {
		b.header = header
		b.page(b.send(page, "answer", "logout"), 403, "This form came from another site")
		b.header = nil
	}
	a := b.ask(http.MethodPost, endSession(), values("answer", "logout")) // the endpoint takes no answer of a page
	if a.status != 200 || !strings.Contains(a.body, "Log out?") {
		t.Errorf("%d %s", a.status, a.body)
	}
	forged := page
	forged.body = strings.ReplaceAll(page.body, "sid=", "sid=0")
	b.page(b.send(forged, "answer", "logout"), 200, "Log out?")
	b.lives()
	stolen := w.browser()
	stolen.cookies[sessionCookie(b)] = b.session(t)
	if s := stolen.send(page, "answer", "logout"); s.status != 403 {
		t.Errorf("without the cookie of the browser: %d %s", s.status, s.says())
	}
	b.lives()
}

func TestAuth0sAddressLogsOutAtOnce(t *testing.T) {
	for _, row := range []struct{ name, query, to string }{
		{"with a registered returnTo", "client_id=notes&returnTo=" + url.QueryEscape(bye) + "&auth0Client=x&federated", bye},
		{"without returnTo", "client_id=notes", "https://notes.example.com"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newLoginWorld(t)
			b := w.browser()
			b.host = auth0Host
			raw := b.code(b.logIn("mia", miaPassword), notesCallback)
			b.header = http.Header{"Sec-Fetch-Dest": {"document"}, "Sec-Fetch-Site": {"cross-site"}}
			s := b.open("/v2/logout?" + row.query)
			if got := s.header.Get("Location"); s.status != 302 || got != row.to || sessionCookie(b) != "" {
				t.Errorf("%d %s", s.status, got)
			}
			if f := w.family(raw); f.RevokedAt.IsZero() {
				t.Error("the tokens live on")
			}
			// Again, with nobody logged in: still back to the application.
			if s := b.open("/v2/logout?" + row.query); s.header.Get("Location") != row.to {
				t.Errorf("%d %v", s.status, s.header)
			}
		})
	}
}

func TestALogoutLeavesTokensThatOutliveSessions(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	s := b.send(b.logIn("mia", miaPassword, shelf()...), "answer", "allow")
	shelfs := w.family(s.told().Get("code"))
	notes := w.family(b.code(b.open(asks()), notesCallback))
	b.send(b.open(endSession()), "answer", "logout")
	for id, revoked := range map[string]bool{shelfs.ID: false, notes.ID: true} {
		f, err := w.store.Family(t.Context(), id)
		w.must(err)
		if f.RevokedAt.IsZero() == revoked {
			t.Errorf("family of %s: revoked at %s", f.ClientID, f.RevokedAt)
		}
	}
}

func TestNobodyIsLoggedOut(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	b.page(b.open(endSession()), 200, "You are logged out of Postern")
	b.page(b.open("/logout"), 200, "You are logged out of Postern")
	if s := b.open(endSession("client_id", "notes", "post_logout_redirect_uri", bye, "state", "x")); s.header.Get("Location") != bye+"?state=x" {
		t.Errorf("%d %v", s.status, s.header)
	}
	for _, path := range []string{endSession("state", strings.Repeat("x", 2049)), endSession("client_id", "notes") + "&client_id=shelf", endSession() + "%zz"} {
		b.page(b.open(path), 400, "This request is not complete")
	}
}

func TestAHintOfARetiredKeyCountsForNinetyDays(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	raw := b.code(b.logIn("mia", miaPassword), notesCallback)
	hint := w.idToken(raw, nil)
	w.must(w.server.RotateKey(t.Context(), "RS256"))
	retired := w.now().Add(2 * keys.MaxAge) // when the next one signs
	for _, at := range []time.Duration{20 * 24 * time.Hour, keys.HintLifetime - time.Second} {
		w.pass(retired.Add(at).Sub(w.now()))
		w.must(w.ring().DeleteExpired(t.Context()))
		if at > keys.MaxTokenLifetime+keys.MaxAge && w.published()["sig-rsa"] {
			t.Error("the key is published for hints alone")
		}
		if s := b.open(endSession("id_token_hint", hint, "post_logout_redirect_uri", bye)); s.header.Get("Location") != bye {
			t.Errorf("retired for %s: %d %s", at, s.status, s.says())
		}
	}
	w.pass(time.Second)
	b.code(b.logIn("mia", miaPassword), notesCallback)
	for _, deleted := range []bool{false, true} {
		if deleted {
			w.must(w.ring().DeleteExpired(t.Context()))
		}
		if s := b.open(endSession("id_token_hint", hint, "post_logout_redirect_uri", bye)); s.left != nil || s.status != 200 {
			t.Errorf("retired for too long, deleted %v: %d %v", deleted, s.status, s.left)
		}
	}
}

func TestAHintOfAWithdrawnKeyCountsForNothing(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	hint := w.idToken(b.code(b.logIn("mia", miaPassword), notesCallback), nil)
	w.must(w.server.RotateKey(t.Context(), "RS256"))
	w.pass(time.Hour) // retired, and withdrawn afterwards
	w.must(w.server.WithdrawKey(t.Context(), "sig-rsa"))
	b = w.browser()
	b.code(b.logIn("mia", miaPassword), notesCallback)
	if s := b.open(endSession("id_token_hint", hint, "post_logout_redirect_uri", bye)); s.left != nil {
		t.Errorf("withdrawn: %v", s.left)
	}
}

func TestAHintAtTheAuthorizationEndpoint(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	raw := b.code(b.logIn("mia", miaPassword), notesCallback)
	mia, noah := w.idToken(raw, nil), w.idToken(raw, func(c map[string]any) { c["sub"] = "u-noah" })
	if s := b.open(asks("prompt", "none", "id_token_hint", mia)); !s.told().Has("code") {
		t.Errorf("%v", s.left)
	}
	if s := b.open(asks("prompt", "none", "id_token_hint", noah)); s.told().Get("error") != "login_required" {
		t.Errorf("%v", s.left)
	}
	if s := b.open(asks("prompt", "none", "id_token_hint", "bogus")); !s.told().Has("code") {
		t.Errorf("%v", s.left)
	}
	page := b.open(asks("id_token_hint", noah))
	b.page(page, 200, "Log in to Notes")
	if s := b.send(page, "identifier", "mia", "password", miaPassword, "answer", "login"); s.told().Get("error") != "login_required" {
		t.Errorf("%v", s.left)
	}
}
