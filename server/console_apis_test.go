package server_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/snippet"
	"github.com/postern-auth/postern/server/store"
)

var savedFile = regexp.MustCompile(`<a class="small" download="([^"]*)" href="data:application/octet-stream;base64,([^"]*)"`)

// saved returns the files that a page offers, by name.
func (s screen) saved(t testing.TB) map[string]string {
	t.Helper()
	files := make(map[string]string)
	for _, found := range savedFile.FindAllStringSubmatch(s.body, -1) {
		text, err := base64.StdEncoding.DecodeString(html.UnescapeString(found[2]))
		if err != nil {
			t.Fatal(err)
		}
		files[html.UnescapeString(found[1])] = string(text)
	}
	return files
}

// bearer is the token in the curl line of a page.
func (s screen) bearer(t testing.TB) string {
	t.Helper()
	_, rest, ok := strings.Cut(html.UnescapeString(tags.ReplaceAllString(s.body, "")), "Authorization: Bearer ")
	token, _, _ := strings.Cut(rest, "'")
	if !ok || token == "" {
		t.Fatalf("no token: %s", s.body)
	}
	return token
}

// posts sends a form to a page of the console, as it was shown there last, with fields given.
func (b *browser) posts(path string, pairs ...string) screen {
	b.w.t.Helper()
	return b.follow(path, b.ask(http.MethodPost, path, values(pairs...)))
}

// administrates logs mia in at the console.
func (w *world) administrates() *browser {
	w.t.Helper()
	b := w.browser()
	b.enters("/console/", "mia", miaPassword)
	return b
}

// apiNamed returns the API with the name.
func (w *world) apiNamed(name string) store.API {
	w.t.Helper()
	apis, err := w.store.APIs(w.t.Context())
	w.must(err)
	for _, a := range apis {
		if a.Name == name {
			return a
		}
	}
	w.t.Fatalf("there is no API %q", name)
	return store.API{}
}

func TestAnAPIIsMadeInOneFormWithATokenThatWorks(t *testing.T) {
	w := newConsoleWorld(t)
	b := w.administrates()
	form := b.open("/console/apis/new")
	form.tells(t, 200, "Create API", "By itself", "By asking us, with a key file")
	s := b.posts("/console/apis/new", "once", form.hidden("once"), "name", "Orders", "way", "itself", "identifier", "https://orders.example.com/",
		"permissions", "read:orders Read orders\r\n\r\nwrite:orders", "lifetime", "90 min", "algorithm", "RS256")
	s.tells(t, 200, "Orders", "orders-test", "permissions", "How it is signed, and with which of our signing keys.", "When it ends, in seconds since 1970:", "What it allows here.", `"`+auth0Issuer+`",`, `postern.Permission("read:orders")`, "API_IDENTIFIER=https://orders.example.com/", "AUTH0_DOMAIN="+auth0Host)
	if s.header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control %q", s.header.Get("Cache-Control"))
	}
	_, alg, claims := w.claims(s.bearer(t))
	if alg != "RS256" || claims["iss"] != auth0Issuer || claims["aud"] != "https://orders.example.com/" || fmt.Sprint(claims["permissions"]) != "[read:orders write:orders]" ||
		claims["exp"].(float64)-claims["iat"].(float64) != 5400 {
		t.Errorf("%s %v", alg, claims)
	}
	a := w.apiNamed("Orders")
	if a.Permissions[0].Name != "Read orders" || a.Form != store.FormAuth0Permissions || a.TokenLifetime != 90*time.Minute {
		t.Errorf("%+v", a)
	}
	project, err := w.store.Project(t.Context(), a.ProjectID)
	w.must(err)
	if project.Name != "Orders" {
		t.Errorf("its project is %q", project.Name)
	}
	// The same form again makes nothing.
	b.posts("/console/apis/new", "once", form.hidden("once"), "name", "Orders2", "way", "itself", "identifier", "https://orders2.example.com").tells(t, 409, "Already created")
	if _, err := w.store.APIByIdentifier(t.Context(), "https://orders2.example.com"); err == nil {
		t.Error("a form that had been sent made a second API")
	}
	// All of it is in the events, by whom, and no token or secret.
	events, err := w.store.LatestEvents(t.Context(), 20)
	w.must(err)
	var told []string
	for _, e := range events {
		if e.Actor == "u-mia" {
			told = append(told, e.Action+" "+e.Object+" "+e.Name)
		}
		if strings.Contains(e.Detail, s.bearer(t)) {
			t.Errorf("an event holds the token: %+v", e)
		}
	}
	want := "create test token orders-test at API Orders,create assignment orders-test at API Orders,create service user orders-test,create api Orders,create project Orders"
	if got := strings.Join(told, ","); got != want {
		t.Errorf("events\n%s\nwant\n%s", got, want)
	}
	if strings.Contains(w.logs.String(), s.bearer(t)) {
		t.Error("the log holds the token")
	}
}

func TestAnAPIThatAsksUsGetsASecretOrAKeyFileOnce(t *testing.T) {
	w := newConsoleWorld(t)
	b := w.administrates()
	s := b.posts("/console/apis/new", "once", b.open("/console/apis/new").hidden("once"), "name", "Sample", "way", "secret", "permissions", "read:messages")
	s.tells(t, 200, "Sample", "shown this once", "ZITADEL_DOMAIN="+w.issuer, "opaque")
	a := w.apiNamed("Sample")
	// What introspection would answer about the token is told beside it, each member with what it is for.
	s.tells(t, 200, "Sample", "now we would answer this", "It is good.", "The roles in the project.", `{"read:messages":{"`)
	raw := s.saved(t)["sample-secret.txt"]
	if env := s.saved(t)["sample.env"]; raw == "" || !strings.Contains(env, "API_CLIENT_SECRET="+raw+"\n") || !strings.Contains(env, "PROJECT_ID="+a.ProjectID+"\n") || !strings.Contains(env, "#AUTH0_AUDIENCE=\n") {
		t.Errorf("files %q", s.saved(t))
	}
	// Without an identifier, permissions are roles of the project, and the token that is shown has them there.
	answer := w.do(call{path: "/oauth/v2/introspect", user: a.ClientID + ":" + raw, form: values("token", s.bearer(t))})
	if m := w.object(answer.body); m["active"] != true || !strings.Contains(answer.body, `"read:messages":{`) {
		t.Errorf("introspection says %s", answer.body)
	}
	// It is nowhere again.
	for _, path := range []string{"", "/keys", "/environment", "/test", "/roles", "/permissions"} {
		b.open("/console/apis/"+a.ID+path).lacks(t, raw)
	}
	env := b.ask(http.MethodGet, "/console/apis/"+a.ID+"/environment", nil)
	if env.header.Get("Content-Disposition") != `attachment; filename="sample.env"` || !strings.Contains(env.body, "#API_CLIENT_SECRET=\n") || !strings.HasPrefix(env.header.Get("Content-Type"), "text/plain") {
		t.Errorf("%v\n%s", env.header, env.body)
	}

	path := "/console/apis/" + a.ID + "/keys"
	once := b.open(path).hidden("once")
	s = b.posts(path, "kind", "key", "once", once)
	s.tells(t, 200, "Sample", "Keep it now")
	content := s.saved(t)["sample-key.json"]
	if _, err := clientauth.ParseKeyFile([]byte(content)); err != nil {
		t.Error(err)
	}
	var file clientauth.KeyFile
	w.must(json.Unmarshal([]byte(content), &file))
	if file.Type != "application" || file.ClientID != a.ClientID || file.AppID != a.ID {
		t.Errorf("%s is of client %q", &file, file.ClientID)
	}
	b.posts(path, "kind", "key", "once", once).tells(t, 409, "Already created")
	b.posts(path, "kind", "secret", "once", "short").tells(t, 400, "This request is not complete")
	b.posts(path, "kind", "both", "once", once).tells(t, 400, "This request is not complete")

	// The secret is deleted by a page that says what stops, and one that counts as before.
	owner := store.Owner{Kind: store.APIClient, ID: a.ID}
	secrets, err := w.store.SecretsOf(t.Context(), owner)
	w.must(err)
	remove := path + "/delete?kind=secret&credential=" + secrets[0].ID
	ask := b.open(remove)
	ask.tells(t, 200, "Delete this secret?", "401 from introspection", "One other")
	b.posts(path, "kind", "secret", "once", b.open(path).hidden("once"))
	s = b.posts(path+"/delete", "kind", "secret", "credential", secrets[0].ID, "counted", ask.hidden("counted"))
	s.tells(t, 409, "Delete this secret?", "What stops has changed", "2 others")
	b.posts(path+"/delete", "kind", "secret", "credential", secrets[0].ID, "counted", s.hidden("counted")).tells(t, 200, "Sample", "is deleted")
	w.refused(w.do(call{path: "/oauth/v2/introspect", user: a.ClientID + ":" + raw, form: values("token", "x")}), 401, "invalid_client")
	b.open(remove).tells(t, 404, "There is nothing at this address")
	// One API's page deletes nothing of another.
	b.open("/console/apis/a-other/keys/delete?kind=key&credential="+file.KeyID).tells(t, 404, "There is nothing at this address")
}

func TestWhatTheFormOfAnAPIRefuses(t *testing.T) {
	w := newConsoleWorld(t)
	b := w.administrates()
	long := strings.Repeat("x", 300)
	for _, row := range []struct {
		name  string
		pairs []string
		tells string
	}{
		{"nothing", nil, "5"},
		{"no name", []string{"name", " "}, "A name has 1 to 200 characters"},
		{"a long name", []string{"name", long}, "A name has 1 to 200 characters"},
		{"a name with a line in it", []string{"name", "a\nb"}, "A name has 1 to 200 characters"},
		{"no identifier", []string{"identifier", ""}, "needs an identifier"},
		{"an identifier with a space", []string{"identifier", "https://a b"}, "An identifier has up to 256 characters"},
		{"a long identifier", []string{"identifier", long}, "An identifier has up to 256 characters"},
		{"an identifier that is taken", []string{"identifier", messages}, "The API messages has this identifier"},
		{"a way that there is not", []string{"way", "both"}, "Choose one of those"},
		{"a standard scope", []string{"permissions", "read\nopenid"}, "Line 2, openid"},
		{"a reserved key", []string{"permissions", "urn:zitadel:x"}, "Line 1, urn:zitadel:x"},
		{"a key with a quote", []string{"permissions", `a"b`}, `Line 1, a"b`},
		{"a key twice", []string{"permissions", "a\nb\na again"}, "a is there twice"},
		{"a long key", []string{"permissions", long}, "Line 1"},
		{"a lifetime without a unit", []string{"lifetime", "90"}, "Write a number with its unit"},
		{"a lifetime of nothing", []string{"lifetime", "0 h"}, "Write a number with its unit"},
		{"a negative lifetime", []string{"lifetime", "-1 h"}, "Write a number with its unit"},
		{"a lifetime that overflows", []string{"lifetime", "99999999999999999999 d"}, "Write a number with its unit"},
		{"a long lifetime", []string{"lifetime", "365 d"}, "At most 30 d"},
		{"an algorithm that there is not", []string{"algorithm", "none"}, "Choose one of those"},
		{"a project that there is not", []string{"project", "nowhere"}, "There is no project nowhere"},
		{"Postern's own project", []string{"project", "Postern"}, "There is no project Postern"},
		{"a name that a project has", []string{"name", "samples"}, "There is a project samples already"},
		{"a name that an API of the project has", []string{"name", "messages", "project", "samples"}, "Another one has this name"},
	} {
		t.Run(row.name, func(t *testing.T) {
			pairs := append([]string{"once", b.open("/console/apis/new").hidden("once")}, "name", "Orders", "way", "itself", "identifier", "https://orders.example.com", "permissions", "keep:this")
			form := values(pairs...)
			for name, v := range values(row.pairs...) {
				form[name] = v
			}
			if row.pairs == nil {
				form = values("once", form.Get("once"))
				row.tells = "2 fields need a change" // name and identifier; the first way is chosen
				form.Set("way", "itself")
			}
			s := b.follow("/console/apis/new", b.ask(http.MethodPost, "/console/apis/new", form))
			s.tells(t, 422, "Create API", row.tells, "Nothing was done")
			if row.pairs != nil && !strings.Contains(s.body, html.EscapeString(strings.TrimSpace(form.Get("permissions")))) {
				t.Errorf("what was typed is lost: %s", s.body)
			}
			if _, err := w.store.APIByIdentifier(t.Context(), "https://orders.example.com"); err == nil {
				t.Error("the API was made")
			}
		})
	}
	if users, _ := w.store.ServiceUsers(t.Context()); len(users) != 3 {
		t.Errorf("%d service users, want those three that were there", len(users))
	}
}

func TestTwoTabsThatChangeTheSettingsOfAnAPI(t *testing.T) {
	w := newConsoleWorld(t)
	b := w.administrates()
	path := "/console/apis/a-messages"
	first, second := b.open(path), b.open(path)
	b.posts(path, "version", first.hidden("version"), "name", "news", "form", "rfc9068", "lifetime", "1 h").tells(t, 200, "news", "issued from now on")
	s := b.posts(path, "version", second.hidden("version"), "name", "mine", "form", "opaque", "lifetime", "2 h")
	s.tells(t, 409, "news", "Somebody else has changed this meanwhile", "Take theirs", "Now there: news", "Now there: 1 h")
	if !strings.Contains(s.body, `href="`+path+`">Take theirs`) {
		t.Errorf("there is no way to what is there now: %s", s.body)
	}
	if !strings.Contains(s.body, `value="mine"`) || !strings.Contains(s.body, `value="2 h"`) {
		t.Errorf("what was typed is lost: %s", s.body)
	}
	b.posts(path, "version", s.hidden("version"), "name", "mine", "form", "opaque", "lifetime", "2 h").tells(t, 200, "mine")
	a := w.apiNamed("mine")
	if a.Form != store.FormOpaque || a.TokenLifetime != 2*time.Hour || a.Identifier != messages || len(a.Permissions) != 2 {
		t.Errorf("%+v", a)
	}
	for _, row := range [][]string{{"name", ""}, {"form", "x"}, {"lifetime", "soon"}, {"lifetime", "31 d"}, {"algorithm", "HS256"}, {"name", "samples"}} {
		pairs := append([]string{"version", b.open(path).hidden("version")}, "name", "mine", "form", "opaque")
		form := values(pairs...)
		form.Set(row[0], row[1])
		b.follow(path, b.ask(http.MethodPost, path, form)).tells(t, 422, "mine", "one field needs a change")
	}
}

// Of every form that may have been overtaken: what was typed stays, and what is there now stands below it, where it is
// something else and nowhere else.
func TestAFormThatWasOvertakenShowsBothValues(t *testing.T) {
	w, b := inConsole(t)
	site := store.Application{ID: "app-site", Name: "site", ClientID: "site", Type: store.WebApplication, Active: true, IDTokenClaims: store.FullClaims, CreatedAt: start}
	w.must(w.store.PutApplication(t.Context(), site))
	for _, row := range []struct {
		path         string
		theirs, mine []string
		now          []string
	}{
		{"/console/projects/P", []string{"name", "theirs"}, []string{"name", "mine"}, []string{"Now there: theirs"}},
		{"/console/service-users/u-robot/settings", []string{"username", "robot", "title", "", "grant", "client_credentials"},
			[]string{"username", "robot", "title", "mine", "grant", "client_credentials", "constraint", "dpop"}, []string{"Now there: nothing", "Now there: nothing, unless"}},
		{"/console/users/u-mia", []string{"login_name", "mia", "email", "mia@example.com", "verified", "yes", "name", "Theirs"},
			[]string{"login_name", "mia", "email", "mia@example.com", "verified", "no", "name", "Mine"}, []string{"Now there: Theirs", "Now there: Yes, they have shown it"}},
		{"/console/applications/app-site/settings", []string{"name", "Theirs", "redirects", "https://shop.example.com/cb", "grant", "authorization_code", "id_token_claims", string(store.FullClaims), "refresh_idle", "2 h", "refresh_lifetime", "3 h"},
			[]string{"name", "Theirs", "redirects", "https://shop.example.com/other", "grant", "authorization_code", "grant", "refresh_token", "id_token_claims", string(store.FullClaims), "refresh_idle", "1 h", "refresh_lifetime", "3 h"},
			[]string{"Now there: https://shop.example.com/cb", "Now there: authorization_code", "Now there: 2 h"}},
	} {
		t.Run(row.path, func(t *testing.T) {
			stale := b.open(row.path).hidden("version")
			b.posts(row.path, append([]string{"version", stale}, row.theirs...)...)
			s := b.posts(row.path, append([]string{"version", stale}, row.mine...)...)
			if s.status != 409 {
				t.Fatalf("answered %d %s", s.status, s.says())
			}
			text := s.says()
			for _, words := range row.now {
				if !strings.Contains(text, words) {
					t.Errorf("%q is missing in %s", words, text)
				}
			}
			if got := strings.Count(text, "Now there:"); got != len(row.now) {
				t.Errorf("%d fields say what is there now, want %d: %s", got, len(row.now), text)
			}
		})
	}
}

func TestPermissionsAreAddedAndDeletedWithWhatStops(t *testing.T) {
	w := newConsoleWorld(t)
	b := w.administrates()
	path := "/console/apis/a-messages/permissions"
	b.open(path).tells(t, 200, "messages", "read:messages", "one has it")
	b.posts(path, "key", "write", "title", "Write").tells(t, 200, "messages", "write can be given now")
	for key, told := range map[string]string{"write": "write is there already", "openid": "A key has up to 128", "a b": "A key has up to 128", "": "A key has up to 128", "urn:zitadel:x": "A key has up to 128"} {
		b.posts(path, "key", key).tells(t, 422, "messages", told)
	}
	ask := b.open(path + "/delete?key=read%3Amessages")
	ask.tells(t, 200, "Delete read:messages?", "One loses it")
	w.must(w.store.PutAssignment(t.Context(), store.Assignment{SubjectID: "u-plain", APIID: "a-messages", Rights: []string{"read:messages"}}))
	again := b.posts(path+"/delete", "key", "read:messages", "counted", ask.hidden("counted"))
	again.tells(t, 409, "Delete read:messages?", "What stops has changed", "2 lose it")
	b.posts(path+"/delete", "key", "read:messages", "counted", again.hidden("counted")).tells(t, 200, "messages", "read:messages is deleted")
	b.posts(path+"/delete", "key", "read:messages", "counted", again.hidden("counted")).tells(t, 404, "There is nothing at this address")
	assigned, err := w.store.AssignmentsOf(t.Context(), "u-plain")
	w.must(err)
	for _, a := range assigned {
		if len(a.Rights) > 0 {
			t.Errorf("the permission is still held: %+v", a)
		}
	}
	// Many are read in parts.
	a := w.apiNamed("messages")
	for n := range 120 {
		a.Permissions = append(a.Permissions, store.Permission{Key: fmt.Sprintf("p:%03d", n)})
	}
	w.must(w.store.PutAPI(t.Context(), a))
	s := b.open(path)
	s.tells(t, 200, "messages", "1 to 50 of 122")
	next := html.UnescapeString(regexp.MustCompile(`href="([^"]*)" rel="next"`).FindStringSubmatch(s.body)[1])
	s = b.open(next)
	s.tells(t, 200, "messages", "51 to 100 of 122", "p:050", "p:099")
	b.open(html.UnescapeString(regexp.MustCompile(`href="([^"]*)" rel="prev"`).FindStringSubmatch(s.body)[1])).tells(t, 200, "messages", "1 to 50 of 122")
	b.open(path+"?q=P:11").tells(t, 200, "messages", "1 to 10 of 10")
}

func TestRolesAreThoseOfTheProject(t *testing.T) {
	w := newConsoleWorld(t)
	b := w.administrates()
	b.open("/console/apis/a-samples/roles").tells(t, 200, "samples", "One other API", "read:messages", "one has it")
	b.posts("/console/projects/P/roles", "key", "exporter", "api", "a-samples").tells(t, 200, "samples", "sees the role exporter")
	b.posts("/console/projects/P/roles", "key", "exporter", "api", "a-samples").tells(t, 422, "samples", "has the role exporter already")
	b.posts("/console/projects/P/roles", "key", "openid").tells(t, 422, "samples", "A key has up to 128")
	b.posts("/console/projects/nowhere/roles", "key", "x").tells(t, 404, "There is nothing at this address")
	ask := b.open("/console/projects/P/roles/delete?key=read:messages&api=a-samples")
	ask.tells(t, 200, "Delete the role read:messages?", "One loses it")
	b.posts("/console/projects/P/roles/delete", "key", "read:messages", "counted", ask.hidden("counted"), "name", "other").tells(t, 422, "Delete the role read:messages?", "This is not read:messages")
	b.posts("/console/projects/P/roles/delete", "key", "read:messages", "counted", ask.hidden("counted"), "name", "read:messages", "api", "a-samples").tells(t, 200, "samples", "read:messages is deleted")
	// Those of Postern's own project open this console.
	for _, path := range []string{"/roles/delete?key=administrator", "/delete"} {
		b.open("/console/projects/"+registry.OwnProject+path).tells(t, 404, "There is nothing at this address")
	}
	b.posts("/console/projects/"+registry.OwnProject+"/roles", "key", "x").tells(t, 404, "There is nothing at this address")
	b.posts("/console/projects/"+registry.OwnProject+"/delete", "name", "Postern", "counted", "0.0.2.").tells(t, 404, "There is nothing at this address")
	b.open("/console/projects/"+registry.OwnProject).lacks(t, "Create role", "Delete project")
}

func TestAnAPIIsStoppedAndDeletedByWhoReadsWhatStops(t *testing.T) {
	w := newConsoleWorld(t)
	b := w.administrates()
	path := "/console/apis/a-messages"
	ask := b.open(path + "/deactivate")
	ask.tells(t, 200, "Deactivate the API messages?", "One gets no more tokens for it: robot", "secret or key file")
	b.posts(path+"/deactivate", "counted", "9.9.9.").tells(t, 409, "Deactivate the API messages?")
	b.posts(path+"/deactivate", "counted", ask.hidden("counted")).tells(t, 200, "messages", "is deactivated", "nobody gets tokens for it")
	w.refused(w.do(tokenCall("robot", "audience", messages)), 400, "invalid_target")
	b.posts(path+"/activate").tells(t, 200, "messages", "is active again")
	w.token("robot", "audience", messages)

	ask = b.open(path + "/delete")
	ask.tells(t, 200, "Delete the API messages?", "It cannot be undone", "Type messages to confirm", "the last until")
	b.posts(path+"/delete", "counted", ask.hidden("counted"), "name", "Messages").tells(t, 422, "Delete the API messages?", "This is not messages")
	w.must(w.store.PutAssignment(t.Context(), store.Assignment{SubjectID: "u-plain", APIID: "a-messages"}))
	ask = b.posts(path+"/delete", "counted", ask.hidden("counted"), "name", "messages")
	ask.tells(t, 409, "Delete the API messages?", "What stops has changed", "2 get no more tokens")
	b.posts(path+"/delete", "counted", ask.hidden("counted"), "name", "messages").tells(t, 200, "APIs", "messages is deleted")
	b.posts(path+"/delete", "counted", ask.hidden("counted"), "name", "messages").tells(t, 404, "There is nothing at this address")
	b.open(path).tells(t, 404, "There is nothing at this address")
}

func TestProjectsAreCreatedRenamedAndDeleted(t *testing.T) {
	w := newConsoleWorld(t)
	b := w.administrates()
	b.posts("/console/projects/new", "name", "Shop").tells(t, 200, "Shop", "is created", "has no API yet")
	for name, told := range map[string]string{"Shop": "Another one has this name", "": "A name has 1 to 200", registry.OwnProjectName: "A name has 1 to 200", "a\x00b": "A name has 1 to 200"} {
		b.posts("/console/projects/new", "name", name).tells(t, 422, "Create project", told)
	}
	first, second := b.open("/console/projects/P"), b.open("/console/projects/P")
	b.posts("/console/projects/P", "version", first.hidden("version"), "name", "shop 2").tells(t, 200, "shop 2", "is saved")
	b.posts("/console/projects/P", "version", second.hidden("version"), "name", "mine").tells(t, 409, "shop 2", "Somebody else has changed this")
	b.posts("/console/projects/P", "version", b.open("/console/projects/P").hidden("version"), "name", "other").tells(t, 422, "shop 2", "Another one has this name")
	b.posts("/console/projects/none", "version", "x", "name", "mine").tells(t, 404, "There is nothing at this address")
	ask := b.open("/console/projects/P/delete")
	ask.tells(t, 200, "Delete the project shop 2?", "2 APIs go", "3 assignments")
	b.posts("/console/projects/P/delete", "counted", ask.hidden("counted"), "name", "shop").tells(t, 422, "Delete the project shop 2?")
	w.must(w.store.DeleteAPI(t.Context(), "a-samples"))
	ask = b.posts("/console/projects/P/delete", "counted", ask.hidden("counted"), "name", "shop 2")
	ask.tells(t, 409, "Delete the project shop 2?", "One API goes")
	b.posts("/console/projects/P/delete", "counted", ask.hidden("counted"), "name", "shop 2").tells(t, 200, "Projects", "shop 2 is deleted")
}

func TestATestTokenIsOfWhoMayHaveIt(t *testing.T) {
	w := newConsoleWorld(t)
	b := w.administrates()
	path := "/console/apis/a-messages/test"
	s := b.open(path)
	s.tells(t, 200, "messages", "Who asks")
	s.lacks(t, "Bearer") // to look makes no token
	s = b.posts(path, "who", "robot", "address", "https://api.example.com/a?b=c")
	s.tells(t, 200, "messages", "of robot", "'https://api.example.com/a?b=c'")
	if m := w.introspect("messages", s.bearer(t)); m["active"] != true || m["sub"] != "u-robot" {
		t.Errorf("%v", m)
	}
	// The call is there in ten languages, each with the token.
	for _, language := range snippet.Languages {
		if !strings.Contains(html.UnescapeString(s.body), `aria-label="The call in `+language.Name+`"`) {
			t.Errorf("no call in %s", language.Name)
		}
	}
	if n := strings.Count(s.body, `name="call"`); n != 10 || strings.Count(s.body, `name="call" open`) != 1 {
		t.Errorf("%d calls: %s", n, s.body)
	}
	if len(s.body) > 60_000 {
		t.Errorf("%d bytes", len(s.body))
	}
	if strings.Contains(s.body, "/test?") {
		t.Error("an address of a call: it would carry the token, or make another")
	}
	for _, row := range [][3]string{
		{"nobody", "https://a", "There is no service user nobody"}, {"", "https://a", "There is no service user"}, {"plain", "https://a", "has no grant on the API"},
		{"robot", "", "Write an http or https address"}, {"robot", "file:///etc/passwd", "Write an http"}, {"robot", "https://$(id)/", "Write an http"}, {"robot", "http://:80", "Write an http"}, {"robot", "https://a/'; rm -rf ~ #", "Write an http"},
		{"robot", "https://a/$(x) ", "of robot"}, {"mia", "https://a", "There is no service user mia"},
	} {
		status := 422
		if row[2] == "of robot" {
			status = 200 // quoted, it is text
		}
		b.posts(path, "who", row[0], "address", row[1]).tells(t, status, "messages", row[2])
	}
	// A reader gets none: it would make them the service user.
	reader := w.browser()
	reader.enters("/console/", "noah", noahPassword)
	s = reader.open(path)
	s.tells(t, 200, "messages", "Only administrators")
	s.lacks(t, "<textarea", `name="who"`)
	reader.posts(path, "who", "robot", "address", "https://a").tells(t, 403, "Only administrators can do this")
}

func TestS11NamesOfAPIsAndProjectsStayText(t *testing.T) {
	w := newConsoleWorld(t)
	b := w.administrates()
	const name = `"><script>alert(1)</script>'`
	s := b.posts("/console/apis/new", "once", b.open("/console/apis/new").hidden("once"), "name", name, "way", "secret", "identifier", "https://x/$(id)`id`", "permissions", "<script>alert(1)</script> <img src=x>")
	a := w.apiNamed(name)
	if env := s.saved(t)["script-alert-1-script.env"]; !strings.Contains(env, "API_IDENTIFIER='https://x/$(id)`id`'\n") {
		t.Errorf("a shell that reads the file runs what is in it: %s", env)
	}
	pages := []screen{s}
	for _, path := range []string{"", "/keys", "/test", "/roles", "/permissions", "/delete", "/deactivate", "/permissions/delete?key=%3Cscript%3Ealert(1)%3C/script%3E"} {
		pages = append(pages, b.open("/console/apis/"+a.ID+path))
	}
	for _, path := range []string{"/console/apis", "/console/projects", "/console/projects/" + a.ProjectID, "/console/projects/" + a.ProjectID + "/delete"} {
		pages = append(pages, b.open(path))
	}
	for _, s := range pages {
		if s.status != 200 || !strings.Contains(s.body, "&lt;script&gt;") {
			t.Errorf("%s: %d", s.path, s.status)
		}
		s.lacks(t, "<script>alert", "<img src=x")
	}
}

func TestListsOfAPIsAndProjects(t *testing.T) {
	w := newConsoleWorld(t)
	b := w.browser()
	b.enters("/console/", "noah", noahPassword)
	b.open("/console/apis").tells(t, 200, "APIs", messages, "4 of 4")
	b.open("/console/apis?q=QUESTS").tells(t, 200, "APIs", "Nothing matches")
	b.open("/console/apis?q=reports.example").tells(t, 200, "APIs", "reports", "1 row")
	b.open("/console/projects").tells(t, 200, "Projects", "samples", "Postern")
	b.open("/console/apis").lacks(t, "/console/apis/new")
	b.open("/console/apis/a-messages").lacks(t, `class="form"`, "/delete")
	b.open("/console/projects/P").lacks(t, `class="form"`, "/delete")
}
