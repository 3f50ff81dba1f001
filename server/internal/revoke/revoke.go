// Package revoke is the revocation endpoint (RFC 7009): a client, public ones too, ends one of its own tokens,
// opaque, personal or JWT, before its time. With a refresh token ends all that was issued for the same login.
//
//	form := revoke.New(revoke.Config{Store: s, Clients: authenticator, Reader: reader, …})
//	mux.Mount(endpoint.Route{Endpoint: oauth.RevocationEndpoint, Methods: "POST", Handler: form})
//
// When the answer is sent the revocation is on disk, and every introspection that begins later sees it.
// A JWT that an API verifies by itself lives on there until it expires.
package revoke

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/postern-auth/postern/server/internal/accesstoken"
	"github.com/postern-auth/postern/server/internal/clients"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// Store is what the endpoint reads and writes.
type Store interface {
	store.Tokens
	store.Families
}

// Config says what the endpoint works with. All fields are required.
type Config struct {
	Store   Store
	Clients *clients.Authenticator
	Reader  *accesstoken.Reader
	Now     func() time.Time
	Logger  *slog.Logger
}

type revocation struct{ Config }

// New returns the endpoint.
func New(config Config) *endpoint.Form {
	e := &revocation{config}
	return &endpoint.Form{
		Name: "revoke", Params: append([]string{oauth.ParamToken}, clients.Params...), Answer: e.answer, Logger: config.Logger,
	}
}

// answer finds the token whatever token_type_hint says, as RFC 7009 §2.1 allows. A token that is unknown
// or has ended needs no revocation, which is success (§2.2).
func (e *revocation) answer(ctx context.Context, r *endpoint.Request) (any, error) {
	ctx, _ = store.WithExactView(ctx)
	client, err := e.Clients.Identify(ctx, r)
	if err != nil {
		return nil, err
	}
	raw := r.Params.Value(oauth.ParamToken)
	if raw == "" {
		return nil, oauth.Refuse(oauth.InvalidRequest, "the parameter token is missing", nil)
	}
	facts, err := e.Reader.Read(ctx, raw)
	if errors.Is(err, accesstoken.ErrInactive) {
		return nil, e.refreshToken(ctx, client, raw)
	}
	if err != nil {
		return nil, err
	}
	if !issuedTo(client, facts) {
		return nil, othersToken()
	}
	if err := e.revoke(ctx, facts); err != nil {
		return nil, err
	}
	e.Logger.InfoContext(ctx, "token revoked", "endpoint", "revoke", "client_id", client.ClientID, "jti", facts.ID)
	return nil, nil
}

// refreshToken ends the family of a refresh token, if it is one.
func (e *revocation) refreshToken(ctx context.Context, client clients.Client, raw string) error {
	token, err := e.Store.RefreshToken(ctx, secret.Digest(raw))
	if err == nil {
		var family store.Family
		if family, err = e.Store.Family(ctx, token.FamilyID); err == nil {
			if client.Application == nil || client.ClientID != family.ClientID {
				return othersToken()
			}
			if err = e.Store.RevokeFamily(ctx, family.ID, e.Now(), "revoked by its client"); err == nil {
				e.Logger.InfoContext(ctx, "refresh token revoked", "endpoint", "revoke", "client_id", client.ClientID, "family", family.ID)
			}
		}
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("revoke: ending a family: %w", err)
	}
	return nil
}

func othersToken() error {
	return oauth.Refuse(oauth.UnauthorizedClient, "the token was issued to another client", nil)
}

// issuedTo reports whether the client got the token. A service user is known by its id, for its username, and
// so its client id, may have been another's when the token was issued. What it has exchanged is not about it.
func issuedTo(client clients.Client, facts accesstoken.Facts) bool {
	if client.ServiceUser != nil && facts.Family.Kind != store.ExchangeFamily {
		return client.ID == facts.SubjectID
	}
	return client.ClientID == facts.ClientID
}

func (e *revocation) revoke(ctx context.Context, facts accesstoken.Facts) error {
	var err error
	if facts.JWT {
		err = e.Store.RevokeJWT(ctx, facts.ID, facts.ExpiresAt)
	} else {
		err = e.Store.RevokeToken(ctx, facts.ID, e.Now())
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil // it was deleted meanwhile
	}
	if err != nil {
		return fmt.Errorf("revoke: recording a revocation: %w", err)
	}
	return nil
}
