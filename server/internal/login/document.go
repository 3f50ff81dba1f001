package login

import (
	"context"
	"errors"
	"fmt"

	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/clientdocument"
	"github.com/postern-auth/postern/server/internal/clients"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/site"
	"github.com/postern-auth/postern/server/store"
)

// findDocument reads the document of a client whose client id is a URL. What the store has of it from before does not
// count, but for an operator's no.
func (l *Login) findDocument(s *state, id string) error {
	if l.Documents == nil {
		return l.refusal(s, authorize.UnknownClient())
	}
	document, err := l.document(s.Context(), id)
	var unusable *clientdocument.Unusable
	switch {
	case errors.Is(err, errShut):
		return l.refusal(s, authorize.UnknownClient())
	case errors.As(err, &unusable):
		return l.unusable(unusable)
	case err != nil:
		return err
	}
	s.document, s.app, s.client = &document, document.Application, registered(document.Application)
	return nil
}

// errShut says that an operator has shut a client out.
var errShut = errors.New("login: the client has been deactivated")

// document returns the client with the id. Errors: errShut, *clientdocument.Unusable, and outages.
func (l *Login) document(ctx context.Context, id string) (clientdocument.Client, error) {
	known, err := l.Store.ApplicationByClientID(ctx, id)
	switch {
	case err == nil && !known.Active:
		return clientdocument.Client{}, errShut
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return clientdocument.Client{}, fmt.Errorf("login: reading an application: %w", err)
	}
	document, err := l.Documents.Find(ctx, id)
	if err != nil {
		return clientdocument.Client{}, fmt.Errorf("login: %w", err)
	}
	return document, nil
}

// pusher returns the client that pushes a request. One that proves nothing and describes itself at a URL may be one that
// nobody has let in yet.
func (l *Login) pusher(ctx context.Context, r *endpoint.Request) (clients.Client, error) {
	id := r.Params.Value(oauth.ParamClientID)
	if l.Documents == nil || !clientdocument.IsURL(id) || clients.Offers(r) {
		return l.Clients.Identify(ctx, r)
	}
	document, err := l.document(ctx, id)
	var unusable *clientdocument.Unusable
	switch app := document.Application; {
	case errors.As(err, &unusable):
		return clients.Client{}, oauth.Refuse(oauth.InvalidClient, unusable.Text, unusable)
	case errors.Is(err, errShut), err == nil && app.Type == store.WebApplication:
		return l.Clients.Identify(ctx, r) // which refuses it
	case err != nil:
		return clients.Client{}, err
	default:
		r.ClientID = id
		return clients.Client{Owner: store.Owner{Kind: store.ApplicationClient, ID: app.ID}, ClientID: id, Application: &app}, nil
	}
}

// unusable returns the error of a client that does not describe itself as it should. There is nobody to tell but who
// looks at the page.
func (l *Login) unusable(why *clientdocument.Unusable) error {
	return &site.Failure{
		Page: page.Error{Cause: page.UnknownApplication, Developer: page.Developer{
			Parameter: "client_id", Message: why.Text, Section: "draft-ietf-oauth-client-id-metadata-document", Open: l.Site.InsecureHints,
		}},
		Err: oauth.Refuse(oauth.InvalidRequest, why.Text, why),
	}
}
