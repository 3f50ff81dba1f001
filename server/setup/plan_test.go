package setup

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/clientauth"
)

func TestDryRunChangesNothing(t *testing.T) {
	b := newBench(t)
	b.apply(small)
	rows, files := b.rows(), b.files()
	changed := strings.NewReplacer("roles: [a, b]", "roles: [b]", "{hello: [a]}", "{hello: [b]}", "s/ci", "new/ci").Replace(small)
	if b.prune().compare(changed).Empty() {
		t.Error("plan is empty")
	}
	if diff := cmp.Diff(rows, b.rows()); diff != "" {
		t.Errorf("rows (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(files, b.files()); diff != "" {
		t.Errorf("files (-before +after):\n%s", diff)
	}
}

type planTest struct {
	name, from, to string
	prune          bool
	want           string
}

// testPlans holds that what is planned is what is shown and what is done, and that nothing is left then.
func testPlans(t *testing.T, tests []planTest) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.apply(test.from)
			b.options.Prune = test.prune
			planned := b.compare(test.to)
			got := planned.String()
			for _, s := range b.rows().Secrets {
				got = strings.ReplaceAll(got, s.ID, "ID")
			}
			if diff := cmp.Diff(test.want, "\n"+got); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			if done := b.apply(test.to); done.String() != planned.String() {
				t.Errorf("planned:\n%s\ndone:\n%s", planned, done)
			}
			if again := b.compare(test.to); !again.Empty() {
				t.Errorf("after applying there is left to do:\n%s", again)
			}
		})
	}
}

func TestPlanShowsEachKindOfChange(t *testing.T) {
	tests := []planTest{
		{"everything is created", "{}", small, false, `
+ project "hello"
    roles: ["a" "b"]
+ api "hello/messages"
    identifier: "https://hello"
    client_id: "messages@hello"
    permissions: ["read" "write"]
+ secret "s/messages" of api "hello/messages"
+ service user "ci"
    permissions of "hello/messages": []
    roles of "hello": ["a"]
+ secret "s/ci" of service user "ci"
    expires: "2026-01-02T04:04:05Z"
+ key "s/key.json" of service user "ci"
    algorithm: "ES256"
    compatibility: true
+ personal access token "s/pat" of service user "ci"
    name: "cron"
    expires: "2020-01-01T00:00:00Z"
`},
		{"the organization changes", small, "organization: {name: Acme, primary_domain: acme.example}\n" + small, false, `
~ organization "Postern"
    name: "Postern" → "Acme"
    primary_domain: "localhost" → "acme.example"
`},
		{"a project is deactivated", small, strings.Replace(small, "roles: [a, b]", "roles: [a, {key: c, name: See}]\n  active: false", 1), false, `
~ project "hello"
    roles: ["a" "b"] → ["a" "c (See)"]
    active: true → false
`},
		{"an API changes in every field", small, strings.Replace(small, "permissions: [read, write]", "permissions: [read]\n    token: jwt\n    active: false\n    token_lifetime: 90s\n    signing_algorithm: ES256", 1), false, `
~ api "hello/messages"
    token: none → "zitadel"
    signing_algorithm: none → "ES256"
    token_lifetime: none → "1m30s"
    permissions: ["read" "write"] → ["read"]
    active: true → false
`},
		{"an API gets another identifier and client id", "projects: [{name: p, apis: [{name: a, client_id: x}]}]", "projects: [{name: p, apis: [{name: a, client_id: y, identifier: i}]}]", false, `
~ api "p/a"
    identifier: none → "i"
    client_id: "x" → "y"
`},
		{"a service user is deactivated and loses a role", small, strings.Replace(small, "  roles: {hello: [a]}", "  roles: {hello: []}\n  active: false\n  name: CI\n  token: access_token", 1), false, `
~ service user "ci"
    name: none → "CI"
    token: none → "access_token"
    active: true → false
    roles of "hello": ["a"] → []
`},
		{"a service user keeps no grant that is not named", small, strings.NewReplacer("  roles: {hello: [a]}\n", "", "{messages: []}", "{messages: [read]}").Replace(small), false, `
~ service user "ci"
    permissions of "hello/messages": [] → ["read"]
    roles of "hello": ["a"] → none
`},
		{"a secret ends sooner", small, strings.Replace(small, "expires: 1h", "expires: 30m", 1), false, `
~ secret "s/ci" of service user "ci"
    expires: "2026-01-02T04:04:05Z" → "2026-01-02T03:34:05Z"
`},
		{"a key becomes strict and ends", small, strings.Replace(small, "compatibility: true", "expires: 24h", 1), false, `
~ key "s/key.json" of service user "ci"
    expires: none → "2026-01-03T03:04:05Z"
    compatibility: true → false
`},
		{"what is absent stays", small, "{}", false, "\nnothing to do\n"},
		{"what is absent is pruned", small, "{}", true, `
- service user "ci"
- project "hello"
`},
		{"an absent API is pruned", small, "projects:\n- name: hello\n  roles: [a, b]\n", true, `
- service user "ci"
- api "hello/messages"
`},
		{"a pruned project takes its grants along", small, "service_users:\n- username: ci\n  keys: [{key_file: s/key.json, algorithm: ES256, compatibility: true}]\n", true, `
- project "hello"
- secret "ID" of service user "ci"
`},
		{"an identifier passes from a pruned API to a new one", small, strings.NewReplacer("name: messages", "name: letters", "{messages: []}", "{letters: []}", "s/messages", "s/letters", "[hello, messages]", "[hello, letters]").Replace(small), true, `
- api "hello/messages"
+ api "hello/letters"
    identifier: "https://hello"
    client_id: "messages@hello"
    permissions: ["read" "write"]
+ secret "s/letters" of api "hello/letters"
~ service user "ci"
    permissions of "hello/letters": none → []
`},
	}
	testPlans(t, tests)
}

func TestPlanAsJSON(t *testing.T) {
	b := newBench(t)
	b.apply(small)
	plan := b.compare(strings.Replace(small, "{hello: [a]}", "{hello: [b]}", 1))
	got, err := json.Marshal(plan)
	const want = `{"changes":[{"action":"change","object":"service user","name":"ci","fields":[{"name":"roles of \"hello\"","old":["a"],"new":["b"]}]}]}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}

func TestPruneRevokesTokensThatAreNotNamed(t *testing.T) {
	b := newBench(t)
	b.apply("service_users: [{username: u, personal_access_tokens: [{name: live, token_file: live}, {name: over, token_file: over, expires: 2020-01-01T00:00:00Z}]}]")
	plan := b.prune().apply("service_users: [{username: u}]")
	if want := "- personal access token \"live\" of service user \"u\"\n"; plan.String() != want {
		t.Errorf("plan %s want %s", plan, want)
	}
	for _, token := range b.rows().Tokens {
		if token.Name == "live" != token.RevokedAt.Equal(testTime) {
			t.Errorf("token %q was revoked at %v", token.Name, token.RevokedAt)
		}
	}
	if plan := b.prune().compare("service_users: [{username: u}]"); !plan.Empty() {
		t.Errorf("second plan: %s", plan)
	}
}

func TestSecretsShowInNoPlanAndNoError(t *testing.T) {
	b := newBench(t)
	var shown strings.Builder
	see := func(p *Plan) {
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		shown.WriteString(p.String() + string(text))
	}
	see(b.apply(small))
	see(b.compare(small))
	see(b.prune().compare("service_users: [{username: ci}]"))
	shown.WriteString(b.applyError("service_users: [{username: other, secrets: [{secret_file: s/ci}]}]"))
	shown.WriteString(b.applyError("service_users: [{username: other, secrets: [{secret_file: s/key.json}]}]"))
	shown.WriteString(b.applyError(strings.Replace(small, "2020-01-01", "2021-01-01", 1)))

	var key clientauth.KeyFile
	if err := json.Unmarshal([]byte(b.file("s/key.json")), &key); err != nil {
		t.Fatal(err)
	}
	for _, canary := range []string{b.file("s/messages"), b.file("s/ci"), b.file("s/pat"), strings.Split(key.Key, "\n")[1]} {
		if len(canary) < 40 || strings.Contains(shown.String(), canary[:16]) || strings.Contains(shown.String(), canary[len(canary)-16:]) {
			t.Errorf("a secret of %d bytes shows", len(canary))
		}
	}
}

// Who is deactivated loses their personal access tokens. The document that says so goes on to hold; one that has them
// active again says that the token in the file is dead.
func TestADocumentOutlivesItsTokens(t *testing.T) {
	b := newBench(t)
	b.apply(small)
	inactive := strings.Replace(small, "username: ci", "username: ci\n  active: false", 1)
	b.apply(inactive)
	if done := b.apply(inactive); !done.Empty() {
		t.Errorf("once more: %s", done)
	}
	if err := b.applyError(small); !strings.Contains(err, `the personal access token in file "s/pat" is revoked: files are never overwritten; move it away`) {
		t.Errorf("active again: %s", err)
	}
}

func TestMostOfAKindIsSaid(t *testing.T) {
	b := newBench(t)
	b.apply("projects: [{name: a}, {name: b}, {name: c}, {name: d}]\nservice_users: [{username: x}]")
	for document, want := range map[string]string{
		"{}": "[1 of 1 service users 4 of 4 projects]",
		"projects: [{name: a}]\nservice_users: [{username: x}]":                                            "[3 of 4 projects]",
		"projects: [{name: a}, {name: b}]\nservice_users: [{username: x}]":                                 "[]", // half of it
		"projects: [{name: a}, {name: b}, {name: c}, {name: d}]\nservice_users: [{username: y}]":           "[1 of 1 service users]",
		"projects: [{name: a}, {name: b}, {name: c}, {name: new, was: d}]\nservice_users: [{username: x}]": "[]",
	} {
		plan := b.prune().compare(document)
		most := plan.MostOf()
		slices.Sort(most)
		if got := fmt.Sprint(most); got != want {
			t.Errorf("%s: %s, want %s", document, got, want)
		}
	}
	b = newBench(t)
	if most := b.prune().compare("{}").MostOf(); most != nil {
		t.Errorf("of an empty store: %v", most)
	}
}
