package setup

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-auth/postern/server/store"
)

// grantSteps are the grants of one user to write and to remove.
type grantSteps struct{ put, remove []store.Assignment }

func (s grantSteps) run(ctx context.Context, to store.Tx) error {
	for _, g := range s.remove {
		if err := to.DeleteAssignment(ctx, g); err != nil {
			return err
		}
	}
	for _, g := range s.put {
		if err := to.PutAssignment(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

// grants makes the user's grants exactly those that the document names.
func (c *comparison) grants(ctx context.Context, u *serviceUser, userID string, found bool, f *facts) (steps grantSteps, err error) {
	var have []store.Assignment
	if found {
		if have, err = c.store.AssignmentsOf(ctx, userID); err != nil {
			return steps, fmt.Errorf("setup: read the grants of service user %q: %w", u.username.text, err)
		}
	}
	byName := func(a, b store.Assignment) int { return strings.Compare(c.grantName(a), c.grantName(b)) }
	slices.SortFunc(have, byName)
	want := c.wanted(u, userID)
	slices.SortFunc(want, byName)
	for _, g := range want {
		var before any
		if i := slices.IndexFunc(have, sameTarget(g)); i >= 0 {
			before = append([]string{}, slices.Sorted(slices.Values(have[i].Rights))...)
		}
		n := len(*f)
		f.add(c.grantName(g), before, g.Rights)
		if len(*f) > n {
			steps.put = append(steps.put, g)
		}
	}
	for _, g := range have {
		if slices.ContainsFunc(want, sameTarget(g)) || c.options.Prune && !c.listsTarget(g) {
			continue // what is pruned takes its grants along
		}
		f.add(c.grantName(g), append([]string{}, g.Rights...), nil)
		steps.remove = append(steps.remove, g)
	}
	return steps, nil
}

func (c *comparison) wanted(u *serviceUser, userID string) []store.Assignment {
	var all []store.Assignment
	for _, g := range u.roles {
		all = append(all, store.Assignment{SubjectID: userID, ProjectID: c.projectIDs[g.project], Rights: sortedKeys(g)})
	}
	for _, g := range u.permissions {
		all = append(all, store.Assignment{SubjectID: userID, APIID: c.apiIDs[g.api], Rights: sortedKeys(g)})
	}
	return all
}

func sortedKeys(g *grant) []string {
	keys := make([]string, len(g.keys))
	for i, key := range g.keys {
		keys[i] = key.text
	}
	slices.Sort(keys)
	return keys
}

func sameTarget(g store.Assignment) func(store.Assignment) bool {
	return func(other store.Assignment) bool { return other.ProjectID == g.ProjectID && other.APIID == g.APIID }
}

func (c *comparison) listsTarget(g store.Assignment) bool {
	if g.APIID == "" {
		return c.listsProject(g.ProjectID)
	}
	return slices.ContainsFunc(c.apis, func(a store.API) bool { return a.ID == g.APIID && c.listsAPI(a) })
}

// grantName is the field that shows a grant, with the name of what is in the store or about to be.
func (c *comparison) grantName(g store.Assignment) string {
	for p, id := range c.projectIDs {
		if id == g.ProjectID {
			return fmt.Sprintf("roles of %q", p.name.text)
		}
	}
	for a, id := range c.apiIDs {
		if id == g.APIID {
			return fmt.Sprintf("permissions of %q", a.project.name.text+"/"+a.name.text)
		}
	}
	for _, a := range c.apis {
		if a.ID == g.APIID {
			return fmt.Sprintf("permissions of %q", c.apiName(a))
		}
	}
	return fmt.Sprintf("roles of %q", c.projectName(g.ProjectID))
}
