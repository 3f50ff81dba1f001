// Package postern lets requests through to an HTTP API only with a good OAuth 2.0 access token, and only
// with the scopes, roles or permissions that the route asks for.
//
// A Verifier turns the raw token into verified facts, a Guard puts it in front of handlers, and
// Requirements say what a route needs:
//
//	verifier, err := jwt.NewVerifier(jwt.Config{
//		Issuer:   "https://login.example.com",
//		Audience: "https://hello-world.example.com",
//	})
//	if err != nil {
//		log.Fatal(err)
//	}
//	guard := &postern.Guard{Verifier: verifier}
//	private := guard.Require()
//	readers := guard.Require(postern.Scope("read:messages"))
//
//	mux := http.NewServeMux()
//	mux.Handle("GET /api/public", publicHandler)
//	mux.Handle("GET /api/private", private(privateHandler))
//	mux.Handle("GET /api/private-scoped", readers(scopedHandler))
//	log.Fatal(http.ListenAndServe(":6060", mux))
//
// A handler behind the Guard reads who called:
//
//	token, ok := postern.TokenFrom(r.Context())
//
// and its unit test puts a Token there with WithToken. A stream ends with its token by way of Until. Where
// there is no middleware, Check decides and Refuse answers.
//
// Packages jwt and introspection verify tokens; FirstOf, ByIssuers and ByIssuerFunc combine them. Packages
// dpop and mtls are Bindings: they check that a token that is bound to its sender comes from that sender.
//
// What is refused is answered as RFC 6750 says: 401 for a missing or bad token, 403 for a good token
// without the rights. A token that could not be judged, because the issuer's keys or its introspection
// endpoint could not be reached, is answered 503, never 401: the client's token may be good, and a client
// that is told otherwise throws it away.
package postern

import "context"

// Verifier turns a raw access token into its verified facts.
//
// Verify returns an error that wraps ErrNotMine for a token whose shape or issuer it does not serve, and
// it says so before any trust decision; ErrUnavailable when it could not decide; and one of the other
// reasons (ErrExpired, ErrSignature, …) when it decided against the token. It never returns a nil Token
// with a nil error, and it must be safe for concurrent use.
//
// The raw token is a stranger's: a Guard bounds neither its length nor, beyond 256 bytes, its alphabet, and
// promises only that it holds no space.
type Verifier interface {
	Verify(ctx context.Context, raw string) (*Token, error)
}

// VerifierFunc is a Verifier made of a function.
type VerifierFunc func(ctx context.Context, raw string) (*Token, error)

// Verify calls f.
func (f VerifierFunc) Verify(ctx context.Context, raw string) (*Token, error) { return f(ctx, raw) }
