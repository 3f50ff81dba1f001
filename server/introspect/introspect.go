// Package introspect is the introspection endpoint (RFC 7662): an API asks what a token says, and
// whether it still holds.
//
//	endpoint := introspect.New(introspect.Config{Store: s, Clients: authenticator, Reader: reader, …})
//	endpoint.Serve(w, r, entry)
//
// An answer is made for the API that asks. It is active only when the token is for that API or its
// project; scope, roles and permissions are what the subject holds there now, not what it held when the
// token was issued, and nothing of other projects. Every other token gets {"active":false} and no reason:
// the reason goes to the log.
package introspect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/postern-auth/postern/server/accesstoken"
	"github.com/postern-auth/postern/server/clients"
	"github.com/postern-auth/postern/server/oauth"
	"github.com/postern-auth/postern/server/rights"
	"github.com/postern-auth/postern/server/store"
)

// never is the exp of a token that does not expire: the end of the year 9999. The claim is always there,
// for APIs read it unasked.
const never = 253402300799

// Store is what the endpoint reads.
type Store interface {
	store.Projects
	store.ServiceUsers
	store.Grants
}

// Config says what the endpoint works with. All fields are required.
type Config struct {
	Store   Store
	Clients *clients.Authenticator
	Reader  *accesstoken.Reader
	Logger  *slog.Logger
}

type endpoint struct{ Config }

// New returns the endpoint.
func New(config Config) *oauth.Endpoint {
	e := &endpoint{config}
	return &oauth.Endpoint{Name: "introspect", Logger: config.Logger, Answer: e.answer}
}

func (e *endpoint) answer(ctx context.Context, r *oauth.Request) (any, error) {
	client, err := e.Clients.Authenticate(ctx, r)
	if err != nil {
		return nil, err
	}
	if client.API == nil {
		return nil, oauth.Refuse(oauth.UnauthorizedClient, "only APIs introspect tokens; use the credentials of an API", nil)
	}
	raw := r.Params.Value(oauth.ParamToken)
	if raw == "" {
		return nil, oauth.Refuse(oauth.InvalidRequest, "the parameter token is missing", nil)
	}
	answer, err := e.introspect(ctx, r.Entry, *client.API, raw)
	if errors.Is(err, accesstoken.ErrInactive) {
		e.Logger.InfoContext(ctx, "token inactive", "endpoint", "introspect", "issuer", r.Entry.Issuer,
			"client_id", client.ID, "reason", err.Error())
		return map[string]bool{"active": false}, nil
	}
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// subject is all that an answer is made of.
type subject struct {
	facts   accesstoken.Facts
	user    store.ServiceUser
	api     store.API
	project store.Project
	held    rights.Rights
}

func (e *endpoint) introspect(ctx context.Context, entry oauth.Entry, api store.API, raw string) (map[string]any, error) {
	facts, err := e.Reader.Read(ctx, raw)
	if err != nil {
		return nil, err
	}
	s := subject{facts: facts, api: api}
	if s.user, err = e.user(ctx, facts.UserID); err != nil {
		return nil, err
	}
	if s.project, err = e.project(ctx, api.ProjectID); err != nil {
		return nil, err
	}
	if s.held, err = rights.Of(ctx, e.Store, s.user.ID); err != nil {
		return nil, err
	}
	audience, err := s.audience()
	if err != nil {
		return nil, err
	}
	answer := s.answer(entry, audience)
	return answer, e.addRoles(ctx, &s, answer)
}

func (e *endpoint) user(ctx context.Context, id string) (store.ServiceUser, error) {
	user, err := e.Store.ServiceUser(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return user, inactive("service user %.64q is gone", id)
	}
	if err != nil {
		return user, fmt.Errorf("introspect: reading the service user: %w", err)
	}
	if !user.Active {
		return user, inactive("service user %q is not active", id)
	}
	return user, nil
}

func (e *endpoint) project(ctx context.Context, id string) (store.Project, error) {
	project, err := e.Store.Project(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return project, inactive("project %q of the asking API is gone", id)
	}
	if err != nil {
		return project, fmt.Errorf("introspect: reading the project: %w", err)
	}
	if !project.Active {
		return project, inactive("project %q of the asking API is not active", id)
	}
	return project, nil
}

func inactive(format string, args ...any) error {
	return fmt.Errorf("%w: %s", accesstoken.ErrInactive, fmt.Sprintf(format, args...))
}

// audience returns the aud of the answer, or why the token is not for the API that asks. A personal
// access token without an audience is for all that its user has a grant on.
func (s *subject) audience() ([]string, error) {
	aud := slices.Clone(s.facts.Audience)
	if s.facts.Personal && len(aud) == 0 {
		if !s.held.OnProject(s.project.ID) && !s.held.OnAPI(s.api.ID) {
			return nil, inactive("service user %q has no grant on API %q or project %q", s.user.ID, s.api.ClientID, s.project.ID)
		}
		aud = append(aud, s.project.ID)
		if s.api.Identifier != "" {
			aud = append(aud, s.api.Identifier)
		}
	}
	byIdentifier := s.api.Identifier != "" && slices.Contains(aud, s.api.Identifier)
	byID := slices.Contains(aud, s.project.ID) || slices.Contains(aud, s.api.ClientID)
	switch {
	case !byIdentifier && !byID:
		return nil, inactive("token is for %q, asked by API %q of project %q; its request has to name one of them", aud, s.api.ClientID, s.project.ID)
	// A token by identifier was issued on the strength of a grant, and ends with it.
	case !byID && !s.facts.Personal && !s.held.OnAPI(s.api.ID):
		return nil, inactive("service user %q has no longer a grant on API %q", s.user.ID, s.api.ClientID)
	}
	if !slices.Contains(aud, s.api.ClientID) {
		aud = append(aud, s.api.ClientID)
	}
	return aud, nil
}

// scopes returns what of the token's scopes holds at the API now. A personal access token never asked
// for scopes and has all that its user holds. When that is nothing it has openid, as ZITADEL's have: it says
// who its user is, and programs written for those read scope unasked.
func (s *subject) scopes() []string {
	var scopes []string
	for _, scope := range s.facts.Scopes {
		if slices.Contains(oauth.StandardScopes, scope) || s.held.Holds(s.api, scope) {
			scopes = append(scopes, scope)
		}
	}
	if !s.facts.Personal {
		return scopes
	}
	keys := append(s.held.Roles(s.project.ID), s.held.Permissions(s.api.ID)...)
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		if !slices.Contains(scopes, key) {
			scopes = append(scopes, key)
		}
	}
	if len(scopes) == 0 {
		return []string{"openid"}
	}
	return scopes
}

func (s *subject) answer(entry oauth.Entry, audience []string) map[string]any {
	f := &s.facts
	a := map[string]any{
		"active":     true,
		"client_id":  f.ClientID,
		"username":   s.user.Username,
		"token_type": "Bearer",
		"exp":        int64(never),
		"iat":        f.IssuedAt.Unix(),
		"nbf":        f.IssuedAt.Unix(),
		"sub":        f.Subject,
		"aud":        audience,
		"iss":        f.Issuer,
		"jti":        f.ID,
	}
	if scopes := s.scopes(); len(scopes) > 0 {
		a["scope"] = strings.Join(scopes, " ")
	}
	if f.Issuer == "" {
		a["iss"] = entry.Issuer
	}
	if !f.ExpiresAt.IsZero() {
		a["exp"] = min(f.ExpiresAt.Unix(), never)
	}
	if f.Confirmation != "" {
		a["cnf"] = json.RawMessage(f.Confirmation)
	}
	if len(s.api.Permissions) > 0 {
		a["permissions"] = append([]string{}, s.held.Permissions(s.api.ID)...) // [] rather than null
	}
	return a
}

// addRoles adds the roles in the API's own project, also when there are none: APIs read the claim
// unasked.
func (e *endpoint) addRoles(ctx context.Context, s *subject, answer map[string]any) error {
	var org store.Organization
	roles := s.held.Roles(s.project.ID)
	if len(roles) > 0 {
		var err error
		if org, err = e.Store.Organization(ctx, s.project.OrganizationID); err != nil {
			return fmt.Errorf("introspect: reading the organization: %w", err)
		}
	}
	claim := rights.RolesClaim(roles, org)
	answer[oauth.RolesClaim] = claim
	answer[oauth.ProjectRolesClaim(s.project.ID)] = claim
	return nil
}
