package account

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/notice"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/qr"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/site"
	"github.com/postern-auth/postern/server/internal/totp"
	"github.com/postern-auth/postern/server/store"
)

// draftLifetime is how long an app's secret, or a passkey's challenge, waits to be proved.
const draftLifetime = 10 * time.Minute

// draft is the key of what waits in a session.
func draft(v *visit, what string) string { return "account:" + what + ":" + v.session.ID }

// askSecondFactor shows a new secret for the person's app: the same one until it is proved or its time is over, so
// that a page that is loaded again does not leave an app with another.
func (a *Account) askSecondFactor(v *visit) error { return a.showSecondFactor(v, page.Problem{}) }

func (a *Account) showSecondFactor(v *visit, problem page.Problem) error {
	if !a.Keys.Any() {
		return notThere("second factor")
	}
	if _, err := a.Store.TOTP(v.Context(), v.user.ID); err == nil {
		site.Redirect(v.w, http.StatusSeeOther, base+"/")
		return nil
	} else if !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("account: reading a second factor: %w", err)
	}
	secret, found, err := a.draftOf(v)
	if err != nil {
		return err
	}
	if !found {
		secret = totp.NewSecret()
		err := a.Store.PutChallenge(v.Context(), store.Challenge{
			Key: draft(v, totp.Sealed), Browser: v.session.Browser, ExpiresAt: v.now.Add(draftLifetime),
			Data: base64.StdEncoding.EncodeToString(a.Keys.Seal(totp.Sealed, v.user.ID, secret.Bytes())),
		})
		if err != nil {
			return fmt.Errorf("account: keeping a secret: %w", err)
		}
	}
	yours := a.yours(v)
	shown := page.EnrolTOTP{
		Yours: yours, Secret: secret.Text(), URI: secret.URI(a.Site.Name(), yours.Person.Identifier), Problem: problem,
	}
	shown.QR, _ = qr.Encode(shown.URI) // of a name that is too long there is none
	return a.render(v, shown)
}

// draftOf returns the secret that waits in this session; false: none does.
func (a *Account) draftOf(v *visit) (totp.Secret, bool, error) {
	waiting, err := a.Store.Challenge(v.Context(), draft(v, totp.Sealed))
	if errors.Is(err, store.ErrNotFound) || err == nil && !v.now.Before(waiting.ExpiresAt) {
		return totp.Secret{}, false, nil
	}
	if err != nil {
		return totp.Secret{}, false, fmt.Errorf("account: reading a secret: %w", err)
	}
	sealed, err := base64.StdEncoding.DecodeString(waiting.Data)
	if err != nil {
		return totp.Secret{}, false, nil // none of ours: a new one takes its place
	}
	plain, err := a.Keys.Open(totp.Sealed, v.user.ID, sealed)
	if err != nil {
		return totp.Secret{}, false, nil // it is somebody else's who was logged in before
	}
	secret, err := totp.FromBytes(plain)
	return secret, err == nil, nil
}

// turnOn takes the code that proves that the app has the secret, and shows the recovery codes, this once.
func (a *Account) turnOn(v *visit) error {
	secret, found, err := a.draftOf(v)
	if err != nil {
		return err
	}
	if !found {
		return a.showSecondFactor(v, page.Problem{})
	}
	step, right := secret.Check(v.Params.Value("code"), v.now, 0)
	if !right {
		return a.showSecondFactor(v, page.WrongCode)
	}
	app := store.TOTP{
		UserID: v.user.ID, Secret: a.Keys.Seal(totp.Sealed, v.user.ID, secret.Bytes()), LastStep: step, CreatedAt: v.now,
	}
	texts, digests := newCodes()
	value, next := a.Sessions.Continue(v.session, store.Method{Name: authorize.MethodTOTP, At: v.now})
	err = a.Store.InTx(v.Context(), func(tx store.Tx) error {
		if _, err := tx.TakeChallenge(v.Context(), draft(v, totp.Sealed), v.now); err != nil {
			return gone(err)
		}
		err := registry.In(tx, v.user.ID, v.now).TurnOnSecondFactor(v.Context(), v.user, app, digests, v.session.Digest, next)
		if err != nil {
			return gone(err)
		}
		return a.Notices.Tell(v.Context(), tx, v.user.ID, notice.SecondFactorOn)
	})
	if errors.Is(err, store.ErrExists) {
		site.Redirect(v.w, http.StatusSeeOther, base+"/") // another window was faster
		return nil
	}
	if err != nil {
		return fmt.Errorf("account: %w", err)
	}
	a.Sessions.Set(v.w, v.Request, value, next)
	v.session = next
	return a.render(v, page.RecoveryCodes{Yours: a.yours(v), Codes: texts})
}

func newCodes() (texts []string, digests []store.Digest) {
	for _, code := range totp.NewRecoveryCodes() {
		texts, digests = append(texts, code.Text()), append(digests, code.Digest())
	}
	return texts, digests
}

// hasSecondFactor reports whether there is one to be changed; where there is none it has answered.
func (a *Account) hasSecondFactor(v *visit) (bool, error) {
	_, err := a.Store.TOTP(v.Context(), v.user.ID)
	if errors.Is(err, store.ErrNotFound) {
		site.Redirect(v.w, http.StatusSeeOther, base+"/")
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("account: reading a second factor: %w", err)
	}
	return true, nil
}

func (a *Account) askTurnOff(v *visit) error { return a.askFactor(v, page.TurnOff) }

func (a *Account) askCodes(v *visit) error { return a.askFactor(v, page.ReplaceCodes) }

func (a *Account) askFactor(v *visit, step page.Step) error {
	if has, err := a.hasSecondFactor(v); err != nil || !has {
		return err
	}
	return a.render(v, page.Confirm{Yours: a.yours(v), Step: step, Back: "/"})
}

// turnOff removes the second factor. What else is logged in may be somebody's who wanted it gone: it ends.
func (a *Account) turnOff(v *visit) error {
	if has, err := a.hasSecondFactor(v); err != nil || !has {
		return err
	}
	value, next := a.Sessions.Continue(v.session)
	err := a.Store.InTx(v.Context(), func(tx store.Tx) error {
		err := registry.In(tx, v.user.ID, v.now).TurnOffSecondFactor(v.Context(), v.user, v.session.Digest, next)
		if err != nil {
			return gone(err)
		}
		return a.Notices.Tell(v.Context(), tx, v.user.ID, notice.SecondFactorOff)
	})
	if err != nil {
		return fmt.Errorf("account: %w", err)
	}
	a.Sessions.Set(v.w, v.Request, value, next)
	return a.done(v, "/", page.SecondFactorOff)
}

// replaceCodes makes a new set of recovery codes and shows it, this once.
func (a *Account) replaceCodes(v *visit) error {
	if has, err := a.hasSecondFactor(v); err != nil || !has {
		return err
	}
	texts, digests := newCodes()
	err := a.write(v, func(tx store.Tx) error {
		if err := registry.In(tx, v.user.ID, v.now).ReplaceRecoveryCodes(v.Context(), v.user, digests); err != nil {
			return err
		}
		return a.Notices.Tell(v.Context(), tx, v.user.ID, notice.RecoveryCodesNew)
	})
	if err != nil {
		return err
	}
	return a.render(v, page.RecoveryCodes{Yours: a.yours(v), Codes: texts})
}

// factors fills in what else than a password the person logs in with.
func (a *Account) factors(v *visit, shown *page.Security) error {
	shown.Factors, shown.CodesOff = true, !a.Keys.Any()
	app, err := a.Store.TOTP(v.Context(), v.user.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("account: reading a second factor: %w", err)
	}
	shown.SecondFactor = app.CreatedAt
	codes, err := a.Store.RecoveryCodes(v.Context(), v.user.ID)
	if err != nil {
		return fmt.Errorf("account: reading recovery codes: %w", err)
	}
	shown.RecoveryAll = len(codes)
	for _, code := range codes {
		if code.UsedAt.IsZero() {
			shown.RecoveryLeft++
		}
	}
	rp, ok := a.relyingParty(v)
	if shown.PasskeysOff = !ok; !ok {
		return nil
	}
	passkeys, err := a.passkeysOf(v)
	for _, p := range passkeys {
		if p.RPID == rp.ID {
			shown.Passkeys = append(shown.Passkeys, page.Passkey{ID: p.ID, Name: p.Name, Added: p.CreatedAt, LastUsed: p.LastUsedAt})
		}
	}
	return err
}
