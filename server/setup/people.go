package setup

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/internal/document"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

func (c *comparison) user(ctx context.Context, u *document.User) error {
	before, found, err := c.userNamed(ctx, u)
	if err != nil {
		return err
	}
	if !found {
		before = store.User{
			ID: secret.NewID(), OrganizationID: c.organization.ID, LoginName: u.Login.Text, Active: true, CreatedAt: c.now,
		}
	}
	after := userAfter(before, u, c.now)
	label := fmt.Sprintf("user %q", after.LoginName)
	f := registry.UserFields(before, after)
	steps, err := c.assignments(ctx, label, u.Held, after.ID, found, &f)
	if err != nil {
		return err
	}
	c.put(found, Change{Object: "user", Name: after.LoginName, do: func(ctx context.Context, w *work) error {
		if err := w.registry.PutUser(ctx, after); err != nil {
			return err
		}
		return steps.run(ctx, w.registry)
	}}, f)
	if err := c.idFile(u.IDFile, after.ID, label); err != nil {
		return err
	}
	if err := c.invitation(ctx, u, after, found); err != nil {
		return err
	}
	return c.password(ctx, u, after, found)
}

// userNamed returns the user with the login name or, as it is about to be renamed, the earlier one.
func (c *comparison) userNamed(ctx context.Context, u *document.User) (store.User, bool, error) {
	var users []store.User
	for _, login := range []string{u.Login.Text, u.Was.Text} {
		if login == "" {
			continue
		}
		found, err := c.store.UserByLogin(ctx, c.organization.ID, login)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return store.User{}, false, fmt.Errorf("setup: read user %q: %w", login, err)
		default:
			users = append(users, found)
		}
	}
	// Who is found by an address is another user, whom the registry keeps this one apart from.
	i, err := named(users, "user", folded(u.Login), folded(u.Was), func(s store.User) string { return strings.ToLower(s.LoginName) })
	if err != nil || i < 0 {
		return store.User{}, false, err
	}
	return users[i], true, nil
}

// folded returns the word as logins are compared: without regard to letter case.
func folded(w document.Word) document.Word {
	w.Text = strings.ToLower(w.Text)
	return w
}

// userAfter returns the user as the document has them be. What it does not say stays.
func userAfter(after store.User, u *document.User, now time.Time) store.User {
	after.LoginName, after.Active = u.Login.Text, u.Active
	if u.Email != nil && *u.Email != after.Email {
		after.Email, after.EmailVerifiedAt = *u.Email, time.Time{}
	}
	if u.EmailVerified != nil {
		switch {
		case !*u.EmailVerified:
			after.EmailVerifiedAt = time.Time{}
		case after.EmailVerifiedAt.IsZero():
			after.EmailVerifiedAt = now
		}
	}
	for into, text := range map[*string]*string{
		&after.Name: u.Name, &after.GivenName: u.GivenName, &after.FamilyName: u.FamilyName,
		&after.Nickname: u.Nickname, &after.Locale: u.Locale,
	} {
		if text != nil {
			*into = *text
		}
	}
	return after
}
