package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// bank is the client id of an application that keeps the FAPI profile.
const (
	bank         = "bank@P"
	bankCallback = "https://bank.example.com/cb"
)

var bankOwner = store.Owner{Kind: store.ApplicationClient, ID: "app-bank"}

// newFAPIWorld is a world of people who log in to the bank too, which has a key, a certificate and a secret.
func newFAPIWorld(t testing.TB, change ...func(*server.Config)) *world {
	t.Helper()
	w := newLoginWorld(t, append([]func(*server.Config){behindProxy}, change...)...)
	w.must(w.store.PutApplication(t.Context(), store.Application{
		ID: bankOwner.ID, ProjectID: "P", Name: "Bank", ClientID: bank, Type: store.WebApplication, FirstParty: true, Profile: "fapi2",
		RedirectURIs: []string{bankCallback}, Grants: []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken},
		IDTokenClaims: store.FullClaims, Active: true, CreatedAt: start,
	}))
	w.addKey("k-bank", "ec", bankOwner)
	w.addKey("k-bank-rsa", "rsa", bankOwner)
	w.register(bankOwner, byThumbprint("self-signed"))
	w.secret(store.ApplicationClient, bankOwner.ID, "bank-secret")
	return w
}

// vouched adds an assertion by which the bank proves who it is, changed by functions.
func (w *world) vouched(c call, change ...func(*draft)) call {
	w.t.Helper()
	now := w.now().Unix()
	d := draft{alg: jws.ES256, kid: "k-bank", key: "ec", typ: "JWT", claims: map[string]any{
		"iss": bank, "sub": bank, "aud": w.issuer, "iat": now, "exp": now + 300, "jti": secret.NewID(),
	}}
	for _, f := range change {
		f(&d)
	}
	form := values()
	for name, all := range c.form {
		form[name] = all
	}
	form.Del("client_secret")
	form.Set("client_assertion", w.sign(d))
	form.Set("client_assertion_type", oauth.AssertionType)
	c.form = form
	return c
}

// banking pushes a request of the bank.
func banking(pairs ...string) call {
	return pushing(append([]string{"client_id", bank, "redirect_uri", bankCallback, "scope", "openid offline_access"}, pairs...)...)
}

// bankCode is a code for mia's bank.
func (w *world) bankCode(pairs ...string) string {
	w.t.Helper()
	b := w.browser()
	page := b.open(w.pushed(w.do(w.vouched(banking(pairs...))), bank))
	return b.code(b.send(page, "identifier", "mia", "password", miaPassword, "answer", "login"), bankCallback)
}

func (w *world) bankTokens(raw string) map[string]any {
	w.t.Helper()
	return w.issued(w.do(w.proving(w.vouched(redeem(bank, raw, "redirect_uri", bankCallback)), own)))
}

func TestFAPI_HappyFlow(t *testing.T) {
	w := newFAPIWorld(t)
	got := w.bankTokens(w.bankCode())
	if got["token_type"] != "DPoP" || got["refresh_token"] == "" {
		t.Errorf("answer %v", got)
	}
	if _, alg, _ := w.claims(got["id_token"].(string)); alg != "ES256" {
		t.Errorf("the ID token has alg %s", alg)
	}
	raw := got["access_token"].(string)
	if a := w.do(w.proving(w.bearing("DPoP", raw), own, of(raw))); a.status != 200 {
		t.Errorf("userinfo: %d %s", a.status, a.body)
	}
	// By TLS, and with tokens that are bound to the certificate.
	app, err := w.store.Application(t.Context(), bankOwner.ID)
	w.must(err)
	app.SenderConstraint = store.ConstrainedByCertificate
	w.must(w.store.PutApplication(t.Context(), app))
	b := w.browser()
	page := b.open(w.pushed(w.do(showing(banking(), "self-signed")), bank))
	code := b.code(b.send(page, "identifier", "mia", "password", miaPassword, "answer", "login"), bankCallback)
	got = w.issued(w.do(showing(redeem(bank, code, "redirect_uri", bankCallback), "self-signed")))
	if a := w.do(showing(w.bearing("Bearer", got["access_token"].(string)), "self-signed")); a.status != 200 {
		t.Errorf("userinfo: %d %s", a.status, a.body)
	}
}

// TestFAPI_UnpushedRequestFails is ensure-unsigned-authorization-request-without-using-par-fails.
func TestFAPI_UnpushedRequestFails(t *testing.T) {
	w := newFAPIWorld(t)
	b := w.browser()
	s := b.open(asks("client_id", bank, "redirect_uri", bankCallback))
	b.page(s, 400, "This request is not complete")
	if !strings.Contains(s.says(), "push") {
		t.Errorf("the page says %q", s.says())
	}
}

func TestFAPI_ClientAuthentication(t *testing.T) {
	w := newFAPIWorld(t)
	notOurs := "https://" + zitadelHost
	for name, c := range map[string]call{
		"par-test-array-as-audience-fails":              w.vouched(banking(), set("aud", []string{w.issuer})),
		"an array of two":                               w.vouched(banking(), set("aud", []string{w.issuer, w.issuer + "/oauth/v2/token"})),
		"par-test-par-endpoint-url-as-audience-fails":   w.vouched(banking(), set("aud", w.issuer+"/oauth/v2/par")),
		"par-test-token-endpoint-url-as-audience-fails": w.vouched(banking(), set("aud", w.issuer+"/oauth/v2/token")),
		"the issuer with a slash":                       w.vouched(banking(), set("aud", w.issuer+"/")),
		"another issuer of the server":                  w.vouched(banking(), set("aud", notOurs)),
		"RS256":                                         w.vouched(banking(), func(d *draft) { d.alg, d.key, d.kid = jws.RS256, "rsa", "k-bank-rsa" }),
		"PS512":                                         w.vouched(banking(), func(d *draft) { d.alg, d.key, d.kid = jws.PS512, "rsa", "k-bank-rsa" }),
		"a secret":                                      func() call { c := banking(); c.form.Set("client_secret", "bank-secret"); return c }(),
		"a secret in the header":                        func() call { c := banking(); c.form.Del("client_id"); c.user = bank + ":bank-secret"; return c }(),
		"nothing":                                       banking(),
		"another certificate":                           showing(banking(), "another self-signed"),
		"refresh-token: no client authentication":       refresh(bank, "x"),
		"an assertion of 10 minutes":                    w.vouched(banking(), set("exp", w.now().Unix()+600)),
	} {
		t.Run(name, func(t *testing.T) {
			w := w.at(t)
			w.refused(w.do(c), 401, "invalid_client")
		})
	}
	w.pushed(w.do(w.vouched(banking(), func(d *draft) { d.alg, d.key, d.kid = jws.PS256, "rsa", "k-bank-rsa" })), bank)
	c := w.vouched(banking())
	w.pushed(w.do(c), bank)
	w.refused(w.do(c), 401, "invalid_client") // J13, S6: an assertion counts once
}

// TestFAPI_CodesAreHeldToTheirRequest is ensure-pkce-code-verifier-required, incorrect-pkce-code-verifier-rejected,
// ensure-authorization-code-is-bound-to-client, attempt-reuse-authorization-code-after-one-second,
// ensure-token-endpoint-fails-with-expired-auth-code and ensure-holder-of-key-required.
func TestFAPI_CodesAreHeldToTheirRequest(t *testing.T) {
	w := newFAPIWorld(t)
	raw := w.bankCode()
	for name, row := range map[string]struct {
		call   call
		status int
		code   string
	}{
		"no verifier":         {w.proving(w.vouched(redeem(bank, raw, "redirect_uri", bankCallback, "code_verifier", "")), own), 400, "invalid_grant"},
		"another verifier":    {w.proving(w.vouched(redeem(bank, raw, "redirect_uri", bankCallback, "code_verifier", strings.Repeat("x", 43))), own), 400, "invalid_grant"},
		"another client's":    {w.proving(redeem("notes", raw, "redirect_uri", bankCallback), own), 400, "invalid_grant"},
		"no proof":            {w.vouched(redeem(bank, raw, "redirect_uri", bankCallback)), 400, "invalid_dpop_proof"},
		"a certificate alone": {showing(redeem(bank, raw, "redirect_uri", bankCallback), "self-signed"), 400, "invalid_dpop_proof"},
	} {
		w.refused(w.do(row.call), row.status, row.code)
		if t.Failed() {
			t.Fatal(name)
		}
	}
	got := w.bankTokens(raw)
	w.pass(time.Second)
	w.refused(w.do(w.proving(w.vouched(redeem(bank, raw, "redirect_uri", bankCallback)), own)), 400, "invalid_grant")
	access := got["access_token"].(string)
	if a := w.do(w.proving(w.bearing("DPoP", access), own, of(access))); a.status != 401 {
		t.Errorf("userinfo after reuse of the code: %d", a.status)
	}
	late := w.bankCode()
	w.pass(time.Minute)
	w.refused(w.do(w.proving(w.vouched(redeem(bank, late, "redirect_uri", bankCallback)), own)), 400, "invalid_grant")
}

// TestFAPI_RefreshTokensStay is the module refresh-token.
func TestFAPI_RefreshTokensStay(t *testing.T) {
	w := newFAPIWorld(t)
	raw := w.bankTokens(w.bankCode())["refresh_token"].(string)
	for i := range 6 { // more often than one that rotates, and over more time
		w.pass(15 * 24 * time.Hour)
		if i == 5 {
			w.pass(-time.Minute)
		}
		got := w.issued(w.do(w.proving(w.vouched(refresh(bank, raw)), own)))
		if _, another := got["refresh_token"]; another || got["token_type"] != "DPoP" {
			t.Errorf("answer %v", got)
		}
	}
	w.refused(w.do(w.vouched(refresh(bank, raw))), 400, "invalid_dpop_proof")
	w.refused(w.do(w.proving(w.vouched(refresh(bank, raw)), foreign)), 400, "invalid_grant")
	w.issued(w.do(w.proving(w.vouched(refresh(bank, raw)), own))) // nothing has changed
	w.pass(time.Hour)
	w.refused(w.do(w.proving(w.vouched(refresh(bank, raw)), own)), 400, "invalid_grant") // 90 days are over

	raw = w.bankTokens(w.bankCode())["refresh_token"].(string)
	w.refused(w.do(w.proving(refresh("notes", raw), own)), 400, "invalid_grant") // another client that is known ends it
	w.refused(w.do(w.proving(w.vouched(refresh(bank, raw)), own)), 400, "invalid_grant")

	raw = w.bankTokens(w.bankCode())["refresh_token"].(string)
	revoked := w.do(w.vouched(call{path: "/oauth/v2/revoke", form: values("token", raw)}))
	if revoked.status != http.StatusOK {
		t.Errorf("revocation: %d %s", revoked.status, revoked.body)
	}
	w.refused(w.do(w.proving(w.vouched(refresh(bank, raw)), own)), 400, "invalid_grant")
}

func TestFAPI_AccessTokensAreSignedByTheProfilesAlgorithms(t *testing.T) {
	w := newFAPIWorld(t)
	w.must(w.store.PutAssignment(t.Context(), store.Assignment{SubjectID: "u-mia", APIID: "a-messages", Rights: []string{"read"}}))
	api, err := w.store.API(t.Context(), "a-messages")
	w.must(err)
	for _, row := range []struct {
		form      store.TokenForm
		alg, want string
	}{
		{store.FormRFC9068, "", "ES256"}, {store.FormAuth0, "", "ES256"}, {store.FormZITADEL, "", "ES256"}, {store.FormRFC9068, "PS256", "PS256"},
		{store.FormRFC9068, "EdDSA", "EdDSA"}, {store.FormAuth0, "RS256", ""}, {store.FormRFC9068, "ES512", ""},
	} {
		api.Form, api.SigningAlgorithm = row.form, row.alg
		w.must(w.store.PutAPI(t.Context(), api))
		c := w.proving(w.vouched(redeem(bank, w.bankCode("audience", messages), "redirect_uri", bankCallback)), own)
		if row.want == "" {
			w.refused(w.do(c), 400, "invalid_target")
			continue
		}
		_, alg, claims := w.claims(w.issued(w.do(c))["access_token"].(string))
		if aud, _ := json.Marshal(claims["aud"]); alg != row.want || strings.Trim(string(aud), "[]") != `"`+messages+`"` {
			t.Errorf("%s with %q: alg %s, aud %s", row.form, row.alg, alg, aud)
		}
	}
}

// TestFAPI_Discovery is discovery-end-point-verification.
func TestFAPI_Discovery(t *testing.T) {
	w := newFAPIWorld(t)
	m := w.object(w.do(call{method: "GET", path: "/.well-known/openid-configuration"}).body)
	for name, want := range map[string]any{
		"pushed_authorization_request_endpoint": w.issuer + "/oauth/v2/par", "require_pushed_authorization_requests": false,
		"authorization_response_iss_parameter_supported": true, "tls_client_certificate_bound_access_tokens": true,
	} {
		if m[name] != want {
			t.Errorf("%s is %v, want %v", name, m[name], want)
		}
	}
	if algs, _ := m["dpop_signing_alg_values_supported"].([]any); len(algs) == 0 {
		t.Error("no dpop_signing_alg_values_supported")
	}
}

// TestFAPI_RejectedLogin is user-rejects-authentication.
func TestFAPI_RejectedLogin(t *testing.T) {
	w := newFAPIWorld(t)
	b := w.browser()
	page := b.open(w.pushed(w.do(w.vouched(banking())), bank))
	told := b.send(page, "answer", "cancel").told()
	if told.Get("error") != "access_denied" || told.Get("state") != "s-1" || told.Get("iss") != w.issuer {
		t.Errorf("told %v", told)
	}
}

// TestJ13_AnAssertionIsNoOtherToken also has the reverse: nothing else that is signed authenticates a client.
func TestJ13_AnAssertionIsNoOtherToken(t *testing.T) {
	w := newFAPIWorld(t)
	got := w.bankTokens(w.bankCode())
	assertion := w.vouched(call{}).form.Get("client_assertion")
	for _, scheme := range []string{"Bearer", "DPoP"} {
		if a := w.do(w.proving(w.bearing(scheme, assertion), own, of(assertion))); a.status != 401 {
			t.Errorf("userinfo takes an assertion: %d", a.status)
		}
	}
	w.inactive("messages", assertion)
	w.refused(w.do(carrying(w.vouched(redeem(bank, "x")), "DPoP", assertion)), 400, "invalid_dpop_proof")
	proof := w.proof(own, "POST", "/oauth/v2/par")
	for name, raw := range map[string]string{"an ID token": got["id_token"].(string), "a proof": proof, "an access token": got["access_token"].(string)} {
		c := banking()
		c.form.Set("client_assertion", raw)
		c.form.Set("client_assertion_type", oauth.AssertionType)
		if w.refused(w.do(c), 401, "invalid_client"); t.Failed() {
			t.Fatal(name)
		}
	}
}
