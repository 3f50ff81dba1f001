// Package account is where people see what could be used in their name, and stop it: their sessions, the
// applications that they let in, their access tokens, their password, passkeys and second factor, what applications see of them.
//
//	accounts := account.New(account.Config{Store: s, Enter: logins.Enter, …})
//	for _, route := range accounts.Routes() {
//		mux.Mount(route)
//	}
//
// A page is for whoever is logged in in this browser, by the rules that applications go by: Enter sends all others
// to the login page, which leads back. It reads who that is anew for every request, and writes with the session
// still there, so that a session that ended in another window changes nothing any more.
//
// GET shows and asks, POST does; what was done is said on the page that comes next. What could lock the person out,
// or outlives the session, wants a login of the last minutes or the password itself.
package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/notice"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/password"
	"github.com/postern-auth/postern/server/internal/seal"
	"github.com/postern-auth/postern/server/internal/session"
	"github.com/postern-auth/postern/server/internal/site"
	"github.com/postern-auth/postern/server/store"
)

// Fresh is how old the login may be for what outlives the session.
const Fresh = 5 * time.Minute

// Home is the path of the first page.
const Home = base + "/"

const base = "/account"

// Config is what Account works with. Every field but the last four is required.
type Config struct {
	Store    store.Store
	Sessions *session.Sessions
	Site     *site.Site
	Hasher   *password.Hasher
	// Enter returns who is logged in, in which session; false: it has answered, by the way to the login page.
	Enter func(w http.ResponseWriter, r *endpoint.Request, fresh time.Duration) (store.Session, store.User, bool, error)
	// CheckPassword returns the problem to tell where the password is not the user's, and counts the try.
	CheckPassword func(ctx context.Context, r *endpoint.Request, u store.User, typed string) (page.Problem, error)
	// LogOut is where a form with answer=logout ends the session that its sid names.
	LogOut oauth.Endpoint
	// Ended is called when sessions have ended, for whoever tells applications.
	Ended  func()
	Now    func() time.Time
	Logger *slog.Logger
	// Keys seal the secrets of second factors. Without, nobody can set one up.
	Keys *seal.Keys
	// Notices tells people what happened to their account. Nil: nobody.
	Notices notice.Teller
	// ChangeEmail writes down that a person wants another address, which counts when they have shown that it is theirs.
	// It reports whether one more may be asked for now. Nil: there are no mails.
	ChangeEmail func(ctx context.Context, tx store.Tx, r *endpoint.Request, u store.User, address string) (bool, error)
	// TokenLifetime is how long an access token lives at most. Zero or negative: as long as it says.
	TokenLifetime time.Duration
}

// Account serves the pages. It is safe for concurrent use.
type Account struct{ Config }

// New returns an Account.
func New(config Config) *Account { return &Account{config} }

// visit is one request of somebody who is logged in.
type visit struct {
	*endpoint.Request
	w       http.ResponseWriter
	session store.Session
	user    store.User
	others  bool // the person is logged in elsewhere, too
	now     time.Time
}

// handler shows a page of the account.
type handler func(*visit) error

// at is a page of the account: by GET show, by POST do, or what is not there is nil.
type at struct {
	path     string
	show, do handler
	fresh    bool // the login has to be fresh
	params   []string
}

func (a *Account) pages() []at {
	pages := []at{
		{path: "/{$}", show: a.security},
		{path: "/sessions", show: a.sessions},
		{path: "/sessions/{id}/end", show: a.askEndSession, do: a.endSession},
		{path: "/others/end", show: a.askEndOthers, do: a.endOthers},
		{path: "/applications", show: a.applications},
		{path: "/applications/{id}/withdraw", show: a.askWithdraw, do: a.withdraw},
		{path: "/tokens", show: a.tokens},
		{path: "/tokens/new", show: a.newToken, do: a.createToken, fresh: true, params: []string{"name", oauth.ParamAudience, "days", "once"}},
		{path: "/tokens/{id}/revoke", show: a.askRevoke, do: a.revoke},
		{path: "/profile", show: a.profile, do: a.changeProfile, params: []string{"name", "given_name", "family_name"}},
		{path: "/second-factor/on", show: a.askSecondFactor, do: a.turnOn, fresh: true, params: []string{"code"}},
		{path: "/second-factor/off", show: a.askTurnOff, do: a.turnOff, fresh: true},
		{path: "/second-factor/codes", show: a.askCodes, do: a.replaceCodes, fresh: true},
		{path: "/passkeys/new", show: a.newPasskey, do: a.addPasskey, fresh: true, params: []string{"name", "passkey"}},
		{path: "/passkeys/{id}/remove", show: a.askRemove, do: a.removePasskey, fresh: true},
		{path: "/password", show: a.password, do: a.changePassword, params: []string{"password", "new_password"}},
	}
	if a.ChangeEmail != nil {
		pages = append(pages, at{path: emailPath, show: a.email, do: a.changeEmail, fresh: true, params: []string{"email"}})
	}
	return pages
}

const emailPath = "/email"

// Routes are the pages with where they are mounted.
func (a *Account) Routes() []endpoint.Route {
	routes := []endpoint.Route{{Endpoint: oauth.At(base), Methods: "GET", Handler: &endpoint.Page{
		Name: "account", Show: a.Site.Show, Logger: a.Logger,
		Answer: func(w http.ResponseWriter, _ *endpoint.Request) error {
			site.Redirect(w, http.StatusFound, base+"/")
			return nil
		},
	}}}
	for _, p := range a.pages() {
		methods := "GET"
		if p.do != nil {
			methods += " POST"
		}
		routes = append(routes, endpoint.Route{Endpoint: oauth.At(base + p.path), Methods: methods, Handler: &endpoint.Page{
			Name: "account", Params: append([]string{"ui_locales", "saved"}, p.params...), Show: a.Site.Show, Logger: a.Logger,
			Answer: func(w http.ResponseWriter, r *endpoint.Request) error { return a.serve(w, r, p) },
		}})
	}
	return routes
}

func (a *Account) serve(w http.ResponseWriter, r *endpoint.Request, p at) error {
	if r.Method == http.MethodHead {
		return nil // it asks about the page, and is nobody
	}
	v := &visit{Request: r, w: w, now: a.Now()}
	fresh := time.Duration(0)
	if p.fresh {
		fresh = Fresh
	}
	var ok bool
	var err error
	if v.session, v.user, ok, err = a.Enter(w, r, fresh); err != nil || !ok {
		return err
	}
	live, err := a.live(v)
	if err != nil {
		return err
	}
	v.others = len(live) > 1
	if r.Method == http.MethodPost {
		err = p.do(v)
		if errors.Is(err, errGone) {
			site.Redirect(w, http.StatusSeeOther, r.URL.Path) // to whoever is logged in now, or to the login page
			return nil
		}
		return err
	}
	if err := a.seen(v); err != nil {
		return err
	}
	return p.show(v)
}

// seenEvery bounds the writes that looking at pages causes.
const seenEvery = 5 * time.Minute

// seen keeps a session alive that is used.
func (a *Account) seen(v *visit) error {
	if v.now.Before(v.session.LastSeenAt.Add(seenEvery)) {
		return nil
	}
	err := a.Store.TouchSession(v.Context(), v.session.Digest, v.now, a.Sessions.IdleEnd(v.session, v.now))
	if err != nil && !errors.Is(err, store.ErrNotFound) { // it ended meanwhile, and the next request sees that
		return fmt.Errorf("account: %w", err)
	}
	v.session.LastSeenAt = v.now
	return nil
}

// errGone says that the session has ended since it was read.
var errGone = errors.New("account: the session has ended meanwhile")

// write makes a change in a transaction, provided that the session is still there.
func (a *Account) write(v *visit, change func(store.Tx) error) error {
	err := a.Store.InTx(v.Context(), func(tx store.Tx) error {
		if err := tx.TouchSession(v.Context(), v.session.Digest, v.now, a.Sessions.IdleEnd(v.session, v.now)); err != nil {
			return gone(err)
		}
		return change(tx)
	})
	if err != nil {
		return fmt.Errorf("account: %w", err)
	}
	return nil
}

func gone(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return errGone
	}
	return err
}

// yours is what all pages share.
func (a *Account) yours(v *visit) page.Yours {
	yours := page.Yours{
		Base: base, Others: v.others, Person: site.Person(v.user.Name, v.user.Email, v.user.LoginName, v.user.ID),
		LogOut: v.Issuer.Path(a.LogOut) + "?" + url.Values{"sid": {v.session.ID}}.Encode(),
	}
	// A link of somebody else's must not have the page say what has not happened.
	if from := v.Header.Get("Sec-Fetch-Site"); v.Method == http.MethodGet && (from == "same-origin" || from == "") {
		yours.Saved = page.SavedOf(v.Params.Value("saved"))
	}
	return yours
}

// render shows a page in the person's language.
func (a *Account) render(v *visit, p page.Page) error {
	a.Site.Render(v.w, v.Request, authorize.LocalesOf(v.user.Locale), p)
	return nil
}

// done goes on to the page that says what was done.
func (a *Account) done(v *visit, path string, what page.Saved) error {
	query := url.Values{"saved": {what.Name()}}
	if lang := v.Params.Value("ui_locales"); lang != "" {
		query.Set("ui_locales", lang)
	}
	site.Redirect(v.w, http.StatusSeeOther, base+path+"?"+query.Encode())
	return nil
}

// notThere is the error of a page about something that is not the person's, or not any more.
func notThere(what string) error {
	return &oauth.Error{Status: http.StatusNotFound, Code: oauth.InvalidRequest, Text: "there is no such " + what + " of yours, or not any more"}
}

// badForm is the error of a form that no page of ours sends.
func badForm() error {
	return oauth.Refuse(oauth.InvalidRequest, "the form is not one of this page; open the page again", nil)
}

// security shows how the person logs in.
func (a *Account) security(v *visit) error {
	kept, err := a.Store.Password(v.Context(), v.user.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("account: reading a password: %w", err)
	}
	shown := page.Security{Yours: a.yours(v), Password: kept.ChangedAt}
	if err := a.factors(v, &shown); err != nil {
		return err
	}
	return a.render(v, shown)
}
