// Package examples_test calls the sample APIs as their users do: over sockets, with an issuer of its own.
package examples_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/examples/sampleapi"
	"github.com/postern-auth/postern/internal/httpd"
	"github.com/postern-auth/postern/internal/jws"
)

const (
	// canary marks everything that no log may show: tokens, secrets, and claims about people.
	canary   = "CANARY"
	clientID = "197@samples"
	secret   = "s3cr~t-" + canary
)

// rsaKey is made once: making one takes longer than all requests together.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// issuer is an authorization server: metadata, keys, introspection.
type issuer struct {
	*httptest.Server
	t       *testing.T
	rs, ec  *jws.Signer
	answers sync.Map // raw token → introspection answer
	mu      sync.Mutex
	asked   []string // the tokens that were introspected
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{t: t, rs: signer(t, jws.RS256, "rs", rsaKey()), ec: signer(t, jws.ES256, "ec", private)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		sampleapi.WriteJSON(w, 200, map[string]string{
			"issuer":                 i.URL,
			"jwks_uri":               i.URL + "/.well-known/jwks.json",
			"introspection_endpoint": i.URL + "/oauth/v2/introspect",
		})
	})
	mux.HandleFunc("GET /.well-known/jwks.json", func(w http.ResponseWriter, _ *http.Request) {
		sampleapi.WriteJSON(w, 200, map[string]any{"keys": []*jws.Key{i.rs.Key(), i.ec.Key()}})
	})
	mux.HandleFunc("POST /oauth/v2/introspect", i.introspect)
	i.Server = httptest.NewTLSServer(mux)
	t.Cleanup(i.Close)
	return i
}

func signer(t *testing.T, alg jws.Algorithm, id string, private crypto.Signer) *jws.Signer {
	t.Helper()
	s, err := jws.NewSigner(alg, id, private)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (i *issuer) introspect(w http.ResponseWriter, r *http.Request) {
	if !i.authentic(r) {
		sampleapi.WriteJSON(w, 401, map[string]string{"error": "invalid_client"})
		return
	}
	token := r.PostFormValue("token")
	i.mu.Lock()
	i.asked = append(i.asked, token)
	i.mu.Unlock()
	answer, known := i.answers.Load(token)
	if !known {
		answer = `{"active":false}`
	}
	if answer == "500" {
		w.WriteHeader(500)
		return
	}
	io.WriteString(w, answer.(string))
}

// authentic reports whether the caller is the API: by its secret, or by an assertion that its key signed.
func (i *issuer) authentic(r *http.Request) bool {
	if id, password, ok := r.BasicAuth(); ok {
		return id == "197%40samples" && password == secret
	}
	message, err := jws.Parse(r.PostFormValue("client_assertion"))
	if err != nil || message.Verify(signer(i.t, jws.RS256, "api-key", rsaKey()).Key()) != nil {
		return false
	}
	var claims struct {
		Issuer   string `json:"iss"`
		Audience string `json:"aud"`
	}
	return json.Unmarshal([]byte(message.Payload), &claims) == nil && claims.Issuer == clientID && claims.Audience == i.URL
}

func (i *issuer) wasAsked(token string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, asked := range i.asked {
		if asked == token {
			return true
		}
	}
	return false
}

// opaque returns an opaque token about which the issuer answers as given.
func (i *issuer) opaque(name, answer string) string {
	token := "opaque-" + name + "-" + canary
	i.answers.Store(token, answer)
	return token
}

// claims are those of a good access token for the audience, changed as told. A nil value takes one away.
type claims map[string]any

func (i *issuer) claims(audience string, change claims) claims {
	now := time.Now()
	c := claims{
		"iss": i.URL + "/", "aud": audience, "sub": "user-1", "azp": "client-1",
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"email": "ada-" + canary + "@example.com", "jti": "jti-" + canary,
	}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func (c claims) json() []byte {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return text
}

func sign(t *testing.T, s *jws.Signer, typ string, c claims) string {
	t.Helper()
	token, err := s.Sign(typ, c.json())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// forge returns a token with a header and signature of the attacker's choice.
func forge(header string, c claims, signature func(signed string) []byte) string {
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(header)) + "." + encode(c.json())
	return signed + "." + encode(signature(signed))
}

func unsigned(string) []byte { return nil }

// withPublicKey is the attack on verifiers that take the issuer's public key for an HMAC secret.
func withPublicKey(signed string) []byte {
	der, err := x509.MarshalPKIXPublicKey(&rsaKey().PublicKey)
	if err != nil {
		panic(err)
	}
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	mac.Write([]byte(signed))
	return mac.Sum(nil)
}

// keyFile writes the API's key file and returns its path.
func keyFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "api-key.json")
	err := clientauth.WriteKeyFile(path, clientauth.KeyFile{
		Type: clientauth.Application, KeyID: "api-key", ClientID: clientID, AppID: "1",
		Key: string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey())})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// log is a log that fails its test when it shows what it must not.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func newLog(t *testing.T) *log {
	l := &log{}
	t.Cleanup(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.text.Len() == 0 {
			t.Error("nothing was logged, so that the log was not tested")
		}
		for _, mark := range []string{canary, "eyJ"} { // the second begins all JSON in base64
			if at := strings.Index(l.text.String(), mark); at >= 0 {
				t.Errorf("log shows %q: …%.200q", mark, l.text.String()[max(0, at-100):])
			}
		}
	})
	return l
}

// options are those of a sample that calls the issuer and logs.
func (i *issuer) options(t *testing.T) sampleapi.Options {
	return sampleapi.Options{
		HTTPClient: i.Client(),
		Logger:     slog.New(slog.NewTextHandler(newLog(t), &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

// env is os.Getenv for a test.
type env map[string]string

func (e env) get(name string) string { return e[name] }

// serve serves a sample as its program does and returns its URL.
func serve(t *testing.T, handler http.Handler, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := httpd.Listen("127.0.0.1:0", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var servers httpd.Group
	servers.Serve(listener, handler)
	t.Cleanup(func() {
		stop()
		if err := servers.Wait(ctx); err != nil {
			t.Errorf("server ended: %v", err)
		}
	})
	return listener.URL("127.0.0.1")
}

// answer is a whole answer, but for the headers that differ from one to the next.
type answer struct {
	Status int
	Header map[string]string
	Body   string
}

// row is a request and its whole answer.
type row struct {
	name   string
	method string // empty: GET
	path   string
	header http.Header
	want   answer
}

func (r row) run(t *testing.T, base string) {
	t.Run(r.name, func(t *testing.T) {
		if diff := cmp.Diff(r.want, ask(t, base, r)); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
	})
}

func ask(t *testing.T, base string, r row) answer {
	t.Helper()
	request, err := http.NewRequest(r.method, base+r.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.header != nil {
		request.Header = r.header
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := answer{response.StatusCode, map[string]string{}, string(body)}
	for name, values := range response.Header {
		switch name {
		case "Date", "Content-Length", "Connection", "Postern-Decision":
		case "Retry-After":
			if n, err := strconv.Atoi(values[0]); err == nil && n > 0 {
				got.Header[name] = "seconds"
			}
		default:
			got.Header[name] = strings.Join(values, " | ")
		}
	}
	return got
}

// headers joins sets of headers; later ones win.
func headers(sets ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, set := range sets {
		maps.Copy(all, set)
	}
	return all
}

var (
	jsonHeader = map[string]string{"Content-Type": "application/json"}
	allowed    = map[string]string{"Allow": "GET, HEAD, OPTIONS"}
	guarded    = map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
	retry      = map[string]string{"Retry-After": "seconds"}
)

func challenge(value string) map[string]string { return map[string]string{"Www-Authenticate": value} }

func coded(code, description string) map[string]string {
	return challenge(`Bearer error="` + code + `", error_description="` + description + `"`)
}

// The sentences that a Guard says to clients.
const (
	saysExpired   = "The access token has expired."
	saysAudience  = "The access token is for another audience."
	saysIssuer    = "The access token is from another issuer."
	saysKey       = "The access token is signed with a key that its issuer does not publish."
	saysAlgorithm = "The access token is signed with an algorithm that is not accepted here."
	saysSignature = "The access token's signature does not verify."
	saysInactive  = "The access token is not active."
	saysMalformed = "The access token is malformed."
	saysUnknown   = "The access token is of no kind that is accepted here."
	saysEarly     = "The access token is not valid yet."
	saysRights    = "The access token does not give the rights that this needs."
	saysRequest   = "The request carries its access token in no form that is accepted: send exactly one, as Authorization: Bearer."
	saysNoToken   = "The request has no access token. Send one in the Authorization header."
	saysLater     = "The access token could not be checked right now. Keep it and try again."
)

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

func authorization(values ...string) http.Header { return http.Header{"Authorization": values} }

func from(origin string, header http.Header) http.Header {
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("Origin", origin)
	return header
}

func preflight(origin string) http.Header {
	return http.Header{
		"Origin":                         {origin},
		"Access-Control-Request-Method":  {"GET"},
		"Access-Control-Request-Headers": {"authorization"},
	}
}

// unreachable is a host at which nobody answers.
func unreachable(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(nil)
	server.Close()
	return strings.TrimPrefix(server.URL, "http://")
}
