package server_test

import (
	"html"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

const phr = "urn:postern:acr:phr"

// newPasskeyWorld is a world of logins in which mia has a passkey at one issuer.
func newPasskeyWorld(t testing.TB) (*world, *device) {
	t.Helper()
	w := newLoginWorld(t, withDataKey)
	b := w.browser()
	b.host = zitadelHost
	b.visits("mia", miaPassword).tells(t, 200, "Your account", "Passkeys", "No passkey yet")
	d := newDevice(t, zitadelHost)
	b.adds(d, "Telephone").tells(t, 200, "Your account", "The passkey is ready", "Telephone")
	return w, d
}

// at returns a browser in front of an issuer.
func (w *world) browserAt(host string) *browser {
	b := w.browser()
	b.host = host
	return b
}

func TestAPasskeyIsEnoughToLogIn(t *testing.T) {
	w, d := newPasskeyWorld(t)
	for range 2 {
		w.pass(time.Minute)
		b := w.browserAt(zitadelHost)
		page := b.open(asks("acr_values", phr))
		asked := b.challenge(page)
		if o := d.read(asked); o.RPID != zitadelHost || o.UserVerification != "required" || o.AllowCredentials != nil {
			t.Errorf("options %s", asked)
		}
		family := w.family(b.code(b.shows(page, d.uses(asked)), notesCallback))
		if family.SubjectID != "u-mia" || family.ACR != phr || !slices.Equal(family.AMR, []string{"pop", "mfa"}) || !family.AuthTime.Equal(w.now()) {
			t.Errorf("%+v", family)
		}
		b.code(b.open(asks("prompt", "none", "acr_values", phr)), notesCallback)
	}
	rows, err := w.store.PasskeysOf(t.Context(), "u-mia")
	w.must(err)
	if len(rows) != 1 || !rows[0].LastUsedAt.Equal(w.now()) || rows[0].RPID != zitadelHost {
		t.Errorf("%+v", rows)
	}
}

// The second factor of an app is not asked for beside a passkey, which is two by itself.
func TestAPasskeyStandsInForACode(t *testing.T) {
	w, d := newPasskeyWorld(t)
	w.enrol("u-mia")
	b := w.browserAt(zitadelHost)
	page := b.open(asks())
	b.code(b.shows(page, d.uses(b.challenge(page))), notesCallback)
	b = w.browserAt(zitadelHost)
	page = b.logIn("mia", miaPassword)
	b.page(page, 200, "Enter the code from your app")
	before := b.cookies[sessionCookie(b)]
	family := w.family(b.code(b.shows(page, d.uses(b.challenge(page))), notesCallback))
	if family.ACR != phr || !slices.Equal(family.AMR, []string{"pwd", "pop", "mfa"}) {
		t.Errorf("%s %v", family.ACR, family.AMR)
	}
	if b.cookies[sessionCookie(b)] == before {
		t.Error("K13: the cookie is the one before the second factor")
	}
}

func TestK40_StepUpToAPasskey(t *testing.T) {
	w, d := newPasskeyWorld(t)
	b := w.browserAt(zitadelHost)
	b.code(b.logIn("mia", miaPassword), notesCallback)
	for _, acr := range []string{mfa, phr} {
		if told := b.open(asks("prompt", "none", "acr_values", acr)).told(); told.Get("error") != "interaction_required" {
			t.Errorf("%v", told)
		}
	}
	page := b.open(asks("acr_values", phr))
	b.page(page, 200, "Use a passkey")
	page.lacks(t, `name="code"`, "recovery")
	// Nothing that is typed there counts.
	if s := b.send(page, "code", "000000", "answer", "login"); s.told() != nil || s.title() != "Use a passkey" {
		t.Errorf("%d %s", s.status, s.title())
	}
	b.code(b.shows(page, d.uses(b.challenge(page))), notesCallback)
	b.code(b.open(asks("prompt", "none", "acr_values", phr)), notesCallback)
}

func TestPasskeysThatAreRefused(t *testing.T) {
	w, d := newPasskeyWorld(t)
	noah := newDevice(t, zitadelHost)
	n := w.browserAt(zitadelHost)
	n.visits("noah", noahPassword)
	n.adds(noah, "Key")
	other := newDevice(t, zitadelHost)
	first := ""
	for _, row := range []struct {
		name string
		by   func(b *browser, page screen) string
	}{
		{"a device that nobody has", func(b *browser, page screen) string {
			other.handle = d.handle
			return other.uses(b.challenge(page))
		}},
		{"another key under the name of a credential", func(b *browser, page screen) string {
			c := *other
			c.id, c.handle = d.id, d.handle
			return c.uses(b.challenge(page))
		}},
		{"a page of another origin", func(b *browser, page screen) string {
			c := *d
			c.origin = "https://evil.example.com"
			return c.uses(b.challenge(page))
		}},
		{"the same host on http", func(b *browser, page screen) string {
			c := *d
			c.origin = "http://" + zitadelHost
			return c.uses(b.challenge(page))
		}},
		{"another port of the host", func(b *browser, page screen) string {
			c := *d
			c.origin = "https://" + zitadelHost + ":8443"
			return c.uses(b.challenge(page))
		}},
		{"a frame of another site", func(b *browser, page screen) string {
			c := *d
			c.client = map[string]any{"crossOrigin": true}
			return c.uses(b.challenge(page))
		}},
		{"the key of another host", func(b *browser, page screen) string {
			c := *d
			c.rpID = auth0Host
			return c.uses(b.challenge(page))
		}},
		{"a person who is there and not verified", func(b *browser, page screen) string {
			c := *d
			c.flags &^= verified
			return c.uses(b.challenge(page))
		}},
		{"nobody there", func(b *browser, page screen) string {
			c := *d
			c.flags &^= present
			return c.uses(b.challenge(page))
		}},
		{"a key that was never backed up", func(b *browser, page screen) string {
			c := *d
			c.flags &^= eligible | backedUp
			return c.uses(b.challenge(page))
		}},
		{"the handle of somebody else", func(b *browser, page screen) string {
			c := *d
			c.handle = noah.handle
			return c.uses(b.challenge(page))
		}},
		{"no handle", func(b *browser, page screen) string {
			c := *d
			c.handle = ""
			return c.uses(b.challenge(page))
		}},
		{"the answer of an enrolment", func(b *browser, page screen) string {
			c := *d
			c.client = map[string]any{"type": "webauthn.create"}
			return c.uses(b.challenge(page))
		}},
		{"a challenge of another request", func(b *browser, page screen) string {
			b.challenge(page)
			return d.uses(b.challenge(b.open(asks("state", "s-2"))))
		}},
		{"a challenge that another has replaced", func(b *browser, page screen) string {
			former := b.challenge(page)
			b.challenge(page)
			return d.uses(former)
		}},
		{"a challenge that nobody gave", func(b *browser, page screen) string {
			b.challenge(page)
			c := *d
			c.client = map[string]any{"challenge": b64(make([]byte, 32))}
			return c.uses(`{"challenge":"AA"}`)
		}},
		{"no challenge at all", func(b *browser, page screen) string { return d.uses(`{"challenge":"AA"}`) }},
		{"a broken signature", func(b *browser, page screen) string {
			c := *d
			c.answer = map[string]any{"signature": b64([]byte("not a signature"))}
			return c.uses(b.challenge(page))
		}},
		{"nothing", func(b *browser, page screen) string { b.challenge(page); return "" }},
		{"null", func(b *browser, page screen) string { b.challenge(page); return "null" }},
		{"an array", func(b *browser, page screen) string { b.challenge(page); return "[]" }},
		{"half of an answer", func(b *browser, page screen) string {
			text := d.uses(b.challenge(page))
			return text[:len(text)/2]
		}},
		{"an answer of 13 KB", func(b *browser, page screen) string {
			return d.uses(b.challenge(page)) + strings.Repeat(" ", 13<<10)
		}},
		{"markup", func(b *browser, page screen) string { b.challenge(page); return `"><script>alert(1)</script>` }},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			b := w.browserAt(zitadelHost)
			page := b.open(asks())
			s := b.shows(page, row.by(b, page))
			b.page(s, 422, "Log in to Notes")
			if first == "" {
				first = s.says()
			}
			if s.says() != first || sessionCookie(b) != "" || strings.Contains(s.body, "<script>alert") {
				t.Errorf("it says %s, want %s; cookies %v", s.says(), first, b.cookies)
			}
		})
	}
	b := w.browserAt(zitadelHost)
	page := b.open(asks())
	b.code(b.shows(page, d.uses(b.challenge(page))), notesCallback)
	w.noticed("u-mia")
}

func TestAnAnswerOfAPasskeyCountsOnce(t *testing.T) {
	w, d := newPasskeyWorld(t)
	b := w.browserAt(zitadelHost)
	page, again := b.open(asks("prompt", "login")), b.open(asks("prompt", "login"))
	answer := d.uses(b.challenge(page))
	b.code(b.shows(page, answer), notesCallback)
	b.page(b.shows(page, answer), 400, "Start again at the application")
	b.page(b.shows(again, answer), 422, "Log in to Notes")
}

func TestAChallengeEndsAfterFiveMinutes(t *testing.T) {
	w, d := newPasskeyWorld(t)
	b := w.browserAt(zitadelHost)
	page := b.open(asks())
	answer := d.uses(b.challenge(page))
	w.pass(5 * time.Minute)
	s := b.shows(page, answer)
	b.page(s, 422, "Log in to Notes")
	b.code(b.shows(s, d.uses(b.challenge(s))), notesCallback)
}

func TestACountThatGoesBackIsRefusedAndTold(t *testing.T) {
	w, d := newPasskeyWorld(t)
	d.counts, d.count = true, 7
	in := func() screen {
		b := w.browserAt(zitadelHost)
		page := b.open(asks())
		return b.shows(page, d.uses(b.challenge(page)))
	}
	for _, count := range []uint32{7, 8, 100} {
		d.count = count
		if s := in(); s.told().Get("code") == "" {
			t.Errorf("count %d: %d %s", count, s.status, s.title())
		}
	}
	for n, count := range []uint32{100, 99, 1, 0} {
		d.count = count
		if s := in(); s.status != 422 || s.told() != nil {
			t.Errorf("count %d: %d %s", count, s.status, s.title())
		}
		w.noticed("u-mia", slices.Repeat([]string{"passkey_copied"}, n+1)...)
	}
	if !strings.Contains(w.logs.String(), "its count has not gone up") {
		t.Error("the log does not say so")
	}
	d.count = 101
	if s := in(); s.told().Get("code") == "" {
		t.Errorf("%d %s", s.status, s.title())
	}
}

func TestAPasskeyOfSomebodyElseIsNoSecondFactor(t *testing.T) {
	w, _ := newPasskeyWorld(t)
	w.enrol("u-mia")
	noah := newDevice(t, zitadelHost)
	n := w.browserAt(zitadelHost)
	n.visits("noah", noahPassword)
	n.adds(noah, "Key")
	b := w.browserAt(zitadelHost)
	page := b.logIn("mia", miaPassword)
	b.page(b.shows(page, noah.uses(b.challenge(page))), 422, "Enter the code from your app")
}

func TestAPasskeyOfALockedPersonOpensNothing(t *testing.T) {
	w, d := newPasskeyWorld(t)
	b := w.browserAt(zitadelHost)
	page := b.open(asks())
	user, err := w.store.User(t.Context(), "u-mia")
	w.must(err)
	user.Active = false
	w.must(w.store.PutUser(t.Context(), user))
	b.page(b.shows(page, d.uses(b.challenge(page))), 422, "Log in to Notes")
}

func TestAPasskeyIsGoodForItsHost(t *testing.T) {
	w, d := newPasskeyWorld(t)
	b := w.browserAt(auth0Host)
	// At the other issuer it is not a way to step up, and nothing there says that it exists.
	b.code(b.logIn("mia", miaPassword, "acr_values", phr), notesCallback)
	b.open("/account/").lacks(t, "Telephone")
	page := b.open(asks("prompt", "login"))
	c := *d
	c.rpID, c.origin = auth0Host, "https://"+auth0Host
	b.page(b.shows(page, c.uses(b.challenge(page))), 422, "Log in to Notes")
}

func TestAnAddressHasNoPasskeys(t *testing.T) {
	w := newLoginWorld(t, withDataKey)
	b := w.browser() // of http://127.0.0.1
	page := b.open(asks())
	page.lacks(t, "passkey", "<script")
	if csp := page.header.Get("Content-Security-Policy"); strings.Contains(csp, "script-src") {
		t.Error(csp)
	}
	if a := b.ask(http.MethodPost, page.path+"/passkey", nil); a.status != 400 {
		t.Errorf("%d %s", a.status, a.body)
	}
	b.page(b.shows(page, "{}"), 422, "Log in to Notes")
	b.visits("mia", miaPassword).tells(t, 200, "Your account", "Passkeys need a host name")
	if a := b.ask(http.MethodGet, "/account/passkeys/new", nil); a.status != 404 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestChallengesAreForTheBrowserOfTheRequest(t *testing.T) {
	w, _ := newPasskeyWorld(t)
	b := w.browserAt(zitadelHost)
	page := b.open(asks())
	path := page.path + "/passkey"
	stranger := w.browserAt(zitadelHost)
	strangerWithACookie := w.browserAt(zitadelHost)
	strangerWithACookie.open(asks())
	frame := w.browserAt(zitadelHost)
	frame.cookies, frame.header = b.cookies, http.Header{"Sec-Fetch-Site": {"cross-site"}}
	for _, row := range []struct {
		name   string
		by     *browser
		method string
		path   string
		status int
	}{
		{"without a cookie", stranger, "POST", path, 400},
		{"with the cookie of another browser", strangerWithACookie, "POST", path, 400},
		{"from another site", frame, "POST", path, 403},
		{"by GET", b, "GET", path, 405},
		{"by HEAD", b, "HEAD", path, 405},
		{"by PUT", b, "PUT", path, 405},
		{"of no request", b, "POST", "/login/nothing/passkey", 400},
		{"with a slash behind", b, "POST", path + "/", 404},
		{"of a request below", b, "POST", "/login//passkey", 404},
		{"with a parameter twice", b, "POST", path + "?a=1&a=2", 200},
		{"with a token in the URL", b, "POST", path + "?access_token=x", 400},
		{"of an id of 4 KB", b, "POST", "/login/" + strings.Repeat("x", 4<<10) + "/passkey", 400},
		{"as it should be", b, "POST", path, 200},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := row.by.ask(row.method, row.path, nil)
			isOptions := strings.Contains(a.body, `"challenge"`)
			if a.status != row.status || isOptions != (row.status == 200) {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	b.code(b.send(page, "identifier", "mia", "password", miaPassword, "answer", "login"), notesCallback)
	if a := b.ask("POST", path, nil); a.status != 400 {
		t.Errorf("of a request that is over: %d", a.status)
	}
}

func TestEnrolmentsThatAreRefused(t *testing.T) {
	w, d := newPasskeyWorld(t)
	b := w.browserAt(zitadelHost)
	b.visits("mia", miaPassword)
	asked := func() string {
		s := b.open("/account/passkeys/new")
		return html.UnescapeString(makesOf.FindStringSubmatch(s.body)[1])
	}
	if o := d.read(asked()); len(o.ExcludeCredentials) != 1 || o.ExcludeCredentials[0].ID != b64(d.id) || o.User.Name != "mia@example.com" {
		t.Errorf("%+v", o)
	}
	fresh := func(change func(*device)) *device {
		c := newDevice(t, zitadelHost)
		change(c)
		return c
	}
	for _, row := range []struct {
		name, says string
		called     string
		answer     func() string
	}{
		{"a device that has one", "did not accept", "Key", func() string { return d.makes(asked()) }},
		{"a page of another origin", "did not accept", "Key", func() string {
			return fresh(func(d *device) { d.origin = "https://evil.example.com" }).makes(asked())
		}},
		{"a person who is not verified", "did not accept", "Key", func() string {
			return fresh(func(d *device) { d.flags &^= verified }).makes(asked())
		}},
		{"a backup of what cannot be backed up", "did not accept", "Key", func() string {
			return fresh(func(d *device) { d.flags &^= eligible }).makes(asked())
		}},
		{"the answer of a login", "did not accept", "Key", func() string {
			return fresh(func(d *device) { d.client = map[string]any{"type": "webauthn.get"} }).makes(asked())
		}},
		{"another challenge", "did not accept", "Key", func() string {
			text := asked()
			return fresh(func(d *device) { d.client = map[string]any{"challenge": b64(make([]byte, 32))} }).makes(text)
		}},
		{"a challenge that another has replaced", "did not accept", "Key", func() string {
			former := asked()
			asked()
			return newDevice(t, zitadelHost).makes(former)
		}},
		{"nothing", "did not accept", "Key", func() string { asked(); return "" }},
		{"null", "did not accept", "Key", func() string { asked(); return "null" }},
		{"half of an answer", "did not accept", "Key", func() string {
			text := newDevice(t, zitadelHost).makes(asked())
			return text[:len(text)/2]
		}},
		{"an answer of 13 KB", "did not accept", "Key", func() string {
			return newDevice(t, zitadelHost).makes(asked()) + strings.Repeat(" ", 13<<10)
		}},
		{"no name", "Give it a name", " ", func() string { return newDevice(t, zitadelHost).makes(asked()) }},
		{"a name with a line end", "", "a\nb", func() string { return newDevice(t, zitadelHost).makes(asked()) }},
		{"a name of 4 KB", "", strings.Repeat("x", 4<<10), func() string { return newDevice(t, zitadelHost).makes(asked()) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := screen{answer: b.ask("POST", "/account/passkeys/new", values("name", row.called, "passkey", row.answer())), path: "/account/passkeys/new"}
			s.tells(t, 422, "Add a passkey", row.says)
		})
	}
	rows, err := w.store.PasskeysOf(t.Context(), "u-mia")
	if err != nil || len(rows) != 1 {
		t.Errorf("%d passkeys, %v", len(rows), err)
	}
}

func TestAPersonHasTwentyPasskeysAtMost(t *testing.T) {
	w, _ := newPasskeyWorld(t)
	for n := range 19 {
		w.must(w.store.CreatePasskey(t.Context(), store.Passkey{ID: string(rune('a' + n)), Credential: []byte{byte(n)}, UserID: "u-mia", RPID: zitadelHost, Name: "x"}))
	}
	b := w.browserAt(zitadelHost)
	b.visits("mia", miaPassword)
	b.open("/account/passkeys/new").tells(t, 422, "Add a passkey", "You have 20 passkeys")
	b.adds(newDevice(t, zitadelHost), "One more").tells(t, 422, "Add a passkey", "You have 20 passkeys")
}

func TestWhatChangesAWayInWantsAFreshLogin(t *testing.T) {
	w, _ := newPasskeyWorld(t)
	w.enrol("u-noah")
	rows, err := w.store.PasskeysOf(t.Context(), "u-mia")
	w.must(err)
	b := w.browserAt(zitadelHost)
	b.visits("mia", miaPassword)
	w.pass(5*time.Minute + time.Second)
	for _, path := range []string{
		"/account/second-factor/on", "/account/second-factor/off", "/account/second-factor/codes", "/account/passkeys/new",
		"/account/passkeys/" + rows[0].ID + "/remove",
	} {
		b.open(path).tells(t, 200, "Log in")
		b.follow(path, b.ask("POST", path, values("code", "000000", "name", "x", "passkey", "{}"))).tells(t, 200, "Log in")
	}
	if _, err := w.store.PasskeyByCredential(t.Context(), rows[0].Credential); err != nil {
		t.Error(err)
	}
}

func TestRemovingAPasskeyEndsWhatElseIsLoggedIn(t *testing.T) {
	w, d := newPasskeyWorld(t)
	thief := w.browserAt(zitadelHost)
	page := thief.open(asks())
	family := w.family(thief.code(thief.shows(page, d.uses(thief.challenge(page))), notesCallback))
	b := w.browserAt(zitadelHost)
	b.visits("mia", miaPassword)
	before := b.cookies[sessionCookie(b)]
	rows, err := w.store.PasskeysOf(t.Context(), "u-mia")
	w.must(err)
	path := "/account/passkeys/" + rows[0].ID + "/remove"
	ask := b.open(path)
	ask.tells(t, 200, "Remove the passkey Telephone?")
	b.confirm(ask).tells(t, 200, "Your account", "The passkey is removed", "No passkey yet")
	if b.cookies[sessionCookie(b)] == before {
		t.Error("the session goes on under its former cookie")
	}
	if told := thief.open(asks("prompt", "none")).told(); told.Get("error") != "login_required" {
		t.Errorf("%v", told)
	}
	if alive, err := w.store.FamilyAlive(t.Context(), family.ID, w.now()); err != nil || alive {
		t.Errorf("the tokens of the other session live: %v", err)
	}
	again := b.ask("POST", path, nil)
	if again.status != 404 {
		t.Errorf("%d", again.status)
	}
	// Nobody removes another's.
	n := w.browserAt(zitadelHost)
	n.visits("noah", noahPassword)
	n.adds(newDevice(t, zitadelHost), "Key")
	noahs, err := w.store.PasskeysOf(t.Context(), "u-noah")
	w.must(err)
	b.visits("mia", miaPassword)
	if a := b.ask("POST", "/account/passkeys/"+noahs[0].ID+"/remove", nil); a.status != 404 {
		t.Errorf("%d", a.status)
	}
}

func TestTheLastWayInIsNotRemoved(t *testing.T) {
	w, d := newPasskeyWorld(t)
	w.must(w.store.DeletePassword(t.Context(), "u-mia"))
	b := w.browserAt(zitadelHost)
	page := b.open("/account/")
	b.shows(page, d.uses(b.challenge(page))).tells(t, 200, "Your account", "Telephone")
	rows, err := w.store.PasskeysOf(t.Context(), "u-mia")
	w.must(err)
	path := "/account/passkeys/" + rows[0].ID + "/remove"
	b.confirm(b.open(path)).tells(t, 422, "Remove the passkey Telephone?", "only way to log in")
	b.adds(newDevice(t, zitadelHost), "Second").tells(t, 200, "Your account", "Second")
	b.confirm(b.open(path)).tells(t, 200, "Your account", "The passkey is removed")
}

// FuzzPasskeyAnswer holds for every answer: nobody is logged in by it, and the page is one of ours.
func FuzzPasskeyAnswer(f *testing.F) {
	w, d := newPasskeyWorld(f)
	f.Add("")
	f.Add("{}")
	f.Add(d.uses(`{"challenge":"AA"}`))
	f.Fuzz(func(t *testing.T, answer string) {
		w := w.at(t)
		b := w.browserAt(zitadelHost)
		page := b.open(asks())
		b.challenge(page)
		s := b.shows(page, answer)
		if s.told() != nil || sessionCookie(b) != "" || s.status != 422 && s.status != 400 && s.status != 413 {
			t.Errorf("%d %v %v", s.status, s.told(), b.cookies)
		}
	})
}
