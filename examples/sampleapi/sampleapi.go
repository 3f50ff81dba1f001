// Package sampleapi holds what the sample APIs have in common, so that each of them shows only what it is
// about: how a Guard is made, and which route requires what.
//
// A sample reads its variables, makes a Guard and puts it in front of its routes:
//
//	env := sampleapi.Environment{Getenv: getenv}
//	issuer, audience := env.Auth0Issuer("AUTH0_DOMAIN"), env.Required("API_IDENTIFIER")
//	if err := env.Err(); err != nil {
//		return nil, err // names everything that is missing
//	}
//	client, err := options.Client(getenv)
//	if err != nil {
//		return nil, err
//	}
//	verifier, err := jwt.NewVerifier(jwt.Config{Issuer: issuer, Audience: audience, HTTPClient: client})
//	if err != nil {
//		return nil, err
//	}
//	private := options.Guard(verifier, refusal).Require()
//	mux := http.NewServeMux()
//	mux.Handle("GET /api/public", sampleapi.Text("Hello."))
//	mux.Handle("GET /api/private", private(sampleapi.Text("Hello, whoever you are.")))
//	return sampleapi.API{Mux: mux}, nil
package sampleapi

import (
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"strings"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/internal/roots"
)

// Options is what the program that runs a sample may add to it. The zero value is ready.
type Options struct {
	// HTTPClient calls the issuer. Nil: one that trusts the system's certificate authorities and those in
	// the files that CA_FILE and SSL_CERT_FILE name.
	HTTPClient *http.Client
	// Logger gets one line for every refusal. Nil: nothing is logged.
	Logger *slog.Logger
	// OnDecision is called once for every decision, as the Guard's is. Nil: nothing is.
	OnDecision func(*http.Request, *postern.Token, *postern.Error)
	// InsecureExplain tells callers why they were refused, in headers and in words meant for the operator.
	// It is for development only.
	InsecureExplain bool
}

// Client returns the client for calls to the issuer. The error names the variable whose file is wrong.
func (o Options) Client(getenv func(string) string) (*http.Client, error) {
	if o.HTTPClient != nil {
		return o.HTTPClient, nil
	}
	return roots.Client(getenv)
}

// Guard returns a Guard whose refusals have the status and body that refusal says. The headers are those
// of RFC 6750, except that the challenge to a request without a token names the scheme alone.
func (o Options) Guard(verifier postern.Verifier, refusal Refusal) *postern.Guard {
	return &postern.Guard{
		Verifier:         verifier,
		RefuseQueryToken: true,
		Logger:           o.Logger,
		OnDecision:       o.OnDecision,
		InsecureExplain:  o.InsecureExplain,
		Responder: func(w http.ResponseWriter, r *http.Request, e *postern.Error) {
			if e.Reason == "no-token" {
				w.Header().Set("WWW-Authenticate", "Bearer") // as the samples' callers know it
			}
			if o.InsecureExplain { // to pages of other origins, too
				w.Header().Set("Access-Control-Expose-Headers", "WWW-Authenticate, Postern-Reason, Postern-Explanation")
			}
			status, body := refusal(r, e)
			WriteJSON(w, status, body)
		},
	}
}

// allow is the Allow header of every route.
const allow = "GET, HEAD, OPTIONS"

// API serves the routes of a mux as the samples do: what has no route is refused before any token is looked
// at, and like everything else in JSON: an unknown path with 404, a method other than GET, HEAD and OPTIONS
// with 405. It is safe for concurrent use; its fields must not change once it serves.
type API struct {
	// Mux has the routes, each as "GET /path" without wildcards. Paths are compared byte for byte: a final
	// slash makes another path, and nothing is redirected. Required.
	Mux *http.ServeMux
	// Origin is the web origin whose pages may call what is below /api/, errors included. Empty: none.
	Origin string
	// Header goes with every answer.
	Header http.Header
}

// ServeHTTP answers a request.
func (a API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	maps.Copy(w.Header(), a.Header)
	if a.Origin != "" && strings.HasPrefix(r.URL.Path, "/api/") {
		shareWith(a.Origin, w.Header(), r)
	}
	if !a.has(r) {
		WriteJSON(w, http.StatusNotFound, Body{Message: "Not Found"})
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		a.Mux.ServeHTTP(w, r)
	case http.MethodOptions:
		w.Header().Set("Allow", allow)
		w.WriteHeader(http.StatusOK)
	default:
		w.Header().Set("Allow", allow)
		WriteJSON(w, http.StatusMethodNotAllowed, Body{Message: "Method Not Allowed"})
	}
}

// has reports whether there is a route at exactly this path. The mux alone would redirect from a path that
// it can clean to one that it has.
func (a API) has(r *http.Request) bool {
	_, pattern := a.Mux.Handler(&http.Request{Method: http.MethodGet, Host: r.Host, URL: r.URL})
	return pattern == "GET "+r.URL.Path
}

// Message is a handler that answers {"message": …}.
func Message(text string) http.Handler { return constant{map[string]string{"message": text}} }

// Text is a handler that answers {"text": …}.
func Text(text string) http.Handler { return constant{map[string]string{"text": text}} }

type constant struct{ value any }

func (c constant) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	WriteJSON(w, http.StatusOK, c.value)
}

// WriteJSON answers with a value as JSON and a line end behind it. It sets Content-Type unless that is set.
func WriteJSON(w http.ResponseWriter, status int, value any) {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	// The caller has the status by now and may be gone; there is nobody left to tell.
	_ = encoder.Encode(value)
}
