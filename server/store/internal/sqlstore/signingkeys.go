package sqlstore

import (
	"context"

	"github.com/postern-auth/postern/server/store"
)

// SigningKeys returns the server's own keys, oldest first.
func (t *Tx) SigningKeys(ctx context.Context) ([]store.SigningKey, error) {
	const query = `
		SELECT id, algorithm, private_key, created_at, signs_from, retired_at, verifies_until
		FROM signing_keys ORDER BY created_at, id`
	return list(ctx, t, "signing keys", "", addSigningKey, query)
}

func addSigningKey(row Scan, all []store.SigningKey) ([]store.SigningKey, error) {
	var k store.SigningKey
	err := row(&k.ID, &k.Algorithm, &k.PrivateKey, (*instant)(&k.CreatedAt), (*instant)(&k.SignsFrom),
		(*instant)(&k.RetiredAt), (*instant)(&k.VerifiesUntil))
	return append(all, k), err
}

// PutSigningKey creates the key or replaces the one with its ID.
func (t *Tx) PutSigningKey(ctx context.Context, k store.SigningKey) error {
	return t.alter(ctx, "put signing key", k.ID, func(q Querier) error {
		_, err := q.Exec(`
			INSERT INTO signing_keys (id, algorithm, private_key, created_at, signs_from, retired_at, verifies_until)
			VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (id) DO UPDATE SET
				algorithm = excluded.algorithm, private_key = excluded.private_key,
				created_at = excluded.created_at, signs_from = excluded.signs_from,
				retired_at = excluded.retired_at, verifies_until = excluded.verifies_until`,
			k.ID, k.Algorithm, k.PrivateKey, instant(k.CreatedAt), instant(k.SignsFrom),
			instant(k.RetiredAt), instant(k.VerifiesUntil))
		return err
	})
}

// DeleteSigningKey removes the key.
func (t *Tx) DeleteSigningKey(ctx context.Context, id string) error {
	return t.alter(ctx, "delete signing key", id, func(q Querier) error {
		return change(q, `DELETE FROM signing_keys WHERE id = $1`, id)
	})
}

// SharedKey returns the key with the name, which is the proposed one when there was none.
func (t *Tx) SharedKey(ctx context.Context, name string, proposed store.SharedKey) (store.SharedKey, error) {
	var key store.SharedKey
	err := t.alter(ctx, "shared key", name, func(q Querier) error {
		if _, err := q.Exec(`INSERT INTO shared_keys (name, key) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, name, proposed[:]); err != nil {
			return err
		}
		return q.Each(ctx, `SELECT key FROM shared_keys WHERE name = $1`, []any{name}, func(row Scan) error {
			return row((*digest)(&key))
		})
	})
	return key, err
}
