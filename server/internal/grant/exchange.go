package grant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/internal/accesstoken"
	"github.com/postern-auth/postern/server/internal/clients"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/rights"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/internal/sender"
	"github.com/postern-auth/postern/server/store"
)

// maxActors bounds how many have acted one for the other, each of whom is looked up whenever the last token is used.
const maxActors = 8

// tokenExchange serves a program that turns an access token which it was sent into one of its own (RFC 8693), to
// call other APIs with: about the same subject, with itself as the one who acts, and never with more than the token
// has that it brings. What came of a token ends with it.
func (g *Grants) tokenExchange(ctx context.Context, r *endpoint.Request) (*Response, error) {
	client, err := g.exchanger(ctx, r)
	if err != nil {
		return nil, err
	}
	x, err := g.exchange(ctx, r, client)
	if err != nil {
		return nil, err
	}
	asked, projects, err := x.scopes(r)
	if err != nil {
		return nil, err
	}
	names, err := narrowed(r, x.subject.Audience, projects...)
	if err != nil {
		return nil, err
	}
	to := x.recipient()
	if err := g.bind(r, &to); err != nil {
		return nil, err
	}
	if to.confirmation == (oauth.Confirmation{}) {
		to.confirmation = x.subject.Confirmation // what was bound stays so
	}
	draft, err := g.decide(ctx, r.Issuer, asked, to, func(rights.Rights) (targets, error) {
		return g.exchangeTargets(ctx, client, names)
	})
	if err != nil {
		return nil, err
	}
	draft.Actor = x.act
	return g.exchangeFor(ctx, r, x, draft)
}

// exchanger returns the client, which has to prove itself: else whoever has stolen a token could hide behind it.
func (g *Grants) exchanger(ctx context.Context, r *endpoint.Request) (clients.Client, error) {
	client, err := g.config.Clients.Authenticate(ctx, r)
	if err != nil {
		return clients.Client{}, err
	}
	var grants []string
	switch {
	case client.Application != nil:
		grants = client.Application.Grants
	case client.ServiceUser != nil:
		grants = client.ServiceUser.Grants
	}
	if !slices.Contains(grants, oauth.GrantTokenExchange) {
		return clients.Client{}, oauth.Refuse(oauth.UnauthorizedClient,
			"the client may not exchange tokens; list "+oauth.GrantTokenExchange+" among the grants of the application or service user", nil)
	}
	return client, nil
}

// exchange is what is exchanged, and by whom.
type exchange struct {
	client   clients.Client
	subject  accesstoken.Facts // of the subject_token
	about    store.Subject
	form     store.TokenForm // of tokens about it, where no API decides
	act      *accesstoken.Actor
	expires  time.Time
	familyID string
}

// The types of tokens that are known here (RFC 8693 §3).
const (
	accessTokenType = "urn:ietf:params:oauth:token-type:access_token"
	jwtType         = "urn:ietf:params:oauth:token-type:jwt"
)

// exchange reads the tokens of a request. Whatever is wrong with them is invalid_request (RFC 8693 §2.2.2).
func (g *Grants) exchange(ctx context.Context, r *endpoint.Request, client clients.Client) (exchange, error) {
	x := exchange{client: client, familyID: secret.NewID()}
	if requested := r.Params.Value(oauth.ParamRequestedTokenType); requested != "" && requested != accessTokenType {
		return x, oauth.Refuse(oauth.InvalidRequest, "requested_token_type has to be "+accessTokenType+": an exchange yields nothing else", nil)
	}
	if !r.Params.Has(oauth.ParamSubjectToken) {
		return x, oauth.Refuse(oauth.InvalidRequest, "the parameter subject_token is missing", nil)
	}
	var err error
	if x.subject, x.about, err = g.exchanged(ctx, r, oauth.ParamSubjectToken, oauth.ParamSubjectTokenType); err != nil {
		return x, err
	}
	x.expires = x.subject.ExpiresAt
	if x.about.Kind == store.ServiceUserSubject {
		user, err := g.config.Store.ServiceUser(ctx, x.about.ID)
		if err != nil {
			return x, fmt.Errorf("grant: reading the service user: %w", err)
		}
		x.form = user.Form
	}
	actor, err := g.actor(ctx, r, &x)
	if err != nil {
		return x, err
	}
	x.act = &accesstoken.Actor{Subject: actor}
	if former := x.subject.Family.Actor; former != "" {
		x.act.Actor = new(accesstoken.Actor)
		if err := json.Unmarshal([]byte(former), x.act.Actor); err != nil {
			return x, fmt.Errorf("grant: reading an actor: %w", err)
		}
	}
	if x.act.Depth() > maxActors {
		return x, oauth.Refuse(oauth.InvalidRequest, fmt.Sprintf("the subject_token has been exchanged %d times; it is not exchanged again", maxActors), nil)
	}
	return x, nil
}

// actor returns the name of who acts: the client itself, or the subject of the actor_token, which has to be the
// client's.
func (g *Grants) actor(ctx context.Context, r *endpoint.Request, x *exchange) (string, error) {
	if !r.Params.Has(oauth.ParamActorToken) {
		if r.Params.Has(oauth.ParamActorTokenType) {
			return "", oauth.Refuse(oauth.InvalidRequest, "there is an actor_token_type and no actor_token", nil)
		}
		if x.client.ServiceUser != nil {
			return x.client.ID, nil
		}
		return x.client.ClientID, nil
	}
	facts, about, err := g.exchanged(ctx, r, oauth.ParamActorToken, oauth.ParamActorTokenType)
	switch {
	case err != nil:
		return "", err
	case facts.ClientID != x.client.ClientID:
		return "", oauth.Refuse(oauth.InvalidRequest, "the actor_token was issued to another client", nil)
	case facts.Family.Actor != "":
		return "", oauth.Refuse(oauth.InvalidRequest, "the actor_token came of an exchange; nobody acts by somebody else's token", nil)
	}
	if facts.ExpiresAt.Before(x.expires) {
		x.expires = facts.ExpiresAt
	}
	return about.ID, nil
}

// exchanged reads one of the tokens of a request and returns what it says, and about whom.
func (g *Grants) exchanged(ctx context.Context, r *endpoint.Request, name, typeName string) (accesstoken.Facts, store.Subject, error) {
	refused := func(text string, reason error) (accesstoken.Facts, store.Subject, error) {
		return accesstoken.Facts{}, store.Subject{}, oauth.Refuse(oauth.InvalidRequest, text, reason)
	}
	if kind := r.Params.Value(typeName); kind != accessTokenType && kind != jwtType {
		return refused(typeName+" has to be "+accessTokenType+": other tokens open nothing that could be passed on", nil)
	}
	facts, err := g.config.Holdings.Tokens.Read(ctx, r.Params.Value(name))
	if errors.Is(err, accesstoken.ErrInactive) {
		return refused("the "+name+" is not an access token of this server that is active", err)
	}
	if err != nil {
		return accesstoken.Facts{}, store.Subject{}, err
	}
	switch {
	case facts.Personal:
		return refused("the "+name+" is a personal access token, which stands for all that its user has; it is not exchanged", nil)
	case facts.Issuer != string(r.Issuer):
		return refused("the "+name+" was issued by another issuer of this server; ask the one that issued it", nil)
	case !g.proves(r, facts.Confirmation):
		return refused("the "+name+" is bound to a key of its sender, and this request does not prove that one", nil)
	}
	about, err := g.config.Holdings.Holder(ctx, facts)
	if errors.Is(err, accesstoken.ErrInactive) {
		return refused("the "+name+" is not an access token of this server that is active", err)
	}
	return facts, about, err
}

// scopes returns what is asked for: all that the token has, or some of that. Projects that scopes name narrow the
// targets; whether the token is for them is seen there.
func (x *exchange) scopes(r *endpoint.Request) (asked, projects []string, err error) {
	text := r.Params.Value(oauth.ParamScope)
	if text == "" {
		return x.subject.Scopes, nil, nil
	}
	if asked, err = parseScope(text); err != nil {
		return nil, nil, err
	}
	for _, scope := range asked {
		if len(projectScopes([]string{scope})) == 0 && !slices.Contains(x.subject.Scopes, scope) {
			return nil, nil, oauth.Refuse(oauth.InvalidScope, "the subject_token does not have the scope "+oauth.Quote(scope), nil)
		}
	}
	return asked, projectScopes(asked), nil
}

func (x *exchange) recipient() recipient {
	to := recipient{
		subject: x.about, clientID: x.client.ClientID, form: x.form, familyID: x.familyID, narrowed: true,
		login: accesstoken.Login{At: x.subject.Family.AuthTime, ACR: x.subject.Family.ACR, AMR: x.subject.Family.AMR},
	}
	switch {
	case x.client.Application != nil:
		to.constraint, to.profile = constraintOf(*x.client.Application), x.client.Application.Profile
	case x.client.ServiceUser != nil:
		to.constraint = x.client.ServiceUser.SenderConstraint
	}
	return to
}

// exchangeTargets finds the targets of an exchange. A service user has to have been let in there itself.
func (g *Grants) exchangeTargets(ctx context.Context, client clients.Client, names []string) (targets, error) {
	list, err := g.namedTargets(ctx, names)
	if err != nil || client.ServiceUser == nil {
		return list, err
	}
	held, err := rights.Of(ctx, g.config.Store, client.ID)
	if err != nil {
		return nil, err
	}
	for _, t := range list {
		if err := g.allow(t, held); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// exchangeFor writes the token that comes of an exchange, and the family by which it ends with the one it came of.
func (g *Grants) exchangeFor(ctx context.Context, r *endpoint.Request, x exchange, draft accesstoken.Draft) (*Response, error) {
	now := g.config.Mint.Now()
	left := x.expires.Sub(now).Truncate(time.Second)
	if left < time.Second {
		return nil, oauth.Refuse(oauth.InvalidRequest, "the subject_token or actor_token is about to expire", nil)
	}
	draft.Lifetime = min(draft.Lifetime, left)
	actor, err := json.Marshal(x.act)
	if err != nil {
		return nil, fmt.Errorf("grant: an actor: %w", err)
	}
	family := store.Family{
		ID: x.familyID, SubjectID: x.about.ID, ClientID: x.client.ClientID, Issuer: string(r.Issuer), Kind: store.ExchangeFamily,
		Scopes: draft.Scopes, Targets: draft.Audience, AuthTime: draft.Login.At, ACR: draft.Login.ACR, AMR: draft.Login.AMR,
		Parent: x.subject.FamilyID, Source: x.subject.ID, Actor: string(actor), CreatedAt: now, ExpiresAt: now.Add(draft.Lifetime),
	}
	var issued accesstoken.Issued
	if draft.Form != store.FormOpaque {
		if issued, err = g.config.Mint.Issue(ctx, draft); err != nil {
			return nil, issueError(err)
		}
	}
	err = g.config.Store.InTx(ctx, func(tx store.Tx) (err error) {
		if err := sender.Use(ctx, tx, r.Proof); err != nil {
			return err
		}
		if err := tx.CreateFamily(ctx, family); err != nil || draft.Form != store.FormOpaque {
			return err
		}
		issued, err = g.config.Mint.In(tx).Issue(ctx, draft)
		return err
	})
	if err != nil {
		return nil, issueError(fmt.Errorf("grant: writing tokens: %w", err))
	}
	return &Response{
		Token: issued, AccessToken: issued.Raw, IssuedTokenType: accessTokenType, TokenType: draft.Confirmation.TokenType(),
		ExpiresIn: int64(draft.Lifetime / time.Second), Scope: strings.Join(draft.Scopes, " "),
	}, nil
}
