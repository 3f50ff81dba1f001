package login

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/browser"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/internal/session"
	"github.com/postern-auth/postern/server/internal/site"
	"github.com/postern-auth/postern/server/store"
)

var (
	tooOld       = page.TooOld
	otherBrowser = page.OtherBrowser
	noCookie     = page.NoCookie
)

// startAgain returns the error of a page that cannot go on, with the way to the application where that has one.
func startAgain(app store.Application, why page.Stale, reason error) error {
	return &site.Failure{
		Page: page.StartAgain{Application: app.Name, Why: why, At: app.InitiateLoginURI},
		Err:  oauth.Refuse(oauth.InvalidRequest, "the page belongs to a log-in that cannot go on; start again at the application", reason),
	}
}

// goOn shows the page of a request that waits, and takes the answer.
func (l *Login) goOn(w http.ResponseWriter, r *endpoint.Request) error {
	s, err := l.takeUp(r)
	if err != nil {
		return err
	}
	if r.Method == http.MethodPost {
		return l.take(w, s)
	}
	switch s.next().(type) {
	case authorize.Issue, authorize.Refuse:
		if r.Method == http.MethodHead {
			return nil
		}
		return l.carryOut(w, s, nil)
	}
	if login, ok := s.next().(authorize.Login); ok && login.SignUp && r.URL.Path == s.path() {
		site.Redirect(w, http.StatusFound, s.path()+l.SignUp)
		return nil
	}
	return l.ask(w, s, page.Problem{})
}

// takeUp finds the request of a page in the browser in which it began.
func (l *Login) takeUp(r *endpoint.Request) (*state, error) {
	id := r.PathValue("id")
	row, err := l.Store.PendingRequest(r.Context(), secret.Digest(id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, startAgain(store.Application{}, tooOld, errors.New("login: there is no such request"))
	}
	if err != nil {
		return nil, fmt.Errorf("login: reading a request: %w", err)
	}
	binding, ok := cookies(r).Binding(r.Request)
	if !ok {
		return nil, &site.Failure{
			Page: page.StartAgain{Why: noCookie, UseHost: site.Host(r.Issuer)},
			Err:  oauth.Refuse(oauth.InvalidRequest, "the browser has not sent the cookie that the log-in began with", nil),
		}
	}
	if !binding.Matches(row.Browser) {
		return nil, startAgain(store.Application{}, otherBrowser, errors.New("login: the request began in another browser"))
	}
	s := &state{Request: r, now: l.Now(), waiting: &waiting{id: id, row: row}}
	if s.request, err = authorize.Unmarshal([]byte(row.Request)); err != nil {
		return nil, startAgain(store.Application{}, tooOld, err)
	}
	if s.isOwn() {
		s.client = ownClient(s.request.RedirectURI)
	} else if err := l.find(s, s.request.ClientID); err != nil {
		return nil, err
	}
	r.ClientID = s.app.ClientID
	if refusal := s.request.Recheck(r.Issuer, s.client); refusal != nil {
		return nil, l.refusal(s, refusal)
	}
	if !s.now.Before(row.ExpiresAt) {
		return nil, startAgain(s.app, tooOld, errors.New("login: the request has expired"))
	}
	if err := l.deviceOf(s); err != nil {
		return nil, err
	}
	return s, l.recall(r.Context(), s, binding)
}

// recall reads who is logged in and what they did.
func (l *Login) recall(ctx context.Context, s *state, binding browser.Value) (err error) {
	if s.session, err = l.Sessions.Of(ctx, s.Request); err != nil {
		return err
	}
	s.keepSessionOf(binding, true)
	if s.facts, err = readFacts(s.waiting.row.Facts, s.session.ID); err != nil {
		return startAgain(s.app, tooOld, err)
	}
	s.person, err = l.whois(ctx, s)
	return err
}

// keepSessionOf forgets a session that began in another browser than the one with the binding: its cookie has been
// planted here.
func (s *state) keepSessionOf(binding browser.Value, ok bool) {
	if !ok || !binding.Matches(s.session.Browser) {
		s.session = store.Session{}
	}
}

// ask shows the page that is due.
func (l *Login) ask(w http.ResponseWriter, s *state, problem page.Problem) error {
	var shown page.Page
	switch step := s.next().(type) {
	case authorize.Login:
		identifier := s.request.LoginHint
		if s.Method == http.MethodPost {
			identifier = s.Params.Value("identifier")
		}
		shown = page.Login{
			Authorization: s.authorization(), Action: s.path(), Identifier: identifier, Remember: s.Params.Value("remember") == "yes", Problem: problem, Cancel: !s.isOwn(),
			Passkey: l.passkeyPath(s, true), Forgot: s.below(l.Reset), SignUp: s.below(l.SignUp),
		}
	case authorize.ChooseAccount:
		shown = page.ChooseAccount{
			Authorization: s.authorization(), Action: s.path(), Cancel: true,
			Accounts: []page.Account{{ID: s.person.user.ID, Person: s.person.shown()}},
		}
	case authorize.AskConsent:
		consent, err := l.consentPage(s.Context(), s, step)
		if err != nil {
			return err
		}
		if shown = consent; s.device != nil {
			shown = s.deviceConsent(consent)
		}
	case authorize.SecondFactor:
		second, err := l.secondFactor(s, step, problem)
		if err != nil {
			return err
		}
		shown = second
	default:
		return fmt.Errorf("login: there is no page for %T", step)
	}
	l.Site.Render(w, s.Request, s.request.Locales, shown)
	return nil
}

// below returns the path of a page below that of the request; empty: there is none.
func (s *state) below(name string) string {
	if name == "" {
		return ""
	}
	return s.path() + name
}

// take takes the answer to the page that is due. What answers another page, of a window that was left open, is not
// taken: the browser is sent to the one that is due.
func (l *Login) take(w http.ResponseWriter, s *state) error {
	answer := s.Params.Value("answer")
	step := s.next()
	switch step.(type) {
	case authorize.Issue, authorize.Refuse:
		return l.carryOut(w, s, nil)
	}
	if answer == "cancel" || answer == "refuse" {
		s.facts.Denied = true
		return l.carryOut(w, s, nil)
	}
	switch step := step.(type) {
	case authorize.Login:
		switch answer {
		case "login":
			return l.logIn(w, s)
		case "passkey":
			return l.usePasskey(w, s, false)
		}
	case authorize.SecondFactor:
		switch {
		case answer == "login" && s.person.hasTOTP() && step.ACR <= authorize.MultiFactor:
			return l.prove(w, s)
		case answer == "passkey":
			return l.usePasskey(w, s, true)
		}
	case authorize.ChooseAccount:
		if chosen := s.Values["account"]; len(chosen) == 1 {
			s.choose(chosen[0])
			return l.carryOut(w, s, nil)
		}
	case authorize.AskConsent:
		if answer == "allow" && s.URL.Query().Get("seen") == seen(s, step) {
			s.facts.Consented, s.facts.Session = s.person.user.ID, s.session.ID
			return l.carryOut(w, s, nil)
		}
	}
	site.Redirect(w, http.StatusSeeOther, s.path())
	return nil
}

// choose has the person go on as the session's person, or log in as somebody else.
func (s *state) choose(account string) {
	s.facts = facts{Session: s.session.ID}
	if account == s.session.UserID {
		s.facts.Account = account
	} else {
		s.facts.OtherAccount = true
	}
}

// logIn checks a password and begins a session.
func (l *Login) logIn(w http.ResponseWriter, s *state) error {
	user, problem, err := l.check(s.Context(), s.Request, s.Params.Value("identifier"), s.Params.Value("password"))
	if err != nil {
		return err
	}
	if problem != (page.Problem{}) {
		return l.ask(w, s, problem)
	}
	return l.enter(w, s, user, authorize.Method{Name: authorize.MethodPassword, At: s.now}, nil)
}

// remember reports whether the session is to be kept by the browser when it is closed: the person says so, or has
// said so when they logged in before.
func (s *state) remember(user store.User) bool {
	return s.Params.Value("remember") == "yes" || s.session.UserID == user.ID && s.session.Remembered
}

// enter begins a session by a first factor, whose use also writes, if it is not nil.
func (l *Login) enter(w http.ResponseWriter, s *state, user store.User, method authorize.Method, also func(store.Tx) error) (err error) {
	next := *s
	s = &next
	value, begun := l.Sessions.New(s.Request, s.waiting.row.Browser, user.ID, []store.Method{store.Method(method)}, s.remember(user))
	begin := func(tx store.Tx) error { return tx.CreateSession(s.Context(), session.Former(s.Request), begun) }
	if former := s.session; former.UserID == user.ID {
		// The same person goes on, and what began with the session still ends with it.
		begun.ID = former.ID
		begin = func(tx store.Tx) error {
			return gone(tx.ReplaceSession(s.Context(), former.Digest, begun), errChanged)
		}
	}
	s.session = begun
	s.facts = facts{Facts: authorize.Facts{User: user.ID, Methods: []authorize.Method{method}}, Session: begun.ID}
	if s.person, err = l.whois(s.Context(), s); err != nil {
		return err
	}
	s.begun = &value
	return l.carryOut(w, s, func(tx store.Tx) error {
		if also != nil {
			if err := also(tx); err != nil {
				return err
			}
		}
		return begin(tx)
	})
}
