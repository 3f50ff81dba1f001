package server_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

const requestURI = "urn:ietf:params:oauth:request_uri:"

// pushing is a call that pushes the request that asks has, changed by pairs of name and value.
func pushing(pairs ...string) call {
	_, query, _ := strings.Cut(asks(pairs...), "?")
	form, err := url.ParseQuery(query)
	if err != nil {
		panic(err)
	}
	return call{path: "/oauth/v2/par", form: form}
}

// pushed checks the whole answer to a request that was pushed, and returns where the browser goes with it.
func (w *world) pushed(a answer, clientID string) string {
	w.t.Helper()
	m := w.object(a.body)
	uri, _ := m["request_uri"].(string)
	if diff := cmp.Diff(map[string]any{"request_uri": uri, "expires_in": 90.0}, m); diff != "" || a.status != http.StatusCreated {
		w.t.Fatalf("answer %d %s", a.status, a.body)
	}
	handle, ours := strings.CutPrefix(uri, requestURI)
	if bytes, err := base64.RawURLEncoding.DecodeString(handle); !ours || err != nil || len(bytes) != 32 {
		w.t.Errorf("request_uri %q", uri)
	}
	w.headers(a, map[string]string{
		"Cache-Control": "no-store", "Pragma": "no-cache", "Content-Type": "application/json", "X-Content-Type-Options": "nosniff",
	})
	return "/oauth/v2/authorize?" + values("client_id", clientID, "request_uri", uri).Encode()
}

// TestFAPI_PushedRequestLeadsToALogin also is happy-flow and par-without-duplicate-parameters of the conformance
// suite: at the authorization endpoint client_id and request_uri alone count.
func TestFAPI_PushedRequestLeadsToALogin(t *testing.T) {
	w := newLoginWorld(t)
	w.secret(store.ApplicationClient, "shelf", "shelf-secret")
	for _, row := range []struct {
		name, path, client string
		call               call
	}{
		{"a public client, by its id", "", "notes", pushing()},
		{"a client with a secret, in the header", "", "shelf", func() call {
			c := pushing(shelf()...)
			c.form.Del("client_id")
			c.user = "shelf:shelf-secret"
			return c
		}()},
		{"a client with a secret, in the body", "", "shelf", func() call {
			c := pushing(shelf()...)
			c.form.Set("client_secret", "shelf-secret")
			return c
		}()},
		{"unknown and empty parameters", "", "notes", pushing("claims", "{}", "nonsense", "x", "login_hint", "")},
		{"the path of Auth0's dialect", "/oauth/par", "notes", pushing()},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			if row.path != "" {
				row.call.path = row.path
			}
			b := w.browser()
			s := b.open(w.pushed(w.do(row.call), row.client) + "&scope=admin&redirect_uri=https%3A%2F%2Fevil.example")
			if s.status != 200 || !strings.HasPrefix(s.title(), "Log in to") {
				t.Errorf("%d %s", s.status, s.says())
			}
		})
	}
}

func TestFAPI_WhatIsNotPushed(t *testing.T) {
	w := newLoginWorld(t)
	w.secret(store.ApplicationClient, "shelf", "shelf-secret")
	with := func(c call, change func(*call)) call { change(&c); return c }
	for _, row := range []struct {
		name   string
		call   call
		status int
		code   string
	}{
		{"nothing", call{path: "/oauth/v2/par"}, 401, "invalid_client"},
		{"an unknown client", pushing("client_id", "nobody"), 401, "invalid_client"},
		{"a client that is not active", pushing("client_id", "closed"), 401, "invalid_client"},
		{"a client with a secret, without it", pushing(shelf()...), 401, "invalid_client"},
		{"a client with a wrong secret", with(pushing(shelf()...), func(c *call) { c.form.Set("client_secret", "no") }), 401, "invalid_client"},
		{"S8: two methods at once", with(pushing(shelf()...), func(c *call) {
			c.user = "shelf:shelf-secret"
			c.form.Set("client_assertion", "x")
			c.form.Set("client_assertion_type", oauth.AssertionType)
		}), 400, "invalid_request"},
		{"S8: a secret in the query", with(pushing(shelf()...), func(c *call) { c.path += "?client_secret=shelf-secret" }), 400, "invalid_request"},
		{"another client_id than in the header", with(pushing(), func(c *call) { c.user = "shelf:shelf-secret" }), 400, "invalid_request"},
		{"a service user", with(pushing("client_id", ""), func(c *call) { c.user = "robot:robot-secret" }), 400, "unauthorized_client"},
		{"an API", with(pushing("client_id", ""), func(c *call) { c.user = "samples@P:samples-secret" }), 400, "unauthorized_client"},
		{"par-authorization-request-containing-request_uri-form-param", pushing("request_uri", requestURI+"x"), 400, "invalid_request"},
		{"a request_uri of another house", pushing("request_uri", "https://evil.example/r"), 400, "invalid_request"},
		{"a request object", pushing("request", "e30.e30."), 400, "request_not_supported"},
		{"ensure-redirect-uri-in-authorization-request", pushing("redirect_uri", ""), 400, "invalid_request"},
		{"plain-fapi-tolerate-unregistered-redirect-uri", pushing("redirect_uri", "https://evil.example/"), 400, "invalid_request"},
		{"par-ensure-pkce-required", pushing("code_challenge", "", "code_challenge_method", ""), 400, "invalid_request"},
		{"par-plain-pkce-rejected", pushing("code_challenge_method", "plain"), 400, "invalid_request"},
		{"no response_type", pushing("response_type", ""), 400, "invalid_request"},
		{"ensure-response-type-code-idtoken-fails", pushing("response_type", "code id_token"), 400, "unsupported_response_type"},
		{"ensure-response-type-token-fails", pushing("response_type", "token"), 400, "unsupported_response_type"},
		{"a response_mode that is not offered", pushing("response_mode", "fragment"), 400, "invalid_request"},
		{"an API that is not there", pushing("audience", "https://nowhere.example.com"), 400, "invalid_target"},
		{"a client without the grant", pushing("client_id", "robots", "redirect_uri", "https://robots.example.com/cb"), 401, "invalid_client"},
		{"state twice", with(pushing(), func(c *call) { c.form["state"] = []string{"a", "b"} }), 400, "invalid_request"},
		{"client_id twice", with(pushing(), func(c *call) { c.form["client_id"] = []string{"notes", "notes"} }), 400, "invalid_request"},
		{"a state of 2,049 bytes", pushing("state", strings.Repeat("x", 2049)), 400, "invalid_request"},
		{"a dpop_jkt that is none", pushing("dpop_jkt", "short"), 400, "invalid_request"},
		{"a body of 20 KB", pushing("state", strings.Repeat("x", 20<<10)), 413, "invalid_request"},
		{"a JSON body", call{path: "/oauth/par", header: http.Header{"Content-Type": {"application/json"}}, body: `{"client_id":"notes"}`}, 415, "invalid_request"},
		{"par-attempt-invalid-http-method", call{method: "GET", path: "/oauth/v2/par"}, 405, "invalid_request"},
		{"a malformed body", call{path: "/oauth/v2/par", body: "client_id=notes&%zz"}, 400, "invalid_request"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			w.refused(w.do(row.call), row.status, row.code)
		})
	}
	if n, err := w.store.DeleteExpiredTokens(t.Context(), w.now().Add(time.Hour), 1000); n != 0 || err != nil {
		t.Errorf("%d rows are left: %v", n, err)
	}
}

// TestFAPI_StateAndNonceComeBackWhole is ensure-authorization-request-with-64-char-nonce-success, -long-nonce,
// -long-state, -without-nonce- and -without-state-success of the conformance suite.
func TestFAPI_StateAndNonceComeBackWhole(t *testing.T) {
	w := newLoginWorld(t)
	for _, n := range []int{0, 64, 384, 2048} {
		b := w.browser()
		text := strings.Repeat("n", n)
		page := b.open(w.pushed(w.do(pushing("nonce", text, "state", text)), "notes"))
		done := b.send(page, "identifier", "mia", "password", miaPassword, "answer", "login")
		told := done.told()
		if got, sent := told.Get("state"), told.Has("state"); got != text || sent != (n > 0) {
			t.Errorf("state of %d bytes came back as %q", n, got)
		}
		got := w.issued(w.do(call{path: "/oauth/v2/token", form: values("grant_type", "authorization_code", "client_id", "notes",
			"code", told.Get("code"), "code_verifier", verifier, "redirect_uri", notesCallback)}))
		_, _, claims := w.claims(got["id_token"].(string))
		if nonce, sent := claims["nonce"]; sent != (n > 0) || sent && nonce != text {
			t.Errorf("nonce of %d bytes came back as %q", n, nonce)
		}
	}
}

// TestFAPI_RequestURIIsForOneLogin is par-attempt-reuse-request_uri, -expired-request_uri,
// -request_uri-for-different-client and par-ensure-reused-request-uri-prior-to-auth-completion-succeeds.
func TestFAPI_RequestURIIsForOneLogin(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	path := w.pushed(w.do(pushing()), "notes")
	b.page(w.browser().open(strings.Replace(path, "client_id=notes", "client_id=shelf", 1)), 400, "This request is not complete")
	b.open(path)
	page := b.open(path)
	b.code(b.send(page, "identifier", "mia", "password", miaPassword, "answer", "login"), notesCallback)
	b.page(b.open(path), 400, "This request is not complete")
	old := w.pushed(w.do(pushing()), "notes")
	w.pass(90 * time.Second)
	b.page(w.browser().open(old), 400, "This request is not complete")
}

func TestPushedRequestsOfAClientAreBounded(t *testing.T) {
	w := newLoginWorld(t)
	w.must(w.store.InTx(t.Context(), func(tx store.Tx) error {
		for i := range 1_000 {
			row := store.PushedRequest{Digest: secret.Digest(fmt.Sprint(i)), ClientID: "notes", Request: "{}", ExpiresAt: start.Add(time.Minute)}
			if err := tx.CreatePushedRequest(t.Context(), row, start, 1_000); err != nil {
				return err
			}
		}
		return nil
	}))
	w.refused(w.do(pushing()), http.StatusTooManyRequests, "temporarily_unavailable")
	w.pushed(w.do(pushing("client_id", "clock", "redirect_uri", "com.example.clock:/cb")), "clock")
	w.pass(time.Minute)
	w.pushed(w.do(pushing()), "notes")
}

func TestPushedRequestsWaitForTheStoreInAnOutage(t *testing.T) {
	w := newLoginWorld(t)
	w.must(w.store.Close())
	w.refused(w.do(pushing()), 503, "temporarily_unavailable")
}

// FuzzPushedRequest holds that no body gets an answer but those that are known, and that what is taken is taken by
// the authorization endpoint too.
func FuzzPushedRequest(f *testing.F) {
	w := newLoginWorld(f)
	for _, c := range []call{pushing(), pushing("request", "x"), pushing("dpop_jkt", challenge), pushing("redirect_uri", "javascript:alert(1)"), pushing("state", "\x00")} {
		f.Add(c.form.Encode())
	}
	f.Add("client_id=notes&client_id=notes")
	f.Add("%zz")
	f.Fuzz(func(t *testing.T, body string) {
		w := w.at(t)
		a := w.do(call{path: "/oauth/v2/par", body: body + "&"})
		switch a.status {
		case http.StatusCreated:
			form, err := url.ParseQuery(body)
			w.must(err)
			if s := w.browser().open(w.pushed(a, form.Get("client_id"))); s.status >= 500 || s.status == 400 {
				t.Errorf("pushed and not taken: %d %s", s.status, s.body)
			}
		case 400, 401, 413:
			w.object(a.body)
		default:
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}
