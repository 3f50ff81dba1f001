package server_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// newDeviceWorld is the world of logins with the devices "telly", of the house, "radio", of another, and "box", which
// keeps a secret. mia may read and list messages. The header Test-Address says where a request comes from.
func newDeviceWorld(t testing.TB) *world {
	t.Helper()
	w := newLoginWorld(t, func(c *server.Config) {
		c.ClientAddress = func(r *http.Request) netip.Addr {
			address, _ := netip.ParseAddr(r.Header.Get("Test-Address"))
			return address
		}
	})
	for _, a := range []store.Application{
		{ID: "telly", Name: "Telly", Type: store.NativeApplication, FirstParty: true},
		{ID: "radio", Name: "Radio", Type: store.NativeApplication},
		{ID: "box", Name: "Box", Type: store.WebApplication},
	} {
		a.ProjectID, a.ClientID, a.Active, a.CreatedAt, a.IDTokenClaims = "P", a.ID, true, start, store.FullClaims
		a.Grants = []string{oauth.GrantDeviceCode, oauth.GrantRefreshToken}
		w.must(w.store.PutApplication(t.Context(), a))
	}
	w.secret(store.ApplicationClient, "box", "box-secret")
	w.must(w.store.PutAssignment(t.Context(), store.Assignment{SubjectID: "u-mia", ProjectID: "P", Rights: []string{"read:messages"}}))
	w.must(w.store.PutAssignment(t.Context(), store.Assignment{SubjectID: "u-mia", APIID: "a-messages", Rights: []string{"read", "read:messages"}}))
	return w
}

// asked is a device that has asked to be let in.
type asked struct {
	client, host, device, user string
	answer                     map[string]any
}

func (w *world) device(client, host string, pairs ...string) asked {
	w.t.Helper()
	a := w.do(call{path: "/oauth/v2/device_authorization", host: host, header: http.Header{"Test-Address": {"198.51.100.24"}},
		form: values(append([]string{"client_id", client}, pairs...)...)})
	got := w.issued(a)
	return asked{client, host, got["device_code"].(string), got["user_code"].(string), got}
}

func (d asked) poll(pairs ...string) call {
	form := values("grant_type", oauth.GrantDeviceCode, "client_id", d.client, "device_code", d.device)
	for name, v := range values(pairs...) {
		form[name] = v
	}
	return call{path: "/oauth/v2/token", host: d.host, form: form}
}

// letIn types the code of a device and presses the button, in a browser where mia is logged in.
func (b *browser) letIn(d asked, answer string) screen {
	b.w.t.Helper()
	s := b.send(b.open("/device"), "user_code", d.user)
	if strings.HasPrefix(s.title(), "Log in") {
		s = b.send(s, "identifier", "mia", "password", miaPassword, "answer", "login")
	}
	if !strings.Contains(s.title(), "asks to be let in") {
		b.w.t.Fatalf("%d %s", s.status, s.says())
	}
	return b.send(s, "answer", answer)
}

func TestADeviceIsLetIn(t *testing.T) {
	w := newDeviceWorld(t)
	for _, row := range []struct{ host, path, page, token string }{
		{"", "/oauth/v2/device_authorization", "/device", "/oauth/v2/token"},
		{zitadelHost, "/oauth/v2/device_authorization", "/device", "/oauth/v2/token"},
		{auth0Host, "/oauth/device/code", "/activate", "/oauth/token"},
	} {
		b := w.browser()
		b.host = row.host
		a := w.do(call{path: row.path, host: row.host, header: http.Header{"Test-Address": {"::ffff:198.51.100.24"}},
			form: values("client_id", "telly", "scope", "openid profile read offline_access", "audience", messages)})
		got := w.issued(a)
		page := strings.TrimSuffix(b.issuer(), "/") + row.page
		user, _ := got["user_code"].(string)
		want := map[string]any{
			"device_code": got["device_code"], "user_code": user, "verification_uri": page, "verification_uri_complete": page + "?user_code=" + user,
			"expires_in": float64(600), "interval": float64(5),
		}
		if diff := cmp.Diff(want, got); diff != "" || len(user) != 9 || len(got["device_code"].(string)) != 43 {
			t.Fatalf("answer (-want +got):\n%s", diff)
		}
		d := asked{"telly", row.host, got["device_code"].(string), user, got}
		w.refused(w.do(d.poll()), 400, "authorization_pending")

		// The link of the device fills the field, and it is the person who goes on.
		filled := b.open(row.page + "?user_code=" + user)
		b.page(filled, 200, "Let a device in")
		if !strings.Contains(filled.body, `value="`+user+`"`) {
			t.Errorf("the field is not filled: %s", filled.body)
		}
		login := b.send(filled, "user_code", strings.ToLower(strings.ReplaceAll(user, "-", " ")))
		b.page(login, 200, "Log in to Telly")
		consent := b.send(login, "identifier", "mia", "password", miaPassword, "answer", "login")
		b.page(consent, 200, "“Telly” asks to be let in")
		for _, part := range []string{user, "198.51.100.24", "12:00", "Mia Example", "read", "Stay logged in", "Never enter a code that somebody sent you"} {
			if !strings.Contains(consent.says(), part) {
				t.Errorf("the page lacks %q: %s", part, consent.says())
			}
		}
		w.pass(10 * time.Second)
		w.refused(w.do(d.poll()), 400, "authorization_pending")
		b.page(b.send(consent, "answer", "allow"), 200, "Done")
		c := d.poll()
		c.path = row.token
		tokens := w.issued(w.do(c))
		_, _, claims := w.claims(tokens["id_token"].(string))
		if claims["iss"] != b.issuer() || claims["aud"] != "telly" || claims["sub"] != "u-mia" || claims["sid"] == nil {
			t.Errorf("ID token %v", claims)
		}
		if tokens["scope"] != "openid profile read offline_access" || tokens["refresh_token"] == nil {
			t.Errorf("tokens %v", tokens)
		}
		if held := w.introspect("messages", tokens["access_token"].(string)); held["active"] != true || held["client_id"] != "telly" {
			t.Errorf("introspection says %v", held)
		}
		renew := refresh("telly", tokens["refresh_token"].(string))
		renew.host = row.host
		renewed := w.issued(w.do(renew))["refresh_token"].(string)
		// A log-out in the browser is none on the device.
		b.send(b.open("/oidc/v1/end_session"), "answer", "logout")
		renew = refresh("telly", renewed)
		renew.host = row.host
		w.issued(w.do(renew))
		// The page is over, and the code good for nothing.
		b.page(b.send(b.open(row.page), "user_code", user), 422, "Let a device in")
	}
}

func TestADeviceIsAskedForEveryTime(t *testing.T) {
	w := newDeviceWorld(t)
	b := w.browser()
	for range 2 { // of the house, and allowed before
		d := w.device("telly", "", "scope", "openid")
		s := b.letIn(d, "allow")
		b.page(s, 200, "Done")
	}
	d := w.device("telly", "", "scope", "openid profile offline_access read", "audience", messages)
	b.letIn(w.device("telly", "", "scope", "openid profile offline_access read", "audience", messages), "allow")
	page := b.send(b.open("/device"), "user_code", d.user)
	if says := page.says(); strings.Contains(says, "already") || !strings.Contains(says, "Stay logged in") {
		t.Errorf("a device that was let in before speaks for another: %s", says)
	}
	s := b.send(page, "answer", "refuse")
	b.page(s, 200, "The device stays out")
	for range 2 {
		w.refused(w.do(d.poll()), 400, "access_denied")
	}
	cancelled := w.device("telly", "")
	other := w.browser()
	other.page(other.send(other.send(other.open("/device"), "user_code", cancelled.user), "answer", "cancel"), 200, "The device stays out")
	w.refused(w.do(cancelled.poll()), 400, "access_denied")
}

func TestADeviceHasToWait(t *testing.T) {
	w := newDeviceWorld(t)
	d := w.device("telly", "")
	steps := []struct {
		after time.Duration
		code  string
	}{
		{0, "authorization_pending"}, {4 * time.Second, "authorization_pending"}, {time.Second, "slow_down"}, {8 * time.Second, "slow_down"},
		{13 * time.Second, "slow_down"}, {20 * time.Second, "authorization_pending"}, {19 * time.Second, "authorization_pending"},
	}
	for i, step := range steps {
		w.pass(step.after)
		if a := w.do(d.poll()); w.object(a.body)["error"] != step.code {
			t.Errorf("poll %d: %d %s, want %s", i, a.status, a.body, step.code)
		}
	}
	// Whoever has been let in has not to wait.
	w.browser().letIn(d, "allow")
	w.issued(w.do(d.poll()))
}

func TestADeviceCodeExpires(t *testing.T) {
	w := newDeviceWorld(t)
	b := w.browser()
	d, late := w.device("telly", ""), w.device("telly", "")
	page := b.send(b.open("/device"), "user_code", d.user)
	w.pass(10*time.Minute - time.Second)
	b.letIn(late, "allow") // in the last second, and has a minute to come
	w.pass(time.Second)
	w.refused(w.do(d.poll()), 400, "expired_token")
	b.page(b.send(b.open("/device"), "user_code", d.user), 422, "Let a device in")
	s := b.open(page.path)
	b.page(s, 400, "Start again at Telly")
	if !strings.Contains(s.body, `href="`+w.issuer+`/device"`) {
		t.Errorf("the page leads nowhere: %s", s.body)
	}
	w.pass(58 * time.Second)
	w.issued(w.do(late.poll()))

	missed := w.device("telly", "")
	b.letIn(missed, "allow")
	w.pass(10 * time.Minute)
	w.refused(w.do(missed.poll()), 400, "expired_token")
	if _, err := w.store.DeleteExpiredTokens(t.Context(), w.now().Add(time.Minute), 100); err != nil {
		t.Fatal(err)
	}
	w.refused(w.do(missed.poll()), 400, "expired_token")
}

func TestOfAHundredPollsOneLetsTheDeviceIn(t *testing.T) {
	w := newDeviceWorld(t)
	d := w.device("telly", "", "scope", offline, "audience", messages)
	w.browser().letIn(d, "allow")
	if good := w.atOnce(100, d.poll()); good != 1 {
		t.Errorf("%d of 100 polls got tokens, want 1", good)
	}
	// All that came of it is ended, for somebody else may have been first.
	w.refused(w.do(d.poll()), 400, "invalid_grant")
	again := w.device("telly", "", "scope", "openid", "audience", messages)
	w.browser().letIn(again, "allow")
	access := w.issued(w.do(again.poll()))["access_token"].(string)
	w.refused(w.do(again.poll()), 400, "invalid_grant")
	w.inactive("messages", access)
}

func TestK31_DevicesThatWereLetInFromOneBrowserAreLoginsOfTheirOwn(t *testing.T) {
	w := newDeviceWorld(t)
	b := w.browser()
	var tokens []string
	for _, client := range []string{"telly", "telly", "radio"} {
		d := w.device(client, "", "scope", "openid offline_access")
		b.letIn(d, "allow")
		tokens = append(tokens, w.issued(w.do(d.poll()))["refresh_token"].(string))
	}
	for _, i := range []int{1, 0, 2} {
		client := []string{"telly", "telly", "radio"}[i]
		w.issued(w.do(refresh(client, tokens[i])))
	}
	// One that is stolen ends itself alone.
	w.pass(time.Minute)
	w.refused(w.do(refresh("telly", tokens[0])), 400, "invalid_grant")
	w.issued(w.do(refresh("radio", w.issued(w.do(w.second(b, "radio")))["refresh_token"].(string))))
}

// second lets another device in and returns its poll.
func (w *world) second(b *browser, client string) call {
	d := w.device(client, "", "scope", "openid offline_access")
	b.letIn(d, "allow")
	return d.poll()
}

func TestK32_WrongUserCodesShutTheirBrowserOut(t *testing.T) {
	w := newDeviceWorld(t)
	d := w.device("telly", "")
	b := w.browser()
	wrong := "BCDF-GHJK"
	for i := range 5 {
		b.page(b.send(b.open("/device"), "user_code", wrong), 422, "Let a device in")
		b.send(b.open("/device"), "user_code", "no code at all "+string(rune('a'+i))) // typing errors are no guesses
	}
	for range 2 {
		s := b.send(b.open("/device"), "user_code", d.user)
		b.page(s, 429, "Let a device in")
		if s.header.Get("Retry-After") != "60" {
			t.Errorf("Retry-After %q", s.header.Get("Retry-After"))
		}
	}
	other := w.browser()
	other.page(other.send(other.open("/device"), "user_code", d.user), 200, "Log in to Telly")
	w.pass(time.Minute)
	b.page(b.send(b.open("/device"), "user_code", d.user), 200, "Log in to Telly")
	if strings.Contains(w.logs.String(), wrong) || !strings.Contains(w.logs.String(), "no device waits with this code") {
		t.Error("the log has the codes, or nothing")
	}
}

func TestK32_WrongUserCodesShutTheirAddressOut(t *testing.T) {
	w := newDeviceWorld(t)
	d := w.device("telly", "")
	guess := func(address, code string) screen {
		b := w.browser()
		b.header = http.Header{"Test-Address": {address}}
		return b.send(b.open("/device"), "user_code", code)
	}
	for range 30 { // each in a browser of its own
		if s := guess("2001:db8::1", "BCDF-GHJK"); s.status != 422 {
			t.Fatalf("%d %s", s.status, s.says())
		}
	}
	if s := guess("2001:db8::2", d.user); s.status != 429 { // the same /64
		t.Errorf("%d %s", s.status, s.says())
	}
	if s := guess("192.0.2.7", d.user); s.status != 200 {
		t.Errorf("%d %s", s.status, s.says())
	}
	w.pass(time.Hour)
	if s := guess("2001:db8::2", w.device("telly", "").user); s.status != 200 {
		t.Errorf("%d %s", s.status, s.says())
	}
}

func TestWhatADeviceIsRefused(t *testing.T) {
	w := newDeviceWorld(t)
	long := strings.Repeat("x", 3000)
	for _, row := range []struct {
		name   string
		form   url.Values
		user   string
		status int
		code   string
	}{
		{"no client", values("scope", "openid"), "", 401, "invalid_client"},
		{"an unknown client", values("client_id", "nobody"), "", 401, "invalid_client"},
		{"an empty client", values("client_id", ""), "", 401, "invalid_client"},
		{"a client twice", values("client_id", "telly", "client_id", "telly"), "", 400, "invalid_request"},
		{"a scope twice", values("client_id", "telly", "scope", "a", "scope", "b"), "", 400, "invalid_request"},
		{"an application without the grant", values("client_id", "notes"), "", 400, "unauthorized_client"},
		{"one that is not active", values("client_id", "closed"), "", 401, "invalid_client"},
		{"one with a secret, without it", values("client_id", "box"), "", 401, "invalid_client"},
		{"one with a secret, with another", nil, "box:wrong", 401, "invalid_client"},
		{"a service user", nil, "robot:robot-secret", 400, "unauthorized_client"},
		{"an API", nil, "samples@P:samples-secret", 400, "unauthorized_client"},
		{"a scope that is none", values("client_id", "telly", "scope", "a\"b"), "", 400, "invalid_scope"},
		{"too many scopes", values("client_id", "telly", "scope", strings.Repeat("a ", 600)), "", 400, "invalid_scope"},
		{"an unknown audience", values("client_id", "telly", "audience", "https://nowhere.example"), "", 400, "invalid_target"},
		{"an unknown resource among good ones", values("client_id", "telly", "resource", messages, "resource", "x"), "", 400, "invalid_target"},
		{"an unknown project", values("client_id", "telly", "scope", "urn:zitadel:iam:org:project:id:X:aud"), "", 400, "invalid_target"},
		{"a long audience", values("client_id", "telly", "audience", long), "", 400, "invalid_target"},
		{"text that is not UTF-8", values("client_id", "telly", "scope", "\xff"), "", 400, "invalid_request"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			for _, path := range []string{"/oauth/v2/device_authorization", "/oauth/device/code"} {
				w.refused(w.do(call{path: path, form: row.form, user: row.user}), row.status, row.code)
			}
		})
	}
	w.refused(w.do(call{path: "/oauth/v2/device_authorization?device_code=x", form: values("client_id", "telly")}), 400, "invalid_request")
	w.issued(w.do(call{path: "/oauth/v2/device_authorization", user: "box:box-secret", form: values("prompt", "none", "redirect_uri", "x", "resource", messages, "resource", reports)}))
}

func TestWhatADeviceCodeIsNotExchangedFor(t *testing.T) {
	w := newDeviceWorld(t)
	open := w.device("telly", "")
	let := w.device("telly", "", "scope", offline)
	w.browser().letIn(let, "allow")
	code := w.browser()
	raw := code.code(code.logIn("mia", miaPassword), notesCallback)
	for _, row := range []struct {
		name string
		call call
		code string
	}{
		{"no code", let.poll("device_code", ""), "invalid_request"},
		{"a code twice", call{path: "/oauth/v2/token", body: let.poll().form.Encode() + "&device_code=x"}, "invalid_request"},
		{"an unknown code", let.poll("device_code", "x"), "invalid_grant"},
		{"the user code", let.poll("device_code", let.user), "invalid_grant"},
		{"another client's", let.poll("client_id", "radio"), "invalid_grant"},
		{"another client's that nobody has answered", open.poll("client_id", "radio"), "invalid_grant"},
		{"an application without the grant", let.poll("client_id", "notes"), "unauthorized_client"},
		{"another issuer", asked{"telly", zitadelHost, let.device, "", nil}.poll(), "invalid_grant"},
		{"another issuer before the answer", asked{"telly", auth0Host, open.device, "", nil}.poll(), "invalid_grant"},
		{"an authorization code", let.poll("device_code", raw), "invalid_grant"},
		{"as an authorization code", redeem("telly", let.device), "unauthorized_client"},
	} {
		t.Run(row.name, func(t *testing.T) { w.at(t).refused(w.at(t).do(row.call), 400, row.code) })
	}
	w.issued(w.do(let.poll())) // nothing of that has used it up
	w.refused(w.do(open.poll()), 400, "authorization_pending")

	// An application with both grants can bring neither as the other.
	app, err := w.store.Application(t.Context(), "telly")
	w.must(err)
	app.Grants = append(app.Grants, oauth.GrantAuthorizationCode)
	w.must(w.store.PutApplication(t.Context(), app))
	again := w.device("telly", "", "scope", "openid")
	w.browser().letIn(again, "allow")
	w.refused(w.do(redeem("telly", again.device)), 400, "invalid_grant")
	w.refused(w.do(redeem("telly", again.device, "code_verifier", "", "redirect_uri", "")), 400, "invalid_grant")
	w.issued(w.do(again.poll()))
}

// What a person has beyond what they let a device have is not its business, be it of the house.
func TestADeviceGetsWhatItWasAllowed(t *testing.T) {
	w := newDeviceWorld(t)
	b := w.browser()
	for _, form := range []store.TokenForm{store.FormOpaque, store.FormAuth0Permissions} {
		api, err := w.store.API(t.Context(), "a-messages")
		w.must(err)
		api.Form = form
		w.must(w.store.PutAPI(t.Context(), api))
		for scope, want := range map[string][]any{"openid": {}, "openid read": {"read"}, "openid read audit": {"read"}} {
			d := w.device("telly", "", "scope", scope, "audience", messages)
			b.letIn(d, "allow")
			raw := w.issued(w.do(d.poll()))["access_token"].(string)
			got := w.introspect("messages", raw)
			if form != store.FormOpaque {
				_, _, claims := w.claims(raw)
				if diff := cmp.Diff(want, claims["permissions"], cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s, claim permissions (-want +got):\n%s", scope, diff)
				}
			}
			if diff := cmp.Diff(want, got["permissions"], cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s, introspection of %q (-want +got):\n%s", scope, form, diff)
			}
			if roles := got["urn:zitadel:iam:org:project:roles"].(map[string]any); len(roles) != 0 {
				t.Errorf("%s: roles %v", scope, roles)
			}
		}
	}
}

// The same of roles in ID tokens and at the userinfo endpoint.
func TestADeviceIsToldOfTheRolesThatItWasAllowed(t *testing.T) {
	w := newDeviceWorld(t)
	b := w.browser()
	const roles = "urn:zitadel:iam:org:project:roles"
	for scope, want := range map[string]bool{"openid " + roles: false, "openid read:messages " + roles: true} {
		d := w.device("telly", "", "scope", scope, "audience", "P")
		b.letIn(d, "allow")
		got := w.issued(w.do(d.poll()))
		_, _, claims := w.claims(got["id_token"].(string))
		if _, has := claims[roles]; has != want {
			t.Errorf("%s: ID token %v", scope, claims)
		}
		info := w.object(w.do(w.bearing("Bearer", got["access_token"].(string))).body)
		if _, has := info[roles]; has != want {
			t.Errorf("%s: userinfo %v", scope, info)
		}
	}
}

func TestTheDevicePageBelongsToItsBrowserAndIssuer(t *testing.T) {
	w := newDeviceWorld(t)
	d := w.device("telly", "")
	b := w.browser()
	page := b.open("/device")
	a := w.do(call{path: page.action(), form: values("user_code", d.user)}) // no cookie
	if a.status != 400 || !strings.Contains(a.body, "did not bring the cookie") {
		t.Errorf("%d %s", a.status, a.body)
	}
	b.header = http.Header{"Sec-Fetch-Site": {"cross-site"}}
	b.page(b.send(page, "user_code", d.user), 403, "This form came from another site")
	b.header = nil
	login := b.send(page, "user_code", d.user)
	b.page(login, 200, "Log in to Telly")
	other := w.browser()
	other.open("/device")
	other.page(other.open(login.path), 400, "Start again at the application")
	elsewhere := w.browser()
	elsewhere.host = zitadelHost
	elsewhere.page(elsewhere.send(elsewhere.open("/device"), "user_code", d.user), 422, "Let a device in")
	// Two windows with one code: the answer of the first counts.
	again := b.send(b.open("/device"), "user_code", d.user)
	b.page(b.send(login, "answer", "cancel"), 200, "The device stays out")
	b.page(b.send(again, "answer", "cancel"), 400, "Start again at Telly")
	for _, typed := range []string{`"><script>alert(1)</script>`, strings.Repeat("é", 2000), "\x00", " "} {
		s := b.open("/device?user_code=" + url.QueryEscape(typed))
		if s.status != 200 || strings.Contains(s.body, "<script>alert") || len(s.body) > 10_000 {
			t.Errorf("%.40q: %d %d bytes", typed, s.status, len(s.body))
		}
	}
}

// setActive locks mia, or lets her in again, as an operator does.
func (w *world) setActive(active bool) {
	w.t.Helper()
	ctx := w.t.Context()
	mia, err := w.store.User(ctx, "u-mia")
	w.must(err)
	mia.Active = active
	w.must(w.store.InTx(ctx, func(tx store.Tx) error { return registry.In(tx, "test", w.now()).PutUser(ctx, mia) }))
}

func TestK29_WhatALockEndedStaysEnded(t *testing.T) {
	w := newDeviceWorld(t)
	b := w.browser()
	let, waiting, open := w.device("telly", "", "scope", offline), w.device("telly", "", "scope", offline), w.device("telly", "", "scope", offline)
	b.letIn(let, "allow")
	b.letIn(waiting, "allow")
	token := w.issued(w.do(let.poll()))["refresh_token"].(string)
	page := b.send(b.open("/device"), "user_code", open.user)
	w.setActive(false)
	w.pass(time.Second)
	for _, c := range []call{refresh("telly", token), waiting.poll()} {
		a := w.do(c)
		w.refused(a, 400, "invalid_grant")
		if w.object(a.body)["error_description"] != "user is blocked" {
			t.Errorf("%s", a.body)
		}
	}
	b.page(b.send(page, "answer", "allow"), 200, "Log in to Telly") // her session has ended
	w.refused(w.do(open.poll()), 400, "authorization_pending")
	w.setActive(true)
	w.refused(w.do(refresh("telly", token)), 400, "invalid_grant")
	w.refused(w.do(waiting.poll()), 400, "invalid_grant")
}

// FuzzDevice holds for whatever a device sends and a person types: it is answered, in the form of the endpoint, and
// nobody gets a token.
func FuzzDevice(f *testing.F) {
	w := newDeviceWorld(f)
	for _, seed := range []string{
		"client_id=telly", "client_id=telly&scope=openid&audience=x", "client_id=radio&resource=" + url.QueryEscape(messages), "user_code=BCDF-GHJK",
		"grant_type=" + url.QueryEscape(oauth.GrantDeviceCode) + "&client_id=telly&device_code=x", "%zz", "client_id=telly&client_id=telly",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		w := w.at(t)
		for _, path := range []string{"/oauth/v2/device_authorization", "/oauth/v2/token", "/device"} {
			a := w.do(call{path: path, body: body})
			if a.status >= 500 || strings.Contains(a.body, "access_token") || strings.Contains(a.body, "<script>alert") {
				t.Errorf("%s with %q: %d %s", path, body, a.status, a.body)
			}
		}
	})
}
