package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// OwnProject is the id of Postern's own project, and OwnProjectName its name. Its roles open the console to people.
// No document names it, so 'postern apply' neither gives these roles nor takes them away.
const (
	OwnProject     = "urn:postern:own"
	OwnProjectName = "Postern's own"
)

// The roles of OwnProject.
const (
	Administrator = "administrator" // may change everything
	Reader        = "reader"        // may look at everything
)

// checkOwn keeps the name of OwnProject for itself.
func checkOwn(p store.Project) error {
	if (p.Name == OwnProjectName) != (p.ID == OwnProject) {
		return errors.New("this is the name of Postern's own project, whose roles open the console, and of no other")
	}
	return nil
}

// FirstOrganization is what a store gets when something is first set up in it, for everything belongs to one. Its
// ID is always the same, so that two processes that make it at once meet on one row.
var FirstOrganization = store.Organization{ID: "default", Name: "Postern", PrimaryDomain: "localhost"}

// Organization returns the organization, making it when there is none.
func (r *Registry) Organization(ctx context.Context) (store.Organization, error) {
	found, err := r.tx.Organizations(ctx)
	if err != nil {
		return store.Organization{}, err
	}
	if len(found) > 0 {
		return found[0], nil
	}
	return FirstOrganization, r.PutOrganization(ctx, FirstOrganization)
}

// ErrAdministrated says that there is an administrator already.
var ErrAdministrated = errors.New("registry: there is an administrator already")

// HasAdministrator reports whether somebody is an administrator.
func HasAdministrator(ctx context.Context, tx store.Assignments) (bool, error) {
	part, err := tx.HoldersPart(ctx, store.Assignment{ProjectID: OwnProject}, Administrator, store.Window{Limit: 1})
	if err != nil {
		return false, fmt.Errorf("registry: looking for an administrator: %w", err)
	}
	return part.Total > 0, nil
}

// FirstAdministrator makes a user who is one, with nothing to log in with. Errors: ErrAdministrated.
func (r *Registry) FirstAdministrator(ctx context.Context) (store.User, error) {
	there, err := HasAdministrator(ctx, r.tx)
	if err != nil || there {
		return store.User{}, errors.Join(err, known(there))
	}
	organization, err := r.Organization(ctx)
	if err != nil {
		return store.User{}, err
	}
	u := store.User{ID: secret.NewID(), OrganizationID: organization.ID, LoginName: Administrator, Name: "Administrator", Active: true, CreatedAt: r.now}
	if _, taken, err := look(r.tx.UserByLogin(ctx, organization.ID, u.LoginName)); err != nil || taken {
		if err != nil {
			return store.User{}, err
		}
		u.LoginName += "-" + u.ID
	}
	if err := r.PutUser(ctx, u); err != nil {
		return store.User{}, err
	}
	return u, r.OpenConsole(ctx, u.ID, Administrator)
}

func known(there bool) error {
	if there {
		return ErrAdministrated
	}
	return nil
}

// OpenConsole gives a person a role of OwnProject, which is made when it is not there, in place of the one that they
// have.
func (r *Registry) OpenConsole(ctx context.Context, userID, role string) error {
	_, found, err := look(r.tx.Project(ctx, OwnProject))
	if err != nil {
		return err
	}
	if !found {
		organization, err := r.Organization(ctx)
		if err != nil {
			return err
		}
		err = r.PutProject(ctx, store.Project{
			ID: OwnProject, OrganizationID: organization.ID, Name: OwnProjectName, Active: true, CreatedAt: r.now,
			Roles: []store.Role{{Key: Administrator, Name: "May change everything in the console"}, {Key: Reader, Name: "May look at everything in the console"}},
		})
		if err != nil {
			return err
		}
	}
	return r.Assign(ctx, store.Assignment{SubjectID: userID, ProjectID: OwnProject, Rights: []string{role}})
}
