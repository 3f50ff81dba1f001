package setup

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// export returns the store as a document.
func (b *bench) export() string {
	b.Helper()
	made, err := NewExport(b.Context(), b.store)
	if err != nil {
		b.Fatal(err)
	}
	return string(made.Document)
}

const everything = `
organization: {name: Example "GmbH" & Co, primary_domain: example.localhost}
projects:
- name: hello
  roles: [read:messages, {key: admin, name: "Administrators: all"}]
  apis:
  - {name: messages, identifier: https://hello.example.com, client_id: messages@hello, token: rfc9068_authz, signing_algorithm: RS256, token_lifetime: 15m, permissions: [read, {key: write, name: "#2"}], active: false, certificates: [{thumbprint: A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0}, {san_dns: messages.example.com}]}
  - {name: plain, client_id: plain@hello, token: jwt}
  applications:
  - {name: shop, type: web, client_id: shop, redirect_uris: [https://shop.example.com/callback], logout_uris: [https://shop.example.com/], allowed_origins: [https://shop.example.com], initiate_login_uri: https://shop.example.com/login, backchannel_logout_uri: https://shop.example.com/logged-out, first_party: true, insecure_no_pkce: true, sender_constraint: dpop, id_token_lifetime: 1h, id_token_algorithm: ES256, id_token_claims: minimal, userinfo_algorithm: RS256, refresh_idle: 720h, refresh_lifetime: 2160h, refresh_ends_with_session: true, active: false, certificates: [{subject_dn: "CN=shop,O=Example"}]}
  - {name: page, type: browser, client_id: page, redirect_uris: [http://localhost:4040/callback], refresh_ends_with_session: false}
  - {name: telly, type: native, client_id: telly, grants: ["urn:ietf:params:oauth:grant-type:device_code"]}
  - {name: bank, type: web, client_id: bank, profile: fapi2, redirect_uris: [https://bank.example.com/callback]}
- {name: "yes", active: false, apis: [{name: plain, client_id: plain@yes, permissions: [a]}, {name: "null", client_id: "0x10", identifier: "2026-01-02"}]}
service_users:
- {username: reporter, name: "- Weekly: report", active: false, sender_constraint: certificate, token: opaque, grants: [client_credentials], roles: {hello: [read:messages]}, permissions: {https://hello.example.com: [], yes/plain: [a]}}
- {username: "1e3", roles: {"yes": []}}
users:
- {login: anna, email: anna@example.com, email_verified: true, name: Anna Berg, given_name: Anna, family_name: "~", nickname: "'", locale: de, active: false, roles: {hello: [admin]}, permissions: {messages: [read]}}
- {login: "007", email: 007@example.com}
`

func TestAnExportIsTheStoreItself(t *testing.T) {
	first := newBench(t)
	first.apply(everything)
	document := first.export()
	if left := first.compare(document); !left.Empty() {
		t.Errorf("it does not say what is there: %s\n%s", left, document)
	}
	if left := first.prune().compare(document); !left.Empty() {
		t.Errorf("it leaves something out: %s", left)
	}
	second := newBench(t)
	second.apply(document)
	if diff := cmp.Diff(document, second.export()); diff != "" {
		t.Errorf("export → apply → export (-first +second):\n%s", diff)
	}
	for _, line := range []string{"refresh_ends_with_session: false", "yes/plain:", "name: 'yes'", "active: false", "'2026-01-02'"} {
		if !strings.Contains(document, line) {
			t.Errorf("no %s in\n%s", line, document)
		}
	}
}

func TestAnExportOfNothing(t *testing.T) {
	b := newBench(t)
	if got := b.export(); got != "{}\n" {
		t.Errorf("%q", got)
	}
	if done := b.apply("{}"); !done.Empty() {
		t.Error(done)
	}
}

// What a document cannot say is counted, Postern's own project is not in it, and no secret is.
func TestAnExportSaysWhatItLeavesOut(t *testing.T) {
	b := newBench(t)
	b.apply(small)
	ctx := b.Context()
	err := b.store.InTx(ctx, func(tx store.Tx) error {
		r := registry.In(tx, "test", time.Now())
		admin, err := r.FirstAdministrator(ctx)
		if err != nil {
			return err
		}
		if err := r.OpenConsole(ctx, admin.ID, "administrator"); err != nil {
			return err
		}
		if err := tx.PutUser(ctx, store.User{ID: "mail", Handle: store.UserHandle{1}, Email: "mail@example.com", Active: true}); err != nil {
			return err
		}
		return tx.PutApplication(ctx, store.Application{ID: "stranger", Name: "stranger", ClientID: "stranger", Type: store.WebApplication, Active: true})
	})
	if err != nil {
		t.Fatal(err)
	}
	made, err := NewExport(ctx, b.store)
	if err != nil {
		t.Fatal(err)
	}
	if made.Unsaid["people without a login name"] == 0 || made.Unsaid["applications without a project"] != 1 {
		t.Errorf("%v", made.Unsaid)
	}
	for _, canary := range []string{registry.OwnProject, b.file("s/ci"), b.file("s/pat"), b.file("s/messages"), "stranger", "mail@example.com"} {
		if strings.Contains(string(made.Document), canary) {
			t.Errorf("it holds %.40q", canary)
		}
	}
}

// The name of an API without an identifier may be that of another, on which its rights must not be given.
func TestAnExportMistakesNoAPIForAnother(t *testing.T) {
	b := newBench(t)
	b.apply(`
projects:
- {name: a, apis: [{name: b, permissions: [x]}]}
- {name: c, apis: [{name: a/b, permissions: [x]}]}
service_users: [{username: u}]`)
	_, err := NewExport(b.Context(), b.store)
	if err == nil || !strings.Contains(err.Error(), `expected another name or an identifier of the API "b", which a document would call "a/b" as another one is called already`) {
		t.Error(err)
	}
}

func TestAnExportOfManyPeople(t *testing.T) {
	b := newBench(t)
	ctx := b.Context()
	err := b.store.InTx(ctx, func(tx store.Tx) error {
		for n := range 2*page + 1 {
			u := store.User{ID: fmt.Sprintf("%04d", n), OrganizationID: registry.FirstOrganization.ID, LoginName: fmt.Sprintf("user-%04d", n), Active: true}
			copy(u.Handle[:], u.ID)
			if err := tx.PutUser(ctx, u); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.export(), "- login: user-"); n != 2*page+1 {
		t.Errorf("%d people", n)
	}
}

// Names that mean something else to YAML are read as they were written.
func TestAnExportOfOddNames(t *testing.T) {
	b := newBench(t)
	ctx := b.Context()
	odd := []string{"#x", "a: b", "- a", "\U0001F600", "0o17", "1_000", ".inf", "=", "<<", "!!str", "%x", "@x", "`x", "~", "null", "on", "N", "'", "\"", "\\", "{", "[]", "&a", "*a", "|", ">", "?", "2026-01-02", "12:30:45", "1e3", "0x1F", strings.Repeat("é", 60)}
	err := b.store.InTx(ctx, func(tx store.Tx) error {
		for n, name := range odd {
			p := store.Project{ID: fmt.Sprintf("p%02d", n), OrganizationID: registry.FirstOrganization.ID, Name: name, Roles: []store.Role{{Key: "r", Name: name}}, Active: true}
			if err := tx.PutProject(ctx, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	document := b.export()
	if left := b.prune().compare(document); !left.Empty() {
		t.Errorf("%s\n%s", left, document)
	}
}
