// Package register lets clients register themselves (RFC 7591), and read, change and delete what they have registered
// with the token that they got for it (RFC 7592). It is for servers whose operator wants that: whoever reaches the
// endpoint becomes an application that may ask people for consent, and nothing more.
//
// How many come is bounded by address and in all. One that no person has let in is gone after Unused.
package register

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/internal/clientmetadata"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

const (
	// Unused is how long an application stays that no person has let in.
	Unused = 24 * time.Hour
	// PerAddress is how many may register from one address within an hour.
	PerAddress = 20
	// Waiting is how many there may be that have registered within Unused.
	Waiting = 1000
)

// Config is what Register works with. Every field is required.
type Config struct {
	Store store.Store
	// From returns what counts as the address of a request, or an empty string for one that is not bounded.
	From   func(*endpoint.Request) string
	Now    func() time.Time
	Logger *slog.Logger
}

// Register registers clients. It is safe for concurrent use.
type Register struct{ Config }

// New returns a Register.
func New(config Config) *Register { return &Register{config} }

// Endpoint returns the registration_endpoint (RFC 7591 §3).
func (r *Register) Endpoint() *endpoint.Object {
	return &endpoint.Object{Name: "register", Answer: r.register, Logger: r.Logger}
}

// Client returns the endpoint of what one client has registered (RFC 7592 §2).
func (r *Register) Client() *endpoint.Object {
	return &endpoint.Object{Name: "registration", Answer: r.manage, Logger: r.Logger}
}

// Registered is the answer of RFC 7591 §3.2.1: what has been registered, which may be less than was asked for.
type Registered struct {
	ClientID        string `json:"client_id"`
	IssuedAt        int64  `json:"client_id_issued_at"`
	Secret          string `json:"client_secret,omitempty"`
	SecretExpiresAt *int64 `json:"client_secret_expires_at,omitempty"` // 0: never
	Token           string `json:"registration_access_token,omitempty"`
	URI             string `json:"registration_client_uri"`

	Name                 string          `json:"client_name"`
	Type                 string          `json:"application_type"`
	AuthMethod           string          `json:"token_endpoint_auth_method"`
	RedirectURIs         []string        `json:"redirect_uris"`
	LogoutURIs           []string        `json:"post_logout_redirect_uris,omitempty"`
	BackchannelLogoutURI string          `json:"backchannel_logout_uri,omitempty"`
	Grants               []string        `json:"grant_types"`
	ResponseTypes        []string        `json:"response_types"`
	IDTokenAlgorithm     string          `json:"id_token_signed_response_alg,omitempty"`
	Keys                 json.RawMessage `json:"jwks,omitempty"`
}

func (r *Register) register(ctx context.Context, req *endpoint.Request, text string) (int, any, error) {
	m, err := read(text)
	if err != nil {
		return 0, nil, err
	}
	now, token := r.Now(), secret.New()
	a := m.Application()
	a.ID = secret.NewID()
	a.ClientID, a.CreatedAt = a.ID, now
	registration := store.Registration{
		ApplicationID: a.ID, Kind: store.DynamicRegistration, Digest: secret.Digest(token), Keys: m.Keys, AddressPrefix: r.From(req),
		CreatedAt: now, ExpiresAt: now.Add(Unused),
	}
	var raw string
	err = r.Store.InTx(ctx, func(tx store.Tx) (err error) {
		writer := registry.In(tx, a.ClientID, now)
		bounds := store.RegistrationBounds{FromAddress: PerAddress, Since: now.Add(-time.Hour), Unexpired: Waiting}
		if err := writer.Register(ctx, a, registration, bounds); err != nil {
			return err
		}
		if raw = ""; hasSecret(m.AuthMethod) {
			raw, err = writer.CreateSecret(ctx, owner(a), time.Time{})
		}
		return err
	})
	switch {
	case errors.Is(err, store.ErrFull):
		req.Reply.Set("Retry-After", "3600")
		return 0, nil, &oauth.Error{
			Status: http.StatusTooManyRequests, Code: oauth.TemporarilyUnavailable, Err: err,
			Text: "too many clients have registered; try again in an hour, or have the operator set the client up",
		}
	case err != nil:
		return 0, nil, fmt.Errorf("register: keeping a client: %w", err)
	}
	req.ClientID = a.ClientID
	answer := registered(req, a, m.AuthMethod, m.Keys)
	answer.Token = token
	if raw != "" {
		answer.Secret, answer.SecretExpiresAt = raw, new(int64)
	}
	return http.StatusCreated, answer, nil
}

func read(text string) (clientmetadata.Metadata, error) {
	m, err := clientmetadata.Parse(text)
	if err != nil {
		return m, err
	}
	return m, m.CheckOrigins("")
}

func hasSecret(method string) bool {
	return method == oauth.MethodSecretBasic || method == oauth.MethodSecretPost
}

func owner(a store.Application) store.Owner {
	return store.Owner{Kind: store.ApplicationClient, ID: a.ID}
}

// registered describes an application that has registered itself.
func registered(r *endpoint.Request, a store.Application, method, keys string) *Registered {
	path, _, _ := strings.Cut(r.Issuer.Path(oauth.Registration), "{")
	answer := &Registered{
		ClientID: a.ClientID, IssuedAt: a.CreatedAt.Unix(), URI: r.Issuer.URL(path + a.ClientID),
		Name: a.Name, Type: "web", AuthMethod: method, RedirectURIs: a.RedirectURIs, LogoutURIs: a.LogoutURIs,
		BackchannelLogoutURI: a.BackchannelLogoutURI, Grants: a.Grants, ResponseTypes: []string{"code"},
		IDTokenAlgorithm: a.IDTokenAlgorithm, Keys: json.RawMessage(keys),
	}
	if a.Type == store.NativeApplication {
		answer.Type = "native"
	}
	return answer
}
