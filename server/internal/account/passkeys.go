package account

import (
	"errors"
	"fmt"
	"slices"

	"github.com/postern-auth/postern/server/internal/notice"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/passkey"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// MaxPasskeys is how many passkeys a person has at most.
const MaxPasskeys = 20

func (a *Account) relyingParty(v *visit) (*passkey.RelyingParty, bool) {
	return passkey.For(string(v.Issuer), a.Site.Name())
}

func (a *Account) passkeysOf(v *visit) ([]store.Passkey, error) {
	all, err := a.Store.PasskeysOf(v.Context(), v.user.ID)
	if err != nil {
		return nil, fmt.Errorf("account: reading passkeys: %w", err)
	}
	return all, nil
}

// owner is the person as their device gets to know them.
func (a *Account) owner(v *visit) (passkey.Owner, error) {
	has, err := a.passkeysOf(v)
	who := a.yours(v).Person
	return passkey.Owner{Handle: v.user.Handle, Name: who.Identifier, Called: who.Called(), Has: has}, err
}

func (a *Account) newPasskey(v *visit) error { return a.askPasskey(v, page.Problem{}) }

// askPasskey shows the form, with what a device is asked to make. Each page has a challenge of its own.
func (a *Account) askPasskey(v *visit, problem page.Problem) error {
	rp, ok := a.relyingParty(v)
	if !ok {
		return notThere("passkey")
	}
	owner, err := a.owner(v)
	if err != nil {
		return err
	}
	if len(owner.Has) >= MaxPasskeys {
		problem = page.TooManyPasskeys
	}
	options, waiting, err := rp.BeginEnrolment(owner)
	if err != nil {
		return err
	}
	err = a.Store.PutChallenge(v.Context(), store.Challenge{
		Key: draft(v, "passkey"), Browser: v.session.Browser, Data: waiting, ExpiresAt: v.now.Add(draftLifetime),
	})
	if err != nil {
		return fmt.Errorf("account: keeping a challenge: %w", err)
	}
	return a.render(v, page.NewPasskey{Yours: a.yours(v), Name: v.Params.Value("name"), Options: string(options), Problem: problem})
}

// addPasskey takes what the person's device has made.
func (a *Account) addPasskey(v *visit) error {
	rp, ok := a.relyingParty(v)
	if !ok {
		return notThere("passkey")
	}
	owner, err := a.owner(v)
	if err != nil {
		return err
	}
	name := v.typed("name")
	switch {
	case name == "":
		return a.askPasskey(v, page.NoName)
	case len(owner.Has) >= MaxPasskeys:
		return a.askPasskey(v, page.TooManyPasskeys)
	}
	// The challenge goes before anything is checked: nothing that is sent twice counts twice.
	waiting, err := a.Store.TakeChallenge(v.Context(), draft(v, "passkey"), v.now)
	if errors.Is(err, store.ErrNotFound) || err == nil && waiting.Browser != v.session.Browser {
		return a.askPasskey(v, page.PasskeyNotMade)
	}
	if err != nil {
		return fmt.Errorf("account: taking a challenge: %w", err)
	}
	made, err := rp.FinishEnrolment(owner, waiting.Data, v.Params.Value("passkey"))
	if errors.Is(err, passkey.ErrRefused) {
		a.Logger.InfoContext(v.Context(), "passkey not added", "user", v.user.ID, "reason", err.Error())
		return a.askPasskey(v, page.PasskeyNotMade)
	}
	if err != nil {
		return err
	}
	made.ID, made.UserID, made.Name, made.CreatedAt = secret.NewID(), v.user.ID, name, v.now
	err = a.write(v, func(tx store.Tx) error {
		has, err := tx.PasskeysOf(v.Context(), v.user.ID)
		if err != nil {
			return err
		}
		if len(has) >= MaxPasskeys {
			return errTooMany
		}
		if err := registry.In(tx, v.user.ID, v.now).AddPasskey(v.Context(), made); err != nil {
			return err
		}
		return a.Notices.Tell(v.Context(), tx, v.user.ID, notice.PasskeyAdded)
	})
	switch {
	case errors.Is(err, store.ErrExists):
		return a.askPasskey(v, page.PasskeyNotMade)
	case errors.Is(err, errTooMany):
		return a.askPasskey(v, page.TooManyPasskeys)
	case errors.Is(err, registry.ErrRefused):
		return a.askPasskey(v, page.BadName)
	case err != nil:
		return err
	}
	return a.done(v, "/", page.PasskeyAdded)
}

// passkey finds the one that a page is about.
func (a *Account) passkey(v *visit) (store.Passkey, error) {
	all, err := a.passkeysOf(v)
	if err != nil {
		return store.Passkey{}, err
	}
	i := slices.IndexFunc(all, func(p store.Passkey) bool { return p.ID == v.PathValue("id") })
	if i < 0 {
		return store.Passkey{}, notThere("passkey")
	}
	return all[i], nil
}

func (a *Account) askRemove(v *visit) error { return a.askRemoval(v, page.Problem{}) }

func (a *Account) askRemoval(v *visit, problem page.Problem) error {
	p, err := a.passkey(v)
	if err != nil {
		return err
	}
	return a.render(v, page.Confirm{Yours: a.yours(v), Step: page.RemovePasskey, ID: p.ID, Name: p.Name, Back: "/", Problem: problem})
}

// removePasskey removes a passkey. What else is logged in may have been by it: it ends.
func (a *Account) removePasskey(v *visit) error {
	p, err := a.passkey(v)
	if err != nil {
		return err
	}
	value, next := a.Sessions.Continue(v.session)
	err = a.Store.InTx(v.Context(), func(tx store.Tx) error {
		if err := registry.In(tx, v.user.ID, v.now).RemovePasskey(v.Context(), v.user, p, v.session.Digest, next); err != nil {
			return gone(err)
		}
		return a.Notices.Tell(v.Context(), tx, v.user.ID, notice.PasskeyRemoved)
	})
	if errors.Is(err, registry.ErrLastWayIn) {
		return a.askRemoval(v, page.LastWayIn)
	}
	if err != nil {
		return fmt.Errorf("account: %w", err)
	}
	a.Sessions.Set(v.w, v.Request, value, next)
	return a.done(v, "/", page.PasskeyRemoved)
}
