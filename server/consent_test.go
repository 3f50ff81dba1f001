package server_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server/store"
)

const shelfCallback = "https://shelf.example.com/cb?a=1"

// shelf asks as the application shelf, which is of another house.
func shelf(pairs ...string) []string {
	return append([]string{"client_id", "shelf", "redirect_uri", shelfCallback}, pairs...)
}

func (w *world) consent(user, client string) store.Consent {
	w.t.Helper()
	c, err := w.store.Consent(w.t.Context(), user, client)
	w.must(err)
	return c
}

func TestK61_ConsentAsksForWhatIsNewAndRefusingKeepsTheOld(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	s := b.logIn("mia", miaPassword, shelf("scope", "openid profile read:messages", "audience", messages)...)
	b.page(s, 200, "Let “Shelf” into your account?")
	for _, part := range []string{"It will be able to", "read:messages", messages, "Mia Example", "shelf.example.com"} {
		if !strings.Contains(s.says(), part) {
			t.Errorf("the page lacks %q: %s", part, s.says())
		}
	}
	if s := b.send(s, "answer", "allow"); !s.told().Has("code") {
		t.Fatalf("%v %s", s.left, s.body)
	}
	given := w.consent("u-mia", "shelf")
	want := store.Consent{UserID: "u-mia", ClientID: "shelf", Scopes: []string{"openid", "profile", "read:messages"}, Targets: []string{messages}, GivenAt: start, UpdatedAt: start}
	if diff := cmp.Diff(want, given); diff != "" {
		t.Errorf("consent (-want +got):\n%s", diff)
	}
	if s := b.open(asks(shelf("scope", "openid read:messages", "audience", messages)...)); !s.told().Has("code") {
		t.Errorf("asked again for the same: %s", s.says())
	}

	more := shelf("scope", "openid profile read:messages audit offline_access", "audience", messages, "resource", reports)
	s = b.open(asks(more...))
	says := s.says()
	also, already := strings.Index(says, "It will also be able to"), strings.Index(says, "It may already")
	if also < 0 || already < also || !strings.Contains(says[also:already], reports) || !strings.Contains(says[also:already], "Stay logged in") ||
		strings.Contains(says[also:already], messages) || !strings.Contains(says[already:], messages) {
		t.Errorf("it says %s", says)
	}
	if silent := b.open(asks(append(slices.Clone(more), "prompt", "none")...)); silent.told().Get("error") != "consent_required" {
		t.Errorf("silently: %v", silent.left)
	}
	if s := b.send(s, "answer", "refuse"); s.told().Get("error") != "access_denied" || s.told().Get("state") != "s-1" || s.told().Has("code") {
		t.Errorf("refused: %v", s.left)
	}
	if diff := cmp.Diff(given, w.consent("u-mia", "shelf")); diff != "" {
		t.Errorf("consent after a refusal (-want +got):\n%s", diff)
	}
	w.pass(time.Minute)
	b.send(b.open(asks(more...)), "answer", "allow")
	// What is asked for alone does not take back what was allowed before.
	b.send(b.open(asks(shelf("scope", "openid email")...)), "answer", "allow")
	if got := w.consent("u-mia", "shelf"); len(got.Targets) != 2 || len(got.Scopes) != 6 || !got.GivenAt.Equal(start) || !got.UpdatedAt.Equal(start.Add(time.Minute)) {
		t.Errorf("consent %+v", got)
	}
}

func TestAnAnswerToAConsentPageCountsForWhatWasOnIt(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	page := b.logIn("mia", miaPassword, shelf()...)
	b.page(page, 200, "Let “Shelf” into your account?")
	// In another window of the browser noah logs in meanwhile.
	other := b.open(asks("prompt", "login"))
	b.code(b.send(other, "identifier", "noah", "password", noahPassword, "answer", "login"), notesCallback)
	s := b.send(page, "answer", "allow")
	if s.told() != nil || !strings.Contains(s.says(), "Noah Example") {
		t.Errorf("%v %s", s.left, s.says())
	}
	if _, err := w.store.Consent(t.Context(), "u-noah", "shelf"); err == nil {
		t.Error("noah has consented to what mia saw")
	}
	for _, answer := range []string{"", "yes", "login", "ALLOW"} {
		if s := b.send(s, "answer", answer); s.told() != nil {
			t.Errorf("answer %q: %v", answer, s.left)
		}
	}
	forged := s
	forged.body = strings.ReplaceAll(s.body, "?seen=", "?seen=x")
	if s := b.send(forged, "answer", "allow"); s.told() != nil {
		t.Errorf("forged: %v", s.left)
	}
}

func TestPromptConsentAsksAFirstPartyToo(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	b.code(b.logIn("mia", miaPassword), notesCallback)
	s := b.open(asks("prompt", "consent", "scope", "openid offline_access"))
	b.page(s, 200, "Let “Notes” into your account?")
	if strings.Contains(s.says(), "Not made by the people") || !strings.Contains(s.says(), "Stay logged in") {
		t.Errorf("it says %s", s.says())
	}
	b.code(b.send(s, "answer", "allow"), notesCallback)
}

func TestALoopbackConsentNamesTheMachine(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	ask := []string{"client_id", "clock", "redirect_uri", "http://127.0.0.1:49152/cb"}
	s := b.logIn("mia", miaPassword, ask...)
	if !strings.Contains(s.says(), "It returns to a program on this computer, at 127.0.0.1:49152 .") {
		t.Errorf("it says %s", s.says())
	}
	b.code(b.send(s, "answer", "allow"), "http://127.0.0.1:49152/cb")
	if again := b.open(asks(ask...)); again.told() != nil {
		t.Error("anybody at the port gets a code without a question")
	}
}

func TestAnAccountIsChosen(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	b.code(b.logIn("mia", miaPassword), notesCallback)
	page := b.open(asks("prompt", "select_account"))
	b.page(page, 200, "Choose an account")
	if silent := b.open(asks("prompt", "none")); !silent.told().Has("code") {
		t.Errorf("%v", silent.left)
	}
	family := w.family(b.code(b.send(page, "account", "u-mia"), notesCallback))
	if family.SubjectID != "u-mia" {
		t.Errorf("family of %s", family.SubjectID)
	}
	page = b.open(asks("prompt", "select_account"))
	login := b.send(page, "account", "")
	b.page(login, 200, "Log in to Notes")
	family = w.family(b.code(b.send(login, "identifier", "noah", "password", noahPassword, "answer", "login"), notesCallback))
	if family.SubjectID != "u-noah" {
		t.Errorf("family of %s", family.SubjectID)
	}
	if n, err := w.store.SessionsOf(t.Context(), "u-mia"); len(n) != 0 || err != nil {
		t.Errorf("mia's session in this browser lives on: %v %v", n, err)
	}
	// The id of somebody else is no way in.
	page = b.open(asks("prompt", "select_account"))
	b.page(b.send(page, "account", "u-mia"), 200, "Log in to Notes")
}

func TestMaxAge(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	b.code(b.logIn("mia", miaPassword), notesCallback)
	w.pass(2 * time.Second)
	if s := b.open(asks("max_age", "10000")); !s.told().Has("code") {
		t.Errorf("max_age=10000: %s", s.says())
	}
	for _, age := range []string{"1", "0"} {
		page := b.open(asks("max_age", age))
		b.page(page, 200, "Log in to Notes")
		w.pass(2 * time.Second)
		family := w.family(b.code(b.send(page, "identifier", "mia", "password", miaPassword, "answer", "login"), notesCallback))
		if !family.AuthTime.Equal(w.now()) {
			t.Errorf("auth_time %s, want %s", family.AuthTime, w.now())
		}
		w.pass(2 * time.Second)
	}
}

func TestCancelAndTheApplicationIsTold(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	page := b.open(asks())
	s := b.send(page, "answer", "cancel")
	told := s.told()
	if told.Get("error") != "access_denied" || told.Get("state") != "s-1" || told.Get("iss") != w.issuer || s.status != 200 {
		t.Errorf("%d %v", s.status, s.left)
	}
	b.page(b.send(page, "answer", "cancel"), 400, "Start again at the application")
}

func TestTabsOfOneBrowserAreRequestsOfTheirOwn(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	one, two, three := b.open(asks("state", "1")), b.open(asks("state", "2")), b.open(asks("state", "3", "prompt", "login"))
	if s := b.send(two, "identifier", "mia", "password", miaPassword, "answer", "login"); s.told().Get("state") != "2" {
		t.Errorf("%v", s.left)
	}
	// The page that stands open in the first tab goes on with the session, whichever way it is sent.
	if s := b.send(one, "identifier", "", "password", "", "answer", "login"); s.told().Get("state") != "1" || !s.told().Has("code") {
		t.Errorf("%v %s", s.left, s.says())
	}
	// That of the third wants a login of its own.
	b.page(b.open(three.path), 200, "Log in to Notes")
	if s := b.send(three, "identifier", "mia", "password", miaPassword, "answer", "login"); s.told().Get("state") != "3" {
		t.Errorf("%v", s.left)
	}
}

func TestALoginInOneRequestIsForgottenWithItsSession(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	page := b.logIn("mia", miaPassword, shelf("prompt", "login")...)
	b.page(page, 200, "Let “Shelf” into your account?")
	b.send(b.open("/oidc/v1/end_session"), "answer", "logout")
	s := b.send(page, "answer", "allow")
	if s.told() != nil {
		t.Errorf("a code for somebody who has logged out: %v", s.left)
	}
	b.page(s, 200, "Log in to Shelf")
}

func TestAHEADConsumesNothing(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	page := b.open(asks())
	b.code(b.logIn("mia", miaPassword, "redirect_uri", "https://notes.example.com/other"), "https://notes.example.com/other")
	for _, path := range []string{asks(), page.path, "/v2/logout?client_id=notes", "/oidc/v1/end_session"} {
		if a := b.ask(http.MethodHead, path, nil); a.status != 200 || a.header.Get("Location") != "" || len(a.header["Set-Cookie"]) != 0 {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
	}
	b.code(b.open(page.path), notesCallback)
}

func TestPagesRefuseFormsOfOtherSites(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	page := b.open(asks())
	for name, header := range map[string]http.Header{
		"another site":     {"Sec-Fetch-Site": {"cross-site"}},
		"a sibling":        {"Sec-Fetch-Site": {"same-site"}},
		"another origin":   {"Origin": {"https://evil.example"}},
		"an opaque origin": {"Origin": {"null"}},
	} {
		b.header = header
		s := b.send(page, "identifier", "mia", "password", miaPassword, "answer", "login")
		b.page(s, 403, "This form came from another site")
		if sessionCookie(b) != "" {
			t.Errorf("%s: %v", name, b.cookies)
		}
	}
	b.header = nil
	for method, status := range map[string]int{"PUT": 405, "DELETE": 405} {
		if a := b.ask(method, page.path, nil); a.status != status || a.header.Get("Allow") != "GET, HEAD, POST" {
			t.Errorf("%s: %d %v", method, a.status, a.header)
		}
		if a := b.ask(method, "/authorize", nil); a.status != status {
			t.Errorf("%s /authorize: %d %v", method, a.status, a.header)
		}
	}
}

func TestPagesSpeakGermanAndLoadTheirStyle(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	s := b.open(asks("ui_locales", "fr de-AT"))
	if s.header.Get("Content-Language") != "de" {
		t.Errorf("%v", s.header)
	}
	if s := b.open(s.path + "?ui_locales=en"); s.header.Get("Content-Language") != "en" || s.action() == "" {
		t.Errorf("%v", s.header)
	}
	_, rest, _ := strings.Cut(s.body, `<link rel="stylesheet" href="`)
	path, _, _ := strings.Cut(rest, `"`)
	if a := b.ask(http.MethodGet, path, nil); a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/css") {
		t.Errorf("%s: %d %v", path, a.status, a.header)
	}
	if a := b.ask(http.MethodGet, "/static/none.css", nil); a.status != 404 {
		t.Errorf("%d", a.status)
	}
}

// A role that an application asks for by ZITADEL's scope is a right like any other: people are asked for it.
func TestConsentNamesRolesThatAreAskedForByScope(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	b.visits("mia", miaPassword)
	s := b.open(asks("client_id", "shelf", "redirect_uri", "https://shelf.example.com/cb?a=1", "scope", "openid urn:zitadel:iam:org:project:role:admin urn:zitadel:iam:org:projects:roles"))
	s.tells(t, 200, s.title(), "admin")
	s.lacks(t, "urn:zitadel")
}
