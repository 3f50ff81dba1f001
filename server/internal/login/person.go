package login

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/site"
	"github.com/postern-auth/postern/server/store"
)

// person is who facts and session are about; the zero person is nobody.
type person struct {
	user    store.User
	consent store.Consent // to the client of the request; zero: none
}

// as returns the person as authorize looks at them.
func (p person) as() authorize.User {
	return authorize.User{ID: p.user.ID, Active: p.user.Active, Consent: authorize.Consent{
		Given:  p.consent.UserID != "",
		Scopes: authorize.NamesOf(p.consent.Scopes...), Targets: authorize.NamesOf(p.consent.Targets...),
	}}
}

// shown returns the person as pages show them.
func (p person) shown() page.Person {
	return site.Person(p.user.Name, p.user.Email, p.user.LoginName, p.user.ID)
}

// whois reads the person of a request.
func (l *Login) whois(ctx context.Context, s *state) (p person, err error) {
	id := cmp.Or(s.facts.User, s.session.UserID)
	if id == "" {
		return person{}, nil
	}
	p.user, err = l.Store.User(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return person{}, nil
	}
	if err == nil {
		p.consent, err = l.Store.Consent(ctx, id, s.app.ClientID)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return person{}, fmt.Errorf("login: reading a person: %w", err)
	}
	return p, nil
}
