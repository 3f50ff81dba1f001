package store

import (
	"cmp"
	"context"
	"time"
)

// UserSubject is the kind of a person.
const UserSubject SubjectKind = "user"

// UserHandle is what passkeys know a person by: 64 random bytes that say nothing about who it is.
type UserHandle [64]byte

// User is a person: a Subject with what others are told about them.
//
// A person logs in with the LoginName or with the Email once that is verified. Within an organization these
// are one space of names in which letter case does not count: what finds one person finds no other. An address
// that is not verified finds nobody and keeps nobody from having it.
type User struct {
	ID             string // the sub of their tokens
	OrganizationID string
	Handle         UserHandle // set when the user is made, and kept
	LoginName      string     // the Subject's Username, written as it was chosen; may be empty
	Email          string     // may be empty
	// EmailVerifiedAt is when the person has shown that the address is theirs. Zero: not yet.
	EmailVerifiedAt time.Time
	Name            string
	GivenName       string
	FamilyName      string
	Nickname        string
	// PictureID is what their picture is asked for by: random, because a picture's URL is shown to everybody.
	PictureID string // unique; may be empty
	Locale    string // a language tag of BCP 47; may be empty
	Active    bool   // false: locked
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Called returns what the user is known by: the login name, or the address of those without one.
func (u User) Called() string { return cmp.Or(u.LoginName, u.Email) }

// ListedUser is a User as lists have them: with how they log in, and when they did.
type ListedUser struct {
	User
	TOTP, Passkey bool      // there is an app for codes; there is a passkey
	LastLoginAt   time.Time // zero: not yet, or before it was kept
}

// Users keeps people.
type Users interface {
	User(ctx context.Context, id string) (User, error)
	// UserByLogin returns the user of the organization whose login name, or verified e-mail address, it is.
	UserByLogin(ctx context.Context, organizationID, login string) (User, error)
	UserByHandle(context.Context, UserHandle) (User, error)
	UserByPicture(ctx context.Context, pictureID string) (User, error)
	// Users returns at most limit users whose ID comes after the one given, ordered by ID.
	Users(ctx context.Context, after string, limit int) ([]User, error)
	// UsersPart returns the part of them that the window asks for, ordered by the login name, or the address of those
	// without one, and then ID, and searched by both, by name and by ID.
	UsersPart(context.Context, Window) (Part[ListedUser], error)
	// PutUser creates the user or replaces the one with its ID, as Subject too, but for the Handle. Errors:
	// ErrExists when the login name, verified address, handle or picture is another's. DeleteSubject removes
	// a user with everything that is theirs.
	PutUser(context.Context, User) error
}

// Password is what a password is checked against.
type Password struct {
	UserID    string
	PHC       string // the hash in PHC string format, parameters and salt included
	ChangedAt time.Time
}

// Passwords keeps at most one password a user.
type Passwords interface {
	Password(ctx context.Context, userID string) (Password, error)
	// PutPassword sets the user's password. Errors: ErrNotFound when the user is not there.
	PutPassword(context.Context, Password) error
	// RehashPassword replaces the hash by another one of the same password, unless the password has been
	// changed since: then ErrNotFound, and the change stands.
	RehashPassword(ctx context.Context, userID, former, phc string) error
	DeletePassword(ctx context.Context, userID string) error
}
