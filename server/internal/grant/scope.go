package grant

import (
	"slices"
	"strings"

	"github.com/postern-auth/postern/internal/scope"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/rights"
	"github.com/postern-auth/postern/server/store"
)

const (
	projectScopePrefix = oauth.ProjectScopePrefix
	projectScopeSuffix = oauth.ProjectScopeSuffix
	roleScopePrefix    = oauth.RoleScopePrefix
	// systemProject is the name of ZITADEL's own project, which its clients ask for and which has no
	// counterpart here.
	systemProject = "zitadel"
)

// parseScope splits a scope parameter into its tokens, each once (RFC 6749 §3.3).
func parseScope(text string) ([]string, error) {
	var scopes []string
	for token := range strings.SplitSeq(text, " ") {
		if token == "" || slices.Contains(scopes, token) {
			continue
		}
		if !scope.IsToken(token) {
			return nil, oauth.Refuse(oauth.InvalidScope, "the scope holds a character that RFC 6749, section 3.3, does not allow", nil)
		}
		if len(scopes) == maxScopes {
			return nil, oauth.Refuse(oauth.InvalidScope, "the scope names too many scopes", nil)
		}
		scopes = append(scopes, token)
	}
	return scopes, nil
}

// maxScopes bounds the scopes of one request, which are compared with each other.
const maxScopes = 512

// projectScopes returns the ids of the projects that scopes name as targets.
func projectScopes(scopes []string) []string {
	var ids []string
	for _, scope := range scopes {
		rest, ok1 := strings.CutPrefix(scope, projectScopePrefix)
		id, ok2 := strings.CutSuffix(rest, projectScopeSuffix)
		if ok1 && ok2 && id != systemProject {
			ids = append(ids, id)
		}
	}
	return ids
}

// granted returns what the user gets of what it asked for: standard and reserved scopes, and the keys
// that it holds on every target. Asking an API for nothing in particular means all there is.
func granted(asked []string, targets targets, held rights.Rights, form store.TokenForm) []string {
	if len(asked) == 0 && targets.hasAPI() {
		return targets.permissions(held, form)
	}
	var scopes []string
	for _, scope := range asked {
		if slices.Contains(oauth.StandardScopes, scope) || strings.HasPrefix(scope, oauth.ReservedScopePrefix) {
			scopes = append(scopes, scope)
			continue
		}
		lacks := func(t target) bool { return !t.holds(held, scope, form) }
		if len(targets) > 0 && !slices.ContainsFunc(targets, lacks) {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

// named returns the roles that scopes ask for, or all when they ask for none.
func named(asked, roles []string) []string {
	byName := func(scope string) bool { return strings.HasPrefix(scope, roleScopePrefix) }
	if !slices.ContainsFunc(asked, byName) {
		return roles
	}
	return slices.DeleteFunc(roles, func(role string) bool { return !slices.Contains(asked, roleScopePrefix+role) })
}
