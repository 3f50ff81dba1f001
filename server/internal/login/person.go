package login

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/site"
	"github.com/postern-auth/postern/server/store"
)

// person is who facts and session are about; the zero person is nobody.
type person struct {
	user    store.User
	consent store.Consent // to the client of the request; zero: none
	totp    store.TOTP    // zero: they have no app
	passkey bool          // they have one for the host of the issuer
}

func (p person) hasTOTP() bool { return p.totp.UserID != "" }

// as returns the person as authorize looks at them.
func (p person) as() authorize.User {
	return authorize.User{ID: p.user.ID, Active: p.user.Active, SecondFactor: p.hasTOTP(), Passkey: p.passkey, Consent: authorize.Consent{
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
		p.consent, err = absent(l.Store.Consent(ctx, id, s.app.ClientID))
	}
	if err == nil {
		p.totp, err = absent(l.Store.TOTP(ctx, id))
	}
	if err == nil {
		p.passkey, err = l.hasPasskey(ctx, s, id)
	}
	if err != nil {
		return person{}, fmt.Errorf("login: reading a person: %w", err)
	}
	return p, nil
}

// absent returns the zero value, and no error, for what is not there.
func absent[T any](found T, err error) (T, error) {
	if errors.Is(err, store.ErrNotFound) {
		return *new(T), nil
	}
	return found, err
}

// hasPasskey reports whether a person has a passkey that the issuer's pages can ask for.
func (l *Login) hasPasskey(ctx context.Context, s *state, userID string) (bool, error) {
	rp, ok := l.relyingParty(s)
	if !ok {
		return false, nil
	}
	has, err := l.Store.PasskeysOf(ctx, userID)
	return slices.ContainsFunc(has, func(p store.Passkey) bool { return p.RPID == rp.ID }), err
}
