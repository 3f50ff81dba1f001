package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// tokenPages are where the personal access tokens of service users are made and revoked.
func (c *Console) tokenPages() []at {
	k := c.serviceUserKind()
	return []at{
		{path: "/service-users/{id}/tokens/new", show: c.of(k, func(v *visit, cl client) error { return c.tokenForm(v, cl, nil) }), do: c.of(k, c.createToken),
			asks: true, params: []string{"name", "audience", "ends", "until", "once"}, lists: []string{"audience"}},
		{path: "/service-users/{id}/tokens/{token}/revoke", show: c.of(k, c.askRevokeToken), do: c.of(k, c.revokeToken), asks: true},
	}
}

// audienceOf is how a token names what a right is at.
func (r right) audience() string { return cmp.Or(r.identifier, r.projectID) }

// audiences are those of the rights, once each. An API without an identifier is reached by its project's id, which
// only a role of that project opens.
func audiences(held []right) (all []string) {
	for _, r := range held {
		if a := r.audience(); a != "" && !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	return all
}

func (c *Console) tokenForm(v *visit, cl client, wrong problems) error {
	held, err := c.rightsOf(v.Context(), c.Store, cl.owner.ID)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	p := page.Console{Here: cl.here, Up: cl.up(), Title: page.Say("pat_token.new"), Lead: page.Say("pat_token.new.lead")}
	all := audiences(held)
	if len(all) == 0 {
		p.Notes = []page.Note{{Tone: page.Warn, Text: page.Say("pat_token.for_nothing"), Acts: []page.Act{{To: base + cl.path + "/rights", Text: page.Say("rights.give"), Go: true}}}}
		return c.render(v, p)
	}
	chosen := v.Params.Values("audience")
	if len(all) == 1 {
		chosen = all
	}
	which := page.Field{Name: "audience", Label: page.Say("pat_token.for"), Kind: page.Checks, Values: chosen, Problem: wrong["audience"]}
	for _, a := range all {
		i := slices.IndexFunc(held, func(r right) bool { return r.audience() == a })
		which.Options = append(which.Options, page.Option{Value: a, Label: held[i].at(), Hint: page.Named(a)})
	}
	p.Blocks = []page.Block{page.Panel{Blocks: []page.Block{page.Form{
		To: base + cl.path + "/tokens/new", Hidden: onceHidden(), Submit: page.Say("pat_token.new"), Cancel: base + cl.path,
		Fields: append([]page.Field{
			{Name: "name", Label: page.Say("name"), Value: v.typed("name"), Problem: wrong["name"], Hint: page.Say("pat_token.name.hint")}, which,
		}, endFields(v, "90", wrong)...),
	}}}}
	return c.again(v, p, wrong)
}

func (c *Console) createToken(v *visit, cl client) error {
	held, err := c.rightsOf(v.Context(), c.Store, cl.owner.ID)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	wrong := problems{}
	t := store.Token{SubjectID: cl.owner.ID, ClientID: cl.clientID, Name: v.typed("name"), ExpiresAt: v.end(wrong)}
	if registry.CheckName(t.Name) != nil {
		wrong["name"] = page.Say("problem.token_name")
	}
	possible := audiences(held)
	for _, a := range v.Params.Values("audience") {
		switch {
		case !slices.Contains(possible, a):
			wrong["audience"] = page.Say("problem.right_gone")
		case !slices.Contains(t.Audience, a):
			t.Audience = append(t.Audience, a)
		}
	}
	if len(t.Audience) == 0 && wrong["audience"].Empty() {
		wrong["audience"] = page.Say("problem.token_audience") // none would be all, also those to come
	}
	if len(wrong) > 0 {
		return c.tokenForm(v, cl, wrong)
	}
	var raw string
	err = c.bear(v, func(ctx context.Context, r *registry.Registry) (err error) {
		raw, err = r.CreatePersonalAccessToken(ctx, t)
		return err
	})
	if err != nil {
		return c.unborn(v, c.serviceUserKind(), err)
	}
	return c.showServiceUser(v, cl.owner.ID, bornToken(cl, raw, t.Audience))
}

func bornToken(cl client, raw string, audience []string) []page.Block {
	file, address := fileName(cl.name, "-token.txt"), "https://api.example.com/"
	if i := slices.IndexFunc(audience, func(a string) bool { return strings.HasPrefix(a, "https://") && !strings.ContainsAny(a, "'\"`$ ") }); i >= 0 {
		address = audience[i]
	}
	command := `curl -H "Authorization: Bearer $(cat ` + file + `)" '` + address + `'`
	return bornBlock(page.Say("pat_token.born"), page.Say("pat_token"), raw, file, command)
}

// tokensOf is the part of a service user's page about its personal access tokens.
func (c *Console) tokensOf(v *visit, u store.ServiceUser) (page.Block, error) {
	all, err := c.Store.TokensOf(v.Context(), u.ID, store.PersonalAccessToken)
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	path := base + "/service-users/" + u.ID + "/tokens/"
	table := page.Table{
		Label: page.Say("pat_tokens"), Empty: page.Say("pat_tokens.empty"),
		Head: []page.Column{{Text: page.Say("name")}, {Text: page.Say("pat_token.for")}, {Text: page.Say("created")}, {Text: page.Say("used")}, {Text: page.Say("client.ends")}},
	}
	for _, t := range all {
		if !t.RevokedAt.IsZero() {
			continue
		}
		aims := page.Cell{page.Words{Text: page.Say("pat_token.for_all")}}
		if len(t.Audience) > 0 {
			aims = nil
			for _, a := range t.Audience {
				aims = append(aims, page.Code{Text: a})
			}
		}
		row := page.Row{Cells: []page.Cell{{page.Words{Text: page.Named(t.Name)}}, aims, {page.Moment{At: t.IssuedAt}}, v.lastUse(t.UsedAt, t.IssuedAt), v.ending(t.ExpiresAt)}}
		if !v.readOnly {
			row.Acts = []page.Act{{To: path + t.ID + "/revoke", Text: page.Say("pat_token.revoke"), Danger: true}}
		}
		table.Rows = append(table.Rows, row)
	}
	return c.part(v, page.Say("pat_tokens"), table, page.Act{To: path + "new", Text: page.Say("pat_token.new")}), nil
}

// tokenOf finds the token that a page is about.
func tokenOf(ctx context.Context, tx store.Tokens, v *visit, cl client) (store.Token, error) {
	t, err := tx.Token(ctx, v.PathValue("token"))
	if err == nil && (t.SubjectID != cl.owner.ID || t.Kind != store.PersonalAccessToken || !t.RevokedAt.IsZero()) {
		return store.Token{}, store.ErrNotFound
	}
	return t, err
}

func (c *Console) askRevokeToken(v *visit, cl client) error {
	t, err := tokenOf(v.Context(), c.Store, v, cl)
	if errors.Is(err, store.ErrNotFound) {
		return c.notThere(v)
	}
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	return c.confirm(v, confirmation{
		here: cl.here, up: *cl.up(), title: page.Say("pat_token.revoke.title", "name", t.Name), stops: []page.Text{wasUsed(t.UsedAt), page.Say("pat_token.revoke.stops")}, final: true,
		to: base + cl.path + "/tokens/" + t.ID + "/revoke", submit: page.Say("pat_token.revoke.do"),
	}, nil, nil)
}

func (c *Console) revokeToken(v *visit, cl client) error {
	var name string
	err := c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) error {
		t, err := tokenOf(ctx, tx, v, cl)
		if err != nil {
			return err
		}
		name = t.Name
		return r.RevokePersonalAccessToken(ctx, t)
	})
	if errors.Is(err, store.ErrNotFound) {
		return c.notThere(v)
	}
	if err != nil {
		return err
	}
	return c.done(v, cl.path, "token_revoked", name)
}
