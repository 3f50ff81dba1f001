package setup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/internal/document"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// Compare finds what Apply would do. It reads the store and the files that the document names, and
// writes nothing. A nil Store is one with nothing in it. Errors: a file that is there but belongs to no row of
// its owner, as Parse shows them;
// else what the store or the file system says, wrapped.
func Compare(ctx context.Context, s store.Store, doc *Document, options Options) (*Plan, error) {
	if options.Keep && options.Prune {
		return nil, errors.New("setup: Options.Keep and Options.Prune contradict each other")
	}
	if s == nil {
		s = nothing{}
	}
	if options.Dir == "" {
		options.Dir = doc.parsed.Dir()
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.passwords == nil {
		passwords, err := newPasswords()
		if err != nil {
			return nil, err
		}
		options.passwords = passwords
	}
	return compare(ctx, s, s, doc.parsed, options)
}

// compare is Compare on what a transaction sees; the plan is for the store as a whole.
func compare(ctx context.Context, whole store.Store, tx store.Tx, doc *document.Document, options Options) (*Plan, error) {
	c := &comparison{
		store: tx, doc: doc, options: options,
		now:        options.Now().UTC().Truncate(time.Millisecond),
		changes:    []Change{}, // in JSON a list, also without elements
		projectIDs: map[*document.Project]string{},
		apiIDs:     map[*document.API]string{},
	}
	if err := c.compare(ctx); err != nil {
		return nil, err
	}
	return &Plan{Changes: c.changes, Kept: c.kept, there: c.there, store: whole, now: c.now, doc: doc, options: options}, nil
}

func (c *comparison) compare(ctx context.Context) error {
	if err := c.load(ctx); err != nil {
		return fmt.Errorf("setup: read the store: %w", err)
	}
	c.compareOrganization()
	if c.options.Prune {
		if err := c.prune(ctx); err != nil {
			return err
		}
	}
	for _, p := range c.doc.Projects {
		if err := c.project(ctx, p); err != nil {
			return err
		}
	}
	for _, u := range c.doc.ServiceUsers {
		if err := c.serviceUser(ctx, u); err != nil {
			return err
		}
	}
	for _, u := range c.doc.Users {
		if err := c.user(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

func (c *comparison) load(ctx context.Context) (err error) {
	if c.organization, err = organizationOf(ctx, c.store); err != nil {
		return err
	}
	if c.projects, err = c.store.Projects(ctx); err != nil {
		return err
	}
	c.projects = slices.DeleteFunc(c.projects, func(p store.Project) bool { return p.ID == registry.OwnProject })
	if c.apis, err = c.store.APIs(ctx); err != nil {
		return err
	}
	if c.applications, err = c.store.Applications(ctx); err != nil {
		return err
	}
	if c.serviceUsers, err = c.store.ServiceUsers(ctx); err != nil {
		return err
	}
	c.there = map[string]int{"project": len(c.projects), "api": len(c.apis), "application": len(c.applications), "service user": len(c.serviceUsers)}
	return nil
}

// organizationOf returns the organization that a store has or will have.
func organizationOf(ctx context.Context, s store.Tx) (store.Organization, error) {
	found, err := s.Organizations(ctx)
	if err != nil || len(found) == 0 {
		return registry.FirstOrganization, err
	}
	return found[0], nil
}

func (c *comparison) compareOrganization() {
	o := c.doc.Organization
	if o == nil {
		return
	}
	before, after := c.organization, c.organization
	after.Name, after.PrimaryDomain = o.Name, o.Domain
	// One that has never been named is missing, for every store has one.
	known := before != registry.FirstOrganization
	c.put(known || !c.options.Keep, Change{Object: "organization", Name: before.Name, do: func(ctx context.Context, w *work) error {
		return w.registry.PutOrganization(ctx, after)
	}}, registry.OrganizationFields(before, after))
}

func (c *comparison) project(ctx context.Context, p *document.Project) error {
	i, err := named(c.projects, "project", p.Name, p.Was, func(s store.Project) string { return s.Name })
	if err != nil {
		return err
	}
	before := store.Project{ID: secret.NewID(), OrganizationID: c.organization.ID, Name: p.Name.Text, Active: true, CreatedAt: c.now}
	if i >= 0 {
		before = c.projects[i]
	}
	after := before
	after.Name = p.Name.Text
	after.Roles, after.Active = roles(p.Roles), p.Active
	c.projectIDs[p] = after.ID

	c.put(i >= 0, Change{Object: "project", Name: after.Name, do: func(ctx context.Context, w *work) error {
		return w.registry.PutProject(ctx, after)
	}}, registry.ProjectFields(before, after))
	if err := c.idFile(p.IDFile, after.ID, fmt.Sprintf("project %q", after.Name)); err != nil {
		return err
	}
	for _, a := range p.APIs {
		if err := c.api(ctx, a); err != nil {
			return err
		}
	}
	for _, a := range p.Applications {
		if err := c.application(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

func (c *comparison) api(ctx context.Context, a *document.API) error {
	projectID := c.projectIDs[a.Project]
	ours := slices.DeleteFunc(slices.Clone(c.apis), func(s store.API) bool { return s.ProjectID != projectID })
	i, err := named(ours, "api", a.Name, a.Was, func(s store.API) string { return s.Name })
	if err != nil {
		return err
	}
	before := store.API{ID: secret.NewID(), ProjectID: projectID, Name: a.Name.Text, Active: true, CreatedAt: c.now}
	if i >= 0 {
		before = ours[i]
	}
	after := before
	after.Name, after.Identifier, after.Form, after.SigningAlgorithm = a.Name.Text, a.Identifier.Text, a.Form, a.Algorithm
	after.TokenLifetime, after.Permissions, after.Active = a.Lifetime, permissions(a.Permissions), a.Active
	if a.ClientID.Text != "" {
		after.ClientID = a.ClientID.Text
	}
	c.apiIDs[a] = after.ID
	f := registry.APIFields(before, after) // without a client id that is yet to be made
	if after.ClientID == "" {
		after.ClientID = registry.NewClientID(a.Project.Name.Text)
	}
	name := a.Project.Name.Text + "/" + after.Name
	c.put(i >= 0, Change{Object: "api", Name: name, do: func(ctx context.Context, w *work) error {
		return w.registry.PutAPI(ctx, after)
	}}, f)

	o := owner{
		Owner:    store.Owner{Kind: store.APIClient, ID: after.ID},
		label:    fmt.Sprintf("api %q", name),
		clientID: after.ClientID,
		found:    i >= 0,
	}
	if err := c.idFile(a.ClientIDFile, after.ClientID, o.label); err != nil {
		return err
	}
	return c.owned(ctx, o, a.Secrets, a.Keys, a.Certificates)
}

func (c *comparison) serviceUser(ctx context.Context, u *document.ServiceUser) error {
	i, err := named(c.serviceUsers, "service user", u.Username, u.Was, func(s store.ServiceUser) string { return s.Username })
	if err != nil {
		return err
	}
	before := store.ServiceUser{ID: secret.NewID(), OrganizationID: c.organization.ID, Username: u.Username.Text, Active: true, CreatedAt: c.now}
	if i >= 0 {
		before = c.serviceUsers[i]
	}
	after := before
	after.SenderConstraint = u.SenderConstraint
	after.Username, after.Name, after.Form, after.Active = u.Username.Text, u.Name, u.Form, u.Active
	after.Grants = document.Texts(u.Grants)

	f := registry.ServiceUserFields(before, after)
	steps, err := c.assignments(ctx, fmt.Sprintf("service user %q", after.Username), u.Held, after.ID, i >= 0, &f)
	if err != nil {
		return err
	}
	c.put(i >= 0, Change{Object: "service user", Name: after.Username, do: func(ctx context.Context, w *work) error {
		if err := w.registry.PutServiceUser(ctx, after); err != nil {
			return err
		}
		return steps.run(ctx, w.registry)
	}}, f)

	o := owner{
		Owner:    store.Owner{Kind: store.ServiceUserClient, ID: after.ID},
		label:    fmt.Sprintf("service user %q", after.Username),
		clientID: after.Username,
		found:    i >= 0,
		ended:    !u.Active,
	}
	if err := c.idFile(u.IDFile, after.ID, o.label); err != nil {
		return err
	}
	if err := c.owned(ctx, o, u.Secrets, u.Keys, u.Certificates); err != nil {
		return err
	}
	return c.tokens(ctx, o, u.Tokens)
}

func (c *comparison) owned(ctx context.Context, o owner, secrets []*document.Secret, keys []*document.ClientKey, certificates []*document.ClientCertificate) error {
	if err := c.secrets(ctx, o, secrets); err != nil {
		return err
	}
	if err := c.keys(ctx, o, keys); err != nil {
		return err
	}
	return c.certificates(ctx, o, certificates)
}

// roles and permissions as the store has them, in the order of their keys.
func roles(rights []document.Right) []store.Role {
	var out []store.Role
	for _, one := range rights {
		out = append(out, store.Role{Key: one.Key.Text, Name: one.Name})
	}
	slices.SortFunc(out, func(a, b store.Role) int { return strings.Compare(a.Key, b.Key) })
	return out
}

func permissions(rights []document.Right) []store.Permission {
	var out []store.Permission
	for _, one := range roles(rights) {
		out = append(out, store.Permission(one))
	}
	return out
}
