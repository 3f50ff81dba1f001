package console

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

const allRolesPath = "/roles"

// rolePages are about who has which role, and what rights a person has.
func (c *Console) rolePages() []at {
	const role, user = allRolesPath + "/{project}/{key}", usersPath + "/{id}/roles"
	given := []string{"project", "api", "right"}
	return []at{
		{path: allRolesPath, show: c.allRoles, params: listed},
		{path: role, show: c.holders, params: append([]string{"undo"}, listed...)},
		{path: role + "/give", do: c.giveRole, params: []string{"who", "subject"}},
		{path: role + "/take", do: c.takeRole, params: []string{"subject"}},
		{path: user, show: c.userRights, params: append([]string{"undo"}, given...)},
		{path: user + "/give", asks: true, show: c.chooseRight, do: c.giveToUser, params: append(given, listed...)},
		{path: user + "/take", do: c.takeFromUser, params: given},
	}
}

// rolePath is where a role's pages are.
func rolePath(project, key, what string) string {
	return base + allRolesPath + "/" + url.PathEscape(project) + "/" + segment(key) + what
}

// segment writes a key as one segment of a path that nobody on the way reads otherwise: as it is or, where it has a
// slash or what is escaped, as ~ with its base64url.
func segment(key string) string {
	if url.PathEscape(key) == key && !strings.HasPrefix(key, "~") && key != "." && key != ".." {
		return key
	}
	return "~" + base64.RawURLEncoding.EncodeToString([]byte(key))
}

// unsegment is the reverse. What is none is no key.
func unsegment(segment string) string {
	coded, is := strings.CutPrefix(segment, "~")
	if !is {
		return segment
	}
	key, _ := base64.RawURLEncoding.DecodeString(coded)
	return string(key)
}

func (c *Console) allRoles(v *visit) error {
	w := v.window()
	part, err := c.Store.RolesPart(v.Context(), w)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	table := page.Table{
		Label: page.Say("roles"), Empty: page.Say("roles.empty", "link", base+"/projects"),
		Head: []page.Column{{Text: page.Say("role")}, {Text: page.Say("roles.about")}, {Text: page.Say("roles.at")}, {Text: page.Say("roles.holders")}},
	}
	row := func(r store.Right) page.Row {
		return page.Row{Cells: []page.Cell{
			{page.Link{To: rolePath(r.ProjectID, r.Key, ""), Text: page.Named(r.Key)}}, {page.Words{Text: page.Named(r.Name)}},
			{projectLink(r.ProjectID, r.At)}, {page.Words{Text: page.Say("roles.count", "n", r.Holders)}},
		}}
	}
	return c.render(v, page.Console{
		Here: "roles", Title: page.Say("roles"), Lead: page.Say("roles.lead"),
		Blocks: []page.Block{list(v, allRolesPath, w, part, table, row, store.Right.Place)},
	})
}

func projectLink(id, name string) page.Inline {
	return page.Link{To: base + "/projects/" + url.PathEscape(id), Text: page.Named(name)}
}

// roleOfPath returns the role that a page is about. Without one it has answered.
func (c *Console) roleOfPath(v *visit) (store.Project, store.Role, bool, error) {
	p, err := c.Store.Project(v.Context(), v.PathValue("project"))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return p, store.Role{}, false, fmt.Errorf("console: %w", err)
	}
	key := unsegment(v.PathValue("key"))
	i := slices.IndexFunc(p.Roles, func(r store.Role) bool { return r.Key == key })
	if err != nil || i < 0 {
		return p, store.Role{}, false, c.notThere(v)
	}
	return p, p.Roles[i], true, nil
}

func (c *Console) holders(v *visit) error {
	p, role, ok, err := c.roleOfPath(v)
	if err != nil || !ok {
		return err
	}
	return c.showHolders(v, p, role, nil, nil)
}

// showHolders shows who has a role, and whom it may be given to when what was typed was nobody.
func (c *Console) showHolders(v *visit, p store.Project, role store.Role, wrong problems, meant []store.Subject) error {
	w := v.window()
	part, err := c.Store.HoldersPart(v.Context(), store.Assignment{ProjectID: p.ID}, role.Key, w)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	names, err := c.calledAll(v, append(slices.Clone(part.Rows), meant...))
	if err != nil {
		return err
	}
	table := page.Table{
		Label: page.Say("role.who", "role", role.Key), Empty: page.Say("role.empty"),
		Head: []page.Column{{Text: page.Say("role.holder")}, {Text: page.Say("role.kind")}, {Text: page.Say("state")}},
	}
	row := func(what, text string, danger bool) func(store.Subject) page.Row {
		return func(s store.Subject) page.Row {
			r := page.Row{Cells: []page.Cell{{subjectLink(s, names[s.ID])}, {page.Words{Text: kindOfSubject(s)}}, {subjectState(s)}}}
			if !v.readOnly {
				r.Acts = []page.Act{{To: rolePath(p.ID, role.Key, what), Text: page.Say(text), Danger: danger, Post: true, Hidden: []page.Parameter{{Name: "subject", Value: s.ID}}}}
			}
			return r
		}
	}
	shown := page.Console{
		Here: "roles", Up: &page.Link{To: base + allRolesPath, Text: page.Say("roles")}, Title: page.Named(role.Key), Lead: page.Say("role.lead", "project", p.Name),
	}
	if !v.readOnly {
		shown.Blocks = append(shown.Blocks, page.Panel{Blocks: []page.Block{page.Form{
			To: rolePath(p.ID, role.Key, "/give"), Submit: page.Say("role.give"),
			Fields: []page.Field{{Name: "who", Label: page.Say("role.give_to"), Hint: page.Say("role.give_to.hint"), Value: v.typed("who"), Problem: wrong["who"]}},
		}}})
		v.undoing(rolePath(p.ID, role.Key, ""), "subject")
	}
	if len(meant) > 0 {
		near := page.Table{Label: page.Say("role.meant"), Head: table.Head, Range: page.Say("role.meant")}
		for _, s := range meant {
			near.Rows = append(near.Rows, row("/give", "role.give", false)(s))
		}
		shown.Blocks = append(shown.Blocks, near)
	}
	path := rolePath(p.ID, role.Key, "")[len(base):]
	shown.Blocks = append(shown.Blocks, list(v, path, w, part, table, row("/take", "role.take", true), func(s store.Subject) store.Place {
		return store.Place{Name: s.Username, ID: s.ID}
	}))
	return c.again(v, shown, wrong)
}

// undoing offers to take back what the note says that was done, by a form to one of two paths below the one given.
func (v *visit) undoing(path string, name string) {
	what, id := "", v.Params.Value("undo")
	switch done := v.Params.Value("done"); {
	case id == "":
		return
	case len(done) > 5 && done[:5] == "gave ":
		what = "/take"
	case len(done) > 5 && done[:5] == "took ":
		what = "/give"
	default:
		return
	}
	v.undoActs = []page.Act{{To: path + what, Text: page.Say("undo"), Post: true, Hidden: []page.Parameter{{Name: name, Value: id}}}}
}

func subjectLink(s store.Subject, name string) page.Inline {
	to := base + "/service-users/" + url.PathEscape(s.ID)
	if s.Kind == store.UserSubject {
		to = userPath(s.ID, "")
	}
	return page.Link{To: to, Text: page.Named(name)}
}

func kindOfSubject(s store.Subject) page.Text {
	if s.Kind == store.UserSubject {
		return page.Say("kind.user")
	}
	return page.Say("kind.service_user")
}

func subjectState(s store.Subject) page.Inline {
	if s.Kind == store.UserSubject {
		return lockState(s.Active)
	}
	return state(s.Active)
}

// calledAll are the names of subjects by ID. Those of people are theirs; few have neither that nor a login name.
func (c *Console) calledAll(v *visit, subjects []store.Subject) (map[string]string, error) {
	names := make(map[string]string)
	for _, s := range subjects {
		names[s.ID] = s.Username
		if s.Username != "" {
			continue
		}
		u, err := c.Store.User(v.Context(), s.ID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("console: %w", err)
		}
		names[s.ID] = called(u)
	}
	return names, nil
}

// giveRole gives the role to whom a form names: by ID, or by what was typed.
func (c *Console) giveRole(v *visit) error {
	p, role, ok, err := c.roleOfPath(v)
	if err != nil || !ok {
		return err
	}
	var given store.Subject
	var meant []store.Subject
	err = c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) (err error) {
		meant = nil
		if id := v.Params.Value("subject"); id != "" {
			given, err = tx.Subject(ctx, id)
		} else {
			given, meant, err = meantBy(ctx, tx, v.typed("who"))
		}
		if errors.Is(err, store.ErrNotFound) {
			return problems{"who": page.Say("problem.nobody", "who", v.typed("who"))}
		}
		if err != nil {
			return err
		}
		return r.Give(ctx, given.ID, store.Assignment{ProjectID: p.ID}, role.Key)
	})
	var wrong problems
	switch {
	case errors.As(err, &wrong):
		return c.showHolders(v, p, role, wrong, meant)
	case errors.Is(err, registry.ErrPeopleOnly):
		return c.showHolders(v, p, role, problems{"who": page.Say("problem.people_only")}, nil)
	case errors.Is(err, registry.ErrLastAdministrator):
		u, err := c.Store.User(v.Context(), given.ID)
		return errors.Join(err, c.lastAdministrator(v, u))
	case errors.Is(err, store.ErrNotFound):
		return c.notThere(v)
	case err != nil:
		return err
	}
	return c.doneWithUndo(v, rolePath(p.ID, role.Key, "")[len(base):], "gave", given)
}

// meantBy returns the subject that somebody means, by ID, login name, address or username; else those whose names are
// near to it, with store.ErrNotFound.
func meantBy(ctx context.Context, tx store.Tx, who string) (store.Subject, []store.Subject, error) {
	if who == "" {
		return store.Subject{}, nil, store.ErrNotFound
	}
	if s, err := tx.Subject(ctx, who); err == nil || !errors.Is(err, store.ErrNotFound) {
		return s, nil, err
	}
	if u, err := tx.ServiceUserByUsername(ctx, who); err == nil {
		s, err := tx.Subject(ctx, u.ID)
		return s, nil, err
	} else if !errors.Is(err, store.ErrNotFound) {
		return store.Subject{}, nil, err
	}
	organizations, err := tx.Organizations(ctx)
	if err != nil {
		return store.Subject{}, nil, err
	}
	for _, o := range organizations {
		if u, err := tx.UserByLogin(ctx, o.ID, who); err == nil {
			s, err := tx.Subject(ctx, u.ID)
			return s, nil, err
		} else if !errors.Is(err, store.ErrNotFound) {
			return store.Subject{}, nil, err
		}
	}
	var near []store.Subject
	w := store.Window{Search: who, Limit: 10}
	people, err := tx.UsersPart(ctx, w)
	if err != nil {
		return store.Subject{}, nil, err
	}
	for _, u := range people.Rows {
		near = append(near, store.Subject{ID: u.ID, Kind: store.UserSubject, Username: u.Called(), Active: u.Active})
	}
	programs, err := tx.ServiceUsersPart(ctx, w)
	if err != nil {
		return store.Subject{}, nil, err
	}
	for _, u := range programs.Rows {
		near = append(near, store.Subject{ID: u.ID, Kind: store.ServiceUserSubject, Username: u.Username, Active: u.Active})
	}
	return store.Subject{}, near, store.ErrNotFound
}

// doneWithUndo says what was done to a subject, and offers to take it back.
func (c *Console) doneWithUndo(v *visit, path, what string, s store.Subject) error {
	names, err := c.calledAll(v, []store.Subject{s})
	if err != nil {
		return err
	}
	return c.done(v, path, what, names[s.ID], "undo", s.ID)
}

func (c *Console) takeRole(v *visit) error {
	p, role, ok, err := c.roleOfPath(v)
	if err != nil || !ok {
		return err
	}
	var taken store.Subject
	err = c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) (err error) {
		if taken, err = tx.Subject(ctx, v.Params.Value("subject")); err != nil {
			return err
		}
		return r.TakeAway(ctx, taken.ID, store.Assignment{ProjectID: p.ID}, role.Key)
	})
	switch {
	case errors.Is(err, registry.ErrLastAdministrator):
		u, err := c.Store.User(v.Context(), taken.ID)
		if err != nil {
			return fmt.Errorf("console: %w", err)
		}
		return c.lastAdministrator(v, u)
	case errors.Is(err, store.ErrNotFound):
		return c.notThere(v)
	case err != nil:
		return err
	}
	return c.doneWithUndo(v, rolePath(p.ID, role.Key, "")[len(base):], "took", taken)
}

// userRights shows what a person may do.
func (c *Console) userRights(v *visit) error {
	u, ok, err := c.userOf(v)
	if err != nil || !ok {
		return err
	}
	all, err := c.Store.AssignmentsOf(v.Context(), u.ID)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	table := page.Table{
		Label: page.Say("user.rights"), Empty: page.Say("user.rights.empty"),
		Head: []page.Column{{Text: page.Say("user_rights.right")}, {Text: page.Say("user_rights.at")}, {Text: page.Say("role.kind")}},
	}
	for _, a := range all {
		at, kind, err := c.target(v, a)
		if err != nil {
			return err
		}
		for _, right := range a.Rights {
			name := page.Inline(page.Code{Text: right})
			if a.ProjectID != "" {
				name = page.Link{To: rolePath(a.ProjectID, right, ""), Text: page.Named(right)}
			}
			table.Rows = append(table.Rows, rightRow(v, u, a, right, "/take", page.Cell{name}, page.Cell{at}, kind))
		}
		if len(a.Rights) == 0 {
			table.Rows = append(table.Rows, rightRow(v, u, a, "", "/take", page.Cell{page.Words{Text: page.Say("user_rights.none")}}, page.Cell{at}, kind))
		}
	}
	table.Range = page.Say("user_rights.count", "n", len(table.Rows))
	p := aboutUser(u, "/roles")
	if !v.readOnly {
		p.Acts = []page.Act{{To: userPath(u.ID, "/roles/give"), Text: page.Say("user_rights.give"), Go: true}}
		table.EmptyActs = p.Acts
		v.undoRight(u)
	}
	p.Blocks = []page.Block{table}
	return c.render(v, p)
}

// undoRight is undoing for a right of a person, which the page's parameters name.
func (v *visit) undoRight(u store.User) {
	v.undoing(userPath(u.ID, "/roles"), "right")
	for i := range v.undoActs {
		v.undoActs[i].Hidden = hiddenRight(store.Assignment{ProjectID: v.Params.Value("project"), APIID: v.Params.Value("api")}, v.Params.Value("right"))
	}
}

func hiddenRight(a store.Assignment, right string) []page.Parameter {
	return []page.Parameter{{Name: "project", Value: a.ProjectID}, {Name: "api", Value: a.APIID}, {Name: "right", Value: right}}
}

// target is where an assignment is, and what its rights are called there.
func (c *Console) target(v *visit, a store.Assignment) (page.Inline, page.Text, error) {
	if a.APIID != "" {
		api, err := c.Store.API(v.Context(), a.APIID)
		if err != nil {
			return nil, page.Text{}, fmt.Errorf("console: %w", err)
		}
		return page.Link{To: base + "/apis/" + url.PathEscape(api.ID), Text: page.Named(api.Name)}, page.Say("user_rights.permission"), nil
	}
	project, err := c.Store.Project(v.Context(), a.ProjectID)
	if err != nil {
		return nil, page.Text{}, fmt.Errorf("console: %w", err)
	}
	return projectLink(project.ID, project.Name), page.Say("role"), nil
}

func rightRow(v *visit, u store.User, a store.Assignment, right, what string, name, at page.Cell, kind page.Text) page.Row {
	row := page.Row{Cells: []page.Cell{name, at, {page.Words{Text: kind}}}}
	act := page.Act{To: userPath(u.ID, "/roles"+what), Text: page.Say("role.give"), Post: true, Hidden: hiddenRight(a, right)}
	if what == "/take" {
		act.Text, act.Danger = page.Say("role.take"), true
	}
	if !v.readOnly {
		row.Acts = []page.Act{act}
	}
	return row
}

// chooseRight lists what can be given to a person.
func (c *Console) chooseRight(v *visit) error {
	u, ok, err := c.userOf(v)
	if err != nil || !ok {
		return err
	}
	w := v.window()
	part, err := c.Store.RightsPart(v.Context(), w)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	table := page.Table{
		Label: page.Say("user_rights.give"), Empty: page.Say("roles.empty", "link", base+"/projects"),
		Head: []page.Column{{Text: page.Say("user_rights.right")}, {Text: page.Say("user_rights.at")}, {Text: page.Say("role.kind")}},
	}
	row := func(r store.Right) page.Row {
		name, at, kind := page.Inline(page.Link{To: rolePath(r.ProjectID, r.Key, ""), Text: page.Named(r.Key)}), projectLink(r.ProjectID, r.At), page.Say("role")
		if r.APIID != "" {
			name, at, kind = page.Code{Text: r.Key}, page.Link{To: base + "/apis/" + url.PathEscape(r.APIID), Text: page.Named(r.At)}, page.Say("user_rights.permission")
		}
		return rightRow(v, u, store.Assignment{ProjectID: r.ProjectID, APIID: r.APIID}, r.Key, "/give", page.Cell{name}, page.Cell{at}, kind)
	}
	return c.render(v, page.Console{
		Here: "users", Up: &page.Link{To: userPath(u.ID, "/roles"), Text: page.Named(called(u))}, Title: page.Say("user_rights.give_to", "name", called(u)), Lead: page.Say("user_rights.give.lead"),
		Blocks: []page.Block{list(v, usersPath+"/"+u.ID+"/roles/give", w, part, table, row, store.Right.Place)},
	})
}

func (c *Console) giveToUser(v *visit) error {
	return c.changeUserRight(v, "gave", func(ctx context.Context, r *registry.Registry, a store.Assignment, right string) error {
		return r.Give(ctx, a.SubjectID, a, right)
	})
}

func (c *Console) takeFromUser(v *visit) error {
	return c.changeUserRight(v, "took", func(ctx context.Context, r *registry.Registry, a store.Assignment, right string) error {
		if right == "" {
			return r.Unassign(ctx, a)
		}
		return r.TakeAway(ctx, a.SubjectID, a, right)
	})
}

func (c *Console) changeUserRight(v *visit, what string, change func(context.Context, *registry.Registry, store.Assignment, string) error) error {
	u, ok, err := c.userOf(v)
	if err != nil || !ok {
		return err
	}
	a := store.Assignment{SubjectID: u.ID, ProjectID: v.Params.Value("project"), APIID: v.Params.Value("api")}
	right := v.Params.Value("right")
	if (a.ProjectID == "") == (a.APIID == "") {
		return badForm()
	}
	err = c.write(v, func(ctx context.Context, r *registry.Registry, _ store.Tx) error { return change(ctx, r, a, right) })
	switch {
	case errors.Is(err, registry.ErrLastAdministrator):
		return c.lastAdministrator(v, u)
	case errors.Is(err, store.ErrNotFound):
		return c.notThere(v)
	case err != nil:
		return err
	}
	undo := []string{"project", a.ProjectID, "api", a.APIID, "right", right, "undo", u.ID}
	if right == "" {
		undo = nil
	}
	return c.done(v, usersPath+"/"+u.ID+"/roles", what, called(u), undo...)
}
