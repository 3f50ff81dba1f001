package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server/setup"
	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/sqlite"
)

func seeded(t *testing.T, r *running) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(r.dir, databaseFile), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestDevSetsUpApplicationsThatPeopleLogInTo(t *testing.T) {
	r := startDev(t)
	s := seeded(t, r)
	project, err := s.ProjectByName(t.Context(), "auth0-samples")
	if err != nil {
		t.Fatal(err)
	}
	browser, err := s.ApplicationByClientID(t.Context(), r.getenv("AUTH0_CLIENT_ID"))
	if err != nil {
		t.Fatal(err)
	}
	web, err := s.ApplicationByClientID(t.Context(), r.getenv("WEB_CLIENT_ID"))
	if err != nil {
		t.Fatal(err)
	}
	grants := []string{"authorization_code", "refresh_token"}
	want := []store.Application{{
		ID: browser.ID, ProjectID: project.ID, Name: "browser", ClientID: "browser", Type: store.BrowserApplication,
		RedirectURIs:   []string{"http://localhost:4040", "http://localhost:4040/callback", "http://localhost:3000", "http://localhost:3000/callback"},
		LogoutURIs:     []string{"http://localhost:4040", "http://localhost:4040/", "http://localhost:3000", "http://localhost:3000/"},
		AllowedOrigins: []string{"http://localhost:4040", "http://localhost:3000"},
		Grants:         grants, IDTokenClaims: store.FullClaims, RefreshEndsWithSession: true, FirstParty: true, Active: true, CreatedAt: browser.CreatedAt,
	}, {
		ID: web.ID, ProjectID: project.ID, Name: "web", ClientID: "web", Type: store.WebApplication,
		RedirectURIs: []string{"http://localhost:4040/callback", "http://localhost:3000/callback"},
		LogoutURIs:   []string{"http://localhost:4040", "http://localhost:4040/", "http://localhost:3000"},
		Grants:       grants, IDTokenClaims: store.FullClaims, FirstParty: true, InsecureNoPKCE: true, Active: true, CreatedAt: web.CreatedAt,
	}}
	sameLists := cmp.Transformer("list", func(in []string) string { return strings.Join(in, " ") })
	if diff := cmp.Diff(want, []store.Application{browser, web}, sameLists); diff != "" {
		t.Errorf("applications (-want +got):\n%s", diff)
	}
	if got := r.getenv("AUTH0_CALLBACK_URL"); got != "http://localhost:4040/callback" {
		t.Errorf("AUTH0_CALLBACK_URL is %q", got)
	}
}

func TestDevSetsUpTwoPeopleOfWhomOneHasTheRights(t *testing.T) {
	r := startDev(t)
	s := seeded(t, r)
	samples, err := s.ProjectByName(t.Context(), "samples")
	if err != nil {
		t.Fatal(err)
	}
	var apis [2]store.API
	for i, identifier := range []string{r.getenv("API_IDENTIFIER"), r.getenv("AUTH0_AUDIENCE")} {
		if apis[i], err = s.APIByIdentifier(t.Context(), identifier); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string][3][]string{
		"USER":              {{"read:messages"}, {"read:messages"}, {"read:admin-messages"}},
		"USER_WITHOUT_ROLE": {},
	} {
		u, err := s.UserByLogin(t.Context(), "default", r.getenv(name+"_EMAIL"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		held, err := s.AssignmentsOf(t.Context(), u.ID)
		if err != nil {
			t.Fatal(err)
		}
		if len(held) != 3 {
			t.Fatalf("%s has %d assignments, want 3: %+v", name, len(held), held)
		}
		var got [3][]string
		for _, a := range held {
			switch {
			case a.ProjectID == samples.ID:
				got[0] = a.Rights
			case a.APIID == apis[0].ID:
				got[1] = a.Rights
			case a.APIID == apis[1].ID:
				got[2] = a.Rights
			default:
				t.Errorf("%s has the assignment %+v", name, a)
			}
		}
		for i := range got {
			if strings.Join(got[i], " ") != strings.Join(want[i], " ") {
				t.Errorf("%s holds %q, want %q", name, got[i], want[i])
			}
		}
	}

	// The passwords of dev.env are the ones of the store: a password file that did not fit would be an error.
	path := filepath.Join(r.dir, "dev.yaml")
	doc, err := setup.Parse(path, devDocument)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := setup.Compare(t.Context(), s, doc, setup.Options{})
	if err != nil || !plan.Empty() {
		t.Errorf("left to do: %v, %v", plan, err)
	}
	for name, file := range map[string]string{"USER_PASSWORD": "user-password", "USER_WITHOUT_ROLE_PASSWORD": "user-without-role-password"} {
		if r.getenv(name) != strings.TrimSpace(r.content(filepath.Join("generated", file))) {
			t.Errorf("%s is not what is in %s", name, file)
		}
	}
}

// A folder whose document is of before there were people goes on, and dev.env says nothing of them.
func TestFindingD5_AFolderThatKnowsNoPeopleGoesOn(t *testing.T) {
	before, rest, _ := strings.Cut(string(devDocument), "    applications:\n")
	_, rest, _ = strings.Cut(rest, "\nservice_users:\n")
	after, _, found := strings.Cut(rest, "\nusers:\n")
	if !found {
		t.Fatal("the document has another order")
	}
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "dev.yaml"), []byte(before+"\nservice_users:\n"+after), 0o600); err != nil {
		t.Fatal(err)
	}
	r := startDevWith(t, dir, nil)
	for line := range strings.Lines(r.content("dev.env")) {
		if strings.HasPrefix(line, "USER_") || strings.HasPrefix(line, "WEB_") || strings.HasPrefix(line, "AUTH0_C") {
			t.Errorf("dev.env has %s", line)
		}
	}
	if status, body := get(t, r.urls["zitadel-api"]+"/api/private-scoped", r.getenv("PAT")); status != 200 {
		t.Errorf("a token of the folder: %d %s", status, body)
	}
}
