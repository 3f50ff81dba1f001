package server_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/store"
)

func TestMetadataNamesWhatIsThere(t *testing.T) {
	w := newWorld(t)
	methods := []any{"client_secret_basic", "client_secret_post", "private_key_jwt"}
	algorithms := []any{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
	for _, row := range []struct{ name, host, issuer, authorize, device, par, token, introspect, revoke, userinfo, keys, endSession string }{
		{"ZITADEL's form of issuer", zitadelHost, "https://zitadel.example.com",
			"https://zitadel.example.com/oauth/v2/authorize", "https://zitadel.example.com/oauth/v2/device_authorization", "https://zitadel.example.com/oauth/v2/par",
			"https://zitadel.example.com/oauth/v2/token", "https://zitadel.example.com/oauth/v2/introspect",
			"https://zitadel.example.com/oauth/v2/revoke", "https://zitadel.example.com/oidc/v1/userinfo", "https://zitadel.example.com/oauth/v2/keys", "https://zitadel.example.com/oidc/v1/end_session"},
		{"Auth0's form of issuer", auth0Host, auth0Issuer,
			"https://auth0.example.com/authorize", "https://auth0.example.com/oauth/device/code", "https://auth0.example.com/oauth/par",
			"https://auth0.example.com/oauth/token", "https://auth0.example.com/oauth/introspect",
			"https://auth0.example.com/oauth/revoke", "https://auth0.example.com/userinfo", "https://auth0.example.com/.well-known/jwks.json", "https://auth0.example.com/oidc/logout"},
	} {
		for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration/", "/.well-known/oauth-authorization-server/"} {
			t.Run(row.name+" "+path, func(t *testing.T) {
				w := w.at(t)
				a := w.do(call{method: http.MethodGet, path: path, host: row.host})
				want := map[string]any{
					"issuer": row.issuer, "authorization_endpoint": row.authorize, "token_endpoint": row.token, "introspection_endpoint": row.introspect,
					"device_authorization_endpoint": row.device, "pushed_authorization_request_endpoint": row.par, "require_pushed_authorization_requests": false,
					"revocation_endpoint": row.revoke, "jwks_uri": row.keys, "end_session_endpoint": row.endSession,
					"userinfo_endpoint":                     row.userinfo,
					"scopes_supported":                      []any{"openid", "profile", "email", "phone", "address", "offline_access"},
					"subject_types_supported":               []any{"public"},
					"id_token_signing_alg_values_supported": []any{"RS256"},
					"userinfo_signing_alg_values_supported": algorithms,
					"claims_supported": []any{"iss", "sub", "aud", "azp", "iat", "exp", "auth_time", "acr", "amr", "sid", "nonce", "at_hash",
						"name", "given_name", "family_name", "nickname", "picture", "preferred_username", "locale", "updated_at", "email", "email_verified"},
					"response_types_supported":              []any{"code"},
					"code_challenge_methods_supported":      []any{"S256"},
					"grant_types_supported":                 []any{"authorization_code", "client_credentials", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:token-exchange"},
					"token_endpoint_auth_methods_supported": append(slices.Clone(methods), "none"), "token_endpoint_auth_signing_alg_values_supported": algorithms,
					"response_modes_supported":                       []any{"query", "form_post", "web_message"},
					"prompt_values_supported":                        []any{"none", "login", "consent", "select_account"},
					"acr_values_supported":                           []any{"urn:postern:acr:phr", "urn:postern:acr:mfa", "urn:postern:acr:pwd"},
					"ui_locales_supported":                           []any{"de", "en"},
					"tls_client_certificate_bound_access_tokens":     false,
					"introspection_signing_alg_values_supported":     []any{"ES256"},
					"dpop_signing_alg_values_supported":              []any{"ES256", "EdDSA", "Ed25519", "PS256"},
					"request_parameter_supported":                    false,
					"request_uri_parameter_supported":                false,
					"claims_parameter_supported":                     false,
					"authorization_response_iss_parameter_supported": true,
					"backchannel_logout_supported":                   true,
					"backchannel_logout_session_supported":           true,
					"introspection_endpoint_auth_methods_supported":  methods, "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
					"revocation_endpoint_auth_methods_supported": append(slices.Clone(methods), "none"), "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
				}
				if diff := cmp.Diff(want, w.object(a.body)); diff != "" || a.status != 200 {
					t.Errorf("status %d, metadata (-want +got):\n%s", a.status, diff)
				}
				w.cacheable(a)
			})
		}
	}
}

func (w *world) cacheable(a answer) {
	w.t.Helper()
	w.headers(a, map[string]string{
		"Cache-Control": "public, max-age=60", "Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "Pragma": "",
	})
}

func TestTheKeySetHoldsPublicKeysWithIDUseAndAlgorithm(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/oauth/v2/keys", "/.well-known/jwks.json"} {
		a := w.do(call{method: http.MethodGet, path: path})
		w.cacheable(a)
		set, err := jws.ParseKeySet(a.body)
		w.must(err)
		algorithms := make(map[jws.Algorithm]string)
		for _, key := range set.Keys {
			algorithms[key.Algorithm] = key.ID
		}
		want := map[jws.Algorithm]string{jws.ES256: "sig-ec", jws.RS256: "sig-rsa"}
		if diff := cmp.Diff(want, algorithms); diff != "" || strings.Count(a.body, `"use":"sig"`) != 2 {
			t.Errorf("%s: keys (-want +got):\n%s\n%s", path, diff, a.body)
		}
		for _, private := range []string{`"d"`, `"p"`, `"q"`, "PRIVATE"} {
			if strings.Contains(a.body, private) {
				t.Errorf("%s holds the private member %s", path, private)
			}
		}
	}
}

func TestRoutesRefuse(t *testing.T) {
	w := newWorld(t)
	for _, row := range []struct {
		name, method, path, host string
		status                   int
		allow                    string
	}{
		{"GET of the token endpoint", "GET", "/oauth/v2/token", "", 405, "POST, OPTIONS"},
		{"PUT of the revocation endpoint", "PUT", "/oauth/revoke", "", 405, "POST, OPTIONS"},
		{"POST of the key set", "POST", "/oauth/v2/keys", "", 405, "GET, HEAD, OPTIONS"},
		{"DELETE of the metadata", "DELETE", "/.well-known/openid-configuration", "", 405, "GET, HEAD, OPTIONS"},
		{"OPTIONS of the introspection endpoint, which pages do not call", "OPTIONS", "/oauth/v2/introspect", "", 405, "POST"},
		{"a method in lower case", "post", "/oauth/token", "", 405, "POST, OPTIONS"},
		{"a method that nobody knows", "FOO", "/healthz", "", 405, "GET, HEAD"},
		{"an unknown path", "GET", "/", "", 404, ""},
		{"a slash too many", "POST", "/oauth/v2/token/", "", 404, ""},
		{"two slashes", "POST", "//oauth/v2/token", "", 404, ""},
		{"a path with an escape", "POST", "/oauth/v2%2ftoken", "", 404, ""},
		{"a path with an escaped letter", "POST", "/oauth/v2/toke%6e", "", 404, ""},
		{"a path in upper case", "POST", "/OAUTH/v2/token", "", 404, ""},
		{"a path with dots", "POST", "/oauth/v2/../v2/token", "", 404, ""},
		{"an unknown host", "POST", "/oauth/v2/token", "evil.example", 421, ""},
		{"a host with another port", "POST", "/oauth/v2/token", zitadelHost + ":8443", 421, ""},
		{"a host with a dot behind", "POST", "/oauth/v2/token", zitadelHost + ".", 421, ""},
		{"a host that begins alike", "POST", "/oauth/v2/token", zitadelHost + ".evil.example", 421, ""},
		{"a host with a Kelvin sign is another host", "GET", "/oauth/v2/keys", "\u212aitadel.example.com", 421, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			a := w.do(call{method: row.method, path: row.path, host: row.host})
			w.refused(a, row.status, "invalid_request")
			if got := a.header.Get("Allow"); got != row.allow {
				t.Errorf("Allow is %q, want %q", got, row.allow)
			}
		})
	}
}

func TestHostsAreFoldedToTheirIssuer(t *testing.T) {
	w := newWorld(t)
	for host, issuer := range map[string]string{
		"": w.issuer, zitadelHost: "https://" + zitadelHost, "ZITADEL.Example.COM": "https://" + zitadelHost,
		zitadelHost + ":443": "https://" + zitadelHost, auth0Host: auth0Issuer,
	} {
		a := w.do(call{method: http.MethodGet, path: "/.well-known/openid-configuration", host: host})
		if got := w.object(a.body)["issuer"]; got != issuer {
			t.Errorf("host %q: issuer %q, want %q", host, got, issuer)
		}
	}
}

func TestHEADIsGETWithoutBody(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/oauth/v2/keys", "/.well-known/openid-configuration", "/healthz", "/ready"} {
		get, head := w.do(call{method: http.MethodGet, path: path}), w.do(call{method: http.MethodHead, path: path})
		if head.status != 200 || head.body != "" || head.header.Get("Content-Type") != get.header.Get("Content-Type") {
			t.Errorf("HEAD %s: %d %q %v", path, head.status, head.body, head.header)
		}
	}
}

func TestHealthIsToldToProbesByAddress(t *testing.T) {
	w := newWorld(t)
	for path, body := range map[string]string{"/healthz": `{"status":"up"}`, "/ready": `{"status":"ready"}`} {
		a := w.do(call{method: http.MethodGet, path: path, host: "10.0.0.7:8080"})
		if a.status != 200 || a.body != body+"\n" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

func TestAStoreThatIsDownIs503(t *testing.T) {
	w := newWorld(t)
	w.must(w.store.Close())
	for path, params := range map[string][]string{
		"/oauth/v2/token":      {"grant_type", clientCredentials},
		"/oauth/v2/introspect": {"token", "x"},
		"/oauth/v2/revoke":     {"token", "x"},
	} {
		w.refused(w.do(call{path: path, user: "robot:robot-secret", form: values(params...)}), 503, "temporarily_unavailable")
	}
	w.refused(w.do(call{method: http.MethodGet, path: "/ready"}), 503, "temporarily_unavailable")
	if a := w.do(call{method: http.MethodGet, path: "/healthz"}); a.status != 200 {
		t.Errorf("/healthz: %d", a.status)
	}
	w.cacheable(w.do(call{method: http.MethodGet, path: "/oauth/v2/keys"}))
	w.pass(time.Hour)
	w.cacheable(w.do(call{method: http.MethodGet, path: "/oauth/v2/keys"}))
	if log := w.logs.String(); !strings.Contains(log, `"level":"WARN","msg":"request refused","endpoint":"introspect"`) {
		t.Errorf("the outage is not in the log:\n%s", log)
	}
}

func TestNewRefusesAWrongConfig(t *testing.T) {
	w := newWorld(t)
	for _, row := range []struct {
		name   string
		config server.Config
		want   string
	}{
		{"no store", server.Config{Issuers: []string{"https://a"}}, `server: Config.Store is nil, want one such as sqlite.Open returns`},
		{"no issuer", server.Config{Store: w.store}, `server: Config.Issuers is empty, want at least one such as https://login.example.com`},
		{"http on a host that is not loopback", issuers(w, "http://login.example.com"), `server: issuer "http://login.example.com" is http on a host that is not loopback; want https://`},
		{"no scheme", issuers(w, "login.example.com"), `server: issuer "login.example.com" has another scheme than https, or http on a loopback host`},
		{"no host", issuers(w, "https:///"), `server: issuer "https:///" has no host`},
		{"a path", issuers(w, "https://a/tenant"), `server: issuer "https://a/tenant" has a path; want none, or a single slash`},
		{"two slashes", issuers(w, "https://a//"), `server: issuer "https://a//" has a path; want none, or a single slash`},
		{"a query", issuers(w, "https://a?x=1"), `server: issuer "https://a?x=1" has a query or fragment`},
		{"an empty query", issuers(w, "https://a?"), `server: issuer "https://a?" has a query or fragment`},
		{"a fragment", issuers(w, "https://a/#x"), `server: issuer "https://a/#x" has a query or fragment`},
		{"a user", issuers(w, "https://u:secret@a"), `server: issuer "https://u:xxxxx@a" must not hold a user or password`},
		{"a colon without port", issuers(w, "https://a:"), `server: issuer "https://a:" has no valid port behind the colon`},
		{"port 70000", issuers(w, "https://a:70000"), `server: issuer "https://a:70000" has no valid port behind the colon`},
		{"a scheme in upper case", issuers(w, "HTTPS://a"), `server: issuer "https://a" is not in the usual spelling "https://a"`},
		{"the same host with and without slash", issuers(w, "https://a", "https://a/"), `server: issuers "https://a" and "https://a/" have the same host "a", which alone chooses between them; give one of them another host name or port`},
		{"the same host in two cases", issuers(w, "https://a", "https://A:443"), `server: issuers "https://a" and "https://A:443" have the same host "a", which alone chooses between them; give one of them another host name or port`},
		{"an HMAC algorithm", server.Config{Store: w.store, Issuers: []string{"https://a"}, SigningAlgorithm: "HS256"}, `server: Config.SigningAlgorithm is "HS256", want one of [RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519]`},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, err := server.New(t.Context(), row.config)
			if err == nil {
				s.Close()
				t.Fatal("accepted")
			}
			if err.Error() != row.want {
				t.Errorf("got  %s\nwant %s", err, row.want)
			}
		})
	}
}

func issuers(w *world, list ...string) server.Config {
	return server.Config{Store: w.store, Issuers: list}
}

func TestIssuersOnLoopbackMayBeHTTP(t *testing.T) {
	w := newWorld(t)
	for _, issuer := range []string{"http://localhost:8080", "http://127.0.0.1", "http://127.9.9.9:1", "http://[::1]:8080/", "https://[2001:db8::1]"} {
		s, err := server.New(t.Context(), issuers(w, issuer))
		if err != nil {
			t.Errorf("%s: %v", issuer, err)
			continue
		}
		s.Close()
	}
}

func TestFindingS5_AnAuthorizationRequestOfNobodyIsRefusedWhereItStands(t *testing.T) {
	w := newWorld(t)
	const query = "?response_type=code&client_id=robot&redirect_uri=https%3A%2F%2Fevil.example%2F&state=marked&scope=openid"
	for _, path := range []string{"/authorize", "/oauth/v2/authorize"} {
		for _, c := range []call{
			{method: http.MethodGet, path: path},
			{method: http.MethodGet, path: path + query},
			{method: http.MethodPost, path: path, body: query[1:]},
			{method: http.MethodPost, path: path + query},
		} {
			a := w.do(c)
			if c.method == http.MethodPost {
				to := a.header.Get("Location")
				if a.status != 303 || !strings.HasPrefix(to, path+"?") {
					t.Errorf("%s %s answers %d %v", c.method, c.path, a.status, a.header)
				}
				a = w.do(call{method: http.MethodGet, path: to})
			}
			if a.status != 400 || !strings.Contains(a.body, "We do not know this application") {
				t.Errorf("%s %s answers %d %s", c.method, c.path, a.status, a.body)
			}
			if a.header.Get("Location") != "" || strings.Contains(a.body, "evil") || strings.Contains(a.body, "marked") {
				t.Errorf("%s %s answers %v %s", c.method, c.path, a.header, a.body)
			}
		}
	}
}

func TestFindingS8_StrangersDoNotLearnTheHosts(t *testing.T) {
	w := newWorld(t)
	a := w.do(call{path: "/oauth/v2/token", host: "evil.example"})
	w.refused(a, 421, "invalid_request")
	if strings.Contains(a.body, "example.com") || strings.Contains(a.body, w.issuer) {
		t.Errorf("the answer names a host: %s", a.body)
	}
	if log := w.logs.String(); !strings.Contains(log, "evil.example") || !strings.Contains(log, "auth0.example.com") {
		t.Errorf("the operator does not learn which host was meant:\n%s", log)
	}
}

// pinged is a store that counts its pings.
type pinged struct {
	store.Store
	count atomic.Int64
}

func (p *pinged) Ping(ctx context.Context) error {
	p.count.Add(1)
	return p.Store.Ping(ctx)
}

func TestFindingS8_ManyQuestionsForReadinessAreOneWrite(t *testing.T) {
	var writes *pinged
	w := newWorld(t, func(c *server.Config) {
		writes = &pinged{Store: c.Store}
		c.Store = writes
	})
	for range 50 {
		if a := w.do(call{method: http.MethodGet, path: "/ready", host: "10.0.0.7"}); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	if n := writes.count.Load(); n < 1 || n > 2 { // 50 questions may take more than 5 seconds, but not 10
		t.Errorf("%d writes for 50 questions, want one", n)
	}
	w.must(w.store.Close())
	w.refused(w.do(call{method: http.MethodGet, path: "/ready"}), 503, "temporarily_unavailable")
}

func TestFindingV01_AnIssuerOnAnotherHostMayBeHTTPWhenToldSo(t *testing.T) {
	w := newWorld(t, func(c *server.Config) {
		c.Issuers, c.InsecureHTTP = append(c.Issuers, "http://idp:8080"), true
	})
	a := w.do(call{method: http.MethodGet, path: "/.well-known/openid-configuration", host: "idp:8080"})
	if got := w.object(a.body)["issuer"]; got != "http://idp:8080" {
		t.Errorf("issuer is %v", got)
	}
}
