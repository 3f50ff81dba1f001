package endpoint

import (
	"maps"
	"net/http"
	"strings"

	"github.com/postern-auth/postern/server/internal/oauth"
)

// Route is an endpoint with where it is mounted.
type Route struct {
	Endpoint oauth.Endpoint
	Methods  string // such as GET POST; GET serves HEAD too
	Handler  Handler
	// Auth0 serves the path of Auth0's dialect where that differs. Default: Handler.
	Auth0 Handler
	// Origins are those whose pages may call the endpoint. Default: none but the server's own.
	Origins Origins
	// Metadata are the members of the metadata that come with the endpoint, such as grant_types_supported.
	Metadata map[string]any
}

// Mux serves the endpoints of one issuer. It routes as http.ServeMux does, but for three things: a path counts
// as it was sent, so that nobody is redirected to another spelling; what is refused is refused in the form of
// the endpoint; and what is mounted is in the metadata.
//
// It is safe for concurrent use once everything is mounted.
type Mux struct {
	issuer   oauth.Issuer
	missing  func(*http.Request) error
	mux      *http.ServeMux
	metadata map[string]any
}

// NewMux returns a Mux with nothing mounted. The error that missing returns is sent, in JSON, for a path with
// nothing at it.
func NewMux(issuer oauth.Issuer, missing func(*http.Request) error) *Mux {
	return &Mux{issuer, missing, http.NewServeMux(), map[string]any{"issuer": issuer}}
}

// Mount serves an endpoint at its path in each dialect. It panics when something is mounted there, as
// http.ServeMux does.
func (m *Mux) Mount(r Route) {
	if r.Auth0 == nil {
		r.Auth0 = r.Handler
	}
	handler, auth0, known := r.Handler, r.Auth0, r.Methods
	if r.Origins != nil {
		handler, auth0, known = r.across()
	}
	for method := range strings.FieldsSeq(known) {
		m.mux.Handle(method+" "+r.Endpoint.ZITADEL, &mounted{m.issuer, handler})
		if r.Endpoint.Auth0 != r.Endpoint.ZITADEL {
			m.mux.Handle(method+" "+r.Endpoint.Auth0, &mounted{m.issuer, auth0})
		}
	}
	maps.Copy(m.metadata, r.Metadata)
	if r.Endpoint.Member != "" {
		m.metadata[r.Endpoint.Member] = m.issuer.URL(m.issuer.Path(r.Endpoint))
	}
}

// Metadata returns the issuer's metadata (RFC 8414 §2): what is mounted, and what comes with it.
func (m *Mux) Metadata() map[string]any { return maps.Clone(m.metadata) }

// mounted is a Handler as http.ServeMux holds it.
type mounted struct {
	issuer  oauth.Issuer
	handler Handler
}

func (h *mounted) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.handler.Serve(w, r, h.issuer) }

// ServeHTTP answers one request.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if m.find(r, r.Method) != nil {
		m.mux.ServeHTTP(w, r)
		return
	}
	var allowed []string
	var kind Handler
	for _, method := range methods {
		if h := m.find(r, method); h != nil {
			allowed, kind = append(allowed, method), h
		}
	}
	if kind == nil {
		RefuseJSON(w, m.issuer, m.missing(r))
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	kind.Refuse(w, r, m.issuer, &oauth.Error{
		Status: http.StatusMethodNotAllowed, Code: oauth.InvalidRequest,
		Text: "the method is not allowed here; use " + strings.Join(allowed, " or "),
	})
}

// methods are those that something may be mounted with.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

// find returns what is mounted at the path, as it was sent, for a method, and nil when nothing is. A spelling with
// escapes is not ours. Nor is one that http.ServeMux would redirect, which it does with a handler of its own.
func (m *Mux) find(r *http.Request, method string) Handler {
	if strings.Contains(r.URL.EscapedPath(), "%") {
		return nil
	}
	h, _ := m.mux.Handler(&http.Request{Method: method, URL: r.URL, Host: r.Host})
	if ours, ok := h.(*mounted); ok {
		return ours.handler
	}
	return nil
}
