package server_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// TestS16_NoSecretIsLoggedOrEchoed plants marked secrets wherever a request can hold one, and looks for
// them in everything that the server writes but the tokens it issues.
func TestS16_NoSecretIsLoggedOrEchoed(t *testing.T) {
	w := newAssertionWorld(t)
	const mark = "CANARY"
	canary := func(where string) string { return mark + "-" + where + "-" + secret.New() }
	w.secret(store.ServiceUserClient, "u-robot", "CANARY-good-secret")
	w.secret(store.APIClient, "a-samples", "CANARY-api-secret")

	var planted []string
	var bodies strings.Builder
	try := func(c call) {
		a := w.do(c)
		bodies.WriteString(a.body)
		for name, values := range a.header {
			bodies.WriteString(name + ": " + strings.Join(values, ",") + "\n")
		}
	}
	plant := func(where string) string {
		raw := canary(where)
		planted = append(planted, raw)
		return raw
	}
	for _, path := range []string{"/oauth/v2/token", "/oauth/token", "/oauth/v2/introspect", "/oauth/v2/revoke", "/oauth/v2/device_authorization"} {
		for _, name := range []string{"client_secret", "client_assertion", "assertion", "token", "password", "code", "device_code", "subject_token", "actor_token", "refresh_token"} {
			try(call{path: path, form: values(name, plant(name), "client_id", "robot", "grant_type", clientCredentials)})
			try(call{path: path + "?" + name + "=" + plant("query"), form: values("grant_type", clientCredentials)})
			try(call{path: path, user: "robot:CANARY-good-secret", form: values(name, plant(name), "grant_type", clientCredentials)})
			try(call{path: path, user: "samples@P:CANARY-api-secret", form: values(name, plant(name))})
			try(call{path: path, body: name + "=" + plant("malformed") + "&x=%zz"})
			try(call{path: path, body: name + "=" + plant("twice") + "&" + name + "=" + plant("twice")})
		}
		try(call{path: path, user: "robot:" + plant("wrong"), form: values("token", plant("token"), "grant_type", clientCredentials)})
		try(call{path: path, user: plant("id") + ":robot", form: values("grant_type", clientCredentials, "token", "x")}) // the two mixed up
		try(call{path: path, header: http.Header{"Authorization": {"Bearer " + plant("bearer")}}, form: values("grant_type", clientCredentials)})
		try(call{path: path, header: http.Header{"Authorization": {"Basic " + plant("basic")}}, form: values("grant_type", clientCredentials)})
		try(call{path: path, header: http.Header{"Content-Type": {"application/json"}}, body: `{"client_secret":"` + plant("json") + `"`})
		assertion := w.strict(set("aud", "https://elsewhere"))
		planted = append(planted, assertion)
		try(call{path: path, form: values("grant_type", oauth.GrantJWTBearer, "assertion", assertion, "token", "x")})
		try(call{path: path, form: values("grant_type", clientCredentials, "client_assertion", assertion, "client_assertion_type", oauth.AssertionType)})
	}
	planted = append(planted, "CANARY-good-secret", "CANARY-api-secret")
	opaque, pat := w.token("robot", "scope", sampleScope), w.pat("u-robot")
	for _, raw := range []string{opaque, pat} {
		planted = append(planted, raw)
		w.introspect("samples", raw)
		w.inactive("other", raw)
		w.refused(w.revoke("plain:plain-secret", raw), 400, "unauthorized_client")
		w.done(w.revoke("robot:robot-secret", raw))
		w.inactive("samples", raw)
	}
	w.must(w.store.Close())
	try(call{path: "/oauth/v2/token", user: "robot:" + plant("outage"), form: values("grant_type", clientCredentials)})
	try(call{path: "/oauth/v2/introspect", user: "robot:" + plant("outage"), form: values("token", plant("outage"))})

	written := bodies.String() + w.logs.String()
	if strings.Count(w.logs.String(), "\n") < 100 {
		t.Fatalf("only %d lines were logged", strings.Count(w.logs.String(), "\n"))
	}
	for _, raw := range planted {
		if strings.Contains(written, raw) || strings.Contains(written, raw[:min(len(raw), 48)]) {
			t.Errorf("%.24q… is in a log or an answer", raw)
		}
	}
	if i := strings.Index(written, mark+"-"); i >= 0 {
		t.Errorf("part of a secret is written: …%.200s…", written[max(0, i-100):])
	}
}

// TestIssuingAndRevokingAtOnce has every goroutine see its own token live, end, and nobody else's end.
func TestIssuingAndRevokingAtOnce(t *testing.T) {
	w := newWorld(t)
	w.form("auditor", "a-reports", store.FormRFC9068)
	var wg sync.WaitGroup
	for i := range 16 {
		user, api, client, params := "robot", "messages", "messages@P", []string{"audience", messages}
		if i%2 == 0 {
			user, api, client, params = "auditor", "reports", "reports@Q", []string{"audience", reports}
		}
		wg.Go(func() {
			for range 10 {
				if err := w.cycle(user, client+":"+api+"-secret", params); err != "" {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// cycle issues, introspects, revokes and introspects one token, and says what was wrong.
func (w *world) cycle(user, asker string, params []string) string {
	a, err := w.send(tokenCall(user, params...))
	if err != nil || a.status != 200 {
		return "token: " + a.body
	}
	raw := strings.Split(a.body, `"`)[3]
	ask := call{path: "/oauth/v2/introspect", user: asker, form: values("token", raw)}
	if a, err = w.send(ask); err != nil || !strings.Contains(a.body, `"active":true`) {
		return "before the revocation: " + a.body
	}
	if a, err = w.send(call{path: "/oauth/v2/revoke", user: user + ":" + user + "-secret", form: values("token", raw)}); err != nil || a.status != 200 {
		return "revocation: " + a.body
	}
	if a, err = w.send(ask); err != nil || a.body != "{\"active\":false}\n" {
		return "after the revocation: " + a.body
	}
	return ""
}
