package password

import (
	"net/netip"
	"strings"
	"testing"
)

func TestAddressesThatCountAsOne(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7":            "192.0.2.7/32",
		"::ffff:192.0.2.7":     "192.0.2.7/32",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::1": "2001:db8:1:2::/64",
		"2001:db8:1:3::1":      "2001:db8:1:3::/64",
		"fe80::1%eth0":         "fe80::/64",
		"::1":                  "::/64",
	} {
		if got := AddressPrefix(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
	if got := AddressPrefix(netip.Addr{}); got != "" {
		t.Errorf("no address: got %q", got)
	}
}

func TestUnknownNamesShareCountersHoweverTheyAreWritten(t *testing.T) {
	key := []byte("0123456789abcdef0123456789abcdef")
	want := NameCounter(key, "jördis")
	for _, name := range []string{"Jördis", "JÖRDIS", "jo\u0308rdis"} {
		if got := NameCounter(key, name); got != want {
			t.Errorf("%s has a counter of its own", name)
		}
	}
	for name, other := range map[string]string{
		"another name": NameCounter(key, "jordis"),
		"another key":  NameCounter([]byte("another"), "jördis"),
	} {
		if other == want {
			t.Errorf("%s has the same counter", name)
		}
	}
	if strings.Contains(want, "rdis") || len(want) != len("name:")+64 {
		t.Errorf("counter %s", want)
	}
}
