package registry

import (
	"context"
	"errors"
	"slices"

	"github.com/postern-auth/postern/server/store"
)

var (
	// ErrLastAdministrator says that nobody would be left who may change anything in the console.
	ErrLastAdministrator = errors.New("registry: nobody would be left to administer the server")
	// ErrPeopleOnly says that the console is for people.
	ErrPeopleOnly = errors.New("registry: the console is for people, not for service users")
)

// Give adds a right to what a subject has at a project or API, which the target names. Giving it again changes
// nothing. Errors: ErrPeopleOnly; store.ErrNotFound when the subject or the right is not there.
func (r *Registry) Give(ctx context.Context, subjectID string, target store.Assignment, right string) error {
	subject, err := r.tx.Subject(ctx, subjectID)
	if err != nil {
		return err
	}
	if target.ProjectID == OwnProject {
		if subject.Kind != store.UserSubject {
			return ErrPeopleOnly
		}
		if right == Administrator || right == Reader {
			return r.OpenConsole(ctx, subjectID, right)
		}
	}
	a, _, err := r.assigned(ctx, subjectID, target)
	if err != nil {
		return err
	}
	a.Rights = append(a.Rights, right)
	return r.Assign(ctx, a)
}

// TakeAway takes a right from a subject; it may go on having tokens for the project or API, without the right. Errors:
// ErrLastAdministrator; store.ErrNotFound when the subject does not have it.
func (r *Registry) TakeAway(ctx context.Context, subjectID string, target store.Assignment, right string) error {
	a, found, err := r.assigned(ctx, subjectID, target)
	if err != nil {
		return err
	}
	i := slices.Index(a.Rights, right)
	if !found || i < 0 {
		return store.ErrNotFound
	}
	a.Rights = slices.Delete(a.Rights, i, i+1)
	return r.Assign(ctx, a)
}

// assigned returns what the subject has at the target.
func (r *Registry) assigned(ctx context.Context, subjectID string, target store.Assignment) (store.Assignment, bool, error) {
	all, err := r.tx.AssignmentsOf(ctx, subjectID)
	if err != nil {
		return store.Assignment{}, false, err
	}
	for _, a := range all {
		if a.ProjectID == target.ProjectID && a.APIID == target.APIID {
			return a, true, nil
		}
	}
	return store.Assignment{SubjectID: subjectID, ProjectID: target.ProjectID, APIID: target.APIID}, false, nil
}

// administrates reports whether a person is an administrator who is not locked.
func (r *Registry) administrates(ctx context.Context, id string) (bool, error) {
	subject, found, err := look(r.tx.Subject(ctx, id))
	if err != nil || !found || !subject.Active {
		return false, err
	}
	a, _, err := r.assigned(ctx, id, store.Assignment{ProjectID: OwnProject})
	return slices.Contains(a.Rights, Administrator), err
}

// keepAdministrator makes a change that may cost a person the right to administer, and refuses it when nobody else
// has that. It looks afterwards: of two changes at once, the second one sees what the first has left.
func (r *Registry) keepAdministrator(ctx context.Context, id string, change func() error) error {
	was, err := r.administrates(ctx, id)
	if err != nil {
		return err
	}
	if err := change(); err != nil || !was {
		return err
	}
	w := store.Window{Limit: 50}
	for {
		part, err := r.tx.HoldersPart(ctx, store.Assignment{ProjectID: OwnProject}, Administrator, w)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(part.Rows, func(s store.Subject) bool { return s.Active }) {
			return nil
		}
		if len(part.Rows) < w.Limit {
			return ErrLastAdministrator
		}
		last := part.Rows[len(part.Rows)-1]
		w.After = store.Place{Name: last.Username, ID: last.ID}
	}
}
