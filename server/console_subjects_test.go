package server_test

import (
	"context"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// inConsole is a world of the console in which mia is at it.
func inConsole(t testing.TB) (*world, *browser) {
	t.Helper()
	w := newConsoleWorld(t)
	b := w.browser()
	b.enters("/console/", "mia", miaPassword)
	return w, b
}

// fill sends the form of a page with what is given, and what it hides.
func (b *browser) fill(path string, pairs ...string) screen {
	b.w.t.Helper()
	s := b.open(path)
	form := hiddenFields(s)
	for name, v := range values(pairs...) {
		form[name] = v
	}
	return b.follow(path, b.ask("POST", path, form))
}

var contentForm = regexp.MustCompile(`(?s)<form class="form".*?</form>`)

func hiddenFields(s screen) map[string][]string {
	form := make(map[string][]string)
	for _, found := range hiddenOf.FindAllStringSubmatch(contentForm.FindString(s.body), -1) {
		form[html.UnescapeString(found[1])] = []string{html.UnescapeString(found[2])}
	}
	return form
}

// shownOnce returns what the page shows in its first box.
func (s screen) shownOnce() string {
	found := regexp.MustCompile(`(?s)<pre class="code"[^>]*>(.*?)</pre>`).FindStringSubmatch(s.body)
	if found == nil {
		return ""
	}
	return html.UnescapeString(tags.ReplaceAllString(found[1], ""))
}

func (w *world) serviceUser(name string) store.ServiceUser {
	w.t.Helper()
	u, err := w.store.ServiceUserByUsername(context.Background(), name)
	w.must(err)
	return u
}

func TestAServiceUserIsBornWithWhatItLogsInWith(t *testing.T) {
	w, b := inConsole(t)
	role := "project P read:messages"
	s := b.fill("/console/service-users/new", "username", "nightly", "right", role, "right", "api a-messages read", "way", "secret")
	s.tells(t, 200, "nightly", "it is shown this once", "read:messages", " --client-id nightly --client-secret-file nightly-secret.txt --audience https://messages.example.com")
	raw := s.shownOnce()
	w.issued(w.do(call{path: "/oauth/v2/token", user: "nightly:" + raw, form: values("grant_type", "client_credentials", "scope", "urn:zitadel:iam:org:project:id:P:aud")}))
	if got := s.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	about := b.open("/console/service-users/" + w.serviceUser("nightly").ID)
	about.lacks(t, raw)
	tab := regexp.MustCompile(`href="(/console/events[?][^"]*)"`).FindStringSubmatch(about.body)
	if tab == nil {
		t.Fatal("its page does not lead to its events")
	}
	b.open(html.UnescapeString(tab[1])).tells(t, 200, "Events", "created nightly", "gave a role or permission: nightly at API messages")

	s = b.fill("/console/service-users/new", "username", "signer", "right", role, "way", "key")
	s.tells(t, 200, "signer", "Download it now")
	if file := s.shownOnce(); !strings.Contains(file, `"serviceaccount"`) || !strings.Contains(file, w.serviceUser("signer").ID) {
		t.Errorf("key file %s", file)
	}
	s = b.fill("/console/service-users/new", "username", "ci", "right", role, "way", "token")
	s.tells(t, 200, "ci", "Token created")
	if got := w.introspect("samples", s.shownOnce()); got["active"] != true {
		t.Errorf("the token says %v", got)
	}
	b.fill("/console/service-users/new", "username", "later", "way", "later").tells(t, 200, "later", "later is created", "It may do nothing")
	want := []string{"u-mia create service user later", "u-mia create personal access token ci", "u-mia create assignment ci at project samples", "u-mia create service user ci"}
	if got := w.trail(); !slices.Equal(got[:4], want) {
		t.Errorf("events %q, want %q", got[:4], want)
	}
	for _, line := range w.trail() {
		if strings.Contains(line, raw) {
			t.Errorf("an event holds the secret: %s", line)
		}
	}
	b.open("/console/service-users").tells(t, 200, "Service users", "nightly", "secret", "samples", "may do nothing")
}

// The same form sent again makes nothing, and does not show what it made.
func TestWhatIsBornIsBornOnce(t *testing.T) {
	w, b := inConsole(t)
	for path, pairs := range map[string][]string{
		"/console/service-users/new":                 {"username", "twice", "way", "secret"},
		"/console/service-users/u-robot/secrets/new": {"ends", "30"},
		"/console/service-users/u-robot/keys/new":    {"ends", "never", "algorithm", "ES256"},
		"/console/service-users/u-robot/tokens/new":  {"ends", "90", "name", "ci", "audience", messages},
	} {
		form := values(pairs...)
		form.Set("once", hiddenFields(b.open(path))["once"][0])
		first := b.follow(path, b.ask("POST", path, form))
		first.tells(t, 200, first.title(), "shown this once")
		n := len(w.trail())
		b.follow(path, b.ask("POST", path, form)).tells(t, 200, first.title(), "Already created")
		if again := b.follow(path, b.ask("POST", path, form)); strings.Contains(again.body, first.shownOnce()) || len(w.trail()) != n {
			t.Errorf("%s: sent again, it shows what was born, or makes it again", path)
		}
		form.Del("once")
		if got := b.ask("POST", path, form).status; got != 400 {
			t.Errorf("%s without its mark: %d, want 400", path, got)
		}
	}
}

func TestFormsOfServiceUsersRefuseBadInput(t *testing.T) {
	w, b := inConsole(t)
	w.must(w.store.PutAssignment(t.Context(), store.Assignment{SubjectID: "u-robot", APIID: "a-messages", Rights: []string{"read"}}))
	n := len(w.trail())
	long := strings.Repeat("x", 300)
	for _, test := range []struct {
		name, path string
		pairs      []string
		status     int
		title      string
		says       string
	}{
		{"no name", "new", []string{"way", "later"}, 422, "Create service user", "Write 1 to 256 letters"},
		{"a name with a space", "new", []string{"username", "a b", "way", "later"}, 422, "Create service user", "Write 1 to 256 letters"},
		{"a long name", "new", []string{"username", long, "way", "later"}, 422, "Create service user", "Write 1 to 256 letters"},
		{"a name of another", "new", []string{"username", "robot", "way", "later"}, 422, "Create service user", "This name is taken"},
		{"the name of an application", "new", []string{"username", "notes", "way", "later"}, 422, "Create service user", "This name is taken"},
		{"a long description", "new", []string{"username", "a", "title", long, "way", "later"}, 422, "Create service user", "at most 200 characters"},
		{"no way", "new", []string{"username", "a", "way", "password"}, 422, "Create service user", "Choose how it logs in"},
		{"a role that is not there", "new", []string{"username", "a", "way", "later", "right", "project P none"}, 422, "Create service user", "not there any more"},
		{"the role of administrators", "new", []string{"username", "a", "way", "later", "right", "project " + registry.OwnProject + " administrator"}, 422, "Create service user", "not there any more"},
		{"nonsense for a role", "new", []string{"username", "a", "way", "later", "right", "x"}, 422, "Create service user", "not there any more"},
		{"a token for nothing", "new", []string{"username", "a", "way", "token"}, 422, "Create service user", "tick something"},
		{"a secret without an end", "u-robot/secrets/new", nil, 422, "Create secret", "Choose when it ends"},
		{"a secret of the past", "u-robot/secrets/new", []string{"ends", "date", "until", "2001-01-01"}, 422, "Create secret", "Write a date to come"},
		{"no date", "u-robot/secrets/new", []string{"ends", "date", "until", "soon"}, 422, "Create secret", "Write a date to come"},
		{"a date far away", "u-robot/secrets/new", []string{"ends", "date", "until", "9999-12-31"}, 422, "Create secret", "Write a date to come"},
		{"a key of no algorithm", "u-robot/keys/new", []string{"ends", "30", "algorithm", "none"}, 422, "Create key file", "Choose one of the algorithms"},
		{"a token without a name", "u-robot/tokens/new", []string{"ends", "30", "audience", messages}, 422, "Create token", "Write 1 to 200 characters"},
		{"a token for nobody", "u-robot/tokens/new", []string{"ends", "30", "name", "ci"}, 422, "Create token", "Choose what it is for"},
		{"a token for what it may not use", "u-robot/tokens/new", []string{"ends", "30", "name", "ci", "audience", reports}, 422, "Create token", "not there any more"},
		{"settings of another's name", "u-robot/settings", []string{"username", "plain"}, 422, "robot", "This name is taken"},
		{"a form of tokens that nobody knows", "u-robot/settings", []string{"username", "robot", "form", "saml"}, 422, "robot", "Choose one of those"},
		{"a grant of people", "u-robot/settings", []string{"username", "robot", "grant", "authorization_code"}, 422, "robot", "Choose one of those"},
		{"a binding that nobody knows", "u-robot/settings", []string{"username", "robot", "constraint", "cookie"}, 422, "robot", "Choose one of those"},
		{"another name to delete", "u-robot/delete", []string{"name", "Robot"}, 422, "Delete robot?", "This is not robot"},
		{"a secret of another", "u-robot/secrets/s-plain-secret/delete", nil, 404, "There is nothing at this address", ""},
		{"a key that is not there", "u-robot/keys/none/delete", nil, 404, "There is nothing at this address", ""},
		{"a token that is not there", "u-robot/tokens/none/revoke", nil, 404, "There is nothing at this address", ""},
		{"nobody", "none/settings", []string{"username", "x"}, 404, "There is nothing at this address", ""},
	} {
		path := "/console/service-users/" + test.path
		s := b.fill(path, test.pairs...)
		if s.status != test.status || s.title() != test.title || !strings.Contains(html.UnescapeString(tags.ReplaceAllString(s.body, "")), test.says) {
			t.Errorf("%s: %d %q without %q", test.name, s.status, s.title(), test.says)
		}
		if name := values(test.pairs...).Get("username"); test.status == 422 && name != "" && !strings.Contains(s.body, `value="`+name+`"`) {
			t.Errorf("%s: what was typed is lost", test.name)
		}
	}
	if got := len(w.trail()); got != n {
		t.Errorf("%d events of what was refused", got-n)
	}
}

func TestARightIsGivenTakenAndGivenBack(t *testing.T) {
	w, b := inConsole(t)
	rights := "/console/service-users/u-plain/rights"
	held := func() (all []string) {
		found, err := w.store.AssignmentsOf(t.Context(), "u-plain")
		w.must(err)
		for _, a := range found {
			all = append(all, a.ProjectID+a.APIID+" "+strings.Join(a.Rights, ","))
		}
		return all
	}
	post := func(path, right string) screen {
		return b.follow(path, b.ask("POST", rights+path, values("right", right)))
	}
	b.open(rights).tells(t, 200, "plain", "tokens, and nothing more", "read:messages", "Give")
	b.open(rights+"?q=READ:mess").tells(t, 200, "plain", "read:messages", "messages")
	b.open(rights+"?q=nothing-like-it").tells(t, 200, "plain", "Nothing matches")
	post("/give", "project P read:messages").tells(t, 200, "plain", "read:messages is given")
	post("/give", "api a-messages read").tells(t, 200, "plain", "read is given")
	if got := held(); !slices.Equal(got, []string{"a-messages read", "P read:messages"}) {
		t.Errorf("it holds %q", got)
	}
	n := len(w.trail())
	post("/give", "api a-messages read") // twice gives once
	s := post("/take", "api a-messages read")
	s.tells(t, 200, "plain", "read is taken away", "Undo")
	post("/take", "api a-messages read") // in another tab, or pressed twice
	if got := w.trail(); len(got) != n+1 || got[0] != "u-mia change assignment plain at API messages" {
		t.Errorf("events %q", got)
	}
	undo := regexp.MustCompile(`<div class="note good".*?<form method="post" action="([^"]*)"><input type="hidden" name="right" value="([^"]*)"`).FindStringSubmatch(s.body)
	if undo == nil {
		t.Fatalf("no way back: %s", s.body)
	}
	b.follow(undo[1], b.ask("POST", undo[1], values("right", html.UnescapeString(undo[2])))).tells(t, 200, "plain", "read is given")
	if got := held(); !slices.Equal(got, []string{"a-messages read", "P read:messages"}) {
		t.Errorf("after the way back it holds %q", got)
	}
	// Without any right left it may still get tokens, until that is taken away too.
	post("/take", "api a-messages read").tells(t, 200, "plain", "read is taken away", "tokens, and nothing more")
	if got := held(); !slices.Equal(got, []string{"a-messages ", "P read:messages"}) {
		t.Errorf("after the last right it holds %q", got)
	}
	post("/take", "api a-messages ").tells(t, 200, "plain")
	if got := held(); !slices.Equal(got, []string{"P read:messages"}) {
		t.Errorf("in the end it holds %q", got)
	}
	for _, right := range []string{"", "project", "project P", "project P none", "project none x", "api a-messages none", "role P admin", "project " + registry.OwnProject + " administrator"} {
		post("/give", right).tells(t, 422, "plain", "not there any more")
	}
	// A link of somebody else's makes no page say that something was taken.
	b.header = map[string][]string{"Sec-Fetch-Site": {"cross-site"}}
	b.open(rights+"?taken=project+P+admin").lacks(t, "is taken away")
}

func TestServiceUsersAreStoppedForAWhileOrForGood(t *testing.T) {
	w, b := inConsole(t)
	raw := w.token("robot", "scope", "urn:zitadel:iam:org:project:id:P:aud")
	s := b.open("/console/service-users/u-robot/deactivate")
	s.tells(t, 200, "Deactivate robot?", "logs nobody in")
	form := hiddenFields(s)
	// What was counted has changed meanwhile: the page comes again with the new count.
	w.must(w.store.CreateSecret(t.Context(), store.Secret{ID: "more", Owner: store.Owner{Kind: store.ServiceUserClient, ID: "u-robot"}, Digest: secret.Digest("more"), CreatedAt: start}))
	s = b.follow("", b.ask("POST", "/console/service-users/u-robot/deactivate", form))
	s.tells(t, 409, "Deactivate robot?", "2 secrets and key files", "has changed since")
	b.fill("/console/service-users/u-robot/deactivate").tells(t, 200, "robot", "deactivated")
	w.inactive("samples", raw)
	b.open("/console/service-users").tells(t, 200, "Service users", "deactivated")
	b.follow("", b.ask("POST", "/console/service-users/u-robot/activate", nil)).tells(t, 200, "robot", "is active again")
	b.fill("/console/service-users/u-robot/secrets/more/delete").tells(t, 200, "robot", "A secret of robot is deleted")
	b.fill("/console/service-users/u-robot/delete", "name", "robot").tells(t, 200, "Service users", "robot is deleted")
	if got := w.trail()[:4]; !slices.Equal(got, []string{
		"u-mia delete service user robot", "u-mia delete secret u-robot", "u-mia change service user robot", "u-mia change service user robot",
	}) {
		t.Errorf("events %q", got)
	}
	b.open("/console/service-users/u-robot").tells(t, 404, "There is nothing at this address")
}

// Two tabs hold the same form; the one that is sent second is told, and keeps what was typed.
func TestOfTwoWhoChangeAServiceUserTheSecondIsTold(t *testing.T) {
	w, b := inConsole(t)
	path := "/console/service-users/u-robot/settings"
	first, second := hiddenFields(b.open(path)), hiddenFields(b.open(path))
	send := func(form map[string][]string, title string) screen {
		form["username"], form["title"], form["form"] = []string{"robot"}, []string{title}, []string{"opaque"}
		return b.follow(path, b.ask("POST", path, form))
	}
	send(first, "one").tells(t, 200, "robot", "robot is saved")
	s := send(second, "two")
	s.tells(t, 409, "robot", "Somebody else has changed this")
	if !strings.Contains(s.body, `value="two"`) || w.serviceUser("robot").Name != "one" {
		t.Error("what was typed is lost, or what was saved")
	}
	send(hiddenFields(s), "two").tells(t, 200, "robot", "robot is saved")
	if got := w.serviceUser("robot"); got.Name != "two" || got.Form != store.FormOpaque {
		t.Errorf("%+v", got)
	}
}

func TestS11_NamesOfServiceUsersStayText(t *testing.T) {
	w, b := inConsole(t)
	payload := `"><script>alert(1)</script>`
	w.must(w.store.PutServiceUser(t.Context(), store.ServiceUser{ID: "u-robot", OrganizationID: "org", Username: "robot", Name: payload, Active: true}))
	w.must(w.store.CreateToken(t.Context(), store.Token{ID: "x", Kind: store.PersonalAccessToken, SubjectID: "u-robot", Name: payload, Audience: []string{payload}}))
	p, err := w.store.Project(t.Context(), "P")
	w.must(err)
	p.Name = payload
	w.must(w.store.PutProject(t.Context(), p))
	for _, path := range []string{"", "/new", "/u-robot", "/u-robot/rights", "/u-robot/settings", "/u-robot/delete", "/u-robot/tokens/new", "/u-robot/tokens/x/revoke"} {
		s := b.open("/console/service-users" + path)
		s.lacks(t, "<script>alert", `"><script>`)
		if s.status != 200 {
			t.Errorf("%s: %d", path, s.status)
		}
	}
}

// A reader looks at everything and is offered nothing that would fail.
func TestAReaderOfServiceUsersIsOfferedNoChange(t *testing.T) {
	w := newConsoleWorld(t)
	b := w.browser()
	b.enters("/console/service-users", "noah", noahPassword)
	for _, path := range []string{"", "/u-robot", "/u-robot/rights", "/u-robot/settings"} {
		s := b.open("/console/service-users" + path)
		s.lacks(t, `class="go"`, `class="plain stop"`, `class="small stop"`, "/new\"", "/give\"", "/take\"")
		if s.status != 200 {
			t.Errorf("%s: %d", path, s.status)
		}
	}
}

func TestAnApplicationIsBornOfItsKind(t *testing.T) {
	w, b := inConsole(t)
	path := "/console/applications/new"
	b.open(path).tells(t, 200, "Create application", "Where does it run?", "Redirect addresses")
	s := b.fill(path, "kind", "browser", "name", "Reader", "redirects", "http://localhost:4040/callback\r\n\r\nhttps://reader.example.com/cb", "origins", "http://localhost:4040")
	s.tells(t, 200, "Reader", "Reader is created", "AUTH0_CALLBACK_URL=http://localhost:4040/callback")
	find := func(name string) store.Application {
		all, err := w.store.Applications(t.Context())
		w.must(err)
		i := slices.IndexFunc(all, func(a store.Application) bool { return a.Name == name })
		if i < 0 {
			t.Fatalf("no application %q", name)
		}
		return all[i]
	}
	if a := find("Reader"); !slices.Equal(a.RedirectURIs, []string{"http://localhost:4040/callback", "https://reader.example.com/cb"}) || !slices.Equal(a.AllowedOrigins, []string{"http://localhost:4040"}) || !a.FirstParty {
		t.Errorf("%+v", a)
	}
	s = b.fill(path, "kind", "web", "name", "Shop", "redirects", "https://shop.example.com/cb", "project", "P")
	s.tells(t, 200, "Shop", "it is shown this once", "CLIENT_SECRET="+s.shownOnce())
	a, raw := find("Shop"), s.shownOnce()
	rows, err := w.store.SecretsOf(t.Context(), store.Owner{Kind: store.ApplicationClient, ID: a.ID})
	w.must(err)
	if len(rows) != 1 || !secret.Matches(raw, rows[0].Digest) || a.ProjectID != "P" || a.AllowedOrigins != nil {
		t.Errorf("%+v with %d secrets", a, len(rows))
	}
	b.open("/console/applications/"+a.ID).lacks(t, raw)
	if s := b.fill(path, "kind", "machine"); s.title() != "Create service user" {
		t.Errorf("machine-to-machine leads to %q", s.title())
	}
	b.open("/console/applications").tells(t, 200, "Applications", "Reader", "Regular web", "third party", "deactivated")
	if got := w.trail()[:3]; !slices.Equal(got, []string{"u-mia create secret " + a.ID, "u-mia create application Shop", "u-mia create application Reader"}) {
		t.Errorf("events %q", got)
	}
}

func TestFormsOfApplicationsRefuseBadInput(t *testing.T) {
	w, b := inConsole(t)
	n := len(w.trail())
	good := "https://a.example.com/cb"
	for _, test := range []struct {
		name, path string
		pairs      []string
		says       string
	}{
		{"no kind", "new", []string{"name", "A", "redirects", good}, "Choose one of those"},
		{"a kind that nobody knows", "new", []string{"name", "A", "redirects", good, "kind", "mobile"}, "Choose one of those"},
		{"no name", "new", []string{"kind", "web", "redirects", good}, "A name has 1 to 200"},
		{"no address", "new", []string{"kind", "web", "name", "A"}, "Write at least one"},
		{"K1 a star", "new", []string{"kind", "web", "name", "A", "redirects", good + "\n\nhttps://*.example.com"}, "Line 3: stars are not allowed, list each address."},
		{"K2 http", "new", []string{"kind", "web", "name", "A", "redirects", "http://a.example.com/cb\nhttps://b.example.com/#x"}, "Line 1: "},
		{"K2 the second of two bad lines", "new", []string{"kind", "web", "name", "A", "redirects", "http://a.example.com/cb\nhttps://b.example.com/#x"}, "Line 2: "},
		{"a line twice", "new", []string{"kind", "web", "name", "A", "redirects", good + "\n" + good}, "Line 2 is there already."},
		{"a private scheme of a browser", "new", []string{"kind", "browser", "name", "A", "redirects", "com.example.a:/cb"}, "Line 1: "},
		{"a script", "new", []string{"kind", "native", "name", "A", "redirects", "javascript:alert(1)"}, "Line 1: "},
		{"too many lines", "new", []string{"kind", "web", "name", "A", "redirects", many(101)}, "Write at most 100 lines"},
		{"an origin with a path", "new", []string{"kind", "browser", "name", "A", "redirects", good, "origins", "https://a.example.com/"}, "Line 1: "},
		{"a log-out address over http", "new", []string{"kind", "web", "name", "A", "redirects", good, "logouts", "http://a.example.com"}, "Line 1: "},
		{"a project that is not there", "new", []string{"kind", "web", "name", "A", "redirects", good, "project", "none"}, "Choose one of those"},
		{"the console's own project", "new", []string{"kind", "web", "name", "A", "redirects", good, "project", registry.OwnProject}, "Choose one of those"},
		{"a name that its project has", "new", []string{"kind", "web", "name", "Notes", "redirects", good, "project", "P"}, "Another one has this name"},
		{"no grant", "notes/settings", []string{"name", "Notes", "redirects", good}, "Tick at least one"},
		{"a grant of service users", "notes/settings", []string{"name", "Notes", "redirects", good, "grant", "client_credentials"}, "Choose one of those"},
		{"an exchange without a secret", "notes/settings", []string{"name", "Notes", "redirects", good, "grant", "urn:ietf:params:oauth:grant-type:token-exchange"}, "keep a secret"},
		{"K7 a browser without PKCE", "notes/settings", []string{"name", "Notes", "redirects", good, "grant", "authorization_code", "flag", "no_pkce"}, "can do without PKCE"},
		{"nonsense for a lifetime", "notes/settings", []string{"name", "Notes", "redirects", good, "grant", "authorization_code", "refresh_idle", "soon"}, "Write a number"},
		{"a lifetime without end", "notes/settings", []string{"name", "Notes", "redirects", good, "grant", "authorization_code", "refresh_idle", "999 d"}, "This was refused"},
		{"a rest longer than all", "notes/settings", []string{"name", "Notes", "redirects", good, "grant", "authorization_code", "refresh_idle", "2 h", "refresh_lifetime", "1 h"}, "cannot live longer"},
		{"a call over http", "notes/settings", []string{"name", "Notes", "redirects", good, "grant", "authorization_code", "backchannel", "http://a.example.com/x"}, "This was refused"},
		{"an algorithm with a secret", "notes/settings", []string{"name", "Notes", "redirects", good, "grant", "authorization_code", "id_token_algorithm", "HS256"}, "This was refused"},
		{"FAPI in a browser", "notes/settings", []string{"name", "Notes", "redirects", good, "grant", "authorization_code", "profile", "fapi2"}, "This was refused"},
		{"another name to delete", "notes/delete", []string{"name", "notes"}, "This is not Notes"},
	} {
		s := b.fill("/console/applications/"+test.path, test.pairs...)
		text := html.UnescapeString(tags.ReplaceAllString(s.body, ""))
		if s.status != 422 || !strings.Contains(text, test.says) {
			t.Errorf("%s: %d without %q", test.name, s.status, test.says)
		}
		if typed := values(test.pairs...).Get("redirects"); test.path != "notes/delete" && !strings.Contains(html.UnescapeString(s.body), ">"+typed+"</textarea>") {
			t.Errorf("%s: what was typed is lost", test.name)
		}
	}
	if got := len(w.trail()); got != n {
		t.Errorf("%d events of what was refused", got-n)
	}
	// What keeps no secret gets none, also when it is asked for by hand.
	b.fill("/console/applications/notes/secrets/new", "ends", "30").tells(t, 200, "Notes", "keeps no secret")
	for _, path := range []string{"none", "none/settings", "none/delete", "none/deactivate", "none/secrets/new", "shelf/keys/none/delete"} {
		b.open("/console/applications/"+path).tells(t, 404, "There is nothing at this address")
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("https://a.example.com/" + strings.Repeat("x", i) + "\n")
	}
	return b.String()
}

func TestAnApplicationIsChangedStoppedAndDeleted(t *testing.T) {
	w, b := inConsole(t)
	path := "/console/applications/notes"
	first, second := hiddenFields(b.open(path+"/settings")), hiddenFields(b.open(path+"/settings"))
	send := func(form map[string][]string, idle string) screen {
		form["name"], form["redirects"], form["grant"] = []string{"Notes"}, []string{notesCallback}, []string{"authorization_code", "refresh_token"}
		form["flag"], form["refresh_idle"], form["id_token_claims"] = []string{"first_party", "refresh_ends"}, []string{idle}, []string{"minimal"}
		return b.follow(path+"/settings", b.ask("POST", path+"/settings", form))
	}
	send(first, "90 min").tells(t, 200, "Notes", "Notes is saved")
	s := send(second, "2 h")
	s.tells(t, 409, "Notes", "Somebody else has changed this")
	if !strings.Contains(s.body, `value="2 h"`) {
		t.Error("what was typed is lost")
	}
	a, err := w.store.Application(t.Context(), "notes")
	w.must(err)
	if a.RefreshIdle.String() != "1h30m0s" || !a.FirstParty || a.InsecureNoPKCE || a.IDTokenClaims != store.MinimalClaims || a.LogoutURIs != nil {
		t.Errorf("%+v", a)
	}
	person := w.browser()
	code := person.code(person.logIn("noah", noahPassword), notesCallback)
	if code == "" {
		t.Fatal("nobody logs in")
	}
	form := hiddenFields(b.open(path + "/delete"))
	w.must(w.store.PutConsent(t.Context(), store.Consent{UserID: "u-noah", ClientID: "notes", Scopes: []string{"openid"}, GivenAt: start, UpdatedAt: start}))
	form["name"] = []string{"Notes"}
	b.follow("", b.ask("POST", path+"/delete", form)).tells(t, 409, "Delete Notes?", "One consent goes", "has changed since")
	b.fill(path+"/deactivate").tells(t, 200, "Notes", "is deactivated")
	w.browser().open(asks()).tells(t, 400, w.browser().open(asks("client_id", "closed")).title())
	b.follow("", b.ask("POST", path+"/activate", nil)).tells(t, 200, "Notes", "is active again")
	b.fill(path+"/delete", "name", "Notes").tells(t, 200, "Applications", "Notes is deleted")
	if got := w.trail()[:4]; !slices.Equal(got, []string{
		"u-mia delete application Notes", "u-mia change application Notes", "u-mia change application Notes", "u-mia change application Notes",
	}) {
		t.Errorf("events %q", got)
	}
}

func TestS11_NamesOfApplicationsStayText(t *testing.T) {
	w, b := inConsole(t)
	payload := `"><script>alert(1)</script>`
	a, err := w.store.Application(t.Context(), "shelf")
	w.must(err)
	a.Name, a.RedirectURIs, a.LogoutURIs = payload, []string{payload}, []string{"</textarea><script>alert(1)</script>"}
	w.must(w.store.PutApplication(t.Context(), a))
	for _, path := range []string{"", "/new", "/shelf", "/shelf/settings", "/shelf/delete", "/shelf/deactivate", "/shelf/secrets/new", "/shelf/keys/new"} {
		s := b.open("/console/applications" + path)
		s.lacks(t, "<script>alert", `"><script>`)
		if s.status != 200 {
			t.Errorf("%s: %d", path, s.status)
		}
	}
	reader := w.browser()
	reader.enters("/console/applications", "noah", noahPassword)
	for _, path := range []string{"", "/shelf", "/shelf/settings"} {
		s := reader.open("/console/applications" + path)
		s.lacks(t, `class="go"`, `class="plain stop"`, `class="small stop"`, "<script>alert", "/new\"")
		if s.status != 200 {
			t.Errorf("a reader at %s: %d", path, s.status)
		}
	}
}
