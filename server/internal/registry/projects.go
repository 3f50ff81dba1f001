package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// PutProject creates the project or replaces the one with its ID, roles included.
func (r *Registry) PutProject(ctx context.Context, p store.Project) error {
	if err := about("project", p.Name, CheckName(p.Name), checkRights(p.Roles), checkOwn(p)); err != nil {
		return err
	}
	before, found, err := look(r.tx.Project(ctx, p.ID))
	if err != nil {
		return err
	}
	other, taken, err := look(r.tx.ProjectByName(ctx, p.Name))
	if err != nil {
		return err
	}
	if taken && other.ID != p.ID {
		return fmt.Errorf("registry: project %q: another project has this name: %w", p.Name, store.ErrExists)
	}
	if err := r.free(ctx, p.ID, p.ID, fmt.Sprintf("project %q", p.Name), "id"); err != nil {
		return err
	}
	return r.put(ctx, object{"project", p.ID, p.Name}, found, ProjectFields(before, p), func() error { return r.tx.PutProject(ctx, p) })
}

// DeleteProject removes the project with its APIs, and all assignments for them.
func (r *Registry) DeleteProject(ctx context.Context, p store.Project) error {
	if p.ID == OwnProject {
		return about("project", p.Name, errors.New("its roles open the console, it cannot be deleted"))
	}
	return r.remove(ctx, object{"project", p.ID, p.Name}, func() error { return r.tx.DeleteProject(ctx, p.ID) })
}

// NewClientID returns a client id for an API or application of the project with the name.
func NewClientID(project string) string {
	return secret.NewID() + "@" + strings.Map(func(c rune) rune {
		if notID(c) {
			return '-'
		}
		return c
	}, strings.ToLower(project))
}

// PutAPI creates the API or replaces the one with its ID, permissions included.
func (r *Registry) PutAPI(ctx context.Context, a store.API) error {
	if err := about("API", a.Name, checkAPI(a)...); err != nil {
		return err
	}
	before, found, err := look(r.tx.API(ctx, a.ID))
	if err != nil {
		return err
	}
	label := fmt.Sprintf("API %q", a.Name)
	if a.Identifier != "" {
		if err := r.free(ctx, a.Identifier, a.ID, label, "identifier"); err != nil {
			return err
		}
	}
	if err := r.free(ctx, a.ClientID, a.ID, label, "client id"); err != nil {
		return err
	}
	if err := r.freeClient(ctx, a.ClientID, store.Owner{Kind: store.APIClient, ID: a.ID}, label); err != nil {
		return err
	}
	err = r.put(ctx, object{"api", a.ID, a.Name}, found, APIFields(before, a), func() error { return r.tx.PutAPI(ctx, a) })
	if errors.Is(err, store.ErrExists) {
		return fmt.Errorf("registry: %s: its project has another API of this name: %w", label, err)
	}
	return err
}

func checkAPI(a store.API) []error {
	rights := make([]store.Role, len(a.Permissions))
	for i, permission := range a.Permissions {
		rights[i] = store.Role(permission)
	}
	errs := []error{CheckName(a.Name), CheckID(a.ClientID), checkForm(a.Form), checkRights(rights)}
	if a.Identifier != "" {
		errs = append(errs, CheckIdentifier(a.Identifier))
	}
	if a.SigningAlgorithm != "" {
		errs = append(errs, CheckSigningAlgorithm(a.SigningAlgorithm))
	}
	if a.TokenLifetime != 0 {
		errs = append(errs, CheckLifetime(a.TokenLifetime))
	}
	return errs
}

// DeleteAPI removes the API with its secrets and keys, and the assignments for it.
func (r *Registry) DeleteAPI(ctx context.Context, a store.API) error {
	return r.remove(ctx, object{"api", a.ID, a.Name}, func() error { return r.tx.DeleteAPI(ctx, a.ID) })
}

// free refuses a name that says in a token whom it is for and that another object has: the store's constraint
// would, and could not say whose it is.
func (r *Registry) free(ctx context.Context, name, id, label, what string) error {
	holder, err := r.audience(ctx, name, id)
	if err != nil || holder == "" {
		return err
	}
	return fmt.Errorf("registry: %s cannot have the %s %.64q, which is %s; tokens for the one would be tokens for the other: %w",
		label, what, name, holder, store.ErrExists)
}

// audience returns what has the name, in words, unless it is the object with the id.
func (r *Registry) audience(ctx context.Context, name, id string) (string, error) {
	p, found, err := look(r.tx.Project(ctx, name))
	if err != nil {
		return "", err
	}
	if found && p.ID != id {
		return fmt.Sprintf("the id of project %q", p.Name), nil
	}
	for what, find := range map[string]func(context.Context, string) (store.API, error){
		"identifier": r.tx.APIByIdentifier, "client id": r.tx.APIByClientID,
	} {
		a, found, err := look(find(ctx, name))
		if err != nil {
			return "", err
		}
		if found && a.ID != id {
			return fmt.Sprintf("the %s of API %q", what, a.Name), nil
		}
	}
	a, found, err := look(r.tx.ApplicationByClientID(ctx, name))
	if err != nil || !found || a.ID == id {
		return "", err
	}
	return fmt.Sprintf("the client id of application %q", a.Name), nil
}

// freeClient refuses a client id that another client has.
func (r *Registry) freeClient(ctx context.Context, clientID string, owner store.Owner, label string) error {
	client, found, err := look(r.tx.Client(ctx, clientID))
	if err != nil || !found || client.Owner == owner {
		return err
	}
	return fmt.Errorf("registry: %s cannot have the client id %.64q, which %s has: %w", label, clientID, kinds[client.Kind], store.ErrExists)
}

// kinds are the kinds of client in words.
var kinds = map[store.ClientKind]string{
	store.APIClient: "an API", store.ServiceUserClient: "a service user", store.ApplicationClient: "an application",
}
