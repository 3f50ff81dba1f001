package console

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/accesstoken"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/introspect"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/snippet"
	"github.com/postern-auth/postern/server/store"
)

// sampleAddress is where the sample runs that checks tokens as the API does, at the route that wants most of what the
// API's subjects can be given.
func sampleAddress(a store.API) string {
	has := func(key string) bool {
		return slices.ContainsFunc(a.Permissions, func(p store.Permission) bool { return p.Key == key })
	}
	switch {
	case a.Form == store.FormOpaque:
		return "http://localhost:5000/api/private-scoped" // ZITADEL's
	case has("read:messages"):
		return "http://localhost:3010/api/private-scoped" // Auth0's quickstarts
	case has("read:admin-messages"):
		return "http://localhost:6060/api/messages/admin" // Hello World
	}
	return "http://localhost:6060/api/messages/protected"
}

func (c *Console) test(v *visit) error {
	a, err := c.apiOf(v.Context(), c.Store, v)
	if err != nil {
		return c.failed(v, err)
	}
	who := ""
	for _, target := range []store.Assignment{{APIID: a.ID}, {ProjectID: a.ProjectID}} {
		part, err := c.Store.HoldersPart(v.Context(), target, "", store.Window{Limit: rows})
		if err != nil {
			return c.failed(v, err)
		}
		i := slices.IndexFunc(part.Rows, func(s store.Subject) bool { return s.Kind == store.ServiceUserSubject && s.Active })
		if i >= 0 {
			who = part.Rows[i].Username
			break
		}
	}
	return c.showTest(v, a, who, sampleAddress(a), nil, nil)
}

// showTest is the form by which a token is made, with what was made.
func (c *Console) showTest(v *visit, a store.API, who, address string, wrong problems, token []page.Block) error {
	p := aboutAPI(a, "test")
	if v.readOnly {
		p.Blocks = []page.Block{page.Paragraph{Text: page.Say("test.read_only")}}
		return c.render(v, p)
	}
	p.Blocks = append([]page.Block{page.Panel{Blocks: []page.Block{page.Form{
		To: base + "/apis/" + a.ID + "/test", Submit: page.Say("test.submit"),
		Fields: []page.Field{
			{Name: "who", Label: page.Say("test.who"), Value: who, Hint: page.Say("test.who.hint"), Problem: wrong["who"]},
			{Name: "address", Label: page.Say("test.address"), Value: address, Code: true, Problem: wrong["address"]},
		},
	}}}}, token...)
	return c.again(v, p, wrong)
}

func (c *Console) testToken(v *visit) error {
	a, err := c.apiOf(v.Context(), c.Store, v)
	if err != nil {
		return c.failed(v, err)
	}
	wrong := problems{}
	who, address := v.typed("who"), v.typed("address")
	if _, err := snippet.NewCall(address, "token"); err != nil || strings.ContainsAny(address, "'\"\\ `") {
		wrong["address"] = page.Say("problem.address")
	}
	user, err := c.Store.ServiceUserByUsername(v.Context(), who)
	switch {
	case errors.Is(err, store.ErrNotFound):
		wrong["who"] = page.Say("problem.no_service_user", "name", who)
	case err != nil:
		return fmt.Errorf("console: %w", err)
	}
	if len(wrong) > 0 {
		return c.showTest(v, a, who, address, wrong, nil)
	}
	token, err := c.tokenBlocks(v, a, user, address)
	var refused *oauth.Error
	if errors.As(err, &refused) {
		return c.showTest(v, a, who, address, problems{"who": page.Say("problem.no_token", "name", who, "reason", page.Code{Text: refused.Text})}, nil)
	}
	if err != nil {
		return err
	}
	return c.showTest(v, a, who, address, nil, token)
}

// issue makes a token for the API, by the server's own grant, and leaves an event: whoever holds it is taken for the
// service user.
func (c *Console) issue(v *visit, a store.API, user store.ServiceUser) (raw string, err error) {
	r := &endpoint.Request{Request: v.Request.Request, Issuer: c.dialect(v, a.Form == store.FormAuth0 || a.Form == store.FormAuth0Permissions), Params: oauth.Params{}}
	if r.Issuer == "" {
		r.Issuer = v.Issuer
	}
	if a.Identifier != "" {
		r.Params[oauth.ParamAudience] = []string{a.Identifier}
	} else {
		r.Params[oauth.ParamScope] = []string{oauth.ProjectScopePrefix + a.ProjectID + oauth.ProjectScopeSuffix + " " + oauth.ProjectsRolesScope}
	}
	err = c.write(v, func(ctx context.Context, r *registry.Registry, _ store.Tx) error { return r.TokenTried(ctx, user, a) })
	if err != nil {
		return "", err
	}
	raw, _, err = c.Issue(v.Context(), r, user)
	return raw, err
}

// tokenBlocks make a token and show it, with what it says and a call with it.
func (c *Console) tokenBlocks(v *visit, a store.API, user store.ServiceUser, address string) ([]page.Block, error) {
	raw, err := c.issue(v, a, user)
	if err != nil {
		return nil, err
	}
	call, err := snippet.NewCall(address, raw)
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	source := page.Source{Label: page.Say("token"), Copy: true}
	var guarded []page.Block
	told := []page.Block{page.Paragraph{Text: page.Say("token.opaque")}}
	if message, err := jws.Parse(raw); err == nil {
		for i, part := range strings.SplitAfter(raw, ".") {
			source.Spans = append(source.Spans, page.Span{Colour: []int{1, 2, 5}[i%3], Text: part})
		}
		told = []page.Block{page.Facts{Items: claimFacts(raw, message)}}
		guarded = protectBlocks(a, message)
	} else {
		source.Spans = []page.Span{{Text: raw}}
		answer, err := c.introspected(v, a, raw)
		if err != nil {
			return nil, err
		}
		told = append(told, page.Facts{Items: memberFacts(answer)})
	}
	return []page.Block{page.Beside{
		Left: []page.Block{page.Panel{Title: page.Say("token"), Aside: page.Cell{page.Chip{Tone: page.Good, Text: page.Say("token.of", "name", user.Username)}},
			Blocks: append([]page.Block{source}, append(told, page.Paragraph{Text: page.Say("token.real"), Quiet: true})...)}},
		Right: append([]page.Block{page.Panel{Title: page.Say("test.call"),
			Blocks: append(callBlocks(call), page.Paragraph{Text: page.Say("test.taken", "link", base+"/service-users/"+user.ID), Quiet: true})}}, guarded...),
	}}, nil
}

// introspected is what introspection answers to the API about a token.
func (c *Console) introspected(v *visit, a store.API, raw string) (string, error) {
	held, err := c.Holdings.At(v.Context(), a, raw)
	if errors.Is(err, accesstoken.ErrInactive) {
		return `{"active":false}`, nil
	}
	if err != nil {
		return "", fmt.Errorf("console: %w", err)
	}
	answer, err := json.Marshal(introspect.Answer(cmp.Or(c.dialect(v, false), v.Issuer), a, held))
	return string(answer), err
}

// callBlocks are the call in each language, one of which is open. They are all on the page that made the token: an
// address of one of them would have to carry it.
func callBlocks(call snippet.Call) []page.Block {
	var blocks []page.Block
	for i, l := range snippet.Languages {
		blocks = append(blocks, page.Details{Group: "call", Open: i == 0, Summary: page.Cell{page.Words{Text: page.Named(l.Name)}},
			Blocks: []page.Block{page.Source{Label: page.Say("test.call.in", "language", l.Name), Spans: l.Spans(call), Copy: true}}})
	}
	return blocks
}

// protectBlocks are a server that checks such tokens by itself, where the API lists its permissions in them.
func protectBlocks(a store.API, message jws.Message) []page.Block {
	var claims struct {
		Issuer oauth.Issuer `json:"iss"`
	}
	if a.Form != store.FormAuth0Permissions || json.Unmarshal([]byte(message.Payload), &claims) != nil {
		return nil
	}
	p := snippet.Protection{
		Issuer: string(claims.Issuer), KeySet: claims.Issuer.URL(claims.Issuer.Path(oauth.KeySet)), Algorithm: string(message.Header.Algorithm), Audience: a.Identifier,
	}
	if len(a.Permissions) > 0 {
		p.Permission = a.Permissions[0].Key
	}
	var blocks []page.Block
	for i, s := range snippet.Servers {
		blocks = append(blocks, page.Details{Group: "protect", Open: i == 0, Summary: page.Cell{page.Words{Text: page.Named(s.Name)}},
			Blocks: []page.Block{page.Source{Label: page.Say("protect.in", "language", s.Name), Spans: s.Spans(p), Copy: true}}})
	}
	return []page.Block{page.Panel{Title: page.Say("protect"), Blocks: blocks}}
}
