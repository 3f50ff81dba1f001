package server_test

import (
	"net/http"
	"testing"
	"time"
)

// keeps returns how long the browser was told to keep the session's cookie; zero: until it is closed.
func keeps(t testing.TB, a answer) time.Duration {
	t.Helper()
	for _, line := range a.header["Set-Cookie"] {
		cookie, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatal(err)
		}
		if cookie.SameSite == http.SameSiteNoneMode {
			return time.Duration(cookie.MaxAge) * time.Second
		}
	}
	t.Fatalf("no cookie of a session in %v", a.header)
	return 0
}

// What a person says at the login decides how long the browser and the server remember them.
func TestASessionLivesAsLongAsThePersonWants(t *testing.T) {
	for _, row := range []struct {
		name, remember string
		keep           time.Duration
		between        time.Duration // two uses
		lives          time.Duration
	}{
		{"as nobody has said", "", 0, 11 * time.Hour, 30 * 24 * time.Hour},
		{"as nobody has said, not used for a night", "", 0, 12 * time.Hour, 0},
		{"remembered", "yes", 30 * 24 * time.Hour, 29 * 24 * time.Hour, 30 * 24 * time.Hour},
		{"something else than yes", "on", 0, 12 * time.Hour, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newLoginWorld(t)
			b := w.browser()
			login := b.open("/account/")
			a := b.ask(http.MethodPost, login.action(), values("identifier", "mia", "password", miaPassword, "answer", "login", "remember", row.remember))
			if got := keeps(t, a); got != row.keep {
				t.Errorf("the browser keeps it for %s, want %s", got, row.keep)
			}
			var lived time.Duration
			for lived <= 31*24*time.Hour {
				w.pass(row.between)
				if b.open("/account/").title() != "Your account" {
					break
				}
				lived += row.between
			}
			if lived > row.lives || lived < row.lives-row.between {
				t.Errorf("it lived for %s, want %s", lived, row.lives)
			}
		})
	}
}

// Who goes on under another cookie is remembered as before: after a login for what is dangerous, and after a change of
// the password.
func TestARememberedSessionStaysOneUnderAnotherCookie(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	b.send(b.open("/account/"), "identifier", "mia", "password", miaPassword, "answer", "login", "remember", "yes")
	w.pass(24 * time.Hour)
	login := b.open("/account/tokens/new")
	login.tells(t, 200, "Log in")
	if got := keeps(t, b.ask(http.MethodPost, login.action(), values("identifier", "mia", "password", miaPassword, "answer", "login"))); got != 30*24*time.Hour {
		t.Errorf("after the login it is kept for %s", got)
	}
	w.pass(24 * time.Hour)
	if got := keeps(t, b.ask(http.MethodPost, "/account/password", values("password", miaPassword, "new_password", newPassword))); got != 29*24*time.Hour {
		t.Errorf("after the change it is kept for %s", got)
	}
	// Somebody else is not, for they have not said so.
	other := b.open(asks("prompt", "login"))
	if got := keeps(t, b.ask(http.MethodPost, other.action(), values("identifier", "noah", "password", noahPassword, "answer", "login"))); got != 0 {
		t.Errorf("the next person's is kept for %s", got)
	}
}
