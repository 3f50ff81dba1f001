package account

import (
	"errors"
	"fmt"

	"github.com/postern-auth/postern/server/internal/notice"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/password"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// password asks for the password that is and the one to be. Who has none has logged in otherwise, and is asked to
// do that again.
func (a *Account) password(v *visit) error {
	first, ok, err := a.mayChoose(v)
	if err != nil || !ok {
		return err
	}
	return a.askPassword(v, first, page.Problem{})
}

// mayChoose reports whether the person has no password yet, and, if so, whether they have logged in just now; where
// they have not it has answered.
func (a *Account) mayChoose(v *visit) (first, ok bool, err error) {
	_, err = a.Store.Password(v.Context(), v.user.ID)
	switch {
	case err == nil:
		return false, true, nil
	case !errors.Is(err, store.ErrNotFound):
		return false, false, fmt.Errorf("account: reading a password: %w", err)
	}
	_, _, ok, err = a.Enter(v.w, v.Request, Fresh)
	return true, ok, err
}

func (a *Account) askPassword(v *visit, first bool, problem page.Problem) error {
	return a.render(v, page.ChangePassword{Yours: a.yours(v), First: first, Problem: problem})
}

// changePassword gives the person another password. What else was logged in by the former one ends with it, and this
// session goes on under another cookie.
func (a *Account) changePassword(v *visit) error {
	first, ok, err := a.mayChoose(v)
	if err != nil || !ok {
		return err
	}
	chosen, err := password.Choose(v.Params.Value("new_password"), v.user.LoginName, v.user.Email, v.user.Name, v.user.GivenName, v.user.FamilyName)
	if refused := (*password.ChoiceError)(nil); errors.As(err, &refused) {
		return a.askPassword(v, first, problemOf(refused.Reason))
	}
	if !first {
		problem, err := a.CheckPassword(v.Context(), v.Request, v.user, v.Params.Value("password"))
		if problem == page.WrongPassword {
			problem = page.WrongOldPassword
		}
		if err != nil {
			return err
		}
		if problem != (page.Problem{}) {
			return a.askPassword(v, first, problem)
		}
	}
	turn, err := a.Hasher.Wait(v.Context(), "user:"+v.user.ID)
	if errors.Is(err, password.ErrBusy) {
		return a.askPassword(v, first, page.Busy)
	}
	if err != nil {
		return err
	}
	phc := turn.Hash(chosen).PHC()
	turn.Done()
	return a.keepPassword(v, phc)
}

func (a *Account) keepPassword(v *visit, phc string) error {
	value, next := a.Sessions.Continue(v.session)
	err := a.Store.InTx(v.Context(), func(tx store.Tx) error {
		err := registry.In(tx, v.user.ID, v.now).ChangePassword(v.Context(), v.user, phc, v.session.Digest, next)
		if err != nil {
			return gone(err)
		}
		return a.Notices.Tell(v.Context(), tx, v.user.ID, notice.PasswordChanged)
	})
	if err != nil {
		return fmt.Errorf("account: %w", err)
	}
	a.Ended()
	a.Sessions.Set(v.w, v.Request, value, next)
	return a.done(v, "/", page.PasswordSaved)
}

func problemOf(reason password.Reason) page.Problem {
	switch reason {
	case password.TooShort:
		return page.ShortPassword
	case password.TooLong:
		return page.LongPassword
	}
	return page.CommonPassword
}
