package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// newAPIParams are those of apiForm.
var newAPIParams = []string{"name", "identifier", "permissions", "way", "algorithm", "lifetime", "project", "once"}

func (c *Console) apiPages() []at {
	return []at{
		{path: "/apis", show: c.apis, params: listed},
		{path: "/apis/new", show: c.newAPI, do: c.createAPI, asks: true, params: newAPIParams},
		{path: "/apis/{id}", show: c.api, do: c.saveAPI, params: []string{"name", "form", "algorithm", "lifetime", "version"}},
		{path: "/apis/{id}/permissions", show: c.permissions, do: c.createPermission, params: append([]string{"key", "title"}, listed...)},
		{path: "/apis/{id}/permissions/delete", show: c.askDeletePermission, do: c.deletePermission, asks: true, params: []string{"key", "counted"}},
		{path: "/apis/{id}/roles", show: c.apiRoles},
		{path: "/apis/{id}/keys", show: c.credentials, do: c.createCredential, params: []string{"kind", "once"}},
		{path: "/apis/{id}/keys/delete", show: c.askDeleteCredential, do: c.deleteCredential, asks: true, params: []string{"kind", "credential", "counted"}},
		{path: "/apis/{id}/environment", show: c.environmentFile},
		{path: "/apis/{id}/test", show: c.test, do: c.testToken, params: []string{"who", "address"}},
		{path: "/apis/{id}/deactivate", show: c.askDeactivateAPI, do: c.deactivateAPI, asks: true, params: []string{"counted"}},
		{path: "/apis/{id}/activate", do: c.activateAPI},
		{path: "/apis/{id}/delete", show: c.askDeleteAPI, do: c.deleteAPI, asks: true, params: []string{"name", "counted"}},
	}
}

func (c *Console) apis(v *visit) error {
	w := v.window()
	part, err := c.Store.APIsPart(v.Context(), w)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	create := page.Act{To: base + "/apis/new", Text: page.Say("api_new"), Go: true}
	table := page.Table{
		Label: page.Say("apis"),
		Head:  []page.Column{{Text: page.Say("name")}, {Text: page.Say("identifier")}, {Text: page.Say("token_form")}, {Text: page.Say("state")}, {Text: page.Say("created")}},
		Empty: page.Say("apis.empty"),
	}
	p := page.Console{Here: "apis", Title: page.Say("apis"), Lead: page.Say("apis.lead")}
	if !v.readOnly {
		p.Acts = []page.Act{create}
	}
	p.Blocks = []page.Block{list(v, "/apis", w, part, table, apiRow, func(a store.API) store.Place { return store.Place{Name: a.Name, ID: a.ID} })}
	return c.render(v, p)
}

func apiRow(a store.API) page.Row {
	identifier := page.Cell{page.Words{Text: page.Say("no_identifier")}}
	if a.Identifier != "" {
		identifier = page.Cell{page.Code{Text: a.Identifier}}
	}
	return page.Row{Cells: []page.Cell{
		{page.Link{To: base + "/apis/" + a.ID, Text: page.Named(a.Name)}}, identifier, {page.Words{Text: formNames[a.Form]}}, {state(a.Active)}, {page.Moment{At: a.CreatedAt}},
	}}
}

// formNames say what tokens of a form are and how they are checked.
var formNames = map[store.TokenForm]page.Text{
	store.FormDefault:            page.Say("form.default"),
	store.FormOpaque:             page.Say("form.opaque"),
	store.FormAuth0:              page.Say("form.auth0"),
	store.FormAuth0Permissions:   page.Say("form.auth0_permissions"),
	store.FormZITADEL:            page.Say("form.zitadel"),
	store.FormRFC9068:            page.Say("form.rfc9068"),
	store.FormRFC9068Permissions: page.Say("form.rfc9068_permissions"),
}

// apiOf finds the API that a page is about.
func (c *Console) apiOf(ctx context.Context, tx store.APIs, v *visit) (store.API, error) {
	return tx.API(ctx, v.PathValue("id"))
}

// aboutAPI is a page about an API, with its tabs.
func aboutAPI(a store.API, tab string, blocks ...page.Block) page.Console {
	to := base + "/apis/" + a.ID
	p := page.Console{
		Here: "apis", Up: &page.Link{To: base + "/apis", Text: page.Say("apis")}, Title: page.Named(a.Name), Lead: page.Say("api.lead"), Blocks: blocks,
		Acts: []page.Act{{To: to + "/environment", Text: page.Say("environment_file")}},
		Tabs: []page.Tab{
			{To: to, Text: page.Say("api.settings"), Here: tab == ""}, {To: to + "/permissions", Text: page.Say("api.permissions"), Here: tab == "permissions"},
			{To: to + "/roles", Text: page.Say("api.roles"), Here: tab == "roles"}, {To: to + "/keys", Text: page.Say("api.keys"), Here: tab == "keys"},
			{To: to + "/test", Text: page.Say("api.test"), Here: tab == "test"},
			eventsTab(a.Name),
		},
	}
	if !a.Active {
		p.Notes = []page.Note{{Tone: page.Warn, Text: page.Say("api.off")}}
	}
	return p
}

func (c *Console) api(v *visit) error {
	a, err := c.apiOf(v.Context(), c.Store, v)
	if err != nil {
		return c.failed(v, err)
	}
	return c.showAPI(v, a, settingsOf(a), nil, nil)
}

// settings are what the form of an API's settings holds.
type settings struct{ name, form, algorithm, lifetime string }

func settingsOf(a store.API) settings {
	return settings{a.Name, string(a.Form), a.SigningAlgorithm, writeLifetime(a.TokenLifetime)}
}

func (c *Console) showAPI(v *visit, a store.API, typed settings, wrong problems, conflict *page.Note) error {
	project, err := c.Store.Project(v.Context(), a.ProjectID)
	if err != nil {
		return c.failed(v, err)
	}
	identifier := page.Cell{page.Words{Text: page.Say("no_identifier")}}
	if a.Identifier != "" {
		identifier = page.Cell{page.Code{Text: a.Identifier, Copy: true}}
	}
	lives := a.TokenLifetime
	if lives == 0 {
		lives = c.Lifetime(a.Form)
	}
	facts := []page.Fact{
		{Name: page.Say("identifier"), Value: identifier},
		{Name: page.Say("client_id"), Value: page.Cell{page.Code{Text: a.ClientID, Copy: true}}},
		{Name: page.Say("project"), Value: page.Cell{page.Link{To: base + "/projects/" + project.ID, Text: page.Named(project.Name)}}},
		{Name: page.Say("token_form"), Value: page.Cell{page.Words{Text: formNames[a.Form]}}},
		{Name: page.Say("tokens_live"), Value: page.Cell{page.Words{Text: page.Named(writeLifetime(lives))}}},
		{Name: page.Say("state"), Value: page.Cell{state(a.Active)}},
		{Name: page.Say("created"), Value: page.Cell{page.Moment{At: a.CreatedAt}}},
	}
	p := aboutAPI(a, "", page.Panel{Blocks: []page.Block{page.Facts{Items: facts}}})
	if conflict != nil {
		p.Notes, p.Status = append(p.Notes, *conflict), http.StatusConflict
	}
	if v.readOnly {
		return c.render(v, p)
	}
	fields := typed.fields(wrong)
	if conflict != nil {
		fields = page.Against(fields, settingsOf(a).fields(nil))
	}
	to := base + "/apis/" + a.ID
	off := page.Act{To: to + "/deactivate", Text: page.Say("api.deactivate"), Danger: true}
	if !a.Active {
		off = page.Act{To: to + "/activate", Text: page.Say("api.activate"), Post: true}
	}
	p.Blocks = append(p.Blocks,
		page.Panel{Title: page.Say("api.settings"), Blocks: []page.Block{page.Form{
			To: to, Submit: page.Say("save"), Hidden: []page.Parameter{{Name: "version", Value: version(a)}},
			Fields: fields,
		}}},
		page.Panel{Danger: true, Title: page.Say("api.end"), Blocks: []page.Block{page.Paragraph{Text: page.Say("api.end.lead")}},
			Acts: []page.Act{off, {To: to + "/delete", Text: page.Say("api.delete"), Danger: true}}},
	)
	return c.again(v, p, wrong)
}

// fields are the form of the settings.
func (s settings) fields(wrong problems) []page.Field {
	var forms []page.Option
	for _, form := range append([]store.TokenForm{store.FormDefault}, registry.Forms...) {
		forms = append(forms, page.Option{Value: string(form), Label: formNames[form]})
	}
	return []page.Field{
		{Name: "name", Label: page.Say("name"), Value: s.name, Problem: wrong["name"]},
		{Name: "form", Label: page.Say("token_contains"), Kind: page.Select, Value: s.form, Options: forms, Problem: wrong["form"]},
		algorithmField(s.algorithm, wrong), lifetimeField(s.lifetime, wrong),
	}
}

func algorithmField(typed string, wrong problems) page.Field {
	return page.Field{
		Name: "algorithm", Label: page.Say("signed_with"), Kind: page.Select, Value: typed, Problem: wrong["algorithm"],
		Options: []page.Option{
			{Value: "", Label: page.Say("signed.default")}, {Value: "RS256", Label: page.Say("signed.rs256")}, {Value: "ES256", Label: page.Say("signed.es256")},
			{Value: "PS256", Label: page.Named("PS256")}, {Value: "EdDSA", Label: page.Named("EdDSA")},
		},
	}
}

func lifetimeField(typed string, wrong problems) page.Field {
	return page.Field{Name: "lifetime", Label: page.Say("tokens_live"), Value: typed, Optional: true, Hint: page.Say("tokens_live.hint"), Problem: wrong["lifetime"]}
}

// readTokens reads the fields that say what tokens of an API are.
func readTokens(v *visit, a *store.API, wrong problems) {
	a.SigningAlgorithm = v.Params.Value("algorithm")
	if a.SigningAlgorithm != "" && registry.CheckSigningAlgorithm(a.SigningAlgorithm) != nil {
		wrong["algorithm"] = page.Say("problem.choice")
	}
	lifetime, ok := parseLifetime(v.Params.Value("lifetime"))
	if !ok {
		wrong["lifetime"] = page.Say("problem.lifetime")
	} else if lifetime != 0 && registry.CheckLifetime(lifetime) != nil {
		wrong["lifetime"] = page.Say("problem.lifetime_long")
	}
	a.TokenLifetime = lifetime
}

func (c *Console) saveAPI(v *visit) error {
	wrong := problems{}
	typed := settings{v.typed("name"), v.Params.Value("form"), v.Params.Value("algorithm"), v.Params.Value("lifetime")}
	var changed store.API
	changed.Name, changed.Form = checkedName(v, wrong), store.TokenForm(typed.form)
	if formNames[changed.Form].Empty() {
		wrong["form"] = page.Say("problem.choice")
	}
	readTokens(v, &changed, wrong)
	err := wrong.or()
	if err == nil {
		err = c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) error {
			a, err := c.apiOf(ctx, tx, v)
			if err != nil {
				return err
			}
			if version(a) != v.Params.Value("version") {
				return errChanged
			}
			a.Name, a.Form, a.SigningAlgorithm, a.TokenLifetime = changed.Name, changed.Form, changed.SigningAlgorithm, changed.TokenLifetime
			return namedTwice(r.PutAPI(ctx, a))
		})
	}
	if err == nil {
		return c.done(v, "/apis/"+v.PathValue("id"), "api_saved", changed.Name)
	}
	a, lost := c.apiOf(v.Context(), c.Store, v)
	switch {
	case lost != nil:
		return c.failed(v, lost)
	case errors.Is(err, errChanged):
		return c.showAPI(v, a, typed, nil, v.changedMeanwhile())
	case errors.As(err, &wrong):
		return c.showAPI(v, a, typed, wrong, nil)
	}
	return err
}

// apiEnd is what stops when an API is deleted or deactivated.
type apiEnd struct {
	subjects, secrets, keys int
	sentences               []page.Text
}

func (e apiEnd) counted() string { return counted(e.subjects, e.secrets, e.keys) }

// endOfAPI counts what stops with an API.
func (c *Console) endOfAPI(ctx context.Context, tx store.Tx, v *visit, a store.API) (apiEnd, error) {
	var e apiEnd
	part, err := tx.HoldersPart(ctx, store.Assignment{APIID: a.ID}, "", store.Window{Limit: 5})
	if err != nil {
		return e, err
	}
	owner := store.Owner{Kind: store.APIClient, ID: a.ID}
	secrets, err := tx.SecretsOf(ctx, owner)
	if err != nil {
		return e, err
	}
	keys, err := tx.ClientKeysOf(ctx, owner)
	if err != nil {
		return e, err
	}
	e.subjects, e.secrets, e.keys = part.Total, len(secrets), len(keys)
	var names []string
	for _, s := range part.Rows {
		names = append(names, s.Username)
	}
	if part.Total > len(part.Rows) {
		names = append(names, "…")
	}
	if e.subjects == 0 {
		e.sentences = append(e.sentences, page.Say("api.ends.nobody"))
	} else {
		e.sentences = append(e.sentences, page.Say("api.ends.subjects", "n", e.subjects, "names", strings.Join(names, ", ")))
	}
	if e.secrets+e.keys > 0 {
		e.sentences = append(e.sentences, page.Say("api.ends.introspection", "n", e.secrets+e.keys))
	}
	if a.Form != store.FormOpaque {
		lives := a.TokenLifetime
		if lives == 0 {
			lives = c.Lifetime(a.Form)
		}
		e.sentences = append(e.sentences, page.Say("api.ends.jwts", "at", v.now.Add(lives)))
	}
	return e, nil
}

func (c *Console) askDeleteAPI(v *visit) error { return c.confirmDeleteAPI(v, nil, nil) }

func (c *Console) confirmDeleteAPI(v *visit, wrong problems, changed *page.Note) error {
	a, e, err := c.endingAPI(v.Context(), c.Store, v)
	if err != nil {
		return c.failed(v, err)
	}
	to := base + "/apis/" + a.ID
	q := confirmation{
		here: "apis", up: page.Link{To: to, Text: page.Named(a.Name)}, title: page.Say("api.delete.title", "name", a.Name),
		stops: append(e.sentences, page.Say("api.ends.assignments", "n", e.subjects)), to: to + "/delete", counted: e.counted(),
		submit: page.Say("api.delete"), name: a.Name, final: true,
	}
	if a.Active {
		q.instead = page.Say("api.delete.instead", "link", to+"/deactivate")
	}
	return c.confirm(v, q, wrong, changed)
}

func (c *Console) endingAPI(ctx context.Context, tx store.Tx, v *visit) (store.API, apiEnd, error) {
	a, err := c.apiOf(ctx, tx, v)
	if err != nil {
		return a, apiEnd{}, err
	}
	e, err := c.endOfAPI(ctx, tx, v, a)
	return a, e, err
}

func (c *Console) deleteAPI(v *visit) error {
	var name string
	err := c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) error {
		a, e, err := c.endingAPI(ctx, tx, v)
		if err != nil {
			return err
		}
		name = a.Name
		if err := v.confirmed(e.counted(), a.Name); err != nil {
			return err
		}
		return r.DeleteAPI(ctx, a)
	})
	if err == nil {
		return c.done(v, "/apis", "deleted", name)
	}
	return c.refused(v, err, c.confirmDeleteAPI)
}

func (c *Console) askDeactivateAPI(v *visit) error { return c.confirmDeactivateAPI(v, nil, nil) }

func (c *Console) confirmDeactivateAPI(v *visit, wrong problems, changed *page.Note) error {
	a, e, err := c.endingAPI(v.Context(), c.Store, v)
	if err != nil {
		return c.failed(v, err)
	}
	to := base + "/apis/" + a.ID
	return c.confirm(v, confirmation{
		here: "apis", up: page.Link{To: to, Text: page.Named(a.Name)}, title: page.Say("api.deactivate.title", "name", a.Name),
		stops: e.sentences, to: to + "/deactivate", counted: e.counted(), submit: page.Say("api.deactivate"), instead: page.Say("api.deactivate.back"),
	}, wrong, changed)
}

func (c *Console) deactivateAPI(v *visit) error {
	var name string
	err := c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) error {
		a, e, err := c.endingAPI(ctx, tx, v)
		if err != nil {
			return err
		}
		name = a.Name
		if err := v.confirmed(e.counted(), ""); err != nil {
			return err
		}
		a.Active = false
		return r.PutAPI(ctx, a)
	})
	if err == nil {
		return c.done(v, "/apis/"+v.PathValue("id"), "deactivated", name)
	}
	return c.refused(v, err, c.confirmDeactivateAPI)
}

func (c *Console) activateAPI(v *visit) error {
	var name string
	err := c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) error {
		a, err := c.apiOf(ctx, tx, v)
		if err != nil {
			return err
		}
		name, a.Active = a.Name, true
		return r.PutAPI(ctx, a)
	})
	if errors.Is(err, store.ErrNotFound) {
		return c.notThere(v)
	}
	if err != nil {
		return err
	}
	return c.done(v, "/apis/"+v.PathValue("id"), "activated", name)
}

// environmentFile is the file with the variables of the samples, in which nothing is secret.
func (c *Console) environmentFile(v *visit) error {
	a, err := c.apiOf(v.Context(), c.Store, v)
	if err != nil {
		return c.failed(v, err)
	}
	v.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	v.w.Header().Set("Content-Disposition", `attachment; filename="`+fileName(a.Name, ".env")+`"`)
	_, err = fmt.Fprint(v.w, c.environment(v, a, "", ""))
	return err
}
