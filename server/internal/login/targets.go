package login

import (
	"context"
	"errors"
	"fmt"

	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store"
)

// TargetsIn returns the CheckTargets that looks names up in a store.
func TargetsIn(s store.Store) func(context.Context, []string) error {
	return func(ctx context.Context, names []string) error {
		for _, name := range names {
			active, err := isTarget(ctx, s, name)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("login: reading a target: %w", err)
			}
			if !active {
				return oauth.Refuse(oauth.InvalidTarget, "there is no active API or project of the name", nil)
			}
		}
		return nil
	}
}

func isTarget(ctx context.Context, s store.Store, name string) (bool, error) {
	api, err := s.APIByIdentifier(ctx, name)
	id, active := api.ProjectID, api.Active
	if errors.Is(err, store.ErrNotFound) {
		id, active, err = name, true, nil
	}
	if err != nil {
		return false, err
	}
	project, err := s.Project(ctx, id)
	return active && project.Active, err
}
