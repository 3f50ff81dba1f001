package console

import (
	"context"
	"errors"
	"fmt"

	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// serviceUserEnd is what ends with a service user.
type serviceUserEnd struct{ secrets, keys, tokens, rights int }

func (e serviceUserEnd) counted() string { return fmt.Sprint(e.secrets, e.keys, e.tokens, e.rights) }

func (c *Console) endOfServiceUser(ctx context.Context, tx store.Tx, v *visit) (u store.ServiceUser, e serviceUserEnd, err error) {
	if u, err = tx.ServiceUser(ctx, v.PathValue("id")); err != nil {
		return u, e, err
	}
	standings, err := tx.StandingsOf(ctx, []string{u.ID}, v.now)
	if err != nil {
		return u, e, err
	}
	all, err := tx.AssignmentsOf(ctx, u.ID)
	s := standings[u.ID]
	return u, serviceUserEnd{s.Secrets, s.Keys, s.Tokens, len(all)}, err
}

func (c *Console) askDeleteServiceUser(v *visit) error {
	return c.confirmDeleteServiceUser(v, nil, nil)
}

func (c *Console) confirmDeleteServiceUser(v *visit, wrong problems, changed *page.Note) error {
	return c.confirmServiceUser(v, wrong, changed, func(u store.ServiceUser, e serviceUserEnd) confirmation {
		return confirmation{
			title: page.Say("service_user.delete.title", "name", u.Username), submit: page.Say("service_user.delete"), name: u.Username, final: true,
			to: "/delete", instead: page.Say("service_user.delete.instead"),
			stops: append(e.stops(), page.Say("service_user.delete.rights", "n", e.rights), page.Say("service_user.delete.jwts")),
		}
	})
}

// stops says what a service user cannot log in with any more.
func (e serviceUserEnd) stops() (all []page.Text) {
	if e.secrets+e.keys > 0 {
		all = append(all, page.Say("service_user.stops.login", "n", e.secrets+e.keys))
	}
	if e.tokens > 0 {
		all = append(all, page.Say("service_user.stops.tokens", "n", e.tokens))
	}
	return all
}

func (c *Console) confirmServiceUser(v *visit, wrong problems, changed *page.Note, ask func(store.ServiceUser, serviceUserEnd) confirmation) error {
	u, e, err := c.endOfServiceUser(v.Context(), c.Store, v)
	if errors.Is(err, store.ErrNotFound) {
		return c.notThere(v)
	}
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	q := ask(u, e)
	cl := serviceUserClient(u)
	q.here, q.up, q.to, q.counted = cl.here, *cl.up(), base+cl.path+q.to, e.counted()
	return c.confirm(v, q, wrong, changed)
}

func (c *Console) deleteServiceUser(v *visit) error {
	var name string
	err := c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) error {
		u, e, err := c.endOfServiceUser(ctx, tx, v)
		if err != nil {
			return err
		}
		if err := v.confirmed(e.counted(), u.Username); err != nil {
			return err
		}
		name = u.Username
		return r.DeleteServiceUser(ctx, u)
	})
	if err != nil {
		return c.refused(v, err, c.confirmDeleteServiceUser)
	}
	return c.done(v, "/service-users", "deleted", name)
}

func (c *Console) askDeactivateServiceUser(v *visit) error {
	return c.confirmDeactivateServiceUser(v, nil, nil)
}

func (c *Console) confirmDeactivateServiceUser(v *visit, wrong problems, changed *page.Note) error {
	return c.confirmServiceUser(v, wrong, changed, func(u store.ServiceUser, e serviceUserEnd) confirmation {
		return confirmation{
			title: page.Say("service_user.deactivate.title", "name", u.Username), submit: page.Say("service_user.deactivate"), to: "/deactivate",
			stops: append(e.stops(), page.Say("service_user.deactivate.asking"), page.Say("service_user.delete.jwts")),
		}
	})
}

func (c *Console) deactivateServiceUser(v *visit) error {
	var u store.ServiceUser
	err := c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) error {
		found, e, err := c.endOfServiceUser(ctx, tx, v)
		if err != nil {
			return err
		}
		if err := v.confirmed(e.counted(), ""); err != nil {
			return err
		}
		u = found
		u.Active = false
		return r.PutServiceUser(ctx, u)
	})
	if err != nil {
		return c.refused(v, err, c.confirmDeactivateServiceUser)
	}
	return c.done(v, "/service-users/"+u.ID, "deactivated", u.Username)
}

func (c *Console) activateServiceUser(v *visit) error {
	var u store.ServiceUser
	err := c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) (err error) {
		if u, err = tx.ServiceUser(ctx, v.PathValue("id")); err != nil {
			return err
		}
		u.Active = true
		return r.PutServiceUser(ctx, u)
	})
	if errors.Is(err, store.ErrNotFound) {
		return c.notThere(v)
	}
	if err != nil {
		return err
	}
	return c.done(v, "/service-users/"+u.ID, "activated", u.Username)
}
