package clock_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-auth/postern/internal/clock"
)

func TestClockTellsWhatTimeNowTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c clock.Clock
		for _, pause := range []time.Duration{0, 1, time.Millisecond, 99 * time.Millisecond, time.Second, 0, time.Hour, time.Microsecond} {
			time.Sleep(pause)
			got, want := c.Now(), time.Now()
			if !got.Equal(want) || got.Sub(want) != 0 || got.Unix() != want.Unix() {
				t.Errorf("after %s: %s, want %s", pause, got, want)
			}
		}
	})
}

func TestClockOfAnotherTimeIsReadAgain(t *testing.T) {
	var c clock.Clock
	c.Now()
	synctest.Test(t, func(t *testing.T) { // years earlier
		if got, want := c.Now(), time.Now(); !got.Equal(want) {
			t.Errorf("%s, want %s", got, want)
		}
	})
	if off := time.Since(c.Now()); off < 0 || off > time.Minute {
		t.Errorf("off by %s", off)
	}
}

func TestNowAllocatesNothing(t *testing.T) {
	var c clock.Clock
	if n := testing.AllocsPerRun(1000, func() { c.Now() }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
