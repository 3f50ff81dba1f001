package oauth

import "strings"

// Endpoint is where the two dialects have one endpoint, and what the metadata calls it. Every issuer serves
// both paths, and its metadata names the one of its own dialect.
type Endpoint struct {
	Member  string // of the metadata (RFC 8414 §2); empty: it is not listed
	ZITADEL string // a path, in which {name} is a parameter as for http.ServeMux
	Auth0   string
}

// At returns an endpoint that has one path in both dialects and that no metadata lists.
func At(path string) Endpoint { return Endpoint{ZITADEL: path, Auth0: path} }

// Endpoints that clients know by the metadata or by their dialect.
var (
	AuthorizationEndpoint       = Endpoint{"authorization_endpoint", "/oauth/v2/authorize", "/authorize"}
	TokenEndpoint               = Endpoint{"token_endpoint", "/oauth/v2/token", "/oauth/token"}
	IntrospectionEndpoint       = Endpoint{"introspection_endpoint", "/oauth/v2/introspect", "/oauth/introspect"}
	RevocationEndpoint          = Endpoint{"revocation_endpoint", "/oauth/v2/revoke", "/oauth/revoke"}
	PushedAuthorizationEndpoint = Endpoint{"pushed_authorization_request_endpoint", "/oauth/v2/par", "/oauth/par"}
	DeviceEndpoint              = Endpoint{"device_authorization_endpoint", "/oauth/v2/device_authorization", "/oauth/device/code"}
	UserinfoEndpoint            = Endpoint{"userinfo_endpoint", "/oidc/v1/userinfo", "/userinfo"}
	EndSessionEndpoint          = Endpoint{"end_session_endpoint", "/oidc/v1/end_session", "/oidc/logout"}
	RegistrationEndpoint        = Endpoint{"registration_endpoint", "/oauth/v2/register", "/oidc/register"}
	KeySet                      = Endpoint{"jwks_uri", "/oauth/v2/keys", "/.well-known/jwks.json"}

	// Registration is what a client has registered of itself (RFC 7592 §2): the registration endpoint with its client id.
	Registration = Endpoint{"", "/oauth/v2/register/{client}", "/oidc/register/{client}"}

	// Logout is Auth0's own, which knows no hint of an ID token.
	Logout = At("/v2/logout")

	// Metadata is the document of RFC 8414, and OpenIDMetadata that of OpenID Connect Discovery. For an issuer
	// that ends in a slash some clients ask for both with a slash behind, which is theirs then.
	Metadata            = At("/.well-known/oauth-authorization-server")
	MetadataSlash       = At("/.well-known/oauth-authorization-server/{$}")
	OpenIDMetadata      = At("/.well-known/openid-configuration")
	OpenIDMetadataSlash = At("/.well-known/openid-configuration/{$}")
)

// Issuer is one issuer (iss) that the server answers as, exactly as configured: it may end in a slash. The host
// of a request chooses it.
type Issuer string

// URL returns the absolute URL of a path, which begins with a slash.
func (i Issuer) URL(path string) string { return strings.TrimSuffix(string(i), "/") + path }

// IsAuth0 reports whether the issuer is one that Auth0's programs use, which end in a slash.
func (i Issuer) IsAuth0() bool { return strings.HasSuffix(string(i), "/") }

// Path returns the path of an endpoint in the issuer's dialect.
func (i Issuer) Path(e Endpoint) string {
	if i.IsAuth0() {
		return e.Auth0
	}
	return e.ZITADEL
}

// Audiences returns what an assertion may name as its aud when it is sent to the path: the issuer in
// either form, the token endpoints, and the endpoint itself (RFC 7523 §3).
func (i Issuer) Audiences(path string) []string {
	return []string{i.URL(""), i.URL("/"), i.URL(TokenEndpoint.ZITADEL), i.URL(TokenEndpoint.Auth0), i.URL(path)}
}
