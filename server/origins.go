package server

import (
	"context"
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
	if s.origins.read.IsZero() || time.Since(s.origins.read) >= originsFor {
		// All who call meanwhile wait for this read, so no caller's leaving ends it. In an outage they are not made
		// to wait one after the other: what was known stays so until the next try, and opens nothing by itself.
		applications, err := s.config.Store.Applications(context.WithoutCancel(r.Context()))
		if err == nil {
			s.origins.known = allowedOrigins(applications)
		}
		s.origins.read = time.Now()
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
