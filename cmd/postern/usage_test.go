package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFindingD10_WrongUsageIsSaidInWords(t *testing.T) { runScripts(t, "usage.txtar", nil) }

func TestFieldsOfGoAreSaidInWords(t *testing.T) {
	for text, want := range map[string]string{
		`server: Config.SigningAlgorithm is "HS256"`:                `signing algorithm is "HS256"`,
		`jwt: Config.Issuer: "x" is not an absolute URL`:            `issuer: "x" is not an absolute URL`,
		`serviceuser: JWTProfile.Issuer: "x" is not https`:          `issuer: "x" is not https`,
		`a: introspection: Config.Endpoint: "x" is not https`:       `a: introspection endpoint: "x" is not https`,
		`serviceuser: no usable answer: https://Config.example/Key`: `serviceuser: no usable answer: https://Config.example/Key`,
	} {
		if diff := cmp.Diff(want, inFlags(text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestAddressesGetTheUsualPort(t *testing.T) {
	for address, want := range map[string]string{
		"": "", "127.0.0.1": "127.0.0.1:80", "[::1]": "[::1]:80", "::1": "[::1]:80", "localhost": "localhost:80",
		"127.0.0.1:1": "127.0.0.1:1", "[::1]:1": "[::1]:1", ":1": ":1", "a:b:c": "a:b:c",
	} {
		if got := withPort(address, "80"); got != want {
			t.Errorf("%q: got %q, want %q", address, got, want)
		}
	}
}

func TestDistancesAreInWords(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for want, at := range map[string]time.Time{
		"now":             now,
		"in 1 second":     now.Add(time.Second),
		"119 seconds ago": now.Add(-119 * time.Second),
		"in 2 minutes":    now.Add(179 * time.Second),
		"in 119 minutes":  now.Add(119*time.Minute + 59*time.Second),
		"2 hours ago":     now.Add(-2 * time.Hour),
		"in 47 hours":     now.Add(48*time.Hour - time.Second),
		"in 2 days":       now.Add(48 * time.Hour),
		"in 729 days":     now.AddDate(0, 0, 729),
		"in 7973 years":   time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		"56 years ago":    time.Unix(0, 0),
	} {
		if got := distance(at, now); got != want {
			t.Errorf("%s: got %q, want %q", at, got, want)
		}
	}
}

// program builds the program as users have it.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "postern")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// started runs the program until a line of what it writes begins so.
func started(t *testing.T, command *exec.Cmd, line string) {
	t.Helper()
	out, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stdout = command.Stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { command.Process.Kill(); command.Wait() })
	var said bytes.Buffer
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), line) {
			return
		}
	}
	t.Fatalf("it ended with %v:\n%s", command.Wait(), &said)
}

// A hang-up does not end a server, and an interrupt does.
func TestFindingD9_HangUpKillsNoServer(t *testing.T) {
	path := program(t)
	variables := []string{"AUTH0_DOMAIN=login.example.com", "API_IDENTIFIER=x"}
	for _, c := range []struct {
		name, line string
		args       []string
	}{
		{"serve", "listening on", []string{"serve", "--data", "data", "--issuer", "https://login.example.com", "--listen", "127.0.0.1:0"}},
		{"api", "listens on", []string{"api", "auth0-quickstart", "--listen", "127.0.0.1:0"}},
		{"dev", "Ctrl-C stops it.", []string{"dev", "--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0",
			"--zitadel-api-listen", "127.0.0.1:0", "--auth0-quickstart-listen", "127.0.0.1:0", "--hello-world-listen", "127.0.0.1:0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if c.name == "serve" {
				document := filepath.Join(dir, "empty.yaml")
				if err := os.WriteFile(document, []byte("{}"), 0o600); err != nil {
					t.Fatal(err)
				}
				apply := exec.Command(path, "apply", "--data", "data", "-f", document)
				apply.Dir = dir
				if out, err := apply.CombinedOutput(); err != nil {
					t.Fatalf("apply: %v\n%s", err, out)
				}
			}
			command := exec.Command(path, c.args...)
			command.Dir, command.Env = dir, append(os.Environ(), variables...)
			started(t, command, c.line)
			if err := command.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			// Signals are delivered in order of their numbers, not of their sending: a program that the hang-up
			// kills ends by it.
			if err := command.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			if err := command.Wait(); err != nil {
				t.Errorf("ended with %v, want exit code 0 by the interrupt", err)
			}
		})
	}
}
