package grant

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/code"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// slowDown is how much longer a device has to wait that polls too early (RFC 8628 §3.5).
const slowDown = 5 * time.Second

// deviceCode serves a device that polls for the answer of its person (RFC 8628 §3.4).
func (g *Grants) deviceCode(ctx context.Context, r *endpoint.Request) (*Response, error) {
	app, err := g.application(ctx, r)
	if err != nil {
		return nil, err
	}
	if !allows(app, oauth.GrantDeviceCode) {
		return nil, oauth.Refuse(oauth.UnauthorizedClient, "the application may not use device codes", nil)
	}
	raw := r.Params.Value(oauth.ParamDeviceCode)
	if raw == "" {
		return nil, oauth.Refuse(oauth.InvalidRequest, "the parameter device_code is missing", nil)
	}
	found, err := code.Find(ctx, g.config.Store, raw)
	if errors.Is(err, code.ErrUnknown) {
		return nil, g.poll(ctx, r, app, secret.Digest(raw))
	}
	if err != nil {
		return nil, err
	}
	if found.Request.Device == "" || found.Family.ClientID != app.ClientID || found.Request.Issuer != r.Issuer {
		return nil, oauth.Refuse(oauth.InvalidGrant, invalidDeviceCode, nil)
	}
	c := claim{family: found.Family, app: app, scopes: found.Family.Scopes}
	response, err := g.respond(ctx, r, c, func(ctx context.Context, tx store.Tx, refresh store.RefreshToken) (store.Use, error) {
		return g.useCode(ctx, tx, found.Digest, c, refresh)
	})
	if not := (*notUsed)(nil); errors.As(err, &not) {
		if not.use == store.UseExpired {
			return nil, expiredDeviceCode(err)
		}
		return nil, oauth.Refuse(oauth.InvalidGrant, "the device code has been used, or what came of it has been ended", err)
	}
	return response, err
}

const invalidDeviceCode = "the device_code is not known, or of another client or issuer"

func expiredDeviceCode(reason error) error {
	return oauth.Refuse(oauth.ExpiredToken, "the device code has expired; let the device ask for another", reason)
}

// poll returns why a device has to wait, or need not wait any more.
func (g *Grants) poll(ctx context.Context, r *endpoint.Request, app store.Application, d store.Digest) error {
	row, err := g.config.Store.DeviceCode(ctx, d)
	if errors.Is(err, store.ErrNotFound) {
		return oauth.Refuse(oauth.InvalidGrant, invalidDeviceCode, err)
	}
	if err != nil {
		return fmt.Errorf("grant: reading a device code: %w", err)
	}
	request, err := authorize.Unmarshal([]byte(row.Request))
	if err != nil || row.ClientID != app.ClientID || request.Issuer != r.Issuer {
		return oauth.Refuse(oauth.InvalidGrant, invalidDeviceCode, err)
	}
	now := g.config.Mint.Now()
	switch {
	case !row.AnsweredAt.IsZero() && !row.Allowed:
		return &oauth.Error{Status: http.StatusBadRequest, Code: oauth.AccessDenied, Text: "the person refused the device"}
	case !now.Before(row.ExpiresAt):
		return expiredDeviceCode(nil)
	}
	waited, err := g.config.Store.PollDeviceCode(ctx, d, now, slowDown)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return oauth.Refuse(oauth.InvalidGrant, invalidDeviceCode, err)
	case err != nil:
		return fmt.Errorf("grant: noting a poll: %w", err)
	case !waited:
		return oauth.Refuse(oauth.SlowDown, "the device polls too often; from now on it has to wait 5 seconds longer between two polls", nil)
	}
	return oauth.Refuse(oauth.AuthorizationPending, "the person has not answered yet; poll on", nil)
}
