package console

import (
	"context"
	"errors"
	"fmt"

	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

func (c *Console) endOfApplication(ctx context.Context, tx store.Tx, v *visit) (store.Application, store.Following, error) {
	a, err := tx.Application(ctx, v.PathValue("id"))
	if err != nil {
		return a, store.Following{}, err
	}
	f, err := tx.FollowingOf(ctx, a.ClientID, v.now)
	return a, f, err
}

func (c *Console) askDeleteApplication(v *visit) error {
	return c.confirmDeleteApplication(v, nil, nil)
}

func (c *Console) confirmDeleteApplication(v *visit, wrong problems, changed *page.Note) error {
	return c.confirmApplication(v, "/delete", wrong, changed)
}

func (c *Console) askDeactivateApplication(v *visit) error {
	return c.confirmDeactivateApplication(v, nil, nil)
}

func (c *Console) confirmDeactivateApplication(v *visit, wrong problems, changed *page.Note) error {
	return c.confirmApplication(v, "/deactivate", wrong, changed)
}

func (c *Console) confirmApplication(v *visit, end string, wrong problems, changed *page.Note) error {
	a, f, err := c.endOfApplication(v.Context(), c.Store, v)
	if errors.Is(err, store.ErrNotFound) {
		return c.notThere(v)
	}
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	cl := applicationClient(a)
	q := confirmation{
		here: cl.here, up: *cl.up(), to: base + cl.path + end, counted: fmt.Sprint(f.People, f.Consents),
		title: page.Say("application.deactivate.title", "name", a.Name), submit: page.Say("application.deactivate"),
		stops: []page.Text{page.Say("application.stops.people", "n", f.People), page.Say("application.stops.refresh")},
	}
	if end == "/delete" {
		q.title, q.submit, q.name, q.final = page.Say("application.delete.title", "name", a.Name), page.Say("application.delete"), a.Name, true
		q.instead = page.Say("application.delete.instead")
		q.stops = append(q.stops, page.Say("application.stops.consents", "n", f.Consents))
	}
	return c.confirm(v, q, wrong, changed)
}

func (c *Console) deleteApplication(v *visit) error {
	var name string
	err := c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) error {
		a, f, err := c.endOfApplication(ctx, tx, v)
		if err != nil {
			return err
		}
		if err := v.confirmed(fmt.Sprint(f.People, f.Consents), a.Name); err != nil {
			return err
		}
		name = a.Name
		return r.DeleteApplication(ctx, a)
	})
	if err != nil {
		return c.refused(v, err, c.confirmDeleteApplication)
	}
	return c.done(v, "/applications", "deleted", name)
}

func (c *Console) deactivateApplication(v *visit) error {
	var a store.Application
	err := c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) error {
		found, f, err := c.endOfApplication(ctx, tx, v)
		if err != nil {
			return err
		}
		if err := v.confirmed(fmt.Sprint(f.People, f.Consents), ""); err != nil {
			return err
		}
		a = found
		a.Active = false
		return r.PutApplication(ctx, a)
	})
	if err != nil {
		return c.refused(v, err, c.confirmDeactivateApplication)
	}
	return c.done(v, "/applications/"+a.ID, "deactivated", a.Name)
}

func (c *Console) activateApplication(v *visit) error {
	var a store.Application
	err := c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) (err error) {
		if a, err = tx.Application(ctx, v.PathValue("id")); err != nil {
			return err
		}
		a.Active = true
		return r.PutApplication(ctx, a)
	})
	if errors.Is(err, store.ErrNotFound) {
		return c.notThere(v)
	}
	if err != nil {
		return err
	}
	return c.done(v, "/applications/"+a.ID, "activated", a.Name)
}
