package store

import (
	"context"
	"time"
)

// TokenForm is the shape of the access tokens issued for an API or to a service user.
type TokenForm string

const (
	// FormDefault leaves the choice to the service user; for a service user it means FormOpaque.
	FormDefault TokenForm = ""
	// FormOpaque is a random string that only introspection explains.
	FormOpaque TokenForm = "opaque"
	// FormAuth0 is Auth0's access_token: typ JWT, azp, gty, scope.
	FormAuth0 TokenForm = "access_token"
	// FormAuth0Permissions is Auth0's access_token_authz: as FormAuth0, with the permissions claim.
	FormAuth0Permissions TokenForm = "access_token_authz"
	// FormZITADEL is ZITADEL's JWT: typ JWT, roles claims by project, no scope.
	FormZITADEL TokenForm = "zitadel"
	// FormRFC9068 is typ at+jwt with client_id, scope and jti.
	FormRFC9068 TokenForm = "rfc9068"
	// FormRFC9068Permissions is as FormRFC9068, with the permissions claim.
	FormRFC9068Permissions TokenForm = "rfc9068_authz"
)

// API is a protected resource and, when it introspects, a client of the server.
//
// Its Identifier, its ClientID and the IDs of projects are one space of names, for each of them says in a
// token whom it is for: no two objects share one, though an API may have the same name twice.
type API struct {
	ID        string
	ProjectID string
	Name      string // unique within its project
	// Identifier is the audience that a token request names (audience, resource), such as
	// https://quickstarts/api. It may be empty: the API is then reached by its project's ID alone.
	// Compared byte for byte.
	Identifier string
	// ClientID is what the API authenticates with to introspect. Unique among all clients too.
	ClientID string
	// Form is the shape of tokens requested by Identifier.
	Form TokenForm
	// SigningAlgorithm is the JWS algorithm of its JWTs; empty means the server's default.
	SigningAlgorithm string
	// TokenLifetime is the life of tokens requested by Identifier; zero means the server's default.
	TokenLifetime time.Duration
	Permissions   []Permission
	Active        bool
	CreatedAt     time.Time
}

// Permission is a right on one API. Subjects hold it by an Assignment.
type Permission struct {
	Key  string // what appears in scope and in the permissions claim, such as read:messages
	Name string // for people; may be empty
}

// APIs keeps APIs with their permissions.
type APIs interface {
	API(ctx context.Context, id string) (API, error)
	APIByClientID(ctx context.Context, clientID string) (API, error)
	APIByIdentifier(ctx context.Context, identifier string) (API, error)
	// APIs returns all of them, ordered by name.
	APIs(context.Context) ([]API, error)
	// APIsPart returns the part of them that the window asks for, ordered by name and then ID, and searched by name,
	// identifier, client id and ID. It reads none of their permissions.
	APIsPart(context.Context, Window) (Part[API], error)
	// APIsOf returns the APIs of a project, ordered by name.
	APIsOf(ctx context.Context, projectID string) ([]API, error)
	// APIStates returns the ids of a project's APIs, and whether each is active. It reads none of their
	// permissions, of which there may be tens of thousands.
	APIStates(ctx context.Context, projectID string) (map[string]bool, error)
	// PutAPI creates the API or replaces the one with its ID, permissions included. A permission that
	// is gone is taken from every Assignment too. Errors: ErrExists when ClientID, Identifier, or Name within
	// the project is taken; ErrNotFound when the project is not there.
	PutAPI(context.Context, API) error
	// DeleteAPI removes the API, its secrets and keys, and the assignments on it.
	DeleteAPI(ctx context.Context, id string) error
}
