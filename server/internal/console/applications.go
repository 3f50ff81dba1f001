package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/internal/site"
	"github.com/postern-auth/postern/server/store"
)

func (c *Console) applicationPages() []at {
	fields := []string{
		"name", "redirects", "logouts", "origins", "backchannel", "initiate", "grant", "id_token_lifetime", "refresh_idle", "refresh_lifetime",
		"id_token_algorithm", "id_token_claims", "userinfo_algorithm", "constraint", "profile", "flag", "version",
	}
	confirmed := []string{"name", "counted"}
	return slices.Concat([]at{
		{path: "/applications", show: c.applications, params: listed},
		{path: "/applications/new", show: c.newApplication, do: c.createApplication, asks: true, params: []string{"name", "kind", "redirects", "logouts", "origins", "project", "once"}},
		{path: "/applications/{id}", show: c.application},
		{path: "/applications/{id}/settings", show: c.applicationSettings, do: c.saveApplication, params: fields, lists: []string{"grant", "flag"}},
		{path: "/applications/{id}/deactivate", show: c.askDeactivateApplication, do: c.deactivateApplication, asks: true, params: confirmed},
		{path: "/applications/{id}/activate", do: c.activateApplication},
		{path: "/applications/{id}/delete", show: c.askDeleteApplication, do: c.deleteApplication, asks: true, params: confirmed},
	}, c.secretPages(c.applicationKind()))
}

func (c *Console) applicationKind() clientKind {
	return clientKind{path: "/applications", show: c.showApplication, find: func(ctx context.Context, tx store.Tx, id string) (client, error) {
		a, err := tx.Application(ctx, id)
		return applicationClient(a), err
	}}
}

func applicationClient(a store.Application) client {
	return client{
		owner: store.Owner{Kind: store.ApplicationClient, ID: a.ID}, clientID: a.ClientID, name: a.Name, path: "/applications/" + a.ID, here: "applications",
	}
}

// kindOf says in words what an application is.
func kindOf(t store.ApplicationType) page.Text {
	switch t {
	case store.BrowserApplication:
		return page.Say("application.browser")
	case store.NativeApplication:
		return page.Say("application.native")
	}
	return page.Say("application.web")
}

func (c *Console) applications(v *visit) error {
	w := v.window()
	part, err := c.Store.ApplicationsPart(v.Context(), w)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	create := page.Act{To: base + "/applications/new", Text: page.Say("application_new"), Go: true}
	table := page.Table{
		Label: page.Say("applications"), Empty: page.Say("applications.empty"),
		Head: []page.Column{{Text: page.Say("name")}, {Text: page.Say("application.kind")}, {Text: page.Say("client.id")}, {Text: page.Say("created")}},
	}
	p := page.Console{Here: "applications", Title: page.Say("applications"), Lead: page.Say("applications.lead")}
	if !v.readOnly {
		if part.Total > 0 || w.Search != "" {
			p.Acts = []page.Act{create}
		} else {
			table.EmptyActs = []page.Act{create}
		}
	}
	p.Blocks = []page.Block{list(v, "/applications", w, part, table, applicationRow, func(a store.Application) store.Place { return store.Place{Name: a.Name, ID: a.ID} })}
	return c.render(v, p)
}

func applicationRow(a store.Application) page.Row {
	name := page.Cell{page.Link{To: base + "/applications/" + a.ID, Text: page.Named(a.Name)}}
	switch {
	case !a.Active:
		name = append(name, page.Chip{Tone: page.Bad, Text: page.Say("deactivated")})
	case a.InsecureNoPKCE:
		name = append(name, page.Chip{Tone: page.Warn, Text: page.Say("application.no_pkce.chip")})
	case !a.FirstParty:
		name = append(name, page.Chip{Text: page.Say("application.third")})
	}
	return page.Row{Cells: []page.Cell{name, {page.Words{Text: kindOf(a.Type)}}, {page.Code{Text: a.ClientID}}, {page.Moment{At: a.CreatedAt}}}}
}

func (c *Console) application(v *visit) error { return c.showApplication(v, v.PathValue("id"), nil) }

// aboutApplication is the frame of the pages about one.
func aboutApplication(v *visit, a store.Application, tab string) page.Console {
	path := base + "/applications/" + a.ID
	p := page.Console{
		Here: "applications", Up: &page.Link{To: base + "/applications", Text: page.Say("applications")},
		Title: page.Named(a.Name), Lead: kindOf(a.Type),
		Tabs: []page.Tab{
			{To: path, Text: page.Say("application.use"), Here: tab == "use"},
			{To: path + "/settings", Text: page.Say("application.settings"), Here: tab == "settings"},
			eventsTab(a.Name),
		},
	}
	if !a.Active {
		note := page.Note{Tone: page.Warn, Text: page.Say("application.off", "name", a.Name)}
		if !v.readOnly {
			note.Acts = []page.Act{{To: path + "/activate", Text: page.Say("application.activate"), Post: true}}
		}
		p.Notes = []page.Note{note}
	}
	return p
}

// showApplication shows how a program becomes this application, with what was just made.
func (c *Console) showApplication(v *visit, id string, born []page.Block) error {
	a, err := c.Store.Application(v.Context(), id)
	if errors.Is(err, store.ErrNotFound) {
		return c.notThere(v)
	}
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	following, err := c.Store.FollowingOf(v.Context(), a.ClientID, v.now)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	p := aboutApplication(v, a, "use")
	p.Blocks = append(born, page.Panel{Blocks: []page.Block{page.Facts{Items: []page.Fact{
		{Name: page.Say("client.id"), Value: page.Cell{page.Code{Text: a.ClientID, Copy: true}}},
		{Name: page.Say("state"), Value: page.Cell{state(a.Active)}},
		{Name: page.Say("application.people"), Value: page.Cell{page.Words{Text: page.Say("application.people.n", "n", following.People)}}},
		{Name: page.Say("created"), Value: page.Cell{page.Moment{At: a.CreatedAt}}},
	}}}})
	if len(born) == 0 {
		p.Blocks = append(p.Blocks, environmentBlock(v, a, ""))
	}
	if registry.Confidential(a.Type) {
		cl := applicationClient(a)
		secrets, err := c.secretsOf(v, cl)
		if err != nil {
			return err
		}
		keys, err := c.clientKeysOf(v, cl)
		if err != nil {
			return err
		}
		p.Blocks = append(p.Blocks, secrets, keys)
	}
	return c.render(v, p)
}

// environmentBlock is the file with what a program of the application's kind wants to know.
func environmentBlock(v *visit, a store.Application, raw string) page.Block {
	var b strings.Builder
	line := func(name, value string) {
		if quoted, ok := quote(value); ok {
			fmt.Fprintf(&b, "%s=%s\n", name, quoted)
		} else {
			fmt.Fprintf(&b, "#%s=\n", name)
		}
	}
	callback := ""
	if len(a.RedirectURIs) > 0 {
		callback = a.RedirectURIs[0]
	}
	line("ISSUER", string(v.Issuer))
	if a.Type == store.BrowserApplication {
		line("AUTH0_DOMAIN", domain(v.Issuer))
		line("AUTH0_CLIENT_ID", a.ClientID)
		line("AUTH0_CALLBACK_URL", callback)
	} else {
		line("CLIENT_ID", a.ClientID)
		line("REDIRECT_URI", callback)
	}
	switch {
	case raw != "":
		line("CLIENT_SECRET", raw)
	case registry.Confidential(a.Type):
		fmt.Fprint(&b, "# The client secret was shown when it was made and cannot be shown again: write it here.\n#CLIENT_SECRET=\n")
	}
	return page.Panel{Title: page.Say("application.environment"), Blocks: []page.Block{
		page.Source{Label: page.Say("application.environment"), Spans: []page.Span{{Text: b.String()}}, Copy: true, File: fileName(a.Name, ".env")},
	}}
}

// machine is the kind of what acts in its own name, which is a service user.
const machine = "machine"

func (c *Console) newApplication(v *visit) error { return c.askApplication(v, nil) }

func (c *Console) askApplication(v *visit, wrong problems) error {
	redirects, origins := v.Params.Value("redirects"), v.Params.Value("origins")
	if v.Method != http.MethodPost { // what the sample client has
		redirects, origins = "http://localhost:4040/callback", "http://localhost:4040"
	}
	project, err := c.Store.ProjectsPart(v.Context(), store.Window{Limit: rows})
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	projects := page.Field{Name: "project", Label: page.Say("application.project"), Kind: page.Select, Value: v.Params.Value("project"), Hint: page.Say("application.project.hint"), Problem: wrong["project"],
		Options: []page.Option{{Value: "", Label: page.Say("application.project.none")}}}
	for _, p := range project.Rows {
		if p.ID != registry.OwnProject {
			projects.Options = append(projects.Options, page.Option{Value: p.ID, Label: page.Named(p.Name)})
		}
	}
	return c.again(v, page.Console{
		Here: "applications", Up: &page.Link{To: base + "/applications", Text: page.Say("applications")},
		Title: page.Say("application_new"), Lead: page.Say("applications.lead"),
		Blocks: []page.Block{page.Panel{Blocks: []page.Block{page.Form{
			To: base + "/applications/new", Hidden: onceHidden(), Submit: page.Say("application_new"), Cancel: base + "/applications",
			Fields: []page.Field{
				{Name: "kind", Label: page.Say("application.which"), Kind: page.Radio, Value: v.Params.Value("kind"), Problem: wrong["kind"], Options: []page.Option{
					{Value: string(store.BrowserApplication), Label: page.Say("application.browser"), Hint: page.Say("application.browser.hint")},
					{Value: string(store.NativeApplication), Label: page.Say("application.native"), Hint: page.Say("application.native.hint")},
					{Value: string(store.WebApplication), Label: page.Say("application.web"), Hint: page.Say("application.web.hint")},
					{Value: machine, Label: page.Say("application.machine"), Hint: page.Say("application.machine.hint")},
				}},
				{Name: "name", Label: page.Say("name"), Value: v.typed("name"), Problem: wrong["name"], Hint: page.Say("application.name.hint")},
				{Name: "redirects", Label: page.Say("application.redirects"), Kind: page.Area, Value: redirects, Code: true, Problem: wrong["redirects"], Hint: page.Say("application.redirects.hint")},
			},
			More: []page.Field{
				{Name: "logouts", Label: page.Say("application.logouts"), Kind: page.Area, Value: v.Params.Value("logouts"), Code: true, Optional: true, Problem: wrong["logouts"], Hint: page.Say("application.logouts.hint")},
				{Name: "origins", Label: page.Say("application.origins"), Kind: page.Area, Value: origins, Code: true, Optional: true, Problem: wrong["origins"], Hint: page.Say("application.origins.hint")},
				projects,
			},
		}}}},
	}, wrong)
}

// lines reads what stands one a line, each checked on its own; a bad one is named by its number.
func (v *visit) lines(name string, wrong problems, check func(string) error) (all []string) {
	var told []page.Text
	for i, line := range strings.Split(v.Params.Value(name), "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		switch err := check(line); {
		case strings.Contains(line, "*"):
			told = append(told, page.Say("problem.line_star", "line", i+1))
		case err != nil:
			told = append(told, page.Say("problem.line", "line", i+1, "reason", err.Error()))
		case slices.Contains(all, line):
			told = append(told, page.Say("problem.line_twice", "line", i+1))
		}
		all = append(all, line)
	}
	if len(all) > maxLines {
		told = []page.Text{page.Say("problem.lines", "most", maxLines)}
	}
	for i, text := range told {
		switch {
		case i == 0:
			wrong[name] = text
		case i < 10: // more than that, nobody reads
			wrong[name] = page.Say("problem.more_lines", "first", wrong[name], "then", text)
		}
	}
	return all
}

// maxLines is how many addresses the registry lets an application have of a kind.
const maxLines = 100

// addresses reads the addresses of an application, each of its type.
func (v *visit) addresses(a *store.Application, wrong problems) {
	check := func(uri string) error {
		if err := registry.CheckRedirectURI(uri); err != nil {
			return err
		}
		return registry.CheckURIOfType(a.Type, uri)
	}
	a.RedirectURIs = v.lines("redirects", wrong, check)
	a.LogoutURIs = v.lines("logouts", wrong, check)
	a.AllowedOrigins = v.lines("origins", wrong, registry.CheckOrigin)
	if a.Name = v.typed("name"); registry.CheckName(a.Name) != nil {
		wrong["name"] = page.Say("problem.name")
	}
	if wrong["redirects"].Empty() && registry.CheckGrants(a.Grants, len(a.RedirectURIs)) != nil && len(a.Grants) > 0 {
		wrong["redirects"] = page.Say("problem.redirects")
	}
}

// newApplication reads an application of its kind, or says what is wrong with it.
func (v *visit) newApplication(wrong problems) store.Application {
	a := store.Application{
		ID: secret.NewID(), Type: store.ApplicationType(v.Params.Value("kind")), ProjectID: v.Params.Value("project"), IDTokenClaims: store.FullClaims,
		Grants: []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken}, FirstParty: true, RefreshEndsWithSession: true, Active: true, CreatedAt: v.now,
	}
	if registry.CheckApplicationType(string(a.Type)) != nil {
		wrong["kind"] = page.Say("problem.choice")
		a.Type = store.NativeApplication // whose addresses may be of any kind: the type is not known yet
	}
	v.addresses(&a, wrong)
	if a.Type != store.BrowserApplication && v.Params.Value("origins") == "http://localhost:4040" {
		a.AllowedOrigins = nil // stood there for the browser
	}
	return a
}

func (c *Console) createApplication(v *visit) error {
	if v.Params.Value("kind") == machine {
		site.Redirect(v.w, http.StatusSeeOther, base+"/service-users/new")
		return nil
	}
	wrong := problems{}
	a := v.newApplication(wrong)
	if len(wrong) > 0 {
		return c.askApplication(v, wrong)
	}
	var raw string
	err := c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) (err error) {
		if err := v.once(ctx, tx); err != nil {
			if errors.Is(err, store.ErrExists) {
				return errBorn
			}
			return err
		}
		of := "postern"
		if a.ProjectID != "" {
			project, err := tx.Project(ctx, a.ProjectID)
			if errors.Is(err, store.ErrNotFound) || a.ProjectID == registry.OwnProject {
				return problems{"project": page.Say("problem.choice")}
			}
			if err != nil {
				return err
			}
			of = project.Name
		}
		a.ClientID = registry.NewClientID(of)
		if err := applicationProblem(r.PutApplication(ctx, a)); err != nil {
			return err
		}
		if registry.Confidential(a.Type) {
			raw, err = r.CreateSecret(ctx, store.Owner{Kind: store.ApplicationClient, ID: a.ID}, time.Time{})
		}
		return err
	})
	switch {
	case errors.As(err, &wrong):
		return c.askApplication(v, wrong)
	case errors.Is(err, errBorn):
		return c.done(v, "/applications", "created", a.Name)
	case err != nil:
		return err
	case raw == "":
		return c.done(v, "/applications/"+a.ID, "created", a.Name)
	}
	return c.showApplication(v, a.ID, append(c.bornSecret(v, applicationClient(a), raw), environmentBlock(v, a, raw)))
}

// applicationProblem turns what the registry says of an application into a problem of its form.
func applicationProblem(err error) error {
	switch {
	case errors.Is(err, store.ErrExists):
		return problems{"name": page.Say("problem.name_taken")}
	case errors.Is(err, registry.ErrRefused):
		return problems{"": page.Say("problem.refused", "reason", reasonOf(err))}
	}
	return err
}

// reasonOf returns what the registry says, without what it says it about.
func reasonOf(err error) string {
	text := strings.TrimPrefix(err.Error(), registry.ErrRefused.Error()+": ")
	if _, reason, ok := strings.Cut(text, `": `); ok {
		return reason
	}
	return text
}

func (c *Console) applicationSettings(v *visit) error {
	a, err := c.Store.Application(v.Context(), v.PathValue("id"))
	if errors.Is(err, store.ErrNotFound) {
		return c.notThere(v)
	}
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	return c.showApplicationSettings(v, a, nil, nil)
}

func (c *Console) saveApplication(v *visit) error {
	wrong := problems{}
	var a store.Application
	err := c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) (err error) {
		clear(wrong) // it may run again
		if a, err = tx.Application(ctx, v.PathValue("id")); err != nil {
			return err
		}
		after := v.readApplication(a, wrong)
		if err := wrong.or(); err != nil {
			return err
		}
		if v.Params.Value("version") != version(a) {
			return errChanged
		}
		return applicationProblem(r.PutApplication(ctx, after))
	})
	switch {
	case errors.As(err, &wrong):
		return c.showApplicationSettings(v, a, wrong, nil)
	case errors.Is(err, errChanged):
		return c.showApplicationSettings(v, a, nil, v.changedMeanwhile())
	case errors.Is(err, store.ErrNotFound):
		return c.notThere(v)
	case err != nil:
		return err
	}
	return c.done(v, "/applications/"+a.ID+"/settings", "saved", v.typed("name"))
}
