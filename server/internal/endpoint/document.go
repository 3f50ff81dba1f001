package endpoint

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/postern-auth/postern/server/internal/oauth"
)

// Document serves what is read without parameters, such as a key set, in JSON.
type Document struct {
	inJSON

	Name string // in the log
	// Answer returns what is sent. An error that oauth.Refuse made is sent as such, any other as 503.
	Answer func(context.Context, *Request) (any, error)
	// MaxAge is how long caches may keep the answer, in whole seconds. Default: not at all.
	MaxAge time.Duration
	Logger *slog.Logger // a refusal is one line; nil: silent
}

// Serve answers one request to the issuer.
func (d *Document) Serve(w http.ResponseWriter, r *http.Request, issuer oauth.Issuer) {
	request := &Request{Request: r, Issuer: issuer}
	answer, err := d.Answer(r.Context(), request)
	if err != nil {
		if d.Logger != nil {
			logRefusal(d.Logger, d.Name, request, oauth.AsError(err))
		}
		RefuseJSON(w, issuer, err)
		return
	}
	if d.MaxAge > 0 {
		cacheFor(w.Header(), d.MaxAge)
	} else {
		noStore(w.Header())
	}
	writeJSON(w, http.StatusOK, answer)
}
