package setup

import (
	"context"
	"slices"
	"time"

	"github.com/postern-auth/postern/server/internal/document"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

func (c *comparison) secrets(ctx context.Context, o owner, entries []*document.Secret) error {
	left, err := rows(ctx, o, c.store.SecretsOf)
	if err != nil {
		return err
	}
	for _, e := range entries {
		i := -1
		found, err := c.output(output{
			file: e.File, object: "secret", owner: o.label, found: o.found, fields: expires(time.Time{}, e.Expires.From(c.now)),
			holds: func(content []byte) bool {
				i = slices.IndexFunc(left, func(s store.Secret) bool { return secret.Matches(line(content), s.Digest) })
				return i >= 0
			},
			create: func(ctx context.Context, w *work) ([]byte, error) {
				raw, err := w.registry.CreateSecret(ctx, o.Owner, e.Expires.From(c.now))
				return []byte(raw + "\n"), err
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
				return w.registry.DeleteSecret(ctx, row)
			}})
		}
	}
	return nil
}

// secret compares a secret that is there: of it only the expiry can change.
func (c *comparison) secret(o owner, e *document.Secret, row store.Secret) {
	after := e.Expires.From(row.CreatedAt)
	c.put(true, Change{Object: "secret", Name: e.File.Text, Owner: o.label, do: func(ctx context.Context, w *work) error {
		return w.registry.ChangeSecret(ctx, row, after)
	}}, expires(row.ExpiresAt, after))
}

func expires(before, after time.Time) (f registry.Fields) {
	f.Add("expires", before, after)
	return f
}
