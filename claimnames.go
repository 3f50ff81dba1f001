package postern

// ClaimNames says which claims hold a token's rights. Each list names claims that are read in turn and
// whose values are put together; an empty list means the default.
//
// A name is that of a top-level claim, byte for byte, or, when it begins with a slash, a JSON Pointer
// (RFC 6901): "/realm_access/roles" reads the member roles of the claim realm_access.
//
// A claim may hold a string of words between spaces, an array of strings, or an object, whose member
// names are then the values, as ZITADEL's roles are. A claim of another shape gives no rights.
type ClaimNames struct {
	Scopes      []string // default: scope
	Roles       []string // default: roles
	Permissions []string // default: permissions
}
