// Package holding says what an access token gives at this moment at one API, whatever it said when it was
// issued: whether its subject is still active, whether it is for this API, and which scopes, roles and
// permissions its subject holds there now.
//
//	reader := &holding.Reader{Store: s, Tokens: tokens}
//	held, err := reader.At(ctx, api, raw)
//	switch {
//	case errors.Is(err, accesstoken.ErrInactive): // the token gives nothing here; the reason is in the error
//	case err != nil:                              // nobody can say
//	}
//
// The introspection endpoint tells an API of it, and a Verifier guards the server's own.
package holding

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/postern-auth/postern/server/internal/accesstoken"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/rights"
	"github.com/postern-auth/postern/server/store"
)

// Store is what a Reader reads.
type Store interface {
	store.Projects
	store.Subjects
	store.Clients
	store.Assignments
	store.Applications
}

// Reader finds out what tokens give. Its fields are required; it is safe for concurrent use.
type Reader struct {
	Store  Store
	Tokens *accesstoken.Reader
}

// Holding is what a token gives at an API.
type Holding struct {
	accesstoken.Facts
	Holder      store.Subject
	Audience    []string // with the API's client id, by which it knows itself
	Scopes      []string
	Roles       []string           // in the API's project, sorted
	Permissions []string           // on the API, sorted
	By          store.Organization // who gave the roles; zero without any
}

// At returns what a raw token gives at the API. Errors: accesstoken.ErrInactive, with the Facts alone when the token is
// genuine all the same, and outages.
func (r *Reader) At(ctx context.Context, api store.API, raw string) (Holding, error) {
	facts, err := r.Tokens.Read(ctx, raw)
	if err != nil {
		return Holding{Facts: facts}, err
	}
	return r.of(ctx, api, facts)
}

func (r *Reader) of(ctx context.Context, api store.API, facts accesstoken.Facts) (Holding, error) {
	nothing := Holding{Facts: facts}
	holder, err := r.holder(ctx, facts)
	if err != nil {
		return nothing, err
	}
	project, err := r.project(ctx, api.ProjectID)
	if err != nil {
		return nothing, err
	}
	held, err := rights.Of(ctx, r.Store, holder.ID)
	if err != nil {
		return nothing, err
	}
	h := Holding{
		Facts: facts, Holder: holder,
		Roles: held.Roles(project.ID), Permissions: held.Permissions(api.ID),
	}
	if h.Audience, err = audience(facts, holder, api, project, held); err != nil {
		return nothing, err
	}
	h.Scopes = h.scopes(api, held)
	if err := r.narrow(ctx, &h); err != nil {
		return nothing, err
	}
	if len(h.Roles) > 0 {
		if h.By, err = r.Store.Organization(ctx, project.OrganizationID); err != nil {
			return nothing, fmt.Errorf("holding: reading the organization: %w", err)
		}
	}
	return h, nil
}

// narrow holds what a person's token gives to the scopes of the token, where the application that got it is of
// another house, or the token is a device's or came of another: what the person has beyond what they allowed is not
// its business.
func (r *Reader) narrow(ctx context.Context, h *Holding) error {
	if h.FamilyID == "" {
		return nil
	}
	beyond := func(key string) bool { return !slices.Contains(h.Scopes, key) }
	firstParty, err := r.client(ctx, h.ClientID)
	if err != nil || firstParty && h.Family.Kind == store.CodeFamily {
		return err
	}
	h.Roles, h.Permissions = slices.DeleteFunc(h.Roles, beyond), slices.DeleteFunc(h.Permissions, beyond)
	return nil
}

// client refuses a client that is not active any more: an application, or the service user that has exchanged a token
// of somebody else. It reports whether it is an application of the house.
func (r *Reader) client(ctx context.Context, clientID string) (firstParty bool, err error) {
	app, err := r.Store.ApplicationByClientID(ctx, clientID)
	active := app.Active
	if errors.Is(err, store.ErrNotFound) {
		var client store.Client
		if client, err = r.Store.Client(ctx, clientID); err == nil {
			var subject store.Subject
			subject, err = r.Store.Subject(ctx, client.ID)
			active = subject.Active && client.Kind == store.ServiceUserClient
		}
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return false, inactive("client %.64q is gone", clientID)
	case err != nil:
		return false, fmt.Errorf("holding: reading the client: %w", err)
	case !active:
		return false, inactive("client %q is not active", clientID)
	}
	return app.FirstParty, nil
}

// Holder returns the subject of a token that has been read, unless it or the client is gone, locked, or has been ended
// since the token was issued. Errors: accesstoken.ErrInactive, and outages.
func (r *Reader) Holder(ctx context.Context, facts accesstoken.Facts) (store.Subject, error) {
	subject, err := r.holder(ctx, facts)
	if err == nil && facts.FamilyID != "" {
		_, err = r.client(ctx, facts.ClientID)
	}
	return subject, err
}

// holder returns the subject, unless it or the client has been ended since the token was issued.
func (r *Reader) holder(ctx context.Context, facts accesstoken.Facts) (store.Subject, error) {
	subject, err := r.Store.Subject(ctx, facts.SubjectID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return subject, inactive("subject %.64q is gone", facts.SubjectID)
	case err != nil:
		return subject, fmt.Errorf("holding: reading the subject: %w", err)
	case !subject.Active:
		return subject, inactive("subject %q is not active", subject.ID)
	case facts.IssuedAt.Before(subject.NotBefore):
		return subject, inactive("tokens about subject %q that were issued before %s have been ended", subject.ID, subject.NotBefore)
	}
	client, err := r.Store.Client(ctx, facts.ClientID)
	switch {
	case errors.Is(err, store.ErrNotFound): // it has another name by now; the subject decides alone
	case err != nil:
		return subject, fmt.Errorf("holding: reading the client: %w", err)
	case facts.IssuedAt.Before(client.NotBefore):
		return subject, inactive("tokens of client %q that were issued before %s have been ended", client.ClientID, client.NotBefore)
	}
	return subject, nil
}

func (r *Reader) project(ctx context.Context, id string) (store.Project, error) {
	project, err := r.Store.Project(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return project, inactive("project %q of the API is gone", id)
	case err != nil:
		return project, fmt.Errorf("holding: reading the project: %w", err)
	case !project.Active:
		return project, inactive("project %q of the API is not active", id)
	}
	return project, nil
}

func inactive(format string, args ...any) error {
	return fmt.Errorf("%w: %s", accesstoken.ErrInactive, fmt.Sprintf(format, args...))
}

// audience returns the audience of the token, or why it is not for the API. A personal access token without
// an audience is for all that its subject has an assignment for.
//
// The client id of an API is not something that tokens are issued for. It is added for the API, and never
// taken as a reason to let it have a token: who could choose it could choose another's.
func audience(facts accesstoken.Facts, holder store.Subject, api store.API, project store.Project, held rights.Rights) ([]string, error) {
	aud := slices.Clone(facts.Audience)
	if facts.Personal && len(aud) == 0 {
		if !held.OnProject(project.ID) && !held.OnAPI(api.ID) {
			return nil, inactive("subject %q has no assignment for API %q or project %q", facts.SubjectID, api.ClientID, project.ID)
		}
		aud = append(aud, project.ID)
		if api.Identifier != "" {
			aud = append(aud, api.Identifier)
		}
	}
	byIdentifier := api.Identifier != "" && slices.Contains(aud, api.Identifier)
	byProject := slices.Contains(aud, project.ID)
	switch {
	case !byIdentifier && !byProject:
		return nil, inactive("token is for %q, asked by API %q of project %q; its request has to name one of them", aud, api.ClientID, project.ID)
	// A program's token by identifier was issued on the strength of an assignment, and ends with it. A person
	// may have one for every API, and without an assignment it gives nothing there.
	case !byProject && !facts.Personal && holder.Kind == store.ServiceUserSubject && !held.OnAPI(api.ID):
		return nil, inactive("subject %q has no assignment for API %q any more", facts.SubjectID, api.ClientID)
	}
	if !slices.Contains(aud, api.ClientID) {
		aud = append(aud, api.ClientID)
	}
	return aud, nil
}

// scopes returns what of the token's scopes holds at the API now. A personal access token never asked for
// scopes and has all that its subject holds. When that is nothing it has openid, as ZITADEL's have: it says who
// its subject is, and programs written for those read scope unasked.
func (h *Holding) scopes(api store.API, held rights.Rights) []string {
	var scopes []string
	for _, scope := range h.Facts.Scopes {
		if slices.Contains(oauth.StandardScopes, scope) || held.Holds(api, scope) {
			scopes = append(scopes, scope)
		}
	}
	if !h.Personal {
		return scopes
	}
	keys := slices.Concat(h.Roles, h.Permissions)
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		if !slices.Contains(scopes, key) {
			scopes = append(scopes, key)
		}
	}
	if len(scopes) == 0 {
		return []string{"openid"}
	}
	return scopes
}
