// Package introspect is the introspection endpoint (RFC 7662): an API asks what a token says, and
// whether it still holds.
//
//	form := introspect.New(introspect.Config{Clients: authenticator, Holdings: holdings, Logger: logger, …})
//	mux.Mount(endpoint.Route{Endpoint: oauth.IntrospectionEndpoint, Methods: "POST", Handler: form})
//
// An answer is made for the API that asks. It is active only when the token is for that API or its
// project; scope, roles and permissions are what the subject holds there now, not what it held when the
// token was issued, and nothing of other projects. Every other token gets {"active":false} and no reason:
// the reason goes to the log. An API that asks for application/token-introspection+jwt gets its answers signed
// (RFC 9701).
package introspect

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/internal/accesstoken"
	"github.com/postern-auth/postern/server/internal/clients"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/holding"
	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/rights"
	"github.com/postern-auth/postern/server/internal/tally"
	"github.com/postern-auth/postern/server/store"
)

// never is the exp of a token that does not expire: the end of the year 9999. The claim is always there,
// for APIs read it unasked.
const never = 253402300799

// Config says what the endpoint works with. All fields are required.
type Config struct {
	Clients  *clients.Authenticator
	Holdings *holding.Reader
	Keys     *keys.Ring // sign answers
	Now      func() time.Time
	Tally    *tally.Tally
	Logger   *slog.Logger
}

type introspection struct{ Config }

// New returns the endpoint.
func New(config Config) *endpoint.Form {
	e := &introspection{config}
	return &endpoint.Form{
		Name: "introspect", Params: append([]string{oauth.ParamToken}, clients.Params...), Answer: e.answer, Logger: config.Logger,
	}
}

// answer answers in JSON, or signs the answer where the caller asks for that.
func (e *introspection) answer(ctx context.Context, r *endpoint.Request) (any, error) {
	answer, err := e.introspect(ctx, r)
	if err != nil || !wantsSigned(r) {
		return answer, err
	}
	return e.sign(ctx, r.Issuer, r.ClientID, answer)
}

func (e *introspection) introspect(ctx context.Context, r *endpoint.Request) (any, error) {
	ctx, _ = store.WithExactView(ctx)
	client, err := e.Clients.Authenticate(ctx, r)
	if err != nil {
		return nil, err
	}
	if client.API == nil {
		return nil, oauth.Refuse(oauth.UnauthorizedClient, "only APIs introspect tokens; use the credentials of an API", nil)
	}
	raw := r.Params.Value(oauth.ParamToken)
	if raw == "" {
		return nil, oauth.Refuse(oauth.InvalidRequest, "the parameter token is missing", nil)
	}
	held, err := e.Holdings.At(ctx, *client.API, raw)
	if errors.Is(err, accesstoken.ErrInactive) {
		decision := e.refused(*client.API, held.Facts, raw, err)
		r.Reply.Set(endpoint.Decision, decision)
		e.Logger.InfoContext(ctx, "token inactive", "endpoint", "introspect", "issuer", string(r.Issuer),
			"client_id", client.ClientID, "decision", decision, "reason", err.Error())
		return map[string]bool{"active": false}, nil
	}
	if err != nil {
		return nil, err
	}
	if held.Personal {
		e.Tally.UsedToken(held.ID, held.UsedAt)
	}
	return Answer(r.Issuer, *client.API, held), nil
}

// refused has a refusal counted and kept, and returns the id of the decision.
func (e *introspection) refused(api store.API, facts accesstoken.Facts, raw string, err error) string {
	r := store.Refusal{
		Where: "introspection", APIID: api.ID, Detail: strings.TrimPrefix(err.Error(), accesstoken.ErrInactive.Error()+": "),
		ClientID: facts.ClientID, Issuer: facts.Issuer, Audience: facts.Audience, Subject: facts.Subject,
	}
	switch {
	case facts.Subject == "":
		r.Reason = "token-unknown"
	case !facts.ExpiresAt.IsZero() && !e.Now().Before(facts.ExpiresAt):
		r.Reason = "token-expired"
	case !facts.Personal && !slices.Contains(facts.Audience, api.ProjectID) && (api.Identifier == "" || !slices.Contains(facts.Audience, api.Identifier)):
		r.Reason = "audience-mismatch"
	default:
		r.Reason = "token-inactive"
	}
	return e.Tally.Refused(r, raw)
}

// Answer says what a token gives at an API in the words of RFC 7662 §2.2 and of the programs that ask. The
// roles claims are there also when there are no roles: APIs read them unasked.
func Answer(issuer oauth.Issuer, api store.API, h holding.Holding) map[string]any {
	roles := rights.RolesClaim(h.Roles, h.By)
	a := map[string]any{
		"active":                               true,
		"client_id":                            h.ClientID,
		"username":                             h.Holder.Username,
		"token_type":                           h.Confirmation.TokenType(),
		"exp":                                  int64(never),
		"iat":                                  h.IssuedAt.Unix(),
		"nbf":                                  h.IssuedAt.Unix(),
		"sub":                                  h.Subject,
		"aud":                                  h.Audience,
		"iss":                                  h.Issuer,
		"jti":                                  h.ID,
		oauth.RolesClaim:                       roles,
		oauth.ProjectRolesClaim(api.ProjectID): roles,
	}
	if len(h.Scopes) > 0 {
		a["scope"] = strings.Join(h.Scopes, " ")
	}
	if cnf := h.Confirmation.Claim(); cnf != nil {
		a["cnf"] = cnf
	}
	if h.Family.Actor != "" {
		a["act"] = json.RawMessage(h.Family.Actor)
	}
	if h.Issuer == "" {
		a["iss"] = issuer
	}
	if !h.ExpiresAt.IsZero() {
		a["exp"] = min(h.ExpiresAt.Unix(), never)
	}
	if len(api.Permissions) > 0 {
		a["permissions"] = append([]string{}, h.Permissions...) // [] rather than null
	}
	return a
}
