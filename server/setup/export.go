package setup

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/internal/document"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// Export is a store written as a document.
type Export struct {
	// Document is what Apply makes of an empty store to have the same objects: all but secrets, keys, personal access
	// tokens and passwords, of which a store has no more than a check.
	Document []byte
	// Unsaid counts what a document cannot say, by what it is: people without a login name, and applications that belong to
	// no project, such as those that have registered themselves.
	Unsaid map[string]int
}

// NewExport reads the store and writes it as a document, in which everything has its place whatever the order in which it
// was made. It writes nothing to the store, and reads all of it in one transaction. Errors: what the store says, wrapped.
func NewExport(ctx context.Context, s store.Store) (*Export, error) {
	var made *Export
	err := s.InTx(ctx, func(tx store.Tx) (err error) {
		x := &exporter{store: tx, names: make(map[string]string), made: &Export{Unsaid: make(map[string]int)}}
		made, err = x.export(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("setup: export: %w", err)
	}
	return made, nil
}

// WriteTo writes the document with a line above it that says what it is.
func (x *Export) WriteTo(w io.Writer) (int64, error) {
	const head = "# Written by 'postern export'. It holds no secrets, keys, tokens or passwords.\n"
	n, err := io.WriteString(w, head+string(x.Document))
	return int64(n), err
}

// exporter is an Export in the making.
type exporter struct {
	store store.Tx
	names map[string]string // by which assignments refer to projects and APIs, by their ids
	made  *Export
}

func (x *exporter) export(ctx context.Context) (*Export, error) {
	var doc document.Written
	organization, err := organizationOf(ctx, x.store)
	if err != nil {
		return nil, err
	}
	if organization != registry.FirstOrganization {
		doc.Organization = &document.WrittenOrganization{Name: organization.Name, Domain: organization.PrimaryDomain}
	}
	if doc.Projects, err = x.projects(ctx); err != nil {
		return nil, err
	}
	if doc.ServiceUsers, err = x.serviceUsers(ctx); err != nil {
		return nil, err
	}
	if doc.Users, err = x.users(ctx); err != nil {
		return nil, err
	}
	x.made.Document, err = doc.Bytes()
	return x.made, err
}

// projects are those of the document, with what belongs to them.
func (x *exporter) projects(ctx context.Context) ([]*document.WrittenProject, error) {
	rows, err := x.store.Projects(ctx)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]*document.WrittenProject)
	var all []*document.WrittenProject
	for _, p := range rows {
		if p.ID == registry.OwnProject {
			continue
		}
		one := &document.WrittenProject{Name: p.Name, Active: inactive(p.Active)}
		for _, r := range p.Roles {
			one.Roles = append(one.Roles, document.WrittenRight(r))
		}
		byID[p.ID], x.names[p.ID] = one, p.Name
		all = append(all, one)
	}
	if err := x.apis(ctx, byID); err != nil {
		return nil, err
	}
	if err := x.applications(ctx, byID); err != nil {
		return nil, err
	}
	sortBy(all, func(p *document.WrittenProject) string { return p.Name })
	for _, p := range all {
		sortBy(p.APIs, func(a *document.WrittenAPI) string { return a.Name })
		sortBy(p.Applications, func(a *document.WrittenApplication) string { return a.Name })
	}
	return all, nil
}

func (x *exporter) apis(ctx context.Context, projects map[string]*document.WrittenProject) error {
	rows, err := x.store.APIs(ctx)
	if err != nil {
		return err
	}
	for _, a := range rows {
		p := projects[a.ProjectID]
		if p == nil {
			continue // of Postern's own
		}
		one := &document.WrittenAPI{
			Name: a.Name, Identifier: a.Identifier, ClientID: a.ClientID, Form: a.Form, Algorithm: a.SigningAlgorithm,
			Lifetime: duration(a.TokenLifetime), Active: inactive(a.Active),
		}
		for _, right := range a.Permissions {
			one.Permissions = append(one.Permissions, document.WrittenRight(right))
		}
		if one.Certificates, err = x.certificates(ctx, store.Owner{Kind: store.APIClient, ID: a.ID}); err != nil {
			return err
		}
		if x.names[a.ID] = a.Identifier; a.Identifier == "" {
			x.names[a.ID] = p.Name + "/" + a.Name
		}
		p.APIs = append(p.APIs, one)
	}
	return x.unmistakable(rows)
}

// unmistakable refuses a store in which the name that an API without an identifier has in a document means another one:
// its rights would be given on that.
func (x *exporter) unmistakable(apis []store.API) error {
	called := make(map[string]bool)
	for _, a := range apis {
		if called[a.Name] = true; a.Identifier != "" {
			called[a.Identifier] = true
		}
	}
	for _, a := range apis {
		if name := x.names[a.ID]; a.Identifier == "" && called[name] {
			return fmt.Errorf("expected another name or an identifier of the API %q, which a document would call %q as another one is called already", a.Name, name)
		}
	}
	return nil
}

func (x *exporter) applications(ctx context.Context, projects map[string]*document.WrittenProject) error {
	rows, err := x.store.Applications(ctx)
	if err != nil {
		return err
	}
	for _, a := range rows {
		if a.ProjectID == registry.OwnProject {
			continue
		}
		p := projects[a.ProjectID]
		if p == nil {
			x.made.Unsaid["applications without a project"]++
			continue
		}
		one := writtenApplication(a)
		if one.Certificates, err = x.certificates(ctx, store.Owner{Kind: store.ApplicationClient, ID: a.ID}); err != nil {
			return err
		}
		p.Applications = append(p.Applications, one)
	}
	return nil
}

func writtenApplication(a store.Application) *document.WrittenApplication {
	one := &document.WrittenApplication{
		Name: a.Name, Type: a.Type, ClientID: a.ClientID, Profile: a.Profile,
		RedirectURIs: a.RedirectURIs, LogoutURIs: a.LogoutURIs, AllowedOrigins: a.AllowedOrigins,
		InitiateLoginURI: a.InitiateLoginURI, BackchannelLogout: a.BackchannelLogoutURI, Grants: a.Grants,
		FirstParty: a.FirstParty, InsecureNoPKCE: a.InsecureNoPKCE, SenderConstraint: a.SenderConstraint,
		IDTokenLifetime: duration(a.IDTokenLifetime), IDTokenAlgorithm: a.IDTokenAlgorithm, UserinfoAlgorithm: a.UserinfoAlgorithm,
		RefreshIdle: duration(a.RefreshIdle), RefreshLifetime: duration(a.RefreshLifetime),
		EndsWithSession: a.RefreshEndsWithSession, Active: inactive(a.Active),
	}
	if one.Grants == nil {
		one.Grants = []string{}
	}
	if a.IDTokenClaims != store.FullClaims {
		one.IDTokenClaims = a.IDTokenClaims
	}
	return one
}

func (x *exporter) serviceUsers(ctx context.Context) ([]*document.WrittenServiceUser, error) {
	rows, err := x.store.ServiceUsers(ctx)
	if err != nil {
		return nil, err
	}
	var all []*document.WrittenServiceUser
	for _, u := range rows {
		one := &document.WrittenServiceUser{
			Username: u.Username, Name: u.Name, Active: inactive(u.Active), SenderConstraint: u.SenderConstraint, Form: u.Form, Grants: u.Grants,
		}
		if one.WrittenHeld, err = x.held(ctx, u.ID); err != nil {
			return nil, err
		}
		if one.Certificates, err = x.certificates(ctx, store.Owner{Kind: store.ServiceUserClient, ID: u.ID}); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	sortBy(all, func(u *document.WrittenServiceUser) string { return u.Username })
	return all, nil
}

func (x *exporter) users(ctx context.Context) ([]*document.WrittenUser, error) {
	var all []*document.WrittenUser
	for last := ""; ; {
		rows, err := x.store.Users(ctx, last, page)
		if err != nil {
			return nil, err
		}
		for _, u := range rows {
			if u.LoginName == "" {
				x.made.Unsaid["people without a login name"]++
				continue
			}
			one := &document.WrittenUser{
				Login: u.LoginName, Email: u.Email, EmailVerified: !u.EmailVerifiedAt.IsZero(), Name: u.Name, GivenName: u.GivenName,
				FamilyName: u.FamilyName, Nickname: u.Nickname, Locale: u.Locale, Active: inactive(u.Active),
			}
			if one.WrittenHeld, err = x.held(ctx, u.ID); err != nil {
				return nil, err
			}
			all = append(all, one)
		}
		if len(rows) < page {
			break
		}
		last = rows[len(rows)-1].ID
	}
	sortBy(all, func(u *document.WrittenUser) string { return u.Login })
	return all, nil
}

// held is what a subject holds, but for roles of Postern's own project, which no document gives.
func (x *exporter) held(ctx context.Context, subjectID string) (held document.WrittenHeld, err error) {
	rows, err := x.store.AssignmentsOf(ctx, subjectID)
	held.Roles, held.Permissions = make(map[string][]string), make(map[string][]string)
	for _, a := range rows {
		name, ok := x.names[a.ProjectID+a.APIID]
		if !ok {
			continue
		}
		rights := append([]string{}, a.Rights...)
		if a.ProjectID != "" {
			held.Roles[name] = rights
		} else {
			held.Permissions[name] = rights
		}
	}
	return held, err
}

func (x *exporter) certificates(ctx context.Context, owner store.Owner) ([]map[string]string, error) {
	rows, err := x.store.ClientCertificatesOf(ctx, owner)
	var all []map[string]string
	for _, c := range rows {
		if c.NameType != "" {
			all = append(all, map[string]string{string(c.NameType): c.Name})
		} else {
			all = append(all, map[string]string{"thumbprint": base64.RawURLEncoding.EncodeToString(c.Thumbprint[:])})
		}
	}
	return all, err
}

// inactive is what a document says of what is not active; of all else it says nothing.
func inactive(active bool) *bool {
	if active {
		return nil
	}
	return &active
}

func duration(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func sortBy[T any](all []T, name func(T) string) {
	slices.SortFunc(all, func(a, b T) int { return strings.Compare(name(a), name(b)) })
}
