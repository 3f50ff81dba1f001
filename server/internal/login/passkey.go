package login

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/notice"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/passkey"
	"github.com/postern-auth/postern/server/store"
)

// Challenges is where the script of a page gets what a passkey signs.
var Challenges = oauth.At(Base + "{id}/passkey")

// challengeLifetime is how long a person may take with their device.
const challengeLifetime = 5 * time.Minute

// Challenge returns the endpoint behind Challenges. A GET there would be answered by the same page as any unknown
// path: a challenge takes the place of a former one, so it is not for links.
func (l *Login) Challenge() *endpoint.Page {
	return &endpoint.Page{Name: "passkey", Answer: l.challenge, Show: l.show, Logger: l.Logger}
}

// passkeyPath returns where the page of a request gets its challenge; empty: it offers no passkey.
func (l *Login) passkeyPath(s *state, offered bool) string {
	if _, ok := l.relyingParty(s); !ok || !offered {
		return ""
	}
	return s.path() + "/passkey"
}

func (l *Login) relyingParty(s *state) (*passkey.RelyingParty, bool) {
	return passkey.For(string(s.Issuer), l.Site.Name())
}

// challenge begins the use of a passkey within a request.
func (l *Login) challenge(w http.ResponseWriter, r *endpoint.Request) error {
	s, err := l.takeUp(r)
	if err != nil {
		return err
	}
	switch s.next().(type) {
	case authorize.Login, authorize.SecondFactor:
	default:
		return oauth.Refuse(oauth.InvalidRequest, "no passkey is asked for here; load the page again", nil)
	}
	rp, ok := l.relyingParty(s)
	if !ok {
		return oauth.Refuse(oauth.InvalidRequest, "the host of this server cannot have passkeys", nil)
	}
	options, waiting, err := rp.BeginLogin()
	if err != nil {
		return err
	}
	err = l.Store.PutChallenge(r.Context(), store.Challenge{
		Key: requestKey(s), Browser: s.waiting.row.Browser, Data: waiting, ExpiresAt: s.now.Add(challengeLifetime),
	})
	if err != nil {
		return fmt.Errorf("login: keeping a challenge: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(options)))
	w.Write(options) // an error means that the browser is gone: nobody is left to tell
	return nil
}

// usePasskey takes the answer of a passkey, as the only factor or as the second.
func (l *Login) usePasskey(w http.ResponseWriter, s *state, second bool) error {
	ctx := s.Context()
	use, user, err := l.passkeyOf(ctx, s)
	if err == nil && second && user.ID != s.person.user.ID {
		err = fmt.Errorf("%w: it is another person's", passkey.ErrRefused)
	}
	if errors.Is(err, passkey.ErrRefused) {
		l.passkeyRefused(s, user, err)
		return l.ask(w, s, page.PasskeyFailed)
	}
	if err != nil {
		return err
	}
	method := authorize.Method{Name: authorize.MethodPasskey, At: s.now}
	count := func(tx store.Tx) error {
		return gone(tx.UsePasskey(ctx, use.ID, use.SignCount, use.Record, s.now), errCopied)
	}
	if second {
		next := s.continued(l, method)
		err = l.carryOut(w, next, func(tx store.Tx) error {
			if err := count(tx); err != nil {
				return err
			}
			return gone(tx.ReplaceSession(ctx, s.session.Digest, next.session), errChanged)
		})
	} else {
		err = l.enter(w, s, user, method, count)
	}
	if errors.Is(err, errCopied) {
		return l.copied(w, s, user, use)
	}
	return err
}

// errCopied says that the count of a passkey has not gone up, or that it was removed meanwhile.
var errCopied = errors.New("login: the count of the passkey has not gone up")

// passkeyOf checks an answer, once, and returns whose passkey it is. Errors: passkey.ErrRefused, or an outage.
func (l *Login) passkeyOf(ctx context.Context, s *state) (passkey.Use, store.User, error) {
	rp, ok := l.relyingParty(s)
	if !ok {
		return passkey.Use{}, store.User{}, fmt.Errorf("%w: the host cannot have any", passkey.ErrRefused)
	}
	// The challenge goes before anything is checked: nothing that is sent twice counts twice.
	challenge, err := l.Store.TakeChallenge(ctx, requestKey(s), s.now)
	if errors.Is(err, store.ErrNotFound) || err == nil && challenge.Browser != s.waiting.row.Browser {
		return passkey.Use{}, store.User{}, fmt.Errorf("%w: nothing was asked, or it was long ago", passkey.ErrRefused)
	}
	if err != nil {
		return passkey.Use{}, store.User{}, fmt.Errorf("login: taking a challenge: %w", err)
	}
	var user store.User
	use, err := rp.FinishLogin(challenge.Data, s.Params.Value("passkey"), func(credential []byte) (store.Passkey, store.UserHandle, error) {
		found, err := l.Store.PasskeyByCredential(ctx, credential)
		if err != nil {
			return store.Passkey{}, store.UserHandle{}, err
		}
		user, err = l.Store.User(ctx, found.UserID)
		return found, user.Handle, err
	})
	if err == nil && !user.Active {
		err = fmt.Errorf("%w: the user is locked", passkey.ErrRefused)
	}
	return use, user, err
}

// copied answers a passkey of which there seem to be two.
func (l *Login) copied(w http.ResponseWriter, s *state, user store.User, use passkey.Use) error {
	former, err := l.Store.PasskeyByCredential(s.Context(), use.Credential)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("login: reading a passkey: %w", err)
	}
	if err == nil {
		l.Logger.WarnContext(s.Context(), "passkey refused: its count has not gone up, so there may be a copy of it",
			"user", user.ID, "passkey", use.ID, "count", use.SignCount, "former", former.SignCount)
		err = l.Store.InTx(s.Context(), func(tx store.Tx) error {
			return l.Notices.Tell(s.Context(), tx, user.ID, notice.PasskeyCopied)
		})
		if err != nil {
			return fmt.Errorf("login: telling of a passkey: %w", err)
		}
	}
	return l.ask(w, s, page.PasskeyFailed)
}

func (l *Login) passkeyRefused(s *state, user store.User, reason error) {
	attrs := []slog.Attr{
		slog.String("issuer", string(s.Issuer)), slog.String("client_id", s.ClientID), slog.String("reason", reason.Error()),
	}
	if user.ID != "" {
		attrs = append(attrs, slog.String("user", user.ID))
	}
	l.Logger.LogAttrs(s.Context(), slog.LevelInfo, "passkey refused", attrs...)
}
