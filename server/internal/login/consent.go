package login

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/redirect"
	"github.com/postern-auth/postern/server/internal/site"
	"github.com/postern-auth/postern/server/store"
)

// consentPage returns the page that asks for what ask says.
func (l *Login) consentPage(ctx context.Context, s *state, ask authorize.AskConsent) (page.Consent, error) {
	asked, err := l.asked(ctx, s, ask)
	if err != nil {
		return page.Consent{}, err
	}
	publishedAt := ""
	if s.document != nil {
		publishedAt = s.document.Host
	}
	return page.Consent{
		PublishedAt: publishedAt, Authorization: s.authorization(), Action: s.path() + "?seen=" + seen(s, ask), Person: s.person.shown(), Asked: asked,
		FirstParty: s.client.FirstParty, Loopback: redirect.IsLoopback(s.request.RedirectURI),
	}, nil
}

// seen stands for who is asked, and for what: the answer to a page counts for what was on it. Another account, or
// another consent meanwhile, makes another page.
func seen(s *state, ask authorize.AskConsent) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", []string{
		s.session.ID, s.person.user.ID, string(ask.Scopes), string(ask.Targets), string(ask.NewScopes), string(ask.NewTargets),
	}))
	return hex.EncodeToString(sum[:16])
}

// asked puts what a client wants into people's words.
func (l *Login) asked(ctx context.Context, s *state, ask authorize.AskConsent) (page.Asked, error) {
	given := func(scope string) bool { return !ask.NewScopes.Has(scope) }
	asked := page.Asked{
		Profile: ask.Scopes.Has("profile"), Email: ask.Scopes.Has("email"), Phone: ask.Scopes.Has("phone"), Address: ask.Scopes.Has("address"),
		Offline: ask.Offline, OfflineGiven: given(authorize.ScopeOfflineAccess),
		ClaimsGiven: !slices.ContainsFunc([]string{"profile", "email", "phone", "address"}, ask.NewScopes.Has),
	}
	var apis []store.API
	for target := range ask.Targets.All() {
		name, of, err := l.target(ctx, target)
		if err != nil {
			return page.Asked{}, err
		}
		apis = append(apis, of...)
		asked.Permissions = append(asked.Permissions, page.Permission{Key: target, Description: name, Given: !ask.NewTargets.Has(target)})
	}
	for scope := range ask.Scopes.All() {
		if role, ok := strings.CutPrefix(scope, oauth.RoleScopePrefix); ok {
			asked.Permissions = append(asked.Permissions, page.Permission{Key: role, Given: given(scope)})
			continue
		}
		if slices.Contains(oauth.StandardScopes, scope) || scope == authorize.ScopeOfflineAccess || strings.HasPrefix(scope, oauth.ReservedScopePrefix) {
			continue
		}
		permission := describe(scope, apis)
		permission.Given = given(scope)
		asked.Permissions = append(asked.Permissions, permission)
	}
	return asked, nil
}

// describe returns a scope in the words of the API that it is a permission of.
func describe(scope string, apis []store.API) page.Permission {
	for _, api := range apis {
		for _, p := range api.Permissions {
			if p.Key == scope {
				return page.Permission{Key: scope, Description: p.Name, API: api.Name}
			}
		}
	}
	return page.Permission{Key: scope}
}

// target returns what people call a target, and the APIs that it is.
func (l *Login) target(ctx context.Context, name string) (string, []store.API, error) {
	api, err := l.Store.APIByIdentifier(ctx, name)
	if err == nil {
		return api.Name, []store.API{api}, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return "", nil, fmt.Errorf("login: reading an API: %w", err)
	}
	project, err := l.Store.Project(ctx, name)
	if err == nil {
		var apis []store.API
		if apis, err = l.Store.APIsOf(ctx, name); err == nil {
			return project.Name, apis, nil
		}
	}
	if errors.Is(err, store.ErrNotFound) {
		return "", nil, nil // it went meanwhile, and whoever redeems the code finds that out
	}
	return "", nil, fmt.Errorf("login: reading a project: %w", err)
}

// keepConsent adds what a person has just allowed to what they allowed before.
func keepConsent(ctx context.Context, tx store.Tx, s *state, issue authorize.Issue) error {
	former, err := tx.Consent(ctx, issue.User, s.request.ClientID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return tx.PutConsent(ctx, store.Consent{
		UserID: issue.User, ClientID: s.request.ClientID,
		Scopes:  authorize.NamesOf(append(former.Scopes, issue.Scopes.List()...)...).List(),
		Targets: authorize.NamesOf(append(former.Targets, issue.Targets.List()...)...).List(),
		GivenAt: s.now, UpdatedAt: s.now,
	})
}

// authorization is what all pages of a request say of it.
func (s *state) authorization() page.Authorization {
	if s.isOwn() {
		return page.Authorization{}
	}
	if s.device != nil {
		return page.Authorization{Application: s.app.Name} // it returns to nobody
	}
	return page.Authorization{
		Application: s.app.Name, ReturnsTo: site.HostOf(s.request.RedirectURI), Scheme: site.Scheme(s.request.RedirectURI),
	}
}
