package console

import (
	"context"
	"errors"
	"net/url"
	"slices"

	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// roleBlocks are the roles of a project and the form of a new one, on the page of the project or of one of its APIs.
func (c *Console) roleBlocks(v *visit, p store.Project, apiID string, wrong problems) ([]page.Block, error) {
	var keys []string
	for _, role := range p.Roles {
		keys = append(keys, role.Key)
	}
	counts, err := c.Store.HolderCounts(v.Context(), store.Assignment{ProjectID: p.ID}, keys)
	if err != nil {
		return nil, err
	}
	fixed := v.readOnly || p.ID == registry.OwnProject
	table := page.Table{
		Label: page.Say("roles_of_project"), Head: []page.Column{{Text: page.Say("role")}, {Text: page.Say("description")}, {Text: page.Say("holders")}}, Empty: page.Say("roles_of_project.empty"),
	}
	for _, role := range p.Roles {
		row := page.Row{Cells: []page.Cell{{page.Code{Text: role.Key}}, {page.Words{Text: page.Named(role.Name)}}, {page.Words{Text: page.Say("held", "n", counts[role.Key])}}}}
		if !fixed {
			query := url.Values{"key": {role.Key}}
			if apiID != "" {
				query.Set("api", apiID)
			}
			row.Acts = []page.Act{{To: base + "/projects/" + p.ID + "/roles/delete?" + query.Encode(), Text: page.Say("delete"), Danger: true}}
		}
		table.Rows = append(table.Rows, row)
	}
	table.Range = page.Say("rights", "n", len(table.Rows))
	blocks := []page.Block{table}
	if !fixed {
		form := page.Form{
			To: base + "/projects/" + p.ID + "/roles", Submit: page.Say("role_new"),
			Fields: []page.Field{
				{Name: "key", Label: page.Say("role"), Value: v.typed("key"), Code: true, Problem: wrong["key"]},
				{Name: "title", Label: page.Say("description"), Value: v.typed("title"), Optional: true, Problem: wrong["title"]},
			},
		}
		if apiID != "" {
			form.Hidden = []page.Parameter{{Name: "api", Value: apiID}}
		}
		blocks = append([]page.Block{page.Panel{Title: page.Say("role_new"), Blocks: []page.Block{form}}}, blocks...)
	}
	return blocks, nil
}

// newRight is the key and description of a right that a form names.
func (v *visit) newRight(wrong problems) store.Role {
	right := store.Role{Key: v.typed("key"), Name: v.typed("title")}
	if registry.CheckKey(right.Key) != nil {
		wrong["key"] = page.Say("problem.key")
	}
	if registry.CheckTitle(right.Name) != nil {
		wrong["title"] = page.Say("problem.name")
	}
	return right
}

func (c *Console) createRole(v *visit) error {
	wrong := problems{}
	role := v.newRight(wrong)
	err := wrong.or()
	if err == nil {
		err = c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) error {
			p, err := c.projectOf(ctx, tx, v)
			if err == nil {
				err = notOwn(p)
			}
			if err != nil {
				return err
			}
			if slices.ContainsFunc(p.Roles, func(other store.Role) bool { return other.Key == role.Key }) {
				return problems{"key": page.Say("problem.role_taken", "key", page.Code{Text: role.Key})}
			}
			p.Roles = append(p.Roles, role)
			return r.PutProject(ctx, p)
		})
	}
	if err == nil {
		return c.done(v, rolesPath(v.PathValue("id"), v.Params.Value("api")), "role_created", role.Key)
	}
	if !errors.As(err, &wrong) {
		if errors.Is(err, store.ErrNotFound) {
			return c.notThere(v)
		}
		return err
	}
	p, err := c.projectOf(v.Context(), c.Store, v)
	if err != nil {
		return c.failed(v, err)
	}
	if id := v.Params.Value("api"); id != "" {
		if a, err := c.Store.API(v.Context(), id); err == nil && a.ProjectID == p.ID {
			return c.showRoles(v, a, p, wrong)
		}
	}
	return c.showProject(v, p, p.Name, wrong, nil)
}

// role finds the role that a confirmation is about, and how many hold it.
func (c *Console) role(ctx context.Context, tx store.Tx, v *visit) (p store.Project, i, holders int, err error) {
	if p, err = c.projectOf(ctx, tx, v); err != nil {
		return p, 0, 0, err
	}
	i = slices.IndexFunc(p.Roles, func(role store.Role) bool { return role.Key == v.Params.Value("key") })
	if i < 0 || p.ID == registry.OwnProject {
		return p, 0, 0, store.ErrNotFound
	}
	part, err := tx.HoldersPart(ctx, store.Assignment{ProjectID: p.ID}, p.Roles[i].Key, store.Window{Limit: 1})
	return p, i, part.Total, err
}

func (c *Console) askDeleteRole(v *visit) error { return c.confirmDeleteRole(v, nil, nil) }

func (c *Console) confirmDeleteRole(v *visit, wrong problems, changed *page.Note) error {
	p, i, holders, err := c.role(v.Context(), c.Store, v)
	if err != nil {
		return c.failed(v, err)
	}
	key := p.Roles[i].Key
	return c.confirm(v, confirmation{
		here: "projects", up: page.Link{To: base + rolesPath(p.ID, v.Params.Value("api")), Text: page.Named(p.Name)},
		title: page.Say("role.delete.title", "key", page.Code{Text: key}), stops: []page.Text{page.Say("role.ends", "n", holders), page.Say("role.ends.routes")},
		to: base + "/projects/" + p.ID + "/roles/delete", hidden: []page.Parameter{{Name: "key", Value: key}, {Name: "api", Value: v.Params.Value("api")}},
		counted: counted(holders), submit: page.Say("role.delete"), name: key,
	}, wrong, changed)
}

func (c *Console) deleteRole(v *visit) error {
	err := c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) error {
		p, i, holders, err := c.role(ctx, tx, v)
		if err != nil {
			return err
		}
		if err := v.confirmed(counted(holders), p.Roles[i].Key); err != nil {
			return err
		}
		p.Roles = slices.Delete(p.Roles, i, i+1)
		return r.PutProject(ctx, p)
	})
	if err == nil {
		return c.done(v, rolesPath(v.PathValue("id"), v.Params.Value("api")), "deleted", v.Params.Value("key"))
	}
	return c.refused(v, err, c.confirmDeleteRole)
}
