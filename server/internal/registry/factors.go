package registry

import (
	"context"
	"errors"

	"github.com/postern-auth/postern/server/store"
)

// ErrLastWayIn says that a person without a password would have no passkey left to log in with.
var ErrLastWayIn = errors.New("registry: nothing would be left to log in with")

const factorRemoved = "a way to log in was removed"

func secondFactor(u store.User) object { return object{"second factor", u.ID, nameOf(u)} }

// TurnOnSecondFactor gives a user an app for codes and a set of recovery codes, in a session that goes on as next.
// Errors: store.ErrExists when there is an app already, store.ErrNotFound when the session has ended.
func (r *Registry) TurnOnSecondFactor(ctx context.Context, u store.User, app store.TOTP, codes []store.Digest, session store.Digest, next store.Session) error {
	if err := r.tx.CreateTOTP(ctx, app); err != nil {
		return err
	}
	if err := r.tx.ReplaceRecoveryCodes(ctx, u.ID, codes); err != nil {
		return err
	}
	if err := r.tx.ReplaceSession(ctx, session, next); err != nil {
		return err
	}
	return r.record(ctx, created, secondFactor(u), nil)
}

// TurnOffSecondFactor takes a user's app and recovery codes away. The session in which they chose so goes on as next,
// and all else that was logged in ends. Errors: store.ErrNotFound when there is no app, or the session has ended.
func (r *Registry) TurnOffSecondFactor(ctx context.Context, u store.User, session store.Digest, next store.Session) error {
	if err := r.tx.ReplaceSession(ctx, session, next); err != nil {
		return err
	}
	if err := r.tx.DeleteTOTP(ctx, u.ID); err != nil {
		return err
	}
	if err := r.tx.ReplaceRecoveryCodes(ctx, u.ID, nil); err != nil {
		return err
	}
	if err := r.record(ctx, deleted, secondFactor(u), nil); err != nil {
		return err
	}
	return r.endOthers(ctx, u.ID, next.Digest, factorRemoved)
}

// ReplaceRecoveryCodes gives a user another set.
func (r *Registry) ReplaceRecoveryCodes(ctx context.Context, u store.User, codes []store.Digest) error {
	if err := r.tx.ReplaceRecoveryCodes(ctx, u.ID, codes); err != nil {
		return err
	}
	return r.record(ctx, changed, object{"recovery codes", u.ID, nameOf(u)}, nil)
}

func (p passkey) object() object { return object{"passkey", p.ID, p.Name} }

type passkey store.Passkey

// AddPasskey gives a user a passkey. Errors: ErrRefused for its name, store.ErrExists for its credential.
func (r *Registry) AddPasskey(ctx context.Context, p store.Passkey) error {
	if err := about("passkey", p.Name, CheckName(p.Name)); err != nil {
		return err
	}
	if err := r.tx.CreatePasskey(ctx, p); err != nil {
		return err
	}
	return r.record(ctx, created, passkey(p).object(), nil)
}

// RemovePasskey takes a passkey from a user. The session in which they chose so goes on as next, and all else that was
// logged in ends. Errors: ErrLastWayIn; store.ErrNotFound when the passkey is gone, or the session has ended.
func (r *Registry) RemovePasskey(ctx context.Context, u store.User, p store.Passkey, session store.Digest, next store.Session) error {
	if err := r.tx.ReplaceSession(ctx, session, next); err != nil {
		return err
	}
	// What is left is looked at afterwards: of two removals at once, the second one sees what the first has left.
	err := r.remove(ctx, passkey(p).object(), func() error { return r.tx.DeletePasskey(ctx, u.ID, p.ID) })
	if err != nil {
		return err
	}
	left, err := r.tx.PasskeysOf(ctx, u.ID)
	if err != nil {
		return err
	}
	if _, found, err := look(r.tx.Password(ctx, u.ID)); err != nil {
		return err
	} else if !found && len(left) == 0 {
		return ErrLastWayIn
	}
	return r.endOthers(ctx, u.ID, next.Digest, factorRemoved)
}
