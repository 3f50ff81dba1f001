package server_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/internal/console"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// newConsoleWorld is newLoginWorld in which mia is an administrator and noah may look.
func newConsoleWorld(t testing.TB, change ...func(*server.Config)) *world {
	t.Helper()
	w := newLoginWorld(t, change...)
	ctx := w.t.Context()
	w.must(w.store.PutProject(ctx, store.Project{
		ID: registry.OwnProject, OrganizationID: "org", Name: "Postern", Active: true, CreatedAt: start,
		Roles: []store.Role{{Key: registry.Administrator}, {Key: registry.Reader}},
	}))
	w.must(w.store.PutAssignment(ctx, store.Assignment{SubjectID: "u-mia", ProjectID: registry.OwnProject, Rights: []string{registry.Administrator}}))
	w.must(w.store.PutAssignment(ctx, store.Assignment{SubjectID: "u-noah", ProjectID: registry.OwnProject, Rights: []string{registry.Reader}}))
	return w
}

// enters opens the console's page for a person, who logs in for it.
func (b *browser) enters(path, user, password string) screen {
	b.w.t.Helper()
	return b.send(b.open(path), "identifier", user, "password", password, "answer", "login")
}

func TestWhoMayOpenTheConsole(t *testing.T) {
	w := newConsoleWorld(t)
	w.must(w.store.PutUser(t.Context(), store.User{ID: "u-otto", OrganizationID: "org", Handle: store.UserHandle{9}, LoginName: "otto", Active: true}))
	w.must(w.store.PutPassword(t.Context(), store.Password{UserID: "u-otto", PHC: hashes()["noah"]}))
	// A role of this name on another project is nothing here.
	w.must(w.store.PutProject(t.Context(), store.Project{ID: "elsewhere", OrganizationID: "org", Name: "elsewhere", Active: true, Roles: []store.Role{{Key: registry.Administrator}}}))
	w.must(w.store.PutAssignment(t.Context(), store.Assignment{SubjectID: "u-otto", ProjectID: "elsewhere", Rights: []string{registry.Administrator}}))

	w.browser().open("/console/").tells(t, 200, "Log in")
	w.browser().enters("/console/", "mia", miaPassword).tells(t, 200, "Overview")
	s := w.browser().enters("/console/", "noah", noahPassword)
	s.tells(t, 200, "Overview", "read only")
	w.browser().enters("/console/", "otto", noahPassword).tells(t, 403, "You may not open this page")
	b := w.browser()
	b.enters("/console/", "mia", miaPassword)
	w.must(w.store.DeleteAssignment(t.Context(), store.Assignment{SubjectID: "u-mia", ProjectID: registry.OwnProject}))
	b.open("/console/service-users").tells(t, 403, "You may not open this page")
}

// Every page of the console's own table, with nobody, with a reader and with somebody who has no role there.
func TestS14_NoPageOfTheConsoleIsOpenToWhoMayNotBeThere(t *testing.T) {
	w := newConsoleWorld(t)
	reader, nobody := w.browser(), w.browser()
	reader.enters("/console/", "noah", noahPassword)
	w.must(w.store.PutUser(t.Context(), store.User{ID: "u-otto", OrganizationID: "org", Handle: store.UserHandle{9}, LoginName: "otto", Active: true}))
	w.must(w.store.PutPassword(t.Context(), store.Password{UserID: "u-otto", PHC: hashes()["noah"]}))
	nobody.enters("/console/", "otto", noahPassword)
	var writes int
	for _, route := range console.New(console.Config{}).Routes() {
		if strings.Contains(string(route.Endpoint.ZITADEL), "/first/") {
			continue // is for whoever has the link
		}
		path := strings.TrimSuffix(strings.ReplaceAll(string(route.Endpoint.ZITADEL), "{id}", "x"), "{$}")
		for _, segment := range strings.Split(path, "/") {
			if strings.HasPrefix(segment, "{") {
				path = strings.Replace(path, segment, "x", 1)
			}
		}
		for method := range strings.FieldsSeq(route.Methods) {
			name := fmt.Sprintf("%s %s", method, path)
			if got := nobody.ask(method, path, nil).status; got != http.StatusForbidden && path != "/console" {
				t.Errorf("%s without a role: %d, want 403", name, got)
			}
			answer := w.browser().ask(method, path, nil)
			if got := answer.status; got != http.StatusSeeOther && got != http.StatusFound && !strings.Contains(answer.body, "Log in") {
				t.Errorf("%s by nobody: %d, want the way to the login page", name, got)
			}
			if method == http.MethodPost && path != "/console/why-refused" && path != "/console/find" { // which tells whoever may look
				writes++
				if got := reader.ask(method, path, nil).status; got != http.StatusForbidden {
					t.Errorf("%s by a reader: %d, want 403", name, got)
				}
			}
		}
	}
	t.Logf("%d pages that change something", writes)
}

func TestAListOfTheConsoleIsReadInParts(t *testing.T) {
	w := newConsoleWorld(t)
	for n := range 120 {
		w.must(w.store.PutServiceUser(t.Context(), store.ServiceUser{ID: fmt.Sprint("su-", n), Username: fmt.Sprintf("robot-%03d", n), OrganizationID: "org", Active: n%2 == 0}))
	}
	b := w.browser()
	s := b.enters("/console/service-users", "noah", noahPassword)
	s.tells(t, 200, "Service users", "robot-000", "Next")
	s = b.open("/console/service-users?q=ROBOT-11")
	s.tells(t, 200, "Service users", "1 to 10 of 10", "robot-110", "robot-119")
	s.lacks(t, "robot-100", `rel="next"`, `rel="prev"`)
	b.open("/console/service-users?q=robots").tells(t, 200, "Service users", "Nothing matches “robots”")
	b.open("/console/service-users?after=!!&before=%00").tells(t, 200, "Service users", "1 to 50 of ")
	b.open("/console/service-users/su-7").tells(t, 200, "robot-007", "deactivated")
	b.open("/console/service-users/none").tells(t, 404, "There is nothing at this address")
	s = b.open("/console/service-users?done=saved+robot-007")
	s.tells(t, 200, "Service users", "robot-007 is saved.")
}

func TestTheFirstAdministratorComesByALinkThatWorksOnce(t *testing.T) {
	w := newLoginWorld(t)
	link := func() string {
		t.Helper()
		path, ok, err := console.FirstRun(t.Context(), w.store, w.now())
		w.must(err)
		if !ok {
			return ""
		}
		return path
	}
	former, path := link(), link()
	b := w.browser()
	b.open(former).tells(t, 410, "This link is over") // a new link is in its place
	for range 3 {                                     // who looks uses nothing up
		b.open(path).tells(t, 200, "Protect your first API", "Skip to the console", "What this creates")
		b.ask(http.MethodHead, path, nil)
	}
	if got := b.ask(http.MethodPost, path+"x", values()).status; got != 410 {
		t.Errorf("another value: %d, want 410", got)
	}
	s := b.confirm(b.open(path))
	s.tells(t, 200, "Overview", "Administrator", "Set a password")
	w.browser().open(path).tells(t, 410, "This link is over")
	if got := link(); got != "" {
		t.Errorf("there is an administrator, and another link %s", got)
	}
	b.open("/console/service-users").tells(t, 200, "Service users")
	// Of two who hold links at the same moment, one gets in.
	users, err := w.store.Users(t.Context(), "", 100)
	w.must(err)
	for _, u := range users {
		if u.Name == "Administrator" {
			w.must(w.store.DeleteSubject(t.Context(), u.ID))
		}
	}
	b.open("/console/service-users").tells(t, 200, "Log in")
	path = link()
	w.pass(console.FirstRunLifetime)
	w.browser().open(path).tells(t, 410, "This link is over")
	if got := w.browser().ask(http.MethodPost, path, values()).status; got != 410 {
		t.Errorf("after 15 minutes: %d, want 410", got)
	}
	// A link of another purpose is none.
	w.must(w.store.PutMailLink(t.Context(), store.MailLink{Digest: secret.Digest("other"), Purpose: store.ResetLink, UserID: "u-mia", Address: "mia@example.com", ExpiresAt: w.now().Add(time.Hour)}))
	if got := w.browser().ask(http.MethodPost, "/console/first/other", values()).status; got != 410 {
		t.Errorf("a link to reset a password: %d, want 410", got)
	}
	if _, err := w.store.MailLink(t.Context(), secret.Digest("other")); err != nil {
		t.Errorf("the link of another purpose was used up: %v", err)
	}
}

func TestTheFirstAdministratorMakesAnAPIWithTheSameForm(t *testing.T) {
	w := newLoginWorld(t)
	begin := func() (path string) {
		t.Helper()
		users, err := w.store.Users(t.Context(), "", 100)
		w.must(err)
		for _, u := range users {
			if u.Name == "Administrator" {
				w.must(w.store.DeleteSubject(t.Context(), u.ID))
			}
		}
		path, _, err = console.FirstRun(t.Context(), w.store, w.now())
		w.must(err)
		return path
	}
	once := []string{"once", strings.Repeat("o", 40)}
	form := func(pairs ...string) url.Values { return values(append(pairs, once...)...) }

	path, b := begin(), w.browser()
	a := b.ask(http.MethodPost, path, form("name", "First", "way", "itself", "identifier", "https://first.example.com", "permissions", "read:first"))
	if a.status != 200 || a.header.Get("Cache-Control") != "no-store" || !strings.Contains(a.body, "first-test") || !strings.Contains(a.body, "Authorization: Bearer ") {
		t.Errorf("the form is answered %d %v, want the API with a token", a.status, a.header)
	}
	if made, err := w.store.APIByIdentifier(t.Context(), "https://first.example.com"); err != nil || made.Permissions[0].Key != "read:first" {
		t.Errorf("made %v (%v)", made, err)
	}
	b.open("/console/").tells(t, 200, "Overview", "Set a password")
	if got := w.browser().ask(http.MethodPost, path, form("name", "Second", "way", "itself", "identifier", "https://second.example.com")); got.status != 410 {
		t.Errorf("the link a second time: %d, want 410", got.status)
	}
	if _, err := w.store.APIByIdentifier(t.Context(), "https://second.example.com"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a link that is over has made an API: %v", err)
	}

	// Who has typed something wrong is in, and goes on from there.
	path, b = begin(), w.browser()
	a = b.ask(http.MethodPost, path, form("name", "Third", "way", "itself", "identifier", "", "permissions", "read:third"))
	if a.status != 422 || !strings.Contains(a.body, `action="/console/apis/new"`) || !strings.Contains(a.body, "read:third") || !strings.Contains(a.body, "needs an identifier") {
		t.Errorf("without an identifier: %d %s", a.status, a.body)
	}
	b.open("/console/apis").tells(t, 200, "APIs")

	// What is there already can be tried without making another.
	path, b = begin(), w.browser()
	b.open(path).tells(t, 200, "Protect your first API", "messages", "Test it")
	made, err := w.store.APIByIdentifier(t.Context(), "https://first.example.com")
	w.must(err)
	a = b.ask(http.MethodPost, path, values("test", made.ID))
	if a.status != 303 || a.header.Get("Location") != "/console/apis/"+made.ID+"/test" {
		t.Errorf("to try an API: %d %s", a.status, a.header.Get("Location"))
	}
	b.open(a.header.Get("Location")).tells(t, 200, "First", "Get a new token")
	for _, elsewhere := range []string{"//evil.example", "../../evil", "x/../../../oauth"} {
		a = w.browser().ask(http.MethodPost, begin(), values("test", elsewhere))
		if to := a.header.Get("Location"); !strings.HasPrefix(to, "/console/apis/") || strings.Count(to, "/") != 4 {
			t.Errorf("%s leads to %s", elsewhere, to)
		}
	}
}
