// Package grant turns a grant (RFC 6749 §1.3) into an access token: what the client may have of what it
// asks for, and in which form. A grant is a file: clientcredentials.go, jwtbearer.go. They differ in how
// they find the service user; the rest is common.
//
//	grants := grant.New(grant.Config{Store: s, Clients: authenticator, Mint: mint})
//	response, err := grants.ByType()[oauth.GrantClientCredentials].Respond(ctx, request)
//
// A request names its targets, the APIs and projects that the token is for, and scopes. A scope that is
// the key of a role or a permission is granted only to who holds it on every target, so that no token
// carries a right from one project or API to another.
package grant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/accesstoken"
	"github.com/postern-auth/postern/server/internal/clients"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/holding"
	"github.com/postern-auth/postern/server/internal/idtoken"
	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/rights"
	"github.com/postern-auth/postern/server/internal/sender"
	"github.com/postern-auth/postern/server/store"
)

// Store is what Grants read.
type Store interface {
	store.Projects
	store.APIs
	store.Assignments
	store.Subjects
	store.Clients
	store.Users
	store.ServiceUsers
	store.Families
	store.DeviceCodes
	store.Assertions
	InTx(context.Context, func(store.Tx) error) error
}

// Config says what Grants work with. Store, Clients, Mint, Holdings and Lifetime are required.
type Config struct {
	Store   Store
	Clients *clients.Authenticator
	Mint    *accesstoken.Mint
	// Certificates are those of TLS connections, to which tokens may be bound; nil: none are seen.
	Certificates *sender.Certificates
	// Holdings reads the tokens that are exchanged.
	Holdings *holding.Reader
	// IDTokens makes those that come with a person's tokens.
	IDTokens *idtoken.Maker
	// Algorithm signs RFC 9068 tokens whose API names none; empty means ES256.
	Algorithm jws.Algorithm
	// Lifetime returns how long a token of a form lives whose API does not say. Required.
	Lifetime func(store.TokenForm) time.Duration
}

// Grants serves the grants there are. It is safe for concurrent use.
type Grants struct{ config Config }

// New returns Grants.
func New(config Config) *Grants { return &Grants{config} }

// Func serves one grant type. Its errors are those of RFC 6749 §5.2, and outages.
type Func func(context.Context, *endpoint.Request) (*Response, error)

// Grant is one grant type.
type Grant struct {
	Params  []string // that it knows, beside those of every client
	Respond Func
}

// ByType returns the grants by their grant_type.
func (g *Grants) ByType() map[string]Grant {
	targets := slices.Clip([]string{oauth.ParamScope, oauth.ParamAudience, oauth.ParamResource})
	return map[string]Grant{
		oauth.GrantClientCredentials: {targets, g.clientCredentials},
		oauth.GrantJWTBearer:         {append(targets, oauth.ParamAssertion), g.jwtBearer},
		oauth.GrantAuthorizationCode: {[]string{oauth.ParamCode, oauth.ParamCodeVerifier, oauth.ParamRedirectURI, oauth.ParamAudience, oauth.ParamResource}, g.authorizationCode},
		oauth.GrantDeviceCode:        {[]string{oauth.ParamDeviceCode, oauth.ParamAudience, oauth.ParamResource}, g.deviceCode},
		oauth.GrantRefreshToken:      {append(targets, oauth.ParamRefreshToken), g.refreshToken},
		oauth.GrantTokenExchange: {append(targets, oauth.ParamSubjectToken, oauth.ParamSubjectTokenType, oauth.ParamActorToken,
			oauth.ParamActorTokenType, oauth.ParamRequestedTokenType), g.tokenExchange},
	}
}

// Response is the successful answer of RFC 6749 §5.1.
type Response struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"` // seconds
	// Scope (scope) is what was granted, sent when it is not what was asked for. It is left out when that
	// is nothing, for which RFC 6749 §3.3 has no spelling.
	Scope string `json:"scope,omitempty"`
	// IssuedTokenType (issued_token_type) comes with what was exchanged (RFC 8693 §2.2.1).
	IssuedTokenType string `json:"issued_token_type,omitempty"`
	// RefreshToken (refresh_token) and IDToken (id_token) come with what a person allowed.
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`

	// Token is what AccessToken is, for those who count and log.
	Token accesstoken.Issued `json:"-"`
}

// recipient is who a token is about and who gets it.
type recipient struct {
	subject  store.Subject
	clientID string
	form     store.TokenForm // of its tokens, where no API decides
	login    accesstoken.Login
	familyID string // of what a person has allowed; empty: a program asks for itself
	// constraint says to what its tokens have to be bound, and confirmation to what they are.
	constraint   store.SenderConstraint
	profile      string // that its client keeps
	confirmation oauth.Confirmation
	// narrowed holds roles and permissions to the scopes that were asked for, as for an application of another
	// house: what the person has beyond that is not its business.
	narrowed bool
}

func (to recipient) isPerson() bool { return to.familyID != "" }

// itself is a service user that gets a token for itself.
func itself(u store.ServiceUser) recipient {
	return recipient{
		subject: store.Subject{
			ID: u.ID, Kind: store.ServiceUserSubject, OrganizationID: u.OrganizationID, Username: u.Username, Active: u.Active,
		},
		clientID: u.Username,
		form:     u.Form, constraint: u.SenderConstraint,
	}
}

// issue answers a request of a client that has been authenticated.
func (g *Grants) issue(ctx context.Context, r *endpoint.Request, to recipient) (*Response, error) {
	asked, err := parseScope(r.Params.Value(oauth.ParamScope))
	if err != nil {
		return nil, err
	}
	if err := g.bind(r, &to); err != nil {
		return nil, err
	}
	draft, err := g.decide(ctx, r.Issuer, asked, to, func(held rights.Rights) (targets, error) {
		return g.targets(ctx, r, asked, held)
	})
	if err != nil {
		return nil, err
	}
	issued, err := g.mint(ctx, r.Proof, draft)
	if err != nil {
		return nil, issueError(err)
	}
	return response(issued, r, asked), nil
}

// mint issues a token and uses up the proof that it is bound by, both or neither.
func (g *Grants) mint(ctx context.Context, proof oauth.Proof, draft accesstoken.Draft) (issued accesstoken.Issued, err error) {
	if draft.Form != store.FormOpaque {
		// It is worth nothing until it is handed out.
		if issued, err = g.config.Mint.Issue(ctx, draft); err == nil {
			err = sender.Use(ctx, g.config.Store, proof)
		}
		return issued, err
	}
	if proof == (oauth.Proof{}) {
		return g.config.Mint.Issue(ctx, draft)
	}
	err = g.config.Store.InTx(ctx, func(tx store.Tx) (err error) {
		if err := sender.Use(ctx, tx, proof); err != nil {
			return err
		}
		issued, err = g.config.Mint.In(tx).Issue(ctx, draft)
		return err
	})
	return issued, err
}

// decide makes the draft of a token: what of the scopes that were asked for the recipient has at the targets.
func (g *Grants) decide(ctx context.Context, issuer oauth.Issuer, asked []string, to recipient, find func(rights.Rights) (targets, error)) (accesstoken.Draft, error) {
	if err := g.afterEnd(ctx, to); err != nil {
		return accesstoken.Draft{}, err
	}
	held, err := rights.Among(ctx, g.config.Store, to.subject.ID, asked)
	if err != nil {
		return accesstoken.Draft{}, err
	}
	targets, err := find(held)
	if err != nil {
		return accesstoken.Draft{}, err
	}
	draft, err := g.draft(targets, to)
	if err != nil {
		return accesstoken.Draft{}, err
	}
	everything := len(asked) == 0 && targets.hasAPI() && !to.isPerson()
	if draft.CarriesPermissions() || everything {
		if held, err = rights.Of(ctx, g.config.Store, to.subject.ID); err != nil {
			return accesstoken.Draft{}, err
		}
		draft.Permissions = narrow(targets.permissions(held, draft.Form), asked, to)
	}
	draft.Issuer = string(issuer)
	if len(asked) > 0 || everything {
		draft.Scopes = granted(asked, targets, held, draft.Form)
	}
	if draft.Form == store.FormZITADEL {
		if draft.Roles, err = g.roles(ctx, asked, targets, held, to); err != nil {
			return accesstoken.Draft{}, err
		}
	}
	return draft, nil
}

// narrow holds a person's rights to what was asked for: always for an application of another house, and for one
// of this house as soon as it asks for any.
func narrow(keys, asked []string, to recipient) []string {
	names := func(key string) bool {
		return slices.Contains(asked, key) || slices.Contains(asked, roleScopePrefix+key)
	}
	if !to.isPerson() || !to.narrowed && !slices.ContainsFunc(asked, isRight) {
		return keys
	}
	return slices.DeleteFunc(keys, func(key string) bool { return !names(key) })
}

// isRight reports whether a scope may be the key of a role or permission.
func isRight(scope string) bool {
	return !slices.Contains(oauth.StandardScopes, scope) && scope != oauth.ScopeOfflineAccess && !strings.HasPrefix(scope, oauth.ReservedScopePrefix)
}

func issueError(err error) error {
	switch {
	case errors.Is(err, accesstoken.ErrTooLarge):
		return oauth.Refuse(oauth.InvalidScope, "the token would be too large; ask for fewer targets or scopes", err)
	case errors.Is(err, store.ErrNotFound):
		return oauth.Refuse(oauth.InvalidGrant, "the user is gone", err)
	}
	return err
}

// response echoes the scope when it is not the one asked for, as RFC 6749 §5.1 demands, and to the
// clients that ask by audience or resource always, as they expect.
func response(d accesstoken.Issued, r *endpoint.Request, asked []string) *Response {
	res := &Response{Token: d, AccessToken: d.Raw, TokenType: d.Confirmation.TokenType(), ExpiresIn: int64(d.Lifetime / time.Second)}
	scope := strings.Join(d.Scopes, " ")
	named := r.Params.Has(oauth.ParamAudience) || r.Params.Has(oauth.ParamResource)
	if named || scope != strings.Join(asked, " ") {
		res.Scope = scope
	}
	return res
}

// draft decides form, algorithm, audience and lifetime. Targets that want different ones cannot share a
// token.
func (g *Grants) draft(targets targets, to recipient) (accesstoken.Draft, error) {
	d := accesstoken.Draft{Form: store.FormOpaque, Subject: to.subject, ClientID: to.clientID, Login: to.login, FamilyID: to.familyID, Confirmation: to.confirmation}
	for i, t := range targets {
		form, alg := t.form(to.form), t.algorithm()
		if i > 0 && (form != d.Form || alg != d.Algorithm) {
			return d, oauth.Refuse(oauth.InvalidTarget, "the targets want tokens of different forms; ask for one token each",
				fmt.Errorf("grant: forms %q and %q, algorithms %q and %q", d.Form, form, d.Algorithm, alg))
		}
		d.Form, d.Algorithm = form, alg
		d.Audience = append(d.Audience, t.audience)
	}
	d.Lifetime = g.lifetime(targets, d.Form)
	if d.Algorithm == "" && accesstoken.DefaultAlgorithm(d.Form) == jws.ES256 {
		d.Algorithm = g.config.Algorithm
	}
	if to.profile == oauth.ProfileFAPI2 && d.Form != store.FormOpaque {
		return d, keepFAPI(&d, targets)
	}
	return d, nil
}

// lifetime returns the shortest of what the targets say.
func (g *Grants) lifetime(targets targets, form store.TokenForm) time.Duration {
	standard := g.config.Lifetime(form)
	shortest := keys.MaxTokenLifetime
	if len(targets) == 0 {
		return min(standard, shortest)
	}
	for _, t := range targets {
		lifetime := standard
		if t.api != nil && t.api.TokenLifetime > 0 {
			lifetime = t.api.TokenLifetime
		}
		shortest = min(shortest, lifetime)
	}
	return shortest
}

// roles returns the roles claims of a JWT: one for each project, and the general one when there is only
// one project, for it does not say which it means. Scopes that name roles narrow them.
func (g *Grants) roles(ctx context.Context, asked []string, targets targets, held rights.Rights, to recipient) (map[string]any, error) {
	claims := make(map[string]any)
	projects := targets.projects()
	for _, project := range projects {
		org, err := g.config.Store.Organization(ctx, project.OrganizationID)
		if err != nil {
			return nil, fmt.Errorf("grant: reading the organization: %w", err)
		}
		claim := rights.RolesClaim(narrow(named(asked, held.Roles(project.ID)), asked, to), org)
		claims[oauth.ProjectRolesClaim(project.ID)] = claim
		if len(projects) == 1 {
			claims[oauth.RolesClaim] = claim
		}
	}
	return claims, nil
}
