package setup

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/document"
	"github.com/postern-auth/postern/server/internal/keyfile"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

func (c *comparison) keys(ctx context.Context, o owner, entries []*document.ClientKey) error {
	left, err := rows(ctx, o, c.store.ClientKeysOf)
	if err != nil {
		return err
	}
	for _, e := range entries {
		i := -1
		fields := expires(time.Time{}, e.Expires.From(c.now))
		fields.Add("algorithm", "", string(e.Algorithm))
		fields.Add("compatibility", false, e.Compatibility)
		found, err := c.output(output{
			file: e.File, object: "key", owner: o.label, found: o.found, fields: fields, keyed: e,
			holds: func(content []byte) bool {
				i = slices.IndexFunc(left, o.keyIn(content))
				return i >= 0
			},
			create: func(ctx context.Context, w *work) ([]byte, error) { return c.createKey(ctx, w, o, e) },
		})
		if err != nil {
			return err
		}
		if found {
			if err := c.key(o, e, left[i]); err != nil {
				return err
			}
			left = slices.Delete(left, i, i+1)
		}
	}
	if c.options.Prune {
		for _, row := range left {
			c.add(Change{Action: Delete, Object: "key", Name: row.ID, Owner: o.label, do: func(ctx context.Context, w *work) error {
				return w.registry.DeleteClientKey(ctx, row)
			}})
		}
	}
	return nil
}

// keyIn returns what tells the row of a key file. A file with the ids of somebody else, or of the owner
// under an earlier client id, is of no use and has no row.
func (o owner) keyIn(content []byte) func(store.ClientKey) bool {
	file, public, err := parseKeyFile(content)
	want := keyfile.For(o.Owner, o.clientID)
	want.KeyID, want.Key = file.KeyID, file.Key
	return func(row store.ClientKey) bool {
		return err == nil && file == want && row.ID == file.KeyID && bytes.Equal(row.PublicKey, public)
	}
}

func (c *comparison) createKey(ctx context.Context, w *work, o owner, e *document.ClientKey) ([]byte, error) {
	private, err := w.key(e)
	if err != nil {
		return nil, err
	}
	row, err := w.registry.CreateClientKey(ctx, store.ClientKey{
		Owner: o.Owner, Compatibility: e.Compatibility, ExpiresAt: e.Expires.From(c.now),
	}, private)
	if err != nil {
		return nil, err
	}
	return keyfile.Encode(keyfile.For(o.Owner, o.clientID), row.ID, private)
}

// key compares a key that is there. Its algorithm cannot change, for that would be another key.
func (c *comparison) key(o owner, e *document.ClientKey, row store.ClientKey) error {
	public, err := x509.ParsePKIXPublicKey(row.PublicKey)
	if err != nil {
		return fmt.Errorf("setup: key %q of %s: public key in the store: %w", row.ID, o.label, err)
	}
	if _, err := jws.NewKey("", e.Algorithm, public); err != nil {
		return e.File.At.Errorf("file %q holds a key that is not for algorithm %s: %s", e.File.Text, e.Algorithm, advice)
	}
	after := row
	after.Compatibility, after.ExpiresAt = e.Compatibility, e.Expires.From(row.CreatedAt)
	c.put(true, Change{Object: "key", Name: e.File.Text, Owner: o.label, do: func(ctx context.Context, w *work) error {
		return w.registry.ChangeClientKey(ctx, row, after)
	}}, registry.ClientKeyFields(row, after))
	return nil
}
