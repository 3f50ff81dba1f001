package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// let is what one application may have of a person: what they consented to, and what their logins to it gave it.
type let struct {
	clientID        string
	scopes, targets []string
	since           time.Time
	consented       bool
}

// applications lists what acts in the person's name: what they consented to, and what they are logged in to, which
// for an application of the house takes no consent.
func (a *Account) applications(v *visit) error {
	all, err := a.letIn(v)
	if err != nil {
		return err
	}
	shown := page.Applications{Yours: a.yours(v)}
	for _, l := range all {
		app, err := a.Store.ApplicationByClientID(v.Context(), l.clientID)
		if errors.Is(err, store.ErrNotFound) {
			continue // it went meanwhile, and what it had with it
		}
		if err != nil {
			return fmt.Errorf("account: reading an application: %w", err)
		}
		given, err := a.given(v.Context(), app, l)
		if err != nil {
			return err
		}
		shown.Consents = append(shown.Consents, given)
	}
	slices.SortStableFunc(shown.Consents, func(a, b page.Given) int { return cmp.Compare(a.Application, b.Application) })
	return a.render(v, shown)
}

func (a *Account) letIn(v *visit) ([]let, error) {
	consents, err := a.Store.ConsentsOf(v.Context(), v.user.ID)
	if err != nil {
		return nil, fmt.Errorf("account: reading consents: %w", err)
	}
	families, err := a.Store.FamiliesOf(v.Context(), v.user.ID, v.now)
	if err != nil {
		return nil, fmt.Errorf("account: reading families: %w", err)
	}
	var all []let
	for _, c := range consents {
		all = append(all, let{c.ClientID, c.Scopes, c.Targets, c.GivenAt, true})
	}
	for _, f := range families {
		i := slices.IndexFunc(all, func(l let) bool { return l.clientID == f.ClientID })
		if i < 0 {
			all = append(all, let{clientID: f.ClientID, since: f.CreatedAt})
			i = len(all) - 1
		}
		if !all[i].consented {
			all[i].scopes, all[i].targets = append(all[i].scopes, f.Scopes...), append(all[i].targets, f.Targets...)
		}
	}
	return all, nil
}

// given puts what an application has into people's words.
func (a *Account) given(ctx context.Context, app store.Application, l let) (page.Given, error) {
	scopes, targets := authorize.NamesOf(l.scopes...), authorize.NamesOf(l.targets...)
	given := page.Given{
		ID: app.ID, Application: app.Name, FirstParty: !l.consented, Since: l.since,
		Identity: scopes.Has("profile") || scopes.Has("email"), Offline: scopes.Has(oauth.ScopeOfflineAccess),
	}
	var apis []store.API
	for target := range targets.All() {
		api, err := a.Store.APIByIdentifier(ctx, target)
		if err == nil {
			apis = append(apis, api)
			given.May = append(given.May, page.Permission{Key: target, Description: api.Name})
		} else if !errors.Is(err, store.ErrNotFound) {
			return page.Given{}, fmt.Errorf("account: reading an API: %w", err)
		}
	}
	for scope := range scopes.All() {
		if slices.Contains(oauth.StandardScopes, scope) || scope == oauth.ScopeOfflineAccess || strings.HasPrefix(scope, oauth.ReservedScopePrefix) {
			continue
		}
		given.May = append(given.May, described(scope, apis))
	}
	return given, nil
}

// described is a scope in the words of the API that it is a permission of.
func described(scope string, apis []store.API) page.Permission {
	for _, api := range apis {
		for _, p := range api.Permissions {
			if p.Key == scope {
				return page.Permission{Key: scope, Description: p.Name, API: api.Name}
			}
		}
	}
	return page.Permission{Key: scope}
}

// application finds the one that a page is about, among those that act in the person's name.
func (a *Account) application(v *visit) (store.Application, error) {
	app, err := a.Store.Application(v.Context(), v.PathValue("id"))
	if errors.Is(err, store.ErrNotFound) {
		return store.Application{}, notThere("application")
	}
	if err != nil {
		return store.Application{}, fmt.Errorf("account: reading an application: %w", err)
	}
	all, err := a.letIn(v)
	if err != nil {
		return store.Application{}, err
	}
	if !slices.ContainsFunc(all, func(l let) bool { return l.clientID == app.ClientID }) {
		return store.Application{}, notThere("application")
	}
	return app, nil
}

func (a *Account) askWithdraw(v *visit) error {
	app, err := a.application(v)
	if err != nil {
		return err
	}
	return a.render(v, page.Confirm{
		Yours: a.yours(v), Step: page.WithdrawConsent, ID: app.ID, Name: app.Name, Back: "/applications",
	})
}

// withdraw takes back what an application was let have.
func (a *Account) withdraw(v *visit) error {
	app, err := a.application(v)
	if err != nil {
		return err
	}
	err = a.write(v, func(tx store.Tx) error {
		return registry.In(tx, v.user.ID, v.now).WithdrawConsent(v.Context(), v.user, app)
	})
	if err != nil {
		return err
	}
	return a.done(v, "/applications", page.ConsentWithdrawn)
}
