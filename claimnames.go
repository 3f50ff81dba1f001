package postern

// ClaimNames says which claims hold what verifiers read, where an issuer has names of its own. Each list
// names claims that are read in turn and whose values are put together; an empty list means the default.
//
// A name is that of a top-level claim, byte for byte, or, when it begins with a slash, a JSON Pointer
// (RFC 6901): "/realm_access/roles" reads the member roles of the claim realm_access.
//
// A claim may hold an array of strings, an object, whose member names are then the values, as ZITADEL's
// roles are, or a string: scopes are the words between its spaces (RFC 6749 §3.3), while a role or
// permission is all of it. A claim of another shape gives no rights. Audience and ClientID differ: an
// audience is a string or an array of strings, and a client is one string.
type ClaimNames struct {
	Scopes      []string // default: scope
	Roles       []string // default: roles
	Permissions []string // default: permissions
	// Audience is for issuers whose tokens have no aud: Cognito's say client_id. Default: aud. A claim of
	// another shape makes the token malformed.
	Audience []string
	// ClientID is for issuers with a name of their own: Okta's is cid. The first that is a string counts.
	// Default: client_id, azp.
	ClientID []string
}
