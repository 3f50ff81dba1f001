package setup

import (
	"context"
	"slices"

	"github.com/postern-auth/postern/server/internal/document"
	"github.com/postern-auth/postern/server/store"
)

// prune deletes what the document does not name. It goes first, for a name may pass to a new object.
func (c *comparison) prune() {
	for _, u := range c.users {
		if slices.ContainsFunc(c.doc.Users, func(d *document.ServiceUser) bool { return d.Username.Text == u.Username || d.Was.Text == u.Username }) {
			continue
		}
		c.add(Change{Action: Delete, Object: "service user", Name: u.Username, do: func(ctx context.Context, w *work) error {
			return w.registry.DeleteServiceUser(ctx, u)
		}})
	}
	for _, a := range c.apis {
		if !c.listsProject(a.ProjectID) || c.listsAPI(a) {
			continue
		}
		c.add(Change{Action: Delete, Object: "api", Name: c.apiName(a), do: func(ctx context.Context, w *work) error {
			return w.registry.DeleteAPI(ctx, a)
		}})
	}
	for _, p := range c.projects {
		if c.listsProject(p.ID) {
			continue
		}
		c.add(Change{Action: Delete, Object: "project", Name: p.Name, do: func(ctx context.Context, w *work) error {
			return w.registry.DeleteProject(ctx, p)
		}})
	}
}

func (c *comparison) projectName(id string) string {
	for _, p := range c.projects {
		if p.ID == id {
			return p.Name
		}
	}
	return id
}

func (c *comparison) listsProject(id string) bool {
	name := c.projectName(id)
	return slices.ContainsFunc(c.doc.Projects, func(p *document.Project) bool { return p.Name.Text == name || p.Was.Text == name })
}

func (c *comparison) listsAPI(a store.API) bool {
	project := c.projectName(a.ProjectID)
	return slices.ContainsFunc(c.doc.APIs(), func(d *document.API) bool {
		return (d.Project.Name.Text == project || d.Project.Was.Text == project) && (d.Name.Text == a.Name || d.Was.Text == a.Name)
	})
}

func (c *comparison) apiName(a store.API) string { return c.projectName(a.ProjectID) + "/" + a.Name }
