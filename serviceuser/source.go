package serviceuser

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/postern-auth/postern/internal/fetch"
	"github.com/postern-auth/postern/internal/metadata"
	"golang.org/x/oauth2"
)

const (
	// maxAhead is how long before its end a token is renewed, and aheadPart the part of its life that
	// this is at most.
	maxAhead  = time.Minute
	aheadPart = 5
	// retryAfter is how long a failure keeps the token endpoint from being asked again: callers may come
	// by the thousand, and none of them would fare better.
	retryAfter = 2 * time.Second
	// maxAnswer bounds the answer of a token endpoint.
	maxAnswer = 64 << 10
)

// Source yields access tokens and renews them. It is an oauth2.TokenSource and safe for concurrent use.
//
// oauth2.NewClient asks it in the last ten seconds of a token's life; used directly, it renews up to a
// minute ahead.
type Source struct {
	issuer   string
	tokenURL string // empty: from the metadata
	form     url.Values
	prove    func(http.Header, url.Values) error
	client   *fetch.Client
	proves   bool // client proves possession of a key
	metadata *metadata.Source
	now      func() time.Time
	shared   fetch.Shared[*oauth2.Token]

	mu     sync.Mutex
	kept   *oauth2.Token
	renew  time.Time // when kept is due
	failed error     // why the last call failed; nil when it did not
	tried  time.Time // when the last call was begun, or failed
}

var _ oauth2.TokenSource = (*Source)(nil)

// Token returns a token that is good now. It is TokenContext without a context: a call takes at most ten
// seconds.
func (s *Source) Token() (*oauth2.Token, error) { return s.TokenContext(context.Background()) }

// TokenContext returns a token that is good now, the kept one or a new one. Its Expiry is always set; an
// answer without expires_in is taken to last five minutes. Its TokenType is Bearer, or DPoP when the Source
// asks for bound tokens. Extra("scope") is the scope that the answer named, a string, or nil.
//
// The error is an *Error when the token endpoint refused, wraps ErrUnavailable when it gave no usable
// answer, or is that of ctx. The two former are kept for two seconds.
func (s *Source) TokenContext(ctx context.Context) (*oauth2.Token, error) {
	token, due, err := s.current()
	switch {
	case err != nil:
		return nil, err
	case token == nil:
		if token, err = s.shared.Do(ctx, s.first); err != nil {
			return nil, err
		}
	case due:
		// Nobody waits for it: the kept token still serves.
		go s.shared.Do(context.WithoutCancel(ctx), s.fetch)
	}
	// A copy: what one caller does to its token must not change that of the next.
	return token.WithExtra(map[string]any{"scope": token.Extra("scope")}), nil
}

// AccessToken returns the raw token of TokenContext. It is what a dpop.Transport takes its tokens from.
func (s *Source) AccessToken(ctx context.Context) (string, error) {
	token, err := s.TokenContext(ctx)
	if err != nil {
		return "", err
	}
	return token.AccessToken, nil
}

// current returns the kept token if it is good, and whether the caller is the one to renew it; or the
// error of a call that failed just now.
func (s *Source) current() (token *oauth2.Token, due bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	rested := now.Sub(s.tried) >= retryAfter || now.Before(s.tried) // the clock may be set back
	if s.kept != nil && now.Before(s.kept.Expiry) {
		due = rested && !now.Before(s.renew)
		if due {
			s.tried = now
		}
		return s.kept, due, nil
	}
	if s.failed != nil && !rested {
		return nil, false, s.failed
	}
	return nil, false, nil
}

// first is fetch for callers that found no token, some of whom found none because they looked too early.
func (s *Source) first(ctx context.Context) (*oauth2.Token, error) {
	if token, _, err := s.current(); token != nil || err != nil {
		return token, err
	}
	return s.fetch(ctx)
}

// fetch asks for a token and keeps the outcome.
func (s *Source) fetch(ctx context.Context) (*oauth2.Token, error) {
	// Before the call: a token lives from when the server made it, not from when it arrived.
	asked := s.now()
	token, err := s.ask(ctx, asked)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = err
	if err != nil {
		s.tried = s.now()
		return nil, err
	}
	s.kept = token
	s.renew = token.Expiry.Add(-min(maxAhead, token.Expiry.Sub(asked)/aheadPart))
	return token, nil
}

func (s *Source) ask(ctx context.Context, asked time.Time) (*oauth2.Token, error) {
	endpoint, err := s.endpoint(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	header, form := http.Header{}, maps.Clone(s.form)
	if err := s.prove(header, form); err != nil {
		return nil, fmt.Errorf("serviceuser: %w", err)
	}
	answer, err := s.client.Post(ctx, endpoint, header, form, maxAnswer)
	if err != nil || answer.Status == http.StatusNotFound {
		s.metadata.Doubt(endpoint)
	}
	if err != nil {
		return nil, unavailable(err)
	}
	set, err := readAnswer(answer)
	if refusal := new(Error); errors.As(err, &refusal) {
		return nil, err
	}
	var token *oauth2.Token
	if err == nil {
		token, err = parseToken(set, asked, s.proves)
	}
	if err != nil {
		return nil, unavailable(fmt.Errorf("token endpoint %s: %w", endpoint, err))
	}
	return token, nil
}

func (s *Source) endpoint(ctx context.Context) (string, error) {
	if s.tokenURL != "" {
		return s.tokenURL, nil
	}
	endpoint, err := s.metadata.URL(ctx)
	if errors.Is(err, metadata.ErrAbsent) {
		err = fmt.Errorf("%w; set TokenURL", err)
	}
	return endpoint, err
}

func (s *Source) String() string {
	place := s.issuer
	if place == "" {
		place = s.tokenURL
	}
	return fmt.Sprintf("serviceuser source (%s at %s)", s.form.Get("grant_type"), place)
}

// Format keeps the tokens out of every verb.
func (s *Source) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// LogValue keeps the tokens out of logs.
func (s *Source) LogValue() slog.Value { return slog.StringValue(s.String()) }

// PersonalAccessToken returns a source that yields the token itself, always. It makes no call and cannot
// renew: when the token has ended, its owner makes a new one. A token that is empty or that no header can
// carry, say for a line end behind it, is an error when it is first asked for.
func PersonalAccessToken(token string) oauth2.TokenSource { return &personal{token} }

// personal is a struct so that printing it does not show its text.
type personal struct{ token string }

func (p *personal) Token() (*oauth2.Token, error) {
	if p.token == "" {
		return nil, errors.New("serviceuser: personal access token is empty")
	}
	if !isToken(p.token) {
		return nil, errors.New("serviceuser: personal access token has a space, a line end or another character that no token has")
	}
	return &oauth2.Token{AccessToken: p.token, TokenType: bearer}, nil
}

func (*personal) String() string { return "serviceuser source (personal access token)" }

// Format keeps the token out of every verb.
func (p *personal) Format(f fmt.State, _ rune) { fmt.Fprint(f, p.String()) }

// LogValue keeps the token out of logs.
func (p *personal) LogValue() slog.Value { return slog.StringValue(p.String()) }
