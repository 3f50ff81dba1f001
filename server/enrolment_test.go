package server_test

import (
	"encoding/base32"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/internal/totp"
)

var (
	secretOf   = regexp.MustCompile(`secret=([A-Z2-7]{32})`)
	recoveries = regexp.MustCompile(`[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}`)
)

// app is what a person's telephone makes of the page that turns codes on.
func (s screen) app(t testing.TB) totp.Secret {
	t.Helper()
	found := secretOf.FindStringSubmatch(html.UnescapeString(s.body))
	if found == nil {
		t.Fatalf("%d %s", s.status, s.body)
	}
	key, err := base32.StdEncoding.DecodeString(found[1])
	if err != nil {
		t.Fatal(err)
	}
	secret, err := totp.FromBytes(key)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func TestAPersonTurnsCodesOnAndOff(t *testing.T) {
	w := newLoginWorld(t, withDataKey)
	b := w.browser()
	b.visits("mia", miaPassword).tells(t, 200, "Your account", "Second factor", "off")
	before := b.cookies[sessionCookie(b)]
	page := b.open("/account/second-factor/on")
	page.tells(t, 200, "Turn on the second factor")
	secret := page.app(t)
	if b.open("/account/second-factor/on").app(t) != secret {
		t.Error("a page that is loaded again shows another secret")
	}
	wrong := b.confirm(page, "code", w.wrong(secret))
	wrong.tells(t, 422, "Turn on the second factor", "This code is not right")
	if wrong.app(t) != secret {
		t.Error("after a wrong code there is another secret")
	}
	codes := b.confirm(wrong, "code", w.code(secret, 0))
	codes.tells(t, 200, "Your recovery codes")
	list := recoveries.FindAllString(codes.body, -1)
	if len(list) != 10 || b.cookies[sessionCookie(b)] == before {
		t.Errorf("%d recovery codes; the cookie of the session has changed: %v", len(list), b.cookies[sessionCookie(b)] != before)
	}
	// The session has proved it just now, and goes on.
	b.open("/account/").tells(t, 200, "Your account", "10 of 10 recovery codes left")
	b.open("/account/second-factor/on").tells(t, 200, "Your account") // it is on: there is nothing to do
	// The code that proved it is used up. Another lets in, and so does a recovery code.
	other := w.browser()
	s := other.prove(other.logIn("mia", miaPassword), w.code(secret, 0))
	other.page(s, 422, "Enter the code from your app")
	w.pass(30 * time.Second)
	family := w.family(other.code(other.prove(s, w.code(secret, 0)), notesCallback))
	third := w.browser()
	third.code(third.prove(third.open(third.logIn("mia", miaPassword).path+"?recovery=1"), list[4]), notesCallback)
	b.open("/account/").tells(t, 200, "Your account", "9 of 10 recovery codes left")

	ask := b.open("/account/second-factor/codes")
	ask.tells(t, 200, "New recovery codes?")
	next := b.confirm(ask)
	next.tells(t, 200, "Your recovery codes")
	if all := recoveries.FindAllString(next.body, -1); len(all) != 10 || slices.Contains(all, list[0]) {
		t.Errorf("%v", all)
	}
	fourth := w.browser()
	fourth.page(fourth.prove(fourth.open(fourth.logIn("mia", miaPassword).path+"?recovery=1"), list[0]), 422, "Use a recovery code")

	ask = b.open("/account/second-factor/off")
	ask.tells(t, 200, "Turn off the second factor?")
	b.confirm(ask).tells(t, 200, "Your account", "The second factor is off")
	if told := other.open(asks("prompt", "none")).told(); told.Get("error") != "login_required" {
		t.Errorf("the other session goes on: %v", told)
	}
	if alive, err := w.store.FamilyAlive(t.Context(), family.ID, w.now()); err != nil || alive {
		t.Errorf("its tokens live: %v", err)
	}
	b.open("/account/").tells(t, 200, "Your account", "off")
	if left, err := w.store.RecoveryCodes(t.Context(), "u-mia"); err != nil || len(left) != 0 {
		t.Errorf("%d recovery codes, %v", len(left), err)
	}
	fifth := w.browser()
	fifth.code(fifth.logIn("mia", miaPassword), notesCallback)
	var actions []string
	events, err := w.store.LatestEvents(t.Context(), 10)
	w.must(err)
	for _, e := range events {
		if e.Actor == "u-mia" && !strings.Contains(e.Detail, "notice") {
			actions = append(actions, e.Action+" "+e.Object)
		}
	}
	if want := []string{"delete second factor", "change recovery codes", "create second factor"}; !slices.Equal(actions, want) {
		t.Errorf("events %v, want %v", actions, want)
	}
}

func TestTheSecretOfAnAppIsInTheStoreSealed(t *testing.T) {
	w := newLoginWorld(t, withDataKey)
	b := w.browser()
	b.visits("mia", miaPassword)
	page := b.open("/account/second-factor/on")
	secret := page.app(t)
	b.confirm(page, "code", w.code(secret, 0))
	app, err := w.store.TOTP(t.Context(), "u-mia")
	w.must(err)
	if strings.Contains(string(app.Secret), string(secret.Bytes())) {
		t.Error("it is there for all to read")
	}
	for _, text := range []string{secret.Text(), string(secret.Bytes())} {
		if strings.Contains(w.logs.String(), text) {
			t.Error("the log holds it")
		}
	}
}

func TestCodesCannotBeTurnedOnWithoutADataKey(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	b.visits("mia", miaPassword).tells(t, 200, "Your account", "This server is not set up for codes from an app.")
	for _, method := range []string{"GET", "POST"} {
		if a := b.ask(method, "/account/second-factor/on", values("code", "123456")); a.status != 404 {
			t.Errorf("%s: %d %s", method, a.status, a.body)
		}
	}
}

func TestTheDraftOfAnAppIsForItsSession(t *testing.T) {
	w := newLoginWorld(t, withDataKey)
	b, other := w.browser(), w.browser()
	b.visits("mia", miaPassword)
	other.visits("mia", miaPassword)
	page := b.open("/account/second-factor/on")
	secret := page.app(t)
	if other.open("/account/second-factor/on").app(t) == secret {
		t.Error("two sessions are shown one secret")
	}
	s := other.follow("/account/second-factor/on", other.ask("POST", "/account/second-factor/on", values("code", w.code(secret, 0))))
	s.tells(t, 422, "Turn on the second factor")
	// After ten minutes there is a new one, and a code of the former turns nothing on.
	w.pass(10 * time.Minute)
	later := b.send(b.open("/account/second-factor/on"), "identifier", "mia", "password", miaPassword, "answer", "login")
	if later.app(t) == secret {
		t.Error("a secret of ten minutes ago is shown again")
	}
	b.confirm(later, "code", w.code(secret, 0)).tells(t, 422, "Turn on the second factor")
	if _, err := w.store.TOTP(t.Context(), "u-mia"); err == nil {
		t.Error("there is a second factor")
	}
	// Two windows of one session prove the same secret: one turns it on, the other finds it so.
	page = other.send(other.open("/account/second-factor/on"), "identifier", "mia", "password", miaPassword, "answer", "login")
	secret = page.app(t)
	other.confirm(page, "code", w.code(secret, 0)).tells(t, 200, "Your recovery codes")
	other.confirm(page, "code", w.code(secret, 1)).tells(t, 200, "Your account")
}

func TestWhatIsNotThereCannotBeTurnedOff(t *testing.T) {
	w := newLoginWorld(t, withDataKey)
	b := w.browser()
	b.visits("mia", miaPassword)
	for _, path := range []string{"/account/second-factor/off", "/account/second-factor/codes"} {
		b.open(path).tells(t, 200, "Your account", "off")
		b.follow(path, b.ask("POST", path, nil)).tells(t, 200, "Your account", "off")
	}
	if codes, err := w.store.RecoveryCodes(t.Context(), "u-mia"); err != nil || len(codes) != 0 {
		t.Errorf("%d recovery codes without a second factor", len(codes))
	}
}

// A session that has proved the password alone is nobody's at the account of somebody with a second factor.
func TestTheAccountWantsTheSecondFactor(t *testing.T) {
	w, secret := newFactorWorld(t)
	b := w.browser()
	page := b.visits("mia", miaPassword)
	b.page(page, 200, "Enter the code from your app")
	for _, path := range []string{"/account/", "/account/second-factor/off", "/account/sessions", "/account/password"} {
		b.page(b.open(path), 200, "Enter the code from your app")
		if !strings.HasSuffix(path, "/") && path != "/account/sessions" {
			b.page(b.follow(path, b.ask("POST", path, nil)), 200, "Enter the code from your app")
		}
	}
	b.prove(page, w.code(secret, 0)).tells(t, 200, "Your account", "on")
}
