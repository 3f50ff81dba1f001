package oauth

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// Request is one call of an Endpoint.
type Request struct {
	*http.Request
	Entry  Entry
	Params Params
	// ClientID (client_id) is set by the endpoint once the client has proved itself, for the log.
	ClientID string
}

// Audiences returns what an assertion in the request may name as its aud.
func (r *Request) Audiences() []string { return r.Entry.Audiences(r.URL.Path) }

// Endpoint serves one protocol endpoint. It is safe for concurrent use when Answer is.
type Endpoint struct {
	Name string // in the log
	// Answer returns what is sent as JSON with status 200; nil sends an empty body. An error that Refuse
	// made is sent as such, any other as 503. A refusal of credentials, by invalid_client or invalid_grant,
	// is sent at a time that does not tell how long Answer took.
	Answer func(context.Context, *Request) (any, error)
	Logger *slog.Logger // required; a refusal is one line, without anything secret

	json bool
}

// WithJSON returns the endpoint as one that takes a JSON object as body too, as Auth0's do.
func (e Endpoint) WithJSON() *Endpoint {
	e.json = true
	return &e
}

// Serve answers one request to the entry.
func (e *Endpoint) Serve(w http.ResponseWriter, r *http.Request, entry Entry) {
	began := time.Now()
	request := &Request{Request: r, Entry: entry}
	deadline := http.NewResponseController(w).SetReadDeadline // an error means that there are none
	deadline(began.Add(BodyTime))
	body := received.begin(func() { deadline(began) })
	defer body.end()
	answer, err := e.answer(w, request, body)
	if err != nil {
		refusal := asError(err)
		e.log(request, refusal)
		if refusal.Code == InvalidClient || refusal.Code == InvalidGrant {
			refusals.wait(r.Context(), began)
		}
		WriteError(w, entry, err)
		return
	}
	if answer == nil {
		noStore(w.Header())
		return
	}
	WriteJSON(w, answer)
}

func (e *Endpoint) answer(w http.ResponseWriter, r *Request, b *body) (any, error) {
	params, err := parseParams(w, r.Request, b, e.json)
	if err != nil {
		return nil, err
	}
	http.NewResponseController(w).SetReadDeadline(time.Time{}) // which ended the context otherwise
	r.Params = params
	return e.Answer(r.Context(), r)
}

func (e *Endpoint) log(r *Request, err *Error) {
	level := slog.LevelInfo
	if err.Status == http.StatusServiceUnavailable && !gone(r.Context()) {
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{
		slog.String("endpoint", e.Name),
		slog.String("issuer", r.Entry.Issuer),
		slog.Int("status", err.Status),
		slog.String("error", string(err.Code)),
		slog.String("reason", err.reason()),
	}
	if r.ClientID != "" {
		attrs = append(attrs, slog.String("client_id", r.ClientID))
	}
	e.Logger.LogAttrs(r.Context(), level, "request refused", attrs...)
}
