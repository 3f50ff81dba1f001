// Package clients finds out who calls an endpoint: a service user, known by its username, or an API,
// known by its client id. Both prove themselves with a secret, in the Authorization header
// (client_secret_basic) or in the body (client_secret_post), or with an assertion signed by one of their
// keys (private_key_jwt).
//
//	authenticator := clients.New(s, time.Now)
//	client, err := authenticator.Authenticate(ctx, request)
//	if err != nil {
//		return nil, err // invalid_client, invalid_request, or an outage
//	}
//	if client.API == nil {
//		…
//	}
//
// A client that is refused learns nothing: an unknown name, a wrong secret and a deactivated owner get
// the same answer, which the endpoint sends after the same time. The reason is in the error, for the log.
package clients

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// ErrRefused says that credentials prove nothing. Errors that wrap it carry the reason; errors that do
// not are outages.
var ErrRefused = errors.New("clients: refused")

func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(format, args...))
}

// Store is what an Authenticator reads and writes.
type Store interface {
	store.APIs
	store.ServiceUsers
	store.Secrets
	store.ClientKeys
	store.Assertions
}

// Client is a caller that has proved itself. Exactly one of User and API is set.
type Client struct {
	ID   string // client_id: the username of a service user, the ClientID of an API
	User *store.ServiceUser
	API  *store.API
}

func (c Client) active() bool {
	return c.User != nil && c.User.Active || c.API != nil && c.API.Active
}

// owner returns whose secrets the client has; for the zero Client an owner that has none.
func (c Client) owner() store.Owner {
	switch {
	case c.User != nil:
		return store.Owner{Kind: store.ServiceUserClient, ID: c.User.ID}
	case c.API != nil:
		return store.Owner{Kind: store.APIClient, ID: c.API.ID}
	}
	return store.Owner{Kind: store.APIClient}
}

// Authenticator authenticates clients. It is safe for concurrent use.
type Authenticator struct {
	store Store
	now   func() time.Time
	// nobody is compared with when there is no secret to compare with, so that this takes as long. It
	// matches nothing: what it is the digest of has been forgotten.
	nobody []store.Secret
}

// New returns an Authenticator that takes the time from now.
func New(s Store, now func() time.Time) *Authenticator {
	return &Authenticator{store: s, now: now, nobody: []store.Secret{{Digest: secret.Digest(secret.New())}}}
}

// Params are the parameters by which clients say and prove who they are.
var Params = []string{oauth.ParamClientID, oauth.ParamClientSecret, oauth.ParamClientAssertion, oauth.ParamClientAssertionType}

// Offers reports whether the request holds credentials of a client, good or bad.
func Offers(r *endpoint.Request) bool {
	return len(r.Header["Authorization"]) > 0 || r.Params.Has(oauth.ParamClientSecret) ||
		r.Params.Has(oauth.ParamClientAssertion) || r.Params.Has(oauth.ParamClientAssertionType)
}

// Authenticate returns the client that sent the request, and sets the request's ClientID. Errors:
// invalid_request when the request uses two methods or contradicts itself, invalid_client when it proves
// nothing, and outages.
func (a *Authenticator) Authenticate(ctx context.Context, r *endpoint.Request) (Client, error) {
	offer, err := read(r)
	if err != nil {
		return Client{}, err
	}
	client, err := a.prove(ctx, r, offer)
	if errors.Is(err, ErrRefused) {
		return Client{}, oauth.Refuse(oauth.InvalidClient, "the client is not known, not active, or its credentials are not accepted", err)
	}
	if err != nil {
		return Client{}, err
	}
	r.ClientID = client.ID
	return client, nil
}

func (a *Authenticator) prove(ctx context.Context, r *endpoint.Request, o offer) (client Client, err error) {
	if o.assertion != "" {
		return a.byAssertion(ctx, r, o)
	}
	err = refused("no client authentication; want %s, %s or %s",
		oauth.MethodSecretBasic, oauth.MethodSecretPost, oauth.MethodPrivateKeyJWT)
	for _, p := range o.passwords {
		if client, err = a.bySecret(ctx, p); !errors.Is(err, ErrRefused) {
			return client, err
		}
	}
	return Client{}, err
}

// maxID bounds a client id, which is looked up.
const maxID = 256

// bySecret compares with every secret of the client, and with as many look-ups for a client that is
// unknown as for one that is known: how long it takes must not tell which names exist.
func (a *Authenticator) bySecret(ctx context.Context, p password) (Client, error) {
	if len(p.id) > maxID {
		return Client{}, refused("client id is longer than %d bytes", maxID)
	}
	client, err := a.named(ctx, p.id)
	if err != nil {
		return Client{}, err
	}
	secrets, err := a.store.SecretsOf(ctx, client.owner())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Client{}, fmt.Errorf("clients: reading secrets: %w", err)
	}
	if len(secrets) == 0 {
		secrets = a.nobody
	}
	var match *store.Secret
	for i := range secrets {
		if secret.Matches(p.secret, secrets[i].Digest) {
			match = &secrets[i]
		}
	}
	if err := a.judge(client, match); err != nil {
		if client.API != nil {
			a.store.ServiceUserByUsername(ctx, p.id) // the look-up that named spared, for its duration alone
		}
		return Client{}, err
	}
	return client, nil
}

func (a *Authenticator) judge(client Client, match *store.Secret) error {
	switch {
	case client.ID == "":
		// The id is not quoted: who mixes up the two settings sends the secret in its place.
		return refused("no client has this id")
	case match == nil:
		return refused("no secret of client %q matches", client.ID)
	case ended(match.ExpiresAt, a.now()):
		return refused("secret %q of client %q has expired", match.ID, client.ID)
	case !client.active():
		return refused("client %q is not active", client.ID)
	}
	return nil
}

// named returns the client with the id, or the zero Client.
func (a *Authenticator) named(ctx context.Context, id string) (Client, error) {
	api, err := a.store.APIByClientID(ctx, id)
	if err == nil {
		return Client{ID: api.ClientID, API: &api}, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return Client{}, fmt.Errorf("clients: reading the API: %w", err)
	}
	user, err := a.store.ServiceUserByUsername(ctx, id)
	if err == nil {
		return Client{ID: user.Username, User: &user}, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return Client{}, fmt.Errorf("clients: reading the service user: %w", err)
	}
	return Client{}, nil
}

// owned returns the client that an owner is.
func (a *Authenticator) owned(ctx context.Context, owner store.Owner) (Client, error) {
	var client Client
	var err error
	if owner.Kind == store.APIClient {
		var api store.API
		api, err = a.store.API(ctx, owner.ID)
		client = Client{ID: api.ClientID, API: &api}
	} else {
		var user store.ServiceUser
		user, err = a.store.ServiceUser(ctx, owner.ID)
		client = Client{ID: user.Username, User: &user}
	}
	if errors.Is(err, store.ErrNotFound) {
		return Client{}, refused("owner of the key is gone")
	}
	if err != nil {
		return Client{}, fmt.Errorf("clients: reading the owner of a key: %w", err)
	}
	return client, nil
}

// ended reports whether something that lasts until end, or for ever when that is zero, is over.
func ended(end, now time.Time) bool { return !end.IsZero() && !now.Before(end) }
