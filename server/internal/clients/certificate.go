package clients

import (
	"context"
	"errors"
	"fmt"

	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/store"
)

// byCertificate authenticates a client by the certificate of its TLS connection (RFC 8705 §2): tls_client_auth and
// self_signed_tls_client_auth. The body says which client it is.
func (a *Authenticator) byCertificate(ctx context.Context, r *endpoint.Request, id string) (Client, error) {
	got, err := a.certificates.Of(r.Request)
	if err != nil {
		return Client{}, refused("%v", err)
	}
	owner, err := a.owner(ctx, id)
	if err != nil {
		return Client{}, err
	}
	registered, err := a.store.ClientCertificatesOf(ctx, owner)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Client{}, fmt.Errorf("clients: reading certificates: %w", err)
	}
	if err := a.certificates.Match(got, registered); err != nil {
		return Client{}, refused("%v", err)
	}
	return a.load(ctx, owner)
}
