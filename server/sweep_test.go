package server

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/internal/tally"
	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/sqlite"
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

// Two servers rotate by the same schedule: each key once, and none while the next one waits.
func TestKeysAreRotatedOnSchedule(t *testing.T) {
	file := filepath.Join(t.TempDir(), "postern.db")
	var clock atomic.Int64
	clock.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	now := func() time.Time { return time.Unix(0, clock.Load()).UTC() }
	var servers []*Server
	for range 2 {
		s, err := sqlite.Open(t.Context(), file, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		authorization, err := New(t.Context(), Config{
			Store: s, Issuers: []string{"https://login.example.com"}, Now: now, RotateKeysEvery: 24 * time.Hour, SweepEvery: -1,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer authorization.Close()
		servers = append(servers, authorization)
	}
	count := func() map[string]int {
		rows, err := servers[0].config.Store.SigningKeys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		by := make(map[string]int)
		for _, row := range rows {
			by[row.Algorithm]++
		}
		return by
	}
	for _, row := range []struct {
		pass time.Duration
		want int
	}{{0, 1}, {24*time.Hour - time.Second, 1}, {time.Second, 2}, {time.Minute, 2}, {time.Hour, 2}, {23*time.Hour + time.Minute, 3}} {
		clock.Add(int64(row.pass))
		var all sync.WaitGroup
		for _, s := range servers {
			all.Go(func() {
				if err := s.sweep(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if by := count(); by["ES256"] != row.want || by["RS256"] != row.want || len(by) != 2 {
			t.Errorf("%s later: %v, want %d of each", row.pass, by, row.want)
		}
	}
	events, err := servers[0].config.Store.LatestEvents(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	events = slices.DeleteFunc(events, func(e store.Event) bool { return e.Actor != "schedule" })
	if len(events) != 4 {
		t.Errorf("%d events of the schedule, want 4", len(events))
	}
}
