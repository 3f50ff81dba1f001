package main

import (
	"context"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
)

// A person's token, opaque and JWT, opens each of the sample APIs, and what wants a right to those who have it.
func TestPeopleLogInAndTheirTokensOpenTheSampleAPIs(t *testing.T) {
	r := startDev(t)
	zitadel, auth0 := r.getenv("ZITADEL_DOMAIN"), "https://"+r.getenv("AUTH0_DOMAIN")
	zitadelEndpoint := oauth2.Endpoint{AuthURL: zitadel + "/oauth/v2/authorize", TokenURL: zitadel + "/oauth/v2/token"}
	auth0Endpoint := oauth2.Endpoint{AuthURL: auth0 + "/authorize", TokenURL: auth0 + "/oauth/token"}
	// What a browser that has been told of no certificate goes to.
	plain := "http://127.0.0.1:" + regexp.MustCompile(`authorization server  http://localhost:(\d+)`).FindStringSubmatch(r.stdout)[1]
	plainEndpoint := oauth2.Endpoint{AuthURL: plain + "/authorize", TokenURL: plain + "/oauth/token"}
	for _, row := range []struct {
		sample   string
		endpoint oauth2.Endpoint
		audience string
		scopes   []string
		jwt      bool
		any      string // a path for whoever is logged in
		right    string // a path for those who have the right
	}{
		{"zitadel-api", zitadelEndpoint, "", r.scopes(r.getenv("PROJECT_ID")), false, "/api/private", "/api/private-scoped"},
		{"auth0-quickstart", auth0Endpoint, "https://quickstarts/api", []string{"openid", "read:messages"}, true, "/api/private", "/api/private-scoped"},
		{"hello-world", auth0Endpoint, r.getenv("AUTH0_AUDIENCE"), []string{"openid", "profile", "email"}, true, "/api/messages/protected", "/api/messages/admin"},
		{"hello-world", plainEndpoint, r.getenv("AUTH0_AUDIENCE"), []string{"openid", "profile", "email"}, true, "/api/messages/protected", "/api/messages/admin"},
	} {
		for user, want := range map[string][]int{"USER": {200, 200}, "USER_WITHOUT_ROLE": {200, 403}} {
			t.Run(row.sample+" by "+row.endpoint.AuthURL[:5]+" and "+user, func(t *testing.T) {
				config := oauth2.Config{ClientID: r.getenv("AUTH0_CLIENT_ID"), Endpoint: row.endpoint, RedirectURL: r.getenv("AUTH0_CALLBACK_URL"), Scopes: row.scopes}
				token := r.logIn(t, config, row.audience, r.getenv(user+"_EMAIL"), r.getenv(user+"_PASSWORD"))
				if isJWT := strings.Count(token, ".") == 2; isJWT != row.jwt {
					t.Errorf("the token is a JWT: %v, want %v", isJWT, row.jwt)
				}
				var got []int
				for _, path := range []string{row.any, row.right} {
					status, _ := get(t, r.urls[row.sample]+path, token)
					got = append(got, status)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("answers (-want +got):\n%s", diff)
				}
			})
		}
	}
}

var (
	formAction = regexp.MustCompile(`<form method="post" action="([^"]*)"`)
	formHidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
)

// logIn logs a person in to an application, by the forms of the server, and returns the access token.
func (r *running) logIn(t *testing.T, config oauth2.Config, audience, email, password string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Transport: r.client.Transport, Jar: jar}
	verifier := oauth2.GenerateVerifier()
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier)}
	if audience != "" {
		options = append(options, oauth2.SetAuthURLParam("audience", audience))
	}
	response, err := browser.Get(config.AuthCodeURL("s-1", options...))
	page := bodyOf(t, response, err)
	action := formAction.FindStringSubmatch(page)
	if action == nil {
		t.Fatalf("%s has no form: %s", response.Request.URL, page)
	}
	form := url.Values{"identifier": {email}, "password": {password}, "answer": {"login"}}
	for _, field := range formHidden.FindAllStringSubmatch(page, -1) {
		form.Set(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
	}
	to, err := response.Request.URL.Parse(html.UnescapeString(action[1]))
	if err != nil {
		t.Fatal(err)
	}
	response, err = browser.PostForm(to.String(), form)
	page = bodyOf(t, response, err)
	_, back, ok := strings.Cut(response.Header.Get("Refresh"), "url=")
	if !ok {
		t.Fatalf("the login leads nowhere: %d %s", response.StatusCode, page)
	}
	arrived, err := url.Parse(back)
	if err != nil || !strings.HasPrefix(back, config.RedirectURL+"?") || arrived.Query().Get("state") != "s-1" {
		t.Fatalf("the login leads to %s (%v)", back, err)
	}
	token, err := config.Exchange(context.WithValue(t.Context(), oauth2.HTTPClient, r.client), arrived.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	return token.AccessToken
}

func bodyOf(t *testing.T, response *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
