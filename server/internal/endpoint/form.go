package endpoint

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/postern-auth/postern/server/internal/oauth"
)

// Form serves a protocol endpoint: parameters come in the body of a POST, and answers go in JSON. It is safe
// for concurrent use when Answer is.
type Form struct {
	inJSON

	Name string // in the log
	// Params are the parameters that the endpoint knows. Others are ignored (RFC 6749 §3.2).
	Params []string
	// Status is that of an answer. Default: 200.
	Status int
	// Answer returns what is sent as JSON, or a Text, which is sent as it is; nil sends an empty body. An error that oauth.Refuse
	// made is sent as such, any other as 503. A refusal of credentials, by invalid_client or invalid_grant,
	// is sent at a time that does not tell how long Answer took.
	Answer func(context.Context, *Request) (any, error)
	Logger *slog.Logger // required; a refusal is one line, without anything secret
	// Refused is told of every refusal and returns the id by which its answer names it. Nil: nobody is.
	Refused func(*Request, *oauth.Error) string

	json bool
}

// WithJSON returns the endpoint as one that takes a JSON object as body too, as Auth0's do.
func (f Form) WithJSON() *Form {
	f.json = true
	return &f
}

// Serve answers one request to the issuer.
func (f *Form) Serve(w http.ResponseWriter, r *http.Request, issuer oauth.Issuer) {
	began := time.Now()
	request := &Request{Request: r, Issuer: issuer, Reply: w.Header()}
	body := beginBody(w, began)
	defer body.end()
	answer, err := f.answer(w, request, body)
	if err != nil {
		refusal := oauth.AsError(err)
		logRefusal(f.Logger, f.Name, request, refusal)
		if f.Refused != nil {
			if id := f.Refused(request, refusal); id != "" {
				w.Header().Set(Decision, id)
			}
		}
		if refusal.Code == oauth.InvalidClient || refusal.Code == oauth.InvalidGrant {
			refusals.wait(r.Context(), began)
		}
		RefuseJSON(w, issuer, err)
		return
	}
	noStore(w.Header())
	status := cmp.Or(f.Status, http.StatusOK)
	switch answer := answer.(type) {
	case nil:
		w.WriteHeader(status)
	case Text:
		w.Header().Set("Content-Type", answer.MediaType)
		w.WriteHeader(status)
		io.WriteString(w, answer.Text) // an error means that the client is gone: nobody is left to tell
	default:
		writeJSON(w, status, answer)
	}
}

// Decision is the header with the id by which a refusal is found again.
const Decision = "Postern-Decision"

// Text is an answer that is not JSON, such as a JWT.
type Text struct{ MediaType, Text string }

func (f *Form) answer(w http.ResponseWriter, r *Request, b *body) (any, error) {
	params, err := parseParams(w, r.Request, b, f.Params, f.json)
	if err != nil {
		return nil, err
	}
	http.NewResponseController(w).SetReadDeadline(time.Time{}) // which ended the context otherwise
	r.Params = params
	return f.Answer(r.Context(), r)
}
