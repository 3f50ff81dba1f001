package server

import (
	"strings"
	"testing"
)

func TestIssuerWithLettersThatHostsHaveNotIsToldItsSpelling(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://bücher.example":          "write it as https://xn--bcher-kva.example",
		"https://BÜCHER.Example:8443/":    "write it as https://xn--bcher-kva.example:8443/",
		"https://例え.テスト":                  "write it as https://xn--r8jz45g.xn--zckzah",
		"https://bu\u0308cher.example":    "write it as https://xn--…, in punycode",
		"https://login.bücher.example/a/": "has a path",
	} {
		_, err := parseIssuer(issuer, false)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want %q", issuer, err, want)
		}
	}
}
