// Package login is the person's side of an authorization request (RFC 6749 §4.1): the endpoint that clients send
// browsers to, and the pages that it takes until there is an answer for the client. What comes next is decided
// by authorize.Next and by nothing else; here it is carried out.
//
// A request for which a page is needed waits in a row of its own, which its pages name in their path and which
// belongs to the browser in which it began. All that comes of an answer of the person is written in one
// transaction: the session, what they did, the code. A request that needs no page leaves no row but the code's.
package login

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/browser"
	"github.com/postern-auth/postern/server/internal/clientdocument"
	"github.com/postern-auth/postern/server/internal/clients"
	"github.com/postern-auth/postern/server/internal/code"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/hint"
	"github.com/postern-auth/postern/server/internal/notice"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/password"
	"github.com/postern-auth/postern/server/internal/seal"
	"github.com/postern-auth/postern/server/internal/sender"
	"github.com/postern-auth/postern/server/internal/session"
	"github.com/postern-auth/postern/server/internal/site"
	"github.com/postern-auth/postern/server/store"
)

// Lifetime is how long a person may take to answer.
const Lifetime = 30 * time.Minute

// Pages is where the pages of requests are, by a value that nobody can guess.
var Pages = oauth.At(Base + "{id}")

// Known is the page of a request for whoever has an account, where the one before asked for a new one.
var Known = oauth.At(Base + "{id}/login")

// Base is what the path of a request's pages begins with, before the value.
const Base = "/login/"

// Config is what Login works with. Every field is required but where it says otherwise.
type Config struct {
	Store    store.Store
	Sessions *session.Sessions
	Site     *site.Site
	Hasher   *password.Hasher
	Hints    *hint.Reader
	Clients  *clients.Authenticator
	// Documents finds clients that describe themselves at a URL. nil: there are none.
	Documents *clientdocument.Documents
	// Keys open the secrets of second factors, and mark browsers in which people have logged in before.
	Keys   *seal.Keys
	Proofs *sender.Proofs
	// CheckTargets returns nil when all names are those of active APIs and projects, an error of oauth.Refuse when
	// one is not, and any other for an outage.
	CheckTargets func(ctx context.Context, names []string) error
	// Reset and SignUp are where, below the page of a request, another password is asked for and an account. Empty:
	// nowhere.
	Reset, SignUp string
	// Notices tells people what happened to their account. Nil: nobody.
	Notices notice.Teller
	Now     func() time.Time
	Logger  *slog.Logger
}

// Login serves authorization requests. It is safe for concurrent use.
type Login struct {
	Config
	names []byte // the key of the counters of names that nobody has
}

// New returns a Login.
func New(config Config) *Login {
	l := &Login{Config: config, names: make([]byte, 32)}
	rand.Read(l.names)
	return l
}

// Endpoint returns the authorization endpoint.
func (l *Login) Endpoint() *endpoint.Page {
	return &endpoint.Page{Name: "authorize", Verbatim: true, FromElsewhere: true, Answer: l.begin, Show: l.show, Logger: l.Logger}
}

// Form returns the pages of requests.
func (l *Login) Form() *endpoint.Page {
	return &endpoint.Page{
		Name: "login", Params: []string{"identifier", "password", "code", "passkey", "answer", "account", "remember", "ui_locales"},
		Answer: l.goOn, Show: l.show, Logger: l.Logger,
	}
}

// show writes an error: to the client where it may be told, else as a page.
func (l *Login) show(w http.ResponseWriter, r *endpoint.Request, err error) {
	var told *told
	if errors.As(err, &told) {
		l.Site.Send(w, r, told.application, told.locales, told.answer)
		return
	}
	l.Site.Show(w, r, err)
}

// told is an error that the client is told.
type told struct {
	answer      authorize.Answer
	application string
	locales     authorize.Names
	err         error
}

func (t *told) Error() string { return t.err.Error() }
func (t *told) Unwrap() error { return t.err }

// state is all that decides about a request at one moment.
type state struct {
	*endpoint.Request
	request authorize.Request
	app     store.Application
	client  authorize.Client
	// document is that of a client whose client id is a URL; nil: it is another.
	document *clientdocument.Client
	session  store.Session // zero: nobody is logged in
	facts    facts
	person   person
	now      time.Time

	device  *store.DeviceCode // whose code was typed; nil: the request is an application's
	waiting *waiting          // nil: no page has been needed yet
	begun   *browser.Value    // of the session that begins with this answer; nil: none does
}

// waiting is a request that waits for a person.
type waiting struct {
	id  string // in the path of its pages
	row store.PendingRequest
}

func (s *state) path() string { return Base + s.waiting.id }

// next says what comes next.
func (s *state) next() authorize.Step {
	var login authorize.Session
	if s.session.ID != "" {
		login = authorize.Session{User: s.session.UserID}
		for _, m := range s.session.Methods {
			login.Methods = append(login.Methods, authorize.Method(m))
		}
	}
	step := authorize.Next(s.request, login, s.client, s.person.as(), s.facts.Facts, s.now)
	if second, ok := step.(authorize.SecondFactor); ok && second.Enrol {
		return tooStrong
	}
	return step
}

// after is what the browser has just done.
func (s *state) after() authorize.After {
	if s.waiting != nil && s.Method == http.MethodPost {
		return authorize.AfterForm
	}
	return authorize.AfterGet
}

var (
	// errOver says that the request has been answered, or taken too long.
	errOver = errors.New("login: the request is over")
	// errChanged says that the request has changed since it was read: another window went on with it, or ended
	// the session.
	errChanged = errors.New("login: the request has changed meanwhile")
)

// carryOut writes what comes next, together with what else came of the request, and answers. Where a page is due,
// the browser is sent to it.
func (l *Login) carryOut(w http.ResponseWriter, s *state, write func(store.Tx) error) error {
	step := s.next()
	var raw string
	if _, issue := step.(authorize.Issue); issue || write != nil || s.waiting != nil {
		err := l.Store.InTx(s.Context(), func(tx store.Tx) (err error) {
			if write != nil {
				if err := write(tx); err != nil {
					return err
				}
			}
			raw, err = l.settle(s.Context(), tx, s, step)
			return err
		})
		if err != nil {
			return l.unsettled(w, s, err)
		}
		if s.begun != nil {
			l.Sessions.Set(w, s.Request, *s.begun, s.session)
		}
	}
	switch step := step.(type) {
	case authorize.Issue:
		if s.waiting != nil {
			l.know(w, s)
		}
		if s.isOwn() {
			return s.arrive(w)
		}
		if s.device != nil {
			return l.letIn(w, s)
		}
		l.Site.Send(w, s.Request, s.app.Name, s.request.Locales, s.request.Code(raw, s.after()))
		return nil
	case authorize.Refuse:
		return l.refuse(s, step)
	}
	if s.waiting == nil {
		return l.wait(w, s)
	}
	site.Redirect(w, http.StatusSeeOther, s.path())
	return nil
}

func (l *Login) refuse(s *state, why authorize.Refuse) error {
	if s.isOwn() {
		return refuseOwn(why)
	}
	if s.device != nil {
		return staysOut(why)
	}
	return &told{
		s.request.Refuse(why.Code, why.Text, s.after()), s.app.Name, s.request.Locales, oauth.Refuse(why.Code, why.Text, nil),
	}
}

// unsettled answers where nothing was written.
func (l *Login) unsettled(w http.ResponseWriter, s *state, err error) error {
	var unusable *clientdocument.Unusable
	switch {
	case errors.As(err, &unusable):
		return l.unusable(unusable)
	case errors.Is(err, errOver):
		return startAgain(s.app, tooOld, err)
	case errors.Is(err, errChanged) && s.waiting != nil:
		site.Redirect(w, http.StatusSeeOther, s.path())
		return nil
	case errors.Is(err, errChanged):
		s.session, s.facts, s.person = store.Session{}, facts{}, person{}
		return l.carryOut(w, s, nil)
	}
	return fmt.Errorf("login: %w", err)
}

// settle writes what comes next, and returns the code when that is one.
func (l *Login) settle(ctx context.Context, tx store.Tx, s *state, step authorize.Step) (raw string, err error) {
	switch step := step.(type) {
	case authorize.Issue:
		return l.issue(ctx, tx, s, step)
	case authorize.Refuse:
		return "", l.decline(ctx, tx, s)
	}
	if s.waiting == nil {
		return "", nil // the row is made where the browser gets its cookie
	}
	facts := s.facts.text()
	if facts == s.waiting.row.Facts {
		return "", nil
	}
	return "", gone(tx.ChangeFacts(ctx, s.waiting.row.Digest, s.waiting.row.Facts, facts, s.now), errChanged)
}

// issue makes the code, but for a page of the server's own, which needs none. What it rests on ends with it, or is
// there still: the row, the pushed request, the session.
func (l *Login) issue(ctx context.Context, tx store.Tx, s *state, issue authorize.Issue) (raw string, err error) {
	if err := forget(ctx, tx, s); err != nil {
		return "", err
	}
	if digest, ok := rowDigest(s.request.PAR); ok {
		if err := gone(tx.UsePushedRequest(ctx, digest, s.now), errOver); err != nil {
			return "", err
		}
	}
	if err := gone(tx.TouchSession(ctx, s.session.Digest, s.now, l.Sessions.IdleEnd(s.session, s.now)), errChanged); err != nil {
		return "", err
	}
	if s.isOwn() {
		return "", nil
	}
	if s.document != nil {
		if err := s.document.Keep(ctx, tx, s.now); err != nil {
			return "", err
		}
	}
	if s.facts.Consented == issue.User {
		if err := keepConsent(ctx, tx, s, issue); err != nil {
			return "", err
		}
	}
	// What the client may not have at all does not reach the code.
	allowed := code.Allowed{Request: s.request, Issue: issue, SessionID: s.session.ID, EndsWithSession: s.app.RefreshEndsWithSession}
	allowed.Request.Scopes, allowed.Request.Targets = issue.Scopes, issue.Targets
	if s.device != nil {
		return "", l.answerDevice(ctx, tx, s, allowed)
	}
	raw, err = code.Issue(ctx, tx, allowed, s.now)
	return raw, gone(err, errOver)
}

// decline ends a request that is refused.
func (l *Login) decline(ctx context.Context, tx store.Tx, s *state) error {
	if err := forget(ctx, tx, s); err != nil || s.device == nil {
		return err
	}
	return gone(tx.AnswerDeviceCode(ctx, s.device.Digest, false, s.now), errOver)
}

// forget deletes the row of a request that has its answer. Of several answers one gets through.
func forget(ctx context.Context, tx store.Tx, s *state) error {
	if s.waiting == nil {
		return nil
	}
	return gone(tx.DeletePendingRequest(ctx, s.waiting.row.Digest), errOver)
}

// gone replaces store.ErrNotFound.
func gone(err, by error) error {
	if errors.Is(err, store.ErrNotFound) {
		return by
	}
	return err
}

// cookies are those of the issuer that was asked.
func cookies(r *endpoint.Request) browser.Cookies { return browser.For(string(r.Issuer)) }
