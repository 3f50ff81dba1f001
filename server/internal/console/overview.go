package console

import (
	"net/http"

	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/site"
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

func (c *Console) overview(v *visit) error {
	return c.render(v, page.Console{Here: "overview", Title: page.Say("overview"), Lead: page.Say("overview.lead")})
}
