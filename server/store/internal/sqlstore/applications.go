package sqlstore

import (
	"context"
	"slices"
	"time"

	"github.com/postern-auth/postern/server/store"
)

const selectApplications = `
	SELECT a.id, a.project_id, a.name, c.client_id, a.type, a.redirect_uris, a.logout_uris, a.allowed_origins,
		a.backchannel_logout_uri, a.initiate_login_uri, a.grants, a.id_token_lifetime, a.refresh_idle, a.refresh_lifetime,
		a.id_token_algorithm, a.id_token_claims, a.refresh_ends_with_session, a.first_party, a.insecure_no_pkce,
		a.sender_constraint, a.profile, a.active, a.created_at, a.userinfo_algorithm
	FROM applications a JOIN clients c ON c.kind = 'application' AND c.id = a.id `

func addApplication(row Scan, all []store.Application) ([]store.Application, error) {
	var a store.Application
	err := row(&a.ID, (*optional)(&a.ProjectID), &a.Name, (*optional)(&a.ClientID), &a.Type,
		(*texts)(&a.RedirectURIs), (*texts)(&a.LogoutURIs), (*texts)(&a.AllowedOrigins),
		&a.BackchannelLogoutURI, &a.InitiateLoginURI, (*texts)(&a.Grants), &a.IDTokenLifetime, &a.RefreshIdle, &a.RefreshLifetime,
		&a.IDTokenAlgorithm, &a.IDTokenClaims, &a.RefreshEndsWithSession, &a.FirstParty, &a.InsecureNoPKCE,
		&a.SenderConstraint, &a.Profile, &a.Active, (*instant)(&a.CreatedAt), &a.UserinfoAlgorithm)
	return append(all, a), err
}

func copyApplication(a store.Application) store.Application {
	for _, list := range []*[]string{&a.RedirectURIs, &a.LogoutURIs, &a.AllowedOrigins, &a.Grants} {
		*list = slices.Clone(*list)
	}
	return a
}

// Application returns the application with the id.
func (t *Tx) Application(ctx context.Context, id string) (store.Application, error) {
	return recallOne(ctx, t, "application", id, addApplication, copyApplication, selectApplications+`WHERE a.id = $1`, id)
}

// ApplicationByClientID returns the application with the client id. An empty one finds nothing.
func (t *Tx) ApplicationByClientID(ctx context.Context, clientID string) (store.Application, error) {
	return recallOne(ctx, t, "application by client id", clientID, addApplication, copyApplication, selectApplications+`WHERE c.client_id = $1`, clientID)
}

// Applications returns all applications, ordered by name.
func (t *Tx) Applications(ctx context.Context) ([]store.Application, error) {
	return list(ctx, t, "applications", "", addApplication, selectApplications+`ORDER BY a.name, a.id`)
}

// ApplicationsPart returns the part of them that the window asks for, in the order of their names.
func (t *Tx) ApplicationsPart(ctx context.Context, w store.Window) (store.Part[store.Application], error) {
	return listing[store.Application]{
		what: "applications", add: addApplication, query: selectApplications,
		name: "a.name", id: "a.id", alone: "applications a", searched: []string{"a.name", "c.client_id", "a.id"},
	}.part(ctx, t, w)
}

// FollowingOf counts who uses the application with the client id.
func (t *Tx) FollowingOf(ctx context.Context, clientID string, now time.Time) (store.Following, error) {
	return find(ctx, t, "following of application", clientID, addFollowing, `
		SELECT (SELECT count(DISTINCT subject_id) FROM families WHERE client_id = $1 AND revoked_at IS NULL AND expires_at > $2),
			(SELECT count(*) FROM consents WHERE client_id = $1)`, clientID, instant(t.orNow(now)))
}

func addFollowing(row Scan, all []store.Following) ([]store.Following, error) {
	var f store.Following
	err := row(&f.People, &f.Consents)
	return append(all, f), err
}

// PutApplication creates the application or replaces the one with its ID, as client too. Errors:
// store.ErrExists when ClientID, or Name within the project, is taken; store.ErrNotFound when the project is
// not there.
func (t *Tx) PutApplication(ctx context.Context, a store.Application) error {
	return t.alter(ctx, "put application", a.ID, func(q Querier) error {
		if err := putClient(q, store.Owner{Kind: store.ApplicationClient, ID: a.ID}, a.ClientID); err != nil {
			return err
		}
		_, err := q.Exec(`
			INSERT INTO applications (id, project_id, name, type, redirect_uris, logout_uris, allowed_origins,
				backchannel_logout_uri, grants, id_token_lifetime, refresh_idle, refresh_lifetime, id_token_algorithm,
				id_token_claims, refresh_ends_with_session, first_party, insecure_no_pkce, profile, active, created_at,
				sender_constraint, userinfo_algorithm, initiate_login_uri)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
			ON CONFLICT (id) DO UPDATE SET
				project_id = excluded.project_id, name = excluded.name, type = excluded.type,
				redirect_uris = excluded.redirect_uris, logout_uris = excluded.logout_uris,
				allowed_origins = excluded.allowed_origins, backchannel_logout_uri = excluded.backchannel_logout_uri,
				grants = excluded.grants, id_token_lifetime = excluded.id_token_lifetime,
				refresh_idle = excluded.refresh_idle, refresh_lifetime = excluded.refresh_lifetime,
				id_token_algorithm = excluded.id_token_algorithm, id_token_claims = excluded.id_token_claims,
				refresh_ends_with_session = excluded.refresh_ends_with_session, first_party = excluded.first_party,
				insecure_no_pkce = excluded.insecure_no_pkce, profile = excluded.profile, active = excluded.active,
				created_at = excluded.created_at, sender_constraint = excluded.sender_constraint,
				userinfo_algorithm = excluded.userinfo_algorithm, initiate_login_uri = excluded.initiate_login_uri`,
			a.ID, optional(a.ProjectID), a.Name, a.Type, texts(a.RedirectURIs), texts(a.LogoutURIs), texts(a.AllowedOrigins),
			a.BackchannelLogoutURI, texts(a.Grants), int64(a.IDTokenLifetime), int64(a.RefreshIdle), int64(a.RefreshLifetime),
			a.IDTokenAlgorithm, a.IDTokenClaims, a.RefreshEndsWithSession, a.FirstParty, a.InsecureNoPKCE, a.Profile,
			a.Active, instant(a.CreatedAt), a.SenderConstraint, a.UserinfoAlgorithm, a.InitiateLoginURI)
		return err
	})
}

// DeleteApplication removes the application with its secrets, keys, consents and families of tokens.
func (t *Tx) DeleteApplication(ctx context.Context, id string) error {
	return t.alter(ctx, "delete application", id, func(q Querier) error {
		return deleteClient(q, store.Owner{Kind: store.ApplicationClient, ID: id})
	})
}

const selectConsents = `SELECT user_id, client_id, scopes, targets, given_at, updated_at FROM consents `

func addConsent(row Scan, all []store.Consent) ([]store.Consent, error) {
	var c store.Consent
	err := row(&c.UserID, &c.ClientID, (*texts)(&c.Scopes), (*texts)(&c.Targets), (*instant)(&c.GivenAt), (*instant)(&c.UpdatedAt))
	return append(all, c), err
}

// Consent returns what the user has let the client have.
func (t *Tx) Consent(ctx context.Context, userID, clientID string) (store.Consent, error) {
	return find(ctx, t, "consent of user", userID, addConsent, selectConsents+`WHERE user_id = $1 AND client_id = $2`, userID, clientID)
}

// ConsentsOf returns the consents of a user, ordered by ClientID.
func (t *Tx) ConsentsOf(ctx context.Context, userID string) ([]store.Consent, error) {
	return list(ctx, t, "consents of user", userID, addConsent, selectConsents+`WHERE user_id = $1 ORDER BY client_id`, userID)
}

// PutConsent creates the consent or replaces what was consented to, but for GivenAt. Errors: store.ErrNotFound
// when the user or the client is not there.
func (t *Tx) PutConsent(ctx context.Context, c store.Consent) error {
	return t.alter(ctx, "put consent of user", c.UserID, func(q Querier) error {
		_, err := q.Exec(`
			INSERT INTO consents (user_id, client_id, scopes, targets, given_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (user_id, client_id) DO UPDATE SET
				scopes = excluded.scopes, targets = excluded.targets, updated_at = excluded.updated_at`,
			c.UserID, c.ClientID, texts(c.Scopes), texts(c.Targets), instant(c.GivenAt), instant(c.UpdatedAt))
		return err
	})
}

// DeleteConsent removes the consent.
func (t *Tx) DeleteConsent(ctx context.Context, userID, clientID string) error {
	return t.alter(ctx, "delete consent of user", userID, func(q Querier) error {
		return change(q, `DELETE FROM consents WHERE user_id = $1 AND client_id = $2`, userID, clientID)
	})
}
