package login

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/browser"
	"github.com/postern-auth/postern/server/internal/code"
	"github.com/postern-auth/postern/server/internal/device"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/internal/site"
	"github.com/postern-auth/postern/server/internal/usercode"
	"github.com/postern-auth/postern/server/store"
)

var (
	// codesByBrowser bounds the wrong user codes that one browser tries, and codesByAddress those from one address,
	// for who throws the cookie away. There are 2³⁴ codes, and few devices wait.
	codesByBrowser = store.AttemptPolicy{Free: 5, Delay: time.Minute, MaxDelay: 15 * time.Minute, Hold: time.Minute, Memory: time.Hour}
	codesByAddress = store.AttemptPolicy{Free: 30, Delay: time.Hour, MaxDelay: time.Hour, Hold: time.Minute, Memory: time.Hour}
)

// Devices returns the page on which people type the code that a device shows (RFC 8628 §3.3).
func (l *Login) Devices() *endpoint.Page {
	return &endpoint.Page{
		Name: "device page", Params: []string{"user_code", "ui_locales"}, Answer: l.deviceCode, Show: l.show, Logger: l.Logger,
	}
}

// deviceCode shows the page, filled with the code of verification_uri_complete, and takes what is typed. That a
// link holds the code decides nothing: somebody may have sent it.
func (l *Login) deviceCode(w http.ResponseWriter, r *endpoint.Request) error {
	binding, ok := cookies(r).Binding(r.Request)
	if r.Method != http.MethodPost {
		if !ok {
			cookies(r).SetBinding(w, browser.NewValue())
		}
		l.askDeviceCode(w, r, page.Problem{})
		return nil
	}
	if !ok {
		return &site.Failure{
			Page: page.StartAgain{Why: noCookie, UseHost: site.Host(r.Issuer)},
			Err:  oauth.Refuse(oauth.InvalidRequest, "the browser has not sent the cookie that the page came with", nil),
		}
	}
	row, problem, err := l.typed(r.Context(), r, binding)
	if err != nil {
		return err
	}
	if problem != (page.Problem{}) {
		l.askDeviceCode(w, r, problem)
		return nil
	}
	return l.beginDevice(w, r, row)
}

func (l *Login) askDeviceCode(w http.ResponseWriter, r *endpoint.Request, problem page.Problem) {
	shown := r.Params.Value("user_code")
	if code, ok := usercode.Read(shown); ok {
		shown = usercode.Show(code)
	}
	const longest = 64
	l.Site.Render(w, r, "", page.DeviceCode{Action: r.URL.Path, Code: shown[:min(len(shown), longest)], Problem: problem})
}

// typed returns the device whose code was typed, within the bounds on guesses. A code that was used, answered or is
// too old is as unknown as any other.
func (l *Login) typed(ctx context.Context, r *endpoint.Request, binding browser.Value) (row store.DeviceCode, problem page.Problem, err error) {
	code, ok := usercode.Read(r.Params.Value("user_code"))
	if !ok {
		return row, page.UnknownUserCode, nil // it is no guess
	}
	digest := binding.Digest()
	bounds := []struct {
		key    string
		policy store.AttemptPolicy
	}{{"device:browser:" + hex.EncodeToString(digest[:]), codesByBrowser}}
	if address := l.addressCounter(r); address != "" {
		bounds = append(bounds, struct {
			key    string
			policy store.AttemptPolicy
		}{"device:" + address, codesByAddress})
	}
	for i, bound := range bounds {
		permit, err := l.permit(ctx, bound.key, bound.policy)
		if err == nil && permit.Allowed {
			continue
		}
		for _, begun := range bounds[:i] { // it was none
			err = errors.Join(err, l.Store.EndAttempt(ctx, begun.key, true, l.Now(), begun.policy))
		}
		if problem = page.Busy; !permit.Busy {
			problem = page.TooManyTries(cmp.Or(permit.Wait, time.Second))
		}
		l.refusedCode(r, "too many wrong codes")
		return row, problem, err
	}
	row, err = l.open(ctx, r, code)
	right := err == nil
	if errors.Is(err, errOver) {
		problem, err = page.UnknownUserCode, nil
		l.refusedCode(r, "no device waits with this code")
	}
	for _, bound := range bounds {
		err = errors.Join(err, l.Store.EndAttempt(context.WithoutCancel(ctx), bound.key, right, l.Now(), bound.policy))
	}
	if err != nil {
		return row, problem, fmt.Errorf("login: a user code: %w", err)
	}
	return row, problem, nil
}

// open returns the device that waits with a user code at the issuer. Errors: errOver, and outages.
func (l *Login) open(ctx context.Context, r *endpoint.Request, code string) (store.DeviceCode, error) {
	row, err := l.Store.DeviceCodeByUserCode(ctx, code)
	if err != nil {
		return row, gone(err, errOver)
	}
	request, err := authorize.Unmarshal([]byte(row.Request))
	if err != nil || request.Issuer != r.Issuer || !row.AnsweredAt.IsZero() || !l.Now().Before(row.ExpiresAt) {
		return row, errOver
	}
	return row, nil
}

func (l *Login) refusedCode(r *endpoint.Request, reason string) {
	attrs := []slog.Attr{slog.String("issuer", string(r.Issuer)), slog.String("reason", reason)}
	if from := l.Sessions.From(r); from.IsValid() {
		attrs = append(attrs, slog.String("address", from.String()))
	}
	l.Logger.LogAttrs(r.Context(), slog.LevelInfo, "user code refused", attrs...)
}

// beginDevice takes the request of a device up, in the browser of whoever has typed its code.
func (l *Login) beginDevice(w http.ResponseWriter, r *endpoint.Request, row store.DeviceCode) (err error) {
	s := &state{Request: r, now: l.Now(), device: &row}
	if s.request, err = authorize.Unmarshal([]byte(row.Request)); err != nil {
		return err
	}
	if err := l.find(s, row.ClientID); err != nil {
		return err
	}
	r.ClientID = s.app.ClientID
	return l.wait(w, s)
}

// deviceOf reads the device that a request is of.
func (l *Login) deviceOf(s *state) error {
	if s.request.Device == "" {
		return nil
	}
	over := func(reason error) error {
		return &site.Failure{
			Page: page.StartAgain{Application: s.app.Name, Why: tooOld, At: s.Issuer.URL(s.Issuer.Path(device.Page))},
			Err:  oauth.Refuse(oauth.InvalidRequest, "the device does not wait any more; let it show another code", reason),
		}
	}
	digest, ok := rowDigest(s.request.Device)
	if !ok {
		return over(errors.New("login: the request names no device"))
	}
	row, err := l.Store.DeviceCode(s.Context(), digest)
	if errors.Is(err, store.ErrNotFound) {
		return over(err)
	}
	if err != nil {
		return fmt.Errorf("login: reading a device code: %w", err)
	}
	if !row.AnsweredAt.IsZero() || !s.now.Before(row.ExpiresAt) {
		return over(errOver)
	}
	s.device = &row
	return nil
}

// deviceConsent returns the page that asks a person about a device, with what tells theirs from somebody else's. What
// they allowed others of its application is new for this one.
func (s *state) deviceConsent(c page.Consent) page.DeviceConsent {
	c.Asked.ClaimsGiven, c.Asked.OfflineGiven = false, false
	for i := range c.Asked.Permissions {
		c.Asked.Permissions[i].Given = false
	}
	return page.DeviceConsent{
		Application: s.app.Name, Action: c.Action, Person: c.Person, Asked: c.Asked,
		Code: usercode.Show(s.device.UserCode), Address: cmp.Or(s.device.Address, "?"), At: s.device.CreatedAt,
	}
}

// answerDevice lets a device in: what it has to bring, and has already, becomes a code. It has a session of its own,
// which no browser's log-out ends, and a minute at least to come.
func (l *Login) answerDevice(ctx context.Context, tx store.Tx, s *state, a code.Allowed) error {
	if err := gone(tx.AnswerDeviceCode(ctx, s.device.Digest, true, s.now), errOver); err != nil {
		return err
	}
	a.SessionID, a.EndsWithSession = secret.NewID(), false
	expires := s.device.ExpiresAt
	if soon := s.now.Add(time.Minute); soon.After(expires) {
		expires = soon
	}
	return gone(code.LetIn(ctx, tx, s.device.Digest, a, s.now, expires), errOver)
}

// letIn tells a person that the device may go on.
func (l *Login) letIn(w http.ResponseWriter, s *state) error {
	l.Site.Render(w, s.Request, s.request.Locales, page.Notice{Matter: page.DeviceAllowed})
	return nil
}

// staysOut tells a person that the device got nothing.
func staysOut(why authorize.Refuse) error {
	return &site.Failure{Page: page.Notice{Matter: page.DeviceRefused}, Err: oauth.Refuse(why.Code, why.Text, nil)}
}
