package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/register"
	"github.com/postern-auth/postern/server/store"
)

func openRegistration(c *server.Config) { c.Registration.Dynamic = true }

// registers is a call of the registration endpoint.
func registers(text string) call {
	return call{path: "/oauth/v2/register", body: text, header: http.Header{"Content-Type": {"application/json"}}}
}

func (w *world) registered(text string) map[string]any {
	w.t.Helper()
	a := w.do(registers(text))
	if a.status != http.StatusCreated {
		w.t.Fatalf("registration answered %d %s", a.status, a.body)
	}
	w.headers(a, map[string]string{"Cache-Control": "no-store", "Content-Type": "application/json", "X-Content-Type-Options": "nosniff"})
	return w.object(a.body)
}

const (
	pageClient   = `{"redirect_uris":["https://page.example/cb"],"token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"],"client_name":"Page"}`
	secretClient = `{"redirect_uris":["http://localhost:8090/callback"],"client_name":"Desk","token_endpoint_auth_method":"client_secret_post","grant_types":["authorization_code","refresh_token"],"response_types":["code"],"scope":"read"}`
)

func TestClientsRegisterAsTheSDKsOfMCPDo(t *testing.T) {
	w := newLoginWorld(t, openRegistration)
	for _, row := range []struct {
		name, text string
		secret     bool
		want       map[string]any
	}{
		{"TypeScript's example", secretClient, true, map[string]any{"client_name": "Desk", "application_type": "web",
			"redirect_uris": []any{"http://localhost:8090/callback"}, "token_endpoint_auth_method": "client_secret_post", "grant_types": []any{"authorization_code", "refresh_token"}}},
		{"Python's", `{"client_name":"Py","redirect_uris":["http://localhost:3030/callback"],"grant_types":["authorization_code","refresh_token"],"response_types":["code"],"token_endpoint_auth_method":null,"client_uri":null,"logo_uri":null,"contacts":null,"jwks":null,"scope":"user"}`, true,
			map[string]any{"client_name": "Py", "application_type": "web", "redirect_uris": []any{"http://localhost:3030/callback"}, "token_endpoint_auth_method": "client_secret_basic", "grant_types": []any{"authorization_code", "refresh_token"}}},
		{"Go's", `{"redirect_uris":["http://127.0.0.1:49152"],"token_endpoint_auth_method":"none","grant_types":["authorization_code"],"client_uri":"https://go.example","software_id":"x"}`, false,
			map[string]any{"client_name": "127.0.0.1", "application_type": "native", "redirect_uris": []any{"http://127.0.0.1:49152"}, "token_endpoint_auth_method": "none", "grant_types": []any{"authorization_code"}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			got := w.registered(row.text)
			id, _ := got["client_id"].(string)
			if token, _ := got["registration_access_token"].(string); len(token) < 40 || id == "" {
				t.Errorf("%v", got)
			}
			if raw, _ := got["client_secret"].(string); (raw != "") != row.secret || row.secret && got["client_secret_expires_at"] != 0.0 {
				t.Errorf("secret %v, which ends %v", got["client_secret"], got["client_secret_expires_at"])
			}
			for _, name := range []string{"client_id", "registration_access_token", "client_secret", "client_secret_expires_at"} {
				delete(got, name)
			}
			row.want["client_id_issued_at"], row.want["registration_client_uri"] = float64(start.Unix()), w.issuer+"/oauth/v2/register/"+id
			row.want["response_types"] = []any{"code"}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

// TestARegisteredClientLogsPeopleIn goes from the registration to a token that can be renewed.
func TestARegisteredClientLogsPeopleIn(t *testing.T) {
	w := newLoginWorld(t, openRegistration)
	got := w.registered(secretClient)
	id, raw := got["client_id"].(string), got["client_secret"].(string)
	b := w.browser()
	const to = "http://localhost:8090/callback"
	page := b.logIn("mia", miaPassword, "client_id", id, "redirect_uri", to, "scope", "openid offline_access", "resource", messages)
	b.page(page, 200, "Let “Desk” into your account?")
	if !strings.Contains(page.says(), "Not made by the people who run this login") {
		t.Errorf("it says %s", page.says())
	}
	code := b.code(b.send(page, "answer", "allow"), to)
	tokens := w.issued(w.do(call{path: "/oauth/v2/token", form: values("grant_type", "authorization_code", "code", code, "code_verifier", verifier,
		"redirect_uri", to, "client_id", id, "client_secret", raw)}))
	w.issued(w.do(call{path: "/oauth/v2/token", user: id + ":" + raw, form: values("grant_type", "refresh_token", "refresh_token", tokens["refresh_token"].(string), "client_id", id)}))
	w.refused(w.do(call{path: "/oauth/v2/token", form: values("grant_type", "refresh_token", "refresh_token", "x", "client_id", id)}), 401, "invalid_client")
	// It is asked for consent whatever it says of itself, and PKCE is not left out.
	if s := b.open(asks("client_id", id, "redirect_uri", to, "code_challenge", "")); s.told().Get("error") != "invalid_request" {
		t.Errorf("without PKCE: %v", s.left)
	}
	if s := b.open(asks("client_id", id, "redirect_uri", to+"/")); s.left != nil {
		t.Errorf("another address: %v", s.left)
	}
	// Who let it in keeps it.
	w.pass(register.Unused + time.Second)
	w.must(errorOf(w.store.DeleteExpiredTokens(t.Context(), w.now(), 100)))
	if _, err := w.store.ApplicationByClientID(t.Context(), id); err != nil {
		t.Errorf("it is gone: %v", err)
	}
}

func TestARegisteredClientGetsThePermissionsThatWereAllowed(t *testing.T) {
	w := newLoginWorld(t, openRegistration)
	id := w.registered(pageClient)["client_id"].(string)
	w.permissionsAre(id, "https://page.example/cb")
}

// permissionsAre has mia, who may read and read:messages, let an application of another house have the one.
func (w *world) permissionsAre(id, to string) {
	w.t.Helper()
	api, err := w.store.API(w.t.Context(), "a-messages")
	w.must(err)
	api.Form = store.FormAuth0Permissions
	w.must(w.store.PutAPI(w.t.Context(), api))
	w.must(w.store.PutAssignment(w.t.Context(), store.Assignment{SubjectID: "u-mia", APIID: "a-messages", Rights: []string{"read", "read:messages"}}))
	for scope, want := range map[string][]any{"openid": {}, "openid read:messages": {"read:messages"}, "openid read read:messages audit": {"read", "read:messages"}} {
		b := w.browser()
		page := b.logIn("mia", miaPassword, "client_id", id, "redirect_uri", to, "scope", scope, "audience", messages, "prompt", "consent")
		code := b.code(b.send(page, "answer", "allow"), to)
		tokens := w.issued(w.do(call{path: "/oauth/v2/token", form: values("grant_type", "authorization_code", "code", code, "code_verifier", verifier, "redirect_uri", to, "client_id", id)}))
		_, _, claims := w.claims(tokens["access_token"].(string))
		if diff := cmp.Diff(any(want), claims["permissions"]); diff != "" {
			w.t.Errorf("%s (-want +got):\n%s", scope, diff)
		}
	}
}

func TestARegisteredClientProvesItselfByItsOwnKey(t *testing.T) {
	w := newLoginWorld(t, openRegistration)
	w.addKey("k-1", "rsa", store.Owner{Kind: store.ServiceUserClient, ID: "u-robot"}) // whose id the client's key has too
	key, err := jws.NewKey("k-1", jws.ES256, programs()["ec"].Public())
	w.must(err)
	text, err := json.Marshal(key)
	w.must(err)
	got := w.registered(`{"redirect_uris":["https://desk.example/cb"],"token_endpoint_auth_method":"private_key_jwt","jwks":{"keys":[` + string(text) + `]}}`)
	id, _ := got["client_id"].(string)
	if got["client_secret"] != nil || got["jwks"] == nil {
		t.Errorf("%v", got)
	}
	b := w.browser()
	page := b.logIn("mia", miaPassword, "client_id", id, "redirect_uri", "https://desk.example/cb")
	code := b.code(b.send(page, "answer", "allow"), "https://desk.example/cb")
	as := func(change ...func(*draft)) string {
		return w.strict(append([]func(*draft){with("k-1", "ec", jws.ES256), set("iss", id), set("sub", id)}, change...)...)
	}
	redeem := func(assertion string) answer {
		return w.do(call{path: "/oauth/v2/token", form: values("grant_type", "authorization_code", "code", code, "code_verifier", verifier,
			"redirect_uri", "https://desk.example/cb", "client_assertion", assertion, "client_assertion_type", oauth.AssertionType)})
	}
	for name, assertion := range map[string]string{
		"the key of another": as(with("k-1", "rsa", jws.RS256)), "an unknown kid": as(with("k-2", "ec", jws.ES256)),
		"no jti": as(set("jti", nil)), "another audience": as(set("aud", "https://x")), "the name of another": as(set("iss", "notes"), set("sub", "notes")),
	} {
		t.Run(name, func(t *testing.T) { w.at(t).refused(redeem(assertion), 401, "invalid_client") })
	}
	good := as()
	w.issued(redeem(good))
	w.refused(redeem(good), 401, "invalid_client")                         // used
	w.refused(redeem(as(with("", "ec", jws.ES256))), 400, "invalid_grant") // without kid it is known too; the code is used
}

func TestTheRegistrationEndpointRefuses(t *testing.T) {
	w := newLoginWorld(t, openRegistration)
	for _, row := range []struct {
		name   string
		c      call
		status int
		code   string
	}{
		{"a form", call{path: "/oauth/v2/register", form: values("redirect_uris", "https://page.example/cb")}, 415, "invalid_request"},
		{"nothing", registers(" "), 400, "invalid_client_metadata"},
		{"no JSON", registers("{"), 400, "invalid_client_metadata"},
		{"an array", registers(`[` + pageClient + `]`), 400, "invalid_client_metadata"},
		{"a member twice", registers(`{"client_name":"a","client_name":"b"}`), 400, "invalid_client_metadata"},
		{"no redirect URI", registers(`{"client_name":"a"}`), 400, "invalid_redirect_uri"},
		{"K1: a star", registers(`{"redirect_uris":["https://app*"]}`), 400, "invalid_redirect_uri"},
		{"K1: a user name", registers(`{"redirect_uris":["https://app@evil.example/"]}`), 400, "invalid_redirect_uri"},
		{"http", registers(`{"redirect_uris":["http://page.example/cb"]}`), 400, "invalid_redirect_uri"},
		{"a fragment", registers(`{"redirect_uris":["https://page.example/cb#x"]}`), 400, "invalid_redirect_uri"},
		{"a bad one among good ones", registers(`{"redirect_uris":["https://page.example/cb",null]}`), 400, "invalid_redirect_uri"},
		{"K50: a log-out address elsewhere", registers(`{"redirect_uris":["https://page.example/cb"],"post_logout_redirect_uris":["https://evil.example/"]}`), 400, "invalid_client_metadata"},
		{"K50: a logo elsewhere", registers(`{"redirect_uris":["https://page.example/cb"],"logo_uri":"https://evil.example/l.png"}`), 400, "invalid_client_metadata"},
		{"SSRF: logouts told to the local network", registers(`{"redirect_uris":["https://page.example/cb"],"backchannel_logout_uri":"https://10.0.0.1/"}`), 400, "invalid_client_metadata"},
		{"http that begins a login", registers(`{"redirect_uris":["https://page.example/cb"],"initiate_login_uri":"http://page.example/"}`), 400, "invalid_client_metadata"},
		{"client credentials", registers(`{"redirect_uris":["https://page.example/cb"],"grant_types":["client_credentials"]}`), 400, "invalid_client_metadata"},
		{"keys by URL", registers(`{"redirect_uris":["https://page.example/cb"],"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://page.example/k"}`), 400, "invalid_client_metadata"},
		{"too long", registers(`{"client_name":"` + strings.Repeat("x", 20<<10) + `"}`), 413, "invalid_request"},
		{"compressed", call{path: "/oauth/v2/register", body: pageClient, header: http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}}, 415, "invalid_request"},
		{"a secret in the URL", call{path: "/oauth/v2/register?client_secret=x", body: pageClient, header: http.Header{"Content-Type": {"application/json"}}}, 400, "invalid_request"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			w.refused(w.do(row.c), row.status, row.code)
		})
	}
	all, err := w.store.Applications(t.Context())
	w.must(err)
	if len(all) != 5 {
		t.Errorf("%d applications, want those that were there", len(all))
	}
	if a := w.do(call{method: http.MethodGet, path: "/oauth/v2/register"}); a.status != 405 || a.header.Get("Allow") != "POST, OPTIONS" {
		t.Errorf("GET: %d %s", a.status, a.header.Get("Allow"))
	}
	w.must(w.store.Close())
	w.refused(w.do(registers(pageClient)), 503, "temporarily_unavailable")
}

func TestRegistrationIsOffUnlessItIsAskedFor(t *testing.T) {
	w := newLoginWorld(t)
	for _, path := range []string{"/oauth/v2/register", "/oidc/register", "/oauth/v2/register/notes"} {
		if a := w.do(call{path: path, body: pageClient, header: http.Header{"Content-Type": {"application/json"}}}); a.status != 404 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	metadata := func(w *world, host string) map[string]any {
		return w.object(w.do(call{method: http.MethodGet, path: "/.well-known/oauth-authorization-server", host: host}).body)
	}
	if got := metadata(w, ""); got["registration_endpoint"] != nil {
		t.Errorf("%v", got["registration_endpoint"])
	}
	w = newLoginWorld(t, openRegistration)
	for host, want := range map[string]string{zitadelHost: "https://zitadel.example.com/oauth/v2/register", auth0Host: "https://auth0.example.com/oidc/register"} {
		if got := metadata(w, host)["registration_endpoint"]; got != want {
			t.Errorf("%v, want %s", got, want)
		}
	}
	// A page calls it from wherever it is: who it is, is what it says here.
	a := w.do(call{method: http.MethodOptions, path: "/oidc/register", header: http.Header{"Origin": {"https://inspector.example"}}})
	w.headers(a, map[string]string{"Access-Control-Allow-Origin": "https://inspector.example", "Access-Control-Allow-Methods": "POST"})
}

func TestRegistrationsAreBoundedAndSwept(t *testing.T) {
	address := netip.MustParseAddr("203.0.113.7")
	w := newLoginWorld(t, openRegistration, func(c *server.Config) {
		c.ClientAddress = func(*http.Request) netip.Addr { return address }
	})
	for range register.PerAddress {
		w.registered(pageClient)
	}
	a := w.do(registers(pageClient))
	if a.status != 429 || a.header.Get("Retry-After") != "3600" || w.object(a.body)["error"] != "temporarily_unavailable" {
		t.Errorf("one too many: %d %s", a.status, a.body)
	}
	address = netip.MustParseAddr("203.0.113.8")
	w.registered(pageClient)
	address = netip.MustParseAddr("203.0.113.7")
	w.pass(time.Hour + time.Millisecond)
	w.registered(pageClient)
	count := func() int {
		all, err := w.store.Applications(t.Context())
		w.must(err)
		return len(all) - 5
	}
	if got := count(); got != register.PerAddress+2 {
		t.Errorf("%d applications", got)
	}
	w.pass(register.Unused)
	w.must(errorOf(w.store.DeleteExpiredTokens(t.Context(), w.now(), 100)))
	if got := count(); got != 1 {
		t.Errorf("%d applications after a day", got)
	}
}

func TestAClientManagesWhatItHasRegistered(t *testing.T) {
	w := newLoginWorld(t, openRegistration)
	got := w.registered(secretClient)
	other := w.registered(pageClient)
	id, token, raw := got["client_id"].(string), got["registration_access_token"].(string), got["client_secret"].(string)
	path := "/oauth/v2/register/" + id
	bearer := func(method, path, token, text string) answer {
		return w.do(call{method: method, path: path, body: text, header: http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}}})
	}
	want := w.object(mustJSON(t, got))
	for _, name := range []string{"client_secret", "client_secret_expires_at", "registration_access_token"} {
		delete(want, name)
	}
	want["token_endpoint_auth_method"] = "client_secret_basic" // as which the other method of a secret counts
	if a := bearer("GET", path, token, ""); a.status != 200 || cmp.Diff(want, w.object(a.body)) != "" {
		t.Errorf("GET: %d %s", a.status, a.body)
	}
	for name, c := range map[string]call{
		"no token":                    {path: path},
		"another client's token":      {path: path, header: http.Header{"Authorization": {"Bearer " + other["registration_access_token"].(string)}}},
		"the client's secret":         {path: path, user: id + ":" + raw},
		"an empty token":              {path: path, header: http.Header{"Authorization": {"Bearer "}}},
		"two tokens":                  {path: path, header: http.Header{"Authorization": {"Bearer " + token, "Bearer " + token}}},
		"a client of nobody":          {path: "/oauth/v2/register/nobody", header: http.Header{"Authorization": {"Bearer " + token}}},
		"what an operator has set up": {path: "/oauth/v2/register/notes", header: http.Header{"Authorization": {"Bearer " + token}}},
		"a long name":                 {path: "/oauth/v2/register/" + strings.Repeat("x", 100), header: http.Header{"Authorization": {"Bearer " + token}}},
	} {
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			c.method, c.body = method, `{}`
			if c.header == nil {
				c.header = make(http.Header)
			}
			c.header.Set("Content-Type", "application/json")
			a := w.do(c)
			if a.status != 401 || a.header.Get("WWW-Authenticate") != fmt.Sprintf("Bearer realm=%q", w.issuer) || w.object(a.body)["error"] != "invalid_token" {
				t.Errorf("%s %s: %d %v %s", method, name, a.status, a.header, a.body)
			}
		}
	}

	change := func(pairs ...string) string {
		m := map[string]any{"client_id": id, "redirect_uris": []string{"http://localhost:9090/callback"}, "client_name": "Desk 2", "token_endpoint_auth_method": "client_secret_basic"}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return mustJSON(t, m)
	}
	for name, text := range map[string]string{
		"no client_id": `{"redirect_uris":["http://localhost/"]}`, "another client_id": change("client_id", "notes"), "another secret": change("client_secret", "x"),
		"no secret any more": change("token_endpoint_auth_method", "none"), "no JSON": "{", "a member of the wrong type": change("redirect_uris", "x"),
	} {
		if a := bearer("PUT", path, token, text); a.status != 400 || !strings.HasPrefix(w.object(a.body)["error"].(string), "invalid_") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := bearer("PUT", path, token, change("client_secret", raw)); a.status != 200 || w.object(a.body)["client_name"] != "Desk 2" {
		t.Errorf("PUT: %d %s", a.status, a.body)
	}
	app, err := w.store.ApplicationByClientID(t.Context(), id)
	w.must(err)
	if app.Name != "Desk 2" || len(app.Grants) != 1 || app.RedirectURIs[0] != "http://localhost:9090/callback" || app.FirstParty || !app.CreatedAt.Equal(start) {
		t.Errorf("%+v", app)
	}
	app.Active = false
	w.must(w.store.PutApplication(t.Context(), app))
	if a := bearer("DELETE", path, token, ""); a.status != 401 {
		t.Errorf("what an operator has shut: %d", a.status)
	}
	app.Active = true
	w.must(w.store.PutApplication(t.Context(), app))
	if a := bearer("DELETE", path, token, ""); a.status != 204 || a.body != "" {
		t.Errorf("DELETE: %d %s", a.status, a.body)
	}
	if a := bearer("GET", path, token, ""); a.status != 401 {
		t.Errorf("afterwards: %d", a.status)
	}
	if _, err := w.store.SecretsOf(t.Context(), store.Owner{Kind: store.ApplicationClient, ID: id}); err != nil {
		t.Error(err)
	}
}

func FuzzRegistration(f *testing.F) {
	for _, seed := range []string{pageClient, secretClient, "{", `{"redirect_uris":["com.example.a:/x"],"token_endpoint_auth_method":"none"}`} {
		f.Add(seed)
	}
	w := newWorld(f, openRegistration)
	f.Fuzz(func(t *testing.T, text string) {
		w := w.at(t)
		w.pass(register.Unused) // so that the bounds let it in
		a := w.do(registers(text + " "))
		m := w.object(a.body)
		switch a.status {
		case 201:
			app, err := w.store.ApplicationByClientID(t.Context(), m["client_id"].(string))
			if err != nil || app.FirstParty || app.InsecureNoPKCE || app.ProjectID != "" {
				t.Errorf("%q: %+v, %v", text, app, err)
			}
			w.must(w.store.DeleteApplication(t.Context(), app.ID))
		case 400, 413:
			if description := m["error_description"].(string); strings.ContainsAny(description, "\"\\") || len(m) != 2 {
				t.Errorf("%q: %s", text, a.body)
			}
		default:
			t.Errorf("%q: %d %s", text, a.status, a.body)
		}
	})
}
