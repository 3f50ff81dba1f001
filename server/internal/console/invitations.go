package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

func (c *Console) askToInvite(v *visit) error { return c.inviting(v, nil) }

func (c *Console) inviting(v *visit, wrong problems) error {
	return c.again(v, page.Console{
		Here: "users", Up: &page.Link{To: base + usersPath, Text: page.Say("users")}, Title: page.Say("users.invite"), Lead: page.Say("invite.lead"),
		Blocks: []page.Block{page.Panel{Blocks: []page.Block{page.Form{
			To: base + usersPath + "/new", Submit: page.Say("users.invite"), Cancel: base + usersPath,
			Fields: []page.Field{
				{Name: "email", Label: page.Say("user.email"), Value: v.typed("email"), Problem: wrong["email"], Optional: true, Hint: page.Say("invite.email")},
				{Name: "login_name", Label: page.Say("user.login_name"), Value: v.typed("login_name"), Problem: wrong["login_name"], Optional: true},
				{Name: "name", Label: page.Say("name"), Value: v.typed("name"), Problem: wrong["name"], Optional: true},
				{Name: "role", Label: page.Say("invite.role"), Value: v.typed("role"), Problem: wrong["role"], Optional: true, Hint: page.Say("invite.role.hint"), Code: true},
			},
			Hidden: []page.Parameter{{Name: "once", Value: secret.New()}},
		}}}},
	}, wrong)
}

// invite makes a person and the link by which they choose a password. It goes to their address; where there are no
// mails, or is no address, it is shown, this once.
func (c *Console) invite(v *visit) error {
	u := store.User{LoginName: v.typed("login_name"), Email: v.typed("email"), Name: v.typed("name"), Active: true, CreatedAt: v.now}
	if u.Email != "" {
		u.EmailVerifiedAt = v.now // whoever invites somebody answers for the address
	}
	u.ID = secret.NewID()
	if err := checkedPerson(u); len(err) > 0 {
		return c.inviting(v, err)
	}
	var raw string
	mailed := c.Invite != nil && u.Email != ""
	err := c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) error {
		if err := v.once(ctx, tx); err != nil {
			return err
		}
		organization, err := r.Organization(ctx)
		if err != nil {
			return err
		}
		u.OrganizationID = organization.ID
		if err := takenLogin(r.PutUser(ctx, u), u); err != nil {
			return err
		}
		for key := range strings.FieldsSeq(v.typed("role")) {
			if err := giveByKey(ctx, r, tx, u, key); err != nil {
				return err
			}
		}
		if raw, err = r.Invite(ctx, u); err == nil && mailed {
			err = c.Invite(ctx, tx, v.Request, u) // with a link of its own in the place of this one
		}
		return err
	})
	var wrong problems
	switch {
	case errors.As(err, &wrong):
		return c.inviting(v, wrong)
	case errors.Is(err, store.ErrExists):
		return c.shownBefore(v)
	case err != nil:
		return err
	case mailed:
		return c.done(v, usersPath+"/"+u.ID, "invited", u.Email)
	}
	return c.showLink(v, u, raw)
}

// giveByKey gives a role that one project alone has.
func giveByKey(ctx context.Context, r *registry.Registry, tx store.Tx, u store.User, key string) error {
	part, err := tx.RolesPart(ctx, store.Window{Search: key, Limit: rows})
	if err != nil {
		return err
	}
	found := slices.DeleteFunc(part.Rows, func(right store.Right) bool { return right.Key != key })
	if len(found) != 1 || found[0].ProjectID == registry.OwnProject {
		return problems{"role": page.Say("problem.role", "role", page.Code{Text: key}, "link", base+allRolesPath)}
	}
	return r.Give(ctx, u.ID, store.Assignment{ProjectID: found[0].ProjectID}, key)
}

// showLink shows the link of an invitation.
func (c *Console) showLink(v *visit, u store.User, raw string) error {
	p := aboutUser(u, "")
	p.Tabs = nil
	link := v.Issuer.URL(registry.InvitationPath + raw)
	p.Notes = []page.Note{{Tone: page.Good, Text: page.Say("user.link.made", "name", called(u), "days", int(registry.InvitationLifetime.Hours()/24))}}
	p.Blocks = []page.Block{page.Panel{Title: page.Say("user.link.once"), Blocks: []page.Block{
		page.Source{Label: page.Say("user.link.once"), Spans: []page.Span{{Text: link}}, Copy: true, File: "invitation.txt"},
	}, Acts: []page.Act{{To: userPath(u.ID, ""), Text: page.Say("user.go")}}}}
	return c.render(v, p)
}

// shownBefore is the answer to a form that has made its link already.
func (c *Console) shownBefore(v *visit) error {
	return c.render(v, page.Console{
		Here: "users", Title: page.Say("shown_before.title"), Status: http.StatusConflict,
		Notes: []page.Note{{Tone: page.Warn, Text: page.Say("shown_before"), Acts: []page.Act{{To: base + usersPath, Text: page.Say("shown_before.back")}}}},
	})
}
