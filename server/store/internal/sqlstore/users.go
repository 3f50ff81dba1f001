package sqlstore

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/postern-auth/postern/server/store"
)

const (
	userColumns = `u.id, s.organization_id, u.handle, s.username, u.email, u.email_verified_at,
		u.name, u.given_name, u.family_name, u.nickname, u.picture_id, u.locale, s.active, u.created_at, u.updated_at`
	selectUsers = `SELECT ` + userColumns + ` FROM users u JOIN subjects s ON s.id = u.id `
)

func addUser(row Scan, all []store.User) ([]store.User, error) {
	var u store.User
	err := row(userFields(&u)...)
	return append(all, u), err
}

// userFields are where userColumns go.
func userFields(u *store.User) []any {
	return []any{
		&u.ID, &u.OrganizationID, (*handle)(&u.Handle), &u.LoginName, &u.Email, (*instant)(&u.EmailVerifiedAt),
		&u.Name, &u.GivenName, &u.FamilyName, &u.Nickname, (*optional)(&u.PictureID), &u.Locale, &u.Active,
		(*instant)(&u.CreatedAt), (*instant)(&u.UpdatedAt),
	}
}

// User returns the user with the id.
func (t *Tx) User(ctx context.Context, id string) (store.User, error) {
	return find(ctx, t, "user", id, addUser, selectUsers+`WHERE u.id = $1`, id)
}

// UserByLogin returns the user of the organization whose login name, or verified e-mail address, it is.
func (t *Tx) UserByLogin(ctx context.Context, organizationID, login string) (store.User, error) {
	return find(ctx, t, "user by login", login, addUser,
		selectUsers+`JOIN logins l ON l.user_id = u.id WHERE l.organization_id = $1 AND l.login = $2`, organizationID, lower(login))
}

// UserByHandle returns the user whom passkeys know by the handle.
func (t *Tx) UserByHandle(ctx context.Context, h store.UserHandle) (store.User, error) {
	return find(ctx, t, "user by handle", "", addUser, selectUsers+`WHERE u.handle = $1`, h[:])
}

// UserByPicture returns the user with the picture. An empty one finds nothing.
func (t *Tx) UserByPicture(ctx context.Context, pictureID string) (store.User, error) {
	return find(ctx, t, "user by picture", pictureID, addUser, selectUsers+`WHERE u.picture_id = $1`, pictureID)
}

// Users returns at most limit users whose ID comes after the one given, ordered by ID.
func (t *Tx) Users(ctx context.Context, after string, limit int) ([]store.User, error) {
	return list(ctx, t, "users after", after, addUser, selectUsers+`WHERE u.id > $1 ORDER BY u.id LIMIT $2`, after, max(limit, 0))
}

// UsersPart returns the part of them that the window asks for, in the order of what they are called.
func (t *Tx) UsersPart(ctx context.Context, w store.Window) (store.Part[store.ListedUser], error) {
	const from = `users u JOIN subjects s ON s.id = u.id `
	return listing[store.ListedUser]{
		what: "users", add: addListedUser, counted: from, alone: "users u",
		query: `SELECT ` + userColumns + `, EXISTS (SELECT 1 FROM totps o WHERE o.user_id = u.id),
			EXISTS (SELECT 1 FROM passkeys p WHERE p.user_id = u.id), u.last_login_at FROM ` + from,
		name: "u.called", id: "u.id", searched: []string{"s.username", "u.email", "u.name", "u.id"},
	}.part(ctx, t, w)
}

func addListedUser(row Scan, all []store.ListedUser) ([]store.ListedUser, error) {
	var u store.ListedUser
	err := row(append(userFields(&u.User), &u.TOTP, &u.Passkey, (*instant)(&u.LastLoginAt))...)
	return append(all, u), err
}

// PutUser creates the user or replaces the one with its ID, as subject too, but for the handle. Errors:
// store.ErrExists when the login name, verified address, handle or picture is another's.
func (t *Tx) PutUser(ctx context.Context, u store.User) error {
	if u.Handle == (store.UserHandle{}) {
		return fmt.Errorf("store: user %s: expected a handle of random bytes, got zeros", quoted(u.ID))
	}
	return t.alter(ctx, "put user", u.ID, func(q Querier) error {
		err := putSubject(q, store.Subject{
			ID: u.ID, Kind: store.UserSubject, OrganizationID: u.OrganizationID, Username: u.LoginName, Active: u.Active,
		})
		if err != nil {
			return err
		}
		_, err = q.Exec(`
			INSERT INTO users (id, handle, email, email_verified_at, name, given_name, family_name, nickname, picture_id,
				locale, created_at, updated_at, called)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
			ON CONFLICT (id) DO UPDATE SET
				email = excluded.email, email_verified_at = excluded.email_verified_at, name = excluded.name,
				given_name = excluded.given_name, family_name = excluded.family_name, nickname = excluded.nickname,
				picture_id = excluded.picture_id, locale = excluded.locale, created_at = excluded.created_at,
				updated_at = excluded.updated_at, called = excluded.called`,
			u.ID, u.Handle[:], u.Email, instant(u.EmailVerifiedAt), u.Name, u.GivenName, u.FamilyName, u.Nickname,
			optional(u.PictureID), u.Locale, instant(u.CreatedAt), instant(u.UpdatedAt), u.Called())
		if err != nil {
			return err
		}
		return claimLogins(q, u)
	})
}

// claimLogins takes what finds the user out of the organization's one space of such names.
func claimLogins(q Querier, u store.User) error {
	if _, err := q.Exec(`DELETE FROM logins WHERE user_id = $1`, u.ID); err != nil {
		return err
	}
	logins := []string{lower(u.LoginName)}
	if address := lower(u.Email); !u.EmailVerifiedAt.IsZero() && address != logins[0] {
		logins = append(logins, address)
	}
	for _, login := range logins {
		if login == "" {
			continue
		}
		_, err := q.Exec(`INSERT INTO logins (organization_id, login, user_id) VALUES ($1, $2, $3)`, u.OrganizationID, login, u.ID)
		if err != nil {
			return err
		}
	}
	return nil
}

// lower leaves alone what is not UTF-8, which strings.ToLower would turn into another name.
func lower(login string) string {
	if !utf8.ValidString(login) {
		return login
	}
	return strings.ToLower(login)
}

// Password returns the user's password.
func (t *Tx) Password(ctx context.Context, userID string) (store.Password, error) {
	const query = `SELECT user_id, phc, changed_at FROM passwords WHERE user_id = $1`
	return find(ctx, t, "password of user", userID, addPassword, query, userID)
}

func addPassword(row Scan, all []store.Password) ([]store.Password, error) {
	var p store.Password
	err := row(&p.UserID, &p.PHC, (*instant)(&p.ChangedAt))
	return append(all, p), err
}

// PutPassword sets the user's password. Errors: store.ErrNotFound when the user is not there.
func (t *Tx) PutPassword(ctx context.Context, p store.Password) error {
	return t.alter(ctx, "put password of user", p.UserID, func(q Querier) error {
		_, err := q.Exec(`
			INSERT INTO passwords (user_id, phc, changed_at) VALUES ($1, $2, $3)
			ON CONFLICT (user_id) DO UPDATE SET phc = excluded.phc, changed_at = excluded.changed_at`,
			p.UserID, p.PHC, instant(p.ChangedAt))
		return err
	})
}

// RehashPassword replaces the hash by another one of the same password. Errors: store.ErrNotFound when the
// password has been changed since.
func (t *Tx) RehashPassword(ctx context.Context, userID, former, phc string) error {
	return t.alter(ctx, "rehash password of user", userID, func(q Querier) error {
		return change(q, `UPDATE passwords SET phc = $3 WHERE user_id = $1 AND phc = $2`, userID, former, phc)
	})
}

// DeletePassword removes the user's password.
func (t *Tx) DeletePassword(ctx context.Context, userID string) error {
	return t.alter(ctx, "delete password of user", userID, func(q Querier) error {
		return change(q, `DELETE FROM passwords WHERE user_id = $1`, userID)
	})
}
