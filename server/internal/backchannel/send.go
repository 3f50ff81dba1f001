package backchannel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/postern-auth/postern/internal/fetch"
	"github.com/postern-auth/postern/server/internal/idtoken"
	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/internal/outbox"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

const (
	// tokenType is the typ of logout tokens (OpenID Connect Back-Channel Logout §2.4): nothing else is taken for one,
	// and one for nothing else.
	tokenType = "logout+jwt"
	// event is the member of events that says what has happened.
	event = "http://schemas.openid.net/event/backchannel-logout"
	// lifetime is how long a logout token is good; each try makes one.
	lifetime = 2 * time.Minute
	// maxAnswer bounds what is read of an answer, of which the status counts alone.
	maxAnswer = 64 << 10
)

// Config is what a Sender works with. Every field is required.
type Config struct {
	Store interface {
		store.Applications
		store.Registrations
	}
	Keys *keys.Ring
	Now  func() time.Time
	// Operator calls addresses that an operator has written, and Strangers those of applications that nobody has set up.
	Operator, Strangers *fetch.Client
}

// Sender tells applications of logouts. It is safe for concurrent use.
type Sender struct{ Config }

// New returns a Sender.
func New(config Config) *Sender { return &Sender{config} }

// Deliver tells an application what a payload says. It is an outbox.Deliver.
func (s *Sender) Deliver(ctx context.Context, payload []byte) error {
	var p Payload
	if err := json.Unmarshal(payload, &p); err != nil {
		return fmt.Errorf("backchannel: %w: %w", outbox.ErrNever, err)
	}
	app, err := s.Store.Application(ctx, p.Application)
	if errors.Is(err, store.ErrNotFound) || err == nil && (!app.Active || app.BackchannelLogoutURI == "") {
		return nil // it is gone, or does not want to be told any more
	}
	if err != nil {
		return fmt.Errorf("backchannel: reading an application: %w", err)
	}
	client, err := s.client(ctx, app)
	if err != nil {
		return err
	}
	token, err := s.token(ctx, app, p)
	if err != nil {
		return err
	}
	answer, err := client.Post(ctx, app.BackchannelLogoutURI, nil, url.Values{"logout_token": {token}}, maxAnswer)
	switch {
	case errors.Is(err, fetch.ErrForbidden):
		return fmt.Errorf("backchannel: %w: %w", outbox.ErrNever, err)
	case err != nil:
		return fmt.Errorf("backchannel: %w", err)
	}
	switch answer.Status {
	case http.StatusOK, http.StatusNoContent: // some answer 204 (§2.8)
		return nil
	case http.StatusBadRequest: // it has understood, and does not want
		return fmt.Errorf("backchannel: %w: application %q answers 400", outbox.ErrNever, app.ClientID)
	}
	return fmt.Errorf("backchannel: application %q answers %d, want 200", app.ClientID, answer.Status)
}

// client returns what may call the application's address, by who has written that.
func (s *Sender) client(ctx context.Context, app store.Application) (*fetch.Client, error) {
	_, err := s.Store.Registration(ctx, app.ID)
	switch {
	case err == nil:
		return s.Strangers, nil
	case errors.Is(err, store.ErrNotFound):
		return s.Operator, nil
	}
	return nil, fmt.Errorf("backchannel: reading a registration: %w", err)
}

// token makes a logout token (§2.4). It has no nonce, so that nobody takes it for an ID token.
func (s *Sender) token(ctx context.Context, app store.Application, p Payload) (string, error) {
	signer, err := s.Keys.Signer(ctx, idtoken.Algorithm(app))
	if err != nil {
		return "", fmt.Errorf("backchannel: %w", err)
	}
	now := s.Now()
	payload, err := json.Marshal(map[string]any{
		"iss": p.Issuer, "sub": p.Subject, "aud": app.ClientID, "sid": p.Session,
		"iat": now.Unix(), "exp": now.Add(lifetime).Unix(), "jti": secret.NewID(),
		"events": map[string]any{event: struct{}{}},
	})
	if err != nil {
		return "", fmt.Errorf("backchannel: encoding claims: %w", err)
	}
	raw, err := signer.Sign(tokenType, payload)
	if err != nil {
		return "", fmt.Errorf("backchannel: %w", err)
	}
	return raw, nil
}

// Metadata are the members that say so (OpenID Connect Back-Channel Logout §2.1).
func Metadata() map[string]any {
	return map[string]any{"backchannel_logout_supported": true, "backchannel_logout_session_supported": true}
}
