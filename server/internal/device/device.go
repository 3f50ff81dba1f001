// Package device is the device authorization endpoint (RFC 8628 §3.1): a device that has no browser, or no keys to
// type with, asks to be let in, shows its person a short code and where to type it, and polls the token endpoint
// meanwhile. The page on which it is typed is package login's.
//
//	form := device.New(device.Config{Store: s, Clients: authenticator, …})
//	mux.Mount(endpoint.Route{Endpoint: oauth.DeviceEndpoint, Methods: "POST", Handler: form})
package device

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/clients"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/internal/usercode"
	"github.com/postern-auth/postern/server/store"
)

const (
	// Lifetime is how long a device waits for its person.
	Lifetime = 10 * time.Minute
	// Interval is how long a device is asked to wait between two polls.
	Interval = 5 * time.Second
	// grace is how much earlier than asked a poll may come: networks are not even.
	grace = time.Second
	// maxOpen bounds the devices of a client that wait, and maxPublicOpen those of a public one, in whose name
	// everybody can ask. Each request looks at all of them.
	maxOpen       = 10_000
	maxPublicOpen = 1_000
)

// Page is where people type the codes.
var Page = oauth.Endpoint{ZITADEL: "/device", Auth0: "/activate"}

// Config says what the endpoint works with. All fields are required.
type Config struct {
	Store   store.DeviceCodes
	Clients *clients.Authenticator
	// CheckTargets returns nil when all names are those of active APIs and projects, an error of oauth.Refuse when
	// one is not, and any other for an outage.
	CheckTargets func(ctx context.Context, names []string) error
	// Address returns from where a request came, which the person is shown.
	Address func(*endpoint.Request) netip.Addr
	Now     func() time.Time
	Logger  *slog.Logger
}

type device struct{ Config }

// New returns the endpoint.
func New(config Config) *endpoint.Form {
	d := &device{config}
	return &endpoint.Form{
		Name: "device", Params: append([]string{oauth.ParamScope, oauth.ParamAudience, oauth.ParamResource}, clients.Params...),
		Answer: d.answer, Logger: config.Logger,
	}
}

// answer is that of RFC 8628 §3.2.
type answer struct {
	DeviceCode              string `json:"device_code"`
	UserCode                string `json:"user_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete"`
	ExpiresIn               int64  `json:"expires_in"` // seconds
	Interval                int64  `json:"interval"`   // seconds
}

func (d *device) answer(ctx context.Context, r *endpoint.Request) (any, error) {
	client, err := d.Clients.Identify(ctx, r)
	if err != nil {
		return nil, err
	}
	switch app := client.Application; {
	case app == nil:
		return nil, oauth.Refuse(oauth.UnauthorizedClient, "this endpoint is for applications that people log in to; use the client_id of one", nil)
	case !slices.Contains(app.Grants, oauth.GrantDeviceCode):
		return nil, oauth.Refuse(oauth.UnauthorizedClient, "the application is not registered for the grant type "+oauth.GrantDeviceCode, nil)
	}
	raw, now := secret.New(), d.Now()
	row := store.DeviceCode{
		Digest: secret.Digest(raw), UserCode: usercode.New(), ClientID: client.ClientID, CreatedAt: now, Wait: Interval - grace,
		ExpiresAt: now.Add(Lifetime),
	}
	if from := d.Address(r); from.IsValid() {
		row.Address = from.Unmap().WithZone("").String()
	}
	if row.Request, err = d.request(ctx, r, client, row.Digest); err != nil {
		return nil, err
	}
	if err := d.keep(ctx, &row, client.Public()); err != nil {
		return nil, err
	}
	shown, page := usercode.Show(row.UserCode), r.Issuer.URL(r.Issuer.Path(Page))
	return answer{
		DeviceCode: raw, UserCode: shown, VerificationURI: page, VerificationURIComplete: page + "?user_code=" + shown,
		ExpiresIn: int64(Lifetime / time.Second), Interval: int64(Interval / time.Second),
	}, nil
}

// request returns what the device asks, as it is kept.
func (d *device) request(ctx context.Context, r *endpoint.Request, client clients.Client, digest store.Digest) (string, error) {
	request, refusal := authorize.ParseDevice(url.Values(r.Params), authorize.Arrival{
		Issuer: r.Issuer, Client: authorize.Client{ID: client.ClientID}, Device: hex.EncodeToString(digest[:]), At: d.Now(),
	})
	if refusal != nil {
		return "", oauth.Refuse(refusal.Code, refusal.Text, nil)
	}
	if err := d.CheckTargets(ctx, request.Targets.List()); err != nil {
		return "", err
	}
	text, err := request.Marshal()
	return string(text), err
}

// keep writes the row. A user code that is there already is replaced: there are many more than devices.
func (d *device) keep(ctx context.Context, row *store.DeviceCode, public bool) error {
	limit := maxOpen
	if public {
		limit = maxPublicOpen
	}
	for tries := 0; ; tries++ {
		err := d.Store.CreateDeviceCode(ctx, *row, row.CreatedAt, limit)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, store.ErrFull):
			return &oauth.Error{
				Status: http.StatusTooManyRequests, Code: oauth.TemporarilyUnavailable, Err: err,
				Text: "too many devices of this client wait for their people; try again in a few minutes",
			}
		case errors.Is(err, store.ErrNotFound):
			return oauth.Refuse(oauth.InvalidClient, "the client is gone", err)
		case !errors.Is(err, store.ErrExists) || tries == 3:
			return fmt.Errorf("device: keeping a device code: %w", err)
		}
		row.UserCode = usercode.New()
	}
}
