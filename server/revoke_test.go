package server_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

func (w *world) revoke(user, raw string, params ...string) answer {
	w.t.Helper()
	return w.do(call{path: "/oauth/v2/revoke", user: user, form: values(append(params, "token", raw)...)})
}

// done checks the empty answer of RFC 7009.
func (w *world) done(a answer) {
	w.t.Helper()
	if a.status != http.StatusOK || a.body != "" {
		w.t.Errorf("got %d %q, want 200 and an empty body", a.status, a.body)
	}
	w.headers(a, map[string]string{"Cache-Control": "no-store", "Pragma": "no-cache", "X-Content-Type-Options": "nosniff"})
}

func TestARevokedTokenIsInactiveEverywhere(t *testing.T) {
	w := newWorld(t)
	tokens := map[string]string{"opaque": w.token("robot", "audience", messages), "PAT": w.pat("u-robot")}
	w.form("robot", "a-messages", store.FormAuth0)
	tokens["Auth0's"] = w.token("robot", "audience", messages)
	w.form("robot", "a-messages", store.FormRFC9068)
	tokens["RFC 9068"] = w.token("robot", "audience", messages)
	for name, raw := range tokens {
		if got := w.introspect("messages", raw); got["active"] != true {
			t.Fatalf("%s before: %v", name, got)
		}
		w.done(w.revoke("robot:robot-secret", raw, "token_type_hint", "access_token"))
		w.inactive("messages", raw)
		w.done(w.revoke("robot:robot-secret", raw, "token_type_hint", "refresh_token"))
	}
	if got := w.introspect("messages", w.token("robot", "audience", messages)); got["active"] != true {
		t.Errorf("a new token after the revocations: %v", got)
	}
}

func TestRevocationOfWhatIsNoTokenSucceeds(t *testing.T) {
	w := newWorld(t)
	never, _ := secret.NewToken(secret.AccessToken)
	expired := w.token("robot", "scope", sampleScope)
	w.pass(13 * time.Hour)
	for _, raw := range []string{"x", "..", never, expired, "a.b.c", "x\x00"} {
		w.done(w.revoke("robot:robot-secret", raw, "token_type_hint", "unheard_of"))
	}
}

func TestRevocationRefuses(t *testing.T) {
	w := newWorld(t)
	raw := w.token("robot", "scope", sampleScope)
	w.form("robot", "a-messages", store.FormZITADEL)
	jwt := w.token("robot", "scope", sampleScope)
	pat := w.pat("u-robot")
	for _, row := range []struct {
		name, user, token string
		status            int
		code              string
	}{
		{"no client authentication", "", raw, 401, "invalid_client"},
		{"a wrong secret", "robot:wrong", raw, 401, "invalid_client"},
		{"an unknown client", "nobody:x", raw, 401, "invalid_client"},
		{"no token", "robot:robot-secret", "", 400, "invalid_request"},
		{"another service user's token", "plain:plain-secret", raw, 400, "unauthorized_client"},
		{"another service user's JWT", "plain:plain-secret", jwt, 400, "unauthorized_client"},
		{"another service user's PAT", "plain:plain-secret", pat, 400, "unauthorized_client"},
		{"a token by the API that it is for", "samples@P:samples-secret", raw, 400, "unauthorized_client"},
		{"a JWT by the API that it is for", "samples@P:samples-secret", jwt, 400, "unauthorized_client"},
		{"a PAT by an API that it serves at", "samples@P:samples-secret", pat, 400, "unauthorized_client"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			w.refused(w.revoke(row.user, row.token), row.status, row.code)
		})
	}
	for _, token := range []string{raw, jwt, pat} {
		if got := w.introspect("samples", token); got["active"] != true {
			t.Errorf("after refusals: %v", got)
		}
	}
}

func TestAuth0ClientsRevokeWithJSON(t *testing.T) {
	w := newWorld(t)
	raw := w.token("robot", "scope", sampleScope)
	w.done(w.do(call{path: "/oauth/revoke", header: http.Header{"Content-Type": {"application/json"}},
		body: `{"client_id":"robot","client_secret":"robot-secret","token":"` + raw + `","token_type_hint":"access_token"}`}))
	w.inactive("samples", raw)
}
