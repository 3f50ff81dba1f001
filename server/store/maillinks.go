package store

import (
	"context"
	"time"
)

// MailPurpose is what the link of a mail is for, and the only thing that it is good for.
type MailPurpose string

const (
	// ResetLink is for a new password in place of one that was forgotten.
	ResetLink MailPurpose = "reset"
	// VerificationLink shows that an address is its user's.
	VerificationLink MailPurpose = "verification"
	// InvitationLink is for the first password of a user whom the operator has made.
	InvitationLink MailPurpose = "invitation"
	// FirstRunLink makes the first administrator. There is at most one, whatever its address.
	FirstRunLink MailPurpose = "first-run"
	// SignUpLink makes a user whose address it shows to be theirs.
	SignUpLink MailPurpose = "sign-up"
)

// MailLink is a link that proves that whoever opens it reads the mails of an address.
type MailLink struct {
	Digest  Digest // of the value in the link
	Purpose MailPurpose
	UserID  string // empty: there is no user yet
	Address string // to which it went
	Name    string // of the user that is to be made; otherwise empty
	Locale  string // likewise
	// ExpiresAt is not zero.
	ExpiresAt time.Time
}

// MailLinks keeps one link a purpose and user, or address where there is no user, until it is used or has been
// swept after its expiry.
type MailLinks interface {
	// MailLink returns the link with the digest, also an expired one.
	MailLink(context.Context, Digest) (MailLink, error)
	// PutMailLink adds a link. One for the same purpose and user, or the same address in whatever letter case where
	// there is no user, is good for nothing from then on. Errors: ErrNotFound when the user is not there, ErrExists
	// for its Digest.
	PutMailLink(context.Context, MailLink) error
	// UseMailLink removes the link and returns it. Exactly one call succeeds, also among concurrent ones; the
	// others, and any when it has expired, get ErrNotFound.
	UseMailLink(ctx context.Context, d Digest, now time.Time) (MailLink, error)
	// DeleteMailLinksOf removes the links of a user. It returns how many there were.
	DeleteMailLinksOf(ctx context.Context, userID string) (int, error)
}
