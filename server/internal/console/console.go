// Package console is the dashboard of whoever runs the server: pages over the registry, for administrators and for
// those who may look.
//
//	pages := console.New(console.Config{Store: s, Enter: logins.Enter, …})
//	for _, route := range pages.Routes() {
//		mux.Mount(route)
//	}
//
// Who comes in is decided anew for every request: a person who is logged in, by the rules of Enter, and has a role
// of Postern's own project. A page that changes something is for administrators alone; the table of pages says
// which those are, and nothing else does. All changes go through package registry, which leaves the events.
//
// GET shows and asks, POST does. What was done is said on the page that comes next. Every thing has an address:
// tabs, filters, parts of lists and confirmations are pages that can be sent to a colleague.
//
// A file holds the pages about one kind of thing; its sentences are in page/languages/console/KIND/.
package console

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/holding"
	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/internal/notice"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/session"
	"github.com/postern-auth/postern/server/internal/site"
	"github.com/postern-auth/postern/server/internal/tally"
	"github.com/postern-auth/postern/server/store"
)

// base is where the console is mounted.
const base = "/console"

// Config is what the Console works with. Every field but Notices, Reset and Invite is required.
type Config struct {
	Store    store.Store
	Sessions *session.Sessions
	Site     *site.Site
	// Enter returns who is logged in, in which session; false: it has answered, by the way to the login page.
	Enter func(w http.ResponseWriter, r *endpoint.Request, fresh time.Duration) (store.Session, store.User, bool, error)
	// LogOut is where a form with answer=logout ends the session that its sid names.
	LogOut oauth.Endpoint
	// Issuers are those of the server.
	Issuers []string
	// Issue makes a token for a service user that asks for it with the parameters of a request.
	Issue func(ctx context.Context, r *endpoint.Request, u store.ServiceUser) (raw string, lives time.Duration, err error)
	// Lifetime returns how long a token of a form lives whose API does not say.
	Lifetime func(store.TokenForm) time.Duration
	// Holdings say what a token gives, and Keys whose it is.
	Holdings *holding.Reader
	Keys     *keys.Ring
	Tally    *tally.Tally // what was issued and refused
	// Notices tells people what was done to their account. Reset writes down a mail with which a person chooses another
	// password, and Invite one with which they choose their first; nil: there are no mails. Ended is called after sessions may have ended, for applications to be told.
	Notices notice.Teller
	Reset   func(context.Context, store.Tx, *endpoint.Request, store.User) error
	Invite  func(context.Context, store.Tx, *endpoint.Request, store.User) error
	Ended   func()
	// Ends is closed when what streams is to end.
	Ends   <-chan struct{}
	Now    func() time.Time
	Logger *slog.Logger
}

// Console serves the pages. It is safe for concurrent use.
type Console struct {
	Config
	tail *tail
}

// New returns a Console.
func New(config Config) *Console {
	c := &Console{Config: config}
	c.tail = &tail{latest: func(ctx context.Context) ([]store.Event, error) { return c.Store.LatestEvents(ctx, batch) }}
	return c
}

// visit is one request of somebody who may be here.
type visit struct {
	*endpoint.Request
	w        http.ResponseWriter
	session  store.Session
	user     store.User
	now      time.Time
	readOnly bool
	undoActs []page.Act // of the note that says what was done
}

// at is a page: by GET show, by POST do. What is not there is nil. Whatever does something is for administrators.
type at struct {
	path     string
	show, do func(*visit) error
	fresh    time.Duration // how old the login may be; zero: as old as it is
	params   []string      // of its query and its form
	lists    []string      // those of params that may come more than once
	asks     bool          // show leads to a change, so it is for administrators too
	looks    bool          // do changes nothing: it is a POST for what is sent, which must be in no URL
}

// Routes are the pages with where they are mounted.
func (c *Console) Routes() []endpoint.Route {
	routes := []endpoint.Route{c.first()}
	for _, p := range c.pages() {
		methods := "GET POST"
		switch {
		case p.do == nil:
			methods = "GET"
		case p.show == nil:
			methods = "POST"
		}
		routes = append(routes, endpoint.Route{Endpoint: oauth.At(base + p.path), Methods: methods, Handler: &endpoint.Page{
			Name: "console", Params: append([]string{"ui_locales", "done"}, p.params...), Lists: p.lists, Show: c.Site.Show, Logger: c.Logger,
			Answer: func(w http.ResponseWriter, r *endpoint.Request) error { return c.serve(w, r, p) },
		}})
	}
	return routes
}

func (c *Console) serve(w http.ResponseWriter, r *endpoint.Request, p at) error {
	if r.Method == http.MethodHead {
		return nil // it asks about the page, and is nobody
	}
	v := &visit{Request: r, w: w, now: c.Now()}
	var ok bool
	var err error
	if v.session, v.user, ok, err = c.Enter(w, r, p.fresh); err != nil || !ok {
		return err
	}
	role, err := c.roleOf(v.Context(), c.Store, v.user)
	if err != nil {
		return err
	}
	v.readOnly = role != registry.Administrator
	changes := r.Method == http.MethodPost && !p.looks || p.asks
	switch {
	case role == "":
		return c.forbidden(v, "this account may not open the console")
	case changes && v.readOnly:
		return c.onlyLook(v)
	case r.Method == http.MethodPost:
		err = p.do(v)
		if errors.Is(err, errGone) {
			site.Redirect(w, http.StatusSeeOther, base+"/")
			return nil
		}
		return err
	}
	return p.show(v)
}

// roleOf returns the person's role in Postern's own project: registry.Administrator, registry.Reader or none.
func (c *Console) roleOf(ctx context.Context, s store.Tx, u store.User) (string, error) {
	assigned, err := s.AssignmentsAmong(ctx, u.ID, nil)
	if err != nil {
		return "", fmt.Errorf("console: reading the person's roles: %w", err)
	}
	role := ""
	for _, a := range assigned {
		if a.ProjectID != registry.OwnProject {
			continue
		}
		for _, right := range a.Rights {
			if right == registry.Administrator || right == registry.Reader && role == "" {
				role = right
			}
		}
	}
	return role, nil
}

// forbidden is the page of somebody who may not be here at all.
func (c *Console) forbidden(_ *visit, text string) error {
	return &site.Failure{
		Page: page.Error{Cause: page.NotAllowed, Developer: page.Developer{Message: text}},
		Err:  &oauth.Error{Status: http.StatusForbidden, Code: oauth.AccessDenied, Text: text},
	}
}

// onlyLook is the page of a reader who wants to change something.
func (c *Console) onlyLook(v *visit) error {
	return c.render(v, page.Console{
		Title: page.Say("only_look.title"), Status: http.StatusForbidden,
		Notes: []page.Note{{Tone: page.Warn, Text: page.Say("only_look")}},
		Acts:  []page.Act{{To: base + "/", Text: page.Say("only_look.back")}},
	})
}

// notThere is the page of something that is not there, or not any more.
func (c *Console) notThere(v *visit) error {
	return c.render(v, page.Console{
		Title: page.Say("not_there.title"), Status: http.StatusNotFound,
		Notes: []page.Note{{Tone: page.Warn, Text: page.Say("not_there")}},
		Acts:  []page.Act{{To: base + "/", Text: page.Say("only_look.back")}},
	})
}

// render shows a page in the person's language, in the console's frame.
func (c *Console) render(v *visit, p page.Console) error {
	p.Frame = page.Frame{
		Base: base, Person: site.Person(v.user.Name, v.user.Email, v.user.LoginName, v.user.ID), Account: "/account/",
		LogOut:   v.Issuer.Path(c.LogOut) + "?" + url.Values{"sid": {v.session.ID}}.Encode(),
		ReadOnly: v.readOnly, Search: base + "/find", Sections: sections,
	}
	if said := v.said(); said != nil {
		said.Acts = v.undoActs
		p.Notes = append([]page.Note{*said}, p.Notes...)
	}
	settle, err := c.settle(v)
	if err != nil {
		return err
	}
	if settle != nil {
		p.Notes = append([]page.Note{*settle}, p.Notes...)
	}
	c.Site.Render(v.w, v.Request, authorize.LocalesOf(v.user.Locale), p)
	return nil
}

// errGone says that the session, or the right to change something, has ended since it was read.
var errGone = errors.New("console: the session has ended meanwhile")

// write makes a change in a transaction, provided that the session is still there and the person still an
// administrator.
func (c *Console) write(v *visit, change func(context.Context, *registry.Registry, store.Tx) error) error {
	err := c.Store.InTx(v.Context(), func(tx store.Tx) error {
		if err := tx.TouchSession(v.Context(), v.session.Digest, v.now, c.Sessions.IdleEnd(v.session, v.now)); err != nil {
			if errors.Is(err, store.ErrNotFound) {
				return errGone
			}
			return err
		}
		role, err := c.roleOf(v.Context(), tx, v.user)
		if err != nil {
			return err
		}
		if role != registry.Administrator {
			return errGone
		}
		return change(v.Context(), registry.In(tx, v.user.ID, v.now), tx)
	})
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	return nil
}

// done goes on to the page that says what was done: the sentence console.done.WHAT, with a name in it. What else
// the page is to know are names and values in turn.
func (c *Console) done(v *visit, path, what, name string, more ...string) error {
	query := url.Values{"done": {what + " " + name}}
	for pair := range slices.Chunk(more, 2) {
		query.Set(pair[0], pair[1])
	}
	if lang := v.Params.Value("ui_locales"); lang != "" {
		query.Set("ui_locales", lang)
	}
	site.Redirect(v.w, http.StatusSeeOther, base+path+"?"+query.Encode())
	return nil
}
