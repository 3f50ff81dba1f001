package setup

import (
	"context"
	"fmt"
	"slices"

	"github.com/postern-auth/postern/server/internal/document"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

func (c *comparison) application(ctx context.Context, a *document.Application) error {
	projectID := c.projectIDs[a.Project]
	ours := slices.DeleteFunc(slices.Clone(c.applications), func(s store.Application) bool { return s.ProjectID != projectID })
	i, err := named(ours, "application", a.Name, a.Was, func(s store.Application) string { return s.Name })
	if err != nil {
		return err
	}
	before := store.Application{
		ID: secret.NewID(), ProjectID: projectID, Name: a.Name.Text, IDTokenClaims: store.FullClaims, Active: true, CreatedAt: c.now,
	}
	if i >= 0 {
		before = ours[i]
	}
	after := applicationAfter(before, a)
	f := registry.ApplicationFields(before, after) // without a client id that is yet to be made
	if after.ClientID == "" {
		after.ClientID = registry.NewClientID(a.Project.Name.Text)
	}
	name := a.Project.Name.Text + "/" + after.Name
	o := owner{
		Owner:    store.Owner{Kind: store.ApplicationClient, ID: after.ID},
		label:    fmt.Sprintf("application %q", name),
		clientID: after.ClientID,
		found:    i >= 0,
	}
	put := func() {
		c.put(o.found, Change{Object: "application", Name: name, do: func(ctx context.Context, w *work) error {
			return w.registry.PutApplication(ctx, after)
		}}, f)
	}
	// What an application had while it kept secrets goes before it is of a type, or of a profile, that keeps none.
	last := o.found && (!registry.Confidential(after.Type) || registry.Confidential(before.Type) && after.Profile != "")
	if !last {
		put()
	}
	if err := c.owned(ctx, o, a.Secrets, a.Keys, a.Certificates); err != nil {
		return err
	}
	if last {
		put()
	}
	return c.idFile(a.ClientIDFile, after.ClientID, o.label)
}

// applicationAfter returns the application as the document has it be.
func applicationAfter(after store.Application, a *document.Application) store.Application {
	if a.ClientID.Text != "" {
		after.ClientID = a.ClientID.Text
	}
	after.Name, after.Type, after.Active = a.Name.Text, a.Type, a.Active
	after.RedirectURIs, after.LogoutURIs = document.Texts(a.RedirectURIs), document.Texts(a.LogoutURIs)
	after.AllowedOrigins, after.Grants = document.Texts(a.AllowedOrigins), document.Texts(a.Grants)
	after.BackchannelLogoutURI, after.InitiateLoginURI = a.BackchannelLogoutURI, a.InitiateLoginURI
	after.IDTokenLifetime, after.IDTokenAlgorithm, after.IDTokenClaims = a.IDTokenLifetime, a.IDTokenAlgorithm, a.IDTokenClaims
	after.SenderConstraint, after.Profile = a.SenderConstraint, a.Profile
	after.UserinfoAlgorithm = a.UserinfoAlgorithm
	after.RefreshIdle, after.RefreshLifetime = a.RefreshIdle, a.RefreshLifetime
	after.RefreshEndsWithSession, after.FirstParty, after.InsecureNoPKCE = a.RefreshEndsWithSession, a.FirstParty, a.InsecureNoPKCE
	return after
}
