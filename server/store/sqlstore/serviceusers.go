package sqlstore

import (
	"context"

	"github.com/postern-auth/postern/server/store"
)

const selectServiceUsers = `
	SELECT u.id, u.organization_id, o.client_id, u.name, u.form, u.active, u.created_at
	FROM service_users u JOIN owners o ON o.kind = 'service_user' AND o.id = u.id `

func addServiceUser(row Scan, all []store.ServiceUser) ([]store.ServiceUser, error) {
	var u store.ServiceUser
	err := row(&u.ID, &u.OrganizationID, (*optional)(&u.Username), &u.Name, &u.Form, &u.Active, (*instant)(&u.CreatedAt))
	return append(all, u), err
}

// ServiceUser returns the service user with the id.
func (t *Tx) ServiceUser(ctx context.Context, id string) (store.ServiceUser, error) {
	return find(ctx, t, "service user", id, addServiceUser, selectServiceUsers+`WHERE u.id = $1`, id)
}

// ServiceUserByUsername returns the service user with the username. An empty one finds nothing.
func (t *Tx) ServiceUserByUsername(ctx context.Context, username string) (store.ServiceUser, error) {
	return find(ctx, t, "service user by username", username, addServiceUser, selectServiceUsers+`WHERE o.client_id = $1`, username)
}

// ServiceUsers returns all service users, ordered by username.
func (t *Tx) ServiceUsers(ctx context.Context) ([]store.ServiceUser, error) {
	return list(ctx, t, "service users", "", addServiceUser, selectServiceUsers+`ORDER BY o.client_id, u.id`)
}

// PutServiceUser creates the service user or replaces the one with its ID. Errors: store.ErrExists when
// the username is taken by a service user or is an API's client id.
func (t *Tx) PutServiceUser(ctx context.Context, u store.ServiceUser) error {
	return t.alter(ctx, "put service user", u.ID, func(q Querier) error {
		if err := putOwner(q, store.Owner{Kind: store.OwnerServiceUser, ID: u.ID}, u.Username); err != nil {
			return err
		}
		_, err := q.Exec(`
			INSERT INTO service_users (id, organization_id, name, form, active, created_at)
			VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (id) DO UPDATE SET
				organization_id = excluded.organization_id, name = excluded.name, form = excluded.form,
				active = excluded.active, created_at = excluded.created_at`,
			u.ID, u.OrganizationID, u.Name, u.Form, u.Active, instant(u.CreatedAt))
		return err
	})
}

// DeleteServiceUser removes the service user with its grants, secrets, keys and tokens.
func (t *Tx) DeleteServiceUser(ctx context.Context, id string) error {
	return t.alter(ctx, "delete service user", id, func(q Querier) error {
		return deleteOwner(q, store.Owner{Kind: store.OwnerServiceUser, ID: id})
	})
}

// putOwner reserves the client id for the owner.
func putOwner(q Querier, owner store.Owner, clientID string) error {
	_, err := q.Exec(`
		INSERT INTO owners (kind, id, client_id) VALUES ($1, $2, $3)
		ON CONFLICT (kind, id) DO UPDATE SET client_id = excluded.client_id`,
		owner.Kind, owner.ID, optional(clientID))
	return err
}

// deleteOwner deletes the owner's own row too, and all that refers to it.
func deleteOwner(q Querier, owner store.Owner) error {
	return change(q, `DELETE FROM owners WHERE kind = $1 AND id = $2`, owner.Kind, owner.ID)
}
