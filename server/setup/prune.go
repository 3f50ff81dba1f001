package setup

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-auth/postern/server/internal/document"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// prune deletes what the document does not name. It goes first, for a name may pass to a new object.
func (c *comparison) prune(ctx context.Context) error {
	if err := c.prunePeople(ctx); err != nil {
		return err
	}
	for _, u := range c.serviceUsers {
		if slices.ContainsFunc(c.doc.ServiceUsers, func(d *document.ServiceUser) bool { return d.Username.Text == u.Username || d.Was.Text == u.Username }) {
			continue
		}
		c.add(Change{Action: Delete, Object: "service user", Name: u.Username, do: func(ctx context.Context, w *work) error {
			return w.registry.DeleteServiceUser(ctx, u)
		}})
	}
	for _, a := range c.applications {
		if !c.listsProject(a.ProjectID) || c.listsApplication(a) {
			continue
		}
		name := c.projectName(a.ProjectID) + "/" + a.Name
		c.add(Change{Action: Delete, Object: "application", Name: name, do: func(ctx context.Context, w *work) error {
			return w.registry.DeleteApplication(ctx, a)
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
	return nil
}

// page is how many people are read at once.
const page = 500

// prunePeople leaves people alone in whom the document is not interested: they may have signed up by themselves.
func (c *comparison) prunePeople(ctx context.Context) error {
	if len(c.doc.Users) == 0 {
		return nil
	}
	named := make(map[string]bool, len(c.doc.Users))
	for _, u := range c.doc.Users {
		named[strings.ToLower(u.Login.Text)], named[strings.ToLower(u.Was.Text)] = true, true
	}
	delete(named, "") // no earlier name names those without a login name
	for last := ""; ; {
		users, err := c.store.Users(ctx, last, page)
		if err != nil {
			return fmt.Errorf("setup: read the users: %w", err)
		}
		c.there["user"] += len(users)
		for _, u := range users {
			if named[strings.ToLower(u.LoginName)] {
				continue
			}
			kept, err := opensConsole(ctx, c.store, u)
			if err != nil {
				return err
			}
			if kept {
				continue
			}
			c.add(Change{Action: Delete, Object: "user", Name: cmp.Or(u.LoginName, u.Email), do: func(ctx context.Context, w *work) error {
				return w.registry.DeleteUser(ctx, u)
			}})
		}
		if len(users) < page {
			return nil
		}
		last = users[len(users)-1].ID
	}
}

// opensConsole reports whether a person has a role of Postern's own project: a document neither gives nor takes it.
func opensConsole(ctx context.Context, s store.Tx, u store.User) (bool, error) {
	assigned, err := s.AssignmentsAmong(ctx, u.ID, nil)
	if err != nil {
		return false, fmt.Errorf("setup: read the roles of a user: %w", err)
	}
	return slices.ContainsFunc(assigned, func(a store.Assignment) bool { return a.ProjectID == registry.OwnProject }), nil
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

func (c *comparison) listsApplication(a store.Application) bool {
	project := c.projectName(a.ProjectID)
	return slices.ContainsFunc(c.doc.Applications(), func(d *document.Application) bool {
		return (d.Project.Name.Text == project || d.Project.Was.Text == project) && (d.Name.Text == a.Name || d.Was.Text == a.Name)
	})
}

func (c *comparison) apiName(a store.API) string { return c.projectName(a.ProjectID) + "/" + a.Name }
