package registry

import (
	"context"
	"errors"

	"github.com/postern-auth/postern/server/internal/backchannel"
	"github.com/postern-auth/postern/server/store"
)

// What an operator does for, or to, a person.

// loggedOut is why sessions end that an operator ends.
const loggedOut = "logged out by an administrator"

// EndSession logs a person out of one browser, with all that applications were given there. Errors:
// store.ErrNotFound when it has ended.
func (r *Registry) EndSession(ctx context.Context, u store.User, s store.Session) error {
	if s.UserID != u.ID {
		return store.ErrNotFound
	}
	err := r.remove(ctx, object{"session", s.ID, nameOf(u)}, func() error { return r.tx.DeleteSession(ctx, s.Digest) })
	if err != nil {
		return err
	}
	if err := backchannel.Tell(ctx, r.tx, s.ID, r.now); err != nil {
		return err
	}
	families, err := r.tx.FamiliesOfSession(ctx, s.ID)
	if err != nil {
		return err
	}
	for _, f := range families {
		if err := r.tx.RevokeFamily(ctx, f.ID, r.now, loggedOut); err != nil {
			return err
		}
	}
	return nil
}

// EndSessions logs a person out everywhere but in one session, which may be none. It reports whether there was
// anything to end.
func (r *Registry) EndSessions(ctx context.Context, u store.User, but store.Digest) (bool, error) {
	if err := backchannel.TellAll(ctx, r.tx, u.ID, but, r.now); err != nil {
		return false, err
	}
	sessions, err := r.tx.DeleteSessionsOf(ctx, u.ID, but)
	if err != nil {
		return false, err
	}
	families := 0
	if but == (store.Digest{}) {
		if families, err = r.tx.RevokeFamiliesOf(ctx, u.ID, "", r.now, loggedOut); err != nil {
			return false, err
		}
	} else if families, err = r.endFamilies(ctx, u.ID, but); err != nil {
		return false, err
	}
	if sessions+families == 0 {
		return false, nil
	}
	return true, r.record(ctx, deleted, object{"sessions", u.ID, nameOf(u)}, nil)
}

// endFamilies ends what did not begin in the session.
func (r *Registry) endFamilies(ctx context.Context, userID string, but store.Digest) (n int, err error) {
	kept, err := r.tx.Session(ctx, but)
	if err != nil {
		return 0, err
	}
	families, err := r.tx.FamiliesOf(ctx, userID, r.now)
	if err != nil {
		return 0, err
	}
	for _, f := range families {
		if f.SessionID == kept.ID {
			continue
		}
		if err := r.tx.RevokeFamily(ctx, f.ID, r.now, loggedOut); err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// RemoveSecondFactor takes away a user's app and recovery codes, which they have lost, and logs them out everywhere:
// whoever has found them may be in. Errors: store.ErrNotFound when there is none.
func (r *Registry) RemoveSecondFactor(ctx context.Context, u store.User) error {
	if err := r.tx.DeleteTOTP(ctx, u.ID); err != nil {
		return err
	}
	if err := r.tx.ReplaceRecoveryCodes(ctx, u.ID, nil); err != nil {
		return err
	}
	if err := r.record(ctx, deleted, secondFactor(u), nil); err != nil {
		return err
	}
	return r.endLogins(ctx, u.ID, factorRemoved)
}

// InviteAgain takes a user's password away, logs them out everywhere and makes a link by which they choose another
// password, whose value it returns.
func (r *Registry) InviteAgain(ctx context.Context, u store.User) (raw string, err error) {
	switch err := r.tx.DeletePassword(ctx, u.ID); {
	case err == nil:
		if err := r.record(ctx, deleted, object{"password", u.ID, nameOf(u)}, nil); err != nil {
			return "", err
		}
	case !errors.Is(err, store.ErrNotFound):
		return "", err
	}
	if _, err := r.tx.DeleteMailLinksOf(ctx, u.ID); err != nil {
		return "", err
	}
	if err := r.endLogins(ctx, u.ID, passwordChanged); err != nil {
		return "", err
	}
	return r.Invite(ctx, u)
}
