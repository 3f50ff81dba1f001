package postern

// ClaimNames says which claims hold what verifiers read, for issuers with names of their own. Each list
// names claims whose values are put together, in order; an empty list means the default.
//
// A name is that of a top-level claim, byte for byte, or, when it begins with a slash, a JSON Pointer
// (RFC 6901): "/realm_access/roles" reads the member roles of the claim realm_access.
//
// A claim may hold an array of strings, a string, or an object. Of a string, scopes are the words between its
// spaces (RFC 6749 §3.3), while a role or permission is all of it. An object gives roles and permissions
// only: a member's name is one when its value is true or an object that is not empty, as in ZITADEL's
// {"admin":{"1001":"acme.example"}}: false, null, 0, "", [] and {} say that it is not given, and nothing can
// be relied on in a number, a text or an array.
//
// Nothing odd gives a right, and nothing odd takes another away: of roles and permissions, an array's element
// that is not a string costs that element, and a claim of another shape, such as a boolean at the end of a
// path, gives none. Scopes and audiences are stricter, because they concern the token as a whole: one of
// another shape, or an array of anything but strings, makes the token malformed. JSON null is an absent
// claim.
type ClaimNames struct {
	Scopes      []string // default: scope
	Roles       []string // default: roles
	Permissions []string // default: permissions
	// Audience is for issuers whose tokens have no aud: Cognito's say client_id. Default: aud.
	Audience []string
	// ClientID is for issuers with a name of their own: Okta's is cid. The first that is a string counts.
	// Default: client_id, or azp of a token that has none; a client_id of another shape leaves the client
	// empty, because taking azp instead would be a guess.
	ClientID []string
}
