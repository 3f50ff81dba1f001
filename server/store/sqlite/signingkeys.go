package sqlite

import (
	"context"

	"github.com/postern-auth/postern/server/store"
)

// SigningKeys returns the server's own keys, oldest first.
func (s *Store) SigningKeys(ctx context.Context) ([]store.SigningKey, error) {
	const query = `
		SELECT id, algorithm, private_key, created_at, signs_from, retired_at, verifies_until
		FROM signing_keys ORDER BY created_at, id`
	return list(ctx, s, "signing keys", "", addSigningKey, query)
}

func addSigningKey(row scan, all []store.SigningKey) ([]store.SigningKey, error) {
	var k store.SigningKey
	err := row(&k.ID, &k.Algorithm, &k.PrivateKey, (*instant)(&k.CreatedAt), (*instant)(&k.SignsFrom),
		(*instant)(&k.RetiredAt), (*instant)(&k.VerifiesUntil))
	return append(all, k), err
}

// PutSigningKey creates the key or replaces the one with its ID.
func (s *Store) PutSigningKey(ctx context.Context, k store.SigningKey) error {
	return s.alter(ctx, "put signing key", k.ID, func(q *statements) error {
		_, err := q.exec(`
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
func (s *Store) DeleteSigningKey(ctx context.Context, id string) error {
	return s.alter(ctx, "delete signing key", id, func(q *statements) error {
		return q.change(`DELETE FROM signing_keys WHERE id = $1`, id)
	})
}
