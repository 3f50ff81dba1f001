package server_test

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// BenchmarkConsoleListOf10000ServiceUsers reports the processor time of a page of the console's longest list: the first,
// one in the middle, and one that a search finds.
func BenchmarkConsoleListOf10000ServiceUsers(b *testing.B) {
	w := newConsoleWorld(b)
	w.must(w.store.InTx(b.Context(), func(tx store.Tx) error {
		for n := range 10_000 {
			u := store.ServiceUser{ID: fmt.Sprint("su-", n), Username: fmt.Sprintf("robot-%05d", n), OrganizationID: "org", Active: n%7 != 0, CreatedAt: start}
			if err := tx.PutServiceUser(b.Context(), u); err != nil {
				return err
			}
			if err := tx.PutAssignment(b.Context(), store.Assignment{SubjectID: u.ID, ProjectID: "P", Rights: []string{"read:messages"}}); err != nil {
				return err
			}
		}
		return nil
	}))
	visitor := w.administrates()
	first := visitor.open("/console/service-users")
	next := regexp.MustCompile(`href="([^"]*)" rel="next"`).FindStringSubmatch(first.body)
	if next == nil {
		b.Fatal("the list has one page")
	}
	for name, path := range map[string]string{
		"first": "/console/service-users", "next": html.UnescapeString(next[1]), "found": "/console/service-users?q=robot-077",
	} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, w.issuer+path, nil)
			for name, value := range visitor.cookies {
				r.AddCookie(&http.Cookie{Name: name, Value: value})
			}
			began := processorTime(b)
			for b.Loop() {
				answer := httptest.NewRecorder()
				w.server.ServeHTTP(answer, r.Clone(b.Context()))
				if answer.Code != http.StatusOK || strings.Count(answer.Body.String(), "<tr>") != 51 {
					b.Fatalf("%d %d rows", answer.Code, strings.Count(answer.Body.String(), "<tr>")-1)
				}
			}
			b.ReportMetric(float64(processorTime(b)-began)/float64(b.N)/1e6, "cpu-ms/op")
		})
	}
}

// processorTime is what the process has used of all cores.
func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
