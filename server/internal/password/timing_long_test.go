//go:build long

package password

import (
	"slices"
	"strconv"
	"testing"
	"time"
)

// TestLongS10_AnUnknownUserTakesAsLongAsAWrongPassword measures what TestS10 counts. Tries take turns, each
// for a user of its own.
func TestLongS10_AnUnknownUserTakesAsLongAsAWrongPassword(t *testing.T) {
	const tries = 2000
	h := newHasher(t, Config{})
	seed := turn(t, h, "seed")
	stored := make([]string, 50)
	for i := range stored {
		stored[i] = seed.Hash(typed(t, "the right one of "+strconv.Itoa(i))).PHC()
	}
	seed.Done()
	var took [2][]time.Duration
	for n := range 2 * tries {
		// Which of the two comes first changes from pair to pair.
		kind := (n + n/2) % 2
		phc := ""
		if kind == 1 {
			phc = stored[n/2%len(stored)]
		}
		p := typed(t, "a wrong password of somebody")
		began := time.Now()
		turn, err := h.Wait(t.Context(), strconv.Itoa(n))
		if err != nil {
			t.Fatal(err)
		}
		right, err := turn.Check(phc, p)
		turn.Done()
		took[kind] = append(took[kind], time.Since(began))
		if right || err != nil {
			t.Fatalf("got %v, %v, want false", right, err)
		}
	}
	var medians [2]time.Duration
	for i := range took {
		slices.Sort(took[i])
		medians[i] = took[i][len(took[i])/2]
	}
	difference := 100 * float64(medians[0]-medians[1]) / float64(medians[1])
	t.Logf("medians of %d tries: unknown user %s, wrong password %s: %+.2f %%", tries, medians[0], medians[1], difference)
	if difference > 1 || difference < -1 {
		t.Errorf("medians differ by %+.2f %%, want less than 1 %%", difference)
	}
}
