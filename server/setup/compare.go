package setup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/postern-auth/postern/server/registry"
	"github.com/postern-auth/postern/server/secret"
	"github.com/postern-auth/postern/server/store"
)

// Options says how a Document is compared. The zero value is ready to use.
type Options struct {
	// Prune deletes what the document does not name: projects, APIs, service users, and of those that it
	// names the secrets, keys and personal access tokens. Without it all of that stays.
	Prune bool
	// Keep leaves what is there as it is, where the document says otherwise, and only makes what is missing.
	// Plan.Kept lists what that left undone. It does not go together with Prune.
	Keep bool
	// Dir is the folder that relative paths start from; empty: the folder of the document's file.
	Dir string
	// Now tells the time; nil: time.Now.
	Now func() time.Time
}

// Compare finds what Apply would do. It reads the store and the files that the document names, and
// writes nothing. A nil Store is one with nothing in it. Errors: a file that is there but belongs to no row of its owner, as Parse shows them;
// else what the store or the file system says, wrapped.
func Compare(ctx context.Context, s store.Store, doc *Document, options Options) (*Plan, error) {
	if options.Keep && options.Prune {
		return nil, errors.New("setup: Options.Keep and Options.Prune contradict each other")
	}
	if s == nil {
		s = nothing{}
	}
	if options.Dir == "" {
		options.Dir = doc.Dir()
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	return compare(ctx, s, s, doc, options)
}

// compare is Compare on what a transaction sees; the plan is for the store as a whole.
func compare(ctx context.Context, whole store.Store, tx store.Tx, doc *Document, options Options) (*Plan, error) {
	c := &comparison{
		store: tx, doc: doc, options: options,
		now:        options.Now().UTC().Truncate(time.Millisecond),
		changes:    []Change{}, // in JSON a list, also without elements
		projectIDs: map[*Project]string{},
		apiIDs:     map[*API]string{},
	}
	if err := c.compare(ctx); err != nil {
		return nil, err
	}
	return &Plan{Changes: c.changes, Kept: c.kept, store: whole, now: c.now, doc: doc, options: options}, nil
}

// comparison is a Plan in the making.
type comparison struct {
	store   store.Tx
	doc     *Document
	options Options
	now     time.Time
	changes []Change
	kept    []Change // what Options.Keep leaves undone

	// What the store holds.
	organization store.Organization
	projects     []store.Project
	apis         []store.API
	users        []store.ServiceUser

	// The ids of what the document names, also of what is yet to be created.
	projectIDs map[*Project]string
	apiIDs     map[*API]string
}

func (c *comparison) add(change Change) { c.changes = append(c.changes, change) }

// put adds the change that creates or replaces an object, if there is a difference.
func (c *comparison) put(found bool, change Change, f registry.Fields) {
	change.Action, change.Fields = Alter, shown(f)
	if !found {
		change.Action = Create
		for i := range change.Fields {
			change.Fields[i].Old = nil
		}
	}
	switch {
	case found && len(f) > 0 && c.options.Keep:
		change.do = nil
		c.kept = append(c.kept, change)
	case !found || len(f) > 0:
		c.add(change)
	}
}

// nothing is a Store that is yet to be made: what Compare looks for in one without owners is not there.
type nothing struct{ store.Store }

func (nothing) Organization(context.Context, string) (store.Organization, error) {
	return store.Organization{}, store.ErrNotFound
}
func (nothing) Projects(context.Context) ([]store.Project, error)         { return nil, nil }
func (nothing) APIsOf(context.Context, string) ([]store.API, error)       { return nil, nil }
func (nothing) ServiceUsers(context.Context) ([]store.ServiceUser, error) { return nil, nil }

func (c *comparison) compare(ctx context.Context) error {
	if err := c.load(ctx); err != nil {
		return fmt.Errorf("setup: read the store: %w", err)
	}
	c.compareOrganization()
	if c.options.Prune {
		c.prune()
	}
	for _, p := range c.doc.Projects {
		if err := c.project(ctx, p); err != nil {
			return err
		}
	}
	for _, u := range c.doc.Users {
		if err := c.serviceUser(ctx, u); err != nil {
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
	if c.apis, err = c.store.APIs(ctx); err != nil {
		return err
	}
	c.users, err = c.store.ServiceUsers(ctx)
	return err
}

// organizationOf returns the organization that a store has or will have.
func organizationOf(ctx context.Context, s store.Tx) (store.Organization, error) {
	found, err := s.Organizations(ctx)
	if err != nil || len(found) == 0 {
		return newOrganization, err
	}
	return found[0], nil
}

// newOrganization is what a new store gets, for everything else belongs to one. Its ID is always the
// same, so that two processes that make it at once meet on one row.
var newOrganization = store.Organization{ID: "default", Name: "Postern", PrimaryDomain: "localhost"}

func (c *comparison) compareOrganization() {
	o := c.doc.Organization
	if o == nil {
		return
	}
	before, after := c.organization, c.organization
	after.Name, after.PrimaryDomain = o.Name, o.Domain
	// One that has never been named is missing, for every store has one.
	known := before != newOrganization
	c.put(known || !c.options.Keep, Change{Object: "organization", Name: before.Name, do: func(ctx context.Context, w *work) error {
		return w.registry.PutOrganization(ctx, after)
	}}, registry.OrganizationFields(before, after))
}

func (c *comparison) project(ctx context.Context, p *Project) error {
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
	if err := c.idFile(p.IdFile, after.ID, fmt.Sprintf("project %q", after.Name)); err != nil {
		return err
	}
	for _, a := range p.APIs {
		if err := c.api(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// named returns the index of what has the name or, as it is about to be renamed, the earlier one; -1 for none.
func named[T any](all []T, kind string, name, was Word, of func(T) string) (int, error) {
	index := func(name string) int { return slices.IndexFunc(all, func(one T) bool { return of(one) == name }) }
	i := index(name.Text)
	if was.Text == "" {
		return i, nil
	}
	earlier := index(was.Text)
	if i >= 0 && earlier >= 0 {
		return i, was.At.Errorf("expected one %s to rename, got both %q and %q in the store; delete one", kind, was.Text, name.Text)
	}
	return max(i, earlier), nil
}

func (c *comparison) api(ctx context.Context, a *API) error {
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
	return c.owned(ctx, o, a.Secrets, a.Keys)
}

func (c *comparison) serviceUser(ctx context.Context, u *ServiceUser) error {
	i, err := named(c.users, "service user", u.Username, u.Was, func(s store.ServiceUser) string { return s.Username })
	if err != nil {
		return err
	}
	before := store.ServiceUser{ID: secret.NewID(), OrganizationID: c.organization.ID, Username: u.Username.Text, Active: true, CreatedAt: c.now}
	if i >= 0 {
		before = c.users[i]
	}
	after := before
	after.Username, after.Name, after.Form, after.Active = u.Username.Text, u.Name, u.Form, u.Active

	f := registry.ServiceUserFields(before, after)
	steps, err := c.assignments(ctx, u, after.ID, i >= 0, &f)
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
	}
	if err := c.idFile(u.IdFile, after.ID, o.label); err != nil {
		return err
	}
	if err := c.owned(ctx, o, u.Secrets, u.Keys); err != nil {
		return err
	}
	return c.tokens(ctx, o, u.Tokens)
}
