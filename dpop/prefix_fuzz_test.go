package dpop

import (
	"strings"
	"testing"
)

// FuzzPrefix holds a path prefix to what it can change: it stands between origin and path, and stays there.
func FuzzPrefix(f *testing.F) {
	for _, seed := range []string{"", "/", "/orders", "/orders/", "//", "/../x", "/%2e%2e/x", "/a?b", "/a#b", "/%", "orders", "/a//b", "/é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, prefix string) {
		got, err := normalizePrefix(prefix)
		if err != nil || got == "" {
			return
		}
		if got[0] != '/' || strings.HasSuffix(got, "/") || strings.ContainsAny(got, "?# \x00") {
			t.Fatalf("%q becomes %q", prefix, got)
		}
		url, err := normalizeURL("https://api.example.com" + got + "/a")
		if err != nil || url != "https://api.example.com"+got+"/a" {
			t.Fatalf("%q becomes %q, which is not in its one spelling: %q, %v", prefix, got, url, err)
		}
	})
}
