// Package store says what the authorization server remembers.
//
// The types are plain facts without behaviour; the interfaces are split by noun, so that an endpoint
// asks for what it reads and no more. Two engines implement them (SQLite and, for many replicas,
// PostgreSQL), and storetest holds both to the same behaviour:
//
//	s, err := sqlite.Open(ctx, filepath.Join(dir, "postern.db"), sqlite.Options{})
//	if err != nil {
//		return err
//	}
//	defer s.Close()
//	user, err := s.ServiceUser(ctx, "203")
//	if errors.Is(err, store.ErrNotFound) {
//		…
//	}
//
// Rules that every engine keeps:
//
//   - A write that returned nil is on disk: it survives kill -9 and a power cut.
//   - A read sees every write that returned before the read began, also one by another process.
//   - Times are kept to the millisecond, in UTC. The zero time.Time stays zero and means "none".
//   - Secrets never come here. What is kept of them is the SHA-256 digest of a random value.
//   - An object that others refer to is deactivated or deleted with all that hangs on it.
package store

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrNotFound says that no object has the given id, name or digest.
	ErrNotFound = errors.New("store: not found")
	// ErrExists says that an object with the same id, name or identifier is there already.
	ErrExists = errors.New("store: exists already")
	// ErrUnavailable says that the store could not be read or written. It wraps the cause and is never
	// to be taken for ErrNotFound: an outage must not look like a missing object.
	ErrUnavailable = errors.New("store: unavailable")
)

// Tx is everything the server remembers, noun by noun: the whole Store, or one transaction in it.
type Tx interface {
	Projects
	APIs
	ServiceUsers
	Grants
	Secrets
	Keys
	Tokens
	Assertions
	SigningKeys
}

// Store is a Tx of which each call is a transaction by itself. It is safe for concurrent use.
type Store interface {
	Tx

	// InTx runs f on a Tx whose reads and writes are one transaction: all happen, or, when f returns an
	// error, none. f may run again, when another transaction was in the way: it begins with nothing that
	// an earlier run left in variables around it. It must use the Tx it is given and not the Store, and
	// only until it returns.
	InTx(ctx context.Context, f func(Tx) error) error
	// Ping reports whether the store can be read and written.
	Ping(ctx context.Context) error
	// Close waits for writes under way and releases everything.
	Close() error
}

// Organization owns projects and service users. A server has one, made when its store is new; its id
// and domain appear in the roles claim.
type Organization struct {
	ID            string
	Name          string
	PrimaryDomain string
}

// Project groups APIs that share roles. Its ID is an audience that tokens can be issued for.
type Project struct {
	ID             string
	OrganizationID string
	Name           string // unique
	Roles          []Role
	// AssertRoles puts the subject's roles into every token for the project, requested or not.
	AssertRoles bool
	Active      bool
	CreatedAt   time.Time
}

// Role is a right within a project. Users hold it by a Grant.
type Role struct {
	Key  string // what appears in scope and in the roles claim, such as read:messages
	Name string // for people; may be empty
}

// Projects keeps organizations and projects.
type Projects interface {
	// Organization returns the organization with the id; an empty id means the only or oldest one.
	Organization(ctx context.Context, id string) (Organization, error)
	PutOrganization(context.Context, Organization) error

	Project(ctx context.Context, id string) (Project, error)
	ProjectByName(ctx context.Context, name string) (Project, error)
	// Projects returns all of them, ordered by name.
	Projects(context.Context) ([]Project, error)
	// PutProject creates the project or replaces the one with its ID, roles included. A role that is
	// gone is taken from every Grant too. Errors: ErrExists when another project has the name.
	PutProject(context.Context, Project) error
	// DeleteProject removes the project, its APIs, their secrets and keys, and all grants on them.
	DeleteProject(ctx context.Context, id string) error
}

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
type API struct {
	ID        string
	ProjectID string
	Name      string // unique within its project
	// Identifier is the audience that a token request names (audience, resource), such as
	// https://quickstarts/api. It may be empty: the API is then reached by its project's ID alone.
	// Unique; compared byte for byte.
	Identifier string
	// ClientID is what the API authenticates with to introspect. Unique among APIs and service users.
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

// Permission is a right on one API. Users hold it by a Grant.
type Permission struct {
	Key  string // what appears in scope and in the permissions claim, such as read:messages
	Name string // for people; may be empty
}

// APIs keeps APIs with their permissions.
type APIs interface {
	API(ctx context.Context, id string) (API, error)
	APIByClientID(ctx context.Context, clientID string) (API, error)
	APIByIdentifier(ctx context.Context, identifier string) (API, error)
	// APIsOf returns the APIs of a project, ordered by name; an empty projectID means all projects.
	APIsOf(ctx context.Context, projectID string) ([]API, error)
	// APIStates returns the ids of a project's APIs, and whether each is active. It reads none of their
	// permissions, of which there may be tens of thousands.
	APIStates(ctx context.Context, projectID string) (map[string]bool, error)
	// PutAPI creates the API or replaces the one with its ID, permissions included. A permission that
	// is gone is taken from every Grant too. Errors: ErrExists when ClientID, Identifier, or Name within
	// the project is taken; ErrNotFound when the project is not there.
	PutAPI(context.Context, API) error
	// DeleteAPI removes the API, its secrets and keys, and the grants on it.
	DeleteAPI(ctx context.Context, id string) error
}

// ServiceUser is a program that obtains tokens for itself.
type ServiceUser struct {
	ID             string // the sub of its tokens, and the iss and sub of its assertions
	OrganizationID string
	// Username is its name for people and its client_id for client credentials. Unique among service
	// users and APIs' client ids.
	Username string
	Name     string
	// Form is the shape of its tokens where the API does not decide.
	Form      TokenForm
	Active    bool
	CreatedAt time.Time
}

// ServiceUsers keeps service users.
type ServiceUsers interface {
	ServiceUser(ctx context.Context, id string) (ServiceUser, error)
	ServiceUserByUsername(ctx context.Context, username string) (ServiceUser, error)
	// ServiceUsers returns all of them, ordered by username.
	ServiceUsers(context.Context) ([]ServiceUser, error)
	// PutServiceUser creates the service user or replaces the one with its ID. Errors: ErrExists when
	// the username is taken by a service user or is an API's client id.
	PutServiceUser(context.Context, ServiceUser) error
	// DeleteServiceUser removes the service user with its grants, secrets, keys and tokens.
	DeleteServiceUser(ctx context.Context, id string) error
}

// Grant gives a service user rights: roles of a project, or permissions of an API. Exactly one of
// ProjectID and APIID is set. A Grant without Keys says that the user may have tokens for it, no more.
type Grant struct {
	UserID    string
	ProjectID string
	APIID     string
	Keys      []string // sorted, without duplicates
}

// Grants keeps who holds what.
type Grants interface {
	// GrantsOf returns the grants of a service user, ordered by ProjectID and then APIID.
	GrantsOf(ctx context.Context, userID string) ([]Grant, error)
	// GrantsAmong is GrantsOf with those permissions alone that are among the keys; roles are there in any
	// case. It reads no others, of which a user may hold tens of thousands.
	GrantsAmong(ctx context.Context, userID string, keys []string) ([]Grant, error)
	// PutGrant creates the grant or replaces the one for the same user and project or API. Errors:
	// ErrNotFound when the user, the project or API, or one of the keys is not there.
	PutGrant(context.Context, Grant) error
	// DeleteGrant removes the grant for the same user and project or API, whatever its Keys.
	DeleteGrant(context.Context, Grant) error
}

// Owner is who a Secret or Key belongs to: a service user or an API.
type Owner struct {
	Kind OwnerKind
	ID   string
}

// OwnerKind tells the kinds of Owner apart.
type OwnerKind string

const (
	OwnerServiceUser OwnerKind = "service_user"
	OwnerAPI         OwnerKind = "api"
)

// Digest is the SHA-256 of a secret.
type Digest [32]byte

// Secret is a client secret, of which only the digest is known.
type Secret struct {
	ID        string
	Owner     Owner
	Digest    Digest
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
}

// Secrets keeps client secrets. An owner may have several, so that one can be replaced without a gap.
type Secrets interface {
	// SecretsOf returns an owner's secrets, oldest first, expired ones included.
	SecretsOf(context.Context, Owner) ([]Secret, error)
	// CreateSecret adds a secret. Errors: ErrNotFound when the owner is not there, ErrExists for its ID.
	CreateSecret(context.Context, Secret) error
	DeleteSecret(ctx context.Context, id string) error
}

// Key is a public key that verifies its owner's assertions.
type Key struct {
	ID    string // the kid
	Owner Owner
	// PublicKey is a PKIX SubjectPublicKeyInfo in DER.
	PublicKey []byte
	// Compatibility admits assertions that live up to an hour and carry no jti, as older clients send.
	Compatibility bool
	CreatedAt     time.Time
	ExpiresAt     time.Time // zero: never
}

// Keys keeps public keys of service users and APIs.
type Keys interface {
	Key(ctx context.Context, id string) (Key, error)
	// KeysOf returns an owner's keys, oldest first, expired ones included.
	KeysOf(context.Context, Owner) ([]Key, error)
	// CreateKey adds a key. Errors: ErrNotFound when the owner is not there, ErrExists for its ID.
	CreateKey(context.Context, Key) error
	DeleteKey(ctx context.Context, id string) error
}

// TokenKind tells what a Token row stands for.
type TokenKind string

const (
	// AccessToken is an opaque access token from a grant.
	AccessToken TokenKind = "access_token"
	// PersonalAccessToken is a token made for a service user once and used as it is.
	PersonalAccessToken TokenKind = "personal_access_token"
)

// Token is an opaque token: an access token or a personal access token. JWTs have no row; they leave
// one only when they are revoked.
type Token struct {
	// ID is time-ordered, so that new rows land at the end of the index. It is part of the raw token
	// and its jti.
	ID     string
	Kind   TokenKind
	Digest Digest // of the whole raw token
	UserID string // the service user
	// ClientID is the client that asked for it; for a personal access token the service user's name.
	ClientID string
	Issuer   string // the issuing entry; empty for a personal access token
	Name     string // of a personal access token, for people
	// Audience holds project ids and API identifiers. Empty for a personal access token means: all that
	// its user has grants on.
	Audience []string
	Scopes   []string
	// Confirmation is the cnf claim as JSON, for sender-constrained tokens; empty otherwise.
	Confirmation string
	IssuedAt     time.Time
	ExpiresAt    time.Time // zero: never (personal access tokens only)
	RevokedAt    time.Time // zero: not revoked
}

// Tokens keeps opaque tokens and the revocations of JWTs.
type Tokens interface {
	// CreateToken adds a token. Errors: ErrExists for its ID, ErrNotFound when the user is not there.
	CreateToken(context.Context, Token) error
	// Token returns the token with the id, revoked and expired ones included.
	Token(ctx context.Context, id string) (Token, error)
	// TokensOf returns a service user's tokens of a kind, oldest first.
	TokensOf(ctx context.Context, userID string, kind TokenKind) ([]Token, error)
	// RevokeToken marks the token as revoked at the time. Revoking it again changes nothing.
	RevokeToken(ctx context.Context, id string, at time.Time) error
	// DeleteExpiredTokens removes access tokens, JWT revocations and assertion ids that ended before
	// the time, at most limit rows of each, and returns how many rows went.
	DeleteExpiredTokens(ctx context.Context, before time.Time, limit int) (int, error)

	// RevokeJWT remembers the jti as revoked until its token has expired.
	RevokeJWT(ctx context.Context, jti string, expires time.Time) error
	// JWTRevoked reports whether the jti is revoked.
	JWTRevoked(ctx context.Context, jti string) (bool, error)
}

// Assertions remembers the ids of assertions, so that each is used once.
type Assertions interface {
	// UseAssertion records the jti of an assertion by the issuer. Exactly one call for a pair of issuer
	// and jti returns nil, also among concurrent ones and other replicas; the others get ErrExists.
	UseAssertion(ctx context.Context, issuer, jti string, expires time.Time) error
}

// SigningKey is a private key that the server signs its JWTs with.
type SigningKey struct {
	ID        string // the kid
	Algorithm string // the alg it is used with
	// PrivateKey is PKCS #8 in DER. It is a secret: it leaves this struct only to sign.
	PrivateKey []byte
	CreatedAt  time.Time
	// SignsFrom is when it may sign first; it is published from CreatedAt on.
	SignsFrom time.Time
	// RetiredAt is when it stopped signing; zero: it still may. It stays published until VerifiesUntil.
	RetiredAt     time.Time
	VerifiesUntil time.Time // zero: no end set
}

// SigningKeys keeps the server's own keys.
type SigningKeys interface {
	// SigningKeys returns all of them, oldest first.
	SigningKeys(context.Context) ([]SigningKey, error)
	// PutSigningKey creates the key or replaces the one with its ID.
	PutSigningKey(context.Context, SigningKey) error
	DeleteSigningKey(ctx context.Context, id string) error
}
