package setup

import (
	"context"
	"encoding/json"
	"errors"
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

func TestApplyOfTheExampleMakesWhatItSays(t *testing.T) {
	b := newBench(t)
	b.apply(string(exampleDocument(t)))
	rows := b.rows()
	project, api, user, app, anna := rows.Projects[0], rows.APIs[0], rows.Users[0], rows.Applications[1], rows.People[0]
	want := contents{
		Projects: []store.Project{{
			ID: b.file("generated/project-id"), OrganizationID: "default", Name: "hello", Active: true, CreatedAt: testTime,
			Roles: []store.Role{{Key: "admin", Name: "Administrators"}, {Key: "read:messages"}},
		}},
		APIs: []store.API{{
			ID: api.ID, ProjectID: project.ID, Name: "messages", Identifier: "https://hello.example.com",
			ClientID: b.file("generated/messages-client-id"), Form: store.FormRFC9068Permissions, SigningAlgorithm: "RS256",
			TokenLifetime: 15 * time.Minute, Active: true, CreatedAt: testTime,
			Permissions: []store.Permission{{Key: "read:messages"}, {Key: "write:messages"}},
		}},
		Users: []store.ServiceUser{{
			ID: b.file("generated/reporter-id"), OrganizationID: "default", Username: "reporter", Name: "Weekly report",
			Form: store.FormOpaque, Grants: []string{"client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"},
			SenderConstraint: store.ConstrainedByCertificate, Active: true, CreatedAt: testTime,
		}},
		Applications: []store.Application{{
			ID: rows.Applications[0].ID, ProjectID: project.ID, Name: "bank", ClientID: rows.Applications[0].ClientID, Type: store.WebApplication,
			RedirectURIs: []string{"https://bank.example.com/callback"}, Grants: []string{"authorization_code", "refresh_token"},
			IDTokenClaims: store.FullClaims, Profile: "fapi2", Active: true, CreatedAt: testTime,
		}, {
			ID: app.ID, ProjectID: project.ID, Name: "shop", ClientID: b.file("generated/shop-client-id"), Type: store.WebApplication,
			RedirectURIs: []string{"https://shop.example.com/callback"}, LogoutURIs: []string{"https://shop.example.com/"},
			AllowedOrigins: []string{"https://shop.example.com"}, InitiateLoginURI: "https://shop.example.com/login", BackchannelLogoutURI: "https://shop.example.com/logged-out",
			Grants: []string{"authorization_code", "refresh_token"}, FirstParty: true, IDTokenLifetime: time.Hour,
			IDTokenAlgorithm: "RS256", UserinfoAlgorithm: "RS256", IDTokenClaims: store.FullClaims, RefreshIdle: 720 * time.Hour, RefreshLifetime: 2160 * time.Hour,
			SenderConstraint: store.ConstrainedByProof, Active: true, CreatedAt: testTime,
		}},
		People: []store.User{{
			ID: b.file("generated/anna-id"), OrganizationID: "default", Handle: anna.Handle, LoginName: "anna", Email: "anna@example.com",
			EmailVerifiedAt: testTime, Name: "Anna Berg", GivenName: "Anna", FamilyName: "Berg", Nickname: "annie",
			PictureID: anna.PictureID, Locale: "de", Active: true, CreatedAt: testTime, UpdatedAt: testTime,
		}},
		Passwords: []store.Password{{UserID: anna.ID, PHC: rows.Passwords[0].PHC, ChangedAt: testTime}},
		Grants: []store.Assignment{
			{SubjectID: anna.ID, APIID: api.ID, Rights: []string{"read:messages"}},
			{SubjectID: anna.ID, ProjectID: project.ID, Rights: []string{"admin"}},
			{SubjectID: user.ID, APIID: api.ID, Rights: []string{}},
			{SubjectID: user.ID, ProjectID: project.ID, Rights: []string{"read:messages"}},
		},
		Secrets: []store.Secret{
			{Owner: store.Owner{Kind: store.APIClient, ID: api.ID}, Digest: secret.Digest(b.file("secrets/messages.txt")), CreatedAt: testTime},
			{Owner: store.Owner{Kind: store.ApplicationClient, ID: app.ID}, Digest: secret.Digest(b.file("secrets/shop.txt")), CreatedAt: testTime},
			{Owner: store.Owner{Kind: store.ServiceUserClient, ID: user.ID}, Digest: secret.Digest(b.file("secrets/reporter.txt")), CreatedAt: testTime, ExpiresAt: testTime.Add(8760 * time.Hour)},
		},
		Keys: rows.Keys,
		Certificates: []store.ClientCertificate{
			{Owner: store.Owner{Kind: store.APIClient, ID: api.ID}, Thumbprint: rows.Certificates[0].Thumbprint, CreatedAt: testTime},
			{Owner: store.Owner{Kind: store.APIClient, ID: api.ID}, NameType: store.DNSName, Name: "messages.example.com", CreatedAt: testTime},
			{Owner: store.Owner{Kind: store.ApplicationClient, ID: app.ID}, NameType: store.SubjectName, Name: "CN=shop,O=Example", CreatedAt: testTime},
		},
		Tokens: []store.Token{{
			Kind: store.PersonalAccessToken, Digest: secret.Digest(b.file("secrets/reporter-pat.txt")), SubjectID: user.ID,
			ClientID: "reporter", Name: "cron", Audience: []string{project.ID}, IssuedAt: testTime, ExpiresAt: testTime.Add(720 * time.Hour),
		}},
	}
	ignoreIDs := cmp.FilterPath(func(p cmp.Path) bool {
		return p.Last().String() == ".ID" && slices.Contains([]string{"store.Secret", "store.Token", "store.ClientCertificate"}, p.Index(-2).Type().String())
	}, cmp.Ignore())
	sameLists := cmp.Transformer("list", func(in []string) string { return strings.Join(in, " ") })
	if diff := cmp.Diff(want, rows, ignoreIDs, sameLists); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	organizations := must[[]store.Organization](b)(b.store.Organizations(t.Context()))
	if diff := cmp.Diff([]store.Organization{{ID: "default", Name: "Example", PrimaryDomain: "example.localhost"}}, organizations); diff != "" {
		t.Errorf("organization (-want +got):\n%s", diff)
	}
}

func TestApplyingTwiceDoesNothingTheSecondTime(t *testing.T) {
	b := newBench(t)
	example := string(exampleDocument(t))
	b.apply(example)
	rows, files := b.rows(), b.files()
	for _, bench := range []*bench{b, b.prune()} {
		bench.options.Now = func() time.Time { return testTime.Add(48 * time.Hour) }
		plan := bench.compare(example)
		if !plan.Empty() || plan.String() != "nothing to do\n" {
			t.Errorf("plan with prune %v:\n%s", bench.options.Prune, plan)
		}
		if text, err := json.Marshal(plan); err != nil || string(text) != `{"changes":[]}` {
			t.Errorf("JSON of an empty plan: %s, %v", text, err)
		}
		bench.apply(example)
	}
	if diff := cmp.Diff(rows, b.rows()); diff != "" {
		t.Errorf("rows (-first +second):\n%s", diff)
	}
	if diff := cmp.Diff(files, b.files()); diff != "" {
		t.Errorf("files (-first +second):\n%s", diff)
	}
}

func TestNameTakenOutsideTheDocumentIsExplained(t *testing.T) {
	b := newBench(t)
	b.apply(small)
	got := b.applyError("projects: [{name: other, apis: [{name: x, identifier: 'https://hello', secrets: [{secret_file: s/x}]}]}]")
	if !strings.HasPrefix(got, `setup: nothing is changed: create api "other/x": `) || !strings.Contains(got, "name it, rename one, or prune") {
		t.Errorf("error %s", got)
	}
	if n := len(b.rows().Projects); n != 1 {
		t.Errorf("%d projects, want the one from before", n)
	}
	if _, there := b.files()["s/x"]; there {
		t.Error("a file was written")
	}
}

func TestUnreadableStoreIsUnavailable(t *testing.T) {
	b := newBench(t)
	doc := b.parse(small)
	b.store.Close()
	if _, err := Compare(t.Context(), b.store, doc, b.options); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}

func TestApplyBesideARunningServer(t *testing.T) {
	b := newBench(t)
	server := b.open() // a second store on the same file
	b.apply(small)
	user, err := server.ServiceUserByUsername(t.Context(), "ci")
	if err != nil || !user.Active {
		t.Fatalf("the server sees %+v, %v", user, err)
	}
	b.apply(strings.Replace(small, "- username: ci", "- username: ci\n  active: false", 1))
	user, err = server.ServiceUser(t.Context(), user.ID)
	if err != nil || user.Active {
		t.Errorf("after the second apply the server sees %+v, %v", user, err)
	}
}

func TestManyApplyAtOnceAndOneDoesTheWork(t *testing.T) {
	b := newBench(t)
	doc := b.parse(small)
	const n = 8
	plans := make([]*Plan, n)
	for i := range plans {
		plan, err := Compare(t.Context(), b.open(), doc, b.options)
		if err != nil {
			t.Fatal(err)
		}
		plans[i] = plan
	}
	var done [n]*Plan
	var errs [n]error
	var group sync.WaitGroup
	for i, plan := range plans {
		group.Go(func() { done[i], errs[i] = plan.Apply(context.Background()) })
	}
	group.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	creators := 0
	for _, plan := range done {
		if slices.ContainsFunc(plan.Changes, func(c Change) bool { return c.Action == Create }) {
			creators++
		}
	}
	if creators != 1 {
		t.Errorf("%d of %d created, want 1", creators, n)
	}
	if plan := b.compare(small); !plan.Empty() {
		t.Errorf("left to do:\n%s", plan)
	}
	for name := range b.files() {
		if strings.HasSuffix(name, document.PendingSuffix) {
			t.Errorf("left over: %s", name)
		}
	}
}

func TestRelativePathsStartFromTheDocumentsFolder(t *testing.T) {
	b := newBench(t)
	doc, err := Parse(filepath.Join(b.dir, "postern.yaml"), []byte("projects: [{name: p, id_file: here/id}]"))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := Compare(t.Context(), b.store, doc, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := b.file("here/id"), b.rows().Projects[0].ID; got != want {
		t.Errorf("file holds %q, want %q", got, want)
	}
}
