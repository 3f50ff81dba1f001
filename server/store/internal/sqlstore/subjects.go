package sqlstore

import (
	"context"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// Subject returns the subject with the id.
func (t *Tx) Subject(ctx context.Context, id string) (store.Subject, error) {
	const query = `SELECT id, kind, organization_id, username, active, not_before FROM subjects WHERE id = $1`
	return find(ctx, t, "subject", id, addSubject, query, id)
}

func addSubject(row Scan, all []store.Subject) ([]store.Subject, error) {
	var s store.Subject
	err := row(&s.ID, &s.Kind, &s.OrganizationID, &s.Username, &s.Active, (*instant)(&s.NotBefore))
	return append(all, s), err
}

// PutSubject creates the subject or replaces the one with its ID, but for NotBefore. Errors: store.ErrExists
// when a subject of another kind has the ID.
func (t *Tx) PutSubject(ctx context.Context, s store.Subject) error {
	return t.alter(ctx, "put subject", s.ID, func(q Querier) error { return putSubject(q, s) })
}

func putSubject(q Querier, s store.Subject) error {
	n, err := q.Exec(`
		INSERT INTO subjects (id, kind, organization_id, username, active) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO UPDATE SET organization_id = excluded.organization_id,
			username = excluded.username, active = excluded.active
		WHERE subjects.kind = excluded.kind`,
		s.ID, s.Kind, s.OrganizationID, s.Username, s.Active)
	if err == nil && n == 0 {
		return store.ErrExists // a subject of another kind has the id
	}
	return err
}

// EndSubject sets NotBefore to the time, unless it is later already.
func (t *Tx) EndSubject(ctx context.Context, id string, at time.Time) error {
	return t.alter(ctx, "end subject", id, func(q Querier) error {
		return change(q, `UPDATE subjects SET not_before = CASE WHEN not_before > $2 THEN not_before ELSE $2 END WHERE id = $1`,
			id, instant(at))
	})
}

// DeleteSubject removes the subject with what its kind has beside it, its assignments and tokens.
func (t *Tx) DeleteSubject(ctx context.Context, id string) error {
	return t.alter(ctx, "delete subject", id, func(q Querier) error {
		if _, err := q.Exec(`DELETE FROM clients WHERE kind = $1 AND id = $2`, store.ServiceUserClient, id); err != nil {
			return err
		}
		return change(q, `DELETE FROM subjects WHERE id = $1`, id)
	})
}

const selectServiceUsers = `
	SELECT s.id, s.organization_id, s.username, u.name, u.form, u.grants, u.sender_constraint, s.active, u.created_at
	FROM service_users u JOIN subjects s ON s.id = u.id `

func addServiceUser(row Scan, all []store.ServiceUser) ([]store.ServiceUser, error) {
	var u store.ServiceUser
	err := row(&u.ID, &u.OrganizationID, &u.Username, &u.Name, &u.Form, (*texts)(&u.Grants), &u.SenderConstraint, &u.Active, (*instant)(&u.CreatedAt))
	return append(all, u), err
}

// ServiceUser returns the service user with the id.
func (t *Tx) ServiceUser(ctx context.Context, id string) (store.ServiceUser, error) {
	return find(ctx, t, "service user", id, addServiceUser, selectServiceUsers+`WHERE u.id = $1`, id)
}

// ServiceUserByUsername returns the service user with the username. An empty one finds nothing.
func (t *Tx) ServiceUserByUsername(ctx context.Context, username string) (store.ServiceUser, error) {
	return find(ctx, t, "service user by username", username, addServiceUser,
		selectServiceUsers+`JOIN clients c ON c.kind = 'service_user' AND c.id = u.id WHERE c.client_id = $1`, username)
}

// ServiceUsers returns all service users, ordered by username.
func (t *Tx) ServiceUsers(ctx context.Context) ([]store.ServiceUser, error) {
	return list(ctx, t, "service users", "", addServiceUser, selectServiceUsers+`ORDER BY s.username, u.id`)
}

// ServiceUsersPart returns the part of them that the window asks for, in the order of their usernames.
func (t *Tx) ServiceUsersPart(ctx context.Context, w store.Window) (store.Part[store.ServiceUser], error) {
	return listing[store.ServiceUser]{
		what: "service users", add: addServiceUser, query: selectServiceUsers,
		name: "s.username", id: "s.id", searched: []string{"s.username", "u.name", "s.id"},
	}.part(ctx, t, w)
}

// PutServiceUser creates the service user or replaces the one with its ID, as subject and client too.
// Errors: store.ErrExists when the username is the client id of another client.
func (t *Tx) PutServiceUser(ctx context.Context, u store.ServiceUser) error {
	return t.alter(ctx, "put service user", u.ID, func(q Querier) error {
		err := putSubject(q, store.Subject{
			ID: u.ID, Kind: store.ServiceUserSubject, OrganizationID: u.OrganizationID, Username: u.Username, Active: u.Active,
		})
		if err != nil {
			return err
		}
		if err := putClient(q, store.Owner{Kind: store.ServiceUserClient, ID: u.ID}, u.Username); err != nil {
			return err
		}
		_, err = q.Exec(`
			INSERT INTO service_users (id, name, form, sender_constraint, created_at, grants) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, form = excluded.form,
				sender_constraint = excluded.sender_constraint, created_at = excluded.created_at, grants = excluded.grants`,
			u.ID, u.Name, u.Form, u.SenderConstraint, instant(u.CreatedAt), texts(u.Grants))
		return err
	})
}

// DeleteServiceUser removes the service user with its assignments, secrets, keys and tokens.
func (t *Tx) DeleteServiceUser(ctx context.Context, id string) error {
	return t.alter(ctx, "delete service user", id, func(q Querier) error {
		if err := deleteClient(q, store.Owner{Kind: store.ServiceUserClient, ID: id}); err != nil {
			return err
		}
		return change(q, `DELETE FROM subjects WHERE id = $1`, id)
	})
}
