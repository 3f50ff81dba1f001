package server

import "github.com/postern-auth/postern/server/internal/outbox"

// deliveries are what is sent after requests, by kind; see package outbox.
func (s *Server) deliveries() map[string]outbox.Deliver {
	return map[string]outbox.Deliver{}
}
