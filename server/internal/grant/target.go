package grant

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/rights"
	"github.com/postern-auth/postern/server/store"
)

// maxTargets bounds what one token is for; each costs look-ups.
const maxTargets = 16

// target is a project or an API that the token is for.
type target struct {
	audience string // what goes into aud
	project  store.Project
	api      *store.API      // nil: the project as a whole
	apis     map[string]bool // of a project as a whole: the ids of its APIs, and whether each is active
}

type targets []target

// form returns the shape of tokens for the target alone; standard is that of whoever gets them.
func (t *target) form(standard store.TokenForm) store.TokenForm {
	if t.api != nil && t.api.Form != store.FormDefault {
		return t.api.Form
	}
	if standard != store.FormDefault {
		return standard
	}
	return store.FormOpaque
}

func (t *target) algorithm() jws.Algorithm {
	if t.api == nil {
		return ""
	}
	return jws.Algorithm(t.api.SigningAlgorithm)
}

// holds reports whether the key is a right on the target.
func (t *target) holds(held rights.Rights, key string, form store.TokenForm) bool {
	if t.api != nil {
		return held.Holds(*t.api, key)
	}
	return held.HasRole(t.project.ID, key) || t.permits(held, key, form)
}

// permits reports whether the key is a permission on the target. A project as a whole has the permissions
// of its APIs, but for those that are called as one of its roles is: no permission stands in for a role.
// The opaque token for a project is explained to each API by its own permissions, so one that gives the
// key is enough. A JWT says the same to all of them, so all have to give it, those too that are not
// active: they go on verifying JWTs by themselves.
func (t *target) permits(held rights.Rights, key string, form store.TokenForm) bool {
	if t.api != nil {
		return held.HasPermission(t.api.ID, key)
	}
	isRole := func(role store.Role) bool { return role.Key == key }
	if slices.ContainsFunc(t.project.Roles, isRole) && !held.HasRole(t.project.ID, key) {
		return false
	}
	somewhere, everywhere := false, true
	for id, active := range t.apis {
		has := held.HasPermission(id, key)
		somewhere = somewhere || has && active
		everywhere = everywhere && has
	}
	return somewhere && (everywhere || form == store.FormOpaque)
}

// permissions returns the permissions held on every target, sorted.
func (ts targets) permissions(held rights.Rights, form store.TokenForm) []string {
	if len(ts) == 0 {
		return nil
	}
	var keys []string
	if first := ts[0]; first.api != nil {
		keys = held.Permissions(first.api.ID)
	} else {
		for id := range first.apis {
			keys = append(keys, held.Permissions(id)...)
		}
		slices.Sort(keys)
		keys = slices.Compact(keys)
	}
	return slices.DeleteFunc(keys, func(key string) bool {
		return slices.ContainsFunc(ts, func(t target) bool { return !t.permits(held, key, form) })
	})
}

// projects returns each project once.
func (ts targets) projects() []store.Project {
	var list []store.Project
	for _, t := range ts {
		if !slices.ContainsFunc(list, func(p store.Project) bool { return p.ID == t.project.ID }) {
			list = append(list, t.project)
		}
	}
	return list
}

// hasAPI reports whether an API was named by its identifier.
func (ts targets) hasAPI() bool {
	return slices.ContainsFunc(ts, func(t target) bool { return t.api != nil })
}

// targets finds what the request names: APIs by audience and resource (RFC 8707 §2), projects by
// audience and by reserved scopes.
func (g *Grants) targets(ctx context.Context, r *endpoint.Request, asked []string, held rights.Rights) (targets, error) {
	var list targets
	seen := make(map[string]bool)
	add := func(name string, find func(context.Context, string) (target, error)) error {
		if seen[name] {
			return nil
		}
		if seen[name] = true; len(seen) > maxTargets {
			return oauth.Refuse(oauth.InvalidTarget, fmt.Sprintf("the request names more than %d targets", maxTargets), nil)
		}
		t, err := find(ctx, name)
		if err != nil {
			return err
		}
		list = append(list, t)
		return g.allow(t, held)
	}
	for _, name := range r.Params.Values(oauth.ParamAudience) {
		if err := add(name, g.apiOrProject); err != nil {
			return nil, err
		}
	}
	for _, name := range r.Params.Values(oauth.ParamResource) {
		if err := add(name, g.api); err != nil {
			return nil, err
		}
	}
	for _, name := range projectScopes(asked) {
		if err := add(name, g.project); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// namedTargets finds the targets that a person has allowed, each an API's identifier or a project's id.
func (g *Grants) namedTargets(ctx context.Context, names []string) (targets, error) {
	if len(names) > maxTargets {
		return nil, oauth.Refuse(oauth.InvalidTarget, fmt.Sprintf("the request names more than %d targets", maxTargets), nil)
	}
	var list targets
	for _, name := range names {
		t, err := g.apiOrProject(ctx, name)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// narrowed returns those of the targets that a request names, by audience and resource (RFC 8707 §2.2) or as more,
// and all when it names none: a token is for no more than was asked for at first.
func narrowed(r *endpoint.Request, all []string, more ...string) ([]string, error) {
	var names []string
	for _, name := range slices.Concat(r.Params.Values(oauth.ParamAudience), r.Params.Values(oauth.ParamResource), more) {
		if !slices.Contains(all, name) {
			return nil, oauth.Refuse(oauth.InvalidTarget, "the target "+oauth.Quote(name)+" is none of those that were asked for at first; a request may name some of them, and no others", nil)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return all, nil
	}
	return names, nil
}

// CheckTargets refuses names that lead to no API or project that is active.
func (g *Grants) CheckTargets(ctx context.Context, names []string) error {
	_, err := g.namedTargets(ctx, names)
	return err
}

// allow refuses an API that the user has no grant on. A token for a project needs none: it says nothing
// but who the user is until roles are given.
func (g *Grants) allow(t target, held rights.Rights) error {
	if t.api == nil || held.OnAPI(t.api.ID) {
		return nil
	}
	return oauth.Refuse(oauth.AccessDenied,
		"the service user has no grant on the API "+oauth.Quote(t.audience)+"; an operator has to give it one", nil)
}

func (g *Grants) apiOrProject(ctx context.Context, name string) (target, error) {
	api, err := g.config.Store.APIByIdentifier(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return g.project(ctx, name)
	}
	return g.ofAPI(ctx, name, api, err)
}

func (g *Grants) api(ctx context.Context, name string) (target, error) {
	api, err := g.config.Store.APIByIdentifier(ctx, name)
	return g.ofAPI(ctx, name, api, err)
}

func (g *Grants) ofAPI(ctx context.Context, name string, api store.API, err error) (target, error) {
	if err != nil {
		return target{}, targetError(name, err)
	}
	project, err := g.config.Store.Project(ctx, api.ProjectID)
	if err != nil {
		return target{}, targetError(name, err)
	}
	if !api.Active || !project.Active {
		return target{}, targetError(name, errInactive)
	}
	return target{audience: api.Identifier, project: project, api: &api}, nil
}

func (g *Grants) project(ctx context.Context, id string) (target, error) {
	project, err := g.config.Store.Project(ctx, id)
	if err != nil {
		return target{}, targetError(id, err)
	}
	if !project.Active {
		return target{}, targetError(id, errInactive)
	}
	apis, err := g.config.Store.APIStates(ctx, id)
	if err != nil {
		return target{}, fmt.Errorf("grant: reading the APIs of a project: %w", err)
	}
	return target{audience: project.ID, project: project, apis: apis}, nil
}

var errInactive = errors.New("grant: target is not active")

// targetError tells a target that cannot be had from an outage.
func targetError(name string, err error) error {
	if !errors.Is(err, store.ErrNotFound) && !errors.Is(err, errInactive) {
		return fmt.Errorf("grant: reading a target: %w", err)
	}
	return oauth.Refuse(oauth.InvalidTarget,
		"there is no active API with the identifier, nor a project with the id, "+oauth.Quote(name)+"; identifiers are compared byte for byte",
		fmt.Errorf("grant: target %.64q: %w", name, err))
}
