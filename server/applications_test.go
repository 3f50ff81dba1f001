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

// applications adds a browser application "page" and a web application "site", each with a twin that is not
// active, and a person.
func (w *world) applications() {
	w.t.Helper()
	ctx := w.t.Context()
	for _, a := range []store.Application{
		{ID: "app-page", Name: "page", ClientID: "page", Type: store.BrowserApplication, Active: true},
		{ID: "app-phone", Name: "phone", ClientID: "phone", Type: store.NativeApplication, Active: true},
		{ID: "app-site", Name: "site", ClientID: "site", Type: store.WebApplication, Active: true},
		{ID: "app-page-off", Name: "page-off", ClientID: "page-off", Type: store.BrowserApplication},
		{ID: "app-site-off", Name: "site-off", ClientID: "site-off", Type: store.WebApplication},
	} {
		a.IDTokenClaims, a.CreatedAt = store.FullClaims, start
		w.must(w.store.PutApplication(ctx, a))
	}
	w.secret(store.ApplicationClient, "app-site", "site-secret")
	w.secret(store.ApplicationClient, "app-site-off", "site-off-secret")
	w.must(w.store.PutUser(ctx, store.User{
		ID: "anna", OrganizationID: "org", Handle: store.UserHandle{1}, LoginName: "anna", Active: true, CreatedAt: start, UpdatedAt: start,
	}))
}

// personsToken is an access token about a person that a client was given.
func (w *world) personsToken(clientID string) string {
	w.t.Helper()
	raw, id := secret.NewToken(secret.AccessToken)
	w.must(w.store.CreateToken(w.t.Context(), store.Token{
		ID: id, Kind: store.AccessToken, Digest: secret.Digest(raw), SubjectID: "anna", ClientID: clientID, Issuer: w.issuer,
		Audience: []string{messages}, IssuedAt: start, ExpiresAt: start.Add(time.Hour),
	}))
	return raw
}

func basicHeader(text string) http.Header {
	return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(text))}}
}

func TestApplicationsProveThemselvesAsOtherClientsDo(t *testing.T) {
	w := newWorld(t)
	w.applications()
	w.addKey("k-site", "ec", store.Owner{Kind: store.ApplicationClient, ID: "app-site"})
	w.addKey("k-site-off", "ec", store.Owner{Kind: store.ApplicationClient, ID: "app-site-off"})
	assertion := func(kid, issuer string, more ...string) url.Values {
		return values(append(more, "grant_type", clientCredentials, "client_assertion_type", oauth.AssertionType, "client_assertion",
			w.strict(func(d *draft) { d.kid, d.claims["iss"], d.claims["sub"] = kid, issuer, issuer }))...)
	}
	body := func(pairs ...string) url.Values { return values(append(pairs, "grant_type", clientCredentials)...) }
	for _, row := range []struct {
		name   string
		call   call
		status int
		code   string
	}{
		// Who has proved itself learns that this grant is for programs.
		{"a secret in the header", call{header: basicHeader("site:site-secret"), form: body()}, 400, "unauthorized_client"},
		{"a secret in the body", call{form: body("client_id", "site", "client_secret", "site-secret")}, 400, "unauthorized_client"},
		{"an assertion", call{form: assertion("k-site", "site")}, 400, "unauthorized_client"},
		{"an assertion and its client id", call{form: assertion("k-site", "site", "client_id", "site")}, 400, "unauthorized_client"},
		{"an assertion without kid", call{form: assertion("", "site")}, 400, "unauthorized_client"},

		{"an assertion in the name of its id", call{form: assertion("k-site", "app-site")}, 401, "invalid_client"},
		{"an assertion in the name of another", call{form: assertion("k-site", "page")}, 401, "invalid_client"},
		{"an assertion of one that is not active", call{form: assertion("k-site-off", "site-off")}, 401, "invalid_client"},
		{"an assertion and another client id", call{form: assertion("k-site", "site", "client_id", "page")}, 401, "invalid_client"},
		{"a wrong secret", call{header: basicHeader("site:wrong"), form: body()}, 401, "invalid_client"},
		{"an empty secret", call{header: basicHeader("site:"), form: body()}, 401, "invalid_client"},
		{"the secret of one that is not active", call{header: basicHeader("site-off:site-off-secret"), form: body()}, 401, "invalid_client"},
		{"the id in place of the client id", call{header: basicHeader("app-site:site-secret"), form: body()}, 401, "invalid_client"},
		{"a public client where proof is needed", call{form: body("client_id", "page")}, 401, "invalid_client"},
		{"a public client with an empty password there", call{header: basicHeader("page:"), form: body()}, 401, "invalid_client"},
		{"a public client with the secret of another", call{header: basicHeader("page:site-secret"), form: body()}, 401, "invalid_client"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			row.call.path = "/oauth/v2/token"
			w.refused(w.do(row.call), row.status, row.code)
		})
	}
	t.Run("a key of an application makes no grant", func(t *testing.T) {
		w := w.at(t)
		raw := w.strict(func(d *draft) { d.kid, d.claims["iss"], d.claims["sub"] = "k-site", "app-site", "app-site" })
		w.refused(w.do(call{path: "/oauth/v2/token", form: values("grant_type", oauth.GrantJWTBearer, "assertion", raw)}), 400, "invalid_grant")
	})
	t.Run("an application introspects nothing", func(t *testing.T) {
		w := w.at(t)
		a := w.do(call{path: "/oauth/v2/introspect", header: basicHeader("site:site-secret"), form: values("token", "x")})
		w.refused(a, 400, "unauthorized_client")
	})
}

func TestAPublicClientIsKnownByItsClientIDAlone(t *testing.T) {
	w := newWorld(t)
	w.applications()
	robots := w.token("robot", "audience", messages)
	for _, row := range []struct {
		name   string
		header http.Header
		form   url.Values
		token  string
		code   string // empty: revoked
	}{
		{"the client id of a browser application", nil, values("client_id", "page"), w.personsToken("page"), ""},
		{"the client id of a native application", nil, values("client_id", "phone"), w.personsToken("phone"), ""},
		{"an empty password", basicHeader("page:"), nil, w.personsToken("page"), ""},
		{"an empty password and the client id", basicHeader("page:"), values("client_id", "page"), w.personsToken("page"), ""},
		{"an empty secret in the body", nil, values("client_id", "page", "client_secret", ""), w.personsToken("page"), ""},
		{"a secret of what keeps one", basicHeader("site:site-secret"), nil, w.personsToken("site"), ""},

		{"nothing", nil, nil, w.personsToken("page"), "invalid_client"},
		{"the token of another client", nil, values("client_id", "phone"), w.personsToken("page"), "unauthorized_client"},
		{"the client id of what keeps a secret", nil, values("client_id", "site"), w.personsToken("site"), "invalid_client"},
		{"an empty password of what keeps one", basicHeader("site:"), nil, w.personsToken("site"), "invalid_client"},
		{"the client id of a service user", nil, values("client_id", "robot"), robots, "invalid_client"},
		{"an empty password of a service user", basicHeader("robot:"), nil, robots, "invalid_client"},
		{"the client id of an API", nil, values("client_id", "samples@P"), robots, "invalid_client"},
		{"one that is not active", nil, values("client_id", "page-off"), w.personsToken("page-off"), "invalid_client"},
		{"one that keeps a secret and is not active", nil, values("client_id", "site-off"), w.personsToken("site-off"), "invalid_client"},
		{"an unknown client id", nil, values("client_id", "nobody"), w.personsToken("page"), "invalid_client"},
		{"a client id without end", nil, values("client_id", strings.Repeat("p", 300)), w.personsToken("page"), "invalid_client"},
		{"the id in place of the client id", nil, values("client_id", "app-page"), w.personsToken("page"), "invalid_client"},
		{"a password that is not there", basicHeader("page:guess"), nil, w.personsToken("page"), "invalid_client"},
		{"a secret that is not there", nil, values("client_id", "page", "client_secret", "guess"), w.personsToken("page"), "invalid_client"},
		{"a header of another scheme", http.Header{"Authorization": {"Bearer x"}}, values("client_id", "page"), w.personsToken("page"), "invalid_client"},
		{"a malformed header", http.Header{"Authorization": {"Basic %%%"}}, values("client_id", "page"), w.personsToken("page"), "invalid_client"},
		{"an assertion that is none", nil, values("client_id", "page", "client_assertion", "x", "client_assertion_type", oauth.AssertionType), w.personsToken("page"), "invalid_client"},
		{"another client id in the body", basicHeader("page:"), values("client_id", "phone"), w.personsToken("page"), "invalid_request"},
		{"two headers", http.Header{"Authorization": append(basicHeader("page:")["Authorization"], basicHeader("page:")["Authorization"]...)}, nil, w.personsToken("page"), "invalid_request"},
	} {
		for _, path := range []string{oauth.RevocationEndpoint.ZITADEL, oauth.RevocationEndpoint.Auth0} {
			t.Run(row.name+" at "+path, func(t *testing.T) {
				w := w.at(t)
				form := url.Values{"token": {row.token}}
				for name, list := range row.form {
					form[name] = list
				}
				a := w.do(call{path: path, header: row.header, form: form})
				id, _ := secret.TokenID(row.token)
				kept, err := w.store.Token(t.Context(), id)
				w.must(err)
				switch {
				case row.code == "":
					w.done(a)
				case row.code == "invalid_client":
					w.refused(a, 401, row.code)
				default:
					w.refused(a, 400, row.code)
				}
				if kept.RevokedAt.IsZero() != (row.code != "") {
					t.Errorf("revoked at %v", kept.RevokedAt)
				}
			})
		}
	}
}
