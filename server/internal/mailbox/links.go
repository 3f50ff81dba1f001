package mailbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/letter"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/password"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// The actors of what links change, as events name them.
const (
	byReset        = "password reset"
	byInvitation   = "invitation"
	bySignUp       = "sign-up"
	byVerification = "e-mail verification"
)

// reset takes another password for a user who has forgotten theirs.
func (m *Mailbox) reset(w http.ResponseWriter, r *endpoint.Request, link store.MailLink) error {
	return m.choosePassword(w, r, link, page.NewPassword{}, func(ctx context.Context, tx store.Tx, u store.User, phc string) error {
		// The address is what the link has proved; who has given it up since is not the one.
		if u.EmailVerifiedAt.IsZero() || !strings.EqualFold(u.Email, link.Address) {
			return store.ErrNotFound
		}
		if err := registry.In(tx, byReset, m.Now()).SetPassword(ctx, u, phc); err != nil {
			return err
		}
		if err := m.endWhatWasBefore(ctx, tx, u); err != nil {
			return err
		}
		return m.Letters.Add(ctx, tx, letter.Letter{About: letter.PasswordChanged, User: u.ID, Issuer: r.Issuer})
	}, page.PasswordChanged)
}

// endWhatWasBefore ends what opens an account and was made before the address was verified: by whom is not known,
// and somebody may have made it in wait for the owner of the address to come.
func (m *Mailbox) endWhatWasBefore(ctx context.Context, tx store.Tx, u store.User) error {
	keys, err := tx.PasskeysOf(ctx, u.ID)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if key.CreatedAt.Before(u.EmailVerifiedAt) {
			if err := tx.DeletePasskey(ctx, u.ID, key.ID); err != nil {
				return err
			}
		}
	}
	tokens, err := tx.TokensOf(ctx, u.ID, store.PersonalAccessToken)
	if err != nil {
		return err
	}
	for _, token := range tokens {
		if token.IssuedAt.Before(u.EmailVerifiedAt) && token.RevokedAt.IsZero() {
			if err := tx.RevokeToken(ctx, token.ID, m.Now()); err != nil {
				return err
			}
		}
	}
	return nil
}

// invited takes the first password of a user whom the operator has made and handed a link. It proves no address.
func (m *Mailbox) invited(w http.ResponseWriter, r *endpoint.Request, link store.MailLink) error {
	return m.choosePassword(w, r, link, page.NewPassword{Invited: true}, func(ctx context.Context, tx store.Tx, u store.User, phc string) error {
		if _, err := tx.Password(ctx, u.ID); !errors.Is(err, store.ErrNotFound) {
			if err == nil {
				err = store.ErrNotFound // an invitation is no second way to reset
			}
			return err
		}
		return registry.In(tx, byInvitation, m.Now()).SetPassword(ctx, u, phc)
	}, page.AccountCreated)
}

// choosePassword shows the page of a link that takes a password, and writes one.
func (m *Mailbox) choosePassword(
	w http.ResponseWriter, r *endpoint.Request, link store.MailLink, shown page.NewPassword,
	write func(context.Context, store.Tx, store.User, string) error, done page.Matter,
) error {
	u, err := m.Store.User(r.Context(), link.UserID)
	if errors.Is(err, store.ErrNotFound) || err == nil && !u.Active {
		return over
	}
	if err != nil {
		return fmt.Errorf("mailbox: reading a user: %w", err)
	}
	shown.Identifier = u.Email
	if u.Email == "" || u.EmailVerifiedAt.IsZero() && u.LoginName != "" {
		shown.Identifier = u.LoginName
	}
	phc, ok, err := m.newPassword(w, r, shown, u)
	if err != nil || !ok {
		return err
	}
	return m.use(w, r, link, done, func(ctx context.Context, tx store.Tx) error {
		now, err := tx.User(ctx, u.ID)
		if err == nil && !now.Active {
			err = store.ErrNotFound
		}
		if err != nil {
			return err
		}
		return write(ctx, tx, now, phc)
	})
}

// newPassword shows the page, and returns the hash of what was chosen; false: it has answered.
func (m *Mailbox) newPassword(w http.ResponseWriter, r *endpoint.Request, shown page.NewPassword, u store.User) (string, bool, error) {
	shown.Action = r.URL.Path
	if r.Method != http.MethodPost {
		m.Site.Render(w, r, "", shown)
		return "", false, nil
	}
	chosen, err := password.Choose(r.Params.Value("new_password"), u.LoginName, u.Email, u.Name, u.GivenName, u.FamilyName)
	if refused := (*password.ChoiceError)(nil); errors.As(err, &refused) {
		shown.Problem = problemOf(refused.Reason)
		m.Site.Render(w, r, "", shown)
		return "", false, nil
	}
	turn, err := m.Hasher.Wait(r.Context(), "link:"+r.PathValue("link")[:min(len(r.PathValue("link")), 64)])
	if errors.Is(err, password.ErrBusy) {
		shown.Problem = page.Busy
		m.Site.Render(w, r, "", shown)
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	defer turn.Done()
	return turn.Hash(chosen).PHC(), true, nil
}

func problemOf(reason password.Reason) page.Problem {
	switch reason {
	case password.TooShort:
		return page.ShortPassword
	case password.TooLong:
		return page.LongPassword
	}
	return page.CommonPassword
}

// use uses up a link and writes what it is for, and all or nothing of it.
func (m *Mailbox) use(w http.ResponseWriter, r *endpoint.Request, link store.MailLink, done page.Matter, write func(context.Context, store.Tx) error) error {
	err := m.Store.InTx(r.Context(), func(tx store.Tx) error {
		if _, err := tx.UseMailLink(r.Context(), link.Digest, m.Now()); err != nil {
			return err
		}
		return write(r.Context(), tx)
	})
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrExists):
		return over
	case err != nil:
		return fmt.Errorf("mailbox: %w", err)
	}
	m.Letters.Wake()
	m.Site.Render(w, r, "", page.Notice{Matter: done, Login: m.Account})
	return nil
}

// signedUp makes the user of a sign-up. Until here nobody had a password on the address, so there is none that
// somebody else could have chosen.
func (m *Mailbox) signedUp(w http.ResponseWriter, r *endpoint.Request, link store.MailLink) error {
	u := store.User{
		ID: secret.NewID(), Email: link.Address, EmailVerifiedAt: m.Now(), Name: link.Name, Locale: link.Locale,
		Active: true, CreatedAt: m.Now(),
	}
	phc, ok, err := m.newPassword(w, r, page.NewPassword{Identifier: link.Address, Invited: true}, u)
	if err != nil || !ok {
		return err
	}
	return m.use(w, r, link, page.AccountCreated, func(ctx context.Context, tx store.Tx) error {
		organizations, err := tx.Organizations(ctx)
		if err != nil {
			return err
		}
		if len(organizations) == 0 {
			return errors.New("there is no organization that a user could be of")
		}
		u := u
		u.OrganizationID = organizations[0].ID
		in := registry.In(tx, bySignUp, m.Now())
		if err := in.PutUser(ctx, u); err != nil {
			return err
		}
		return in.SetPassword(ctx, u, phc)
	})
}

// verify has an address be a user's, in place of the one before.
func (m *Mailbox) verify(w http.ResponseWriter, r *endpoint.Request, link store.MailLink) error {
	if r.Method != http.MethodPost {
		m.Site.Render(w, r, "", page.VerifyEmail{Action: r.URL.Path, Email: link.Address})
		return nil
	}
	return m.use(w, r, link, page.EmailVerified, func(ctx context.Context, tx store.Tx) error {
		u, err := tx.User(ctx, link.UserID)
		if err == nil && !u.Active {
			err = store.ErrNotFound
		}
		if err != nil {
			return err
		}
		former, verified := u.Email, !u.EmailVerifiedAt.IsZero()
		if verified && strings.EqualFold(former, link.Address) {
			return nil
		}
		u.Email, u.EmailVerifiedAt = link.Address, m.Now()
		if err := registry.In(tx, byVerification, m.Now()).PutUser(ctx, u); err != nil {
			return err
		}
		// Links that went to the former address open nothing any more.
		if _, err := tx.DeleteMailLinksOf(ctx, u.ID); err != nil {
			return err
		}
		if !verified {
			return nil
		}
		return m.Letters.Add(ctx, tx, letter.Letter{About: letter.EmailChanged, User: u.ID, Address: former, Issuer: r.Issuer})
	})
}
