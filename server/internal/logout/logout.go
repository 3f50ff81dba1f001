// Package logout ends sessions: for an application that proves by an ID token whose session it means (OpenID
// Connect RP-Initiated Logout), for one that sends the browser to Auth0's own address, and by the button of a page
// for everybody else. With the session end the tokens that are to end with it.
package logout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/browser"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/hint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/redirect"
	"github.com/postern-auth/postern/server/internal/session"
	"github.com/postern-auth/postern/server/internal/site"
	"github.com/postern-auth/postern/server/store"
)

// Confirm is where the page is that asks before a session ends.
var Confirm = oauth.At("/logout")

// Reason is why families of tokens are revoked that end with a session.
const Reason = "logged out"

// Config is what Logout works with. Every field is required.
type Config struct {
	Store    store.Store
	Sessions *session.Sessions
	Site     *site.Site
	Hints    *hint.Reader
	// Ended is called when sessions have ended, for whoever tells applications.
	Ended func()
	// Again is the path to which the page leads that ends a log-out which leads to no application.
	Again  string
	Now    func() time.Time
	Logger *slog.Logger
}

// Logout ends sessions. It is safe for concurrent use.
type Logout struct{ Config }

// New returns a Logout.
func New(config Config) *Logout { return &Logout{config} }

// Names of parameters.
const (
	paramHint     = "id_token_hint"
	paramURI      = "post_logout_redirect_uri"
	paramState    = "state"
	paramReturnTo = "returnTo"
	paramLocales  = "ui_locales"
	paramSession  = "sid"
)

// Endpoint returns the end_session_endpoint.
func (l *Logout) Endpoint() *endpoint.Page {
	return &endpoint.Page{
		Name: "end_session", Params: []string{paramHint, oauth.ParamClientID, paramURI, paramState, paramLocales},
		FromElsewhere: true, Answer: l.endSession, Show: l.Site.Show, Logger: l.Logger,
	}
}

// Auth0 returns Auth0's own endpoint, at which a link alone logs out.
func (l *Logout) Auth0() *endpoint.Page {
	return &endpoint.Page{
		Name: "logout", Params: []string{oauth.ParamClientID, paramReturnTo, paramLocales},
		Answer: l.auth0, Show: l.Site.Show, Logger: l.Logger,
	}
}

// Form returns the page that asks, and takes its answer.
func (l *Logout) Form() *endpoint.Page {
	return &endpoint.Page{
		Name: "logout", Params: []string{"answer", oauth.ParamClientID, paramURI, paramState, paramSession, paramLocales},
		Answer: l.confirmed, Show: l.Site.Show, Logger: l.Logger,
	}
}

// wish is what a request to log out wants, and from whom it comes.
type wish struct {
	*endpoint.Request
	app     store.Application // zero: of nobody in particular
	hint    hint.Claims       // zero: there is none, or one of another application
	uri     string            // where to go afterwards; empty: nowhere that is registered
	state   string
	session store.Session // of the browser; zero: nobody is logged in
}

func (l *Logout) endSession(w http.ResponseWriter, r *endpoint.Request) error {
	if r.Method == http.MethodHead {
		return nil
	}
	h, err := l.Hints.Read(r.Context(), r.Issuer, r.Params.Value(paramHint))
	if err != nil {
		return err
	}
	id := r.Params.Value(oauth.ParamClientID)
	switch {
	case id == "":
		id = h.ClientID
	case id != h.ClientID:
		h = hint.Claims{}
	}
	asked := r.Params.Value(paramURI)
	v, err := l.wish(r, id, asked, r.Params.Value(paramState))
	if err != nil {
		return err
	}
	v.hint = h
	switch {
	case v.hint.Subject == "" || v.app.ID == "":
		return l.unproved(w, v)
	case asked != "" && v.uri == "", v.session.ID != "" && v.session.UserID != v.hint.Subject:
		return l.confirm(w, v)
	}
	return l.end(w, v, false)
}

// unproved asks before it ends a session that nothing names.
func (l *Logout) unproved(w http.ResponseWriter, v *wish) error {
	if v.session.ID == "" {
		return l.end(w, v, false)
	}
	return l.confirm(w, v)
}

func (l *Logout) auth0(w http.ResponseWriter, r *endpoint.Request) error {
	if r.Method == http.MethodHead {
		return nil
	}
	asked := r.Params.Value(paramReturnTo)
	v, err := l.wish(r, r.Params.Value(oauth.ParamClientID), asked, "")
	if err != nil {
		return err
	}
	if asked == "" && len(v.app.LogoutURIs) > 0 {
		v.uri = v.app.LogoutURIs[0]
	}
	if v.app.ID == "" || asked != "" && v.uri == "" {
		return l.unproved(w, v)
	}
	return l.end(w, v, false)
}

// confirmed takes the answer of the page that asks, and shows it again to who comes by GET.
func (l *Logout) confirmed(w http.ResponseWriter, r *endpoint.Request) error {
	if r.Method == http.MethodHead {
		return nil
	}
	query := r.URL.Query() // what the page was about, in the address of its form
	v, err := l.wish(r, query.Get(oauth.ParamClientID), query.Get(paramURI), query.Get(paramState))
	if err != nil {
		return err
	}
	if v.session.ID == "" {
		return l.end(w, v, r.Method == http.MethodPost)
	}
	if r.Method != http.MethodPost || r.Params.Value("answer") != "logout" || query.Get(paramSession) != v.session.ID {
		return l.confirm(w, v)
	}
	binding, ok := browser.For(string(r.Issuer)).Binding(r.Request)
	if !ok || !binding.Matches(v.session.Browser) {
		return oauth.Refuse(oauth.AccessDenied, "the form does not belong to the session of this browser; open the page again", nil)
	}
	return l.end(w, v, true)
}

// maxState bounds the state in bytes.
const maxState = 2048

// wish reads what an application wants, if there is an active one of the id, and who is logged in.
func (l *Logout) wish(r *endpoint.Request, clientID, uri, state string) (*wish, error) {
	if len(state) > maxState {
		return nil, oauth.Refuse(oauth.InvalidRequest, "the parameter state is longer than 2048 bytes", nil)
	}
	v := &wish{Request: r, state: state}
	var err error
	if clientID != "" {
		v.app, err = l.Store.ApplicationByClientID(r.Context(), clientID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("logout: reading an application: %w", err)
		}
	}
	if v.app.Active {
		r.ClientID = v.app.ClientID
	} else {
		v.app = store.Application{}
	}
	if redirect.Check(uri) == nil && redirect.Match(v.app.LogoutURIs, uri, v.app.Type == store.NativeApplication) {
		v.uri = uri
	}
	v.session, err = l.Sessions.Of(r.Context(), r)
	return v, err
}

// confirm asks the person.
func (l *Logout) confirm(w http.ResponseWriter, v *wish) error {
	user, err := l.Store.User(v.Context(), v.session.UserID)
	if err != nil {
		return fmt.Errorf("logout: reading a user: %w", err)
	}
	about := url.Values{paramSession: {v.session.ID}}
	shown := page.ConfirmLogout{Person: person(user), Application: v.app.Name}
	if v.app.ID != "" {
		about.Set(oauth.ParamClientID, v.app.ClientID)
	}
	if v.uri != "" {
		about.Set(paramURI, v.uri)
		shown.ReturnsTo, shown.Scheme = site.HostOf(v.uri), site.Scheme(v.uri)
	}
	if v.state != "" {
		about.Set(paramState, v.state)
	}
	shown.Action = Confirm.ZITADEL + "?" + about.Encode()
	l.Site.Render(w, v.Request, "", shown)
	return nil
}

func person(u store.User) page.Person { return site.Person(u.Name, u.Email, u.LoginName, u.ID) }

// end ends the sessions that are meant, and sends the browser on.
func (l *Logout) end(w http.ResponseWriter, v *wish, afterForm bool) error {
	if !afterForm && !topLevel(v.Request.Request) {
		return oauth.Refuse(oauth.AccessDenied, "a log-out has to be opened as a page, and not as part of another one", nil)
	}
	if err := l.Store.InTx(v.Context(), func(tx store.Tx) error { return l.write(v.Context(), tx, v) }); err != nil {
		return fmt.Errorf("logout: %w", err)
	}
	l.Ended()
	browser.For(string(v.Issuer)).ClearSession(w)
	if v.uri == "" {
		l.Site.Render(w, v.Request, "", page.LoggedOut{Again: l.Again})
		return nil
	}
	answer := authorize.Answer{Way: authorize.Location, Status: http.StatusFound, URL: v.to()}
	switch {
	case afterForm && redirect.IsWeb(v.uri):
		answer.Way = authorize.Refresh // a redirect would be held to the form-action of the page
	case v.Method == http.MethodPost:
		answer.Status = http.StatusSeeOther
	}
	l.Site.Send(w, v.Request, v.app.Name, "", answer)
	return nil
}

// to returns where the browser goes, with the state alone.
func (v *wish) to() string {
	if v.state == "" {
		return v.uri
	}
	return redirect.Append(v.uri, []redirect.Field{{Name: paramState, Value: v.state}})
}

// write ends the session of the browser, and that of the hint, which may come without the browser.
func (l *Logout) write(ctx context.Context, tx store.Tx, v *wish) error {
	sessions := []store.Session{v.session}
	if v.hint.SessionID != "" && v.hint.SessionID != v.session.ID {
		named, err := tx.SessionByID(ctx, v.hint.SessionID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if named.UserID == v.hint.Subject {
			sessions = append(sessions, named)
		}
	}
	for _, s := range sessions {
		if s.ID == "" {
			continue
		}
		if err := session.End(ctx, tx, s, false, l.Now(), Reason); err != nil {
			return err
		}
	}
	return nil
}

// topLevel reports whether a request is a page that the person goes to, and not an image, a frame or a script's
// call in a page of somebody else's. Programs and old browsers do not say.
func topLevel(r *http.Request) bool {
	dest := r.Header.Get("Sec-Fetch-Dest")
	return dest == "" || dest == "document"
}
