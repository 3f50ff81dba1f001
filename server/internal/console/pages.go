package console

import (
	"slices"
	"strings"

	"github.com/postern-auth/postern/server/internal/page"
)

// pages are all pages of the console. Each kind of thing has a file that says its own.
func (c *Console) pages() []at {
	return slices.Concat(
		c.overviewPages(),
		c.applicationPages(),
		c.serviceUserPages(),
		c.eventPages(),
		c.refusedPages(), c.refusalPages(),
		c.findPages(),
		c.settingsPages(),
		c.userPages(),
		c.rolePages(),
		c.sessionPages(),
		c.signingKeyPages(),
		c.projectPages(),
		c.apiPages(),
	)
}

// sections are the sidebar.
var sections = []page.Section{
	{Items: []page.Item{{Key: "overview", To: base + "/"}}},
	{Name: page.Say("section.access"), Items: []page.Item{
		{Key: "apis", To: base + "/apis"},
		{Key: "projects", To: base + "/projects"},
		{Key: "applications", To: base + "/applications"},
		{Key: "service_users", To: base + "/service-users"},
		{Key: "users", To: base + usersPath},
		{Key: "roles", To: base + allRolesPath},
	}},
	{Name: page.Say("section.watch"), Items: []page.Item{
		{Key: "events", To: base + eventsPath},
		{Key: "refused", To: base + refusedPath},
		{Key: "why_refused", To: base + whyPath},
		{Key: "sessions", To: base + sessionsPath},
	}},
	{Name: page.Say("section.server"), Items: []page.Item{
		{Key: "signing_keys", To: base + signingKeysPath},
		{Key: "settings", To: base + "/settings"},
	}},
}

// said is the note about what the request before this one has done. A link of somebody else's must not have the
// page say what has not happened.
func (v *visit) said() *page.Note {
	from := v.Header.Get("Sec-Fetch-Site")
	what, name, _ := strings.Cut(v.Params.Value("done"), " ")
	if v.Method != "GET" || from != "same-origin" && from != "" || !slices.Contains(doings, what) {
		return nil
	}
	return &page.Note{Tone: page.Good, Text: page.Say(doing+what, "name", name)}
}

const doing = "done."

// doings are what can have been done: console.done.WHAT.
var doings = []string{
	"saved", "key_rotated", "key_withdrawn", "created", "deleted", "deactivated", "activated", "api_saved", "role_created", "permission_created",
	"given", "secret_deleted", "key_deleted", "token_revoked",
	"locked", "unlocked", "reset_sent", "invited", "factor_removed", "gave", "took", "logged_out", "all_logged_out",
}
