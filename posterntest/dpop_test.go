package posterntest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/dpop"
	"github.com/postern-auth/postern/posterntest"
)

func TestDPoPClientPassesWithItsOwnTokenAndFreshProofOnly(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	guard := &postern.Guard{
		Verifier: issuer.Verifier(issuer.Audience),
		Bindings: []postern.Binding{dpop.New(dpop.Config{Now: issuer.Clock.Now})},
	}
	handler := guard.Require(postern.SenderConstrained())(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {}))
	status := func(r *http.Request) int {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, r)
		return recorder.Code
	}
	client, stranger := issuer.DPoPClient(), issuer.DPoPClient()
	raw := client.Token(posterntest.Claims{"scope": "read"})
	for _, test := range []struct {
		name    string
		change  func(*http.Request)
		present *posterntest.DPoPClient
		want    int
	}{
		{"its own token and proof", func(*http.Request) {}, client, 200},
		{"another client's proof", func(*http.Request) {}, stranger, 401},
		{"the token as a bearer token", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+raw) }, client, 401},
		{"no proof", func(r *http.Request) { r.Header.Del("DPoP") }, client, 401},
		{"a proof for another path", func(r *http.Request) { r.URL.Path, r.RequestURI = "/other", "/other" }, client, 401},
		{"a proof for another method", func(r *http.Request) { r.Method = "POST" }, client, 401},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/messages?page=2", nil)
			test.present.Present(r, raw, "")
			test.change(r)
			if got := status(r); got != test.want {
				t.Errorf("status %d, want %d", got, test.want)
			}
			if got := status(r); got != 401 {
				t.Errorf("a second time: status %d, want 401", got)
			}
		})
	}
	r := httptest.NewRequest("GET", "/messages", nil)
	client.Present(r, raw, "")
	issuer.Clock.Advance(5 * time.Minute)
	if got := status(r); got != 401 {
		t.Errorf("a proof five minutes old: status %d, want 401", got)
	}
}
