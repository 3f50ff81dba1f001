package login

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/redirect"
	"github.com/postern-auth/postern/server/internal/site"
	"github.com/postern-auth/postern/server/store"
)

// own is the client that the server's own pages are to authorize.Next. No application can be registered with a
// client_id that holds a colon, and none of the store is looked for under this one.
const own = "urn:postern:own"

// Enter lets a person in to a page of the server's own, which are those that only its paths name: by the rules
// of an application of the house that asks for a login no older than fresh, or, where that is zero, for any. Where
// it returns false it has answered: by the way to the login page, which leads back to where the request was to, or, to
// a form of somebody whose session has ended, by a page that keeps what was typed. So
// a person comes to a page like this without an application, and whatever an application would wait for, a second
// factor, a cookie of the same browser, this page waits for too.
//
// The path has to take a GET. Errors are outages and refusals.
func (l *Login) Enter(w http.ResponseWriter, r *endpoint.Request, fresh time.Duration) (store.Session, store.User, bool, error) {
	address := address(r)
	s := &state{Request: r, now: l.Now(), client: ownClient(address)}
	s.request = authorize.Request{
		Reply:    authorize.Reply{Issuer: r.Issuer, RedirectURI: address, Mode: authorize.Query},
		ClientID: own, MaxAge: authorize.NoMaxAge, Locales: authorize.LocalesOf(r.Params.Value("ui_locales")), At: s.now.UTC(),
	}
	if fresh > 0 {
		s.request.MaxAge = int64(fresh / time.Second)
	}
	binding, bound := cookies(r).Binding(r.Request)
	var err error
	if s.session, err = l.Sessions.Of(r.Context(), r); err != nil {
		return store.Session{}, store.User{}, false, err
	}
	s.keepSessionOf(binding, bound)
	if s.person, err = l.whois(r.Context(), s); err != nil {
		return store.Session{}, store.User{}, false, err
	}
	s.request.LoginHint = cmp.Or(s.person.user.LoginName, s.person.user.Email)
	switch step := s.next().(type) {
	case authorize.Issue:
		return s.session, s.person.user, true, nil
	case authorize.Refuse:
		return store.Session{}, store.User{}, false, l.refuse(s, step)
	}
	if kept := keepable(r); s.session.ID == "" && len(kept) > 0 {
		l.sendAgain(w, r, kept)
		return store.Session{}, store.User{}, false, nil
	}
	return store.Session{}, store.User{}, false, l.wait(w, s)
}

// unkept are the fields that no page shows again: secrets, and what was pasted in to be looked at.
var unkept = []string{"password", "new_password", "code", "passkey", "token", "find"}

// keepable returns what was typed in a form that the browser says to be of a page of this server. A form of elsewhere
// must not be kept: whoever logs in would send it.
func keepable(r *endpoint.Request) (kept []page.Parameter) {
	ours := r.Header.Get("Sec-Fetch-Site") == "same-origin" || r.Header.Get("Origin") != "" // another one is refused by now
	if r.Method != http.MethodPost || !ours {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(r.Params)) {
		if slices.Contains(unkept, name) {
			continue
		}
		for _, value := range r.Params.Values(name) {
			kept = append(kept, page.Parameter{Name: name, Value: value})
		}
	}
	return kept
}

// sendAgain answers a form whose session has ended meanwhile.
func (l *Login) sendAgain(w http.ResponseWriter, r *endpoint.Request, kept []page.Parameter) {
	_, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	l.Site.Render(w, r, authorize.LocalesOf(r.Params.Value("ui_locales")), page.SendAgain{
		To: r.URL.EscapedPath(), Kept: kept, Login: strings.TrimSuffix(r.URL.Path, rest),
	})
}

// maxAddress bounds what is kept of an address on the way through the login.
const maxAddress = 2000

// doings are the parameters by which a page says what was done; after a login it has been said.
var doings = []string{"done", "saved", "taken"}

// address is where a request was to: the path and, of a GET, what the page knows of the query.
func address(r *endpoint.Request) string {
	path := r.Issuer.URL(r.URL.Path)
	query := url.Values(maps.Clone(r.Params))
	for _, name := range doings {
		query.Del(name)
	}
	whole := path + "?" + query.Encode()
	if r.Method != http.MethodGet || len(query) == 0 || len(whole) > maxAddress || redirect.Check(whole) != nil {
		return path
	}
	return whole
}

// ownClient is the registration of the server's own page at an address.
func ownClient(uri string) authorize.Client {
	return authorize.Client{ID: own, Type: authorize.Web, FirstParty: true, RedirectURIs: []string{uri}}
}

// isOwn reports whether the request leads to a page of the server's own.
func (s *state) isOwn() bool { return s.request.ClientID == own }

// arrive sends the browser to the page of the server's own that it was on the way to.
func (s *state) arrive(w http.ResponseWriter) error {
	path, ok := strings.CutPrefix(s.request.RedirectURI, s.Issuer.URL(""))
	if !ok || !strings.HasPrefix(path, "/") {
		return fmt.Errorf("login: %.64q is not a page of this server", s.request.RedirectURI)
	}
	site.Redirect(w, http.StatusSeeOther, path)
	return nil
}

// refuseOwn is the page of a login that does not lead to a page of the server's own.
func refuseOwn(why authorize.Refuse) error {
	return &site.Failure{
		Page: page.Error{Cause: page.Forbidden, Developer: page.Developer{Message: why.Text}},
		Err:  oauth.Refuse(why.Code, why.Text, nil),
	}
}
