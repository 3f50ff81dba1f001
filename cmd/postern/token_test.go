package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/jws"
	"github.com/rogpeppe/go-internal/testscript"
)

// testIssuer is an authorization server for the scripts. It knows the client and service user "robot",
// with the secret canarySecret or a key, and grants what is asked for but the scope "admin".
type testIssuer struct {
	live string // a JWT that introspection knows
	*httptest.Server
	signer  *jws.Signer // of access tokens
	client  *jws.Signer // of robot
	keyFile clientauth.KeyFile
	hanging chan struct{} // gets one for each request that is left hanging
}

const canarySecret = "c4n4ry+secret/100%"

func newSigner(t *testing.T, id string) (*jws.Signer, string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jws.NewSigner(jws.ES256, id, private)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func newTestIssuer(t *testing.T) *testIssuer {
	t.Helper()
	i := &testIssuer{hanging: make(chan struct{}, 1)}
	i.signer, _ = newSigner(t, "s1")
	var text string
	i.client, text = newSigner(t, "k1")
	i.keyFile = clientauth.KeyFile{Type: clientauth.ServiceAccount, KeyID: "k1", Key: text, UserID: "robot"}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, map[string]any{
			"issuer": i.URL, "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys",
			"introspection_endpoint": i.URL + "/introspect",
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, map[string]any{"keys": []*jws.Key{i.signer.Key()}})
	})
	mux.HandleFunc("POST /token", i.token)
	mux.HandleFunc("POST /introspect", i.introspect)
	mux.HandleFunc("POST /down", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	mux.HandleFunc("POST /hang", func(_ http.ResponseWriter, r *http.Request) {
		r.ParseForm() // a client that leaves is noticed once its body is read
		i.hanging <- struct{}{}
		<-r.Context().Done()
	})
	i.Server = httptest.NewUnstartedServer(mux)
	i.Config.ErrorLog = log.New(io.Discard, "", 0) // a script's client distrusts it on purpose
	i.StartTLS()
	t.Cleanup(i.Close)
	return i
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

// robot reports whether the request comes from robot.
func (i *testIssuer) robot(r *http.Request) bool {
	if id, secret, ok := r.BasicAuth(); ok {
		return id == "robot" && secret == "c4n4ry%2Bsecret%2F100%25"
	}
	message, err := jws.Parse(r.PostFormValue("assertion") + r.PostFormValue("client_assertion"))
	if err != nil || message.Verify(i.client.Key()) != nil {
		return false
	}
	var set claims.Object
	if set.Parse(message.Payload) != nil {
		return false
	}
	audience, _ := set.Lookup("aud")
	subject, _ := set.Lookup("sub")
	return audience.JSON() == `"`+i.URL+`"` && subject.JSON() == `"robot"`
}

func (i *testIssuer) token(w http.ResponseWriter, r *http.Request) {
	if !i.robot(r) {
		_, sent, _ := r.BasicAuth()
		sent, _ = url.QueryUnescape(sent)
		answer(w, 401, map[string]any{"error": "invalid_client", "error_description": "not " + sent}) // what must not be shown
		return
	}
	scopes := strings.Fields(r.PostFormValue("scope"))
	if slices.Contains(scopes, "bad") {
		answer(w, 400, map[string]any{"error": "invalid_scope", "error_description": "bad is\x1b[31m not of robot"})
		return
	}
	scopes = slices.DeleteFunc(scopes, func(s string) bool { return s == "admin" })
	answer(w, 200, map[string]any{
		"access_token": strings.Join([]string{r.PostFormValue("grant_type"), r.PostFormValue("audience")}, "|"),
		"token_type":   "Bearer", "expires_in": 3600, "scope": strings.Join(scopes, " "),
	})
}

func (i *testIssuer) introspect(w http.ResponseWriter, r *http.Request) {
	switch {
	case !i.robot(r):
		answer(w, 401, map[string]any{"error": "invalid_client"})
	case i.live != "" && r.PostFormValue("token") == i.live:
		answer(w, 200, map[string]any{"active": true, "iss": i.URL, "sub": "u1", "aud": []string{"api"}, "exp": time.Now().Add(time.Hour).Unix()})
	case r.PostFormValue("token") == "opaque":
		answer(w, 200, map[string]any{
			"active": true, "iss": i.URL, "sub": "u1", "client_id": "robot", "username": "Robot",
			"aud": []string{"api"}, "scope": "openid read:messages", "exp": 253402300799,
			"urn:zitadel:iam:org:project:roles": map[string]any{"read:messages": map[string]string{"1": "example.com"}},
		})
	default:
		answer(w, 200, map[string]any{"active": false})
	}
}

// mint returns a good access token with the changes; a nil value removes a claim.
func (i *testIssuer) mint(t *testing.T, signer *jws.Signer, changes map[string]any) string {
	t.Helper()
	now := time.Now()
	set := map[string]any{
		"iss": i.URL, "sub": "u1", "aud": []string{"api"}, "client_id": "robot", "jti": "j1",
		"scope": "read:messages", "iat": now.Unix(), "exp": now.Add(time.Hour + time.Second/2).Unix(),
	}
	for name, value := range changes {
		set[name] = value
		if value == nil {
			delete(set, name)
		}
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signer.Sign("at+jwt", text)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// tokens are those that the scripts inspect, by the variable that holds them.
func (i *testIssuer) tokens(t *testing.T) map[string]string {
	t.Helper()
	now := time.Now()
	other, _ := newSigner(t, "s1")
	unknown, _ := newSigner(t, "s9")
	good := i.mint(t, i.signer, nil)
	i.live = i.mint(t, i.signer, map[string]any{"jti": "j2"})
	parts := strings.Split(good, ".")
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + parts[1] + "."
	idToken, err := i.signer.Sign("JWT", []byte(fmt.Sprintf(
		`{"iss":%q,"sub":"u1","aud":"api","nonce":"n","iat":%d,"exp":%d}`, i.URL, now.Unix(), now.Unix()+3600)))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"GOOD":         good,
		"LIVE":         i.live,
		"UNSIGNED":     unsigned,
		"IDTOKEN":      idToken,
		"CUT":          good[:len(good)-10],
		"FORGED":       i.mint(t, other, nil),
		"NOKEY":        i.mint(t, unknown, nil),
		"EXPIRED":      i.mint(t, i.signer, map[string]any{"exp": now.Add(-72 * time.Hour).Unix()}),
		"FUTURE":       i.mint(t, i.signer, map[string]any{"iat": now.Add(time.Hour).Unix()}),
		"SLASH":        i.mint(t, i.signer, map[string]any{"iss": i.URL + "/"}),
		"FOREIGN":      i.mint(t, i.signer, map[string]any{"iss": "https://evil.example"}),
		"OTHERAPI":     i.mint(t, i.signer, map[string]any{"aud": []string{"other"}}),
		"ENDLESS":      i.mint(t, i.signer, map[string]any{"exp": nil}),
		"SECRETSIGNED": base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`)) + "." + parts[1] + "." + parts[2],
		"HALF":         parts[0] + "." + parts[1][:20],
		"HEAD":         parts[0],
		"TERMINAL":     i.mint(t, i.signer, map[string]any{"sub": "\x1b[31mred\u009b\u202e\n"}),
	}
}

func TestTokenScripts(t *testing.T) {
	i := newTestIssuer(t)
	tokens := i.tokens(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	runScripts(t, "token*.txtar", func(e *testscript.Env) error {
		ca := filepath.Join(e.WorkDir, "ca.pem")
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.Certificate().Raw})
		if err := os.WriteFile(ca, text, 0o600); err != nil {
			return err
		}
		for name, content := range map[string]string{
			"secret": canarySecret + "\n", "marked": "\ufeff" + canarySecret + "\r\n",
			"header": "Authorization: Bearer " + tokens["GOOD"] + "\n", "answer": "\ufeff{\"access_token\": \"" + tokens["GOOD"] + "\", \"expires_in\": 1}\n",
			"broken-lines": tokens["GOOD"][:60] + "\n" + tokens["GOOD"][60:120] + "\n  " + tokens["GOOD"][120:] + "\n",
			"curl":         "curl -i http://127.0.0.1/api -H 'Authorization: Bearer " + tokens["GOOD"] + "'\n", "wrong": "wrong\n", "good": "  " + tokens["GOOD"] + " \n", "empty": "\n", "broken.env": "A=1\n" + canarySecret + "\n",
		} {
			if err := os.WriteFile(filepath.Join(e.WorkDir, name), []byte(content), 0o600); err != nil {
				return err
			}
		}
		if err := clientauth.WriteKeyFile(filepath.Join(e.WorkDir, "key.json"), i.keyFile); err != nil {
			return err
		}
		e.Setenv("CA_FILE", ca)
		e.Setenv("ISSUER", i.URL)
		e.Setenv("CLOSED", "http://"+closed.Addr().String())
		for name, token := range tokens {
			e.Setenv(name, token)
		}
		return nil
	})
}

func TestInterruptEndsWith130(t *testing.T) {
	i := newTestIssuer(t)
	dir := t.TempDir()
	ca, secret := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "secret")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.Certificate().Raw})
	for path, content := range map[string][]byte{ca: text, secret: []byte(canarySecret)} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(t.Context(), "postern", "token", "client-credentials",
		"--token-url", i.URL+"/hang", "--client-id", "robot", "--client-secret-file", secret)
	command.Dir, command.Env = dir, append(os.Environ(), "CA_FILE="+ca)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	<-i.hanging
	if err := command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	command.Wait()
	if code := command.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
	if stdout.Len() > 0 || stderr.String() != "postern: interrupted\n" {
		t.Errorf("stdout %q, stderr %q", stdout.String(), stderr.String())
	}
}

func TestColoursAreForTerminals(t *testing.T) {
	r := result{err: os.ErrInvalid}
	if got := r.text(palette(false), time.Now()); strings.Contains(got, "\x1b") {
		t.Errorf("colours without a terminal: %q", got)
	}
	if got := r.text(palette(true), time.Now()); got != "\x1b[31mREFUSED\x1b[0m\n" {
		t.Errorf("on a terminal: %q", got)
	}
	if newPalette(&env{stdout: &bytes.Buffer{}}) {
		t.Error("a buffer was taken for a terminal")
	}
}

func TestTimesInWords(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := []struct {
		name, claim, value, want string
	}{
		{"an end in an hour", "exp", fmt.Sprint(now.Unix() + 3600), fmt.Sprintf("%d  2030-01-02T04:04:05Z (in 60 minutes)", now.Unix()+3600)},
		{"a beginning a moment ago", "iat", fmt.Sprint(now.Unix() - 5), fmt.Sprintf("%d  2030-01-02T03:04:00Z (5 seconds ago)", now.Unix()-5)},
		{"this moment", "nbf", fmt.Sprint(now.Unix()), fmt.Sprintf("%d  2030-01-02T03:04:05Z (now)", now.Unix())},
		{"an end long ago", "exp", "0", "0  1970-01-01T00:00:00Z (60 years ago)"},
		{"the end of time", "exp", "253402300799", "253402300799  9999-12-31T23:59:59Z (in 7969 years)"},
		{"a time that is not one", "exp", `"soon"`, "soon"},
		{"a number that is not a time", "age", "7", "7"},
		{"a list", "aud", `["a","b"]`, `["a","b"]`},
		{"control characters", "sub", `"\u001b[31m\u009b\u202e"`, `\x1b[31m\u009b\u202e`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var set claims.Object
			if err := set.Parse(`{"x":` + test.value + `}`); err != nil {
				t.Fatal(err)
			}
			value, _ := set.Lookup("x")
			if got := describe(test.claim, value, now); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}
