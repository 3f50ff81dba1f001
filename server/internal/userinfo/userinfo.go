// Package userinfo is the userinfo endpoint (OpenID Connect Core §5.3): an application asks who the person is that
// it has an access token of.
//
//	handler := userinfo.New(userinfo.Config{Store: s, Tokens: reader, Logger: logger})
//
// The token has to be of a login with the scope openid that has not been ended. Whom else it is for does not
// matter: its other scopes say what of the person it opens.
package userinfo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/server/internal/accesstoken"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/idtoken"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store"
)

// Store is what the endpoint reads.
type Store interface {
	store.Subjects
	store.Users
	store.Applications
}

// Config says what the endpoint works with. All fields are required.
type Config struct {
	Store  Store
	Tokens *accesstoken.Reader
	// Bindings are those of the tokens that are sent to an issuer.
	Bindings func(oauth.Issuer) []postern.Binding
	Logger   *slog.Logger
}

// New returns the endpoint.
func New(config Config) endpoint.Handler {
	e := &userinfo{Config: config, guarded: make(map[oauth.Issuer]http.Handler)}
	for _, name := range config.Tokens.Issuers {
		issuer := oauth.Issuer(name)
		guard := &postern.Guard{
			Verifier: postern.VerifierFunc(e.verify), Bindings: config.Bindings(issuer), Responder: respond, Logger: config.Logger,
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
	e.guarded[issuer].ServeHTTP(w, r)
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
	user, err := e.Store.User(r.Context(), token.Subject())
	if err != nil {
		guard.Refuse(w, r, postern.Unavailable(fmt.Errorf("userinfo: reading the person: %w", err), retryAfter))
		return
	}
	claims := map[string]any{"sub": user.ID}
	maps.Copy(claims, idtoken.Profile(issuer, user, slices.Collect(token.Scopes())))
	write(w, http.StatusOK, claims)
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
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
}
