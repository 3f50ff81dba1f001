package endpoint

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// waited returns how long after its arrival a request is let go whose work took so long.
func waited(t *ticks, came, work time.Duration) time.Duration {
	time.Sleep(came)
	began := time.Now()
	time.Sleep(work)
	t.wait(context.Background(), began)
	return time.Since(began)
}

func TestFindingS6_ARefusalTakesAsLongWhateverItsWork(t *testing.T) {
	for _, came := range []time.Duration{0, 1, 1700 * time.Microsecond, 4999 * time.Microsecond, 5 * time.Millisecond} {
		want := 2*tickPeriod - came%tickPeriod
		for _, work := range []time.Duration{0, 1, 30 * time.Microsecond, time.Millisecond, 4900 * time.Microsecond} {
			synctest.Test(t, func(t *testing.T) {
				if got := waited(newTicks(time.Sleep), came, work); got != want {
					t.Errorf("came at %s, work %s: let go after %s, want %s", came, work, got, want)
				}
			})
		}
	}
}

func TestFindingS6_WhoWaitsForOneTickIsLetGoTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ticks := newTicks(time.Sleep)
		released := make(chan time.Duration, 100)
		for n := range 100 {
			came := time.Duration(n) * 10 * time.Microsecond
			go func() { released <- came + waited(ticks, came, time.Duration(n)) }()
		}
		for range 100 {
			if at := <-released; at != 2*tickPeriod {
				t.Errorf("let go at %s, want the tick at %s", at, 2*tickPeriod)
			}
		}
	})
}

func TestFindingS6_WorkThatOutlastsItsTickEndsAtTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if got := waited(newTicks(time.Sleep), 0, 23*time.Millisecond); got != 25*time.Millisecond {
			t.Errorf("let go after %s, want at the tick of 25ms", got)
		}
	})
}

func TestARefusalWhoseClientLeftDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		newTicks(time.Sleep).wait(ctx, began)
		if waited := time.Since(began); waited != 0 {
			t.Errorf("waited %s for a client that is gone", waited)
		}
		time.Sleep(3 * tickPeriod) // the clock stops by itself
	})
}
