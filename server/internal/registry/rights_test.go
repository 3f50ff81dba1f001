package registry_test

import (
	"context"
	"errors"
	"testing"

	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

func TestTheLastAdministratorStays(t *testing.T) {
	s := open(t)
	seed(t, s)
	ben := store.User{ID: "ben", OrganizationID: "o", LoginName: "ben", Active: true}
	for _, u := range []store.User{anna, ben} {
		if err := putUser(t, s, u); err != nil {
			t.Fatal(err)
		}
	}
	own := store.Assignment{SubjectID: "anna", ProjectID: registry.OwnProject}
	open := func(id, role string) func(context.Context, *registry.Registry) error {
		return func(ctx context.Context, r *registry.Registry) error { return r.OpenConsole(ctx, id, role) }
	}
	if err := change(t, s, open("anna", registry.Administrator)); err != nil {
		t.Fatal(err)
	}
	lock := func(u store.User) func(context.Context, *registry.Registry) error {
		u.Active = false
		return func(ctx context.Context, r *registry.Registry) error { return r.PutUser(ctx, u) }
	}
	costs := map[string]func(context.Context, *registry.Registry) error{
		"locking them":         lock(anna),
		"deleting them":        func(ctx context.Context, r *registry.Registry) error { return r.DeleteUser(ctx, anna) },
		"making them a reader": open("anna", registry.Reader),
		"taking the role away": func(ctx context.Context, r *registry.Registry) error {
			return r.TakeAway(ctx, "anna", own, registry.Administrator)
		},
		"taking all of it away":     func(ctx context.Context, r *registry.Registry) error { return r.Unassign(ctx, own) },
		"an assignment without any": func(ctx context.Context, r *registry.Registry) error { return r.Assign(ctx, own) },
	}
	refused := func(when string) {
		t.Helper()
		for name, f := range costs {
			if err := change(t, s, f); !errors.Is(err, registry.ErrLastAdministrator) {
				t.Errorf("%s, %s: %v, want ErrLastAdministrator", when, name, err)
			}
		}
	}
	refused("alone")
	if err := change(t, s, open("ben", registry.Reader)); err != nil {
		t.Fatal(err)
	}
	refused("beside a reader")
	for _, f := range []func(context.Context, *registry.Registry) error{open("ben", registry.Administrator), lock(ben)} {
		if err := change(t, s, f); err != nil {
			t.Fatal(err)
		}
	}
	refused("beside one who is locked")
	if err := putUser(t, s, ben); err != nil {
		t.Fatal(err)
	}
	if err := change(t, s, costs["locking them"]); err != nil {
		t.Errorf("of two administrators one is locked: %v", err)
	}
}

func TestRightsAreGivenAndTakenAwayOneByOne(t *testing.T) {
	s := open(t)
	seed(t, s)
	if err := putUser(t, s, anna); err != nil {
		t.Fatal(err)
	}
	if err := change(t, s, func(ctx context.Context, r *registry.Registry) error {
		return r.PutProject(ctx, store.Project{ID: "shop", Name: "Shop", Roles: []store.Role{{Key: "read"}, {Key: "write"}}})
	}); err != nil {
		t.Fatal(err)
	}
	shop := store.Assignment{ProjectID: "shop"}
	give := func(id, right string) error {
		return change(t, s, func(ctx context.Context, r *registry.Registry) error { return r.Give(ctx, id, shop, right) })
	}
	take := func(right string) error {
		return change(t, s, func(ctx context.Context, r *registry.Registry) error { return r.TakeAway(ctx, "anna", shop, right) })
	}
	for _, row := range []struct {
		what error
		want error
		has  []string
	}{
		{take("read"), store.ErrNotFound, nil},
		{give("anna", "write"), nil, nil},
		{give("anna", "read"), nil, nil},
		{give("anna", "read"), nil, nil},
		{give("anna", "nothing"), store.ErrNotFound, nil},
		{give("nobody", "read"), store.ErrNotFound, nil},
		{take("write"), nil, nil},
		{take("write"), store.ErrNotFound, []string{"read"}},
		{take("read"), nil, nil},
	} {
		if !errors.Is(row.what, row.want) {
			t.Errorf("got %v, want %v", row.what, row.want)
		}
	}
	all, err := s.AssignmentsOf(t.Context(), "anna")
	if err != nil || len(all) != 1 || len(all[0].Rights) != 0 {
		t.Errorf("left is %+v, %v: want that she may have tokens, without a right", all, err)
	}
	var trail []string
	for _, e := range events(t, s) {
		if e.Object == "assignment" {
			trail = append(trail, e.Action+" "+e.Detail)
		}
	}
	if want := 4; len(trail) != want {
		t.Errorf("%d events %q, want %d", len(trail), trail, want)
	}
	err = change(t, s, func(ctx context.Context, r *registry.Registry) error {
		return r.Give(ctx, user.ID, store.Assignment{ProjectID: registry.OwnProject}, registry.Administrator)
	})
	if !errors.Is(err, registry.ErrPeopleOnly) {
		t.Errorf("a program as administrator: %v, want ErrPeopleOnly", err)
	}
}
