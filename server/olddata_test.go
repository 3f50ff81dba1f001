package server_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store/sqlite"
)

// oldData is a store of an earlier schema, as `postern dev` had made it, with what its clients hold.
type oldData struct {
	t         *testing.T
	server    *server.Server
	now       time.Time
	ProjectID string          `json:"project_id"`
	APIClient string          `json:"api_client_id"`
	APISecret string          `json:"api_client_secret"`
	Secret    string          `json:"service_user_client_secret"`
	UserKey   json.RawMessage `json:"service_user_key"`
	APIKey    json.RawMessage `json:"api_key"`
	Tokens    map[string]string
}

func openOldData(t *testing.T, folder string) *oldData {
	t.Helper()
	// The tokens are from a minute before.
	o := &oldData{t: t, now: time.Date(2026, 11, 26, 0, 37, 30, 0, time.UTC)}
	text, err := os.ReadFile(filepath.Join("testdata", folder, "credentials.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, o); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "postern.db")
	unzip(t, filepath.Join("testdata", folder, "postern.db.gz"), path)
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	o.server, err = server.New(t.Context(), server.Config{
		Store: s, Issuers: []string{"http://localhost:18080", "https://localhost:18443"}, Now: func() time.Time { return o.now }, SweepEvery: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.server.Close() })
	return o
}

func unzip(t *testing.T, from, to string) {
	t.Helper()
	packed, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	reader, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// post sends a form, as a client with a secret unless the id is empty, and returns the answer.
func (o *oldData) post(path, id, secret string, form url.Values) (status int, answer map[string]any) {
	o.t.Helper()
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Host = "localhost:18080"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if id != "" {
		r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	}
	w := httptest.NewRecorder()
	o.server.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		o.t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return w.Code, answer
}

func (o *oldData) introspect(raw string) map[string]any {
	o.t.Helper()
	status, answer := o.post(oauth.IntrospectionEndpoint.ZITADEL, o.APIClient, o.APISecret, url.Values{"token": {raw}})
	if status != http.StatusOK {
		o.t.Fatalf("introspection: %d %v", status, answer)
	}
	return answer
}

func (o *oldData) assertion(keyFile json.RawMessage) string {
	o.t.Helper()
	key, err := clientauth.ParseKeyFile(keyFile)
	if err != nil {
		o.t.Fatal(err)
	}
	assertion, err := key.Assertion("http://localhost:18080", o.now)
	if err != nil {
		o.t.Fatal(err)
	}
	return assertion
}

func TestADataFolderOfTheFirstSchemaGoesOn(t *testing.T) {
	o := openOldData(t, "schema1")
	if len(o.Tokens) != 3 {
		t.Fatalf("%d tokens, want 3", len(o.Tokens))
	}
	for name, raw := range o.Tokens {
		answer := o.introspect(raw)
		if answer["active"] != true || !strings.Contains(" "+answer["scope"].(string)+" ", " read:messages ") {
			t.Errorf("%s: %v", name, answer)
		}
	}
	scope := "openid urn:zitadel:iam:org:project:id:" + o.ProjectID + ":aud read:messages"
	status, answer := o.post(oauth.TokenEndpoint.ZITADEL, "service-user", o.Secret, url.Values{"grant_type": {"client_credentials"}, "scope": {scope}})
	if status != http.StatusOK || o.introspect(answer["access_token"].(string))["active"] != true {
		t.Errorf("client credentials: %d %v", status, answer)
	}
	status, answer = o.post(oauth.TokenEndpoint.ZITADEL, "", "", url.Values{
		"grant_type": {oauth.GrantJWTBearer}, "assertion": {o.assertion(o.UserKey)}, "scope": {scope},
	})
	if status != http.StatusOK || o.introspect(answer["access_token"].(string))["active"] != true {
		t.Errorf("JWT profile: %d %v", status, answer)
	}
	status, answer = o.post(oauth.IntrospectionEndpoint.ZITADEL, "", "", url.Values{
		"client_assertion_type": {oauth.AssertionType}, "client_assertion": {o.assertion(o.APIKey)}, "token": {o.Tokens["opaque"]},
	})
	if status != http.StatusOK || answer["active"] != true {
		t.Errorf("introspection with a key: %d %v", status, answer)
	}
}
