package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/postern-auth/postern/server/store"
)

// Register adds an application that nobody has set up. Errors: store.ErrFull when the bounds let none in.
func (r *Registry) Register(ctx context.Context, a store.Application, registration store.Registration, bounds store.RegistrationBounds) error {
	if err := about("application", a.Name, checkStranger(a)...); err != nil {
		return err
	}
	if err := r.PutApplication(ctx, a); err != nil {
		return err
	}
	registration.ApplicationID = a.ID
	return r.tx.CreateRegistration(ctx, registration, bounds)
}

// ChangeRegistered replaces what an application has registered of itself (RFC 7592 §2.2).
func (r *Registry) ChangeRegistered(ctx context.Context, a store.Application, registration store.Registration) error {
	if err := about("application", a.Name, checkStranger(a)...); err != nil {
		return err
	}
	if err := r.PutApplication(ctx, a); err != nil {
		return err
	}
	return r.tx.PutRegistration(ctx, registration)
}

// PutDocument creates the application whose client id is the URL of a document about it, or makes it what the document
// has become. Whoever calls has checked the URL. Errors: ErrRefused when an operator has deactivated it.
func (r *Registry) PutDocument(ctx context.Context, a store.Application, registration store.Registration) error {
	if err := about("application", a.Name, checkStranger(a)...); err != nil {
		return err
	}
	before, found, err := look(r.tx.Application(ctx, a.ID))
	if err != nil {
		return err
	}
	a.CreatedAt = r.now
	if found {
		a.CreatedAt = before.CreatedAt
		if !before.Active {
			return about("application", a.Name, errors.New("it has been deactivated"))
		}
	}
	if err := r.putApplication(ctx, a); err != nil {
		return err
	}
	registration.ApplicationID = a.ID
	former, found, err := look(r.tx.Registration(ctx, a.ID))
	if err != nil || found && former.Keys == registration.Keys {
		return err
	}
	return r.tx.PutRegistration(ctx, registration)
}

// checkStranger refuses what an operator alone may give.
func checkStranger(a store.Application) []error {
	var errs []error
	for what, has := range map[string]bool{
		"first-party": a.FirstParty, "without PKCE": a.InsecureNoPKCE, "of a project": a.ProjectID != "",
	} {
		if has {
			errs = append(errs, fmt.Errorf("expected one that is not %s, for no operator has set it up", what))
		}
	}
	return errs
}
