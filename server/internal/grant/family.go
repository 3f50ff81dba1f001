package grant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/internal/accesstoken"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/idtoken"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/rights"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/internal/sender"
	"github.com/postern-auth/postern/server/store"
)

// claim is what an application asks for on the strength of a family.
type claim struct {
	family store.Family
	app    store.Application
	scopes []string
	nonce  string // for the ID token; empty: none
	// renewal is set when a refresh token asks: to what the family is bound has been decided by then.
	renewal bool
	proof   oauth.Proof // of the request
}

// application returns the application that sent the request.
func (g *Grants) application(ctx context.Context, r *endpoint.Request) (store.Application, error) {
	client, err := g.config.Clients.Identify(ctx, r)
	if err != nil {
		return store.Application{}, err
	}
	if client.Application == nil {
		return store.Application{}, oauth.Refuse(oauth.UnauthorizedClient, "this grant is for applications that people log in to; use the client_id of one", nil)
	}
	return *client.Application, nil
}

// Lifetimes of refresh tokens where the application does not say.
const (
	defaultRefreshIdle     = 30 * 24 * time.Hour
	defaultRefreshLifetime = 90 * 24 * time.Hour
)

// use takes what the client has brought, a code or a refresh token, for used, within the transaction in which
// what it gets is written.
type use func(ctx context.Context, tx store.Tx, refresh store.RefreshToken) (store.Use, error)

// respond answers an application by what a person has allowed. Everything that can refuse it comes before the
// code or refresh token is used: a refusal never uses one up.
func (g *Grants) respond(ctx context.Context, r *endpoint.Request, c claim, consume use) (*Response, error) {
	user, err := g.person(ctx, c.family)
	if err != nil {
		return nil, err
	}
	to := c.recipient(user)
	if err := g.bind(r, &to); err != nil {
		return nil, err
	}
	// A code that comes again ends its family by whichever key it comes.
	if bound := c.family.Confirmation; c.renewal && bound != "" && bound != to.confirmation.String() {
		return nil, oauth.Refuse(oauth.InvalidGrant, "what was allowed is bound to a key of its client, and this request does not prove that one", nil)
	}
	c.proof = r.Proof
	names, err := narrowed(r, c.family.Targets)
	if err != nil {
		return nil, err
	}
	draft, err := g.decide(ctx, r.Issuer, c.scopes, to, func(rights.Rights) (targets, error) {
		return g.namedTargets(ctx, names)
	})
	if err != nil {
		return nil, err
	}
	var told map[string]any
	if slices.Contains(c.scopes, "openid") {
		if told, err = rights.Claims(ctx, g.config.Store, user, c.app, c.family.Kind, c.scopes); err != nil {
			return nil, err
		}
	}
	now := g.config.Mint.Now()
	draft.Lifetime = min(draft.Lifetime, max(time.Second, c.end(now).Sub(now)))
	response, err := g.write(ctx, c, draft, now, consume)
	if err != nil {
		return nil, err
	}
	response.Scope = c.granted(draft.Scopes)
	if slices.Contains(c.scopes, "openid") {
		response.IDToken, err = g.config.IDTokens.Make(ctx, idtoken.Login{
			Issuer: r.Issuer, User: user, Application: c.app, Family: c.family, Scopes: c.scopes, Nonce: c.nonce,
			AccessToken: response.AccessToken, Rights: told,
		})
		if err != nil {
			return nil, err
		}
	}
	return response, nil
}

// person returns whom the family is about. Whoever is locked, or has ended what was issued before, gets nothing
// for it any more.
func (g *Grants) person(ctx context.Context, family store.Family) (store.User, error) {
	subject, err := g.config.Store.Subject(ctx, family.SubjectID)
	if err == nil {
		switch {
		case !subject.Active:
			return store.User{}, g.blocked(ctx, family)
		case family.CreatedAt.Before(subject.NotBefore):
			return store.User{}, oauth.Refuse(oauth.InvalidGrant, "the login has been ended; log in again", nil)
		}
		var user store.User
		if user, err = g.config.Store.User(ctx, family.SubjectID); err == nil {
			return user, nil
		}
	}
	if errors.Is(err, store.ErrNotFound) {
		return store.User{}, oauth.Refuse(oauth.InvalidGrant, "the user is gone", err)
	}
	return store.User{}, fmt.Errorf("grant: reading the user: %w", err)
}

// blocked ends a family that was used while its person is locked: whoever has its tokens is not to have them again
// when the lock is taken off. The text is Auth0's, which its programs look for.
func (g *Grants) blocked(ctx context.Context, family store.Family) error {
	err := g.config.Store.RevokeFamily(ctx, family.ID, g.config.Mint.Now(), "used while the user was locked")
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("grant: revoking a family: %w", err)
	}
	return oauth.Refuse(oauth.InvalidGrant, "user is blocked", nil)
}

func (c *claim) recipient(u store.User) recipient {
	return recipient{
		subject:  store.Subject{ID: u.ID, Kind: store.UserSubject, OrganizationID: u.OrganizationID, Username: u.LoginName, Active: u.Active},
		clientID: c.app.ClientID, familyID: c.family.ID, narrowed: rights.Narrowed(c.app, c.family.Kind),
		constraint: constraintOf(c.app), profile: c.app.Profile,
		login: accesstoken.Login{At: c.family.AuthTime, ACR: c.family.ACR, AMR: c.family.AMR},
	}
}

// end is when the last token of the family is dead at the latest.
func (c *claim) end(now time.Time) time.Time {
	if !c.refreshes() {
		return now.Add(defaultRefreshLifetime)
	}
	lifetime := c.app.RefreshLifetime
	if lifetime == 0 {
		lifetime = defaultRefreshLifetime
	}
	return c.family.CreatedAt.Add(lifetime)
}

// refreshes reports whether a refresh token comes with the answer.
func (c *claim) refreshes() bool {
	return slices.Contains(c.scopes, oauth.ScopeOfflineAccess) && allows(c.app, oauth.GrantRefreshToken)
}

// allows reports whether the application may use a grant. One that names none uses those of a login.
func allows(app store.Application, grantType string) bool {
	if len(app.Grants) == 0 {
		return grantType == oauth.GrantAuthorizationCode || grantType == oauth.GrantRefreshToken
	}
	return slices.Contains(app.Grants, grantType)
}

// rotates reports whether each use of a refresh token gives another. FAPI 2.0 Security Profile §5.3.2.1 forbids it:
// what is bound to a key needs no protection against being used by others, and a lost answer then loses nothing.
func (c *claim) rotates() bool { return c.app.Profile != oauth.ProfileFAPI2 }

// refresh is a new refresh token, with its row.
func (c *claim) refresh(now time.Time) (raw string, row store.RefreshToken) {
	raw = secret.New()
	idle := c.app.RefreshIdle
	if idle == 0 {
		idle = defaultRefreshIdle
	}
	expires := now.Add(idle)
	if end := c.end(now); end.Before(expires) || !c.rotates() {
		expires = end // one that stays cannot be seen to idle
	}
	return raw, store.RefreshToken{Digest: secret.Digest(raw), FamilyID: c.family.ID, IssuedAt: now, ExpiresAt: expires}
}

// write uses what the client has brought and writes what it gets, all or nothing. A JWT is signed before, for
// nobody else may write meanwhile; it is worth nothing until it is handed out.
func (g *Grants) write(ctx context.Context, c claim, draft accesstoken.Draft, now time.Time, consume use) (*Response, error) {
	response := &Response{TokenType: draft.Confirmation.TokenType(), ExpiresIn: int64(draft.Lifetime / time.Second)}
	if draft.Form != store.FormOpaque {
		var err error
		if response.Token, err = g.config.Mint.Issue(ctx, draft); err != nil {
			return nil, issueError(err)
		}
	}
	var used store.Use
	err := g.config.Store.InTx(ctx, func(tx store.Tx) (err error) {
		if err := sender.Use(ctx, tx, c.proof); err != nil {
			return err
		}
		raw, row := c.refresh(now)
		if used, err = consume(ctx, tx, row); err != nil || used != store.Used {
			return err // what a second use has revoked stays revoked
		}
		response.RefreshToken = ""
		if c.refreshes() && (c.rotates() || !c.renewal) {
			response.RefreshToken = raw
		}
		if draft.Form == store.FormOpaque {
			if response.Token, err = g.config.Mint.In(tx).Issue(ctx, draft); err != nil {
				return err
			}
		}
		if c.binds(draft.Confirmation) {
			if err := tx.BindFamily(ctx, c.family.ID, draft.Confirmation.String()); err != nil {
				return err
			}
		}
		return tx.ExtendFamily(ctx, c.family.ID, now, now.Add(draft.Lifetime))
	})
	if err != nil {
		return nil, issueError(fmt.Errorf("grant: writing tokens: %w", err))
	}
	if used != store.Used {
		return nil, &notUsed{used}
	}
	response.AccessToken = response.Token.Raw
	return response, nil
}

// binds reports whether refresh tokens are bound to what the first access token is bound to (RFC 9449 §5): those of
// a public client, for whom nothing else speaks, and those of a client that keeps the FAPI profile.
func (c *claim) binds(to oauth.Confirmation) bool {
	if c.renewal || to == (oauth.Confirmation{}) || c.family.Confirmation != "" {
		return false
	}
	return c.app.Type != store.WebApplication || c.app.Profile == oauth.ProfileFAPI2 && to.Member == oauth.ConfirmationKey
}

// notUsed is what came of a code or refresh token that does not serve any more.
type notUsed struct{ use store.Use }

func (e *notUsed) Error() string { return "grant: " + string(e.use) }

// granted is the scope of the answer: what the access token gives, and that it can be renewed.
func (c *claim) granted(scopes []string) string {
	if c.refreshes() {
		scopes = append(slices.Clone(scopes), oauth.ScopeOfflineAccess)
	}
	return strings.Join(scopes, " ")
}
