package preset_test

import (
	"testing"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/jwt"
	"github.com/postern-auth/postern/posterntest"
	"github.com/postern-auth/postern/preset"
)

func TestAuth0(t *testing.T) {
	const api = "https://messages.example.com"
	p := newProvider(t, preset.Auth0("tenant.eu.auth0.com", api), jwt.RS256)
	user := claims{
		"sub": "auth0|65f0c0ffee", "aud": []string{api, p.URL + "userinfo"}, "azp": "spa1",
		"scope": "openid profile read:messages", "permissions": []string{"read:messages"},
	}
	with := func(change claims) string { return p.token(merge(user, change)) }
	es256 := posterntest.NewKey(t, jwt.ES256, "es")
	p.Publish(es256)
	p.judge(t, []verdict{
		{name: "a user's token", raw: with(nil), client: "spa1", scopes: []string{"openid", "profile", "read:messages"}},
		{name: "a machine's token", client: "m2m", scopes: []string{"read:messages"},
			raw: p.token(claims{"sub": "m2m@clients", "aud": api, "azp": "m2m", "gty": "client-credentials", "scope": "read:messages"})},
		{name: "the RFC 9068 profile", client: "m2m", scopes: []string{"read:messages"},
			raw: p.token(claims{"sub": "m2m@clients", "aud": api, "client_id": "m2m", "jti": "j", "scope": "read:messages"}, posterntest.Type("at+jwt"))},
		{name: "an ID token", want: postern.ErrMalformed,
			raw: p.token(claims{"sub": "auth0|65f0c0ffee", "aud": api, "nonce": "n", "sid": "s", "name": "Ann"})},
		{name: "an ID token, for its client", raw: p.token(claims{"sub": "auth0|65f0c0ffee", "aud": "spa1"}), want: postern.ErrAudience},
		{name: "a logout token", raw: p.token(user, posterntest.Type("logout+jwt")), want: postern.ErrMalformed},
		{name: "the issuer without its slash", raw: with(claims{"iss": "https://tenant.eu.auth0.com"}), want: postern.ErrIssuer},
		{name: "another tenant", raw: with(claims{"iss": "https://other.eu.auth0.com/"}), want: postern.ErrIssuer},
		{name: "another API", raw: with(claims{"aud": "https://other.example.com"}), want: postern.ErrAudience},
		{name: "the API with a final slash", raw: with(claims{"aud": api + "/"}), want: postern.ErrAudience},
		{name: "an algorithm that Auth0 does not sign with", raw: p.token(user, posterntest.SignedBy(es256)), want: postern.ErrSignature},
	})
	token, err := p.verifier.Verify(t.Context(), with(nil))
	if err != nil || !token.HasPermission("read:messages") {
		t.Errorf("%v; the permission is not there", err)
	}
}

func TestZITADEL(t *testing.T) {
	p := newProvider(t, preset.ZITADEL("x.zitadel.cloud", "2001"), jwt.RS256)
	grants := func(roles ...string) claims {
		set := claims{}
		for _, role := range roles {
			set[role] = claims{"1001": "acme.x.zitadel.cloud"}
		}
		return set
	}
	user := claims{
		"sub": "3001", "aud": []string{"4001@web", "2001"}, "jti": "V2_1-at_1", "client_id": "4001@web",
		"urn:zitadel:iam:org:project:2001:roles": grants("reader"),
	}
	with := func(change claims) string { return p.token(merge(user, change)) }
	p.judge(t, []verdict{
		{name: "roles in this project", raw: with(nil), client: "4001@web", roles: []string{"reader"}},
		{name: "roles in the project of the client, which is another", raw: with(claims{
			"urn:zitadel:iam:org:project:roles":      grants("admin"),
			"urn:zitadel:iam:org:project:9999:roles": grants("admin"),
		}), client: "4001@web", roles: []string{"reader"}},
		{name: "roles in other projects alone", raw: with(claims{
			"urn:zitadel:iam:org:project:2001:roles": nil,
			"urn:zitadel:iam:org:project:9999:roles": grants("admin"),
		}), client: "4001@web"},
		{name: "a project whose id begins as this one's", raw: with(claims{"urn:zitadel:iam:org:project:20010:roles": grants("admin")}), client: "4001@web", roles: []string{"reader"}},
		{name: "an ID token, whose aud has the project", raw: with(claims{"at_hash": "x", "nonce": "n", "amr": []string{"pwd"}}), want: postern.ErrMalformed},
		{name: "an ID token from a refresh", raw: with(claims{"at_hash": "x"}), want: postern.ErrMalformed},
		{name: "another project", raw: with(claims{"aud": []string{"4001@web", "2002"}}), want: postern.ErrAudience},
		{name: "another instance", raw: with(claims{"iss": "https://y.zitadel.cloud"}), want: postern.ErrIssuer},
		{name: "the issuer with a slash", raw: with(claims{"iss": "https://x.zitadel.cloud/"}), want: postern.ErrIssuer},
	})
}

func TestKeycloak(t *testing.T) {
	p := newProvider(t, preset.Keycloak("https://login.test/auth", "staff", "messages"), jwt.RS256)
	user := claims{
		"sub": "8f1c", "aud": []string{"messages", "account"}, "typ": "Bearer", "azp": "web", "sid": "s", "acr": "1", "jti": "j",
		"realm_access": claims{"roles": []string{"offline_access", "staff"}},
		"resource_access": claims{
			"messages": claims{"roles": []string{"reader"}},
			"account":  claims{"roles": []string{"manage-account"}},
			"payroll":  claims{"roles": []string{"admin"}},
		},
		"scope": "openid email", "preferred_username": "ann",
	}
	with := func(change claims) string { return p.token(merge(user, change)) }
	scopes, roles := []string{"openid", "email"}, []string{"offline_access", "staff", "reader"}
	p.judge(t, []verdict{
		{name: "roles of the realm and of this client", raw: with(nil), client: "web", scopes: scopes, roles: roles},
		{name: "nonce, which older releases put into access tokens", raw: with(claims{"nonce": "n"}), client: "web", scopes: scopes, roles: roles},
		{name: "bound by DPoP", raw: with(claims{"typ": "DPoP", "cnf": claims{"jkt": "k"}}), client: "web", scopes: scopes, roles: roles},
		{name: "roles at other clients give nothing", client: "web", scopes: scopes, roles: []string{"staff"}, raw: with(claims{
			"realm_access":    claims{"roles": []string{"staff"}},
			"resource_access": claims{"payroll": claims{"roles": []string{"admin"}}},
		})},
		{name: "an ID token", raw: with(claims{"typ": "ID", "at_hash": "x"}), want: postern.ErrMalformed},
		{name: "a refresh token", raw: with(claims{"typ": "Refresh", "aud": p.URL}), want: postern.ErrMalformed},
		{name: "a refresh token with the API in aud", raw: with(claims{"typ": "Refresh"}), want: postern.ErrMalformed},
		{name: "an offline token", raw: with(claims{"typ": "Offline"}), want: postern.ErrMalformed},
		{name: "a logout token", raw: with(claims{"typ": "Logout", "events": claims{}}), want: postern.ErrMalformed},
		{name: "no typ among the claims", raw: with(claims{"typ": nil}), want: postern.ErrMalformed},
		{name: "typ Bearer in another case", raw: with(claims{"typ": "bearer"}), want: postern.ErrMalformed},
		{name: "typ as an array", raw: with(claims{"typ": []string{"Bearer"}}), want: postern.ErrMalformed},
		{name: "typ at+jwt in the header, ID among the claims", raw: p.token(merge(user, claims{"typ": "ID"}), posterntest.Type("at+jwt")), want: postern.ErrMalformed},
		{name: "for Keycloak's account pages", raw: with(claims{"aud": "account"}), want: postern.ErrAudience},
		{name: "another realm", raw: with(claims{"iss": "https://login.test/auth/realms/customers"}), want: postern.ErrIssuer},
	})
}

func TestKeycloakClientsWithSlashAndTilde(t *testing.T) {
	p := newProvider(t, preset.Keycloak("https://login.test", "staff", "https://api.test/~v1"), jwt.RS256)
	raw := p.token(claims{"typ": "Bearer", "aud": "https://api.test/~v1", "azp": "web", "resource_access": claims{
		"https://api.test/~v1": claims{"roles": []string{"reader"}},
		"https:":               claims{"": claims{"api.test": claims{"~v1": claims{"roles": []string{"admin"}}}}},
	}})
	p.judge(t, []verdict{{name: "are one member of resource_access", raw: raw, client: "web", roles: []string{"reader"}}})
}

func TestEntraID(t *testing.T) {
	const (
		tenant = "9c3f1a52-6a0b-4b1e-9f55-0d2c6f9f0001"
		api    = "5d0e8a11-3b57-4a8f-8a7e-8c8f1f4d0002"
	)
	p := newProvider(t, preset.EntraID(tenant, api, "api://"+api), jwt.RS256)
	user := claims{
		"aud": api, "azp": "web", "azpacr": "1", "sub": "pairwise", "oid": "o", "tid": tenant, "ver": "2.0",
		"scp": "messages.read profile", "uti": "u", "rh": "r", "name": "Ann", "preferred_username": "ann@example.com",
	}
	with := func(change claims) string { return p.token(merge(user, change)) }
	p.judge(t, []verdict{
		{name: "a user's token", raw: with(nil), client: "web", scopes: []string{"messages.read", "profile"}},
		{name: "a daemon's token", client: "daemon", roles: []string{"Messages.Read.All"},
			raw: p.token(claims{"aud": api, "azp": "daemon", "azpacr": "1", "sub": "o", "oid": "o", "tid": tenant, "ver": "2.0", "roles": []string{"Messages.Read.All"}})},
		{name: "the api:// form of the audience", raw: with(claims{"aud": "api://" + api}), client: "web", scopes: []string{"messages.read", "profile"}},
		{name: "an ID token of the API's own registration", want: postern.ErrMalformed,
			raw: p.token(claims{"aud": api, "sub": "pairwise", "oid": "o", "tid": tenant, "ver": "2.0", "name": "Ann", "roles": []string{"Admin"}})},
		{name: "an ID token with nonce", raw: with(claims{"nonce": "n"}), want: postern.ErrMalformed},
		{name: "another tenant, which has the same keys", raw: with(claims{"iss": "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000003/v2.0"}), want: postern.ErrIssuer},
		{name: "a v1.0 token", raw: with(claims{"iss": "https://sts.windows.net/" + tenant + "/", "ver": "1.0", "appid": "web", "azp": nil}), want: postern.ErrIssuer},
		{name: "a token for Graph, with a nonce in the header", want: postern.ErrAudience,
			raw: p.token(merge(user, claims{"aud": "00000003-0000-0000-c000-000000000000"}), posterntest.Header("nonce", "n"))},
		{name: "an api:// audience of another API", raw: with(claims{"aud": "api://other"}), want: postern.ErrAudience},
	})
}

func TestOkta(t *testing.T) {
	p := newProvider(t, preset.Okta("example.okta.com", "default", "api://default"), jwt.RS256)
	user := claims{
		"ver": 1, "jti": "AT.x", "aud": "api://default", "cid": "0oaweb", "uid": "00u1", "sub": "ann@example.com",
		"scp": []string{"openid", "messages.read"}, "auth_time": 1,
	}
	untyped := posterntest.Type("")
	with := func(change claims) string { return p.token(merge(user, change), untyped) }
	scopes := []string{"openid", "messages.read"}
	p.judge(t, []verdict{
		{name: "a user's token", raw: with(nil), client: "0oaweb", scopes: scopes},
		{name: "groups are roles", raw: with(claims{"groups": []string{"Everyone", "editors"}}), client: "0oaweb", scopes: scopes, roles: []string{"Everyone", "editors"}},
		{name: "client_id says nothing at Okta", raw: with(claims{"client_id": "forged"}), client: "0oaweb", scopes: scopes},
		{name: "an ID token", want: postern.ErrMalformed,
			raw: p.token(claims{"ver": 1, "jti": "ID.x", "aud": "api://default", "sub": "00u1", "amr": []string{"pwd"}, "idp": "00o"}, untyped)},
		{name: "an ID token with at_hash", raw: with(claims{"at_hash": "x"}), want: postern.ErrMalformed},
		{name: "a token of the domain's own server", raw: with(claims{"iss": "https://example.okta.com"}), want: postern.ErrIssuer},
		{name: "its type", raw: p.token(user, posterntest.Type("application/okta-internal-at+jwt")), want: postern.ErrMalformed},
		{name: "another server of the domain", raw: with(claims{"iss": "https://example.okta.com/oauth2/aus1"}), want: postern.ErrIssuer},
		{name: "another audience", raw: with(claims{"aud": "api://other"}), want: postern.ErrAudience},
	})
}

func TestCognito(t *testing.T) {
	p := newProvider(t, preset.Cognito("eu-central-1_Example00", "client1", "client2"), jwt.RS256)
	user := claims{
		"sub": "3a9d", "cognito:groups": []string{"editors"}, "version": 2, "client_id": "client1", "token_use": "access",
		"scope": "aws.cognito.signin.user.admin messages/read", "auth_time": 1, "jti": "j", "origin_jti": "o", "event_id": "e", "username": "ann",
	}
	untyped := posterntest.Type("")
	with := func(change claims) string { return p.token(merge(user, change), untyped) }
	scopes := []string{"aws.cognito.signin.user.admin", "messages/read"}
	p.judge(t, []verdict{
		{name: "a user's token, without aud", raw: with(nil), client: "client1", scopes: scopes, roles: []string{"editors"}},
		{name: "of the second client", raw: with(claims{"client_id": "client2"}), client: "client2", scopes: scopes, roles: []string{"editors"}},
		{name: "of a third client", raw: with(claims{"client_id": "client3"}), want: postern.ErrAudience},
		{name: "of no client", raw: with(claims{"client_id": nil}), want: postern.ErrAudience},
		{name: "aud does not stand in for client_id", raw: with(claims{"client_id": "client3", "aud": "client1"}), want: postern.ErrAudience},
		{name: "an ID token", want: postern.ErrMalformed,
			raw: p.token(claims{"sub": "3a9d", "aud": "client1", "token_use": "id", "email": "ann@example.com"}, untyped)},
		{name: "an ID token that names the client", raw: with(claims{"token_use": "id"}), want: postern.ErrMalformed},
		{name: "no token_use", raw: with(claims{"token_use": nil}), want: postern.ErrMalformed},
		{name: "another pool", raw: with(claims{"iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Other0000"}), want: postern.ErrIssuer},
	})
	token, err := p.verifier.Verify(t.Context(), with(nil))
	if err != nil || !token.HasAudience("client1") || token.HasAudience("client2") {
		t.Errorf("%v; the audience must be the client", err)
	}
}

func TestGoogle(t *testing.T) {
	const service = "https://messages-abc-ew.a.run.app"
	p := newProvider(t, preset.Google(service), jwt.RS256)
	machine := claims{"aud": service, "azp": "1122", "sub": "1122", "email": "cron@project.iam.gserviceaccount.com", "email_verified": true}
	with := func(change claims) string { return p.token(merge(machine, change)) }
	p.judge(t, []verdict{
		{name: "a service account's token", raw: with(nil), client: "1122"},
		{name: "a person's ID token", raw: with(claims{"at_hash": "x", "hd": "example.com"}), want: postern.ErrMalformed},
		{name: "a person's ID token with nonce", raw: with(claims{"nonce": "n"}), want: postern.ErrMalformed},
		{name: "for another service", raw: with(claims{"aud": "https://other-abc-ew.a.run.app"}), want: postern.ErrAudience},
		{name: "the issuer as Google once wrote it", raw: with(claims{"iss": "accounts.google.com"}), want: postern.ErrIssuer},
		{name: "signed by the account itself", raw: with(claims{"iss": "cron@project.iam.gserviceaccount.com"}), want: postern.ErrIssuer},
	})
}

// merge returns the claims with changes.
func merge(set, changes claims) claims {
	merged := claims{}
	for _, part := range []claims{set, changes} {
		for name, value := range part {
			merged[name] = value
		}
	}
	return merged
}

func TestFindingT3_SPIFFE(t *testing.T) {
	p := newProvider(t, preset.SPIFFE("https://oidc.example.org", "messages"), jwt.ES256)
	svid := func(change claims, options ...posterntest.Option) string {
		return p.token(merge(claims{"sub": "spiffe://example.org/orders", "aud": []string{"messages"}}, change), options...)
	}
	p.judge(t, []verdict{
		{name: "typ JOSE", raw: svid(nil, posterntest.Type("JOSE"))},
		{name: "typ JWT", raw: svid(nil)},
		{name: "no typ", raw: svid(nil, posterntest.Type(""))},
		{name: "another typ", raw: svid(nil, posterntest.Type("JWE")), want: postern.ErrMalformed},
		{name: "for another workload", raw: svid(claims{"aud": "payroll"}), want: postern.ErrAudience},
		{name: "no aud", raw: svid(claims{"aud": nil}), want: postern.ErrAudience},
		{name: "no exp", raw: svid(claims{"exp": nil}), want: postern.ErrMalformed},
		{name: "no iss", raw: svid(claims{"iss": nil}), want: postern.ErrIssuer},
		{name: "another trust domain", raw: svid(claims{"iss": "https://oidc.example.com"}), want: postern.ErrIssuer},
		{name: "EdDSA, which SPIFFE does not know", raw: svid(nil, posterntest.Algorithm("EdDSA")), want: postern.ErrSignature},
	})
}
