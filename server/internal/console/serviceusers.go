package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

func (c *Console) serviceUserPages() []at {
	typed := []string{"username", "title", "form", "grant", "constraint", "version"}
	confirmed := []string{"name", "counted"}
	return slices.Concat([]at{
		{path: "/service-users", show: c.serviceUsers, params: listed},
		{path: "/service-users/new", show: c.newServiceUser, do: c.createServiceUser, asks: true,
			params: []string{"username", "title", "right", "way", "once", "api"}, lists: []string{"right"}},
		{path: "/service-users/{id}", show: c.serviceUser},
		{path: "/service-users/{id}/rights", show: c.serviceUserRights, params: []string{"q", "taken"}},
		{path: "/service-users/{id}/rights/give", do: c.giveRight, params: []string{"right"}},
		{path: "/service-users/{id}/rights/take", do: c.takeRight, params: []string{"right"}},
		{path: "/service-users/{id}/settings", show: c.serviceUserSettings, do: c.saveServiceUser, params: typed, lists: []string{"grant"}},
		{path: "/service-users/{id}/deactivate", show: c.askDeactivateServiceUser, do: c.deactivateServiceUser, asks: true, params: confirmed},
		{path: "/service-users/{id}/activate", do: c.activateServiceUser},
		{path: "/service-users/{id}/delete", show: c.askDeleteServiceUser, do: c.deleteServiceUser, asks: true, params: confirmed},
	}, c.secretPages(c.serviceUserKind()), c.tokenPages())
}

func (c *Console) serviceUserKind() clientKind {
	return clientKind{path: "/service-users", show: c.showServiceUser, find: func(ctx context.Context, tx store.Tx, id string) (client, error) {
		u, err := tx.ServiceUser(ctx, id)
		return serviceUserClient(u), err
	}}
}

func serviceUserClient(u store.ServiceUser) client {
	return client{
		owner: store.Owner{Kind: store.ServiceUserClient, ID: u.ID}, clientID: u.Username, name: u.Username,
		path: "/service-users/" + u.ID, here: "service_users",
	}
}

func (c *Console) serviceUsers(v *visit) error {
	w := v.window()
	part, err := c.Store.ServiceUsersPart(v.Context(), w)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	ids := make([]string, len(part.Rows))
	for i, u := range part.Rows {
		ids[i] = u.ID
	}
	standings, err := c.Store.StandingsOf(v.Context(), ids, v.now)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	create := page.Act{To: base + "/service-users/new", Text: page.Say("service_user_new"), Go: true}
	table := page.Table{
		Label: page.Say("service_users"),
		Head:  []page.Column{{Text: page.Say("name")}, {Text: page.Say("service_users.by")}, {Text: page.Say("service_users.may_use")}, {Text: page.Say("created")}},
		Empty: page.Say("service_users.empty"),
	}
	p := page.Console{Here: "service_users", Title: page.Say("service_users"), Lead: page.Say("service_users.lead")}
	if !v.readOnly {
		if part.Total > 0 || w.Search != "" {
			p.Acts = []page.Act{create}
		} else {
			table.EmptyActs = []page.Act{create}
		}
	}
	p.Blocks = []page.Block{list(v, "/service-users", w, part, table, func(u store.ServiceUser) page.Row {
		return v.serviceUserRow(u, standings[u.ID])
	}, func(u store.ServiceUser) store.Place { return store.Place{Name: u.Username, ID: u.ID} })}
	return c.render(v, p)
}

func (v *visit) serviceUserRow(u store.ServiceUser, s store.Standing) page.Row {
	name := page.Cell{page.Link{To: base + "/service-users/" + u.ID, Text: page.Named(u.Username)}}
	switch {
	case !u.Active:
		name = append(name, page.Chip{Tone: page.Bad, Text: page.Say("deactivated")})
	case len(s.MayUse) == 0:
		name = append(name, page.Chip{Text: page.Say("service_users.nothing")})
	case !s.Ends.IsZero() && s.Ends.Sub(v.now) < soon:
		name = append(name, page.Chip{Tone: page.Warn, Text: page.Say("client.ends_in", "n", days(s.Ends.Sub(v.now)))})
	}
	var by page.Cell
	for _, way := range []struct {
		n    int
		text page.Text
	}{{s.Secrets, page.Say("service_users.secret")}, {s.Keys, page.Say("service_users.key")}, {s.Tokens, page.Say("service_users.token")}} {
		if way.n > 0 {
			by = append(by, page.Chip{Text: way.text})
		}
	}
	if by == nil {
		by = page.Cell{page.Words{Text: page.Say("service_users.none")}}
	}
	use := page.Cell{page.Words{Text: page.Named(strings.Join(s.MayUse, ", "))}}
	if len(s.MayUse) == 0 {
		use = page.Cell{page.Words{Text: page.Say("service_users.none")}}
	}
	return page.Row{Cells: []page.Cell{name, by, use, {page.Moment{At: u.CreatedAt}}}}
}

// state says whether something may be used.
func state(active bool) page.Inline {
	if active {
		return page.Chip{Tone: page.Good, Text: page.Say("active")}
	}
	return page.Chip{Text: page.Say("deactivated")}
}

func (c *Console) serviceUser(v *visit) error { return c.showServiceUser(v, v.PathValue("id"), nil) }

// aboutServiceUser is the frame of the pages about one.
func aboutServiceUser(v *visit, u store.ServiceUser, tab string) page.Console {
	path := base + "/service-users/" + u.ID
	p := page.Console{
		Here: "service_users", Up: &page.Link{To: base + "/service-users", Text: page.Say("service_users")},
		Title: page.Named(u.Username), Lead: page.Say("service_user.lead"),
		Tabs: []page.Tab{
			{To: path, Text: page.Say("service_user.secrets"), Here: tab == "secrets"},
			{To: path + "/rights", Text: page.Say("service_user.rights"), Here: tab == "rights"},
			{To: path + "/settings", Text: page.Say("service_user.settings"), Here: tab == "settings"},
			eventsTab(u.Username),
		},
	}
	if !u.Active {
		note := page.Note{Tone: page.Warn, Text: page.Say("service_user.off", "name", u.Username)}
		if !v.readOnly {
			note.Acts = []page.Act{{To: path + "/activate", Text: page.Say("service_user.activate"), Post: true}}
		}
		p.Notes = []page.Note{note}
	}
	return p
}

// showServiceUser shows how one logs in, with what was just made.
func (c *Console) showServiceUser(v *visit, id string, born []page.Block) error {
	u, err := c.Store.ServiceUser(v.Context(), id)
	if errors.Is(err, store.ErrNotFound) {
		return c.notThere(v)
	}
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	cl := serviceUserClient(u)
	keys, err := c.clientKeysOf(v, cl)
	if err != nil {
		return err
	}
	secrets, err := c.secretsOf(v, cl)
	if err != nil {
		return err
	}
	tokens, err := c.tokensOf(v, u)
	if err != nil {
		return err
	}
	rights, err := c.rightsOf(v.Context(), c.Store, u.ID)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	p := aboutServiceUser(v, u, "secrets")
	p.Blocks = append(born, page.Panel{Blocks: []page.Block{page.Facts{Items: []page.Fact{
		{Name: page.Say("client.id"), Value: page.Cell{page.Code{Text: u.Username, Copy: true}}},
		{Name: page.Say("id"), Value: page.Cell{page.Code{Text: u.ID, Copy: true}}},
		{Name: page.Say("state"), Value: page.Cell{state(u.Active)}},
		{Name: page.Say("created"), Value: page.Cell{page.Moment{At: u.CreatedAt}}},
	}}}}, keys, secrets, tokens, page.Panel{
		Title: page.Say("service_user.may"), Aside: page.Cell{page.Link{To: base + cl.path + "/rights", Text: page.Say("service_user.change")}},
		Blocks: []page.Block{mayDo(rights)},
	})
	return c.render(v, p)
}

// mayDo says in short what somebody may do.
func mayDo(rights []right) page.Block {
	if len(rights) == 0 {
		return page.Bullets{Tone: page.Warn, Items: []page.Text{page.Say("service_user.nothing")}}
	}
	var facts page.Facts
	for i, r := range rights {
		if i == 0 || rights[i-1].projectID != r.projectID || rights[i-1].apiID != r.apiID {
			facts.Items = append(facts.Items, page.Fact{Name: r.at()})
		}
		last := &facts.Items[len(facts.Items)-1]
		last.Value = append(last.Value, r.shown())
	}
	return facts
}

// serviceUserNames reads the names of a service user, or says what is wrong with them.
func (v *visit) serviceUserNames(wrong problems) (username, title string) {
	username, title = v.typed("username"), v.typed("title")
	if registry.CheckID(username) != nil {
		wrong["username"] = page.Say("problem.username")
	}
	if registry.CheckTitle(title) != nil {
		wrong["title"] = page.Say("problem.title")
	}
	return username, title
}

// nameProblem turns the refusal of a name that somebody has into a problem of the form.
func nameProblem(err error) error {
	if errors.Is(err, store.ErrExists) {
		return problems{"username": page.Say("problem.username_taken")}
	}
	return err
}

func (c *Console) serviceUserSettings(v *visit) error {
	u, err := c.Store.ServiceUser(v.Context(), v.PathValue("id"))
	if errors.Is(err, store.ErrNotFound) {
		return c.notThere(v)
	}
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	return c.showServiceUserSettings(v, u, u, nil, nil)
}

// showServiceUserSettings shows what was typed over what is there.
func (c *Console) showServiceUserSettings(v *visit, u, typed store.ServiceUser, wrong problems, conflict *page.Note) error {
	path := base + "/service-users/" + u.ID
	p := aboutServiceUser(v, u, "settings")
	if v.readOnly {
		p.Blocks = []page.Block{page.Panel{Blocks: []page.Block{page.Facts{Items: []page.Fact{
			{Name: page.Say("service_user.title"), Value: page.Cell{page.Words{Text: page.Named(u.Name)}}},
			{Name: page.Say("service_user.form"), Value: page.Cell{page.Code{Text: string(u.Form)}}},
			{Name: page.Say("state"), Value: page.Cell{state(u.Active)}},
		}}}}}
		return c.render(v, p)
	}
	fields := serviceUserFields(typed, wrong)
	if conflict != nil {
		p.Notes, p.Status = append(p.Notes, *conflict), http.StatusConflict
		fields = page.Against(fields, serviceUserFields(u, nil))
	}
	p.Blocks = []page.Block{page.Panel{Blocks: []page.Block{page.Form{
		To: path + "/settings", Hidden: []page.Parameter{{Name: "version", Value: version(u)}}, Submit: page.Say("save"),
		Fields: fields,
	}}}}
	red := page.Panel{Title: page.Say("service_user.end"), Danger: true, Acts: []page.Act{{To: path + "/delete", Text: page.Say("service_user.delete"), Danger: true}}}
	if u.Active {
		red.Blocks = []page.Block{page.Paragraph{Text: page.Say("service_user.end.off")}}
		red.Acts = append([]page.Act{{To: path + "/deactivate", Text: page.Say("service_user.deactivate"), Danger: true}}, red.Acts...)
	}
	p.Blocks = append(p.Blocks, red)
	return c.again(v, p, wrong)
}

// serviceUserFields are the form of its settings.
func serviceUserFields(u store.ServiceUser, wrong problems) []page.Field {
	forms := page.Field{Name: "form", Label: page.Say("service_user.form"), Kind: page.Select, Value: string(u.Form), Hint: page.Say("service_user.form.hint"), Problem: wrong["form"],
		Options: []page.Option{{Value: "", Label: page.Say("service_user.form.usual")}}}
	for _, form := range registry.Forms {
		forms.Options = append(forms.Options, page.Option{Value: string(form), Label: page.Named(string(form))})
	}
	grants := page.Field{Name: "grant", Label: page.Say("service_user.grants"), Kind: page.Checks, Values: u.Grants, Hint: page.Say("service_user.grants.hint"), Problem: wrong["grant"]}
	for _, grant := range []string{oauth.GrantClientCredentials, oauth.GrantJWTBearer, oauth.GrantTokenExchange} {
		grants.Options = append(grants.Options, page.Option{Value: grant, Label: page.Named(grant)})
	}
	return []page.Field{
		{Name: "username", Label: page.Say("name"), Value: u.Username, Code: true, Problem: wrong["username"], Hint: page.Say("service_user.rename.hint")},
		{Name: "title", Label: page.Say("service_user.title"), Value: u.Name, Optional: true, Problem: wrong["title"]},
		forms, grants, constraintField(u.SenderConstraint, wrong),
	}
}

// constraintField asks to what access tokens are bound.
func constraintField(typed store.SenderConstraint, wrong problems) page.Field {
	return page.Field{Name: "constraint", Label: page.Say("client.constraint"), Kind: page.Select, Value: string(typed), Problem: wrong["constraint"], Options: []page.Option{
		{Value: string(store.NotConstrained), Label: page.Say("client.constraint.none")},
		{Value: string(store.ConstrainedByProof), Label: page.Say("client.constraint.dpop")},
		{Value: string(store.ConstrainedByCertificate), Label: page.Say("client.constraint.certificate")},
	}}
}

func (c *Console) saveServiceUser(v *visit) error {
	wrong := problems{}
	typed := store.ServiceUser{Form: store.TokenForm(v.Params.Value("form")), Grants: v.Params.Values("grant"), SenderConstraint: store.SenderConstraint(v.Params.Value("constraint"))}
	typed.Username, typed.Name = v.serviceUserNames(wrong)
	if typed.Form != store.FormDefault && !slices.Contains(registry.Forms, typed.Form) {
		wrong["form"] = page.Say("problem.choice")
	}
	for _, grant := range typed.Grants {
		if registry.CheckServiceUserGrant(grant) != nil {
			wrong["grant"] = page.Say("problem.choice")
		}
	}
	if registry.CheckSenderConstraint(string(typed.SenderConstraint)) != nil {
		wrong["constraint"] = page.Say("problem.choice")
	}
	var u store.ServiceUser
	err := c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) (err error) {
		if u, err = tx.ServiceUser(ctx, v.PathValue("id")); err != nil {
			return err
		}
		if err := wrong.or(); err != nil {
			return err
		}
		if v.Params.Value("version") != version(u) {
			return errChanged
		}
		after := u
		after.Username, after.Name, after.Form, after.Grants, after.SenderConstraint = typed.Username, typed.Name, typed.Form, typed.Grants, typed.SenderConstraint
		return nameProblem(r.PutServiceUser(ctx, after))
	})
	switch {
	case errors.As(err, &wrong):
		return c.showServiceUserSettings(v, u, typed, wrong, nil)
	case errors.Is(err, errChanged):
		return c.showServiceUserSettings(v, u, typed, nil, v.changedMeanwhile())
	case errors.Is(err, store.ErrNotFound):
		return c.notThere(v)
	case err != nil:
		return err
	}
	return c.done(v, "/service-users/"+u.ID+"/settings", "saved", typed.Username)
}
