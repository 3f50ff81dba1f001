package registry

import (
	"context"
	"fmt"
	"slices"

	"github.com/postern-auth/postern/server/store"
)

// PutServiceUser creates the service user or replaces the one with its ID. One that is no longer active loses its tokens,
// which are not there again when it is active again.
func (r *Registry) PutServiceUser(ctx context.Context, u store.ServiceUser) error {
	if err := about("service user", u.Username, CheckID(u.Username), CheckTitle(u.Name), checkForm(u.Form), checkList("grant", u.Grants, CheckServiceUserGrant),
		CheckSenderConstraint(string(u.SenderConstraint))); err != nil {
		return err
	}
	before, found, err := look(r.tx.ServiceUser(ctx, u.ID))
	if err != nil {
		return err
	}
	owner := store.Owner{Kind: store.ServiceUserClient, ID: u.ID}
	if err := r.freeClient(ctx, u.Username, owner, fmt.Sprintf("service user %q", u.Username)); err != nil {
		return err
	}
	err = r.put(ctx, object{"service user", u.ID, u.Username}, found, ServiceUserFields(before, u), func() error {
		return r.tx.PutServiceUser(ctx, u)
	})
	if err != nil || !before.Active || u.Active {
		return err
	}
	return r.endIssued(ctx, owner, before.Username, deactivated, r.EndsBefore())
}

// DeleteServiceUser removes the service user with its assignments, secrets, keys and tokens.
func (r *Registry) DeleteServiceUser(ctx context.Context, u store.ServiceUser) error {
	return r.remove(ctx, object{"service user", u.ID, u.Username}, func() error { return r.tx.DeleteServiceUser(ctx, u.ID) })
}

// Assign creates the assignment or replaces the one of the same subject for the same project or API. Its rights
// are sorted and each counts once. Errors: ErrLastAdministrator.
func (r *Registry) Assign(ctx context.Context, a store.Assignment) error {
	a.Rights = slices.Compact(append([]string{}, slices.Sorted(slices.Values(a.Rights))...)) // [] rather than nil, in events
	o, err := r.assignment(ctx, a)
	if err != nil {
		return err
	}
	all, err := r.tx.AssignmentsOf(ctx, a.SubjectID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(b store.Assignment) bool { return b.ProjectID == a.ProjectID && b.APIID == a.APIID })
	var fields Fields
	if i < 0 {
		fields.Add("rights", nil, a.Rights)
	} else {
		fields.Add("rights", all[i].Rights, a.Rights)
	}
	if i >= 0 && slices.Equal(all[i].Rights, a.Rights) {
		return nil
	}
	return r.ifOwn(ctx, a, func() error {
		return r.put(ctx, o, i >= 0, fields, func() error { return r.tx.PutAssignment(ctx, a) })
	})
}

// Unassign takes all of an assignment away, whatever its rights. Errors: ErrLastAdministrator.
func (r *Registry) Unassign(ctx context.Context, a store.Assignment) error {
	o, err := r.assignment(ctx, a)
	if err != nil {
		return err
	}
	return r.ifOwn(ctx, a, func() error {
		return r.remove(ctx, o, func() error { return r.tx.DeleteAssignment(ctx, a) })
	})
}

// ifOwn makes a change of an assignment; of Postern's own project it keeps an administrator.
func (r *Registry) ifOwn(ctx context.Context, a store.Assignment, change func() error) error {
	if a.ProjectID != OwnProject {
		return change()
	}
	return r.keepAdministrator(ctx, a.SubjectID, change)
}

// assignment names an assignment for the event: whom it is for, and at what.
func (r *Registry) assignment(ctx context.Context, a store.Assignment) (object, error) {
	subject, err := r.tx.Subject(ctx, a.SubjectID)
	if err != nil {
		return object{}, err
	}
	at := ""
	if a.APIID != "" {
		api, err := r.tx.API(ctx, a.APIID)
		if err != nil {
			return object{}, err
		}
		at = "API " + api.Name
	} else {
		project, err := r.tx.Project(ctx, a.ProjectID)
		if err != nil {
			return object{}, err
		}
		at = "project " + project.Name
	}
	return object{"assignment", a.SubjectID, subject.Username + " at " + at}, nil
}

// TokenTried leaves an event: an operator has had a token made for a service user, to try out an API. Whoever holds it
// is taken for the service user.
func (r *Registry) TokenTried(ctx context.Context, u store.ServiceUser, a store.API) error {
	return r.record(ctx, created, object{"test token", u.ID, u.Username + " at API " + a.Name}, nil)
}
