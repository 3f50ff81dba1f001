// Package userinfo is the userinfo endpoint (OpenID Connect Core §5.3): an application asks who the person is that
// it has an access token of.
//
//	handler := userinfo.New(userinfo.Config{Store: s, Tokens: reader, Keys: ring, Logger: logger})
//
// The token has to be of a login with the scope openid that has not been ended. Whom else it is for does not
// matter: its other scopes say what of the person it opens. The answer is JSON, or a JWT that the application can
// show to others: for one that is set so, and for who asks for that media type.
package userinfo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/accesstoken"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/idtoken"
	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/rights"
	"github.com/postern-auth/postern/server/store"
)

// Store is what the endpoint reads.
type Store interface {
	store.Subjects
	store.Users
	store.Applications
	store.Families
	store.Projects
	store.Assignments
}

// Config says what the endpoint works with. All fields are required.
type Config struct {
	Store  Store
	Tokens *accesstoken.Reader
	Keys   *keys.Ring
	// Bindings are those of the tokens that are sent to an issuer.
	Bindings func(oauth.Issuer) []postern.Binding
	// OnDecision is the Guard's.
	OnDecision func(*http.Request, *postern.Token, *postern.Error)
	Logger     *slog.Logger
}

// New returns the endpoint.
func New(config Config) endpoint.Handler {
	e := &userinfo{Config: config, guarded: make(map[oauth.Issuer]http.Handler)}
	for _, name := range config.Tokens.Issuers {
		issuer := oauth.Issuer(name)
		guard := &postern.Guard{
			Verifier: postern.VerifierFunc(e.verify), Bindings: config.Bindings(issuer), Responder: respond, Logger: config.Logger,
			OnDecision:       config.OnDecision,
			RefuseQueryToken: true,
		}
		e.guarded[issuer] = guard.Require(postern.Scope("openid"))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			e.answer(w, r, issuer, guard)
		}))
	}
	return e
}

type userinfo struct {
	Config
	guarded map[oauth.Issuer]http.Handler
}

// Serve answers one request to the issuer.
func (e *userinfo) Serve(w http.ResponseWriter, r *http.Request, issuer oauth.Issuer) {
	ctx, _ := store.WithExactView(r.Context())
	e.guarded[issuer].ServeHTTP(w, r.WithContext(ctx))
}

// Refuse answers with an error that has nothing to do with the token.
func (e *userinfo) Refuse(w http.ResponseWriter, _ *http.Request, issuer oauth.Issuer, err error) {
	endpoint.RefuseJSON(w, issuer, err)
}

const retryAfter = 2 * time.Second

// verify takes the tokens of people alone: a program has no profile.
func (e *userinfo) verify(ctx context.Context, raw string) (*postern.Token, error) {
	facts, err := e.Tokens.Read(ctx, raw)
	if err == nil && facts.FamilyID == "" {
		err = fmt.Errorf("%w: the token is not of a person's login", accesstoken.ErrInactive)
	}
	if err == nil {
		err = e.person(ctx, facts)
	}
	if err == nil {
		err = e.application(ctx, facts)
	}
	if errors.Is(err, accesstoken.ErrInactive) {
		return nil, fmt.Errorf("%w: %w", postern.ErrInactive, err)
	}
	if err != nil {
		return nil, postern.Unavailable(err, retryAfter)
	}
	if !facts.JWT {
		facts.ID = store.Family{ID: facts.FamilyID}.JTI(facts.ID) // as those of JWTs are, for claims
	}
	return postern.NewToken(postern.TokenData{
		Issuer: facts.Issuer, Subject: facts.SubjectID, ClientID: facts.ClientID, ID: facts.ID, Scopes: facts.Scopes,
		IssuedAt: facts.IssuedAt, Expiry: facts.ExpiresAt, Confirmation: facts.Confirmation.Claim(),
	}), nil
}

func (e *userinfo) person(ctx context.Context, facts accesstoken.Facts) error {
	subject, err := e.Store.Subject(ctx, facts.SubjectID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("%w: the person is gone", accesstoken.ErrInactive)
	case err != nil:
		return fmt.Errorf("userinfo: reading the person: %w", err)
	case subject.Kind != store.UserSubject:
		return fmt.Errorf("%w: the token is of a program", accesstoken.ErrInactive)
	case !subject.Active:
		return fmt.Errorf("%w: the person is locked", accesstoken.ErrInactive)
	case facts.IssuedAt.Before(subject.NotBefore):
		return fmt.Errorf("%w: the tokens of the person have been ended", accesstoken.ErrInactive)
	}
	return nil
}

func (e *userinfo) application(ctx context.Context, facts accesstoken.Facts) error {
	app, err := e.Store.ApplicationByClientID(ctx, facts.ClientID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("%w: the application is gone", accesstoken.ErrInactive)
	case err != nil:
		return fmt.Errorf("userinfo: reading the application: %w", err)
	case !app.Active:
		return fmt.Errorf("%w: the application is not active", accesstoken.ErrInactive)
	}
	return nil
}

func (e *userinfo) answer(w http.ResponseWriter, r *http.Request, issuer oauth.Issuer, guard *postern.Guard) {
	token, _ := postern.TokenFrom(r.Context())
	claims, app, err := e.claims(r.Context(), issuer, token)
	if err != nil {
		guard.Refuse(w, r, postern.Unavailable(err, retryAfter))
		return
	}
	w.Header().Add("Vary", "Accept")
	if app.UserinfoAlgorithm == "" && !asksForJWT(r) {
		write(w, http.StatusOK, claims)
		return
	}
	raw, err := e.sign(r.Context(), issuer, app, claims)
	if err != nil {
		guard.Refuse(w, r, postern.Unavailable(err, retryAfter))
		return
	}
	send(w, http.StatusOK, mediaJWT, []byte(raw))
}

// claims are what the token opens of the person, and the application that it was given to.
func (e *userinfo) claims(ctx context.Context, issuer oauth.Issuer, token *postern.Token) (map[string]any, store.Application, error) {
	user, err := e.Store.User(ctx, token.Subject())
	if err != nil {
		return nil, store.Application{}, fmt.Errorf("userinfo: reading the person: %w", err)
	}
	app, err := e.Store.ApplicationByClientID(ctx, token.ClientID())
	if err != nil {
		return nil, store.Application{}, fmt.Errorf("userinfo: reading the application: %w", err)
	}
	// A token for an API has lost the scopes that mean nothing there; what the person allowed has them.
	family, err := e.Store.Family(ctx, store.FamilyOf(token.ID()))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, store.Application{}, fmt.Errorf("userinfo: reading what was allowed: %w", err)
	}
	claims, err := rights.Claims(ctx, e.Store, user, app, family.Kind, family.Scopes)
	if err != nil {
		return nil, store.Application{}, err
	}
	maps.Copy(claims, idtoken.Profile(issuer, user, slices.Collect(token.Scopes())))
	claims["sub"] = user.ID
	return claims, app, nil
}

// asksForJWT reports whether the request names the one media type of signed answers, and not that of others too.
func asksForJWT(r *http.Request) bool {
	accept := strings.ToLower(strings.Join(r.Header.Values("Accept"), ","))
	return strings.Contains(accept, mediaJWT) && !strings.Contains(accept, "application/json") && !strings.Contains(accept, "*/*")
}

const mediaJWT = "application/jwt"

// sign returns the claims as a JWT for the application (OpenID Connect Core §5.3.2). It has neither a nonce nor a
// time of login: nobody can take it for an ID token.
func (e *userinfo) sign(ctx context.Context, issuer oauth.Issuer, app store.Application, claims map[string]any) (string, error) {
	alg := cmp.Or(jws.Algorithm(app.UserinfoAlgorithm), jws.Algorithm(app.IDTokenAlgorithm), idtoken.DefaultAlgorithm)
	signer, err := e.Keys.Signer(ctx, alg)
	if err != nil {
		return "", fmt.Errorf("userinfo: %w", err)
	}
	claims["iss"], claims["aud"] = issuer, app.ClientID
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("userinfo: encoding claims: %w", err)
	}
	return signer.Sign("JWT", payload)
}

// respond is the answer to a bad token: the challenge is in the headers by then, and the body says the same.
func respond(w http.ResponseWriter, _ *http.Request, e *postern.Error) {
	code := e.Code
	if code == "" {
		code = "invalid_token"
	}
	if e.Status == http.StatusServiceUnavailable {
		code = string(oauth.TemporarilyUnavailable)
	}
	write(w, e.Status, map[string]any{"error": code, "error_description": e.Description})
}

func write(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("userinfo: answer is not JSON: " + err.Error()) // it is built of our own plain types
	}
	send(w, status, "application/json", append(body, '\n'))
}

func send(w http.ResponseWriter, status int, mediaType string, body []byte) {
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(body) // an error means that the client is gone: nobody is left to tell
}
