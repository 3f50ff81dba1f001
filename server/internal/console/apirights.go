package console

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

func (c *Console) permissions(v *visit) error {
	a, err := c.apiOf(v.Context(), c.Store, v)
	if err != nil {
		return c.failed(v, err)
	}
	return c.showPermissions(v, a, nil)
}

// showPermissions lists them in the order of their keys: an API may have tens of thousands.
func (c *Console) showPermissions(v *visit, a store.API, wrong problems) error {
	w := v.window()
	part := permissionsPart(a.Permissions, w)
	var keys []string
	for _, permission := range part.Rows {
		keys = append(keys, permission.Key)
	}
	counts, err := c.Store.HolderCounts(v.Context(), store.Assignment{APIID: a.ID}, keys)
	if err != nil {
		return c.failed(v, err)
	}
	to := "/apis/" + a.ID + "/permissions"
	table := list(v, to, w, part, page.Table{
		Label: page.Say("api.permissions"), Head: []page.Column{{Text: page.Say("permission")}, {Text: page.Say("description")}, {Text: page.Say("holders")}}, Empty: page.Say("api.permissions.empty"),
	}, func(p store.Permission) page.Row {
		row := page.Row{Cells: []page.Cell{{page.Code{Text: p.Key}}, {page.Words{Text: page.Named(p.Name)}}, {page.Words{Text: page.Say("held", "n", counts[p.Key])}}}}
		if !v.readOnly {
			row.Acts = []page.Act{{To: base + to + "/delete?" + url.Values{"key": {p.Key}}.Encode(), Text: page.Say("delete"), Danger: true}}
		}
		return row
	}, func(p store.Permission) store.Place { return store.Place{Name: p.Key} })
	p := aboutAPI(a, "permissions", table)
	if !v.readOnly {
		p.Blocks = append([]page.Block{page.Panel{Title: page.Say("permission_new"), Blocks: []page.Block{page.Form{
			To: base + to, Submit: page.Say("permission_new"),
			Fields: []page.Field{
				{Name: "key", Label: page.Say("permission"), Value: v.typed("key"), Code: true, Problem: wrong["key"]},
				{Name: "title", Label: page.Say("description"), Value: v.typed("title"), Optional: true, Hint: page.Say("permission.hint"), Problem: wrong["title"]},
			},
		}}}}, p.Blocks...)
	}
	return c.again(v, p, wrong)
}

// permissionsPart returns the part of the permissions that a window asks for.
func permissionsPart(all []store.Permission, w store.Window) store.Part[store.Permission] {
	search := strings.ToLower(w.Search)
	all = slices.DeleteFunc(slices.Clone(all), func(p store.Permission) bool {
		return !strings.Contains(strings.ToLower(p.Key), search) && !strings.Contains(strings.ToLower(p.Name), search)
	})
	slices.SortFunc(all, func(a, b store.Permission) int { return cmp.Compare(a.Key, b.Key) })
	from := 0
	at := func(key string) int {
		i, _ := slices.BinarySearchFunc(all, key, func(p store.Permission, key string) int { return cmp.Compare(p.Key, key) })
		return i
	}
	switch {
	case !w.Before.IsZero():
		from = max(0, at(w.Before.Name)-w.Limit)
	case !w.After.IsZero():
		from = at(w.After.Name)
		if from < len(all) && all[from].Key == w.After.Name {
			from++
		}
	}
	to := min(len(all), from+w.Limit)
	if !w.Before.IsZero() {
		to = at(w.Before.Name)
	}
	return store.Part[store.Permission]{Rows: all[from:to], From: from, Total: len(all)}
}

func (c *Console) createPermission(v *visit) error {
	wrong := problems{}
	right := store.Permission(v.newRight(wrong))
	err := wrong.or()
	if err == nil {
		err = c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) error {
			a, err := c.apiOf(ctx, tx, v)
			if err != nil {
				return err
			}
			if slices.ContainsFunc(a.Permissions, func(other store.Permission) bool { return other.Key == right.Key }) {
				return problems{"key": page.Say("problem.permission_taken", "key", page.Code{Text: right.Key})}
			}
			a.Permissions = append(a.Permissions, right)
			return r.PutAPI(ctx, a)
		})
	}
	if err == nil {
		return c.done(v, "/apis/"+v.PathValue("id")+"/permissions", "permission_created", right.Key)
	}
	if errors.As(err, &wrong) {
		a, err := c.apiOf(v.Context(), c.Store, v)
		if err != nil {
			return c.failed(v, err)
		}
		return c.showPermissions(v, a, wrong)
	}
	if errors.Is(err, store.ErrNotFound) {
		return c.notThere(v)
	}
	return err
}

// permission finds the permission that a confirmation is about, and how many hold it.
func (c *Console) permission(ctx context.Context, tx store.Tx, v *visit) (a store.API, i, holders int, err error) {
	if a, err = c.apiOf(ctx, tx, v); err != nil {
		return a, 0, 0, err
	}
	i = slices.IndexFunc(a.Permissions, func(p store.Permission) bool { return p.Key == v.Params.Value("key") })
	if i < 0 {
		return a, 0, 0, store.ErrNotFound
	}
	part, err := tx.HoldersPart(ctx, store.Assignment{APIID: a.ID}, a.Permissions[i].Key, store.Window{Limit: 1})
	return a, i, part.Total, err
}

func (c *Console) askDeletePermission(v *visit) error { return c.confirmDeletePermission(v, nil, nil) }

func (c *Console) confirmDeletePermission(v *visit, wrong problems, changed *page.Note) error {
	a, i, holders, err := c.permission(v.Context(), c.Store, v)
	if err != nil {
		return c.failed(v, err)
	}
	key, to := a.Permissions[i].Key, base+"/apis/"+a.ID+"/permissions"
	return c.confirm(v, confirmation{
		here: "apis", up: page.Link{To: to, Text: page.Named(a.Name)}, title: page.Say("permission.delete.title", "key", page.Code{Text: key}),
		stops: []page.Text{page.Say("permission.ends", "n", holders), page.Say("permission.ends.routes")},
		to:    to + "/delete", hidden: []page.Parameter{{Name: "key", Value: key}}, counted: counted(holders), submit: page.Say("permission.delete"),
	}, wrong, changed)
}

func (c *Console) deletePermission(v *visit) error {
	err := c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) error {
		a, i, holders, err := c.permission(ctx, tx, v)
		if err != nil {
			return err
		}
		if err := v.confirmed(counted(holders), ""); err != nil {
			return err
		}
		a.Permissions = slices.Delete(a.Permissions, i, i+1)
		return r.PutAPI(ctx, a)
	})
	if err == nil {
		return c.done(v, "/apis/"+v.PathValue("id")+"/permissions", "deleted", v.Params.Value("key"))
	}
	return c.refused(v, err, c.confirmDeletePermission)
}

func (c *Console) apiRoles(v *visit) error {
	a, err := c.apiOf(v.Context(), c.Store, v)
	if err != nil {
		return c.failed(v, err)
	}
	p, err := c.Store.Project(v.Context(), a.ProjectID)
	if err != nil {
		return c.failed(v, err)
	}
	return c.showRoles(v, a, p, nil)
}

// showRoles are the roles of an API's project, which its other APIs share.
func (c *Console) showRoles(v *visit, a store.API, project store.Project, wrong problems) error {
	states, err := c.Store.APIStates(v.Context(), project.ID)
	if err != nil {
		return c.failed(v, err)
	}
	blocks, err := c.roleBlocks(v, project, a.ID, wrong)
	if err != nil {
		return c.failed(v, err)
	}
	p := aboutAPI(a, "roles", page.Paragraph{Text: page.Say("roles.shared", "n", len(states)-1, "project", project.Name, "link", base+"/projects/"+project.ID)})
	p.Blocks = append(p.Blocks, blocks...)
	return c.again(v, p, wrong)
}
