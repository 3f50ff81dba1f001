package console

import (
	"errors"
	"fmt"

	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/store"
)

func (c *Console) serviceUserPages() []at {
	return []at{
		{path: "/service-users", show: c.serviceUsers, params: listed},
		{path: "/service-users/{id}", show: c.serviceUser},
	}
}

func (c *Console) serviceUsers(v *visit) error {
	w := v.window()
	part, err := c.Store.ServiceUsersPart(v.Context(), w)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	table := page.Table{
		Label: page.Say("service_users"),
		Head:  []page.Column{{Text: page.Say("name")}, {Text: page.Say("state")}, {Text: page.Say("created")}},
		Empty: page.Say("service_users.empty"),
	}
	return c.render(v, page.Console{
		Here: "service_users", Title: page.Say("service_users"), Lead: page.Say("service_users.lead"),
		Blocks: []page.Block{list(v, "/service-users", w, part, table, serviceUserRow, serviceUserPlace)},
	})
}

func serviceUserRow(u store.ServiceUser) page.Row {
	return page.Row{Cells: []page.Cell{
		{page.Link{To: base + "/service-users/" + u.ID, Text: page.Named(u.Username)}},
		{state(u.Active)},
		{page.Moment{At: u.CreatedAt}},
	}}
}

func serviceUserPlace(u store.ServiceUser) store.Place {
	return store.Place{Name: u.Username, ID: u.ID}
}

// state says whether something may be used.
func state(active bool) page.Inline {
	if active {
		return page.Chip{Tone: page.Good, Text: page.Say("active")}
	}
	return page.Chip{Text: page.Say("deactivated")}
}

func (c *Console) serviceUser(v *visit) error {
	u, err := c.Store.ServiceUser(v.Context(), v.PathValue("id"))
	if errors.Is(err, store.ErrNotFound) {
		return c.notThere(v)
	}
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	return c.render(v, page.Console{
		Here: "service_users", Up: &page.Link{To: base + "/service-users", Text: page.Say("service_users")},
		Title: page.Named(u.Username), Lead: page.Say("service_user.lead"),
		Blocks: []page.Block{page.Panel{Blocks: []page.Block{page.Facts{Items: []page.Fact{
			{Name: page.Say("id"), Value: page.Cell{page.Code{Text: u.ID, Copy: true}}},
			{Name: page.Say("state"), Value: page.Cell{state(u.Active)}},
			{Name: page.Say("created"), Value: page.Cell{page.Moment{At: u.CreatedAt}}},
		}}}}},
	})
}
