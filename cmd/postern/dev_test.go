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
	"net/url"
	"os"
	"os/exec"
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
	url    string            // of the authorization server, over http
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

func nothingSet(string) (string, bool) { return "", false }

// startDev runs dev on ports of the system's choice and returns when it says that it is ready.
func startDev(t *testing.T) *running {
	t.Helper()
	return startDevWith(t, filepath.Join(t.TempDir(), "data"), nil)
}

// startDevWith is startDev on a folder, with addresses given for some of the samples and, by "", for the
// authorization server over http.
func startDevWith(t *testing.T, dir string, addresses map[string]string) *running {
	t.Helper()
	r := &running{t: t, dir: dir, urls: map[string]string{}, stderr: &locked{}}
	const anyPort = "127.0.0.1:0"
	flags := devFlags{data: r.dir, listen: stdcmp.Or(addresses[""], anyPort), listenTLS: anyPort, apis: map[string]*string{}}
	for _, sample := range devSamples {
		address := stdcmp.Or(addresses[sample.name], anyPort)
		flags.apis[sample.name] = &address
	}
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := dev(ctx, &env{stdout: in, stderr: r.stderr, lookup: nothingSet}, flags)
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
	getenv, err := environ.Read(filepath.Join(r.dir, "dev.env"), nothingSet)
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
		if fields := strings.Fields(line); len(fields) == 4 && fields[0] == "authorization" {
			r.url = fields[2]
		}
		if line == "Ctrl-C stops it." {
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
	if err := apply(r.t.Context(), &env{stdout: &out, stderr: r.stderr}, applyFlags{store: storeAt{folder: r.dir}, file: path}); err != nil {
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

// Whoever has dev.env gets a token for each of the APIs by one command, and can look into it.
func TestFindingD1_TokensForEveryAPIByTheEnvironmentOfDev(t *testing.T) {
	r := startDev(t)
	postern := func(args ...string) (int, string, string) {
		var stdout, stderr bytes.Buffer
		code := run(&env{args: append(args, "--env-file", filepath.Join(r.dir, "dev.env")), stdout: &stdout, stderr: &stderr, lookup: nothingSet})
		return code, strings.TrimSpace(stdout.String()), stderr.String()
	}
	for _, c := range []struct {
		name, sample, route string
		args                []string
		status              int
		inspected           string
	}{
		{"the project", "zitadel-api", "/api/private-scoped", nil, 200, ""},
		{"the project, for another client", "zitadel-api", "/api/private-scoped", []string{"--client", "service-user-without-role"}, 403, ""},
		{"the project, for a client with JWTs", "zitadel-api", "/api/private-scoped", []string{"--client", "service-user-jwt"}, 200, "revoked: no, says the issuer"},
		{"an audience", "auth0-quickstart", "/api/private-scoped", []string{"--audience", "https://quickstarts/api"}, 200, "revoked: not asked: "},
		{"an audience, for a client by name", "auth0-quickstart", "/api/private-scoped", []string{"--audience", "https://quickstarts/api", "--client", "m2m"}, 200, "revoked: not asked: "},
		{"an audience, for a client without the scope", "auth0-quickstart", "/api/private-scoped", []string{"--audience", "https://quickstarts/api", "--client", "m2m-without-scope"}, 403, ""},
		{"the other audience", "hello-world", "/api/messages/admin", []string{"--audience", "https://hello-world.example.com"}, 200, "revoked: not asked: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, token, stderr := postern(append([]string{"token", "client-credentials"}, c.args...)...)
			if code != 0 {
				t.Fatalf("exit code %d: %s", code, stderr)
			}
			if status, body := get(t, r.urls[c.sample]+c.route, token); status != c.status {
				t.Errorf("answered %d %s, want %d", status, body, c.status)
			}
			code, shown, stderr := postern("token", "inspect", token)
			if code != 0 || !strings.Contains(shown, "VERIFIED") || !strings.Contains(shown, c.inspected) {
				t.Errorf("inspect: exit code %d, want 0, VERIFIED and %q: %s%s", code, c.inspected, shown, stderr)
			}
		})
	}
}

// A JWT that verifies may be revoked all the same; where the environment has what it takes, inspect asks.
func TestFindingD3_InspectSaysThatAJWTWasRevoked(t *testing.T) {
	r := startDev(t)
	token, err := r.clientCredentials("service-user-jwt").Token()
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"token": {token.AccessToken}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.getenv("ZITADEL_DOMAIN")+"/oauth/v2/revoke", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth("service-user-jwt", r.content("generated/service-user-jwt-secret"))
	answer, err := r.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	var stdout, stderr bytes.Buffer
	code := run(&env{args: []string{"token", "inspect", token.AccessToken, "--env-file", filepath.Join(r.dir, "dev.env")}, stdout: &stdout, stderr: &stderr, lookup: nothingSet})
	if code != 1 || !strings.HasPrefix(stdout.String(), "REFUSED") || !strings.Contains(stderr.String(), "revoked") {
		t.Errorf("revoked with status %d: exit code %d, want 1 and REFUSED:\n%s%s", answer.StatusCode, code, &stdout, &stderr)
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

// pasted returns the statuses that the lines of dev promise, by sample, and those that a shell has when all
// of them are pasted into it.
func (r *running) pasted() (promised map[string][]string, got []string) {
	r.t.Helper()
	_, lines, _ := strings.Cut(r.stdout, "Try, in another terminal:\n")
	lines, _, _ = strings.Cut(lines, "Ctrl-C")
	promised = map[string][]string{}
	sample := ""
	for line := range strings.Lines(lines) {
		comment, ok := strings.CutPrefix(line, "  # ")
		status, _, told := strings.Cut(comment, ": ")
		switch {
		case ok && told:
			promised[sample] = append(promised[sample], status)
		case ok:
			sample = strings.TrimSpace(comment)
		case strings.TrimSpace(line) != "" && (!strings.HasPrefix(line, "  curl -i ") || strings.HasSuffix(line, "\\\n")):
			r.t.Errorf("%q is neither a comment nor a whole command", line)
		}
	}
	shell := exec.CommandContext(r.t.Context(), "bash")
	shell.Stdin = strings.NewReader(lines)
	out, err := shell.Output()
	if err != nil {
		r.t.Fatalf("bash: %v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if rest, ok := strings.CutPrefix(line, "HTTP/1.1 "); ok {
			got = append(got, rest[:3])
		}
	}
	return promised, got
}

func TestFindingD2_LinesOfDevCanBePastedAndAnswerAsTheySay(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	all := []string{"200", "401", "403"}
	for _, c := range []struct {
		name    string
		busy    map[string]string
		samples []string
	}{
		{"all three", nil, []string{"zitadel-api", "auth0-quickstart", "hello-world"}},
		{"the port of one is taken", map[string]string{"zitadel-api": taken.Addr().String()}, []string{"auth0-quickstart", "hello-world"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := startDevWith(t, filepath.Join(t.TempDir(), "data"), c.busy)
			if strings.Contains(r.stderr.String(), "request refused") {
				t.Errorf("dev logs its own tries:\n%s", r.stderr)
			}
			promised, got := r.pasted()
			want, statuses := map[string][]string{}, []string{}
			for _, sample := range c.samples {
				want[sample] = all
				statuses = append(statuses, all...)
			}
			if diff := cmp.Diff(want, promised); diff != "" {
				t.Errorf("promised (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(statuses, got); diff != "" {
				t.Errorf("answered (-want +got):\n%s", diff)
			}
		})
	}
}

// Where the operator changed the rights, the lines say what comes with these.
func TestFindingD5_DevKeepsWhatWasChangedAndSaysSo(t *testing.T) {
	const taken, given = "roles: {samples: []}", "roles: {samples: [read:messages]}"
	dir := filepath.Join(t.TempDir(), "data")
	start := func(name string, f func(t *testing.T, r *running)) {
		t.Run(name, func(t *testing.T) { f(t, startDevWith(t, dir, nil)) })
	}
	scoped := func(t *testing.T, r *running, want ...string) {
		t.Helper()
		promised, got := r.pasted()
		if diff := cmp.Diff(want, promised["zitadel-api"]); diff != "" {
			t.Errorf("promised (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, got[:3]); diff != "" {
			t.Errorf("answered (-want +got):\n%s", diff)
		}
	}
	start("as it begins", func(t *testing.T, r *running) {
		if strings.Contains(r.stderr.String(), "kept") {
			t.Errorf("a new folder keeps something:\n%s", r.stderr)
		}
		r.apply(strings.Replace(r.content("dev.yaml"), given, taken, 1)) // by a document of the operator's own
	})
	start("the role taken away", func(t *testing.T, r *running) {
		scoped(t, r, "403", "401", "403")
		for _, want := range []string{"postern: kept as it is, where ", `~ service user "service-user"`, `roles of "samples": [] → ["read:messages"]`, "postern apply --data " + dir + " -f " + filepath.Join(dir, "dev.yaml")} {
			if !strings.Contains(r.stderr.String(), want) {
				t.Errorf("standard error has no %q:\n%s", want, r.stderr)
			}
		}
		document := strings.Replace(r.content("dev.yaml"), given, taken, 1) // now by the folder's own
		if err := os.WriteFile(filepath.Join(dir, "dev.yaml"), []byte(document), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	start("the document changed too", func(t *testing.T, r *running) {
		scoped(t, r, "403", "401", "403")
		if strings.Contains(r.stderr.String(), "kept") {
			t.Errorf("document and store agree, yet something is kept:\n%s", r.stderr)
		}
		r.apply(string(devDocument))
	})
	start("the role given back", func(t *testing.T, r *running) { scoped(t, r, "200", "401", "403") })
}

func TestFindingD5_DevGoesOnWhenServiceUsersAreGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	t.Run("first", func(t *testing.T) {
		r := startDevWith(t, dir, nil)
		begin, _, _ := strings.Cut(r.content("dev.yaml"), "  - username: m2m\n")
		if err := os.WriteFile(filepath.Join(dir, "dev.yaml"), []byte(begin), 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := apply(t.Context(), &env{stdout: &out, stderr: r.stderr}, applyFlags{store: storeAt{folder: dir}, file: filepath.Join(dir, "dev.yaml"), prune: true}); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("second", func(t *testing.T) {
		r := startDevWith(t, dir, nil)
		if !strings.Contains(r.stdout, "  # no answer with a token of m2m: ") {
			t.Errorf("nothing says that m2m gets no token:\n%s", r.stdout)
		}
		if _, got := r.pasted(); !cmp.Equal(got, []string{"200", "401", "403", "401", "401"}) {
			t.Errorf("answered %v", got)
		}
	})
}

func TestFindingD5_SecondDevOnAFolderNamesTheFirst(t *testing.T) {
	r := startDev(t)
	before := r.content("dev.env")
	var stdout, stderr bytes.Buffer
	args := []string{"dev", "--data", r.dir, "--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0", "--no-apis"}
	code := run(&env{args: args, stdout: &stdout, stderr: &stderr, lookup: nothingSet})
	want := fmt.Sprintf("postern: data folder %s is in use by process %d: stop that one, or choose another folder with --data\n", r.dir, os.Getpid())
	if diff := cmp.Diff(want, stderr.String()); code != 1 || diff != "" {
		t.Errorf("exit code %d, want 1 (-want +got):\n%s", code, diff)
	}
	if diff := cmp.Diff(before, r.content("dev.env")); diff != "" {
		t.Errorf("dev.env (-before +after):\n%s", diff)
	}
}

// The lock is the process's, not the file's: what a killed one leaves behind locks nobody out.
func TestLockOfAKilledProcessIsGone(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "dev.lock"), []byte("999999999\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	lock, err := lockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockFolder(dir); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("in use by process %d:", os.Getpid())) {
		t.Errorf("second lock: %v", err)
	}
	lock.Close()
	if lock, err = lockFolder(dir); err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	lock.Close()
}

func TestFindingD4_DevWritesABundleForProgramsInOtherLanguages(t *testing.T) {
	r := startDev(t)
	bundle, ca := filepath.Join(r.dir, "ca-bundle.pem"), filepath.Join(r.dir, "ca.pem")
	want := fmt.Sprintf("\n  export SSL_CERT_FILE='%[1]s' REQUESTS_CA_BUNDLE='%[1]s' CURL_CA_BUNDLE='%[1]s' NODE_EXTRA_CA_CERTS='%[2]s'\n", bundle, ca)
	if !strings.Contains(r.stdout, want) {
		t.Errorf("no %q in:\n%s", want, r.stdout)
	}
	if !strings.Contains(r.content("ca-bundle.pem"), r.content("ca.pem")) {
		t.Error("the bundle does not hold the certificate of the authority")
	}
	// Where this system has roots, they are there: more than our own one.
	if n := strings.Count(r.content("ca-bundle.pem"), "BEGIN CERTIFICATE"); n == 1 != strings.Contains(r.stderr.String(), "has less than this system trusts") {
		t.Errorf("%d certificates, and standard error is:\n%s", n, r.stderr)
	}
}

func TestFindingD6_DocumentOfDevIsInTheDataFolder(t *testing.T) {
	r := startDev(t)
	if diff := cmp.Diff(strings.TrimSpace(string(devDocument)), r.content("dev.yaml")); diff != "" {
		t.Errorf("dev.yaml (-want +got):\n%s", diff)
	}
	// Applied as README shows, it finds everything where dev has put it.
	var out bytes.Buffer
	if err := apply(t.Context(), &env{stdout: &out, stderr: r.stderr}, applyFlags{store: storeAt{folder: r.dir}, file: filepath.Join(r.dir, "dev.yaml")}); err != nil || out.String() != "nothing to do\n" {
		t.Errorf("apply: %v\n%s", err, &out)
	}
}

func TestDevOnTheAddressesOfIPv6(t *testing.T) {
	if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Logf("this machine has no [::1]: %v", err)
		return
	} else {
		l.Close()
	}
	const six = "[::1]:0"
	r := startDevWith(t, filepath.Join(t.TempDir(), "data"), map[string]string{
		"": six, "zitadel-api": six, "auth0-quickstart": six, "hello-world": six,
	})
	_, got := r.pasted()
	if diff := cmp.Diff([]string{"200", "401", "403", "200", "401", "403", "200", "401", "403"}, got); diff != "" {
		t.Errorf("answered (-want +got):\n%s\n%s%s", diff, r.stdout, r.stderr)
	}
}

func TestDevEnvHasExactlyTheNamesThatTheSamplesRead(t *testing.T) {
	r := startDev(t)
	names := strings.Fields(`ZITADEL_DOMAIN ZITADEL_INTROSPECTION_URL ZITADEL_TOKEN_URL PROJECT_ID API_CLIENT_ID API_CLIENT_SECRET
		API_PRIVATE_KEY_FILE SERVICE_USER_CLIENT_ID SERVICE_USER_CLIENT_SECRET SERVICE_USER_KEY_FILE
		SERVICE_USER_WITHOUT_ROLE_CLIENT_ID SERVICE_USER_WITHOUT_ROLE_CLIENT_SECRET SERVICE_USER_WITHOUT_ROLE_KEY_FILE
		PAT PAT_WITHOUT_ROLE PAT_EXPIRED PAT_DEACTIVATED SERVICE_USER_JWT_CLIENT_ID SERVICE_USER_JWT_CLIENT_SECRET
		SERVICE_USER_JWT_KEY_FILE AUTH0_DOMAIN API_IDENTIFIER AUTH0_AUDIENCE M2M_CLIENT_ID M2M_CLIENT_SECRET
		M2M_WITHOUT_SCOPE_CLIENT_ID M2M_WITHOUT_SCOPE_CLIENT_SECRET CLIENT_ORIGIN_URL CA_FILE AUTH0_CLIENT_ID AUTH0_CALLBACK_URL USER_EMAIL USER_PASSWORD
		USER_WITHOUT_ROLE_EMAIL USER_WITHOUT_ROLE_PASSWORD WEB_CLIENT_ID WEB_CLIENT_SECRET`)
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
		if strings.HasSuffix(name, "_SECRET") || strings.HasSuffix(name, "_PASSWORD") || strings.HasPrefix(name, "PAT") {
			planted[name] = strings.Trim(value, "'")
		}
	}
	if len(planted) != 13 {
		t.Fatalf("%d secrets in dev.env, want 13: %v", len(planted), planted)
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
