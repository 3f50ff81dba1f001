package main

import (
	"bufio"
	"bytes"
	stdcmp "cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/examples/zitadelapi"
	"github.com/postern-auth/postern/internal/environ"
	"github.com/postern-auth/postern/internal/roots"
	"github.com/postern-auth/postern/introspection"
	"github.com/postern-auth/postern/serviceuser"
	"golang.org/x/oauth2"
)

// running is a dev that serves until its test ends.
type running struct {
	t      *testing.T
	dir    string
	getenv func(string) string
	urls   map[string]string // of the sample APIs
	stdout string
	stderr *locked
	client *http.Client // trusts the local authority
}

// locked is a buffer that a program writes while its test reads.
type locked struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// startDev runs dev on ports of the system's choice and returns when it says that it is ready.
func startDev(t *testing.T) *running {
	t.Helper()
	return startDevWith(t, filepath.Join(t.TempDir(), "data"), nil)
}

// startDevWith is startDev on a folder, with addresses given for some of the samples.
func startDevWith(t *testing.T, dir string, addresses map[string]string) *running {
	t.Helper()
	r := &running{t: t, dir: dir, urls: map[string]string{}, stderr: &locked{}}
	const anyPort = "127.0.0.1:0"
	flags := devFlags{data: r.dir, listen: anyPort, listenTLS: anyPort, apis: map[string]*string{}}
	for _, sample := range devSamples {
		address := stdcmp.Or(addresses[sample.name], anyPort)
		flags.apis[sample.name] = &address
	}
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := dev(ctx, &env{stdout: in, stderr: r.stderr}, flags)
		in.CloseWithError(io.EOF)
		ended <- err
	}()
	t.Cleanup(func() {
		stop()
		go io.Copy(io.Discard, out)
		if err := <-ended; err != nil {
			t.Errorf("dev ended with %v", err)
		}
	})
	r.read(out)
	getenv, err := environ.Read(filepath.Join(r.dir, "dev.env"), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatalf("%v\n%s", err, r.stderr)
	}
	r.getenv = getenv
	if r.client, err = roots.Client(getenv); err != nil {
		t.Fatal(err)
	}
	return r
}

// read reads what dev prints up to its last line.
func (r *running) read(out io.Reader) {
	var text strings.Builder
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		line := lines.Text()
		text.WriteString(line + "\n")
		if fields := strings.Fields(line); len(fields) == 2 && strings.HasPrefix(fields[1], "http://") {
			r.urls[fields[0]] = fields[1]
		}
		if strings.Contains(line, "PAT_WITHOUT_ROLE") || strings.Contains(text.String(), "# 403") && strings.Contains(line, "curl") {
			break
		}
	}
	r.stdout = text.String()
}

// apply sets up more in the store that dev serves.
func (r *running) apply(document string) {
	r.t.Helper()
	path := filepath.Join(r.dir, "more.yaml")
	if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
		r.t.Fatal(err)
	}
	var out bytes.Buffer
	if err := apply(r.t.Context(), &env{stdout: &out, stderr: r.stderr}, applyFlags{data: r.dir, file: path}); err != nil {
		r.t.Fatalf("apply: %v", err)
	}
}

// content returns what set-up wrote to a file.
func (r *running) content(name string) string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		r.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// get returns the status and body of a request with a token; an empty one is not sent.
func get(t *testing.T, url, token string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
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
	return response.StatusCode, string(body)
}

const withoutRoleJWT = `
service_users:
  - username: service-user-jwt-without-role
    token: jwt
    secrets: [{secret_file: generated/service-user-jwt-without-role-secret}]
    keys: [{key_file: generated/service-user-jwt-without-role-key.json}]
`

// The table of the ZITADEL samples: three ways in which a service user obtains its token, two in which the
// API introspects it, for opaque tokens and JWTs, each with and without the role.
func TestEveryCombinationOfServiceUserAndAPI(t *testing.T) {
	r := startDev(t)
	r.apply(withoutRoleJWT)
	apis := map[string]string{
		"basic":  r.zitadelAPI("API_PRIVATE_KEY_FILE"),
		"signed": r.zitadelAPI("API_CLIENT_ID", "API_CLIENT_SECRET"),
	}
	rows := 0
	for _, user := range []struct {
		name   string
		pat    string // variable; empty: has none
		jwt    bool
		scoped int
	}{
		{"service-user", "PAT", false, 200},
		{"service-user-without-role", "PAT_WITHOUT_ROLE", false, 403},
		{"service-user-jwt", "", true, 200},
		{"service-user-jwt-without-role", "", true, 403},
	} {
		sources := map[string]oauth2.TokenSource{
			"client credentials": r.clientCredentials(user.name),
			"JWT profile":        r.jwtProfile(user.name),
		}
		if user.pat != "" {
			sources["personal access token"] = serviceuser.PersonalAccessToken(r.getenv(user.pat))
		}
		for way, source := range sources {
			token, err := source.Token()
			if err != nil {
				t.Fatalf("%s by %s: %v", user.name, way, err)
			}
			if isJWT := strings.Count(token.AccessToken, ".") == 2; isJWT != user.jwt {
				t.Errorf("%s by %s: token is a JWT: %t, want %t", user.name, way, isJWT, user.jwt)
			}
			for method, url := range apis {
				rows++
				var got [3]int
				for i, route := range []string{"public", "private", "private-scoped"} {
					got[i], _ = get(t, url+"/api/"+route, token.AccessToken)
				}
				if want := [3]int{200, 200, user.scoped}; got != want {
					t.Errorf("%s by %s, introspected by %s: got %v, want %v", user.name, way, method, got, want)
				}
			}
		}
	}
	if rows != 20 {
		t.Errorf("%d combinations, want 20", rows)
	}
}

// zitadelAPI serves the sample with dev's variables but those named.
func (r *running) zitadelAPI(without ...string) string {
	r.t.Helper()
	getenv := func(name string) string {
		for _, hidden := range without {
			if name == hidden {
				return ""
			}
		}
		return r.getenv(name)
	}
	handler, err := zitadelapi.New(getenv)
	if err != nil {
		r.t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	r.t.Cleanup(server.Close)
	return server.URL
}

func (r *running) scopes(projects ...string) []string {
	list := []string{"openid", "read:messages"}
	for _, project := range projects {
		list = append(list, "urn:zitadel:iam:org:project:id:"+project+":aud")
	}
	return list
}

func (r *running) clientCredentials(user string) oauth2.TokenSource {
	r.t.Helper()
	source, err := serviceuser.ClientCredentials{
		Issuer:     r.getenv("ZITADEL_DOMAIN"),
		Auth:       clientauth.SecretBasic(user, r.content("generated/"+user+"-secret")),
		Scopes:     r.scopes(r.getenv("PROJECT_ID")),
		HTTPClient: r.client,
	}.Source()
	if err != nil {
		r.t.Fatal(err)
	}
	return source
}

func (r *running) jwtProfile(user string) oauth2.TokenSource {
	r.t.Helper()
	key, err := clientauth.ReadKeyFile(filepath.Join(r.dir, "generated", user+"-key.json"))
	if err != nil {
		r.t.Fatal(err)
	}
	source, err := serviceuser.JWTProfile{
		Issuer:     r.getenv("ZITADEL_DOMAIN"),
		Key:        key,
		Scopes:     r.scopes(r.getenv("PROJECT_ID")),
		HTTPClient: r.client,
	}.Source()
	if err != nil {
		r.t.Fatal(err)
	}
	return source
}

func TestDevPrintsCurlLinesThatAnswerAsTheySay(t *testing.T) {
	r := startDev(t)
	want := map[string]int{}
	for _, block := range strings.Split(r.stdout, "  # ")[1:] {
		var status int
		fmt.Sscanf(block, "%d", &status)
		_, line, _ := strings.Cut(block, "curl -i ")
		url, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		_, token, _ := strings.Cut(strings.TrimSpace(strings.SplitN(rest, "\n", 2)[0]), "Bearer ")
		token = strings.TrimSuffix(token, "'")
		if got, body := get(t, strings.TrimSpace(strings.SplitN(url, "\n", 2)[0]), token); got != status {
			t.Errorf("curl line says %d, got %d %s", status, got, body)
		}
		want[fmt.Sprint(status)]++
	}
	if diff := cmp.Diff(map[string]int{"200": 1, "401": 1, "403": 1}, want); diff != "" {
		t.Errorf("curl lines (-want +got):\n%s", diff)
	}
}

func TestDevEnvHasExactlyTheNamesThatTheSamplesRead(t *testing.T) {
	r := startDev(t)
	names := strings.Fields(`ZITADEL_DOMAIN ZITADEL_INTROSPECTION_URL ZITADEL_TOKEN_URL PROJECT_ID API_CLIENT_ID API_CLIENT_SECRET
		API_PRIVATE_KEY_FILE SERVICE_USER_CLIENT_ID SERVICE_USER_CLIENT_SECRET SERVICE_USER_KEY_FILE
		SERVICE_USER_WITHOUT_ROLE_CLIENT_ID SERVICE_USER_WITHOUT_ROLE_CLIENT_SECRET SERVICE_USER_WITHOUT_ROLE_KEY_FILE
		PAT PAT_WITHOUT_ROLE PAT_EXPIRED PAT_DEACTIVATED SERVICE_USER_JWT_CLIENT_ID SERVICE_USER_JWT_CLIENT_SECRET
		SERVICE_USER_JWT_KEY_FILE AUTH0_DOMAIN API_IDENTIFIER AUTH0_AUDIENCE M2M_CLIENT_ID M2M_CLIENT_SECRET
		M2M_WITHOUT_SCOPE_CLIENT_ID M2M_WITHOUT_SCOPE_CLIENT_SECRET CLIENT_ORIGIN_URL CA_FILE`)
	want := map[string]bool{}
	for _, name := range names {
		want[name] = true
		if r.getenv(name) == "" {
			t.Errorf("%s is empty", name)
		}
	}
	got := map[string]bool{}
	for line := range strings.Lines(r.content("dev.env")) {
		name, _, _ := strings.Cut(line, "=")
		got[name] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	info, err := os.Stat(filepath.Join(r.dir, "dev.env"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("dev.env has mode %v (%v), want 0600", info.Mode().Perm(), err)
	}
}

// A role that is taken away is gone for the APIs as soon as they ask again.
func TestRoleTakenAwayByApplyIsRefusedAfterTheCacheAge(t *testing.T) {
	r := startDev(t)
	url := r.zitadelAPI() + "/api/private-scoped"
	if status, body := get(t, url, r.getenv("PAT")); status != 200 {
		t.Fatalf("with the role: %d %s", status, body)
	}
	taken := strings.Replace(string(devDocument), "roles: {samples: [read:messages]}", "roles: {samples: []}", 1)
	r.apply(taken)
	end := time.Now().Add(introspection.DefaultMaxAge + 2*time.Second)
	for {
		status, body := get(t, url, r.getenv("PAT"))
		if status == 403 {
			return
		}
		if status != 200 || time.Now().After(end) {
			t.Fatalf("%s after the role was taken away: %d %s", introspection.DefaultMaxAge, status, body)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

const twoProjects = `
projects:
  - name: first
    roles: [admin]
    id_file: two/first-id
    apis: [{name: api, client_id: first-api, secrets: [{secret_file: two/first-secret}]}]
  - name: second
    roles: [admin]
    id_file: two/second-id
    apis: [{name: api, client_id: second-api, secrets: [{secret_file: two/second-secret}]}]
service_users:
  - username: USER
    token: FORM
    roles: {first: [admin], second: []}
    secrets: [{secret_file: two/USER-secret}]
`

// A role on one project must not count on another, however the token asks for it.
func TestRoleOfOneProjectDoesNotCountOnAnother(t *testing.T) {
	r := startDev(t)
	for _, form := range []string{"opaque", "jwt"} {
		user := "admin-" + form
		r.apply(strings.NewReplacer("USER", user, "FORM", form).Replace(twoProjects))
		source, err := serviceuser.ClientCredentials{
			Issuer:     r.getenv("ZITADEL_DOMAIN"),
			Auth:       clientauth.SecretBasic(user, r.content("two/"+user+"-secret")),
			Scopes:     append(r.scopes(r.content("two/first-id"), r.content("two/second-id")), "admin"),
			HTTPClient: r.client,
		}.Source()
		if err != nil {
			t.Fatal(err)
		}
		token, err := source.Token()
		if err != nil {
			t.Fatal(err)
		}
		for project, want := range map[string]int{"first": 200, "second": 403} {
			if got := r.statusForAdmin(project, token.AccessToken); got != want {
				t.Errorf("%s token on the %s project: %d, want %d", form, project, got, want)
			}
		}
	}
}

// statusForAdmin asks an API of the project that wants admin in any of the ways there are.
func (r *running) statusForAdmin(project, token string) int {
	r.t.Helper()
	id := r.content("two/" + project + "-id")
	verifier, err := introspection.NewVerifier(introspection.Config{
		Issuer:     r.getenv("ZITADEL_DOMAIN"),
		Auth:       clientauth.SecretBasic(project+"-api", r.content("two/"+project+"-secret")),
		Audience:   id,
		ClaimNames: postern.ClaimNames{Roles: []string{"urn:zitadel:iam:org:project:roles", "urn:zitadel:iam:org:project:" + id + ":roles"}},
		HTTPClient: r.client,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	guard := &postern.Guard{Verifier: verifier}
	admins := guard.Require(postern.Any(postern.Role("admin"), postern.Scope("admin"), postern.Permission("admin")))
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.Header.Set("Authorization", "Bearer "+token)
	recorder := httptest.NewRecorder()
	admins(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) })).ServeHTTP(recorder, request)
	return recorder.Code
}

// What dev prints for its user is on standard output; the log on standard error holds no secret and no
// token, whatever happens.
func TestLogsHoldNoSecretAndNoToken(t *testing.T) {
	r := startDev(t)
	r.apply(withoutRoleJWT)
	planted := map[string]string{}
	for line := range strings.Lines(r.content("dev.env")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if strings.HasSuffix(name, "_SECRET") || strings.HasPrefix(name, "PAT") {
			planted[name] = strings.Trim(value, "'")
		}
	}
	if len(planted) != 10 {
		t.Fatalf("%d secrets in dev.env, want 10: %v", len(planted), planted)
	}
	var tokens []string
	for _, user := range []string{"service-user", "service-user-jwt", "service-user-jwt-without-role"} {
		for _, source := range []oauth2.TokenSource{r.clientCredentials(user), r.jwtProfile(user)} {
			token, err := source.Token()
			if err != nil {
				t.Fatal(err)
			}
			tokens = append(tokens, token.AccessToken)
		}
	}
	var bodies strings.Builder
	for _, token := range append(tokens, r.getenv("PAT"), r.getenv("PAT_EXPIRED"), r.getenv("PAT_DEACTIVATED"), "planted-garbage-token") {
		for sample, route := range map[string]string{"zitadel-api": "private-scoped", "auth0-quickstart": "private-scoped", "hello-world": "messages/admin"} {
			for _, variant := range []string{token, token + "x", token[:len(token)-1]} {
				_, body := get(t, r.urls[sample]+"/api/"+route, variant)
				bodies.WriteString(body)
			}
		}
	}
	for i, token := range append(tokens, "planted-garbage-token") {
		planted[fmt.Sprintf("token %d", i)] = token
	}
	database, err := os.ReadFile(filepath.Join(r.dir, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	wal, _ := os.ReadFile(filepath.Join(r.dir, databaseFile+"-wal"))
	for name, secret := range planted {
		for place, text := range map[string]string{"log": r.stderr.String(), "answers": bodies.String(), "database": string(database) + string(wal)} {
			if strings.Contains(text, secret) {
				t.Errorf("%s is in the %s", name, place)
			}
		}
	}
	if !strings.Contains(r.stderr.String(), "request refused") {
		t.Error("nothing was logged")
	}
}

func TestDevThatCannotListenNamesPortAndFlag(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	for _, flag := range []string{"--listen", "--listen-tls"} {
		dir := filepath.Join(t.TempDir(), "data")
		args := []string{"dev", "--data", dir, "--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0", "--no-apis", flag, taken.Addr().String()}
		var stdout, stderr bytes.Buffer
		code := run(&env{args: args, stdout: &stdout, stderr: &stderr, lookup: os.LookupEnv})
		if code != 1 || stdout.Len() > 0 {
			t.Errorf("%s: exit code %d and output %q, want 1 and none", flag, code, &stdout)
		}
		want := fmt.Sprintf("postern: port %s (127.0.0.1:%s) is in use by another program: stop that one, or choose another address with %s\n", port, port, flag)
		if diff := cmp.Diff(want, stderr.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", flag, diff)
		}
	}
}

func TestDevRefusesAddressesThatOthersCanReach(t *testing.T) {
	for _, address := range []string{"0.0.0.0:8080", ":8080", "192.0.2.1:80", "example.com:80", "8080", "[::]:1"} {
		var stdout, stderr bytes.Buffer
		args := []string{"dev", "--data", filepath.Join(t.TempDir(), "data"), "--listen", address}
		if code := run(&env{args: args, stdout: &stdout, stderr: &stderr, lookup: os.LookupEnv}); code != 2 {
			t.Errorf("%s: exit code %d, want 2: %s", address, code, &stderr)
		}
	}
}

func TestDevGoesOnWithoutASampleWhosePortIsBusy(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	r := startDevWith(t, filepath.Join(t.TempDir(), "data"), map[string]string{"hello-world": taken.Addr().String()})
	if r.urls["hello-world"] != "" || r.urls["zitadel-api"] == "" {
		t.Errorf("samples are %v, want all but hello-world", r.urls)
	}
	if want := "warning: hello-world stays off: port "; !strings.Contains(r.stderr.String(), want) || !strings.Contains(r.stderr.String(), "--hello-world-listen") {
		t.Errorf("standard error has no %q with the flag:\n%s", want, r.stderr)
	}
}

func TestSecondDevOnAFolderHasTheSameSecrets(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	secrets := func(text string) string {
		var kept []string
		for line := range strings.Lines(text) {
			if !strings.Contains(line, "127.0.0.1:") && !strings.Contains(line, "localhost:") { // ports are chosen anew
				kept = append(kept, line)
			}
		}
		return strings.Join(kept, "")
	}
	var first string
	t.Run("first", func(t *testing.T) { first = startDevWith(t, dir, nil).content("dev.env") })
	t.Run("second", func(t *testing.T) {
		r := startDevWith(t, dir, nil)
		if diff := cmp.Diff(secrets(first), secrets(r.content("dev.env"))); diff != "" {
			t.Errorf("dev.env (-first +second):\n%s", diff)
		}
		if status, body := get(t, r.urls["zitadel-api"]+"/api/private-scoped", r.getenv("PAT")); status != 200 {
			t.Errorf("the token of the first dev: %d %s", status, body)
		}
	})
}
