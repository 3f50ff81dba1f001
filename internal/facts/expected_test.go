package facts_test

import (
	"strings"
	"testing"

	"github.com/postern-auth/postern/internal/facts"
)

func TestFindingD8_WhatNoIssuerWritesIsNamed(t *testing.T) {
	for _, test := range []struct {
		text             string
		issuer, audience string // a word of the error; "": accepted
	}{
		{"https://idp.example", "", ""},
		{"https://idp.example/", "", ""},
		{"https://idp.example/realms/my%20staff", "", ""},
		{"https://ADFS.example/adfs/services/trust", "", ""},
		{"https://bücher.example", "", ""},
		{"issuer", "", ""},
		{"my api", "", ""},
		{"api://5d0e8a11/read", "", ""},
		{"urn:example:a,b", "", ""},
		{"it's", "", ""},
		{`"`, "", ""},
		{"https://idp.example/.well-known/openid-configuration", `such as "https://idp.example"`, ""},
		{"https://idp.example/tenant/.well-known/openid-configuration", `such as "https://idp.example/tenant"`, ""},
		{"https://idp.example/.well-known/oauth-authorization-server/tenant", "document", ""},
		{"https://idp.example/.well-known/jwks.json", "document", ""},
		{"https://idp.example/?tenant=a", "query", ""},
		{"https://idp.example/?", "query", ""},
		{"https://idp.example\n", `'\n'`, `'\n'`},
		{"api\r\n", `'\r'`, `'\r'`},
		{"a\x00b", `'\x00'`, `'\x00'`},
		{"\ufeffhttps://idp.example", `'\ufeff'`, `'\ufeff'`},
		{"api\u200b", `'\u200b'`, `'\u200b'`},
		{"api\u00a0v1", `'\u00a0'`, `'\u00a0'`},
		{"a\tb", `'\t'`, `'\t'`},
		{"api\xff", "UTF-8", "UTF-8"},
		{" api", "space", "space"},
		{"https://idp.example ", "space", "space"},
		{`"api"`, "quotes", "quotes"},
		{`'https://idp.example'`, "quotes", "quotes"},
		{"https://{tenant}.example", "placeholder", "placeholder"},
		{"https://<your-domain>/", "placeholder", "placeholder"},
		{"https://a.example https://b.example", "list", "list"},
	} {
		for _, got := range []struct {
			as   string
			err  error
			want string
		}{{"issuer", facts.CheckIssuer(test.text), test.issuer}, {"audience", facts.CheckAudience(test.text), test.audience}} {
			if got.want == "" && got.err != nil {
				t.Errorf("%s %q: %v", got.as, test.text, got.err)
			}
			if got.want != "" && (got.err == nil || !strings.Contains(got.err.Error(), got.want)) {
				t.Errorf("%s %q: %v, want an error that says %s", got.as, test.text, got.err, got.want)
			}
		}
	}
	for text, good := range map[string]bool{
		"https://idp.example/.well-known/jwks.json":                        true,
		"https://idp.example/keys":                                         true,
		"https://idp.example/.well-known/openid-configuration":             false,
		"https://idp.example/.well-known/oauth-authorization-server/a":     false,
		"https://idp.example/a/.well-known/openid-configuration?version=2": false,
	} {
		if err := facts.CheckEndpoint(text); (err == nil) != good {
			t.Errorf("endpoint %s: %v, want good %v", text, err, good)
		}
	}
}
