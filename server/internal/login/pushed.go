package login

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/clients"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/internal/sender"
	"github.com/postern-auth/postern/server/internal/site"
	"github.com/postern-auth/postern/server/store"
)

const (
	// PushedLifetime is how long a pushed request waits for its browser.
	PushedLifetime = 90 * time.Second
	// maxPushed bounds the pushed requests of a client that have not led to a code, and maxPublicPushed those of a
	// public one, in whose name everybody can push. Each push looks at all of them.
	maxPushed       = 10_000
	maxPublicPushed = 1_000
)

// PushedMetadata are the members that come with the endpoint of pushed requests (RFC 9126 §5).
func PushedMetadata() map[string]any {
	return map[string]any{"require_pushed_authorization_requests": false}
}

// Pushed returns the endpoint at which clients hand in authorization requests before they send a browser (RFC 9126).
// A request that is refused here would be refused there, but the client hears of it.
func (l *Login) Pushed() *endpoint.Form {
	params := slices.Concat(authorize.Parameters, clients.Params)
	slices.Sort(params)
	return &endpoint.Form{
		Name: "par", Params: slices.Compact(params), Status: http.StatusCreated, Answer: l.Proofs.Taken(l.push), Logger: l.Logger,
	}
}

// pushedAnswer is the answer of RFC 9126 §2.2.
type pushedAnswer struct {
	RequestURI string `json:"request_uri"`
	ExpiresIn  int64  `json:"expires_in"` // seconds
}

func (l *Login) push(ctx context.Context, r *endpoint.Request) (any, error) {
	client, err := l.pusher(ctx, r)
	if err != nil {
		return nil, err
	}
	if client.Application == nil {
		return nil, oauth.Refuse(oauth.UnauthorizedClient, "this endpoint is for applications that people log in to; use the client_id of one", nil)
	}
	now, handle := l.Now(), secret.New()
	digest := secret.Digest(handle)
	request, err := l.read(ctx, r, *client.Application, authorize.Arrival{
		PAR: hex.EncodeToString(digest[:]), ProofKey: r.Proof.Confirmation.Thumbprint, At: now,
	})
	if err != nil {
		return nil, err
	}
	text, err := request.Marshal()
	if err != nil {
		return nil, err
	}
	row := store.PushedRequest{Digest: digest, ClientID: client.ClientID, Request: string(text), ExpiresAt: now.Add(PushedLifetime)}
	limit := maxPushed
	if client.Public() {
		limit = maxPublicPushed
	}
	err = l.Store.InTx(ctx, func(tx store.Tx) error {
		if err := sender.Use(ctx, tx, r.Proof); err != nil {
			return err
		}
		return tx.CreatePushedRequest(ctx, row, now, limit)
	})
	switch {
	case errors.Is(err, store.ErrFull):
		return nil, &oauth.Error{
			Status: http.StatusTooManyRequests, Code: oauth.TemporarilyUnavailable, Err: err,
			Text: "too many requests of this client wait for their browsers; try again in a minute",
		}
	case err != nil:
		return nil, fmt.Errorf("login: keeping a pushed request: %w", err)
	}
	return pushedAnswer{RequestURI: pushedPrefix + handle, ExpiresIn: int64(PushedLifetime / time.Second)}, nil
}

// read reads a request that its client hands in itself.
func (l *Login) read(ctx context.Context, r *endpoint.Request, app store.Application, arrival authorize.Arrival) (authorize.Request, error) {
	values := make(url.Values)
	maps.Copy(values, url.Values(r.Params))
	values.Set(oauth.ParamClientID, app.ClientID) // as the client has proved, wherever it says so
	hint, err := l.Hints.Read(ctx, r.Issuer, values.Get("id_token_hint"))
	if err != nil {
		return authorize.Request{}, err
	}
	arrival.Issuer, arrival.Client, arrival.Hint = r.Issuer, registered(app), hint.Subject
	request, refusal := authorize.Parse(values, arrival)
	if refusal == nil {
		refusal, err = l.inadmissible(ctx, app, request)
	}
	if refusal != nil {
		return authorize.Request{}, oauth.Refuse(refusal.Code, refusal.Text, nil)
	}
	return request, err
}

// pushedPrefix begins the request_uri of a pushed request (RFC 9126 §2.2).
const pushedPrefix = "urn:ietf:params:oauth:request_uri:"

// pushedHandle returns what names a pushed request. Beside it no parameter but client_id counts.
func pushedHandle(values url.Values) (string, bool) {
	uris := values["request_uri"]
	if len(uris) != 1 {
		return "", false
	}
	return strings.CutPrefix(uris[0], pushedPrefix)
}

// rowDigest returns the digest of the row that an id in a request names.
func rowDigest(id string) (digest store.Digest, ok bool) {
	n, err := hex.Decode(digest[:], []byte(id[:min(len(id), hex.EncodedLen(len(digest)))]))
	return digest, err == nil && n == len(digest)
}

// pushed takes up a request that its client has handed in before.
func (l *Login) pushed(s *state, handle string) error {
	over := func(reason error) error {
		err := oauth.Refuse("invalid_request_uri", "the request_uri is not known, used, or too old; it is good for one login of the client that it was given to", reason)
		return &site.Failure{Page: page.Error{Cause: page.BadRequest, Application: s.app.Name, Developer: page.Developer{
			Parameter: "request_uri", Message: oauth.AsError(err).Text, Section: "RFC 9126 §4",
		}}, Err: err}
	}
	row, err := l.Store.PushedRequest(s.Context(), secret.Digest(handle))
	if errors.Is(err, store.ErrNotFound) {
		return over(nil)
	}
	if err != nil {
		return fmt.Errorf("login: reading a pushed request: %w", err)
	}
	if row.ClientID != s.app.ClientID || !row.UsedAt.IsZero() || !s.now.Before(row.ExpiresAt) {
		return over(nil)
	}
	if s.request, err = authorize.Unmarshal([]byte(row.Request)); err != nil {
		return over(err)
	}
	s.request.PAR = hex.EncodeToString(row.Digest[:])
	if refusal := s.request.Recheck(s.Issuer, s.client); refusal != nil {
		return l.refusal(s, refusal)
	}
	return l.admit(s)
}
