package server_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The modules fapi2-security-profile-final-… are in the tests TestFAPI_…, beside what they are about.

// TestFAPI_ScopesInAnyOrder is ensure-other-scope-order-succeeds.
func TestFAPI_ScopesInAnyOrder(t *testing.T) {
	w := newFAPIWorld(t)
	c := banking()
	c.form.Set("scope", "offline_access openid")
	b := w.browser()
	page := b.open(w.pushed(w.do(w.vouched(c)), bank))
	got := w.bankTokens(b.code(b.send(page, "identifier", "mia", "password", miaPassword, "answer", "login"), bankCallback))
	if diff := cmp.Diff([]any{"openid offline_access", true, true}, []any{got["scope"], got["refresh_token"] != nil, got["id_token"] != nil}); diff != "" {
		t.Errorf("scope, refresh token, ID token (-want +got):\n%s", diff)
	}
}

// TestFAPI_UnregisteredRedirectURI is ensure-registered-redirect-uri: what is pushed is checked where it is pushed, and
// no page is reached with it.
func TestFAPI_UnregisteredRedirectURI(t *testing.T) {
	w := newFAPIWorld(t)
	for _, uri := range []string{bankCallback + "/other", bankCallback + "?x=1", "https://evil.example/", ""} {
		c := banking()
		c.form.Set("redirect_uri", uri)
		w.refused(w.do(w.vouched(c)), 400, "invalid_request")
	}
}

// TestFAPI_ClaimsAreNotSupported is test-claims-parameter-identity-claims and test-essential-acr-sca-claim, which the
// suite skips where the metadata says so.
func TestFAPI_ClaimsAreNotSupported(t *testing.T) {
	w := newFAPIWorld(t)
	m := w.object(w.do(call{method: "GET", path: "/.well-known/openid-configuration"}).body)
	if m["claims_parameter_supported"] != false {
		t.Errorf("claims_parameter_supported is %v", m["claims_parameter_supported"])
	}
	got := w.bankTokens(w.bankCode("claims", `{"id_token":{"acr":{"essential":true,"values":["urn:openbanking:psd2:sca"]}}}`))
	if _, _, claims := w.claims(got["id_token"].(string)); claims["acr"] == "urn:openbanking:psd2:sca" {
		t.Error("the ID token claims what was not done")
	}
}
