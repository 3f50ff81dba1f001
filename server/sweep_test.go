package server

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/internal/tally"
	"github.com/postern-auth/postern/server/store"
)

// expiring is a store of expired rows alone.
type expiring struct {
	store.Store
	left    atomic.Int64
	sweeps  atomic.Int64
	failing atomic.Bool
}

func (e *expiring) DeleteExpiredTokens(_ context.Context, _ time.Time, limit int) (int, error) {
	if e.failing.Swap(false) {
		return 0, store.ErrUnavailable
	}
	n := min(int64(limit), e.left.Load())
	e.left.Add(-n)
	return int(n), nil
}

func (e *expiring) InTx(_ context.Context, f func(store.Tx) error) error {
	e.sweeps.Add(1)
	return f(e)
}

func (e *expiring) PruneRefusals(context.Context, time.Time, int) error { return nil }

func (e *expiring) SigningKeys(context.Context) ([]store.SigningKey, error) { return nil, nil }

func TestTheSweepDeletesAllUntilItIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := new(expiring)
		rows.left.Store(2500)
		rows.failing.Store(true)
		ctx, cancel := context.WithCancel(t.Context())
		s := &Server{
			config: Config{Store: rows, Now: time.Now, SweepEvery: time.Minute, Logger: slog.New(slog.DiscardHandler)},
			keys:   keys.New(keys.Config{Store: rows}), tally: tally.New(tally.Config{Store: rows, Now: time.Now}), stop: cancel,
		}
		s.running.Go(func() { s.sweepUntil(ctx) })
		time.Sleep(90 * time.Second)
		synctest.Wait()
		if rows.left.Load() != 2500 || rows.sweeps.Load() != 0 {
			t.Errorf("%d rows left after a failure, %d sweeps", rows.left.Load(), rows.sweeps.Load())
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if rows.left.Load() != 0 || rows.sweeps.Load() != 1 {
			t.Errorf("%d rows left, %d sweeps; want all gone in one", rows.left.Load(), rows.sweeps.Load())
		}
		if err := s.Close(); err != nil || !errors.Is(ctx.Err(), context.Canceled) {
			t.Errorf("Close: %v", err)
		}
		time.Sleep(time.Hour)
		if rows.sweeps.Load() != 1 {
			t.Error("the sweep goes on after Close")
		}
	})
}
