package server_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server"
)

// TestPasskeysInChromium makes and uses a passkey as people do. Where Chromium and what drives it are not installed it
// says so and ends; .ci/run installs them and takes no skipped test.
func TestPasskeysInChromium(t *testing.T) {
	folder := filepath.Join("..", "interop", "pages")
	chromium, noChromium := exec.LookPath("chromium")
	node, noNode := exec.LookPath("node")
	_, noModules := os.Stat(filepath.Join(folder, "node_modules", "playwright-core"))
	if noChromium != nil || noNode != nil || noModules != nil {
		t.Skip("not run: no Chromium and what drives it; interop/pages/install installs them")
	}
	for _, script := range []string{"passkey.mjs", "browser.mjs"} { // a remembered result is not for a changed script
		if _, err := os.Stat(filepath.Join(folder, script)); err != nil {
			t.Fatal(err)
		}
	}
	var address string
	newLoginWorld(t, withDataKey, func(c *server.Config) {
		address = strings.Replace(c.Issuers[0], "127.0.0.1", "localhost", 1)
		c.Issuers = append(c.Issuers, address)
	})
	command := exec.CommandContext(t.Context(), node, "passkey.mjs", address, asks("acr_values", phr), chromium)
	command.Dir = folder
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, &stderr)
	}
	seen := make(map[string]any)
	for line := range strings.Lines(string(out)) {
		var read struct {
			Name string
			Seen any
		}
		if err := json.Unmarshal([]byte(line), &read); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		seen[read.Name] = read.Seen
	}
	want := map[string]any{
		"made": "Virtual telephone", "none made": "Add a passkey", "step up": "Use a passkey", "stepped up": true,
		"not verified": "Log in", "logged in": "Your account", "logged in by keys": "Your account", "complaints": []any{},
		"without JavaScript": false, "by password": "Your account", "complaints without JavaScript": []any{},
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
