package registry_test

import (
	"context"
	"errors"
	"testing"

	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

func TestTheProjectWhoseRolesOpenTheConsoleIsNotDeleted(t *testing.T) {
	s := open(t)
	seed(t, s)
	own := store.Project{ID: registry.OwnProject, Name: registry.OwnProjectName}
	err := change(t, s, func(ctx context.Context, r *registry.Registry) error {
		if _, err := r.FirstAdministrator(ctx); err != nil {
			return err
		}
		return r.DeleteProject(ctx, own)
	})
	if !errors.Is(err, registry.ErrRefused) {
		t.Errorf("got %v, want a refusal", err)
	}
}
