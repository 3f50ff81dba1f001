package postern

import (
	"context"
	"fmt"
)

type tokenKey struct{}

// WithToken returns a copy of ctx that holds the Token, where TokenFrom finds it. A Guard's middleware does
// this for every request that passes; adapters to other frameworks do it themselves, and so do unit tests of
// handlers, which then need no Guard and no issuer:
//
//	alice := postern.NewToken(postern.TokenData{Subject: "alice"})
//	handler.ServeHTTP(w, r.WithContext(postern.WithToken(r.Context(), alice)))
//
// It trusts its caller: whoever puts a Token there has verified it. It panics when the Token is nil.
//
// The context is one of context.WithValue, because frameworks that copy the values of a request's context
// know that kind alone.
func WithToken(ctx context.Context, token *Token) context.Context {
	if token == nil {
		panic("postern: WithToken got a nil Token")
	}
	return context.WithValue(ctx, tokenKey{}, token)
}

// TokenFrom returns the Token of the request whose context this is. It is false when no Guard let the
// request through, or when Optional did because there was no token.
func TokenFrom(ctx context.Context) (*Token, bool) {
	token, ok := ctx.Value(tokenKey{}).(*Token)
	return token, ok
}

// Until returns a copy of ctx that is done when its Token ends (exp), for what runs longer than a request
// usually does: a stream, a WebSocket, a long poll. context.Cause is then an error that wraps ErrExpired.
//
//	ctx, cancel := postern.Until(r.Context())
//	defer cancel()
//	for ctx.Err() == nil { … } // and select on ctx.Done() wherever it waits
//
// Without a Token, or with one that has no exp, the copy ends with ctx. It is over at once for a token that
// a verifier's leeway let pass after exp. A token that is revoked before exp does not end it.
func Until(ctx context.Context) (context.Context, context.CancelFunc) {
	token, ok := TokenFrom(ctx)
	if !ok || token.Expiry().IsZero() {
		return context.WithCancel(ctx)
	}
	return context.WithDeadlineCause(ctx, token.Expiry(), errEnded)
}

var errEnded = fmt.Errorf("postern: the request's token has ended meanwhile: %w", ErrExpired)
