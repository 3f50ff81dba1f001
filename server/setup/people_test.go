package setup

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server/internal/document"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

const people = `
projects:
- name: hello
  roles: [a, b]
  apis: [{name: messages, identifier: https://hello, client_id: messages@hello, permissions: [read]}]
  applications:
  - {name: page, type: browser, client_id: page, redirect_uris: ['http://localhost:4040'], logout_uris: ['http://localhost:4040', 'http://localhost:4040/'], first_party: true}
  - {name: site, type: web, client_id: site, redirect_uris: ['http://localhost:4040/callback'], insecure_no_pkce: true, secrets: [{secret_file: s/site}]}
users:
- login: anna
  email: anna@example.com
  email_verified: true
  name: Anna
  roles: {hello: [a]}
  permissions: {messages: [read]}
  password_file: s/anna
- login: ben
`

func TestPlanShowsEachKindOfChangeOfApplicationsAndPeople(t *testing.T) {
	replace := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(people) }
	tests := []planTest{
		{"everything is created", "{}", people, false, `
+ project "hello"
    roles: ["a" "b"]
+ api "hello/messages"
    identifier: "https://hello"
    client_id: "messages@hello"
    permissions: ["read"]
+ application "hello/page"
    type: "browser"
    client_id: "page"
    redirect_uris: ["http://localhost:4040"]
    logout_uris: ["http://localhost:4040" "http://localhost:4040/"]
    grants: ["authorization_code" "refresh_token"]
    refresh_ends_with_session: true
    first_party: true
+ application "hello/site"
    type: "web"
    client_id: "site"
    redirect_uris: ["http://localhost:4040/callback"]
    grants: ["authorization_code" "refresh_token"]
    insecure_no_pkce: true
+ secret "s/site" of application "hello/site"
+ user "anna"
    email: "anna@example.com"
    email_verified: true
    name: "Anna"
    permissions of "hello/messages": ["read"]
    roles of "hello": ["a"]
+ password "s/anna" of user "anna"
+ user "ben"
`},
		{"an application changes", people, replace("'http://localhost:4040/callback']", "'http://localhost:4040/callback', 'http://localhost:3000/callback'], active: false, refresh_idle: 1h"), false, `
~ application "hello/site"
    redirect_uris: ["http://localhost:4040/callback"] → ["http://localhost:4040/callback" "http://localhost:3000/callback"]
    refresh_idle: none → "1h0m0s"
    active: true → false
`},
		{"the order of log-out URIs counts", people, replace("['http://localhost:4040', 'http://localhost:4040/']", "['http://localhost:4040/', 'http://localhost:4040']"), false, `
~ application "hello/page"
    logout_uris: ["http://localhost:4040" "http://localhost:4040/"] → ["http://localhost:4040/" "http://localhost:4040"]
`},
		{"an application is renamed", people, replace("name: page", "name: front, was: page"), false, `
~ application "hello/front"
    name: "page" → "front"
`},
		{"an application gets another client id", people, replace("client_id: page", "client_id: front"), false, `
~ application "hello/page"
    client_id: "page" → "front"
`},
		{"an application keeps no secret any more", people, replace("name: site, type: web", "name: site, type: browser", ", insecure_no_pkce: true, secrets: [{secret_file: s/site}]", ""), true, `
- secret "ID" of application "hello/site"
~ application "hello/site"
    type: "web" → "browser"
    refresh_ends_with_session: false → true
    insecure_no_pkce: true → false
`},
		{"a user changes", people, replace("name: Anna", "name: Anna Berg\n  active: false\n  locale: de", "{hello: [a]}", "{hello: [b]}"), false, `
~ user "anna"
    name: "Anna" → "Anna Berg"
    locale: none → "de"
    active: true → false
    roles of "hello": ["a"] → ["b"]
`},
		{"a user is renamed", people, replace("login: anna", "login: anna.berg\n  was: anna"), false, `
~ user "anna.berg"
    login: "anna" → "anna.berg"
`},
		{"a user is renamed in letter case alone", people, replace("login: anna", "login: Anna"), false, `
~ user "Anna"
    login: "anna" → "Anna"
`},
		{"another address is not verified", people, replace("  email: anna@example.com\n  email_verified: true\n", "  email: anna@example.org\n"), false, `
~ user "anna"
    email: "anna@example.com" → "anna@example.org"
    email_verified: true → false
`},
		{"what the document does not say is theirs", people, replace("  email: anna@example.com\n  email_verified: true\n  name: Anna\n", "", "  password_file: s/anna\n", ""), true, "\nnothing to do\n"},
		{"what is absent stays", people, "{}", false, "\nnothing to do\n"},
		{"people stay with a document that names none", people, "projects: [{name: hello, roles: [a, b]}]", true, `
- application "hello/page"
- application "hello/site"
- api "hello/messages"
`},
		{"a user is pruned beside one that is named", people, replace("- login: ben\n", ""), true, `
- user "ben"
`},
		{"a pruned project takes its applications along", people, "users: [{login: anna}, {login: ben}]", true, `
- project "hello"
`},
	}
	testPlans(t, tests)
}

// fits reports whether a file holds the password of a user.
func (b *bench) fits(file, login string) bool {
	b.Helper()
	p := must[*passwords](b)(newPasswords())
	u := must[store.User](b)(b.store.UserByLogin(b.Context(), "default", login))
	row := must[store.Password](b)(b.store.Password(b.Context(), u.ID))
	return must[bool](b)(p.fits(b.Context(), row.PHC, b.file(file)))
}

func TestAPasswordIsMadeOnceAndWrittenToItsFile(t *testing.T) {
	b := newBench(t)
	b.apply(people)
	first := b.file("s/anna")
	if !b.fits("s/anna", "anna") || !b.fits("s/anna", "anna@example.com") {
		t.Error("the file does not hold the password")
	}
	if info, err := os.Stat(filepath.Join(b.dir, "s/anna")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file %v, %v", info, err)
	}
	rows := b.rows()
	b.apply(people)
	if diff := cmp.Diff(rows, b.rows()); diff != "" || b.file("s/anna") != first {
		t.Errorf("a second time (-first +second):\n%s", diff)
	}

	// A file that is gone is a new password, as it is a new secret; the former one is good no more.
	if err := os.Remove(filepath.Join(b.dir, "s/anna")); err != nil {
		t.Fatal(err)
	}
	plan := b.apply(people)
	const want = "~ password \"s/anna\" of user \"anna\"\n    password: \"set\" → \"set anew\"\n"
	if diff := cmp.Diff(want, plan.String()); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	if b.file("s/anna") == first || !b.fits("s/anna", "anna") || len(b.rows().Passwords) != 1 {
		t.Error("want another password, alone")
	}
}

func TestAFileThatHoldsAnotherPasswordIsAnErrorAtItsPlace(t *testing.T) {
	const want = `postern.yaml:16: users[0].password_file: file "s/anna" is there and holds no password of user "anna": ` + advice
	for name, content := range map[string]string{
		"another password": secret.NewPassword() + "\n", "nothing": "", "more than a password may have": strings.Repeat("x", 2000),
	} {
		b := newBench(t)
		b.apply(people)
		before := b.rows()
		if err := os.WriteFile(filepath.Join(b.dir, "s/anna"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := b.applyError(people); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
		if diff := cmp.Diff(before, b.rows()); diff != "" {
			t.Errorf("%s: rows (-before +after):\n%s", name, diff)
		}
	}

	// Neither does a stranger's file become the password of a user who is made anew.
	b := newBench(t)
	if err := os.MkdirAll(filepath.Join(b.dir, "s"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "s/anna"), []byte("stranger\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := b.keep().applyError(people); got != want {
		t.Errorf("a stranger's:\ngot  %s\nwant %s", got, want)
	}
}

func TestAPasswordWhoseFileHasNoNameYetGetsIt(t *testing.T) {
	b := newBench(t)
	b.apply(people)
	path := target(filepath.Join(b.dir, "s/anna"))
	if err := os.Rename(string(path), path.pending()); err != nil {
		t.Fatal(err)
	}
	plan := b.apply(people)
	if want := "~ password \"s/anna\" of user \"anna\"\n    file: \"unfinished\" → \"finished\"\n"; plan.String() != want {
		t.Errorf("plan %s", plan)
	}
	if !b.fits("s/anna", "anna") {
		t.Error("the file does not hold the password")
	}

	// A pending file that no hash knows is a leftover.
	b = newBench(t)
	path = target(filepath.Join(b.dir, "s/anna"))
	if err := path.writePending([]byte("leftover\n")); err != nil {
		t.Fatal(err)
	}
	b.apply(people)
	if !b.fits("s/anna", "anna") {
		t.Error("the file does not hold the password")
	}
}

// What a person or an operator has changed since stays.
func TestFindingD5_KeepLeavesPeopleAndApplicationsAsTheyAre(t *testing.T) {
	b := newBench(t)
	b.apply(people)
	changed := strings.NewReplacer("name: Anna", "name: Anna Berg", "roles: {hello: [a]}", "roles: {}", "first_party: true", "first_party: false",
		"  password_file: s/anna\n", "").Replace(people)
	b.apply(changed)
	user := must[store.User](b)(b.store.UserByLogin(t.Context(), "default", "anna"))
	other := must[newPassword](b)(must[*passwords](b)(newPasswords()).fresh(t.Context(), new(document.User)))
	if err := b.store.PutPassword(t.Context(), store.Password{UserID: user.ID, PHC: other.phc, ChangedAt: testTime}); err != nil {
		t.Fatal(err)
	}
	before := b.rows()
	const same = `~ application "hello/page"
    first_party: false → true
~ user "anna"
    name: "Anna Berg" → "Anna"
    roles of "hello": none → ["a"]
~ password "s/anna" of user "anna"
`
	if diff := cmp.Diff(same, kept(b.keep().apply(people))); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	if err := os.Remove(filepath.Join(b.dir, "s/anna")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(same, kept(b.keep().apply(people))); diff != "" {
		t.Errorf("kept without the file (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, b.rows()); diff != "" {
		t.Errorf("rows (-before +after):\n%s", diff)
	}
	if _, there := b.files()["s/anna"]; there {
		t.Error("a file was written for a password that was kept")
	}
}

func TestManyApplyPeopleAtOnceAndOneDoesTheWork(t *testing.T) {
	b := newBench(t)
	doc := b.parse(people)
	plans := make([]*Plan, 4)
	for i := range plans {
		plans[i] = must[*Plan](b)(Compare(t.Context(), b.open(), doc, b.options))
	}
	var group sync.WaitGroup
	errs := make([]error, len(plans))
	for i, plan := range plans {
		group.Go(func() { _, errs[i] = plan.Apply(context.Background()) })
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	if !b.fits("s/anna", "anna") || len(b.rows().People) != 2 || len(b.rows().Secrets) != 1 {
		t.Error("want one of each, and the password in its file")
	}
	if plan := b.compare(people); !plan.Empty() {
		t.Errorf("left to do:\n%s", plan)
	}
}

func TestAPasswordShowsInNoPlanErrorOrEvent(t *testing.T) {
	b := newBench(t)
	plan := b.apply(people)
	shown := plan.String() + b.compare(people).String()
	shown += b.applyError("users: [{login: other, password_file: s/anna}]")
	events, err := b.store.LatestEvents(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		shown += e.Name + e.Detail + e.ObjectID
	}
	phc := b.rows().Passwords[0].PHC
	for _, canary := range []string{b.file("s/anna"), phc, phc[len(phc)-20:]} {
		if len(canary) < 20 || strings.Contains(shown, canary) {
			t.Errorf("a password of %d bytes shows", len(canary))
		}
	}
	if !slices.ContainsFunc(events, func(e store.Event) bool { return e.Object == "password" && e.Action == "create" && e.Name == "anna" }) {
		t.Error("no event of the password")
	}
}

func TestALoginThatFindsSomebodyElseIsExplained(t *testing.T) {
	b := newBench(t)
	b.apply(people)
	got := b.applyError("users: [{login: anna@example.com}]")
	const want = `create user "anna@example.com": registry: user "anna@example.com" cannot have the login name "anna@example.com", by which user "anna" logs in`
	if !strings.Contains(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	got = b.applyError("users: [{login: carl, was: anna}, {login: ben}]\nprojects: [{name: hello, applications: [{name: x, type: web, client_id: site, redirect_uris: ['https://x.example/']}]}]")
	if want := `application "x" cannot have the client id "site", which an application has`; !strings.Contains(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := b.applyError("users: [{login: ben, was: anna}]"); got != `postern.yaml:1: users[0].was: expected one user to rename, got both "anna" and "ben" in the store; delete one` {
		t.Errorf("got %s", got)
	}
}

// Hundreds of people do not wait for hundreds of hashes while a server waits for the transaction.
func TestAHashIsComputedOnceForAPlan(t *testing.T) {
	b := newBench(t)
	b.apply(people)
	plan := b.compare(strings.Replace(people, "name: Anna", "name: Anne", 1))
	p := plan.options.passwords
	if len(p.compared) != 1 {
		t.Fatalf("%d compared, want 1", len(p.compared))
	}
	p.hasher = nil // another hash would be a panic
	if _, err := plan.Apply(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPlanOfPeopleForAStoreThatIsYetToBeMade(t *testing.T) {
	b := newBench(t)
	for _, prune := range []bool{false, true} {
		b.options.Prune = prune
		plan := must[*Plan](b)(Compare(t.Context(), nil, b.parse(people), b.options))
		if diff := cmp.Diff(b.compare(people).String(), plan.String()); diff != "" {
			t.Errorf("plan (-of an empty store +of none):\n%s", diff)
		}
	}
}

func TestManyPeopleArePrunedPageByPage(t *testing.T) {
	b := newBench(t)
	b.apply("users: [{login: anna}]")
	err := b.store.InTx(t.Context(), func(tx store.Tx) error {
		for range page + 1 {
			id := secret.NewID()
			u := store.User{ID: id, OrganizationID: "default", Handle: store.UserHandle{1}, LoginName: id, CreatedAt: time.Now()}
			copy(u.Handle[:], id)
			if err := tx.PutUser(t.Context(), u); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	plan := b.prune().compare("users: [{login: anna}]")
	if len(plan.Changes) != page+1 || slices.ContainsFunc(plan.Changes, func(c Change) bool { return c.Name == "anna" }) {
		t.Errorf("%d changes, want %d and none of anna", len(plan.Changes), page+1)
	}
}
