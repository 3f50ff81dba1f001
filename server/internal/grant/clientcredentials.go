package grant

import (
	"context"

	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
)

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
	return g.issue(ctx, r, itself(*client.ServiceUser))
}
