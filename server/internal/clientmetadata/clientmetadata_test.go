package clientmetadata_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/clientmetadata"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/redirect"
	"github.com/postern-auth/postern/server/store"
)

func publicKey(t testing.TB) string {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := jws.NewKey("k-1", jws.ES256, private.Public())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestMetadataBecomeAnApplicationOfAnotherHouse(t *testing.T) {
	jwks := `{"keys":[` + publicKey(t) + `]}`
	for _, row := range []struct {
		name, text string
		keys       string
		want       store.Application
	}{
		{"a page", `{"client_name":"Notes","redirect_uris":["https://app.example/cb","https://app.example/"],"token_endpoint_auth_method":"none",
			"grant_types":["authorization_code","refresh_token"],"response_types":["code"],"scope":"a b","contacts":[1,{}],"software_statement":"x"}`, "",
			store.Application{Name: "Notes", Type: store.BrowserApplication, RedirectURIs: []string{"https://app.example/cb", "https://app.example/"},
				AllowedOrigins: []string{"https://app.example"}, Grants: []string{"authorization_code", "refresh_token"}}},
		{"a program of a terminal", `{"redirect_uris":["http://127.0.0.1:33418/","com.example.app:/cb"],"token_endpoint_auth_method":"none","client_name":null}`, "",
			store.Application{Name: "127.0.0.1", Type: store.NativeApplication, RedirectURIs: []string{"http://127.0.0.1:33418/", "com.example.app:/cb"},
				AllowedOrigins: []string{"http://127.0.0.1:33418"}, Grants: []string{"authorization_code"}}},
		{"what says that it is native", `{"redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"none","application_type":"native"}`, "",
			store.Application{Name: "app.example", Type: store.NativeApplication, RedirectURIs: []string{"https://app.example/cb"}, AllowedOrigins: []string{"https://app.example"}, Grants: []string{"authorization_code"}}},
		{"nothing but where it is", `{"redirect_uris":["http://localhost:8090/callback"]}`, "",
			store.Application{Name: "localhost", Type: store.WebApplication, RedirectURIs: []string{"http://localhost:8090/callback"}, AllowedOrigins: []string{"http://localhost:8090"}, Grants: []string{"authorization_code"}}},
		{"all there is", `{"redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"private_key_jwt","jwks":` + jwks + `,
			"post_logout_redirect_uris":["https://app.example/bye"],"backchannel_logout_uri":"https://app.example/out","backchannel_logout_session_required":true,
			"client_uri":"https://app.example","logo_uri":"https://app.example/l.png","policy_uri":"https://app.example/p","tos_uri":"https://app.example/t","initiate_login_uri":"https://app.example/i",
			"id_token_signed_response_alg":"ES256","grant_types":["implicit","authorization_code","password","client_credentials"],"response_types":["token","code"],
			"dpop_bound_access_tokens":false,"subject_type":"public"}`, jwks,
			store.Application{Name: "app.example", Type: store.WebApplication, RedirectURIs: []string{"https://app.example/cb"}, LogoutURIs: []string{"https://app.example/bye"},
				BackchannelLogoutURI: "https://app.example/out", InitiateLoginURI: "https://app.example/i", AllowedOrigins: []string{"https://app.example"}, Grants: []string{"authorization_code"}, IDTokenAlgorithm: "ES256"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			m, err := clientmetadata.Parse(row.text)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.CheckOrigins(""); err != nil {
				t.Error(err)
			}
			row.want.IDTokenClaims, row.want.Active = store.FullClaims, true
			if diff := cmp.Diff(row.want, m.Application()); diff != "" || m.Keys != row.keys {
				t.Errorf("keys %q, application (-want +got):\n%s", m.Keys, diff)
			}
		})
	}
}

func TestMetadataAreRefusedWithTheReason(t *testing.T) {
	many := `"https://app.example/` + strings.Repeat(`x","https://app.example/`, 20) + `"`
	key := publicKey(t)
	private := strings.Replace(key, "{", `{"d":"AAAA",`, 1)
	jwks := func(keys string) string {
		return `{"redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"private_key_jwt","jwks":` + keys + `}`
	}
	with := func(member string) string {
		return `{"redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"none",` + member + `}`
	}
	for _, row := range []struct{ name, text, code, says string }{
		{"nothing", ``, "invalid_client_metadata", "one well-formed JSON object"},
		{"an array", `[]`, "invalid_client_metadata", "one well-formed JSON object"},
		{"a name twice", `{"redirect_uris":["https://app.example/cb"],"redirect_uris":["https://evil.example/"]}`, "invalid_client_metadata", "unique names"},
		{"something behind it", `{"redirect_uris":["https://app.example/cb"]}{}`, "invalid_client_metadata", "one well-formed JSON object"},
		{"no redirect URI", `{}`, "invalid_redirect_uri", "at least one"},
		{"an empty list of them", `{"redirect_uris":[]}`, "invalid_redirect_uri", "at least one"},
		{"null for them", `{"redirect_uris":null}`, "invalid_redirect_uri", "at least one"},
		{"a text for them", `{"redirect_uris":"https://app.example/cb"}`, "invalid_redirect_uri", "an array of strings"},
		{"a number among them", `{"redirect_uris":["https://app.example/cb",1]}`, "invalid_redirect_uri", "an array of strings"},
		{"too many of them", `{"redirect_uris":[` + many + `]}`, "invalid_redirect_uri", "at most 20"},
		{"one twice", `{"redirect_uris":["https://app.example/cb","https://app.example/cb"]}`, "invalid_redirect_uri", "each entry of redirect_uris once"},
		{"a bad one behind a good one", `{"redirect_uris":["https://app.example/cb","http://app.example/cb"]}`, "invalid_redirect_uri", "http is for 127.0.0.1"},
		{"a star (K1)", `{"redirect_uris":["https://app.example*"]}`, "invalid_redirect_uri", "star is not a wildcard"},
		{"a user name (K1)", `{"redirect_uris":["https://app@evil.example/"]}`, "invalid_redirect_uri", "no user name"},
		{"a fragment", `{"redirect_uris":["https://app.example/#"]}`, "invalid_redirect_uri", "no fragment"},
		{"a script", `{"redirect_uris":["javascript:alert(1)"],"token_endpoint_auth_method":"none"}`, "invalid_redirect_uri", "private scheme is a domain"},
		{"a private scheme of what keeps a secret", `{"redirect_uris":["com.example.app:/cb"]}`, "invalid_redirect_uri", "private scheme"},
		{"an empty one", `{"redirect_uris":[""]}`, "invalid_redirect_uri", "absolute"},
		{"an unknown method", `{"redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"tls_client_auth"}`, "invalid_client_metadata", "token_endpoint_auth_method"},
		{"a method that is a number", `{"redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":1}`, "invalid_client_metadata", "to be a string"},
		{"tokens in URLs", with(`"response_types":["token"]`), "invalid_client_metadata", "response_types"},
		{"no grant that is offered", with(`"grant_types":["client_credentials"]`), "invalid_client_metadata", "authorization_code"},
		{"refresh tokens alone", with(`"grant_types":["refresh_token"]`), "invalid_client_metadata", "authorization_code"},
		{"an unknown type", with(`"application_type":"service"`), "invalid_client_metadata", "web or native"},
		{"a name with a line break", with(`"client_name":"a\nb"`), "invalid_client_metadata", "printable"},
		{"a name that turns the text round", with(`"client_name":"a\u202eb"`), "invalid_client_metadata", "printable"},
		{"a long name", with(`"client_name":"` + strings.Repeat("x", 201) + `"`), "invalid_client_metadata", "1 to 200 characters"},
		{"a longer one", with(`"client_name":"` + strings.Repeat("x", 2049) + `"`), "invalid_client_metadata", "at most 2048 bytes"},
		{"an http address that begins a login", with(`"initiate_login_uri":"http://app.example/i"`), "invalid_client_metadata", "initiate_login_uri"},
		{"an http address that is told of logouts", with(`"backchannel_logout_uri":"http://app.example/i"`), "invalid_client_metadata", "backchannel_logout_uri"},
		{"a star after the logout", with(`"post_logout_redirect_uris":["https://app.example/*"]`), "invalid_client_metadata", "post_logout_redirect_uris"},
		{"an unsigned ID token", with(`"id_token_signed_response_alg":"none"`), "invalid_client_metadata", "id_token_signed_response_alg"},
		{"an encrypted ID token", with(`"id_token_encrypted_response_alg":"RSA-OAEP"`), "invalid_client_metadata", "nothing is encrypted"},
		{"pairwise subjects", with(`"subject_type":"pairwise"`), "invalid_client_metadata", "subject_type"},
		{"bound tokens", with(`"dpop_bound_access_tokens":true`), "invalid_client_metadata", "dpop_bound_access_tokens"},
		{"a wish that is a text", with(`"require_pushed_authorization_requests":"true"`), "invalid_client_metadata", "require_pushed"},
		{"a key by URL", `{"redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://app.example/k"}`, "invalid_client_metadata", "jwks_uri is not offered"},
		{"no keys", jwks(`{"keys":[]}`), "invalid_client_metadata", "1 to 8 keys"},
		{"keys that are none", jwks(`[]`), "invalid_client_metadata", "jwks"},
		{"keys that are a text", jwks(`{"keys":"x"}`), "invalid_client_metadata", "an array"},
		{"a private key", jwks(`{"keys":[` + private + `]}`), "invalid_client_metadata", "private part"},
		{"a symmetric key", jwks(`{"keys":[{"kty":"oct","k":"AAAA"}]}`), "invalid_client_metadata", "private part"},
		{"a key that cannot be used beside one that can", jwks(`{"keys":[` + key + `,{"kty":"EC","kid":"x"}]}`), "invalid_client_metadata", "'x' cannot be used"},
		{"keys without end", jwks(`{"keys":[],"x":"` + strings.Repeat("x", 17<<10) + `"}`), "invalid_client_metadata", "at most 16384 bytes"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := clientmetadata.Parse(row.text)
			refused(t, err, row.code, row.says)
		})
	}
}

func refused(t *testing.T, err error, code, says string) {
	t.Helper()
	var e *oauth.Error
	if !errors.As(err, &e) || string(e.Code) != code || !strings.Contains(e.Text, says) {
		t.Fatalf("%v, want %s that says %q", err, code, says)
	}
	if strings.ContainsFunc(e.Text, func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }) || len(e.Text) > 400 {
		t.Errorf("error_description %q", e.Text)
	}
}

func TestK50_AddressesOfAnotherHouseAreRefused(t *testing.T) {
	member := func(name, uri string) string {
		if strings.HasSuffix(name, "uris") {
			return fmt.Sprintf(`%q:[%q]`, name, uri)
		}
		return fmt.Sprintf(`%q:%q`, name, uri)
	}
	const own = `{"token_endpoint_auth_method":"none","redirect_uris":["https://app.example/cb"],`
	for _, name := range []string{"post_logout_redirect_uris", "backchannel_logout_uri", "client_uri", "logo_uri", "policy_uri", "tos_uri", "initiate_login_uri"} {
		for uri, good := range map[string]bool{
			"https://app.example/x": true, "https://app.example:8443/x": false, "https://evil.example/x": false, "https://app.example.evil.example/": false,
			"https://www.app.example/": false,
		} {
			for _, document := range []string{"", "https://app.example"} {
				m, err := clientmetadata.Parse(own + member(name, uri) + "}")
				if err != nil {
					t.Fatal(err)
				}
				err = m.CheckOrigins(document)
				if good && err != nil {
					t.Errorf("%s %s: %v", name, uri, err)
				}
				if !good {
					refused(t, err, "invalid_client_metadata", name)
				}
			}
		}
	}
	for _, row := range []struct {
		name, text, document, code string
	}{
		{"a document with an address elsewhere", `{"redirect_uris":["https://evil.example/cb"]}`, "https://app.example", "invalid_redirect_uri"},
		{"a document with one elsewhere beside its own", `{"redirect_uris":["https://app.example/cb","https://evil.example/cb"]}`, "https://app.example", "invalid_redirect_uri"},
		{"a document with the person's device", `{"redirect_uris":["http://127.0.0.1/cb","http://localhost:80/","https://app.example/"],"token_endpoint_auth_method":"none"}`, "https://app.example", ""},
		{"a document with a scheme of its own", `{"redirect_uris":["example.app:/cb","example.app.notes:/cb"],"token_endpoint_auth_method":"none"}`, "https://app.example", ""},
		{"a document with the scheme of somebody else", `{"redirect_uris":["example.appstore:/cb"],"token_endpoint_auth_method":"none"}`, "https://app.example", "invalid_redirect_uri"},
		{"a program on a device with a site", `{"redirect_uris":["http://127.0.0.1/cb"],"token_endpoint_auth_method":"none","client_uri":"https://app.example","logo_uri":"https://app.example/l"}`, "", ""},
		{"a program on a device with two sites", `{"redirect_uris":["http://127.0.0.1/cb"],"token_endpoint_auth_method":"none","client_uri":"https://app.example","logo_uri":"https://evil.example/l"}`, "", "invalid_client_metadata"},
		{"a program on a device that goes elsewhere after a logout", `{"redirect_uris":["http://127.0.0.1/cb"],"token_endpoint_auth_method":"none","post_logout_redirect_uris":["https://evil.example/"]}`, "", "invalid_client_metadata"},
		{"a page that goes to the device after a logout", `{"redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"none","post_logout_redirect_uris":["http://localhost/"]}`, "", "invalid_client_metadata"},
		{"its own scheme after a logout", `{"redirect_uris":["com.example.a:/cb"],"token_endpoint_auth_method":"none","post_logout_redirect_uris":["com.example.a:/bye"]}`, "", ""},
		{"another scheme after a logout", `{"redirect_uris":["com.example.a:/cb"],"token_endpoint_auth_method":"none","post_logout_redirect_uris":["com.example.b:/bye"]}`, "", "invalid_client_metadata"},
		{"two houses, both of its own", `{"redirect_uris":["https://a.example/cb","https://b.example/cb"],"post_logout_redirect_uris":["https://b.example/"]}`, "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			m, err := clientmetadata.Parse(row.text)
			if err != nil {
				t.Fatal(err)
			}
			if err = m.CheckOrigins(row.document); row.code != "" {
				refused(t, err, row.code, "expected an address of ")
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func FuzzMetadata(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"redirect_uris":["https://app.example/cb"]}`, `{"redirect_uris":["http://127.0.0.1/cb"],"token_endpoint_auth_method":"none"}`,
		`{"redirect_uris":["com.example.a:/cb"],"token_endpoint_auth_method":"none","post_logout_redirect_uris":["com.example.a:/"],"client_uri":"https://x.example"}`,
		`{"redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"private_key_jwt","jwks":{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}}`,
	} {
		f.Add(seed, "https://app.example")
	}
	f.Fuzz(func(t *testing.T, text, document string) {
		m, err := clientmetadata.Parse(text)
		if err != nil {
			refused(t, err, string(oauth.AsError(err).Code), "")
			return
		}
		a := m.Application()
		if a.FirstParty || a.InsecureNoPKCE || a.ProjectID != "" || len(a.RedirectURIs) == 0 || len(a.Grants) == 0 {
			t.Errorf("%q: %+v", text, a)
		}
		if a.Type == store.WebApplication == (m.AuthMethod == oauth.MethodNone) {
			t.Errorf("%q: %s by %s", text, a.Type, m.AuthMethod)
		}
		if document == "" || m.CheckOrigins(document) != nil {
			return
		}
		for _, uri := range append(a.RedirectURIs, a.LogoutURIs...) {
			if redirect.IsWeb(uri) && !redirect.IsLoopback(uri) && redirect.Origin(uri) != document {
				t.Errorf("%q admits %s of %q", text, uri, document)
			}
		}
	})
}
