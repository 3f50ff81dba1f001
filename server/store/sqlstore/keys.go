package sqlstore

import (
	"context"

	"github.com/postern-auth/postern/server/store"
)

// SecretsOf returns an owner's secrets, oldest first, expired ones included.
func (t *Tx) SecretsOf(ctx context.Context, owner store.Owner) ([]store.Secret, error) {
	const query = `
		SELECT id, owner_kind, owner_id, digest, created_at, expires_at FROM secrets
		WHERE owner_kind = $1 AND owner_id = $2 ORDER BY created_at, id`
	return list(ctx, t, "secrets of", owner.ID, addSecret, query, owner.Kind, owner.ID)
}

func addSecret(row Scan, all []store.Secret) ([]store.Secret, error) {
	var secret store.Secret
	err := row(&secret.ID, &secret.Owner.Kind, &secret.Owner.ID, (*digest)(&secret.Digest),
		(*instant)(&secret.CreatedAt), (*instant)(&secret.ExpiresAt))
	return append(all, secret), err
}

// CreateSecret adds a secret. Errors: store.ErrNotFound when the owner is not there, store.ErrExists for
// its ID.
func (t *Tx) CreateSecret(ctx context.Context, secret store.Secret) error {
	return t.alter(ctx, "create secret", secret.ID, func(q Querier) error {
		_, err := q.Exec(`
			INSERT INTO secrets (id, owner_kind, owner_id, digest, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6)`,
			secret.ID, secret.Owner.Kind, secret.Owner.ID, secret.Digest[:], instant(secret.CreatedAt), instant(secret.ExpiresAt))
		return err
	})
}

// DeleteSecret removes the secret.
func (t *Tx) DeleteSecret(ctx context.Context, id string) error {
	return t.alter(ctx, "delete secret", id, func(q Querier) error {
		return change(q, `DELETE FROM secrets WHERE id = $1`, id)
	})
}

const selectKeys = `SELECT id, owner_kind, owner_id, public_key, compatibility, created_at, expires_at FROM keys `

func addKey(row Scan, all []store.Key) ([]store.Key, error) {
	var k store.Key
	err := row(&k.ID, &k.Owner.Kind, &k.Owner.ID, &k.PublicKey, &k.Compatibility,
		(*instant)(&k.CreatedAt), (*instant)(&k.ExpiresAt))
	return append(all, k), err
}

// Key returns the public key with the id.
func (t *Tx) Key(ctx context.Context, id string) (store.Key, error) {
	return find(ctx, t, "key", id, addKey, selectKeys+`WHERE id = $1`, id)
}

// KeysOf returns an owner's public keys, oldest first, expired ones included.
func (t *Tx) KeysOf(ctx context.Context, owner store.Owner) ([]store.Key, error) {
	return list(ctx, t, "keys of", owner.ID, addKey,
		selectKeys+`WHERE owner_kind = $1 AND owner_id = $2 ORDER BY created_at, id`, owner.Kind, owner.ID)
}

// CreateKey adds a public key. Errors: store.ErrNotFound when the owner is not there, store.ErrExists for
// its ID.
func (t *Tx) CreateKey(ctx context.Context, k store.Key) error {
	return t.alter(ctx, "create key", k.ID, func(q Querier) error {
		_, err := q.Exec(`
			INSERT INTO keys (id, owner_kind, owner_id, public_key, compatibility, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			k.ID, k.Owner.Kind, k.Owner.ID, k.PublicKey, k.Compatibility, instant(k.CreatedAt), instant(k.ExpiresAt))
		return err
	})
}

// DeleteKey removes the public key.
func (t *Tx) DeleteKey(ctx context.Context, id string) error {
	return t.alter(ctx, "delete key", id, func(q Querier) error {
		return change(q, `DELETE FROM keys WHERE id = $1`, id)
	})
}
