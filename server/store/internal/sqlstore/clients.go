package sqlstore

import (
	"context"
	"slices"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// Client returns the client with the client id. An empty one finds nothing.
func (t *Tx) Client(ctx context.Context, clientID string) (store.Client, error) {
	return recallOne(ctx, t, "client", clientID, addClient, itself, `SELECT kind, id, client_id, not_before FROM clients WHERE client_id = $1`, clientID)
}

func addClient(row Scan, all []store.Client) ([]store.Client, error) {
	var c store.Client
	err := row(&c.Kind, &c.ID, (*optional)(&c.ClientID), (*instant)(&c.NotBefore))
	return append(all, c), err
}

// EndClient sets NotBefore to the time, unless it is later already.
func (t *Tx) EndClient(ctx context.Context, owner store.Owner, at time.Time) error {
	return t.alter(ctx, "end client", owner.ID, func(q Querier) error {
		return change(q, `
			UPDATE clients SET not_before = CASE WHEN not_before > $3 THEN not_before ELSE $3 END
			WHERE kind = $1 AND id = $2`, owner.Kind, owner.ID, instant(at))
	})
}

// putClient reserves the client id for the owner.
func putClient(q Querier, owner store.Owner, clientID string) error {
	_, err := q.Exec(`
		INSERT INTO clients (kind, id, client_id) VALUES ($1, $2, $3)
		ON CONFLICT (kind, id) DO UPDATE SET client_id = excluded.client_id`,
		owner.Kind, owner.ID, optional(clientID))
	return err
}

// deleteClient deletes the client's own row too, and all that refers to it.
func deleteClient(q Querier, owner store.Owner) error {
	return change(q, `DELETE FROM clients WHERE kind = $1 AND id = $2`, owner.Kind, owner.ID)
}

// SecretsOf returns a client's secrets, oldest first, expired ones included.
func (t *Tx) SecretsOf(ctx context.Context, owner store.Owner) ([]store.Secret, error) {
	const query = `
		SELECT id, client_kind, client_id, digest, created_at, expires_at, used_at FROM secrets
		WHERE client_kind = $1 AND client_id = $2 ORDER BY created_at, id`
	return recall(ctx, t, "secrets of", owner.ID, addSecret, itself, query, string(owner.Kind), owner.ID)
}

func addSecret(row Scan, all []store.Secret) ([]store.Secret, error) {
	var secret store.Secret
	err := row(&secret.ID, &secret.Owner.Kind, &secret.Owner.ID, (*digest)(&secret.Digest),
		(*instant)(&secret.CreatedAt), (*instant)(&secret.ExpiresAt), (*instant)(&secret.UsedAt))
	return append(all, secret), err
}

// CreateSecret adds a secret. Errors: store.ErrNotFound when the owner is not there, store.ErrExists for
// its ID.
func (t *Tx) CreateSecret(ctx context.Context, secret store.Secret) error {
	return t.alter(ctx, "create secret", secret.ID, func(q Querier) error {
		_, err := q.Exec(`
			INSERT INTO secrets (id, client_kind, client_id, digest, created_at, expires_at, used_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			secret.ID, secret.Owner.Kind, secret.Owner.ID, secret.Digest[:],
			instant(secret.CreatedAt), instant(secret.ExpiresAt), instant(secret.UsedAt))
		return err
	})
}

// MarkSecretUsed sets UsedAt to the time, unless it is later already.
func (t *Tx) MarkSecretUsed(ctx context.Context, id string, at time.Time) error {
	return t.markUsed(ctx, "secret", "secrets", id, at)
}

// MarkClientKeyUsed sets UsedAt to the time, unless it is later already.
func (t *Tx) MarkClientKeyUsed(ctx context.Context, id string, at time.Time) error {
	return t.markUsed(ctx, "client key", "client_keys", id, at)
}

func (t *Tx) markUsed(ctx context.Context, what, table, id string, at time.Time) error {
	return t.alter(ctx, "mark used "+what, id, func(q Querier) error {
		return change(q, `UPDATE `+table+` SET used_at = CASE WHEN used_at > $2 THEN used_at ELSE $2 END WHERE id = $1`, id, instant(at))
	})
}

// DeleteSecret removes the secret.
func (t *Tx) DeleteSecret(ctx context.Context, id string) error {
	return t.alter(ctx, "delete secret", id, func(q Querier) error {
		return change(q, `DELETE FROM secrets WHERE id = $1`, id)
	})
}

const selectClientKeys = `SELECT id, client_kind, client_id, public_key, compatibility, created_at, expires_at, used_at FROM client_keys `

func addClientKey(row Scan, all []store.ClientKey) ([]store.ClientKey, error) {
	var k store.ClientKey
	err := row(&k.ID, &k.Owner.Kind, &k.Owner.ID, &k.PublicKey, &k.Compatibility,
		(*instant)(&k.CreatedAt), (*instant)(&k.ExpiresAt), (*instant)(&k.UsedAt))
	return append(all, k), err
}

func copyClientKey(k store.ClientKey) store.ClientKey {
	k.PublicKey = slices.Clone(k.PublicKey)
	return k
}

// ClientKey returns the public key with the id.
func (t *Tx) ClientKey(ctx context.Context, id string) (store.ClientKey, error) {
	return recallOne(ctx, t, "client key", id, addClientKey, copyClientKey, selectClientKeys+`WHERE id = $1`, id)
}

// ClientKeysOf returns a client's public keys, oldest first, expired ones included.
func (t *Tx) ClientKeysOf(ctx context.Context, owner store.Owner) ([]store.ClientKey, error) {
	return recall(ctx, t, "client keys of", owner.ID, addClientKey, copyClientKey,
		selectClientKeys+`WHERE client_kind = $1 AND client_id = $2 ORDER BY created_at, id`, string(owner.Kind), owner.ID)
}

// CreateClientKey adds a public key. Errors: store.ErrNotFound when the owner is not there, store.ErrExists for
// its ID.
func (t *Tx) CreateClientKey(ctx context.Context, k store.ClientKey) error {
	return t.alter(ctx, "create client key", k.ID, func(q Querier) error {
		_, err := q.Exec(`
			INSERT INTO client_keys (id, client_kind, client_id, public_key, compatibility, created_at, expires_at, used_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			k.ID, k.Owner.Kind, k.Owner.ID, k.PublicKey, k.Compatibility,
			instant(k.CreatedAt), instant(k.ExpiresAt), instant(k.UsedAt))
		return err
	})
}

// DeleteClientKey removes the public key.
func (t *Tx) DeleteClientKey(ctx context.Context, id string) error {
	return t.alter(ctx, "delete client key", id, func(q Querier) error {
		return change(q, `DELETE FROM client_keys WHERE id = $1`, id)
	})
}

// ClientCertificatesOf returns a client's certificates, oldest first.
func (t *Tx) ClientCertificatesOf(ctx context.Context, owner store.Owner) ([]store.ClientCertificate, error) {
	const query = `
		SELECT id, client_kind, client_id, thumbprint, name_type, name, created_at FROM client_certificates
		WHERE client_kind = $1 AND client_id = $2 ORDER BY created_at, id`
	return recall(ctx, t, "certificates of", owner.ID, addClientCertificate, itself, query, string(owner.Kind), owner.ID)
}

func addClientCertificate(row Scan, all []store.ClientCertificate) ([]store.ClientCertificate, error) {
	var c store.ClientCertificate
	err := row(&c.ID, &c.Owner.Kind, &c.Owner.ID, (*optionalDigest)(&c.Thumbprint), &c.NameType, &c.Name, (*instant)(&c.CreatedAt))
	return append(all, c), err
}

// CreateClientCertificate adds a certificate. Errors: store.ErrNotFound when the owner is not there, store.ErrExists
// for its ID.
func (t *Tx) CreateClientCertificate(ctx context.Context, c store.ClientCertificate) error {
	return t.alter(ctx, "create client certificate", c.ID, func(q Querier) error {
		_, err := q.Exec(`
			INSERT INTO client_certificates (id, client_kind, client_id, thumbprint, name_type, name, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			c.ID, c.Owner.Kind, c.Owner.ID, optionalDigest(c.Thumbprint), c.NameType, c.Name, instant(c.CreatedAt))
		return err
	})
}

// DeleteClientCertificate removes the certificate.
func (t *Tx) DeleteClientCertificate(ctx context.Context, id string) error {
	return t.alter(ctx, "delete client certificate", id, func(q Querier) error {
		return change(q, `DELETE FROM client_certificates WHERE id = $1`, id)
	})
}
