package server_test

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/internal/password"
	"github.com/postern-auth/postern/server/store"
)

// from has requests come from the addresses that they name in a header, as a proxy would.
func from(c *server.Config) {
	c.ClientAddress = func(r *http.Request) netip.Addr {
		address, _ := netip.ParseAddr(r.Header.Get("Test-Address"))
		return address
	}
}

func TestAnswersToWrongPasswordsAreAlike(t *testing.T) {
	w := newLoginWorld(t)
	w.must(w.store.PutUser(t.Context(), store.User{ID: "u-new", OrganizationID: "org", Handle: store.UserHandle{9}, LoginName: "new", Active: true, CreatedAt: start}))
	body := ""
	for _, row := range []struct{ name, identifier, password string }{
		{"a wrong password", "mia", "not it at all"},
		{"an empty password", "mia", ""},
		{"the password of somebody else", "mia", noahPassword},
		{"a password of 2 KB", "mia", strings.Repeat("x", 2<<10)},
		{"an unknown name", "zoe", miaPassword},
		{"no name", "", miaPassword},
		{"a name of 4 KB", strings.Repeat("x", 4<<10), miaPassword},
		{"a locked person", "lea", miaPassword},
		{"a person without a password", "new", miaPassword},
		{"a service user", "robot", robotSecret},
		{"an id", "u-mia", miaPassword},
		{"a hostile name", `"><script>alert(1)</script>`, miaPassword},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			b := w.browser()
			page := b.open(asks())
			s := b.send(page, "identifier", row.identifier, "password", row.password, "answer", "login")
			b.page(s, 422, "Log in to Notes")
			if strings.Contains(s.body, "<script") || sessionCookie(b) != "" {
				t.Errorf("%v %s", b.cookies, s.body)
			}
			if text := s.says(); body == "" {
				body = text
			} else if text != body {
				t.Errorf("it says %s, want %s", text, body)
			}
		})
	}
	log := w.logs.String()
	for _, secret := range []string{miaPassword, noahPassword, "not it at all", "zoe"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if n := strings.Count(log, `"msg":"login refused"`); n != 11 { // the one of 2 KB says nothing of anybody
		t.Errorf("%d lines in the log:\n%s", n, log)
	}
}

func TestK34_GuessesAtOncePassNoBound(t *testing.T) {
	var attempts *counted
	w := newLoginWorld(t, func(c *server.Config) {
		attempts = &counted{Store: c.Store}
		c.Store = attempts
	})
	b := w.browser()
	page := b.open(asks())
	var group sync.WaitGroup
	for range 200 {
		group.Go(func() {
			a, err := w.send(call{path: page.path, header: http.Header{"Cookie": {b.cookieHeader()}},
				form: values("identifier", "mia", "password", "not it at all", "answer", "login")})
			if err != nil || a.status != 422 && a.status != 503 {
				t.Errorf("%d %v", a.status, err)
			}
		})
	}
	group.Wait()
	if n := attempts.failed.Load(); n < 1 || n > 6 {
		t.Errorf("%d guesses were compared, want at most 6", n)
	}
	// The right password does not help either, until the wait is over.
	s := b.send(page, "identifier", "mia@example.com", "password", miaPassword, "answer", "login")
	b.page(s, 422, "Log in to Notes")
	w.pass(2 * time.Second)
	b.code(b.send(page, "identifier", "mia", "password", miaPassword, "answer", "login"), notesCallback)
}

func (b *browser) cookieHeader() string {
	var pairs []string
	for name, value := range b.cookies {
		pairs = append(pairs, name+"="+value)
	}
	return strings.Join(pairs, "; ")
}

// counted is a store that counts failures.
type counted struct {
	store.Store
	failed atomic.Int64
}

func (c *counted) EndAttempt(ctx context.Context, key string, succeeded bool, now time.Time, policy store.AttemptPolicy) error {
	if !succeeded {
		c.failed.Add(1)
	}
	return c.Store.EndAttempt(ctx, key, succeeded, now, policy)
}

func TestK35_ManyRightLoginsAtOnceAllSucceed(t *testing.T) {
	w := newLoginWorld(t)
	var browsers []*browser
	var pages []screen
	for range 20 {
		b := w.browser()
		browsers, pages = append(browsers, b), append(pages, b.open(asks()))
	}
	var group sync.WaitGroup
	for i, b := range browsers {
		group.Go(func() {
			a, err := w.send(call{path: pages[i].path, header: http.Header{"Cookie": {b.cookieHeader()}},
				form: values("identifier", "mia", "password", miaPassword, "answer", "login")})
			if err != nil || a.status != 200 || !strings.Contains(a.header.Get("Refresh"), "code=") {
				t.Errorf("%d %v %s", a.status, err, a.body)
			}
		})
	}
	group.Wait()
	sessions, err := w.store.SessionsOf(t.Context(), "u-mia")
	if err != nil || len(sessions) != 20 {
		t.Errorf("%d sessions, %v", len(sessions), err)
	}
}

func TestGuessesFromOneAddressAreBounded(t *testing.T) {
	w := newLoginWorld(t, from)
	b := w.browser()
	b.header = http.Header{"Test-Address": {"2001:db8::1"}}
	page := b.open(asks())
	for i := range password.PerAddress {
		s := b.send(page, "identifier", "nobody"+string(rune('a'+i)), "password", "not it at all", "answer", "login")
		if s.status != 422 {
			t.Fatalf("try %d: %d %s", i, s.status, s.says())
		}
	}
	b.header.Set("Test-Address", "2001:db8::2") // the same customer's
	s := b.send(page, "identifier", "mia", "password", miaPassword, "answer", "login")
	b.page(s, 429, "Log in to Notes")
	if s.header.Get("Retry-After") != "60" || !strings.Contains(s.says(), "Too many tries from here. Wait 60 seconds.") {
		t.Errorf("%v %s", s.header, s.says())
	}
	other := w.browser()
	other.header = http.Header{"Test-Address": {"198.51.100.7"}}
	other.code(other.logIn("mia", miaPassword), notesCallback)
	w.pass(time.Minute)
	b.code(b.send(page, "identifier", "mia", "password", miaPassword, "answer", "login"), notesCallback)
}

func TestRightLoginsFromOneAddressAreNotBounded(t *testing.T) {
	w := newLoginWorld(t, from)
	for range password.PerAddress + 5 {
		b := w.browser()
		b.header = http.Header{"Test-Address": {"198.51.100.7"}}
		b.code(b.logIn("mia", miaPassword), notesCallback)
	}
}

func TestAHashOfFormerParametersIsReplacedAtLogin(t *testing.T) {
	w := newLoginWorld(t)
	former, err := password.New(password.Config{Params: password.Params{Memory: 8192, Time: 2, Threads: 1}})
	w.must(err)
	typed, err := password.Typed(miaPassword)
	w.must(err)
	turn, err := former.Wait(t.Context(), "mia")
	w.must(err)
	weak := turn.Hash(typed).PHC()
	turn.Done()
	w.must(w.store.PutPassword(t.Context(), store.Password{UserID: "u-mia", PHC: weak, ChangedAt: start}))
	b := w.browser()
	b.code(b.logIn("mia", miaPassword), notesCallback)
	kept, err := w.store.Password(t.Context(), "u-mia")
	if err != nil || kept.PHC == weak || !strings.Contains(kept.PHC, "m=19456") || !kept.ChangedAt.Equal(start) {
		t.Errorf("%+v %v", kept, err)
	}
	b = w.browser()
	b.code(b.logIn("mia", miaPassword), notesCallback)
}

func TestAnOutageIsNeverAWrongPassword(t *testing.T) {
	var broken *failing
	w := newLoginWorld(t, func(c *server.Config) {
		broken = &failing{Store: c.Store}
		c.Store = broken
	})
	b := w.browser()
	page := b.open(asks())
	for _, what := range []string{"user", "password", "attempt", "end"} {
		broken.what.Store(&what)
		s := b.send(page, "identifier", "mia", "password", miaPassword, "answer", "login")
		if s.status != 503 || s.title() != "The server cannot answer at this moment" || s.header.Get("Retry-After") == "" || sessionCookie(b) != "" {
			t.Errorf("%s: %d %s", what, s.status, s.body)
		}
	}
}

func TestAnOutageIsToldToTheClientThatIsKnown(t *testing.T) {
	var broken *failing
	w := newLoginWorld(t, func(c *server.Config) {
		broken = &failing{Store: c.Store}
		c.Store = broken
	})
	b := w.browser()
	b.code(b.logIn("mia", miaPassword), notesCallback)
	what := "session"
	broken.what.Store(&what)
	want := map[string]string{"error": "temporarily_unavailable", "state": "s-1", "iss": w.issuer}
	s := b.open(asks("prompt", "none", "response_mode", "web_message"))
	got := s.message(t).Message.Response
	if got["error_description"] == "" || got["error"] != want["error"] || got["state"] != want["state"] || got["iss"] != want["iss"] {
		t.Errorf("%v", got)
	}
	what2 := "application"
	broken.what.Store(&what2)
	if s := b.open(asks()); s.status != 503 || s.told() != nil || s.header.Get("Retry-After") == "" {
		t.Errorf("%d %v", s.status, s.left)
	}
	if log := w.logs.String(); strings.Count(log, `"level":"WARN"`) != 2 {
		t.Errorf("the log has not one line each:\n%s", log)
	}
}

func (f *failing) Session(ctx context.Context, d store.Digest) (store.Session, error) {
	if err := f.fails("session"); err != nil {
		return store.Session{}, err
	}
	return f.Store.Session(ctx, d)
}

func (f *failing) ApplicationByClientID(ctx context.Context, clientID string) (store.Application, error) {
	if err := f.fails("application"); err != nil {
		return store.Application{}, err
	}
	return f.Store.ApplicationByClientID(ctx, clientID)
}

// failing is a store of which one part is gone.
type failing struct {
	store.Store
	what atomic.Pointer[string]
}

func (f *failing) fails(what string) error {
	if now := f.what.Load(); now != nil && *now == what {
		return store.ErrUnavailable
	}
	return nil
}

func (f *failing) UserByLogin(ctx context.Context, organizationID, login string) (store.User, error) {
	if err := f.fails("user"); err != nil {
		return store.User{}, err
	}
	return f.Store.UserByLogin(ctx, organizationID, login)
}

func (f *failing) Password(ctx context.Context, userID string) (store.Password, error) {
	if err := f.fails("password"); err != nil {
		return store.Password{}, err
	}
	return f.Store.Password(ctx, userID)
}

func (f *failing) Attempt(ctx context.Context, key string, now time.Time, policy store.AttemptPolicy) (store.Permit, error) {
	if err := f.fails("attempt"); err != nil {
		return store.Permit{}, err
	}
	return f.Store.Attempt(ctx, key, now, policy)
}

func (f *failing) EndAttempt(ctx context.Context, key string, succeeded bool, now time.Time, policy store.AttemptPolicy) error {
	if err := f.fails("end"); err != nil {
		return err
	}
	return f.Store.EndAttempt(ctx, key, succeeded, now, policy)
}
