package server_test

import (
	"bytes"
	stdcmp "cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/sqlite"
)

// The hosts of two of the issuers. The world's own address is a third.
const (
	zitadelHost = "zitadel.example.com"
	auth0Host   = "auth0.example.com"
	auth0Issuer = "https://auth0.example.com/"
)

// Identifiers of the world's APIs.
const (
	messages = "https://messages.example.com"
	reports  = "https://reports.example.com/"
)

// world is a server on SQLite behind a real socket, with projects, APIs and service users.
//
//	project P: roles read:messages, admin            project Q: roles read:messages, audit
//	  API "samples"  introspects                       API "other" introspects
//	  API "messages" permissions read, read:messages   API "reports" permissions read, write
//
// The service user "robot" has the role read:messages in P and all permissions of messages, "plain" has
// nothing but an empty grant on P, and "auditor" has the roles of Q and the permission read on reports.
type world struct {
	t      testing.TB
	store  store.Store
	file   string // of the store
	issuer string
	// address is where the server listens, and host what it is called, where that is not what the issuer says.
	address, host string
	logs          *lockedBuffer
	server        *server.Server

	mu    sync.Mutex
	clock time.Time
}

const (
	samplesSecret = "samples-secret"
	otherSecret   = "other-secret"
	robotSecret   = "robot-secret"
	plainSecret   = "plain-secret"
	auditorSecret = "auditor-secret"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// emptyDatabase is a database as Open makes it, made once: every world begins with one.
var emptyDatabase = sync.OnceValue(func() []byte {
	dir, err := os.MkdirTemp("", "world")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "postern.db")
	s, err := sqlite.Open(context.Background(), file, sqlite.Options{})
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		panic(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	return data
})

func newWorld(t testing.TB, change ...func(*server.Config)) *world {
	t.Helper()
	file := filepath.Join(t.TempDir(), "postern.db")
	if err := os.WriteFile(file, emptyDatabase(), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(t.Context(), file, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	w := &world{t: t, store: s, file: file, logs: new(lockedBuffer), clock: start}
	w.seed()
	w.serve(change...)
	return w
}

// serve starts a server over the world's store.
func (w *world) serve(change ...func(*server.Config)) {
	w.t.Helper()
	listener := httptest.NewUnstartedServer(nil)
	w.issuer = "http://" + listener.Listener.Addr().String()
	config := server.Config{
		Store:   w.store,
		Issuers: []string{w.issuer, "https://" + zitadelHost, auth0Issuer},
		Logger:  slog.New(slog.NewJSONHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now:     w.now,
	}
	for _, f := range change {
		f(&config)
	}
	var err error
	if w.server, err = server.New(w.t.Context(), config); err != nil {
		w.t.Fatal(err)
	}
	listener.Config.Handler = w.server
	listener.Start()
	w.t.Cleanup(func() {
		listener.Close()
		w.server.Close()
	})
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) seed() {
	w.t.Helper()
	ctx := w.t.Context()
	s := w.store
	w.must(s.PutOrganization(ctx, store.Organization{ID: "org", Name: "Example", PrimaryDomain: "example.com"}))
	for _, p := range []store.Project{
		{ID: "P", Name: "samples", Roles: []store.Role{{Key: "admin"}, {Key: "read:messages"}}},
		{ID: "Q", Name: "other", Roles: []store.Role{{Key: "audit"}, {Key: "read:messages"}}},
	} {
		p.OrganizationID, p.Active, p.CreatedAt = "org", true, start
		w.must(s.PutProject(ctx, p))
	}
	for _, a := range []store.API{
		{ID: "a-samples", ProjectID: "P", Name: "samples", ClientID: "samples@P"},
		{ID: "a-messages", ProjectID: "P", Name: "messages", ClientID: "messages@P", Identifier: messages,
			Permissions: []store.Permission{{Key: "read"}, {Key: "read:messages"}}},
		{ID: "a-other", ProjectID: "Q", Name: "other", ClientID: "other@Q"},
		{ID: "a-reports", ProjectID: "Q", Name: "reports", ClientID: "reports@Q", Identifier: reports,
			Permissions: []store.Permission{{Key: "read"}, {Key: "write"}}},
	} {
		a.Active, a.CreatedAt = true, start
		w.must(s.PutAPI(ctx, a))
		w.secret(store.APIClient, a.ID, strings.TrimPrefix(a.ID, "a-")+"-secret")
	}
	for _, name := range []string{"robot", "plain", "auditor"} {
		w.must(s.PutServiceUser(ctx, store.ServiceUser{
			ID: "u-" + name, OrganizationID: "org", Username: name, Active: true, CreatedAt: start,
		}))
		w.secret(store.ServiceUserClient, "u-"+name, name+"-secret")
	}
	for _, g := range []store.Assignment{
		{SubjectID: "u-robot", ProjectID: "P", Rights: []string{"read:messages"}},
		{SubjectID: "u-robot", APIID: "a-messages", Rights: []string{"read", "read:messages"}},
		{SubjectID: "u-plain", ProjectID: "P"},
		{SubjectID: "u-auditor", ProjectID: "Q", Rights: []string{"audit", "read:messages"}},
		{SubjectID: "u-auditor", APIID: "a-reports", Rights: []string{"read"}},
	} {
		w.must(s.PutAssignment(ctx, g))
	}
	for _, k := range signingKeys() {
		w.must(s.PutSigningKey(ctx, k))
	}
}

func (w *world) secret(kind store.ClientKind, ownerID, raw string) {
	w.t.Helper()
	w.must(w.store.CreateSecret(w.t.Context(), store.Secret{
		ID: "s-" + raw, Owner: store.Owner{Kind: kind, ID: ownerID}, Digest: secret.Digest(raw), CreatedAt: start,
	}))
}

// signingKeys are the same for every world, for an RSA key takes long to make.
var signingKeys = sync.OnceValue(func() []store.SigningKey {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	rsa, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	row := func(id string, alg jws.Algorithm, private crypto.Signer) store.SigningKey {
		der, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			panic(err)
		}
		return store.SigningKey{ID: id, Algorithm: string(alg), PrivateKey: der, CreatedAt: start, SignsFrom: start}
	}
	return []store.SigningKey{row("sig-ec", jws.ES256, ec), row("sig-rsa", jws.RS256, rsa)}
})

// call is one request; its zero value is a POST of an empty form to the world's own issuer.
type call struct {
	method string // default POST
	path   string
	host   string // default the world's own
	user   string // id:secret for the Authorization header
	header http.Header
	form   url.Values
	body   string // instead of form
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (w *world) do(c call) answer {
	w.t.Helper()
	a, err := w.send(c)
	w.must(err)
	return a
}

// send is do for goroutines, which may not end the test.
func (w *world) send(c call) (answer, error) {
	body := c.body
	if body == "" {
		body = c.form.Encode()
	}
	if c.method == "" {
		c.method = http.MethodPost
	}
	r, err := http.NewRequest(c.method, stdcmp.Or(w.address, w.issuer)+c.path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c.user != "" {
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(c.user)))
	}
	for name, values := range c.header {
		r.Header[name] = values
	}
	r.Host = stdcmp.Or(c.host, w.host)
	return w.roundTrip(r)
}

// roundTrip sends one request and follows no redirect.
func (w *world) roundTrip(r *http.Request) (answer, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(text)}, err
}

// ring reads the signing keys as another server on the same store does.
func (w *world) ring() *keys.Ring { return keys.New(keys.Config{Store: w.store, Now: w.now}) }

// object decodes a JSON object.
func (w *world) object(text string) map[string]any {
	w.t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		w.t.Fatalf("answer is not a JSON object: %v: %q", err, text)
	}
	return m
}

// refused checks a whole refusal: status, headers and the two members of its body, and no other.
func (w *world) refused(a answer, status int, code string) {
	w.t.Helper()
	m := w.object(a.body)
	text, _ := m["error_description"].(string)
	if a.status != status || m["error"] != code || text == "" || len(m) != 2 {
		w.t.Errorf("got %d %s, want %d with error %q and a description", a.status, a.body, status, code)
	}
	if strings.ContainsAny(text, "\"\\") {
		w.t.Errorf("error_description %q holds what RFC 6749 does not allow", text)
	}
	want := map[string]string{
		"Cache-Control": "no-store", "Pragma": "no-cache", "Content-Type": "application/json",
		"X-Content-Type-Options": "nosniff", "WWW-Authenticate": "", "Retry-After": "",
	}
	switch status {
	case http.StatusUnauthorized:
		want["WWW-Authenticate"] = fmt.Sprintf("Basic realm=%q", w.issuer)
	case http.StatusServiceUnavailable:
		want["Retry-After"] = "2"
	}
	w.headers(a, want)
}

func (w *world) headers(a answer, want map[string]string) {
	w.t.Helper()
	got := make(map[string]string)
	for name := range want {
		got[name] = a.header.Get(name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("headers (-want +got):\n%s", diff)
	}
}

// token gets an access token by client credentials, with parameters as name, value, name, value.
func (w *world) token(user string, params ...string) string {
	w.t.Helper()
	return w.issued(w.do(tokenCall(user, params...)))["access_token"].(string)
}

func tokenCall(user string, params ...string) call {
	return call{path: "/oauth/v2/token", user: user + ":" + user + "-secret",
		form: values(append([]string{"grant_type", "client_credentials"}, params...)...)}
}

func values(pairs ...string) url.Values {
	v := make(url.Values)
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

func (w *world) issued(a answer) map[string]any {
	w.t.Helper()
	if a.status != http.StatusOK {
		w.t.Fatalf("token endpoint answered %d %s", a.status, a.body)
	}
	w.headers(a, map[string]string{
		"Cache-Control": "no-store", "Pragma": "no-cache", "Content-Type": "application/json", "X-Content-Type-Options": "nosniff",
	})
	return w.object(a.body)
}

// introspect asks as an API, named as its secret is.
func (w *world) introspect(api, raw string) map[string]any {
	w.t.Helper()
	client := map[string]string{"samples": "samples@P", "messages": "messages@P", "other": "other@Q", "reports": "reports@Q"}[api]
	a := w.do(call{path: "/oauth/v2/introspect", user: client + ":" + api + "-secret", form: values("token", raw)})
	if a.status != http.StatusOK {
		w.t.Fatalf("introspection endpoint answered %d %s", a.status, a.body)
	}
	return w.object(a.body)
}

// inactive checks that an introspection says nothing but that.
func (w *world) inactive(api, raw string) {
	w.t.Helper()
	if diff := cmp.Diff(map[string]any{"active": false}, w.introspect(api, raw)); diff != "" {
		w.t.Errorf("introspection by %s (-want +got):\n%s", api, diff)
	}
}

// claims returns the header's typ and alg and the claims of a JWT whose signature it has checked.
func (w *world) claims(raw string) (typ, alg string, claims map[string]any) {
	w.t.Helper()
	message, err := jws.Parse(raw)
	w.must(err)
	set, err := w.ring().Published(context.Background())
	w.must(err)
	for _, key := range set.Keys {
		if key.ID == message.Header.KeyID {
			w.must(message.Verify(key))
			return message.Header.Type, string(message.Header.Algorithm), w.object(message.Payload)
		}
	}
	w.t.Fatalf("token names the unpublished key %q", message.Header.KeyID)
	return "", "", nil
}

// lockedBuffer collects a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
