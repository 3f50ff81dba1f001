//go:build long

package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/postern-auth/postern/internal/chromium"
	"github.com/postern-auth/postern/server/store"
)

// TestLongFirstPaint measures how soon somebody sees a page who has never been there, on this machine.
func TestLongFirstPaint(t *testing.T) {
	browser := chromium.Path(t)
	w := newConsoleWorld(t)
	w.seedNames()
	for n := range 10_000 {
		w.must(w.store.PutServiceUser(t.Context(), store.ServiceUser{ID: fmt.Sprint("su-", n), Username: fmt.Sprintf("robot-%05d", n), OrganizationID: "org", Active: true, CreatedAt: start}))
	}
	paths := []string{"/console/", "/console/service-users", "/console/apis/a-messages/test", "/console/events", "/account/"}
	for _, line := range chromium.Run(t, "firstpaint.mjs", strings.Join(paths, "\n"), w.issuer, browser, "mia", miaPassword) {
		median := line["median"].(float64)
		t.Logf("%s: %.0f ms to the first paint, %.0f at most", line["path"], median, line["most"])
		if median > 200 {
			t.Errorf("%s: %.0f ms, want at most 200", line["path"], median)
		}
	}
}
