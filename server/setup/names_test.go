package setup

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/postern-auth/postern/server/store"
)

const payroll = `
projects:
- name: payroll
  id_file: g/payroll
  apis: [{name: salaries, identifier: salaries, client_id: salaries@payroll, permissions: [read]}]
service_users: [{username: clerk, permissions: {salaries: [read]}}]
`

// A name that says in a token whom it is for is not given twice, neither by another document.
func TestNoDocumentGivesANameThatAnotherHasGiven(t *testing.T) {
	b := newBench(t)
	b.apply(payroll)
	before := b.rows()
	project := b.file("g/payroll")
	for name, test := range map[string]struct{ yaml, want string }{
		"client id as identifier": {`projects: [{name: blog, apis: [{name: comments, client_id: salaries}]}]`,
			`API "comments" cannot have the client id "salaries", which is the identifier of API "salaries"`},
		"client id as client id": {`projects: [{name: blog, apis: [{name: comments, client_id: salaries@payroll}]}]`,
			`API "comments" cannot have the client id "salaries@payroll", which is the client id of API "salaries"`},
		"client id as project": {`projects: [{name: blog, apis: [{name: comments, client_id: ` + project + `}]}]`,
			`API "comments" cannot have the client id "` + project + `", which is the id of project "payroll"`},
		"client id as username": {`projects: [{name: blog, apis: [{name: comments, client_id: clerk}]}]`,
			`API "comments" cannot have the client id "clerk", which a service user has`},
		"identifier as identifier": {`projects: [{name: blog, apis: [{name: comments, identifier: salaries}]}]`,
			`API "comments" cannot have the identifier "salaries", which is the identifier of API "salaries"`},
		"identifier as client id": {`projects: [{name: blog, apis: [{name: comments, identifier: salaries@payroll}]}]`,
			`API "comments" cannot have the identifier "salaries@payroll", which is the client id of API "salaries"`},
		"identifier as project": {`projects: [{name: blog, apis: [{name: comments, identifier: ` + project + `}]}]`,
			`API "comments" cannot have the identifier "` + project + `", which is the id of project "payroll"`},
		"username as client id": {`service_users: [{username: salaries@payroll}]`,
			`service user "salaries@payroll" cannot have the client id "salaries@payroll", which an API has`},
	} {
		plan, err := Compare(t.Context(), b.store, b.parse(test.yaml), b.options)
		if err != nil {
			t.Fatal(err)
		}
		_, err = plan.Apply(t.Context())
		if !errors.Is(err, store.ErrExists) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if diff := cmp.Diff(before, b.rows()); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}

func TestARenamedObjectIsNotMadeAnew(t *testing.T) {
	b := newBench(t)
	b.apply(small)
	before := b.rows()
	renamed := strings.NewReplacer(
		"name: hello", "name: greetings\n  was: hello", "roles: {hello: [a]}", "roles: {greetings: [a]}",
		"name: messages", "name: mail\n    was: messages", "permissions: {messages: []}", "permissions: {mail: []}",
		"audience: [hello, messages]", "audience: [greetings, mail]", "username: ci", "username: pipeline\n  was: ci",
	).Replace(small)
	for _, b := range []*bench{b, b.prune()} { // the second time there is nothing to do, and nothing to prune
		b.apply(renamed)
	}
	after := b.rows()
	want := before
	want.Projects = []store.Project{before.Projects[0]}
	want.Projects[0].Name = "greetings"
	want.APIs = []store.API{before.APIs[0]}
	want.APIs[0].Name = "mail"
	want.Users = []store.ServiceUser{before.Users[0]}
	want.Users[0].Username = "pipeline"
	if diff := cmp.Diff(want, after); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	plan := b.compare(renamed)
	if !plan.Empty() {
		t.Errorf("after it is renamed: %s", plan)
	}
}

func TestARenameThatWouldMergeTwoIsRefused(t *testing.T) {
	b := newBench(t)
	b.apply(`projects: [{name: a}, {name: b}]`)
	got := b.applyError("projects:\n- name: b\n  was: a\n")
	if want := `postern.yaml:3: projects[0].was: expected one project to rename, got both "a" and "b" in the store; delete one`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	_, err := Parse("postern.yaml", []byte("projects: [{name: a}, {name: b, was: a}]"))
	if err == nil || !strings.Contains(err.Error(), "expected another earlier name") {
		t.Errorf("one name for two: %v", err)
	}
}

func TestEveryChangeLeavesAnEvent(t *testing.T) {
	b := newBench(t)
	b.apply(small)
	b.apply(small)
	b.apply(strings.Replace(small, "roles: [a, b]", "roles: [a, c]\n  active: false", 1))
	b.prune().apply(`projects: [{name: hello, roles: [a, c], active: false}]`)
	events, err := b.store.LatestEvents(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	type entry struct{ Action, Object, Name, Detail string }
	var got []entry
	for i := len(events) - 1; i >= 0; i-- {
		e := events[i]
		if e.Actor != "apply" || !e.At.Equal(testTime.Truncate(1e6)) || e.ObjectID == "" {
			t.Errorf("event %+v", e)
		}
		got = append(got, entry{e.Action, e.Object, e.Name, e.Detail})
	}
	want := []entry{
		{"create", "project", "hello", `{"active":true,"name":"hello","roles":["a","b"]}`},
		{"create", "api", "messages", `{"active":true,"client_id":"messages@hello","identifier":"https://hello","name":"messages","permissions":["read","write"]}`},
		{"create", "secret", "", ``},
		{"create", "service user", "ci", `{"active":true,"username":"ci"}`},
		{"create", "assignment", "ci at API messages", `{"rights":[]}`},
		{"create", "assignment", "ci at project hello", `{"rights":["a"]}`},
		{"create", "secret", "", `{"expires":"2026-01-02T04:04:05Z"}`},
		{"create", "key", "", `{"compatibility":true}`},
		{"create", "personal access token", "cron", `{"expires":"2020-01-01T00:00:00Z","name":"cron"}`},
		{"change", "project", "hello", `{"active":false,"roles":["a","c"]}`},
		{"delete", "service user", "ci", ``},
		{"delete", "api", "messages", ``},
	}
	ids := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Name" }, cmp.Comparer(func(a, b string) bool {
		return a == b || (a == "" || b == "") // of secrets and keys the owner's id
	}))
	if diff := cmp.Diff(want, got, ids, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
