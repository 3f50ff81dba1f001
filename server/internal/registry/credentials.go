package registry

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// CreateSecret makes a client secret and returns it; the store keeps only its digest. The zero time means no
// end.
func (r *Registry) CreateSecret(ctx context.Context, owner store.Owner, expires time.Time) (raw string, err error) {
	if err := r.mayHaveSecret(ctx, owner); err != nil {
		return "", err
	}
	raw = secret.New()
	row := store.Secret{ID: secret.NewID(), Owner: owner, Digest: secret.Digest(raw), CreatedAt: r.now, ExpiresAt: expires}
	err = r.put(ctx, object{"secret", row.ID, owner.ID}, false, expiryFields(time.Time{}, expires), func() error {
		return r.tx.CreateSecret(ctx, row)
	})
	return raw, err
}

// ChangeSecret gives a secret another end.
func (r *Registry) ChangeSecret(ctx context.Context, before store.Secret, expires time.Time) error {
	after := before
	after.ExpiresAt = expires
	return r.put(ctx, object{"secret", before.ID, before.Owner.ID}, true, expiryFields(before.ExpiresAt, expires), func() error {
		if err := r.tx.DeleteSecret(ctx, before.ID); err != nil {
			return err
		}
		return r.tx.CreateSecret(ctx, after)
	})
}

// DeleteSecret ends a secret.
func (r *Registry) DeleteSecret(ctx context.Context, row store.Secret) error {
	return r.remove(ctx, object{"secret", row.ID, row.Owner.ID}, func() error { return r.tx.DeleteSecret(ctx, row.ID) })
}

func expiryFields(before, after time.Time) (f Fields) {
	f.Add("expires", before, after)
	return f
}

// CreateClientKey keeps the public half of a new key of the owner and returns its row, with the kid.
func (r *Registry) CreateClientKey(ctx context.Context, k store.ClientKey, private crypto.Signer) (store.ClientKey, error) {
	if err := r.keepsCredentials(ctx, k.Owner); err != nil {
		return k, err
	}
	public, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		return k, fmt.Errorf("registry: encoding a key: %w", err)
	}
	k.ID, k.PublicKey, k.CreatedAt = secret.NewID(), public, r.now
	err = r.put(ctx, object{"key", k.ID, k.Owner.ID}, false, ClientKeyFields(store.ClientKey{}, k), func() error {
		return r.tx.CreateClientKey(ctx, k)
	})
	return k, err
}

// ChangeClientKey changes what a key admits. The key itself stays, for another one would be another key.
func (r *Registry) ChangeClientKey(ctx context.Context, before, after store.ClientKey) error {
	return r.put(ctx, object{"key", before.ID, before.Owner.ID}, true, ClientKeyFields(before, after), func() error {
		if err := r.tx.DeleteClientKey(ctx, before.ID); err != nil {
			return err
		}
		return r.tx.CreateClientKey(ctx, after)
	})
}

// DeleteClientKey ends a key.
func (r *Registry) DeleteClientKey(ctx context.Context, k store.ClientKey) error {
	return r.remove(ctx, object{"key", k.ID, k.Owner.ID}, func() error { return r.tx.DeleteClientKey(ctx, k.ID) })
}

// CreatePersonalAccessToken makes a personal access token and returns it; the store keeps its digest alone. Of
// t, the subject, the client id, name, audience and end are taken.
func (r *Registry) CreatePersonalAccessToken(ctx context.Context, t store.Token) (raw string, err error) {
	if err := about("personal access token", t.Name, CheckName(t.Name)); err != nil {
		return "", err
	}
	raw, id := secret.NewToken(secret.PersonalAccessToken)
	t.Kind, t.ID, t.Digest, t.IssuedAt = store.PersonalAccessToken, id, secret.Digest(raw), r.now
	err = r.put(ctx, object{"personal access token", id, t.Name}, false, TokenFields(store.Token{}, t), func() error {
		return r.tx.CreateToken(ctx, t)
	})
	return raw, err
}

// RevokePersonalAccessToken ends a personal access token.
func (r *Registry) RevokePersonalAccessToken(ctx context.Context, t store.Token) error {
	return r.remove(ctx, object{"personal access token", t.ID, t.Name}, func() error { return r.tx.RevokeToken(ctx, t.ID, r.now) })
}
