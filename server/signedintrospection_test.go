package server_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/introspection"
)

const signedMedia = "application/token-introspection+jwt"

func asking(raw string, accept ...string) call {
	c := call{path: "/oauth/v2/introspect", user: "messages@P:messages-secret", form: values("token", raw)}
	return carrying(c, "Accept", accept...)
}

func TestSignedAnswersSayWhatOthersSay(t *testing.T) {
	w := newWorld(t)
	good := w.token("robot", "audience", messages)
	for _, raw := range []string{good, "nonsense"} {
		a := w.do(asking(raw, signedMedia))
		w.headers(a, map[string]string{"Content-Type": signedMedia, "Cache-Control": "no-store", "Pragma": "no-cache", "X-Content-Type-Options": "nosniff"})
		typ, alg, got := w.claims(a.body)
		want := map[string]any{
			"iss": w.issuer, "aud": "messages@P", "iat": float64(start.Unix()), "token_introspection": w.introspect("messages", raw),
		}
		if diff := cmp.Diff(want, got); diff != "" || typ != "token-introspection+jwt" || alg != "ES256" || a.status != 200 {
			t.Errorf("%d, typ %s, alg %s (-want +got):\n%s", a.status, typ, alg, diff)
		}
	}
}

func TestAnswersAreSignedForWhoAsksForThat(t *testing.T) {
	w := newWorld(t)
	raw := w.token("robot", "audience", messages)
	for _, row := range []struct {
		accept []string
		signed bool
	}{
		{[]string{signedMedia}, true}, {[]string{"application/json, " + signedMedia}, true}, {[]string{"text/html", signedMedia + ";q=0.5"}, true},
		{[]string{strings.ToUpper(signedMedia)}, true},
		{nil, false}, {[]string{"*/*"}, false}, {[]string{"application/*"}, false}, {[]string{"application/json"}, false}, {[]string{"application/jwt"}, false},
		{[]string{signedMedia + ";q=0"}, false}, {[]string{signedMedia + ";q=x"}, false}, {[]string{";;,,"}, false}, {[]string{signedMedia + "x"}, false},
	} {
		a := w.do(asking(raw, row.accept...))
		if signed := a.header.Get("Content-Type") == signedMedia; signed != row.signed || a.status != 200 {
			t.Errorf("%q: %d %s", row.accept, a.status, a.header.Get("Content-Type"))
		}
	}
	// What is refused is refused in JSON.
	c := asking(raw, signedMedia)
	c.user = "messages@P:no"
	w.refused(w.do(c), 401, "invalid_client")
}

// TestOurLibraryVerifiesSignedAnswers has package introspection ask, which takes no other answers then.
func TestOurLibraryVerifiesSignedAnswers(t *testing.T) {
	w := newWorld(t)
	verifier, err := introspection.NewVerifier(introspection.Config{
		Issuer: w.issuer, Auth: clientauth.SecretBasic("messages@P", "messages-secret"), Audience: messages,
		SignedAnswers: true, MaxAge: -1, Now: w.now, HTTPClient: http.DefaultClient,
	})
	w.must(err)
	raw := w.token("robot", "audience", messages, "scope", "read")
	token, err := verifier.Verify(t.Context(), raw)
	w.must(err)
	if token.Subject() != "u-robot" || !token.HasScope("read") {
		t.Errorf("token of %q", token.Subject())
	}
	w.done(w.revoke("robot:robot-secret", raw))
	w.pass(time.Minute)
	if _, err := verifier.Verify(t.Context(), raw); !errors.Is(err, postern.ErrInactive) {
		t.Errorf("after the revocation: %v", err)
	}
	// An answer is no access token.
	signed := w.do(asking(w.token("robot", "audience", messages), signedMedia)).body
	w.inactive("messages", signed)
}
