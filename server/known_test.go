package server_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

func (b *browser) knownName() string {
	for name := range b.cookies {
		if strings.HasPrefix(name, "__Host-postern-k-") {
			return name
		}
	}
	return ""
}

// strangers guess at mia's password until her account is delayed.
func (w *world) strangers(t testing.TB) {
	t.Helper()
	for range 12 {
		b := w.browser()
		b.page(b.logIn("mia", "a guess of strangers"), 422, "Log in to Notes")
	}
	b := w.browser()
	b.page(b.logIn("mia", miaPassword), 422, "Log in to Notes")
}

// other is another text of the same length.
func other(text string) string {
	if text[0] == 'x' {
		return "y" + text[1:]
	}
	return "x" + text[1:]
}

func TestK37_StrangersDelayStrangersAlone(t *testing.T) {
	w := newLoginWorld(t, withDataKey)
	owner := w.browser()
	owner.code(owner.logIn("mia", miaPassword), notesCallback)
	if owner.knownName() == "" {
		t.Fatal("the browser is not known")
	}
	w.strangers(t)
	for range 2 { // and again: the mark lasts
		owner.code(owner.logIn("mia", miaPassword, "prompt", "login"), notesCallback)
	}
	// In another browser of hers she waits, as strangers do.
	other := w.browser()
	other.page(other.logIn("mia", miaPassword), 422, "Log in to Notes")
	// Her own errors are counted in her browser: they delay nobody else, and herself.
	w.pass(3 * time.Hour)
	for range 5 {
		owner.page(owner.logIn("mia", "not it at all", "prompt", "login"), 422, "Log in to Notes")
	}
	owner.page(owner.logIn("mia", miaPassword, "prompt", "login"), 422, "Log in to Notes")
	other.code(other.logIn("mia", miaPassword), notesCallback)
	w.pass(time.Second)
	owner.code(owner.logIn("mia", miaPassword, "prompt", "login"), notesCallback)
}

func TestK37_APasskeyWaitsForNobody(t *testing.T) {
	w, d := newPasskeyWorld(t)
	w.strangers(t)
	b := w.browserAt(zitadelHost)
	page := b.open(asks())
	b.code(b.shows(page, d.uses(b.challenge(page))), notesCallback)
}

func TestK37_SecondFactorsAreCountedInKnownBrowsersByThemselves(t *testing.T) {
	w, secret := newFactorWorld(t)
	owner := w.browser()
	owner.code(owner.prove(owner.logIn("mia", miaPassword), w.code(secret, 0)), notesCallback)
	w.pass(time.Minute)
	for range 8 { // by somebody who has the password
		b := w.browser()
		b.prove(b.logIn("mia", miaPassword), w.wrong(secret))
	}
	b := w.browser()
	b.page(b.prove(b.logIn("mia", miaPassword), w.code(secret, 0)), 429, "Enter the code from your app")
	owner.code(owner.prove(owner.logIn("mia", miaPassword, "prompt", "login"), w.code(secret, 0)), notesCallback)
}

func TestABrowserIsKnownOnlyWhenTheLoginIsComplete(t *testing.T) {
	w, _ := newFactorWorld(t)
	b := w.browser()
	b.page(b.logIn("mia", miaPassword), 200, "Enter the code from your app")
	if b.knownName() != "" {
		t.Error("the password alone made the browser known")
	}
	b = w.browser()
	b.page(b.logIn("noah", "not it at all"), 422, "Log in to Notes")
	if b.knownName() != "" {
		t.Error("a wrong password made the browser known")
	}
}

func TestK37_MarksThatAreNotOfThisPersonAndBrowser(t *testing.T) {
	w := newLoginWorld(t, withDataKey)
	owner := w.browser()
	owner.code(owner.logIn("mia", miaPassword), notesCallback)
	noahs := w.browser()
	noahs.code(noahs.logIn("noah", noahPassword), notesCallback)
	elsewhere := w.browserAt(zitadelHost)
	elsewhere.code(elsewhere.logIn("mia", miaPassword), notesCallback)
	name := owner.knownName()
	mark := owner.cookies[name]
	parts := strings.Split(mark, ".")
	with := func(n int, text string) string {
		changed := append([]string(nil), parts...)
		changed[n] = text
		return strings.Join(changed, ".")
	}
	w.strangers(t)
	for _, row := range []struct{ name, mark string }{
		{"none", ""},
		{"somebody else's", noahs.cookies[noahs.knownName()]},
		{"that of another issuer", elsewhere.cookies[elsewhere.knownName()]},
		{"somebody else's under her name", strings.Replace(noahs.cookies[noahs.knownName()], base64.RawURLEncoding.EncodeToString([]byte("u-noah")), parts[1], 1)},
		{"another id", with(0, other(parts[0]))},
		{"an empty id", with(0, "")},
		{"a later time", with(2, "1"+parts[2])},
		{"a time that is none", with(2, "soon")},
		{"no mark", with(3, "")},
		{"half a mark", with(3, parts[3][:20])},
		{"a mark that is no base64", with(3, "=="+parts[3][2:])},
		{"three parts", strings.Join(parts[:3], ".")},
		{"five parts", mark + ".x"},
		{"a long one", strings.Repeat("x", 2000)},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			b := w.browser()
			if row.mark != "" {
				b.cookies[name] = row.mark
			}
			b.page(b.logIn("mia", miaPassword), 422, "Log in to Notes")
		})
	}
	owner.code(owner.logIn("mia", miaPassword, "prompt", "login"), notesCallback)
}

func TestABrowserIsForgottenAfterHalfAYear(t *testing.T) {
	w := newLoginWorld(t, withDataKey)
	b := w.browser()
	b.code(b.logIn("mia", miaPassword), notesCallback)
	w.pass(180 * 24 * time.Hour)
	w.strangers(t)
	b.page(b.logIn("mia", miaPassword), 422, "Log in to Notes")
}

func TestWithoutADataKeyNoBrowserIsKnown(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	b.code(b.logIn("mia", miaPassword), notesCallback)
	if b.knownName() != "" {
		t.Error(b.cookies)
	}
}
