package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/internal/inspect"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/tally"
	"github.com/postern-auth/postern/server/store"
)

const refusedPath = "/refused"

func (c *Console) refusalPages() []at {
	return []at{
		{path: refusedPath, show: c.refusals, params: []string{"reason", "before"}},
		{path: refusedPath + "/{decision}", show: c.refusal},
	}
}

// reasons are the words of refusals: those of the library, which docs/reasons explains, and those of the token
// endpoint.
var reasons = []string{
	"algorithm-mismatch", "audience-mismatch", "binding-mismatch", "binding-missing", "issuer-mismatch", "key-unknown",
	"malformed-request", "no-token", "proof-invalid", "rights-insufficient", "signature-invalid", "step-up-required", "token-expired",
	"token-inactive", "token-malformed", "token-not-yet-valid", "token-unknown",
	"access_denied", "expired_token", "invalid_client", "invalid_dpop_proof", "invalid_grant", "invalid_request", "invalid_scope",
	"invalid_target", "unauthorized_client", "unsupported_grant_type",
}

// meaning is what the sentences about reasons begin with.
const meaning = "reason."

// reasonText says what a reason means and what to do; of a word that is not known it is the word.
func reasonText(reason string) page.Text {
	if !slices.Contains(reasons, reason) {
		return page.Named(reason)
	}
	return page.Say(meaning + reason)
}

// refusals is the list of what was refused, newest first.
func (c *Console) refusals(v *visit) error {
	reason := v.Params.Value("reason")
	c.upToDate(v.Context())
	all, err := c.Store.RefusalsBefore(v.Context(), reason, v.Params.Value("before"), rows+1)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	day, err := c.lately(v)
	if err != nil {
		return err
	}
	table := page.Table{
		Label: page.Say("refused"), Empty: page.Say("refused.empty"),
		Head: []page.Column{{Text: page.Say("refused.where")}, {Text: page.Say("refused.reason")}, {Text: page.Say("refused.who")}, {Text: page.Say("refused.at")}},
	}
	who := c.names(v)
	for _, r := range all[:min(len(all), rows)] {
		row, err := who.refusalRow(r)
		if err != nil {
			return err
		}
		table.Rows = append(table.Rows, row)
	}
	if len(all) > rows {
		table.Next = refusedAddress(reason, all[rows-1].ID)
	}
	p := page.Console{
		Here: "refused", Title: page.Say("refused"), Lead: page.Say("refused.lead", "days", int(tally.Kept/(24*time.Hour))),
		Acts: []page.Act{{To: base + whyPath, Text: page.Say("why_refused")}},
	}
	if words := day.words(reason); len(words) > 0 {
		p.Blocks = append(p.Blocks, page.Switch{Label: page.Say("refused.reason"), Items: words})
	}
	p.Blocks = append(p.Blocks, table)
	return c.render(v, p)
}

func refusedAddress(reason, before string) string {
	query := url.Values{}
	for name, value := range map[string]string{"reason": reason, "before": before} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if len(query) == 0 {
		return base + refusedPath
	}
	return base + refusedPath + "?" + query.Encode()
}

func (n *names) refusalRow(r store.Refusal) (page.Row, error) {
	who, err := n.refused(r)
	if err != nil {
		return page.Row{}, err
	}
	why := page.Act{To: base + refusedPath + "/" + url.PathEscape(r.Decision), Text: page.Say("refused.why")}
	return page.Row{
		Cells: []page.Cell{{page.Words{Text: where(r)}}, {page.Chip{Text: page.Named(r.Reason), Tone: page.Bad}}, who, {page.Moment{At: r.At}}},
		Acts:  []page.Act{why},
	}, nil
}

// where says at what a token was refused.
func where(r store.Refusal) page.Text {
	switch r.Where {
	case "introspection":
		return page.Say("refused.where.introspection")
	case "token":
		return page.Say("refused.where.token")
	case "userinfo":
		return page.Say("refused.where.userinfo")
	}
	return page.Named(r.Where)
}

// refused is whose token or request it was, as far as that is known.
func (n *names) refused(r store.Refusal) (page.Cell, error) {
	if r.Subject != "" {
		name, err := n.of(r.Subject)
		return page.Cell{page.Words{Text: page.Named(name)}}, err
	}
	if r.ClientID != "" {
		return page.Cell{page.Code{Text: r.ClientID}}, nil
	}
	return page.Cell{page.Words{Text: page.Say("refused.nobody")}}, nil
}

// refusal is one decision, explained.
func (c *Console) refusal(v *visit) error {
	r, err := c.decided(v.Context(), v.PathValue("decision"))
	if err != nil {
		return c.failed(v, err)
	}
	return c.showRefusal(v, r)
}

// upToDate has the store hold what has happened until now. On a disk that is full or read-only the pages show what is
// there already: they are most needed then.
func (c *Console) upToDate(ctx context.Context) {
	if err := c.Tally.Write(ctx); err != nil {
		c.Logger.DebugContext(ctx, "counts and refusals not written; trying again", "reason", err.Error())
	}
}

// decided returns the refusal with the id of a decision. Errors: store.ErrNotFound, and outages.
func (c *Console) decided(ctx context.Context, decision string) (store.Refusal, error) {
	c.upToDate(ctx)
	r, err := c.Store.RefusalByDecision(ctx, decision)
	if err != nil {
		return r, fmt.Errorf("console: %w", err)
	}
	return r, nil
}

// isDecision reports whether a text has the look of the id of a decision.
func isDecision(text string) bool {
	return len(text) == 16 && strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

func (c *Console) showRefusal(v *visit, r store.Refusal) error {
	checks, err := c.recheck(v, r)
	if err != nil {
		return err
	}
	facts, err := c.refusalFacts(v, r)
	if err != nil {
		return err
	}
	p := page.Console{
		Here: "refused", Title: page.Say("refused.title", "decision", r.Decision), Lead: page.Say("refused.stored"),
		Up:     &page.Link{To: base + refusedPath, Text: page.Say("refused")},
		Notes:  []page.Note{{Tone: page.Bad, Text: page.Say("refused.verdict", "reason", page.Code{Text: r.Reason}, "fix", reasonText(r.Reason))}},
		Blocks: []page.Block{page.Panel{Title: page.Say("refused.facts"), Blocks: []page.Block{page.Facts{Items: facts}}}},
	}
	if len(checks) > 0 {
		p.Blocks = append(p.Blocks, page.Panel{Title: page.Say("refused.checks"), Blocks: []page.Block{page.Checked{Items: checks}}})
	}
	p.Acts = append(p.Acts, page.Act{To: base + whyPath, Text: page.Say("refused.token")})
	return c.render(v, p)
}

func (c *Console) refusalFacts(v *visit, r store.Refusal) ([]page.Fact, error) {
	who, err := c.names(v).refused(r)
	if err != nil {
		return nil, err
	}
	facts := []page.Fact{
		{Name: page.Say("refused.at"), Value: page.Cell{page.Moment{At: r.At}}},
		{Name: page.Say("refused.where"), Value: page.Cell{page.Words{Text: where(r)}}},
		{Name: page.Say("refused.who"), Value: who},
		{Name: page.Say("refused.decision"), Value: page.Cell{page.Code{Text: r.Decision, Copy: true}}},
	}
	if r.APIID != "" {
		api, err := c.Store.API(v.Context(), r.APIID)
		switch {
		case err == nil:
			facts = append(facts, page.Fact{Name: page.Say("refused.api"), Value: page.Cell{page.Link{To: base + "/apis/" + url.PathEscape(api.ID), Text: page.Named(api.Name)}}})
		case !errors.Is(err, store.ErrNotFound):
			return nil, fmt.Errorf("console: %w", err)
		}
	}
	for _, fact := range []struct {
		name  page.Text
		value string
	}{{page.Say("refused.detail"), r.Detail}, {page.Say("refused.client"), r.ClientID}, {page.Say("refused.subject"), r.Subject}} {
		if fact.value != "" {
			facts = append(facts, page.Fact{Name: fact.name, Value: page.Cell{page.Code{Text: fact.value}}})
		}
	}
	return facts, nil
}

// recheck compares what the token said of itself with what is expected here, as far as that can be without it.
func (c *Console) recheck(v *visit, r store.Refusal) (items []page.CheckItem, err error) {
	e := explanation{c: c, v: v}
	if r.Issuer != "" {
		e.checks = append(e.checks, inspect.Among(inspect.Issuer, c.Issuers, []string{r.Issuer}, inspect.OtherIssuer))
	}
	if r.KeyID != "" {
		_, known, err := c.Keys.Key(v.Context(), r.KeyID)
		if err != nil {
			return nil, fmt.Errorf("console: %w", err)
		}
		e.add(inspect.Key, known, inspect.UnknownKey, nil, []string{r.KeyID})
	}
	if len(r.Audience) > 0 {
		api, err := c.Store.API(v.Context(), r.APIID)
		if err == nil {
			e.api = &api
		} else if !errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("console: %w", err)
		}
		e.checks = append(e.checks, inspect.Among(inspect.Audience, e.expected(), r.Audience, inspect.OtherAPI))
	}
	return e.items(), nil
}

// day is what was counted in one.
type day struct {
	chart           page.Chart
	issued, refused int
	reasons         map[string]int
}

// lately is the last day, up to this hour.
func (c *Console) lately(v *visit) (day, error) {
	c.upToDate(v.Context())
	const hours = 24
	from := v.now.Truncate(time.Hour).Add(-(hours - 1) * time.Hour)
	counts, err := c.Store.CountsSince(v.Context(), from)
	if err != nil {
		return day{}, fmt.Errorf("console: %w", err)
	}
	d, bars := day{reasons: make(map[string]int)}, make([]page.Bar, hours)
	for i := range bars {
		bars[i].At = from.Add(time.Duration(i) * time.Hour)
	}
	for _, count := range counts {
		bar := &bars[min(int(count.Hour.Sub(from)/time.Hour), hours-1)] // the last, should the clock have been ahead
		if count.Reason == "" {
			d.issued += count.Number
			bar.Good += count.Number
			continue
		}
		d.refused += count.Number
		bar.Bad += count.Number
		d.reasons[count.Reason] += count.Number
	}
	d.chart = page.Chart{Label: page.Say("overview.chart", "issued", d.issued, "refused", d.refused), Bars: bars}
	return d, nil
}

// most are the reasons, what was most often first.
func (d day) most() []string {
	return slices.SortedFunc(maps.Keys(d.reasons), func(a, b string) int {
		return cmp.Or(cmp.Compare(d.reasons[b], d.reasons[a]), cmp.Compare(a, b))
	})
}

// words lead to the refusals for each reason of the day, and to all of them. Of one reason there is nothing to choose.
func (d day) words(now string) []page.Tab {
	words := d.most()
	if now != "" && !slices.Contains(words, now) && slices.Contains(reasons, now) {
		words = append(words, now)
	}
	if len(words) < 2 && now == "" {
		return nil
	}
	tabs := []page.Tab{{To: refusedAddress("", ""), Text: page.Say("refused.any"), Here: now == ""}}
	for _, word := range words {
		tabs = append(tabs, page.Tab{To: refusedAddress(word, ""), Text: page.Named(word), Here: now == word})
	}
	return tabs
}
