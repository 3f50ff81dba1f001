package rights

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store"
)

// Store is what claims are made of.
type Store interface {
	store.Projects
	store.Assignments
}

// Claims returns what the scopes of ZITADEL's dialect have an ID token and the userinfo endpoint say of a person,
// beside the profile: their roles, and the organization that they belong to. Who asks for none gets none.
//
// The claim of the roles in one project names it; the general one is about the application's own, or about the only
// one that is asked for. Who is Narrowed is told of those roles alone whose keys were allowed.
// Errors are outages.
func Claims(ctx context.Context, s Store, u store.User, app store.Application, kind store.FamilyKind, scopes []string) (map[string]any, error) {
	claims := make(map[string]any)
	if slices.Contains(scopes, oauth.ResourceOwnerScope) {
		org, err := s.Organization(ctx, u.OrganizationID)
		if err != nil {
			return nil, fmt.Errorf("rights: reading the organization: %w", err)
		}
		claims[oauth.ResourceOwnerScope+":id"] = org.ID
		claims[oauth.ResourceOwnerScope+":name"] = org.Name
		claims[oauth.ResourceOwnerScope+":primary_domain"] = org.PrimaryDomain
	}
	projects := askedProjects(app, scopes)
	if len(projects) == 0 {
		return claims, nil
	}
	held, err := Of(ctx, s, u.ID)
	if err != nil {
		return nil, err
	}
	for _, id := range projects {
		claim, err := rolesIn(ctx, s, id, told(held.Roles(id), Narrowed(app, kind), scopes))
		if err != nil {
			return nil, err
		}
		if len(claim) == 0 {
			continue
		}
		claims[oauth.ProjectRolesClaim(id)] = claim
		if id == app.ProjectID || len(projects) == 1 {
			claims[oauth.RolesClaim] = claim
		}
	}
	return claims, nil
}

// askedProjects are those whose roles the scopes ask for.
func askedProjects(app store.Application, scopes []string) (ids []string) {
	own := slices.ContainsFunc(scopes, func(s string) bool { return s == oauth.RolesClaim || strings.HasPrefix(s, oauth.RoleScopePrefix) })
	all := slices.Contains(scopes, oauth.ProjectsRolesScope)
	if app.ProjectID != "" && (own || all) {
		ids = append(ids, app.ProjectID)
	}
	for _, scope := range scopes {
		id, project := strings.CutPrefix(scope, oauth.ProjectScopePrefix)
		id, audience := strings.CutSuffix(id, oauth.ProjectScopeSuffix)
		if all && project && audience && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// Narrowed reports whether the tokens of a family hold of a person's rights no more than what was allowed by name: those
// of an application of another house, of a device, and what came of another token.
func Narrowed(app store.Application, kind store.FamilyKind) bool {
	return !app.FirstParty || kind != store.CodeFamily
}

// told are the roles that the application is told of.
func told(roles []string, narrowed bool, scopes []string) []string {
	byName := func(scope string) bool { return strings.HasPrefix(scope, oauth.RoleScopePrefix) }
	named := slices.ContainsFunc(scopes, byName)
	return slices.DeleteFunc(roles, func(role string) bool {
		byName := slices.Contains(scopes, oauth.RoleScopePrefix+role)
		return named && !byName || narrowed && !byName && !slices.Contains(scopes, role)
	})
}

// rolesIn returns the claim of roles in a project; nil for one that is not there or not active.
func rolesIn(ctx context.Context, s Store, projectID string, roles []string) (map[string]map[string]string, error) {
	project, err := s.Project(ctx, projectID)
	if errors.Is(err, store.ErrNotFound) || err == nil && !project.Active {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("rights: reading a project: %w", err)
	}
	org, err := s.Organization(ctx, project.OrganizationID)
	if err != nil {
		return nil, fmt.Errorf("rights: reading the organization: %w", err)
	}
	return RolesClaim(roles, org), nil
}
