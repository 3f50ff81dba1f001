package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/postern-auth/postern/server/store"
)

// AssignmentsOf returns the assignments of a subject, ordered by ProjectID and then APIID.
func (t *Tx) AssignmentsOf(ctx context.Context, subjectID string) ([]store.Assignment, error) {
	const query = `
		SELECT a.subject_id, coalesce(a.project_id, ''), coalesce(a.api_id, ''), k.key
		FROM assignments a LEFT JOIN assigned_rights k ON k.assignment_id = a.id
		WHERE a.subject_id = $1 ORDER BY 2, 3, 4`
	return recall(ctx, t, "assignments of subject", subjectID, addAssignment, copyAssignment, query, subjectID)
}

// AssignmentsAmong returns the assignments of a subject as AssignmentsOf does, with those permissions alone that
// are among the keys.
func (t *Tx) AssignmentsAmong(ctx context.Context, subjectID string, keys []string) ([]store.Assignment, error) {
	// The first part has a line without key for each assignment for an API, the second one for each key there
	// that is wanted. In one part the engine would read all keys to choose among them.
	query := `
		SELECT a.subject_id, coalesce(a.project_id, ''), coalesce(a.api_id, ''), k.key
		FROM assignments a LEFT JOIN assigned_rights k ON k.assignment_id = a.id AND a.api_id IS NULL
		WHERE a.subject_id = $1
		UNION ALL
		SELECT a.subject_id, '', a.api_id, k.key
		FROM assignments a JOIN assigned_rights k ON k.assignment_id = a.id AND k.key IN (` + t.backend.Elements("$2") + `)
		WHERE a.subject_id = $1 AND a.api_id IS NOT NULL
		ORDER BY 2, 3, 4`
	wanted, err := elements(keys).Value()
	if err != nil {
		return nil, err
	}
	return recall(ctx, t, "assignments of subject", subjectID, addAssignment, copyAssignment, query, subjectID, wanted.(string))
}

func copyAssignment(a store.Assignment) store.Assignment {
	a.Rights = slices.Clone(a.Rights)
	return a
}

func addAssignment(row Scan, all []store.Assignment) ([]store.Assignment, error) {
	var a store.Assignment
	var key sql.NullString
	if err := row(&a.SubjectID, &a.ProjectID, &a.APIID, &key); err != nil {
		return nil, err
	}
	if n := len(all); n == 0 || all[n-1].ProjectID != a.ProjectID || all[n-1].APIID != a.APIID {
		all = append(all, a)
	}
	if key.Valid {
		last := &all[len(all)-1]
		last.Rights = append(last.Rights, key.String)
	}
	return all, nil
}

// HoldersPart returns the part that the window asks for of the subjects that hold a right on the project or API.
func (t *Tx) HoldersPart(ctx context.Context, target store.Assignment, right string, w store.Window) (store.Part[store.Subject], error) {
	if err := checkTarget(target); err != nil {
		return store.Part[store.Subject]{}, err
	}
	l := listing[store.Subject]{
		what: "holders of right", add: addSubject,
		query: `SELECT s.id, s.kind, s.organization_id, s.username, s.active, s.not_before
			FROM assigned_rights k JOIN assignments a ON a.id = k.assignment_id JOIN subjects s ON s.id = a.subject_id`,
		name: "s.username", id: "s.id", searched: []string{"s.username", "s.id"},
	}
	column := "project_id"
	if target.APIID != "" {
		column = "api_id"
	}
	if right == "" {
		l.query = `SELECT s.id, s.kind, s.organization_id, s.username, s.active, s.not_before
			FROM assignments a JOIN subjects s ON s.id = a.subject_id`
		l.where = "a." + column + " = $1"
		return l.part(ctx, t, w, target.ProjectID+target.APIID)
	}
	l.where = "k.key = $2 AND k." + column + " = $1"
	return l.part(ctx, t, w, target.ProjectID+target.APIID, right)
}

// RightsPart returns the part that the window asks for of all roles and permissions.
func (t *Tx) RightsPart(ctx context.Context, w store.Window) (store.Part[store.Right], error) {
	return listedRights("").part(ctx, t, w)
}

// RolesPart is RightsPart of roles alone.
func (t *Tx) RolesPart(ctx context.Context, w store.Window) (store.Part[store.Right], error) {
	return listedRights("r.api_id = ''").part(ctx, t, w)
}

func listedRights(where string) listing[store.Right] {
	const from = `(SELECT x.project_id, '' AS api_id, x.project_id AS id, p.name AS at, x.key, x.name
			FROM roles x JOIN projects p ON p.id = x.project_id
			UNION ALL SELECT '', y.api_id, y.api_id, a.name, y.key, y.name FROM permissions y JOIN apis a ON a.id = y.api_id) r`
	return listing[store.Right]{
		what: "rights", counted: from, where: where,
		query: `SELECT r.project_id, r.api_id, r.at, r.key, r.name, CASE WHEN r.api_id = ''
			THEN (SELECT count(*) FROM assigned_rights k WHERE k.project_id = r.project_id AND k.key = r.key)
			ELSE (SELECT count(*) FROM assigned_rights k WHERE k.api_id = r.api_id AND k.key = r.key) END FROM ` + from,
		name: "r.key", id: "r.id", searched: []string{"r.key", "r.name", "r.at"},
		add: func(row Scan, all []store.Right) ([]store.Right, error) {
			var r store.Right
			err := row(&r.ProjectID, &r.APIID, &r.At, &r.Key, &r.Name, &r.Holders)
			return append(all, r), err
		},
	}
}

// HolderCounts returns for each of the rights how many subjects hold it on the project or API.
func (t *Tx) HolderCounts(ctx context.Context, target store.Assignment, rights []string) (map[string]int, error) {
	if err := checkTarget(target); err != nil {
		return nil, err
	}
	column := "project_id"
	if target.APIID != "" {
		column = "api_id"
	}
	counts := make(map[string]int)
	add := func(row Scan, none []struct{}) ([]struct{}, error) {
		var key string
		var n int
		if err := row(&key, &n); err != nil {
			return nil, err
		}
		counts[key] = n
		return none, nil
	}
	query := `SELECT key, count(*) FROM assigned_rights WHERE ` + column + ` = $1 AND key IN (` + t.backend.Elements("$2") + `) GROUP BY key`
	if _, err := list(ctx, t, "holders of rights", target.ProjectID+target.APIID, add, query, target.ProjectID+target.APIID, elements(rights)); err != nil {
		return nil, err
	}
	return counts, nil
}

// PutAssignment creates the assignment or replaces the one of the same subject for the same project or API. Errors:
// store.ErrNotFound when the subject, the project or API, or one of the rights is not there.
func (t *Tx) PutAssignment(ctx context.Context, a store.Assignment) error {
	if err := checkTarget(a); err != nil {
		return err
	}
	return t.alter(ctx, "put assignment of subject", a.SubjectID, func(q Querier) error {
		_, err := q.Exec(`
			INSERT INTO assignments (subject_id, project_id, api_id) VALUES ($1, $2, $3)
			ON CONFLICT DO NOTHING`,
			a.SubjectID, optional(a.ProjectID), optional(a.APIID))
		if err != nil {
			return err
		}
		_, err = q.Exec(`
			DELETE FROM assigned_rights WHERE assignment_id =
				(SELECT id FROM assignments WHERE subject_id = $1 AND (project_id = $2 OR api_id = $3))`,
			a.SubjectID, optional(a.ProjectID), optional(a.APIID))
		if err != nil {
			return err
		}
		for _, key := range a.Rights {
			_, err := q.Exec(`
				INSERT INTO assigned_rights (assignment_id, key, project_id, api_id)
				SELECT id, $4, project_id, api_id FROM assignments WHERE subject_id = $1 AND (project_id = $2 OR api_id = $3)
				ON CONFLICT DO NOTHING`,
				a.SubjectID, optional(a.ProjectID), optional(a.APIID), key)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteAssignment removes that of the same subject for the same project or API, whatever its Rights.
func (t *Tx) DeleteAssignment(ctx context.Context, a store.Assignment) error {
	if err := checkTarget(a); err != nil {
		return err
	}
	return t.alter(ctx, "delete assignment of subject", a.SubjectID, func(q Querier) error {
		return change(q, `DELETE FROM assignments WHERE subject_id = $1 AND (project_id = $2 OR api_id = $3)`,
			a.SubjectID, optional(a.ProjectID), optional(a.APIID))
	})
}

func checkTarget(a store.Assignment) error {
	if (a.ProjectID == "") == (a.APIID == "") {
		return fmt.Errorf("store: assignment of subject %s: expected a project or an API, got %s and %s",
			quoted(a.SubjectID), quoted(a.ProjectID), quoted(a.APIID))
	}
	return nil
}
