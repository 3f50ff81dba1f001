package console

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

func (c *Console) projectPages() []at {
	return []at{
		{path: "/projects", show: c.projects, params: listed},
		{path: "/projects/new", show: c.newProject, do: c.createProject, asks: true, params: []string{"name"}},
		{path: "/projects/{id}", show: c.project, do: c.renameProject, params: []string{"name", "version"}},
		{path: "/projects/{id}/delete", show: c.askDeleteProject, do: c.deleteProject, asks: true, params: []string{"name", "counted"}},
		{path: "/projects/{id}/roles", do: c.createRole, params: []string{"key", "title", "api"}},
		{path: "/projects/{id}/roles/delete", show: c.askDeleteRole, do: c.deleteRole, asks: true, params: []string{"key", "counted", "api", "name"}},
	}
}

func (c *Console) projects(v *visit) error {
	w := v.window()
	part, err := c.Store.ProjectsPart(v.Context(), w)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	create := page.Act{To: base + "/projects/new", Text: page.Say("project_new"), Go: true}
	table := page.Table{
		Label: page.Say("projects"),
		Head:  []page.Column{{Text: page.Say("name")}, {Text: page.Say("id")}, {Text: page.Say("state")}, {Text: page.Say("created")}},
		Empty: page.Say("projects.empty"),
	}
	p := page.Console{Here: "projects", Title: page.Say("projects"), Lead: page.Say("projects.lead")}
	if !v.readOnly {
		p.Acts = []page.Act{create}
	}
	p.Blocks = []page.Block{list(v, "/projects", w, part, table, func(p store.Project) page.Row {
		return page.Row{Cells: []page.Cell{
			{page.Link{To: base + "/projects/" + p.ID, Text: page.Named(p.Name)}}, {page.Code{Text: p.ID}}, {state(p.Active)}, {page.Moment{At: p.CreatedAt}},
		}}
	}, func(p store.Project) store.Place { return store.Place{Name: p.Name, ID: p.ID} })}
	return c.render(v, p)
}

func (c *Console) newProject(v *visit) error { return c.askProject(v, nil) }

func (c *Console) askProject(v *visit, wrong problems) error {
	p := page.Console{
		Here: "projects", Up: &page.Link{To: base + "/projects", Text: page.Say("projects")}, Title: page.Say("project_new"), Lead: page.Say("projects.lead"),
		Blocks: []page.Block{page.Panel{Blocks: []page.Block{page.Form{
			To: base + "/projects/new", Submit: page.Say("project_new"), Cancel: base + "/projects",
			Fields: []page.Field{{Name: "name", Label: page.Say("name"), Value: v.typed("name"), Problem: wrong["name"]}},
		}}}},
	}
	return c.again(v, p, wrong)
}

// fieldLabels are the fields to which the note above a form leads.
var fieldLabels = map[string]page.Text{
	"name": page.Say("name"), "identifier": page.Say("identifier"), "permissions": page.Say("api.permissions"), "lifetime": page.Say("tokens_live"),
	"project": page.Say("project"), "algorithm": page.Say("signed_with"), "who": page.Say("test.who"), "address": page.Say("test.address"),
	"username": page.Say("name"), "title": page.Say("service_user.title"), "ends": page.Say("client.ends"), "until": page.Say("client.until"),
	"redirects": page.Say("application.redirects"), "logouts": page.Say("application.logouts"), "origins": page.Say("application.origins"),
}

// again shows a page with a form, which has been sent before when something is wrong.
func (c *Console) again(v *visit, p page.Console, wrong problems) error {
	if len(wrong) > 0 {
		p.Status = http.StatusUnprocessableEntity
		note := page.Note{Tone: page.Bad, Text: page.Say("not_done", "n", len(wrong))}
		for _, field := range slices.Sorted(maps.Keys(wrong)) {
			if label, ok := fieldLabels[field]; ok {
				note.Acts = append(note.Acts, page.Act{To: "#" + field, Text: label})
			}
		}
		p.Notes = append(p.Notes, note)
	}
	return c.render(v, p)
}

// checkedName returns a name that was typed, or says what is wrong with it.
func checkedName(v *visit, wrong problems) string {
	name := v.typed("name")
	if registry.CheckName(name) != nil {
		wrong["name"] = page.Say("problem.name")
	}
	return name
}

func (c *Console) createProject(v *visit) error {
	wrong := problems{}
	p := store.Project{ID: secret.NewID(), Name: checkedName(v, wrong), Active: true, CreatedAt: v.now}
	err := wrong.or()
	if err == nil {
		err = c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) error {
			organization, err := r.Organization(ctx)
			if err != nil {
				return err
			}
			p.OrganizationID = organization.ID
			return namedTwice(r.PutProject(ctx, p))
		})
	}
	if errors.As(err, &wrong) {
		return c.askProject(v, wrong)
	}
	if err != nil {
		return err
	}
	return c.done(v, "/projects/"+p.ID, "created", p.Name)
}

// namedTwice turns the refusals of a name into problems of the form.
func namedTwice(err error) error {
	switch {
	case errors.Is(err, store.ErrExists):
		return problems{"name": page.Say("problem.name_taken")}
	case errors.Is(err, registry.ErrRefused):
		return problems{"name": page.Say("problem.name")}
	}
	return err
}

// projectOf finds the project that a page is about.
func (c *Console) projectOf(ctx context.Context, tx store.Projects, v *visit) (store.Project, error) {
	return tx.Project(ctx, v.PathValue("id"))
}

// failed answers for an error that many pages meet: what the page is about is gone.
func (c *Console) failed(v *visit, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return c.notThere(v)
	}
	return fmt.Errorf("console: %w", err)
}

func (c *Console) project(v *visit) error {
	p, err := c.projectOf(v.Context(), c.Store, v)
	if err != nil {
		return c.failed(v, err)
	}
	return c.showProject(v, p, p.Name, nil, nil)
}

// showProject shows a project with what was typed in the form of its name and in that of a new role.
func (c *Console) showProject(v *visit, p store.Project, name string, wrong problems, conflict *page.Note) error {
	apis, err := c.Store.APIsOf(v.Context(), p.ID)
	if err != nil {
		return c.failed(v, err)
	}
	own := p.ID == registry.OwnProject
	facts := page.Facts{Items: []page.Fact{
		{Name: page.Say("id"), Value: page.Cell{page.Code{Text: p.ID, Copy: true}}},
		{Name: page.Say("state"), Value: page.Cell{state(p.Active)}},
		{Name: page.Say("created"), Value: page.Cell{page.Moment{At: p.CreatedAt}}},
	}}
	shown := page.Console{
		Here: "projects", Up: &page.Link{To: base + "/projects", Text: page.Say("projects")}, Title: page.Named(p.Name), Lead: page.Say("project.lead"),
		Blocks: []page.Block{page.Panel{Blocks: []page.Block{facts}}},
	}
	if own {
		shown.Notes = append(shown.Notes, page.Note{Text: page.Say("project.own")})
	}
	if conflict != nil {
		shown.Notes, shown.Status = append(shown.Notes, *conflict), http.StatusConflict
	}
	var rows []page.Row
	for _, a := range apis {
		rows = append(rows, page.Row{Cells: []page.Cell{{page.Link{To: base + "/apis/" + a.ID, Text: page.Named(a.Name)}}, {page.Code{Text: a.Identifier}}, {state(a.Active)}}})
	}
	shown.Blocks = append(shown.Blocks, page.Table{
		Label: page.Say("apis"), Head: []page.Column{{Text: page.Say("project.apis")}, {Text: page.Say("identifier")}, {Text: page.Say("state")}}, Rows: rows,
		Empty: page.Say("project.no_apis"), Range: page.Say("rights", "n", len(rows)),
	})
	roles, err := c.roleBlocks(v, p, "", wrong)
	if err != nil {
		return c.failed(v, err)
	}
	shown.Blocks = append(shown.Blocks, roles...)
	field := page.Field{Name: "name", Label: page.Say("name"), Value: name, Problem: wrong["name"]}
	if conflict != nil && name != p.Name {
		field.Now = page.Cell{page.Words{Text: page.Named(p.Name)}}
	}
	if !own && !v.readOnly {
		shown.Blocks = append(shown.Blocks,
			page.Panel{Title: page.Say("project.rename"), Blocks: []page.Block{page.Form{
				To: base + "/projects/" + p.ID, Submit: page.Say("save"), Hidden: []page.Parameter{{Name: "version", Value: version(p)}},
				Fields: []page.Field{field},
			}}},
			page.Panel{Danger: true, Title: page.Say("project.end"), Blocks: []page.Block{page.Paragraph{Text: page.Say("project.end.lead")}},
				Acts: []page.Act{{To: base + "/projects/" + p.ID + "/delete", Text: page.Say("project.delete"), Danger: true}}},
		)
	}
	return c.again(v, shown, wrong)
}

func (c *Console) renameProject(v *visit) error {
	wrong := problems{}
	name := checkedName(v, wrong)
	err := wrong.or()
	if err == nil {
		err = c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) error {
			p, err := c.projectOf(ctx, tx, v)
			if err != nil {
				return err
			}
			if version(p) != v.Params.Value("version") {
				return errChanged
			}
			p.Name = name
			return namedTwice(r.PutProject(ctx, p))
		})
	}
	if err == nil {
		return c.done(v, "/projects/"+v.PathValue("id"), "saved", name)
	}
	p, lost := c.projectOf(v.Context(), c.Store, v)
	switch {
	case lost != nil:
		return c.failed(v, lost)
	case errors.Is(err, errChanged):
		return c.showProject(v, p, name, nil, v.changedMeanwhile())
	case errors.As(err, &wrong):
		return c.showProject(v, p, name, wrong, nil)
	}
	return err
}

// ending is what goes with something that is deleted.
type ending struct {
	apis, applications, subjects int
	sentences                    []page.Text
}

// counted is what a confirmation says, for its form to send along.
func counted(n ...int) string {
	var s string
	for _, n := range n {
		s += strconv.Itoa(n) + "."
	}
	return s
}

// endOfProject counts what stops when the project is deleted.
func (c *Console) endOfProject(ctx context.Context, tx store.Tx, p store.Project) (ending, error) {
	var e ending
	apis, err := tx.APIsOf(ctx, p.ID)
	if err != nil {
		return e, err
	}
	applications, err := tx.Applications(ctx)
	if err != nil {
		return e, err
	}
	for _, a := range applications {
		if a.ProjectID == p.ID {
			e.applications++
		}
	}
	e.apis = len(apis)
	targets := []store.Assignment{{ProjectID: p.ID}}
	for _, a := range apis {
		targets = append(targets, store.Assignment{APIID: a.ID})
	}
	for _, target := range targets {
		part, err := tx.HoldersPart(ctx, target, "", store.Window{Limit: 1})
		if err != nil {
			return e, err
		}
		e.subjects += part.Total
	}
	e.sentences = []page.Text{
		page.Say("project.ends.apis", "n", e.apis), page.Say("project.ends.applications", "n", e.applications),
		page.Say("project.ends.assignments", "n", e.subjects),
	}
	return e, nil
}

func (c *Console) askDeleteProject(v *visit) error { return c.confirmDeleteProject(v, nil, nil) }

func (c *Console) confirmDeleteProject(v *visit, wrong problems, changed *page.Note) error {
	p, err := c.projectOf(v.Context(), c.Store, v)
	if err != nil || p.ID == registry.OwnProject {
		return c.failed(v, errors.Join(err, notOwn(p)))
	}
	e, err := c.endOfProject(v.Context(), c.Store, p)
	if err != nil {
		return c.failed(v, err)
	}
	return c.confirm(v, confirmation{
		here: "projects", up: page.Link{To: base + "/projects/" + p.ID, Text: page.Named(p.Name)}, title: page.Say("project.delete.title", "name", p.Name),
		stops: e.sentences, to: base + "/projects/" + p.ID + "/delete", counted: counted(e.apis, e.applications, e.subjects),
		submit: page.Say("project.delete"), name: p.Name, final: true,
	}, wrong, changed)
}

// notOwn is for pages that are not there for Postern's own project.
func notOwn(p store.Project) error {
	if p.ID == registry.OwnProject {
		return store.ErrNotFound
	}
	return nil
}

func (c *Console) deleteProject(v *visit) error {
	var name string
	err := c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) error {
		p, err := c.projectOf(ctx, tx, v)
		if err == nil {
			err = notOwn(p)
		}
		if err != nil {
			return err
		}
		name = p.Name
		e, err := c.endOfProject(ctx, tx, p)
		if err != nil {
			return err
		}
		if err := v.confirmed(counted(e.apis, e.applications, e.subjects), p.Name); err != nil {
			return err
		}
		return r.DeleteProject(ctx, p)
	})
	if err == nil {
		return c.done(v, "/projects", "deleted", name)
	}
	return c.refused(v, err, c.confirmDeleteProject)
}

// to is the path of a project's or an API's page about roles.
func rolesPath(projectID, apiID string) string {
	if apiID != "" {
		return "/apis/" + url.PathEscape(apiID) + "/roles"
	}
	return "/projects/" + url.PathEscape(projectID)
}
