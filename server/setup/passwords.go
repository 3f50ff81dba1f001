package setup

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"github.com/postern-auth/postern/server/internal/document"
	"github.com/postern-auth/postern/server/internal/password"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// password compares the file of a user's password with its hash. There is one password alone: a new file is a
// new password.
func (c *comparison) password(ctx context.Context, u *document.User, user store.User, found bool) error {
	if u.PasswordFile.Text == "" {
		return nil
	}
	phc := ""
	if found {
		row, err := c.store.Password(ctx, user.ID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("setup: read the password of user %q: %w", user.LoginName, err)
		}
		phc = row.PHC
	}
	var fields registry.Fields
	if phc != "" {
		fields.Add("password", "set", "set anew")
	}
	var failed error
	_, err := c.output(output{
		file: u.PasswordFile, object: "password", owner: fmt.Sprintf("user %q", user.LoginName), found: found, fields: fields,
		holds: func(content []byte) bool {
			fits, err := c.options.passwords.fits(ctx, phc, line(content))
			failed = errors.Join(failed, err)
			return fits
		},
		create: func(ctx context.Context, w *work) ([]byte, error) {
			made, err := c.options.passwords.fresh(ctx, u)
			if err != nil {
				return nil, err
			}
			return []byte(made.text + "\n"), w.registry.SetPassword(ctx, user, made.phc)
		},
		password: u, replaces: phc != "",
	})
	return errors.Join(failed, err)
}

// passwords makes passwords and compares them. Both take long by design, so each is done once for a plan, and
// before the transaction as far as it can be: a running server waits for that.
type passwords struct {
	hasher *password.Hasher

	mu       sync.Mutex
	compared map[[sha256.Size]byte]bool
	made     map[*document.User]newPassword
}

// newPassword is a password with its hash.
type newPassword struct{ text, phc string }

func newPasswords() (*passwords, error) {
	hasher, err := password.New(password.Config{})
	if err != nil {
		return nil, fmt.Errorf("setup: %w", err)
	}
	return &passwords{hasher: hasher, compared: map[[sha256.Size]byte]bool{}, made: map[*document.User]newPassword{}}, nil
}

// fits reports whether a password is the one of a hash. An empty hash is nobody's.
func (p *passwords) fits(ctx context.Context, phc, text string) (bool, error) {
	typed, err := password.Typed(text)
	if phc == "" || err != nil {
		return false, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	key := sha256.Sum256([]byte(phc + "\n" + text))
	if fits, known := p.compared[key]; known {
		return fits, nil
	}
	turn, err := p.hasher.Wait(ctx, "")
	if err != nil {
		return false, fmt.Errorf("setup: compare a password: %w", err)
	}
	defer turn.Done()
	fits, err := turn.Check(phc, typed)
	if err != nil {
		return false, fmt.Errorf("setup: compare a password: hash in the store: %w", err)
	}
	p.compared[key] = fits
	return fits, nil
}

// fresh returns the new password for a user, made once.
func (p *passwords) fresh(ctx context.Context, u *document.User) (newPassword, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if made, ok := p.made[u]; ok {
		return made, nil
	}
	text := secret.NewPassword()
	typed, err := password.Typed(text)
	if err != nil {
		return newPassword{}, fmt.Errorf("setup: make a password: %w", err)
	}
	turn, err := p.hasher.Wait(ctx, "")
	if err != nil {
		return newPassword{}, fmt.Errorf("setup: make a password: %w", err)
	}
	defer turn.Done()
	p.made[u] = newPassword{text, turn.Hash(typed).PHC()}
	return p.made[u], nil
}
