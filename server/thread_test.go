package server_test

import (
	"net/http"
	"testing"
)

// TestTheWholeThread logs a person in, redeems the code, reads who it is, gets new tokens and logs out by the ID
// token, after which no token of the login opens anything.
func TestTheWholeThread(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	raw := b.code(b.logIn("mia", miaPassword, "scope", "openid profile email offline_access"), notesCallback)
	token := func(pairs ...string) map[string]any {
		t.Helper()
		return w.issued(w.do(call{path: "/oauth/v2/token", form: values(append([]string{"client_id", "notes"}, pairs...)...)}))
	}
	userinfo := func(access any) answer {
		t.Helper()
		return w.do(call{method: http.MethodGet, path: "/oidc/v1/userinfo", header: http.Header{"Authorization": {"Bearer " + access.(string)}}})
	}
	first := token("grant_type", "authorization_code", "code", raw, "redirect_uri", notesCallback, "code_verifier", verifier)
	if a := userinfo(first["access_token"]); a.status != 200 || w.object(a.body)["sub"] != "u-mia" || w.object(a.body)["email"] != "mia@example.com" {
		t.Errorf("%d %s", a.status, a.body)
	}
	_, alg, claims := w.claims(first["id_token"].(string))
	if alg != "RS256" || claims["nonce"] != "n-1" || claims["aud"] != "notes" || claims["sid"] == nil {
		t.Errorf("%s %v", alg, claims)
	}
	second := token("grant_type", "refresh_token", "refresh_token", first["refresh_token"].(string))
	if a := userinfo(second["access_token"]); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	s := b.open(endSession("id_token_hint", second["id_token"].(string), "post_logout_redirect_uri", bye))
	if s.status != 302 || s.header.Get("Location") != bye {
		t.Errorf("%d %v %s", s.status, s.header, s.says())
	}
	for _, answer := range []map[string]any{first, second} {
		if a := userinfo(answer["access_token"]); a.status != 401 {
			t.Errorf("after the log-out: %d %s", a.status, a.body)
		}
	}
	if a := w.do(call{path: "/oauth/v2/token", form: values("client_id", "notes", "grant_type", "refresh_token", "refresh_token", second["refresh_token"].(string))}); a.status != 400 {
		t.Errorf("after the log-out: %d %s", a.status, a.body)
	}
}
