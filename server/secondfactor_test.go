package server_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/internal/seal"
	"github.com/postern-auth/postern/server/internal/totp"
	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/sqlite"
)

var dataKey = bytes.Repeat([]byte{7}, seal.KeyBytes)

func withDataKey(c *server.Config) { c.DataKeys = [][]byte{dataKey} }

// The multi-factor level by our name and by Auth0's.
const (
	mfa      = "urn:postern:acr:mfa"
	mfaAuth0 = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"
)

// newFactorWorld is a world of logins in which mia has an app for codes.
func newFactorWorld(t testing.TB, change ...func(*server.Config)) (*world, totp.Secret) {
	t.Helper()
	w := newLoginWorld(t, append([]func(*server.Config){withDataKey}, change...)...)
	return w, w.enrol("u-mia")
}

// enrol gives a person an app for codes.
func (w *world) enrol(userID string) totp.Secret {
	w.t.Helper()
	keys, err := seal.New(dataKey)
	w.must(err)
	secret := totp.NewSecret()
	w.must(w.store.CreateTOTP(w.t.Context(), store.TOTP{
		UserID: userID, Secret: keys.Seal(totp.Sealed, userID, secret.Bytes()), CreatedAt: start,
	}))
	return secret
}

// recoveryCodes gives a person a set of recovery codes.
func (w *world) recoveryCodes(userID string) []string {
	w.t.Helper()
	var texts []string
	var digests []store.Digest
	for _, code := range totp.NewRecoveryCodes() {
		texts, digests = append(texts, code.Text()), append(digests, code.Digest())
	}
	w.must(w.store.ReplaceRecoveryCodes(w.t.Context(), userID, digests))
	return texts
}

// code is what the app shows, moved by steps.
func (w *world) code(s totp.Secret, by int64) string { return s.Code(totp.Step(w.now()) + by) }

// wrong is a code that the app shows at no time near now.
func (w *world) wrong(s totp.Secret) string {
	for n := range 1_000_000 {
		code := fmt.Sprintf("%06d", n)
		if _, ok := s.Check(code, w.now(), 0); !ok {
			return code
		}
	}
	panic("every code is right")
}

func (b *browser) prove(s screen, code string) screen {
	b.w.t.Helper()
	return b.send(s, "code", code, "answer", "login")
}

// noticed checks what a person has been told, the latest first.
func (w *world) noticed(userID string, want ...string) {
	w.t.Helper()
	events, err := w.store.LatestEvents(w.t.Context(), 100)
	w.must(err)
	var got []string
	for _, e := range events {
		if kind, ok := strings.CutPrefix(e.Detail, `{"notice":"`); ok && e.ObjectID == userID {
			got = append(got, strings.TrimSuffix(kind, `"}`))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestASecondFactorIsAskedForAfterThePassword(t *testing.T) {
	w, secret := newFactorWorld(t)
	for _, host := range []string{"", zitadelHost, auth0Host} {
		w.pass(2 * time.Minute)
		b := w.browser()
		b.host = host
		page := b.logIn("mia", miaPassword)
		b.page(page, 200, "Enter the code from your app")
		if strings.Contains(page.body, "recovery") {
			t.Error("recovery codes are offered to somebody who has none")
		}
		s := b.prove(page, w.code(secret, 0))
		family := w.family(b.code(s, notesCallback))
		if family.ACR != mfa || !slices.Equal(family.AMR, []string{"pwd", "otp", "mfa"}) || !family.AuthTime.Equal(w.now()) {
			t.Errorf("%s %v %s", family.ACR, family.AMR, family.AuthTime)
		}
		// It counts for the next request of the session, which remembers when it was.
		b.code(b.open(asks("prompt", "none", "acr_values", mfa)), notesCallback)
		session, err := w.store.SessionByID(t.Context(), family.SessionID)
		w.must(err)
		want := []store.Method{{Name: "pwd", At: w.now()}, {Name: "otp", At: w.now()}}
		if diff := cmp.Diff(want, session.Methods); diff != "" {
			t.Error(diff)
		}
	}
}

func TestWithoutASecondFactorNothingIsAsked(t *testing.T) {
	w, _ := newFactorWorld(t)
	b := w.browser()
	// A wish for what nobody can reach is no demand.
	family := w.family(b.code(b.logIn("noah", noahPassword, "acr_values", mfa+" urn:postern:acr:phr"), notesCallback))
	if family.ACR != "urn:postern:acr:pwd" {
		t.Error(family.ACR)
	}
}

func TestK40_APasswordAloneIsNotASecondFactor(t *testing.T) {
	w, secret := newFactorWorld(t)
	for _, row := range []struct{ host, code, text string }{
		{"", "interaction_required", "a second factor is required"},
		{zitadelHost, "interaction_required", "a second factor is required"},
		{auth0Host, "login_required", "Multifactor authentication required"},
	} {
		b := w.browser()
		b.host = row.host
		page := b.logIn("mia", miaPassword)
		b.page(page, 200, "Enter the code from your app")
		for _, acr := range []string{"", mfa, mfaAuth0, "urn:postern:acr:phr"} {
			told := b.open(asks("prompt", "none", "acr_values", acr)).told()
			if told.Get("error") != row.code || told.Get("error_description") != row.text || told.Get("code") != "" || told.Get("state") != "s-1" {
				t.Errorf("%s %q: %v", row.host, acr, told)
			}
		}
		// Another application, and one that asks without a word about factors, are asked for it, too.
		b.page(b.open(asks("redirect_uri", "https://notes.example.com/other")), 200, "Enter the code from your app")
		w.pass(2 * time.Minute)
		b.code(b.prove(page, w.code(secret, 0)), notesCallback)
		b.code(b.open(asks("prompt", "none", "acr_values", mfaAuth0)), notesCallback)
	}
}

// Somebody sets up a second factor while they are logged in by the password alone: the next request asks for it.
func TestK40_AFactorSetUpLaterIsAskedForInFormerSessions(t *testing.T) {
	w := newLoginWorld(t, withDataKey)
	b := w.browser()
	b.code(b.logIn("mia", miaPassword), notesCallback)
	before := b.cookies[sessionCookie(b)]
	secret := w.enrol("u-mia")
	page := b.open(asks())
	b.page(page, 200, "Enter the code from your app")
	w.pass(10 * time.Minute)
	family := w.family(b.code(b.prove(page, w.code(secret, 0)), notesCallback))
	if !family.AuthTime.Equal(start) { // a further factor does not make the login younger
		t.Error(family.AuthTime)
	}
	if b.cookies[sessionCookie(b)] == before {
		t.Error("the session has the cookie that it had before the second factor")
	}
}

func TestK13_TheCookieOfTheSessionChangesWithTheSecondFactor(t *testing.T) {
	w, secret := newFactorWorld(t)
	b := w.browser()
	page := b.logIn("mia", miaPassword)
	planted := b.cookies[sessionCookie(b)]
	b.code(b.prove(page, w.code(secret, 0)), notesCallback)
	now := b.cookies[sessionCookie(b)]
	if planted == "" || now == planted {
		t.Fatalf("%q, then %q", planted, now)
	}
	thief := w.browser()
	for name, value := range b.cookies {
		if value == now {
			value = planted
		}
		thief.cookies[name] = value
	}
	if told := thief.open(asks("prompt", "none")).told(); told.Get("error") != "login_required" {
		t.Errorf("the former cookie: %v", told)
	}
	sessions, err := w.store.SessionsOf(t.Context(), "u-mia")
	if err != nil || len(sessions) != 1 {
		t.Errorf("%d sessions, %v", len(sessions), err)
	}
}

func TestCodesThatAreRefused(t *testing.T) {
	w, secret := newFactorWorld(t)
	codes := w.recoveryCodes("u-mia")
	noah := w.enrol("u-noah")
	first := ""
	for _, row := range []struct{ name, code string }{
		{"a wrong code", w.wrong(secret)},
		{"no code", ""},
		{"five digits", w.code(secret, 0)[:5]},
		{"seven digits", w.code(secret, 0) + "0"},
		{"the code of two steps ago", w.code(secret, -2)},
		{"the code of two steps ahead", w.code(secret, 2)},
		{"the code of somebody else", w.code(noah, 0)},
		{"digits of other scripts", "١٢٣٤٥٦"},
		{"letters", "abcdef"},
		{"a sign", "+" + w.code(secret, 0)},
		{"a recovery code at the wrong page", codes[0]},
		{"markup", `"><script>alert(1)</script>`},
		{"a long text", strings.Repeat("1", 4<<10)},
		{"a nul", w.code(secret, 0) + "\x00"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			b := w.browser()
			page := b.logIn("mia", miaPassword)
			b.page(page, 200, "Enter the code from your app")
			s := b.prove(page, row.code)
			b.page(s, 422, "Enter the code from your app")
			if first == "" {
				first = s.says()
			}
			if s.says() != first || strings.Contains(s.body, "<script>alert") {
				t.Errorf("it says %s, want %s", s.says(), first)
			}
			if n, err := w.store.Failures(t.Context(), "factor:u-mia", w.now()); err != nil || n != 1 {
				t.Errorf("%d failures are counted, %v", n, err)
			}
			w.forget("u-mia")
		})
	}
}

// forget has nothing count of what a person has tried.
func (w *world) forget(userID string) {
	w.t.Helper()
	if _, err := w.store.DeleteExpiredTokens(w.t.Context(), w.now().Add(48*time.Hour), 1000); err != nil {
		w.t.Fatal(err)
	}
	if n, err := w.store.Failures(w.t.Context(), "factor:"+userID, w.now()); err != nil || n != 0 {
		w.t.Fatalf("%d failures, %v", n, err)
	}
}

func TestCodesThatAreTaken(t *testing.T) {
	w, secret := newFactorWorld(t)
	for _, by := range []int64{-1, 0, 1} {
		w.pass(5 * time.Minute)
		b := w.browser()
		code := w.code(secret, by)
		b.code(b.prove(b.logIn("mia", miaPassword), code[:3]+" "+code[3:]), notesCallback)
	}
}

func TestK38_OneCodeLetsInOnce(t *testing.T) {
	w, secret := newFactorWorld(t)
	other := w.replica()
	code := w.code(secret, 0)
	var browsers []*browser
	var pages []screen
	for i := range 20 {
		b := w.browser()
		if i%2 == 1 {
			b = other.browser()
		}
		browsers = append(browsers, b)
		pages = append(pages, b.logIn("mia", miaPassword))
	}
	var in atomic.Int32
	var group sync.WaitGroup
	for i, b := range browsers {
		group.Go(func() {
			for range 4 { // some are told that others are under way
				s := b.prove(pages[i], code)
				if s.told().Get("code") != "" {
					in.Add(1)
				}
				if s.status != http.StatusServiceUnavailable {
					break
				}
			}
		})
	}
	group.Wait()
	if in.Load() != 1 {
		t.Errorf("one code let in %d times", in.Load())
	}
}

// replica is another process on the same store, as far as a test can have one.
func (w *world) replica() *world {
	w.t.Helper()
	s, err := sqlite.Open(w.t.Context(), w.file, sqlite.Options{})
	w.must(err)
	w.t.Cleanup(func() { s.Close() })
	other := &world{t: w.t, store: s, file: w.file, logs: w.logs, clock: w.now()}
	other.serve(withDataKey)
	return other
}

func TestCodesAreCountedByPersonAndNotByLogin(t *testing.T) {
	w, secret := newFactorWorld(t)
	// Four wrong ones in logins of their own, then a fifth: that login ends, and so does each later one.
	for range 4 {
		b := w.browser()
		b.page(b.prove(b.logIn("mia", miaPassword), w.wrong(secret)), 422, "Enter the code from your app")
	}
	b := w.browser()
	page := b.logIn("mia", miaPassword)
	b.page(b.prove(page, w.wrong(secret)), 400, "Start again at Notes")
	b.page(b.open(page.path), 400, "Start again at the application")
	// Meanwhile nothing is compared, not even the right code; the login goes on afterwards.
	page = b.open(asks())
	b.page(page, 200, "Enter the code from your app")
	s := b.prove(page, w.code(secret, 0))
	b.page(s, 429, "Enter the code from your app")
	if s.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", s.header.Get("Retry-After"))
	}
	w.pass(time.Second)
	b.code(b.prove(s, w.code(secret, 0)), notesCallback)
	// Noah is not affected.
	noah := w.enrol("u-noah")
	n := w.browser()
	n.code(n.prove(n.logIn("noah", noahPassword), w.code(noah, 0)), notesCallback)
}

func TestTwentyWrongCodesInADayWantThePasswordAgain(t *testing.T) {
	w, secret := newFactorWorld(t)
	b := w.browser()
	b.page(b.logIn("mia", miaPassword), 200, "Enter the code from your app")
	for n := 1; n <= 20; n++ {
		page := b.open(asks())
		b.page(page, 200, "Enter the code from your app")
		want := "Start again at Notes"
		status := 400
		if n < 5 {
			want, status = "Enter the code from your app", 422
		}
		b.page(b.prove(page, w.wrong(secret)), status, want)
		w.pass(15 * time.Minute)
	}
	b.page(b.open(asks()), 200, "Log in to Notes")
	b.page(b.prove(b.logIn("mia", miaPassword), w.wrong(secret)), 400, "Start again at Notes")
	w.noticed("u-mia", "wrong_codes") // once for today
	if sessions, err := w.store.SessionsOf(t.Context(), "u-mia"); err != nil || len(sessions) != 0 {
		t.Errorf("%d sessions, %v", len(sessions), err)
	}
	w.pass(15 * time.Minute)
	b.code(b.prove(b.logIn("mia", miaPassword), w.code(secret, 0)), notesCallback)
}

func TestRecoveryCodesLetInOnce(t *testing.T) {
	w, _ := newFactorWorld(t)
	codes := w.recoveryCodes("u-mia")
	for _, code := range []string{codes[0], strings.ToUpper(strings.ReplaceAll(codes[1], "-", " "))} {
		for n, want := range []string{"", "Use a recovery code"} {
			b := w.browser()
			page := b.logIn("mia", miaPassword)
			if !strings.Contains(page.body, "?recovery=1") {
				t.Fatal("they are not offered")
			}
			page = b.open(page.path + "?recovery=1")
			b.page(page, 200, "Use a recovery code")
			s := b.prove(page, code)
			failures, err := w.store.Failures(t.Context(), "factor:u-mia", w.now())
			w.must(err)
			if n == 1 {
				b.page(s, 422, want)
				if failures == 0 {
					t.Error("a code that was used before does not count as a wrong one")
				}
				continue
			}
			if family := w.family(b.code(s, notesCallback)); family.ACR != mfa || !slices.Contains(family.AMR, "rec") {
				t.Errorf("%s %v", family.ACR, family.AMR)
			}
		}
	}
	w.noticed("u-mia", "recovery_code_used", "recovery_code_used")
	// Those of somebody else, and those that look like some.
	noahs := w.recoveryCodes("u-noah")
	for _, code := range []string{noahs[0], codes[0][:18], codes[2] + "0", "", "0000-0000-0000-0000"} {
		w.pass(25 * time.Hour)
		b := w.browser()
		b.page(b.prove(b.open(b.logIn("mia", miaPassword).path+"?recovery=1"), code), 422, "Use a recovery code")
	}
}

func TestOneRecoveryCodeLetsInOneOfMany(t *testing.T) {
	w, _ := newFactorWorld(t)
	code := w.recoveryCodes("u-mia")[3]
	var in atomic.Int32
	var group sync.WaitGroup
	var browsers []*browser
	var pages []screen
	for range 10 {
		b := w.browser()
		browsers, pages = append(browsers, b), append(pages, b.open(b.logIn("mia", miaPassword).path+"?recovery=1"))
	}
	for i, b := range browsers {
		group.Go(func() {
			for range 4 {
				s := b.prove(pages[i], code)
				if s.told().Get("code") != "" {
					in.Add(1)
				}
				if s.status != http.StatusServiceUnavailable {
					break
				}
			}
		})
	}
	group.Wait()
	if in.Load() != 1 {
		t.Errorf("one recovery code let in %d times", in.Load())
	}
}

func TestRecoveryCodesAreOfferedWhileThereAreSome(t *testing.T) {
	w, secret := newFactorWorld(t)
	codes := w.recoveryCodes("u-mia")
	for _, text := range codes {
		code, _ := totp.ParseRecoveryCode(text)
		w.must(w.store.UseRecoveryCode(t.Context(), "u-mia", code.Digest(), start))
	}
	b := w.browser()
	page := b.logIn("mia", miaPassword)
	again := b.open(page.path + "?recovery=1")
	if strings.Contains(page.body, "recovery") || strings.Contains(again.body, "recovery") {
		t.Error("used recovery codes are offered")
	}
	b.page(again, 200, "Enter the code from your app")
	b.code(b.prove(again, w.code(secret, 0)), notesCallback)
}

// A page of a second factor that somebody left open does not count for whom logged in since.
func TestACodeCountsForThePersonWhoIsLoggedIn(t *testing.T) {
	w, mia := newFactorWorld(t)
	w.enrol("u-noah")
	b := w.browser()
	page := b.logIn("mia", miaPassword)
	b.page(page, 200, "Enter the code from your app")
	b.logIn("noah", noahPassword, "prompt", "login")
	s := b.prove(page, w.code(mia, 0))
	if s.told().Get("code") != "" {
		t.Errorf("a code for %v", s.told())
	}
}

func TestTheSecondFactorNeedsItsDataKey(t *testing.T) {
	w, secret := newFactorWorld(t, func(c *server.Config) { c.DataKeys = [][]byte{bytes.Repeat([]byte{8}, seal.KeyBytes)} })
	b := w.browser()
	page := b.logIn("mia", miaPassword)
	b.page(page, 200, "Enter the code from your app")
	s := b.prove(page, w.code(secret, 0))
	if s.status != 503 || s.told() != nil {
		t.Errorf("%d %v", s.status, s.told())
	}
	if log := w.logs.String(); !strings.Contains(log, "no such key") {
		t.Errorf("the log does not say why: %s", log)
	}
}

func TestALockedPersonIsNotLetInByASecondFactor(t *testing.T) {
	w, secret := newFactorWorld(t)
	b := w.browser()
	page := b.logIn("mia", miaPassword)
	user, err := w.store.User(t.Context(), "u-mia")
	w.must(err)
	user.Active = false
	w.must(w.store.PutUser(t.Context(), user))
	if s := b.prove(page, w.code(secret, 0)); s.told() != nil || s.title() == "Enter the code from your app" {
		t.Errorf("%d %s %v", s.status, s.title(), s.told())
	}
}

func TestNothingOfASecondFactorIsLogged(t *testing.T) {
	w, secret := newFactorWorld(t)
	recovery := w.recoveryCodes("u-mia")[0]
	b := w.browser()
	page := b.logIn("mia", miaPassword)
	code, wrong := w.code(secret, 0), w.wrong(secret)
	page = b.prove(page, wrong)
	b.prove(b.open(page.path+"?recovery=1"), recovery)
	log := w.logs.String()
	for _, text := range []string{code, `"` + wrong, recovery, secret.Text()} {
		if strings.Contains(log, text) {
			t.Errorf("the log holds %q", text)
		}
	}
	if !strings.Contains(log, `"msg":"second factor refused"`) || !strings.Contains(log, `"user":"u-mia"`) {
		t.Error(log)
	}
}
