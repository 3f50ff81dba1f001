package server_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// newShopWorld is newConsoleWorld with a project, in which mia's browser has the console open.
func newShopWorld(t testing.TB) (*world, *browser) {
	t.Helper()
	w := newConsoleWorld(t)
	w.must(w.store.PutProject(t.Context(), store.Project{
		ID: "shop", OrganizationID: "org", Name: "Shop", Active: true, Roles: []store.Role{{Key: "read"}, {Key: "a/b"}},
	}))
	b := w.browser()
	b.enters("/console/users", "mia", miaPassword).tells(t, 200, "Users", "mia", "noah", "lea", "locked", "1 to 3 of 3")
	return w, b
}

func TestSomebodyIsInvitedAndChoosesAPassword(t *testing.T) {
	w, b := newShopWorld(t)
	s := b.open("/console/users/new")
	s.tells(t, 200, "Invite user")
	form := []string{"email", "ida@example.com", "name", "Ida <script>", "role", "read", "once", s.hidden("once")}
	s = b.confirm(s, form...)
	s.tells(t, 200, "Ida <script>", "Shown this once", "for 7 days")
	s.lacks(t, "<script>")
	_, link, ok := strings.Cut(s.body, registry.InvitationPath)
	if !ok {
		t.Fatalf("no link in %s", s.body)
	}
	link, _, _ = strings.Cut(link, "<")
	u, err := w.store.UserByLogin(t.Context(), "org", "ida@example.com")
	w.must(err)
	all, err := w.store.AssignmentsOf(t.Context(), u.ID)
	w.must(err)
	if len(all) != 1 || all[0].ProjectID != "shop" || !slices.Equal(all[0].Rights, []string{"read"}) {
		t.Errorf("she has %+v", all)
	}
	// The same form again makes nothing and shows nothing.
	again := b.follow("", b.ask("POST", "/console/users/new", values(append(slices.Clone(form[2:]), "email", "ida2@example.com")...)))
	again.tells(t, 409, "This link was made already")
	again.lacks(t, link)
	w.browser().open(registry.InvitationPath+link).tells(t, 200, "Welcome to Postern", "Choose a password for ida@example.com")
	if got := w.trail(); !slices.Contains(got, "u-mia create invitation ida@example.com") || !slices.Contains(got, "u-mia create user ida@example.com") {
		t.Errorf("the trail is %q", got)
	}
}

// Where there are mails, the link goes to the address, and is not shown to whoever invites.
func TestAnInvitationGoesByMail(t *testing.T) {
	m := new(mails)
	m.w = newConsoleWorld(t, func(c *server.Config) { c.Mailer = m })
	b := m.w.administrates()
	invite := func(pairs ...string) screen {
		s := b.open("/console/users/new")
		return b.confirm(s, append(pairs, "once", s.hidden("once"))...)
	}
	s := invite("email", "ida@example.com", "name", "Ida")
	s.tells(t, 200, "Ida", "is invited by e-mail", "7 days")
	s.lacks(t, registry.InvitationPath)
	link := m.link(m.one("ida@example.com", "You are invited to Postern"))
	m.w.browser().choose(link, otherPassword).tells(t, 200, "Your account is ready")
	m.w.browser().logIn("ida@example.com", otherPassword).code(t)
	m.w.browser().open(link).tells(t, 404, "This link no longer works")

	// Who has no address gets the link by hand.
	s = invite("login_name", "kim")
	s.tells(t, 200, "kim", "Shown this once")
	if list := m.sent(); len(list) != 0 || !strings.Contains(s.body, registry.InvitationPath) {
		t.Errorf("mails %v, and no link by hand", list)
	}
}

func TestConsoleRefusesBadInputAboutPeople(t *testing.T) {
	w, b := newShopWorld(t)
	noah := w.browser()
	noah.visits("noah", noahPassword)
	noahs, err := w.store.SessionsOf(t.Context(), "u-noah")
	w.must(err)
	mias, err := w.store.SessionsOf(t.Context(), "u-mia")
	w.must(err)
	once := strings.Repeat("o", 43)
	long := strings.Repeat("x", 201)
	user := b.open("/console/users/u-noah")
	version := user.hidden("version")
	for _, row := range []struct {
		name, path string
		form       url.Values
		status     int
		title      string
		says       string
	}{
		{"nobody invited", "/console/users/new", values("once", once), 422, "Invite user", "without one nobody can log in"},
		{"no address", "/console/users/new", values("email", "ida", "once", once), 422, "Invite user", "such as anna@example.com"},
		{"a user name with a space", "/console/users/new", values("login_name", "i da", "once", once), 422, "Invite user", "._~@+- alone"},
		{"a name too long", "/console/users/new", values("login_name", "ida", "name", long, "once", once), 422, "Invite user", "1 to 200 characters"},
		{"an address that is another's", "/console/users/new", values("email", "NOAH@example.com", "once", once), 422, "Invite user", "Another user logs in with this"},
		{"a user name that is another's", "/console/users/new", values("login_name", "Noah", "once", once), 422, "Invite user", "Another user logs in with this"},
		{"a role that is not there", "/console/users/new", values("login_name", "ida", "role", "nothing", "once", once), 422, "Invite user", "Not exactly one project has a role nothing"},
		{"the role of administrators by the way", "/console/users/new", values("login_name", "ida", "role", registry.Administrator, "once", once), 422, "Invite user", "Not exactly one project"},
		{"a form without its mark", "/console/users/new", values("login_name", "ida"), 400, "This request is not complete", ""},
		{"a profile from before a change", "/console/users/u-noah", values("login_name", "noah", "name", "Mine", "version", "old"), 409, "Noah Example", "Somebody else has changed this meanwhile"},
		{"a profile without a login", "/console/users/u-noah", values("name", "Noah", "version", version), 422, "Noah Example", "without one nobody can log in"},
		{"an address verified that is not there", "/console/users/u-noah", values("login_name", "noah", "verified", "yes", "version", version), 422, "Noah Example", "such as anna@example.com"},
		{"a profile of nobody", "/console/users/nobody", values("login_name", "x"), 404, "There is nothing at this address", ""},
		{"a session of somebody else", "/console/users/u-lea/sessions/" + noahs[0].ID + "/end", nil, 404, "There is nothing at this address", ""},
		{"a session that is not there", "/console/users/u-noah/sessions/nothing/end", nil, 404, "There is nothing at this address", ""},
		{"this session", "/console/users/u-mia/sessions/" + mias[0].ID + "/end", nil, 404, "There is nothing at this address", ""},
		{"a lock that counted something else", "/console/users/u-noah/lock", values("counted", "9"), 409, "Lock Noah Example?", "What stops has changed"},
		{"a deletion without the name", "/console/users/u-noah/delete", values("counted", "1 0 1 0", "name", "noa"), 422, "Delete Noah Example?", "This is not noah"},
		{"a reset where there are no mails", "/console/users/u-noah/reset", nil, 404, "There is nothing at this address", ""},
		{"a second factor that is not there", "/console/users/u-noah/second-factor/remove", values("counted", "1 0 1 0"), 404, "There is nothing at this address", ""},
		{"all sessions, counted wrongly", "/console/sessions/end", values("counted", "7"), 409, "Log out 1 session?", "What stops has changed"},
		{"a role to nobody", "/console/roles/shop/read/give", values("who", "nigtly"), 422, "read", "Nobody is called “nigtly”"},
		{"a role to nothing", "/console/roles/shop/read/give", nil, 422, "read", "Nobody is called “”"},
		{"a role that is not there", "/console/roles/shop/none/give", values("who", "noah"), 404, "There is nothing at this address", ""},
		{"a role that nobody has", "/console/roles/shop/read/take", values("subject", "u-noah"), 404, "There is nothing at this address", ""},
		{"a role of the console to a program", "/console/roles/" + registry.OwnProject + "/reader/give", values("who", "robot-1"), 422, "reader", "The console is for people"},
		{"a right at both", "/console/users/u-noah/roles/give", values("project", "shop", "api", "a-messages", "right", "read"), 400, "This request is not complete", ""},
		{"a right at neither", "/console/users/u-noah/roles/give", values("right", "read"), 400, "This request is not complete", ""},
		{"a right that is not there", "/console/users/u-noah/roles/give", values("project", "shop", "right", "none"), 404, "There is nothing at this address", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			if strings.Contains(row.name, "program") {
				w.must(w.store.PutServiceUser(t.Context(), store.ServiceUser{ID: "su-1", Username: "robot-1", OrganizationID: "org", Active: true}))
			}
			before := w.trail()
			s := b.follow(row.path, b.ask("POST", row.path, row.form))
			s.tells(t, row.status, row.title, row.says)
			s.lacks(t, "<script>")
			if after := w.trail(); !slices.Equal(before, after) {
				t.Errorf("it has left %v", after)
			}
		})
	}
	if n := w.sessions("u-noah"); n != 1 {
		t.Errorf("noah has %d sessions, want 1", n)
	}
}

func TestOfTwoTabsWithAPersonOneSaves(t *testing.T) {
	w, b := newShopWorld(t)
	one, two := b.open("/console/users/u-noah"), b.open("/console/users/u-noah")
	fields := []string{"login_name", "noah", "email", "noah@example.com", "verified", "yes"}
	save := func(s screen, name string) screen {
		return b.confirm(s, append(slices.Clone(fields), "name", name, "version", s.hidden("version"))...)
	}
	save(one, "Noah One").tells(t, 200, "Noah One", "Noah One is saved.")
	conflict := save(two, "Noah Two")
	conflict.tells(t, 409, "Noah One", "Somebody else has changed this meanwhile")
	if !strings.Contains(conflict.body, `value="Noah Two"`) {
		t.Error("what was typed is lost")
	}
	save(conflict, "Noah Two").tells(t, 200, "Noah Two")
	u, err := w.store.User(t.Context(), "u-noah")
	w.must(err)
	if u.Name != "Noah Two" || !u.EmailVerifiedAt.Equal(start) {
		t.Errorf("he is %+v", u)
	}
}

func TestAPersonIsLockedUnlockedAndDeleted(t *testing.T) {
	w, b := newShopWorld(t)
	w.browser().visits("noah", noahPassword)
	s := b.open("/console/users/u-noah/lock")
	s.tells(t, 200, "Lock Noah Example?", "1 session ends", "Keep it")
	b.confirm(s, "counted", s.hidden("counted")).tells(t, 200, "Noah Example", "is locked", "Unlock user")
	if n := w.sessions("u-noah"); n != 0 {
		t.Errorf("he has %d sessions still", n)
	}
	b.follow("", b.ask("POST", "/console/users/u-noah/unlock", nil)).tells(t, 200, "Noah Example", "can log in again")
	s = b.open("/console/users/u-noah/link")
	s = b.confirm(s, "counted", s.hidden("counted"), "once", s.hidden("once"))
	s.tells(t, 200, "Noah Example", registry.InvitationPath)
	if _, err := w.store.Password(t.Context(), "u-noah"); err == nil {
		t.Error("the former password works still")
	}
	s = b.open("/console/users/u-noah/delete")
	s.tells(t, 200, "Delete Noah Example?", "It cannot be undone")
	// What somebody logs in to meanwhile was not counted.
	w.must(w.store.CreateSession(t.Context(), store.Digest{}, store.Session{Digest: store.Digest{7}, ID: "late", UserID: "u-noah", IdleExpiresAt: w.now().Add(1e12), ExpiresAt: w.now().Add(1e12)}))
	s = b.confirm(s, "counted", s.hidden("counted"), "name", "noah")
	s.tells(t, 409, "Delete Noah Example?", "1 session ends")
	b.confirm(s, "counted", s.hidden("counted"), "name", "noah").tells(t, 200, "Users", "Noah Example is deleted.", "1 to 2 of 2")
	if got := w.trail(); got[0] != "u-mia delete user noah" {
		t.Errorf("the trail is %q", got)
	}
}

func TestTheLastAdministratorIsKeptByTheConsole(t *testing.T) {
	w, b := newShopWorld(t)
	own := "/console/roles/" + registry.OwnProject + "/administrator"
	for _, path := range []string{"/console/users/u-mia/lock", "/console/users/u-mia/delete"} {
		s := b.open(path)
		b.confirm(s, "counted", s.hidden("counted"), "name", "mia").tells(t, 409, "Mia Example is the last administrator", "Nothing was done")
	}
	b.follow("", b.ask("POST", own+"/take", values("subject", "u-mia"))).tells(t, 409, "Mia Example is the last administrator")
	b.follow("", b.ask("POST", "/console/users/u-mia/roles/take", values("project", registry.OwnProject, "right", registry.Administrator))).tells(t, 409, "Mia Example is the last administrator")
	b.follow("", b.ask("POST", "/console/roles/"+registry.OwnProject+"/reader/give", values("who", "mia"))).tells(t, 409, "Mia Example is the last administrator")
	b.follow("", b.ask("POST", own+"/give", values("who", "noah"))).tells(t, 200, "administrator", "has it now")
	noah := w.browser()
	noah.enters("/console/users", "noah", noahPassword).tells(t, 200, "Users", "Invite user")
	noah.follow("", noah.ask("POST", own+"/take", values("subject", "u-mia"))).tells(t, 200, "administrator", "does not have it any more")
	b.open("/console/users").tells(t, 403, "You may not open this page")
}

func TestARoleIsGivenTakenAwayAndGivenBack(t *testing.T) {
	w, b := newShopWorld(t)
	w.must(w.store.PutServiceUser(t.Context(), store.ServiceUser{ID: "su-1", Username: "nightly-export", OrganizationID: "org", Active: true}))
	b.open("/console/roles").tells(t, 200, "Roles", "read", "Shop", "0 have it")
	s := b.open("/console/roles/shop/read")
	s.tells(t, 200, "read", "Nobody has it", "Give it to")
	near := b.confirm(s, "who", "nightly")
	near.tells(t, 422, "read", "Nobody is called “nightly”", "nightly-export")
	s = b.confirm(s, "who", "nightly-export")
	s.tells(t, 200, "read", "nightly-export has it now", "Undo", "service user", "Take away")
	undo := func(s screen, what string) screen {
		t.Helper()
		if !strings.Contains(s.body, `action="/console/roles/shop/read/`+what+`"`) {
			t.Fatalf("no way to %s: %s", what, s.body)
		}
		return b.follow("", b.ask("POST", "/console/roles/shop/read/"+what, values("subject", "su-1")))
	}
	s = undo(s, "take")
	s.tells(t, 200, "read", "does not have it any more", "Undo")
	undo(s, "give").tells(t, 200, "read", "nightly-export has it now")
	// By the page of a person, the same.
	b.open("/console/users/u-noah/roles/give?q=read").tells(t, 200, "Give Noah Example a role or permission", "read", "Shop")
	s = b.follow("", b.ask("POST", "/console/users/u-noah/roles/give", values("project", "shop", "right", "read")))
	s.tells(t, 200, "Noah Example", "has it now", "Undo")
	all, err := w.store.HoldersPart(t.Context(), store.Assignment{ProjectID: "shop"}, "read", store.Window{Limit: 9})
	w.must(err)
	if all.Total != 2 {
		t.Errorf("%d have it, want 2", all.Total)
	}
	b.follow("", b.ask("POST", "/console/roles/shop/~YS9i/give", values("who", "noah@example.com"))).tells(t, 200, "a/b", "noah has it now")
	if got := w.trail(); got[0] != "u-mia change assignment noah at project Shop" {
		t.Errorf("the trail is %q", got)
	}
	// A link of somebody else's offers nothing to undo.
	b.header = map[string][]string{"Sec-Fetch-Site": {"cross-site"}}
	b.open("/console/roles/shop/read?done=gave+x&undo=su-1").lacks(t, "Undo")
}

func TestSessionsAreEndedByAnAdministrator(t *testing.T) {
	w, b := newShopWorld(t)
	for range 3 {
		w.browser().visits("noah", noahPassword)
	}
	b.open("/console/sessions").tells(t, 200, "Sessions", "1 to 4 of 4", "noah", "this session", "Log out all")
	noahs, err := w.store.SessionsOf(t.Context(), "u-noah")
	w.must(err)
	b.follow("", b.ask("POST", "/console/users/u-noah/sessions/"+noahs[0].ID+"/end", values("all", "yes"))).tells(t, 200, "Sessions", "Noah Example is logged out there", "1 to 3 of 3")
	s := b.open("/console/users/u-noah/sessions/end")
	s.tells(t, 200, "Log Noah Example out everywhere?", "2 sessions end")
	b.confirm(s, "counted", s.hidden("counted")).tells(t, 200, "Noah Example", "is logged out there")
	if n := w.sessions("u-noah"); n != 0 {
		t.Errorf("he has %d sessions still", n)
	}
	w.browser().visits("noah", noahPassword)
	w.browser().visits("mia", miaPassword)
	s = b.open("/console/sessions/end")
	s.tells(t, 200, "Log out all 2 sessions?", "Service users are not touched")
	b.confirm(s, "counted", s.hidden("counted")).tells(t, 200, "Sessions", "Everybody else is logged out", "1 row")
	w.browser().visits("mia", miaPassword)
	s = b.open("/console/users/u-mia/sessions/end")
	s.tells(t, 200, "Log Mia Example out everywhere?", "1 session ends", "stays")
	b.confirm(s, "counted", s.hidden("counted"))
	if n := w.sessions("u-mia"); n != 1 {
		t.Errorf("mia has %d sessions, want this one", n)
	}
}

func TestS12_NamesOfPeopleStayText(t *testing.T) {
	w, b := newShopWorld(t)
	const evil = `"><img src=x onerror=alert(1)>`
	w.must(w.store.PutUser(t.Context(), store.User{ID: "u-evil", OrganizationID: "org", Handle: store.UserHandle{9}, LoginName: "evil", Name: evil, GivenName: evil, Active: true}))
	w.must(w.store.PutAssignment(t.Context(), store.Assignment{SubjectID: "u-evil", ProjectID: "shop", Rights: []string{"read"}}))
	w.must(w.store.CreateSession(t.Context(), store.Digest{}, store.Session{Digest: store.Digest{9}, ID: "evil", UserID: "u-evil", UserAgent: evil, IdleExpiresAt: w.now().Add(1e12), ExpiresAt: w.now().Add(1e12)}))
	for _, path := range []string{"/users", "/users/u-evil", "/users/u-evil/roles", "/users/u-evil/roles/give", "/users/u-evil/sessions", "/users/u-evil/lock", "/users/u-evil/delete", "/users/u-evil/link", "/sessions", "/roles/shop/read", "/users?q=" + url.QueryEscape(evil)} {
		s := b.open("/console" + path)
		if s.status != 200 {
			t.Errorf("%s: %d", path, s.status)
		}
		s.lacks(t, "<img", "onerror=alert(1)>\"")
	}
}

// A page of a long list costs no more than a few milliseconds.
func BenchmarkConsoleListsPeople(b *testing.B) {
	w := newConsoleWorld(b)
	w.must(w.store.InTx(b.Context(), func(tx store.Tx) error {
		for n := range 10_000 {
			u := store.User{ID: fmt.Sprint("x-", n), OrganizationID: "org", Handle: store.UserHandle{5, byte(n), byte(n >> 8)}, LoginName: fmt.Sprintf("person-%05d", n), Active: true}
			if err := tx.PutUser(b.Context(), u); err != nil {
				return err
			}
		}
		return nil
	}))
	for b.Loop() {
		if _, err := w.store.UsersPart(b.Context(), store.Window{After: store.Place{Name: "person-05000", ID: "x-5000"}, Limit: 50}); err != nil {
			b.Fatal(err)
		}
	}
}
