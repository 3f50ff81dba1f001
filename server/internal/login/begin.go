package login

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/browser"
	"github.com/postern-auth/postern/server/internal/clientdocument"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/internal/site"
	"github.com/postern-auth/postern/server/store"
)

// Metadata are the members that come with the authorization endpoint (RFC 8414 §2, OpenID Connect Discovery §3).
func Metadata() map[string]any {
	return map[string]any{
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []authorize.Mode{authorize.Query, authorize.FormPost, authorize.WebMessage},
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
		"prompt_values_supported":                        []string{authorize.PromptNone, authorize.PromptLogin, authorize.PromptConsent, authorize.PromptSelectAccount},
		"acr_values_supported":                           []string{authorize.PhishingResistant.String(), authorize.MultiFactor.String(), authorize.Password.String()},
		"ui_locales_supported":                           page.Languages(),
		"request_parameter_supported":                    false,
		"request_uri_parameter_supported":                false,
		"claims_parameter_supported":                     false,
	}
}

// begin answers an authorization request.
func (l *Login) begin(w http.ResponseWriter, r *endpoint.Request) error {
	switch r.Method {
	case http.MethodHead:
		return nil // it asks about the page and wants no code
	case http.MethodPost:
		// A browser that another site has post brings none of the cookies that are Lax; it does with the GET.
		site.Redirect(w, http.StatusSeeOther, r.URL.Path+"?"+known(r.Values).Encode())
		return nil
	}
	s := &state{Request: r, now: l.Now()}
	return l.outage(s, l.answer(w, s))
}

// outage returns an error as one that the client is told: a frame of silent login waits for an answer. A refusal
// stays what it is, and so does an outage before the client was known.
func (l *Login) outage(s *state, err error) error {
	refusal := new(oauth.Error)
	switch {
	case err == nil, errors.As(err, &refusal):
		return err
	case s.request.RedirectURI == "":
		return err
	}
	e := oauth.AsError(err)
	return &told{s.request.Refuse(e.Code, e.Text, s.after()), s.app.Name, s.request.Locales, err}
}

func (l *Login) answer(w http.ResponseWriter, s *state) (err error) {
	if err := l.parse(s); err != nil {
		return err
	}
	r := s.Request
	if s.session, err = l.Sessions.Of(r.Context(), r); err != nil {
		return err
	}
	// In a frame of another site, as silent login has it, browsers leave out the binding; to a page that a person
	// goes to they bring it.
	if !s.request.Prompt.Has(authorize.PromptNone) {
		s.keepSessionOf(cookies(r).Binding(r.Request))
	}
	if s.person, err = l.whois(r.Context(), s); err != nil {
		return err
	}
	return l.carryOut(w, s, nil)
}

// known returns those of the parameters that are read.
func known(values url.Values) url.Values {
	read := make(url.Values)
	for _, name := range authorize.Parameters {
		if len(values[name]) > 0 {
			read[name] = values[name]
		}
	}
	return read
}

// parse reads a request and finds who sent it.
func (l *Login) parse(s *state) error {
	r := s.Request
	id, refusal := authorize.ClientID(r.Values)
	if refusal != nil {
		return l.refusal(s, refusal)
	}
	if err := l.find(s, id); err != nil {
		return err
	}
	r.ClientID = id
	if handle, ok := pushedHandle(r.Values); ok {
		return l.pushed(s, handle)
	}
	hint, err := l.Hints.Read(r.Context(), r.Issuer, r.Values.Get("id_token_hint"))
	if err != nil {
		return err
	}
	s.request, refusal = authorize.Parse(r.Values, authorize.Arrival{Issuer: r.Issuer, Client: s.client, Hint: hint.Subject, At: s.now})
	if refusal != nil {
		return l.refusal(s, refusal)
	}
	return l.admit(s)
}

// admit refuses what the registration does not allow, and targets that are not there.
func (l *Login) admit(s *state) error {
	refusal, err := l.inadmissible(s.Context(), s.app, s.request)
	if refusal != nil {
		return l.refusal(s, refusal)
	}
	return err
}

// inadmissible says why an application may not have what it asks for, if that is so.
func (l *Login) inadmissible(ctx context.Context, app store.Application, r authorize.Request) (*authorize.Refusal, error) {
	refuse := func(code oauth.Code, text string) (*authorize.Refusal, error) {
		return &authorize.Refusal{Code: code, Text: text, Reply: r.Reply}, nil
	}
	if !slices.Contains(app.Grants, oauth.GrantAuthorizationCode) {
		return refuse(oauth.UnauthorizedClient, "the application is not registered for the grant type authorization_code")
	}
	missing, err := l.missing(ctx, r.Targets)
	switch {
	case missing != "" && r.Issuer.IsAuth0() && r.PAR == "": // as its programs know it
		return refuse(oauth.AccessDenied, "Service not found: "+strings.Trim(oauth.Quote(missing), "'"))
	case missing != "":
		return refuse(oauth.InvalidTarget, "there is no active API or project of the name that audience, resource or scope asks for; names are compared byte for byte")
	}
	return nil, err
}

// missing returns the first target that is none; empty: there are all of them.
func (l *Login) missing(ctx context.Context, names authorize.Names) (string, error) {
	for name := range names.All() {
		err := l.CheckTargets(ctx, []string{name})
		if known := new(oauth.Error); errors.As(err, &known) {
			return name, nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", nil
}

// maxClientID bounds what is looked up.
const maxClientID = 256

// find reads the registration of a client.
func (l *Login) find(s *state, id string) error {
	if len(id) > maxClientID {
		return l.refusal(s, authorize.UnknownClient())
	}
	if clientdocument.IsURL(id) {
		return l.findDocument(s, id)
	}
	app, err := l.Store.ApplicationByClientID(s.Context(), id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("login: reading an application: %w", err)
	}
	if err != nil || !app.Active {
		return l.refusal(s, authorize.UnknownClient())
	}
	s.app, s.client = app, registered(app)
	s.client.SignUp = l.SignUp != ""
	return nil
}

// registered is what the registration of an application says about its requests.
func registered(app store.Application) authorize.Client {
	return authorize.Client{
		ID: app.ClientID, Type: authorize.Type(app.Type), RedirectURIs: app.RedirectURIs, AllowedOrigins: app.AllowedOrigins,
		InsecureNoPKCE: app.InsecureNoPKCE, FAPI: app.Profile == oauth.ProfileFAPI2, FirstParty: app.FirstParty,
	}
}

// refusal returns the error of a request that cannot be dealt with, for the client or for a page.
func (l *Login) refusal(s *state, r *authorize.Refusal) error {
	err := oauth.Refuse(r.Code, r.Text, nil)
	if !r.ForPage() {
		return &told{r.Reply.Refuse(r.Code, r.Text, s.after()), s.app.Name, "", err}
	}
	shown := page.Error{Cause: page.BadRequest, Application: s.app.Name, Developer: page.Developer{Message: r.Text}}
	switch {
	case s.app.ClientID == "":
		shown.Cause, shown.Developer.Parameter = page.UnknownApplication, "client_id"
	case r.Asked != "":
		shown.Cause, shown.Developer.Parameter, shown.Developer.Got = page.UnregisteredAddress, "redirect_uri", r.Asked
		shown.Developer.Section = "RFC 9700 §2.1"
		if l.Site.InsecureHints {
			shown.Developer.Nearest, shown.Developer.Open = r.Nearest, true
		}
	}
	return &site.Failure{Page: shown, Err: err}
}

// wait keeps a request for its pages and sends the browser to them.
func (l *Login) wait(w http.ResponseWriter, s *state) error {
	text, err := s.request.Marshal()
	if err != nil {
		return err
	}
	binding, ok := cookies(s.Request).Binding(s.Request.Request)
	if !ok {
		binding = browser.NewValue()
	}
	s.waiting = &waiting{id: secret.New()}
	s.waiting.row = store.PendingRequest{
		Digest: secret.Digest(s.waiting.id), Browser: binding.Digest(), Request: string(text), Facts: s.facts.text(),
		ExpiresAt: s.now.Add(Lifetime),
	}
	if err := l.keep(s.Context(), s); errors.Is(err, errOver) {
		return startAgain(s.app, tooOld, err)
	} else if err != nil {
		return fmt.Errorf("login: keeping a request: %w", err)
	}
	cookies(s.Request).SetBinding(w, binding)
	status := http.StatusFound
	if s.Method == http.MethodPost {
		status = http.StatusSeeOther
	}
	site.Redirect(w, status, s.path())
	return nil
}

func (l *Login) keep(ctx context.Context, s *state) error {
	return l.Store.InTx(ctx, func(tx store.Tx) error {
		if digest, ok := rowDigest(s.request.PAR); ok {
			if err := gone(tx.ExtendPushedRequest(ctx, digest, s.now, s.waiting.row.ExpiresAt), errOver); err != nil {
				return err
			}
		}
		return tx.CreatePendingRequest(ctx, s.waiting.row)
	})
}
