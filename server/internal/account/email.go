package account

import (
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// email asks which other address is to be the person's, or for another link to the one that they have not confirmed.
func (a *Account) email(v *visit) error { return a.askEmail(v, v.user.Email, page.Problem{}) }

func (a *Account) askEmail(v *visit, typed string, problem page.Problem) error {
	return a.render(v, page.ChangeEmail{Yours: a.yours(v), Email: typed, Problem: problem})
}

// changeEmail has a link go to the address. Whether it is somebody else's is not said: the link of one that is does
// nothing.
func (a *Account) changeEmail(v *visit) error {
	address := v.typed("email")
	if registry.CheckEmail(address) != nil {
		return a.askEmail(v, address, page.BadEmail)
	}
	var asked bool
	err := a.write(v, func(tx store.Tx) (err error) {
		asked, err = a.ChangeEmail(v.Context(), tx, v.Request, v.user, address)
		return err
	})
	if err != nil {
		return err
	}
	if !asked {
		return a.askEmail(v, address, page.ManyLetters)
	}
	return a.done(v, "/profile", page.EmailAsked)
}
