package grant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// overlap is how long a refresh token serves on from its first use: clients that have not heard the answer ask
// again, and two windows ask at once.
const overlap = 30 * time.Second

// invalidRefreshToken is Auth0's text, which its programs look for.
const invalidRefreshToken = "Unknown or invalid refresh token."

// refreshToken serves an application that renews its tokens (RFC 6749 §6). Each answer has another refresh
// token (RFC 9700 §4.14.2).
func (g *Grants) refreshToken(ctx context.Context, r *endpoint.Request) (*Response, error) {
	app, err := g.application(ctx, r)
	if err != nil {
		return nil, err
	}
	raw := r.Params.Value(oauth.ParamRefreshToken)
	if raw == "" {
		return nil, oauth.Refuse(oauth.InvalidRequest, "Missing Refresh Token", nil)
	}
	digest := secret.Digest(raw)
	family, err := g.familyOf(ctx, digest)
	if errors.Is(err, store.ErrNotFound) {
		return nil, oauth.Refuse(oauth.InvalidGrant, invalidRefreshToken, err)
	}
	if err != nil {
		return nil, err
	}
	if family.ClientID != app.ClientID {
		return nil, g.stolen(ctx, family, app)
	}
	if !issuedAt(family, r.Issuer) {
		return nil, oauth.Refuse(oauth.InvalidGrant, "the login was made at another issuer of this server; ask the one that issued the token", nil)
	}
	if !allows(app, oauth.GrantRefreshToken) {
		return nil, oauth.Refuse(oauth.UnauthorizedClient, "the application may not use refresh tokens", nil)
	}
	scopes, err := again(family, r.Params.Value(oauth.ParamScope))
	if err != nil {
		return nil, err
	}
	c := claim{family: family, app: app, scopes: scopes, renewal: true}
	response, err := g.respond(ctx, r, c, func(ctx context.Context, tx store.Tx, refresh store.RefreshToken) (store.Use, error) {
		if !c.rotates() {
			return stays(ctx, tx, digest, g.config.Mint.Now())
		}
		return tx.UseRefreshToken(ctx, digest, g.config.Mint.Now(), overlap, refresh)
	})
	if not := (*notUsed)(nil); errors.As(err, &not) {
		return nil, oauth.Refuse(oauth.InvalidGrant, invalidRefreshToken, err)
	}
	return response, err
}

// stays is the use of a refresh token that no other follows. That its family lives is for the answer to find out,
// which has it live on.
func stays(ctx context.Context, tx store.Tx, d store.Digest, now time.Time) (store.Use, error) {
	token, err := tx.RefreshToken(ctx, d)
	if err != nil {
		return "", err
	}
	family, err := tx.Family(ctx, token.FamilyID)
	switch {
	case err != nil:
		return "", err
	case !family.RevokedAt.IsZero():
		return store.UseRevoked, nil
	case !now.Before(token.ExpiresAt), !now.Before(family.ExpiresAt):
		return store.UseExpired, nil
	case token.Successors > 0: // from before its client kept the profile
		return store.UseExpired, nil
	}
	return store.Used, nil
}

func (g *Grants) familyOf(ctx context.Context, refresh store.Digest) (store.Family, error) {
	token, err := g.config.Store.RefreshToken(ctx, refresh)
	if err == nil {
		var family store.Family
		if family, err = g.config.Store.Family(ctx, token.FamilyID); err == nil {
			return family, nil
		}
	}
	return store.Family{}, fmt.Errorf("grant: reading a refresh token: %w", err)
}

// issuedAt reports whether a family goes on at an issuer: the one at which it began.
func issuedAt(family store.Family, issuer oauth.Issuer) bool {
	return family.Issuer == "" || family.Issuer == string(issuer)
}

// stolen ends a family whose refresh token another client has brought, one that has proved who it is.
func (g *Grants) stolen(ctx context.Context, family store.Family, app store.Application) error {
	err := g.config.Store.RevokeFamily(ctx, family.ID, g.config.Mint.Now(), "refresh token brought by another client")
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("grant: revoking a family: %w", err)
	}
	return oauth.Refuse(oauth.InvalidGrant, invalidRefreshToken,
		fmt.Errorf("grant: refresh token of client %q was brought by client %q; its family is revoked", family.ClientID, app.ClientID))
}

// again returns the scopes of a renewal: all that the person has allowed, or those of them that are asked for.
// That a refresh token goes on is not to be asked for again.
func again(family store.Family, text string) ([]string, error) {
	if text == "" {
		return family.Scopes, nil
	}
	asked, err := parseScope(text)
	if err != nil {
		return nil, err
	}
	for _, scope := range asked {
		if !slices.Contains(family.Scopes, scope) {
			return nil, oauth.Refuse(oauth.InvalidScope, "the scope "+oauth.Quote(scope)+" was not asked for at the login", nil)
		}
	}
	if slices.Contains(family.Scopes, oauth.ScopeOfflineAccess) && !slices.Contains(asked, oauth.ScopeOfflineAccess) {
		asked = append(asked, oauth.ScopeOfflineAccess)
	}
	return asked, nil
}
