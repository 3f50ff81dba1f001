package setup

import (
	"context"
	"slices"
	"time"

	"github.com/postern-auth/postern/server/secret"
	"github.com/postern-auth/postern/server/store"
)

func (c *comparison) secrets(ctx context.Context, o owner, entries []*secretEntry) error {
	left, err := rows(ctx, o, c.store.SecretsOf)
	if err != nil {
		return err
	}
	for _, e := range entries {
		i := -1
		found, err := c.output(output{
			file: e.file, object: "secret", owner: o.label, found: o.found, fields: expires(e.expires.from(c.now)),
			holds: func(content []byte) bool {
				i = slices.IndexFunc(left, func(s store.Secret) bool { return secret.Matches(line(content), s.Digest) })
				return i >= 0
			},
			create: func(ctx context.Context, w *work) ([]byte, error) {
				raw := secret.New()
				return []byte(raw + "\n"), w.store.CreateSecret(ctx, store.Secret{
					ID: secret.NewID(), Owner: o.Owner, Digest: secret.Digest(raw),
					CreatedAt: c.now, ExpiresAt: e.expires.from(c.now),
				})
			},
		})
		if err != nil {
			return err
		}
		if found {
			c.secret(o, e, left[i])
			left = slices.Delete(left, i, i+1)
		}
	}
	if c.options.Prune {
		for _, row := range left {
			c.add(Change{Action: Delete, Object: "secret", Name: row.ID, Owner: o.label, do: func(ctx context.Context, w *work) error {
				return w.store.DeleteSecret(ctx, row.ID)
			}})
		}
	}
	return nil
}

// secret compares a secret that is there: of it only the expiry can change.
func (c *comparison) secret(o owner, e *secretEntry, row store.Secret) {
	after := row
	after.ExpiresAt = e.expires.from(row.CreatedAt)
	var f facts
	f.add("expires", row.ExpiresAt, after.ExpiresAt)
	c.put(true, Change{Object: "secret", Name: e.file.text, Owner: o.label, do: func(ctx context.Context, w *work) error {
		if err := w.store.DeleteSecret(ctx, row.ID); err != nil {
			return err
		}
		return w.store.CreateSecret(ctx, after)
	}}, f)
}

func expires(at time.Time) facts {
	var f facts
	f.add("expires", time.Time{}, at)
	return f
}
