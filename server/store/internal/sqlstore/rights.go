package sqlstore

import "github.com/postern-auth/postern/server/store"

// rights is the SQL for what an assignment gives: the roles of a project and the permissions of an API are kept
// in the same way.
type rights struct {
	unmark string // marks all as gone
	put    string
	sweep  string // deletes those that are gone, and with them what assignments have of them
}

var (
	roles = rights{
		unmark: `UPDATE roles SET position = -1 WHERE project_id = $1`,
		put: `
			INSERT INTO roles (project_id, key, name, position) VALUES ($1, $2, $3, $4)
			ON CONFLICT (project_id, key) DO UPDATE SET name = excluded.name, position = excluded.position
			WHERE roles.position = -1`,
		sweep: `DELETE FROM roles WHERE project_id = $1 AND position = -1`,
	}
	permissions = rights{
		unmark: `UPDATE permissions SET position = -1 WHERE api_id = $1`,
		put: `
			INSERT INTO permissions (api_id, key, name, position) VALUES ($1, $2, $3, $4)
			ON CONFLICT (api_id, key) DO UPDATE SET name = excluded.name, position = excluded.position
			WHERE permissions.position = -1`,
		sweep: `DELETE FROM permissions WHERE api_id = $1 AND position = -1`,
	}
)

// replace sets the rights of a project or API. A row that stays is updated and not made anew, because the
// assignments that refer to it would lose it.
func (r rights) replace(q Querier, id string, wanted []store.Role) error {
	if _, err := q.Exec(r.unmark, id); err != nil {
		return err
	}
	for position, right := range wanted {
		n, err := q.Exec(r.put, id, right.Key, right.Name, position)
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrExists // the key came before in the same list
		}
	}
	_, err := q.Exec(r.sweep, id)
	return err
}
