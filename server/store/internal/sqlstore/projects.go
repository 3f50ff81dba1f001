package sqlstore

import (
	"context"
	"database/sql"
	"slices"

	"github.com/postern-auth/postern/server/store"
)

const selectOrganizations = `SELECT id, name, primary_domain FROM organizations `

// Organization returns the organization with the id.
func (t *Tx) Organization(ctx context.Context, id string) (store.Organization, error) {
	return recallOne(ctx, t, "organization", id, addOrganization, itself, selectOrganizations+`WHERE id = $1`, id)
}

// Organizations returns all organizations, oldest first.
func (t *Tx) Organizations(ctx context.Context) ([]store.Organization, error) {
	return list(ctx, t, "organizations", "", addOrganization, selectOrganizations+`ORDER BY seq`)
}

func addOrganization(row Scan, all []store.Organization) ([]store.Organization, error) {
	var o store.Organization
	err := row(&o.ID, &o.Name, &o.PrimaryDomain)
	return append(all, o), err
}

// PutOrganization creates the organization or replaces the one with its ID.
func (t *Tx) PutOrganization(ctx context.Context, o store.Organization) error {
	return t.alter(ctx, "put organization", o.ID, func(q Querier) error {
		_, err := q.Exec(`
			INSERT INTO organizations (id, name, primary_domain) VALUES ($1, $2, $3)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, primary_domain = excluded.primary_domain`,
			o.ID, o.Name, o.PrimaryDomain)
		return err
	})
}

// selectProjects yields a line for each role, or one line for a project without.
const (
	selectProjects = `
		SELECT p.id, p.organization_id, p.name, p.active, p.created_at, r.key, r.name
		FROM projects p LEFT JOIN roles r ON r.project_id = p.id `
	orderProjects = ` ORDER BY p.name, p.id, r.position`
)

func addProject(row Scan, all []store.Project) ([]store.Project, error) {
	var p store.Project
	var key, name sql.NullString
	err := row(&p.ID, &p.OrganizationID, &p.Name, &p.Active, (*instant)(&p.CreatedAt), &key, &name)
	if err != nil {
		return nil, err
	}
	if n := len(all); n == 0 || all[n-1].ID != p.ID {
		all = append(all, p)
	}
	if key.Valid {
		last := &all[len(all)-1]
		last.Roles = append(last.Roles, store.Role{Key: key.String, Name: name.String})
	}
	return all, nil
}

func copyProject(p store.Project) store.Project {
	p.Roles = slices.Clone(p.Roles)
	return p
}

// Project returns the project with the id.
func (t *Tx) Project(ctx context.Context, id string) (store.Project, error) {
	return recallOne(ctx, t, "project", id, addProject, copyProject, selectProjects+`WHERE p.id = $1`+orderProjects, id)
}

// ProjectByName returns the project with the name.
func (t *Tx) ProjectByName(ctx context.Context, name string) (store.Project, error) {
	return recallOne(ctx, t, "project by name", name, addProject, copyProject, selectProjects+`WHERE p.name = $1`+orderProjects, name)
}

// Projects returns all projects, ordered by name.
func (t *Tx) Projects(ctx context.Context) ([]store.Project, error) {
	return list(ctx, t, "projects", "", addProject, selectProjects+orderProjects)
}

// ProjectsPart returns the part of them that the window asks for, in the order of their names, without roles.
func (t *Tx) ProjectsPart(ctx context.Context, w store.Window) (store.Part[store.Project], error) {
	return listing[store.Project]{
		what: "projects", add: addProject,
		query: `SELECT p.id, p.organization_id, p.name, p.active, p.created_at, NULL, NULL FROM projects p`,
		name:  "p.name", id: "p.id", searched: []string{"p.name", "p.id"},
	}.part(ctx, t, w)
}

// PutProject creates the project or replaces the one with its ID, roles included. Roles that are gone are
// taken from every assignment. Errors: store.ErrExists when another project has the name, an API is called as
// its ID, or a role key comes twice.
func (t *Tx) PutProject(ctx context.Context, p store.Project) error {
	return t.alter(ctx, "put project", p.ID, func(q Querier) error {
		_, err := q.Exec(`
			INSERT INTO projects (id, organization_id, name, active, created_at)
			VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (id) DO UPDATE SET
				organization_id = excluded.organization_id, name = excluded.name,
				active = excluded.active, created_at = excluded.created_at`,
			p.ID, p.OrganizationID, p.Name, p.Active, instant(p.CreatedAt))
		if err != nil {
			return err
		}
		if err := claimID(q, p.ID); err != nil {
			return err
		}
		return roles.replace(q, p.ID, p.Roles)
	})
}

// DeleteProject removes the project, its APIs and applications, their secrets and keys, and all assignments on them.
func (t *Tx) DeleteProject(ctx context.Context, id string) error {
	return t.alter(ctx, "delete project", id, func(q Querier) error {
		for _, query := range []string{
			`DELETE FROM clients WHERE kind = 'api' AND id IN (SELECT id FROM apis WHERE project_id = $1)`,
			`DELETE FROM clients WHERE kind = 'application' AND id IN (SELECT id FROM applications WHERE project_id = $1)`,
		} {
			if _, err := q.Exec(query, id); err != nil {
				return err
			}
		}
		return change(q, `DELETE FROM projects WHERE id = $1`, id)
	})
}

// claimID takes the project's id, for which tokens can be, out of the one space of such names.
func claimID(q Querier, id string) error {
	n, err := q.Exec(`
		INSERT INTO audiences (name, project_id) VALUES ($1, $1)
		ON CONFLICT (name) DO UPDATE SET name = excluded.name WHERE audiences.project_id = excluded.project_id`, id)
	if err == nil && n == 0 {
		return store.ErrExists // an API has it
	}
	return err
}
