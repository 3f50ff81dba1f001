package holding

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/server/internal/accesstoken"
	"github.com/postern-auth/postern/server/store"
)

// Verifier is a postern.Verifier over the server's own store, with which the server guards its own APIs: it
// sees a revocation, and a right that is taken away, at the next request. It does not check what binds a
// token to its sender.
//
//	guard := &postern.Guard{Verifier: &holding.Verifier{Reader: reader, APIs: s, Identifier: "urn:postern:management"}}
type Verifier struct {
	Reader *Reader
	APIs   store.APIs
	// Identifier is that of the API which is guarded. It is looked up with each token.
	Identifier string
}

// Verify returns what the token gives at the API. Errors wrap postern.ErrInactive, or postern.ErrUnavailable
// when the store does not answer or has no such API.
func (v *Verifier) Verify(ctx context.Context, raw string) (*postern.Token, error) {
	ctx, _ = store.WithExactView(ctx)
	api, err := v.APIs.APIByIdentifier(ctx, v.Identifier)
	if err != nil {
		return nil, postern.Unavailable(fmt.Errorf("holding: reading the API %q: %w", v.Identifier, err), retryAfter)
	}
	if !api.Active {
		return nil, fmt.Errorf("holding: API %q is not active: %w", v.Identifier, postern.ErrInactive)
	}
	h, err := v.Reader.At(ctx, api, raw)
	if errors.Is(err, accesstoken.ErrInactive) {
		return nil, fmt.Errorf("%w: %w", postern.ErrInactive, err)
	}
	if err != nil {
		return nil, postern.Unavailable(err, retryAfter)
	}
	return postern.NewToken(postern.TokenData{
		Issuer: h.Issuer, Subject: h.Subject, ClientID: h.ClientID, ID: h.ID, Username: h.Holder.Username,
		IssuedAt: h.IssuedAt, NotBefore: h.IssuedAt, Expiry: h.ExpiresAt,
		Confirmation: h.Confirmation.Claim(),
		Audience:     h.Audience, Scopes: h.Scopes, Roles: h.Roles, Permissions: h.Permissions,
	}), nil
}

// retryAfter is told to callers when the store does not answer.
const retryAfter = 2 * time.Second
