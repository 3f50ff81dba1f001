package console

import (
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
)

func (c *Console) settingsPages() []at {
	return []at{{path: "/settings", show: c.settings}}
}

// settings shows the issuers, which are configured where the server is started, with the paths of both dialects.
func (c *Console) settings(v *visit) error {
	var blocks []page.Block
	for _, name := range c.Issuers {
		issuer := oauth.Issuer(name)
		facts := []page.Fact{{Name: page.Say("settings.issuer"), Value: page.Cell{page.Code{Text: name, Copy: true}}}}
		for _, e := range []oauth.Endpoint{
			oauth.AuthorizationEndpoint, oauth.TokenEndpoint, oauth.IntrospectionEndpoint, oauth.RevocationEndpoint,
			oauth.UserinfoEndpoint, oauth.EndSessionEndpoint, oauth.KeySet,
		} {
			facts = append(facts, page.Fact{Name: page.Named(e.Member), Value: page.Cell{
				page.Code{Text: issuer.URL(e.ZITADEL), Copy: true}, page.Code{Text: issuer.URL(e.Auth0), Copy: true},
			}})
		}
		facts = append(facts, page.Fact{Name: page.Say("settings.metadata"), Value: page.Cell{page.Code{Text: issuer.URL(oauth.OpenIDMetadata.ZITADEL), Copy: true}}})
		blocks = append(blocks, page.Panel{Title: page.Named(name), Blocks: []page.Block{page.Facts{Items: facts}}})
	}
	return c.render(v, page.Console{Here: "settings", Title: page.Say("settings"), Lead: page.Say("settings.lead"), Blocks: blocks})
}
