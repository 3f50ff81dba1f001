package server

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-auth/postern/server/keys"
	"github.com/postern-auth/postern/server/store"
)

// expiring is a store of expired rows alone.
type expiring struct {
	store.Store
	left    int
	sweeps  int
	failing bool
}

func (e *expiring) DeleteExpiredTokens(_ context.Context, _ time.Time, limit int) (int, error) {
	if e.failing {
		e.failing = false
		return 0, store.ErrUnavailable
	}
	n := min(limit, e.left)
	e.left -= n
	return n, nil
}

func (e *expiring) InTx(_ context.Context, f func(store.Store) error) error {
	e.sweeps++
	return f(e)
}

func (e *expiring) SigningKeys(context.Context) ([]store.SigningKey, error) { return nil, nil }

func TestTheSweepDeletesAllUntilItIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := &expiring{left: 2500, failing: true}
		ctx, cancel := context.WithCancel(t.Context())
		s := &Server{
			config: Config{Store: rows, Now: time.Now, SweepEvery: time.Minute, Logger: slog.New(slog.DiscardHandler)},
			keys:   keys.New(keys.Config{Store: rows}), stop: cancel,
		}
		s.running.Go(func() { s.sweepUntil(ctx) })
		time.Sleep(90 * time.Second)
		if rows.left != 2500 || rows.sweeps != 0 {
			t.Errorf("%d rows left after a failure, %d sweeps", rows.left, rows.sweeps)
		}
		time.Sleep(time.Minute)
		if rows.left != 0 || rows.sweeps != 1 {
			t.Errorf("%d rows left, %d sweeps; want all gone in one", rows.left, rows.sweeps)
		}
		if err := s.Close(); err != nil || !errors.Is(ctx.Err(), context.Canceled) {
			t.Errorf("Close: %v", err)
		}
		time.Sleep(time.Hour)
		if rows.sweeps != 1 {
			t.Error("the sweep goes on after Close")
		}
	})
}
