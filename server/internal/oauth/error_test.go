package oauth

import (
	"strings"
	"testing"
)

func TestQuotePassesWhatAnErrorDescriptionMayHold(t *testing.T) {
	for in, want := range map[string]string{
		"https://x":              "'https://x'",
		"a\"b\\c'd\n\x00é":       "'a?b?c?d???'",
		strings.Repeat("a", 100): "'" + strings.Repeat("a", 64) + "'",
	} {
		if got := Quote(in); got != want {
			t.Errorf("Quote(%q) = %s, want %s", in, got, want)
		}
	}
}
