package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

func TestOIDCC_Server(t *testing.T) {
	module(t, func(s *suite) {
		got := s.tokens(s.asked())
		if sub, ok := got.claims["sub"].(string); !ok || sub == "" || len(sub) > 255 {
			t.Errorf("sub %v", got.claims["sub"])
		}
		s.about(got)
	})
}

func TestOIDCC_ServerClientSecretPost(t *testing.T) {
	module(t, func(s *suite) {
		c := s.exchange(s.code(s.asked()), "client_id", "suite", "client_secret", "suite-secret")
		c.user = ""
		s.about(s.read(s.do(c), "nonce", "nonce-1"))
	})
}

func TestOIDCC_EnsureClientAssertionWithIssAudSucceeds(t *testing.T) {
	module(t, func(s *suite) {
		s.addKey("k-suite", "ec", store.Owner{Kind: store.ApplicationClient, ID: "suite"})
		assertion := s.strict(func(d *draft) {
			d.kid, d.claims["iss"], d.claims["sub"], d.claims["aud"], d.claims["jti"] = "k-suite", "suite", "suite", suiteIssuer, secret.NewID()
		})
		c := s.exchange(s.code(s.asked()), "client_assertion_type", oauth.AssertionType, "client_assertion", assertion)
		c.user = ""
		s.read(s.do(c), "nonce", "nonce-1")
	})
}

func TestOIDCC_AlternateHappyFlow(t *testing.T) {
	module(t, func(s *suite) {
		path, query, _ := strings.Cut(s.asks("scope", "email profile openid"), "?")
		parameters := strings.Split(query, "&")
		slices.Reverse(parameters)
		s.about(s.tokens(s.answered(s.open(path + "?" + strings.Join(parameters, "&")))))
	})
}

func TestOIDCC_EnsureRequestWithUnknownParameterSucceeds(t *testing.T) {
	module(t, func(s *suite) { s.tokens(s.asked("extra", "foobar")) })
}

// A page of another site sends the request, so no cookie of the server's comes along.
func TestOIDCC_EnsurePostRequestSucceeds(t *testing.T) {
	module(t, func(s *suite) {
		path, query, _ := strings.Cut(s.asks(), "?")
		form, err := url.ParseQuery(query)
		s.must(err)
		s.header = http.Header{"Origin": {"https://suite.example.com"}, "Sec-Fetch-Site": {"cross-site"}}
		at := s.ask(http.MethodPost, path, form)
		s.header = nil
		s.tokens(s.answered(s.follow(path, at)))
	})
}

func TestOIDCC_EnsureRequestWithValidPKCESucceeds(t *testing.T) {
	module(t, func(s *suite) {
		raw := s.code(s.asked("code_challenge", challenge, "code_challenge_method", "S256"))
		s.refused(s.do(s.exchange(raw)), 400, "invalid_grant")
		s.read(s.do(s.exchange(raw, "code_verifier", verifier)), "nonce", "nonce-1")
	})
}

func TestOIDCC_EnsureRequestWithoutNonceSucceedsForCodeFlow(t *testing.T) {
	module(t, func(s *suite) { s.read(s.do(s.exchange(s.code(s.asked("nonce", ""))))) })
}

func TestOIDCC_ResponseTypeMissing(t *testing.T) {
	module(t, func(s *suite) { s.errs(s.asked("response_type", ""), "invalid_request") })
}

func TestOIDCC_EnsureRedirectURIInAuthorizationRequest(t *testing.T) {
	module(t, func(s *suite) { s.stays(s.asked("redirect_uri", ""), "This request is not complete") })
}

func TestOIDCC_EnsureRegisteredRedirectURI(t *testing.T) {
	module(t, func(s *suite) {
		s.stays(s.asked("redirect_uri", suiteCallback+"/qwerty"), "This link does not lead anywhere we know")
	})
}

func TestOIDCC_RedirectURIQueryAdded(t *testing.T) {
	module(t, func(s *suite) {
		s.stays(s.asked("redirect_uri", suiteCallback+"?foo=bar"), "This link does not lead anywhere we know")
	})
}

func TestOIDCC_RedirectURIQueryMismatch(t *testing.T) {
	module(t, func(s *suite) {
		s.stays(s.asked("redirect_uri", suiteCallback+"?dummy1=lorem&dummy2=other"), "This link does not lead anywhere we know")
	})
}

func TestOIDCC_RedirectURIQueryOK(t *testing.T) {
	module(t, func(s *suite) {
		at := s.asked("redirect_uri", suiteQuery)
		kept := []string{"dummy1", "lorem", "dummy2", "ipsum"}
		if s.mode == "form_post" { // the query stays where it is, in the URL that the form goes to
			if at.action() != suiteQuery {
				t.Errorf("the form goes to %s", at.action())
			}
			kept = nil
		}
		s.read(s.do(s.exchange(s.code(at, kept...), "redirect_uri", suiteQuery)), "nonce", "nonce-1")
	})
}

func TestOIDCC_DisplayPage(t *testing.T) {
	module(t, func(s *suite) { s.tokens(s.asked("display", "page")) })
}

func TestOIDCC_DisplayPopup(t *testing.T) {
	module(t, func(s *suite) { s.tokens(s.asked("display", "popup")) })
}

func TestOIDCC_UILocales(t *testing.T) {
	module(t, func(s *suite) {
		at := s.open(s.asks("ui_locales", "se"))
		if !strings.Contains(at.body, `<html lang="en"`) {
			t.Errorf("the page for an unknown language: %s", at.body)
		}
		s.tokens(s.answered(at))
	})
}

func TestOIDCC_ClaimsLocales(t *testing.T) {
	module(t, func(s *suite) { s.tokens(s.asked("claims_locales", "se")) })
}

// The name is filled in, and says nothing of whether somebody has it.
func TestOIDCC_LoginHint(t *testing.T) {
	module(t, func(s *suite) {
		page := func(name string) string {
			at := s.browser.w.browser()
			at.host = zitadelHost
			body := at.open(s.asks("login_hint", name)).body
			if !strings.Contains(body, `value="`+name+`"`) {
				t.Errorf("the page does not hold the name: %s", body)
			}
			return regexp.MustCompile(`/login/[\w-]+`).ReplaceAllString(strings.ReplaceAll(body, name, "NAME"), "/login/ID")
		}
		if known, unknown := page("mia@example.com"), page("buffy@"+zitadelHost); known != unknown {
			t.Errorf("a known name is shown as\n%s\nand an unknown one as\n%s", known, unknown)
		}
		s.tokens(s.asked("login_hint", "buffy@"+zitadelHost))
	})
}

func TestOIDCC_EnsureRequestWithACRValuesSucceeds(t *testing.T) {
	module(t, func(s *suite) {
		var metadata struct {
			Values []string `json:"acr_values_supported"`
		}
		s.must(json.Unmarshal([]byte(s.metadata()), &metadata))
		got := s.tokens(s.asked("acr_values", strings.Join(metadata.Values, " ")))
		if acr, _ := got.claims["acr"].(string); !slices.Contains(metadata.Values, acr) {
			t.Errorf("acr %v of %v", got.claims["acr"], metadata.Values)
		}
		s.tokens(s.asked("acr_values", "1 2")) // not ours: a wish that nobody can grant
	})
}

// metadata returns the discovery document.
func (s *suite) metadata() string {
	s.t.Helper()
	a := s.do(call{method: http.MethodGet, path: "/.well-known/openid-configuration", host: zitadelHost})
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/json" {
		s.t.Fatalf("metadata: %d %v", a.status, a.header)
	}
	return a.body
}

// The parameter is not supported, as the metadata says, and ignored.
func TestOIDCC_ClaimsEssential(t *testing.T) {
	module(t, func(s *suite) {
		got := s.tokens(s.asked("scope", "openid profile", "claims", `{"userinfo":{"name":{"essential":true}}}`))
		if s.about(got)["name"] != "Mia Example" {
			t.Error("userinfo has no name")
		}
	})
}

const (
	unsignedRequest   = "eyJhbGciOiJub25lIn0.eyJzY29wZSI6Im9wZW5pZCJ9."
	strangeRequestURI = "https://suite.example.com/request/1"
)

func TestOIDCC_UnsignedRequestObjectSupportedCorrectlyOrRejectedAsUnsupported(t *testing.T) {
	module(t, func(s *suite) { s.errs(s.asked("request", unsignedRequest), "request_not_supported") })
}

func TestOIDCC_RequestURIUnsignedSupportedCorrectlyOrRejectedAsUnsupported(t *testing.T) {
	module(t, func(s *suite) {
		s.errs(s.asked("request_uri", strangeRequestURI), "request_uri_not_supported")
	})
}

// Nothing in the object counts, so the answer goes to the redirect URI beside it, or stays here for want of one.
func TestOIDCC_EnsureRequestObjectWithRedirectURI(t *testing.T) {
	module(t, func(s *suite) {
		s.errs(s.asked("request", unsignedRequest), "request_not_supported")
		s.stays(s.asked("request", unsignedRequest, "redirect_uri", ""), "This request is not complete")
	})
}

func TestOIDCC_PromptLogin(t *testing.T) {
	module(t, func(s *suite) {
		first := s.tokens(s.asked())
		s.pass(time.Second)
		at := s.open(s.asks("prompt", "login"))
		if !s.asksForPassword(at) {
			t.Fatalf("%d %s", at.status, at.says())
		}
		second := s.tokens(s.answered(at))
		if second.claims["auth_time"].(float64) <= first.claims["auth_time"].(float64) || second.claims["sub"] != first.claims["sub"] {
			t.Errorf("claims %v after %v", second.claims, first.claims)
		}
	})
}

// silent checks that a request is answered without a page, with the login of an earlier answer.
func (s *suite) silent(first tokens, pairs ...string) {
	s.t.Helper()
	s.pass(time.Second)
	second := s.tokens(s.open(s.asks(pairs...)))
	for _, name := range []string{"sub", "auth_time", "sid"} {
		if first.claims[name] != second.claims[name] {
			s.t.Errorf("%s is %v after %v", name, second.claims[name], first.claims[name])
		}
	}
}

func TestOIDCC_PromptNoneLoggedIn(t *testing.T) {
	module(t, func(s *suite) { s.silent(s.tokens(s.asked()), "prompt", "none") })
}

func TestOIDCC_IDTokenHint(t *testing.T) {
	module(t, func(s *suite) {
		first := s.tokens(s.asked())
		s.silent(first, "prompt", "none", "id_token_hint", first.id)
	})
}

func TestOIDCC_PromptNoneNotLoggedIn(t *testing.T) {
	module(t, func(s *suite) { s.errs(s.open(s.asks("prompt", "none")), "login_required") })
}

func TestOIDCC_MaxAge1(t *testing.T) {
	module(t, func(s *suite) {
		first := s.tokens(s.asked())
		s.pass(2 * time.Second)
		at := s.open(s.asks("max_age", "1"))
		if !s.asksForPassword(at) {
			t.Fatalf("%d %s", at.status, at.says())
		}
		second := s.tokens(s.answered(at))
		if second.claims["auth_time"].(float64) < first.claims["auth_time"].(float64)+2 {
			t.Errorf("auth_time %v after %v", second.claims["auth_time"], first.claims["auth_time"])
		}
	})
}

func TestOIDCC_MaxAge10000(t *testing.T) {
	module(t, func(s *suite) { s.silent(s.tokens(s.asked("max_age", "15000")), "max_age", "10000") })
}

// spoiled redeems a code a second time, and checks that nothing that the first gave is good any more.
func (s *suite) spoiled(after time.Duration) {
	s.t.Helper()
	raw := s.code(s.asked("scope", "openid offline_access"))
	first := s.read(s.do(s.exchange(raw)), "nonce", "nonce-1")
	s.about(first)
	s.pass(after)
	s.refused(s.do(s.exchange(raw)), 400, "invalid_grant")
	if a := s.userinfo(http.MethodGet, first.access); a.status != http.StatusUnauthorized {
		s.t.Errorf("userinfo for the first access token: %d %s", a.status, a.body)
	}
	s.refused(s.do(s.renewal(first.refresh)), 400, "invalid_grant")
}

func (s *suite) renewal(raw string) call {
	return call{path: "/oauth/v2/token", host: zitadelHost, user: "suite:suite-secret", form: values("grant_type", "refresh_token", "refresh_token", raw)}
}

func TestOIDCC_CodeReuse(t *testing.T) {
	module(t, func(s *suite) { s.spoiled(0) })
}

func TestOIDCC_CodeReuse30Seconds(t *testing.T) {
	module(t, func(s *suite) { s.spoiled(30 * time.Second) })
}

func TestOIDCC_RefreshToken(t *testing.T) {
	module(t, func(s *suite) {
		first := s.tokens(s.asked("scope", "openid offline_access"))
		if !regexp.MustCompile(`^[\x20-\x7e]{32,}$`).MatchString(first.refresh) { // RFC 6749 appendix A.17
			t.Errorf("refresh token %q", first.refresh)
		}
		s.pass(time.Minute)
		second := s.read(s.do(s.renewal(first.refresh)))
		for _, name := range []string{"iss", "sub", "aud", "azp", "auth_time"} {
			if first.claims[name] != second.claims[name] {
				t.Errorf("%s is %v after %v", name, second.claims[name], first.claims[name])
			}
		}
		if second.access == first.access || second.refresh == "" {
			t.Error("the renewal gives the old tokens")
		}
		s.about(second)
		unproved := s.renewal(second.refresh)
		unproved.user = ""
		if a := s.do(unproved); a.status != 401 || s.object(a.body)["error"] != "invalid_client" {
			t.Errorf("without a proof: %d %s", a.status, a.body)
		}
		third := s.read(s.do(s.renewal(second.refresh))) // nothing has changed by that
		foreign := s.renewal(third.refresh)
		foreign.user = "suite2:suite2-secret"
		s.refused(s.do(foreign), 400, "invalid_grant")
	})
}

// An application that says nothing of it gets RS256.
func TestOIDCC_IDTokenSignature(t *testing.T) {
	module(t, func(s *suite) { s.tokens(s.asked()) })
}

func TestOIDCC_IDTokenRS256(t *testing.T) {
	module(t, func(s *suite) {
		app, err := s.store.ApplicationByClientID(t.Context(), "suite")
		s.must(err)
		app.IDTokenAlgorithm = "RS256"
		s.must(s.store.PutApplication(t.Context(), app))
		s.tokens(s.asked())
	})
}

func TestOIDCC_ServerRotateKeys(t *testing.T) {
	s := newSuite(t, "")
	before := s.published()
	first := s.tokens(s.asked())
	s.must(s.server.RotateKey(t.Context(), "RS256"))
	after := s.published()
	if len(after) != len(before)+1 || !after[kid(t, first.id)] {
		t.Errorf("published %v, and %v before", after, before)
	}
	s.tokens(s.asked())
	s.pass(10 * time.Minute) // by then everybody can know the new key
	if second := s.tokens(s.asked()); before[kid(t, second.id)] || !s.published()[kid(t, first.id)] {
		t.Errorf("key %q signs, want the new one", kid(t, second.id))
	}
}

// scope checks what userinfo holds for scopes.
func (s *suite) scope(scope string, want ...string) {
	s.t.Helper()
	claims := s.about(s.tokens(s.asked("scope", scope)))
	for name, value := range values(want...) {
		if claims[name] != value[0] {
			s.t.Errorf("%s is %v, want %s", name, claims[name], value[0])
		}
	}
	if email, has := claims["email_verified"]; strings.Contains(scope, "email") != has || has && email != true {
		s.t.Errorf("email_verified is %v", email)
	}
	if updated, has := claims["updated_at"]; strings.Contains(scope, "profile") != has || has && updated != float64(start.Unix()) {
		s.t.Errorf("updated_at is %v", updated)
	}
	for name, value := range claims {
		if value == nil || value == "" {
			s.t.Errorf("%s is %#v", name, value)
		}
	}
}

func TestOIDCC_ScopeProfile(t *testing.T) {
	module(t, func(s *suite) { s.scope("openid profile", "name", "Mia Example", "preferred_username", "mia") })
}

func TestOIDCC_ScopeEmail(t *testing.T) {
	module(t, func(s *suite) { s.scope("openid email", "email", "mia@example.com") })
}

// Nobody has an address or a telephone number here; asking for them is no error.
func TestOIDCC_ScopeAddress(t *testing.T) {
	module(t, func(s *suite) { s.scope("openid address") })
}

func TestOIDCC_ScopePhone(t *testing.T) {
	module(t, func(s *suite) { s.scope("openid phone") })
}

func TestOIDCC_ScopeAll(t *testing.T) {
	module(t, func(s *suite) {
		s.scope("openid address email phone profile", "email", "mia@example.com", "name", "Mia Example")
	})
}

func TestOIDCC_UserinfoGet(t *testing.T) {
	module(t, func(s *suite) { s.about(s.tokens(s.asked())) })
}

func TestOIDCC_UserinfoPostHeader(t *testing.T) {
	module(t, func(s *suite) {
		got := s.tokens(s.asked())
		if a := s.userinfo(http.MethodPost, got.access); a.status != 200 || s.object(a.body)["sub"] != got.claims["sub"] {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

// A token in a body is refused, for which the suite has a warning.
func TestOIDCC_UserinfoPostBody(t *testing.T) {
	module(t, func(s *suite) {
		got := s.tokens(s.asked())
		a := s.do(call{path: "/oidc/v1/userinfo", host: zitadelHost, form: values("access_token", got.access)})
		if a.status != 401 && a.status != 400 || strings.Contains(a.body, "u-mia") {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

func TestOIDCC_DiscoveryEndpointVerification(t *testing.T) {
	s := newSuite(t, "")
	metadata := s.object(s.metadata())
	for _, name := range []string{"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint", "revocation_endpoint"} {
		if at, _ := metadata[name].(string); !strings.HasPrefix(at, suiteIssuer+"/") {
			t.Errorf("%s is %v", name, metadata[name])
		}
	}
	for name, want := range map[string][]any{
		"response_types_supported":              {"code"},
		"response_modes_supported":              {"query", "form_post"},
		"grant_types_supported":                 {"authorization_code", "refresh_token"},
		"subject_types_supported":               {"public"},
		"id_token_signing_alg_values_supported": {"RS256"},
		"scopes_supported":                      {"openid", "profile", "email", "offline_access"},
		"claims_supported":                      {"sub", "iss", "auth_time", "acr", "name", "email", "email_verified", "updated_at"},
		"token_endpoint_auth_methods_supported": {"client_secret_basic", "client_secret_post", "private_key_jwt", "none"},
		"code_challenge_methods_supported":      {"S256"},
	} {
		for _, value := range want {
			if list, _ := metadata[name].([]any); !slices.Contains(list, value) {
				t.Errorf("%s is %v, want %v in it", name, metadata[name], value)
			}
		}
	}
	for name, want := range map[string]any{
		"issuer": suiteIssuer, "claims_parameter_supported": false, "request_parameter_supported": false, "request_uri_parameter_supported": false,
		"authorization_response_iss_parameter_supported": true,
	} {
		if metadata[name] != want {
			t.Errorf("%s is %v, want %v", name, metadata[name], want)
		}
	}
	for _, locale := range metadata["ui_locales_supported"].([]any) {
		if !regexp.MustCompile(`^[a-z]{2,3}(-[A-Z]{2})?$`).MatchString(locale.(string)) {
			t.Errorf("locale %v", locale)
		}
	}
}
