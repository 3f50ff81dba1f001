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
	s.tells(t, 200, "nightly", "it is shown this once", "read:messages", "postern token client-credentials --issuer "+w.issuer+" --client-id nightly")
	raw := s.shownOnce()
	w.issued(w.do(call{path: "/oauth/v2/token", user: "nightly:" + raw, form: values("grant_type", "client_credentials", "scope", "urn:zitadel:iam:org:project:id:P:aud")}))
	if got := s.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	b.open("/console/service-users/"+w.serviceUser("nightly").ID).lacks(t, raw)

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
	if got := w.trail(); len(got) != n+1 || got[0] != "u-mia delete assignment plain at API messages" {
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
