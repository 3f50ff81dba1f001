package login

import (
	"errors"
	"fmt"

	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/clientdocument"
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
	known, err := l.Store.ApplicationByClientID(s.Context(), id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("login: reading an application: %w", err)
	}
	if err == nil && !known.Active {
		return l.refusal(s, authorize.UnknownClient())
	}
	document, err := l.Documents.Find(s.Context(), id)
	var unusable *clientdocument.Unusable
	switch {
	case errors.As(err, &unusable):
		return l.unusable(unusable)
	case err != nil:
		return fmt.Errorf("login: %w", err)
	}
	s.document, s.app, s.client = &document, document.Application, registered(document.Application)
	return nil
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
