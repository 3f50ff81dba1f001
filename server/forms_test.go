package server_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store"
)

func TestTokenFormsAreThoseOfTheirDialects(t *testing.T) {
	w := newWorld(t)
	iat := float64(start.Unix())
	day, hours, hour := iat+86400, iat+43200, iat+3600
	messagesRole := map[string]any{"read:messages": map[string]any{"org": "example.com"}}
	for _, row := range []struct {
		name     string
		form     store.TokenForm
		params   []string
		typ, alg string
		want     map[string]any // beside iss, iat and jti
	}{
		{"Auth0's access token", store.FormAuth0, []string{"audience", messages, "scope", "read"}, "jwt", "RS256", map[string]any{
			"sub": "robot@clients", "azp": "robot", "aud": messages, "exp": day, "scope": "read", "gty": "client-credentials", "urn:postern:user_id": "u-robot",
		}},
		{"Auth0's access token with permissions", store.FormAuth0Permissions, []string{"audience", messages, "scope", "read"}, "jwt", "RS256", map[string]any{
			"sub": "robot@clients", "azp": "robot", "aud": messages, "exp": day, "scope": "read", "gty": "client-credentials", "urn:postern:user_id": "u-robot",
			"permissions": []any{"read", "read:messages"},
		}},
		{"RFC 9068", store.FormRFC9068, []string{"audience", messages, "scope", "read"}, "at+jwt", "ES256", map[string]any{
			"sub": "u-robot", "client_id": "robot", "aud": messages, "exp": hour, "scope": "read",
		}},
		{"RFC 9068 with permissions", store.FormRFC9068Permissions, []string{"audience", messages, "scope", "openid"}, "at+jwt", "ES256", map[string]any{
			"sub": "u-robot", "client_id": "robot", "aud": messages, "exp": hour, "scope": "openid", "permissions": []any{"read", "read:messages"},
		}},
		{"ZITADEL's JWT for a project", store.FormZITADEL, []string{"scope", sampleScope}, "jwt", "RS256", map[string]any{
			"sub": "u-robot", "client_id": "robot", "aud": []any{"P"}, "exp": hours, "nbf": iat, "scope": "openid profile email read:messages",
			"urn:zitadel:iam:org:project:roles": messagesRole, "urn:zitadel:iam:org:project:P:roles": messagesRole,
		}},
		{"ZITADEL's JWT for two projects has no general roles", store.FormZITADEL,
			[]string{"scope", "urn:zitadel:iam:org:project:id:P:aud urn:zitadel:iam:org:project:id:Q:aud read:messages"}, "jwt", "RS256", map[string]any{
				"sub": "u-robot", "client_id": "robot", "aud": []any{"P", "Q"}, "exp": hours, "nbf": iat,
				"urn:zitadel:iam:org:project:P:roles": messagesRole, "urn:zitadel:iam:org:project:Q:roles": map[string]any{},
			}},
		{"ZITADEL's JWT with roles narrowed by scope", store.FormZITADEL,
			[]string{"scope", "urn:zitadel:iam:org:project:id:P:aud urn:zitadel:iam:org:project:role:admin"}, "jwt", "RS256", map[string]any{
				"sub": "u-robot", "client_id": "robot", "aud": []any{"P"}, "exp": hours, "nbf": iat,
				"urn:zitadel:iam:org:project:roles": map[string]any{}, "urn:zitadel:iam:org:project:P:roles": map[string]any{},
			}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			w.form("robot", "a-messages", row.form)
			typ, alg, got := w.claims(w.token("robot", row.params...))
			row.want["iss"], row.want["iat"], row.want["jti"] = w.issuer, iat, got["jti"]
			if diff := cmp.Diff(row.want, got); diff != "" || typ != row.typ || alg != row.alg {
				t.Errorf("typ %s alg %s, want %s %s; claims (-want +got):\n%s", typ, alg, row.typ, row.alg, diff)
			}
			if jti, _ := got["jti"].(string); len(jti) != 32 {
				t.Errorf("jti is %q, want an id", got["jti"])
			}
		})
	}
}

// form gives a service user and an API a token form.
func (w *world) form(user, api string, form store.TokenForm) {
	w.t.Helper()
	ctx := w.t.Context()
	u, err := w.store.ServiceUserByUsername(ctx, user)
	w.must(err)
	u.Form = form
	w.must(w.store.PutServiceUser(ctx, u))
	a, err := w.store.API(ctx, api)
	w.must(err)
	a.Form = form
	w.must(w.store.PutAPI(ctx, a))
}

func TestAJWTForAProjectCarriesNoPermissionThatOneOfItsAPIsWithholds(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.must(w.store.PutAPI(ctx, store.API{ID: "a-strict", ProjectID: "P", Name: "strict", ClientID: "strict@P",
		Permissions: []store.Permission{{Key: "read"}}, Active: true, CreatedAt: start}))
	w.form("robot", "a-messages", store.FormZITADEL)
	_, _, claims := w.claims(w.token("robot", "scope", "urn:zitadel:iam:org:project:id:P:aud read read:messages"))
	if claims["scope"] != "read:messages" {
		t.Errorf("scope is %q, want no read, which the user does not hold on every API that has it", claims["scope"])
	}
}

func TestAPIsDecideOnAlgorithmAndLifetime(t *testing.T) {
	w := newWorld(t, func(c *server.Config) { c.SigningAlgorithm = "EdDSA" })
	api, err := w.store.API(t.Context(), "a-messages")
	w.must(err)
	for _, row := range []struct{ set, want string }{{"", "EdDSA"}, {"ES384", "ES384"}, {"RS256", "RS256"}} {
		api.Form, api.SigningAlgorithm, api.TokenLifetime = store.FormRFC9068, row.set, 90*time.Second
		w.must(w.store.PutAPI(t.Context(), api))
		answer := w.issued(w.do(tokenCall("robot", "audience", messages)))
		_, alg, claims := w.claims(answer["access_token"].(string))
		if alg != row.want || answer["expires_in"] != 90.0 || claims["exp"].(float64)-claims["iat"].(float64) != 90 {
			t.Errorf("algorithm %q: got %s, expires_in %v, claims %v", row.set, alg, answer["expires_in"], claims)
		}
	}
}

func TestTheShortestLifetimeCounts(t *testing.T) {
	w := newWorld(t, func(c *server.Config) { c.Lifetimes.Opaque = 2 * time.Hour })
	ctx := t.Context()
	w.must(w.store.PutAssignment(ctx, store.Assignment{SubjectID: "u-robot", APIID: "a-reports"}))
	set := func(api string, lifetime time.Duration) {
		row, err := w.store.API(ctx, api)
		w.must(err)
		row.TokenLifetime = lifetime
		w.must(w.store.PutAPI(ctx, row))
	}
	for _, row := range []struct {
		messages, reports time.Duration
		want              float64
	}{
		{0, 0, 7200},
		{time.Minute, time.Hour, 60},
		{time.Hour, time.Minute, 60},
		{0, 3 * time.Hour, 7200},
		{90 * 24 * time.Hour, 60 * 24 * time.Hour, 2592000},
	} {
		set("a-messages", row.messages)
		set("a-reports", row.reports)
		got := w.issued(w.do(tokenCall("robot", "audience", messages, "audience", reports)))
		if got["expires_in"] != row.want {
			t.Errorf("%s and %s: expires_in %v, want %v", row.messages, row.reports, got["expires_in"], row.want)
		}
	}
}

func TestAPermissionOfADeactivatedAPIIsNoneOfItsProject(t *testing.T) {
	w := newWorld(t)
	api, err := w.store.API(t.Context(), "a-messages")
	w.must(err)
	api.Active = false
	w.must(w.store.PutAPI(t.Context(), api))
	got := w.issued(w.do(tokenCall("robot", "scope", "openid urn:zitadel:iam:org:project:id:P:aud read")))
	if got["scope"] != "openid urn:zitadel:iam:org:project:id:P:aud" {
		t.Errorf("scope is %v", got["scope"])
	}
}

func TestTheIssuerIsTheOneThatTheHostNames(t *testing.T) {
	w := newWorld(t)
	w.form("robot", "a-messages", store.FormAuth0)
	for host, issuer := range map[string]string{
		"": w.issuer, zitadelHost: "https://" + zitadelHost, "AUTH0.example.com:443": auth0Issuer,
	} {
		c := tokenCall("robot", "audience", messages)
		c.path, c.host = oauth.TokenEndpoint.Auth0, host
		_, _, claims := w.claims(w.issued(w.do(c))["access_token"].(string))
		if claims["iss"] != issuer {
			t.Errorf("host %q: iss is %q, want %q", host, claims["iss"], issuer)
		}
	}
}

// TestS15_NamesCannotStandInForClaims calls things by the names of claims and by JSON.
func TestS15_NamesCannotStandInForClaims(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	const evil = `x","sub":"u-auditor","y":"`
	const evilProject = evil + "of a project"
	w.must(w.store.PutProject(ctx, store.Project{ID: evilProject, OrganizationID: "org", Name: evil, Active: true, CreatedAt: start,
		Roles: []store.Role{{Key: "exp"}, {Key: "iss"}, {Key: "sub"}}}))
	w.must(w.store.PutAPI(ctx, store.API{ID: "a-evil", ProjectID: evilProject, Name: evil, ClientID: "evil", Identifier: evil, Active: true,
		CreatedAt: start, Permissions: []store.Permission{{Key: "aud"}}}))
	w.must(w.store.PutServiceUser(ctx, store.ServiceUser{ID: "u-evil", OrganizationID: "org", Username: evil, Active: true, CreatedAt: start}))
	w.secret(store.ServiceUserClient, "u-evil", "evil-secret")
	w.must(w.store.PutAssignment(ctx, store.Assignment{SubjectID: "u-evil", ProjectID: evilProject, Rights: []string{"exp", "iss", "sub"}}))
	w.must(w.store.PutAssignment(ctx, store.Assignment{SubjectID: "u-evil", APIID: "a-evil", Rights: []string{"aud"}}))
	for _, form := range []store.TokenForm{store.FormAuth0Permissions, store.FormZITADEL, store.FormRFC9068Permissions} {
		api, err := w.store.API(ctx, "a-evil")
		w.must(err)
		api.Form = form
		w.must(w.store.PutAPI(ctx, api))
		a := w.do(call{path: "/oauth/v2/token", form: values("grant_type", clientCredentials, "client_id", evil, "client_secret", "evil-secret",
			"audience", evil, "scope", "exp iss sub aud")})
		_, _, got := w.claims(w.issued(a)["access_token"].(string))
		sub := "u-evil"
		if form == store.FormAuth0Permissions {
			sub = evil + "@clients"
		}
		if got["iss"] != w.issuer || got["sub"] != sub || got["exp"].(float64) <= float64(start.Unix()) || got["scope"] != "exp iss sub aud" {
			t.Errorf("%s: %v", form, got)
		}
	}
}
