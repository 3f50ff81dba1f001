package server

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/accesstoken"
	"github.com/postern-auth/postern/server/internal/clients"
	"github.com/postern-auth/postern/server/internal/discovery"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/grant"
	"github.com/postern-auth/postern/server/internal/holding"
	"github.com/postern-auth/postern/server/internal/idtoken"
	"github.com/postern-auth/postern/server/internal/introspect"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/revoke"
	"github.com/postern-auth/postern/server/internal/sender"
	"github.com/postern-auth/postern/server/internal/token"
	"github.com/postern-auth/postern/server/internal/userinfo"
)

// ServeHTTP answers one request. Its host says to which issuer it is, and nothing else does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	site := s.probes
	if issuer, known := s.issuers.of(r.Host); known {
		site = s.sites[issuer]
	}
	site.ServeHTTP(w, r)
}

// wire makes the endpoints and mounts them, for each issuer and for hosts that are not an issuer's.
func (s *Server) wire() {
	s.probes = endpoint.NewMux("", s.misdirected)
	s.sites = make(map[oauth.Issuer]*endpoint.Mux)
	for _, issuer := range s.issuers.byHost {
		s.sites[issuer] = endpoint.NewMux(issuer, nothingThere(issuer))
	}
	for _, probe := range s.probeRoutes() {
		s.probes.Mount(probe)
		s.mount(probe)
	}
	s.mount(s.routes()...)
	for _, site := range s.sites {
		metadata := discovery.Metadata(site.Metadata)
		for _, document := range []oauth.Endpoint{oauth.Metadata, oauth.MetadataSlash, oauth.OpenIDMetadata, oauth.OpenIDMetadataSlash} {
			site.Mount(endpoint.Route{Endpoint: document, Methods: "GET", Handler: metadata, Origins: endpoint.AnyOrigin})
		}
	}
}

// mount adds endpoints to every issuer.
func (s *Server) mount(routes ...endpoint.Route) {
	for _, site := range s.sites {
		for _, route := range routes {
			site.Mount(route)
		}
	}
}

// routes are what every issuer serves: an endpoint is here, and its paths are in package oauth.
func (s *Server) routes() []endpoint.Route {
	c := s.config
	authenticator := clients.New(c.Store, s.certificates, s.tally, c.Now)
	reader := &accesstoken.Reader{
		Tokens: c.Store, Families: c.Store, Keys: s.keys, Issuers: c.Issuers, Now: c.Now, PersonalTokenLifetime: c.PersonalTokenLifetime,
	}
	s.reader = &holding.Reader{Store: c.Store, Tokens: reader}
	grantor := grant.New(grant.Config{
		Store: c.Store, Clients: authenticator, Certificates: s.certificates,
		Mint:      &accesstoken.Mint{Tokens: c.Store, Keys: s.keys, Now: c.Now},
		Holdings:  s.reader,
		IDTokens:  &idtoken.Maker{Keys: s.keys, Now: c.Now},
		Algorithm: jws.Algorithm(c.SigningAlgorithm), Lifetime: c.Lifetimes.of,
	})
	grants := grantor.ByType()
	tokens := token.New(grants, s.proofs, s.tally, s.issued, c.Logger)
	introspection := introspect.New(introspect.Config{
		Clients: authenticator, Holdings: s.reader, Keys: s.keys, Now: c.Now, Tally: s.tally, Logger: c.Logger,
	})
	revocation := revoke.New(revoke.Config{
		Store: c.Store, Clients: authenticator, Reader: reader, Now: c.Now, Logger: c.Logger,
	})
	introspected := s.authenticating("introspection")
	maps.Copy(introspected, introspect.Metadata())
	granted := s.authenticating("token", oauth.MethodNone)
	granted["grant_types_supported"] = slices.Sorted(maps.Keys(grants))
	maps.Copy(granted, sender.Metadata())
	granted["tls_client_certificate_bound_access_tokens"] = s.certificates != nil
	granted["scopes_supported"] = append(slices.Clone(oauth.StandardScopes), oauth.ScopeOfflineAccess)

	return append(s.peopleRoutes(authenticator, grantor),
		endpoint.Route{Endpoint: oauth.TokenEndpoint, Methods: "POST", Handler: tokens, Auth0: tokens.WithJSON(), Origins: s.ofApplications, Metadata: granted},
		endpoint.Route{Endpoint: oauth.IntrospectionEndpoint, Methods: "POST", Handler: introspection, Metadata: introspected},
		endpoint.Route{Endpoint: oauth.RevocationEndpoint, Methods: "POST", Handler: revocation, Auth0: revocation.WithJSON(), Origins: s.ofApplications,
			Metadata: s.authenticating("revocation", oauth.MethodNone)},
		endpoint.Route{Endpoint: oauth.UserinfoEndpoint, Methods: "GET POST", Origins: s.ofApplications,
			Handler:  userinfo.New(userinfo.Config{Store: c.Store, Tokens: reader, Keys: s.keys, Bindings: s.bindings, OnDecision: s.tally.OnDecision("userinfo"), Logger: c.Logger}),
			Metadata: discovery.OpenID()},
		endpoint.Route{Endpoint: oauth.KeySet, Methods: "GET", Handler: discovery.Keys(s.keys, c.Logger), Origins: endpoint.AnyOrigin},
	)
}

// authenticating are the members of the metadata that say how clients prove themselves at an endpoint.
func (s *Server) authenticating(name string, more ...string) map[string]any {
	return discovery.Authenticating(name, append(s.certificates.Methods(), more...)...)
}

// probeRoutes are for probes, which come by address: they are served under every host.
func (s *Server) probeRoutes() []endpoint.Route {
	return []endpoint.Route{
		{Endpoint: oauth.At("/healthz"), Methods: "GET", Handler: &endpoint.Document{Name: "healthz", Answer: health}},
		{Endpoint: oauth.At("/ready"), Methods: "GET", Handler: &endpoint.Document{Name: "ready", Answer: s.answerReady}},
	}
}

// nothingThere returns the refusal of a path with nothing at it.
func nothingThere(issuer oauth.Issuer) func(*http.Request) error {
	return func(*http.Request) error {
		return &oauth.Error{
			Status: http.StatusNotFound, Code: oauth.InvalidRequest,
			Text: "there is nothing at this path; see " + issuer.URL(oauth.Metadata.ZITADEL),
		}
	}
}

// misdirected refuses a host that is not an issuer's. Which hosts there are is the operator's to know.
func (s *Server) misdirected(r *http.Request) error {
	s.config.Logger.InfoContext(r.Context(), "request refused", "status", http.StatusMisdirectedRequest,
		"reason", fmt.Sprintf("host %.64q is not that of an issuer; those are %s", r.Host, strings.Join(s.issuers.hosts, ", ")))
	return &oauth.Error{
		Status: http.StatusMisdirectedRequest, Code: oauth.InvalidRequest,
		Text: "this server has no issuer with the host of the request",
	}
}
