package account

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/internal/site"
	"github.com/postern-auth/postern/server/store"
)

// MaxTokens is how many personal access tokens a person has at most that have not been revoked.
const MaxTokens = 50

// kept returns the person's tokens that have not been revoked, oldest first.
func kept(v *visit, tokens store.Tokens) ([]store.Token, error) {
	all, err := tokens.TokensOf(v.Context(), v.user.ID, store.PersonalAccessToken)
	if err != nil {
		return nil, fmt.Errorf("account: reading tokens: %w", err)
	}
	return slices.DeleteFunc(all, func(t store.Token) bool { return !t.RevokedAt.IsZero() }), nil
}

// tokens lists the personal access tokens.
func (a *Account) tokens(v *visit) error { return a.showTokens(v, "") }

// showTokens lists them, with the one just made, this once.
func (a *Account) showTokens(v *visit, born string) error {
	all, err := kept(v, a.Store)
	if err != nil {
		return err
	}
	shown := page.AccessTokens{Yours: a.yours(v), Born: born}
	names := make(map[string]string)
	for _, t := range all {
		row := page.AccessToken{ID: t.ID, Name: t.Name, Created: t.IssuedAt, Ends: a.end(t.IssuedAt, t.ExpiresAt)}
		row.Over = !row.Ends.IsZero() && !v.now.Before(row.Ends)
		for _, audience := range t.Audience {
			if _, known := names[audience]; !known {
				if names[audience], err = a.nameOf(v, audience); err != nil {
					return err
				}
			}
			row.For = append(row.For, names[audience])
		}
		shown.Tokens = append(shown.Tokens, row)
	}
	return a.render(v, shown)
}

// end returns when a token ends, with the bound of the server; zero: never.
func (a *Account) end(issued, expires time.Time) time.Time {
	if a.TokenLifetime <= 0 {
		return expires
	}
	if latest := issued.Add(a.TokenLifetime); expires.IsZero() || expires.After(latest) {
		return latest
	}
	return expires
}

// nameOf returns what people call an audience.
func (a *Account) nameOf(v *visit, audience string) (string, error) {
	api, err := a.Store.APIByIdentifier(v.Context(), audience)
	if err == nil {
		return api.Name, nil
	}
	if errors.Is(err, store.ErrNotFound) {
		var project store.Project
		if project, err = a.Store.Project(v.Context(), audience); err == nil {
			return project.Name, nil
		}
	}
	if errors.Is(err, store.ErrNotFound) {
		return audience, nil // what it opened is gone
	}
	return "", fmt.Errorf("account: reading an API: %w", err)
}

// choices are what a token of the person may be for: the APIs on which they have a right, and, as one, those of a
// project that have no name of their own in a token.
func (a *Account) choices(v *visit) ([]page.Choice, error) {
	assignments, err := a.Store.AssignmentsOf(v.Context(), v.user.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("account: reading assignments: %w", err)
	}
	found := make(map[string]page.Choice)
	for _, assigned := range assignments {
		if len(assigned.Rights) == 0 {
			continue
		}
		if err := a.opens(v, assigned, found); err != nil {
			return nil, err
		}
	}
	var all []page.Choice
	for _, choice := range found {
		all = append(all, choice)
	}
	slices.SortFunc(all, func(a, b page.Choice) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value))
	})
	return all, nil
}

// opens adds what an assignment lets a token be for.
func (a *Account) opens(v *visit, assigned store.Assignment, found map[string]page.Choice) error {
	var apis []store.API
	projectID := assigned.ProjectID
	if assigned.APIID != "" {
		api, err := a.Store.API(v.Context(), assigned.APIID)
		if err != nil {
			return notRead(err)
		}
		apis, projectID = []store.API{api}, api.ProjectID
	}
	project, err := a.Store.Project(v.Context(), projectID)
	if err != nil {
		return notRead(err)
	}
	if assigned.APIID == "" {
		if apis, err = a.Store.APIsOf(v.Context(), projectID); err != nil {
			return notRead(err)
		}
	}
	for _, api := range apis {
		choice := page.Choice{Value: api.Identifier, Name: api.Name}
		if api.Identifier == "" {
			choice = page.Choice{Value: project.ID, Name: project.Name}
		}
		if api.Active && project.Active {
			found[choice.Value] = choice
		}
	}
	return nil
}

// notRead returns nil for what went meanwhile.
func notRead(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return fmt.Errorf("account: reading what the person has rights on: %w", err)
}

// days are how long a token may live, as far as the server lets it.
func (a *Account) days() []int {
	longest := int(a.TokenLifetime / (24 * time.Hour))
	if a.TokenLifetime <= 0 {
		return []int{30, 90, 365, 0}
	}
	all := slices.DeleteFunc([]int{30, 90, 365}, func(n int) bool { return n >= longest })
	return append(all, max(longest, 1))
}

func (a *Account) newToken(v *visit) error { return a.askToken(v, page.Problem{}) }

// askToken shows the form, with what was chosen in it.
func (a *Account) askToken(v *visit, problem page.Problem) error {
	apis, err := a.choices(v)
	if err != nil {
		return err
	}
	asked := v.Params.Values("audience")
	for i := range apis {
		apis[i].Chosen = slices.Contains(asked, apis[i].Value) || len(apis) == 1
	}
	shown := page.NewToken{
		Yours: a.yours(v), Name: v.Params.Value("name"), APIs: apis, Days: a.days(), Once: secret.New(), Problem: problem,
	}
	shown.Ends = shown.Days[0]
	if n, err := strconv.Atoi(v.Params.Value("days")); err == nil && slices.Contains(shown.Days, n) {
		shown.Ends = n
	}
	return a.render(v, shown)
}

// created is the issuer under which the store remembers which forms have made their token.
const created = "urn:postern:account:tokens"

// createToken makes a token and shows it, this once. The same form sent again makes none.
func (a *Account) createToken(v *visit) error {
	token, problem, err := a.asked(v)
	if err != nil {
		return err
	}
	if problem != (page.Problem{}) {
		return a.askToken(v, problem)
	}
	var raw string
	err = a.write(v, func(tx store.Tx) error {
		all, err := kept(v, tx)
		if err != nil {
			return err
		}
		if len(all) >= MaxTokens {
			return errTooMany
		}
		if err := tx.UseAssertion(v.Context(), created, v.user.ID+" "+v.Params.Value("once"), v.now.Add(24*time.Hour)); err != nil {
			return err
		}
		raw, err = registry.In(tx, v.user.ID, v.now).CreatePersonalAccessToken(v.Context(), token)
		return err
	})
	switch {
	case errors.Is(err, store.ErrExists):
		site.Redirect(v.w, http.StatusSeeOther, base+"/tokens")
		return nil
	case errors.Is(err, errTooMany):
		return a.askToken(v, page.TooManyTokens)
	case errors.Is(err, registry.ErrRefused):
		return a.askToken(v, page.BadName)
	case err != nil:
		return err
	}
	return a.showTokens(v, raw)
}

var errTooMany = errors.New("account: the person has as many tokens as one may have")

// asked reads the form. What the person has no right on, they cannot choose.
func (a *Account) asked(v *visit) (store.Token, page.Problem, error) {
	apis, err := a.choices(v)
	if err != nil {
		return store.Token{}, page.Problem{}, err
	}
	var audience []string
	for _, choice := range apis {
		if slices.Contains(v.Params.Values("audience"), choice.Value) {
			audience = append(audience, choice.Value)
		}
	}
	name, once := v.typed("name"), v.Params.Value("once")
	days, err := strconv.Atoi(v.Params.Value("days"))
	switch {
	case name == "":
		return store.Token{}, page.NoName, nil
	case len(audience) == 0:
		return store.Token{}, page.NoAPI, nil
	case err != nil || !slices.Contains(a.days(), days) || len(once) < 32 || len(once) > 64:
		return store.Token{}, page.Problem{}, badForm()
	}
	token := store.Token{SubjectID: v.user.ID, ClientID: v.user.ID, Name: name, Audience: audience}
	if days > 0 {
		token.ExpiresAt = v.now.Add(time.Duration(days) * 24 * time.Hour)
	}
	return token, page.Problem{}, nil
}

// token finds the one that a page is about.
func (a *Account) token(v *visit) (store.Token, error) {
	t, err := a.Store.Token(v.Context(), v.PathValue("id"))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.Token{}, fmt.Errorf("account: reading a token: %w", err)
	}
	if err != nil || t.SubjectID != v.user.ID || t.Kind != store.PersonalAccessToken || !t.RevokedAt.IsZero() {
		return store.Token{}, notThere("token")
	}
	return t, nil
}

func (a *Account) askRevoke(v *visit) error {
	t, err := a.token(v)
	if err != nil {
		return err
	}
	return a.render(v, page.Confirm{Yours: a.yours(v), Step: page.RevokeToken, ID: t.ID, Name: t.Name, Back: "/tokens"})
}

func (a *Account) revoke(v *visit) error {
	t, err := a.token(v)
	if err != nil {
		return err
	}
	err = a.write(v, func(tx store.Tx) error {
		return registry.In(tx, v.user.ID, v.now).RevokePersonalAccessToken(v.Context(), t)
	})
	if err != nil {
		return err
	}
	return a.done(v, "/tokens", page.TokenRevoked)
}
