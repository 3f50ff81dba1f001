package endpoint

import (
	"bytes"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"github.com/postern-auth/postern/server/internal/oauth"
)

// Page serves a page for people, by GET and by POST of its form. A POST that a page of another origin has made
// is refused, unless it is let in. It is safe for concurrent use when Answer and Show are.
type Page struct {
	Name string // in the log
	// Params are the parameters that the page knows, of the query of a GET and of the form of a POST.
	Params []string
	// Lists are those of Params that may come more than once, as check boxes do.
	Lists []string
	// Verbatim has the parameters come as Request.Values, however often each is there and whatever it holds, and
	// not as Request.Params.
	Verbatim bool
	// FromElsewhere lets pages of other origins post to it, as clients do to the authorization endpoint. Nothing
	// that is posted there may count as what a person wants.
	FromElsewhere bool
	// Answer writes the page, for which the headers are those of a page that loads nothing but from its own
	// origin and that nobody frames; it may change them. An error that it returns before it has written
	// anything becomes a page: as oauth.Refuse says, any other as 503.
	Answer func(http.ResponseWriter, *Request) error
	// Show writes the page of an error. Default: one in plain English.
	Show   func(http.ResponseWriter, *Request, error)
	Logger *slog.Logger // required; a refusal is one line, without anything secret
}

// Serve answers one request to the issuer.
func (p *Page) Serve(w http.ResponseWriter, r *http.Request, issuer oauth.Issuer) {
	request := &Request{Request: r, Issuer: issuer}
	body := beginBody(w, time.Now())
	defer body.end()
	if err := p.answer(w, request, body); err != nil {
		logRefusal(p.Logger, p.Name, request, oauth.AsError(err))
		p.show(w, request, err)
	}
}

// Refuse answers with a page that says what is wrong.
func (p *Page) Refuse(w http.ResponseWriter, r *http.Request, issuer oauth.Issuer, err error) {
	p.show(w, &Request{Request: r, Issuer: issuer}, err)
}

func (p *Page) show(w http.ResponseWriter, r *Request, err error) {
	if p.Show != nil {
		p.Show(w, r, err)
		return
	}
	inHTML{}.Refuse(w, r.Request, r.Issuer, err)
}

// otherOrigins tells requests that a page of another origin has made.
var otherOrigins http.CrossOriginProtection

func (p *Page) answer(w http.ResponseWriter, r *Request, b *body) error {
	if err := otherOrigins.Check(r.Request); err != nil && !p.FromElsewhere {
		return oauth.Refuse(oauth.AccessDenied, "the form was not sent by a page of this server; go back and try again", err)
	}
	if err := r.browse(w, b, p); err != nil {
		return err
	}
	pageHeaders(w.Header(), ownOrigin)
	return p.Answer(w, r)
}

// browse reads the parameters of a request that a browser makes: the query of a GET, or a form.
func (r *Request) browse(w http.ResponseWriter, b *body, p *Page) (err error) {
	if r.Method == http.MethodPost {
		r.Values, err = formValues(w, r.Request, b)
	} else {
		r.Values, err = queryValues(r.URL.RawQuery)
		b.complete()
	}
	if err == nil && !p.Verbatim {
		r.Params, err = collect(r.Values, p.Params, p.Lists...)
	}
	if err == nil {
		http.NewResponseController(w).SetReadDeadline(time.Time{}) // which ended the context otherwise
	}
	return err
}

const (
	// ownOrigin is the Content-Security-Policy of pages with a form.
	ownOrigin = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	// nothing is that of pages with text alone.
	nothing = "default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)

// pageHeaders are those of every page. The policy on referrers keeps Origin in the forms of our own pages, which
// no-referrer would make null.
func pageHeaders(h http.Header, policy string) {
	noStore(h)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
}

// inHTML is the form of the errors of what people see.
type inHTML struct{}

var errorPage = template.Must(template.New("error").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{.Title}}</title>
<h1>{{.Title}}</h1>
<p>{{.Text}}
<p>{{.Code}}
</html>
`))

// Refuse answers with a page that says what is wrong. An error that oauth.Refuse did not make becomes 503.
func (inHTML) Refuse(w http.ResponseWriter, _ *http.Request, _ oauth.Issuer, err error) {
	e := oauth.AsError(err)
	status := status(e)
	var page bytes.Buffer
	if err := errorPage.Execute(&page, map[string]string{
		"Title": http.StatusText(status), "Text": e.Text, "Code": string(e.Code),
	}); err != nil {
		panic("endpoint: page of an error: " + err.Error()) // it is built of our own plain types
	}
	pageHeaders(w.Header(), nothing)
	retryLater(w.Header(), status)
	w.WriteHeader(status)
	w.Write(page.Bytes()) // an error means that the client is gone: nobody is left to tell
}
