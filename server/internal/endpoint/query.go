package endpoint

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/internal/oauth"
)

// Query serves an endpoint that a client sends a browser to, as the authorization endpoint is (RFC 6749 §3.1):
// parameters come in the query of a GET or in the form of a POST, and the answer sends the browser on. It is safe
// for concurrent use when Answer is.
type Query struct {
	inHTML

	Name string // in the log
	// Params are the parameters that the endpoint knows. Others are ignored (RFC 6749 §3.1).
	Params []string
	// Answer returns the URL that the browser goes to, or an empty one when it has answered by itself. It may
	// set headers, such as cookies. An error that Return.Refuse made goes to the client. Any other becomes a
	// page: what is wrong with a request whose client or redirect_uri is not known is for the person alone, for
	// a redirect to there would serve whoever made the request up (RFC 6749 §4.1.2.1).
	Answer func(http.ResponseWriter, *Request) (location string, err error)
	Logger *slog.Logger // required; a refusal is one line, without anything secret
}

// Return is where a client gets its answer. Make one only of a redirect_uri that is known to be the client's.
type Return struct {
	URI    string // redirect_uri, without a fragment
	State  string // state, as it was sent; empty: none
	Issuer oauth.Issuer
}

// URL returns the redirect_uri with parameters added to its query: those given, state, and iss (RFC 9207 §2).
func (t Return) URL(params url.Values) string {
	query := url.Values{"iss": {string(t.Issuer)}}
	if t.State != "" {
		query.Set("state", t.State)
	}
	for name, values := range params {
		query[name] = values
	}
	separator := "?"
	if strings.Contains(t.URI, "?") {
		separator = "&"
	}
	return t.URI + separator + query.Encode()
}

// Refuse returns err as one that is told to the client.
func (t Return) Refuse(err error) error { return &returned{t, err} }

// returned is an error with the client that is told.
type returned struct {
	to  Return
	err error
}

func (e *returned) Error() string { return e.err.Error() }
func (e *returned) Unwrap() error { return e.err }

// Serve answers one request to the issuer.
func (q *Query) Serve(w http.ResponseWriter, r *http.Request, issuer oauth.Issuer) {
	request := &Request{Request: r, Issuer: issuer}
	body := beginBody(w, time.Now())
	defer body.end()
	location, err := q.answer(w, request, body)
	if err != nil {
		refusal := oauth.AsError(err)
		logRefusal(q.Logger, q.Name, request, refusal)
		var told *returned
		if !errors.As(err, &told) {
			q.Refuse(w, r, issuer, err)
			return
		}
		location = told.to.URL(url.Values{"error": {string(refusal.Code)}, "error_description": {refusal.Text}})
	}
	if location != "" {
		redirect(w, r, location)
	}
}

func (q *Query) answer(w http.ResponseWriter, r *Request, b *body) (string, error) {
	if err := r.browse(w, b, q.Params); err != nil {
		return "", err
	}
	return q.Answer(w, r)
}

// redirect sends the browser on by GET, without this URL in what it sends to others.
func redirect(w http.ResponseWriter, r *http.Request, location string) {
	noStore(w.Header())
	w.Header().Set("Referrer-Policy", "same-origin")
	w.Header().Set("Location", location)
	if r.Method == http.MethodPost {
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	w.WriteHeader(http.StatusFound)
}
