package console

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// flags are what is either so or not, in the order of the form.
var flags = []struct {
	name        string
	label, hint page.Text
	of          func(*store.Application) *bool
}{
	{"first_party", page.Say("application.first_party"), page.Say("application.first_party.hint"), func(a *store.Application) *bool { return &a.FirstParty }},
	{"refresh_ends", page.Say("application.refresh_ends"), page.Say("application.refresh_ends.hint"), func(a *store.Application) *bool { return &a.RefreshEndsWithSession }},
	{"no_pkce", page.Say("application.no_pkce"), page.Say("application.no_pkce.hint"), func(a *store.Application) *bool { return &a.InsecureNoPKCE }},
}

// spans are how long things of an application live.
var spans = []struct {
	name  string
	label page.Text
	of    func(*store.Application) *time.Duration
	check func(time.Duration) error
}{
	{"id_token_lifetime", page.Say("application.id_token_lifetime"), func(a *store.Application) *time.Duration { return &a.IDTokenLifetime }, registry.CheckLifetime},
	{"refresh_idle", page.Say("application.refresh_idle"), func(a *store.Application) *time.Duration { return &a.RefreshIdle }, registry.CheckRefreshLifetime},
	{"refresh_lifetime", page.Say("application.refresh_lifetime"), func(a *store.Application) *time.Duration { return &a.RefreshLifetime }, registry.CheckRefreshLifetime},
}

// readApplication returns the application as the form has it, and says what is wrong with that.
func (v *visit) readApplication(a store.Application, wrong problems) store.Application {
	a.Grants = v.Params.Values("grant")
	v.addresses(&a, wrong)
	for _, grant := range a.Grants {
		if registry.CheckGrant(grant) != nil {
			wrong["grant"] = page.Say("problem.choice")
		}
	}
	switch {
	case len(a.Grants) == 0:
		wrong["grant"] = page.Say("problem.grants")
	case registry.CheckExchange(a.Type, a.Grants) != nil:
		wrong["grant"] = page.Say("problem.exchange")
	}
	optional := func(name string, to *string, check func(string) error) {
		if *to = v.typed(name); *to != "" {
			if err := check(*to); err != nil {
				wrong[name] = page.Say("problem.refused", "reason", err.Error())
			}
		}
	}
	optional("backchannel", &a.BackchannelLogoutURI, registry.CheckBackchannelURI)
	optional("initiate", &a.InitiateLoginURI, registry.CheckInitiateURI)
	optional("id_token_algorithm", &a.IDTokenAlgorithm, registry.CheckSigningAlgorithm)
	optional("userinfo_algorithm", &a.UserinfoAlgorithm, registry.CheckSigningAlgorithm)
	optional("profile", &a.Profile, registry.CheckProfile)
	optional("constraint", (*string)(&a.SenderConstraint), registry.CheckSenderConstraint)
	optional("id_token_claims", (*string)(&a.IDTokenClaims), registry.CheckIDTokenClaims)
	for _, span := range spans {
		d, ok := parseLifetime(v.Params.Value(span.name))
		switch err := span.check(d); {
		case !ok:
			wrong[span.name] = page.Say("problem.lifetime")
		case d != 0 && err != nil:
			wrong[span.name] = page.Say("problem.refused", "reason", err.Error())
		}
		*span.of(&a) = d
	}
	if registry.CheckRefreshLifetimes(a.RefreshIdle, a.RefreshLifetime) != nil {
		wrong["refresh_idle"] = page.Say("problem.refresh_idle")
	}
	for _, flag := range flags {
		*flag.of(&a) = slices.Contains(v.Params.Values("flag"), flag.name)
	}
	if registry.CheckNoPKCE(a.Type, a.InsecureNoPKCE) != nil {
		wrong["flag"] = page.Say("problem.no_pkce")
	}
	if err := registry.CheckFAPI(a); err != nil && wrong["profile"].Empty() {
		wrong["profile"] = page.Say("problem.refused", "reason", err.Error())
	}
	return a
}

// showApplicationSettings shows the form: as the application is, or as it was typed.
func (c *Console) showApplicationSettings(v *visit, a store.Application, wrong problems, conflict *page.Note) error {
	path := base + "/applications/" + a.ID
	p := aboutApplication(v, a, "settings")
	if conflict != nil {
		p.Notes, p.Status = append(p.Notes, *conflict), http.StatusConflict
	}
	if told, ok := wrong[""]; ok { // about more than one field
		p.Notes = append(p.Notes, page.Note{Tone: page.Bad, Text: told})
	}
	if v.readOnly {
		p.Blocks = []page.Block{page.Panel{Blocks: []page.Block{page.Facts{Items: []page.Fact{
			{Name: page.Say("application.redirects"), Value: codes(a.RedirectURIs)}, {Name: page.Say("application.logouts"), Value: codes(a.LogoutURIs)},
			{Name: page.Say("application.origins"), Value: codes(a.AllowedOrigins)}, {Name: page.Say("application.grants"), Value: codes(a.Grants)},
		}}}}}
		return c.render(v, p)
	}
	as, raw := a, func(_, value string) string { return value }
	if v.Method == http.MethodPost {
		as, raw = v.readApplication(a, problems{}), func(name, _ string) string { return v.Params.Value(name) }
	}
	fields, more := applicationFields(as, raw, wrong), rareFields(as, raw, wrong)
	if conflict != nil {
		kept := func(_, value string) string { return value }
		fields, more = page.Against(fields, applicationFields(a, kept, nil)), page.Against(more, rareFields(a, kept, nil))
	}
	p.Blocks = []page.Block{page.Panel{Blocks: []page.Block{page.Form{
		To: path + "/settings", Hidden: []page.Parameter{{Name: "version", Value: version(a)}}, Submit: page.Say("save"),
		Fields: fields, More: more,
	}}}}
	p.Blocks = append(p.Blocks, applicationEnd(a, path))
	return c.again(v, p, wrong)
}

// applicationFields are those of the form that most applications need. raw returns what was typed in a field that holds
// the value, in the words in which it was.
func applicationFields(a store.Application, raw func(name, value string) string, wrong problems) []page.Field {
	fields := []page.Field{{Name: "name", Label: page.Say("name"), Value: a.Name, Problem: wrong["name"]}}
	for _, list := range []struct {
		name        string
		values      []string
		label, hint page.Text
	}{
		{"redirects", a.RedirectURIs, page.Say("application.redirects"), page.Say("application.redirects.hint")},
		{"logouts", a.LogoutURIs, page.Say("application.logouts"), page.Say("application.logouts.hint")},
		{"origins", a.AllowedOrigins, page.Say("application.origins"), page.Say("application.origins.hint")},
	} {
		fields = append(fields, page.Field{
			Name: list.name, Label: list.label, Kind: page.Area, Value: raw(list.name, strings.Join(list.values, "\n")), Code: true, Hint: list.hint,
			Problem: wrong[list.name], Optional: true,
		})
	}
	grants := page.Field{Name: "grant", Label: page.Say("application.grants"), Kind: page.Checks, Values: a.Grants, Problem: wrong["grant"]}
	for _, grant := range []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantDeviceCode, oauth.GrantTokenExchange} {
		grants.Options = append(grants.Options, page.Option{Value: grant, Label: page.Named(grant)})
	}
	ticks := page.Field{Name: "flag", Label: page.Say("application.rules"), Kind: page.Checks, Problem: wrong["flag"]}
	for _, flag := range flags {
		ticks.Options = append(ticks.Options, page.Option{Value: flag.name, Label: flag.label, Hint: flag.hint})
		if *flag.of(&a) {
			ticks.Values = append(ticks.Values, flag.name)
		}
	}
	return append(fields, grants, ticks)
}

// applicationEnd is the red part of the page.
func applicationEnd(a store.Application, path string) page.Panel {
	red := page.Panel{Title: page.Say("application.end"), Danger: true, Acts: []page.Act{{To: path + "/delete", Text: page.Say("application.delete"), Danger: true}}}
	if a.Active {
		red.Blocks = []page.Block{page.Paragraph{Text: page.Say("service_user.end.off")}}
		red.Acts = append([]page.Act{{To: path + "/deactivate", Text: page.Say("application.deactivate"), Danger: true}}, red.Acts...)
	}
	return red
}

// rareFields are those that most applications leave as they are.
func rareFields(a store.Application, raw func(name, value string) string, wrong problems) (fields []page.Field) {
	for _, span := range spans {
		value := raw(span.name, writeLifetime(*span.of(&a)))
		fields = append(fields, page.Field{Name: span.name, Label: span.label, Value: value, Optional: true, Hint: page.Say("application.span.hint"), Problem: wrong[span.name]})
	}
	algorithms := func(name string, label, usual page.Text, value string) page.Field {
		f := page.Field{Name: name, Label: label, Kind: page.Select, Value: value, Problem: wrong[name], Options: []page.Option{{Value: "", Label: usual}}}
		for _, alg := range jws.Algorithms() {
			f.Options = append(f.Options, page.Option{Value: string(alg), Label: page.Named(string(alg))})
		}
		return f
	}
	return append(fields,
		algorithms("id_token_algorithm", page.Say("application.id_token_algorithm"), page.Say("application.usual"), a.IDTokenAlgorithm),
		algorithms("userinfo_algorithm", page.Say("application.userinfo_algorithm"), page.Say("application.userinfo_json"), a.UserinfoAlgorithm),
		page.Field{Name: "id_token_claims", Label: page.Say("application.id_token_claims"), Kind: page.Select, Value: string(a.IDTokenClaims), Problem: wrong["id_token_claims"], Options: []page.Option{
			{Value: string(store.FullClaims), Label: page.Say("application.claims_full")}, {Value: string(store.MinimalClaims), Label: page.Say("application.claims_minimal")},
		}},
		constraintField(a.SenderConstraint, wrong),
		page.Field{Name: "profile", Label: page.Say("application.profile"), Kind: page.Select, Value: a.Profile, Problem: wrong["profile"], Options: []page.Option{
			{Value: "", Label: page.Say("application.profile.none")}, {Value: oauth.ProfileFAPI2, Label: page.Named("FAPI 2.0")},
		}},
		page.Field{Name: "initiate", Label: page.Say("application.initiate"), Value: a.InitiateLoginURI, Code: true, Optional: true, Problem: wrong["initiate"]},
		page.Field{Name: "backchannel", Label: page.Say("application.backchannel"), Value: a.BackchannelLogoutURI, Code: true, Optional: true, Problem: wrong["backchannel"]},
	)
}
