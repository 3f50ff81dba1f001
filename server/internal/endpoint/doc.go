// Package endpoint is what the endpoints of the authorization server have in common: how parameters come, in
// which form answers and errors go, and where all of that is mounted. There is a kind for each form:
//
//   - Form takes a form by POST and answers in JSON, as the token endpoint does;
//   - Page is for people and for clients that send them: HTML, also for its errors, and ways on;
//   - Document takes nothing and answers in JSON, as the metadata do.
//
// An endpoint is a kind with a function from a Request to an answer or an error. The kind does the rest: it
// reads the parameters that the endpoint knows within their bounds, refuses what RFC 6749 §3.1 and §3.2
// refuse, writes the answer, and logs the reason of a refusal, which the client is not told.
//
//	revoke := &endpoint.Form{
//		Name:   "revoke",
//		Params: []string{oauth.ParamToken},
//		Answer: func(ctx context.Context, r *endpoint.Request) (any, error) {
//			raw := r.Params.Value(oauth.ParamToken)
//			if raw == "" {
//				return nil, oauth.Refuse(oauth.InvalidRequest, "the parameter token is missing", nil)
//			}
//			return nil, forget(ctx, raw) // nil: 200 with an empty body
//		},
//		Logger: slog.Default(),
//	}
//
// A Mux serves the endpoints of one issuer, and makes the issuer's metadata of what is mounted:
//
//	mux := endpoint.NewMux("https://login.example.com", nothingThere)
//	mux.Mount(endpoint.Route{Endpoint: oauth.RevocationEndpoint, Methods: "POST", Handler: revoke})
//	mux.Metadata() // {"issuer": …, "revocation_endpoint": "https://login.example.com/oauth/v2/revoke"}
//
// An error that oauth.Refuse did not make is an outage: the client gets 503 and may try again.
package endpoint

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/postern-auth/postern/server/internal/oauth"
)

// Handler is an endpoint of some kind. It is safe for concurrent use.
type Handler interface {
	// Serve answers one request to the issuer.
	Serve(http.ResponseWriter, *http.Request, oauth.Issuer)
	// Refuse answers with an error in the form of the kind.
	Refuse(http.ResponseWriter, *http.Request, oauth.Issuer, error)
}

// Request is one call of an endpoint.
type Request struct {
	*http.Request
	Issuer oauth.Issuer
	Params oauth.Params
	// Values are all parameters as a browser sent them, where a page has asked for that.
	Values url.Values
	// Reply are the headers of the answer, whatever becomes of the request.
	Reply http.Header
	// Proof is what the sender has proved of a key that it holds, at endpoints that take such proofs.
	Proof oauth.Proof
	// ClientID (client_id) is set by the endpoint once the client has proved itself, for the log.
	ClientID string
}

// Audiences returns what an assertion in the request may name as its aud.
func (r *Request) Audiences() []string { return r.Issuer.Audiences(r.URL.Path) }

// status returns the status of HTTP that an error has.
func status(e *oauth.Error) int {
	if e.Status != 0 {
		return e.Status
	}
	switch e.Code {
	case oauth.InvalidClient:
		return http.StatusUnauthorized
	case oauth.AccessDenied:
		return http.StatusForbidden
	case oauth.TemporarilyUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// logRefusal is the one line of a refusal, without anything secret.
func logRefusal(logger *slog.Logger, name string, r *Request, err *oauth.Error) {
	ctx, level := r.Context(), slog.LevelInfo
	if status(err) == http.StatusServiceUnavailable && !gone(ctx) {
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{
		slog.String("endpoint", name),
		slog.String("issuer", string(r.Issuer)),
		slog.Int("status", status(err)),
		slog.String("error", string(err.Code)),
		slog.String("reason", err.Reason()),
	}
	if r.ClientID != "" {
		attrs = append(attrs, slog.String("client_id", r.ClientID))
	}
	logger.LogAttrs(ctx, level, "request refused", attrs...)
}

// gone reports whether the request ended because its client left.
func gone(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) }
