package server_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/postern-auth/postern/internal/chromium"
	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/store"
)

// An answered page is what a form of the console was answered with, which no link leads to.
type answered struct {
	Name   string `json:"name"`
	Path   string `json:"path"`
	Status int    `json:"status"`
	answer answer
}

// consoleAnswers are those to forms that were filled in badly, sent too late or twice, by whom may not, or where nothing
// can be written, in a language.
func consoleAnswers(t *testing.T, lang string) []answered {
	var disk *unwritable
	w := newConsoleWorld(t, func(c *server.Config) {
		disk = &unwritable{Store: c.Store}
		c.Store = disk
	})
	w.seedNames()
	b, reader := w.administrates(), w.browser()
	reader.enters("/console/", "noah", noahPassword)
	for _, one := range []*browser{b, reader} {
		one.header = http.Header{"Accept-Language": {lang}, "Sec-Fetch-Site": {"same-origin"}}
	}
	var all []answered
	send := func(name string, by *browser, status int, path string, form url.Values) {
		t.Helper()
		a := by.ask(http.MethodPost, path, form)
		if a.status != status {
			t.Errorf("%s: answered %d, want %d: %.400s", name, a.status, status, a.body)
		}
		all = append(all, answered{name + "-" + lang, "/answers/" + name + "-" + lang, status, a})
	}
	form := func(path string, pairs ...string) url.Values {
		f := url.Values(hiddenFields(b.open(path)))
		maps.Copy(f, values(pairs...))
		return f
	}
	const (
		api, person, robot = "/console/apis/a-n0", "/console/users/u-n0", "/console/service-users/su-n0"
		site               = "/console/applications/app-n0/settings"
	)
	send("api-new", b, 422, "/console/apis/new", form("/console/apis/new", "name", " ", "identifier", "x y", "permissions", "a b\n:"))
	send("application", b, 422, site, form(site, "redirects", "https://*.example.com/\nftp://x", "refresh_idle", "soon", "profile", "fapi2"))
	send("person", b, 422, person, form(person, "email", "nobody", "login_name", ""))
	send("token", b, 422, robot+"/tokens/new", form(robot+"/tokens/new", "ends", "date", "until", "1999-01-01"))
	send("why", b, 422, "/console/why-refused", values("token", "not a token at all"))
	for name, path := range map[string]string{"overtaken-api": api, "overtaken-application": site, "overtaken-person": person, "overtaken-service-user": robot + "/settings"} {
		grant := "authorization_code"
		if strings.HasPrefix(path, robot) {
			grant = "client_credentials"
		}
		send(name, b, 409, path, form(path, "version", "of yesterday", "name", "Mine", "username", "mine", "grant", grant, "lifetime", "2 h",
			"login_name", "mine", "email", "", "verified", "no", "redirects", "https://mine.example.com/", "title", "Mine"))
	}
	send("counted", b, 409, api+"/delete", form(api+"/delete", "counted", "other"))
	send("type-name", b, 422, api+"/delete", form(api+"/delete", "name", "something else"))
	send("born-secret", b, 200, robot+"/secrets/new", form(robot+"/secrets/new", "ends", "never"))
	key := form(robot+"/keys/new", "ends", "30", "algorithm", "ES256")
	send("born-key", b, 200, robot+"/keys/new", key)
	send("born-before", b, 200, robot+"/keys/new", key)
	send("reader", reader, 403, api, form(api, "name", "Mine"))
	send("gone", b, 404, "/console/apis/nothing", values("name", "x"))
	send("no-form", b, 400, api+"/keys", values("kind", "neither"))
	kept := form(api, "name", "What I typed")
	disk.full.Store(true)
	send("outage", b, 503, api, kept)
	disk.full.Store(false)
	_, err := w.store.DeleteSessionsOf(t.Context(), "u-mia", store.Digest{})
	w.must(err)
	send("session-over", b, 403, api, kept)
	return all
}

// A form of somebody whose session has ended is kept, with all but secrets, and does what it says when it is sent again
// after a login. Who does not say that it is a form of ours is asked to log in, and nothing of it is kept.
func TestAFormOutlivesItsSession(t *testing.T) {
	w, b := inConsole(t)
	const path = "/console/apis/a-messages"
	typed := values("version", b.open(path).hidden("version"), "name", "What I typed", "form", "opaque", "lifetime", "2 h")
	_, err := w.store.DeleteSessionsOf(t.Context(), "u-mia", store.Digest{})
	w.must(err)
	for _, row := range []struct {
		name, value string
		status      int
	}{
		{"", "", 303}, {"Sec-Fetch-Site", "cross-site", 403}, {"Sec-Fetch-Site", "same-site", 403}, {"Origin", "https://evil.example", 403}, {"Origin", "null", 403},
	} {
		b.header = http.Header{row.name: {row.value}}
		if row.name == "" {
			b.header = nil
		}
		a := b.ask(http.MethodPost, path, typed)
		if a.status != row.status || strings.Contains(a.body, "What I typed") {
			t.Errorf("%s %s: answered %d %s", row.name, row.value, a.status, a.body)
		}
	}
	b.header = http.Header{"Sec-Fetch-Site": {"same-origin"}}
	s := b.posts(path, "version", typed.Get("version"), "name", "What I typed", "form", "opaque", "lifetime", "2 h", "ui_locales", "de")
	s.tells(t, 403, "Ihre Sitzung ist beendet", "Noch einmal senden")
	b.posts("/account/password", "password", miaPassword, "new_password", "another one, and long").lacks(t, miaPassword, "another one")
	b.posts("/console/why-refused", "token", "eyJhbGciOi", "asks", "read").lacks(t, "eyJhbGciOi")
	b.header = nil
	again := hiddenFields(screen{answer: answer{body: strings.ReplaceAll(s.body, `<form method`, `<form class="form" method`)}})
	b.enters("/console/", "mia", miaPassword)
	b.follow(path, b.ask(http.MethodPost, path, again)).tells(t, 200, "What I typed")
}

// Pages that no link leads to are looked at as the others are. POSTERN_PICTURES names a folder for their pictures.
func TestAnswersOfTheConsoleInChromium(t *testing.T) {
	browser := chromium.Path(t)
	all := append(consoleAnswers(t, "en"), consoleAnswers(t, "de")...)
	w := newConsoleWorld(t)
	static := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/pages":
			if err := json.NewEncoder(rw).Encode(all); err != nil {
				t.Error(err)
			}
			return
		case strings.HasPrefix(r.URL.Path, "/answers/"):
			for _, one := range all {
				if one.Path == r.URL.Path {
					maps.Copy(rw.Header(), one.answer.header)
					rw.Header().Del("Content-Length")
					rw.WriteHeader(one.Status)
					_, _ = rw.Write([]byte(one.answer.body))
				}
			}
			return
		}
		r.Host = strings.TrimPrefix(w.issuer, "http://")
		w.server.ServeHTTP(rw, r)
	}))
	defer static.Close()
	args := []string{static.URL, browser}
	if folder := os.Getenv("POSTERN_PICTURES"); folder != "" {
		args = append(args, folder)
	}
	chromium.Look(t, "check.mjs", "", len(all)/2*5, args...)
}
