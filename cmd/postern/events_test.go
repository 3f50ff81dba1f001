package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// trail is what was changed, newest first.
type trail struct {
	mu     sync.Mutex
	events []store.Event
	err    error
}

// fails has reads fail from now on; nil: no more.
func (s *trail) fails(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *trail) AddEvent(_ context.Context, event store.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, event)
	slices.SortFunc(s.events, func(a, b store.Event) int { return strings.Compare(b.ID, a.ID) })
	return nil
}

func (s *trail) LatestEvents(ctx context.Context, limit int) ([]store.Event, error) {
	return s.EventsBefore(ctx, "~", limit)
}

func (s *trail) EventsBefore(_ context.Context, id string, limit int) (all []store.Event, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, event := range s.events {
		if event.ID < id && len(all) < limit {
			all = append(all, event)
		}
	}
	return all, s.err
}

// Everything that happens while it runs is printed once, however much happens at once and whichever clock is behind.
func TestTailPrintsEachEventOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(trail)
		add := func(name string) { s.AddEvent(t.Context(), store.Event{ID: name, Name: name}) }
		for n := range 1000 {
			add(fmt.Sprintf("a-%05d", n))
		}
		var out bytes.Buffer
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- tail(ctx, &out, s, false) }()
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		for n := range 3000 {
			add(fmt.Sprintf("b-%05d", n))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		s.fails(store.ErrUnavailable) // for a while
		add("b-00500-late")
		add("b-02995-late")
		time.Sleep(3 * time.Second)
		synctest.Wait()
		s.fails(nil)
		add("c-last")
		time.Sleep(2 * time.Second)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		seen := make(map[string]int)
		for _, line := range lines {
			seen[line[strings.LastIndex(line, " ")+1:]]++
		}
		for n := range 3000 {
			if name := fmt.Sprintf("b-%05d", n); seen[name] != 1 {
				t.Errorf("%s printed %d times", name, seen[name])
			}
		}
		if seen["a-00999"] != 0 || seen["b-02995-late"] != 1 || seen["c-last"] != 1 {
			t.Errorf("what was there: %d, late: %d, last: %d", seen["a-00999"], seen["b-02995-late"], seen["c-last"])
		}
	})
}

func TestTailSaysThatTheStoreCannotBeRead(t *testing.T) {
	if err := tail(t.Context(), new(bytes.Buffer), &trail{err: store.ErrUnavailable}, false); err == nil {
		t.Error("no error")
	}
}

func TestNamesDoNotMoveTheCursor(t *testing.T) {
	var out bytes.Buffer
	if err := printEvents(&out, []store.Event{{Actor: "a\x1b[2J", Name: "b\nc\u009b"}}, false); err != nil || strings.ContainsAny(out.String(), "\x1b\u009b") || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("%q, %v", out.String(), err)
	}
}
