package endpoint

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/postern-auth/postern/server/internal/oauth"
)

// inJSON is the form of the errors of what programs call.
type inJSON struct{}

// Refuse answers with the error of RFC 6749 §5.2.
func (inJSON) Refuse(w http.ResponseWriter, _ *http.Request, issuer oauth.Issuer, err error) {
	RefuseJSON(w, issuer, err)
}

// RefuseJSON answers with the error of RFC 6749 §5.2. An error that oauth.Refuse did not make becomes 503.
func RefuseJSON(w http.ResponseWriter, issuer oauth.Issuer, err error) {
	refuseJSON(w, fmt.Sprintf("Basic realm=%q", issuer), err)
}

func refuseJSON(w http.ResponseWriter, challenge string, err error) {
	e := oauth.AsError(err)
	status := status(e)
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	retryLater(w.Header(), status)
	noStore(w.Header())
	writeJSON(w, status, struct {
		Code oauth.Code `json:"error"`
		Text string     `json:"error_description"`
	}{e.Code, e.Text})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("endpoint: answer is not JSON: " + err.Error()) // answers are built of our own plain types
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(body, '\n')) // an error means that the client is gone: nobody is left to tell
}

// noStore keeps answers out of caches, as RFC 6749 §5.1 demands.
func noStore(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
}

func retryLater(h http.Header, status int) {
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "2")
	}
}

func cacheFor(h http.Header, age time.Duration) {
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", age/time.Second))
}
