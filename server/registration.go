package server

import (
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/password"
	"github.com/postern-auth/postern/server/internal/register"
	"github.com/postern-auth/postern/server/internal/session"
)

// Registration says how applications may come to a server that nobody has set up, as those of the Model Context Protocol
// do. Such an application is of another house: it asks people for consent, and gets of their permissions what they
// allow. The zero value admits none.
type Registration struct {
	// Dynamic lets clients register themselves (RFC 7591). Anybody who reaches the server can: at most 20 in an hour
	// from one address and 1,000 in a day, and what no person has let in is gone after a day.
	Dynamic bool
}

// registrationRoutes are those of clients that register themselves.
func (s *Server) registrationRoutes(sessions *session.Sessions) []endpoint.Route {
	c := s.config
	if !c.Registration.Dynamic {
		return nil
	}
	from := func(r *endpoint.Request) string {
		address := sessions.From(r)
		if address.IsLoopback() {
			return "" // a proxy's, or a developer's
		}
		return password.AddressPrefix(address)
	}
	registrations := register.New(register.Config{Store: c.Store, From: from, Now: c.Now, Logger: c.Logger})
	return []endpoint.Route{
		{Endpoint: oauth.RegistrationEndpoint, Methods: "POST", Handler: registrations.Endpoint(), Origins: endpoint.AnyOrigin},
		{Endpoint: oauth.Registration, Methods: "GET PUT DELETE", Handler: registrations.Client(), Origins: endpoint.AnyOrigin},
	}
}
