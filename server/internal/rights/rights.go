// Package rights says what a subject holds at this moment: roles of projects and permissions of
// APIs. Nothing is remembered here, so what an operator takes away is gone at the next question.
//
//	held, err := rights.Of(ctx, s, subject.ID)
//	if err != nil {
//		return err
//	}
//	if held.HasRole(project.ID, "read:messages") {
//		…
//	}
package rights

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-auth/postern/server/store"
)

// Rights are what one subject holds. The zero value holds nothing. It does not know which projects
// and APIs are active: the caller does.
type Rights struct {
	assignments []store.Assignment // in the order of compare
}

// Of reads the rights of a subject. The error wraps store.ErrUnavailable.
func Of(ctx context.Context, s store.Assignments, subjectID string) (Rights, error) {
	assignments, err := s.AssignmentsOf(ctx, subjectID)
	return of(assignments, err)
}

// Among reads the rights of a subject with those permissions alone that are among the keys, for a
// question about no others. The error wraps store.ErrUnavailable.
func Among(ctx context.Context, s store.Assignments, subjectID string, keys []string) (Rights, error) {
	assignments, err := s.AssignmentsAmong(ctx, subjectID, keys)
	return of(assignments, err)
}

func of(assignments []store.Assignment, err error) (Rights, error) {
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Rights{}, fmt.Errorf("rights: reading assignments: %w", err)
	}
	if !slices.IsSortedFunc(assignments, compare) { // as engines have them
		slices.SortFunc(assignments, compare)
	}
	return Rights{assignments}, nil
}

func compare(a, b store.Assignment) int {
	return cmp.Or(strings.Compare(a.ProjectID, b.ProjectID), strings.Compare(a.APIID, b.APIID))
}

// on returns what is held on a project or an API, of which one is empty.
func (r Rights) on(projectID, apiID string) ([]string, bool) {
	at, ok := slices.BinarySearchFunc(r.assignments, store.Assignment{ProjectID: projectID, APIID: apiID}, compare)
	if !ok {
		return nil, false
	}
	return r.assignments[at].Rights, true
}

func (r Rights) roles(projectID string) []string {
	keys, _ := r.on(projectID, "")
	return keys
}

func (r Rights) permissions(apiID string) []string {
	keys, _ := r.on("", apiID)
	return keys
}

// Roles returns the keys of the roles held in a project, sorted.
func (r Rights) Roles(projectID string) []string { return slices.Clone(r.roles(projectID)) }

// Permissions returns the keys of the permissions held on an API, sorted.
func (r Rights) Permissions(apiID string) []string { return slices.Clone(r.permissions(apiID)) }

// HasRole reports whether the role is held in the project.
func (r Rights) HasRole(projectID, key string) bool {
	return slices.Contains(r.roles(projectID), key)
}

// HasPermission reports whether the permission is held on the API.
func (r Rights) HasPermission(apiID, key string) bool {
	return slices.Contains(r.permissions(apiID), key)
}

// OnProject reports whether there is an assignment for the project, even one without a role.
func (r Rights) OnProject(projectID string) bool { _, ok := r.on(projectID, ""); return ok }

// OnAPI reports whether there is an assignment for the API, even one without a permission.
func (r Rights) OnAPI(apiID string) bool { _, ok := r.on("", apiID); return ok }

// Holds reports whether the key is a right at the API: a permission on it, or a role in its project.
func (r Rights) Holds(api store.API, key string) bool {
	return r.HasPermission(api.ID, key) || r.HasRole(api.ProjectID, key)
}

// RolesClaim returns the value of the roles claim: each role with the organization that gave it, by the
// organization's id and domain.
func RolesClaim(roles []string, org store.Organization) map[string]map[string]string {
	claim := make(map[string]map[string]string, len(roles))
	for _, role := range roles {
		claim[role] = map[string]string{org.ID: org.PrimaryDomain}
	}
	return claim
}
