package console

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/postern-auth/postern/internal/inspect"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/site"
	"github.com/postern-auth/postern/server/store"
)

const findPath = "/find"

func (c *Console) findPages() []at {
	return []at{{path: findPath, show: c.foundByName, do: c.goFind, looks: true, params: []string{"q", "find"}}}
}

// goFind answers the search field of every page, into which people paste tokens too. Those go no further: what could
// be one is never in an address.
func (c *Console) goFind(v *visit) error {
	text := strings.TrimSpace(v.Params.Value("find"))
	if secretive(text) || isDecision(text) {
		return c.explain(v, asked{text: text})
	}
	to := base + findPath + "?" + url.Values{"q": {text}}.Encode()
	homes := c.names(v).homes
	for _, kind := range []struct {
		home string
		find func() error
	}{
		{"/apis/", func() error { _, err := c.Store.API(v.Context(), text); return err }},
		{"/service-users/", func() error { _, err := c.Store.ServiceUser(v.Context(), text); return err }},
		{"/users/", func() error { _, err := c.Store.User(v.Context(), text); return err }},
		{"/applications/", func() error { _, err := c.Store.Application(v.Context(), text); return err }},
	} {
		if !slices.Contains(homes, kind.home) {
			continue
		}
		err := kind.find()
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("console: %w", err)
		}
		if err == nil {
			to = base + kind.home + url.PathEscape(text)
			break
		}
	}
	site.Redirect(v.w, http.StatusSeeOther, to)
	return nil
}

// secretive reports whether a text could be a token, or another secret: of those no name has the look. An address
// without a query is none.
func secretive(text string) bool {
	raw, from, err := inspect.Unwrap(text)
	if text != "" && (err != nil || from != "" || raw != text) {
		return true
	}
	if strings.HasPrefix(text, "eyJ") || strings.HasPrefix(text, "postern_") || strings.Count(text, ".") == 2 && len(text) > 60 {
		return true
	}
	address := strings.Contains(text, "://") && !strings.ContainsAny(text, "?#")
	return !address && slices.ContainsFunc(strings.Fields(text), func(word string) bool { return len(word) >= 40 })
}

// foundByName is what has a text in its name or id, a few of each kind; the lists have the rest.
func (c *Console) foundByName(v *visit) error {
	const few = 10
	w := store.Window{Search: strings.TrimSpace(v.Params.Value("q")), Limit: few}
	p := page.Console{Title: page.Say("find.title", "q", w.Search), Lead: page.Say("find.lead")}
	apis, err := c.Store.APIsPart(v.Context(), w)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	robots, err := c.Store.ServiceUsersPart(v.Context(), w)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	add := func(name page.Text, path string, total int, links []page.Fact) {
		if total == 0 {
			return
		}
		p.Blocks = append(p.Blocks, page.Panel{
			Title: name, Aside: page.Cell{page.Link{To: base + path + "?" + url.Values{"q": {w.Search}}.Encode(), Text: page.Say("find.all", "n", total)}},
			Blocks: []page.Block{page.Facts{Items: links}},
		})
	}
	var links []page.Fact
	for _, a := range apis.Rows {
		links = append(links, page.Fact{Name: page.Named(a.Identifier), Value: page.Cell{page.Link{To: base + "/apis/" + url.PathEscape(a.ID), Text: page.Named(a.Name)}}})
	}
	add(page.Say("apis"), "/apis", apis.Total, links)
	links = nil
	for _, u := range robots.Rows {
		links = append(links, page.Fact{Name: page.Named(u.ID), Value: page.Cell{page.Link{To: base + "/service-users/" + url.PathEscape(u.ID), Text: page.Named(u.Username)}}})
	}
	add(page.Say("service_users"), "/service-users", robots.Total, links)
	if len(p.Blocks) == 0 {
		p.Blocks = []page.Block{page.Panel{Blocks: []page.Block{page.Paragraph{Text: page.Say("find.nothing", "link", base+eventsPath+"?"+url.Values{"q": {w.Search}}.Encode())}}}}
	}
	return c.render(v, p)
}
