package storetest_test

import (
	"context"
	"time"

	"github.com/postern-auth/postern/server/store"
)

func (s limitless) PruneRefusals(ctx context.Context, before time.Time, _ int) error {
	return s.Store.PruneRefusals(ctx, before, 1000)
}

func (s immortal) PruneRefusals(ctx context.Context, _ time.Time, keep int) error {
	return s.Store.PruneRefusals(ctx, time.Unix(0, 0), keep)
}

func (s forgetful) AddCount(ctx context.Context, c store.Count) error {
	counts, err := s.Store.CountsSince(ctx, c.Hour)
	if err != nil || len(counts) > 0 && counts[0].Reason == c.Reason {
		return err
	}
	return s.Store.AddCount(ctx, c)
}
