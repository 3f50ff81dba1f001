// Package zitadelapi is an API that asks a ZITADEL-style authorization server about every token: the Go
// counterpart of ZITADEL's Python samples, with their routes, variables and messages.
//
//	handler, err := zitadelapi.New(os.Getenv)
//	if err != nil {
//		log.Fatal(err)
//	}
//	log.Fatal(http.ListenAndServe("127.0.0.1:5000", handler))
//
// GET /api/public is open, /api/private takes any good token, and /api/private-scoped one whose subject
// has the right read:messages. That right is a role in one sample and a scope in the others; here either
// will do.
//
// Variables: ZITADEL_DOMAIN is the issuer, such as https://example.zitadel.cloud, byte for byte, and
// ZITADEL_INTROSPECTION_URL where to ask, unless the issuer's metadata says so. The API proves itself with
// the key file that API_PRIVATE_KEY_FILE names, or else with API_CLIENT_ID and API_CLIENT_SECRET, or else
// with CLIENT_ID and CLIENT_SECRET; the key goes first because it never leaves this machine. With PROJECT_ID
// set, tokens for audiences other than the project and the API's client id are refused. Without it the
// audience is left to the authorization server, which ought to call a token that is not for this API
// inactive; a line in the log says so at start.
package zitadelapi

import (
	"cmp"
	"fmt"
	"net/http"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/examples/sampleapi"
	"github.com/postern-auth/postern/introspection"
)

// Options is what the program that runs the sample may add. The zero value is ready.
type Options struct {
	sampleapi.Options
	// Issuers are accepted beside ZITADEL_DOMAIN, for a server with several names. The one introspection
	// endpoint is asked about the tokens of all of them.
	Issuers []string
	// MissingRoleStatus answers a good token without the right: 403, the default of zero, as RFC 6750 says,
	// or 401, as the Python samples do.
	MissingRoleStatus int
}

// New is Options{}.New.
func New(getenv func(string) string) (http.Handler, error) { return Options{}.New(getenv) }

// Listen returns the address of the sample.
func Listen(func(string) string) string { return "127.0.0.1:5000" }

// New returns the API. The error names the variables that are missing or wrong.
func (o Options) New(getenv func(string) string) (http.Handler, error) {
	switch o.MissingRoleStatus {
	case 0, http.StatusForbidden, http.StatusUnauthorized:
	default:
		return nil, fmt.Errorf("zitadel-api: status for a missing role is %d, want 401 or 403", o.MissingRoleStatus)
	}
	verifier, err := o.verifier(getenv)
	if err != nil {
		return nil, fmt.Errorf("zitadel-api: %w", err)
	}
	guard := o.Guard(verifier, o.refusal)
	private := guard.Require()
	readers := guard.Require(postern.Any(postern.Scope("read:messages"), postern.Role("read:messages")))
	mux := http.NewServeMux()
	mux.Handle("GET /api/public", sampleapi.Message(
		"Public route - You don't need to be authenticated to see this."))
	mux.Handle("GET /api/private", private(sampleapi.Message(
		"Private route - You need to be authenticated to see this.")))
	mux.Handle("GET /api/private-scoped", readers(sampleapi.Message(
		"Private, scoped route - You need to be authenticated and have the role read:messages to see this.")))
	if getenv("PROJECT_ID") == "" && o.Logger != nil {
		o.Logger.Warn("PROJECT_ID is not set: tokens of any audience pass that the authorization server calls active for this API")
	}
	return sampleapi.API{Mux: mux}, nil
}

func (o Options) verifier(getenv func(string) string) (postern.Verifier, error) {
	env := sampleapi.Environment{Getenv: getenv}
	config := introspection.Config{
		Issuer:                  env.Required("ZITADEL_DOMAIN"),
		Issuers:                 o.Issuers,
		Endpoint:                getenv("ZITADEL_INTROSPECTION_URL"),
		AudienceCheckedByServer: true,
		ClaimNames:              postern.ClaimNames{Roles: []string{"urn:zitadel:iam:org:project:roles"}},
	}
	auth, err := method(&env)
	if err := cmp.Or(env.Err(), err); err != nil {
		return nil, err
	}
	config.Auth = auth
	if project := getenv("PROJECT_ID"); project != "" {
		config.Audiences = []string{project, auth.ClientID()}
		// Tokens of service users often have this claim alone.
		config.ClaimNames.Roles = append(config.ClaimNames.Roles, "urn:zitadel:iam:org:project:"+project+":roles")
	}
	if config.HTTPClient, err = o.Client(getenv); err != nil {
		return nil, err
	}
	verifier, err := introspection.NewVerifier(config)
	if err != nil {
		return nil, fmt.Errorf("ZITADEL_DOMAIN or ZITADEL_INTROSPECTION_URL: %w", err)
	}
	return verifier, nil
}

// method returns how the API proves itself. Id and secret are taken from one pair of variables, never
// mixed.
func method(env *sampleapi.Environment) (clientauth.Method, error) {
	if path := env.Getenv("API_PRIVATE_KEY_FILE"); path != "" {
		key, err := clientauth.ReadKeyFile(path)
		if err != nil {
			return nil, fmt.Errorf("API_PRIVATE_KEY_FILE: %w", err)
		}
		return clientauth.PrivateKeyJWT(key), nil
	}
	for _, prefix := range []string{"API_", ""} {
		id, secret := prefix+"CLIENT_ID", prefix+"CLIENT_SECRET"
		if env.Getenv(id) != "" || env.Getenv(secret) != "" {
			return clientauth.SecretBasic(env.Required(id), env.Required(secret)), nil
		}
	}
	env.Missing("API_PRIVATE_KEY_FILE or API_CLIENT_ID and API_CLIENT_SECRET")
	return nil, nil
}

// bodies are those of the Python samples, by the reason of the refusal.
var bodies = map[string]sampleapi.Body{
	"token-expired":  {Code: "invalid_token_expired", Description: "Token has expired."},
	"token-inactive": {Code: "invalid_token_inactive", Description: "Token is inactive."},
	"rights-insufficient": {
		Code:        "insufficient_scope",
		Description: "Token has insufficient scope. Route requires: ['read:messages']",
	},
}

// refusal answers with code and description when there was a token, and else with error and
// error_description, as the Python samples do.
func (o Options) refusal(r *http.Request, e *postern.Error) (int, sampleapi.Body) {
	if e.Reason == "no-token" || e.Reason == "malformed-request" {
		return sampleapi.OAuth(r, e)
	}
	status := e.Status
	if status == http.StatusForbidden {
		status = cmp.Or(o.MissingRoleStatus, status)
	}
	body, found := bodies[e.Reason]
	if !found {
		body = sampleapi.Body{Code: cmp.Or(e.Code, sampleapi.TemporarilyUnavailable), Description: e.Description}
	}
	return status, body
}
