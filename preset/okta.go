package preset

import (
	"net/url"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/jwt"
)

// Okta returns the Config for access tokens of a custom authorization server at an Okta domain, by its id:
// "default" is the one that Okta makes. The audience is that server's, such as "api://default".
//
// Scopes are in scp and the client is cid, which ID tokens do not have. Groups count as roles once the
// server has a groups claim for access tokens. Tokens of the domain's own server, whose issuer has no path,
// are for Okta's APIs and can be verified by nobody else.
func Okta(domain, server, audience string) jwt.Config {
	issuer := ""
	if domain != "" && server != "" {
		issuer = site(domain) + "/oauth2/" + url.PathEscape(server)
	}
	return jwt.Config{
		Issuer:     issuer,
		Audience:   audience,
		Algorithms: []string{jwt.RS256},
		ClaimNames: postern.ClaimNames{
			Scopes:   []string{"scp"},
			Roles:    []string{"groups"},
			ClientID: []string{"cid"},
		},
		AccessTokenMark: jwt.Mark{Claim: "cid"},
	}
}
