package store

import (
	"context"
	"time"
)

// ApplicationClient is an application, which obtains tokens on behalf of people.
const ApplicationClient ClientKind = "application"

// ApplicationType says where an application runs, and so whether it can keep a secret (RFC 6749 §2.1).
type ApplicationType string

const (
	// BrowserApplication runs in a browser: public.
	BrowserApplication ApplicationType = "browser"
	// NativeApplication runs on a person's device: public (RFC 8252).
	NativeApplication ApplicationType = "native"
	// WebApplication runs on a server: confidential.
	WebApplication ApplicationType = "web"
)

// IDTokenClaims says how much about a person stands in an ID token.
type IDTokenClaims string

const (
	// FullClaims are all that the granted scopes open.
	FullClaims IDTokenClaims = "full"
	// MinimalClaims leave profile and e-mail to the userinfo endpoint (OpenID Connect Core §5.4).
	MinimalClaims IDTokenClaims = "minimal"
)

// Application is a program that people log in to: a Client, whose Secrets and ClientKeys belong to its Owner.
// URIs and origins are compared byte for byte; what is allowed beside that is not the store's to say.
type Application struct {
	ID        string
	ProjectID string // may be empty
	Name      string // unique within its project; without a project several may share one
	// ClientID is its client_id. Unique among all clients.
	ClientID             string
	Type                 ApplicationType
	RedirectURIs         []string
	LogoutURIs           []string // where a person may be sent after a logout
	AllowedOrigins       []string // whose pages may call the token endpoint (CORS)
	BackchannelLogoutURI string   // may be empty
	InitiateLoginURI     string   // where a person begins to log in to it (OpenID Connect Core §4); may be empty
	Grants               []string // the grant_type values that it may use
	// IDTokenLifetime, RefreshIdle and RefreshLifetime are the life of an ID token, of a refresh token that is
	// not used, and of all refresh tokens of one login together; zero means the server's default.
	IDTokenLifetime  time.Duration
	RefreshIdle      time.Duration
	RefreshLifetime  time.Duration
	IDTokenAlgorithm string // a JWS algorithm; empty means the server's default
	IDTokenClaims    IDTokenClaims
	// UserinfoAlgorithm is the JWS algorithm by which userinfo answers it; empty: in JSON.
	UserinfoAlgorithm string
	// RefreshEndsWithSession says that a logout ends its refresh tokens.
	RefreshEndsWithSession bool
	FirstParty             bool // its people are not asked for consent
	InsecureNoPKCE         bool // it may leave out the code challenge (RFC 7636)
	// SenderConstraint says to what its access tokens are bound.
	SenderConstraint SenderConstraint
	// Profile is a set of stricter rules that it has to keep; empty: none.
	Profile   string
	Active    bool
	CreatedAt time.Time
}

// Following is how many people use an application.
type Following struct {
	People   int // who have a family of tokens of it that has not ended
	Consents int
}

// Applications keeps applications.
type Applications interface {
	Application(ctx context.Context, id string) (Application, error)
	ApplicationByClientID(ctx context.Context, clientID string) (Application, error)
	// Applications returns all of them, ordered by name.
	Applications(context.Context) ([]Application, error)
	// ApplicationsPart returns the part of them that the window asks for, ordered by name and then ID, and searched by
	// name, client id and ID.
	ApplicationsPart(context.Context, Window) (Part[Application], error)
	// FollowingOf counts who uses the application with the client id at the moment.
	FollowingOf(ctx context.Context, clientID string, now time.Time) (Following, error)
	// PutApplication creates the application or replaces the one with its ID, as Client too. Errors: ErrExists
	// when ClientID, or Name within the project, is taken; ErrNotFound when the project is not there.
	PutApplication(context.Context, Application) error
	// DeleteApplication removes the application with its secrets, keys, consents and families of tokens.
	DeleteApplication(ctx context.Context, id string) error
}

// Consent is what a person has let an application have.
type Consent struct {
	UserID    string
	ClientID  string
	Scopes    []string
	Targets   []string // audiences of the tokens
	GivenAt   time.Time
	UpdatedAt time.Time
}

// Consents keeps at most one consent for each pair of user and client.
type Consents interface {
	Consent(ctx context.Context, userID, clientID string) (Consent, error)
	// ConsentsOf returns the consents of a user, ordered by ClientID.
	ConsentsOf(ctx context.Context, userID string) ([]Consent, error)
	// PutConsent creates the consent or replaces what was consented to, but for GivenAt. Errors: ErrNotFound
	// when the user or the client is not there.
	PutConsent(context.Context, Consent) error
	DeleteConsent(ctx context.Context, userID, clientID string) error
}
