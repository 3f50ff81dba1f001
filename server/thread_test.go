package server_test

import (
	"net/http"
	"net/url"
	"testing"
)

// TestFromLoginToLogout follows one person in each dialect: login, code, tokens, userinfo, a renewal, logout, and
// what is left then.
func TestFromLoginToLogout(t *testing.T) {
	w := newLoginWorld(t)
	for _, row := range []struct{ host, token, userinfo, logout string }{
		{"", "/oauth/v2/token", "/oidc/v1/userinfo", "/oidc/v1/end_session"},
		{zitadelHost, "/oauth/v2/token", "/oidc/v1/userinfo", "/oidc/v1/end_session"},
		{auth0Host, "/oauth/token", "/userinfo", "/oidc/logout"},
	} {
		b := w.browser()
		b.host = row.host
		raw := b.code(b.logIn("mia", miaPassword, "scope", "openid profile email offline_access"), notesCallback)
		exchange := call{path: row.token, host: row.host, form: values("grant_type", "authorization_code", "client_id", "notes",
			"code", raw, "code_verifier", verifier, "redirect_uri", notesCallback)}
		got := w.issued(w.do(exchange))
		idToken, access := got["id_token"].(string), got["access_token"].(string)
		_, _, claims := w.claims(idToken)
		if claims["iss"] != b.issuer() || claims["aud"] != "notes" || claims["sub"] != "u-mia" || claims["nonce"] != "n-1" || claims["name"] != "Mia Example" {
			t.Errorf("%s: ID token %v", row.host, claims)
		}
		ask := func() answer {
			return w.do(call{method: http.MethodGet, path: row.userinfo, host: row.host, header: http.Header{"Authorization": {"Bearer " + access}}})
		}
		if a := ask(); a.status != 200 || w.object(a.body)["email"] != "mia@example.com" {
			t.Errorf("%s: userinfo %d %s", row.host, a.status, a.body)
		}
		renew := func(raw any) answer {
			return w.do(call{path: row.token, host: row.host, form: values("grant_type", "refresh_token", "client_id", "notes", "refresh_token", raw.(string))})
		}
		renewed := w.issued(renew(got["refresh_token"]))
		_, _, second := w.claims(renewed["id_token"].(string))
		if second["sid"] != claims["sid"] || second["sid"] == nil {
			t.Errorf("%s: sid %v after %v", row.host, second["sid"], claims["sid"])
		}

		left := b.open(row.logout + "?" + url.Values{
			"id_token_hint": {idToken}, "post_logout_redirect_uri": {bye}, "state": {"s-2"}}.Encode())
		if left.left == nil || left.left.String() != "https://notes.example.com/bye?state=s-2" {
			t.Errorf("%s: after the logout %v %d %s", row.host, left.left, left.status, left.title())
		}
		w.refused(renew(renewed["refresh_token"]), 400, "invalid_grant")
		if a := ask(); a.status != 401 {
			t.Errorf("%s: userinfo after the logout: %d %s", row.host, a.status, a.body)
		}
		if page := b.open(asks()); page.title() != "Log in to Notes" {
			t.Errorf("%s: after the logout comes %q", row.host, page.title())
		}
	}
}
