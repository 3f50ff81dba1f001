package store

import (
	"context"
	"time"
)

// ClientKind tells the kinds of Client apart.
type ClientKind string

const (
	// ServiceUserClient is a service user, which obtains tokens for itself.
	ServiceUserClient ClientKind = "service_user"
	// APIClient is an API, which introspects the tokens that it is called with.
	APIClient ClientKind = "api"
)

// Owner names the client that a Secret or ClientKey belongs to: the service user, API or application with the ID.
type Owner struct {
	Kind ClientKind
	ID   string
}

// Client is what proves itself to the server (RFC 6749 §1.1), of whatever kind. What a kind has beside this
// is kept by a noun of its own, such as API, whose Put writes the Client too.
type Client struct {
	Owner
	ClientID string // client_id, unique among all kinds
	// NotBefore ends every token that was issued to the client before it. Zero: none.
	NotBefore time.Time
}

// Clients keeps who may call the endpoints.
type Clients interface {
	// Client returns the client with the client id.
	Client(ctx context.Context, clientID string) (Client, error)
	// EndClient sets NotBefore to the time, unless it is later already. Errors: ErrNotFound.
	EndClient(ctx context.Context, owner Owner, at time.Time) error
}

// SenderConstraint says to what a client's access tokens have to be bound, so that whoever finds one cannot use it.
type SenderConstraint string

const (
	// NotConstrained ones are bound when the client brings a DPoP proof, and else are not.
	NotConstrained SenderConstraint = ""
	// ConstrainedByProof ones are bound to the key of a DPoP proof (RFC 9449 §5.2, dpop_bound_access_tokens).
	ConstrainedByProof SenderConstraint = "dpop"
	// ConstrainedByCertificate ones are bound to the client's TLS certificate (RFC 8705 §3.4,
	// tls_client_certificate_bound_access_tokens).
	ConstrainedByCertificate SenderConstraint = "certificate"
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
	UsedAt    time.Time // its last use, to about a minute; zero: not used
}

// Secrets keeps client secrets. A client may have several, so that one can be replaced without a gap.
type Secrets interface {
	// SecretsOf returns a client's secrets, oldest first, expired ones included.
	SecretsOf(context.Context, Owner) ([]Secret, error)
	// CreateSecret adds a secret. Errors: ErrNotFound when the owner is not there, ErrExists for its ID.
	CreateSecret(context.Context, Secret) error
	// MarkSecretUsed sets UsedAt to the time, unless it is later already. Errors: ErrNotFound.
	MarkSecretUsed(ctx context.Context, id string, at time.Time) error
	DeleteSecret(ctx context.Context, id string) error
}

// ClientKey is a public key that verifies its owner's assertions.
type ClientKey struct {
	ID    string // the kid
	Owner Owner
	// PublicKey is a PKIX SubjectPublicKeyInfo in DER.
	PublicKey []byte
	// Compatibility admits assertions that live up to an hour and carry no jti, as older clients send.
	Compatibility bool
	CreatedAt     time.Time
	ExpiresAt     time.Time // zero: never
	UsedAt        time.Time // its last use, to about a minute; zero: not used
}

// ClientKeys keeps public keys of clients.
type ClientKeys interface {
	ClientKey(ctx context.Context, id string) (ClientKey, error)
	// ClientKeysOf returns a client's keys, oldest first, expired ones included.
	ClientKeysOf(context.Context, Owner) ([]ClientKey, error)
	// CreateClientKey adds a key. Errors: ErrNotFound when the owner is not there, ErrExists for its ID.
	CreateClientKey(context.Context, ClientKey) error
	// MarkClientKeyUsed sets UsedAt to the time, unless it is later already. Errors: ErrNotFound.
	MarkClientKeyUsed(ctx context.Context, id string, at time.Time) error
	DeleteClientKey(ctx context.Context, id string) error
}

// CertificateName is the kind of name that a certificate has.
type CertificateName string

const (
	SubjectName CertificateName = "subject_dn" // as RFC 4514 writes it
	DNSName     CertificateName = "san_dns"
	URIName     CertificateName = "san_uri"
	EmailName   CertificateName = "san_email"
	IPName      CertificateName = "san_ip"
)

// ClientCertificate is a TLS certificate that proves who its owner is (RFC 8705 §2): the one with the thumbprint,
// or whichever an authority has signed for the name. Exactly one of the two is set.
type ClientCertificate struct {
	ID    string
	Owner Owner
	// Thumbprint is the SHA-256 of the certificate in DER. Zero: the name decides.
	Thumbprint Digest
	NameType   CertificateName
	Name       string
	CreatedAt  time.Time
}

// ClientCertificates keeps the certificates of clients.
type ClientCertificates interface {
	// ClientCertificatesOf returns a client's certificates, oldest first.
	ClientCertificatesOf(context.Context, Owner) ([]ClientCertificate, error)
	// CreateClientCertificate adds a certificate. Errors: ErrNotFound when the owner is not there, ErrExists for
	// its ID.
	CreateClientCertificate(context.Context, ClientCertificate) error
	DeleteClientCertificate(ctx context.Context, id string) error
}
