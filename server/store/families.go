package store

import (
	"context"
	"strings"
	"time"
)

// FamilyKind says what a Family began with.
type FamilyKind string

const (
	// CodeFamily began with an authorization code.
	CodeFamily FamilyKind = "code"
	// DeviceFamily began with a device code (RFC 8628).
	DeviceFamily FamilyKind = "device"
	// ExchangeFamily began with a token exchange (RFC 8693).
	ExchangeFamily FamilyKind = "exchange"
)

// MaxSuccessors is how many refresh tokens may follow one: a client that has not heard the answer asks again.
const MaxSuccessors = 3

// Family is what one consent of a person led to: the code, the refresh tokens, the access tokens. It lives and
// is revoked as a whole. An opaque access token names it in its row, a JWT in its jti; see Family.JTI.
type Family struct {
	ID           string
	SubjectID    string
	ClientID     string // the client's client_id
	SessionID    string // the sid of the login; empty: none
	Issuer       string // at which it began, and which alone issues more; empty: of a version that did not keep it
	Kind         FamilyKind
	Scopes       []string
	Targets      []string // audiences that its tokens may have
	AuthTime     time.Time
	ACR          string
	AMR          []string
	Confirmation string // the cnf that its refresh tokens are bound to, as JSON; empty: none
	// Parent is the ID of the family of the token that was exchanged, Source the jti of that token, and Actor
	// whom the tokens act by (act, RFC 8693 §4.1), as JSON. Empty: nothing was exchanged, or there is none.
	Parent, Source, Actor string
	// EndsWithSession says that RevokeFamiliesOfSession revokes it.
	EndsWithSession bool
	CreatedAt       time.Time
	// ExpiresAt is when its last token is dead; it moves forward as tokens are issued, and is not zero. Until
	// then all of it stays known, so that a second use is noticed.
	ExpiresAt time.Time
	RevokedAt time.Time // zero: not revoked
	Reason    string    // why it was revoked
}

// JTI returns the jti of a JWT of the family, which has an id of its own.
func (f Family) JTI(id string) string { return f.ID + "." + id }

// FamilyOf returns the ID of the family that a jti names, and an empty one when it names none.
func FamilyOf(jti string) string {
	id, _, found := strings.Cut(jti, ".")
	if !found {
		return ""
	}
	return id
}

// The reasons for which the store itself revokes a family.
const (
	CodeReused         = "authorization code used again"
	RefreshTokenReused = "refresh token used again"
)

// Use says what came of using a code or refresh token. It is no error: one given back to InTx would undo the
// revocation that came with it.
type Use string

const (
	// Used: the use counts, and has what it asked for.
	Used Use = "used"
	// UseUnknown: there is no such code or token.
	UseUnknown Use = "unknown"
	// UseExpired: its time, or that of its family, is over.
	UseExpired Use = "expired"
	// UseRevoked: the family had been revoked before.
	UseRevoked Use = "revoked"
	// UseAgain: it had been used up before, and the family is revoked for that by this use.
	UseAgain Use = "used again"
)

// Code is an authorization code.
type Code struct {
	Digest   Digest
	FamilyID string
	Request  string // what its use is checked against, as JSON
	// ExpiresAt is not zero.
	ExpiresAt time.Time
	UsedAt    time.Time // zero: not used
}

// RefreshToken is a refresh token, one of the generations of its family.
type RefreshToken struct {
	Digest      Digest
	FamilyID    string
	Parent      Digest // the one it followed; zero for the first
	Generation  int    // 0 for the first
	IssuedAt    time.Time
	FirstUsedAt time.Time // zero: not used
	Successors  int       // how many have followed it
	// BranchEndsAt is when it and all that follow it are used up, because another that followed the same one
	// was used before it. Zero: none was.
	BranchEndsAt time.Time
	// ExpiresAt is not zero.
	ExpiresAt time.Time
}

// Families keeps families with their codes and refresh tokens.
type Families interface {
	Family(ctx context.Context, id string) (Family, error)
	// FamilyAlive reports whether the family is there and neither revoked nor expired. It is one look-up by
	// key.
	FamilyAlive(ctx context.Context, id string, now time.Time) (bool, error)
	// FamiliesOfSession returns the families that began in the session, oldest first, ended ones included.
	FamiliesOfSession(ctx context.Context, sessionID string) ([]Family, error)
	// FamiliesOf returns the families of a subject that are neither revoked nor expired, oldest first.
	FamiliesOf(ctx context.Context, subjectID string, now time.Time) ([]Family, error)
	// CreateFamily adds a family. Errors: ErrNotFound when the subject or client is not there, ErrExists for
	// its ID.
	CreateFamily(context.Context, Family) error
	// ExtendFamily moves ExpiresAt forward to the time, for an access token that lives so long. Errors:
	// ErrNotFound when the family is not alive.
	ExtendFamily(ctx context.Context, id string, now, expires time.Time) error
	// BindFamily sets the Confirmation of a family that has none. Errors: ErrNotFound when there is no such family,
	// or it has one.
	BindFamily(ctx context.Context, id, confirmation string) error
	// RevokeFamily ends the family. Revoking it again changes nothing. Errors: ErrNotFound.
	RevokeFamily(ctx context.Context, id string, at time.Time, reason string) error
	// RevokeFamiliesOf ends the families of a subject, those of one client alone if clientID is not empty. It
	// returns how many ended.
	RevokeFamiliesOf(ctx context.Context, subjectID, clientID string, at time.Time, reason string) (int, error)
	// RevokeFamiliesOfClient ends the families of a client and returns how many ended.
	RevokeFamiliesOfClient(ctx context.Context, clientID string, at time.Time, reason string) (int, error)
	// RevokeFamiliesOfSession ends the families that began in the session and end with it, and returns how many
	// ended.
	RevokeFamiliesOfSession(ctx context.Context, sessionID string, at time.Time, reason string) (int, error)

	// Code returns the code, used and expired ones included.
	Code(context.Context, Digest) (Code, error)
	// CreateCode adds a code. Errors: ErrNotFound when the family is not there, ErrExists for its Digest. The
	// family lives at least as long as the code.
	CreateCode(context.Context, Code) error
	// UseCode uses the code. Exactly one call for a code returns Used, also among concurrent ones and other
	// replicas; a later one revokes the family. What a client has to prove is checked before.
	UseCode(ctx context.Context, d Digest, now time.Time) (Use, error)

	// RefreshToken returns the token, used and expired ones included.
	RefreshToken(context.Context, Digest) (RefreshToken, error)
	// CreateRefreshToken adds the first token of a family. Errors: ErrNotFound when the family is not there,
	// ErrExists for its Digest. The family lives at least as long as the token.
	CreateRefreshToken(context.Context, RefreshToken) error
	// UseRefreshToken uses the token and adds its successor, of which Digest, IssuedAt and ExpiresAt are read.
	// What a client has to prove is checked before.
	//
	// A token may be used MaxSuccessors times within the overlap from its first use on. Once one of the tokens
	// that followed the same one has been used, the others, and all that followed those meanwhile, may be used
	// within the overlap from then on: one branch lives on. Any other use is UseAgain. Errors: ErrExists for the
	// successor's Digest.
	UseRefreshToken(ctx context.Context, d Digest, now time.Time, overlap time.Duration, successor RefreshToken) (Use, error)
}
