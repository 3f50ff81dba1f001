package login

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/notice"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/password"
	"github.com/postern-auth/postern/server/internal/session"
	"github.com/postern-auth/postern/server/internal/totp"
	"github.com/postern-auth/postern/server/store"
)

// byFactor bounds guesses at one person's codes. They are counted by person and not by login: whoever has the
// password begins as many logins as they like. The longest delay leaves a hundred guesses a day of a million codes.
var byFactor = store.AttemptPolicy{
	Free: endsLogin, Delay: time.Second, MaxDelay: password.MaxDelay, Hold: time.Minute, Memory: 24 * time.Hour,
}

const (
	// endsLogin is from which failure on each ends the login in progress, and endsSession the session that it was
	// in, so that the password is asked for again. Then the person is told, once a day.
	endsLogin   = 5
	endsSession = 20
)

var onceADay = store.AttemptPolicy{Free: 1, Delay: 24 * time.Hour, MaxDelay: 24 * time.Hour, Hold: 24 * time.Hour, Memory: time.Hour}

// errCode says that a code was used a moment ago by somebody else, or in another window.
var errCode = errors.New("login: the code has been used")

// secondFactor returns the page that asks for a further proof.
func (l *Login) secondFactor(s *state, step authorize.SecondFactor, problem page.Problem) (page.Page, error) {
	shown := page.SecondFactor{
		Authorization: s.authorization(), Action: s.path(), Person: s.person.shown(), Problem: problem, Cancel: !s.isOwn(),
		NoCode: !s.person.hasTOTP() || step.ACR > authorize.MultiFactor, Passkey: l.passkeyPath(s, s.person.passkey),
	}
	if shown.NoCode {
		return shown, nil
	}
	codes, err := l.Store.RecoveryCodes(s.Context(), s.person.user.ID)
	if err != nil {
		return nil, fmt.Errorf("login: reading recovery codes: %w", err)
	}
	if slices.ContainsFunc(codes, unused) {
		shown.Other = s.path() + "?recovery=1"
		if s.recovery() {
			shown.Recovery, shown.Action, shown.Other = true, shown.Other, s.path()
		}
	}
	return shown, nil
}

func unused(c store.RecoveryCode) bool { return c.UsedAt.IsZero() }

// recovery reports whether the page is the one for recovery codes.
func (s *state) recovery() bool { return s.URL.Query().Get("recovery") == "1" }

// wrong is what the page says of a wrong code.
func (s *state) wrong() page.Problem {
	if s.recovery() {
		return page.WrongRecoveryCode
	}
	return page.WrongCode
}

// proof is a code that fits, and what uses it up.
type proof struct {
	method string
	use    func(context.Context, store.Tx) error
}

// prove takes the code of a second factor.
func (l *Login) prove(w http.ResponseWriter, s *state) error {
	// Whoever leaves meanwhile has tried all the same.
	ctx := context.WithoutCancel(s.Context())
	counter := l.counter(s.Request, countsCodes, s.person.user.ID)
	permit, err := l.permit(ctx, counter, byFactor)
	switch {
	case err != nil:
		return err
	case permit.Busy:
		return l.ask(w, s, page.Busy)
	case !permit.Allowed:
		l.factorRefused(s, errors.New("delayed after failures"))
		return l.ask(w, s, page.TooManyTries(permit.Wait))
	}
	fits, err := l.proofOf(ctx, s, s.Params.Value("code"))
	if err != nil {
		return err // the attempt has failed when its time is over: nobody learns from an outage
	}
	if err := l.Store.EndAttempt(ctx, counter, fits != nil, s.now, byFactor); err != nil {
		return fmt.Errorf("login: counting a code: %w", err)
	}
	if fits == nil {
		return l.wrongCode(ctx, w, s, counter)
	}
	next := s.continued(l, authorize.Method{Name: fits.method, At: s.now})
	err = l.carryOut(w, next, func(tx store.Tx) error {
		if err := gone(fits.use(s.Context(), tx), errCode); err != nil {
			return err
		}
		return gone(tx.ReplaceSession(s.Context(), s.session.Digest, next.session), errChanged)
	})
	if errors.Is(err, errCode) {
		l.factorRefused(s, err)
		return l.ask(w, s, s.wrong())
	}
	return err
}

// continued returns the state in which the person has given a further proof, in a session with a cookie of its own.
func (s *state) continued(l *Login, m authorize.Method) *state {
	next := *s
	value, continued := l.Sessions.Continue(s.session, store.Method(m))
	next.session, next.begun = continued, &value
	next.facts.User, next.facts.Session = continued.UserID, continued.ID
	next.facts.Methods = append(slices.Clone(s.facts.Methods), m)
	return &next
}

// proofOf returns what a typed code is, if it is one that the person may use now; nil: it is wrong. Errors are
// outages.
func (l *Login) proofOf(ctx context.Context, s *state, typed string) (*proof, error) {
	user := s.person.user.ID
	if s.recovery() {
		return l.recoveryOf(ctx, user, typed, s.now)
	}
	app := s.person.totp
	plain, err := l.Keys.Open(totp.Sealed, user, app.Secret)
	if err != nil {
		return nil, fmt.Errorf("login: the second factor of user %s: %w", user, err)
	}
	secret, err := totp.FromBytes(plain)
	if err != nil {
		return nil, fmt.Errorf("login: the second factor of user %s: %w", user, err)
	}
	step, ok := secret.Check(typed, s.now, app.LastStep)
	if !ok {
		return nil, nil
	}
	return &proof{authorize.MethodTOTP, func(ctx context.Context, tx store.Tx) error { return tx.UseTOTP(ctx, user, app.Secret, step) }}, nil
}

func (l *Login) recoveryOf(ctx context.Context, user, typed string, now time.Time) (*proof, error) {
	code, ok := totp.ParseRecoveryCode(typed)
	if !ok {
		return nil, nil
	}
	digest := store.Digest(code.Digest())
	codes, err := l.Store.RecoveryCodes(ctx, user)
	if err != nil {
		return nil, fmt.Errorf("login: reading recovery codes: %w", err)
	}
	if !slices.ContainsFunc(codes, func(c store.RecoveryCode) bool { return unused(c) && c.Digest == digest }) {
		return nil, nil
	}
	return &proof{authorize.MethodRecovery, func(ctx context.Context, tx store.Tx) error {
		if err := tx.UseRecoveryCode(ctx, user, digest, now); err != nil {
			return err
		}
		return l.Notices.Tell(ctx, tx, user, notice.RecoveryCodeUsed)
	}}, nil
}

// wrongCode answers a code that is wrong, which has been counted.
func (l *Login) wrongCode(ctx context.Context, w http.ResponseWriter, s *state, counter string) error {
	failures, err := l.Store.Failures(ctx, counter, s.now)
	if err != nil {
		return fmt.Errorf("login: counting a code: %w", err)
	}
	l.factorRefused(s, fmt.Errorf("wrong code, %d within a day", failures))
	if failures < endsLogin {
		return l.ask(w, s, s.wrong())
	}
	err = l.Store.InTx(ctx, func(tx store.Tx) error {
		if err := forget(ctx, tx, s); err != nil && !errors.Is(err, errOver) {
			return err
		}
		if failures < endsSession {
			return nil
		}
		if err := session.End(ctx, tx, s.session, false, s.now, "too many wrong codes"); err != nil {
			return err
		}
		return l.tellOnceADay(ctx, tx, s)
	})
	if err != nil {
		return fmt.Errorf("login: ending a login: %w", err)
	}
	return startAgain(s.app, page.TooManyCodes, errors.New("login: too many wrong codes"))
}

func (l *Login) tellOnceADay(ctx context.Context, tx store.Tx, s *state) error {
	user := s.person.user.ID
	key := "told:" + user
	permit, err := tx.Attempt(ctx, key, s.now, onceADay)
	if err != nil || !permit.Allowed {
		return err
	}
	if err := tx.EndAttempt(ctx, key, false, s.now, onceADay); err != nil {
		return err
	}
	return l.Notices.Tell(ctx, tx, user, notice.WrongCodes)
}

// factorRefused is the one line of a second factor that was refused.
func (l *Login) factorRefused(s *state, reason error) {
	attrs := []slog.Attr{
		slog.String("issuer", string(s.Issuer)), slog.String("client_id", s.ClientID), slog.String("user", s.person.user.ID),
		slog.String("reason", reason.Error()),
	}
	if from := l.Sessions.From(s.Request); from.IsValid() {
		attrs = append(attrs, slog.String("address", from.String()))
	}
	l.Logger.LogAttrs(s.Context(), slog.LevelInfo, "second factor refused", attrs...)
}

// tooStrong is the answer where a login is demanded that the person has nothing for.
var tooStrong = authorize.Refuse{Code: oauth.AccessDenied, Text: "this needs a second factor, and the person has none; it is set up in their account"}

// requestKey is what the challenges of a waiting request are kept by.
func requestKey(s *state) string { return "login:" + hex.EncodeToString(s.waiting.row.Digest[:]) }
