// Package mailbox is what people do by reading their mail: choose another password when they have forgotten theirs,
// become users, accept an invitation, show that an address is theirs.
//
// A page asks for an address, and answers alike whoever's it is: it writes down that a letter is wanted and looks up
// nothing; see package letter. The link of the letter is for one purpose and counts once. To look at it, with GET or
// HEAD, as programs that guard mailboxes do, changes nothing; its button does. None of it logs anybody in: whoever
// has a new password goes to the login page with it, and is asked for what else they log in with.
//
// Parameters that would send the browser elsewhere are not read. A link leads to the issuer that was asked, by the
// name that is configured.
package mailbox

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/letter"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/password"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/internal/session"
	"github.com/postern-auth/postern/server/internal/site"
	"github.com/postern-auth/postern/server/store"
)

// Config is what Mailbox works with. Every field is required.
type Config struct {
	Store    store.Store
	Sessions *session.Sessions
	Site     *site.Site
	Hasher   *password.Hasher
	Letters  *letter.Letters
	// Login is where the pages of authorization requests are, with the id of one behind, and Account where a person's
	// own are, which ask who they are.
	Login, Account string
	Now            func() time.Time
	Logger         *slog.Logger
}

// Mailbox serves the pages. It is safe for concurrent use.
type Mailbox struct{ Config }

// New returns a Mailbox.
func New(c Config) *Mailbox { return &Mailbox{c} }

// Routes are the pages with where they are mounted. What is off is not there: no mails, no reset; no sign-up, no
// link of one.
func (m *Mailbox) Routes() []endpoint.Route {
	routes := []endpoint.Route{m.link(store.InvitationLink, registry.InvitationPath, m.invited)}
	if path := m.Letters.Path(letter.ResetPath); path != "" {
		routes = append(routes, m.ask(path, m.forgot), m.ask(m.Login+"{id}"+path, m.forgot))
		routes = append(routes, m.link(store.ResetLink, letter.Paths[store.ResetLink], m.reset), m.link(store.VerificationLink, letter.Paths[store.VerificationLink], m.verify))
	}
	if path := m.Letters.Path(letter.SignUpPath); path != "" {
		routes = append(routes, m.ask(path, m.signUp), m.ask(m.Login+"{id}"+path, m.signUp))
		routes = append(routes, m.link(store.SignUpLink, letter.Paths[store.SignUpLink], m.signedUp))
	}
	return routes
}

func (m *Mailbox) ask(path string, answer func(http.ResponseWriter, *endpoint.Request) error) endpoint.Route {
	return endpoint.Route{Endpoint: oauth.At(path), Methods: "GET POST", Handler: &endpoint.Page{
		Name: "mailbox", Params: []string{"email", "name", "ui_locales"}, Answer: answer, Show: m.Site.Show, Logger: m.Logger,
	}}
}

// link is the page behind the links for a purpose.
func (m *Mailbox) link(purpose store.MailPurpose, path string, answer func(http.ResponseWriter, *endpoint.Request, store.MailLink) error) endpoint.Route {
	return endpoint.Route{Endpoint: oauth.At(path + "{link}"), Methods: "GET POST", Handler: &endpoint.Page{
		Name: "mailbox", Params: []string{"new_password", "ui_locales"}, Show: m.Site.Show, Logger: m.Logger,
		Answer: func(w http.ResponseWriter, r *endpoint.Request) error {
			link, err := m.Store.MailLink(r.Context(), secret.Digest(r.PathValue("link")))
			if errors.Is(err, store.ErrNotFound) || err == nil && (link.Purpose != purpose || !m.Now().Before(link.ExpiresAt)) {
				return over
			}
			if err != nil {
				return fmt.Errorf("mailbox: reading a link: %w", err)
			}
			return answer(w, r, link)
		},
	}}
}

// over is the page of a link that no longer works, for whatever reason.
var over = &site.Failure{
	Page: page.Notice{Matter: page.LinkOver},
	Err: &oauth.Error{
		Status: http.StatusNotFound, Code: oauth.InvalidRequest, Text: "the link was used, is too old, or a newer one took its place",
	},
}

// byPlace bounds how many letters are asked for from one place. Each counts as a failure.
var byPlace = store.AttemptPolicy{Free: 20, Delay: time.Minute, MaxDelay: time.Hour, Hold: time.Minute, Memory: time.Hour}

// asked writes down that a letter is wanted, within the bounds. It does so for every address, and says the same: of
// a mailbox that has had its letters nothing is written down. The problem is that of the place that asks.
func (m *Mailbox) asked(r *endpoint.Request, l letter.Letter) (problem page.Problem, err error) {
	ctx, from := r.Context(), m.Sessions.From(r)
	l.Issuer = r.Issuer
	err = m.Store.InTx(ctx, func(tx store.Tx) error {
		problem = page.Problem{}
		if from.IsValid() && !from.IsLoopback() {
			permit, err := letter.Count(ctx, tx, "letters:"+password.AddressPrefix(from), m.Now(), byPlace)
			if err != nil {
				return err
			}
			if !permit.Allowed {
				problem = page.TooManyTries(cmp.Or(permit.Wait, time.Second))
				return nil
			}
		}
		_, err := m.Letters.Ask(ctx, tx, l)
		return err
	})
	if err != nil {
		return page.Problem{}, fmt.Errorf("mailbox: %w", err)
	}
	if problem != (page.Problem{}) {
		m.Logger.InfoContext(ctx, "letter refused", "about", l.About, "address", from.String(), "reason", "too many letters are asked for from there")
		return problem, nil
	}
	m.Letters.Wake()
	return page.Problem{}, nil
}

// forgot asks where to send a link to for another password.
func (m *Mailbox) forgot(w http.ResponseWriter, r *endpoint.Request) error {
	shown := page.ForgotPassword{Action: r.URL.Path, Email: address(r), Login: m.login(r)}
	if r.Method == http.MethodPost {
		if registry.CheckEmail(shown.Email) != nil {
			shown.Problem = page.BadEmail
		} else {
			var err error
			shown.Problem, err = m.asked(r, letter.Letter{About: letter.Reset, Address: shown.Email, Locale: locale(r)})
			if err != nil {
				return err
			}
			if shown.Problem == (page.Problem{}) {
				m.Site.Render(w, r, "", page.Notice{Matter: page.ResetSent, Login: m.login(r)})
				return nil
			}
		}
	}
	m.Site.Render(w, r, "", shown)
	return nil
}

// signUp asks for an account.
func (m *Mailbox) signUp(w http.ResponseWriter, r *endpoint.Request) error {
	shown := page.SignUp{
		Action: r.URL.Path, Name: strings.TrimSpace(r.Params.Value("name")), Email: address(r), Login: m.login(r),
	}
	if r.Method == http.MethodPost {
		switch {
		case shown.Name == "":
			shown.Problem = page.NoName
		case registry.CheckTitle(shown.Name) != nil:
			shown.Problem = page.BadName
		case registry.CheckEmail(shown.Email) != nil:
			shown.Problem = page.BadEmail
		default:
			var err error
			shown.Problem, err = m.asked(r, letter.Letter{About: letter.SignUp, Address: shown.Email, Name: shown.Name, Locale: locale(r)})
			if err != nil {
				return err
			}
			if shown.Problem == (page.Problem{}) {
				m.Site.Render(w, r, "", page.Notice{Matter: page.VerificationSent, Login: m.login(r)})
				return nil
			}
		}
	}
	m.Site.Render(w, r, "", shown)
	return nil
}

// address is what was typed, without the spaces that a hurry leaves around it.
func address(r *endpoint.Request) string { return strings.TrimSpace(r.Params.Value("email")) }

// locale is the language of the page that was sent, or that the browser wants.
func locale(r *endpoint.Request) string {
	return string(page.Choose(r.Params.Value("ui_locales"), r.Header.Get("Accept-Language")))
}

// login is the way to the login page: of the authorization request whose page this is below, or to the person's
// account.
func (m *Mailbox) login(r *endpoint.Request) string {
	if id := r.PathValue("id"); id != "" {
		return m.Login + url.PathEscape(id) + "/login"
	}
	return m.Account
}
