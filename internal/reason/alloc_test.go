//go:build !race

package reason_test

import (
	"errors"
	"testing"

	"github.com/postern-auth/postern/internal/reason"
)

// The race detector allocates on its own, so this file is not part of its tests.
func TestARefusalIsOnePieceOfMemory(t *testing.T) {
	words := new(spoken)
	var err error
	for name, refuse := range map[string]func(){
		"one reason":  func() { err = reason.New(errOne, "jwt: %s: %w", words, errCause) },
		"two reasons": func() { err = reason.Both(errOne, errTwo, "jwt: %s: %w", words, errCause) },
	} {
		if n := testing.AllocsPerRun(100, refuse); n != 1 {
			t.Errorf("%s: %v allocations, want one", name, n)
		}
		if n := testing.AllocsPerRun(100, func() { errors.Is(err, errOne) }); n != 0 {
			t.Errorf("%s: asking for it takes %v allocations, want none", name, n)
		}
	}
}
