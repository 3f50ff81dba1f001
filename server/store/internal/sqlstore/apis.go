package sqlstore

import (
	"context"
	"database/sql"
	"slices"

	"github.com/postern-auth/postern/server/store"
)

// selectAPIs yields a line for each permission, or one line for an API without.
const (
	selectAPIs = `
		SELECT a.id, a.project_id, a.name, a.identifier, c.client_id, a.form, a.signing_algorithm,
			a.token_lifetime, a.active, a.created_at, p.key, p.name
		FROM apis a JOIN clients c ON c.kind = 'api' AND c.id = a.id
		LEFT JOIN permissions p ON p.api_id = a.id `
	orderAPIs = ` ORDER BY a.name, a.id, p.position`
)

func addAPI(row Scan, all []store.API) ([]store.API, error) {
	var a store.API
	var key, name sql.NullString
	err := row(&a.ID, &a.ProjectID, &a.Name, (*optional)(&a.Identifier), (*optional)(&a.ClientID), &a.Form, &a.SigningAlgorithm,
		&a.TokenLifetime, &a.Active, (*instant)(&a.CreatedAt), &key, &name)
	if err != nil {
		return nil, err
	}
	if n := len(all); n == 0 || all[n-1].ID != a.ID {
		all = append(all, a)
	}
	if key.Valid {
		last := &all[len(all)-1]
		last.Permissions = append(last.Permissions, store.Permission{Key: key.String, Name: name.String})
	}
	return all, nil
}

func copyAPI(a store.API) store.API {
	a.Permissions = slices.Clone(a.Permissions)
	return a
}

// API returns the API with the id.
func (t *Tx) API(ctx context.Context, id string) (store.API, error) {
	return recallOne(ctx, t, "api", id, addAPI, copyAPI, selectAPIs+`WHERE a.id = $1`+orderAPIs, id)
}

// APIByClientID returns the API that authenticates with the client id. An empty one finds nothing.
func (t *Tx) APIByClientID(ctx context.Context, clientID string) (store.API, error) {
	return recallOne(ctx, t, "api by client id", clientID, addAPI, copyAPI, selectAPIs+`WHERE c.client_id = $1`+orderAPIs, clientID)
}

// APIByIdentifier returns the API with the identifier. An empty one finds nothing.
func (t *Tx) APIByIdentifier(ctx context.Context, identifier string) (store.API, error) {
	return recallOne(ctx, t, "api by identifier", identifier, addAPI, copyAPI, selectAPIs+`WHERE a.identifier = $1`+orderAPIs, identifier)
}

// APIs returns all APIs, ordered by name.
func (t *Tx) APIs(ctx context.Context) ([]store.API, error) {
	return list(ctx, t, "apis", "", addAPI, selectAPIs+orderAPIs)
}

// APIsPart returns the part of them that the window asks for, in the order of their names, without permissions.
func (t *Tx) APIsPart(ctx context.Context, w store.Window) (store.Part[store.API], error) {
	return listing[store.API]{
		what: "apis", add: addAPI,
		query: `SELECT a.id, a.project_id, a.name, a.identifier, c.client_id, a.form, a.signing_algorithm,
			a.token_lifetime, a.active, a.created_at, NULL, NULL
			FROM apis a JOIN clients c ON c.kind = 'api' AND c.id = a.id`,
		name: "a.name", id: "a.id", alone: "apis a", searched: []string{"a.name", "a.identifier", "c.client_id", "a.id"},
	}.part(ctx, t, w)
}

// APIsOf returns the APIs of a project, ordered by name.
func (t *Tx) APIsOf(ctx context.Context, projectID string) ([]store.API, error) {
	return recall(ctx, t, "apis of project", projectID, addAPI, copyAPI, selectAPIs+`WHERE a.project_id = $1`+orderAPIs, projectID)
}

// APIStates returns the ids of a project's APIs, and whether each is active.
func (t *Tx) APIStates(ctx context.Context, projectID string) (map[string]bool, error) {
	all, err := recall(ctx, t, "api states of project", projectID, addState, itself, `SELECT id, active FROM apis WHERE project_id = $1`, projectID)
	if err != nil {
		return nil, err
	}
	states := make(map[string]bool, len(all))
	for _, api := range all {
		states[api.id] = api.active
	}
	return states, nil
}

// state is whether the object with the id is active.
type state struct {
	id     string
	active bool
}

func addState(row Scan, all []state) ([]state, error) {
	var s state
	err := row(&s.id, &s.active)
	return append(all, s), err
}

// PutAPI creates the API or replaces the one with its ID, permissions included. Permissions that are gone
// are taken from every assignment. Errors: store.ErrExists when ClientID, Identifier, or Name within the project
// is taken, or a permission key comes twice; store.ErrNotFound when the project is not there.
func (t *Tx) PutAPI(ctx context.Context, a store.API) error {
	return t.alter(ctx, "put api", a.ID, func(q Querier) error {
		if err := putClient(q, store.Owner{Kind: store.APIClient, ID: a.ID}, a.ClientID); err != nil {
			return err
		}
		_, err := q.Exec(`
			INSERT INTO apis (id, project_id, name, identifier, form, signing_algorithm, token_lifetime, active, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			ON CONFLICT (id) DO UPDATE SET
				project_id = excluded.project_id, name = excluded.name, identifier = excluded.identifier,
				form = excluded.form, signing_algorithm = excluded.signing_algorithm,
				token_lifetime = excluded.token_lifetime, active = excluded.active, created_at = excluded.created_at`,
			a.ID, a.ProjectID, a.Name, optional(a.Identifier), a.Form, a.SigningAlgorithm,
			int64(a.TokenLifetime), a.Active, instant(a.CreatedAt))
		if err != nil {
			return err
		}
		if err := claimNames(q, a); err != nil {
			return err
		}
		wanted := make([]store.Role, len(a.Permissions))
		for i, permission := range a.Permissions {
			wanted[i] = store.Role(permission)
		}
		return permissions.replace(q, a.ID, wanted)
	})
}

// DeleteAPI removes the API, its secrets and keys, and the assignments on it.
func (t *Tx) DeleteAPI(ctx context.Context, id string) error {
	return t.alter(ctx, "delete api", id, func(q Querier) error {
		return deleteClient(q, store.Owner{Kind: store.APIClient, ID: id})
	})
}

// claimNames takes the names by which tokens can be for the API out of the one space of them.
func claimNames(q Querier, a store.API) error {
	if _, err := q.Exec(`DELETE FROM audiences WHERE api_id = $1`, a.ID); err != nil {
		return err
	}
	names := []string{a.Identifier, a.ClientID}
	if a.Identifier == a.ClientID {
		names = names[:1]
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		if _, err := q.Exec(`INSERT INTO audiences (name, api_id) VALUES ($1, $2)`, name, a.ID); err != nil {
			return err
		}
	}
	return nil
}
