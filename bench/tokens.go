package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/setup"
	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/sqlite"
)

// The names of the group of tokens and of its rows.
const (
	groupTokens       = "tokens"
	namePlain         = "a plain GET"
	nameFormSigned    = "a form and an ES256 signature"
	nameES256         = "an ES256 token"
	nameOpaque64      = "an opaque token, 64 callers"
	nameIntrospected  = "an introspection"
	tokenIssuer       = "https://login.example.com"
	tokenAPI          = "https://api.example.com"
	callersAtOnce     = 64
	requestsEach      = 16
	tokenDocumentName = "postern.yaml"
)

const tokenDocument = `
organization: {name: Bench, primary_domain: example.com}
projects:
  - name: bench
    roles: [read:messages]
    apis:
      - {name: signed, identifier: "` + tokenAPI + `", token: rfc9068, permissions: [read:messages]}
      - {name: asked, client_id: asked, secrets: [{secret_file: asked}]}
service_users:
  - username: robot
    roles: {bench: [read:messages]}
    permissions: {signed: [read:messages]}
    secrets: [{secret_file: robot}]
`

// tokens returns the subjects of the server for programs, on SQLite, each through net/http's own server: what a token
// costs, and to ask what one says.
func tokens() ([]subject, error) {
	robot, asked, project, postern, err := tokenServer()
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	signed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			panic(err)
		}
		digest := sha256.Sum256([]byte(r.Form.Get("scope")))
		if _, err := ecdsa.SignASN1(rand.Reader, key, digest[:]); err != nil {
			panic(err)
		}
		w.Write(answer)
	})
	forProject := url.Values{"grant_type": {"client_credentials"}, "scope": {"read:messages urn:zitadel:iam:org:project:id:" + project + ":aud"}}
	forAPI := url.Values{"grant_type": {"client_credentials"}, "audience": {tokenAPI}}
	opaque, err := issue(postern, robot, forProject)
	if err != nil {
		return nil, err
	}
	requests := []struct {
		name    string
		handler http.Handler
		request []byte
	}{
		{namePlain, handler, newLoop(nil, "none").requests[0]},
		{nameFormSigned, signed, post("/oauth/v2/token", robot, forAPI)},
		{nameES256, postern, post("/oauth/v2/token", robot, forAPI)},
		{nameIntrospected, postern, post("/oauth/v2/introspect", asked, url.Values{"token": {opaque}})},
	}
	var subjects []subject
	for _, r := range requests {
		l := &loop{server: http.Server{Handler: r.handler}, requests: [][]byte{r.request}}
		if got := l.status(r.request); got != "200" {
			return nil, fmt.Errorf("bench: %s was answered %q, expected 200", r.name, got)
		}
		subjects = append(subjects, subject{name: r.name, run: l.run})
	}
	return append(subjects, subject{
		name: nameOpaque64, run: crowd(postern, post("/oauth/v2/token", robot, forProject)), many: callersAtOnce * requestsEach,
	}), nil
}

// crowd lets 64 callers send 16 requests each, on a connection of its own: fewer would not keep each other company.
func crowd(h http.Handler, request []byte) func(n int) {
	loops := make([]*loop, callersAtOnce)
	for i := range loops {
		loops[i] = &loop{server: http.Server{Handler: h}, requests: [][]byte{request}}
	}
	return func(n int) {
		var all sync.WaitGroup
		for _, l := range loops {
			all.Go(func() { l.run(n * requestsEach) })
		}
		all.Wait()
	}
}

// post is a request with a form, by a client as Basic has it.
func post(path, client string, form url.Values) []byte {
	body := form.Encode()
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: curl/8.9.1\r\nAccept: */*\r\nAuthorization: Basic %s\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		path, strings.TrimPrefix(tokenIssuer, "https://"), base64.StdEncoding.EncodeToString([]byte(client)), len(body), body)
}

// issue returns the token of an answer.
func issue(h http.Handler, client string, form url.Values) (string, error) {
	l := &loop{server: http.Server{Handler: h}}
	c := newConn([][]byte{post("/oauth/v2/token", client, form)}, 1)
	c.keep = true
	l.server.Serve(&listener{conn: c})
	<-c.closed
	_, body, _ := bytes.Cut(c.written, []byte("\r\n\r\n"))
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &token); err != nil || token.AccessToken == "" {
		return "", fmt.Errorf("bench: expected a token, got %.300q", c.written)
	}
	return token.AccessToken, nil
}

// tokenServer returns the server of the document, the id and secret of the service user and of the API that asks, and
// the id of the project.
func tokenServer() (robot, asked, project string, handler http.Handler, err error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return "", "", "", nil, err
	}
	defer os.RemoveAll(dir) // the files stay open, and need no name
	s, err := sqlite.Open(ctx, filepath.Join(dir, "postern.db"), sqlite.Options{})
	if err != nil {
		return "", "", "", nil, err
	}
	if err := apply(ctx, s, filepath.Join(dir, tokenDocumentName), tokenDocument); err != nil {
		return "", "", "", nil, err
	}
	secrets := make(map[string]string)
	for _, name := range []string{"robot", "asked"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return "", "", "", nil, err
		}
		secrets[name] = name + ":" + strings.TrimSpace(string(text))
	}
	projects, err := s.Projects(ctx)
	if err != nil || len(projects) == 0 {
		return "", "", "", nil, fmt.Errorf("bench: expected a project, got %v, %w", projects, err)
	}
	handler, err = server.New(ctx, server.Config{Store: s, Issuers: []string{tokenIssuer}, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	for _, p := range projects {
		if p.Name == "bench" {
			project = p.ID
		}
	}
	return secrets["robot"], secrets["asked"], project, handler, err
}

// apply sets a store up.
func apply(ctx context.Context, s store.Store, path, text string) error {
	document, err := setup.Parse(path, []byte(text))
	if err != nil {
		return err
	}
	plan, err := setup.Compare(ctx, s, document, setup.Options{})
	if err == nil {
		_, err = plan.Apply(ctx)
	}
	return err
}
