// Package discovery tells clients and APIs what the server offers: the metadata document (RFC 8414, and
// OpenID Connect Discovery) and the key set that verifies its JWTs.
//
//	mux.Mount(endpoint.Route{Endpoint: oauth.Metadata, Methods: "GET", Handler: discovery.Metadata(mux.Metadata)})
//
// The document names what is mounted, and nothing else.
package discovery

import (
	"context"
	"log/slog"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/idtoken"
	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/internal/oauth"
)

// Metadata returns the endpoint of the metadata (RFC 8414 §3), which are those of an endpoint.Mux.
func Metadata(members func() map[string]any) *endpoint.Document {
	return &endpoint.Document{Name: "metadata", MaxAge: keys.MaxAge, Answer: func(context.Context, *endpoint.Request) (any, error) {
		return members(), nil
	}}
}

// Keys returns the endpoint of the key set (RFC 7517 §5).
func Keys(ring *keys.Ring, logger *slog.Logger) *endpoint.Document {
	return &endpoint.Document{Name: "keys", MaxAge: keys.MaxAge, Logger: logger, Answer: func(ctx context.Context, _ *endpoint.Request) (any, error) {
		set, err := ring.Published(ctx)
		if err != nil {
			return nil, err
		}
		return set, nil
	}}
}

// Authenticating returns the members that say how clients prove themselves at an endpoint, which is token,
// introspection or revocation (RFC 8414 §2). More are methods beside those that every client has.
func Authenticating(name string, more ...string) map[string]any {
	return map[string]any{
		name + "_endpoint_auth_methods_supported": append(
			[]string{oauth.MethodSecretBasic, oauth.MethodSecretPost, oauth.MethodPrivateKeyJWT}, more...),
		name + "_endpoint_auth_signing_alg_values_supported": jws.Algorithms(),
	}
}

// OpenID returns the members that OpenID Connect asks for beside those of OAuth (OpenID Connect Discovery §3).
func OpenID() map[string]any {
	return map[string]any{
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{string(idtoken.DefaultAlgorithm)},
		"userinfo_signing_alg_values_supported": jws.Algorithms(),
		"claims_supported":                      idtoken.Claims(),
	}
}
