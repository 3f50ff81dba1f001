package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/browser"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/internal/session"
	"github.com/postern-auth/postern/server/internal/site"
	"github.com/postern-auth/postern/server/store"
)

// FirstRunLifetime is how long the link of the first administrator works.
const FirstRunLifetime = 15 * time.Minute

// FirstRun returns the path of the page behind a new link for the first administrator, in place of one that was made
// before; false: there is an administrator.
func FirstRun(ctx context.Context, s store.Store, now time.Time) (path string, ok bool, err error) {
	value := secret.New()
	err = s.InTx(ctx, func(tx store.Tx) error {
		there, err := registry.HasAdministrator(ctx, tx)
		if ok = !there; err != nil || there {
			return err
		}
		return tx.PutMailLink(ctx, store.MailLink{
			Digest: secret.Digest(value), Purpose: store.FirstRunLink, ExpiresAt: now.Add(FirstRunLifetime),
		})
	})
	if err != nil {
		return "", false, fmt.Errorf("console: making a link for the first administrator: %w", err)
	}
	return base + "/first/" + value, ok, nil
}

// first is the page behind the link, which is for whoever has it. Its forms use the link up: one makes a first API,
// the others go on to an API that is there or to the console.
func (c *Console) first() endpoint.Route {
	return endpoint.Route{Endpoint: oauth.At(base + "/first/{value}"), Methods: "GET POST", Handler: &endpoint.Page{
		Name: "first run", Params: append([]string{"ui_locales", "test"}, newAPIParams...), Show: c.Site.Show, Logger: c.Logger, Answer: c.becomeFirst,
	}}
}

func (c *Console) becomeFirst(w http.ResponseWriter, r *endpoint.Request) error {
	digest := secret.Digest(r.PathValue("value"))
	if r.Method != http.MethodPost {
		link, err := c.Store.MailLink(r.Context(), digest)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("console: %w", err)
		}
		over := err != nil || link.Purpose != store.FirstRunLink || !c.Now().Before(link.ExpiresAt)
		if over {
			c.Site.Render(w, r, "", page.FirstRunOver{})
			return nil
		}
		return c.showFirst(w, r)
	}
	cookies := browser.For(string(r.Issuer))
	binding, ok := cookies.Binding(r.Request)
	if !ok {
		binding = browser.NewValue()
	}
	var value browser.Value
	var begun store.Session
	var user store.User
	err := c.Store.InTx(r.Context(), func(tx store.Tx) error {
		now := c.Now()
		link, err := tx.UseMailLink(r.Context(), digest, now)
		if err != nil {
			return err
		}
		if link.Purpose != store.FirstRunLink {
			return store.ErrNotFound
		}
		user, err = registry.In(tx, "first run", now).FirstAdministrator(r.Context())
		if err != nil {
			return err
		}
		value, begun = c.Sessions.New(r, binding.Digest(), user.ID, []store.Method{{Name: authorize.MethodLink, At: now}}, false)
		return tx.CreateSession(r.Context(), session.Former(r), begun)
	})
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, registry.ErrAdministrated) {
		c.Site.Render(w, r, "", page.FirstRunOver{})
		return nil
	}
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	cookies.SetBinding(w, binding)
	c.Sessions.Set(w, r, value, begun)
	if r.Params.Value("way") != "" {
		return c.createAPI(&visit{Request: r, w: w, session: begun, user: user, now: c.Now()})
	}
	to := base + "/"
	if id := r.Params.Value("test"); id != "" {
		to = base + "/apis/" + url.PathEscape(id) + "/test"
	}
	site.Redirect(w, http.StatusSeeOther, to)
	return nil
}

// firstAPI is filled in as the sample Hello World has it.
var firstAPI = oauth.Params{
	"name": {"Hello World"}, "identifier": {"https://hello-world.example.com"}, "permissions": {"read:admin-messages Read admin messages"},
}

// offeredFirst is how many APIs that are there the page of the first administrator offers to try.
const offeredFirst = 3

func (c *Console) showFirst(w http.ResponseWriter, r *endpoint.Request) error {
	there, err := c.Store.APIsPart(r.Context(), store.Window{Limit: offeredFirst})
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	p := page.Console{
		Title: page.Say("first"), Lead: page.Say("first.lead"),
		Acts: []page.Act{{To: r.URL.Path, Text: page.Say("first.skip"), Post: true}},
	}
	if len(there.Rows) > 0 {
		table := page.Table{Label: page.Say("apis"), Head: []page.Column{{Text: page.Say("name")}, {Text: page.Say("identifier")}}, Range: page.Say("rights", "n", there.Total)}
		for _, a := range there.Rows {
			row := apiRow(a)
			table.Rows = append(table.Rows, page.Row{Cells: []page.Cell{{page.Words{Text: page.Named(a.Name)}}, row.Cells[1]}, Acts: []page.Act{
				{To: r.URL.Path, Text: page.Say("first.test"), Post: true, Hidden: []page.Parameter{{Name: "test", Value: a.ID}}},
			}})
		}
		p.Blocks = append(p.Blocks, table)
	}
	form := apiForm(firstAPI, nil)
	form.To = r.URL.Path
	p.Blocks = append(p.Blocks, page.Beside{
		Left: []page.Block{page.Panel{Blocks: []page.Block{form}}},
		Right: []page.Block{
			page.Panel{Title: page.Say("first.makes"), Blocks: []page.Block{page.Bullets{Tone: page.Good, Items: []page.Text{
				page.Say("first.makes.api"), page.Say("first.makes.permission"), page.Say("first.makes.user"), page.Say("first.makes.token"),
			}}}},
			page.Panel{Title: page.Say("first.tutorial"), Blocks: []page.Block{page.Paragraph{Text: page.Say("first.tutorial.values")}, page.Paragraph{Text: page.Say("first.tutorial.ask"), Quiet: true}}},
		},
	})
	c.Site.Render(w, r, "", p)
	return nil
}

// settle is the note of somebody who has nothing to log in with once this session has ended; nil: they have.
func (c *Console) settle(v *visit) (*page.Note, error) {
	for _, m := range v.session.Methods {
		if m.Name != authorize.MethodLink {
			return nil, nil
		}
	}
	if _, err := c.Store.Password(v.Context(), v.user.ID); !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	passkeys, err := c.Store.PasskeysOf(v.Context(), v.user.ID)
	if err != nil || len(passkeys) > 0 {
		return nil, err
	}
	return &page.Note{Tone: page.Warn, Text: page.Say("settle"), Acts: []page.Act{
		{To: "/account/password", Text: page.Say("settle.password")}, {To: "/account/", Text: page.Say("settle.passkey")},
	}}, nil
}
