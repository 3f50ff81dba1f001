package server_test

import (
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/store"
)

var spaces = regexp.MustCompile(`\s+`)

// says returns the text of a screen.
func (s screen) says() string {
	_, body, _ := strings.Cut(s.body, "<main")
	body, _, _ = strings.Cut("<main"+body, "</main>")
	return strings.TrimSpace(spaces.ReplaceAllString(html.UnescapeString(tags.ReplaceAllString(body, " ")), " "))
}

// page checks the headers of every page of a log-in.
func (b *browser) page(s screen, status int, title string) {
	b.w.t.Helper()
	if s.status != status || s.title() != title || s.left != nil {
		b.w.t.Errorf("%d %q, want %d %q: %s", s.status, s.title(), status, title, s.says())
	}
	b.w.headers(s.answer, map[string]string{
		"Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8", "X-Content-Type-Options": "nosniff",
		"X-Frame-Options": "DENY", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "",
	})
	policy := s.header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
		if !strings.Contains(policy, part) {
			b.w.t.Errorf("policy %q lacks %q", policy, part)
		}
	}
}

func TestAnAuthorizationRequestIsRefusedForThePageOrForTheClient(t *testing.T) {
	w := newLoginWorld(t)
	const (
		unknown      = "We do not know this application"
		unregistered = "This link does not lead anywhere we know"
		incomplete   = "This request is not complete"
	)
	for _, row := range []struct{ name, path, title, error string }{
		{"no parameters", "/oauth/v2/authorize", unknown, ""},
		{"an unknown client", asks("client_id", "nobody"), unknown, ""},
		{"a service user", asks("client_id", "robot"), unknown, ""},
		{"an API", asks("client_id", "samples@P"), unknown, ""},
		{"an application that is not active", asks("client_id", "closed", "redirect_uri", "https://closed.example.com/cb"), unknown, ""},
		{"a client_id of 20 KB", asks("client_id", strings.Repeat("x", 12<<10)), unknown, ""},
		{"a hostile client_id", asks("client_id", `"><script>alert(1)</script>`), unknown, ""},
		{"client_id twice", asks() + "&client_id=notes", unknown, ""},
		{"no redirect_uri", asks("redirect_uri", ""), incomplete, ""},
		{"redirect_uri twice", asks() + "&redirect_uri=x", incomplete, ""},
		{"another redirect_uri", asks("redirect_uri", "https://evil.example/"), unregistered, ""},
		{"a redirect_uri that begins alike", asks("redirect_uri", notesCallback+"/x"), unregistered, ""},
		{"a redirect_uri with a query", asks("redirect_uri", notesCallback+"?x=1"), unregistered, ""},
		{"a hostile redirect_uri", asks("redirect_uri", `javascript:alert("<b>")`), unregistered, ""},
		{"a secret in the URL", asks() + "&client_secret=x", incomplete, ""},
		{"a malformed query", asks() + "&%zz", incomplete, ""},

		{"no response_type", asks("response_type", ""), "", "invalid_request"},
		{"a token", asks("response_type", "token"), "", "unsupported_response_type"},
		{"an ID token", asks("response_type", "id_token", "response_mode", "form_post"), "", "unsupported_response_type"},
		{"code and ID token", asks("response_type", "code id_token"), "", "unsupported_response_type"},
		{"none", asks("response_type", "none"), "", "unsupported_response_type"},
		{"a fragment", asks("response_mode", "fragment"), "", "invalid_request"},
		{"no challenge", asks("code_challenge", "", "code_challenge_method", ""), "", "invalid_request"},
		{"a plain challenge", asks("code_challenge_method", "plain"), "", "invalid_request"},
		{"a short challenge", asks("code_challenge", challenge[1:]), "", "invalid_request"},
		{"a request object", asks("request", "e30.e30."), "", "request_not_supported"},
		{"a request_uri of another house", asks("request_uri", "https://evil.example/r"), "", "request_uri_not_supported"},
		{"an organization", asks("organization", "org"), "", "invalid_request"},
		{"none with login", asks("prompt", "none login"), "", "invalid_request"},
		{"a negative max_age", asks("max_age", "-1"), "", "invalid_request"},
		{"an API that is not there", asks("audience", "https://nowhere.example.com"), "", "invalid_target"},
		{"one good API and one that is not there", asks("audience", messages, "resource", "https://nowhere.example.com"), "", "invalid_target"},
		{"a project that is not there", asks("scope", "openid urn:zitadel:iam:org:project:id:X:aud"), "", "invalid_target"},
		{"a client without the grant", asks("client_id", "robots", "redirect_uri", "https://robots.example.com/cb"), "", "unauthorized_client"},
		{"silent login of nobody", asks("prompt", "none"), "", "login_required"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			b := w.browser()
			s := b.open(row.path)
			if len(b.cookies) != 0 {
				t.Errorf("cookies %v", b.cookies)
			}
			if row.error == "" {
				b.page(s, 400, row.title)
				for _, hostile := range []string{"<script>alert", "<b>"} {
					if strings.Contains(s.body, hostile) {
						t.Errorf("the page holds %q", hostile)
					}
				}
				return
			}
			told := s.told()
			if strings.Contains(row.path, "form_post") {
				told = s.form()
			}
			text := told.Get("error_description")
			told.Del("error_description")
			want := values("error", row.error, "state", "s-1", "iss", w.issuer)
			if diff := cmp.Diff(want, told); diff != "" || text == "" || strings.ContainsAny(text, "\"\\") {
				t.Errorf("%d %q (-want +got):\n%s\n%s", s.status, text, diff, s.body)
			}
		})
	}
	if n, err := w.store.DeleteExpiredTokens(t.Context(), w.now().Add(time.Hour), 1000); n != 0 || err != nil {
		t.Errorf("%d rows are left: %v", n, err)
	}
	for _, secret := range []string{"s-1", "n-1", challenge, "evil.example"} {
		if strings.Contains(w.logs.String(), secret) {
			t.Errorf("the log holds %s", secret)
		}
	}
}

func TestTheAnswerComesInTheModeThatWasAsked(t *testing.T) {
	w := newLoginWorld(t)
	t.Run("query behind a query", func(t *testing.T) {
		b := w.at(t).browser()
		s := b.logIn("mia", miaPassword, "client_id", "shelf", "redirect_uri", "https://shelf.example.com/cb?a=1")
		b.page(s, 200, "Let “Shelf” into your account?")
		s = b.send(s, "answer", "allow")
		if s.status != 200 || !strings.HasPrefix(s.header.Get("Refresh"), "0; url=https://shelf.example.com/cb?a=1&code=") {
			t.Errorf("%d %v", s.status, s.header)
		}
	})
	t.Run("form_post", func(t *testing.T) {
		b := w.at(t).browser()
		s := b.logIn("mia", miaPassword, "response_mode", "form_post")
		form := s.form()
		if s.status != 200 || s.action() != notesCallback || form.Get("code") == "" || form.Get("state") != "s-1" || form.Get("iss") != w.issuer ||
			s.header.Get("Referrer-Policy") != "strict-origin" {
			t.Errorf("%d %v %s", s.status, s.header, s.body)
		}
	})
	t.Run("web_message", func(t *testing.T) {
		b := w.at(t).browser()
		s := b.logIn("mia", miaPassword, "response_mode", "web_message")
		policy := s.header.Get("Content-Security-Policy")
		if s.status != 200 || !strings.Contains(policy, "frame-ancestors https://notes.example.com") || s.header.Get("X-Frame-Options") != "" {
			t.Errorf("%d %v", s.status, s.header)
		}
		if m := s.message(t); m.Target != "https://notes.example.com" || m.Message.Response["code"] == "" || m.Message.Response["state"] != "s-1" {
			t.Errorf("%+v", m)
		}
		silent := b.open(asks("response_mode", "web_message", "prompt", "none"))
		if m := silent.message(t); m.Message.Response["code"] == "" || len(silent.header["Set-Cookie"]) != 0 {
			t.Errorf("%+v %v", m, silent.header)
		}
	})
	t.Run("a private scheme", func(t *testing.T) {
		b := w.at(t).browser()
		s := b.logIn("mia", miaPassword, "client_id", "clock", "redirect_uri", "com.example.clock:/cb")
		if policy := s.header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' com.example.clock:;") {
			t.Errorf("policy %s", policy)
		}
		s = b.send(s, "answer", "allow")
		if s.status != 303 || s.left == nil || s.left.Scheme != "com.example.clock" || s.told().Get("code") == "" {
			t.Errorf("%d %v", s.status, s.header)
		}
	})
	t.Run("POST is GET by another name", func(t *testing.T) {
		b := w.at(t).browser()
		path, query, _ := strings.Cut(asks(), "?")
		form, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		b.header = http.Header{"Origin": {"https://notes.example.com"}, "Sec-Fetch-Site": {"cross-site"}}
		s := b.follow(path, b.ask(http.MethodPost, path, form))
		b.header = nil
		b.code(b.send(s, "identifier", "mia", "password", miaPassword, "answer", "login"), notesCallback)
	})
}

type message struct {
	Target  string
	Message struct{ Response map[string]string }
}

var jsonOf = regexp.MustCompile(`(?s)<script type="application/json" id="message">(.*?)</script>`)

func (s screen) message(t *testing.T) (m message) {
	t.Helper()
	found := jsonOf.FindStringSubmatch(s.body)
	if found == nil {
		t.Fatalf("no message: %d %v %s", s.status, s.left, s.body)
	}
	if err := json.Unmarshal([]byte(found[1]), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestK10_APageOfAnotherBrowserShowsNoForm(t *testing.T) {
	w := newLoginWorld(t)
	x, y := w.browser(), w.browser()
	page := x.open(asks())
	y.open(asks()) // so that it has a cookie of its own
	for _, s := range []screen{y.open(page.path), y.follow(page.path, y.ask(http.MethodPost, page.path, values("answer", "login", "identifier", "mia", "password", miaPassword)))} {
		y.page(s, 400, "Start again at the application")
		if s.action() != "" || !strings.Contains(s.says(), "began in another browser") {
			t.Errorf("it says %s", s.says())
		}
	}
	stranger := w.browser()
	if s := stranger.open(page.path); !strings.Contains(s.says(), "did not bring the cookie") {
		t.Errorf("it says %s", s.says())
	}
	x.code(x.send(page, "identifier", "mia", "password", miaPassword, "answer", "login"), notesCallback)
}

func TestK11_WhoBeganForSomebodyElseGetsNothing(t *testing.T) {
	w := newLoginWorld(t)
	attacker, victim := w.browser(), w.browser()
	page := attacker.open(asks())
	s := victim.open(page.path)
	if s.action() != "" || len(victim.cookies) != 0 {
		t.Errorf("the victim gets a form, or cookies: %s %v", s.body, victim.cookies)
	}
	victim.code(victim.logIn("mia", miaPassword), notesCallback)
	for _, path := range []string{page.path, asks("prompt", "none"), asks()} {
		if s := attacker.open(path); s.told().Has("code") || strings.Contains(s.body, "Mia") {
			t.Errorf("%s: %v %s", path, s.left, s.body)
		}
	}
	for name := range attacker.cookies {
		if !strings.HasPrefix(name, "__Host-postern-b-") {
			t.Errorf("the attacker has the cookie %s", name)
		}
	}
}

func TestK13_ASessionThatWasPlantedEndsWithTheLogin(t *testing.T) {
	w := newLoginWorld(t)
	attacker, victim := w.browser(), w.browser()
	attacker.code(attacker.logIn("noah", noahPassword), notesCallback)
	planted := attacker.session(t)
	victim.cookies[sessionCookie(attacker)] = planted
	page := victim.open(asks("prompt", "login"))
	victim.code(victim.send(page, "identifier", "mia", "password", miaPassword, "answer", "login"), notesCallback)
	if victim.session(t) == planted {
		t.Error("the session keeps its id")
	}
	if s := attacker.open(asks("prompt", "none")); s.told().Get("error") != "login_required" {
		t.Errorf("the planted session lives: %v", s.left)
	}
	// A page in a browser with a planted session asks for a password, and does not go on as the attacker.
	third := w.browser()
	attacker.code(attacker.logIn("noah", noahPassword), notesCallback)
	third.open(asks("prompt", "login"))
	third.cookies[sessionCookie(attacker)] = attacker.session(t)
	third.page(third.open(asks("prompt", "consent")), 200, "Log in to Notes")
	third.page(third.open(asks()), 200, "Log in to Notes")
	fourth := w.browser()
	fourth.cookies[sessionCookie(attacker)] = attacker.session(t)
	fourth.page(fourth.open(asks()), 200, "Log in to Notes")
}

func sessionCookie(b *browser) string {
	for name := range b.cookies {
		if !strings.HasPrefix(name, "__Host-postern-b-") && !strings.HasPrefix(name, "__Host-postern-k-") {
			return name
		}
	}
	return ""
}

func (b *browser) session(t *testing.T) string {
	t.Helper()
	name := sessionCookie(b)
	if name == "" {
		t.Fatal("there is no session")
	}
	return b.cookies[name]
}

func TestK16_ALoginInsideOfTheRequestSatisfiesPromptLogin(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	b.code(b.logIn("mia", miaPassword), notesCallback)
	w.pass(time.Minute)
	page := b.open(asks("prompt", "login", "login_hint", "mia"))
	b.page(page, 200, "Log in to Notes")
	for range 2 {
		page = b.send(page, "identifier", "mia", "password", "not it at all", "answer", "login")
		b.page(page, 422, "Log in to Notes")
	}
	if !strings.Contains(page.says(), "E-mail or password is not right.") {
		t.Errorf("it says %s", page.says())
	}
	family := w.family(b.code(b.send(page, "identifier", "mia", "password", miaPassword, "answer", "login"), notesCallback))
	if !family.AuthTime.Equal(start.Add(time.Minute)) {
		t.Errorf("auth_time %s", family.AuthTime)
	}
}

func TestK17_SilentLoginWithASessionThatHasEnded(t *testing.T) {
	w := newLoginWorld(t)
	clock := w
	for name, end := range map[string]func(store.Session) error{
		"deleted": func(s store.Session) error { return w.store.DeleteSession(t.Context(), s.Digest) },
		"idle":    func(store.Session) error { w.pass(13 * time.Hour); return nil },
		"logged out everywhere": func(store.Session) error {
			w.pass(time.Second)
			return w.store.EndSubject(t.Context(), "u-mia", w.now())
		},
		"locked": func(s store.Session) error {
			user, err := w.store.User(t.Context(), "u-mia")
			if err == nil {
				user.Active = false
				err = w.store.PutUser(t.Context(), user)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.at(t)
			user, err := w.store.User(t.Context(), "u-mia")
			w.must(err)
			user.Active = true
			w.must(w.store.PutUser(t.Context(), user))
			clock.pass(time.Second) // so that the session of this row is the last
			b := w.browser()
			b.code(b.logIn("mia", miaPassword), notesCallback)
			sessions, err := w.store.SessionsOf(t.Context(), "u-mia")
			w.must(err)
			w.must(end(sessions[0]))
			s := b.open(asks("prompt", "none", "response_mode", "web_message"))
			want := map[string]string{"error": "login_required", "error_description": "Login required", "state": "s-1", "iss": w.issuer}
			if diff := cmp.Diff(want, s.message(t).Message.Response); diff != "" || len(s.header["Set-Cookie"]) != 0 {
				t.Errorf("(-want +got):\n%s%v", diff, s.header)
			}
			b.page(b.open(endSession()), 200, "You are logged out of Postern")
		})
	}
}

func TestK52_ResponseTypesThatPutTokensInURLs(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	b.code(b.logIn("mia", miaPassword), notesCallback)
	for _, kind := range []string{"token", "id_token", "code id_token", "code token", "id_token token", "none"} {
		s := b.open(asks("response_type", kind))
		told := s.told()
		if told.Get("error") != "unsupported_response_type" || s.left.Fragment != "" || told.Has("code") || told.Has("id_token") || told.Has("access_token") {
			t.Errorf("%s: %v", kind, s.left)
		}
	}
}

func TestK58_APageWithoutItsCookieNamesTheHostToUse(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	page := b.open(asks())
	clear(b.cookies)
	s := b.follow(page.path, b.ask(http.MethodPost, page.path, values("answer", "login")))
	b.page(s, 400, "Start again at the application")
	if want := "Open this server as " + strings.TrimPrefix(w.issuer, "http://"); !strings.Contains(s.says(), want) {
		t.Errorf("it says %s", s.says())
	}
}

func TestK59_TheNearestRedirectURIIsShownToDevelopersAlone(t *testing.T) {
	for _, hints := range []bool{false, true} {
		w := newLoginWorld(t, func(c *server.Config) { c.InsecureHints = hints })
		b := w.browser()
		s := b.open(asks("redirect_uri", notesCallback+"/"))
		b.page(s, 400, "This link does not lead anywhere we know")
		if shown := strings.Contains(s.body, "<code>"+notesCallback+"</code>"); shown != hints || !strings.Contains(s.body, notesCallback+"/") {
			t.Errorf("hints %t: %s", hints, s.body)
		}
	}
}

func TestK62_AFormThatComesTooLateStartsAgain(t *testing.T) {
	w := newLoginWorld(t)
	notes, err := w.store.Application(t.Context(), "notes")
	w.must(err)
	notes.InitiateLoginURI = "https://notes.example.com/login?from=<late>"
	w.must(w.store.PutApplication(t.Context(), notes))
	b := w.browser()
	page := b.open(asks())
	w.pass(31 * time.Minute)
	s := b.send(page, "identifier", "mia", "password", miaPassword, "answer", "login")
	b.page(s, 400, "Start again at Notes")
	if !strings.Contains(s.body, `href="https://notes.example.com/login?from=%3clate%3e"`) {
		t.Errorf("no way to the application: %s", s.body)
	}
	if sessionCookie(b) != "" {
		t.Error("there is a session")
	}
	w.must(errorOf(w.store.DeleteExpiredTokens(t.Context(), w.now(), 100)))
	b.page(b.open(page.path), 400, "Start again at the application")
}

func errorOf(_ int, err error) error { return err }

func TestK64_StateAndNonceComeBackByteForByte(t *testing.T) {
	w := newLoginWorld(t)
	long := strings.Repeat(`%+="<>&'; 😀`, 300)[:2046]
	long = strings.ToValidUTF8(long, "") + "~"
	for _, mode := range []string{"query", "form_post", "web_message"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			b := w.browser()
			path, query, _ := strings.Cut(asks("state", long, "nonce", long, "response_mode", mode), "?")
			form, err := url.ParseQuery(query)
			w.must(err)
			var page screen
			if method == http.MethodGet {
				page = b.open(path + "?" + query)
			} else {
				page = b.follow(path, b.ask(method, path, form))
			}
			s := b.send(page, "identifier", "mia", "password", miaPassword, "answer", "login")
			var state, code string
			switch mode {
			case "query":
				state, code = s.told().Get("state"), s.told().Get("code")
			case "form_post":
				state, code = s.form().Get("state"), s.form().Get("code")
			default:
				m := s.message(t)
				state, code = m.Message.Response["state"], m.Message.Response["code"]
			}
			if state != long || !strings.Contains(w.request(code), mustJSON(t, long)) {
				t.Errorf("%s %s: state %q", method, mode, state)
			}
		}
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// request returns what the client of a code asked, as it is kept.
func (w *world) request(raw string) string {
	w.t.Helper()
	row, err := w.store.Code(w.t.Context(), digestOf(raw))
	w.must(err)
	return row.Request
}

func TestK65_DescriptionsOfErrorsHoldNothingThatCame(t *testing.T) {
	w := newLoginWorld(t)
	const hostile = "marked\"\\\r\n<script>"
	for _, name := range []string{"scope", "prompt", "acr_values", "audience", "resource", "max_age", "response_type", "response_mode", "code_challenge",
		"code_challenge_method", "nonce", "dpop_jkt", "ui_locales", "login_hint", "id_token_hint", "request", "request_uri", "organization", "screen_hint"} {
		b := w.browser()
		s := b.open(asks(name, hostile, "prompt", "none"))
		if name == "prompt" {
			s = b.open(asks(name, hostile))
		}
		if text := s.told().Get("error_description"); strings.Contains(text, "marked") || strings.Contains(s.body, "<script>") {
			t.Errorf("%s: %q %s", name, text, s.body)
		}
	}
}

func TestK67_WebMessageNeedsAnOriginThatIsAllowed(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	s := b.open(asks("client_id", "shelf", "redirect_uri", "https://shelf.example.com/cb?a=1", "response_mode", "web_message", "prompt", "none"))
	b.page(s, 400, "This request is not complete")
}

func TestK68_AStateOfScriptsIsText(t *testing.T) {
	w := newLoginWorld(t)
	const state = `</script><script>alert(1)</script><!--`
	b := w.browser()
	s := b.open(asks("state", state, "response_mode", "web_message", "prompt", "none"))
	if m := s.message(t); m.Message.Response["state"] != state || strings.Contains(s.body, "alert(1)</script>") {
		t.Errorf("%+v %s", m, s.body)
	}
}
