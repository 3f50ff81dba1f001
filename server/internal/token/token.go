// Package token is the token endpoint (RFC 6749 §3.2). It finds the grant that a request is for and
// leaves the rest to it.
//
//	endpoint := token.New(grants.ByType(), logger)
//	endpoint.Serve(w, r, entry)
package token

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/postern-auth/postern/server/internal/grant"
	"github.com/postern-auth/postern/server/internal/oauth"
)

// New returns the endpoint for the grants, by their grant_type.
func New(grants map[string]grant.Func, logger *slog.Logger) *oauth.Endpoint {
	types := strings.Join(slices.Sorted(maps.Keys(grants)), " or ")
	return &oauth.Endpoint{Name: "token", Logger: logger, Answer: func(ctx context.Context, r *oauth.Request) (any, error) {
		name := r.Params.Value(oauth.ParamGrantType)
		if name == "" {
			return nil, oauth.Refuse(oauth.InvalidRequest, "the parameter grant_type is missing; want "+types, nil)
		}
		respond, ok := grants[name]
		if !ok {
			return nil, oauth.Refuse(oauth.UnsupportedGrantType, "grant_type is "+oauth.Quote(name)+"; want "+types, nil)
		}
		response, err := respond(ctx, r)
		if err != nil {
			return nil, err
		}
		return response, nil
	}}
}
