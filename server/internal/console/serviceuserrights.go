package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/site"
	"github.com/postern-auth/postern/server/store"
)

// A right is a role of a project or a permission of an API. One without key is that tokens can be had for it, no more.
type right struct {
	projectID, apiID, key string
	owner                 string // name of the project or API
	identifier            string // of the API
}

// value is the right in a form.
func (r right) value() string {
	if r.apiID != "" {
		return "api " + r.apiID + " " + r.key
	}
	return "project " + r.projectID + " " + r.key
}

func (r right) at() page.Text { return page.Named(r.owner) }

func (r right) link() page.Link {
	if r.apiID != "" {
		return page.Link{To: base + "/apis/" + r.apiID, Text: r.at()}
	}
	return page.Link{To: base + "/projects/" + r.projectID, Text: r.at()}
}

func (r right) shown() page.Inline {
	if r.key == "" {
		return page.Words{Text: page.Say("rights.tokens_only")}
	}
	return page.Code{Text: r.key}
}

// said names the right in a sentence.
func (r right) said() string { return cmp.Or(r.key, r.owner) }

// offered are rights that can be given to a service user, which the search finds, and how many more there are: all but
// those that open the console, which is for people.
func (c *Console) offered(v *visit, search string) (all []right, more int, err error) {
	part, err := c.Store.RightsPart(v.Context(), store.Window{Search: search, Limit: rows})
	if err != nil {
		return nil, 0, fmt.Errorf("console: %w", err)
	}
	for _, r := range part.Rows {
		if r.ProjectID != registry.OwnProject {
			all = append(all, right{projectID: r.ProjectID, apiID: r.APIID, key: r.Key, owner: r.At})
		}
	}
	return all, part.Total - len(part.Rows), nil
}

// named fills in what a right of a form is at. Errors: store.ErrNotFound when it is not there, or the right is not.
func (r right) named(ctx context.Context, tx store.Tx) (right, error) {
	if r.apiID != "" {
		a, err := tx.API(ctx, r.apiID)
		r.owner, r.identifier = a.Name, a.Identifier
		if err == nil && !slices.ContainsFunc(a.Permissions, func(p store.Permission) bool { return p.Key == r.key }) {
			err = store.ErrNotFound
		}
		return r, err
	}
	p, err := tx.Project(ctx, r.projectID)
	r.owner = p.Name
	if err == nil && !slices.ContainsFunc(p.Roles, func(role store.Role) bool { return role.Key == r.key }) {
		err = store.ErrNotFound
	}
	return r, err
}

// rightsOf returns what a subject holds.
func (c *Console) rightsOf(ctx context.Context, tx store.Tx, subjectID string) ([]right, error) {
	held, err := tx.AssignmentsOf(ctx, subjectID)
	if err != nil {
		return nil, err
	}
	var all []right
	for _, a := range held {
		r := right{projectID: a.ProjectID, apiID: a.APIID}
		if a.APIID != "" {
			api, err := tx.API(ctx, a.APIID)
			if errors.Is(err, store.ErrNotFound) {
				continue // it went meanwhile
			}
			if err != nil {
				return nil, err
			}
			r.owner, r.identifier = api.Name, api.Identifier
		} else {
			project, err := tx.Project(ctx, a.ProjectID)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			r.owner = project.Name
		}
		if len(a.Rights) == 0 {
			all = append(all, r)
		}
		for _, key := range a.Rights {
			r.key = key
			all = append(all, r)
		}
	}
	return all, nil
}

// parseRight reads a right of a form; what it is at need not be there.
func parseRight(value string) (r right, ok bool) {
	kind, rest, _ := strings.Cut(value, " ")
	i := strings.LastIndexByte(rest, ' ')
	if i < 1 {
		return right{}, false
	}
	switch kind {
	case "api":
		return right{apiID: rest[:i], key: rest[i+1:]}, true
	case "project":
		return right{projectID: rest[:i], key: rest[i+1:]}, rest[:i] != registry.OwnProject
	}
	return right{}, false
}

// ticked reads the rights that are ticked in a form.
func (c *Console) ticked(v *visit, wrong problems) (given []right, err error) {
	for _, value := range v.Params.Values("right") {
		r, ok := parseRight(value)
		if !ok {
			wrong["right"] = page.Say("problem.right_gone")
			continue
		}
		switch r, err = r.named(v.Context(), c.Store); {
		case errors.Is(err, store.ErrNotFound):
			wrong["right"] = page.Say("problem.right_gone")
		case err != nil:
			return nil, fmt.Errorf("console: %w", err)
		default:
			given = append(given, r)
		}
	}
	return given, nil
}

// assignments are those that give a subject the rights.
func assignments(subjectID string, given []right) (all []store.Assignment) {
	for _, r := range given {
		i := slices.IndexFunc(all, func(a store.Assignment) bool { return a.ProjectID == r.projectID && a.APIID == r.apiID })
		if i < 0 {
			all = append(all, store.Assignment{SubjectID: subjectID, ProjectID: r.projectID, APIID: r.apiID})
			i = len(all) - 1
		}
		all[i].Rights = append(all[i].Rights, r.key)
	}
	return all
}

func (c *Console) serviceUserRights(v *visit) error { return c.showRights(v, nil) }

func (c *Console) showRights(v *visit, wrong problems) error {
	u, err := c.Store.ServiceUser(v.Context(), v.PathValue("id"))
	if errors.Is(err, store.ErrNotFound) {
		return c.notThere(v)
	}
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	held, err := c.rightsOf(v.Context(), c.Store, u.ID)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	path := base + "/service-users/" + u.ID + "/rights"
	p := aboutServiceUser(v, u, "rights")
	table := page.Table{Label: page.Say("service_user.may"), Head: []page.Column{{Text: page.Say("rights.right")}, {Text: page.Say("rights.at")}}, Empty: page.Say("service_user.nothing")}
	for _, r := range held {
		row := page.Row{Cells: []page.Cell{{r.shown()}, {r.link()}}}
		if !v.readOnly {
			row.Acts = []page.Act{{To: path + "/take", Text: page.Say("rights.take"), Danger: true, Post: true, Hidden: []page.Parameter{{Name: "right", Value: r.value()}}}}
		}
		table.Rows = append(table.Rows, row)
	}
	if undo := v.undo(held, path); undo != nil && !v.readOnly {
		p.Notes = append(p.Notes, *undo)
	}
	p.Blocks = []page.Block{table}
	if !v.readOnly {
		offer, err := c.offer(v, held, path)
		if err != nil {
			return err
		}
		p.Blocks = append(p.Blocks, page.Panel{Title: page.Say("rights.give"), Blocks: []page.Block{offer}})
	}
	for _, problem := range wrong {
		p.Notes = append(p.Notes, page.Note{Tone: page.Bad, Text: problem})
		p.Status = 422
	}
	return c.render(v, p)
}

// offer is the list of rights that can be given, searched by what they are called and at.
func (c *Console) offer(v *visit, held []right, path string) (page.Block, error) {
	search := v.typed("q")
	all, more, err := c.offered(v, search)
	if err != nil {
		return nil, err
	}
	table := page.Table{
		Label: page.Say("rights.give"), Head: []page.Column{{Text: page.Say("rights.right")}, {Text: page.Say("rights.at")}},
		Search: &page.Search{To: path, Value: search, Label: page.Say("rights.search")}, Empty: page.Say("rights.none"),
	}
	for _, r := range all {
		if slices.ContainsFunc(held, func(h right) bool { return h.value() == r.value() }) {
			continue
		}
		table.Rows = append(table.Rows, page.Row{Cells: []page.Cell{{page.Code{Text: r.key}}, {r.link()}}, Acts: []page.Act{
			{To: path + "/give", Text: page.Say("rights.give.do"), Post: true, Hidden: []page.Parameter{{Name: "right", Value: r.value()}}},
		}})
	}
	if more > 0 {
		table.Range = page.Say("rights.more", "n", more)
	}
	if len(table.Rows) == 0 && search != "" {
		table.Empty = page.Say("nothing_matches", "q", search, "link", path)
	}
	return table, nil
}

// undo is the note about a right that was just taken away, with the way to give it again.
func (v *visit) undo(held []right, path string) *page.Note {
	value := v.Params.Value("taken")
	r, ok := parseRight(value)
	from := v.Header.Get("Sec-Fetch-Site")
	if !ok || from != "same-origin" && from != "" || slices.ContainsFunc(held, func(h right) bool { return h.value() == value }) {
		return nil
	}
	return &page.Note{Tone: page.Good, Text: page.Say("rights.taken", "right", r.said()), Acts: []page.Act{
		{To: path + "/give", Text: page.Say("rights.undo"), Post: true, Hidden: []page.Parameter{{Name: "right", Value: value}}},
	}}
}

func (c *Console) giveRight(v *visit) error {
	return c.changeRight(v, func(ctx context.Context, r *registry.Registry, a store.Assignment, given right, there bool) error {
		if given.key != "" {
			a.Rights = append(slices.Clone(a.Rights), given.key)
		}
		return r.Assign(ctx, a)
	}, func(given right) error {
		return c.done(v, "/service-users/"+v.PathValue("id")+"/rights", "given", given.said())
	})
}

// takeRight takes one away. When it was the last at a project or API, tokens can still be had for that, which routes
// that ask for the right answer with 403; this too can be taken away then.
func (c *Console) takeRight(v *visit) error {
	return c.changeRight(v, func(ctx context.Context, r *registry.Registry, a store.Assignment, taken right, there bool) error {
		switch i := slices.Index(a.Rights, taken.key); {
		case !there || taken.key != "" && i < 0 || taken.key == "" && len(a.Rights) > 0:
			return nil // it was taken away meanwhile
		case taken.key == "":
			return r.Unassign(ctx, a)
		default:
			a.Rights = slices.Delete(slices.Clone(a.Rights), i, i+1)
			return r.Assign(ctx, a)
		}
	}, func(taken right) error {
		query := url.Values{"taken": {v.Params.Value("right")}}
		if lang := v.Params.Value("ui_locales"); lang != "" {
			query.Set("ui_locales", lang)
		}
		site.Redirect(v.w, 303, base+"/service-users/"+v.PathValue("id")+"/rights?"+query.Encode())
		return nil
	})
}

// changeRight changes the assignment of a right that a form names.
func (c *Console) changeRight(v *visit, change func(context.Context, *registry.Registry, store.Assignment, right, bool) error, then func(right) error) error {
	named, ok := parseRight(v.Params.Value("right"))
	if !ok {
		return c.showRights(v, problems{"right": page.Say("problem.right_gone")})
	}
	err := c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) error {
		if _, err := tx.ServiceUser(ctx, v.PathValue("id")); err != nil {
			return err
		}
		held, err := tx.AssignmentsOf(ctx, v.PathValue("id"))
		if err != nil {
			return err
		}
		i := slices.IndexFunc(held, func(a store.Assignment) bool { return a.ProjectID == named.projectID && a.APIID == named.apiID })
		a := store.Assignment{SubjectID: v.PathValue("id"), ProjectID: named.projectID, APIID: named.apiID}
		if i >= 0 {
			a = held[i]
		}
		return change(ctx, r, a, named, i >= 0)
	})
	if errors.Is(err, store.ErrNotFound) { // the service user, or what the right is at
		return c.showRights(v, problems{"right": page.Say("problem.right_gone")})
	}
	if err != nil {
		return err
	}
	return then(named)
}
