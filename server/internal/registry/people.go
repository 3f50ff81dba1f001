package registry

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/internal/backchannel"
	"github.com/postern-auth/postern/server/internal/password"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// Why a person's logins and tokens end.
const (
	locked          = "user locked"
	passwordChanged = "password changed"
	withdrawn       = "consent withdrawn"
)

// PutUser creates the user or replaces the one with its ID. Its handle and picture are made with it and kept.
// A user who is no longer active is logged out everywhere, and stays so when they are active again. Errors:
// ErrLastAdministrator when they are the last one.
func (r *Registry) PutUser(ctx context.Context, u store.User) error {
	if err := about("user", nameOf(u), checkUser(u)...); err != nil {
		return err
	}
	before, found, err := look(r.tx.User(ctx, u.ID))
	if err != nil {
		return err
	}
	if err := r.freeLogins(ctx, u); err != nil {
		return err
	}
	u.UpdatedAt = r.now
	if found {
		u.Handle, u.PictureID, u.CreatedAt = before.Handle, before.PictureID, before.CreatedAt
	} else {
		rand.Read(u.Handle[:])
		u.PictureID = secret.New()
	}
	err = r.keepAdministrator(ctx, u.ID, func() error {
		return r.put(ctx, object{"user", u.ID, nameOf(u)}, found, UserFields(before, u), func() error { return r.tx.PutUser(ctx, u) })
	})
	if err != nil || !before.Active || u.Active {
		return err
	}
	if err := r.endLogins(ctx, u.ID, locked); err != nil {
		return err
	}
	return r.tx.EndSubject(ctx, u.ID, r.now)
}

// nameOf returns what people know a user by.
func nameOf(u store.User) string {
	if u.LoginName != "" {
		return u.LoginName
	}
	return u.Email
}

// freeLogins refuses a name or address that finds another person.
func (r *Registry) freeLogins(ctx context.Context, u store.User) error {
	if err := r.freeLogin(ctx, u, "login name", u.LoginName); err != nil || u.EmailVerifiedAt.IsZero() {
		return err
	}
	return r.freeLogin(ctx, u, "e-mail address", u.Email)
}

func (r *Registry) freeLogin(ctx context.Context, u store.User, what, login string) error {
	if login == "" {
		return nil
	}
	other, taken, err := look(r.tx.UserByLogin(ctx, u.OrganizationID, login))
	if err != nil || !taken || other.ID == u.ID {
		return err
	}
	return fmt.Errorf("registry: user %.64q cannot have the %s %.64q, by which user %.64q logs in: %w",
		nameOf(u), what, login, nameOf(other), store.ErrExists)
}

// endLogins ends a person's sessions and what applications were given on their behalf.
func (r *Registry) endLogins(ctx context.Context, userID, reason string) error {
	return r.endOthers(ctx, userID, store.Digest{}, reason)
}

// endOthers leaves one of the sessions.
func (r *Registry) endOthers(ctx context.Context, userID string, but store.Digest, reason string) error {
	if err := backchannel.TellAll(ctx, r.tx, userID, but, r.now); err != nil {
		return err
	}
	if _, err := r.tx.DeleteSessionsOf(ctx, userID, but); err != nil {
		return err
	}
	_, err := r.tx.RevokeFamiliesOf(ctx, userID, "", r.now, reason)
	return err
}

// SetPassword gives a user another password, of which it takes the PHC string that package password makes. It
// logs them out everywhere, for who has the former one may be somebody else.
func (r *Registry) SetPassword(ctx context.Context, u store.User, phc string) error {
	if written, err := r.writePassword(ctx, u, phc); err != nil || !written {
		return err
	}
	return r.endLogins(ctx, u.ID, passwordChanged)
}

// ChangePassword gives a user the password that they have chosen in a session, which goes on as next while all else
// that SetPassword ends is ended. Of several at once one counts. Errors: store.ErrNotFound when the session has
// ended, as by another change of the password.
func (r *Registry) ChangePassword(ctx context.Context, u store.User, phc string, session store.Digest, next store.Session) error {
	if err := r.tx.ReplaceSession(ctx, session, next); err != nil {
		return err
	}
	if _, err := r.writePassword(ctx, u, phc); err != nil {
		return err
	}
	return r.endOthers(ctx, u.ID, next.Digest, passwordChanged)
}

func (r *Registry) writePassword(ctx context.Context, u store.User, phc string) (written bool, err error) {
	if _, err := password.Parse(phc); err != nil {
		return false, about("user", nameOf(u), err)
	}
	before, found, err := look(r.tx.Password(ctx, u.ID))
	if err != nil || before.PHC == phc {
		return false, err
	}
	if err := r.tx.PutPassword(ctx, store.Password{UserID: u.ID, PHC: phc, ChangedAt: r.now}); err != nil {
		return false, err
	}
	// A link for another password, or another address, was asked for by whoever knew the former one.
	if _, err := r.tx.DeleteMailLinksOf(ctx, u.ID); err != nil {
		return false, err
	}
	action := changed
	if !found {
		action = created
	}
	return true, r.record(ctx, action, object{"password", u.ID, nameOf(u)}, nil)
}

// InvitationLifetime is how long an invitation can be accepted, and InvitationPath what the path of its link begins
// with, before the value.
const (
	InvitationLifetime = 7 * 24 * time.Hour
	InvitationPath     = "/invitation/"
)

// Invite makes the link by which a user without a password chooses their first one, in place of any former link, and
// returns its value, which is kept nowhere.
func (r *Registry) Invite(ctx context.Context, u store.User) (raw string, err error) {
	raw = secret.New()
	err = r.tx.PutMailLink(ctx, store.MailLink{
		Digest: secret.Digest(raw), Purpose: store.InvitationLink, UserID: u.ID, ExpiresAt: r.now.Add(InvitationLifetime),
	})
	if err != nil {
		return "", err
	}
	return raw, r.record(ctx, created, object{"invitation", u.ID, nameOf(u)}, nil)
}

// WithdrawConsent takes back what a person has allowed an application, and ends what it was given on their behalf,
// also where it needed no consent.
func (r *Registry) WithdrawConsent(ctx context.Context, u store.User, app store.Application) error {
	_, given, err := look(r.tx.Consent(ctx, u.ID, app.ClientID))
	if err == nil && given {
		err = r.tx.DeleteConsent(ctx, u.ID, app.ClientID)
	}
	if err != nil {
		return err
	}
	ended, err := r.tx.RevokeFamiliesOf(ctx, u.ID, app.ClientID, r.now, withdrawn)
	if err != nil || !given && ended == 0 {
		return err
	}
	return r.record(ctx, deleted, object{"consent", app.ID, nameOf(u) + " to " + app.Name}, nil)
}

// DeleteUser removes the user with everything that is theirs. Errors: ErrLastAdministrator.
func (r *Registry) DeleteUser(ctx context.Context, u store.User) error {
	if err := backchannel.TellAll(ctx, r.tx, u.ID, store.Digest{}, r.now); err != nil {
		return err
	}
	return r.keepAdministrator(ctx, u.ID, func() error {
		return r.remove(ctx, object{"user", u.ID, nameOf(u)}, func() error { return r.tx.DeleteSubject(ctx, u.ID) })
	})
}

func checkUser(u store.User) []error {
	errs := []error{CheckTitle(u.Name), CheckTitle(u.GivenName), CheckTitle(u.FamilyName), CheckTitle(u.Nickname)}
	if u.LoginName != "" {
		errs = append(errs, CheckLogin(u.LoginName))
	}
	if u.Email != "" {
		errs = append(errs, CheckEmail(u.Email))
	}
	if u.Locale != "" {
		errs = append(errs, CheckLocale(u.Locale))
	}
	if u.LoginName == "" && u.Email == "" {
		errs = append(errs, errors.New("expected a login name or an e-mail address, got neither"))
	}
	return append(errs, CheckVerified(u.Email, !u.EmailVerifiedAt.IsZero()))
}

// CheckLogin admits the name that a person logs in with. It is ASCII, so that no two look alike.
func CheckLogin(s string) error {
	if s == "" || len(s) > maxName {
		return fmt.Errorf("expected 1 to %d bytes, got %d", maxName, len(s))
	}
	if strings.IndexFunc(s, func(c rune) bool { return c != '+' && notID(c) }) >= 0 {
		return fmt.Errorf("expected letters, digits and ._~@+- alone, got %.64q", s)
	}
	return nil
}

// maxEmail is the length of the longest address in bytes that mail can be sent to (RFC 5321 §4.5.3.1.3).
const maxEmail = 254

// CheckEmail admits an e-mail address: ASCII, without a name, comment or quotes, the one form that every system
// reads alike.
func CheckEmail(s string) error {
	address, err := mail.ParseAddress(s)
	special := func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`"(),:;<>[\]`, c) }
	if len(s) > maxEmail || err != nil || address.Address != s || strings.ContainsFunc(s, special) {
		return fmt.Errorf("expected an e-mail address such as anna@example.com, in ASCII and of at most %d bytes, got %.64q", maxEmail, s)
	}
	return nil
}

// CheckVerified refuses to take an address for verified that is not there.
func CheckVerified(email string, verified bool) error {
	if verified && email == "" {
		return errors.New("expected an e-mail address to be verified, got none")
	}
	return nil
}

// CheckLocale admits a language tag by its syntax (RFC 5646 §2.1).
func CheckLocale(s string) error {
	for i, part := range strings.Split(s, "-") {
		letters := strings.Trim(part, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
		digits := strings.Trim(part, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
		if part == "" || len(part) > 8 || !digits || i == 0 && (!letters || len(part) < 2) || len(s) > 35 {
			return fmt.Errorf("expected a language tag such as de or pt-BR, got %.64q", s)
		}
	}
	return nil
}
