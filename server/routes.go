package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/postern-auth/postern/server/internal/discovery"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store"
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
		// Which hosts there are is the operator's to know.
		s.config.Logger.InfoContext(r.Context(), "request refused", "status", http.StatusMisdirectedRequest,
			"reason", fmt.Sprintf("host %.64q is not that of an issuer; those are %s", r.Host, strings.Join(s.entries.hosts, ", ")))
		oauth.WriteError(w, entry, &oauth.Error{
			Status: http.StatusMisdirectedRequest, Code: oauth.InvalidRequest,
			Text: "this server has no issuer with the host of the request",
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
	var handle handler
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		handle = t.get
	case http.MethodPost:
		handle = t.post
	}
	if handle != nil {
		handle(w, r, entry)
		return
	}
	var allow []string
	if t.get != nil {
		allow = append(allow, http.MethodGet, http.MethodHead)
	}
	if t.post != nil {
		allow = append(allow, http.MethodPost)
	}
	w.Header().Set("Allow", strings.Join(allow, ", "))
	oauth.WriteError(w, entry, &oauth.Error{
		Status: http.StatusMethodNotAllowed, Code: oauth.InvalidRequest,
		Text: "the method is not allowed here; use " + strings.Join(allow, " or "),
	})
}

// serveAuthorize refuses every authorization request, for nobody can log in. It answers where it stands: a
// redirect goes to none but a registered redirect_uri (RFC 6749 §4.1.2.1), and none is registered.
func serveAuthorize(w http.ResponseWriter, _ *http.Request, entry oauth.Entry) {
	oauth.WriteError(w, entry, oauth.Refuse(oauth.UnsupportedResponseType,
		"this server issues tokens to programs alone and has no login; get one at "+entry.URL(oauth.PathToken), nil))
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
	if err := s.ready.check(r.Context(), s.config.Store); err != nil {
		s.config.Logger.WarnContext(r.Context(), "not ready", "endpoint", "ready", "reason", err.Error())
		oauth.WriteError(w, entry, err)
		return
	}
	oauth.WriteJSON(w, map[string]string{"status": "ready"})
}

const (
	// readyFor is how long a write that succeeded answers for others, and unreadyFor one that failed.
	readyFor   = 5 * time.Second
	unreadyFor = time.Second
)

// readiness is whether the store can be read and written. Anybody may ask, so one question causes the write
// that others are answered from.
type readiness struct {
	mu    sync.Mutex
	until time.Time
	err   error
}

func (ready *readiness) check(ctx context.Context, s store.Store) error {
	if _, err := s.Organizations(ctx); err != nil {
		return err
	}
	ready.mu.Lock()
	defer ready.mu.Unlock()
	if time.Now().Before(ready.until) {
		return ready.err
	}
	// Not with the context of who asks, for the answer is for others too.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyFor)
	defer cancel()
	ready.err = s.Ping(ctx)
	ready.until = time.Now().Add(readyFor)
	if ready.err != nil {
		ready.until = time.Now().Add(unreadyFor)
	}
	return ready.err
}
