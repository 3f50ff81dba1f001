package server

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// originsFor is how long the origins of applications are remembered: browsers send one with every call.
const originsFor = 2 * time.Second

// origins are those whose pages applications may call the token endpoint from.
type origins struct {
	mu    sync.Mutex
	known []string
	read  time.Time
}

// ofApplications reports whether an origin is one of an active application's. Which application calls is not
// known before the body is read; what it may have is decided by then.
func (s *Server) ofApplications(r *http.Request, origin string) bool {
	s.origins.mu.Lock()
	defer s.origins.mu.Unlock()
	if time.Since(s.origins.read) >= originsFor {
		applications, err := s.config.Store.Applications(r.Context())
		if err != nil {
			return false
		}
		s.origins.known, s.origins.read = allowedOrigins(applications), time.Now()
	}
	return slices.Contains(s.origins.known, origin)
}

func allowedOrigins(applications []store.Application) []string {
	var all []string
	for _, app := range applications {
		if app.Active {
			all = append(all, app.AllowedOrigins...)
		}
	}
	return all
}
