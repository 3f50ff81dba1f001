package grant

import (
	"context"
	"slices"

	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store"
)

// mayUse reports whether a service user may use a grant. One that names none uses those by which it acts for itself.
func mayUse(u store.ServiceUser, grantType string) bool {
	if len(u.Grants) == 0 {
		return grantType != oauth.GrantTokenExchange
	}
	return slices.Contains(u.Grants, grantType)
}

// ForServiceUser issues a token to a service user as to one that asks for itself, for an operator who tries out what it
// may do. Of the request, the issuer and what is asked for count.
func (g *Grants) ForServiceUser(ctx context.Context, r *endpoint.Request, u store.ServiceUser) (*Response, error) {
	if !u.Active {
		return nil, oauth.Refuse(oauth.InvalidGrant, "the service user is not active", nil)
	}
	return g.issue(ctx, r, itself(u))
}

// clientCredentials serves a service user that authenticates as a client (RFC 6749 §4.4).
func (g *Grants) clientCredentials(ctx context.Context, r *endpoint.Request) (*Response, error) {
	client, err := g.config.Clients.Authenticate(ctx, r)
	if err != nil {
		return nil, err
	}
	switch {
	case client.API != nil:
		return nil, oauth.Refuse(oauth.UnauthorizedClient, "an API gets no tokens for itself; use the credentials of a service user", nil)
	case client.ServiceUser == nil:
		return nil, oauth.Refuse(oauth.UnauthorizedClient, "an application gets no tokens for itself; use the credentials of a service user", nil)
	}
	if !mayUse(*client.ServiceUser, oauth.GrantClientCredentials) {
		return nil, oauth.Refuse(oauth.UnauthorizedClient, "the service user may not use client credentials; its grants are others", nil)
	}
	return g.issue(ctx, r, itself(*client.ServiceUser))
}
