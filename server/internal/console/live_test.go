package console

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// However often a page is opened anew, one look a second is for all, and none is made when nobody is there.
func TestOneLookIsForAllStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int64
		tail := &tail{latest: func(context.Context) ([]store.Event, error) {
			looks.Add(1)
			return []store.Event{{ID: "1"}}, nil
		}}
		for range 20 {
			s, ok := tail.join("session")
			if !ok {
				t.Fatal("there is no room")
			}
			tail.leave(s)
		}
		one, _ := tail.join("session")
		other, _ := tail.join("another")
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := looks.Load(); n < 58 || n > 62 {
			t.Errorf("%d looks in a minute, want 60", n)
		}
		for _, s := range []*stream{one, other} {
			if events := <-s.news; len(events) != 1 {
				t.Errorf("a stream heard of %d events", len(events))
			}
			tail.leave(s)
		}
		time.Sleep(2 * lookEvery)
		synctest.Wait()
		looks.Store(0)
		time.Sleep(time.Minute)
		if n := looks.Load(); n != 0 {
			t.Errorf("%d looks for nobody", n)
		}
	})
}

func TestStreamsAreBounded(t *testing.T) {
	tail := &tail{following: true} // nobody looks
	for i := range streamsInAll {
		if _, ok := tail.join(string(rune('a' + i/streamsOfSession))); !ok {
			t.Fatalf("stream %d finds no room", i)
		}
	}
	if _, ok := tail.join("another"); ok {
		t.Error("there is room for one more")
	}
}
