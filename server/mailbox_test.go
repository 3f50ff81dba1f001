package server_test

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/store"
)

const otherPassword = "eleven green umbrellas"

// mails is a Mailer that keeps what it is given.
type mails struct {
	w    *world
	mu   sync.Mutex
	list []server.Mail
	err  error
}

func (m *mails) Send(_ context.Context, mail server.Mail) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = append(m.list, mail)
	return m.err
}

// newMailWorld is a world of logins whose server sends mails, and lets people sign up.
func newMailWorld(t testing.TB, change ...func(*server.Config)) (*world, *mails) {
	t.Helper()
	m := new(mails)
	m.w = newLoginWorld(t, append([]func(*server.Config){func(c *server.Config) { c.Mailer, c.SignUp = m, true }}, change...)...)
	return m.w, m
}

// sent returns the mails since the last time, when nothing more is to be sent.
func (m *mails) sent() []server.Mail {
	m.w.t.Helper()
	m.w.untilSent()
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.list
	m.list = nil
	slices.SortFunc(list, func(a, b server.Mail) int { return strings.Compare(a.To+a.Subject, b.To+b.Subject) })
	return list
}

// untilSent waits until there is no mail in the outbox: then another one, which nobody claims because it has
// expired, can be the only one.
func (w *world) untilSent() {
	w.t.Helper()
	probe := store.Delivery{ID: "probe", Kind: "mail", Payload: "{}", NextTryAt: start, ExpiresAt: start.Add(-time.Hour)}
	for {
		added, err := w.store.AddDelivery(w.t.Context(), probe, 1)
		w.must(err)
		if added {
			w.must(w.store.DeleteDelivery(w.t.Context(), probe.ID))
			return
		}
		runtime.Gosched()
	}
}

// one returns the only mail, to the address and with the subject.
func (m *mails) one(to, subject string) server.Mail {
	m.w.t.Helper()
	list := m.sent()
	if len(list) != 1 || list[0].To != to || list[0].Subject != subject {
		m.w.t.Fatalf("want one mail %q to %s, got %v", subject, to, list)
	}
	return list[0]
}

var linkOf = regexp.MustCompile(`(https?://[^/\s]+)(/[a-z]+/[A-Za-z0-9_-]{43})\n`)

// link returns the path of the link in a mail, which has to lead to the server.
func (m *mails) link(mail server.Mail) string {
	m.w.t.Helper()
	found := linkOf.FindStringSubmatch(mail.Text)
	if found == nil || found[1] != m.w.issuer || !strings.Contains(mail.HTML, found[1]+found[2]) {
		m.w.t.Fatalf("no link of %s in both texts: %s %s", m.w.issuer, mail.Text, mail.HTML)
	}
	return found[2]
}

// reset asks for a link for another password and returns its path.
func (m *mails) reset(b *browser, address string) string {
	m.w.t.Helper()
	b.send(b.open("/reset"), "email", address).tells(m.w.t, 200, "Look into your mail")
	return m.link(m.one(address, "Choose a new password for Postern"))
}

// choose opens a link and sends a password.
func (b *browser) choose(link, password string) screen {
	b.w.t.Helper()
	return b.send(b.open(link), "new_password", password)
}

// sessions returns how many sessions a person has.
func (w *world) sessions(userID string) int {
	w.t.Helper()
	list, err := w.store.SessionsOf(w.t.Context(), userID)
	w.must(err)
	return len(list)
}

func TestAPersonWhoForgotTheirPasswordChoosesAnother(t *testing.T) {
	w, m := newMailWorld(t)
	inside := w.browser()
	code := inside.code(inside.logIn("mia", miaPassword), notesCallback)

	b := w.browser()
	login := b.open(asks())
	forgot := b.open(login.path + "/reset")
	forgot.tells(t, 200, "Forgot your password?")
	if !strings.Contains(login.body, `href="`+login.path+`/reset"`) || !strings.Contains(forgot.body, `href="`+login.path+`/login"`) {
		t.Errorf("the pages do not lead to each other: %s %s", login.body, forgot.body)
	}
	sent := b.send(forgot, "email", " mia@example.com ")
	sent.tells(t, 200, "Look into your mail", "The link works for 30 minutes.")
	mail := m.one("mia@example.com", "Choose a new password for Postern")
	link := m.link(mail)
	page := b.open(link)
	page.tells(t, 200, "Choose a new password", "mia@example.com")
	if w.sessions("u-mia") != 1 {
		t.Error("to look at the page ended a session")
	}
	done := b.send(page, "new_password", otherPassword)
	done.tells(t, 200, "Your password is changed")
	m.one("mia@example.com", "Your password at Postern was changed")
	if len(b.cookies) != 1 { // that of the login page
		t.Errorf("the reset set cookies: %v", b.cookies)
	}
	if w.sessions("u-mia") != 0 || w.family(code).RevokedAt.IsZero() {
		t.Error("a session or family outlived the reset")
	}
	b.send(b.open(login.path), "identifier", "mia", "password", miaPassword, "answer", "login").tells(t, 422, "Log in to Notes")
	b.code(b.send(b.open(login.path), "identifier", "mia", "password", otherPassword, "answer", "login"), notesCallback)
	events, err := w.store.LatestEvents(t.Context(), 1)
	w.must(err)
	if events[0].Actor != "password reset" || events[0].Object != "password" || events[0].ObjectID != "u-mia" {
		t.Errorf("the trail has %+v", events[0])
	}
}

func TestMailsAreInThePersonsLanguage(t *testing.T) {
	w, m := newMailWorld(t)
	u, err := w.store.User(t.Context(), "u-noah")
	w.must(err)
	u.Locale = "de-AT"
	w.must(w.store.PutUser(t.Context(), u))
	b := w.browser()
	b.send(b.open("/reset"), "email", "noah@example.com")
	if mail := m.one("noah@example.com", "Wählen Sie ein neues Passwort für Postern"); !strings.HasPrefix(mail.Text, "Guten Tag Noah Example,") {
		t.Errorf("%s", mail.Text)
	}
	b.header = http.Header{"Accept-Language": {"de"}}
	b.send(b.open("/reset"), "email", "mia@example.com")
	m.one("mia@example.com", "Wählen Sie ein neues Passwort für Postern")
}

func TestK41_S17_LinksLeadToTheConfiguredIssuerAlone(t *testing.T) {
	w, m := newMailWorld(t)
	b := w.browser()
	b.header = http.Header{
		"Forwarded": {"host=evil.example;proto=https"}, "X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"https"},
		"X-Forwarded-Prefix": {"/evil"}, "X-Original-Url": {"https://evil.example/"}, "Origin": {w.issuer}, "X-Host": {"evil.example"},
	}
	b.send(b.open("/reset"), "email", "mia@example.com").tells(t, 200, "Look into your mail")
	if mail := m.one("mia@example.com", "Choose a new password for Postern"); strings.Contains(mail.Text+mail.HTML, "evil") {
		t.Errorf("the mail names another host: %s", mail.Text)
	}
	for _, host := range []string{"evil.example", "evil.example:443", "auth0.example.com.evil.example", "auth0.example.com@evil.example"} {
		other := w.browser()
		other.host = host
		if a := other.ask("POST", "/reset", values("email", "mia@example.com")); a.status != 421 && a.status != 400 {
			t.Errorf("%s: status %d", host, a.status)
		}
	}
	if list := m.sent(); len(list) != 0 {
		t.Errorf("mails were sent: %v", list)
	}
	other := w.browser()
	other.host = auth0Host
	other.ask("POST", "/reset", values("email", "noah@example.com"))
	if mail := m.one("noah@example.com", "Choose a new password for Postern"); !strings.Contains(mail.Text, "\nhttps://auth0.example.com/reset/") {
		t.Errorf("the mail of another issuer: %s", mail.Text)
	}
}

func TestK43_LookingAtALinkDoesNotUseIt(t *testing.T) {
	w, m := newMailWorld(t)
	link := m.reset(w.browser(), "mia@example.com")
	for range 10 {
		w.browser().open(link).tells(t, 200, "Choose a new password")
	}
	for range 3 {
		if a := w.browser().ask("HEAD", link, nil); a.status != 200 || a.body != "" {
			t.Errorf("HEAD: %d %s", a.status, a.body)
		}
	}
	w.browser().choose(link, otherPassword).tells(t, 200, "Your password is changed")
	for range 2 {
		w.browser().open(link).tells(t, 404, "This link no longer works")
		if a := w.browser().ask("POST", link, values("new_password", "another eleven umbrellas")); a.status != 404 {
			t.Errorf("status %d", a.status)
		}
	}
	w.browser().logIn("mia", otherPassword).code(t)
}

// code checks that a screen led to the application.
func (s screen) code(t testing.TB) {
	t.Helper()
	if s.told().Get("code") == "" {
		t.Fatalf("no code: %d %v %s", s.status, s.left, s.title())
	}
}

func TestK43_OfManyUsesAtOnceOneCounts(t *testing.T) {
	w, m := newMailWorld(t)
	link := m.reset(w.browser(), "mia@example.com")
	var mu sync.Mutex
	count := make(map[int]int)
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			a, err := w.send(call{path: link, form: values("new_password", fmt.Sprintf("%s %d", otherPassword, i))})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			count[a.status]++
			mu.Unlock()
		})
	}
	all.Wait()
	if count[200] != 1 || count[200]+count[404]+count[503] != 12 {
		t.Errorf("want one 200 and else 404 or 503, got %v", count)
	}
}

func TestK44_AResetSkipsNoSecondFactor(t *testing.T) {
	w, m := newMailWorld(t, withDataKey)
	secret := w.enrol("u-mia")
	b := w.browser()
	done := b.choose(m.reset(b, "mia@example.com"), otherPassword)
	done.tells(t, 200, "Your password is changed")
	if len(b.cookies) != 0 || w.sessions("u-mia") != 0 {
		t.Errorf("the reset logged somebody in: %v", b.cookies)
	}
	second := b.logIn("mia", otherPassword)
	if second.left != nil || second.title() == "" || w.wrong(secret) == "" {
		t.Fatalf("no second factor was asked for: %v", second.left)
	}
	b.prove(second, w.code(secret, 0)).code(t)
}

func TestK46_NoAnswerTellsWhoseAnAddressIs(t *testing.T) {
	w, m := newMailWorld(t)
	unverified, err := w.store.User(t.Context(), "u-noah")
	w.must(err)
	unverified.EmailVerifiedAt = time.Time{}
	w.must(w.store.PutUser(t.Context(), unverified))
	w.must(w.store.PutUser(t.Context(), store.User{
		ID: "u-named", OrganizationID: "org", Handle: store.UserHandle{9}, LoginName: "named@example.com", Email: "other@example.com",
		EmailVerifiedAt: start, Active: true,
	}))
	for _, page := range []string{"/reset", "/signup"} {
		w.pass(24 * time.Hour) // the addresses may have letters again
		var first answer
		for i, row := range []struct{ address, reset, signUp string }{
			{"mia@example.com", "Choose a new password for Postern", "You have an account at Postern"},
			{"MIA@example.COM", "Choose a new password for Postern", "You have an account at Postern"},
			{"nobody@example.com", "", "Confirm your e-mail address for Postern"},
			{"lea@example.com", "", ""},                                          // locked
			{"noah@example.com", "", "Confirm your e-mail address for Postern"},  // not verified: it is nobody's
			{"named@example.com", "", "Confirm your e-mail address for Postern"}, // a login name
		} {
			a := w.browser().ask("POST", page, values("email", row.address, "name", "Somebody"))
			a.header.Del("Date")
			if i == 0 {
				first = a
			}
			if diff := cmp.Diff(first, a, cmp.AllowUnexported(answer{})); diff != "" || a.status != 200 {
				t.Errorf("%s for %s answers otherwise: %d %s", page, row.address, a.status, diff)
			}
			want := map[string]string{"/reset": row.reset, "/signup": row.signUp}[page]
			var got []string
			for _, mail := range m.sent() {
				got = append(got, mail.Subject)
				if !strings.EqualFold(mail.To, row.address) {
					t.Errorf("%s for %s went to %s", page, row.address, mail.To)
				}
			}
			if strings.Join(got, "|") != want {
				t.Errorf("%s for %s: got mails %q, want %q", page, row.address, got, want)
			}
		}
	}
}

// TestK46_TheWorkIsTheSame counts what the request does to the store: nothing about people at all.
func TestK46_TheWorkIsTheSame(t *testing.T) {
	var reads *peopleReads
	w, m := newMailWorld(t, func(c *server.Config) {
		reads = &peopleReads{Store: c.Store}
		c.Store = reads
	})
	b := w.browser()
	b.open("/reset")
	reads.inRequest.Lock() // the worker that writes mails waits until the request has been answered
	a := b.ask("POST", "/reset", values("email", "mia@example.com"))
	reads.inRequest.Unlock()
	if a.status != 200 || len(m.sent()) != 1 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// peopleReads lets nobody be looked up while a request is answered.
type peopleReads struct {
	store.Store
	inRequest sync.Mutex
}

func (p *peopleReads) UserByLogin(ctx context.Context, organization, login string) (store.User, error) {
	p.inRequest.Lock()
	defer p.inRequest.Unlock()
	return p.Store.UserByLogin(ctx, organization, login)
}

func TestK47_WhatIsOffIsNotThere(t *testing.T) {
	w, m := newMailWorld(t)
	b := w.browser()
	b.send(b.open("/signup"), "name", "Zoe", "email", "zoe@example.com")
	signUp := m.link(m.one("zoe@example.com", "Confirm your e-mail address for Postern"))
	reset := m.reset(b, "mia@example.com")
	for name, change := range map[string]func(*server.Config){
		"sign-up": func(c *server.Config) { c.Mailer = m },
		"mail":    func(*server.Config) {},
	} {
		w.serve(change)
		b := w.browser()
		login := b.open(asks("screen_hint", "signup"))
		login.tells(t, 200, "Log in to Notes")
		paths := []string{"/signup", signUp, login.path + "/signup"}
		if name == "mail" {
			paths = append(paths, "/reset", reset, login.path+"/reset", "/verify/x")
		}
		for _, path := range paths {
			for _, method := range []string{"GET", "HEAD", "POST"} {
				if a := b.ask(method, path, values("email", "zoe@example.com", "name", "Zoe", "new_password", otherPassword)); a.status != 404 {
					t.Errorf("%s off: %s %s: %d", name, method, path, a.status)
				}
			}
			login.lacks(t, `"`+path+`"`)
		}
		if list := m.sent(); len(list) != 0 {
			t.Errorf("%s off: %v was sent", name, list)
		}
	}
	if _, err := w.store.UserByLogin(t.Context(), "org", "zoe@example.com"); err == nil {
		t.Error("a user was made")
	}
}

func TestK49_WhoSignsUpWithAnothersAddressHasNothingOfIt(t *testing.T) {
	w, m := newMailWorld(t)
	attacker, victim := w.browser(), w.browser()
	attacker.send(attacker.open("/signup"), "name", "Visit evil.example now", "email", "vera@example.com", "new_password", "the attackers password")
	mail := m.one("vera@example.com", "Confirm your e-mail address for Postern")
	if strings.Contains(mail.Text+mail.HTML, "evil") {
		t.Errorf("a stranger's words reach the victim: %s", mail.Text)
	}
	planted := m.link(mail)
	attacker.logIn("vera@example.com", "the attackers password").tells(t, 422, "Log in to Notes")
	// The victim has no account to reset, signs up, and the attacker's link is dead.
	victim.send(victim.open("/reset"), "email", "vera@example.com")
	if list := m.sent(); len(list) != 0 {
		t.Errorf("mails for nobody's account: %v", list)
	}
	victim.send(victim.open("/signup"), "name", "Vera", "email", "vera@example.com")
	link := m.link(m.one("vera@example.com", "Confirm your e-mail address for Postern"))
	victim.open(planted).tells(t, 404, "This link no longer works")
	victim.choose(link, otherPassword).tells(t, 200, "Your account is ready")
	victim.logIn("vera@example.com", otherPassword).code(t)
	attacker.logIn("vera@example.com", "the attackers password").tells(t, 422, "Log in to Notes")
}

func TestK49_AResetEndsWhatOpenedTheAccountBeforeItsAddressWasVerified(t *testing.T) {
	w, m := newMailWorld(t)
	ctx := t.Context()
	w.must(w.store.CreatePasskey(ctx, store.Passkey{ID: "planted", Credential: []byte{1}, UserID: "u-mia", CreatedAt: start.Add(-time.Minute)}))
	w.must(w.store.CreatePasskey(ctx, store.Passkey{ID: "own", Credential: []byte{2}, UserID: "u-mia", CreatedAt: start.Add(time.Minute)}))
	pat := func(id string, at time.Time) store.Token {
		return store.Token{ID: id, Kind: store.PersonalAccessToken, Digest: digestOf(id), SubjectID: "u-mia", IssuedAt: at}
	}
	w.must(w.store.CreateToken(ctx, pat("planted", start.Add(-time.Minute))))
	w.must(w.store.CreateToken(ctx, pat("own", start.Add(time.Minute))))
	attacker := w.browser()
	code := attacker.code(attacker.logIn("mia", miaPassword), notesCallback)
	b := w.browser()
	b.choose(m.reset(b, "mia@example.com"), otherPassword).tells(t, 200, "Your password is changed")
	keys, err := w.store.PasskeysOf(ctx, "u-mia")
	w.must(err)
	if len(keys) != 1 || keys[0].ID != "own" {
		t.Errorf("passkeys: %v", keys)
	}
	for id, dead := range map[string]bool{"planted": true, "own": false} {
		token, err := w.store.Token(ctx, id)
		w.must(err)
		if token.RevokedAt.IsZero() == dead {
			t.Errorf("personal access token %s: %+v", id, token)
		}
	}
	if w.sessions("u-mia") != 0 || w.family(code).RevokedAt.IsZero() {
		t.Error("the attacker is still in")
	}
}

func TestK55_NothingSendsTheBrowserElsewhere(t *testing.T) {
	w, m := newMailWorld(t)
	b := w.browser()
	evil := "?" + values("redirect_uri", "https://evil.example", "returnTo", "https://evil.example", "return_to", "//evil.example", "next", "https://evil.example",
		"login", "//evil.example", "ui_locales", "en").Encode()
	reset := m.reset(b, "mia@example.com")
	b.send(b.open("/signup"), "name", "Zoe", "email", "zoe@example.com")
	signUp := m.link(m.one("zoe@example.com", "Confirm your e-mail address for Postern"))
	for _, path := range []string{"/reset", "/signup", reset, signUp} {
		page := b.open(path + evil)
		sent := b.send(page, "email", "noah@example.com", "name", "Noah", "new_password", otherPassword,
			"redirect_uri", "https://evil.example", "returnTo", "https://evil.example", "login", "//evil.example")
		for _, s := range []screen{page, sent} {
			if s.status != 200 || s.left != nil || strings.Contains(s.body+fmt.Sprint(s.header), "evil") {
				t.Errorf("%s: %d %v %v %s", path, s.status, s.left, s.header, s.body)
			}
		}
	}
	for _, mail := range m.sent() {
		if strings.Contains(mail.Text, "evil") {
			t.Errorf("%s", mail.Text)
		}
	}
}

func TestALinkIsForOnePurposeOneUserAndSomeTime(t *testing.T) {
	w, m := newMailWorld(t)
	b := w.browser()
	first := m.reset(b, "mia@example.com")
	value := strings.TrimPrefix(first, "/reset/")
	for _, path := range []string{"/verify/", "/invitation/", "/signup/"} {
		b.open(path+value).tells(t, 404, "This link no longer works")
		if a := b.ask("POST", path+value, values("new_password", otherPassword)); a.status != 404 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	noahs := m.reset(b, "noah@example.com")
	second := m.reset(b, "mia@example.com")
	b.open(first).tells(t, 404, "This link no longer works")
	b.open(noahs).tells(t, 200, "Choose a new password", "noah@example.com")
	page := b.open(second)
	w.pass(30*time.Minute - time.Millisecond)
	b.open(second).tells(t, 200, "Choose a new password")
	w.pass(time.Millisecond)
	b.open(second).tells(t, 404, "This link no longer works")
	b.send(page, "new_password", otherPassword).tells(t, 404, "This link no longer works")
	b.logIn("mia", miaPassword).code(t)
}

func TestALinkDiesWithWhatItRestsOn(t *testing.T) {
	for name, change := range map[string]func(w *world, u *store.User){
		"the user is locked":                   func(_ *world, u *store.User) { u.Active = false },
		"the address is another's":             func(_ *world, u *store.User) { u.Email = "else@example.com" },
		"the address is not verified any more": func(_ *world, u *store.User) { u.EmailVerifiedAt = time.Time{} },
	} {
		t.Run(name, func(t *testing.T) {
			w, m := newMailWorld(t)
			link := m.reset(w.browser(), "mia@example.com")
			u, err := w.store.User(t.Context(), "u-mia")
			w.must(err)
			change(w, &u)
			w.must(w.store.PutUser(t.Context(), u))
			if a := w.browser().ask("POST", link, values("new_password", otherPassword)); a.status != 404 {
				t.Errorf("%d %s", a.status, a.body)
			}
			kept, err := w.store.Password(t.Context(), "u-mia")
			w.must(err)
			if kept.PHC != hashes()["mia"] {
				t.Error("the password was changed")
			}
		})
	}
	t.Run("the password was changed in a session", func(t *testing.T) {
		w, m := newMailWorld(t)
		link := m.reset(w.browser(), "mia@example.com")
		b := w.browser()
		b.visits("mia", miaPassword)
		b.confirm(b.open("/account/password"), "password", miaPassword, "new_password", otherPassword)
		m.one("mia@example.com", "Your password at Postern was changed")
		b.open(link).tells(t, 404, "This link no longer works")
	})
}

func TestPasswordsThatMayNotBeLeaveTheLinkAsItIs(t *testing.T) {
	w, m := newMailWorld(t)
	b := w.browser()
	page := b.open(m.reset(b, "mia@example.com"))
	for password, words := range map[string]string{
		"": "at least 12", "short": "at least 12", "passwordpassword": "", strings.Repeat("x y", 400): "", "mia@example.com": "",
	} {
		b.send(page, "new_password", password).tells(t, 422, "Choose a new password", words)
	}
	b.send(page, "new_password", otherPassword).tells(t, 200, "Your password is changed")
}

func TestSomebodySignsUpAndLogsIn(t *testing.T) {
	w, m := newMailWorld(t)
	b := w.browser()
	login := b.open(asks())
	if !strings.Contains(login.body, `href="`+login.path+`/signup"`) {
		t.Fatalf("sign-up is not offered: %s", login.body)
	}
	sent := b.send(b.open(login.path+"/signup"), "name", "Zoë Berg", "email", "Zoe@example.com")
	sent.tells(t, 200, "Look into your mail")
	if !strings.Contains(sent.body, login.path+"/login") {
		t.Errorf("no way back: %s", sent.body)
	}
	if _, err := w.store.UserByLogin(t.Context(), "org", "zoe@example.com"); err == nil {
		t.Error("a user was made before the address was shown to be theirs")
	}
	phone := w.browser()
	page := phone.open(m.link(m.one("Zoe@example.com", "Confirm your e-mail address for Postern")))
	page.tells(t, 200, "Welcome to Postern", "Zoe@example.com")
	phone.send(page, "new_password", otherPassword).tells(t, 200, "Your account is ready")
	if len(phone.cookies) != 0 {
		t.Errorf("the sign-up logged somebody in: %v", phone.cookies)
	}
	u, err := w.store.UserByLogin(t.Context(), "org", "zoe@example.com")
	w.must(err)
	want := store.User{
		ID: u.ID, OrganizationID: "org", Handle: u.Handle, Email: "Zoe@example.com", EmailVerifiedAt: start, Name: "Zoë Berg",
		PictureID: u.PictureID, Locale: "en", Active: true, CreatedAt: start, UpdatedAt: start,
	}
	if diff := cmp.Diff(want, u); diff != "" || u.Handle == (store.UserHandle{}) || u.PictureID == "" {
		t.Errorf("user (-want +got):\n%s", diff)
	}
	b.send(b.open(login.path), "identifier", "zoe@example.com", "password", otherPassword, "answer", "login").code(t)
}

func TestScreenHintSignUpOpensSignUp(t *testing.T) {
	w, _ := newMailWorld(t)
	for name, b := range map[string]*browser{"without a session": w.browser(), "with a session": w.browser()} {
		if name == "with a session" {
			b.logIn("mia", miaPassword).code(t)
		}
		s := b.open(asks("screen_hint", "signup"))
		s.tells(t, 200, "Create an account")
		login := b.open(strings.TrimSuffix(s.path, "/signup") + "/login")
		login.tells(t, 200, "Log in to Notes")
		wrong := b.send(login, "identifier", "noah", "password", "not the right one", "answer", "login")
		wrong.tells(t, 422, "Log in to Notes")
		b.send(wrong, "identifier", "noah", "password", noahPassword, "answer", "login").code(t)
	}
}

func TestAnInvitationIsNoSecondWayToReset(t *testing.T) {
	w, _ := newMailWorld(t)
	ctx := t.Context()
	invite := func(userID string) string {
		w.must(w.store.PutMailLink(ctx, store.MailLink{
			Digest: digestOf("invitation-" + userID), Purpose: store.InvitationLink, UserID: userID, ExpiresAt: start.Add(time.Hour),
		}))
		return "/invitation/invitation-" + userID
	}
	w.must(w.store.PutUser(ctx, store.User{ID: "u-new", OrganizationID: "org", Handle: store.UserHandle{8}, LoginName: "new", Email: "new@example.com", Active: true}))
	if a := w.browser().ask("POST", invite("u-mia"), values("new_password", otherPassword)); a.status != 404 {
		t.Errorf("somebody with a password: %d", a.status)
	}
	b := w.browser()
	page := b.open(invite("u-new"))
	page.tells(t, 200, "Welcome to Postern", "Choose a password for new")
	b.send(page, "new_password", otherPassword).tells(t, 200, "Your account is ready")
	b.send(page, "new_password", "another eleven umbrellas").tells(t, 404, "This link no longer works")
	b.logIn("new", otherPassword).code(t)
	u, err := w.store.User(ctx, "u-new")
	w.must(err)
	if !u.EmailVerifiedAt.IsZero() {
		t.Error("a link that went to no address has verified one")
	}
}

func TestAnotherAddressCountsWhenItIsConfirmed(t *testing.T) {
	w, m := newMailWorld(t)
	b := w.browser()
	b.visits("mia", miaPassword)
	reset := m.reset(w.browser(), "mia@example.com")
	form := b.open("/account/email")
	form.tells(t, 200, "Another e-mail address")
	b.confirm(form, "email", "mia").tells(t, 422, "Another e-mail address", "not an e-mail address")
	b.confirm(form, "email", "mia@example.org").tells(t, 200, "Your account", "A link is on its way to the new address.")
	list := m.sent()
	if len(list) != 2 || list[0].To != "mia@example.com" || list[0].Subject != "Your e-mail address at Postern is to be changed" || list[1].To != "mia@example.org" {
		t.Fatalf("mails: %v", list)
	}
	u, err := w.store.User(t.Context(), "u-mia")
	w.must(err)
	if u.Email != "mia@example.com" {
		t.Errorf("it counts already: %s", u.Email)
	}
	w.pass(time.Minute)
	phone := w.browser()
	page := phone.open(m.link(list[1]))
	page.tells(t, 200, "Is this your e-mail address?", "mia@example.org")
	phone.send(page).tells(t, 200, "Your e-mail address is confirmed")
	m.one("mia@example.com", "Your e-mail address at Postern was changed")
	if u, err = w.store.User(t.Context(), "u-mia"); err != nil || u.Email != "mia@example.org" || !u.EmailVerifiedAt.Equal(w.now()) {
		t.Errorf("%+v %v", u, err)
	}
	phone.open(reset).tells(t, 404, "This link no longer works")
	phone.send(page).tells(t, 404, "This link no longer works")
	phone.logIn("mia@example.com", miaPassword).tells(t, 422, "Log in to Notes")
	phone.logIn("mia@example.org", miaPassword).code(t)
}

func TestAnAddressThatIsAnothersIsNotConfirmed(t *testing.T) {
	w, m := newMailWorld(t)
	b := w.browser()
	b.visits("mia", miaPassword)
	b.confirm(b.open("/account/email"), "email", "noah@example.com").tells(t, 200, "Your account", "A link is on its way")
	var link string
	for _, mail := range m.sent() {
		if mail.To == "noah@example.com" {
			link = m.link(mail)
		}
	}
	b.send(b.open(link)).tells(t, 404, "This link no longer works")
	u, err := w.store.User(t.Context(), "u-mia")
	w.must(err)
	if u.Email != "mia@example.com" {
		t.Errorf("%+v", u)
	}
}

func TestLettersAreBounded(t *testing.T) {
	w, m := newMailWorld(t, func(c *server.Config) {
		c.ClientAddress = func(r *http.Request) netip.Addr { return netip.MustParseAddr(r.Header.Get("X-Test-From")) }
	})
	from := func(address string) *browser {
		b := w.browser()
		b.header = http.Header{"X-Test-From": {address}}
		return b
	}
	// To one mailbox: three, in whatever letter case, and the answers stay the same.
	for i, address := range []string{"mia@example.com", "Mia@example.com", "MIA@EXAMPLE.COM", "mia@example.com", "mia@example.com"} {
		if a := from(fmt.Sprintf("192.0.2.%d", i)).ask("POST", "/reset", values("email", address)); a.status != 200 || !strings.Contains(a.body, "Look into your mail") {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if list := m.sent(); len(list) != 3 {
		t.Errorf("%d mails", len(list))
	}
	// From one place: twenty, whoever's they are.
	for i := range 21 {
		a := from("2001:db8::"+fmt.Sprint(i+1)).ask("POST", []string{"/reset", "/signup"}[i%2], values("email", fmt.Sprintf("x%d@example.com", i), "name", "X"))
		if want := map[bool]int{true: 200, false: 429}[i < 20]; a.status != want || (want == 429) != (a.header.Get("Retry-After") != "") {
			t.Errorf("letter %d: %d %v", i+1, a.status, a.header)
		}
	}
	if a := from("192.0.2.99").ask("POST", "/reset", values("email", "noah@example.com")); a.status != 200 {
		t.Errorf("another place: %d", a.status)
	}
	w.pass(8 * time.Hour)
	if a := from("2001:db8::1").ask("POST", "/reset", values("email", "mia@example.com")); a.status != 200 {
		t.Errorf("after a time: %d", a.status)
	}
}

func TestMailboxAnswersBadInput(t *testing.T) {
	w, m := newMailWorld(t)
	link := m.reset(w.browser(), "mia@example.com")
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	for _, row := range []struct {
		name, method, path, body string
		header                   http.Header
		status                   int
		says                     string
	}{
		{"no address", "POST", "/reset", "", form, 422, "This is not an e-mail address."},
		{"an address that is none", "POST", "/reset", "email=mia", form, 422, "This is not an e-mail address."},
		{"an address with a line end", "POST", "/reset", "email=mia%40example.com%0d%0aBcc:x%40example.com", form, 422, "This is not an e-mail address."},
		{"two addresses in one", "POST", "/reset", "email=mia%40example.com,x%40example.com", form, 422, "This is not an e-mail address."},
		{"an address twice", "POST", "/reset", "email=mia%40example.com&email=x%40example.com", form, 400, "&#39;email&#39; is there more than once"},
		{"an address beyond ASCII", "POST", "/reset", "email=m%C4%B1a%40example.com", form, 422, "This is not an e-mail address."},
		{"an address that is not UTF-8", "POST", "/reset", "email=%ff", form, 400, "the parameter email is not UTF-8"},
		{"markup in an address", "POST", "/reset", "email=%22%3E%3Cscript%3E", form, 422, "&lt;script&gt;"},
		{"a long address", "POST", "/reset", "email=" + strings.Repeat("x", 300) + "%40example.com", form, 422, "This is not an e-mail address."},
		{"no name", "POST", "/signup", "email=zoe%40example.com", form, 422, "name"},
		{"a name with a line end", "POST", "/signup", "name=a%0ab&email=zoe%40example.com", form, 422, "name"},
		{"a name that is too long", "POST", "/signup", "name=" + strings.Repeat("x", 300) + "&email=zoe%40example.com", form, 422, "name"},
		{"a form of another site", "POST", "/reset", "email=mia%40example.com", http.Header{"Content-Type": form["Content-Type"], "Sec-Fetch-Site": {"cross-site"}}, 403, "Nothing was done."},
		{"JSON", "POST", "/reset", `{"email":"mia@example.com"}`, http.Header{"Content-Type": {"application/json"}}, 415, "application/x-www-form-urlencoded"},
		{"a malformed body", "POST", "/reset", "email=%zz", form, 400, "the body is not a well-formed form"},
		{"another method", "PUT", "/reset", "", form, 405, ""},
		{"a link that is none", "GET", "/reset/x", "", nil, 404, "This link no longer works"},
		{"a link with a slash", "GET", link + "/x", "", nil, 404, ""},
		{"a link in capitals", "GET", strings.ToUpper(link[:7]) + link[7:], "", nil, 404, ""},
		{"a cut link", "GET", link[:len(link)-1], "", nil, 404, "This link no longer works"},
		{"a longer link", "GET", link + "x", "", nil, 404, "This link no longer works"},
		{"a link of another site's form", "POST", link, "new_password=eleven+green+umbrellas", http.Header{"Content-Type": form["Content-Type"], "Origin": {"https://evil.example"}}, 403, "Nothing was done."},
		{"a password twice", "POST", link, "new_password=eleven+green+umbrellas&new_password=x", form, 400, "&#39;new_password&#39; is there more than once"},
		{"a large body", "POST", link, "new_password=" + strings.Repeat("x", 1<<20), form, 413, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := w.do(call{method: row.method, path: row.path, body: row.body, header: row.header})
			if a.status != row.status || !strings.Contains(a.body, row.says) || strings.Contains(a.body, "<script>") {
				t.Errorf("got %d, want %d and %q\n%s", a.status, row.status, row.says, a.body)
			}
			if h := a.header; h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") == "unsafe-url" || len(h["Set-Cookie"]) != 0 {
				t.Errorf("headers %v", h)
			}
		})
	}
	if list := m.sent(); len(list) != 0 {
		t.Errorf("mails were sent: %v", list)
	}
	w.browser().open(link).tells(t, 200, "Choose a new password")
}

func TestAnOutageUsesUpNoLinkAndSaysNothingOfAnybody(t *testing.T) {
	w, m := newMailWorld(t)
	link := m.reset(w.browser(), "mia@example.com")
	w.must(w.store.Close())
	for _, c := range []call{
		{method: "GET", path: link}, {path: link, form: values("new_password", otherPassword)},
		{path: "/reset", form: values("email", "mia@example.com")}, {path: "/signup", form: values("email", "zoe@example.com", "name", "Zoe")},
	} {
		if a := w.do(c); a.status != 503 || a.header.Get("Retry-After") == "" {
			t.Errorf("%s %s: %d %v", c.method, c.path, a.status, a.header)
		}
	}
}

func TestS16_TheValueOfALinkIsInTheMailAlone(t *testing.T) {
	w, m := newMailWorld(t)
	b := w.browser()
	reset := m.reset(b, "mia@example.com")
	b.send(b.open("/signup"), "name", "Zoe", "email", "zoe@example.com")
	signUp := m.link(m.one("zoe@example.com", "Confirm your e-mail address for Postern"))
	b.open("/verify/" + strings.TrimPrefix(reset, "/reset/"))
	b.choose(reset, "short")
	b.choose(reset, otherPassword)
	b.open(reset)
	m.sent()
	w.must(w.store.Close())
	kept := w.logs.String()
	for _, file := range []string{w.file, w.file + "-wal"} {
		if data, err := os.ReadFile(file); err == nil {
			kept += string(data)
		}
	}
	if len(kept) < 10_000 {
		t.Fatal("there is nothing to search")
	}
	for _, link := range []string{reset, signUp} {
		if value := link[strings.LastIndexByte(link, '/')+1:]; strings.Contains(kept, value) {
			t.Errorf("%s… is in the store or in a log", link[:12])
		}
	}
	if strings.Contains(kept, otherPassword) {
		t.Error("the password is in the store or in a log")
	}
}

func TestAMailThatFailsIsTriedAgainWithALinkOfItsOwn(t *testing.T) {
	w, m := newMailWorld(t)
	m.mu.Lock()
	m.err = fmt.Errorf("550 nobody here: %w", server.ErrUndeliverable)
	m.mu.Unlock()
	b := w.browser()
	b.send(b.open("/reset"), "email", "mia@example.com").tells(t, 200, "Look into your mail")
	first := m.one("mia@example.com", "Choose a new password for Postern") // and it is given up
	m.mu.Lock()
	m.err = nil
	m.mu.Unlock()
	second := m.reset(b, "mia@example.com")
	if m.link(first) == second {
		t.Error("two mails have one link")
	}
	b.open(m.link(first)).tells(t, 404, "This link no longer works")
	b.open(second).tells(t, 200, "Choose a new password")
}

func TestSignUpNeedsAMailer(t *testing.T) {
	w := newLoginWorld(t)
	_, err := server.New(t.Context(), server.Config{Store: w.store, Issuers: []string{"https://login.example.com"}, SignUp: true})
	if err == nil || !strings.Contains(err.Error(), "Mailer") {
		t.Errorf("got %v", err)
	}
}

func FuzzMailbox(f *testing.F) {
	w, m := newMailWorld(f)
	link := m.reset(w.browser(), "mia@example.com")
	for _, seed := range [][2]string{
		{"/reset", "email=mia%40example.com&ui_locales=de"}, {"/signup", "name=Zoe&email=zoe%40example.com"}, {link, "new_password=short"},
		{"/verify/x", ""}, {"/invitation/%2e%2e", "new_password=%zz"}, {"/login/x/reset?login=//evil", "email="}, {"/signup/\x00", "a=%"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, path, body string) {
		r, err := http.NewRequest(http.MethodPost, "http://x"+path, strings.NewReader(body))
		if err != nil || !slices.ContainsFunc([]string{"/reset", "/signup", "/verify/", "/invitation/"}, func(p string) bool { return strings.HasPrefix(r.URL.Path, p) }) {
			return // of other pages
		}
		w := w.at(t)
		u, err := url.Parse(w.issuer)
		w.must(err)
		r.URL.Scheme, r.URL.Host, r.Host = u.Scheme, u.Host, ""
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		a, err := w.roundTrip(r)
		if err != nil {
			return // it is not a request that can be sent
		}
		if a.status >= 500 || a.status < 200 || a.header.Get("Location") != "" || a.header.Get("Set-Cookie") != "" {
			t.Errorf("%d %v %s", a.status, a.header, a.body)
		}
	})
}
