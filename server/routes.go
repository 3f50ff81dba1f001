package server

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/postern-auth/postern/server/discovery"
	"github.com/postern-auth/postern/server/oauth"
)

// route is what a path serves.
type route struct {
	get, post handler
	anyHost   bool // for probes, which come by address
}

type handler func(http.ResponseWriter, *http.Request, oauth.Entry)

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	entry, known := s.entries.entry(r.Host)
	// The path as it was sent: a spelling with escapes is none of ours.
	route, ok := s.routes[r.URL.EscapedPath()]
	switch {
	case !known && !route.anyHost:
		oauth.WriteError(w, entry, &oauth.Error{
			Status: http.StatusMisdirectedRequest, Code: oauth.InvalidRequest,
			Text: "this server has no issuer with the host of the request; its hosts are " + strings.Join(s.entries.hosts, ", "),
		})
	case !ok:
		oauth.WriteError(w, entry, &oauth.Error{
			Status: http.StatusNotFound, Code: oauth.InvalidRequest,
			Text: "there is nothing at this path; see " + entry.URL(oauth.PathMetadata),
		})
	default:
		route.serve(w, r, entry)
	}
}

func (t route) serve(w http.ResponseWriter, r *http.Request, entry oauth.Entry) {
	handle, allow := t.get, "GET, HEAD"
	wanted := r.Method == http.MethodGet || r.Method == http.MethodHead
	if t.post != nil {
		handle, allow = t.post, "POST"
		wanted = r.Method == http.MethodPost
	}
	if wanted {
		handle(w, r, entry)
		return
	}
	w.Header().Set("Allow", allow)
	oauth.WriteError(w, entry, &oauth.Error{
		Status: http.StatusMethodNotAllowed, Code: oauth.InvalidRequest,
		Text: fmt.Sprintf("the method is not allowed here; use %s", strings.ReplaceAll(allow, ", ", " or ")),
	})
}

func (s *Server) metadata(grantTypes []string) handler {
	return func(w http.ResponseWriter, _ *http.Request, entry oauth.Entry) {
		discovery.Metadata(w, entry, grantTypes)
	}
}

func (s *Server) serveKeys(w http.ResponseWriter, r *http.Request, entry oauth.Entry) {
	set, err := s.keys.Published(r.Context())
	if err != nil {
		s.config.Logger.WarnContext(r.Context(), "request refused", "endpoint", "keys", "reason", err.Error())
		oauth.WriteError(w, entry, err)
		return
	}
	discovery.Keys(w, set)
}

func (s *Server) serveHealth(w http.ResponseWriter, _ *http.Request, _ oauth.Entry) {
	oauth.WriteJSON(w, map[string]string{"status": "up"})
}

// serveReady reports whether tokens can be issued and introspected, which takes the store.
func (s *Server) serveReady(w http.ResponseWriter, r *http.Request, entry oauth.Entry) {
	if err := s.config.Store.Ping(r.Context()); err != nil {
		s.config.Logger.WarnContext(r.Context(), "not ready", "endpoint", "ready", "reason", err.Error())
		oauth.WriteError(w, entry, err)
		return
	}
	oauth.WriteJSON(w, map[string]string{"status": "ready"})
}
