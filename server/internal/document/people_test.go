package document

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// app is a document with an application that has these fields beside a name and type.
func app(kind, fields string) string {
	return "projects:\n- name: p\n  applications:\n  - name: shop\n    type: " + kind + "\n    " + strings.ReplaceAll(fields, "\n", "\n    ") + "\n"
}

const (
	callback = "redirect_uris: [https://shop.example/cb]\n"
	inApp    = "projects[0].applications[0]"
)

func TestWhatIsWrongWithAnApplicationHasItsPlace(t *testing.T) {
	for _, test := range []struct{ name, yaml, want string }{
		{"no type", "projects:\n- name: p\n  applications:\n  - {name: shop, redirect_uris: ['https://shop.example/cb']}\n",
			"4: " + inApp + ".type: required, but not there"},
		{"another type", app("spa", callback), `5: ` + inApp + `.type: expected one of browser, native, web, got "spa"`},
		{"no redirect URI", app("browser", ""), "4: " + inApp + ": expected a redirect URI, for there is none and the grant authorization_code needs one"},
		{"no redirect URI for the grants of the document", app("browser", "grants: [authorization_code]"),
			"6: " + inApp + ".grants: expected a redirect URI, for there is none and the grant authorization_code needs one"},
		{"a star", app("browser", "redirect_uris: ['https://app*']"),
			`6: ` + inApp + `.redirect_uris[0]: "https://app*": a star is not a wildcard here; register each URI as it is sent`},
		{"one bad URI among good ones", app("browser", "redirect_uris:\n- https://shop.example/cb\n- http://shop.example/cb\n- http://localhost/cb"),
			`8: ` + inApp + `.redirect_uris[1]: "http://shop.example/cb": http is for 127.0.0.1, [::1] and localhost; use https`},
		{"a URI twice", app("browser", "redirect_uris:\n- https://shop.example/cb\n- https://shop.example/cb"),
			`8: ` + inApp + `.redirect_uris[1]: expected another redirect URI, got "https://shop.example/cb", which is taken by ` + inApp + `.redirect_uris[0] in line 7`},
		{"a private scheme of a browser", app("browser", "redirect_uris: ['com.example.shop:/cb']"),
			`6: ` + inApp + `.redirect_uris[0]: "com.example.shop:/cb": a private scheme leads to an application of type native, and this one has type browser; use https`},
		{"a private scheme after a logout", app("web", callback+"logout_uris: ['com.example.shop:/bye']"),
			`7: ` + inApp + `.logout_uris[0]: "com.example.shop:/bye": a private scheme leads to an application of type native, and this one has type web; use https`},
		{"an origin with a slash", app("browser", callback+"allowed_origins: ['https://shop.example/']"),
			`7: ` + inApp + `.allowed_origins[0]: expected an origin such as https://app.example.com or http://localhost:3000, without a path or a slash, got "https://shop.example/"`},
		{"a secret in a browser", app("browser", callback+"secrets: [{secret_file: s}]"),
			`7: ` + inApp + `.secrets[0].secret_file: expected no secret of an application of type browser, for it could not keep it; one of type web could`},
		{"a key on a device", app("native", callback+"keys: [{key_file: s}]"),
			`7: ` + inApp + `.keys[0].key_file: expected no key of an application of type native, for it could not keep it; one of type web could`},
		{"no PKCE in a browser", app("browser", callback+"insecure_no_pkce: true"),
			`7: ` + inApp + `.insecure_no_pkce: expected an application of type web to do without PKCE, got browser`},
		{"FAPI in a browser", app("browser", callback+"profile: fapi2"),
			`7: ` + inApp + `.profile: expected an application of type web, for the profile fapi2 is for those that prove who they are; got browser`},
		{"FAPI with a secret", app("web", callback+"profile: fapi2\nsecrets: [{secret_file: s}]"),
			`8: ` + inApp + `.secrets[0].secret_file: expected no secret beside the profile fapi2, in which a key or a certificate proves who the application is`},
		{"FAPI with RS256", app("web", callback+"profile: fapi2\nid_token_algorithm: RS256"),
			`7: ` + inApp + `.profile: expected an id_token_algorithm that the profile fapi2 lets in, one of ES256, PS256, EdDSA, Ed25519, got "RS256"`},
		{"FAPI without PKCE", app("web", callback+"profile: fapi2\ninsecure_no_pkce: true"),
			`7: ` + inApp + `.profile: expected no insecure_no_pkce beside the profile fapi2, which requires PKCE`},
		{"another profile", app("web", callback+"profile: fapi1"), `7: ` + inApp + `.profile: expected one of fapi2, got "fapi1"`},
		{"tokens bound to a cookie", app("web", callback+"sender_constraint: cookie"),
			`7: ` + inApp + `.sender_constraint: expected one of dpop, certificate, got "cookie"`},
		{"a certificate in a browser", app("browser", callback+"certificates: [{san_dns: x.example.com}]"),
			`7: ` + inApp + `.certificates[0]: expected no certificate of an application of type browser, for it could not keep its key; one of type web could`},
		{"a certificate by nothing", app("web", callback+"certificates: [{}]"),
			`7: ` + inApp + `.certificates[0]: expected one of thumbprint, subject_dn, san_dns, san_uri, san_email and san_ip, got 0`},
		{"a certificate by two", app("web", callback+"certificates: [{san_dns: x, san_ip: 192.0.2.1}]"),
			`7: ` + inApp + `.certificates[0]: expected one of thumbprint, subject_dn, san_dns, san_uri, san_email and san_ip, got 2`},
		{"a certificate twice", app("web", callback+"certificates: [{san_dns: x}, {san_dns: x}]"),
			`7: ` + inApp + `.certificates[1]: expected each certificate once, got one again`},
		{"a pattern for certificates", app("web", callback+"certificates: [{san_dns: '*.example.com'}]"),
			`7: ` + inApp + `.certificates[0].san_dns: expected a name without spaces and wild cards, got "*.example.com"`},
		{"a thumbprint that is none", app("web", callback+"certificates: [{thumbprint: AB:CD}]"),
			`7: ` + inApp + `.certificates[0].thumbprint: expected the SHA-256 of a certificate, 43 characters of base64url or 64 hexadecimal digits, got "AB:CD"`},
		{"an address in another spelling", app("web", callback+"certificates: [{san_ip: '::0001'}]"),
			`7: ` + inApp + `.certificates[0].san_ip: expected an IP address in its usual spelling, got "::0001"`},
		{"a subject that is a name", app("web", callback+"certificates: [{subject_dn: robot}]"),
			`7: ` + inApp + `.certificates[0].subject_dn: expected a distinguished name such as CN=robot,O=Example, got "robot"`},
		{"the grant of programs", app("web", callback+"grants: [client_credentials]"),
			`7: ` + inApp + `.grants[0]: expected a grant on behalf of people; the grant client_credentials is for service users`},
		{"no grants", app("web", callback+"grants: []"), `7: ` + inApp + `.grants: expected at least one grant`},
		{"a rest longer than all", app("web", callback+"refresh_idle: 2h\nrefresh_lifetime: 1h"),
			`7: ` + inApp + `.refresh_idle: expected refresh tokens that are not used to last no longer than the 1h0m0s of all of a login, got 2h0m0s`},
		{"two years", app("web", callback+"refresh_lifetime: 17520h"),
			`7: ` + inApp + `.refresh_lifetime: expected a duration from 1s to 8760h, got 17520h0m0s`},
		{"a call over http", app("web", callback+"backchannel_logout_uri: http://localhost/ended"),
			`7: ` + inApp + `.backchannel_logout_uri: expected a URL with https, got "http://localhost/ended"`},
		{"claims of another kind", app("web", callback+"id_token_claims: some"),
			`7: ` + inApp + `.id_token_claims: expected one of full, minimal, got "some"`},
		{"a shared secret for ID tokens", app("web", callback+"id_token_algorithm: HS256"),
			`7: ` + inApp + `.id_token_algorithm: expected one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519, got "HS256"`},
		{"a client id of another", app("web", callback+"client_id: robot") + "service_users: [{username: robot}]\n",
			`8: service_users[0].username: expected another username, got "robot", which is taken by ` + inApp + `.client_id in line 7`},
		{"an application twice", app("web", callback) + "  - {name: shop, type: web, redirect_uris: ['https://shop.example/cb']}\n",
			`8: projects[0].applications[1].name: expected another name, got "shop", which is taken by ` + inApp + `.name in line 4`},
		{"a file of two", app("web", callback+"secrets: [{secret_file: s}]\nclient_id_file: ./s"),
			`7: ` + inApp + `.secrets[0].secret_file: expected another file, got "s", which is taken by ` + inApp + `.client_id_file in line 8`},
	} {
		t.Run(test.name, func(t *testing.T) { wantError(t, test.yaml, test.want) })
	}
}

func wantError(t *testing.T, yaml, want string) {
	t.Helper()
	doc, err := Parse("postern.yaml", []byte(yaml))
	if err == nil {
		t.Fatalf("got document %+v, want an error", doc)
	}
	if diff := cmp.Diff("postern.yaml:"+want, err.Error()); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

func TestWhatIsWrongWithAUserHasItsPlace(t *testing.T) {
	for _, test := range []struct{ name, yaml, want string }{
		{"no login", "users:\n- {name: Anna}\n", "2: users[0].login: required, but not there"},
		{"a login with a space", "users:\n- login: anna berg\n", `2: users[0].login: expected letters, digits and ._~@+- alone, got "anna berg"`},
		{"a login twice, in another case", "users:\n- login: anna\n- login: Anna\n",
			`3: users[1].login: expected another login name, got "anna", which is taken by users[0].login in line 2`},
		{"an earlier login that is there", "users:\n- login: anna\n- {login: ben, was: anna}\n",
			`3: users[1].was: expected another earlier login name, got "anna", which is taken by users[0].login in line 2`},
		{"the address of another", "users:\n- login: anna@example.com\n- {login: ben, email: Anna@example.com, email_verified: true}\n",
			`3: users[1].login: expected another verified address, got "anna@example.com", which is taken by users[0].login in line 2`},
		{"an address with a name", "users:\n- login: anna\n  email: Anna <anna@example.com>\n",
			`3: users[0].email: expected an e-mail address such as anna@example.com, in ASCII and of at most 254 bytes, got "Anna <anna@example.com>"`},
		{"nothing verified", "users:\n- login: anna\n  email_verified: true\n", `3: users[0].email_verified: expected the email that it is about beside it, got none`},
		{"a locale of another spelling", "users:\n- login: anna\n  locale: de_DE\n", `3: users[0].locale: expected a language tag such as de or pt-BR, got "de_DE"`},
		{"a name that fakes a line", "users:\n- login: anna\n  nickname: \"a\\nb\"\n", `3: users[0].nickname: expected printable characters, got "a\nb"`},
		{"a role that nobody defined", "projects: [{name: p, roles: [a]}]\nusers:\n- login: anna\n  roles: {p: [b]}\n",
			`4: users[0].roles.p[0]: expected a role of project "p", got "b"`},
		{"a permission of no API", "users:\n- login: anna\n  permissions: {x: []}\n",
			`3: users[0].permissions.x: expected the identifier or name of an API in this document, got "x"`},
		{"a password in the document", "users:\n- login: anna\n  password: secret\n",
			`3: users[0].password: unknown field, expected one of active, email, email_verified, family_name, given_name, id_file, invitation_file, locale, login, name, nickname, password_file, permissions, roles, was`},
		{"a password and an invitation", "users:\n- {login: anna, password_file: s, invitation_file: t}\n",
			`2: users[0].invitation_file: expected a password_file or an invitation_file, got both: an invitation is for who has no password`},
		{"an invitation in the file of a password", "users:\n- {login: anna, password_file: s}\n- {login: ben, invitation_file: s}\n",
			`3: users[1].invitation_file: expected another file, got "s", which is taken by users[0].password_file in line 2`},
		{"a password file of two", "users:\n- {login: anna, password_file: s}\n- {login: ben, password_file: s}\n",
			`3: users[1].password_file: expected another file, got "s", which is taken by users[0].password_file in line 2`},
		{"null for a name", "users:\n- login: anna\n  name:\n", `3: users[0].name: expected text, got nothing`},
	} {
		t.Run(test.name, func(t *testing.T) { wantError(t, test.yaml, test.want) })
	}
}

func TestWhatAnApplicationHasWithoutBeingAsked(t *testing.T) {
	for kind, ends := range map[string]bool{"browser": true, "native": false, "web": false} {
		doc, err := Parse("postern.yaml", []byte(app(kind, callback)))
		if err != nil {
			t.Fatal(err)
		}
		a := doc.Projects[0].Applications[0]
		got := []any{a.RefreshEndsWithSession, Texts(a.Grants), string(a.IDTokenClaims), a.FirstParty, a.InsecureNoPKCE, a.Active}
		want := []any{ends, []string{"authorization_code", "refresh_token"}, "full", false, false, true}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
	}
	doc, err := Parse("postern.yaml", []byte(app("native", callback+"refresh_ends_with_session: true")))
	if err != nil || !doc.Projects[0].Applications[0].RefreshEndsWithSession {
		t.Errorf("what is asked for is not there: %v", err)
	}
}
