package scope_test

import (
	"testing"

	"github.com/postern-auth/postern/internal/scope"
)

func TestIsToken(t *testing.T) {
	for s, want := range map[string]bool{
		"read:messages": true, "!": true, "~": true, "urn:a/b?c=d#[]": true,
		"": false, " ": false, "a b": false, `a"`: false, `\`: false, "a\x7f": false, "a\n": false, "é": false, "\x00": false,
	} {
		if got := scope.IsToken(s); got != want {
			t.Errorf("%q: %t, want %t", s, got, want)
		}
	}
}
