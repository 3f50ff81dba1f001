package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestAPIScripts(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() }) // scripts run when this function has returned
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	runScripts(t, "api*.txtar", func(e *testscript.Env) error {
		e.Setenv("TAKEN", port)
		return nil
	})
}

// TestAPIServesUntilItIsInterrupted runs a sample with the variables of a .env file.
func TestAPIServesUntilItIsInterrupted(t *testing.T) {
	for _, c := range []struct {
		name, path, want string
	}{
		{"zitadel-api", "/api/public", `{"message":"Public route - You don't need to be authenticated to see this."}` + "\n"},
		{"auth0-quickstart", "/api/public", `{"message":"Hello from a public endpoint! You don't need to be authenticated to see this."}` + "\n"},
		{"hello-world", "/api/messages/public", `{"text":"This is a public message."}` + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			variables := map[string]string{
				"ZITADEL_DOMAIN": "https://login.example.com", "CLIENT_ID": "api", "CLIENT_SECRET": "s", "PROJECT_ID": "1",
				"AUTH0_DOMAIN": "login.example.com", "API_IDENTIFIER": "x", "AUTH0_AUDIENCE": "x",
				"CLIENT_ORIGIN_URL": "http://localhost:4040",
			}
			read, write := io.Pipe()
			ctx, interrupt := context.WithCancel(t.Context())
			command := newRootCommand(&env{
				args:   []string{"api", c.name, "--listen", "127.0.0.1:0"},
				stderr: write,
				lookup: func(name string) (string, bool) { v, found := variables[name]; return v, found },
			})
			ended := make(chan error, 1)
			go func() { ended <- command.ExecuteContext(ctx); write.Close() }()
			messages := make([]byte, 1000)
			n, err := read.Read(messages)
			if err != nil {
				t.Fatalf("%v (%v)", err, <-ended)
			}
			url, found := strings.CutPrefix(strings.TrimSpace(string(messages[:n])), c.name+" listens on ")
			if !found {
				t.Fatalf("first line is %q", messages[:n])
			}
			response, err := http.Get(url + c.path)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(body)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			interrupt()
			if err := <-ended; err != nil {
				t.Errorf("ended with %v, want no error", err)
			}
		})
	}
}
