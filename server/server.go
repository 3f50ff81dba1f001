// Package server is Postern's authorization server: it issues access tokens to service users, explains them
// to APIs, and revokes them; people log in at it, and applications get codes for them. It is an http.Handler that
// any program can embed:
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
// Its signing keys are made when the store has none. An embedder rotates and withdraws them:
//
//	err = authorization.RotateKey(ctx, "ES256")
//
// To embed it takes this package, package store with an engine below it, and package setup, which fills the
// store from a document.
//
// What it does not do: no CORS, and no rate limits but on passwords. TLS, the time-outs of headers and
// connections, and their number are the http.Server's.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/holding"
	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/internal/letter"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/outbox"
	"github.com/postern-auth/postern/server/internal/password"
	"github.com/postern-auth/postern/server/internal/seal"
	"github.com/postern-auth/postern/server/internal/sender"
	"github.com/postern-auth/postern/server/internal/tally"
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
	// OnIssue is told of each access token once it is issued. It is called by many goroutines, and the answer waits
	// for it. Nil: nobody is told.
	OnIssue func(context.Context, Issued)
	// OnRefusal is told of each refusal at the endpoints for tokens, introspection and userinfo, and of those that
	// Server.OnDecision is told of: where it was, and its reason, of which there are a few dozen. It is called as OnIssue is.
	OnRefusal func(where, reason string)
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// SigningAlgorithm (alg) signs RFC 9068 tokens whose API names none: one that the standard library
	// signs with, such as ES256, EdDSA or PS256. Default: ES256. The other forms of JWT are RS256, which
	// is all that the programs they are for know.
	SigningAlgorithm string
	// Lifetimes are how long tokens live where their API does not say.
	Lifetimes Lifetimes
	// PersonalTokenLifetime is how long a personal access token lives at most from when it was made, also one
	// that was made to live longer or for ever. Default: 5 years of 365 days; negative: no bound.
	PersonalTokenLifetime time.Duration
	// DataKeys seal what the store keeps and the server reads again, so that a copy of the store does not give it
	// away: private signing keys, and the secrets of people's second factors. Each is 32 random bytes, kept outside of the store. The first
	// seals, all open: a new one is put in front of those that are there. Default: none; then nobody can set up codes
	// from an app, and nobody who has them can log in.
	DataKeys [][]byte
	// Organization is who runs the server, as people know it: it heads the pages on which they log in. Default:
	// Postern.
	Organization string
	// Sessions are how long people stay logged in.
	Sessions SessionLifetimes
	// ClientAddress returns from where a request came, for the bound on passwords tried from one address: behind a
	// proxy of another machine, what that proxy says, for else all people have its address in common. An address
	// that is not valid, or of this machine, is not bounded. Default: the other end of the connection.
	ClientAddress func(*http.Request) netip.Addr
	// InsecureHints shows whoever looks at the page of a refused request which redirect URI of the application is
	// most like the one that was sent. It is for development.
	InsecureHints bool
	// ClientCertificates are the TLS certificates of clients. Default: the server sees none.
	ClientCertificates *ClientCertificates
	// RequireDPoPNonce takes no DPoP proof (RFC 9449) that holds no nonce of the server's own, so that whoever gets
	// hold of a key for a moment cannot make proofs for later. Clients then need one more request now and then.
	RequireDPoPNonce bool
	// Registration says which applications come here that nobody has set up. Default: none.
	Registration Registration
	// Outgoing says how the URLs of applications are called.
	Outgoing Outgoing
	// Mailer sends mails to people, such as SMTP has one. Nil: none are sent, and what takes one is not there: to choose
	// another password when one is forgotten, to verify an address, to sign up.
	Mailer Mailer
	// SignUp lets strangers make themselves users, by an address whose mails they read. It needs a Mailer.
	SignUp bool
	// RotateKeysEvery is how long a key signs before another takes its place, as by RotateKey. It is looked at with
	// each sweep. Default: until somebody rotates it; less than an hour is an error.
	RotateKeysEvery time.Duration
	// SweepEvery is how often expired tokens are deleted. Default: 10 minutes; negative: never.
	SweepEvery time.Duration
}

// Server is the authorization server. It is an http.Handler and safe for concurrent use. Make it with
// New and end it with Close.
type Server struct {
	config       Config
	issuers      issuers
	keys         *keys.Ring
	hasher       *password.Hasher
	letters      *letter.Letters
	outbox       *outbox.Outbox
	sealing      *seal.Keys
	proofs       *sender.Proofs
	certificates *sender.Certificates // nil: none are seen
	reader       *holding.Reader
	tally        *tally.Tally
	sites        map[oauth.Issuer]*endpoint.Mux
	probes       *endpoint.Mux // for hosts that are not an issuer's
	origins      origins
	ready        readiness
	ending       context.Context // ends with the server
	stop         context.CancelFunc
	running      sync.WaitGroup
}

// New checks the configuration, makes signing keys when the store has none, and begins to sweep expired
// tokens and to send what is to be sent, until ctx ends or Close is called. Errors name the field of Config that is wrong, or wrap
// store.ErrUnavailable or ErrUnreadableKey.
func New(ctx context.Context, config Config) (*Server, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	issuers, err := newIssuers(config.Issuers, config.InsecureHTTP)
	if err != nil {
		return nil, err
	}
	sealing, err := seal.New(config.DataKeys...)
	if err != nil {
		return nil, fmt.Errorf("server: Config.DataKeys: %w", err)
	}
	ring := keys.New(keys.Config{Store: config.Store, Sealing: sealing, Now: config.Now, Logger: config.Logger})
	if err := ring.Ensure(ctx, jws.ES256, jws.RS256, jws.Algorithm(config.SigningAlgorithm)); err != nil {
		if errors.Is(err, keys.ErrUnreadable) {
			err = unreadableKey{err}
		}
		return nil, fmt.Errorf("server: %w", err)
	}
	hasher, err := password.New(password.Config{})
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	proofs, err := newProofs(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	s := &Server{config: config, issuers: issuers, keys: ring, hasher: hasher, sealing: sealing, proofs: proofs, certificates: newCertificates(config)}
	s.tally = tally.New(tally.Config{Store: config.Store, Now: config.Now, Logger: config.Logger, OnRefusal: config.OnRefusal})
	s.letters = s.newLetters()
	s.outbox = outbox.New(outbox.Config{Store: config.Store, Kinds: s.deliveries(), Now: config.Now, Logger: config.Logger})
	s.letters.WokenBy(s.outbox.Wake)
	ctx, s.stop = context.WithCancel(ctx)
	s.ending = ctx
	s.wire()
	s.running.Go(func() { s.sweepUntil(ctx) })
	s.running.Go(func() { s.outbox.Run(ctx) })
	s.running.Go(func() { s.tally.Run(ctx) })
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
	if err := c.Lifetimes.check(); err != nil {
		return err
	}
	if err := c.ClientCertificates.check(); err != nil {
		return err
	}
	if err := c.Sessions.check(); err != nil {
		return err
	}
	if c.SignUp && c.Mailer == nil {
		return errors.New("server: Config.SignUp is set without a Mailer, want one: whoever signs up is sent a link")
	}
	if c.RotateKeysEvery != 0 && c.RotateKeysEvery < time.Hour {
		return fmt.Errorf("server: Config.RotateKeysEvery is %s, want an hour at least: every verifier has to learn of each key", c.RotateKeysEvery)
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

// RotateKey makes a new signing key for the algorithm (alg), such as ES256, and retires those before it. Nobody
// sees a refused token: the new one is published at once and signs two minutes later, when every cache of the
// key set has it, and the old ones stay published until the last token that they signed has expired. Errors
// name an algorithm that is not known, or wrap store.ErrUnavailable.
func (s *Server) RotateKey(ctx context.Context, alg string) error {
	if !jws.Algorithm(alg).Known() {
		return unknownAlgorithm(alg)
	}
	if err := s.keys.Rotate(ctx, jws.Algorithm(alg)); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return nil
}

// WithdrawKey removes a signing key (kid) at once and puts a new one in its place. It is for a key that somebody
// else may hold: every token that it signed is refused from then on, by verifiers elsewhere when they read the
// key set again. Errors wrap store.ErrNotFound or store.ErrUnavailable.
func (s *Server) WithdrawKey(ctx context.Context, id string) error {
	if err := s.keys.Withdraw(ctx, id); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return nil
}

// Verifier returns a postern.Verifier for the tokens of the API with the identifier, for an API in the same
// program: it asks the store and not over HTTP, and what is revoked or taken away counts at the next request. A Guard
// lets tokens through that are bound to a key once it has the Bindings of packages dpop and mtls, and not before.
func (s *Server) Verifier(identifier string) postern.Verifier {
	return &holding.Verifier{Reader: s.reader, APIs: s.config.Store, Identifier: identifier}
}

// OnDecision returns what the Guard of an API in the same program calls as its OnDecision, so that the console counts
// what the API refuses, under the name, and explains it to whoever has the id of the decision. It keeps what a refused
// JWT says of its issuer, audience and key, and nothing else of a token.
func (s *Server) OnDecision(name string) func(*http.Request, *postern.Token, *postern.Error) {
	return s.tally.OnDecision(name)
}

// Close ends the sweep and the sending of mails, and waits for them. What has been counted is written. It leaves the Store open and always returns nil.
func (s *Server) Close() error {
	s.stop()
	s.running.Wait()
	return nil
}
