package server_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

func TestClientsProveThemselves(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	const odd = "s3cr+t%2F&=:é"
	w.secret(store.ServiceUserClient, "u-robot", odd)
	w.must(w.store.PutServiceUser(ctx, store.ServiceUser{ID: "u-at", OrganizationID: "org", Username: "197@proj", Active: true, CreatedAt: start}))
	w.secret(store.ServiceUserClient, "u-at", "at-secret")
	w.must(w.store.CreateSecret(ctx, store.Secret{ID: "s-ended", Owner: store.Owner{Kind: store.ServiceUserClient, ID: "u-robot"},
		Digest: secret.Digest("ended-secret"), CreatedAt: start, ExpiresAt: start}))
	w.must(w.store.CreateSecret(ctx, store.Secret{ID: "s-ending", Owner: store.Owner{Kind: store.ServiceUserClient, ID: "u-robot"},
		Digest: secret.Digest("ending-secret"), CreatedAt: start, ExpiresAt: start.Add(time.Millisecond)}))
	w.must(w.store.PutServiceUser(ctx, store.ServiceUser{ID: "u-off", OrganizationID: "org", Username: "off", CreatedAt: start}))
	w.secret(store.ServiceUserClient, "u-off", "off-secret")

	raw := func(header ...string) http.Header { return http.Header{"Authorization": header} }
	basic := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	body := func(pairs ...string) url.Values {
		return values(append(pairs, "grant_type", clientCredentials)...)
	}
	for _, row := range []struct {
		name   string
		call   call
		status int
		code   string
	}{
		{"a secret in the header", call{header: raw(basic("robot:robot-secret"))}, 200, ""},
		{"the scheme in lower case", call{header: raw(strings.Replace(basic("robot:robot-secret"), "Basic", "basic", 1))}, 200, ""},
		{"a secret in the body", call{form: body("client_id", "robot", "client_secret", "robot-secret")}, 200, ""},
		{"the header and the same client_id in the body", call{user: "robot:robot-secret", form: body("client_id", "robot")}, 200, ""},
		{"a secret with signs, not form-encoded", call{header: raw(basic("robot:" + odd))}, 200, ""},
		{"a secret with signs, form-encoded", call{header: raw(basic("robot:" + url.QueryEscape(odd)))}, 200, ""},
		{"an id with an at sign, not form-encoded", call{header: raw(basic("197@proj:at-secret"))}, 200, ""},
		{"an id with an at sign, form-encoded", call{header: raw(basic("197%40proj:at-secret"))}, 200, ""},
		{"a secret in its last millisecond", call{header: raw(basic("robot:ending-secret"))}, 200, ""},

		{"an unknown client", call{header: raw(basic("nobody:robot-secret"))}, 401, "invalid_client"},
		{"a wrong secret", call{header: raw(basic("robot:wrong"))}, 401, "invalid_client"},
		{"the secret of another client", call{header: raw(basic("robot:plain-secret"))}, 401, "invalid_client"},
		{"the digest instead of the secret", call{header: raw(basic("robot:" + digestText("robot-secret")))}, 401, "invalid_client"},
		{"an empty secret", call{header: raw(basic("robot:"))}, 401, "invalid_client"},
		{"the id of a service user instead of its name", call{header: raw(basic("u-robot:robot-secret"))}, 401, "invalid_client"},
		{"the name in another case", call{header: raw(basic("Robot:robot-secret"))}, 401, "invalid_client"},
		{"an expired secret", call{header: raw(basic("robot:ended-secret"))}, 401, "invalid_client"},
		{"a deactivated client", call{header: raw(basic("off:off-secret"))}, 401, "invalid_client"},
		{"a secret with a zero byte behind", call{header: raw(basic("robot:robot-secret\x00"))}, 401, "invalid_client"},
		{"an id of a megabyte's kind", call{header: raw(basic(strings.Repeat("a", 5000) + ":x"))}, 401, "invalid_client"},
		{"no colon in the header", call{header: raw(basic("robot"))}, 401, "invalid_client"},
		{"a header that is not base64", call{header: raw("Basic %%%")}, 401, "invalid_client"},
		{"an empty header", call{header: raw("Basic")}, 401, "invalid_client"},
		{"another scheme", call{header: raw("Bearer robot-secret")}, 401, "invalid_client"},
		{"a client_id alone", call{form: body("client_id", "robot")}, 401, "invalid_client"},
		{"a secret without client_id", call{form: body("client_secret", "robot-secret")}, 401, "invalid_client"},

		{"S8 two Authorization headers", call{header: raw(basic("robot:robot-secret"), basic("robot:robot-secret"))}, 400, "invalid_request"},
		{"S8 another secret in the body", call{user: "robot:robot-secret", form: body("client_id", "robot", "client_secret", "plain-secret")}, 400, "invalid_request"},
		{"S8 a secret and an assertion", call{form: body("client_id", "robot", "client_secret", "robot-secret",
			"client_assertion", "x", "client_assertion_type", oauth.AssertionType)}, 400, "invalid_request"},
		{"another client_id in the body", call{user: "robot:robot-secret", form: body("client_id", "plain")}, 400, "invalid_request"},
		{"an assertion without its type", call{form: body("client_assertion", "x")}, 400, "invalid_request"},
		{"an assertion type without assertion", call{form: body("client_assertion_type", oauth.AssertionType)}, 400, "invalid_request"},
		{"an assertion of an unknown type", call{form: body("client_assertion", "x", "client_assertion_type", "saml")}, 400, "invalid_request"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			row.call.path = "/oauth/v2/token"
			if row.call.form == nil {
				row.call.form = body()
			}
			a := w.do(row.call)
			if row.code == "" {
				w.issued(a)
				return
			}
			w.refused(a, row.status, row.code)
		})
	}
}

func TestFindingS4_OneSecretInHeaderAndBodyIsOneMethod(t *testing.T) {
	w := newWorld(t)
	const odd = "s3cr+t%2F&=:é"
	w.secret(store.ServiceUserClient, "u-robot", odd)
	raw := func(text string) http.Header {
		return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(text))}}
	}
	both := func(id, secret string, more ...string) url.Values {
		return values(append(more, "client_id", id, "client_secret", secret, "grant_type", clientCredentials, "token", "x")...)
	}
	for _, row := range []struct {
		name string
		call call
		code string
	}{
		{"the same twice", call{user: "robot:robot-secret", form: both("robot", "robot-secret")}, ""},
		{"the same, form-encoded in the header", call{header: raw("robot:" + url.QueryEscape(odd)), form: both("robot", odd)}, ""},
		{"the same, not form-encoded in the header", call{header: raw("robot:" + odd), form: both("robot", odd)}, ""},
		{"client_id in the body and an empty client_secret", call{user: "robot:robot-secret", form: both("robot", "")}, ""},
		{"an empty client_id and client_secret", call{user: "robot:robot-secret", form: both("", "")}, ""},

		{"the same wrong secret twice", call{user: "robot:wrong", form: both("robot", "wrong")}, "invalid_client"},
		{"another secret in the body", call{user: "robot:robot-secret", form: both("robot", "wrong")}, "invalid_request"},
		{"another secret of the same client in the body", call{user: "robot:robot-secret", form: both("robot", odd)}, "invalid_request"},
		{"another secret in the header", call{user: "robot:wrong", form: both("robot", "robot-secret")}, "invalid_request"},
		{"another client in the body", call{user: "robot:robot-secret", form: both("plain", "plain-secret")}, "invalid_request"},
		{"the client in another case", call{user: "robot:robot-secret", form: both("Robot", "robot-secret")}, "invalid_request"},
		{"the secret with a space behind it", call{user: "robot:robot-secret", form: both("robot", "robot-secret ")}, "invalid_request"},
		{"a secret without its client in the body", call{user: "robot:robot-secret", form: both("", "robot-secret")}, "invalid_request"},
		{"an empty secret in the header", call{user: "robot:", form: both("robot", "robot-secret")}, "invalid_request"},
		{"a header of another scheme", call{header: http.Header{"Authorization": {"Bearer robot-secret"}}, form: both("robot", "robot-secret")}, "invalid_request"},
		{"two headers", call{header: http.Header{"Authorization": {raw("robot:robot-secret")["Authorization"][0], raw("robot:robot-secret")["Authorization"][0]}},
			form: both("robot", "robot-secret")}, "invalid_request"},
		{"the same twice and an assertion", call{user: "robot:robot-secret", form: both("robot", "robot-secret",
			"client_assertion", "x", "client_assertion_type", oauth.AssertionType)}, "invalid_request"},
		{"the same twice and the type of an assertion", call{user: "robot:robot-secret", form: both("robot", "robot-secret",
			"client_assertion_type", oauth.AssertionType)}, "invalid_request"},
	} {
		for _, path := range []string{oauth.TokenEndpoint.ZITADEL, oauth.TokenEndpoint.Auth0, oauth.RevocationEndpoint.ZITADEL, oauth.RevocationEndpoint.Auth0} {
			t.Run(row.name+" at "+path, func(t *testing.T) {
				w := w.at(t)
				row.call.path = path
				a := w.do(row.call)
				switch row.code {
				case "":
					if a.status != http.StatusOK {
						t.Errorf("got %d %s, want 200", a.status, a.body)
					}
				case "invalid_client":
					w.refused(a, 401, row.code)
				default:
					w.refused(a, 400, row.code)
				}
			})
		}
	}
}

func digestText(raw string) string {
	digest := secret.Digest(raw)
	return string(digest[:])
}

// TestS10_EveryFailedAuthenticationGetsTheSameAnswer compares bodies and headers byte for byte.
func TestS10_EveryFailedAuthenticationGetsTheSameAnswer(t *testing.T) {
	w := newWorld(t)
	user, err := w.store.ServiceUser(t.Context(), "u-plain")
	w.must(err)
	user.Active = false
	w.must(w.store.PutServiceUser(t.Context(), user))
	for _, path := range []string{"/oauth/v2/token", "/oauth/v2/introspect", "/oauth/v2/revoke"} {
		var first answer
		for i, credentials := range []string{"nobody:x", "robot:wrong", "plain:plain-secret", "samples@P:wrong", "no colon", "robot:"} {
			a := w.do(call{path: path, user: credentials, form: values("grant_type", clientCredentials, "token", "x")})
			w.refused(a, 401, "invalid_client")
			a.header.Del("Date")
			if i == 0 {
				first = a
			}
			if a.body != first.body || len(a.header) != len(first.header) {
				t.Errorf("%s: %q gets %s, another failure %s", path, credentials, a.body, first.body)
			}
		}
	}
}

func TestASecretIsReplacedWithoutAGap(t *testing.T) {
	w := newWorld(t)
	w.secret(store.ServiceUserClient, "u-robot", "next-secret")
	for _, raw := range []string{"robot-secret", "next-secret"} {
		w.issued(w.do(call{path: "/oauth/v2/token", user: "robot:" + raw, form: values("grant_type", clientCredentials)}))
	}
	w.must(w.store.DeleteSecret(t.Context(), "s-robot-secret"))
	a := w.do(tokenCall("robot"))
	w.refused(a, 401, "invalid_client")
}
