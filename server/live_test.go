package server_test

import (
	"bufio"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/internal/chromium"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// happens leaves an event about something of a kind.
func (w *world) happens(object, name string) {
	w.t.Helper()
	w.must(w.store.AddEvent(w.t.Context(), store.Event{ID: secret.NewID(), At: w.now(), Actor: "apply", Action: "create", Object: object, ObjectID: "x", Name: name}))
}

var streamOf = regexp.MustCompile(`data-stream="([^"]*)"`)

// stream opens what the page of events at an address hears of. Its lines come until it ends.
func (b *browser) stream(address string) (status int, lines <-chan string) {
	b.w.t.Helper()
	found := streamOf.FindStringSubmatch(b.open(address).body)
	if found == nil {
		b.w.t.Fatalf("%s is not live", address)
	}
	r, err := http.NewRequestWithContext(b.w.t.Context(), http.MethodGet, b.w.issuer+html.UnescapeString(found[1]), nil)
	b.w.must(err)
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Cookie", b.cookieHeader())
	answer, err := http.DefaultTransport.RoundTrip(r)
	b.w.must(err)
	b.w.t.Cleanup(func() { answer.Body.Close() })
	all := make(chan string, 1000)
	go func() {
		defer close(all)
		for s := bufio.NewScanner(answer.Body); s.Scan(); {
			if text := s.Text(); strings.HasPrefix(text, "data: ") {
				all <- text
			}
		}
	}()
	return answer.StatusCode, all
}

// hears waits for the next word of a stream; empty: it has ended.
func hears(t *testing.T, lines <-chan string) string {
	t.Helper()
	select {
	case line := <-lines:
		return line
	case <-time.After(20 * time.Second):
		t.Fatal("nothing is heard")
	}
	return ""
}

func TestThePageOfEventsIsToldOfNewOnes(t *testing.T) {
	w := newConsoleWorld(t)
	w.happens("project", "before")
	b := w.administrates()
	status, lines := b.stream("/console/events")
	if status != http.StatusOK {
		t.Fatalf("the stream answers %d", status)
	}
	_, filtered := b.stream("/console/events?object=user")
	w.happens("project", "one")
	if got := hears(t, lines); got != "data: 1" {
		t.Errorf("heard %q of one event", got)
	}
	w.happens("user", "two")
	if got := hears(t, filtered); got != "data: 1" {
		t.Errorf("heard %q of one event that the filter wants", got)
	}
	hears(t, lines)
	if status, _ := b.stream("/console/events"); status != http.StatusTooManyRequests {
		t.Errorf("a third stream of a session is answered %d, want 429", status)
	}
	if a := b.ask(http.MethodGet, "/console/events/live", nil); a.status != http.StatusNotAcceptable {
		t.Errorf("a click on the stream is answered %d, want 406", a.status)
	}
	if status, _ := w.administrates().stream("/console/events"); status != http.StatusOK {
		t.Errorf("a stream of another session is answered %d", status)
	}
	w.must(w.store.DeleteAssignment(t.Context(), store.Assignment{SubjectID: "u-mia", ProjectID: registry.OwnProject}))
	if got := hears(t, lines); got != "" {
		t.Errorf("heard %q without a role", got)
	}
}

func TestStreamsEndWithTheServer(t *testing.T) {
	w := newConsoleWorld(t)
	_, lines := w.administrates().stream("/console/events")
	began := time.Now()
	w.must(w.server.Close())
	if got := hears(t, lines); got != "" {
		t.Errorf("heard %q", got)
	}
	if time.Since(began) > 4*time.Second {
		t.Errorf("the stream ended after %s", time.Since(began))
	}
}

func TestEventsAreLiveInChromium(t *testing.T) {
	browser := chromium.Path(t)
	w := newConsoleWorld(t)
	w.happens("project", "Before")
	k := chromium.Begin(t, "live.mjs", w.issuer, browser, "mia", miaPassword)
	does := func(act, what string) {
		t.Helper()
		var faults []string
		if k.Ask(t, []string{act, what}, &faults); len(faults) > 0 {
			t.Errorf("%s %q: %s", act, what, strings.Join(faults, "; "))
		}
	}
	does("appears", "Before")
	w.happens("project", "First")
	does("appears", "First")
	does("press", "Pause")
	w.happens("project", "Second")
	does("waits", "Show what is new")
	does("says", "New events: 1")
	does("lacks", "Second")
	does("press", "Show what is new")
	does("appears", "Second")
	w.must(w.server.Close())
	does("says", "Not live since")
}
