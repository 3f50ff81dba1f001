package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/joho/godotenv"

	"github.com/postern-auth/postern/examples/auth0quickstart"
	"github.com/postern-auth/postern/examples/browserclient"
	"github.com/postern-auth/postern/examples/helloworld"
	"github.com/postern-auth/postern/examples/zitadelapi"
	"github.com/postern-auth/postern/internal/chromium"
	"github.com/postern-auth/postern/introspection"
)

// builtProgram is the program as users have it, made once.
var builtProgram = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "postern-test")
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "postern")
	out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	if err != nil {
		return "", &exec.Error{Name: string(out), Err: err}
	}
	return program, nil
})

// novice is somebody in a browser, who follows a sample's instructions at the console of a server that has just
// been started.
type novice struct {
	t      *testing.T
	talk   *chromium.Talk
	issuer string // that of ZITADEL's dialect
	auth0  string // that of Auth0's, without its slash
	link   string
	dir    string // where downloads go
	clicks int
}

func newNovice(t *testing.T, scripts string) *novice {
	t.Helper()
	browser := chromium.Path(t) // first of all, for it may end the test
	program, err := builtProgram()
	if err != nil {
		t.Fatal(err)
	}
	n := &novice{t: t, dir: t.TempDir()}
	address := freeAddress(t)
	n.issuer = "http://" + strings.Replace(address, "127.0.0.1", "localhost", 1) // two hosts, for issuers are told apart by them
	n.auth0 = "http://" + address
	data := filepath.Join(n.dir, "data")
	s := &served{t: t, dir: n.dir, url: n.issuer}
	s.start(exec.Command(program, "serve", "--init", "--data", data, "--issuer", n.issuer, "--issuer", n.auth0+"/", "--listen", address))
	link, err := os.ReadFile(filepath.Join(data, firstRunFile))
	for tries := 0; err != nil; tries++ { // it comes after the line that says where the server listens
		if tries == 1000 {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
		link, err = os.ReadFile(filepath.Join(data, firstRunFile))
	}
	n.link = strings.TrimSpace(string(link))
	n.talk = chromium.Begin(t, "walk.mjs", browser, scripts)
	return n
}

// step does what interop/pages/walk.mjs calls so, and returns what was read.
func (n *novice) step(name, value string, more ...string) string {
	n.t.Helper()
	step := map[string]string{name: value}
	for i := 0; i < len(more); i += 2 {
		step[more[i]] = more[i+1]
	}
	var answer struct {
		Headline, Read string
		Clicks         int
		Complaints     []string
	}
	n.talk.Ask(n.t, step, &answer)
	n.clicks = answer.Clicks
	for _, complaint := range answer.Complaints {
		n.t.Errorf("%s %q at %q: %s", name, value, answer.Headline, complaint)
	}
	return answer.Read
}

func (n *novice) click(button string) { n.t.Helper(); n.step("click", button) }
func (n *novice) follow(link string)  { n.t.Helper(); n.step("click", link, "role", "link") }
func (n *novice) fill(label, text string) {
	n.t.Helper()
	n.step("fill", label, "with", text)
}

// save downloads a file into the folder.
func (n *novice) save(name string) {
	n.t.Helper()
	if err := os.WriteFile(filepath.Join(n.dir, name), []byte(n.step("save", name)), 0o600); err != nil {
		n.t.Fatal(err)
	}
}

// picture leaves a picture of the page for the README, in the folder that POSTERN_README_PICTURES names.
func (n *novice) picture(name string) {
	n.t.Helper()
	if folder := os.Getenv("POSTERN_README_PICTURES"); folder != "" {
		n.step("picture", filepath.Join(folder, name+".png"))
	}
}

// did checks how many clicks it took to come this far.
func (n *novice) did(clicks int) {
	n.t.Helper()
	if n.clicks != clicks {
		n.t.Errorf("%d clicks, want %d", n.clicks, clicks)
	}
}

// sample starts a sample API with the environment file that was saved, and returns its address.
func (n *novice) sample(file string, newSample func(func(string) string) (http.Handler, error)) string {
	n.t.Helper()
	environment, err := godotenv.Read(filepath.Join(n.dir, file))
	if err != nil {
		n.t.Fatal(err)
	}
	handler, err := newSample(func(name string) string {
		if value := environment[name]; value != "" && strings.HasSuffix(name, "_FILE") {
			return filepath.Join(n.dir, value) // the sample runs where the file was saved
		}
		return environment[name]
	})
	if err != nil {
		n.t.Fatal(err)
	}
	s := httptest.NewServer(handler)
	n.t.Cleanup(s.Close)
	return s.URL
}

var localAddress = regexp.MustCompile(`http://localhost:\d+`)

// paste runs a line that was copied, against the sample where it runs here, and checks the status of the answer.
func (n *novice) paste(line, sample string, status int) {
	n.t.Helper()
	if !strings.HasPrefix(line, "curl ") {
		n.t.Fatalf("copied %.20q, want a call by curl", line)
	}
	line = localAddress.ReplaceAllLiteralString(strings.TrimSpace(line), sample)
	n.answers(line, status, func() (got int) {
		out, err := exec.CommandContext(n.t.Context(), "sh", "-c", line+` -s -o /dev/null -w '%{http_code}'`).Output()
		if err == nil {
			_, err = fmt.Sscan(string(out), &got)
		}
		if err != nil {
			n.t.Fatalf("curl: %v: %s", err, out)
		}
		return got
	})
}

// calls checks how a route answers a token.
func (n *novice) calls(url, token string, status int) {
	n.t.Helper()
	n.answers(url, status, func() int {
		r, err := http.NewRequestWithContext(n.t.Context(), http.MethodGet, url, nil)
		if err != nil {
			n.t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			n.t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode
	})
}

// answers checks the status of a call. What an API remembers of a token it may go by for a while.
func (n *novice) answers(what string, status int, call func() int) {
	n.t.Helper()
	got := call()
	for end := time.Now().Add(introspection.DefaultMaxAge + 2*time.Second); got != status && time.Now().Before(end); got = call() {
		time.Sleep(100 * time.Millisecond)
	}
	if got != status {
		n.t.Errorf("%s is answered %d, want %d", what, got, status)
	}
}

// The instructions of each sample, followed in the console of a new server: to a 200 that the sample gives, and, when
// the right is taken away, to its 403. The clicks are counted; one more is the paste.
func TestSamplesInTheConsole(t *testing.T) {
	for _, c := range []struct {
		name string
		walk func(*novice)
	}{
		{"000 Flask with introspection and Basic", walkPersonalAccessToken},
		{"001 API with Basic", walkBasic},
		{"001 API with a key file", walkKeyFile},
		{"002 Hello World", walkHelloWorld},
		{"by the menu", walkMenu},
		{"003 Authlib quickstart", func(n *novice) { walkQuickstart(n, "") }},
		{"004 older quickstart", func(n *novice) { walkQuickstart(n, "oauth") }},
	} {
		for _, scripts := range []string{"with-scripts", "without-scripts"} {
			t.Run(c.name+" "+scripts, func(t *testing.T) {
				t.Parallel() // each waits for what an API remembers of a token to end
				c.walk(newNovice(t, scripts))
			})
		}
	}
}

// asks makes the API of ZITADEL's samples: it asks about each token, and its subjects have roles.
func (n *novice) asks(way string) {
	n.step("go", n.link)
	n.step("choose", way)
	n.fill("Name", "Messages")
	n.fill("Identifier", "")
	n.fill("Permissions", "read:messages")
	n.click("Create API and get a token")
}

func walkPersonalAccessToken(n *novice) {
	n.asks("By asking us, with a secret")
	n.save("messages.env")
	n.follow("Create a service user for it")
	n.fill("Name", "web-shop")
	n.click("Create service user")
	token := n.step("copy", "postern_pat_")
	n.did(7)
	sample := n.sample("messages.env", zitadelapi.New)
	n.calls(sample+"/api/private-scoped", token, http.StatusOK)
	n.follow("Roles and permissions")
	n.click("Take away")
	n.calls(sample+"/api/private-scoped", token, http.StatusForbidden)
}

func walkBasic(n *novice) {
	n.asks("By asking us, with a secret")
	n.save("messages.env")
	line := n.step("copy", "curl")
	n.did(5)
	sample := n.sample("messages.env", zitadelapi.New)
	n.paste(line, sample, http.StatusOK)
	n.follow("service user")
	n.follow("Roles and permissions")
	n.click("Take away")
	n.paste(line, sample, http.StatusForbidden) // at once: the API asks
}

func walkKeyFile(n *novice) {
	n.asks("By asking us, with a key file")
	n.save("messages-key.json")
	n.save("messages.env")
	line := n.step("copy", "curl")
	n.did(6)
	sample := n.sample("messages.env", zitadelapi.New)
	n.paste(line, sample, http.StatusOK)

	// Its service users log in with a signed assertion, or with a secret.
	n.follow("Create a service user for it")
	n.fill("Name", "signer")
	n.step("choose", "Key file")
	n.click("Create service user")
	n.save("signer-key.json")
	n.did(10)
	signed := n.token(n.step("copy", "postern token"))
	n.calls(sample+"/api/private-scoped", signed, http.StatusOK)
	n.follow("Roles and permissions")
	n.click("Take away")
	n.calls(sample+"/api/private-scoped", signed, http.StatusForbidden)
	n.click("Undo")
	n.calls(sample+"/api/private-scoped", signed, http.StatusOK)
	n.follow("Secrets and keys")
	n.follow("Create secret")
	n.click("Create secret")
	n.save("signer-secret.txt")
	n.calls(sample+"/api/private-scoped", n.token(n.step("copy", "postern token")), http.StatusOK)
}

// token runs a line that was copied, which gets a token, where the downloads are.
func (n *novice) token(line string) string {
	n.t.Helper()
	program, err := builtProgram()
	if err != nil {
		n.t.Fatal(err)
	}
	command := exec.CommandContext(n.t.Context(), "sh", "-c", line)
	command.Dir = n.dir
	command.Env = append(os.Environ(), "PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"))
	var complaint bytes.Buffer
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		n.t.Fatalf("%s: %v\n%s", line, err, &complaint)
	}
	return strings.TrimSpace(string(out))
}

func walkHelloWorld(n *novice) {
	n.step("go", n.link)
	n.click("Create API and get a token")
	n.save("hello-world.env")
	line := n.step("copy", "curl")
	n.did(4)
	sample := n.sample("hello-world.env", helloworld.New)
	n.paste(line, sample, http.StatusOK)
	n.loseAndAskAgain("Hello World", line, sample)
}

func walkQuickstart(n *novice, format string) {
	n.step("go", n.link)
	n.fill("Name", "Quickstart")
	n.fill("Identifier", "https://quickstart.example.com/api")
	n.fill("Permissions", "read:messages Read messages")
	n.click("Create API and get a token")
	n.save("quickstart.env")
	line := n.step("copy", "curl")
	n.did(4)
	sample := n.sample("quickstart.env", func(getenv func(string) string) (http.Handler, error) {
		return auth0quickstart.New(func(name string) string {
			if name == "ERROR_FORMAT" {
				return format
			}
			return getenv(name)
		})
	})
	n.paste(line, sample, http.StatusOK)
	n.loseAndAskAgain("Quickstart", line, sample)
}

// loseAndAskAgain takes the one right away. A JWT that is there already keeps it; a new one does not have it.
func (n *novice) loseAndAskAgain(api, line, sample string) {
	n.t.Helper()
	n.follow("service user")
	n.follow("Roles and permissions")
	n.click("Take away")
	n.paste(line, sample, http.StatusOK)
	n.follow("APIs")
	n.follow(api)
	n.follow("Test")
	n.click("Get a new token")
	n.paste(n.step("copy", "curl"), sample, http.StatusForbidden)
}

func walkMenu(n *novice) {
	n.step("go", n.link)
	n.click("Skip to the console")
	n.step("click", "Create API", "role", "link") // of the overview, which is empty
	n.fill("Name", "By menu")
	n.fill("Identifier", "https://by-menu.example.com")
	n.fill("Permissions", "read:messages")
	n.click("Create API and get a token")
	n.save("by-menu.env")
	line := n.step("copy", "curl")
	n.did(6)
	n.paste(line, n.sample("by-menu.env", auth0quickstart.New), http.StatusOK)
}

// In dev the samples run already, and the page behind the link leads to the tests of their APIs.
func TestDevInTheConsole(t *testing.T) {
	browser := chromium.Path(t)
	r := startDev(t)
	link, err := os.ReadFile(filepath.Join(r.dir, firstRunFile))
	if err != nil {
		t.Fatal(err)
	}
	n := &novice{t: t, dir: t.TempDir(), talk: chromium.Begin(t, "walk.mjs", browser, "")}
	n.step("go", strings.TrimSpace(string(link)))
	n.step("press", "tr:has-text('hello-world') button")
	n.click("Get a new token")
	line := n.step("copy", "curl")
	n.did(4)
	n.paste(line, r.urls["hello-world"], http.StatusOK)
}

// From the link of a new server to the answer of Hello World in the browser client, as the person who set it up: who
// is logged in to the console is known to the issuer.
func TestBrowserClientInTheConsole(t *testing.T) {
	n := newNovice(t, "")
	n.step("go", strings.Replace(n.link, n.issuer, n.auth0, 1))
	n.click("Create API and get a token")
	n.save("hello-world.env")
	n.did(3)
	n.follow("Applications")
	n.step("click", "Create application", "role", "link")
	n.step("choose", "Browser")
	n.fill("Name", "Hello client")
	client := httptest.NewUnstartedServer(nil)
	address := "http://" + client.Listener.Addr().String()
	n.fill("Redirect addresses", address+"/callback")
	n.step("press", "summary") // for this client is at another port than the usual one, which is filled in
	n.fill("Log-in works from these pages", address)
	n.click("Create application")
	n.save("hello-client.env")
	n.did(3 + 5 + 1)

	n.follow("Set a password")
	n.step("fill", "New password", "with", "a long password for pictures")
	n.click("Save password")
	n.step("go", n.auth0+"/console/")
	n.picture("console-overview")
	n.follow("APIs")
	n.follow("Hello World")
	n.follow("Test")
	n.click("Get a new token")
	n.picture("console-test")

	api := n.sample("hello-world.env", func(getenv func(string) string) (http.Handler, error) {
		return helloworld.New(func(name string) string {
			if name == "CLIENT_ORIGIN_URL" {
				return address
			}
			return getenv(name)
		})
	})
	environment, err := godotenv.Read(filepath.Join(n.dir, "hello-world.env"), filepath.Join(n.dir, "hello-client.env"))
	if err != nil {
		t.Fatal(err)
	}
	environment["API_SERVER_URL"] = api
	client.Config.Handler, err = browserclient.New(func(name string) string { return environment[name] })
	if err != nil {
		t.Fatal(err)
	}
	client.Start()
	t.Cleanup(client.Close)
	n.step("go", address+"/", "calls", api)
	n.step("press", "button:has-text('Log in')")
	n.step("read", "text=Log out") // once it is back from the issuer, which knows the person
	n.step("press", "a:has-text('Protected message')")
	if said := n.step("read", ".note"); !strings.Contains(said, "200") {
		t.Errorf("the page of the protected message says %q", said)
	}
	n.picture("browser-client")
}
