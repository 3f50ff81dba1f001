package sqlstore

import (
	"context"
	"slices"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// Subject returns the subject with the id.
func (t *Tx) Subject(ctx context.Context, id string) (store.Subject, error) {
	const query = `SELECT id, kind, organization_id, username, active, not_before FROM subjects WHERE id = $1`
	return recallOne(ctx, t, "subject", id, addSubject, itself, query, id)
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
		INSERT INTO subjects (id, kind, organization_id, username, active, not_before)
		VALUES ($1, $2, $3, $4, $5, (SELECT ended_at FROM former_subjects WHERE id = $1))
		ON CONFLICT (id) DO UPDATE SET organization_id = excluded.organization_id,
			username = excluded.username, active = excluded.active
		WHERE subjects.kind = excluded.kind`,
		s.ID, s.Kind, s.OrganizationID, s.Username, s.Active)
	if err == nil && n == 0 {
		return store.ErrExists // a subject of another kind has the id
	}
	return err
}

// EndSubject sets NotBefore to the time, unless it is later already, and revokes the personal access tokens from before.
func (t *Tx) EndSubject(ctx context.Context, id string, at time.Time) error {
	return t.alter(ctx, "end subject", id, func(q Querier) error { return endSubject(q, id, at) })
}

func endSubject(q Querier, id string, at time.Time) error {
	err := change(q, `UPDATE subjects SET not_before = CASE WHEN not_before > $2 THEN not_before ELSE $2 END WHERE id = $1`,
		id, instant(at))
	if err != nil {
		return err
	}
	_, err = q.Exec(`
		UPDATE tokens SET revoked_at = $2
		WHERE subject_id = $1 AND kind = 'personal_access_token' AND revoked_at IS NULL AND issued_at < $2`, id, instant(at))
	return err
}

// EndSubjects is EndSubject for those whose ids follow the given one, at most limit of them.
func (t *Tx) EndSubjects(ctx context.Context, after string, limit int, at time.Time) (last string, n int, err error) {
	err = t.alter(ctx, "end subjects", after, func(q Querier) error {
		var ids []string
		err := q.Each(ctx, `SELECT id FROM subjects WHERE id > $1 ORDER BY id LIMIT $2`, []any{after, limit}, func(row Scan) (err error) {
			ids, err = addText(row, ids)
			return err
		})
		for _, id := range ids {
			if err == nil {
				err = endSubject(q, id, at)
			}
			last = id
		}
		n = len(ids)
		return err
	})
	if err != nil {
		return "", 0, err
	}
	return last, n, nil
}

// DeleteSubject removes the subject with what its kind has beside it, its assignments and personal access tokens.
func (t *Tx) DeleteSubject(ctx context.Context, id string) error {
	return t.alter(ctx, "delete subject", id, func(q Querier) error {
		if _, err := q.Exec(`DELETE FROM clients WHERE kind = $1 AND id = $2`, store.ServiceUserClient, id); err != nil {
			return err
		}
		return t.deleteSubject(q, id)
	})
}

// formerly is how long the id of a subject that is gone is known: longer than any access token lives.
const formerly = 31 * 24 * time.Hour

func (t *Tx) deleteSubject(q Querier, id string) error {
	if _, err := q.Exec(`DELETE FROM tokens WHERE subject_id = $1 AND kind = 'personal_access_token'`, id); err != nil {
		return err
	}
	if err := change(q, `DELETE FROM subjects WHERE id = $1`, id); err != nil {
		return err
	}
	ended := t.now().Add(time.Millisecond) // what was issued in this one is before
	_, err := q.Exec(`
		INSERT INTO former_subjects (id, ended_at, expires_at) VALUES ($1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, expires_at = excluded.expires_at`,
		id, instant(ended), instant(ended.Add(formerly)))
	return err
}

const selectServiceUsers = `
	SELECT s.id, s.organization_id, s.username, u.name, u.form, u.grants, u.sender_constraint, s.active, u.created_at
	FROM service_users u JOIN subjects s ON s.id = u.id `

func addServiceUser(row Scan, all []store.ServiceUser) ([]store.ServiceUser, error) {
	var u store.ServiceUser
	err := row(&u.ID, &u.OrganizationID, &u.Username, &u.Name, &u.Form, (*texts)(&u.Grants), &u.SenderConstraint, &u.Active, (*instant)(&u.CreatedAt))
	return append(all, u), err
}

func copyServiceUser(u store.ServiceUser) store.ServiceUser {
	u.Grants = slices.Clone(u.Grants)
	return u
}

// ServiceUser returns the service user with the id.
func (t *Tx) ServiceUser(ctx context.Context, id string) (store.ServiceUser, error) {
	return recallOne(ctx, t, "service user", id, addServiceUser, copyServiceUser, selectServiceUsers+`WHERE u.id = $1`, id)
}

// ServiceUserByUsername returns the service user with the username. An empty one finds nothing.
func (t *Tx) ServiceUserByUsername(ctx context.Context, username string) (store.ServiceUser, error) {
	return recallOne(ctx, t, "service user by username", username, addServiceUser, copyServiceUser,
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
		alone: "subjects s", where: "s.kind = 'service_user'",
	}.part(ctx, t, w)
}

// StandingsOf returns how service users stand, by their IDs.
func (t *Tx) StandingsOf(ctx context.Context, ids []string, now time.Time) (map[string]store.Standing, error) {
	// Of the rights on one project or API, of which there may be tens of thousands, one is looked for.
	query := `
		SELECT client_id, 'secret', expires_at, '' FROM secrets
			WHERE client_kind = 'service_user' AND client_id IN (` + t.backend.Elements("$1") + `) AND (expires_at IS NULL OR expires_at > $2)
		UNION ALL SELECT client_id, 'key', expires_at, '' FROM client_keys
			WHERE client_kind = 'service_user' AND client_id IN (` + t.backend.Elements("$1") + `) AND (expires_at IS NULL OR expires_at > $2)
		UNION ALL SELECT subject_id, 'token', expires_at, '' FROM tokens WHERE kind = 'personal_access_token'
			AND subject_id IN (` + t.backend.Elements("$1") + `) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)
		UNION ALL SELECT a.subject_id, 'right', NULL, coalesce(p.name, i.name)
			FROM assignments a LEFT JOIN projects p ON p.id = a.project_id LEFT JOIN apis i ON i.id = a.api_id
			WHERE a.subject_id IN (` + t.backend.Elements("$1") + `)
				AND EXISTS (SELECT 1 FROM assigned_rights k WHERE k.assignment_id = a.id)
		ORDER BY 1, 4`
	rows, err := list(ctx, t, "standings of service users", "", addStanding, query, elements(ids), instant(t.orNow(now)))
	if err != nil {
		return nil, err
	}
	all := make(map[string]store.Standing, len(rows))
	for _, row := range rows {
		all[row.id] = row.Standing
	}
	return all, nil
}

// standing is that of the service user with the id.
type standing struct {
	id string
	store.Standing
}

func addStanding(row Scan, all []standing) ([]standing, error) {
	var id, kind, name string
	var ends time.Time
	if err := row(&id, &kind, (*instant)(&ends), &name); err != nil {
		return nil, err
	}
	if n := len(all); n == 0 || all[n-1].id != id {
		all = append(all, standing{id: id})
	}
	last := &all[len(all)-1]
	switch kind {
	case "secret":
		last.Secrets++
	case "key":
		last.Keys++
	case "token":
		last.Tokens++
	default:
		if n := len(last.MayUse); n == 0 || last.MayUse[n-1] != name { // a project and an API may share one
			last.MayUse = append(last.MayUse, name)
		}
	}
	if !ends.IsZero() && (last.Ends.IsZero() || ends.Before(last.Ends)) {
		last.Ends = ends
	}
	return all, nil
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

// DeleteServiceUser removes the service user with its assignments, secrets, keys and personal access tokens.
func (t *Tx) DeleteServiceUser(ctx context.Context, id string) error {
	return t.alter(ctx, "delete service user", id, func(q Querier) error {
		if err := deleteClient(q, store.Owner{Kind: store.ServiceUserClient, ID: id}); err != nil {
			return err
		}
		return t.deleteSubject(q, id)
	})
}
