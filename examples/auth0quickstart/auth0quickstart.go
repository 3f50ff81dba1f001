// Package auth0quickstart is an API for access tokens that are JWTs of an Auth0-style issuer: the Go
// counterpart of Auth0's Python quickstart, with its routes, variables and messages.
//
//	handler, err := auth0quickstart.New(os.Getenv)
//	if err != nil {
//		log.Fatal(err)
//	}
//	log.Fatal(http.ListenAndServe("127.0.0.1:3010", handler))
//
// GET /api/public is open, /api/private takes any good token, and /api/private-scoped one with the scope
// read:messages.
//
// Variables: AUTH0_DOMAIN is the issuer's host, with a port where it needs one, and API_IDENTIFIER the
// audience. CLIENT_ORIGIN_URL, when set, is the web origin whose pages may call the API. ERROR_FORMAT=oauth
// gives errors the members error and error_description in place of code and description. PORT is the port
// to listen on.
package auth0quickstart

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/examples/sampleapi"
	"github.com/postern-auth/postern/jwt"
)

// Options is what the program that runs the sample may add. The zero value is ready.
type Options struct{ sampleapi.Options }

// New is Options{}.New.
func New(getenv func(string) string) (http.Handler, error) { return Options{}.New(getenv) }

// Listen returns the address of the sample.
func Listen(getenv func(string) string) string { return sampleapi.Local(getenv, "3010") }

// New returns the API. The error names the variables that are missing or wrong.
func (o Options) New(getenv func(string) string) (http.Handler, error) {
	env := sampleapi.Environment{Getenv: getenv}
	issuer, audience, origin := env.Auth0Issuer("AUTH0_DOMAIN"), env.Required("API_IDENTIFIER"), env.Origin("CLIENT_ORIGIN_URL")
	if err := env.Err(); err != nil {
		return nil, fmt.Errorf("auth0-quickstart: %w", err)
	}
	var answer sampleapi.Refusal
	switch format := getenv("ERROR_FORMAT"); format {
	case "":
		answer = refusal
	case "oauth":
		answer = sampleapi.OAuth
	default:
		return nil, fmt.Errorf("auth0-quickstart: ERROR_FORMAT is %.64q, want oauth or nothing", format)
	}
	client, err := o.Client(getenv)
	if err != nil {
		return nil, fmt.Errorf("auth0-quickstart: %w", err)
	}
	verifier, err := jwt.NewVerifier(jwt.Config{
		Issuer:     issuer,
		Audience:   audience,
		Algorithms: []string{jwt.RS256},
		JWKSURL:    issuer + ".well-known/jwks.json",
		HTTPClient: client,
		Logger:     o.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("auth0-quickstart: %w", err)
	}
	guard := o.Guard(verifier, answer)
	private := guard.Require()
	readers := guard.Require(postern.Scope("read:messages"))
	mux := http.NewServeMux()
	mux.Handle("GET /api/public", sampleapi.Message(
		"Hello from a public endpoint! You don't need to be authenticated to see this."))
	mux.Handle("GET /api/private", private(sampleapi.Message(
		"Hello from a private endpoint! You need to be authenticated to see this.")))
	mux.Handle("GET /api/private-scoped", readers(sampleapi.Message(
		"Hello from a private endpoint! You need to be authenticated and have a scope of read:messages to see this.")))
	return sampleapi.API{Mux: mux, Origin: origin}, nil
}

// bodies are those of the quickstart, by the reason of the refusal.
var bodies = map[string]sampleapi.Body{
	"token-expired":       {Code: "token_expired", Description: "token is expired"},
	"audience-mismatch":   {Code: "invalid_audience", Description: "incorrect audience, please check the audience"},
	"issuer-mismatch":     {Code: "invalid_issuer", Description: "incorrect issuer, please check the issuer"},
	"rights-insufficient": {Code: "Unauthorized", Description: "You don't have access to this resource"},
}

// refusal answers as the quickstart does, where everything about the header is 401 too.
func refusal(r *http.Request, e *postern.Error) (int, sampleapi.Body) {
	if body, found := bodies[e.Reason]; found {
		return e.Status, body
	}
	header := r.Header.Get("Authorization")
	switch {
	case e.Status == http.StatusServiceUnavailable:
		return e.Status, sampleapi.Body{Code: sampleapi.TemporarilyUnavailable, Description: e.Description}
	case header == "":
		return http.StatusUnauthorized, sampleapi.Body{Code: "authorization_header_missing", Description: "Authorization header is expected"}
	}
	return http.StatusUnauthorized, sampleapi.Body{Code: "invalid_header", Description: invalidHeader(header, e)}
}

func invalidHeader(header string, e *postern.Error) string {
	switch {
	case e.Reason == "no-token":
		return "Authorization header must start with Bearer"
	case e.Reason == "malformed-request" && len(strings.Fields(header)) == 1:
		return "Token not found"
	case e.Reason == "malformed-request":
		return "Authorization header must be Bearer token"
	case errors.Is(e.Err, postern.ErrNotMine) || algorithm(header) != jwt.RS256:
		return "Invalid header. Use an RS256 signed JWT Access Token"
	case e.Reason == "key-unknown":
		return "Unable to find appropriate key"
	}
	return "Unable to parse authentication token."
}

// algorithm returns the alg of a token that has been refused. It chooses words and decides nothing.
func algorithm(header string) string {
	_, token, _ := strings.Cut(header, " ")
	head, _, _ := strings.Cut(token, ".")
	var jose struct {
		Algorithm string `json:"alg"`
	}
	text, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil || json.Unmarshal(text, &jose) != nil {
		return ""
	}
	return jose.Algorithm
}
