package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

const usersPath = "/users"

// profileFields are the parameters of a person's profile.
var profileFields = []string{"login_name", "email", "verified", "name", "given_name", "family_name", "version"}

func (c *Console) userPages() []at {
	const user = usersPath + "/{id}"
	return []at{
		{path: usersPath, show: c.users, params: listed},
		{path: usersPath + "/new", asks: true, show: c.askToInvite, do: c.invite, params: []string{"login_name", "email", "name", "role", "once"}},
		{path: user, show: c.user, do: c.saveUser, params: profileFields},
		{path: user + "/lock", asks: true, show: c.askToLock, do: c.lock, params: []string{"counted"}},
		{path: user + "/unlock", do: c.unlock},
		{path: user + "/reset", do: c.sendReset},
		{path: user + "/link", asks: true, show: c.askForLink, do: c.makeLink, params: []string{"counted", "once"}},
		{path: user + "/second-factor/remove", asks: true, show: c.askToRemoveFactor, do: c.removeFactor, params: []string{"counted"}},
		{path: user + "/delete", asks: true, show: c.askToDeleteUser, do: c.deleteUser, params: []string{"counted", "name"}},
	}
}

func (c *Console) users(v *visit) error {
	w := v.window()
	part, err := c.Store.UsersPart(v.Context(), w)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	table := page.Table{
		Label: page.Say("users"),
		Head: []page.Column{
			{Text: page.Say("users.called")}, {Text: page.Say("name")}, {Text: page.Say("state")}, {Text: page.Say("users.factor")}, {Text: page.Say("users.last_login")},
		},
		Empty: page.Say("users.empty"),
	}
	p := page.Console{Here: "users", Title: page.Say("users"), Lead: page.Say("users.lead")}
	if !v.readOnly {
		p.Acts = []page.Act{{To: base + usersPath + "/new", Text: page.Say("users.invite"), Go: true}}
		table.EmptyActs = p.Acts
	}
	p.Blocks = []page.Block{list(v, usersPath, w, part, table, userRow, userPlace)}
	return c.render(v, p)
}

func userRow(u store.ListedUser) page.Row {
	var factors page.Cell
	if u.TOTP {
		factors = append(factors, page.Chip{Tone: page.Good, Text: page.Say("users.app")})
	}
	if u.Passkey {
		factors = append(factors, page.Chip{Tone: page.Good, Text: page.Say("users.passkey")})
	}
	if factors == nil {
		factors = page.Cell{page.Words{Text: page.Say("users.no_factor")}}
	}
	return page.Row{Cells: []page.Cell{
		{page.Link{To: userPath(u.ID, ""), Text: page.Named(u.Called())}}, {page.Words{Text: page.Named(u.Name)}}, {lockState(u.Active)},
		factors, {page.Moment{At: u.LastLoginAt, Never: page.Say("users.no_login")}},
	}}
}

func userPlace(u store.ListedUser) store.Place { return store.Place{Name: u.Called(), ID: u.ID} }

func userPath(id, what string) string { return base + usersPath + "/" + id + what }

func lockState(active bool) page.Inline {
	if active {
		return page.Chip{Tone: page.Good, Text: page.Say("active")}
	}
	return page.Chip{Tone: page.Bad, Text: page.Say("users.locked")}
}

// called is a person in a sentence: by name, or what they log in with.
func called(u store.User) string {
	if u.Name != "" {
		return u.Name
	}
	return u.Called()
}

// userOf returns the person of the path. Without one it has answered.
func (c *Console) userOf(v *visit) (store.User, bool, error) {
	u, err := c.Store.User(v.Context(), v.PathValue("id"))
	if errors.Is(err, store.ErrNotFound) {
		return u, false, c.notThere(v)
	}
	if err != nil {
		return u, false, fmt.Errorf("console: %w", err)
	}
	return u, true, nil
}

// aboutUser is a page about a person, with its tabs.
func aboutUser(u store.User, here string) page.Console {
	tab := func(what, text string) page.Tab {
		return page.Tab{To: userPath(u.ID, what), Text: page.Say(text), Here: what == here}
	}
	return page.Console{
		Here: "users", Up: &page.Link{To: base + usersPath, Text: page.Say("users")}, Title: page.Named(called(u)), Lead: page.Say("user.lead"),
		Tabs: []page.Tab{
			{To: userPath(u.ID, ""), Text: page.Say("user.profile"), Here: here == ""},
			tab("/roles", "user.rights"), tab("/sessions", "user.sessions"), eventsTab(cmp.Or(u.LoginName, u.Email)),
		},
	}
}

func (c *Console) user(v *visit) error {
	u, ok, err := c.userOf(v)
	if err != nil || !ok {
		return err
	}
	return c.showUser(v, u, u, nil, nil)
}

// showUser shows a person, with what was typed of them.
func (c *Console) showUser(v *visit, u, typed store.User, wrong problems, conflict *page.Note) error {
	factors, facts, err := c.waysIn(v, u)
	if err != nil {
		return err
	}
	p := aboutUser(u, "")
	about := page.Panel{Title: page.Say("user.ways_in"), Blocks: []page.Block{page.Facts{Items: facts}}}
	if v.readOnly {
		p.Blocks = []page.Block{page.Panel{Title: page.Say("user.profile"), Blocks: []page.Block{page.Facts{Items: []page.Fact{
			{Name: page.Say("name"), Value: page.Cell{page.Words{Text: page.Named(u.Name)}}},
			{Name: page.Say("user.login_name"), Value: page.Cell{page.Words{Text: page.Named(u.LoginName)}}},
			{Name: page.Say("user.email"), Value: page.Cell{page.Words{Text: page.Named(u.Email)}}},
		}}}}, about}
		return c.render(v, p)
	}
	form := page.Form{To: userPath(u.ID, ""), Submit: page.Say("save"), Fields: profile(typed, wrong), Hidden: []page.Parameter{{Name: "version", Value: version(u)}}}
	if conflict != nil {
		p.Notes, p.Status = []page.Note{*conflict}, http.StatusConflict
		form.Fields = page.Against(form.Fields, profile(u, nil))
	}
	about.Acts = c.helps(u, factors)
	red := page.Panel{Title: page.Say("user.ends"), Danger: true, Acts: []page.Act{{To: userPath(u.ID, "/delete"), Text: page.Say("user.delete"), Danger: true}}}
	if u.Active {
		red.Acts = append([]page.Act{{To: userPath(u.ID, "/lock"), Text: page.Say("user.lock"), Danger: true}}, red.Acts...)
	}
	p.Blocks = []page.Block{page.Panel{Title: page.Say("user.profile"), Blocks: []page.Block{form}}, about, red}
	return c.again(v, p, wrong)
}

// helps are what can be done for a person who cannot log in.
func (c *Console) helps(u store.User, factor bool) (acts []page.Act) {
	switch {
	case !u.Active:
		return []page.Act{{To: userPath(u.ID, "/unlock"), Text: page.Say("user.unlock"), Post: true}}
	case c.Reset != nil && !u.EmailVerifiedAt.IsZero():
		acts = append(acts, page.Act{To: userPath(u.ID, "/reset"), Text: page.Say("user.reset"), Post: true})
	}
	acts = append(acts, page.Act{To: userPath(u.ID, "/link"), Text: page.Say("user.link")})
	if factor {
		acts = append(acts, page.Act{To: userPath(u.ID, "/second-factor/remove"), Text: page.Say("user.remove_factor"), Danger: true})
	}
	return acts
}

// waysIn are the facts of how a person logs in, and whether there is an app for codes.
func (c *Console) waysIn(v *visit, u store.User) (factor bool, facts []page.Fact, err error) {
	_, err = c.Store.TOTP(v.Context(), u.ID)
	if factor = err == nil; err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, nil, fmt.Errorf("console: %w", err)
	}
	password, err := c.Store.Password(v.Context(), u.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, nil, fmt.Errorf("console: %w", err)
	}
	passkeys, err := c.Store.PasskeysOf(v.Context(), u.ID)
	if err != nil {
		return false, nil, fmt.Errorf("console: %w", err)
	}
	app := page.Say("users.no_factor")
	if factor {
		app = page.Say("users.app")
	}
	return factor, []page.Fact{
		{Name: page.Say("id"), Value: page.Cell{page.Code{Text: u.ID, Copy: true}}},
		{Name: page.Say("state"), Value: page.Cell{lockState(u.Active)}},
		{Name: page.Say("created"), Value: page.Cell{page.Moment{At: u.CreatedAt}}},
		{Name: page.Say("user.password"), Value: page.Cell{page.Moment{At: password.ChangedAt, Never: page.Say("user.no_password")}}},
		{Name: page.Say("users.factor"), Value: page.Cell{page.Words{Text: app}}},
		{Name: page.Say("user.passkeys"), Value: page.Cell{page.Words{Text: page.Say("user.passkeys.count", "n", len(passkeys))}}},
	}, nil
}

func profile(u store.User, wrong problems) []page.Field {
	verified := page.Field{Name: "verified", Kind: page.Radio, Label: page.Say("user.verified"), Value: "no", Hint: page.Say("user.verified.hint"), Options: []page.Option{
		{Value: "yes", Label: page.Say("user.verified.yes")}, {Value: "no", Label: page.Say("user.verified.no")},
	}}
	if !u.EmailVerifiedAt.IsZero() {
		verified.Value = "yes"
	}
	return []page.Field{
		{Name: "login_name", Label: page.Say("user.login_name"), Value: u.LoginName, Problem: wrong["login_name"], Optional: true},
		{Name: "email", Label: page.Say("user.email"), Value: u.Email, Problem: wrong["email"], Optional: true},
		verified,
		{Name: "name", Label: page.Say("name"), Value: u.Name, Problem: wrong["name"], Optional: true},
		{Name: "given_name", Label: page.Say("user.given_name"), Value: u.GivenName, Problem: wrong["given_name"], Optional: true},
		{Name: "family_name", Label: page.Say("user.family_name"), Value: u.FamilyName, Problem: wrong["family_name"], Optional: true},
	}
}

// checkedPerson says what is wrong with what was typed of a person, by field.
func checkedPerson(u store.User) problems {
	wrong := problems{}
	for field, name := range map[string]string{"name": u.Name, "given_name": u.GivenName, "family_name": u.FamilyName} {
		if registry.CheckTitle(name) != nil {
			wrong[field] = page.Say("problem.name")
		}
	}
	if u.LoginName != "" && registry.CheckLogin(u.LoginName) != nil {
		wrong["login_name"] = page.Say("problem.login_name")
	}
	if u.Email != "" && registry.CheckEmail(u.Email) != nil || registry.CheckVerified(u.Email, !u.EmailVerifiedAt.IsZero()) != nil {
		wrong["email"] = page.Say("problem.email")
	}
	if u.LoginName == "" && u.Email == "" {
		wrong["email"] = page.Say("problem.no_login")
	}
	return wrong
}

// takenLogin turns the refusal of a name that another person has into the problem of its field.
func takenLogin(err error, u store.User) error {
	if !errors.Is(err, store.ErrExists) {
		return err
	}
	if u.LoginName != "" && strings.Contains(err.Error(), "login name") {
		return problems{"login_name": page.Say("problem.login_taken")}
	}
	return problems{"email": page.Say("problem.login_taken")}
}

func (c *Console) saveUser(v *visit) error {
	u, ok, err := c.userOf(v)
	if err != nil || !ok {
		return err
	}
	var typed store.User
	err = c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) (err error) {
		if u, err = tx.User(ctx, u.ID); err != nil {
			return err
		}
		typed = u
		typed.LoginName, typed.Email = v.typed("login_name"), v.typed("email")
		typed.Name, typed.GivenName, typed.FamilyName = v.typed("name"), v.typed("given_name"), v.typed("family_name")
		switch yes := v.Params.Value("verified") == "yes"; {
		case !yes:
			typed.EmailVerifiedAt = time.Time{}
		case u.EmailVerifiedAt.IsZero() || !strings.EqualFold(u.Email, typed.Email):
			typed.EmailVerifiedAt = v.now
		}
		if v.Params.Value("version") != version(u) {
			return errChanged
		}
		if err := checkedPerson(typed).or(); err != nil {
			return err
		}
		return takenLogin(r.PutUser(ctx, typed), typed)
	})
	var wrong problems
	switch {
	case errors.As(err, &wrong):
		return c.showUser(v, u, typed, wrong, nil)
	case errors.Is(err, errChanged):
		return c.showUser(v, u, typed, nil, v.changedMeanwhile())
	case errors.Is(err, store.ErrNotFound):
		return c.notThere(v)
	case err != nil:
		return err
	}
	return c.done(v, usersPath+"/"+u.ID, "saved", called(typed))
}
