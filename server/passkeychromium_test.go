package server_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/internal/chromium"
	"github.com/postern-auth/postern/server"
)

// TestPasskeysInChromium makes and uses a passkey as people do.
func TestPasskeysInChromium(t *testing.T) {
	browser := chromium.Path(t)
	var address string
	newLoginWorld(t, withDataKey, func(c *server.Config) {
		address = strings.Replace(c.Issuers[0], "127.0.0.1", "localhost", 1)
		c.Issuers = append(c.Issuers, address)
	})
	seen := make(map[string]any)
	for _, line := range chromium.Run(t, "passkey.mjs", "", address, asks("acr_values", phr), browser) {
		seen[line["name"].(string)] = line["seen"]
	}
	want := map[string]any{
		"made": "Virtual telephone", "none made": "Add a passkey", "step up": "Use a passkey", "stepped up": true,
		"not verified": "Log in", "logged in": "Your account", "logged in by keys": "Your account", "kept without a word": false, "kept": true, "complaints": []any{},
		"without JavaScript": false, "by password": "Your account", "complaints without JavaScript": []any{},
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
