// Package token is the token endpoint (RFC 6749 §3.2). It finds the grant that a request is for and
// leaves the rest to it.
//
//	form := token.New(grants.ByType(), proofs, counts, issued, logger)
//	mux.Mount(endpoint.Route{Endpoint: oauth.TokenEndpoint, Methods: "POST", Handler: form})
package token

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/postern-auth/postern/server/internal/clients"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/grant"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/sender"
	"github.com/postern-auth/postern/server/internal/tally"
	"github.com/postern-auth/postern/server/store"
)

// New returns the endpoint for the grants, by their grant_type. A DPoP proof is taken in front of them all. A refusal
// is counted, and issued is told of every token, with its grant_type.
func New(grants map[string]grant.Grant, proofs *sender.Proofs, counts *tally.Tally, issued func(context.Context, string, *grant.Response), logger *slog.Logger) *endpoint.Form {
	params := append([]string{oauth.ParamGrantType}, clients.Params...)
	for _, g := range grants {
		params = append(params, g.Params...)
	}
	types := strings.Join(slices.Sorted(maps.Keys(grants)), " or ")
	return &endpoint.Form{Name: "token", Params: params, Logger: logger, Refused: counts.RefusedAt("token"), Answer: proofs.Taken(func(ctx context.Context, r *endpoint.Request) (any, error) {
		ctx, _ = store.WithView(ctx)
		name := r.Params.Value(oauth.ParamGrantType)
		if name == "" {
			return nil, oauth.Refuse(oauth.InvalidRequest, "the parameter grant_type is missing; want "+types, nil)
		}
		g, ok := grants[name]
		if !ok {
			return nil, oauth.Refuse(oauth.UnsupportedGrantType, "grant_type is "+oauth.Quote(name)+"; want "+types, nil)
		}
		response, err := g.Respond(ctx, r)
		if err != nil {
			return nil, err
		}
		issued(ctx, name, response)
		return response, nil
	})}
}
