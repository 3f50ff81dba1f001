package main

import (
	"encoding/json"
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"
)

// visitor is a browser in which somebody logs in to dev.
type visitor struct {
	*running
	t        *testing.T
	client   *http.Client
	email    string
	password string
}

func (r *running) visitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: r.client.Transport, Jar: jar, CheckRedirect: func(next *http.Request, _ []*http.Request) error {
		if port := next.URL.Port(); port == "4040" || port == "3000" {
			return http.ErrUseLastResponse // of an application, which is not running
		}
		return nil
	}}
	return &visitor{r, t, client, r.getenv("USER_EMAIL"), r.getenv("USER_PASSWORD")}
}

// open goes to an address, logs in where that is asked for, and returns where the application is called back; nil: the
// browser stays at a page.
func (p *visitor) open(address string) (*url.URL, string) {
	p.t.Helper()
	response, err := p.client.Get(address)
	page := bodyOf(p.t, response, err)
	if action := formAction.FindStringSubmatch(page); action != nil && strings.Contains(page, `name="password"`) {
		form := url.Values{"identifier": {p.email}, "password": {p.password}, "answer": {"login"}}
		to, err := response.Request.URL.Parse(html.UnescapeString(action[1]))
		if err != nil {
			p.t.Fatal(err)
		}
		response, err = p.client.PostForm(to.String(), form)
		page = bodyOf(p.t, response, err)
	}
	to := response.Header.Get("Location")
	if _, refresh, ok := strings.Cut(response.Header.Get("Refresh"), "url="); ok {
		to = refresh
	}
	if to == "" {
		return nil, page
	}
	u, err := url.Parse(to)
	if err != nil {
		p.t.Fatal(err)
	}
	return u, page
}

// send sends one request and returns its answer and body.
func (p *visitor) send(method, address, body string, header map[string]string) (*http.Response, string) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	response, err := (&http.Client{Transport: p.client.Transport}).Do(r)
	return response, bodyOf(p.t, response, err)
}

func (p *visitor) tokens(response *http.Response, body string) map[string]any {
	p.t.Helper()
	var got map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil || response.StatusCode != http.StatusOK {
		p.t.Fatalf("%d %s: %v", response.StatusCode, body, err)
	}
	return got
}

const form = "application/x-www-form-urlencoded"

// Samples of several languages have habits beyond what their libraries document; dev is set up for each.
func TestDevServesTheHabitsOfSamples(t *testing.T) {
	r := startDev(t)
	auth0, zitadel := "https://"+r.getenv("AUTH0_DOMAIN"), r.getenv("ZITADEL_DOMAIN")
	browser := url.Values{"client_id": {r.getenv("AUTH0_CLIENT_ID")}, "redirect_uri": {"http://localhost:4040"}, "response_type": {"code"}, "scope": {"openid profile email"}, "state": {"s"}}
	with := func(values url.Values, pairs ...string) string {
		all := url.Values{}
		for name, value := range values {
			all[name] = value
		}
		for i := 0; i < len(pairs); i += 2 {
			all.Set(pairs[i], pairs[i+1])
		}
		return all.Encode()
	}

	t.Run("a browser: an empty prompt, unknown parameters, JSON, no audience, a picture", func(t *testing.T) {
		p := r.visitor(t)
		verifier := oauth2.GenerateVerifier()
		back, _ := p.open(auth0 + "/authorize?" + with(browser, "prompt", "", "auth0Client", "eyJuYW1lIjoiYXV0aDAtc3BhLWpzIn0=", "foo", "bar",
			"code_challenge", oauth2.S256ChallengeFromVerifier(verifier), "code_challenge_method", "S256"))
		if back == nil || back.Query().Get("code") == "" || back.Host != "localhost:4040" {
			t.Fatalf("it leads to %v", back)
		}
		body, err := json.Marshal(map[string]any{
			"grant_type": "authorization_code", "client_id": r.getenv("AUTH0_CLIENT_ID"), "code": back.Query().Get("code"), "code_verifier": verifier,
			"redirect_uri": "http://localhost:4040/", "auth0Client": map[string]string{"name": "auth0-spa-js"}, "foo": []int{1},
		})
		if err != nil {
			t.Fatal(err)
		}
		got := p.tokens(p.send("POST", auth0+"/oauth/token", string(body), map[string]string{"Content-Type": "application/json", "Origin": "http://localhost:4040", "Auth0-Client": "x"}))
		claims := p.tokens(p.send("GET", auth0+"/userinfo", "", map[string]string{"Authorization": "Bearer " + got["access_token"].(string)}))
		if claims["email"] != p.email || claims["name"] != "Uma User" || claims["nickname"] != "uma" {
			t.Errorf("userinfo %v", claims)
		}
		picture, ok := claims["picture"].(string)
		if !ok {
			t.Fatalf("userinfo %v", claims)
		}
		response, image := p.send("GET", picture, "", nil)
		if response.StatusCode != 200 || response.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" || !strings.Contains(image, ">UU<") {
			t.Errorf("picture: %d %v %s", response.StatusCode, response.Header, image)
		}
	})

	t.Run("a web application: no challenge, and then the redirect URI again", func(t *testing.T) {
		p := r.visitor(t)
		web := url.Values{"client_id": {r.getenv("WEB_CLIENT_ID")}, "redirect_uri": {"http://localhost:3000/callback"}, "response_type": {"code"}, "scope": {"openid profile email"}, "state": {"s"}}
		back, _ := p.open(auth0 + "/authorize?" + web.Encode())
		if back == nil || back.Query().Get("code") == "" {
			t.Fatalf("it leads to %v", back)
		}
		exchange := url.Values{"grant_type": {"authorization_code"}, "client_id": {r.getenv("WEB_CLIENT_ID")}, "client_secret": {r.getenv("WEB_CLIENT_SECRET")}, "code": {back.Query().Get("code")}}
		if response, body := p.send("POST", auth0+"/oauth/token", exchange.Encode(), map[string]string{"Content-Type": form}); response.StatusCode != 400 || !strings.Contains(body, "redirect_uri") {
			t.Errorf("without the redirect URI: %d %s", response.StatusCode, body)
		}
		got := p.tokens(p.send("POST", auth0+"/oauth/token", with(exchange, "redirect_uri", "http://localhost:3000/callback"), map[string]string{"Content-Type": form}))
		idToken, _ := got["id_token"].(string)
		if strings.Count(idToken, ".") != 2 {
			t.Fatalf("%v", got)
		}
		// The hint alone, without a client_id, ends the session.
		out, _ := p.open(auth0 + "/oidc/logout?" + url.Values{"id_token_hint": {idToken}, "post_logout_redirect_uri": {"http://localhost:3000"}}.Encode())
		if out == nil || out.String() != "http://localhost:3000" {
			t.Errorf("the logout leads to %v", out)
		}
		if again, _ := p.open(auth0 + "/authorize?" + with(web, "prompt", "none")); again == nil || again.Query().Get("error") != "login_required" {
			t.Errorf("after the logout: %v", again)
		}
	})

	t.Run("what a browser asks before it calls", func(t *testing.T) {
		p := r.visitor(t)
		for _, origin := range []string{"http://localhost:4040", "http://localhost:3000"} {
			for _, path := range []string{auth0 + "/oauth/token", zitadel + "/oauth/v2/token", auth0 + "/userinfo"} {
				response, _ := p.send("OPTIONS", path, "", map[string]string{"Origin": origin, "Access-Control-Request-Method": "POST"})
				allowed := response.Header.Get("Access-Control-Allow-Headers")
				for _, name := range []string{"Content-Type", "Auth0-Client", "DPoP", "MCP-Protocol-Version", "Authorization"} {
					if !strings.Contains(allowed, name) {
						t.Errorf("%s: %q lacks %s", path, allowed, name)
					}
				}
				if response.StatusCode != 204 || response.Header.Get("Access-Control-Allow-Origin") != origin {
					t.Errorf("%s from %s: %d %v", path, origin, response.StatusCode, response.Header)
				}
			}
		}
	})

	t.Run("the address of Auth0's that logs out", func(t *testing.T) {
		for _, row := range []struct{ query, to string }{
			{"&returnTo=" + url.QueryEscape("http://localhost:4040"), "http://localhost:4040"},
			{"&returnTo=" + url.QueryEscape("http://localhost:4040/"), "http://localhost:4040/"},
			{"&returnTo=" + url.QueryEscape("http://localhost:3000"), "http://localhost:3000"},
			{"", "http://localhost:4040"},
			{"&returnTo=" + url.QueryEscape("http://evil.example"), ""},
		} {
			p := r.visitor(t)
			p.open(auth0 + "/account/")
			out, page := p.open(auth0 + "/v2/logout?client_id=" + r.getenv("AUTH0_CLIENT_ID") + row.query)
			switch {
			case row.to == "" && (out != nil || !strings.Contains(page, `value="logout"`)):
				t.Errorf("%s leads to %v: %s", row.query, out, page)
			case row.to != "" && (out == nil || out.String() != row.to):
				t.Errorf("%s leads to %v, want %s: %s", row.query, out, row.to, page)
			}
		}
	})

	t.Run("fields that browsers fill in", func(t *testing.T) {
		p := r.visitor(t)
		response, err := p.client.Get(auth0 + "/account/")
		page := bodyOf(t, response, err)
		for _, name := range []string{`autocomplete="username"`, `autocomplete="current-password"`} {
			if !strings.Contains(page, name) {
				t.Errorf("%s is missing in %s", name, page)
			}
		}
	})
}
