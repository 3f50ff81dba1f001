package serviceuser_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/serviceuser"
)

func newKey(t *testing.T) (*clientauth.Key, *jws.Key) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	key, err := clientauth.NewKey("robot", "k1", text, "")
	if err != nil {
		t.Fatal(err)
	}
	public, err := jws.NewKey("k1", jws.ES256, private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return key, public
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	key, _ := newKey(t)
	basic := clientauth.SecretBasic("id", canary)
	tests := []struct {
		name   string
		source func() (*serviceuser.Source, error)
		want   string
	}{
		{"a JWT profile without key", serviceuser.JWTProfile{Issuer: issuer}.Source,
			"serviceuser: JWTProfile.Key is nil: read it with clientauth.ReadKeyFile"},
		{"a JWT profile without issuer, even with a token URL", serviceuser.JWTProfile{Key: key, TokenURL: tokenURL}.Source,
			"serviceuser: JWTProfile.Issuer is empty: the assertions need it for their aud"},
		{"an issuer that is a host alone", serviceuser.JWTProfile{Key: key, Issuer: "login.example.com"}.Source,
			`serviceuser: JWTProfile.Issuer: "login.example.com" is not an absolute URL`},
		{"an issuer over http", serviceuser.JWTProfile{Key: key, Issuer: "http://login.example.com"}.Source,
			`serviceuser: JWTProfile.Issuer: "http://login.example.com" is not https, which only loopback hosts need not be`},
		{"a token URL over http", serviceuser.JWTProfile{Key: key, Issuer: issuer, TokenURL: "http://login.example.com/token"}.Source,
			`serviceuser: JWTProfile.TokenURL: "http://login.example.com/token" is not https, which only loopback hosts need not be`},
		{"a token URL with a password in it", serviceuser.JWTProfile{Key: key, Issuer: issuer, TokenURL: "https://u:" + canary + "@h/token"}.Source,
			`serviceuser: JWTProfile.TokenURL: URL of host "h" carries user information`},
		{"client credentials without authentication", serviceuser.ClientCredentials{Issuer: issuer}.Source,
			"serviceuser: ClientCredentials.Auth is nil: set how the client proves itself"},
		{"client credentials without issuer and token URL", serviceuser.ClientCredentials{Auth: basic}.Source,
			"serviceuser: ClientCredentials.Issuer is empty, and so is TokenURL: set one"},
		{"an empty secret", serviceuser.ClientCredentials{Issuer: issuer, Auth: clientauth.SecretBasic("id", "")}.Source,
			`serviceuser: ClientCredentials.Auth cannot prove itself to issuer "https://login.example.com": clientauth: client id or secret is empty`},
		{"a key without an issuer to name in the assertion", serviceuser.ClientCredentials{TokenURL: tokenURL, Auth: clientauth.PrivateKeyJWT(key)}.Source,
			`serviceuser: ClientCredentials.Auth cannot prove itself to issuer "": clientauth: assertion without an audience`},
		{"two scopes in one string", serviceuser.ClientCredentials{Issuer: issuer, Auth: basic, Scopes: []string{"a b"}}.Source,
			`serviceuser: ClientCredentials.Scopes: "a b" is not a scope, which has no spaces, quotes or backslashes (RFC 6749 §3.3)`},
		{"a scope with a quote", serviceuser.ClientCredentials{Issuer: issuer, Auth: basic, Scopes: []string{"a\"b"}}.Source,
			`serviceuser: ClientCredentials.Scopes: "a\"b" is not a scope, which has no spaces, quotes or backslashes (RFC 6749 §3.3)`},
		{"a scope with a backslash", serviceuser.ClientCredentials{Issuer: issuer, Auth: basic, Scopes: []string{`a\b`}}.Source,
			`serviceuser: ClientCredentials.Scopes: "a\\b" is not a scope, which has no spaces, quotes or backslashes (RFC 6749 §3.3)`},
		{"an empty scope", serviceuser.ClientCredentials{Issuer: issuer, Auth: basic, Scopes: []string{""}}.Source,
			`serviceuser: ClientCredentials.Scopes: "" is not a scope, which has no spaces, quotes or backslashes (RFC 6749 §3.3)`},
		{"a resource that is not an absolute URI", serviceuser.ClientCredentials{Issuer: issuer, Auth: basic, Resources: []string{"/api"}}.Source,
			`serviceuser: ClientCredentials.Resources: "/api" is not an absolute URI without fragment`},
		{"a resource with a fragment", serviceuser.ClientCredentials{Issuer: issuer, Auth: basic, Resources: []string{"https://a/#x"}}.Source,
			`serviceuser: ClientCredentials.Resources: "https://a/#x" is not an absolute URI without fragment`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			source, err := test.source()
			if source != nil || err == nil {
				t.Fatalf("got %v, %v; want an error", source, err)
			}
			if err.Error() != test.want {
				t.Errorf("got  %s\nwant %s", err, test.want)
			}
		})
	}
}

// TestAnswersThatAreNoToken also checks of every answer that neither it nor the secret gets into the
// error, and that no redirect is followed.
func TestAnswersThatAreNoToken(t *testing.T) {
	const away = "serviceuser: no usable answer from the authorization server: "
	const bad = away + "token endpoint " + tokenURL + ": "
	tests := []struct {
		name        string
		status      int
		body        string
		want        string
		unavailable bool
	}{
		{"a refusal that repeats the secret", 401, `{"error":"invalid_client","error_description":"` + canary + `"}`,
			"serviceuser: token endpoint refused: invalid_client (status 401): check the client id and its secret or key", false},
		{"an error code that is the secret", 400, `{"error":"` + canary + `"}`,
			"serviceuser: token endpoint refused: status 400 without a known error code: check the URL", false},
		{"a refusal with two codes", 400, `{"error":"invalid_grant","error":"invalid_client"}`,
			"serviceuser: token endpoint refused: status 400 without a known error code: check the URL", false},
		{"a code that is not a string", 400, `{"error":["invalid_grant"]}`,
			"serviceuser: token endpoint refused: status 400 without a known error code: check the URL", false},
		{"an unknown scope", 400, `{"error":"invalid_scope"}`,
			"serviceuser: token endpoint refused: invalid_scope (status 400): ask for fewer scopes, or grant them at the server", false},
		{"a page that is not there", 404, "<html>" + canary,
			"serviceuser: token endpoint refused: status 404 without a known error code: check the URL", false},
		{"a refusal that says later", 400, `{"error":"temporarily_unavailable"}`,
			"serviceuser: token endpoint is out of order: temporarily_unavailable (status 400): try again later", true},
		{"too many requests", 429, "",
			"serviceuser: token endpoint is out of order: status 429 without a known error code: check the URL", true},
		{"an outage", 503, "<html>" + canary,
			"serviceuser: token endpoint is out of order: status 503 without a known error code: check the URL", true},
		{"a redirect", 307, canary,
			"serviceuser: token endpoint is out of order: status 307 without a known error code: check the URL", true},
		{"no connection", 0, "", away + "fetch: POST " + tokenURL + ": connection refused", true},
		{"an empty answer", 200, "", bad + "answer is not a JSON object", true},
		{"a page", 200, "<html>" + canary, bad + "answer is not a JSON object", true},
		{"two tokens", 200, `{"access_token":"a","access_token":"b","token_type":"Bearer"}`, bad + "answer is not a JSON object", true},
		{"text behind the object", 200, `{"access_token":"a","token_type":"Bearer"}{}`, bad + "answer is not a JSON object", true},
		{"no token", 200, `{"token_type":"Bearer"}`, bad + "answer has no access_token that a header can carry", true},
		{"a token in another spelling", 200, `{"Access_Token":"a","token_type":"Bearer"}`, bad + "answer has no access_token that a header can carry", true},
		{"a token with a line end", 200, `{"access_token":"a\r\nX: y","token_type":"Bearer"}`, bad + "answer has no access_token that a header can carry", true},
		{"a token that is a number", 200, `{"access_token":1,"token_type":"Bearer"}`, bad + "answer has no access_token that a header can carry", true},
		{"a token longer than any header", 200, `{"access_token":"` + strings.Repeat("a", 20000) + `","token_type":"Bearer"}`, bad + "answer has no access_token that a header can carry", true},
		{"an answer without end", 200, strings.Repeat(" ", 70000), away + "fetch: POST " + tokenURL + ": answer is longer than 65536 bytes", true},
		{"another token type", 200, `{"access_token":"a","token_type":"N_A"}`, bad + "token_type of the answer is neither Bearer nor DPoP, the only ones understood", true},
		{"a token type that is a number", 200, `{"access_token":"a","token_type":1}`, bad + "token_type of the answer is neither Bearer nor DPoP, the only ones understood", true},
		{"a bound token", 200, `{"access_token":"a","token_type":"DPoP"}`, bad + "token_type of the answer is DPoP: the token is bound to a key; set HTTPClient to one whose Transport is a dpop.Transport", true},
		{"a life in words", 200, `{"access_token":"a","token_type":"Bearer","expires_in":"an hour"}`, bad + "expires_in of the answer is not a positive number of seconds", true},
		{"a token that has ended", 200, `{"access_token":"a","token_type":"Bearer","expires_in":0}`, bad + "expires_in of the answer is not a positive number of seconds", true},
		{"a negative life", 200, `{"access_token":"a","token_type":"Bearer","expires_in":-1}`, bad + "expires_in of the answer is not a positive number of seconds", true},
		{"a life without bounds", 200, `{"access_token":"a","token_type":"Bearer","expires_in":1e400}`, bad + "expires_in of the answer is not a positive number of seconds", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := always(test.status, test.body)
			source, err := serviceuser.ClientCredentials{
				TokenURL: tokenURL, Auth: clientauth.SecretPost("id", canary), HTTPClient: e.client(),
			}.Source()
			if err != nil {
				t.Fatal(err)
			}
			token, err := source.Token()
			if token != nil || err == nil {
				t.Fatalf("got %v, %v; want an error", token, err)
			}
			if err.Error() != test.want {
				t.Errorf("got  %s\nwant %s", err, test.want)
			}
			if errors.Is(err, serviceuser.ErrUnavailable) != test.unavailable {
				t.Errorf("errors.Is(err, ErrUnavailable) is %t, want %t", !test.unavailable, test.unavailable)
			}
			for _, text := range []string{fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err), fmt.Sprintf("%q", err)} {
				if strings.Contains(text, canary) {
					t.Errorf("the error shows what it must not: %s", text)
				}
			}
			if e.count() != 1 {
				t.Errorf("%d calls, want 1", e.count())
			}
		})
	}
}

func TestRefusalCanBeToldFromOutage(t *testing.T) {
	source, err := serviceuser.ClientCredentials{
		TokenURL: tokenURL, Auth: clientauth.SecretBasic("id", "s"),
		HTTPClient: always(400, `{"error":"invalid_scope"}`).client(),
	}.Source()
	if err != nil {
		t.Fatal(err)
	}
	_, err = source.Token()
	var refusal *serviceuser.Error
	if !errors.As(err, &refusal) {
		t.Fatalf("got %T, want *Error", err)
	}
	if diff := cmp.Diff(serviceuser.Error{Code: "invalid_scope", Status: 400}, *refusal); diff != "" {
		t.Error(diff)
	}
}

func TestClientCredentialsRequest(t *testing.T) {
	key, public := newKey(t)
	good := `{"access_token":"at","token_type":"bearer","expires_in":60,"scope":"a"}`
	tests := []struct {
		name   string
		config serviceuser.ClientCredentials
		want   call
	}{
		{"with everything", serviceuser.ClientCredentials{
			Issuer: issuer, Auth: clientauth.SecretPost("id", "s"), Scopes: []string{"a", "b"},
			Audience: "https://api.example.com", Resources: []string{"https://a.example", "urn:b"},
		}, call{tokenURL, "", url.Values{
			"grant_type": {"client_credentials"}, "scope": {"a b"}, "client_id": {"id"}, "client_secret": {"s"},
			"audience": {"https://api.example.com"}, "resource": {"https://a.example", "urn:b"},
		}}},
		{"with a secret in the header, which is encoded as a form", serviceuser.ClientCredentials{
			Issuer: issuer, Auth: clientauth.SecretBasic("a:b", "s+ %"),
		}, call{tokenURL, "Basic YSUzQWI6cyUyQislMjU=", url.Values{"grant_type": {"client_credentials"}}}},
		{"to a token URL that was named", serviceuser.ClientCredentials{
			TokenURL: "https://other.example/token", Auth: clientauth.None("id"),
		}, call{"https://other.example/token", "", url.Values{"grant_type": {"client_credentials"}, "client_id": {"id"}}}},
		{"with an assertion", serviceuser.ClientCredentials{
			Issuer: issuer, Auth: clientauth.PrivateKeyJWT(key),
		}, call{tokenURL, "", url.Values{
			"grant_type":            {"client_credentials"},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := always(200, good)
			test.config.HTTPClient = e.client()
			source, err := test.config.Source()
			if err != nil {
				t.Fatal(err)
			}
			token, err := source.Token()
			if err != nil {
				t.Fatal(err)
			}
			if token.AccessToken != "at" || token.TokenType != "Bearer" || token.ExpiresIn != 60 || token.Extra("scope") != "a" {
				t.Errorf("got token %q of type %q for %d s and scope %v", token.AccessToken, token.TokenType, token.ExpiresIn, token.Extra("scope"))
			}
			got := e.calls[0]
			if assertion := got.Form.Get("client_assertion"); assertion != "" {
				got.Form.Del("client_assertion")
				checkAssertion(t, assertion, public, time.Now())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestJWTProfileRequest(t *testing.T) {
	key, public := newKey(t)
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	e := always(200, `{"access_token":"at","token_type":"Bearer"}`)
	source, err := serviceuser.JWTProfile{
		Issuer: issuer, Key: key, Scopes: []string{"openid", "read:messages"},
		HTTPClient: e.client(), Now: func() time.Time { return now },
	}.Source()
	if err != nil {
		t.Fatal(err)
	}
	token, err := source.Token()
	if err != nil {
		t.Fatal(err)
	}
	if want := now.Add(5 * time.Minute); !token.Expiry.Equal(want) {
		t.Errorf("a token that does not say lasts until %s, want %s", token.Expiry, want)
	}
	first := checkAssertion(t, e.calls[0].Form.Get("assertion"), public, now)
	e.calls[0].Form.Del("assertion")
	want := call{tokenURL, "", url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "scope": {"openid read:messages"},
	}}
	if diff := cmp.Diff(want, e.calls[0]); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	now = now.Add(time.Hour)
	if _, err := source.Token(); err != nil {
		t.Fatal(err)
	}
	if second := checkAssertion(t, e.calls[1].Form.Get("assertion"), public, now); first == second {
		t.Errorf("jti %q was used twice", first)
	}
}

// checkAssertion checks signature and claims, and returns the jti.
func checkAssertion(t *testing.T, assertion string, public *jws.Key, now time.Time) string {
	t.Helper()
	message, err := jws.Parse(assertion)
	if err != nil {
		t.Fatal(err)
	}
	if err := message.Verify(public); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(jws.Header{Algorithm: jws.ES256, KeyID: "k1", Type: "jwt"}, message.Header); diff != "" {
		t.Error(diff)
	}
	var set claims.Object
	if err := set.Parse(message.Payload); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name, value := range set.All() {
		got[name] = value.JSON()
	}
	id := got["jti"]
	if len(id) < 22 {
		t.Errorf("jti is %s, want 128 random bits at least", id)
	}
	want := map[string]string{
		"iss": `"robot"`, "sub": `"robot"`, "aud": `"` + issuer + `"`, "jti": id,
		"iat": fmt.Sprint(now.Unix()), "exp": fmt.Sprint(now.Add(5 * time.Minute).Unix()),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	return id
}

func TestMetadataWithoutTokenEndpointIsAnOutage(t *testing.T) {
	client := &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		return response(200, `{"issuer":"`+issuer+`"}`), nil
	})}
	source, err := serviceuser.ClientCredentials{Issuer: issuer, Auth: clientauth.None("id"), HTTPClient: client}.Source()
	if err != nil {
		t.Fatal(err)
	}
	_, err = source.TokenContext(context.Background())
	if err == nil || !strings.Contains(err.Error(), "openid-configuration: member token_endpoint is not there") || !strings.HasSuffix(err.Error(), "; set TokenURL") || !errors.Is(err, serviceuser.ErrUnavailable) {
		t.Errorf("%v; want an ErrUnavailable that says what is not there and what to set", err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
