package store

import (
	"context"
	"time"
)

// RegistrationKind says how an application came here that nobody set up.
type RegistrationKind string

const (
	// DynamicRegistration is that of an application that registered itself (RFC 7591).
	DynamicRegistration RegistrationKind = "dynamic"
	// DocumentRegistration is that of an application whose client id is the URL of a document about it.
	DocumentRegistration RegistrationKind = "document"
)

// Registration is how an application came here that no operator has set up. It goes with the application.
type Registration struct {
	ApplicationID string
	Kind          RegistrationKind
	// Digest is that of the registration access token (RFC 7592); zero: none.
	Digest Digest
	// Keys are the public keys that verify its assertions, as a key set in JSON (RFC 7517 §5); empty: none.
	Keys string
	// AddressPrefix is from where it was registered; empty: not known.
	AddressPrefix string
	CreatedAt     time.Time
	// ExpiresAt is when the application goes, unless it has consents or families of tokens by then. It is not zero.
	ExpiresAt time.Time
}

// RegistrationBounds are how many registrations there may be.
type RegistrationBounds struct {
	// FromAddress is how many may come from one address prefix since the time Since. An empty prefix is not bounded.
	FromAddress int
	Since       time.Time
	// Unexpired is how many of a kind may be there whose ExpiresAt has not come.
	Unexpired int
}

// Registrations keeps at most one registration of each application.
type Registrations interface {
	// Registration returns the registration of the application.
	Registration(ctx context.Context, applicationID string) (Registration, error)
	// CreateRegistration adds a registration. Errors: ErrFull when the bounds let none in, ErrNotFound when the
	// application is not there, ErrExists when it has a registration.
	CreateRegistration(context.Context, Registration, RegistrationBounds) error
	// PutRegistration creates the registration or replaces that of its application. Errors: ErrNotFound when the
	// application is not there.
	PutRegistration(context.Context, Registration) error
}
