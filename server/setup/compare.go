package setup

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

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
		options.Dir = doc.dir()
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
		projectIDs: map[*project]string{},
		apiIDs:     map[*api]string{},
	}
	if err := c.compare(ctx); err != nil {
		return nil, err
	}
	return &Plan{Changes: c.changes, Kept: c.kept, store: whole, doc: doc, options: options}, nil
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
	projectIDs map[*project]string
	apiIDs     map[*api]string
}

func (c *comparison) add(change Change) { c.changes = append(c.changes, change) }

// put adds the change that creates or replaces an object, if there is a difference.
func (c *comparison) put(found bool, change Change, f facts) {
	change.Action, change.Fields = Alter, f
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
	for _, p := range c.doc.projects {
		if err := c.project(ctx, p); err != nil {
			return err
		}
	}
	for _, u := range c.doc.users {
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
	o := c.doc.organization
	if o == nil {
		return
	}
	before, after := c.organization, c.organization
	after.Name, after.PrimaryDomain = o.name, o.domain
	var f facts
	f.add("name", before.Name, after.Name)
	f.add("primary_domain", before.PrimaryDomain, after.PrimaryDomain)
	// One that has never been named is missing, for every store has one.
	named := before != newOrganization
	c.put(named || !c.options.Keep, Change{Object: "organization", Name: before.Name, do: func(ctx context.Context, w *work) error {
		return w.store.PutOrganization(ctx, after)
	}}, f)
}

func (c *comparison) project(ctx context.Context, p *project) error {
	i := slices.IndexFunc(c.projects, func(s store.Project) bool { return s.Name == p.name.text })
	before := store.Project{ID: secret.NewID(), OrganizationID: c.organization.ID, Name: p.name.text, Active: true, CreatedAt: c.now}
	if i >= 0 {
		before = c.projects[i]
	}
	after := before
	after.Roles, after.Active = roles(p.roles), p.active
	c.projectIDs[p] = after.ID

	var f facts
	f.add("roles", byKey(before.Roles), after.Roles)
	f.add("active", before.Active, after.Active)
	c.put(i >= 0, Change{Object: "project", Name: after.Name, do: func(ctx context.Context, w *work) error {
		return w.store.PutProject(ctx, after)
	}}, f)
	if err := c.idFile(p.idFile, after.ID, fmt.Sprintf("project %q", after.Name)); err != nil {
		return err
	}
	for _, a := range p.apis {
		if err := c.api(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

func byKey(in []store.Role) []store.Role {
	return slices.SortedFunc(slices.Values(in), func(a, b store.Role) int { return strings.Compare(a.Key, b.Key) })
}

func (c *comparison) api(ctx context.Context, a *api) error {
	projectID := c.projectIDs[a.project]
	i := slices.IndexFunc(c.apis, func(s store.API) bool { return s.ProjectID == projectID && s.Name == a.name.text })
	before := store.API{ID: secret.NewID(), ProjectID: projectID, Name: a.name.text, Active: true, CreatedAt: c.now}
	if i >= 0 {
		before = c.apis[i]
	}
	after := before
	after.Identifier, after.Form, after.SigningAlgorithm = a.identifier.text, a.form, a.algorithm
	after.TokenLifetime, after.Permissions, after.Active = a.lifetime, permissions(a.permissions), a.active
	if a.clientID.text != "" {
		after.ClientID = a.clientID.text
	}
	c.apiIDs[a] = after.ID
	f := apiFacts(before, after)
	if after.ClientID == "" {
		after.ClientID = secret.NewID() + "@" + clientIDPart(a.project.name.text)
	}
	name := a.project.name.text + "/" + after.Name
	c.put(i >= 0, Change{Object: "api", Name: name, do: func(ctx context.Context, w *work) error {
		return w.store.PutAPI(ctx, after)
	}}, f)

	o := owner{
		Owner:    store.Owner{Kind: store.APIClient, ID: after.ID},
		label:    fmt.Sprintf("api %q", name),
		clientID: after.ClientID,
		found:    i >= 0,
	}
	if err := c.idFile(a.clientIDFile, after.ClientID, o.label); err != nil {
		return err
	}
	return c.owned(ctx, o, a.secrets, a.keys)
}

func apiFacts(before, after store.API) facts {
	var f facts
	f.add("identifier", before.Identifier, after.Identifier)
	f.add("client_id", before.ClientID, after.ClientID)
	f.add("token", before.Form, after.Form)
	f.add("signing_algorithm", before.SigningAlgorithm, after.SigningAlgorithm)
	f.add("token_lifetime", before.TokenLifetime, after.TokenLifetime)
	f.add("permissions", permissionFacts(before.Permissions), permissionFacts(after.Permissions))
	f.add("active", before.Active, after.Active)
	return f
}

func permissionFacts(in []store.Permission) []store.Role {
	out := make([]store.Role, len(in))
	for i, p := range in {
		out[i] = store.Role(p)
	}
	return byKey(out)
}

// clientIDPart makes a project's name fit for a client id.
func clientIDPart(name string) string {
	return strings.Map(func(c rune) rune {
		if notID(c) {
			return '-'
		}
		return c
	}, strings.ToLower(name))
}

func (c *comparison) serviceUser(ctx context.Context, u *serviceUser) error {
	i := slices.IndexFunc(c.users, func(s store.ServiceUser) bool { return s.Username == u.username.text })
	before := store.ServiceUser{ID: secret.NewID(), OrganizationID: c.organization.ID, Username: u.username.text, Active: true, CreatedAt: c.now}
	if i >= 0 {
		before = c.users[i]
	}
	after := before
	after.Name, after.Form, after.Active = u.name, u.form, u.active

	var f facts
	f.add("name", before.Name, after.Name)
	f.add("token", before.Form, after.Form)
	f.add("active", before.Active, after.Active)
	steps, err := c.grants(ctx, u, after.ID, i >= 0, &f)
	if err != nil {
		return err
	}
	c.put(i >= 0, Change{Object: "service user", Name: after.Username, do: func(ctx context.Context, w *work) error {
		if err := w.store.PutServiceUser(ctx, after); err != nil {
			return err
		}
		return steps.run(ctx, w.store)
	}}, f)

	o := owner{
		Owner:    store.Owner{Kind: store.ServiceUserClient, ID: after.ID},
		label:    fmt.Sprintf("service user %q", after.Username),
		clientID: after.Username,
		found:    i >= 0,
	}
	if err := c.idFile(u.idFile, after.ID, o.label); err != nil {
		return err
	}
	if err := c.owned(ctx, o, u.secrets, u.keys); err != nil {
		return err
	}
	return c.tokens(ctx, o, u.tokens)
}
