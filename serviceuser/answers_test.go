package serviceuser_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/dpop"
	"github.com/postern-auth/postern/jwt"
	"github.com/postern-auth/postern/posterntest"
	"github.com/postern-auth/postern/serviceuser"
	"golang.org/x/oauth2"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// ask gets a token from an endpoint with that one answer.
func ask(t *testing.T, status int, body string) (*oauth2.Token, error) {
	t.Helper()
	source, err := serviceuser.ClientCredentials{
		TokenURL:   tokenURL,
		Auth:       clientauth.SecretBasic("id", "secret"),
		HTTPClient: always(status, body).client(),
		Now:        func() time.Time { return start },
	}.Source()
	if err != nil {
		t.Fatal(err)
	}
	return source.Token()
}

func TestFindingT5_AnswersThatOthersTakeAreTaken(t *testing.T) {
	const hour, year, unsaid = time.Hour, 365 * 24 * time.Hour, 5 * time.Minute
	for name, test := range map[string]struct {
		status int
		body   string
		life   time.Duration
		scope  any
	}{
		"a life as text":                {200, `{"access_token":"a","token_type":"Bearer","expires_in":"3600"}`, hour, nil},
		"a life with a fraction":        {200, `{"access_token":"a","token_type":"Bearer","expires_in":3600.0}`, hour, nil},
		"a life with more than that":    {200, `{"access_token":"a","token_type":"Bearer","expires_in":"3600.9"}`, hour, nil},
		"a life with an exponent":       {200, `{"access_token":"a","token_type":"Bearer","expires_in":3.6e3}`, hour, nil},
		"a life of centuries":           {200, `{"access_token":"a","token_type":"Bearer","expires_in":9223372036854775807}`, year, nil},
		"a life of more, as text":       {200, `{"access_token":"a","token_type":"Bearer","expires_in":"1e300"}`, year, nil},
		"a life that is null":           {200, `{"access_token":"a","token_type":"Bearer","expires_in":null}`, unsaid, nil},
		"a scope that is null":          {200, `{"access_token":"a","token_type":"Bearer","expires_in":3600,"scope":null}`, hour, nil},
		"a token type that is null":     {200, `{"access_token":"a","token_type":null,"expires_in":3600}`, hour, nil},
		"no token type":                 {200, `{"access_token":"a","expires_in":3600}`, hour, nil},
		"an empty token type":           {200, `{"access_token":"a","token_type":"","expires_in":3600}`, hour, nil},
		"a small token type":            {200, `{"access_token":"a","token_type":"bearer","expires_in":3600}`, hour, nil},
		"a loud token type":             {200, `{"access_token":"a","token_type":"BEARER","expires_in":3600}`, hour, nil},
		"status 201":                    {201, `{"access_token":"a","token_type":"Bearer","expires_in":3600}`, hour, nil},
		"status 203":                    {203, `{"access_token":"a","token_type":"Bearer","expires_in":3600}`, hour, nil},
		"a list of scopes":              {200, `{"access_token":"a","token_type":"Bearer","expires_in":3600,"scope":["x","y"]}`, hour, "x y"},
		"an empty list of scopes":       {200, `{"access_token":"a","token_type":"Bearer","expires_in":3600,"scope":[]}`, hour, ""},
		"scopes of no known form":       {200, `{"access_token":"a","token_type":"Bearer","expires_in":3600,"scope":{"x":1}}`, hour, nil},
		"an error that is null":         {200, `{"access_token":"a","token_type":"Bearer","expires_in":3600,"error":null,"error_description":null}`, hour, nil},
		"an error that is empty":        {200, `{"access_token":"a","token_type":"Bearer","expires_in":3600,"error":""}`, hour, nil},
		"other members that are null":   {200, `{"access_token":"a","token_type":"Bearer","expires_in":3600,"refresh_token":null,"id_token":null}`, hour, nil},
		"a byte order mark before it":   {200, "\ufeff" + `{"access_token":"a","token_type":"Bearer","expires_in":3600}`, hour, nil},
		"members that nobody asked for": {200, `{"access_token":"a","token_type":"Bearer","expires_in":3600,"not_before":"now","ext_expires_in":-1}`, hour, nil},
	} {
		token, err := ask(t, test.status, test.body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if life := token.Expiry.Sub(start); token.AccessToken != "a" || token.TokenType != "Bearer" || life != test.life || token.Extra("scope") != test.scope {
			t.Errorf("%s: %q %q for %s, scope %v; want it for %s, scope %v", name, token.AccessToken, token.TokenType, life, token.Extra("scope"), test.life, test.scope)
		}
	}
}

func TestFindingT5_WhatIsNotATokenIsNotTaken(t *testing.T) {
	for name, body := range map[string]string{
		"no token":                    `{"token_type":"Bearer"}`,
		"a token that is null":        `{"access_token":null,"token_type":"Bearer"}`,
		"an empty token":              `{"access_token":"","token_type":"Bearer"}`,
		"a negative life":             `{"access_token":"a","expires_in":-1}`,
		"a negative life as text":     `{"access_token":"a","expires_in":"-3600"}`,
		"a life in words":             `{"access_token":"a","expires_in":"abc"}`,
		"an empty life":               `{"access_token":"a","expires_in":""}`,
		"a life with a space":         `{"access_token":"a","expires_in":" 3600"}`,
		"a life without bounds":       `{"access_token":"a","expires_in":"Inf"}`,
		"a life that is not a number": `{"access_token":"a","expires_in":"NaN"}`,
		"a hexadecimal life":          `{"access_token":"a","expires_in":"0x1p4"}`,
		"a life in a list":            `{"access_token":"a","expires_in":[3600]}`,
		"a life that is true":         `{"access_token":"a","expires_in":true}`,
		"another token type":          `{"access_token":"a","token_type":"mac"}`,
		"a token type in a list":      `{"access_token":"a","token_type":["Bearer"]}`,
		"a bound token without key":   `{"access_token":"a","token_type":"DPoP"}`,
		"two byte order marks":        "\ufeff\ufeff" + `{"access_token":"a"}`,
		"a name twice":                `{"access_token":"a","access_token":"b"}`,
		"nothing but a token's name":  `"access_token"`,
	} {
		token, err := ask(t, 200, body)
		var refusal *serviceuser.Error
		if token != nil || !errors.Is(err, serviceuser.ErrUnavailable) || errors.As(err, &refusal) {
			t.Errorf("%s: %v, %v; want ErrUnavailable", name, token, err)
		}
	}
}

func TestFindingT5_AnErrorWithStatus200IsThatError(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		code   string
		later  bool
	}{
		"a known code":            {200, `{"error":"invalid_client","error_description":"c4n4ry-secret"}`, "invalid_client", false},
		"with status 201":         {201, `{"error":"invalid_scope"}`, "invalid_scope", false},
		"beside a token":          {200, `{"access_token":"a","token_type":"Bearer","error":"access_denied"}`, "access_denied", false},
		"beside a null token":     {200, `{"access_token":null,"error":"invalid_grant"}`, "invalid_grant", false},
		"an unknown code":         {200, `{"error":"c4n4ry-secret"}`, "", false},
		"an object":               {200, `{"error":{"code":"invalid_client"}}`, "", false},
		"true":                    {200, `{"error":true}`, "", false},
		"behind a mark":           {200, "\ufeff" + `{"error":"invalid_client"}`, "invalid_client", false},
		"one that says later":     {200, `{"error":"temporarily_unavailable"}`, "temporarily_unavailable", true},
		"a mark with status 400":  {400, "\ufeff" + `{"error":"invalid_client"}`, "invalid_client", false},
		"null with status 400":    {400, `{"error":null}`, "", false},
		"a list with status 503":  {503, `{"error":["invalid_client"]}`, "", true},
		"invalid_client with 401": {401, `{"error":"invalid_client"}`, "invalid_client", false},
	} {
		token, err := ask(t, test.status, test.body)
		var refusal *serviceuser.Error
		if token != nil || !errors.As(err, &refusal) || refusal.Code != test.code || refusal.Status != test.status {
			t.Errorf("%s: %v, %v; want code %q with status %d", name, token, err, test.code, test.status)
			continue
		}
		if later := errors.Is(err, serviceuser.ErrUnavailable); later != test.later || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v; may help to try later: %t, want %t", name, err, later, test.later)
		}
	}
}

func newProver(t *testing.T) *dpop.Prover {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	prover, err := dpop.NewProver(key)
	if err != nil {
		t.Fatal(err)
	}
	return prover
}

// An authorization server that binds tokens and wants a nonce in each proof, and an API that takes them.
func TestFindingL2_ASourceGetsBoundTokensAndATransportPresentsThem(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	issuer.Clock = posterntest.NewClock(time.Now())
	binding := dpop.New(dpop.Config{RequireNonce: true})
	var tokenCalls atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tokenCalls.Add(1)
		jkt, err := binding.CheckKey(r.Context(), r, w.Header())
		w.Header().Set("Content-Type", "application/json")
		switch {
		case errors.Is(err, postern.ErrNonce):
			w.WriteHeader(400)
			fmt.Fprint(w, `{"error":"use_dpop_nonce"}`)
			return
		case err != nil || r.PostFormValue("grant_type") != "client_credentials":
			w.WriteHeader(400)
			fmt.Fprintf(w, `{"error":"invalid_dpop_proof","error_description":%q}`, fmt.Sprint(err))
			return
		}
		token := issuer.Token(posterntest.Claims{"cnf": map[string]string{"jkt": jkt}})
		json.NewEncoder(w).Encode(map[string]any{"access_token": token, "token_type": "DPoP", "expires_in": 300})
	}))
	defer server.Close()
	config := issuer.JWTConfig(issuer.Audience)
	config.Now = time.Now
	verifier, err := jwt.NewVerifier(config)
	if err != nil {
		t.Fatal(err)
	}
	guard := &postern.Guard{Verifier: verifier, Bindings: []postern.Binding{dpop.New(dpop.Config{RequireNonce: true})}}
	api := httptest.NewServer(guard.Require(postern.SenderConstrained())(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	defer api.Close()

	prover := newProver(t)
	source, err := serviceuser.ClientCredentials{
		TokenURL:   server.URL,
		Auth:       clientauth.SecretBasic("id", "secret"),
		HTTPClient: &http.Client{Transport: &dpop.Transport{Prover: prover}},
	}.Source()
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &dpop.Transport{Prover: prover, Token: source.AccessToken}}
	for range 3 {
		response, err := client.Get(api.URL + "/orders")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != 200 {
			t.Fatalf("the API answers %d %v", response.StatusCode, response.Header)
		}
	}
	if n := tokenCalls.Load(); n != 2 {
		t.Errorf("%d calls to the token endpoint, want one that learns the nonce and one that uses it", n)
	}
	token, err := source.Token()
	if err != nil || token.TokenType != "DPoP" {
		t.Errorf("%v, %v; want a token of type DPoP", token, err)
	}
}

func TestFindingL2_AServerThatDoesNotBindIsTold(t *testing.T) {
	prover := newProver(t)
	for _, test := range []struct {
		kind string
		good bool
	}{{`"DPoP"`, true}, {`"dpop"`, true}, {`"Bearer"`, false}, {`null`, false}, {`"mac"`, false}} {
		source, err := serviceuser.ClientCredentials{
			TokenURL:   tokenURL,
			Auth:       clientauth.SecretBasic("id", "secret"),
			HTTPClient: &http.Client{Transport: &dpop.Transport{Prover: prover, Base: always(200, `{"access_token":"a","token_type":`+test.kind+`}`)}},
		}.Source()
		if err != nil {
			t.Fatal(err)
		}
		if raw, err := source.AccessToken(t.Context()); (err == nil) != test.good || (raw == "a") != test.good {
			t.Errorf("token_type %s: %q, %v; want it taken %t", test.kind, raw, err, test.good)
		}
	}
}
