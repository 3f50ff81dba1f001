package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postern-auth/postern/internal/postgrestest"
)

const killDocument = `
projects:
  - name: killed
    id_file: project-id
    apis: [{name: api, client_id: api, secrets: [{secret_file: api-secret}]}]
service_users:
  - username: robot
    roles: {killed: []}
    secrets: [{secret_file: robot-secret}]
`

// served is a "postern serve" in a process of its own.
type served struct {
	t    *testing.T
	dir  string
	url  string
	proc *exec.Cmd
}

func startServe(t *testing.T, program, dir, address string) *served {
	t.Helper()
	s := &served{t: t, dir: dir, url: "http://" + address}
	s.start(exec.Command(program, serveArgs(dir, s.url, address)...))
	return s
}

// serveArgs run a server on the data folder in dir, and on the database of the environment where there is one, for
// which the first server makes the key.
func serveArgs(dir, issuer, address string) []string {
	args := []string{"serve", "--data", filepath.Join(dir, "data"), "--issuer", issuer, "--listen", address}
	if os.Getenv("POSTERN_DATABASE") != "" {
		args = append(args, "--init")
	}
	return args
}

// onBothEngines runs a test whose programs keep their store in the data folder, and again with PostgreSQL.
func onBothEngines(t *testing.T, test func(t *testing.T)) {
	t.Run("sqlite", test)
	t.Run("postgres", func(t *testing.T) {
		t.Setenv("POSTERN_DATABASE", postgrestest.Start(t).Database(t))
		test(t)
	})
}

// start runs the command until the end of the test, and returns once it listens.
func (s *served) start(command *exec.Cmd) {
	s.t.Helper()
	s.proc = command
	stderr, err := s.proc.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.proc.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(s.kill)
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "listening on") {
			go io.Copy(io.Discard, stderr)
			return
		}
		s.t.Log(lines.Text())
	}
	s.t.Fatal("serve ended before it listened")
}

func (s *served) kill() {
	s.proc.Process.Kill()
	s.proc.Wait()
}

func (s *served) secret(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// post sends a form as a client and decodes the answer. An error says that there was none.
func (s *served) post(ctx context.Context, path, client, secret string, form url.Values, answer any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(client, secret)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %d %s", path, response.StatusCode, body)
	}
	if len(body) == 0 {
		return nil
	}
	return json.Unmarshal(body, answer)
}

// issueUntilKilled asks for tokens from many clients at once, revokes every fourth, and kills the server
// once enough are acknowledged. It returns for each acknowledged token whether it was revoked.
func (s *served) issueUntilKilled(enough int64) map[string]bool {
	secret := s.secret("robot-secret")
	var mu sync.Mutex
	acknowledged := make(map[string]bool)
	var count atomic.Int64
	var clients sync.WaitGroup
	for range 32 {
		clients.Go(func() {
			for n := 0; ; n++ {
				var answer struct {
					Token string `json:"access_token"`
				}
				form := url.Values{"grant_type": {"client_credentials"}, "scope": {"openid urn:zitadel:iam:org:project:id:" + s.secret("project-id") + ":aud"}}
				if s.post(s.t.Context(), "/oauth/v2/token", "robot", secret, form, &answer) != nil {
					return // the server is dead
				}
				mu.Lock()
				acknowledged[answer.Token] = false
				mu.Unlock()
				if count.Add(1) == enough {
					s.proc.Process.Kill()
				}
				if n%4 != 0 {
					continue
				}
				if s.post(s.t.Context(), "/oauth/v2/revoke", "robot", secret, url.Values{"token": {answer.Token}}, nil) != nil {
					// Nobody knows whether this one is revoked.
					mu.Lock()
					delete(acknowledged, answer.Token)
					mu.Unlock()
					return
				}
				mu.Lock()
				acknowledged[answer.Token] = true
				mu.Unlock()
			}
		})
	}
	clients.Wait()
	s.kill()
	return acknowledged
}

// check asks about every token and reports those whose state is not what was acknowledged.
func (s *served) check(acknowledged map[string]bool) (wrong int) {
	secret := s.secret("api-secret")
	var bad atomic.Int64
	work := make(chan string)
	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() {
			for token := range work {
				var answer struct{ Active bool }
				err := s.post(s.t.Context(), "/oauth/v2/introspect", "api", secret, url.Values{"token": {token}}, &answer)
				if err != nil || answer.Active == acknowledged[token] {
					bad.Add(1)
				}
			}
		})
	}
	for token := range acknowledged {
		work <- token
	}
	close(work)
	clients.Wait()
	return int(bad.Load())
}

// freeAddress returns one that nobody listens on: the issuer must be the same in every process.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// What the server has acknowledged survives kill -9: a fresh process knows every token and every
// revocation, and the secrets that set-up has handed out.
func TestServeLosesNothingWhenKilled(t *testing.T) {
	onBothEngines(t, func(t *testing.T) { killServe(t, 20, 1000) })
}

func killServe(t *testing.T, rounds int, perRound int64) {
	dir := t.TempDir()
	// The program as users have it, without the race detector that this test may run under.
	program := filepath.Join(dir, "postern")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "setup.yaml"), []byte(killDocument), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, "apply", "--data", filepath.Join(dir, "data"), "-f", filepath.Join(dir, "setup.yaml")).CombinedOutput(); err != nil {
		t.Fatalf("apply: %v\n%s", err, out)
	}
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = 64
	address := freeAddress(t)
	began, tokens, revoked := time.Now(), 0, 0
	for range rounds {
		acknowledged := startServe(t, program, dir, address).issueUntilKilled(perRound)
		if int64(len(acknowledged)) < perRound/2 {
			t.Fatalf("only %d tokens acknowledged", len(acknowledged))
		}
		fresh := startServe(t, program, dir, address)
		if wrong := fresh.check(acknowledged); wrong > 0 {
			t.Fatalf("%d of %d tokens are not as acknowledged", wrong, len(acknowledged))
		}
		fresh.kill()
		tokens += len(acknowledged)
		for _, is := range acknowledged {
			if is {
				revoked++
			}
		}
	}
	t.Logf("%d kills, %d tokens, %d of them revoked, all as acknowledged, in %s", rounds, tokens, revoked, time.Since(began).Round(time.Millisecond))
}
