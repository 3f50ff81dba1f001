// Package server is Postern's authorization server for programs: it issues access tokens to service
// users, explains them to APIs, and revokes them. It is an http.Handler that any program can embed:
//
//	s, err := sqlite.Open(ctx, "data/postern.db", sqlite.Options{})
//	if err != nil {
//		return err
//	}
//	defer s.Close()
//	authorization, err := server.New(ctx, server.Config{
//		Store:   s,
//		Issuers: []string{"https://login.example.com", "https://auth0.example.com/"},
//		Logger:  slog.Default(),
//	})
//	if err != nil {
//		return err
//	}
//	defer authorization.Close()
//	err = http.ListenAndServeTLS(":443", cert, key, authorization)
//
// A service user then gets a token, and an API asks what it says:
//
//	curl -u robot:$SECRET https://login.example.com/oauth/v2/token \
//		-d grant_type=client_credentials -d scope="urn:zitadel:iam:org:project:id:$PROJECT:aud read:messages"
//	curl -u $API_ID:$API_SECRET https://login.example.com/oauth/v2/introspect -d token=$TOKEN
//
// Every issuer serves the same store, in two families of paths: ZITADEL's (/oauth/v2/token) and Auth0's
// (/oauth/token, /.well-known/jwks.json). The host of the request chooses the issuer and nothing else
// does.
//
// What it does not do: it has no users that log in, and refuses every authorization request; no CORS and no
// rate limits. TLS, the time-outs of headers and connections, and their number are the http.Server's.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/accesstoken"
	"github.com/postern-auth/postern/server/internal/clients"
	"github.com/postern-auth/postern/server/internal/grant"
	"github.com/postern-auth/postern/server/internal/holding"
	"github.com/postern-auth/postern/server/internal/introspect"
	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/revoke"
	"github.com/postern-auth/postern/server/internal/token"
	"github.com/postern-auth/postern/server/store"
)

// Config says what a Server serves. The zero value of every optional field is the safe default.
type Config struct {
	// Store remembers everything. Required. The Server does not close it.
	Store store.Store
	// Issuers are the issuers (iss), byte for byte, such as https://login.example.com. Required. Each is
	// an https URL, or http on a loopback host, without a path but at most a single slash, and each has
	// its own host and port. Auth0's programs want the slash, ZITADEL's do not.
	Issuers []string
	// InsecureHTTP lets issuers be http on any host, as in a network of containers during development: every
	// secret and token is there for whoever can listen.
	InsecureHTTP bool
	// Logger gets one line for each refused request, without anything secret. Default: silent.
	Logger *slog.Logger
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// SigningAlgorithm (alg) signs RFC 9068 tokens whose API names none: one that the standard library
	// signs with, such as ES256, EdDSA or PS256. Default: ES256. The other forms of JWT are RS256, which
	// is all that the programs they are for know.
	SigningAlgorithm string
	// Lifetimes are how long tokens live where their API does not say.
	Lifetimes grant.Lifetimes
	// PersonalTokenLifetime is how long a personal access token lives at most from when it was made, also one
	// that was made to live longer or for ever. Default: 5 years of 365 days; negative: no bound.
	PersonalTokenLifetime time.Duration
	// SweepEvery is how often expired tokens are deleted. Default: 10 minutes; negative: never.
	SweepEvery time.Duration
}

// Server is the authorization server. It is an http.Handler and safe for concurrent use. Make it with
// New and end it with Close.
type Server struct {
	config  Config
	entries entries
	keys    *keys.Ring
	reader  *holding.Reader
	routes  map[string]route
	ready   readiness
	stop    context.CancelFunc
	running sync.WaitGroup
}

// New checks the configuration, makes signing keys when the store has none, and begins to sweep expired
// tokens until ctx ends or Close is called. Errors name the field of Config that is wrong, or wrap
// store.ErrUnavailable.
func New(ctx context.Context, config Config) (*Server, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	entries, err := newEntries(config.Issuers, config.InsecureHTTP)
	if err != nil {
		return nil, err
	}
	ring := keys.New(keys.Config{Store: config.Store, Now: config.Now, Logger: config.Logger})
	if err := ring.Ensure(ctx, jws.ES256, jws.RS256, jws.Algorithm(config.SigningAlgorithm)); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	s := &Server{config: config, entries: entries, keys: ring}
	s.routes = s.wire()
	ctx, s.stop = context.WithCancel(ctx)
	s.running.Go(func() { s.sweepUntil(ctx) })
	return s, nil
}

func (c *Config) complete() error {
	if c.Store == nil {
		return errors.New("server: Config.Store is nil, want one such as sqlite.Open returns")
	}
	if c.SigningAlgorithm == "" {
		c.SigningAlgorithm = string(jws.ES256)
	}
	if !jws.Algorithm(c.SigningAlgorithm).Known() {
		return fmt.Errorf("server: Config.SigningAlgorithm is %.64q, want one of %v", c.SigningAlgorithm, jws.Algorithms())
	}
	for _, lifetime := range []time.Duration{c.Lifetimes.Opaque, c.Lifetimes.ZITADEL, c.Lifetimes.Auth0, c.Lifetimes.RFC9068} {
		if lifetime < 0 || lifetime > keys.MaxTokenLifetime || lifetime%time.Second != 0 {
			return fmt.Errorf("server: Config.Lifetimes has %s, want whole seconds from 0 to %s", lifetime, keys.MaxTokenLifetime)
		}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.PersonalTokenLifetime == 0 {
		c.PersonalTokenLifetime = 5 * 365 * 24 * time.Hour
	}
	if c.SweepEvery == 0 {
		c.SweepEvery = 10 * time.Minute
	}
	return nil
}

// Keys returns the signing keys, to rotate and withdraw them.
func (s *Server) Keys() *keys.Ring { return s.keys }

// Verifier returns a postern.Verifier for the tokens of the API with the identifier, for an API in the same
// program: it asks the store and not over HTTP, and what is revoked or taken away counts at the next request.
func (s *Server) Verifier(identifier string) postern.Verifier {
	return &holding.Verifier{Reader: s.reader, APIs: s.config.Store, Identifier: identifier}
}

// Close ends the sweep and waits for it. It leaves the Store open and always returns nil.
func (s *Server) Close() error {
	s.stop()
	s.running.Wait()
	return nil
}

// wire makes the endpoints and gives them their paths.
func (s *Server) wire() map[string]route {
	c := s.config
	authenticator := clients.New(c.Store, c.Now)
	grants := grant.New(grant.Config{
		Store: c.Store, Clients: authenticator,
		Mint:      &accesstoken.Mint{Tokens: c.Store, Keys: s.keys, Now: c.Now},
		Algorithm: jws.Algorithm(c.SigningAlgorithm), Lifetimes: c.Lifetimes,
	}).ByType()
	reader := &accesstoken.Reader{
		Tokens: c.Store, Keys: s.keys, Issuers: c.Issuers, Now: c.Now, PersonalTokenLifetime: c.PersonalTokenLifetime,
	}
	s.reader = &holding.Reader{Store: c.Store, Tokens: reader}
	tokens := token.New(grants, c.Logger)
	introspection := introspect.New(introspect.Config{
		Clients: authenticator, Holdings: s.reader, Logger: c.Logger,
	})
	revocation := revoke.New(revoke.Config{
		Tokens: c.Store, Clients: authenticator, Reader: reader, Now: c.Now, Logger: c.Logger,
	})
	metadata := s.metadata(slices.Sorted(maps.Keys(grants)))

	return map[string]route{
		oauth.PathAuthorize:       {get: serveAuthorize, post: serveAuthorize},
		oauth.PathAuthorizeAuth0:  {get: serveAuthorize, post: serveAuthorize},
		oauth.PathToken:           {post: tokens.Serve},
		oauth.PathTokenAuth0:      {post: tokens.WithJSON().Serve},
		oauth.PathIntrospect:      {post: introspection.Serve},
		oauth.PathIntrospectAuth0: {post: introspection.Serve},
		oauth.PathRevoke:          {post: revocation.Serve},
		oauth.PathRevokeAuth0:     {post: revocation.WithJSON().Serve},
		oauth.PathKeys:            {get: s.serveKeys},
		oauth.PathKeysAuth0:       {get: s.serveKeys},
		oauth.PathOpenID:          {get: metadata},
		oauth.PathMetadata:        {get: metadata},
		"/healthz":                {get: s.serveHealth, anyHost: true},
		"/ready":                  {get: s.serveReady, anyHost: true},
	}
}
