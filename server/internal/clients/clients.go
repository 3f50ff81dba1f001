// Package clients finds out who calls an endpoint: an API, a service user, whose client id is its username, or an
// application. They prove themselves with a secret, in the Authorization header (client_secret_basic) or in the
// body (client_secret_post), with an assertion signed by one of their keys (private_key_jwt), or with the certificate
// of their TLS connection (tls_client_auth, self_signed_tls_client_auth). An application
// that keeps no secret says who it is and proves nothing (none), where an endpoint lets it.
//
//	authenticator := clients.New(s, nil, uses, time.Now)
//	client, err := authenticator.Authenticate(ctx, request)
//	if err != nil {
//		return nil, err // invalid_client, invalid_request, or an outage
//	}
//	if client.API == nil {
//		return nil, … // this endpoint is for APIs
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
	"github.com/postern-auth/postern/server/internal/sender"
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
	store.Clients
	store.APIs
	store.ServiceUsers
	store.Applications
	store.Registrations
	store.Secrets
	store.ClientKeys
	store.ClientCertificates
	store.Assertions
}

// Client is who calls. Of API, ServiceUser and Application the one of its Kind is set.
type Client struct {
	store.Owner
	ClientID    string // client_id: the username of a service user
	API         *store.API
	ServiceUser *store.ServiceUser
	Application *store.Application
}

// Public reports whether the client keeps no secret, so that whoever knows its client id may call in its name
// (RFC 6749 §2.1).
func (c Client) Public() bool {
	return c.Application != nil && c.Application.Type != store.WebApplication
}

// keepsFAPI reports whether the client keeps the FAPI 2.0 Security Profile.
func (c Client) keepsFAPI() bool {
	return c.Application != nil && c.Application.Profile == oauth.ProfileFAPI2
}

// Authenticator authenticates clients. It is safe for concurrent use.
type Authenticator struct {
	store Store
	now   func() time.Time
	// certificates are those of TLS connections; nil: none are seen.
	certificates *sender.Certificates
	uses         Uses
	// nobody is compared with when there is no secret to compare with, so that this takes as long. It
	// matches nothing: what it is the digest of has been forgotten.
	nobody []store.Secret
}

// Uses is told what clients have proved themselves with.
type Uses interface {
	UsedSecret(store.Secret)
	UsedKey(store.ClientKey)
}

// New returns an Authenticator that takes the time from now. Without certificates, which may be nil, no client proves
// itself by one.
func New(s Store, certificates *sender.Certificates, uses Uses, now func() time.Time) *Authenticator {
	return &Authenticator{store: s, certificates: certificates, uses: uses, now: now, nobody: []store.Secret{{Digest: secret.Digest(secret.New())}}}
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
	return a.answer(ctx, r, a.prove)
}

// Identify is Authenticate for an endpoint that public clients call too: one of those is known by its client id,
// in the body or beside an empty password in the Authorization header, where some libraries put it. A client
// that can prove itself has to.
func (a *Authenticator) Identify(ctx context.Context, r *endpoint.Request) (Client, error) {
	return a.answer(ctx, r, func(ctx context.Context, r *endpoint.Request, o offer) (Client, error) {
		if id, alone := o.nameAlone(); alone {
			client, err := a.public(ctx, id)
			if errors.Is(err, ErrRefused) && o.nothingElse() {
				if proved, err := a.byCertificate(ctx, r, id); !errors.Is(err, ErrRefused) {
					return proved, err
				}
			}
			return client, err
		}
		return a.prove(ctx, r, o)
	})
}

func (a *Authenticator) answer(ctx context.Context, r *endpoint.Request, find func(context.Context, *endpoint.Request, offer) (Client, error)) (Client, error) {
	offer, err := read(r)
	if err != nil {
		return Client{}, err
	}
	client, err := find(ctx, r, offer)
	if errors.Is(err, ErrRefused) {
		return Client{}, oauth.Refuse(oauth.InvalidClient, "the client is not known, not active, or its credentials are not accepted", err)
	}
	if err != nil {
		return Client{}, err
	}
	r.ClientID = client.ClientID
	return client, nil
}

// public returns the public client with the client id.
func (a *Authenticator) public(ctx context.Context, id string) (Client, error) {
	owner, err := a.owner(ctx, id)
	if err != nil {
		return Client{}, err
	}
	if owner.Kind != store.ApplicationClient {
		return Client{}, refused("no public client has this id")
	}
	client, err := a.load(ctx, owner)
	if err == nil && !client.Public() {
		return Client{}, refused("client %q keeps a secret, and its client id proves nothing", client.ClientID)
	}
	return client, err
}

func (a *Authenticator) prove(ctx context.Context, r *endpoint.Request, o offer) (client Client, err error) {
	if o.assertion != "" {
		return a.byAssertion(ctx, r, o)
	}
	if o.clientID != "" && o.nothingElse() {
		return a.byCertificate(ctx, r, o.clientID)
	}
	for _, p := range o.passwords {
		if client, err = a.bySecret(ctx, p); !errors.Is(err, ErrRefused) {
			return client, err
		}
	}
	if err == nil { // no password was offered
		err = refused("no client authentication; want %s, %s, %s, %s or %s",
			oauth.MethodSecretBasic, oauth.MethodSecretPost, oauth.MethodPrivateKeyJWT, oauth.MethodTLS, oauth.MethodSelfSignedTLS)
	}
	return Client{}, err
}

// maxID bounds a client id, which is looked up.
const maxID = 256

// bySecret compares with every secret of the client. What the client is, is read only for who has a secret of
// it: how long a refusal takes must not tell which names exist.
func (a *Authenticator) bySecret(ctx context.Context, p password) (Client, error) {
	owner, err := a.owner(ctx, p.id)
	if err != nil {
		return Client{}, err
	}
	secrets, err := a.store.SecretsOf(ctx, owner)
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
	switch {
	case owner == nobody:
		// The id is not quoted: who mixes up the two settings sends the secret in its place.
		return Client{}, refused("no client has this id")
	case match == nil:
		return Client{}, refused("no secret of client %q matches", p.id)
	case ended(match.ExpiresAt, a.now()):
		return Client{}, refused("secret %q of client %q has expired", match.ID, p.id)
	}
	client, err := a.load(ctx, owner)
	if err == nil && client.keepsFAPI() {
		return Client{}, refused("client %q keeps the FAPI profile, in which no secret proves anything", p.id)
	}
	if err == nil {
		a.uses.UsedSecret(*match)
	}
	return client, err
}

// nobody has no secrets and no keys.
var nobody = store.Owner{Kind: store.APIClient}

// owner returns whom a client id names, or nobody.
func (a *Authenticator) owner(ctx context.Context, clientID string) (store.Owner, error) {
	if len(clientID) > maxID {
		return nobody, refused("client id is longer than %d bytes", maxID)
	}
	client, err := a.store.Client(ctx, clientID)
	if errors.Is(err, store.ErrNotFound) {
		return nobody, nil
	}
	if err != nil {
		return nobody, fmt.Errorf("clients: reading the client: %w", err)
	}
	return client.Owner, nil
}

// load returns the client that an owner is, unless it is gone or not active.
func (a *Authenticator) load(ctx context.Context, owner store.Owner) (Client, error) {
	client, active, err := a.ofKind(ctx, owner)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Client{}, refused("owner of the key or secret is gone")
	case err != nil:
		return Client{}, fmt.Errorf("clients: reading the owner of a key or secret: %w", err)
	case !active:
		return Client{}, refused("client %q is not active", client.ClientID)
	}
	return client, nil
}

// ofKind is the one place that tells the kinds of client apart.
func (a *Authenticator) ofKind(ctx context.Context, owner store.Owner) (client Client, active bool, err error) {
	switch owner.Kind {
	case store.APIClient:
		api, err := a.store.API(ctx, owner.ID)
		return Client{Owner: owner, ClientID: api.ClientID, API: &api}, api.Active, err
	case store.ServiceUserClient:
		user, err := a.store.ServiceUser(ctx, owner.ID)
		return Client{Owner: owner, ClientID: user.Username, ServiceUser: &user}, user.Active, err
	case store.ApplicationClient:
		application, err := a.store.Application(ctx, owner.ID)
		return Client{Owner: owner, ClientID: application.ClientID, Application: &application}, application.Active, err
	}
	return Client{}, false, fmt.Errorf("clients: %q is of the unknown kind %q", owner.ID, owner.Kind)
}

// ended reports whether something that lasts until end, or for ever when that is zero, is over.
func ended(end, now time.Time) bool { return !end.IsZero() && !now.Before(end) }
