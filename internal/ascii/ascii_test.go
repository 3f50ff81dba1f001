package ascii_test

import (
	"testing"

	"github.com/postern-auth/postern/internal/ascii"
)

func TestLowerFoldsTheLettersOfASCIIAlone(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "at+jwt": "at+jwt", "AT+JWT": "at+jwt", "@AZ[`az{": "@az[`az{",
		"\u212a": "\u212a", "İ": "İ", "É": "É",
	} {
		if got := ascii.Lower(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}
