package secret_test

import (
	"regexp"
	"testing"

	"github.com/postern-auth/postern/server/internal/secret"
)

func TestAPasswordCanBeTypedAndIsMadeAnew(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-hjkmnp-tv-z]{4}(-[0-9a-hjkmnp-tv-z]{4}){4}$`)
	seen := make(map[string]bool)
	for range 1000 {
		text := secret.NewPassword()
		if !form.MatchString(text) || seen[text] {
			t.Fatalf("password %q", text)
		}
		seen[text] = true
	}
}
