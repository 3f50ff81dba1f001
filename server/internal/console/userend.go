package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/postern-auth/postern/server/internal/notice"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// held is what a person has that ends with them.
type held struct{ sessions, consents, assignments, families int }

func (h held) String() string {
	return fmt.Sprint(h.sessions, " ", h.consents, " ", h.assignments, " ", h.families)
}

func heldBy(ctx context.Context, tx store.Tx, id string, now time.Time) (h held, err error) {
	sessions, err := tx.SessionsOf(ctx, id)
	if err != nil {
		return held{}, err
	}
	for _, s := range sessions {
		if now.Before(s.IdleExpiresAt) {
			h.sessions++
		}
	}
	consents, err := tx.ConsentsOf(ctx, id)
	if err != nil {
		return held{}, err
	}
	assignments, err := tx.AssignmentsOf(ctx, id)
	if err != nil {
		return held{}, err
	}
	families, err := tx.FamiliesOf(ctx, id, now)
	h.consents, h.assignments, h.families = len(consents), len(assignments), len(families)
	return h, err
}

// farewell is a confirmation about a person, and what is done once it is given.
type farewell struct {
	title  func(name string) page.Text
	submit string
	name   bool // is to be typed
	says   func(store.User, held) []page.Text
	does   func(context.Context, *registry.Registry, store.Tx, store.User) error
	final  bool
	done   string
	back   string // path where it is said
}

func (c *Console) askEnding(v *visit, u store.User, e farewell, wrong problems, changed *page.Note) error {
	h, err := heldBy(v.Context(), c.Store, u.ID, v.now)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	q := confirmation{
		here: "users", up: page.Link{To: userPath(u.ID, ""), Text: page.Named(called(u))}, title: e.title(called(u)),
		stops: e.says(u, h), to: v.URL.Path, counted: h.String(), submit: page.Say(e.submit), final: e.final,
		hidden: []page.Parameter{{Name: "once", Value: secret.New()}},
	}
	if e.name {
		q.name = u.Called()
	}
	return c.confirm(v, q, wrong, changed)
}

func (c *Console) ask(v *visit, e farewell) error {
	u, ok, err := c.userOf(v)
	if err != nil || !ok {
		return err
	}
	return c.askEnding(v, u, e, nil, nil)
}

// end does it. false: it has answered.
func (c *Console) end(v *visit, e farewell) (store.User, bool, error) {
	u, ok, err := c.userOf(v)
	if err != nil || !ok {
		return u, false, err
	}
	err = c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) (err error) {
		if u, err = tx.User(ctx, u.ID); err != nil {
			return err
		}
		h, err := heldBy(ctx, tx, u.ID, v.now)
		if err != nil {
			return err
		}
		name := ""
		if e.name {
			name = u.Called()
		}
		if err := v.confirmed(h.String(), name); err != nil {
			return err
		}
		return e.does(ctx, r, tx, u)
	})
	switch {
	case errors.Is(err, registry.ErrLastAdministrator):
		return u, false, c.lastAdministrator(v, u)
	case errors.Is(err, store.ErrExists):
		return u, false, c.shownBefore(v)
	case err != nil:
		return u, false, c.refused(v, err, func(v *visit, wrong problems, changed *page.Note) error { return c.askEnding(v, u, e, wrong, changed) })
	}
	c.Ended()
	return u, true, nil
}

func (c *Console) finish(v *visit, e farewell) error {
	u, ok, err := c.end(v, e)
	if err != nil || !ok {
		return err
	}
	path := usersPath + "/" + u.ID
	if e.back != "" {
		path = e.back
	}
	return c.done(v, path, e.done, called(u))
}

// lastAdministrator says why something cannot be done.
func (c *Console) lastAdministrator(v *visit, u store.User) error {
	return c.render(v, page.Console{
		Here: "users", Up: &page.Link{To: userPath(u.ID, ""), Text: page.Named(called(u))}, Title: page.Say("last_administrator.title", "name", called(u)), Status: http.StatusConflict,
		Notes: []page.Note{{Tone: page.Warn, Text: page.Say("last_administrator"), Acts: []page.Act{
			{To: rolePath(registry.OwnProject, registry.Administrator, ""), Text: page.Say("last_administrator.give")},
		}}},
	})
}

func sessionsAndTokens(h held) []page.Text {
	return []page.Text{page.Say("user.ends.sessions", "n", h.sessions), page.Say("user.ends.families", "n", h.families)}
}

var locking = farewell{
	title: func(name string) page.Text { return page.Say("user.lock.title", "name", name) }, submit: "user.lock", done: "locked",
	says: func(_ store.User, h held) []page.Text {
		return append(sessionsAndTokens(h), page.Say("user.lock.until"))
	},
	does: func(ctx context.Context, r *registry.Registry, _ store.Tx, u store.User) error {
		u.Active = false
		return r.PutUser(ctx, u)
	},
}

func (c *Console) askToLock(v *visit) error { return c.ask(v, locking) }
func (c *Console) lock(v *visit) error      { return c.finish(v, locking) }

func (c *Console) unlock(v *visit) error {
	return c.doTo(v, "unlocked", func(ctx context.Context, r *registry.Registry, _ store.Tx, u store.User) error {
		u.Active = true
		return r.PutUser(ctx, u)
	})
}

// doTo does what needs no question.
func (c *Console) doTo(v *visit, done string, does func(context.Context, *registry.Registry, store.Tx, store.User) error) error {
	u, ok, err := c.userOf(v)
	if err != nil || !ok {
		return err
	}
	err = c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) (err error) {
		if u, err = tx.User(ctx, u.ID); err != nil {
			return err
		}
		return does(ctx, r, tx, u)
	})
	if errors.Is(err, store.ErrNotFound) {
		return c.notThere(v)
	}
	if err != nil {
		return err
	}
	c.Ended()
	return c.done(v, usersPath+"/"+u.ID, done, called(u))
}

// sendReset sends the mail with which people choose another password.
func (c *Console) sendReset(v *visit) error {
	if c.Reset == nil {
		return c.notThere(v)
	}
	return c.doTo(v, "reset_sent", func(ctx context.Context, _ *registry.Registry, tx store.Tx, u store.User) error {
		if u.EmailVerifiedAt.IsZero() || !u.Active {
			return store.ErrNotFound
		}
		return c.Reset(ctx, tx, v.Request, u)
	})
}

func (c *Console) linking(v *visit, raw *string) farewell {
	return farewell{
		title: func(name string) page.Text { return page.Say("user.link.title", "name", name) }, submit: "user.link",
		says: func(_ store.User, h held) []page.Text {
			return append(sessionsAndTokens(h), page.Say("user.link.password"))
		},
		does: func(ctx context.Context, r *registry.Registry, tx store.Tx, u store.User) (err error) {
			if !u.Active {
				return store.ErrNotFound
			}
			if err := v.once(ctx, tx); err != nil {
				return err
			}
			*raw, err = r.InviteAgain(ctx, u)
			return err
		},
	}
}

func (c *Console) askForLink(v *visit) error { return c.ask(v, c.linking(v, nil)) }

func (c *Console) makeLink(v *visit) error {
	var raw string
	u, ok, err := c.end(v, c.linking(v, &raw))
	if err != nil || !ok {
		return err
	}
	return c.showLink(v, u, raw)
}

func (c *Console) factorEnding() farewell {
	return farewell{
		title: func(name string) page.Text { return page.Say("user.remove_factor.title", "name", name) }, submit: "user.remove_factor", done: "factor_removed",
		says: func(u store.User, h held) []page.Text {
			says := append([]page.Text{page.Say("user.remove_factor.password")}, sessionsAndTokens(h)...)
			if c.Reset != nil && !u.EmailVerifiedAt.IsZero() {
				says = append(says, page.Say("user.remove_factor.told"))
			}
			return says
		},
		does: func(ctx context.Context, r *registry.Registry, tx store.Tx, u store.User) error {
			if err := r.RemoveSecondFactor(ctx, u); err != nil {
				return err
			}
			return c.Notices.Tell(ctx, tx, u.ID, notice.SecondFactorOff)
		},
	}
}

func (c *Console) askToRemoveFactor(v *visit) error {
	if _, err := c.Store.TOTP(v.Context(), v.PathValue("id")); errors.Is(err, store.ErrNotFound) {
		return c.notThere(v)
	} else if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	return c.ask(v, c.factorEnding())
}

func (c *Console) removeFactor(v *visit) error { return c.finish(v, c.factorEnding()) }

var deleting = farewell{
	title: func(name string) page.Text { return page.Say("user.delete.title", "name", name) }, submit: "user.delete", done: "deleted", name: true, final: true, back: usersPath,
	says: func(_ store.User, h held) []page.Text {
		return append(sessionsAndTokens(h), page.Say("user.ends.consents", "n", h.consents), page.Say("user.ends.assignments", "n", h.assignments), page.Say("user.delete.events"))
	},
	does: func(ctx context.Context, r *registry.Registry, _ store.Tx, u store.User) error {
		return r.DeleteUser(ctx, u)
	},
}

func (c *Console) askToDeleteUser(v *visit) error { return c.ask(v, deleting) }
func (c *Console) deleteUser(v *visit) error      { return c.finish(v, deleting) }
