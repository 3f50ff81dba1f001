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

func (c *comparison) tokens(ctx context.Context, o owner, entries []*document.PersonalAccessToken) error {
	left, err := rows(ctx, o, func(ctx context.Context, o store.Owner) ([]store.Token, error) {
		return c.store.TokensOf(ctx, o.ID, store.PersonalAccessToken)
	})
	if err != nil {
		return err
	}
	for _, e := range entries {
		i := -1
		after := c.newToken(o, e, c.now)
		found, err := c.output(output{
			file: e.File, object: "personal access token", owner: o.label, found: o.found, fields: registry.TokenFields(store.Token{}, after),
			holds: func(content []byte) bool {
				raw := line(content)
				id, ours := secret.TokenID(raw)
				i = slices.IndexFunc(left, func(t store.Token) bool { return ours && t.ID == id && secret.Matches(raw, t.Digest) })
				return i >= 0
			},
			create: func(ctx context.Context, w *work) ([]byte, error) {
				raw, err := w.registry.CreatePersonalAccessToken(ctx, after)
				return []byte(raw + "\n"), err
			},
		})
		if err != nil {
			return err
		}
		if found {
			if err := c.token(o, e, left[i]); err != nil {
				return err
			}
			left = slices.Delete(left, i, i+1)
		}
	}
	if c.options.Prune {
		c.revoke(o, left)
	}
	return nil
}

func (c *comparison) newToken(o owner, e *document.PersonalAccessToken, issued time.Time) store.Token {
	t := store.Token{
		Kind: store.PersonalAccessToken, SubjectID: o.ID, ClientID: o.clientID, Name: e.Name.Text,
		IssuedAt: issued, ExpiresAt: e.Expires.From(issued),
	}
	for _, a := range e.Audience {
		if a.API != nil {
			t.Audience = append(t.Audience, a.API.Identifier.Text)
		} else {
			t.Audience = append(t.Audience, c.projectIDs[a.Project])
		}
	}
	slices.Sort(t.Audience)
	t.Audience = slices.Compact(t.Audience)
	return t
}

// token compares a personal access token that is there. It cannot change, for programs hold it already
// with what it said when it was made.
func (c *comparison) token(o owner, e *document.PersonalAccessToken, row store.Token) error {
	want := c.newToken(o, e, row.IssuedAt)
	revoked := !row.RevokedAt.IsZero()
	if revoked && (o.ended || c.options.Keep) {
		return nil // what it had ended with a service user that is not active
	}
	if revoked {
		return e.File.At.Errorf("the personal access token in file %q is revoked: %s", e.File.Text, advice)
	}
	f := registry.TokenFields(row, want)
	if !slices.Equal(slices.Sorted(slices.Values(row.Audience)), want.Audience) {
		f = append(f, registry.Field{Name: "audience"})
	}
	if len(f) > 0 {
		return e.File.At.Errorf("the personal access token in file %q has another %s and cannot be changed: %s", e.File.Text, f[0].Name, advice)
	}
	return nil
}

// revoke ends the tokens that the document does not name. Those that have ended stay as they are.
func (c *comparison) revoke(o owner, rows []store.Token) {
	for _, row := range rows {
		if !row.RevokedAt.IsZero() || !row.ExpiresAt.IsZero() && !row.ExpiresAt.After(c.now) {
			continue
		}
		c.add(Change{Action: Delete, Object: "personal access token", Name: row.Name, Owner: o.label, do: func(ctx context.Context, w *work) error {
			return w.registry.RevokePersonalAccessToken(ctx, row)
		}})
	}
}
