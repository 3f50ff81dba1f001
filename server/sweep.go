package server

import (
	"context"
	"fmt"
	"time"
)

// sweepLimit bounds one deletion, so that requests get their turn between them.
const sweepLimit = 1000

// sweepUntil deletes what has expired, again and again until ctx ends.
func (s *Server) sweepUntil(ctx context.Context) {
	if s.config.SweepEvery < 0 {
		return
	}
	ticker := time.NewTicker(s.config.SweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := s.sweep(ctx); err != nil && ctx.Err() == nil {
			s.config.Logger.WarnContext(ctx, "sweep of expired tokens failed", "reason", err.Error())
		}
	}
}

func (s *Server) sweep(ctx context.Context) error {
	for now := s.config.Now(); ; {
		n, err := s.config.Store.DeleteExpiredTokens(ctx, now, sweepLimit)
		if err != nil {
			return fmt.Errorf("server: deleting expired tokens: %w", err)
		}
		if n < sweepLimit {
			break
		}
	}
	if err := s.tally.Prune(ctx); err != nil {
		return err
	}
	if err := s.rotateDue(ctx); err != nil {
		return err
	}
	return s.keys.DeleteExpired(ctx)
}
