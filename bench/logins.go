package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/store/sqlite"
)

// The names of the group of logins and of its rows.
const (
	groupLogins   = "logins"
	nameSignature = "bare RS256 signature"
)

const (
	loginIssuer   = "https://login.example.com"
	loginCallback = "https://app.example.com/callback"
	loginDocument = `
organization: {name: Bench, primary_domain: example.com}
projects:
  - name: bench
    applications:
      - {name: app, type: browser, client_id: app, first_party: true, redirect_uris: ["` + loginCallback + `"]}
users:
  - {login: mia, email: mia@example.com, email_verified: true, name: Mia Example, password_file: password}
`
)

// visitor is an application, and the browser of a person who has logged in to it: requests go to the server's handler
// without a socket.
type visitor struct {
	handler   http.Handler
	cookies   map[string]string
	verifier  string
	challenge string
}

// logins returns the subjects of the authorization server, on SQLite: what a login costs of somebody who is logged in
// already, a password aside, and what is asked with its token. The base is the signature that an ID token has.
func logins() ([]subject, error) {
	v, err := newVisitor()
	if err != nil {
		return nil, err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256([]byte("a token"))
	token, err := v.token()
	if err != nil {
		return nil, err
	}
	return []subject{
		{name: nameSignature, run: times(func() error {
			_, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
			return err
		})},
		{name: "a code", run: times(func() error {
			_, err := v.code()
			return err
		})},
		{name: "a code and its tokens", run: times(func() error {
			_, err := v.token()
			return err
		})},
		{name: "userinfo", run: times(func() error {
			request := httptest.NewRequest(http.MethodGet, loginIssuer+"/oidc/v1/userinfo", nil)
			request.Header.Set("Authorization", "Bearer "+token)
			if a := v.do(request); a.Code != http.StatusOK {
				return fmt.Errorf("userinfo: %d %s", a.Code, a.Body)
			}
			return nil
		})},
	}, nil
}

// times returns what does f n times, and fails loudly should it fail.
func times(f func() error) func(n int) {
	return func(n int) {
		for range n {
			if err := f(); err != nil {
				panic(err)
			}
		}
	}
}

func newVisitor() (*visitor, error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	// The files stay open as long as the process lives, and need no name.
	defer os.RemoveAll(dir)
	store, err := sqlite.Open(ctx, filepath.Join(dir, "postern.db"), sqlite.Options{})
	if err != nil {
		return nil, err
	}
	if err := apply(ctx, store, filepath.Join(dir, "setup.yaml"), loginDocument); err != nil {
		return nil, err
	}
	password, err := os.ReadFile(filepath.Join(dir, "password"))
	if err != nil {
		return nil, err
	}
	handler, err := server.New(ctx, server.Config{
		Store: store, Issuers: []string{loginIssuer}, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		return nil, err
	}
	v := &visitor{handler: handler, cookies: make(map[string]string), verifier: strings.Repeat("v", 43)}
	sum := sha256.Sum256([]byte(v.verifier))
	v.challenge = base64.RawURLEncoding.EncodeToString(sum[:])
	return v, v.logIn(strings.TrimSpace(string(password)))
}

// do sends a request with the browser's cookies.
func (v *visitor) do(request *http.Request) *httptest.ResponseRecorder {
	for name, value := range v.cookies {
		request.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	answer := httptest.NewRecorder()
	v.handler.ServeHTTP(answer, request)
	for _, cookie := range answer.Result().Cookies() {
		v.cookies[cookie.Name] = cookie.Value
	}
	return answer
}

func (v *visitor) post(path string, form url.Values) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodPost, loginIssuer+path, strings.NewReader(form.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.do(request)
}

func (v *visitor) authorize(prompt string) *httptest.ResponseRecorder {
	return v.do(httptest.NewRequest(http.MethodGet, loginIssuer+"/oauth/v2/authorize?"+url.Values{
		"client_id": {"app"}, "redirect_uri": {loginCallback}, "response_type": {"code"}, "scope": {"openid profile email offline_access"},
		"state": {"s"}, "nonce": {"n"}, "code_challenge": {v.challenge}, "code_challenge_method": {"S256"}, "prompt": {prompt},
	}.Encode(), nil))
}

var formAction = regexp.MustCompile(`<form method="post" action="([^"]*)"`)

// logIn sends the login page, so that what follows needs none.
func (v *visitor) logIn(password string) error {
	page := v.authorize("")
	if to := page.Header().Get("Location"); to != "" {
		page = v.do(httptest.NewRequest(http.MethodGet, loginIssuer+to, nil))
	}
	action := formAction.FindStringSubmatch(page.Body.String())
	if action == nil {
		return fmt.Errorf("there is no login page: %d %s", page.Code, page.Body)
	}
	done := v.post(html.UnescapeString(action[1]), url.Values{"identifier": {"mia"}, "password": {password}, "answer": {"login"}})
	if !strings.Contains(done.Header().Get("Refresh"), "code=") {
		return fmt.Errorf("the login gives no code: %d %s", done.Code, done.Body)
	}
	return nil
}

func (v *visitor) code() (string, error) {
	answer := v.authorize("none")
	to, err := url.Parse(answer.Header().Get("Location"))
	if err != nil || to.Query().Get("code") == "" {
		return "", fmt.Errorf("no code: %d %v (%v)", answer.Code, answer.Header(), err)
	}
	return to.Query().Get("code"), nil
}

// token returns the access token of another code.
func (v *visitor) token() (string, error) {
	code, err := v.code()
	if err != nil {
		return "", err
	}
	answer := v.post("/oauth/v2/token", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {"app"}, "code": {code}, "code_verifier": {v.verifier}, "redirect_uri": {loginCallback},
	})
	var got struct {
		AccessToken string `json:"access_token"`
		IDToken     string `json:"id_token"`
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil || got.AccessToken == "" || got.IDToken == "" {
		return "", fmt.Errorf("no tokens: %d %s", answer.Code, answer.Body)
	}
	return got.AccessToken, nil
}
