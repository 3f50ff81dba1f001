// Package oauth is the vocabulary of the authorization server: parameters of a request, error codes of an
// answer, names of grants, methods, endpoints and issuers. It knows nothing of HTTP.
//
//	issuer := oauth.Issuer("https://login.example.com")
//	issuer.URL(issuer.Path(oauth.TokenEndpoint)) // https://login.example.com/oauth/v2/token
//
//	return oauth.Refuse(oauth.InvalidRequest, "the parameter token is missing", nil)
package oauth

// Grant types (grant_type) that the server knows.
const (
	GrantAuthorizationCode = "authorization_code"                              // RFC 6749 §4.1
	GrantRefreshToken      = "refresh_token"                                   // RFC 6749 §6
	GrantDeviceCode        = "urn:ietf:params:oauth:grant-type:device_code"    // RFC 8628 §3.4
	GrantTokenExchange     = "urn:ietf:params:oauth:grant-type:token-exchange" // RFC 8693 §2.1
	GrantClientCredentials = "client_credentials"                              // RFC 6749 §4.4
	GrantJWTBearer         = "urn:ietf:params:oauth:grant-type:jwt-bearer"     // RFC 7523 §2.1
)

// Methods by which a client proves itself (token_endpoint_auth_method).
const (
	MethodSecretBasic   = "client_secret_basic"         // RFC 6749 §2.3.1
	MethodSecretPost    = "client_secret_post"          // RFC 6749 §2.3.1
	MethodPrivateKeyJWT = "private_key_jwt"             // RFC 7523 §2.2
	MethodTLS           = "tls_client_auth"             // RFC 8705 §2.1
	MethodSelfSignedTLS = "self_signed_tls_client_auth" // RFC 8705 §2.2
	MethodNone          = "none"                        // of public clients; RFC 7591 §2
)

// ProfileFAPI2 is the profile of an application that keeps the FAPI 2.0 Security Profile: it pushes its requests, proves
// itself by a key or certificate, gets tokens that are bound to a key, and neither signs nor is sent anything that is
// not signed by one of AlgorithmsFAPI2. Its refresh tokens stay as they are.
const ProfileFAPI2 = "fapi2"

// AlgorithmsFAPI2 are those of FAPI 2.0 Security Profile §5.4.1; Ed25519 is the newer name of what EdDSA means there.
var AlgorithmsFAPI2 = []string{"ES256", "PS256", "EdDSA", "Ed25519"}

// AssertionType is the client_assertion_type of private_key_jwt.
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// StandardScopes are the scopes of OpenID Connect Core §5.4 that are granted to whoever asks.
var StandardScopes = []string{"openid", "profile", "email", "phone", "address"}

// ScopeOfflineAccess asks for a refresh token (OpenID Connect Core §11).
const ScopeOfflineAccess = "offline_access"

const (
	// ReservedScopePrefix begins the scopes that steer the server and are not rights.
	ReservedScopePrefix = ReservedKeyPrefix + "iam:"
	// ReservedKeyPrefix begins what no role or permission is called, so that none is taken for one of those
	// scopes, nor for others that ZITADEL's programs know.
	ReservedKeyPrefix = "urn:zitadel:"
	// RoleScopePrefix begins the scopes that name a role, ProjectScopePrefix and ProjectScopeSuffix are around the
	// id of a project that a token is to be for, and ProjectsRolesScope asks for the roles in all of those.
	RoleScopePrefix    = ReservedScopePrefix + "org:project:role:"
	ProjectScopePrefix = ReservedScopePrefix + "org:project:id:"
	ProjectScopeSuffix = ":aud"
	ProjectsRolesScope = ReservedScopePrefix + "org:projects:roles"
	// ResourceOwnerScope asks for the organization that a person belongs to, and begins the claims that name it.
	ResourceOwnerScope = ReservedScopePrefix + "user:resourceowner"
	// RolesClaim holds the roles in the one project that a token or an introspecting API is about.
	RolesClaim = ReservedScopePrefix + "org:project:roles"
)

// ProjectRolesClaim returns the name of the claim that holds the roles in one project.
func ProjectRolesClaim(projectID string) string {
	return ReservedScopePrefix + "org:project:" + projectID + ":roles"
}
