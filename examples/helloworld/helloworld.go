// Package helloworld is an API for a browser application, with JWTs of an Auth0-style issuer and a
// permission for its administrators: the Go counterpart of Auth0's "Hello World" API in Python, with its
// routes, variables, messages and security headers.
//
//	handler, err := helloworld.New(os.Getenv)
//	if err != nil {
//		log.Fatal(err)
//	}
//	log.Fatal(http.ListenAndServe("127.0.0.1:6060", handler))
//
// GET /api/messages/public is open, /api/messages/protected takes any good token, and /api/messages/admin
// one whose subject has the permission read:admin-messages.
//
// Variables: AUTH0_DOMAIN is the issuer's host, with a port where it needs one; AUTH0_AUDIENCE the audience;
// CLIENT_ORIGIN_URL the web origin of the browser application. PORT is the port to listen on.
package helloworld

import (
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/examples/sampleapi"
	"github.com/postern-auth/postern/jwt"
)

// Options is what the program that runs the sample may add. The zero value is ready.
type Options struct {
	sampleapi.Options
	// InsecureAnyTokenIsAdmin makes /api/messages/admin take any good token, as the Python sample does before
	// it is taught permissions (its branch basic-authorization).
	InsecureAnyTokenIsAdmin bool
	// Issuers are further issuers whose tokens pass, such as other names of the same one. Their keys are found by
	// their metadata.
	Issuers []string
}

// New is Options{}.New.
func New(getenv func(string) string) (http.Handler, error) { return Options{}.New(getenv) }

// Listen returns the address of the sample.
func Listen(getenv func(string) string) string { return sampleapi.Local(getenv, "6060") }

// headers go with every answer: this API sends nothing that a browser should show, frame or keep.
var headers = http.Header{
	"Content-Type":              {"application/json; charset=utf-8"},
	"Content-Security-Policy":   {"default-src 'self'; frame-ancestors 'none'"},
	"X-Frame-Options":           {"DENY"},
	"X-Content-Type-Options":    {"nosniff"},
	"Referrer-Policy":           {"no-referrer"},
	"X-Xss-Protection":          {"0"},
	"Cache-Control":             {"no-store, max-age=0, must-revalidate"},
	"Pragma":                    {"no-cache"},
	"Expires":                   {"0"},
	"Strict-Transport-Security": {"max-age=31536000; includeSubDomains"},
}

// New returns the API. The error names the variables that are missing or wrong.
func (o Options) New(getenv func(string) string) (http.Handler, error) {
	env := sampleapi.Environment{Getenv: getenv}
	issuer, audience := env.Auth0Issuer("AUTH0_DOMAIN"), env.Required("AUTH0_AUDIENCE")
	env.Required("CLIENT_ORIGIN_URL")
	origin := env.Origin("CLIENT_ORIGIN_URL")
	if err := env.Err(); err != nil {
		return nil, fmt.Errorf("hello-world: %w", err)
	}
	client, err := o.Client(getenv)
	if err != nil {
		return nil, fmt.Errorf("hello-world: %w", err)
	}
	config := jwt.Config{
		Issuer:     issuer,
		Audience:   audience,
		Algorithms: []string{jwt.RS256},
		JWKSURL:    issuer + ".well-known/jwks.json",
		HTTPClient: client,
		Logger:     o.Logger,
	}
	var verifiers []postern.IssuerVerifier
	for i := range len(o.Issuers) + 1 {
		verifier, err := jwt.NewVerifier(config)
		if err != nil {
			return nil, fmt.Errorf("hello-world: %w", err)
		}
		verifiers = append(verifiers, verifier)
		if i < len(o.Issuers) {
			config.Issuer, config.JWKSURL = o.Issuers[i], ""
		}
	}
	guard := o.Guard(postern.ByIssuers(verifiers...), refusal)
	answer := guard.Responder
	guard.Responder = func(w http.ResponseWriter, r *http.Request, e *postern.Error) {
		maps.Copy(w.Header(), headers) // the Guard sets a Cache-Control of its own
		answer(w, r, e)
	}
	protected := guard.Require()
	admin := guard.Require(o.adminNeeds()...)
	mux := http.NewServeMux()
	mux.Handle("GET /api/messages/public", sampleapi.Text("This is a public message."))
	mux.Handle("GET /api/messages/protected", protected(sampleapi.Text("This is a protected message.")))
	mux.Handle("GET /api/messages/admin", admin(sampleapi.Text("This is an admin message.")))
	return sampleapi.API{Mux: mux, Origin: origin, Header: headers}, nil
}

func (o Options) adminNeeds() []postern.Requirement {
	if o.InsecureAnyTokenIsAdmin {
		return nil
	}
	return []postern.Requirement{postern.Permission("read:admin-messages")}
}

// refusal answers as the Python API does, except for errors about the issuer, which that API blames on
// callers.
func refusal(r *http.Request, e *postern.Error) (int, sampleapi.Body) {
	words := len(strings.Fields(r.Header.Get("Authorization")))
	switch {
	case e.Reason == "malformed-request" || e.Reason == "no-token" && words == 1:
		return http.StatusBadRequest, sampleapi.Body{
			Error:            "invalid_request",
			ErrorDescription: "Authorization header value must follow this format: Bearer access-token",
			Message:          "Requires authentication",
		}
	case e.Reason == "no-token":
		return e.Status, sampleapi.Body{Message: "Requires authentication"}
	case e.Status == http.StatusForbidden:
		return e.Status, sampleapi.Body{Message: "Permission denied"}
	case e.Status == http.StatusServiceUnavailable:
		return e.Status, sampleapi.Body{
			Error:            "signing_key_unavailable",
			ErrorDescription: e.Description,
			Message:          "Unable to verify credentials",
		}
	}
	return e.Status, sampleapi.Body{Error: e.Code, ErrorDescription: e.Description, Message: "Bad credentials"}
}
