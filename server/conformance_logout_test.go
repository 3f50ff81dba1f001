package server_test

import (
	"strings"
	"testing"

	"github.com/postern-auth/postern/internal/jws"
)

// leaves logs in, sends the person to the end_session_endpoint, with a hint unless pairs have it, and returns where
// that ends and the ID token.
func (s *suite) leaves(pairs func(idToken string) []string) screen {
	s.t.Helper()
	got := s.tokens(s.asked())
	return s.open("/oidc/v1/end_session?" + values(pairs(got.id)...).Encode())
}

// back checks that the person is back at the relying party, with nothing but the state, and logged out.
func (s *suite) back(at screen, want string) {
	s.t.Helper()
	if at.left == nil || at.left.String() != want {
		s.t.Errorf("the logout leads to %v, want %s: %d %s", at.left, want, at.status, at.says())
	}
	s.loggedOut()
}

func (s *suite) loggedOut() {
	s.t.Helper()
	s.errs(s.open(s.asks("prompt", "none")), "login_required")
}

// asksFirst checks that the person is asked, and is logged in until the answer.
func (s *suite) asksFirst(at screen) {
	s.t.Helper()
	s.page(at, 200, "Log out?")
	if at.left != nil || strings.Contains(at.body, "foo=bar") {
		s.t.Errorf("%v %s", at.left, at.body)
	}
	s.tokens(s.open(s.asks("prompt", "none")))
}

// asksAndEnds checks that one button ends it, and that the person stays here.
func (s *suite) asksAndEnds(at screen) {
	s.t.Helper()
	s.asksFirst(at)
	s.page(s.browser.send(at, "answer", "logout"), 200, "You are logged out of Postern")
	s.loggedOut()
}

func TestOIDCC_RPInitiatedLogout(t *testing.T) {
	module(t, func(s *suite) {
		s.back(s.leaves(func(id string) []string {
			return []string{"id_token_hint", id, "post_logout_redirect_uri", suiteGoodbye, "state", "state-2"}
		}), suiteGoodbye+"?state=state-2")
	})
}

func TestOIDCC_RPInitiatedLogoutNoState(t *testing.T) {
	module(t, func(s *suite) {
		s.back(s.leaves(func(id string) []string {
			return []string{"id_token_hint", id, "post_logout_redirect_uri", suiteGoodbye}
		}), suiteGoodbye)
	})
}

func TestOIDCC_RPInitiatedLogoutDiscoveryEndpointVerification(t *testing.T) {
	s := newSuite(t, "")
	if at, _ := s.object(s.metadata())["end_session_endpoint"].(string); !strings.HasPrefix(at, "https://") {
		t.Errorf("end_session_endpoint is %q", at)
	}
}

// The hint is signed by a key of the suite's own, under the name of one of the server's.
func TestOIDCC_RPInitiatedLogoutBadIDTokenHint(t *testing.T) {
	module(t, func(s *suite) {
		s.asksFirst(s.leaves(func(id string) []string {
			parsed, err := jws.Parse(id)
			s.must(err)
			signer, err := jws.NewSigner(jws.RS256, parsed.Header.KeyID, programs()["rsa"])
			s.must(err)
			forged, err := signer.Sign(parsed.Header.Type, []byte(parsed.Payload))
			s.must(err)
			return []string{"id_token_hint", forged, "post_logout_redirect_uri", suiteGoodbye, "state", "state-2"}
		}))
	})
}

func TestOIDCC_RPInitiatedLogoutModifiedIDTokenHint(t *testing.T) {
	module(t, func(s *suite) {
		s.asksFirst(s.leaves(func(id string) []string {
			unsigned := "eyJhbGciOiJub25lIn0." + strings.Split(id, ".")[1] + "."
			return []string{"id_token_hint", unsigned, "post_logout_redirect_uri", suiteGoodbye, "state", "state-2"}
		}))
	})
}

func TestOIDCC_RPInitiatedLogoutNoIDTokenHint(t *testing.T) {
	module(t, func(s *suite) {
		s.asksFirst(s.leaves(func(string) []string {
			return []string{"post_logout_redirect_uri", suiteGoodbye, "state", "state-2"}
		}))
	})
}

func TestOIDCC_RPInitiatedLogoutBadPostLogoutRedirectURI(t *testing.T) {
	module(t, func(s *suite) {
		s.asksFirst(s.leaves(func(id string) []string {
			return []string{"id_token_hint", id, "post_logout_redirect_uri", suiteGoodbye + "/other", "state", "state-2"}
		}))
	})
}

func TestOIDCC_RPInitiatedLogoutQueryAddedToPostLogoutRedirectURI(t *testing.T) {
	module(t, func(s *suite) {
		s.asksFirst(s.leaves(func(id string) []string {
			return []string{"id_token_hint", id, "post_logout_redirect_uri", suiteGoodbye + "?foo=bar", "state", "state-2"}
		}))
	})
}

func TestOIDCC_RPInitiatedLogoutNoParams(t *testing.T) {
	module(t, func(s *suite) { s.asksAndEnds(s.leaves(func(string) []string { return nil })) })
}

func TestOIDCC_RPInitiatedLogoutOnlyState(t *testing.T) {
	module(t, func(s *suite) {
		s.asksAndEnds(s.leaves(func(string) []string { return []string{"state", "state-2"} }))
	})
}

// A good hint needs no question.
func TestOIDCC_RPInitiatedLogoutNoPostLogoutRedirectURI(t *testing.T) {
	module(t, func(s *suite) {
		at := s.leaves(func(id string) []string { return []string{"id_token_hint", id, "state", "state-2"} })
		s.page(at, 200, "You are logged out of Postern")
		s.loggedOut()
	})
}
