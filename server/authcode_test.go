package server_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/code"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/pkce"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

const (
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	callback = "https://app.example.com/callback"
	spa      = "spa@P"   // public, of the house
	webApp   = "web@P"   // keeps a secret, of the house
	strange  = "foreign" // public, of another house
	offline  = "openid profile email offline_access"
	origin   = "https://app.example.com"
)

// newPeopleWorld is a world with the person alice, who has the rights of robot, and three applications.
func newPeopleWorld(t testing.TB, change ...func(*server.Config)) *world {
	t.Helper()
	w := newWorld(t, change...)
	w.seedPeople()
	return w
}

func (w *world) seedPeople() {
	w.t.Helper()
	t := w.t
	w.must(w.store.PutUser(t.Context(), store.User{
		ID: "alice", OrganizationID: "org", Handle: store.UserHandle{1}, LoginName: "alice", Email: "alice@example.com",
		EmailVerifiedAt: start, GivenName: "Alice", FamilyName: "Moore", Locale: "en", Active: true, CreatedAt: start, UpdatedAt: start,
	}))
	for _, g := range []store.Assignment{
		{SubjectID: "alice", ProjectID: "P", Rights: []string{"read:messages"}},
		{SubjectID: "alice", APIID: "a-messages", Rights: []string{"read", "read:messages"}},
	} {
		w.must(w.store.PutAssignment(t.Context(), g))
	}
	for _, app := range []store.Application{
		{ID: "app-spa", Name: "spa", ClientID: spa, Type: store.BrowserApplication, AllowedOrigins: []string{origin}, FirstParty: true},
		{ID: "app-web", Name: "web", ClientID: webApp, Type: store.WebApplication, FirstParty: true},
		{ID: "app-foreign", Name: "foreign", ClientID: strange, Type: store.BrowserApplication},
	} {
		app.ProjectID, app.RedirectURIs, app.Active, app.CreatedAt = "P", []string{callback}, true, start
		app.Grants = []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken}
		app.IDTokenClaims = store.FullClaims
		w.must(w.store.PutApplication(t.Context(), app))
	}
	w.secret(store.ApplicationClient, "app-web", "web-secret")
}

// allowed is a code for what alice has allowed an application.
func (w *world) allowed(clientID, scope string, targets []string, change ...func(*authorize.Request)) string {
	w.t.Helper()
	request := authorize.Request{
		Reply:    authorize.Reply{Issuer: oauth.Issuer(w.issuer), RedirectURI: callback, Mode: authorize.Query},
		ClientID: clientID, Nonce: "n-0S6", Challenge: pkce.Challenge(verifier), MaxAge: authorize.NoMaxAge,
		Scopes: authorize.NamesOf(strings.Fields(scope)...), Targets: authorize.NamesOf(targets...), At: w.now(),
	}
	for _, f := range change {
		f(&request)
	}
	var raw string
	w.must(w.store.InTx(w.t.Context(), func(tx store.Tx) (err error) {
		raw, err = code.Issue(w.t.Context(), tx, code.Allowed{
			Request: request, Issue: authorize.Issue{User: "alice", AuthTime: w.now().Add(-time.Minute), ACR: "pwd", AMR: []string{"pwd"}},
			SessionID: "session-1",
		}, w.now())
		return err
	}))
	return raw
}

func redeem(clientID, raw string, more ...string) call {
	v := values("grant_type", "authorization_code", "client_id", clientID, "code", raw, "code_verifier", verifier, "redirect_uri", callback)
	for i := 0; i < len(more); i += 2 {
		if v.Del(more[i]); more[i+1] != "" {
			v.Set(more[i], more[i+1])
		}
	}
	return call{path: "/oauth/v2/token", form: v}
}

func refresh(clientID, raw string, more ...string) call {
	return call{path: "/oauth/v2/token", form: values(append([]string{"grant_type", "refresh_token", "client_id", clientID, "refresh_token", raw}, more...)...)}
}

func TestACodeGivesTokens(t *testing.T) {
	w := newPeopleWorld(t)
	got := w.issued(w.do(redeem(spa, w.allowed(spa, offline+" read:messages", []string{messages}))))
	if got["token_type"] != "Bearer" || got["scope"] != offline[:len(offline)-len(" offline_access")]+" read:messages offline_access" || got["refresh_token"] == "" {
		t.Errorf("answer %v", got)
	}
	typ, alg, claims := w.claims(got["id_token"].(string))
	sum := sha256.Sum256([]byte(got["access_token"].(string)))
	want := map[string]any{
		"iss": w.issuer, "sub": "alice", "aud": spa, "azp": spa, "nonce": "n-0S6", "sid": "session-1", "acr": "pwd", "amr": []any{"pwd"},
		"iat": float64(start.Unix()), "exp": float64(start.Add(time.Hour).Unix()), "auth_time": float64(start.Add(-time.Minute).Unix()),
		"at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]),
		"name":    "Alice Moore", "given_name": "Alice", "family_name": "Moore", "nickname": "alice", "preferred_username": "alice",
		"locale": "en", "updated_at": float64(start.Unix()), "email": "alice@example.com", "email_verified": true,
	}
	if diff := cmp.Diff(want, claims); diff != "" || typ != "jwt" || alg != "RS256" {
		t.Errorf("ID token with typ %s and alg %s (-want +got):\n%s", typ, alg, diff)
	}
	held := w.introspect("messages", got["access_token"].(string))
	if held["active"] != true || held["sub"] != "alice" || held["client_id"] != spa {
		t.Errorf("introspection says %v", held)
	}
	w.inactive("messages", got["id_token"].(string)) // it proves a login, and opens nothing
	w.inactive("messages", got["refresh_token"].(string))
}

func TestWhatACodeIsNotExchangedFor(t *testing.T) {
	w := newPeopleWorld(t)
	for _, row := range []struct {
		name   string
		call   func(raw string) call
		code   string
		status int
		change func(*authorize.Request)
	}{
		{"K4: another client's", func(raw string) call { return redeem(strange, raw) }, "invalid_grant", 400, nil},
		{"K4: another client's, which proves itself", func(raw string) call {
			c := redeem(webApp, raw, "client_id", "")
			c.user = webApp + ":web-secret"
			return c
		}, "invalid_grant", 400, nil},
		{"a service user's", func(raw string) call {
			c := redeem("", raw, "client_id", "")
			c.user = "robot:robot-secret"
			return c
		}, "unauthorized_client", 400, nil},
		{"nobody's", func(raw string) call { return redeem("", raw, "client_id", "") }, "invalid_client", 401, nil},
		{"an unknown client's", func(raw string) call { return redeem("nobody", raw) }, "invalid_client", 401, nil},
		{"K7: no verifier", func(raw string) call { return redeem(spa, raw, "code_verifier", "") }, "invalid_grant", 400, nil},
		{"K7: another verifier", func(raw string) call { return redeem(spa, raw, "code_verifier", strings.Repeat("x", 43)) }, "invalid_grant", 400, nil},
		{"K7: the challenge for a verifier", func(raw string) call { return redeem(spa, raw, "code_verifier", pkce.Challenge(verifier)) }, "invalid_grant", 400, nil},
		{"K7: a verifier without a challenge", func(raw string) call {
			c := redeem(webApp, raw, "client_id", "")
			c.user = webApp + ":web-secret"
			return c
		}, "invalid_grant", 400, func(r *authorize.Request) { r.ClientID, r.Challenge = webApp, "" }},
		{"another redirect_uri", func(raw string) call { return redeem(spa, raw, "redirect_uri", callback+"/x") }, "invalid_grant", 400, nil},
		{"another host in redirect_uri", func(raw string) call { return redeem(spa, raw, "redirect_uri", "https://evil.example/callback") }, "invalid_grant", 400, nil},
		{"no redirect_uri and no challenge", func(raw string) call {
			c := redeem(webApp, raw, "client_id", "", "code_verifier", "", "redirect_uri", "")
			c.user = webApp + ":web-secret"
			return c
		}, "invalid_grant", 400, func(r *authorize.Request) { r.ClientID, r.Challenge = webApp, "" }},
		{"another issuer", func(raw string) call {
			c := redeem(spa, raw)
			c.host = zitadelHost
			return c
		}, "invalid_grant", 400, nil},
		{"bound to a DPoP key", func(raw string) call { return redeem(spa, raw) }, "invalid_grant", 400, func(r *authorize.Request) { r.DPoPKey = "thumbprint" }},
		{"none", func(string) call { return redeem(spa, "") }, "invalid_request", 400, nil},
		{"unknown", func(raw string) call { return redeem(spa, raw+"x") }, "invalid_grant", 400, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			var change []func(*authorize.Request)
			if row.change != nil {
				change = append(change, row.change)
			}
			raw := w.allowed(spa, offline, nil, change...)
			w.refused(w.do(row.call(raw)), row.status, row.code)
			if row.change == nil { // whoever brings it wrongly has not used it up
				w.issued(w.do(redeem(spa, raw)))
			}
		})
	}
}

func TestACodeWaitsAMinute(t *testing.T) {
	w := newPeopleWorld(t)
	raw := w.allowed(spa, offline, nil)
	w.pass(code.Lifetime - time.Second)
	w.issued(w.do(redeem(spa, raw)))
	raw = w.allowed(spa, offline, nil)
	w.pass(code.Lifetime)
	w.refused(w.do(redeem(spa, raw)), 400, "invalid_grant")
}

func TestK5_ACodeThatIsUsedAgainEndsAllThatCameOfIt(t *testing.T) {
	w := newPeopleWorld(t)
	raw := w.allowed(spa, offline, []string{messages})
	got := w.issued(w.do(redeem(spa, raw)))
	access := got["access_token"].(string)
	if w.introspect("messages", access)["active"] != true {
		t.Fatal("the access token is not active to begin with")
	}
	w.refused(w.do(redeem(spa, raw)), 400, "invalid_grant")
	w.inactive("messages", access)
	w.refused(w.do(refresh(spa, got["refresh_token"].(string))), 400, "invalid_grant")
}

func TestOfAHundredUsesOfACodeOneCounts(t *testing.T) {
	w := newPeopleWorld(t)
	raw := w.allowed(spa, offline, nil)
	if good := w.atOnce(100, redeem(spa, raw)); good != 1 {
		t.Errorf("%d of 100 uses of a code got tokens, want 1", good)
	}
}

// atOnce sends a call many times at once and returns how many were answered with 200.
func (w *world) atOnce(n int, c call) (good int) {
	w.t.Helper()
	var group sync.WaitGroup
	var mu sync.Mutex
	for range n {
		group.Go(func() {
			a, err := w.send(c)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				w.t.Error(err)
			case a.status == 200:
				good++
			case a.status != 400:
				w.t.Errorf("answer %d %s", a.status, a.body)
			}
		})
	}
	group.Wait()
	return good
}

func TestRefreshTokensGoOn(t *testing.T) {
	w := newPeopleWorld(t)
	first := w.issued(w.do(redeem(spa, w.allowed(spa, offline+" read:messages", []string{messages}))))
	w.pass(time.Hour)
	second := w.issued(w.do(refresh(spa, first["refresh_token"].(string))))
	if second["refresh_token"] == first["refresh_token"] || second["scope"] != first["scope"] {
		t.Errorf("second answer %v after %v", second, first)
	}
	_, _, claims := w.claims(second["id_token"].(string))
	if _, nonce := claims["nonce"]; nonce || claims["auth_time"] != float64(start.Add(-time.Minute).Unix()) || claims["sub"] != "alice" {
		t.Errorf("claims of the second ID token: %v", claims)
	}
	// A renewal may ask for less, and the next for all again.
	third := w.issued(w.do(refresh(spa, second["refresh_token"].(string), "scope", "openid")))
	if third["scope"] != "openid offline_access" {
		t.Errorf("scope %q, want openid offline_access", third["scope"])
	}
	fourth := w.issued(w.do(refresh(spa, third["refresh_token"].(string))))
	if fourth["scope"] != first["scope"] {
		t.Errorf("scope %q, want %q again", fourth["scope"], first["scope"])
	}
	w.refused(w.do(refresh(spa, fourth["refresh_token"].(string), "scope", "openid read")), 400, "invalid_scope")
}

func TestWithoutOfflineAccessThereIsNoRefreshToken(t *testing.T) {
	w := newPeopleWorld(t)
	got := w.issued(w.do(redeem(spa, w.allowed(spa, "openid", nil))))
	if _, has := got["refresh_token"]; has {
		t.Errorf("answer %v", got)
	}
	got = w.issued(w.do(redeem(spa, w.allowed(spa, "read:messages", []string{messages}))))
	if _, has := got["id_token"]; has {
		t.Errorf("an ID token that nobody asked for: %v", got)
	}
}

func TestK26_TwoTabsThatRefreshAtOnceStayLoggedIn(t *testing.T) {
	w := newPeopleWorld(t)
	first := w.issued(w.do(redeem(spa, w.allowed(spa, offline, nil))))["refresh_token"].(string)
	one := w.issued(w.do(refresh(spa, first)))["refresh_token"].(string)
	w.pass(29 * time.Second)
	other := w.issued(w.do(refresh(spa, first)))["refresh_token"].(string)
	w.issued(w.do(refresh(spa, one)))
	w.issued(w.do(refresh(spa, other)))
}

func TestK28_AnOldRefreshTokenEndsAllOfItsLogin(t *testing.T) {
	w := newPeopleWorld(t)
	got := w.issued(w.do(redeem(spa, w.allowed(spa, offline, []string{messages}))))
	first := got["refresh_token"].(string)
	next := w.issued(w.do(refresh(spa, first)))
	w.pass(31 * time.Second)
	if w.introspect("messages", next["access_token"].(string))["active"] != true {
		t.Fatal("the access token is not active to begin with")
	}
	w.refused(w.do(refresh(spa, first)), 400, "invalid_grant")
	w.inactive("messages", next["access_token"].(string))
	w.inactive("messages", got["access_token"].(string))
	w.refused(w.do(refresh(spa, next["refresh_token"].(string))), 400, "invalid_grant")
}

func TestARefreshTokenThatAnotherClientBringsEndsItsLogin(t *testing.T) {
	w := newPeopleWorld(t)
	token := w.issued(w.do(redeem(spa, w.allowed(spa, offline, nil))))["refresh_token"].(string)
	w.refused(w.do(refresh(strange, token)), 400, "invalid_grant")
	w.refused(w.do(refresh(spa, token)), 400, "invalid_grant")
}

func TestARefreshTokenGoesOnAtTheIssuerOfItsLogin(t *testing.T) {
	w := newPeopleWorld(t)
	token := w.issued(w.do(redeem(spa, w.allowed(spa, offline, nil))))["refresh_token"].(string)
	elsewhere := refresh(spa, token)
	for _, host := range []string{zitadelHost, auth0Host} {
		elsewhere.host = host
		w.refused(w.do(elsewhere), 400, "invalid_grant")
	}
	w.issued(w.do(refresh(spa, token))) // nothing has changed by that

	// What was kept by a version that did not know the issuer goes on at any.
	w.must(w.store.CreateFamily(t.Context(), store.Family{
		ID: "old", SubjectID: "alice", ClientID: spa, Kind: store.CodeFamily, Scopes: strings.Fields(offline), CreatedAt: start, ExpiresAt: start.Add(time.Hour),
	}))
	w.must(w.store.CreateRefreshToken(t.Context(), store.RefreshToken{
		Digest: secret.Digest("old"), FamilyID: "old", IssuedAt: start, ExpiresAt: start.Add(time.Hour),
	}))
	elsewhere.form.Set("refresh_token", "old")
	w.issued(w.do(elsewhere))
}

func TestRefreshTokensEnd(t *testing.T) {
	w := newPeopleWorld(t)
	app, err := w.store.Application(t.Context(), "app-spa")
	w.must(err)
	app.RefreshIdle, app.RefreshLifetime = 10*time.Minute, 25*time.Minute
	w.must(w.store.PutApplication(t.Context(), app))
	token := w.issued(w.do(redeem(spa, w.allowed(spa, offline, nil))))["refresh_token"].(string)
	w.pass(10 * time.Minute)
	w.refused(w.do(refresh(spa, token)), 400, "invalid_grant") // nobody used it

	token = w.issued(w.do(redeem(spa, w.allowed(spa, offline, nil))))["refresh_token"].(string)
	for range 2 {
		w.pass(9 * time.Minute)
		token = w.issued(w.do(refresh(spa, token)))["refresh_token"].(string)
	}
	w.pass(6 * time.Minute)
	got := w.issued(w.do(refresh(spa, token))) // 24 minutes after the login
	if got["expires_in"] != float64(60) {
		t.Errorf("access token lives %v s, want no longer than its login, 60", got["expires_in"])
	}
	w.pass(time.Minute)
	w.refused(w.do(refresh(spa, got["refresh_token"].(string))), 400, "invalid_grant")
}

// TestWhatEndsAPersonsTokens: each of these ends what is there, at the APIs that ask and at the token endpoint.
func TestWhatEndsAPersonsTokens(t *testing.T) {
	for name, end := range map[string]func(ctx context.Context, w *world) error{
		"the person is locked": func(ctx context.Context, w *world) error {
			u, err := w.store.User(ctx, "alice")
			u.Active = false
			return errorsOf(err, w.store.PutUser(ctx, u))
		},
		"the person is deleted": func(ctx context.Context, w *world) error { return w.store.DeleteSubject(ctx, "alice") },
		"the application is not active": func(ctx context.Context, w *world) error {
			app, err := w.store.Application(ctx, "app-spa")
			app.Active = false
			return errorsOf(err, w.store.PutApplication(ctx, app))
		},
		"the families of the session are revoked": func(ctx context.Context, w *world) error {
			families, err := w.store.FamiliesOfSession(ctx, "session-1")
			for _, f := range families {
				err = errorsOf(err, w.store.RevokeFamily(ctx, f.ID, w.now(), "test"))
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newPeopleWorld(t)
			got := w.issued(w.do(redeem(spa, w.allowed(spa, offline, []string{messages}))))
			opaque := w.issued(w.do(redeem(spa, w.allowed(spa, offline, nil))))
			w.must(end(t.Context(), w))
			w.pass(time.Second)
			w.inactive("messages", got["access_token"].(string))
			w.inactive("samples", opaque["access_token"].(string))
			for _, token := range []any{got["refresh_token"], opaque["refresh_token"]} {
				if a := w.do(refresh(spa, token.(string))); a.status != 400 && a.status != 401 {
					t.Errorf("the refresh token is answered %d %s", a.status, a.body)
				}
			}
			if a := w.userinfo(opaque["access_token"].(string)); a.status != 401 {
				t.Errorf("userinfo answers %d %s", a.status, a.body)
			}
		})
	}
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestAnApplicationEndsItsTokens(t *testing.T) {
	w := newPeopleWorld(t)
	got := w.issued(w.do(redeem(spa, w.allowed(spa, offline, []string{messages}))))
	token := got["refresh_token"].(string)
	w.refused(w.do(call{path: "/oauth/v2/revoke", form: values("token", token, "client_id", strange)}), 400, "unauthorized_client")
	w.refused(w.do(call{path: "/oauth/v2/revoke", form: values("token", token, "client_id", webApp)}), 401, "invalid_client")
	if a := w.do(call{path: "/oauth/v2/revoke", form: values("token", token, "client_id", spa)}); a.status != 200 {
		t.Fatalf("revocation answers %d %s", a.status, a.body)
	}
	w.inactive("messages", got["access_token"].(string))
	w.refused(w.do(refresh(spa, token)), 400, "invalid_grant")
}

// An application of another house gets of a person's rights those that the person has allowed it by name.
func TestAnApplicationOfAnotherHouseGetsWhatItWasAllowed(t *testing.T) {
	w := newPeopleWorld(t)
	app, err := w.store.Application(t.Context(), "app-foreign")
	w.must(err)
	for _, row := range []struct {
		client, scope string
		want          any
	}{
		{spa, "openid", true},
		{app.ClientID, "openid", false},
		{app.ClientID, "openid read:messages", true},
	} {
		got := w.issued(w.do(redeem(row.client, w.allowed(row.client, row.scope, []string{"P"}))))
		held := w.introspect("samples", got["access_token"].(string))
		roles := fmt.Sprint(held["urn:zitadel:iam:org:project:roles"])
		if strings.Contains(roles, "read:messages") != row.want || held["active"] != true {
			t.Errorf("%s with %q: introspection says %v, want the role: %v", row.client, row.scope, held, row.want)
		}
	}
}

// The same of a JWT, in which an API of Auth0's form reads permissions.
func TestAJWTForAnotherHouseHoldsWhatItWasAllowed(t *testing.T) {
	w := newPeopleWorld(t)
	api, err := w.store.API(t.Context(), "a-messages")
	w.must(err)
	api.Form = store.FormAuth0Permissions
	w.must(w.store.PutAPI(t.Context(), api))
	for _, row := range []struct {
		client, scope string
		want          []any
	}{
		{spa, "openid", []any{"read", "read:messages"}},
		{strange, "openid", []any{}},
		{strange, "openid read", []any{"read"}},
	} {
		got := w.issued(w.do(redeem(row.client, w.allowed(row.client, row.scope, []string{messages}))))
		_, _, claims := w.claims(got["access_token"].(string))
		permissions, _ := claims["permissions"].([]any)
		if diff := cmp.Diff(row.want, permissions, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s with %q: permissions (-want +got):\n%s", row.client, row.scope, diff)
		}
	}
}

func (w *world) userinfo(raw string) answer {
	w.t.Helper()
	return w.do(call{method: http.MethodGet, path: "/oidc/v1/userinfo", header: http.Header{"Authorization": {"Bearer " + raw}}})
}

func TestUserinfoTellsWhatTheScopesOpen(t *testing.T) {
	w := newPeopleWorld(t)
	for scope, want := range map[string]map[string]any{
		"openid":       {"sub": "alice"},
		"openid email": {"sub": "alice", "email": "alice@example.com", "email_verified": true},
		"openid profile": {"sub": "alice", "name": "Alice Moore", "given_name": "Alice", "family_name": "Moore", "nickname": "alice",
			"preferred_username": "alice", "locale": "en", "updated_at": float64(start.Unix())},
	} {
		got := w.issued(w.do(redeem(spa, w.allowed(spa, scope, nil))))
		a := w.userinfo(got["access_token"].(string))
		if diff := cmp.Diff(want, w.object(a.body)); diff != "" || a.status != 200 || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d (-want +got):\n%s", scope, a.status, diff)
		}
	}
}

func TestUserinfoRefuses(t *testing.T) {
	w := newPeopleWorld(t)
	without := w.issued(w.do(redeem(spa, w.allowed(spa, "read:messages", []string{messages}))))
	good := w.issued(w.do(redeem(spa, w.allowed(spa, "openid", nil))))
	for _, row := range []struct {
		name, raw, code string
		status          int
	}{
		{"a token without openid", without["access_token"].(string), "insufficient_scope", 403},
		{"a program's token", w.token("robot", "scope", "openid "+sampleScope), "invalid_token", 401},
		{"an ID token", good["id_token"].(string), "invalid_token", 401},
		{"garbage", "x", "invalid_token", 401},
	} {
		a := w.userinfo(row.raw)
		if a.status != row.status || !strings.Contains(a.header.Get("WWW-Authenticate"), row.code) || w.object(a.body)["error"] != row.code {
			t.Errorf("%s: %d %v %s, want %d %s", row.name, a.status, a.header["Www-Authenticate"], a.body, row.status, row.code)
		}
	}
	if a := w.do(call{method: http.MethodGet, path: "/oidc/v1/userinfo"}); a.status != 401 {
		t.Errorf("without a token: %d %s", a.status, a.body)
	}
	if a := w.do(call{method: http.MethodGet, path: "/oidc/v1/userinfo?access_token=" + url.QueryEscape(good["access_token"].(string))}); a.status == 200 {
		t.Errorf("a token in the URL is taken")
	}
}

// Pages of an application's origin may call what it needs, and no page may call with the cookies of its visitor.
func TestPagesOfAnApplicationsOriginMayCall(t *testing.T) {
	w := newPeopleWorld(t)
	for _, row := range []struct {
		path, origin, want string
		status             int
	}{
		{"/oauth/v2/token", origin, origin, 204},
		{"/oauth/token", origin, origin, 204},
		{"/oauth/v2/revoke", origin, origin, 204},
		{"/oidc/v1/userinfo", origin, origin, 204},
		{"/oauth/v2/token", "https://evil.example", "", 204},
		{"/oauth/v2/token", origin + ".evil.example", "", 204},
		{"/oauth/v2/token", "null", "", 204},
		{"/.well-known/openid-configuration", "https://evil.example", "https://evil.example", 204},
		{"/oauth/v2/keys", "https://evil.example", "https://evil.example", 204},
		{"/oauth/v2/introspect", origin, "", 405},
	} {
		a := w.do(call{method: http.MethodOptions, path: row.path, header: http.Header{
			"Origin": {row.origin}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"content-type"},
		}})
		if a.status != row.status || a.header.Get("Access-Control-Allow-Origin") != row.want || a.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s from %s: %d %v, want %d and %q", row.path, row.origin, a.status, a.header, row.status, row.want)
		}
	}
	c := redeem(spa, w.allowed(spa, "openid", nil))
	c.header = http.Header{"Origin": {origin}}
	if a := w.do(c); a.status != 200 || a.header.Get("Access-Control-Allow-Origin") != origin || a.header.Get("Vary") != "Origin" {
		t.Errorf("the answer to a page: %d %v", a.status, a.header)
	}
	c = redeem(spa, "x")
	c.header = http.Header{"Origin": {origin}}
	if a := w.do(c); a.status != 400 || a.header.Get("Access-Control-Allow-Origin") != origin {
		t.Errorf("a refusal, which a page has to read: %d %v", a.status, a.header)
	}
}
