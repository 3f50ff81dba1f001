package server_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server/store"
)

// The tests named TestOIDCC_… do what the modules oidcc-… of OpenID's conformance suite do; docs/conformance.md has
// which is which. A relying party of the suite is a confidential web application that sends no challenge unless
// the module is about it, and whose ID tokens hold no more than OpenID Connect asks for.
const (
	suiteCallback = "https://suite.example.com/callback"
	suiteQuery    = suiteCallback + "?dummy1=lorem&dummy2=ipsum"
	suiteGoodbye  = "https://suite.example.com/post_logout_redirect"
	suiteIssuer   = "https://" + zitadelHost
)

// suite is one run of a module: a relying party, and a person's browser that nobody has logged in with yet.
type suite struct {
	*world
	*browser
	mode string // response_mode; empty: not sent
}

// module runs what a module does, with the answer in the query and by form_post, as two of the suite's plans have
// it.
func module(t *testing.T, do func(*suite)) {
	for _, mode := range []string{"", "form_post"} {
		t.Run(cmp.Or(mode, "query"), func(t *testing.T) { do(newSuite(t, mode)) })
	}
}

func newSuite(t *testing.T, mode string) *suite {
	t.Helper()
	w := newLoginWorld(t)
	for _, id := range []string{"suite", "suite2"} {
		w.must(w.store.PutApplication(t.Context(), store.Application{
			ID: id, ProjectID: "P", Name: id, ClientID: id, Type: store.WebApplication, Active: true, CreatedAt: start,
			RedirectURIs: []string{suiteCallback, suiteQuery}, LogoutURIs: []string{suiteGoodbye}, FirstParty: true,
			Grants: []string{"authorization_code", "refresh_token"}, IDTokenClaims: store.MinimalClaims, InsecureNoPKCE: true,
		}))
		w.secret(store.ApplicationClient, id, id+"-secret")
	}
	s := &suite{w, w.browser(), mode}
	s.browser.host = zitadelHost
	return s
}

// asks returns the path of a request of the suite's, changed by pairs; an empty value leaves one out.
func (s *suite) asks(pairs ...string) string {
	v := values("client_id", "suite", "redirect_uri", suiteCallback, "response_type", "code", "scope", "openid", "state", "state-1", "nonce", "nonce-1")
	if s.mode != "" {
		v.Set("response_mode", s.mode)
	}
	for name, value := range values(pairs...) {
		v[name] = value
		if slices.Equal(value, []string{""}) {
			v.Del(name)
		}
	}
	return "/oauth/v2/authorize?" + v.Encode()
}

// asked opens a request, and logs the person in where the server asks for it.
func (s *suite) asked(pairs ...string) screen {
	s.t.Helper()
	return s.answered(s.open(s.asks(pairs...)))
}

func (s *suite) answered(at screen) screen {
	s.t.Helper()
	if !s.asksForPassword(at) {
		return at
	}
	return s.browser.send(at, "identifier", "mia", "password", miaPassword, "answer", "login")
}

func (s *suite) asksForPassword(at screen) bool {
	return at.status == http.StatusOK && strings.HasPrefix(at.title(), "Log in to ")
}

// told returns what came to the redirect URI, in the mode that was asked for, and nothing where the person is left
// with a page.
func (s *suite) told(at screen) url.Values {
	s.t.Helper()
	if s.mode == "form_post" {
		if at.left != nil {
			s.t.Fatalf("the answer is in the URL %s, want a form", at.left)
		}
		if !strings.HasPrefix(at.action(), suiteCallback) {
			return nil
		}
		return at.form()
	}
	if at.left == nil {
		return nil
	}
	if !strings.HasPrefix(at.left.String(), suiteCallback+"?") || at.left.Fragment != "" {
		s.t.Fatalf("the answer is at %s", at.left)
	}
	return at.left.Query()
}

// code returns the code of an answer that holds what it has to and nothing else.
func (s *suite) code(at screen, want ...string) string {
	s.t.Helper()
	told := s.told(at)
	raw := told.Get("code")
	if entropy, err := base64.RawURLEncoding.DecodeString(raw); err != nil || len(entropy) < 32 {
		s.t.Fatalf("no code of 256 bits: %v, %d %s", told, at.status, at.says())
	}
	told.Del("code")
	if diff := gocmp.Diff(values(append([]string{"state", "state-1", "iss", suiteIssuer}, want...)...), told); diff != "" {
		s.t.Errorf("answer (-want +got):\n%s", diff)
	}
	return raw
}

// errs checks that the relying party was told of an error, with its state.
func (s *suite) errs(at screen, code string) {
	s.t.Helper()
	told := s.told(at)
	if told.Get("error") != code || told.Get("state") != "state-1" || told.Get("iss") != suiteIssuer || told.Has("code") {
		s.t.Errorf("told %v, want %s: %d %s", told, code, at.status, at.says())
	}
}

// stays checks that the person is left with a page that says what is wrong.
func (s *suite) stays(at screen, title string) {
	s.t.Helper()
	s.page(at, http.StatusBadRequest, title)
	if strings.Contains(at.body, "state-1") {
		s.t.Error("the page goes on to an address that was not registered")
	}
}

// exchange is the call that redeems a code, changed by pairs.
func (s *suite) exchange(raw string, pairs ...string) call {
	form := values("grant_type", "authorization_code", "code", raw, "redirect_uri", suiteCallback)
	for name, value := range values(pairs...) {
		form[name] = value
	}
	return call{path: "/oauth/v2/token", host: zitadelHost, user: "suite:suite-secret", form: form}
}

// tokens are what a code or refresh token gave.
type tokens struct {
	access, refresh, id string
	claims              map[string]any // of the ID token
}

// tokens redeems the code of an answer and checks the ID token as OpenID Connect Core §3.1.3.7 has it. It holds the
// nonce unless want says otherwise.
func (s *suite) tokens(at screen, want ...string) tokens {
	s.t.Helper()
	return s.read(s.do(s.exchange(s.code(at))), append([]string{"nonce", "nonce-1"}, want...)...)
}

// read reads the answer of the token endpoint.
func (s *suite) read(a answer, want ...string) tokens {
	s.t.Helper()
	got := s.issued(a)
	if expires, ok := got["expires_in"].(float64); got["token_type"] != "Bearer" || !ok || expires <= 0 {
		s.t.Errorf("answer %v", got)
	}
	read := tokens{access: got["access_token"].(string)}
	read.refresh, _ = got["refresh_token"].(string)
	read.id, _ = got["id_token"].(string)
	_, alg, claims := s.claims(read.id)
	read.claims = claims
	sum := sha256.Sum256([]byte(read.access))
	now := float64(s.now().Unix())
	for name, value := range map[string]any{
		"iss": suiteIssuer, "aud": "suite", "azp": "suite", "iat": now, "at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]),
	} {
		if claims[name] != value {
			s.t.Errorf("%s is %v, want %v", name, claims[name], value)
		}
	}
	if alg != "RS256" || claims["exp"].(float64) <= now || claims["auth_time"].(float64) > now {
		s.t.Errorf("ID token of %s with %v", alg, claims)
	}
	expected := values(want...)
	if nonce, _ := claims["nonce"].(string); nonce != expected.Get("nonce") {
		s.t.Errorf("nonce %q, want %q", nonce, expected.Get("nonce"))
	}
	// What nobody asked for to be in an ID token is in userinfo.
	known := []string{"iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"}
	for name := range claims {
		if !slices.Contains(known, name) {
			s.t.Errorf("the ID token holds %s", name)
		}
	}
	return read
}

// userinfo asks for what there is about the person, by GET or POST.
func (s *suite) userinfo(method, token string) answer {
	s.t.Helper()
	return s.do(call{method: method, path: "/oidc/v1/userinfo", host: zitadelHost, header: http.Header{"Authorization": {"Bearer " + token}}})
}

// about returns the claims of userinfo, which are about the person of the ID token.
func (s *suite) about(got tokens) map[string]any {
	s.t.Helper()
	a := s.userinfo(http.MethodGet, got.access)
	claims := s.object(a.body)
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/json" || claims["sub"] != got.claims["sub"] {
		s.t.Errorf("userinfo %d %v %s", a.status, a.header, a.body)
	}
	return claims
}
