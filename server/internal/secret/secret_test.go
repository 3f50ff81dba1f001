package secret_test

import (
	"sync"
	"testing"

	"github.com/postern-auth/postern/server/internal/secret"
)

func TestAnIDSortsBehindThoseBefore(t *testing.T) {
	last := secret.NewID()
	for range 200_000 { // far more than one in a millisecond
		id := secret.NewID()
		if id <= last || len(id) != 26 {
			t.Fatalf("%s came after %s", id, last)
		}
		last = id
	}
}

func TestNoIDIsGivenTwice(t *testing.T) {
	var seen sync.Map
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20_000 {
				if id := secret.NewID(); id != "" {
					if _, was := seen.LoadOrStore(id, true); was {
						t.Errorf("%s was given twice", id)
					}
				}
			}
		})
	}
	group.Wait()
}
