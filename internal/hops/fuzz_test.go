package hops

import (
	"strings"
	"testing"
)

// The parts that Split finds are the text again when they are joined, and none of them, when the quotes
// are whole, holds the separator outside of quotes.
func FuzzSplit(f *testing.F) {
	for _, text := range []string{``, `a,b`, `a="x,y";b=c,d`, `a="x\",y"`, `"`, `\`, `"\`, `for=192.0.2.1;proto=https;host="a"`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parts, ok := Split(text, ',')
		if joined := strings.Join(parts, ","); joined != text {
			t.Errorf("parts join to %q, want %q", joined, text)
		}
		for _, part := range parts {
			again, _ := Split(part, ',')
			if ok && len(again) != 1 {
				t.Errorf("part %q splits again", part)
			}
			Unquote(part)
		}
	})
}
