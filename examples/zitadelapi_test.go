package examples_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/postern-auth/postern/examples/zitadelapi"
)

// far is an exp that the tests do not live to see.
const far = "4102444800"

func zitadel(t *testing.T, i *issuer, e env, options zitadelapi.Options) string {
	t.Helper()
	all := env{"ZITADEL_DOMAIN": i.URL}
	for name, value := range e {
		all[name] = value
	}
	options.Options = i.options(t)
	handler, err := options.New(all.get)
	return serve(t, handler, err)
}

var (
	bySecret      = env{"API_CLIENT_ID": clientID, "API_CLIENT_SECRET": secret}
	byPlainSecret = env{"CLIENT_ID": clientID, "CLIENT_SECRET": secret}
)

const (
	zitadelPublic  = `{"message":"Public route - You don't need to be authenticated to see this."}` + "\n"
	zitadelPrivate = `{"message":"Private route - You need to be authenticated to see this."}` + "\n"
	zitadelScoped  = `{"message":"Private, scoped route - You need to be authenticated and have the role read:messages to see this."}` + "\n"
)

var (
	zitadelRights = answer{403, headers(jsonHeader, guarded, challenge(`Bearer scope="read:messages", error="insufficient_scope", error_description="`+saysRights+`"`)),
		code("insufficient_scope", "Token has insufficient scope. Route requires: ['read:messages']")}
	zitadelLater = answer{503, headers(jsonHeader, guarded, retry), code("temporarily_unavailable", saysLater)}
)

func refused(code_, description, says string) answer {
	return answer{401, headers(jsonHeader, guarded, coded("invalid_token", says)), code(code_, description)}
}

// active is an introspection answer with further members.
func active(members string) string {
	return `{"active":true,"exp":` + far + `,"sub":"user-1","username":"` + canary + `","email":"` + canary + `",` + members + `}`
}

func TestZitadelAPI(t *testing.T) {
	i := newIssuer(t)
	base := zitadel(t, i, env{"API_CLIENT_ID": clientID, "API_CLIENT_SECRET": secret, "PROJECT_ID": "p1"}, zitadelapi.Options{})

	const roles = `"urn:zitadel:iam:org:project:roles":`
	private := answer{200, jsonHeader, zitadelPrivate}
	scoped := answer{200, jsonHeader, zitadelScoped}
	inactive := refused("invalid_token_inactive", "Token is inactive.", saysInactive)
	malformed := refused("invalid_token", saysMalformed, saysMalformed)
	notAllowed := answer{405, headers(jsonHeader, allowed), `{"message":"Method Not Allowed"}` + "\n"}
	notFound := answer{404, jsonHeader, `{"message":"Not Found"}` + "\n"}
	bare := headers(jsonHeader, guarded, challenge("Bearer"))
	missing := answer{401, bare, `{"error":"missing_authorization","error_description":"Missing \"Authorization\" in headers."}` + "\n"}
	badRequest := answer{400, headers(jsonHeader, guarded, coded("invalid_request", saysRequest)), `{"error":"invalid_request","error_description":"` + saysRequest + `"}` + "\n"}

	for n, c := range []struct {
		name, path, introspection string
		want                      answer
	}{
		{"inactive", "/api/private", `{"active":false}`, inactive},
		{"I1 active as text", "/api/private", `{"active":"true","exp":` + far + `}`, inactive},
		{"I1 active as a number", "/api/private", `{"active":1,"exp":` + far + `}`, inactive},
		{"active absent", "/api/private", `{"exp":` + far + `}`, inactive},
		{"I1 active twice", "/api/private", `{"active":false,"active":true,"exp":` + far + `}`, zitadelLater},
		{"I1 answer in HTML", "/api/private", `<html>`, zitadelLater},
		{"I1 answer cut off", "/api/private", `{"active":true`, zitadelLater},
		{"I1 answer too long", "/api/private", active(`"x":"` + strings.Repeat("x", 70_000) + `"`), zitadelLater},
		{"server error", "/api/private", "500", zitadelLater},
		{"expired, though said to be active", "/api/private", `{"active":true,"exp":1000000000}`, refused("invalid_token_expired", "Token has expired.", saysExpired)},
		{"no exp", "/api/private", `{"active":true}`, malformed},
		{"not valid yet", "/api/private", active(`"nbf":4102444000`), refused("invalid_token", saysEarly, saysEarly)},
		{"another issuer", "/api/private", active(`"iss":"https://evil.example"`), refused("invalid_token", saysIssuer, saysIssuer)},
		{"another audience", "/api/private", active(`"aud":["p2"]`), refused("invalid_token", saysAudience, saysAudience)},
		{"refresh token", "/api/private", active(`"token_type":"refresh_token"`), malformed},
		{"scope of objects", "/api/private-scoped", active(`"scope":[{"read:messages":1}]`), malformed},
		{"no roles and no scope", "/api/private-scoped", active(`"aud":["p1"]`), zitadelRights},
		{"no role left", "/api/private-scoped", active(roles + `{}`), zitadelRights},
		{"another role", "/api/private-scoped", active(roles + `{"write:messages":{"1":"a"}}`), zitadelRights},
		{"scope that looks alike", "/api/private-scoped", active(`"scope":"read:messages2"`), zitadelRights},
		{"role of another project", "/api/private-scoped", active(`"urn:zitadel:iam:org:project:p2:roles":{"read:messages":{"1":"a"}}`), zitadelRights},
		{"private without rights", "/api/private", active(`"aud":"p1"`), private},
		{"private for the API's client id", "/api/private", active(`"aud":["` + clientID + `"]`), private},
		{"role", "/api/private-scoped", active(`"aud":["p1"],` + roles + `{"read:messages":{"1":"a"}}`), scoped},
		{"role under the project's name", "/api/private-scoped", active(`"urn:zitadel:iam:org:project:p1:roles":{"read:messages":{"1":"a"}}`), scoped},
		{"bare scope", "/api/private-scoped", active(`"scope":"openid read:messages"`), scoped},
		{"bare scope in a list", "/api/private-scoped", active(`"scope":["read:messages"]`), scoped},
		{"everything as ZITADEL writes it", "/api/private-scoped", active(`"iss":"` + i.URL + `","aud":["p1","x"],"token_type":"Bearer","client_id":"c","scope":"openid",` + roles + `{"read:messages":{"1":"a"}}`), scoped},
	} {
		token := i.opaque(fmt.Sprint(n), c.introspection)
		row{c.name, "", c.path, bearer(token), c.want}.run(t, base)
	}

	stranger := sign(t, i.rs, "JWT", i.claims("p1", claims{"iss": "https://evil.example"}))
	own := sign(t, i.rs, "JWT", i.claims("p1", claims{"iss": i.URL}))
	i.answers.Store(own, active(`"aud":["p1"]`))
	for _, r := range []row{
		{"unknown token", "", "/api/private", bearer("unknown-" + canary), inactive},
		{"JWT of another issuer", "", "/api/private", bearer(stranger), refused("invalid_token", saysUnknown, saysUnknown)},
		{"J1 unsigned JWT of this issuer", "", "/api/private", bearer(forge(`{"alg":"none"}`, i.claims("p1", claims{"iss": i.URL}), unsigned)), inactive},
		{"token beyond 16 KB", "", "/api/private", bearer(strings.Repeat("a", 17<<10)), malformed},
		{"token of 60 KB", "", "/api/private", bearer(strings.Repeat("a", 60_000)), tooLarge},
		{"JWT of this issuer", "", "/api/private", bearer(own), private},
		{"no token", "", "/api/private", nil, missing},
		{"no token where a role is needed", "", "/api/private-scoped", nil, missing},
		{"HEAD without a token", "HEAD", "/api/private", nil, answer{401, bare, ""}},
		{"another scheme", "", "/api/private", authorization("Basic YTpi"), answer{401, bare, `{"error":"unsupported_token_type","error_description":"` + saysNoToken + `"}` + "\n"}},
		{"G2 scheme alone", "", "/api/private", authorization("Bearer"), badRequest},
		{"G2 two tokens in the header", "", "/api/private", authorization("Bearer a b"), badRequest},
		{"G1 two headers", "", "/api/private", authorization("Bearer a", "Bearer b"), badRequest},
		{"G1 a second token in the query", "", "/api/private?access_token=b", bearer(own), badRequest},
		{"public", "", "/api/public", nil, answer{200, jsonHeader, zitadelPublic}},
		{"HEAD public", "HEAD", "/api/public", nil, answer{200, jsonHeader, ""}},
		{"POST before any look at the token", "POST", "/api/private", nil, notAllowed},
		{"final slash", "", "/api/private/", nil, notFound},
		{"root", "", "/", nil, notFound},
		{"OPTIONS without CORS", "OPTIONS", "/api/private", preflight(client), answer{200, allowed, ""}},
	} {
		r.run(t, base)
	}
	if i.wasAsked(stranger) {
		t.Error("the server was asked about another issuer's token")
	}
	if !i.wasAsked(own) {
		t.Error("the server was not asked about its own JWT")
	}
}

func TestZitadelAPIProvesItselfInEveryWay(t *testing.T) {
	i := newIssuer(t)
	good := row{name: "good token", path: "/api/private", header: bearer(i.opaque("good", active(`"aud":["anything"]`))), want: answer{200, jsonHeader, zitadelPrivate}}
	bad := row{name: "no right", path: "/api/private-scoped", header: good.header, want: zitadelRights}
	for _, c := range []struct {
		name string
		env  env
	}{
		{"API_CLIENT_ID and API_CLIENT_SECRET", bySecret},
		{"CLIENT_ID and CLIENT_SECRET", byPlainSecret},
		{"API_CLIENT_ID goes before CLIENT_ID", env{"API_CLIENT_ID": clientID, "API_CLIENT_SECRET": secret, "CLIENT_ID": "x", "CLIENT_SECRET": "x"}},
		{"API_PRIVATE_KEY_FILE", env{"API_PRIVATE_KEY_FILE": keyFile(t)}},
		{"API_PRIVATE_KEY_FILE goes before a secret", env{"API_PRIVATE_KEY_FILE": keyFile(t), "API_CLIENT_ID": "x", "API_CLIENT_SECRET": "x"}},
		{"ZITADEL_INTROSPECTION_URL", env{"ZITADEL_INTROSPECTION_URL": i.URL + "/oauth/v2/introspect", "CLIENT_ID": clientID, "CLIENT_SECRET": secret}},
	} {
		t.Run(c.name, func(t *testing.T) {
			base := zitadel(t, i, c.env, zitadelapi.Options{})
			good.run(t, base)
			bad.run(t, base)
		})
	}
	t.Run("a secret that the server refuses is an outage", func(t *testing.T) {
		base := zitadel(t, i, env{"CLIENT_ID": clientID, "CLIENT_SECRET": "wrong-" + canary}, zitadelapi.Options{})
		row{name: "good token", path: "/api/private", header: good.header, want: zitadelLater}.run(t, base)
	})
}

func TestZitadelAPIAnswersMissingRolesAsTold(t *testing.T) {
	i := newIssuer(t)
	token := bearer(i.opaque("plain", active(`"aud":["p1"]`)))
	want := zitadelRights
	want.Status = 401
	row{"401 as the Python samples", "", "/api/private-scoped", token, want}.run(t, zitadel(t, i, bySecret, zitadelapi.Options{MissingRoleStatus: 401}))
	row{"403 when told so", "", "/api/private-scoped", token, zitadelRights}.run(t, zitadel(t, i, bySecret, zitadelapi.Options{MissingRoleStatus: 403}))
	if _, err := (zitadelapi.Options{MissingRoleStatus: 200}).New(env{}.get); err == nil {
		t.Error("status 200 for a missing role was accepted")
	}
}

func TestZitadelAPIAcceptsFurtherIssuers(t *testing.T) {
	i := newIssuer(t)
	names := []string{"http://localhost:8080", "https://localhost:8443", "http://127.0.0.1:8080/", "https://127.0.0.1:8443/"}
	base := zitadel(t, i, bySecret, zitadelapi.Options{Issuers: names})
	private := answer{200, jsonHeader, zitadelPrivate}
	for n, name := range names {
		jwt := sign(t, i.rs, "JWT", i.claims("p1", claims{"iss": name}))
		i.answers.Store(jwt, active(`"iss":"`+name+`"`))
		row{"JWT of " + name, "", "/api/private", bearer(jwt), private}.run(t, base)
		row{"opaque token of " + name, "", "/api/private", bearer(i.opaque(fmt.Sprint("issuer", n), active(`"iss":"`+name+`"`))), private}.run(t, base)
	}
	slash := i.opaque("slash", active(`"iss":"http://localhost:8080/"`))
	row{"a slash makes another issuer", "", "/api/private", bearer(slash), refused("invalid_token", saysIssuer, saysIssuer)}.run(t, base)
}

func TestZitadelAPIAnswersAnOutageWith503(t *testing.T) {
	i := newIssuer(t)
	base := zitadel(t, i, env{"ZITADEL_DOMAIN": "https://" + unreachable(t), "CLIENT_ID": clientID, "CLIENT_SECRET": secret}, zitadelapi.Options{})
	for _, path := range []string{"/api/private", "/api/private-scoped"} {
		row{path, "", path, bearer("any-" + canary), zitadelLater}.run(t, base)
	}
	row{"public routes go on", "", "/api/public", nil, answer{200, jsonHeader, zitadelPublic}}.run(t, base)
}
