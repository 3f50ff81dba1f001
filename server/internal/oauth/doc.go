// Package oauth is the vocabulary that the endpoints of the authorization server share: parameters of a
// request, error codes of an answer, names of grants, methods and paths.
//
// An endpoint is a function from a Request to an answer or an error. Serve does the rest: it reads the
// body within its bounds, refuses what RFC 6749 §3.2 refuses, writes the answer, and logs the reason of
// a refusal, which the client is not told.
//
//	revoke := &oauth.Endpoint{
//		Name: "revoke",
//		Answer: func(ctx context.Context, r *oauth.Request) (any, error) {
//			raw := r.Params.Value(oauth.ParamToken)
//			if raw == "" {
//				return nil, oauth.Refuse(oauth.InvalidRequest, "the parameter token is missing", nil)
//			}
//			return nil, forget(ctx, raw) // nil: 200 with an empty body
//		},
//	}
//	revoke.Serve(w, r, oauth.Entry{Issuer: "https://login.example.com"})
//
// An error that Refuse did not make is an outage: the client gets 503 and may try again. It never
// becomes invalid_client or an inactive token, for clients throw good credentials away on those.
package oauth

import "strings"

// Grant types (grant_type) that the server knows.
const (
	GrantClientCredentials = "client_credentials"                          // RFC 6749 §4.4
	GrantJWTBearer         = "urn:ietf:params:oauth:grant-type:jwt-bearer" // RFC 7523 §2.1
)

// Methods by which a client proves itself (token_endpoint_auth_method).
const (
	MethodSecretBasic   = "client_secret_basic" // RFC 6749 §2.3.1
	MethodSecretPost    = "client_secret_post"  // RFC 6749 §2.3.1
	MethodPrivateKeyJWT = "private_key_jwt"     // RFC 7523 §2.2
)

// AssertionType is the client_assertion_type of private_key_jwt.
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// Paths come in two families, and every issuer serves both.
const (
	PathAuthorize  = "/oauth/v2/authorize"
	PathToken      = "/oauth/v2/token"
	PathIntrospect = "/oauth/v2/introspect"
	PathRevoke     = "/oauth/v2/revoke"
	PathKeys       = "/oauth/v2/keys"

	PathAuthorizeAuth0  = "/authorize"
	PathTokenAuth0      = "/oauth/token"
	PathIntrospectAuth0 = "/oauth/introspect"
	PathRevokeAuth0     = "/oauth/revoke"
	PathKeysAuth0       = "/.well-known/jwks.json"

	PathOpenID   = "/.well-known/openid-configuration"
	PathMetadata = "/.well-known/oauth-authorization-server"
)

// Entry is one issuer that the server answers as. The request's host chooses it.
type Entry struct {
	Issuer string // exactly as configured; it may end in a slash
}

// URL returns the absolute URL of a path, which begins with a slash.
func (e Entry) URL(path string) string { return strings.TrimSuffix(e.Issuer, "/") + path }

// Audiences returns what an assertion may name as its aud when it is sent to the path: the issuer in
// either form, the token endpoints, and the endpoint itself (RFC 7523 §3).
func (e Entry) Audiences(path string) []string {
	return []string{e.URL(""), e.URL("/"), e.URL(PathToken), e.URL(PathTokenAuth0), e.URL(path)}
}

// StandardScopes are the scopes of OpenID Connect Core §5.4 that are granted to whoever asks.
var StandardScopes = []string{"openid", "profile", "email", "phone", "address"}

// ScopeOfflineAccess asks for a refresh token (OpenID Connect Core §11).
const ScopeOfflineAccess = "offline_access"

const (
	// ReservedScopePrefix begins the scopes that steer the server and are no rights.
	ReservedScopePrefix = "urn:zitadel:iam:"
	// ReservedKeyPrefix begins what no role or permission is called, so that none is taken for one of those
	// scopes, nor for others that ZITADEL's programs know.
	ReservedKeyPrefix = "urn:zitadel:"
	// RolesClaim holds the roles in the one project that a token or an introspecting API is about.
	RolesClaim = "urn:zitadel:iam:org:project:roles"
)

// ProjectRolesClaim returns the name of the claim that holds the roles in one project.
func ProjectRolesClaim(projectID string) string {
	return "urn:zitadel:iam:org:project:" + projectID + ":roles"
}
