package examples_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/examples/auth0quickstart"
	"github.com/postern-auth/postern/examples/helloworld"
	"github.com/postern-auth/postern/examples/sampleapi"
	"github.com/postern-auth/postern/internal/jws"
)

const (
	audience = "https://api.example.com"
	client   = "http://localhost:4040"
	stranger = "https://evil.example"
)

// why is what is wrong with a token, in the words of a refusal.
type why string

const (
	noRS256    why = "no RS256 token"
	noKey      why = "no such key"
	unreadable why = "unreadable"
	expired    why = "expired"
	audienceIs why = "wrong audience"
	issuerIs   why = "wrong issuer"
	badSign    why = "wrong signature"
	noJWT      why = "no JWT"
	early      why = "not valid yet"
	tooBig     why = "too big for the server"
)

// badTokens are those that no API for JWTs may accept. The first is for an API that has seen none before:
// with keys that are seconds old, it would wait for newer ones.
func badTokens(t *testing.T, i *issuer) []struct {
	name, token string
	why         why
} {
	good := func(change claims) claims {
		return i.claims(audience, change)
	}
	rs := func(change claims) string { return sign(t, i.rs, "JWT", good(change)) }
	now := time.Now().Unix()
	return []struct {
		name, token string
		why         why
	}{
		{"key that the issuer does not have", sign(t, signer(t, jws.RS256, "stranger", rsaKey()), "JWT", good(nil)), noKey},
		{"J1 alg none without signature", forge(`{"alg":"none","kid":"rs"}`, good(nil), unsigned), noJWT},
		{"J1 alg none with a signature", forge(`{"alg":"nOnE"}`, good(nil), func(string) []byte { return []byte("x") }), noRS256},
		{"J2 HS256 with the public key as secret", forge(`{"alg":"HS256","kid":"rs"}`, good(nil), withPublicKey), noRS256},
		{"J3 RS512 of the right key", sign(t, signer(t, jws.RS512, "rs", rsaKey()), "JWT", good(nil)), noRS256},
		{"J3 ES256 of a published key", sign(t, i.ec, "JWT", good(nil)), noRS256},
		{"J4 a key brought along", forge(`{"alg":"RS256","jku":"https://evil.example/keys"}`, good(nil), func(string) []byte { return []byte("x") }), badSign},
		{"signature of another token", rs(nil)[:strings.LastIndex(rs(nil), ".")+1] + strings.Split(rs(claims{"sub": "x"}), ".")[2], badSign},
		{"J12 another issuer", rs(claims{"iss": "https://evil.example/"}), issuerIs},
		{"J12 issuer without its slash", rs(claims{"iss": i.URL}), issuerIs},
		{"no issuer", rs(claims{"iss": nil}), issuerIs},
		{"J11 another audience", rs(claims{"aud": "https://other.example.com"}), audienceIs},
		{"J11 audience that only begins right", rs(claims{"aud": audience + ".evil.example"}), audienceIs},
		{"J11 audience with a slash too many", rs(claims{"aud": []string{audience + "/"}}), audienceIs},
		{"no audience", rs(claims{"aud": nil}), audienceIs},
		{"expired", rs(claims{"exp": now - 60}), expired},
		{"J10 no exp", rs(claims{"exp": nil}), unreadable},
		{"J9 exp as text", rs(claims{"exp": "4102444800"}), unreadable},
		{"J10 not valid yet", rs(claims{"nbf": now + 600}), early},
		{"J13 ID token", rs(claims{"nonce": "n"}), unreadable},
		{"J13 logout token", sign(t, i.rs, "logout+jwt", good(nil)), unreadable},
		{"scope as a list of objects", rs(claims{"scope": []any{map[string]any{"a": 1}}}), unreadable},
		{"opaque token", "opaque-" + canary, noJWT},
		{"J7 five parts", "a.b.c.d." + canary, noJWT},
		{"J17 token beyond 16 KB", strings.Repeat("a", 17<<10), noJWT},
		{"J17 token of 60 KB", strings.Repeat("a", 60_000), tooBig},
	}
}

// tooLarge is what the HTTP server itself answers.
var tooLarge = answer{431, map[string]string{"Content-Type": "text/plain; charset=utf-8"}, "431 Request Header Fields Too Large"}

// says are a Guard's challenges for bad tokens.
var says = map[why]string{
	noRS256: saysAlgorithm, noKey: saysKey, badSign: saysSignature, unreadable: saysMalformed,
	expired: saysExpired, audienceIs: saysAudience, issuerIs: saysIssuer, noJWT: saysMalformed, early: saysEarly,
}

// shared are the CORS headers of an answer to the client's own pages.
var shared = map[string]string{"Access-Control-Allow-Origin": client, "Vary": "Origin"}

var preflightHeaders = headers(shared, map[string]string{
	"Access-Control-Allow-Headers": "authorization",
	"Access-Control-Allow-Methods": "GET",
	"Access-Control-Max-Age":       "86400",
})

func quickstart(t *testing.T, i *issuer, e env) string {
	t.Helper()
	all := env{"AUTH0_DOMAIN": strings.TrimPrefix(i.URL, "https://"), "API_IDENTIFIER": audience}
	for name, value := range e {
		all[name] = value
	}
	handler, err := auth0quickstart.Options{Options: i.options(t)}.New(all.get)
	return serve(t, handler, err)
}

func code(code, description string) string {
	return `{"code":"` + code + `","description":"` + description + `"}` + "\n"
}

func TestAuth0QuickstartRefusesBadTokens(t *testing.T) {
	i := newIssuer(t)
	base := quickstart(t, i, nil)
	words := map[why]string{
		noRS256:    code("invalid_header", "Invalid header. Use an RS256 signed JWT Access Token"),
		noJWT:      code("invalid_header", "Invalid header. Use an RS256 signed JWT Access Token"),
		noKey:      code("invalid_header", "Unable to find appropriate key"),
		badSign:    code("invalid_header", "Unable to parse authentication token."),
		unreadable: code("invalid_header", "Unable to parse authentication token."),
		early:      code("invalid_header", "Unable to parse authentication token."),
		expired:    code("token_expired", "token is expired"),
		audienceIs: code("invalid_audience", "incorrect audience, please check the audience"),
		issuerIs:   code("invalid_issuer", "incorrect issuer, please check the issuer"),
	}
	for _, bad := range badTokens(t, i) {
		want := answer{401, headers(jsonHeader, guarded, coded("invalid_token", says[bad.why])), words[bad.why]}
		if bad.why == tooBig {
			want = tooLarge
		}
		row{bad.name, "", "/api/private", bearer(bad.token), want}.run(t, base)
	}
}

func TestAuth0Quickstart(t *testing.T) {
	i := newIssuer(t)
	base := quickstart(t, i, nil)
	sharing := quickstart(t, i, env{"CLIENT_ORIGIN_URL": client})
	plain := bearer(sign(t, i.rs, "JWT", i.claims(audience, nil)))
	typed := bearer(sign(t, i.rs, "at+jwt", i.claims(audience, claims{"aud": []string{"x", audience}})))
	scoped := bearer(sign(t, i.rs, "JWT", i.claims(audience, claims{"scope": "openid read:messages"})))
	listed := bearer(sign(t, i.rs, "JWT", i.claims(audience, claims{"scope": []string{"read:messages"}})))
	similar := bearer(sign(t, i.rs, "JWT", i.claims(audience, claims{"scope": "read:messages2 Read:Messages"})))

	public := answer{200, jsonHeader, `{"message":"Hello from a public endpoint! You don't need to be authenticated to see this."}` + "\n"}
	private := answer{200, jsonHeader, `{"message":"Hello from a private endpoint! You need to be authenticated to see this."}` + "\n"}
	granted := answer{200, jsonHeader, `{"message":"Hello from a private endpoint! You need to be authenticated and have a scope of read:messages to see this."}` + "\n"}
	denied := answer{403, headers(jsonHeader, guarded, challenge(`Bearer scope="read:messages", error="insufficient_scope", error_description="`+saysRights+`"`)),
		code("Unauthorized", "You don't have access to this resource")}
	bare := headers(jsonHeader, guarded, challenge("Bearer"))
	missing := answer{401, bare, code("authorization_header_missing", "Authorization header is expected")}
	malformed := headers(jsonHeader, guarded, coded("invalid_request", saysRequest))
	notFound := answer{404, jsonHeader, `{"message":"Not Found"}` + "\n"}
	notAllowed := answer{405, headers(jsonHeader, allowed), `{"message":"Method Not Allowed"}` + "\n"}

	for _, r := range []row{
		{"no token", "", "/api/private", nil, missing},
		{"no token where a scope is needed", "", "/api/private-scoped", nil, missing},
		{"HEAD without a token", "HEAD", "/api/private", nil, answer{401, bare, ""}},
		{"empty header", "", "/api/private", authorization(""), answer{401, malformed, missing.Body}},
		{"another scheme", "", "/api/private", authorization("Basic YTpi"), answer{401, bare, code("invalid_header", "Authorization header must start with Bearer")}},
		{"G2 scheme alone", "", "/api/private", authorization("Bearer"), answer{401, malformed, code("invalid_header", "Token not found")}},
		{"G2 two tokens in the header", "", "/api/private", authorization("Bearer a b"), answer{401, malformed, code("invalid_header", "Authorization header must be Bearer token")}},
		{"G1 two headers", "", "/api/private", authorization("Bearer a", "Bearer b"), answer{401, malformed, code("invalid_header", "Authorization header must be Bearer token")}},
		{"G1 a second token in the query", "", "/api/private?access_token=b", plain, answer{401, malformed, code("invalid_header", "Authorization header must be Bearer token")}},
		{"token in the query alone", "", "/api/private?access_token=b", nil, missing},
		{"token without the scope", "", "/api/private-scoped", plain, denied},
		{"token with scopes that look alike", "", "/api/private-scoped", similar, denied},
		{"public", "", "/api/public", nil, public},
		{"public with a token that is not looked at", "", "/api/public", bearer("x"), public},
		{"HEAD public", "HEAD", "/api/public", nil, answer{200, jsonHeader, ""}},
		{"private", "", "/api/private", plain, private},
		{"private in lower case", "", "/api/private", authorization("bearer " + plain.Get("Authorization")[7:]), private},
		{"private with at+jwt and several audiences", "", "/api/private", typed, private},
		{"HEAD private", "HEAD", "/api/private", plain, answer{200, jsonHeader, ""}},
		{"private-scoped", "", "/api/private-scoped", scoped, granted},
		{"private-scoped with the scopes in a list", "", "/api/private-scoped", listed, granted},
		{"POST before any look at the token", "POST", "/api/private", bearer("x"), notAllowed},
		{"DELETE public", "DELETE", "/api/public", nil, notAllowed},
		{"unknown method", "BREW", "/api/private", nil, notAllowed},
		{"final slash", "", "/api/private/", plain, notFound},
		{"two slashes", "", "//api/private", plain, notFound},
		{"root", "", "/", nil, notFound},
		{"POST to an unknown path", "POST", "/api/other", nil, notFound},
		{"OPTIONS", "OPTIONS", "/api/private", nil, answer{200, allowed, ""}},
		{"no CORS unless configured", "OPTIONS", "/api/private", preflight(client), answer{200, allowed, ""}},
	} {
		r.run(t, base)
	}
	for _, r := range []row{
		{"preflight of the client", "OPTIONS", "/api/private", preflight(client), answer{200, headers(allowed, preflightHeaders), ""}},
		{"preflight of a stranger", "OPTIONS", "/api/private", preflight(stranger), answer{200, headers(allowed, map[string]string{"Vary": "Origin"}), ""}},
		{"preflight of a page without origin", "OPTIONS", "/api/private", preflight("null"), answer{200, headers(allowed, map[string]string{"Vary": "Origin"}), ""}},
		{"the client sees its 401", "", "/api/private", from(client, nil), answer{401, headers(missing.Header, shared), missing.Body}},
		{"the client sees its 403", "", "/api/private-scoped", from(client, plain), answer{403, headers(denied.Header, shared), denied.Body}},
		{"the client sees its 404", "", "/api/other", from(client, nil), answer{404, headers(notFound.Header, shared), notFound.Body}},
		{"the client sees its 405", "POST", "/api/private", from(client, nil), answer{405, headers(notAllowed.Header, shared), notAllowed.Body}},
		{"a stranger is shown nothing", "", "/api/private", from(stranger, plain), answer{200, headers(jsonHeader, map[string]string{"Vary": "Origin"}), private.Body}},
	} {
		r.run(t, sharing)
	}
}

func TestAuth0QuickstartInOAuthFormat(t *testing.T) {
	i := newIssuer(t)
	base := quickstart(t, i, env{"ERROR_FORMAT": "oauth"})
	body := func(code, description string) string {
		return `{"error":"` + code + `","error_description":"` + description + `"}` + "\n"
	}
	bare := headers(jsonHeader, guarded, challenge("Bearer"))
	for _, r := range []row{
		{"no token", "", "/api/private", nil, answer{401, bare, body("missing_authorization", `Missing \"Authorization\" in headers.`)}},
		{"another scheme", "", "/api/private", authorization("Basic YTpi"), answer{401, bare, body("unsupported_token_type", saysNoToken)}},
		{"scheme alone", "", "/api/private", authorization("Bearer"), answer{400, headers(jsonHeader, guarded, coded("invalid_request", saysRequest)), body("invalid_request", saysRequest)}},
		{"alg none", "", "/api/private", bearer(forge(`{"alg":"none","kid":"rs"}`, i.claims(audience, nil), unsigned)),
			answer{401, headers(jsonHeader, guarded, coded("invalid_token", saysMalformed)), body("invalid_token", saysMalformed)}},
		{"no scope", "", "/api/private-scoped", bearer(sign(t, i.rs, "JWT", i.claims(audience, nil))),
			answer{403, headers(jsonHeader, guarded, challenge(`Bearer scope="read:messages", error="insufficient_scope", error_description="`+saysRights+`"`)), body("insufficient_scope", saysRights)}},
	} {
		r.run(t, base)
	}
}

func TestAPIsForJWTsAnswerAnOutageWith503(t *testing.T) {
	i := newIssuer(t)
	host := unreachable(t)
	token := sign(t, i.rs, "JWT", i.claims(audience, claims{"iss": "https://" + host + "/"}))
	variables := env{"AUTH0_DOMAIN": host, "API_IDENTIFIER": audience, "AUTH0_AUDIENCE": audience, "CLIENT_ORIGIN_URL": client}
	oauth := env{"ERROR_FORMAT": "oauth", "AUTH0_DOMAIN": host, "API_IDENTIFIER": audience}

	handler, err := auth0quickstart.Options{Options: i.options(t)}.New(variables.get)
	row{"auth0-quickstart", "", "/api/private", from(client, bearer(token)),
		answer{503, headers(jsonHeader, guarded, retry, shared), code("temporarily_unavailable", saysLater)}}.run(t, serve(t, handler, err))

	handler, err = auth0quickstart.Options{Options: i.options(t)}.New(oauth.get)
	row{"auth0-quickstart in OAuth's format", "", "/api/private-scoped", bearer(token),
		answer{503, headers(jsonHeader, guarded, retry), `{"error":"temporarily_unavailable","error_description":"` + saysLater + `"}` + "\n"}}.run(t, serve(t, handler, err))

	handler, err = helloworld.Options{Options: i.options(t)}.New(variables.get)
	base := serve(t, handler, err)
	row{"hello-world", "", "/api/messages/protected", from(client, bearer(token)), answer{503, headers(secured, retry, shared),
		`{"error":"signing_key_unavailable","error_description":"` + saysLater + `","message":"Unable to verify credentials"}` + "\n"}}.run(t, base)
	row{"public routes go on", "", "/api/messages/public", nil,
		answer{200, headers(secured, shared), `{"text":"This is a public message."}` + "\n"}}.run(t, base)
}

// secured are the headers of every answer of hello-world.
var secured = map[string]string{
	"Content-Type":              "application/json; charset=utf-8",
	"Content-Security-Policy":   "default-src 'self'; frame-ancestors 'none'",
	"X-Frame-Options":           "DENY",
	"X-Content-Type-Options":    "nosniff",
	"Referrer-Policy":           "no-referrer",
	"X-Xss-Protection":          "0",
	"Cache-Control":             "no-store, max-age=0, must-revalidate",
	"Pragma":                    "no-cache",
	"Expires":                   "0",
	"Strict-Transport-Security": "max-age=31536000; includeSubDomains",
}

func hello(t *testing.T, i *issuer, change func(*sampleapi.Options)) string {
	t.Helper()
	e := env{"AUTH0_DOMAIN": strings.TrimPrefix(i.URL, "https://"), "AUTH0_AUDIENCE": audience, "CLIENT_ORIGIN_URL": client}
	options := i.options(t)
	if change != nil {
		change(&options)
	}
	handler, err := helloworld.Options{Options: options}.New(e.get)
	return serve(t, handler, err)
}

func TestHelloWorldRefusesBadTokens(t *testing.T) {
	i := newIssuer(t)
	base := hello(t, i, nil)
	for _, bad := range badTokens(t, i) {
		want := answer{401, headers(secured, shared, coded("invalid_token", says[bad.why])),
			`{"error":"invalid_token","error_description":"` + says[bad.why] + `","message":"Bad credentials"}` + "\n"}
		if bad.why == tooBig {
			want = tooLarge
		}
		row{bad.name, "", "/api/messages/protected", bearer(bad.token), want}.run(t, base)
	}
}

func TestHelloWorld(t *testing.T) {
	i := newIssuer(t)
	base := hello(t, i, nil)
	with := func(permissions any) http.Header {
		return bearer(sign(t, i.rs, "JWT", i.claims(audience, claims{"permissions": permissions})))
	}
	plain, admin := with(nil), with([]string{"read:admin-messages"})

	answers := headers(secured, shared)
	message := func(text string) answer { return answer{200, answers, `{"text":"` + text + `"}` + "\n"} }
	bare := headers(answers, challenge("Bearer"))
	missing := answer{401, bare, `{"message":"Requires authentication"}` + "\n"}
	format := `{"error":"invalid_request","error_description":"Authorization header value must follow this format: Bearer access-token","message":"Requires authentication"}` + "\n"
	malformed := answer{400, headers(answers, coded("invalid_request", saysRequest)), format}
	denied := answer{403, headers(answers, coded("insufficient_scope", saysRights)), `{"message":"Permission denied"}` + "\n"}
	notFound := answer{404, answers, `{"message":"Not Found"}` + "\n"}
	notAllowed := answer{405, headers(answers, allowed), `{"message":"Method Not Allowed"}` + "\n"}
	alone := map[string]string{"Vary": "Origin"}

	for _, r := range []row{
		{"no token", "", "/api/messages/protected", nil, missing},
		{"no token for the admin's route", "", "/api/messages/admin", nil, missing},
		{"HEAD without a token", "HEAD", "/api/messages/protected", nil, answer{401, bare, ""}},
		{"another scheme", "", "/api/messages/protected", authorization("Basic YTpi"), missing},
		{"one word", "", "/api/messages/protected", authorization("token"), answer{400, bare, format}},
		{"G2 scheme alone", "", "/api/messages/protected", authorization("Bearer"), malformed},
		{"G2 two tokens in the header", "", "/api/messages/protected", authorization("Bearer a b"), malformed},
		{"G1 two headers", "", "/api/messages/protected", authorization("Bearer a", "Bearer b"), malformed},
		{"G1 a second token in the query", "", "/api/messages/protected?access_token=b", plain, malformed},
		{"admin without permissions", "", "/api/messages/admin", plain, denied},
		{"admin with another permission", "", "/api/messages/admin", with([]string{"read:admin-messages-2", "READ:ADMIN-MESSAGES"}), denied},
		{"admin with permissions that are objects", "", "/api/messages/admin", with([]any{map[string]any{"name": "read:admin-messages"}}), denied},
		{"admin with a number for permissions", "", "/api/messages/admin", with(1), denied},
		{"admin with the permission as a scope", "", "/api/messages/admin",
			bearer(sign(t, i.rs, "JWT", i.claims(audience, claims{"scope": "read:admin-messages"}))), denied},
		{"public", "", "/api/messages/public", nil, message("This is a public message.")},
		{"HEAD public", "HEAD", "/api/messages/public", nil, answer{200, answers, ""}},
		{"protected", "", "/api/messages/protected", plain, message("This is a protected message.")},
		{"admin", "", "/api/messages/admin", admin, message("This is an admin message.")},
		{"protected for the client", "", "/api/messages/protected", from(client, plain), message("This is a protected message.")},
		{"protected for a stranger", "", "/api/messages/protected", from(stranger, plain),
			answer{200, headers(secured, alone), `{"text":"This is a protected message."}` + "\n"}},
		{"refused to a stranger", "", "/api/messages/protected", from(stranger, nil), answer{401, headers(secured, alone, challenge("Bearer")), missing.Body}},
		{"POST before any look at the token", "POST", "/api/messages/protected", bearer("x"), notAllowed},
		{"PUT public", "PUT", "/api/messages/public", nil, notAllowed},
		{"final slash", "", "/api/messages/protected/", plain, notFound},
		{"path that could be cleaned", "", "/api//messages/../messages/protected", plain, notFound},
		{"slash in another spelling", "", "/api/messages%2Fprotected", plain, notFound},
		{"unknown path below /api/", "", "/api/other", from(client, nil), notFound},
		{"unknown path elsewhere", "", "/other", from(client, nil), answer{404, secured, notFound.Body}},
		{"root", "", "/", nil, answer{404, secured, notFound.Body}},
		{"OPTIONS", "OPTIONS", "/api/messages/admin", nil, answer{200, headers(answers, allowed), ""}},
		{"preflight of the client", "OPTIONS", "/api/messages/protected", preflight(client), answer{200, headers(secured, allowed, preflightHeaders), ""}},
		{"preflight of a stranger", "OPTIONS", "/api/messages/protected", preflight(stranger), answer{200, headers(secured, allowed, alone), ""}},
	} {
		r.run(t, base)
	}
}

// The Python sample does so before it is taught permissions.
func TestHelloWorldMayTakeAnyGoodTokenForItsAdminRoute(t *testing.T) {
	i := newIssuer(t)
	e := env{"AUTH0_DOMAIN": strings.TrimPrefix(i.URL, "https://"), "AUTH0_AUDIENCE": audience, "CLIENT_ORIGIN_URL": client}
	handler, err := helloworld.Options{Options: i.options(t), InsecureAnyTokenIsAdmin: true}.New(e.get)
	base := serve(t, handler, err)
	good := bearer(sign(t, i.rs, "JWT", i.claims(audience, nil)))
	row{"any good token", "", "/api/messages/admin", good, answer{200, headers(secured, shared), `{"text":"This is an admin message."}` + "\n"}}.run(t, base)
	row{"no token", "", "/api/messages/admin", nil,
		answer{401, headers(secured, shared, challenge("Bearer")), `{"message":"Requires authentication"}` + "\n"}}.run(t, base)
}

func TestInsecureExplainSaysWhatTheOperatorNeeds(t *testing.T) {
	i := newIssuer(t)
	base := hello(t, i, func(o *sampleapi.Options) { o.InsecureExplain = true })
	got := ask(t, base, row{path: "/api/messages/protected", header: bearer(sign(t, i.rs, "JWT", i.claims("https://other.example.com", nil)))})
	if want := "{\"error\":\"invalid_token\",\"error_description\":\"The access token is for another audience.\",\"message\":\"Bad credentials\"}\n"; got.Body != want {
		t.Errorf("body is %s, want the sample's, %s", got.Body, want)
	}
	if reason := got.Header["Postern-Reason"]; reason != "audience-mismatch" {
		t.Errorf("Postern-Reason is %q", reason)
	}
	if got, want := got.Header["Postern-Explanation"], `aud is ["https://other.example.com"], expected one of ["`+audience+`"]`; !strings.Contains(got, want) {
		t.Errorf("Postern-Explanation is %q, want %q in it", got, want)
	}
}
