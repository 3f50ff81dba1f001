package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/internal/inspect"
	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/accesstoken"
	"github.com/postern-auth/postern/server/internal/holding"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

const whyPath = "/why-refused"

// Checks beside those of package inspect, which take this server's own records.
const (
	known   inspect.Name = "known"
	revoked inspect.Name = "revoked"
	holder  inspect.Name = "holder"
	sender  inspect.Name = "sender"
	rights  inspect.Name = "rights"
)

func (c *Console) refusedPages() []at {
	return []at{{path: whyPath, show: c.askForToken, do: c.whyRefused, looks: true, params: []string{"token", "api", "asks"}}}
}

// asked is what somebody wants to know: about a token, sent to an API that asks for something.
type asked struct{ text, api, asks string }

func (c *Console) askForToken(v *visit) error {
	return c.whyPage(v, asked{api: v.Params.Value("api"), asks: v.Params.Value("asks")}, http.StatusOK, page.Text{}, page.Text{}, nil, nil)
}

// whyPage is the form, in which a token is never shown again, with what was found.
func (c *Console) whyPage(v *visit, a asked, status int, token, api page.Text, notes []page.Note, found []page.Block) error {
	form := page.Panel{Blocks: []page.Block{page.Form{
		To: base + whyPath, Submit: page.Say("why.check"),
		Fields: []page.Field{
			{Name: "token", Label: page.Say("why.token"), Kind: page.Area, Code: true, Problem: token, Hint: page.Say("why.token.hint")},
			{Name: "api", Label: page.Say("why.api"), Value: a.api, Code: true, Optional: true, Problem: api, Hint: page.Say("why.api.hint")},
			{Name: "asks", Label: page.Say("why.asks"), Value: a.asks, Code: true, Optional: true, Hint: page.Say("why.asks.hint")},
		},
	}}}
	return c.render(v, page.Console{
		Here: "why_refused", Title: page.Say("why"), Lead: page.Say("why.lead"), Status: status,
		Notes: notes, Blocks: append(found, form),
	})
}

func (c *Console) whyRefused(v *visit) error {
	return c.explain(v, asked{v.Params.Value("token"), strings.TrimSpace(v.Params.Value("api")), strings.TrimSpace(v.Params.Value("asks"))})
}

// explain answers with every check of the token, or with what is known of a decision.
func (c *Console) explain(v *visit, a asked) error {
	if decision := strings.TrimSpace(a.text); isDecision(decision) {
		return c.explainDecision(v, a, decision)
	}
	raw, _, err := inspect.Unwrap(a.text)
	if err != nil {
		return c.whyPage(v, a, http.StatusUnprocessableEntity, nonsense(a.text), page.Text{}, nil, nil)
	}
	e := explanation{c: c, v: v, raw: raw, asks: a.asks}
	if a.api != "" {
		found, err := c.apiNamed(v.Context(), a.api)
		if errors.Is(err, store.ErrNotFound) {
			return c.whyPage(v, a, http.StatusUnprocessableEntity, page.Text{}, page.Say("why.no_api"), nil, nil)
		}
		if err != nil {
			return fmt.Errorf("console: %w", err)
		}
		e.api = &found
	}
	understood, err := e.run(v.Context())
	if err != nil {
		return err
	}
	if !understood {
		return c.whyPage(v, a, http.StatusUnprocessableEntity, nonsense(raw), page.Text{}, nil, nil)
	}
	return c.whyPage(v, a, http.StatusOK, page.Text{}, page.Text{}, []page.Note{e.verdict()}, e.blocks())
}

// explainDecision answers with what was kept of a decision. One that is not known here is another program's, or too old.
func (c *Console) explainDecision(v *visit, a asked, decision string) error {
	r, err := c.decided(v.Context(), decision)
	if errors.Is(err, store.ErrNotFound) {
		return c.whyPage(v, a, http.StatusUnprocessableEntity, page.Say("why.not_ours", "decision", page.Code{Text: decision}), page.Text{}, nil, nil)
	}
	if err != nil {
		return err
	}
	return c.showRefusal(v, r)
}

// apiNamed returns the API that goes by an identifier, client id or id.
func (c *Console) apiNamed(ctx context.Context, name string) (store.API, error) {
	api, err := c.Store.APIByIdentifier(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		api, err = c.Store.APIByClientID(ctx, name)
	}
	if errors.Is(err, store.ErrNotFound) {
		api, err = c.Store.API(ctx, name)
	}
	return api, err
}

// nonsense says what a text is that is no token. It quotes nothing of it, for it may be a secret.
func nonsense(text string) page.Text {
	text = strings.TrimSpace(text)
	spaces := strings.Count(text, " ")
	switch {
	case text == "":
		return page.Say("why.empty")
	case strings.HasPrefix(text, "{"):
		return page.Say("why.no_token_inside")
	case spaces > 0:
		return page.Say("why.spaces", "n", spaces)
	case strings.HasPrefix(text, "eyJ"), strings.HasPrefix(text, "postern_"):
		return page.Say("why.cut", "n", len(text))
	case strings.Count(text, ".") == 4:
		return page.Say("why.encrypted")
	}
	return page.Say("why.nonsense", "n", len(text))
}

// explanation is what is found out about a token.
type explanation struct {
	c        *Console
	v        *visit
	raw      string
	api      *store.API // nil: none was named, and the token names none
	asks     string
	content  *inspect.Content
	checks   []inspect.Check
	holding  holding.Holding
	accepted bool // says the server, which decides
}

// run makes the checks. False: this is no token.
func (e *explanation) run(ctx context.Context) (bool, error) {
	var audience []string
	var confirmation string
	id, opaque := secret.TokenID(e.raw)
	if opaque {
		row, err := e.c.Store.Token(ctx, id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return false, fmt.Errorf("console: %w", err)
		}
		if err == nil && !secret.Matches(e.raw, row.Digest) {
			row, err = store.Token{}, store.ErrNotFound // nothing of the one that it is not
		}
		audience, confirmation = row.Audience, row.Confirmation
		if err := e.chooseAPI(ctx, audience); err != nil {
			return false, err
		}
		e.ofOpaque(row, err == nil)
	} else {
		content, err := inspect.Decode(e.raw)
		if err != nil {
			return false, nil
		}
		e.content = content
		if value, ok := content.Claims.Lookup("aud"); ok {
			audience, _ = value.Texts(nil)
		}
		if value, ok := content.Claims.Lookup("cnf"); ok {
			confirmation = value.JSON()
		}
		if err := e.chooseAPI(ctx, audience); err != nil {
			return false, err
		}
		if err := e.ofJWT(ctx); err != nil {
			return false, err
		}
	}
	if err := e.judge(ctx); err != nil {
		return false, err
	}
	e.checkSender(confirmation)
	e.checkRights()
	return true, nil
}

// chooseAPI takes the API that the token names, where nobody has said which one it was sent to.
func (e *explanation) chooseAPI(ctx context.Context, audience []string) error {
	for _, name := range audience {
		if e.api != nil {
			return nil
		}
		api, err := e.c.Store.APIByIdentifier(ctx, name)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("console: %w", err)
		}
		e.api = &api
	}
	return nil
}

// expected is what the API is called in tokens.
func (e *explanation) expected() (names []string) {
	if e.api == nil {
		return nil
	}
	if e.api.Identifier != "" {
		names = append(names, e.api.Identifier)
	}
	return append(names, e.api.ProjectID)
}

func (e *explanation) add(name inspect.Name, ok bool, fault inspect.Fault, expected, got []string) {
	check := inspect.Check{Name: name, Outcome: inspect.Passed, Expected: expected, Got: got}
	if !ok {
		check.Outcome, check.Fault = inspect.Failed, fault
	}
	e.checks = append(e.checks, check)
}

func (e *explanation) skip(name inspect.Name) {
	e.checks = append(e.checks, inspect.Check{Name: name, Outcome: inspect.Skipped})
}

// ofOpaque are the checks of a token that only this server can read.
func (e *explanation) ofOpaque(row store.Token, found bool) {
	e.add(inspect.Form, true, "", nil, nil)
	e.add(known, found, "unknown", nil, nil)
	if !found {
		for _, name := range []inspect.Name{inspect.Audience, inspect.Time, revoked} {
			e.skip(name)
		}
		return
	}
	switch {
	case e.api == nil, len(row.Audience) == 0: // a personal access token is for all that its subject has
		e.skip(inspect.Audience)
	default:
		e.checks = append(e.checks, inspect.Among(inspect.Audience, e.expected(), row.Audience, inspect.OtherAPI))
	}
	now := []string{e.v.now.UTC().Format(time.RFC3339)}
	if row.ExpiresAt.IsZero() {
		e.add(inspect.Time, true, "", now, nil)
	} else {
		e.add(inspect.Time, e.v.now.Before(row.ExpiresAt), inspect.Ended, now, []string{row.ExpiresAt.UTC().Format(time.RFC3339)})
	}
	e.add(revoked, row.RevokedAt.IsZero(), "revoked", nil, nil)
}

func (e *explanation) ofJWT(ctx context.Context) error {
	var failed error
	e.checks = inspect.JWT(e.raw, e.content, inspect.Want{
		Issuers: e.c.Issuers, Audience: e.expected(), Now: e.v.now,
		Key: func(id string) (*jws.Key, bool) {
			key, ok, err := e.c.Keys.Key(ctx, id)
			if err != nil {
				failed = err
			}
			return key, ok
		},
	})
	if failed != nil {
		return fmt.Errorf("console: %w", failed)
	}
	jti := e.content.Claim("jti")
	if jti == "" || len(jti) > 256 {
		e.skip(revoked)
		return nil
	}
	was, err := e.c.Store.JWTRevoked(ctx, jti)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	e.add(revoked, !was, "revoked", nil, nil)
	return nil
}

// judge asks what decides everywhere else too. Should it refuse what every check here lets pass, that is said with
// its own reason.
func (e *explanation) judge(ctx context.Context) error {
	var err error
	if e.api != nil {
		e.holding, err = e.c.Holdings.At(ctx, *e.api, e.raw)
		if err == nil && !e.api.Active {
			err = fmt.Errorf("%w: the API is not active", accesstoken.ErrInactive)
		}
	} else {
		var facts accesstoken.Facts
		if facts, err = e.c.Holdings.Tokens.Read(ctx, e.raw); err == nil {
			_, err = e.c.Holdings.Holder(ctx, facts)
		}
		e.holding.Facts = facts
	}
	switch {
	case err == nil:
		e.accepted = true
		e.add(holder, true, "", nil, nil)
	case !errors.Is(err, accesstoken.ErrInactive):
		return err
	case e.failed() == nil:
		e.add(holder, false, "holder", nil, []string{strings.TrimPrefix(err.Error(), accesstoken.ErrInactive.Error()+": ")})
	default:
		e.skip(holder)
	}
	return nil
}

func (e *explanation) failed() *inspect.Check {
	for i := range e.checks {
		if e.checks[i].Outcome == inspect.Failed {
			return &e.checks[i]
		}
	}
	return nil
}

func (e *explanation) checkSender(confirmation string) {
	if confirmation == "" {
		e.skip(sender)
		return
	}
	e.checks = append(e.checks, inspect.Check{Name: sender, Outcome: inspect.Doubted, Got: []string{confirmation}, Fault: "bound"})
}

func (e *explanation) checkRights() {
	if e.asks == "" || e.api == nil || !e.accepted {
		e.skip(rights)
		return
	}
	has := slices.Concat(e.holding.Scopes, e.holding.Permissions, e.holding.Roles)
	slices.Sort(has)
	has = slices.Compact(has)
	ok := true
	for _, right := range strings.Fields(e.asks) {
		ok = ok && slices.Contains(has, right)
	}
	e.add(rights, ok, "rights", strings.Fields(e.asks), has)
}

// verdict is the answer in a sentence. Where the server refuses, it is never good.
func (e *explanation) verdict() page.Note {
	check := e.failed()
	switch {
	case check != nil && check.Name == rights:
		return page.Note{Tone: page.Bad, Text: page.Say("why.forbidden", "api", e.api.Name)}
	case check != nil:
		return page.Note{Tone: page.Bad, Text: page.Say("why.refused", "check", checkName(check.Name), "fix", fix(check.Fault))}
	case !e.accepted:
		return page.Note{Tone: page.Bad, Text: page.Say("why.refused_otherwise")}
	case e.api == nil:
		return page.Note{Tone: page.Warn, Text: page.Say("why.good_somewhere")}
	case e.holding.ExpiresAt.IsZero():
		return page.Note{Tone: page.Good, Text: page.Say("why.good_always", "api", e.api.Name)}
	}
	return page.Note{Tone: page.Good, Text: page.Say("why.good", "api", e.api.Name, "until", e.holding.ExpiresAt)}
}

// items are the checks in words.
func (e *explanation) items() (items []page.CheckItem) {
	for _, check := range e.checks {
		item := page.CheckItem{Outcome: page.Outcome(check.Outcome), Name: checkName(check.Name), Fix: fix(check.Fault)}
		if check.Outcome != inspect.Passed || check.Name != inspect.Time {
			item.Expected = codes(check.Expected)
		}
		item.Got = codes(check.Got)
		items = append(items, item)
	}
	return items
}

func (e *explanation) blocks() []page.Block {
	blocks := []page.Block{page.Panel{Title: page.Say("why.checks"), Blocks: []page.Block{page.Checked{Items: e.items()}}}}
	if e.content != nil {
		blocks = append(blocks, page.Details{
			Summary: page.Cell{page.Words{Text: page.Say("why.says")}},
			Blocks: []page.Block{
				page.Source{Label: page.Say("why.header"), Spans: []page.Span{{Colour: 1, Text: e.content.Header.String()}}},
				page.Source{Label: page.Say("why.claims"), Spans: []page.Span{{Colour: 2, Text: e.content.Claims.String()}}},
			},
		})
	}
	return blocks
}

func codes(texts []string) (cell page.Cell) {
	for _, text := range texts {
		if text != "" {
			cell = append(cell, page.Code{Text: text})
		}
	}
	return cell
}

func checkName(name inspect.Name) page.Text {
	return map[inspect.Name]page.Text{
		inspect.Form: page.Say("check.form"), inspect.Issuer: page.Say("check.issuer"), inspect.Key: page.Say("check.key"),
		inspect.Signature: page.Say("check.signature"), inspect.Kind: page.Say("check.kind"), inspect.Audience: page.Say("check.audience"),
		inspect.Time: page.Say("check.time"), known: page.Say("check.known"), revoked: page.Say("check.revoked"),
		holder: page.Say("check.holder"), sender: page.Say("check.sender"), rights: page.Say("check.rights"),
	}[name]
}

// fix says what to do about a fault; of none it says nothing.
func fix(fault inspect.Fault) page.Text {
	return map[inspect.Fault]page.Text{
		inspect.Malformed: page.Say("fix.malformed"), inspect.FinalSlash: page.Say("fix.final_slash"), inspect.OtherIssuer: page.Say("fix.other_issuer"),
		inspect.Unsigned: page.Say("fix.unsigned"), inspect.SharedSecret: page.Say("fix.shared_secret"), inspect.UnknownKey: page.Say("fix.unknown_key"),
		inspect.Tampered: page.Say("fix.tampered"), inspect.OtherKind: page.Say("fix.other_kind"), inspect.OtherAPI: page.Say("fix.other_api"),
		inspect.NoEnd: page.Say("fix.no_end"), inspect.Ended: page.Say("fix.ended"), inspect.NotYet: page.Say("fix.not_yet"),
		inspect.ClockAhead: page.Say("fix.clock_ahead"), "unknown": page.Say("fix.unknown"), "revoked": page.Say("fix.revoked"),
		"holder": page.Say("fix.holder"), "bound": page.Say("fix.bound"), "rights": page.Say("fix.rights"),
	}[fault]
}
