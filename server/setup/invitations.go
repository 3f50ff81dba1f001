package setup

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/postern-auth/postern/server/internal/document"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// invitation compares the file of an invitation with its row. Who has a password has accepted theirs, and the file
// does not matter any more.
func (c *comparison) invitation(ctx context.Context, u *document.User, user store.User, found bool) error {
	if u.InvitationFile.Text == "" {
		return nil
	}
	if found {
		if _, err := c.store.Password(ctx, user.ID); err == nil {
			return nil
		} else if !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("setup: read the password of user %q: %w", user.LoginName, err)
		}
	}
	link, err := invitationLink(c.options.Issuer)
	if err != nil {
		return u.InvitationFile.At.Errorf("%w", err)
	}
	var failed error
	_, err = c.output(output{
		file: u.InvitationFile, object: "invitation", owner: fmt.Sprintf("user %q", user.LoginName), found: found,
		holds: func(content []byte) bool {
			raw, ok := strings.CutPrefix(line(content), link)
			row, err := store.MailLink{}, error(store.ErrNotFound)
			if ok && found {
				row, err = c.store.MailLink(ctx, secret.Digest(raw))
			}
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				failed = errors.Join(failed, fmt.Errorf("setup: read the invitation of user %q: %w", user.LoginName, err))
			}
			return err == nil && row.Purpose == store.InvitationLink && row.UserID == user.ID && c.now.Before(row.ExpiresAt)
		},
		create: func(ctx context.Context, w *work) ([]byte, error) {
			raw, err := w.registry.Invite(ctx, user)
			return []byte(link + raw + "\n"), err
		},
	})
	return errors.Join(failed, err)
}

// invitationLink returns what links of invitations begin with at an issuer.
func invitationLink(issuer string) (string, error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", fmt.Errorf("the link of an invitation leads to an issuer of the server: expected --issuer with one such as https://login.example.com, got %.64q", issuer)
	}
	return strings.TrimSuffix(issuer, "/") + registry.InvitationPath, nil
}
