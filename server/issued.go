package server

import (
	"context"
	"slices"

	"github.com/postern-auth/postern/server/internal/grant"
)

// Issued is what may be told of an access token that was issued. The token itself is not in it.
type Issued struct {
	Grant     string // grant_type, or console for one that an operator tries out
	Form      string // such as opaque or rfc9068
	ID        string // jti, or that of an opaque token
	Issuer    string // iss
	ClientID  string // client_id
	SubjectID string // the store's id of who the token is about
	Audience  []string
}

// issued counts a token, and tells who is to be told.
func (s *Server) issued(ctx context.Context, grantType string, r *grant.Response) {
	s.tally.Issued()
	if s.config.OnIssue == nil {
		return
	}
	t := &r.Token
	s.config.OnIssue(ctx, Issued{
		Grant: grantType, Form: string(t.Form), ID: t.ID, Issuer: t.Issuer,
		ClientID: t.ClientID, SubjectID: t.Subject.ID, Audience: slices.Clone(t.Audience),
	})
}
