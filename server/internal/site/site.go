// Package site writes pages as answers to requests: in the language of who asks, under the host of the issuer,
// with what an application is told where the way leads back to one.
package site

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/redirect"
)

// Site is whose pages they are. It is safe for concurrent use.
type Site struct {
	// Organisation is who runs the server, as people know it; empty: Postern.
	Organisation string
	// InsecureHints shows strangers on pages of errors what is registered, for developers.
	InsecureHints bool
	Logger        *slog.Logger // required
}

// Name returns who runs the server.
func (s *Site) Name() string { return cmp.Or(s.Organisation, "Postern") }

// Render writes a page in the first language that it has of those that the request names by ui_locales, that
// locales names, and that the browser prefers.
func (s *Site) Render(w http.ResponseWriter, r *endpoint.Request, locales authorize.Names, p page.Page) {
	wanted := r.Params.Value("ui_locales") + " " + string(locales)
	lang := page.Choose(wanted, r.Header.Get("Accept-Language"))
	err := page.Site{Organisation: s.Organisation, Host: Host(r.Issuer)}.Render(w, lang, p)
	if err != nil && r.Context().Err() == nil {
		s.Logger.WarnContext(r.Context(), "page not shown", "reason", err.Error())
	}
}

// Host returns the host of an issuer, with its port.
func Host(issuer oauth.Issuer) string { return HostOf(string(issuer)) }

// HostOf returns the host of a URL, with its port; for one of a private scheme the scheme.
func HostOf(uri string) string {
	if u, err := url.Parse(uri); err == nil && u.Host != "" && redirect.IsWeb(uri) {
		return u.Host
	}
	return redirect.Scheme(uri)
}

// Scheme returns the private scheme of a redirect URI, as pages take it; empty for http and https.
func Scheme(uri string) string {
	if redirect.IsWeb(uri) {
		return ""
	}
	return strings.TrimSuffix(redirect.Scheme(uri), ":")
}

// Send carries an answer to the application with the name.
func (s *Site) Send(w http.ResponseWriter, r *endpoint.Request, application string, locales authorize.Names, a authorize.Answer) {
	switch a.Way {
	case authorize.Refresh:
		s.Render(w, r, locales, page.Done{Application: application, To: a.URL})
	case authorize.Post:
		s.Render(w, r, locales, page.FormPost{Application: application, To: a.URL, Fields: parameters(a.Fields)})
	case authorize.Message:
		w.Header().Del("X-Frame-Options") // the policy of the page says who may frame it
		s.Render(w, r, locales, page.WebMessage{Target: a.Origin, Frames: []string{a.Origin}, Response: members(a.Fields)})
	default:
		Redirect(w, a.Status, a.URL)
	}
}

// Redirect sends the browser on by a status, without this URL in what it sends to others.
func Redirect(w http.ResponseWriter, status int, location string) {
	h := w.Header()
	h.Del("Content-Type")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Location", location)
	w.WriteHeader(status)
}

// Person returns somebody as pages show them: by name, and by the first of the others that there is.
func Person(name string, others ...string) page.Person {
	return page.Person{Name: name, Identifier: cmp.Or(others...)}
}

func parameters(fields []redirect.Field) []page.Parameter {
	var list []page.Parameter
	for _, f := range fields {
		list = append(list, page.Parameter(f))
	}
	return list
}

func members(fields []redirect.Field) map[string]string {
	all := make(map[string]string)
	for _, f := range fields {
		all[f.Name] = f.Value
	}
	return all
}

// Failure is an error with the page that tells it, where that says more than its code does.
type Failure struct {
	Page page.Page
	Err  error // as oauth.Refuse makes it
}

func (f *Failure) Error() string { return f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }

// Show writes the page of an error: that of a Failure, or the one that its status has.
func (s *Site) Show(w http.ResponseWriter, r *endpoint.Request, err error) {
	var failure *Failure
	if errors.As(err, &failure) {
		s.Render(w, r, "", failure.Page)
		return
	}
	e := oauth.AsError(err)
	cause := page.BadRequest
	switch {
	case e.Code == oauth.TemporarilyUnavailable:
		cause = page.Unavailable
	case e.Code == oauth.AccessDenied:
		cause = page.Forbidden
	case e.Status == http.StatusNotFound:
		cause = page.NotFound
	}
	s.Render(w, r, "", page.Error{Cause: cause.WithStatus(e.Status), Developer: page.Developer{Message: e.Text}})
}
