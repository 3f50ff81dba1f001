package endpoint

import (
	"context"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"time"

	"github.com/postern-auth/postern/server/internal/oauth"
)

// Object serves what programs send one JSON object to that is more than parameters, such as what a client says about
// itself (RFC 7591 §3.1), and what is kept of it, for whoever shows the bearer token that came with it (RFC 7592). It is
// safe for concurrent use when Answer is.
type Object struct {
	Name string // in the log
	// Answer returns what is sent as JSON with the status; nil sends no body. The text is the body of a POST or PUT,
	// bounded and not looked at, and empty otherwise. An error that oauth.Refuse made is sent as such, any other as
	// 503; one of credentials is sent at a time that does not tell how long Answer took.
	Answer func(ctx context.Context, r *Request, text string) (status int, answer any, err error)
	Logger *slog.Logger // required; a refusal is one line, without anything secret
}

// Serve answers one request to the issuer.
func (o *Object) Serve(w http.ResponseWriter, r *http.Request, issuer oauth.Issuer) {
	began := time.Now()
	request := &Request{Request: r, Issuer: issuer, Reply: w.Header()}
	body := beginBody(w, began)
	defer body.end()
	status, answer, err := o.answer(w, request, body)
	if err != nil {
		refusal := oauth.AsError(err)
		logRefusal(o.Logger, o.Name, request, refusal)
		if refusal.Status == http.StatusUnauthorized {
			refusals.wait(r.Context(), began)
		}
		o.Refuse(w, r, issuer, err)
		return
	}
	noStore(w.Header())
	if answer == nil {
		w.WriteHeader(status)
		return
	}
	writeJSON(w, status, answer)
}

// Refuse answers with the error of RFC 7591 §3.2.2, and with the challenge of a bearer token where that is wanted
// (RFC 6750 §3).
func (o *Object) Refuse(w http.ResponseWriter, _ *http.Request, issuer oauth.Issuer, err error) {
	refuseJSON(w, fmt.Sprintf("Bearer realm=%q", issuer), err)
}

func (o *Object) answer(w http.ResponseWriter, r *Request, b *body) (int, any, error) {
	if _, err := parseQuery(r.URL.RawQuery); err != nil {
		return 0, nil, err
	}
	text := ""
	if r.Method == http.MethodPost || r.Method == http.MethodPut {
		mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || mediaType != "application/json" || r.Header.Get("Content-Encoding") != "" {
			return 0, nil, &oauth.Error{
				Status: http.StatusUnsupportedMediaType, Code: oauth.InvalidRequest,
				Text: "send one JSON object in the body as application/json, not compressed",
			}
		}
		if text, err = b.read(w, r.Request); err != nil {
			return 0, nil, err
		}
	} else if err := b.complete(); err != nil {
		return 0, nil, unreadable(err)
	}
	http.NewResponseController(w).SetReadDeadline(time.Time{}) // which ended the context otherwise
	return o.Answer(r.Context(), r, text)
}
