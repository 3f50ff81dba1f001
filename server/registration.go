package server

import (
	"github.com/postern-auth/postern/server/internal/clientdocument"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/login"
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
	// Documents admits clients whose client id is the https URL of a document in which they describe themselves
	// (draft-ietf-oauth-client-id-metadata-document). Whoever sends a person here then has the server fetch a URL,
	// within the bounds of package clientdocument and at public addresses alone. While it is off, such clients get no
	// new logins; to end those there are takes deactivating their applications.
	Documents bool
}

// documents finds the clients that describe themselves; nil where none are admitted.
func (s *Server) documents() *clientdocument.Documents {
	c := s.config
	if !c.Registration.Documents {
		return nil
	}
	return clientdocument.New(clientdocument.Config{Fetch: c.Outgoing.strangers(), Now: c.Now, Logger: c.Logger})
}

// loginMetadata are the members that come with the authorization endpoint.
func (s *Server) loginMetadata() map[string]any {
	metadata := login.Metadata()
	if s.config.Registration.Documents {
		metadata["client_id_metadata_document_supported"] = true
	}
	return metadata
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
