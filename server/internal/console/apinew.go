package console

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// The ways in which an API checks tokens, as the form names them: by itself, or by asking the server and proving
// itself as kindSecret or kindKey says.
const wayItself = "itself"

func (c *Console) newAPI(v *visit) error { return c.askAPI(v, nil) }

// askAPI shows the form of a new API, with what was typed in it.
func (c *Console) askAPI(v *visit, wrong problems) error {
	form := apiForm(v.Params, wrong)
	form.To, form.Cancel = base+"/apis/new", base+"/apis"
	return c.again(v, page.Console{
		Here: "apis", Up: &page.Link{To: base + "/apis", Text: page.Say("apis")}, Title: page.Say("api_new"), Lead: page.Say("api_new.lead"),
		Blocks: []page.Block{page.Panel{Blocks: []page.Block{form}}},
	}, wrong)
}

// apiForm is the form of a new API, without where it goes.
func apiForm(params oauth.Params, wrong problems) page.Form {
	typed := func(name string) string { return strings.TrimSpace(params.Value(name)) }
	return page.Form{
		Submit: page.Say("api_new.submit"), Hidden: onceHidden(),
		Fields: []page.Field{
			{Name: "name", Label: page.Say("name"), Value: typed("name"), Problem: wrong["name"]},
			{Name: "way", Label: page.Say("way"), Kind: page.Radio, Value: cmp.Or(params.Value("way"), wayItself), Problem: wrong["way"], Options: []page.Option{
				{Value: wayItself, Label: page.Say("way.itself"), Hint: page.Say("way.itself.hint")},
				{Value: kindSecret, Label: page.Say("way.secret"), Hint: page.Say("way.secret.hint")},
				{Value: kindKey, Label: page.Say("way.key"), Hint: page.Say("way.key.hint")},
			}},
			{Name: "identifier", Label: page.Say("identifier"), Value: typed("identifier"), Code: true, Optional: true, Hint: page.Say("identifier.hint"), Problem: wrong["identifier"]},
			{Name: "permissions", Label: page.Say("api.permissions"), Kind: page.Area, Value: params.Value("permissions"), Code: true, Optional: true, Hint: page.Say("permissions.hint"), Problem: wrong["permissions"]},
		},
		More: []page.Field{
			algorithmField(params.Value("algorithm"), wrong), lifetimeField(params.Value("lifetime"), wrong),
			{Name: "project", Label: page.Say("project"), Value: typed("project"), Optional: true, Hint: page.Say("project.hint"), Problem: wrong["project"]},
		},
	}
}

// readRights reads permissions, one a line: the key and, behind a space, what it is for.
func readRights(text string, wrong problems) []store.Permission {
	var all []store.Permission
	n := 0
	for line := range strings.Lines(text) {
		n++
		key, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if key == "" {
			continue
		}
		right := store.Permission{Key: key, Name: strings.TrimSpace(name)}
		switch {
		case registry.CheckKey(key) != nil || registry.CheckTitle(right.Name) != nil:
			wrong["permissions"] = page.Say("problem.permission_line", "line", page.Code{Text: strings.TrimSpace(line)}, "number", page.Code{Text: counted(n)[:len(counted(n))-1]})
			return all
		case slices.ContainsFunc(all, func(other store.Permission) bool { return other.Key == key }):
			wrong["permissions"] = page.Say("problem.permission_twice", "key", page.Code{Text: key})
			return all
		}
		all = append(all, right)
	}
	return all
}

// plan is an API that is to be made with what belongs to it.
type plan struct {
	api     store.API
	rights  []store.Permission
	way     string
	project string // name of one that is there; empty: a new one
}

func readPlan(v *visit) (plan, problems) {
	wrong := problems{}
	p := plan{way: v.Params.Value("way"), project: v.typed("project")}
	p.api = store.API{ID: secret.NewID(), Name: checkedName(v, wrong), Identifier: v.typed("identifier"), Active: true, CreatedAt: v.now}
	readTokens(v, &p.api, wrong)
	switch p.way {
	case wayItself:
		p.api.Form = store.FormAuth0Permissions
		if p.api.Identifier == "" {
			wrong["identifier"] = page.Say("problem.identifier_missing")
		}
	case kindSecret, kindKey:
		p.api.Form = store.FormOpaque
	default:
		wrong["way"] = page.Say("problem.choice")
	}
	if p.api.Identifier != "" && registry.CheckIdentifier(p.api.Identifier) != nil {
		wrong["identifier"] = page.Say("problem.identifier")
	}
	p.rights = readRights(v.Params.Value("permissions"), wrong)
	return p, wrong
}

// made is what was made of a plan.
type made struct {
	api  store.API
	user store.ServiceUser
	born credential
}

// createAPI makes an API with all that a first call needs, and shows what can be shown only now.
func (c *Console) createAPI(v *visit) error {
	p, wrong := readPlan(v)
	if len(wrong) > 0 {
		return c.askAPI(v, wrong)
	}
	private, err := newKey(p.way)
	if err != nil {
		return err
	}
	var m made
	var repeated bool
	err = c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) (err error) {
		m, repeated = made{}, false
		if err = v.once(ctx, tx); err != nil {
			repeated = errors.Is(err, store.ErrExists)
			return err
		}
		if m, err = p.make(ctx, r, tx, v); err != nil || p.way == wayItself {
			return err
		}
		m.born, err = bear(ctx, r, m.api, private)
		return err
	})
	switch {
	case repeated:
		return c.bornBefore(v, store.API{})
	case errors.As(err, &wrong):
		return c.askAPI(v, wrong)
	case err != nil:
		return err
	}
	return c.showMade(v, m)
}

// make makes the project, unless it is there, the API, and a service user that may call it.
func (p plan) make(ctx context.Context, r *registry.Registry, tx store.Tx, v *visit) (m made, err error) {
	project, err := p.inProject(ctx, r, tx, v)
	if err != nil {
		return m, err
	}
	a := p.api
	a.ProjectID, a.ClientID = project.ID, registry.NewClientID(project.Name)
	grant := store.Assignment{APIID: a.ID}
	if a.Identifier == "" {
		// Tokens for it are for its project, and what they can say is the roles of that.
		grant = store.Assignment{ProjectID: project.ID}
		for _, right := range p.rights {
			if !slices.ContainsFunc(project.Roles, func(role store.Role) bool { return role.Key == right.Key }) {
				project.Roles = append(project.Roles, store.Role(right))
			}
		}
		if err := r.PutProject(ctx, project); err != nil {
			return m, err
		}
	} else {
		a.Permissions = p.rights
		other, err := tx.APIByIdentifier(ctx, a.Identifier)
		if err == nil {
			return m, problems{"identifier": page.Say("problem.identifier_taken", "name", other.Name, "link", base+"/apis/"+other.ID)}
		}
		if !errors.Is(err, store.ErrNotFound) {
			return m, err
		}
	}
	if err := r.PutAPI(ctx, a); err != nil {
		return m, namedTwice(err)
	}
	u := store.ServiceUser{ID: secret.NewID(), OrganizationID: project.OrganizationID, Name: "", Active: true, CreatedAt: v.now}
	if u.Username, err = freeName(ctx, tx, slugged(a.Name)+"-test"); err != nil {
		return m, err
	}
	if err := r.PutServiceUser(ctx, u); err != nil {
		return m, err
	}
	grant.SubjectID = u.ID
	for _, right := range p.rights {
		grant.Rights = append(grant.Rights, right.Key)
	}
	return made{api: a, user: u}, r.Assign(ctx, grant)
}

// inProject finds the project that was named, or makes one that is named after the API.
func (p plan) inProject(ctx context.Context, r *registry.Registry, tx store.Tx, v *visit) (store.Project, error) {
	if p.project != "" {
		found, err := tx.ProjectByName(ctx, p.project)
		if errors.Is(err, store.ErrNotFound) || err == nil && found.ID == registry.OwnProject {
			return found, problems{"project": page.Say("problem.no_project", "name", p.project)}
		}
		return found, err
	}
	organization, err := r.Organization(ctx)
	if err != nil {
		return store.Project{}, err
	}
	project := store.Project{ID: secret.NewID(), OrganizationID: organization.ID, Name: p.api.Name, Active: true, CreatedAt: v.now}
	err = r.PutProject(ctx, project)
	switch {
	case errors.Is(err, store.ErrExists):
		return project, problems{"project": page.Say("problem.project_taken", "name", p.api.Name)}
	case errors.Is(err, registry.ErrRefused):
		return project, problems{"name": page.Say("problem.name")}
	}
	return project, err
}

// freeName returns a client id that nobody has, beginning as it is given.
func freeName(ctx context.Context, tx store.Tx, wanted string) (string, error) {
	wanted = strings.TrimPrefix(wanted, "-")
	_, err := tx.Client(ctx, wanted)
	if errors.Is(err, store.ErrNotFound) {
		return wanted, nil
	}
	return wanted + "-" + secret.NewID(), err
}

// showMade shows what was made, with a token that the service user gets.
func (c *Console) showMade(v *visit, m made) error {
	p := aboutAPI(m.api, "made")
	p.Acts = []page.Act{{To: base + "/service-users/new?api=" + url.QueryEscape(m.api.ID), Text: page.Say("service_user_for_it")}}
	p.Notes = append(p.Notes, page.Note{Tone: page.Good, Text: page.Say("api_made", "name", m.api.Name, "user", m.user.Username)})
	p.Blocks = c.bornBlocks(v, m.api, m.born)
	token, err := c.tokenBlocks(v, m.api, m.user, sampleAddress(m.api))
	if err != nil {
		// What has been made is there, and its secret is shown now or never.
		c.Logger.WarnContext(v.Context(), "no token for the test of an API", "api", m.api.ID, "reason", err.Error())
		p.Notes = append(p.Notes, page.Note{Tone: page.Warn, Text: page.Say("no_token")})
	}
	p.Blocks = append(p.Blocks, token...)
	return c.render(v, p)
}
