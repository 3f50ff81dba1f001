package register

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/server/internal/clientmetadata"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// errUnauthorized is the answer to whoever does not show the token of a registration, be it there or not.
var errUnauthorized = errors.New("register: the token is not that of the registration")

func (r *Register) manage(ctx context.Context, req *endpoint.Request, text string) (int, any, error) {
	a, registration, err := r.find(ctx, req)
	if errors.Is(err, errUnauthorized) {
		return 0, nil, &oauth.Error{
			Status: http.StatusUnauthorized, Code: "invalid_token", Err: err,
			Text: "send the registration_access_token of this client as a bearer token in the Authorization header",
		}
	}
	if err != nil {
		return 0, nil, fmt.Errorf("register: reading a client: %w", err)
	}
	req.ClientID = a.ClientID
	switch req.Method {
	case http.MethodPut:
		return r.change(ctx, req, a, registration, text)
	case http.MethodDelete:
		err := r.Store.InTx(ctx, func(tx store.Tx) error { return registry.In(tx, a.ClientID, r.Now()).DeleteApplication(ctx, a) })
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return 0, nil, fmt.Errorf("register: deleting a client: %w", err)
		}
		return http.StatusNoContent, nil, nil
	}
	return http.StatusOK, registered(req, a, methodOf(a, registration), registration.Keys), nil
}

// find returns the active application that the path names, provided that the request shows its token.
func (r *Register) find(ctx context.Context, req *endpoint.Request) (store.Application, store.Registration, error) {
	scheme, token, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	id := req.PathValue("client")
	if len(req.Header["Authorization"]) != 1 || !strings.EqualFold(scheme, "Bearer") || len(id) > 64 || token == "" {
		return store.Application{}, store.Registration{}, errUnauthorized
	}
	a, err := r.Store.ApplicationByClientID(ctx, id)
	var registration store.Registration
	if err == nil {
		registration, err = r.Store.Registration(ctx, a.ID)
	}
	switch {
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return store.Application{}, store.Registration{}, err
	case !secret.Matches(token, registration.Digest), err != nil, registration.Kind != store.DynamicRegistration, !a.Active:
		return store.Application{}, store.Registration{}, errUnauthorized
	}
	return a, registration, nil
}

// methodOf returns the token_endpoint_auth_method. Those of a secret are one.
func methodOf(a store.Application, registration store.Registration) string {
	switch {
	case a.Type != store.WebApplication:
		return oauth.MethodNone
	case registration.Keys != "":
		return oauth.MethodPrivateKeyJWT
	}
	return oauth.MethodSecretBasic
}

// change replaces all that a client has registered (RFC 7592 §2.2), but for how it proves itself.
func (r *Register) change(ctx context.Context, req *endpoint.Request, a store.Application, registration store.Registration, text string) (int, any, error) {
	m, err := read(text)
	if err != nil {
		return 0, nil, err
	}
	former := methodOf(a, registration)
	switch {
	case m.ClientID != a.ClientID:
		return 0, nil, refuse("expected the client_id of this client, got " + oauth.Quote(m.ClientID))
	case m.AuthMethod != former && !(hasSecret(m.AuthMethod) && hasSecret(former)):
		return 0, nil, refuse("expected the token_endpoint_auth_method to stay " + former + "; register a new client for another")
	}
	if err := r.sameSecret(ctx, a, text); err != nil {
		return 0, nil, err
	}
	after := m.Application()
	after.ID, after.ClientID, after.CreatedAt = a.ID, a.ClientID, a.CreatedAt
	registration.Keys = m.Keys
	err = r.Store.InTx(ctx, func(tx store.Tx) error {
		return registry.In(tx, a.ClientID, r.Now()).ChangeRegistered(ctx, after, registration)
	})
	if err != nil {
		return 0, nil, fmt.Errorf("register: changing a client: %w", err)
	}
	return http.StatusOK, registered(req, after, m.AuthMethod, m.Keys), nil
}

// sameSecret refuses a client_secret that is not the client's: nobody chooses one (RFC 7592 §2.2).
func (r *Register) sameSecret(ctx context.Context, a store.Application, text string) error {
	var object claims.Object
	object.Parse(text) // as read has done
	value, found := object.Lookup("client_secret")
	if !found || value.Kind() == claims.Null {
		return nil
	}
	sent, _ := value.Text()
	secrets, err := r.Store.SecretsOf(ctx, owner(a))
	if err != nil {
		return fmt.Errorf("register: reading secrets: %w", err)
	}
	for _, row := range secrets {
		if secret.Matches(sent, row.Digest) {
			return nil
		}
	}
	return refuse("expected the client_secret that this client has, or none")
}

func refuse(text string) error { return oauth.Refuse(clientmetadata.InvalidMetadata, text, nil) }
