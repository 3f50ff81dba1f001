package grant

import (
	"context"
	"errors"

	"github.com/postern-auth/postern/server/internal/clients"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
)

// jwtBearer serves a service user that signs an assertion about itself (RFC 7523 §2.1).
func (g *Grants) jwtBearer(ctx context.Context, r *endpoint.Request) (*Response, error) {
	raw := r.Params.Value(oauth.ParamAssertion)
	if raw == "" {
		return nil, oauth.Refuse(oauth.InvalidRequest, "the parameter assertion is missing", nil)
	}
	// The grant needs no client authentication, but one that is there must hold (RFC 7523 §3.1).
	var client clients.Client
	if clients.Offers(r) {
		var err error
		if client, err = g.config.Clients.Authenticate(ctx, r); err != nil {
			return nil, err
		}
	}
	user, err := g.config.Clients.ServiceUser(ctx, r, raw)
	if errors.Is(err, clients.ErrRefused) {
		return nil, oauth.Refuse(oauth.InvalidGrant, "the assertion is not accepted: it has to name a service user in iss and sub, "+
			"this issuer in aud, in kid, if it is there, a key of that user, and to be unexpired, short-lived and new", err)
	}
	if err != nil {
		return nil, err
	}
	if client.ClientID != "" && client.ClientID != user.Username {
		return nil, oauth.Refuse(oauth.UnauthorizedClient, "the client and the assertion are of different service users", nil)
	}
	r.ClientID = user.Username
	if !mayUse(user, oauth.GrantJWTBearer) {
		return nil, oauth.Refuse(oauth.UnauthorizedClient, "the service user may not use JWT assertions as grants; its grants are others", nil)
	}
	return g.issue(ctx, r, itself(user))
}
