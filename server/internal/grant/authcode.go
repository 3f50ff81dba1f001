package grant

import (
	"context"
	"errors"

	"github.com/postern-auth/postern/server/internal/code"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/pkce"
	"github.com/postern-auth/postern/server/internal/redirect"
	"github.com/postern-auth/postern/server/store"
)

// authorizationCode serves an application that a person has come back to with a code (RFC 6749 §4.1.3).
func (g *Grants) authorizationCode(ctx context.Context, r *endpoint.Request) (*Response, error) {
	app, err := g.application(ctx, r)
	if err != nil {
		return nil, err
	}
	if !allows(app, oauth.GrantAuthorizationCode) {
		return nil, oauth.Refuse(oauth.UnauthorizedClient, "the application may not use authorization codes", nil)
	}
	raw := r.Params.Value(oauth.ParamCode)
	if raw == "" {
		return nil, oauth.Refuse(oauth.InvalidRequest, "the parameter code is missing", nil)
	}
	found, err := code.Find(ctx, g.config.Store, raw)
	if errors.Is(err, code.ErrUnknown) {
		return nil, oauth.Refuse(oauth.InvalidGrant, invalidCode, err)
	}
	if err != nil {
		return nil, err
	}
	if err := checkCode(r, app, found); err != nil {
		return nil, err
	}
	c := claim{family: found.Family, app: app, scopes: found.Family.Scopes, nonce: found.Request.Nonce}
	response, err := g.respond(ctx, r, c, func(ctx context.Context, tx store.Tx, refresh store.RefreshToken) (store.Use, error) {
		return g.useCode(ctx, tx, found.Digest, c, refresh)
	})
	if not := (*notUsed)(nil); errors.As(err, &not) {
		return nil, oauth.Refuse(oauth.InvalidGrant, invalidCode, err)
	}
	return response, err
}

// useCode uses a code, and keeps the refresh token that comes of it.
func (g *Grants) useCode(ctx context.Context, tx store.Tx, d store.Digest, c claim, refresh store.RefreshToken) (store.Use, error) {
	used, err := tx.UseCode(ctx, d, g.config.Mint.Now())
	if err != nil || used != store.Used || !c.refreshes() {
		return used, err
	}
	return used, tx.CreateRefreshToken(ctx, refresh)
}

// invalidCode is Auth0's text, which its programs look for.
const invalidCode = "Invalid authorization code"

// checkCode holds a code's use to the request that it was made for. Nothing of it uses the code up: whoever
// brings it wrongly may not take it from its client.
func checkCode(r *endpoint.Request, app store.Application, found code.Found) error {
	asked := found.Request
	bound := asked.Challenge != ""
	verifier, uri := r.Params.Value(oauth.ParamCodeVerifier), r.Params.Value(oauth.ParamRedirectURI)
	refused := func(text string) error { return oauth.Refuse(oauth.InvalidGrant, text, nil) }
	switch {
	case found.Family.ClientID != app.ClientID, asked.Device != "":
		return refused(invalidCode)
	case asked.Issuer != r.Issuer:
		return refused("the code was issued by another issuer of this server; ask the one that issued it")
	case bound && !pkce.Verify(asked.Challenge, verifier):
		return refused("Failed to verify code verifier")
	case !bound && verifier != "":
		return refused("there is a code_verifier, and the authorization request had no code_challenge")
	case uri == "" && !bound:
		return refused("the parameter redirect_uri is missing; without PKCE it is required")
	case uri != "" && !redirect.Repeats(asked.RedirectURI, uri, bound):
		return refused("redirect_uri is not the one of the authorization request")
	case asked.DPoPKey != "" && r.Proof.Confirmation != (oauth.Confirmation{Member: oauth.ConfirmationKey, Thumbprint: asked.DPoPKey}):
		return refused("the code is bound to a DPoP key (dpop_jkt), and this request has no proof of that key")
	}
	return nil
}
