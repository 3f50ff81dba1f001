package hops

import (
	"net/netip"
	"slices"
	"testing"
)

func TestTrustedIsTheAddressOfThePeerAndNothingElse(t *testing.T) {
	networks := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for remote, want := range map[string]bool{
		"10.1.2.3:80":          true,
		"[2001:db8::1]:80":     true,
		"[::ffff:10.1.2.3]:80": true,
		"[2001:db8::1%eth0]:1": true,
		"11.1.2.3:80":          false,
		"10.1.2.3":             false,
		"@":                    false,
		"":                     false,
		"10.1.2.3:80, 1.1.1.1": false,
	} {
		if got := Trusted(networks, remote); got != want {
			t.Errorf("%q: %t, want %t", remote, got, want)
		}
	}
	if Trusted(nil, "10.1.2.3:80") {
		t.Error("without networks somebody is trusted")
	}
}

func TestSplitAndUnquoteKeepQuotedStringsWhole(t *testing.T) {
	for _, test := range []struct {
		text  string
		parts []string
		ok    bool
	}{
		{`a,b`, []string{"a", "b"}, true},
		{`a="x,y",b`, []string{`a="x,y"`, "b"}, true},
		{`a="x\",y",b`, []string{`a="x\",y"`, "b"}, true},
		{``, []string{""}, true},
		{`a="x,y`, []string{`a="x,y`}, false},
		{`a="x\"`, []string{`a="x\"`}, false},
	} {
		parts, ok := Split(test.text, ',')
		if !slices.Equal(parts, test.parts) || ok != test.ok {
			t.Errorf("Split(%q) = %q, %t", test.text, parts, ok)
		}
	}
	for text, want := range map[string]string{`a`: "a", `"a b"`: "a b", `"a\"b"`: `a"b`, `"a\\"`: `a\`, ``: ""} {
		if got, ok := Unquote(text); got != want || !ok {
			t.Errorf("Unquote(%q) = %q, %t", text, got, ok)
		}
	}
	for _, text := range []string{`"`, `"a`, `a"`, `"a"b`, `"a\`, `"a\"`} {
		if got, ok := Unquote(text); ok {
			t.Errorf("Unquote(%q) = %q, want refused", text, got)
		}
	}
}
