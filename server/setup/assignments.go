package setup

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-auth/postern/server/internal/document"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// assignmentSteps are the assignments of one subject to write and to remove.
type assignmentSteps struct{ put, remove []store.Assignment }

func (s assignmentSteps) run(ctx context.Context, to *registry.Registry) error {
	for _, a := range s.remove {
		if err := to.Unassign(ctx, a); err != nil {
			return err
		}
	}
	for _, a := range s.put {
		if err := to.Assign(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// assignments makes the subject's assignments exactly those that the document names.
func (c *comparison) assignments(ctx context.Context, label string, held document.Held, subjectID string, found bool, f *registry.Fields) (steps assignmentSteps, err error) {
	var have []store.Assignment
	if found {
		if have, err = c.store.AssignmentsOf(ctx, subjectID); err != nil {
			return steps, fmt.Errorf("setup: read the assignments of %s: %w", label, err)
		}
		have = slices.DeleteFunc(have, func(a store.Assignment) bool { return a.ProjectID == registry.OwnProject })
	}
	byName := func(a, b store.Assignment) int { return strings.Compare(c.assignmentName(a), c.assignmentName(b)) }
	slices.SortFunc(have, byName)
	want := c.wanted(held, subjectID)
	slices.SortFunc(want, byName)
	for _, g := range want {
		var before any
		if i := slices.IndexFunc(have, sameTarget(g)); i >= 0 {
			before = append([]string{}, slices.Sorted(slices.Values(have[i].Rights))...)
		}
		n := len(*f)
		f.Add(c.assignmentName(g), before, g.Rights)
		if len(*f) > n {
			steps.put = append(steps.put, g)
		}
	}
	for _, g := range have {
		if slices.ContainsFunc(want, sameTarget(g)) || c.options.Prune && !c.listsTarget(g) {
			continue // what is pruned takes its assignments along
		}
		f.Add(c.assignmentName(g), append([]string{}, g.Rights...), nil)
		steps.remove = append(steps.remove, g)
	}
	return steps, nil
}

func (c *comparison) wanted(held document.Held, subjectID string) []store.Assignment {
	var all []store.Assignment
	for _, g := range held.Roles {
		all = append(all, store.Assignment{SubjectID: subjectID, ProjectID: c.projectIDs[g.Project], Rights: sortedKeys(g)})
	}
	for _, g := range held.Permissions {
		all = append(all, store.Assignment{SubjectID: subjectID, APIID: c.apiIDs[g.API], Rights: sortedKeys(g)})
	}
	return all
}

func sortedKeys(g *document.Assignment) []string {
	keys := make([]string, len(g.Rights))
	for i, key := range g.Rights {
		keys[i] = key.Text
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

// assignmentName is the field that shows an assignment, with the name of what is in the store or about to be.
func (c *comparison) assignmentName(g store.Assignment) string {
	for p, id := range c.projectIDs {
		if id == g.ProjectID {
			return fmt.Sprintf("roles of %q", p.Name.Text)
		}
	}
	for a, id := range c.apiIDs {
		if id == g.APIID {
			return fmt.Sprintf("permissions of %q", a.Project.Name.Text+"/"+a.Name.Text)
		}
	}
	for _, a := range c.apis {
		if a.ID == g.APIID {
			return fmt.Sprintf("permissions of %q", c.apiName(a))
		}
	}
	return fmt.Sprintf("roles of %q", c.projectName(g.ProjectID))
}
