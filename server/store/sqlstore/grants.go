package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/postern-auth/postern/server/store"
)

// GrantsOf returns the grants of a service user, ordered by ProjectID and then APIID.
func (t *Tx) GrantsOf(ctx context.Context, userID string) ([]store.Grant, error) {
	const query = `
		SELECT g.user_id, coalesce(g.project_id, ''), coalesce(g.api_id, ''), k.key
		FROM grants g LEFT JOIN grant_keys k ON k.grant_id = g.id
		WHERE g.user_id = $1 ORDER BY 2, 3, 4`
	return list(ctx, t, "grants of service user", userID, addGrant, query, userID)
}

// GrantsAmong returns the grants of a service user as GrantsOf does, with those permissions alone that are
// among the keys.
func (t *Tx) GrantsAmong(ctx context.Context, userID string, keys []string) ([]store.Grant, error) {
	// The first part has a line without key for each grant on an API, the second one for each key there that
	// is wanted. In one part the engine would read all keys to choose among them.
	const query = `
		SELECT g.user_id, coalesce(g.project_id, ''), coalesce(g.api_id, ''), k.key
		FROM grants g LEFT JOIN grant_keys k ON k.grant_id = g.id AND g.api_id IS NULL
		WHERE g.user_id = $1
		UNION ALL
		SELECT g.user_id, '', g.api_id, k.key
		FROM grants g JOIN grant_keys k ON k.grant_id = g.id AND k.key IN (SELECT value FROM json_each($2))
		WHERE g.user_id = $1 AND g.api_id IS NOT NULL
		ORDER BY 2, 3, 4`
	wanted, err := json.Marshal(append([]string{}, keys...)) // [] rather than null
	if err != nil {
		return nil, fmt.Errorf("store: encoding keys: %w", err)
	}
	return list(ctx, t, "grants of service user", userID, addGrant, query, userID, string(wanted))
}

func addGrant(row Scan, all []store.Grant) ([]store.Grant, error) {
	var g store.Grant
	var key sql.NullString
	if err := row(&g.UserID, &g.ProjectID, &g.APIID, &key); err != nil {
		return nil, err
	}
	if n := len(all); n == 0 || all[n-1].ProjectID != g.ProjectID || all[n-1].APIID != g.APIID {
		all = append(all, g)
	}
	if key.Valid {
		last := &all[len(all)-1]
		last.Keys = append(last.Keys, key.String)
	}
	return all, nil
}

// PutGrant creates the grant or replaces the one for the same user and project or API. Errors:
// store.ErrNotFound when the user, the project or API, or one of the keys is not there.
func (t *Tx) PutGrant(ctx context.Context, g store.Grant) error {
	if err := checkTarget(g); err != nil {
		return err
	}
	return t.alter(ctx, "put grant of service user", g.UserID, func(q Querier) error {
		_, err := q.Exec(`
			INSERT INTO grants (user_id, project_id, api_id) VALUES ($1, $2, $3)
			ON CONFLICT DO NOTHING`,
			g.UserID, optional(g.ProjectID), optional(g.APIID))
		if err != nil {
			return err
		}
		_, err = q.Exec(`
			DELETE FROM grant_keys WHERE grant_id =
				(SELECT id FROM grants WHERE user_id = $1 AND (project_id = $2 OR api_id = $3))`,
			g.UserID, optional(g.ProjectID), optional(g.APIID))
		if err != nil {
			return err
		}
		for _, key := range g.Keys {
			_, err := q.Exec(`
				INSERT INTO grant_keys (grant_id, key, project_id, api_id)
				SELECT id, $4, project_id, api_id FROM grants WHERE user_id = $1 AND (project_id = $2 OR api_id = $3)
				ON CONFLICT DO NOTHING`,
				g.UserID, optional(g.ProjectID), optional(g.APIID), key)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteGrant removes the grant for the same user and project or API, whatever its Keys.
func (t *Tx) DeleteGrant(ctx context.Context, g store.Grant) error {
	if err := checkTarget(g); err != nil {
		return err
	}
	return t.alter(ctx, "delete grant of service user", g.UserID, func(q Querier) error {
		return change(q, `DELETE FROM grants WHERE user_id = $1 AND (project_id = $2 OR api_id = $3)`,
			g.UserID, optional(g.ProjectID), optional(g.APIID))
	})
}

func checkTarget(g store.Grant) error {
	if (g.ProjectID == "") == (g.APIID == "") {
		return fmt.Errorf("store: grant of service user %s: expected a project or an api, got %s and %s",
			quoted(g.UserID), quoted(g.ProjectID), quoted(g.APIID))
	}
	return nil
}
