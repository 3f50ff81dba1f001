package sqlstore

import (
	"context"

	"github.com/postern-auth/postern/server/store"
)

const selectRegistrations = `SELECT application_id, kind, digest, keys, address_prefix, created_at, expires_at FROM registrations `

func addRegistration(row Scan, all []store.Registration) ([]store.Registration, error) {
	var r store.Registration
	err := row(&r.ApplicationID, &r.Kind, (*optionalDigest)(&r.Digest), &r.Keys, &r.AddressPrefix, (*instant)(&r.CreatedAt), (*instant)(&r.ExpiresAt))
	return append(all, r), err
}

// Registration returns the registration of the application.
func (t *Tx) Registration(ctx context.Context, applicationID string) (store.Registration, error) {
	return find(ctx, t, "registration of", applicationID, addRegistration, selectRegistrations+`WHERE application_id = $1`, applicationID)
}

// CreateRegistration adds a registration. Errors: store.ErrFull when the bounds let none in, store.ErrNotFound when the
// application is not there, store.ErrExists when it has a registration.
func (t *Tx) CreateRegistration(ctx context.Context, r store.Registration, b store.RegistrationBounds) error {
	return t.alter(ctx, "create registration of", r.ApplicationID, func(q Querier) error {
		n, err := q.Exec(`
			INSERT INTO registrations (application_id, kind, digest, keys, address_prefix, created_at, expires_at)
			SELECT $1, $2, $3, $4, $5, $6, $7
			WHERE ($5 = '' OR (SELECT count(*) FROM registrations WHERE address_prefix = $5 AND created_at >= $8) < $9)
				AND (SELECT count(*) FROM registrations WHERE kind = $2 AND expires_at > $6) < $10`,
			r.ApplicationID, r.Kind, optionalDigest(r.Digest), r.Keys, r.AddressPrefix, instant(r.CreatedAt), instant(r.ExpiresAt),
			instant(b.Since), b.FromAddress, b.Unexpired)
		if err == nil && n == 0 {
			return store.ErrFull
		}
		return err
	})
}

// PutRegistration creates the registration or replaces that of its application.
func (t *Tx) PutRegistration(ctx context.Context, r store.Registration) error {
	return t.alter(ctx, "put registration of", r.ApplicationID, func(q Querier) error {
		_, err := q.Exec(`
			INSERT INTO registrations (application_id, kind, digest, keys, address_prefix, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (application_id) DO UPDATE SET
				kind = excluded.kind, digest = excluded.digest, keys = excluded.keys, address_prefix = excluded.address_prefix,
				created_at = excluded.created_at, expires_at = excluded.expires_at`,
			r.ApplicationID, r.Kind, optionalDigest(r.Digest), r.Keys, r.AddressPrefix, instant(r.CreatedAt), instant(r.ExpiresAt))
		return err
	})
}
