package account

import (
	"fmt"
	"strings"

	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/session"
	"github.com/postern-auth/postern/server/store"
)

// ended is why families of tokens are revoked whose session a person ends from another one.
const ended = "logged out from another session"

// live returns the sessions of the person that can be used, the one seen last first.
func (a *Account) live(v *visit) ([]store.Session, error) {
	all, err := a.Store.SessionsOf(v.Context(), v.user.ID)
	if err != nil {
		return nil, fmt.Errorf("account: reading sessions: %w", err)
	}
	var live []store.Session
	for _, s := range all {
		if v.now.Before(s.IdleExpiresAt) && v.now.Before(s.ExpiresAt) {
			live = append(live, s)
		}
	}
	return live, nil
}

// sessions lists where the person is logged in.
func (a *Account) sessions(v *visit) error {
	live, err := a.live(v)
	if err != nil {
		return err
	}
	shown := page.Sessions{Yours: a.yours(v)}
	for _, s := range live {
		shown.Sessions = append(shown.Sessions, shownSession(s, v.session.ID))
	}
	return a.render(v, shown)
}

func shownSession(s store.Session, this string) page.Session {
	browser, system := session.Device(s.UserAgent)
	return page.Session{
		ID: s.ID, Browser: browser, System: system, Address: strings.TrimSuffix(s.AddressPrefix, "/32"),
		Since: s.CreatedAt, LastUse: s.LastSeenAt, This: s.ID == this,
	}
}

// other finds the session that the page is about. The one that looks at it ends by the button that logs out.
func (a *Account) other(v *visit) (store.Session, error) {
	live, err := a.live(v)
	if err != nil {
		return store.Session{}, err
	}
	id := v.PathValue("id")
	for _, s := range live {
		if s.ID == id && id != v.session.ID {
			return s, nil
		}
	}
	return store.Session{}, notThere("session")
}

func (a *Account) askEndSession(v *visit) error {
	s, err := a.other(v)
	if err != nil {
		return err
	}
	browser, system := session.Device(s.UserAgent)
	asked := page.Confirm{Yours: a.yours(v), Step: page.EndSession, ID: s.ID, Name: strings.Trim(browser+", "+system, ", "), Back: "/sessions"}
	if asked.Name == "" {
		asked.Step = page.EndUnknown
	}
	return a.render(v, asked)
}

// endSession ends another session with all that applications were given in it, also what would outlive a log-out:
// whoever does this may have lost the device.
func (a *Account) endSession(v *visit) error {
	s, err := a.other(v)
	if err != nil {
		return err
	}
	err = a.write(v, func(tx store.Tx) error { return session.End(v.Context(), tx, s, true, v.now, ended) })
	if err != nil {
		return err
	}
	a.Ended()
	return a.done(v, "/sessions", page.SessionEnded)
}

func (a *Account) askEndOthers(v *visit) error {
	return a.render(v, page.Confirm{Yours: a.yours(v), Step: page.EndOthers, Back: "/sessions"})
}

// endOthers ends all other sessions, and what applications were given in them or in others that have ended before.
func (a *Account) endOthers(v *visit) error {
	err := a.write(v, func(tx store.Tx) error {
		all, err := tx.SessionsOf(v.Context(), v.user.ID)
		if err != nil {
			return err
		}
		for _, s := range all {
			if s.ID == v.session.ID {
				continue
			}
			if err := session.End(v.Context(), tx, s, true, v.now, ended); err != nil {
				return err
			}
		}
		families, err := tx.FamiliesOf(v.Context(), v.user.ID, v.now)
		if err != nil {
			return err
		}
		for _, family := range families {
			if family.SessionID == v.session.ID {
				continue
			}
			if err := tx.RevokeFamily(v.Context(), family.ID, v.now, ended); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	a.Ended()
	return a.done(v, "/sessions", page.OthersEnded)
}
