// Package posternmcp protects a server of the Model Context Protocol (MCP) that is built with
// github.com/modelcontextprotocol/go-sdk: only calls with a good access token for this very server reach
// its tools.
//
//	handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, nil)
//	protected := posternmcp.Protect(handler, posternmcp.Config{
//		Issuer:   "https://login.example.com",
//		Resource: "https://files.example.com/mcp",
//		Scopes:   []string{"files:read"},
//	})
//	http.Handle("/mcp", protected)
//	http.Handle("/.well-known/oauth-protected-resource", protected)
//	http.Handle("/.well-known/oauth-protected-resource/mcp", protected)
//
// A tool asks who is calling:
//
//	token, ok := posternmcp.TokenFrom(req) // or req.Extra.TokenInfo, as the SDK has it
//
// It must not ask its context: the SDK runs every tool of a session on the context of the request that
// opened the session, so what stands there is of that request and not of this call. Therefore
// postern.TokenFrom finds no Token there, unless the server has the middleware PutToken.
package posternmcp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/jwt"
)

// Config says whose tokens Protect accepts, and for what. Resource and one of Issuer and Guard are
// required.
type Config struct {
	// Issuer is the authorization server, byte for byte: clients are sent there, and unless Verifier or
	// Guard is set, its JWTs are what is accepted.
	Issuer string
	// Resource is the URL at which clients call the server, byte for byte: the tokens' audience, and what
	// the metadata names (RFC 9728 §1.2). The SDK's client takes no notice of metadata for another URL, so
	// a final slash matters.
	Resource string
	// Scopes are what every call needs. A client that comes without a token is told all of them.
	Scopes []string
	// Verifier verifies the tokens in place of package jwt with Issuer and Resource: by introspection, or
	// of several issuers. It must refuse tokens that are for another audience than this server.
	Verifier postern.Verifier
	// Guard decides in place of one made of the fields above, so as to have Bindings, OnDecision or a
	// Responder. Where its Resource, AuthorizationServers or ScopesSupported are empty, this Config's are
	// taken. Its Verifier must refuse tokens that are for another audience than this server.
	Guard *postern.Guard
	// HTTPClient fetches the issuer's keys. Nil: http.DefaultClient's settings. Not for Verifier and Guard.
	HTTPClient *http.Client
	// Logger gets one line for every refusal. Nil: none is written. Not for Guard, which has its own.
	Logger *slog.Logger
}

// Protect returns a handler that lets requests through to an MCP server only with a good access token that
// has every one of the scopes. Refusals carry the challenge that clients need to obtain such a token. The
// same handler serves the metadata of the protected resource to any origin (RFC 9728 §3), below
// /.well-known/oauth-protected-resource at the path of Resource and at the root; mount it at all three.
//
// The token's facts go on as auth.TokenInfo, with which the SDK refuses a session to anybody but the user
// who opened it. UserID is the token's subject or, with a Verifier or Guard of one's own, which may serve
// several issuers, issuer and subject with a space between. A token without a subject is refused, for its
// session would be anybody's. A standing stream ends when its token does; its client opens another.
//
// The handler is the SDK's StreamableHTTPHandler, with others in front of it or not. Its SSEHandler, of an
// older version of the protocol, knows no users and is refused.
//
// Protect panics when the Config is incomplete or contradicts itself, for that is a mistake in the program
// and not in a request.
func Protect(handler http.Handler, config Config) http.Handler {
	switch handler.(type) {
	case nil:
		panic("posternmcp: Protect needs a handler")
	case *mcp.SSEHandler:
		panic("posternmcp: the SDK's SSEHandler ties its sessions to nobody and tells tools of no caller: use StreamableHTTPHandler")
	}
	guard := config.guard()
	p := &protection{
		guard:     guard,
		required:  []postern.Requirement{postern.RequirementFunc(hasSubject)},
		scopes:    slices.Clone(config.Scopes),
		oneIssuer: config.Guard == nil && config.Verifier == nil,
		metadata:  guard.Metadata(),
		paths:     []string{wellKnown, guard.MetadataPath()},
		next:      handler,
	}
	if len(config.Scopes) > 0 {
		p.required = append(p.required, postern.Scope(config.Scopes...))
	}
	return p
}

func (c Config) guard() *postern.Guard {
	guard := &postern.Guard{Verifier: c.Verifier, Logger: c.Logger}
	switch {
	case c.Guard != nil && c.Verifier != nil:
		panic("posternmcp: Config has both a Guard and a Verifier: the Guard has its own")
	case c.Guard != nil:
		copied := *c.Guard
		guard = &copied
	case c.Verifier == nil:
		verifier, err := jwt.NewVerifier(jwt.Config{Issuer: c.Issuer, Audience: c.Resource, HTTPClient: c.HTTPClient})
		if err != nil {
			panic(fmt.Sprintf("posternmcp: Config: %v", err))
		}
		guard.Verifier = verifier
	}
	if guard.Verifier == nil {
		panic("posternmcp: Config.Guard has no Verifier")
	}
	if guard.Resource != "" && c.Resource != "" && guard.Resource != c.Resource {
		panic(fmt.Sprintf("posternmcp: Config.Resource is %q and that of its Guard %q", c.Resource, guard.Resource))
	}
	guard.Resource = cmp.Or(guard.Resource, c.Resource)
	if len(guard.AuthorizationServers) == 0 && c.Issuer != "" {
		guard.AuthorizationServers = []string{c.Issuer}
	}
	if len(guard.AuthorizationServers) == 0 {
		panic("posternmcp: Config has neither an Issuer nor a Guard with AuthorizationServers: clients must be told where to get a token")
	}
	if len(guard.ScopesSupported) == 0 {
		guard.ScopesSupported = slices.Clone(c.Scopes)
	}
	return guard
}

const wellKnown = "/.well-known/oauth-protected-resource"

// protection is what Protect returns.
type protection struct {
	guard     *postern.Guard
	required  []postern.Requirement
	scopes    []string
	oneIssuer bool // a subject alone names a user
	metadata  http.Handler
	paths     []string // where metadata is served, without a final slash
	next      http.Handler
}

func (p *protection) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if slices.Contains(p.paths, strings.TrimSuffix(r.URL.Path, "/")) {
		p.metadata.ServeHTTP(w, r)
		return
	}
	decision, err := p.guard.Check(r, p.required...)
	for name, values := range decision.Header {
		w.Header()[name] = values
	}
	if err != nil {
		p.guard.Refuse(w, r, p.challenging(err))
		return
	}
	p.handOver(w, r, decision.Token)
}

// challenging names the scopes in every 401, for a client asks the authorization server for what it reads
// there and for nothing else.
func (p *protection) challenging(err error) error {
	var refusal *postern.Error
	if !errors.As(err, &refusal) || refusal.Status != http.StatusUnauthorized || len(refusal.Scopes) > 0 {
		return err
	}
	told := *refusal
	told.Scopes = p.scopes
	return &told
}

// handOver passes a request on with the facts of its token where the SDK looks for them. The SDK keeps
// their place in the context to itself, so its own middleware puts them there, on a request that it has
// nothing to decide about: the token may have come under scheme DPoP, which it does not know, or be within
// the leeway, of which it has none.
func (p *protection) handOver(w http.ResponseWriter, r *http.Request, token *postern.Token) {
	ctx, cancel := standing(r, token)
	defer cancel()
	info := p.tokenInfo(token)
	decided := func(context.Context, string, *http.Request) (*auth.TokenInfo, error) { return info, nil }
	options := &auth.RequireBearerTokenOptions{AllowMissingExpiration: true, ClockSkew: math.MaxInt64}
	asked := r.WithContext(ctx)
	asked.Header = http.Header{"Authorization": {"Bearer checked"}}
	auth.RequireBearerToken(decided, options)(http.HandlerFunc(func(w http.ResponseWriter, told *http.Request) {
		p.next.ServeHTTP(w, r.WithContext(told.Context()))
	})).ServeHTTP(w, asked)
}

// standing bounds a request that stays open to hear from the server by the end of its token, and leaves
// others as they are: a call that was good when it came may take its time.
func standing(r *http.Request, token *postern.Token) (context.Context, context.CancelFunc) {
	stream := r.Method == http.MethodGet || r.Header.Get("Mcp-Method") == "subscriptions/listen"
	if !stream || token.Expiry().IsZero() {
		return r.Context(), func() {}
	}
	return context.WithDeadline(r.Context(), token.Expiry().Add(jwt.DefaultLeeway))
}

// tokenKey is where TokenInfo.Extra holds the Token.
const tokenKey = "github.com/postern-auth/postern.Token"

func (p *protection) tokenInfo(token *postern.Token) *auth.TokenInfo {
	user := token.Subject()
	if !p.oneIssuer {
		user = token.Issuer() + " " + user
	}
	return &auth.TokenInfo{
		UserID:     user,
		Scopes:     slices.Collect(token.Scopes()),
		Expiration: token.Expiry(),
		Extra:      map[string]any{tokenKey: token},
	}
}

// hasSubject is the requirement that a token names whom it is about: the SDK ties sessions to UserID, and
// one without may be used by everybody.
func hasSubject(_ context.Context, token *postern.Token) error {
	if token.Subject() == "" {
		return fmt.Errorf("posternmcp: token has no subject (sub), to whom its session could belong: %w", postern.ErrMalformed)
	}
	return nil
}

// TokenFrom returns the Token of the call that an MCP request came with: of who calls, whoever opened the
// session. It is false when the request did not come through Protect.
func TokenFrom(req mcp.Request) (*postern.Token, bool) {
	extra := req.GetExtra()
	if extra == nil || extra.TokenInfo == nil {
		return nil, false
	}
	token, ok := extra.TokenInfo.Extra[tokenKey].(*postern.Token)
	return token, ok
}

// PutToken is middleware of the SDK that puts the Token of each call into the context of that call, for tools
// that share code with an HTTP API and ask postern.TokenFrom:
//
//	server.AddReceivingMiddleware(posternmcp.PutToken)
func PutToken(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
		if token, ok := TokenFrom(req); ok {
			ctx = postern.WithToken(ctx, token)
		}
		return next(ctx, method, req)
	}
}
