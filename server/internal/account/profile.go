package account

import (
	"errors"
	"strings"

	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// profile shows what applications see of the person.
func (a *Account) profile(v *visit) error { return a.showProfile(v, v.user, page.Problem{}) }

func (a *Account) showProfile(v *visit, u store.User, problem page.Problem) error {
	var changeEmail string
	if a.ChangeEmail != nil {
		changeEmail = base + emailPath
	}
	return a.render(v, page.Profile{
		Yours: a.yours(v), Name: u.Name, GivenName: u.GivenName, FamilyName: u.FamilyName,
		Email: u.Email, EmailVerified: !u.EmailVerifiedAt.IsZero(), Language: page.LanguageOf(u.Locale), Problem: problem,
		ChangeEmail: changeEmail,
	})
}

// typed returns a name without the spaces that a hurry leaves around it.
func (v *visit) typed(name string) string { return strings.TrimSpace(v.Params.Value(name)) }

// changeProfile keeps what the person says of themselves.
func (a *Account) changeProfile(v *visit) error {
	var after store.User
	err := a.write(v, func(tx store.Tx) (err error) {
		if after, err = tx.User(v.Context(), v.user.ID); err != nil {
			return gone(err)
		}
		after.Name, after.GivenName, after.FamilyName = v.typed("name"), v.typed("given_name"), v.typed("family_name")
		// A person of de-AT, whom the page shows as German, stays one.
		if chosen := page.Language(v.Params.Value("ui_locales")); chosen != page.LanguageOf(after.Locale) {
			after.Locale = string(page.LanguageOf(string(chosen)))
		}
		return registry.In(tx, v.user.ID, v.now).PutUser(v.Context(), after)
	})
	switch {
	case errors.Is(err, registry.ErrRefused):
		return a.showProfile(v, after, page.BadName)
	case err != nil:
		return err
	}
	return a.done(v, "/profile", page.SavedProfile)
}
