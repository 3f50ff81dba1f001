package console

import (
	"fmt"
	"net/http"

	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/site"
	"github.com/postern-auth/postern/server/store"
)

func (c *Console) overviewPages() []at {
	return []at{
		{path: "", show: func(v *visit) error {
			site.Redirect(v.w, http.StatusFound, base+"/")
			return nil
		}},
		{path: "/{$}", show: c.overview},
	}
}

// overview shows what the store can say at this moment, and no figure that nobody has measured.
func (c *Console) overview(v *visit) error {
	ctx, one := v.Context(), store.Window{Limit: 1}
	apis, err := c.Store.APIsPart(ctx, one)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	robots, err := c.Store.ServiceUsersPart(ctx, one)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	users, err := c.Store.UsersPart(ctx, one)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	p := page.Console{
		Here: "overview", Title: page.Say("overview"), Lead: page.Say("overview.lead"),
		Acts: []page.Act{{To: base + whyPath, Text: page.Say("why_refused")}},
	}
	if apis.Total == 0 && !v.readOnly {
		p.Blocks = append(p.Blocks, page.Panel{Title: page.Say("overview.first"), Blocks: []page.Block{
			page.Paragraph{Text: page.Say("overview.first.api")},
		}, Acts: []page.Act{{To: base + "/apis/new", Text: page.Say("api_new"), Go: true}}})
	}
	day, err := c.lately(v)
	if err != nil {
		return err
	}
	p.Blocks = append(p.Blocks, page.Figures{Items: []page.Figure{
		{Name: page.Say("overview.issued"), Value: fmt.Sprint(day.issued), Note: page.Say("overview.hours")},
		{Name: page.Say("overview.refused"), Value: fmt.Sprint(day.refused), Note: page.Say("overview.hours"), To: base + refusedPath},
		{Name: page.Say("apis"), Value: fmt.Sprint(apis.Total), To: base + "/apis"},
		{Name: page.Say("service_users"), Value: fmt.Sprint(robots.Total), To: base + "/service-users"},
		{Name: page.Say("overview.users"), Value: fmt.Sprint(users.Total), To: base + "/users"},
	}})
	signing, err := c.nowSigning(v)
	if err != nil {
		return err
	}
	last, err := c.lastEvents(v)
	if err != nil {
		return err
	}
	p.Blocks = append(p.Blocks, day.panel(), page.Beside{Left: []page.Block{last}, Right: append(day.why(), signing)})
	return c.render(v, p)
}

// panel shows the day's hours.
func (d day) panel() page.Panel {
	return page.Panel{Title: page.Say("overview.day"), Blocks: []page.Block{d.chart}}
}

// why says what was refused the most often; nothing, where nothing was.
func (d day) why() []page.Block {
	const few = 5
	var facts []page.Fact
	words := d.most()
	for _, word := range words[:min(len(words), few)] {
		facts = append(facts, page.Fact{
			Name: page.Named(fmt.Sprint(d.reasons[word])), Value: page.Cell{page.Link{To: refusedAddress(word, ""), Text: page.Named(word)}},
		})
	}
	if facts == nil {
		return nil
	}
	return []page.Block{page.Panel{
		Title: page.Say("overview.why"), Aside: page.Cell{page.Link{To: base + refusedPath, Text: page.Say("overview.all_refused")}},
		Blocks: []page.Block{page.Facts{Items: facts}},
	}}
}

// nowSigning says which keys sign, and since when.
func (c *Console) nowSigning(v *visit) (page.Panel, error) {
	rows, err := c.Store.SigningKeys(v.Context())
	if err != nil {
		return page.Panel{}, fmt.Errorf("console: %w", err)
	}
	var facts []page.Fact
	for _, row := range rows {
		if keys.StateOf(row, v.now) == keys.Signing {
			facts = append(facts, page.Fact{
				Name: page.Say("overview.signs", "alg", page.Code{Text: row.Algorithm}), Value: page.Cell{page.Code{Text: row.ID}, page.Moment{At: row.SignsFrom}},
			})
		}
	}
	return page.Panel{
		Title: page.Say("signing_keys"), Aside: page.Cell{page.Link{To: base + signingKeysPath, Text: page.Say("overview.keys")}},
		Blocks: []page.Block{page.Facts{Items: facts}},
	}, nil
}

func (c *Console) lastEvents(v *visit) (page.Panel, error) {
	events, err := c.eventsBefore(v.Context(), "", 8)
	if err != nil {
		return page.Panel{}, err
	}
	panel := page.Panel{Title: page.Say("overview.events"), Aside: page.Cell{page.Link{To: base + eventsPath, Text: page.Say("overview.all")}}}
	who := c.names(v)
	for _, e := range events {
		line, err := who.line(e)
		if err != nil {
			return page.Panel{}, err
		}
		panel.Blocks = append(panel.Blocks, line)
	}
	if len(events) == 0 {
		panel.Blocks = []page.Block{page.Paragraph{Text: page.Say("events.empty")}}
	}
	return panel, nil
}
