package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

func (c *Console) newServiceUser(v *visit) error { return c.askServiceUser(v, nil) }

// offerOf returns the rights that the form of a new service user offers: those of the API that it comes from, which are
// the roles of its project when it has no permissions, or the first of all. The others are given on the page of rights, which searches them.
func (c *Console) offerOf(v *visit) (all []right, more int, err error) {
	if v.Params.Value("api") == "" {
		return c.offered(v, "")
	}
	a, err := c.Store.API(v.Context(), v.Params.Value("api"))
	if errors.Is(err, store.ErrNotFound) {
		return c.offered(v, "")
	}
	if err != nil {
		return nil, 0, fmt.Errorf("console: %w", err)
	}
	for _, permission := range a.Permissions {
		all = append(all, right{apiID: a.ID, key: permission.Key, owner: a.Name})
	}
	if len(all) == 0 && a.ProjectID != registry.OwnProject {
		project, err := c.Store.Project(v.Context(), a.ProjectID)
		if err != nil {
			return nil, 0, fmt.Errorf("console: %w", err)
		}
		for _, role := range project.Roles {
			all = append(all, right{projectID: project.ID, key: role.Key, owner: project.Name})
		}
	}
	return all[:min(len(all), rows)], max(len(all)-rows, 0), nil
}

func (c *Console) askServiceUser(v *visit, wrong problems) error {
	offered, more, err := c.offerOf(v)
	if err != nil {
		return err
	}
	rights := page.Field{Name: "right", Label: page.Say("service_user.give"), Kind: page.Checks, Values: v.Params.Values("right"), Problem: wrong["right"]}
	fromAPI := v.Method != http.MethodPost && v.Params.Has("api")
	for _, r := range offered {
		if fromAPI && len(offered) == 1 {
			rights.Values = append(rights.Values, r.value()) // there is no choice
		}
		rights.Options = append(rights.Options, page.Option{Value: r.value(), Label: page.Named(r.key), Hint: r.at()})
	}
	if more > 0 {
		rights.Hint = page.Say("service_user.give.more", "n", more)
	}
	fields := []page.Field{
		{Name: "username", Label: page.Say("name"), Value: v.typed("username"), Code: true, Problem: wrong["username"], Hint: page.Say("service_user.name.hint")},
	}
	if len(rights.Options) > 0 || !rights.Problem.Empty() {
		fields = append(fields, rights)
	}
	way := v.Params.Value("way")
	if way == "" {
		way = "token"
	}
	fields = append(fields, page.Field{Name: "way", Label: page.Say("service_user.way"), Kind: page.Radio, Value: way, Problem: wrong["way"], Options: []page.Option{
		{Value: "token", Label: page.Say("service_user.way.token"), Hint: page.Say("service_user.way.token.hint")},
		{Value: "secret", Label: page.Say("client.secret"), Hint: page.Say("client.secret_new.lead")},
		{Value: "key", Label: page.Say("client.key"), Hint: page.Say("client.key_new.lead")},
		{Value: "later", Label: page.Say("service_user.way.later"), Hint: page.Say("service_user.way.later.hint")},
	}})
	return c.again(v, page.Console{
		Here: "service_users", Up: &page.Link{To: base + "/service-users", Text: page.Say("service_users")},
		Title: page.Say("service_user_new"), Lead: page.Say("service_user_new.lead"),
		Blocks: []page.Block{page.Panel{Blocks: []page.Block{page.Form{
			To: base + "/service-users/new", Fields: fields, Hidden: append(onceHidden(), page.Parameter{Name: "api", Value: v.Params.Value("api")}), Submit: page.Say("service_user_new"), Cancel: base + "/service-users",
			More: []page.Field{{Name: "title", Label: page.Say("service_user.title"), Value: v.typed("title"), Optional: true, Problem: wrong["title"]}},
		}}}},
	}, wrong)
}

func (c *Console) createServiceUser(v *visit) error {
	wrong := problems{}
	u := store.ServiceUser{ID: secret.NewID(), Active: true, CreatedAt: v.now}
	u.Username, u.Name = v.serviceUserNames(wrong)
	way := v.Params.Value("way")
	if !slices.Contains([]string{"token", "secret", "key", "later"}, way) {
		wrong["way"] = page.Say("problem.way")
	}
	given, err := c.ticked(v, wrong)
	if err != nil {
		return err
	}
	if way == "token" && len(given) == 0 && wrong["right"].Empty() {
		wrong["right"] = page.Say("problem.token_for_nothing")
	}
	if len(wrong) > 0 {
		return c.askServiceUser(v, wrong)
	}
	cl := serviceUserClient(u)
	put := func(ctx context.Context, r *registry.Registry) error {
		organization, err := r.Organization(ctx)
		if err != nil {
			return err
		}
		u.OrganizationID = organization.ID
		if err := nameProblem(r.PutServiceUser(ctx, u)); err != nil {
			return err
		}
		for _, a := range assignments(u.ID, given) {
			if err := r.Assign(ctx, a); err != nil {
				return err
			}
		}
		return nil
	}
	born, err := c.bearServiceUser(v, cl, way, audiences(given), put)
	switch {
	case errors.As(err, &wrong):
		return c.askServiceUser(v, wrong)
	case errors.Is(err, errBorn):
		return c.serviceUserBornBefore(v)
	case errors.Is(err, store.ErrNotFound): // a right went while the form was open
		return c.askServiceUser(v, problems{"right": page.Say("problem.right_gone")})
	case err != nil:
		return err
	case born == nil:
		return c.done(v, cl.path, "created", u.Username)
	}
	return c.showServiceUser(v, u.ID, born)
}

// serviceUserBornBefore answers a form that was sent twice: by the page of what the first one made.
func (c *Console) serviceUserBornBefore(v *visit) error {
	u, err := c.Store.ServiceUserByUsername(v.Context(), v.typed("username"))
	if err != nil {
		return c.unborn(v, c.serviceUserKind(), err)
	}
	return c.showServiceUser(v, u.ID, []page.Block{page.Panel{Blocks: []page.Block{page.Bullets{Tone: page.Warn, Items: []page.Text{page.Say("client.born_before")}}}}})
}

// bearServiceUser makes a service user with what it logs in with, and returns what is shown of that once.
func (c *Console) bearServiceUser(v *visit, cl client, way string, audience []string, put func(context.Context, *registry.Registry) error) ([]page.Block, error) {
	year := v.now.Add(365 * soon / 30)
	if way == "key" {
		file, err := c.newKey(v, cl, jws.RS256, year, put)
		if err != nil {
			return nil, err
		}
		return c.bornKey(v, cl, file), nil
	}
	var raw string
	err := c.bear(v, func(ctx context.Context, r *registry.Registry) (err error) {
		if err := put(ctx, r); err != nil {
			return err
		}
		switch way {
		case "secret":
			raw, err = r.CreateSecret(ctx, cl.owner, year)
		case "token":
			raw, err = r.CreatePersonalAccessToken(ctx, store.Token{
				SubjectID: cl.owner.ID, ClientID: cl.clientID, Name: cl.clientID, Audience: audience, ExpiresAt: v.now.Add(3 * soon),
			})
		}
		return err
	})
	switch {
	case err != nil || way == "later":
		return nil, err
	case way == "secret":
		return c.bornSecret(v, cl, raw), nil
	}
	return bornToken(cl, raw, audience), nil
}
